"""Many people at once: the same answers as one by one, in batches of the kernel.

People of whom something is known are ranked together with all others who have the same masks.
Where a page is put together from candidates, as where items have variants, these are found
together, and whoever needs more of them is searched for alone. Everybody else is answered one by
one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys.domain import Reason
from recsys.errors import RecsysError
from recsys.person_ranker import Ranking
from recsys.recommend.answering import LeftOut, answered, excluded_of
from recsys.recommend.known import Known
from recsys.recommend.model import ServingModel
from recsys.recommend.query import Answer, RecommendQuery
from recsys.recommend.recommender import Question, Recommender
from recsys.recommend.results import Results
from recsys.recommend.sources import Personal, Source
from recsys.recommend.splits import Split
from recsys.recommend.together import rank_together
from recsys.row_sets import union
from recsys.rules import Candidates, InForce, Permitted
from recsys.scoring import Mask

I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]

AnswerOrError: TypeAlias = Answer | RecsysError
"""An answer, or why this one person has none."""


class Met(NamedTuple):
    """What may be known of somebody.

    Attributes:
        known: That.
        notes: What had to be done without.
    """

    known: Known
    notes: frozenset[str]


class _Waiting(NamedTuple):
    """Somebody who is ranked together with others."""

    at: int
    query: RecommendQuery
    question: Question
    source: Personal
    notes: set[str]

    @property
    def first_count(self) -> int:
        """How many of the best items are looked at first."""
        arrangement = self.question.in_force.arrangement
        places = self.query.result_count
        if arrangement is None:
            return places
        return arrangement.first_count(arrangement.open_count(places))

    def taken(self, model: ServingModel) -> I32:
        """Return the rows that the first search leaves out, but for those that were seen."""
        in_force = self.question.in_force
        excluded = excluded_of(model, self.query, in_force)
        if in_force.arrangement is None or not in_force.arrangement.pins:
            return excluded
        pins = np.array(list(in_force.arrangement.pins.values()), dtype=np.int32)
        return union(excluded, pins)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ranked:
    """A source whose first search has been done already.

    Attributes:
        source: Does all others.
        masks: Of the first search.
        taken: What it left out, ascending, but for what was seen.
        count: How many rows it was for.
        ranking: What it found.
    """

    source: Personal
    masks: Sequence[Mask | U8]
    taken: I32
    count: int
    ranking: Ranking

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Return what was found; only where the page is simply the best items."""
        del permitted, count, excluded
        return self.source.results_of(self.ranking)

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Return what was found where the same is asked, else search."""
        is_first = (
            count == self.count
            and len(masks) == len(self.masks)
            and all(one is other for one, other in zip(masks, self.masks, strict=True))
            and np.array_equal(union(excluded), self.taken)
        )
        if is_first:
            return Candidates(self.ranking.rows, self.ranking.scores)
        return self.source.search(masks, count, excluded=excluded)

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """As the source says."""
        return self.source.reasons(rows)

    def split(self, rows: I32) -> Sequence[Split | None]:
        """As the source does."""
        return self.source.split(rows)


class ManyPeople:
    """Answers many people with one model. Stateless between calls, as the recommender."""

    def __init__(self, recommender: Recommender) -> None:
        """Share what a recommender knows of people and of what may be shown."""
        self._recommender = recommender

    def meet(
        self, model: ServingModel, queries: Sequence[RecommendQuery], *, now: float
    ) -> list[Met | RecsysError]:
        """Look people up, once for all that is asked about them; or say what is wrong with one.

        Args:
            model: Weighs what they did.
            queries: One for each person.
            now: Seconds since 1970-01-01 UTC.
        """
        met: list[Met | RecsysError] = []
        acquaintance = self._recommender.acquaintance
        for query, stored in zip(queries, acquaintance.read(queries), strict=True):
            notes: set[str] = set()
            try:
                known = acquaintance.known(model, query, notes, now=now, stored=stored)
            except RecsysError as error:
                met.append(error)
            else:
                met.append(Met(known, frozenset(notes)))
        return met

    def recommend(
        self,
        model: ServingModel,
        queries: Sequence[RecommendQuery],
        met: Sequence[Met | RecsysError] | None = None,
        *,
        now: float,
        threads: int = 1,
    ) -> list[AnswerOrError]:
        """Answer each query as `Recommender.recommend` does; page tokens are not looked at.

        Args:
            model: The model to answer with.
            queries: One for each person.
            met: Of each, what may be known of her; None to look her up.
            now: Seconds since 1970-01-01 UTC.
            threads: Slices of a batch to compute at the same time.

        Returns:
            For each query an answer, or the error that this one alone has met.
        """
        answers: list[AnswerOrError | None] = [None] * len(queries)
        groups: dict[tuple[int, ...], list[_Waiting]] = defaultdict(list)
        people = self.meet(model, queries, now=now) if met is None else met
        for at, (query, person) in enumerate(zip(queries, people, strict=True)):
            if isinstance(person, RecsysError):
                answers[at] = person
                continue
            known, notes = person.known, set(person.notes)
            try:
                question = self._recommender.question(model, query, known, notes, now=now)
                source = question.source
                if isinstance(source, Personal) and _begins_with_the_best(question.in_force):
                    masks = tuple(id(part.mask) for part in question.in_force.permitted.parts)
                    waiting = _Waiting(at, query, question, source, notes)
                    groups[(waiting.first_count, *masks)].append(waiting)
                    continue
                answers[at] = _answer(model, query, question, source, notes)
            except RecsysError as error:
                answers[at] = error
        for group in groups.values():
            for one, answer in zip(group, self._together(model, group, threads), strict=True):
                answers[one.at] = answer
        return [answer for answer in answers if answer is not None]

    def _together(
        self, model: ServingModel, group: Sequence[_Waiting], threads: int
    ) -> list[AnswerOrError]:
        try:
            return _ranked_together(model, group, threads)
        except RecsysError:
            # One of them has spoiled it for all; each alone is told what is wrong.
            alone: list[AnswerOrError] = []
            for one in group:
                try:
                    alone.append(_answer(model, one.query, one.question, one.source, one.notes))
                except RecsysError as error:
                    alone.append(error)
            return alone


def _ranked_together(
    model: ServingModel, group: Sequence[_Waiting], threads: int
) -> list[AnswerOrError]:
    masks, count = group[0].question.in_force.permitted.masks, group[0].first_count
    taken = [one.taken(model) for one in group]
    excluded = [
        np.concatenate([rows, one.question.seen]) for one, rows in zip(group, taken, strict=True)
    ]
    found = rank_together(
        model,
        [one.source for one in group],
        count,
        masks=masks,
        excluded=excluded,
        threads=threads,
    )
    answers: list[AnswerOrError] = []
    for one, rows, ranking in zip(group, taken, found, strict=True):
        source = _Ranked(
            source=one.source, masks=masks or (), taken=rows, count=count, ranking=ranking
        )
        answers.append(_answer(model, one.query, one.question, source, one.notes))
    return answers


def _begins_with_the_best(in_force: InForce) -> bool:
    """Whether the first thing that an answer needs is the best of all that may be shown."""
    return in_force.arrangement is None or not in_force.arrangement.boosts


def _answer(
    model: ServingModel,
    query: RecommendQuery,
    question: Question,
    source: Source,
    notes: set[str],
) -> Answer:
    left_out = LeftOut(seen=question.seen)
    return answered(model, query, source, question.in_force, notes, left_out)
