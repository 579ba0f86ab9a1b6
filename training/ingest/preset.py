"""Presets: how a source's files and columns become canonical events, in TOML.

Keys that a preset does not know are refused by name, so that a typing error
cannot silently drop a mapping. `docs/import.md` explains every key by example.
"""

import re
import zoneinfo
from pathlib import Path
from typing import Literal

import msgspec

from recsys.domain import Channel, EventType
from recsys.errors import InvalidConfig

PRESET_FOLDER = Path(__file__).resolve().parent.parent / "presets"

Texts = str | list[str]


class EventColumns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Source column of each canonical column; None where the source has none.

    Attributes:
        line_value: Price of the whole line, from which `unit_price` is divided
            where the source has no unit price.
    """

    event_id: str | None = None
    event_type: str | None = None
    event_time: str | None = None
    channel: str | None = None
    user_id: str | None = None
    visitor_id: str | None = None
    loyalty_card: str | None = None
    store_id: str | None = None
    session_id: str | None = None
    basket_id: str | None = None
    item_id: str | None = None
    quantity: str | None = None
    unit_price: str | None = None
    line_value: str | None = None
    currency: str | None = None

    def named(self) -> dict[str, str]:
        """Return canonical column to source column, for those given."""
        return {name: source for name in self.__struct_fields__ if (source := getattr(self, name))}


class EventConstants(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Values where the source has none, neither column nor content."""

    event_type: EventType | None = None
    channel: Channel | None = None
    store_id: str | None = None
    currency: str | None = None

    def named(self) -> dict[str, str]:
        """Return canonical column to value, for those given."""
        return {name: str(v) for name in self.__struct_fields__ if (v := getattr(self, name))}


class TimeFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How event times are written.

    Attributes:
        unit: What numbers count since 1970-01-01 UTC. Without it, numbers are
            not times.
        format: Pattern of texts (strptime); without it, ISO 8601.
        zone: Zone of times that say none.
    """

    unit: Literal["seconds", "milliseconds", "microseconds"] | None = None
    format: str | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            zoneinfo.ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"zone {self.zone!r} is not known") from error


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A test of one source column; exactly one of the tests is given."""

    column: str
    equals: str | None = None
    starts_with: str | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        given = [t for t in (self.equals, self.starts_with, self.below) if t is not None]
        if len(given) != 1:
            raise ValueError("a rule's `when` needs exactly one of equals, starts_with, below")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What rows that pass a test are; the first rule that passes decides."""

    when: When
    event_type: EventType | None = None
    channel: Channel | None = None
    absolute_quantity: bool = False


class CsvFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How CSV files are written."""

    separator: str = ","
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if len(self.separator) != 1:
            raise ValueError(f"separator is {self.separator!r}; it must be one character")


class EventSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files of events that are written alike.

    Attributes:
        files: Names or patterns within the source folder, read in this order;
            matches of one pattern in the order of their names.
        columns: The mapping.
        optional: Canonical columns whose source column may be absent.
        constants: Values where the source has none.
        event_types: Event type by the value in the source; others are taken as
            they are (and rejected if they are none of ours).
        channels: Channel by the value in the source, likewise.
        time: How times are written.
        unknown: Values that mean "not known", by canonical column.
        prefixes: Put before ids, to keep number spaces apart.
        rules: Exceptions by content.
        once_across_files: Source column, such as an invoice number: rows whose
            value an earlier file had are left out, as the files overlap.
        csv: How CSV files are written.
    """

    files: Texts
    columns: EventColumns
    optional: bool = False
    optional_columns: list[str] = []
    constants: EventConstants = EventConstants()
    event_types: dict[str, EventType] = {}
    channels: dict[str, Channel] = {}
    time: TimeFormat = TimeFormat()
    unknown: dict[str, list[str]] = {}
    prefixes: dict[str, str] = {}
    rules: list[Rule] = []
    once_across_files: str | None = None
    csv: CsvFormat = CsvFormat()

    def __post_init__(self) -> None:
        known = set(EventColumns.__struct_fields__)
        for key, names in (
            ("optional_columns", self.optional_columns),
            ("unknown", self.unknown),
            ("prefixes", self.prefixes),
        ):
            if strangers := sorted(set(names) - known):
                raise ValueError(f"{key} names {strangers[0]!r}, which is no canonical column")
        for name in ("event_type", "channel"):
            given = self.columns.named().keys() | self.constants.named().keys()
            by_rule = any(getattr(rule, name) for rule in self.rules)
            if name not in given and not by_rule:
                raise ValueError(f"{name} needs a column, a constant or a rule")
        if self.columns.event_time is None:
            raise ValueError("columns.event_time is missing")


class ItemSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files of items.

    Attributes:
        files: As in `EventSource`; may be the events' own files.
        columns: Source column of each canonical item column; title and category
            may join several.
        optional: Whether all of it may be absent.
        optional_columns: Canonical columns whose source columns may be absent.
        constants: Values where the source has none.
        joints: What joins several source columns; a space unless given.
        capitalise: Columns to write in Title Case, for catalogues in capitals.
        choose: Which of several rows of one item counts.
        csv: How CSV files are written.
    """

    files: Texts
    columns: dict[str, Texts]
    optional: bool = False
    optional_columns: list[str] = []
    constants: dict[str, str] = {}
    joints: dict[str, str] = {}
    capitalise: list[str] = []
    choose: Literal["first", "most-frequent"] = "first"
    csv: CsvFormat = CsvFormat()

    def __post_init__(self) -> None:
        known = {"item_id", "title", "category", "brand", "price", "currency", "image_url"}
        for names in (self.columns, self.optional_columns, self.constants, self.capitalise):
            if strangers := sorted(set(names) - known):
                raise ValueError(f"{strangers[0]!r} is no column of items")
        if "item_id" not in self.columns:
            raise ValueError("columns.item_id is missing")


class IdentitySource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files that say which account holds a card or uses a browser (a CRM's export).

    Attributes:
        files: As in `EventSource`.
        user_id, loyalty_card, visitor_id: Source columns.
        optional: Whether the files may be absent.
        csv: How CSV files are written.
    """

    files: Texts
    user_id: str = "user_id"
    loyalty_card: str | None = None
    visitor_id: str | None = None
    optional: bool = False
    csv: CsvFormat = CsvFormat()


class StoreSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files of shops: store_id and, where known, name, city, latitude, longitude."""

    files: Texts
    optional: bool = False
    csv: CsvFormat = CsvFormat()


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way to read a source.

    Attributes:
        description: One line for people.
        events: At least one.
        items, identities, stores: Further files, if there are any.
        not_items: Codes among the item ids that are no goods (postage, fees);
            such lines are rejected with that reason.
        not_items_pattern: The same as a regular expression.
    """

    description: str = ""
    events: list[EventSource]
    items: ItemSource | None = None
    identities: IdentitySource | None = None
    stores: StoreSource | None = None
    not_items: list[str] = []
    not_items_pattern: str | None = None

    def __post_init__(self) -> None:
        if not self.events:
            raise ValueError("a preset needs at least one [[events]]")
        if self.not_items_pattern is not None:
            try:
                re.compile(self.not_items_pattern)
            except re.error as error:
                raise ValueError(f"not_items_pattern: {error}") from error


def preset_names() -> list[str]:
    """Return the presets that come with this version."""
    return sorted(path.stem for path in PRESET_FOLDER.glob("*.toml"))


def load_preset(name: str) -> Preset:
    """Read a preset by name, or from a TOML file.

    Raises:
        InvalidConfig: There is none of that name, or it is not a valid preset;
            the error names the key.
    """
    path = Path(name) if name.endswith(".toml") else PRESET_FOLDER / f"{name}.toml"
    try:
        text = path.read_bytes()
    except OSError as error:
        known = ", ".join(preset_names())
        problem = f"no such preset; known are {known}, or give a TOML file"
        raise InvalidConfig(source=f"preset {name}", problem=problem) from error
    try:
        return msgspec.toml.decode(text, type=Preset)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(source=f"preset {name}", problem=str(error)) from error
