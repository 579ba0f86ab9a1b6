"""One TOML file plus the environment becomes one frozen value, checked once at start.

A key `[server] port` is `RECSYS_SERVER__PORT` in the environment, which wins
over the file. Unknown keys, wrong types and values out of bounds are refused
with an error that names the key.
"""

import datetime as dt
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

import msgspec
from msgspec import Meta

from recsys.bundle.prune import KEEP_DEFAULT
from recsys.errors import InvalidConfig
from recsys.profiles import IdentityRules
from recsys.time_zones import zone_of

_ENVIRONMENT_PREFIX: Final = "RECSYS_"
_NESTING: Final = "__"

METRICS_FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Says to prometheus_client where several processes keep their counters."""


ConfigT = TypeVar("ConfigT", bound=msgspec.Struct)


class ServerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where and how calls are answered."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            description="Address to listen on. There is no TLS here: beyond loopback, put a"
            " TLS-terminating proxy in front.",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port to listen on; 0 picks a free one.")
    ] = 50_051
    workers: Annotated[
        int, Meta(ge=1, le=256, description="Processes that answer; one per core is a good start.")
    ] = 2
    scoring_threads: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Threads per worker for rankings of large catalogues; small ones are"
            " ranked without a thread.",
        ),
    ] = 2
    grace_seconds: Annotated[
        float, Meta(ge=0, le=3_600, description="How long calls in flight may take at shutdown.")
    ] = 10.0
    ready_file: Annotated[
        str,
        Meta(
            description="Written (JSON: address, metrics, pid) once all workers answer, or at least"
            " listen while there is no model; '' for none."
        ),
    ] = ""


class BundlesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where model bundles are."""

    folder: Annotated[
        str, Meta(min_length=1, description="Bundle store: one folder per version, and CURRENT.")
    ] = "var/bundles"
    poll_seconds: Annotated[
        float, Meta(ge=0.05, le=3_600, description="How often CURRENT is looked at.")
    ] = 1.0
    keep: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Bundles that stay when one from the registry arrives: the newest, beside"
            " those in use.",
        ),
    ] = KEEP_DEFAULT


class RegistryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The MLflow registry that new bundles come from."""

    tracking_uri: Annotated[
        str, Meta(description="MLflow tracking URI; '' serves what the bundle store has.")
    ] = ""
    model_name: Annotated[str, Meta(min_length=1, description="Registered model.")] = "recsys"
    alias: Annotated[str, Meta(min_length=1, description="Alias that says which version.")] = (
        "champion"
    )
    poll_seconds: Annotated[
        float, Meta(ge=0.5, le=86_400, description="How often the alias is looked at.")
    ] = 30.0


class StorageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of people."""

    histories: Annotated[
        str,
        Meta(
            description="Where people and events are: an SQLite file, made by the first event if"
            " it is not there, or postgresql://user@host/database; '' for nowhere, answers then"
            " use only what the request brings and no event can be written."
        ),
    ] = ""
    connections: Annotated[
        int, Meta(ge=1, le=64, description="Connections per worker, for PostgreSQL.")
    ] = 4


class ConsentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What people allow who have said nothing; what they say wins."""

    personalise: Annotated[
        Literal["opt-out", "opt-in"],
        Meta(
            description="Answers made for a person: 'opt-out' until she refuses, 'opt-in' only"
            " once she agrees."
        ),
    ] = "opt-out"
    marketing: Annotated[
        Literal["opt-out", "opt-in"],
        Meta(
            description="Messages to a person: 'opt-in' only once she agrees, 'opt-out' until she"
            " refuses."
        ),
    ] = "opt-in"


class OffersConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which offers are worth giving."""

    prices: Annotated[
        str,
        Meta(
            description="prices.json of `recsys allocate`, looked at again every second; '' for"
            " none. What is wrong in it is logged, and the prices before stay."
        ),
    ] = ""
    propensity: Annotated[
        str,
        Meta(
            description="propensity.json of `recsys offers learn`, looked at again every second; ''"
            " to judge by affinity. What is wrong in it is logged, and what was learned before"
            " stays."
        ),
    ] = ""


class CampaignsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Batches of answers for messages."""

    frequency: Annotated[
        str,
        Meta(
            description="TOML file that says how often and when people are messaged, looked at"
            " again every second; '' for no limits. What is wrong in it is logged, and the rules"
            " before stay."
        ),
    ] = ""
    threads: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Threads per worker for batches, apart from those of single answers, and how"
            " many rank the people of one batch; more are faster, and leave less for these.",
        ),
    ] = 1


class TriggersConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Messages about what people have just done."""

    rules: Annotated[
        str,
        Meta(
            description="TOML file that says what sets which message off, looked at again every"
            " second; '' for nothing. What is wrong in it is logged, and the rules before stay."
        ),
    ] = ""
    poll_seconds: Annotated[
        float,
        Meta(
            ge=0.01,
            le=60,
            description="How often new events, and messages for those who send, are looked for.",
        ),
    ] = 0.05


class ProfilesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How people are summed up."""

    time_zone: Annotated[
        str,
        Meta(min_length=1, description="Whose days and hours count, such as Europe/Berlin."),
    ] = "UTC"

    def zone(self) -> dt.tzinfo:
        """Return the time zone.

        Raises:
            InvalidConfig: There is none of this name.
        """
        found = zone_of(self.time_zone)
        if found is None:
            problem = f"{self.time_zone!r} is no time zone that this machine knows"
            raise InvalidConfig(source="profiles.time_zone", problem=problem)
        return found


class MetricsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Prometheus."""

    enabled: Annotated[bool, Meta(description="Whether metrics are kept and served.")] = True
    host: Annotated[str, Meta(min_length=1, description="Address of the metrics endpoint.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port of the metrics endpoint; 0 picks a free one.")
    ] = 9_464
    placements: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Placements with a label of their own; all others count as 'other', so"
            " that callers cannot grow the metrics without bound.",
        ),
    ] = ("default", "home", "category", "search", "item-page", "cart", "till", "email-weekly")


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is written to stderr."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe level kept.")
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "console"],
        Meta(description="'auto' is console on a terminal, else JSON lines."),
    ] = "auto"
    slow_ms: Annotated[
        float, Meta(ge=0, description="Calls that take longer are logged, in milliseconds.")
    ] = 250.0
    sample: Annotated[
        float, Meta(ge=0, le=1, description="Share of all calls that is logged, 0 to 1.")
    ] = 0.0


class RulesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may be shown."""

    placements: Annotated[
        str,
        Meta(
            description="TOML file with the rules of each placement, looked at again every second;"
            " '' for none. What is wrong in it is logged, and the rules before stay."
        ),
    ] = ""


class ServingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that `recsys serve` can be told."""

    server: ServerConfig = ServerConfig()
    bundles: BundlesConfig = BundlesConfig()
    registry: RegistryConfig = RegistryConfig()
    storage: StorageConfig = StorageConfig()
    identity: IdentityRules = IdentityRules()
    consent: ConsentConfig = ConsentConfig()
    profiles: ProfilesConfig = ProfilesConfig()
    rules: RulesConfig = RulesConfig()
    campaigns: CampaignsConfig = CampaignsConfig()
    offers: OffersConfig = OffersConfig()
    triggers: TriggersConfig = TriggersConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: LogConfig = LogConfig()

    @classmethod
    def parse(
        cls, text: str = "", *, source: str = "configuration", environ: Mapping[str, str]
    ) -> Self:
        """Read TOML text, then let the environment win.

        Args:
            text: TOML; empty for the defaults.
            source: What to call the text in errors.
            environ: Such as `os.environ`.

        Raises:
            InvalidConfig: With the name of the key and what is allowed.
        """
        try:
            config = msgspec.convert(tomllib.loads(text), cls)
        except tomllib.TOMLDecodeError as error:
            raise InvalidConfig(source=source, problem=str(error)) from error
        except msgspec.ValidationError as error:
            raise InvalidConfig(source=source, problem=_readable(error)) from error
        return _with_environment(config, environ)

    @classmethod
    def load(cls, path: Path | None, *, environ: Mapping[str, str] = os.environ) -> Self:
        """Read a file (None for the defaults) and the environment; raises as `parse`."""
        if path is None:
            return cls.parse(environ=environ)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidConfig(source=str(path), problem=str(error)) from error
        return cls.parse(text, source=str(path), environ=environ)

    def to_toml(self) -> str:
        """Write every key with its description; `parse` reads it back to an equal value."""
        lines: list[str] = []
        for section in msgspec.structs.fields(self):
            values = getattr(self, section.name)
            lines += [f"# {type(values).__doc__}", f"[{section.name}]"]
            for key in msgspec.structs.fields(values):
                lines += [
                    f"# {_description(key)}",
                    f"{key.name} = {_toml(getattr(values, key.name))}",
                ]
            lines.append("")
        return "\n".join(lines)


