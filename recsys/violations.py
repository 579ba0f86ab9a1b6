"""Collects what is wrong with a request, field by field, so that callers learn it all at once.

Whatever is written, by whichever way, is checked here in the same words.

Descriptions never repeat an identifier or an item id: they may be personal, and
they would end up in logs.
"""

import functools
import re
from collections.abc import Sequence, Sized
from typing import Final

from recsys import limits
from recsys.errors import FieldViolation, InvalidRequest

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_NAMESPACE: Final = re.compile(rf"[a-z0-9_]{{1,{limits.NAMESPACE_CHARS_MAX}}}")
_QUOTED_CHARS_MAX: Final = 40
_LATITUDE_MAX: Final = 90.0
_LONGITUDE_MAX: Final = 180.0


def is_plain(text: str, *, bytes_max: int) -> bool:
    """Say quickly whether a text is surely fine: ASCII, printable, neither empty nor long."""
    return 0 < len(text) <= bytes_max and text.isascii() and text.isprintable()


class Violations:
    """The wrong fields found so far."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        """Record a wrong field; those beyond VIOLATION_COUNT_MAX are dropped.

        gRPC clients refuse more than 8 KiB of trailing metadata, which would
        turn a helpful answer into a riddle.
        """
        if len(self._found) < limits.VIOLATION_COUNT_MAX:
            self._found.append(FieldViolation(field, description))

    @property
    def found(self) -> tuple[FieldViolation, ...]:
        """What was wrong so far."""
        return tuple(self._found)

    @property
    def any(self) -> bool:
        """Whether anything was wrong so far."""
        return bool(self._found)

    def raise_any(self) -> None:
        """Raise InvalidRequest if anything was wrong."""
        if self._found:
            raise InvalidRequest(self._found)

    def text(self, text: str, field: str, *, bytes_max: int) -> None:
        """Check a text that is there: its length in UTF-8 and no control characters."""
        if is_plain(text, bytes_max=bytes_max):
            return
        size = len(text.encode())
        if not 1 <= size <= bytes_max:
            self.add(field, f"has {size} bytes; allowed 1 to {bytes_max}")
        elif (match := _CONTROL.search(text)) is not None:
            self.add(
                field, f"has control character U+{ord(match[0]):04X} at position {match.start()}"
            )

    def namespace(self, namespace: str, field: str) -> None:
        """Check the namespace of an identifier."""
        if not is_namespace(namespace):
            self.add(
                field,
                f"is {_quoted(namespace)}; allowed 1 to {limits.NAMESPACE_CHARS_MAX}"
                " lower case letters, digits and underscores",
            )

    def placement(self, placement: str, field: str) -> None:
        """Check the name of a placement."""
        self._name(placement, field, chars_max=limits.PLACEMENT_CHARS_MAX)

    def segment(self, segment: str, field: str) -> None:
        """Check the name of a segment."""
        self._name(segment, field, chars_max=limits.SEGMENT_NAME_CHARS_MAX)

    def _name(self, name: str, field: str, *, chars_max: int) -> None:
        if not _is_name(name, chars_max=chars_max):
            self.add(
                field,
                f"is {_quoted(name)}; allowed 1 to {chars_max}"
                " lower case letters, digits and hyphens, starting with a letter",
            )

    def count_within(self, entries: Sized, field: str, *, count_max: int) -> bool:
        """Check how many entries there are; False means: do not look at them."""
        if len(entries) <= count_max:
            return True
        self.add(field, f"has {len(entries)} entries; allowed 0 to {count_max}")
        return False

    def distinct(self, entries: Sequence[object], field: str) -> None:
        """Check that nothing is said twice."""
        if len(set(entries)) < len(entries):
            self.add(field, "says something twice; allowed once each")

    def place(self, *, latitude: float, longitude: float, field: str) -> None:
        """Check degrees north and east."""
        sides = (("latitude", latitude, _LATITUDE_MAX), ("longitude", longitude, _LONGITUDE_MAX))
        for name, degrees, bound in sides:
            if not abs(degrees) <= bound:  # True for NaN too.
                self.add(f"{field}.{name}", f"is {degrees:g}; allowed -{bound:g} to {bound:g}")

    def count_from_one(self, entries: Sized, field: str, *, count_max: int) -> None:
        """Check that there are some entries, and not too many."""
        if not 1 <= len(entries) <= count_max:
            self.add(field, f"has {len(entries)} entries; allowed 1 to {count_max}")


# Callers have few placements and name one in every call.
@functools.lru_cache(maxsize=256)
def is_namespace(text: str) -> bool:
    """Whether a text may be the namespace of an identifier."""
    return _NAMESPACE.fullmatch(text) is not None


def _is_name(text: str, *, chars_max: int) -> bool:
    return len(text) <= chars_max and _NAME.fullmatch(text) is not None


def _quoted(text: str) -> str:
    shortened = text if len(text) <= _QUOTED_CHARS_MAX else text[:_QUOTED_CHARS_MAX] + "..."
    return ascii(shortened)
