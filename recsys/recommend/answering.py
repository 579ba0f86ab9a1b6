"""From what a source finds to an answer: what is left out, and what is missing and why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.domain import Shortfall, ShortfallCause
from recsys.recommend.given import Listed
from recsys.recommend.model import ServingModel
from recsys.recommend.query import Answer, Placed
from recsys.recommend.results import Results
from recsys.recommend.sources import Source, page
from recsys.rules import Arrangement, InForce, Permitted, allows
from recsys.rules.arrange import Cap
from recsys.rules.permitted import Part, bitmap_of, common_bits, inverse

I32 = NDArray[np.int32]

NO_ROWS: Final = np.empty(0, dtype=np.int32)
_NO_NOTES: Final[frozenset[str]] = frozenset()


class LeftOut(NamedTuple):
    """Rows that the question itself leaves out.

    Attributes:
        seen: What the person has had contact with, ascending, where that counts.
        itself: The items that the question is about, ascending; nor are their variants shown.
        shown: What is shown already, ascending.
        first_place: How many results precede, on the pages before.
    """

    seen: I32 = NO_ROWS
    itself: I32 = NO_ROWS
    shown: I32 = NO_ROWS
    first_place: int = 0


NOTHING_LEFT_OUT: Final = LeftOut()


def answered(
    model: ServingModel,
    query: Placed,
    source: Source,
    in_force: InForce,
    notes: set[str],
    left_out: LeftOut = NOTHING_LEFT_OUT,
) -> Answer:
    """Put an answer together.

    Args:
        model: Whose items.
        query: The question.
        source: Finds items; leaves out what was seen by itself.
        in_force: What may be shown, and how.
        notes: What had to be done without.
        left_out: What the question leaves out.
    """
    excluded = excluded_of(model, query, in_force)
    if len(left_out.itself):
        excluded = np.union1d(excluded, left_out.itself)
    blocked = np.union1d(excluded, left_out.shown) if len(left_out.shown) else excluded
    arrangement = _arranged(in_force.arrangement, left_out)
    results = page(
        source,
        model,
        in_force.permitted,
        arrangement,
        count=query.result_count,
        excluded=blocked if len(blocked) else None,
    )
    return Answer(
        results=results,
        shortfall=_shortfall_of_page(
            model, query.result_count, results, in_force.permitted, arrangement, excluded, left_out
        ),
        model_version=model.version,
        notes=frozenset(notes) if notes else _NO_NOTES,
    )


def excluded_of(model: ServingModel, query: Placed, in_force: InForce) -> I32:
    """Return the rows that the question, or what she did with them, leaves out; ascending."""
    excluded = model.items.known_rows(query.excluded) if query.excluded else NO_ROWS
    return np.union1d(excluded, in_force.excluded) if len(in_force.excluded) else excluded


def listed_answer(
    model: ServingModel,
    query: Placed,
    source: Listed,
    in_force: InForce,
    notes: set[str],
    *,
    shown: I32,
) -> Answer:
    """Put an answer together from a list that nothing is added to.

    Args:
        model: Whose items.
        query: The question.
        source: The list.
        in_force: What may be shown, and how.
        notes: What had to be done without.
        shown: Rows that are shown already, ascending.
    """
    permitted, arrangement = in_force.permitted, in_force.arrangement
    excluded = excluded_of(model, query, in_force)
    blocked = np.union1d(excluded, shown)
    if arrangement is not None:
        # Nobody is shown as bought before what she never bought.
        own = set(source.rows.tolist())
        pins = {place: row for place, row in arrangement.pins.items() if row in own}
        arrangement = arrangement.with_pins(pins)
    results = page(
        source, model, permitted, arrangement, count=query.result_count, excluded=blocked
    )
    counts = counts_among(permitted, source.rows, excluded=excluded, shown=shown)
    if arrangement is not None and len(results) < query.result_count:
        listed = Part(ShortfallCause.HISTORY, bitmap_of(source.rows, permitted.row_count))
        among = replace(permitted, parts=(*permitted.parts, listed))
        rows = results.ranking.rows
        counts |= counts_capped(arrangement.caps, rows, among, np.concatenate([blocked, rows]))
    counts |= {
        ShortfallCause.CATALOG: source.unknown_count,
        ShortfallCause.HISTORY: query.result_count - len(source.rows) - source.unknown_count,
    }
    return Answer(
        results=results,
        shortfall=shortfall(query.result_count - len(results), counts),
        model_version=model.version,
        notes=frozenset(notes) if notes else _NO_NOTES,
    )


def _arranged(arrangement: Arrangement | None, left_out: LeftOut) -> Arrangement | None:
    """Return how a page is arranged that is not alone."""
    if arrangement is None:
        return None
    if len(left_out.itself):
        arrangement = arrangement.beside(left_out.itself)
    first_place = left_out.first_place
    if not first_place or not arrangement.pins:
        return arrangement
    # Pins have their places on all pages together.
    return arrangement.with_pins(
        {
            place - first_place: row
            for place, row in arrangement.pins.items()
            if place >= first_place
        }
    )


def shortfall(missing_count: int, counts: Mapping[ShortfallCause, int]) -> Shortfall | None:
    """Say what is missing and why; None if nothing is.

    Args:
        missing_count: Results that are missing; 0 and below for none.
        counts: How many items each cause took away.
    """
    if missing_count <= 0:
        return None
    parts = [(cause, count) for cause, count in counts.items() if count > 0]
    return Shortfall(
        missing_count=missing_count,
        parts=tuple(sorted(parts, key=lambda part: -part[1])),
    )


def counts_among(
    permitted: Permitted,
    rows: I32,
    *,
    excluded: I32 = NO_ROWS,
    seen: I32 = NO_ROWS,
    shown: I32 = NO_ROWS,
) -> dict[ShortfallCause, int]:
    """Return how many of some rows each cause takes away that none before it did.

    Args:
        permitted: What may appear.
        rows: Distinct.
        excluded: What is left out, for whatever reason.
        seen: What the person has had contact with, where that counts.
        shown: What is shown already.
    """
    counts: dict[ShortfallCause, int] = {}
    for part in permitted.parts:
        bitmap = common_bits([part.mask])
        left = rows if bitmap is None else rows[allows(bitmap, rows)]
        counts[part.cause] = counts.get(part.cause, 0) + len(rows) - len(left)
        rows = left
    for cause, taken in (
        (ShortfallCause.EXCLUDED, excluded),
        (ShortfallCause.SEEN, seen),
        (ShortfallCause.SHOWN, shown),
    ):
        left = rows[~np.isin(rows, taken)]
        counts[cause] = len(rows) - len(left)
        rows = left
    return counts


def counts_capped(
    caps: Sequence[Cap], rows: I32, permitted: Permitted, taken: I32
) -> dict[ShortfallCause, int]:
    """Return how many items are left out because a page has as many of their kind.

    Args:
        caps: In the order in which an item is put down to one.
        rows: On the page.
        permitted: What may appear.
        taken: Rows that are on the page, or not for another cause.
    """
    left = permitted.bitmap()
    row_count = permitted.row_count
    everything = np.arange(row_count, dtype=np.int32)
    left = bitmap_of(everything, row_count) if left is None else left
    left = left & inverse(bitmap_of(taken, row_count), row_count)
    counts: dict[ShortfallCause, int] = {}
    for cap in caps:
        opened = cap.open_rows(cap.counts(rows))
        if opened is not None:
            before, left = left, left & opened
            gone = int(np.bitwise_count(before).sum()) - int(np.bitwise_count(left).sum())
            counts[cap.cause] = counts.get(cap.cause, 0) + gone
    return counts


def _shortfall_of_page(
    model: ServingModel,
    result_count: int,
    results: Results,
    permitted: Permitted,
    arrangement: Arrangement | None,
    excluded: I32,
    left_out: LeftOut,
) -> Shortfall | None:
    missing_count = result_count - len(results)
    if missing_count <= 0:
        return None
    seen, shown = left_out.seen, left_out.shown
    bitmap = permitted.bitmap()
    if bitmap is not None:
        excluded, seen = excluded[allows(bitmap, excluded)], seen[allows(bitmap, seen)]
        shown = shown[allows(bitmap, shown)]
    seen = np.setdiff1d(seen, excluded, assume_unique=True)
    if arrangement is not None and arrangement.caps:
        rows = results.ranking.rows
        taken = np.concatenate([excluded, seen, shown, rows])
        counts = counts_capped(arrangement.caps, rows, permitted, taken)
    else:
        counts = {}
    counts |= permitted.counts() | {
        ShortfallCause.EXCLUDED: len(excluded),
        ShortfallCause.SEEN: len(seen),
        ShortfallCause.SHOWN: len(np.setdiff1d(shown, np.union1d(excluded, seen))),
        ShortfallCause.CATALOG: result_count - len(model.items),
    }
    return shortfall(missing_count, counts)
