"""Many people at once: the same answers as one by one, in batches of the kernel.

People of whom something is known, and whose page is simply the best items, are ranked together
with all others who have the same masks. Everybody else is answered one by one.
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
from recsys.recommend.model import ServingModel
from recsys.recommend.query import Answer, RecommendQuery
from recsys.recommend.recommender import Question, Recommender
from recsys.recommend.results import Results
from recsys.recommend.sources import Personal, Source
from recsys.recommend.splits import Split
from recsys.rules import Candidates, Permitted
from recsys.scoring import Mask, RaggedRows

I32 = NDArray[np.int32]

AnswerOrError: TypeAlias = Answer | RecsysError
"""An answer, or why this one person has none."""


class _Waiting(NamedTuple):
    """Somebody who is ranked together with others."""

    at: int
    query: RecommendQuery
    question: Question
    source: Personal
    notes: set[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """A source whose best items have been found already."""

    source: Personal
    ranking: Ranking

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Return them."""
        del permitted, count, excluded
        return self.source.results_of(self.ranking)

    def search(
        self, masks: Sequence[Mask | NDArray[np.uint8]], count: int, *, excluded: I32
    ) -> Candidates:
        """Search anew; nobody does where the page is simply the best items."""
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

    def recommend(
        self,
        model: ServingModel,
        queries: Sequence[RecommendQuery],
        *,
        now: float,
        threads: int = 1,
    ) -> list[AnswerOrError]:
        """Answer each query as `Recommender.recommend` does; page tokens are not looked at.

        Args:
            model: The model to answer with.
            queries: One for each person.
            now: Seconds since 1970-01-01 UTC.
            threads: Slices of a batch to compute at the same time.

        Returns:
            For each query an answer, or the error that this one alone has met.
        """
        answers: list[AnswerOrError | None] = [None] * len(queries)
        groups: dict[tuple[int, ...], list[_Waiting]] = defaultdict(list)
        for at, query in enumerate(queries):
            try:
                notes: set[str] = set()
                known = self._recommender.acquaintance.known(model, query, notes, now=now)
                question = self._recommender.question(model, query, known, notes, now=now)
                source = question.source
                if isinstance(source, Personal) and question.in_force.arrangement is None:
                    masks = tuple(id(part.mask) for part in question.in_force.permitted.parts)
                    waiting = _Waiting(at, query, question, source, notes)
                    groups[(query.result_count, *masks)].append(waiting)
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
    asked = model.queries(
        [one.source.weights for one in group],
        prior_rows=np.array([one.source.prior_row for one in group], dtype=np.int32),
        threads=threads,
    )
    first = group[0]
    masks = first.question.in_force.permitted.masks
    excluded = _excluded(model, group)
    ranked = model.scorer.top_k(
        asked.user_vectors,
        first.query.result_count,
        history=asked.history,
        allowed=masks,
        excluded=_known_rows(model, excluded),
        boosts=asked.boosts,
        prior_rows=asked.prior_rows,
        threads=threads,
    )
    return [
        _answer(
            model,
            one.query,
            one.question,
            _Ranked(
                one.source,
                model.joined(
                    Ranking.of(*ranked.row(at)),
                    None if asked.user_vectors is None else asked.user_vectors[at],
                    result_count=first.query.result_count,
                    allowed=masks,
                    excluded=excluded[at],
                ),
            ),
            one.notes,
        )
        for at, one in enumerate(group)
    ]


def _excluded(model: ServingModel, group: Sequence[_Waiting]) -> list[I32]:
    lists = []
    for one in group:
        rows = excluded_of(model, one.query, one.question.in_force)
        if one.source.without_seen:
            rows = np.concatenate([rows, one.source.weights.seen, one.source.seen_new])
        lists.append(rows)
    return lists


def _known_rows(model: ServingModel, excluded: Sequence[I32]) -> RaggedRows:
    """Take the rows that the scorer has."""
    return RaggedRows.of([model.bundled(rows) for rows in excluded])


def _answer(
    model: ServingModel,
    query: RecommendQuery,
    question: Question,
    source: Source,
    notes: set[str],
) -> Answer:
    left_out = LeftOut(seen=question.seen)
    return answered(model, query, source, question.in_force, notes, left_out)