def _with_environment(config: ConfigT, environ: Mapping[str, str]) -> ConfigT:
    changes: dict[str, dict[str, Any]] = {}
    for name, text in sorted(environ.items()):
        section_name, nested, key_name = name.removeprefix(_ENVIRONMENT_PREFIX).partition(_NESTING)
        if not name.startswith(_ENVIRONMENT_PREFIX) or not nested:
            continue
        known = section_name.lower() in config.__struct_fields__
        section = getattr(config, section_name.lower()) if known else None
        keys = {key.name: key for key in msgspec.structs.fields(section)} if section else {}
        key = keys.get(key_name.lower())
        if key is None:
            raise InvalidConfig(
                source="environment",
                problem=f"{name}: no such key; see recsys serve --print-config",
            )
        value = _parts(text, getattr(section, key.name))
        try:
            changes.setdefault(section_name.lower(), {})[key.name] = msgspec.convert(
                value, key.type, strict=False
            )
        except msgspec.ValidationError as error:
            raise InvalidConfig(source="environment", problem=f"{name}: {error}") from error
    sections: dict[str, Any] = {}
    for name, values in changes.items():
        try:
            sections[name] = msgspec.structs.replace(getattr(config, name), **values)
        except ValueError as error:
            names = ", ".join(
                f"{_ENVIRONMENT_PREFIX}{name}{_NESTING}{key}".upper() for key in values
            )
            raise InvalidConfig(source="environment", problem=f"{names}: {error}") from error
    return msgspec.structs.replace(config, **sections)


def _parts(text: str, default: object) -> object:
    """Take a text of the environment apart: `a,b` for a list, `a=1,b=2` for a table.

    An empty text is an empty one.
    """
    if isinstance(default, tuple | dict) and not text.strip():
        return type(default)()
    if isinstance(default, tuple):
        return text.split(",")
    if isinstance(default, dict):
        pairs = (part.partition("=") for part in text.split(","))
        return {name.strip(): value for name, _, value in pairs}
    return text


_WHERE: Final = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<key>.*)`")


def _readable(error: msgspec.ValidationError) -> str:
    """Put the key first: `server.port: expected `int` <= 65535`."""
    match = _WHERE.fullmatch(str(error))
    assert match is not None  # The pattern matches any text.
    what, path = match["what"], (match["path"] or "").lstrip(".")
    unknown = _UNKNOWN.fullmatch(what)
    if unknown is not None:
        path = f"{path}.{unknown['key']}" if path else unknown["key"]
        return f"{path}: no such key; see recsys serve --print-config"
    return f"{path}: {what[:1].lower()}{what[1:]}" if path else what


def _description(key: msgspec.structs.FieldInfo) -> str:
    info = msgspec.inspect.type_info(key.type)
    assert isinstance(info, msgspec.inspect.Metadata)  # Every key above has a Meta.
    assert info.extra_json_schema is not None
    return str(info.extra_json_schema["description"])


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_toml(one)}' for name, one in value.items())} }}"
    if isinstance(value, str):
        # A JSON string is a TOML basic string, but for one character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
