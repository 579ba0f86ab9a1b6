"""What an import read, rejected and kept: counted as it goes, shown at the end."""

from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from training.ingest.checks import Reason

REPORT_NAME: Final = "report.json"
REJECTS_NAME: Final = "rejects.parquet"
REJECT_COUNT_MAX: Final = 100_000
EXAMPLE_COUNT_MAX: Final = 5
_TEXT_CHARS_MAX: Final = 1_000

REJECT_COLUMNS: Final = {
    "file": pl.String(),
    "row": pl.Int64(),
    "reason": pl.String(),
    "record": pl.String(),
}
"""Rejected rows: file name, row within it from 1 (null if unknown), the row as JSON."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One rejected row.

    Attributes:
        file: Name of its file.
        row: Its number within the file from 1; None where lines are broken.
        record: The row as read, as JSON or raw text.
    """

    file: str
    row: int | None
    record: str


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """The rows rejected for one reason."""

    reason: str
    count: int
    examples: list[Example]


class IdentityReport(msgspec.Struct, frozen=True, kw_only=True):
    """How identifiers found their accounts.

    Attributes:
        joined: By namespace, identifiers that lead to exactly one account.
        ambiguous: By namespace, identifiers seen with several accounts; they
            stay people of their own.
        alone: By namespace, identifiers never seen with an account.
        anonymous_profiles: Baskets and sessions without any identifier.
    """

    joined: dict[str, int]
    ambiguous: dict[str, int]
    alone: dict[str, int]
    anonymous_profiles: int


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did.

    Attributes:
        source, preset: What was imported.
        files: Names of the files of events.
        rows_read: Rows of events read, broken lines included.
        rows_kept: Rows in the dataset.
        rejected: The rest, most frequent reason first.
        by_type: Kept rows by event type.
        by_channel: Kept rows by channel.
        items_described: Items that have a title.
        items_rejected: Rows of the items files without a usable id.
        identity: How identifiers were joined.
        elapsed_seconds: How long it took.
    """

    source: str
    preset: str
    files: list[str]
    rows_read: int
    rows_kept: int
    rejected: list[Rejection]
    by_type: dict[str, int]
    by_channel: dict[str, int]
    items_described: int
    items_rejected: int
    identity: IdentityReport
    elapsed_seconds: float

    @property
    def rows_rejected(self) -> int:
        """Rows that are not in the dataset."""
        return sum(rejection.count for rejection in self.rejected)


def read_report(folder: Path) -> ImportReport | None:
    """Read an import's report; None if there is none of this version."""
    try:
        return msgspec.json.decode((folder / REPORT_NAME).read_bytes(), type=ImportReport)
    except (OSError, msgspec.DecodeError):
        return None


class Rejects:
    """Counts rejected rows; keeps a bounded number of them, and examples of each reason."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[Example]] = {}
        self._kept: list[pl.DataFrame] = []
        self._broken: list[tuple[str, None, str, str]] = []
        self._room = REJECT_COUNT_MAX

    @property
    def count(self) -> int:
        """Rows rejected so far."""
        return self._counts.total()

    def tally(self, reasons: pl.Series) -> pl.Series:
        """Count rejected rows, and say which of them to keep.

        Args:
            reasons: Reason of each rejected row, shape (n,).

        Returns:
            Flags, shape (n,): what there is still room for, and examples of
            reasons that lack them. The caller hands just these to `keep`.
        """
        table = pl.DataFrame({"reason": reasons}).with_columns(
            pl.int_range(pl.len()).over("reason").alias("nth"), pl.int_range(pl.len()).alias("at")
        )
        self._counts.update(dict(table.group_by("reason").len().iter_rows()))
        return table.select(
            (pl.col("at") < self._room) | (pl.col("nth") < EXAMPLE_COUNT_MAX)
        ).to_series()

    def keep(self, rows: pl.DataFrame) -> None:
        """Keep rejected rows (`REJECT_COLUMNS`) that `tally` asked for."""
        firsts = rows.group_by("reason", maintain_order=True).head(EXAMPLE_COUNT_MAX)
        for file, row, why, record in firsts.select(*REJECT_COLUMNS).iter_rows():
            examples = self._examples.setdefault(why, [])
            if len(examples) < EXAMPLE_COUNT_MAX:
                examples.append(Example(file=file, row=row, record=record[:_TEXT_CHARS_MAX]))
        kept = rows.select(*REJECT_COLUMNS).head(self._room)
        self._kept.append(kept)
        self._room -= kept.height

    def add_broken_line(self, *, file: str, text: str) -> None:
        """Note a line that does not even have the right number of fields.

        A file can have millions of them, so each costs next to nothing.
        """
        why = str(Reason.MALFORMED_ROW)
        self._counts[why] += 1
        examples = self._examples.setdefault(why, [])
        record = text[:_TEXT_CHARS_MAX]
        if len(examples) < EXAMPLE_COUNT_MAX:
            examples.append(Example(file=file, row=None, record=record))
        if self._room > 0:
            self._room -= 1
            self._broken.append((file, None, why, record))

    def summary(self) -> list[Rejection]:
        """Return the reasons, most frequent first."""
        ordered = sorted(self._counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [
            Rejection(reason=why, count=count, examples=self._examples.get(why, []))
            for why, count in ordered
        ]

    def write(self, path: Path) -> None:
        """Write the kept rows."""
        broken = pl.DataFrame(self._broken, schema=REJECT_COLUMNS, orient="row")
        pl.concat([broken, *self._kept]).write_parquet(path)
