"""What the values of a filter mean: texts with wildcards, numbers, truth, times."""

import datetime as dt
import re
import sys
import unicodedata
from typing import Final

from recsys.domain import normal_text

_ESCAPES: Final = {"\\": "\\", '"': '"', "'": "'", "*": "*", "n": "\n", "r": "\r", "t": "\t"}
_CODE_LENGTHS: Final = {"u": 4, "U": 8}
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2}))?"
)


def unescape(text: str) -> tuple[tuple[str, ...], int | None]:
    r"""Return what stands between quotes, cut at its wildcards.

    `*` is a wildcard and `\*` an asterisk.

    Returns:
        The parts, and None; or no parts and the position of an unknown escape.
    """
    parts: list[str] = []
    part: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "*":
            parts.append("".join(part))
            part = []
        elif character == "\\":
            meant, length = _escaped(text, position + 1)
            if not meant:
                return (), position
            part.append(meant)
            position += length
        else:
            part.append(character)
        position += 1
    return (*parts, "".join(part)), None


def _escaped(text: str, position: int) -> tuple[str, int]:
    """Return the character that an escape means and the escape's length; '' for none."""
    letter = text[position : position + 1]
    if letter in _CODE_LENGTHS:
        length = _CODE_LENGTHS[letter]
        digits = text[position + 1 : position + 1 + length]
        if not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", digits):
            return "", 0
        point = int(digits, 16)
        # Half a character is none, and beyond the last there is none.
        if point > sys.maxunicode or unicodedata.category(chr(point)) == "Cs":
            return "", 0
        return chr(point), 1 + length
    return _ESCAPES.get(letter, ""), 1


def normal_path(text: str) -> str:
    """Return a category path with ` > ` between its levels, without empty ones."""
    levels = (level.strip() for level in normal_text(text).split(">"))
    return " > ".join(level for level in levels if level)


def parse_number(text: str) -> float | None:
    """Return the number that a text is; None for anything else, infinite if it is too large."""
    return float(text) if _NUMBER.fullmatch(text) else None


def parse_time(text: str) -> float | None:
    """Return seconds since 1970 UTC of an RFC 3339 time, or of a date at 00:00 UTC.

    None for anything else, also for a time that does not exist.
    """
    if not _TIME.fullmatch(text):
        return None
    try:
        when = dt.datetime.fromisoformat(text.upper())
        return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
