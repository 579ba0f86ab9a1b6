"""Where the items of widgets come from: a given list, or what a person did lately."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.domain import EventType, FallbackCause, ItemId, Reason, ReasonKind, ShortfallCause
from recsys.events import History
from recsys.recommend.model import ServingModel
from recsys.recommend.results import Results
from recsys.recommend.sources import Source, in_one
from recsys.rules import Arrangement, Candidates, Part, Permitted, allows
from recsys.rules.contact import last_times
from recsys.rules.permitted import U8, bitmap_of, common_bits
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
    def rows(cls, source: Source, rows: I32, *, item_count: int) -> "Among":
        """Look among some rows of a model."""
        return cls(source, bitmap_of(rows, item_count))

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
class Recent:
    """Items by when a person had contact with them last.

    Attributes:
        model: Whose items.
        rows: The latest first; contacts of the same moment by row.
        times: Of each, seconds since 1970-01-01 UTC.
        unknown_count: How many items she had contact with that the model does not know.
        cause: Why nothing stored was used.
    """

    model: ServingModel
    rows: I32
    times: NDArray[np.float64]
    unknown_count: int
    cause: FallbackCause | None

    @classmethod
    def of(
        cls,
        model: ServingModel,
        history: History,
        event_types: frozenset[EventType],
        *,
        cause: FallbackCause | None,
    ) -> "Recent":
        """Look a history through.

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
        return cls(
            model=model,
            rows=rows[order],
            times=times[order],
            unknown_count=len(unknown),
            cause=cause,
        )

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Take the latest that may be shown."""
        blocked = _NO_ROWS if excluded is None else excluded
        found = self.search(permitted.masks or (), count, excluded=blocked)
        return Results.of(self.model.items, found.rows, found.scores, self.reasons(found.rows))

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Take the latest that may be shown."""
        meant = ~np.isin(self.rows, excluded)
        bitmap = common_bits(masks)
        if bitmap is not None:
            meant &= allows(bitmap, self.rows)
        return Candidates(self.rows[meant][:count], self.times[meant][:count])

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say that she had contact with them."""
        return [Reason(kind=ReasonKind.RECENTLY_VIEWED, fallback_cause=self.cause)] * len(rows)
