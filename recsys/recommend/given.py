"""Where the items of widgets come from: a given list, or what a person did lately."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8, allows, bitmap_of, common_bits
from recsys.domain import EventType, FallbackCause, ItemId, Reason, ReasonKind, ShortfallCause
from recsys.events import History
from recsys.recommend.model import ServingModel
from recsys.recommend.results import Results
from recsys.recommend.sources import Source, in_one
from recsys.recommend.splits import Split
from recsys.rules import Arrangement, Candidates, Part, Permitted
from recsys.rules.contact import last_times
from recsys.scoring import Mask

I32 = NDArray[np.int32]

_NO_ROWS: Final = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Among:
    """What another source finds among given items.

    Attributes:
        source: Finds and ranks, exactly as it does without a list.
        bitmap: The items: item i is bit i%8 of byte i//8.
    """

    source: Source
    bitmap: U8

    @classmethod
    def rows(cls, source: Source, rows: I32, *, row_count: int) -> "Among":
        """Look among some rows, of so many."""
        return cls(source, bitmap_of(rows[rows < row_count], row_count))

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Rank in one call."""
        given = Part(ShortfallCause.EXCLUDED, self.bitmap)
        narrowed = replace(permitted, parts=(*permitted.parts, given))
        return self.source.best(narrowed, count, excluded=excluded)

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Rank in one call."""
        return self.source.search(in_one([*masks, self.bitmap]), count, excluded=excluded)

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say why, as the other source does."""
        return self.source.reasons(rows)

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Split scores as the other source does."""
        return self.source.split(rows)


def order_only(arrangement: Arrangement | None, rows: I32) -> Arrangement | None:
    """Return what an arrangement says of the order of some rows, all of which are shown."""
    if arrangement is None:
        return None
    given = set(rows.tolist())
    pins = {place: row for place, row in arrangement.pins.items() if row in given}
    if not pins and not arrangement.boosts:
        return None
    return replace(arrangement, pins=pins, caps=(), shares=(), diversity=0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listed:
    """A ranked list of what a person did, of which some may be shown.

    Attributes:
        model: Whose items.
        rows: Distinct, in their order.
        scores: Of each, not rising.
        why: The reason of each.
        unknown_count: How many items should be on it that the model does not know.
    """

    model: ServingModel
    rows: I32
    scores: NDArray[np.float64]
    why: Sequence[Reason]
    unknown_count: int

    def taken(self, which: NDArray[np.bool_]) -> "Listed":
        """Return some of the list."""
        return replace(
            self,
            rows=self.rows[which],
            scores=self.scores[which],
            why=[self.why[at] for at in np.flatnonzero(which).tolist()],
        )

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Take the first that may be shown."""
        blocked = _NO_ROWS if excluded is None else excluded
        found = self.search(permitted.masks or (), count, excluded=blocked)
        return Results.of(self.model.items, found.rows, found.scores, self.reasons(found.rows))

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Take the first that may be shown."""
        meant = ~np.isin(self.rows, excluded)
        bitmap = common_bits(masks)
        if bitmap is not None:
            meant &= allows(bitmap, self.rows)
        return Candidates(self.rows[meant][:count], self.scores[meant][:count])

    def has(self, rows: I32) -> NDArray[np.bool_]:
        """Say which rows are on the list."""
        return np.isin(rows, self.rows)

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Return the reason of each."""
        by_row = dict(zip(self.rows.tolist(), self.why, strict=True))
        return [by_row[row] for row in rows.tolist()]

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Say nothing: what the list is ordered by is no sum of items."""
        return [None] * len(rows)


def recently_viewed(
    model: ServingModel,
    history: History,
    event_types: frozenset[EventType],
    *,
    cause: FallbackCause | None,
) -> Listed:
    """List items by when a person had contact with them last; contacts of one moment by row.

    Args:
        model: Whose items.
        history: What she did.
        event_types: What counts.
        cause: Why nothing stored was used.
    """
    item_ids = history.item_ids
    found, positions = model.items.find(item_ids)
    is_meant = np.isin(history.type_codes, [one.code for one in event_types])
    is_unknown = is_meant.copy()
    is_unknown[positions] = False
    unknown: set[ItemId] = {item_ids[at] for at in np.flatnonzero(is_unknown).tolist()}
    kept = is_meant[positions]
    rows, times = last_times(found[kept], history.event_times[positions[kept]])
    order = np.argsort(-times, kind="stable")  # Rows ascend, and stay so in a tie.
    reason = Reason(kind=ReasonKind.RECENTLY_VIEWED, fallback_cause=cause)
    return Listed(
        model=model,
        rows=rows[order],
        scores=times[order],
        why=[reason] * len(rows),
        unknown_count=len(unknown),
    )
