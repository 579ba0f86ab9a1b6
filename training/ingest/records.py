"""CSV bytes in any encoding become UTF-8 in which every line that is left can be parsed.

A quote that is never closed would swallow the file up to the next quote, and a line
without end would stop the parser. Here each costs the line that it stands in.
"""

import codecs
import io
import re
from collections.abc import Callable
from typing import Any, BinaryIO, Final

LOST: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands where bytes were no text."""

LINE_BYTES_MAX: Final = 1 << 20
"""Longer lines are broken."""

RECORD_BYTES_MAX: Final = 1 << 16
"""A quoted field may span lines; a record that spans them is at most this long."""

_BLOCK_BYTES: Final = 1 << 20
_SHOWN_BYTES: Final = 4_000

BrokenLine = Callable[[str], None]
"""Told the beginning of a line that no parser could take."""


class Utf8Records(io.RawIOBase):
    """A CSV file as UTF-8 with newlines of one kind, less the lines that cannot be parsed."""

    def __init__(
        self, file: BinaryIO, *, encoding: str, separator: str, on_broken: BrokenLine
    ) -> None:
        super().__init__()
        self._file = file
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._on_broken = on_broken
        self._rest = b""
        self._ready = b""
        self._ended = False
        self._in_long_line = False
        self._width: int | None = None
        self._lines, self._record, self._field = _patterns(separator)

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, target: Any) -> int:
        """Fill a buffer; 0 bytes at the end of the file."""
        while not self._ready and not self._ended:
            self._ready = self._next()
        part = self._ready[: len(target)]
        self._ready = self._ready[len(part) :]
        target[: len(part)] = part
        return len(part)

    def _next(self) -> bytes:
        block = self._file.read(_BLOCK_BYTES)
        self._ended = not block
        fresh = self._decoder.decode(block, final=self._ended).encode()
        text = self._rest + self._after_long_line(fresh)
        if self._ended and text and not text.endswith(b"\n"):
            text += b"\n"
        whole = text.rfind(b"\n") + 1
        self._rest = text[whole:]
        if len(self._rest) > LINE_BYTES_MAX:
            self._broken(self._rest)
            self._rest, self._in_long_line = b"", True
        return self._parsable(text[:whole])

    def _after_long_line(self, fresh: bytes) -> bytes:
        if not self._in_long_line:
            return fresh
        _, newline, after = fresh.partition(b"\n")
        self._in_long_line = not newline
        return after

    def _parsable(self, text: bytes) -> bytes:
        """Return the records of some whole lines; what is not finished waits in the rest."""
        if self._width is None and text:
            self._width = self._field_count(text[: text.find(b"\n") + 1])
        if b'"' not in text:
            return text
        kept = []
        start = 0
        while start < len(text):
            plain = self._lines.match(text, start)
            assert plain is not None  # It matches no lines, too.
            kept.append(plain.group())
            start = plain.end()
            if start == len(text):
                break
            record = self._record.match(text, start, start + RECORD_BYTES_MAX)
            if record is not None and self._field_count(record.group()) == self._width:
                kept.append(record.group())
                start = record.end()
            elif record is None and len(text) - start < RECORD_BYTES_MAX and not self._ended:
                self._rest = text[start:] + self._rest
                break
            else:
                end = text.find(b"\n", start) + 1
                self._broken(text[start:end])
                start = end
        return b"".join(kept)

    def _field_count(self, record: bytes) -> int:
        return sum(1 for _ in self._field.finditer(record))

    def _broken(self, line: bytes) -> None:
        self._on_broken(line[:_SHOWN_BYTES].decode(errors="ignore").rstrip("\n"))


def _patterns(separator: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """Return patterns of plain lines, of one record over several lines, and of one field.

    A quote opens a field only where the field begins; elsewhere it is a letter. There is
    one way at most to read a text, so matching takes time in proportion to it. (Groups
    that are possessive would say so plainly, but CPython before 3.11.5 misreads them.)
    """
    end = re.escape(separator).encode()
    bare = rb'(?:[^"\n%b][^\n%b]*+|)' % (end, end)
    in_line = rb'(?:"[^"\n]*+(?:""[^"\n]*+)*"(?!")[^\n%b]*+|%b)' % (end, bare)
    over_lines = rb'(?:"[^"]*+(?:""[^"]*+)*"(?!")[^\n%b]*+|%b)' % (end, bare)
    return (
        re.compile(rb"(?:(?:%b%b)*%b\n)*" % (in_line, end, in_line)),
        re.compile(rb"(?:%b%b)*%b\n" % (over_lines, end, over_lines)),
        re.compile(rb"%b(?:%b|\n)" % (over_lines, end)),
    )
