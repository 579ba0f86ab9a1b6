"""From what a source finds to an answer: what is left out, and what is missing and why."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.domain import Shortfall, ShortfallCause
from recsys.recommend.filtered import Filtered, by_cause, filtered_away
from recsys.recommend.given import Listed
from recsys.recommend.model import ServingModel
from recsys.recommend.paging import NOTHING_BEFORE, Before
from recsys.recommend.pins import pins_left_out
from recsys.recommend.query import Answer, Placed
from recsys.recommend.results import Results
from recsys.recommend.sources import Source, page
from recsys.recommend.splits import AnswerExplanation
from recsys.row_sets import union
from recsys.rules import Arrangement, InForce

I32 = NDArray[np.int32]

NO_ROWS: Final = np.empty(0, dtype=np.int32)
_NO_NOTES: Final[frozenset[str]] = frozenset()


class LeftOut(NamedTuple):
    """Rows that the question itself leaves out.

    Attributes:
        seen: What the person has had contact with, ascending, where that counts.
        itself: The items that the question is about, ascending; nor are their variants shown.
        before: What is shown already; nor are the variants of that shown.
    """

    seen: I32 = NO_ROWS
    itself: I32 = NO_ROWS
    before: Before = NOTHING_BEFORE


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
        excluded = union(excluded, left_out.itself)
    shown = left_out.before.shown(model)
    blocked = union(excluded, shown) if len(shown) else excluded
    arrangement = _arranged(in_force.arrangement, model, left_out)
    results = page(
        source,
        model,
        in_force.permitted,
        arrangement,
        count=query.result_count,
        excluded=blocked if len(blocked) else None,
    )
    taken = {
        ShortfallCause.EXCLUDED: excluded,
        ShortfallCause.SEEN: left_out.seen,
        ShortfallCause.SHOWN: shown,
    }
    missing = {ShortfallCause.CATALOG: query.result_count - len(model.items)}
    return put_together(
        model,
        query,
        source,
        results,
        in_force,
        arrangement,
        notes,
        taken=taken,
        missing=missing,
        first_place=left_out.before.first_place,
    )


def put_together(
    model: ServingModel,
    query: Placed,
    source: Source,
    results: Results,
    in_force: InForce,
    arrangement: Arrangement | None,
    notes: set[str],
    *,
    taken: Mapping[ShortfallCause, I32],
    missing: Mapping[ShortfallCause, int],
    among: I32 | None = None,
    absent: ShortfallCause = ShortfallCause.EXCLUDED,
    first_place: int = 0,
) -> Answer:
    """Say what is missing and, if asked, why the answer is as it is.

    Args:
        model: Whose items.
        query: The question.
        source: Has found them.
        results: What is shown.
        in_force: What may be shown.
        arrangement: How the page was put together; None for simply the best.
        notes: What had to be done without.
        taken: Rows that the question leaves out, by cause.
        missing: How many results are missing for causes that are no rules.
        among: The rows that the question is about; None for all items.
        absent: The cause for a pin that is none of them.
        first_place: How many results precede, on the pages before.
    """
    missing_count = query.result_count - len(results)
    filtered: tuple[Filtered, ...] = ()
    if missing_count > 0 or query.explains:
        filtered = tuple(
            filtered_away(
                in_force.permitted,
                page=results.ranking.rows,
                taken=taken,
                caps=() if arrangement is None else arrangement.caps,
                among=among,
            )
        )
    explanation = None
    if query.explains:
        explanation = AnswerExplanation(
            splits=tuple(source.split(results.ranking.rows)),
            filtered=tuple(one for one in filtered if one.item_count),
            pins_left_out=tuple(
                pins_left_out(
                    model.items,
                    in_force,
                    places=range(first_place, first_place + query.result_count),
                    taken=taken,
                    among=among,
                    absent=absent,
                )
            ),
        )
    return Answer(
        results=results,
        shortfall=shortfall(missing_count, {**by_cause(filtered), **missing}),
        model_version=model.version,
        notes=frozenset(notes) if notes else _NO_NOTES,
        explanation=explanation,
    )


def excluded_of(model: ServingModel, query: Placed, in_force: InForce) -> I32:
    """Return the rows that the question, or what she did with them, leaves out; ascending."""
    excluded = model.items.known_rows(query.excluded) if query.excluded else NO_ROWS
    return union(excluded, in_force.excluded) if len(in_force.excluded) else excluded


def listed_answer(
    model: ServingModel,
    query: Placed,
    source: Listed,
    in_force: InForce,
    notes: set[str],
    before: Before,
) -> Answer:
    """Put an answer together from a list that nothing is added to.

    Args:
        model: Whose items.
        query: The question.
        source: The list.
        in_force: What may be shown, and how.
        notes: What had to be done without.
        before: What is shown already.
    """
    arrangement = _arranged(in_force.arrangement, model, LeftOut(before=before))
    shown = before.shown(model)
    excluded = excluded_of(model, query, in_force)
    blocked = union(excluded, shown)
    if arrangement is not None:
        # Nobody is shown as bought before what she never bought.
        own = set(source.rows.tolist())
        pins = {place: row for place, row in arrangement.pins.items() if row in own}
        arrangement = arrangement.with_pins(pins)
    results = page(
        source,
        model,
        in_force.permitted,
        arrangement,
        count=query.result_count,
        excluded=blocked,
    )
    taken = {ShortfallCause.EXCLUDED: excluded, ShortfallCause.SHOWN: shown}
    missing = {
        ShortfallCause.CATALOG: source.unknown_count,
        ShortfallCause.HISTORY: query.result_count - len(source.rows) - source.unknown_count,
    }
    return put_together(
        model, query, source, results, in_force, arrangement, notes, taken=taken, missing=missing,
        among=source.rows, absent=ShortfallCause.HISTORY, first_place=before.first_place,
    )  # fmt: skip


def _arranged(
    arrangement: Arrangement | None, model: ServingModel, left_out: LeftOut
) -> Arrangement | None:
    """Return how a page is arranged that is not alone."""
    if arrangement is None:
        return None
    beside = union(left_out.itself, left_out.before.shown(model))
    if len(beside):
        arrangement = arrangement.beside(beside)
    first_place = left_out.before.first_place
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
