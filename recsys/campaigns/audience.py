"""The best people for an item: for a merchandiser with too much of it.

The scores are those that every other answer ranks by, of the person's own fold-in, so a person
is ahead of another exactly if the item scores higher for her. What is kept is a heap of the
best so far, however many people there are.
"""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from recsys.campaigns.batch import Batch
from recsys.campaigns.batch_types import BatchQuery, Messaged
from recsys.campaigns.people import WalkPosition
from recsys.domain import Identifier, ItemId
from recsys.errors import ItemNotFound
from recsys.person_ranker import ItemWeights
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.recommend.known import Stored
from recsys.scoring import RaggedRows


class AudienceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Who would like an item?

    Attributes:
        item_id: The item.
        batch: Whom to look at; its question says where it is shown, and whether people
            count who know the item already.
        count: People wanted, at least 1.
    """

    item_id: ItemId
    batch: BatchQuery
    count: int


class Fan(NamedTuple):
    """Somebody who would like the item.

    Attributes:
        score: As it ranks in her own list.
        identifiers: Hers, the strongest first.
        address: Where to message her; None where no address was asked for.
    """

    score: float
    identifiers: tuple[Identifier, ...]
    address: Identifier | None


class Audience:
    """A search under way. Used by one thread at a time."""

    def __init__(self, model: ServingModel, query: AudienceQuery, recommender: Recommender) -> None:
        """Begin a search.

        Raises:
            ItemNotFound: The model does not know the item.
        """
        row = model.items.row(query.item_id)
        if row is None or model.items.is_new(np.array([row]))[0]:
            raise ItemNotFound(item_id=query.item_id)
        self._model = model
        self._row = row
        self._query = query
        self._recommender = recommender
        # The worst is at the top; of equals, who was met last.
        self._best: list[tuple[float, int, Fan]] = []
        self._met_count = 0
        self.considered_count = 0

    def walk(self, batch: Batch, position: WalkPosition) -> WalkPosition | None:
        """Look at the next people; returns where it goes on, None if that was all."""
        part = batch.messaged(position)
        self.considered_count += part.considered_count
        people: list[Messaged] = []
        weights: list[ItemWeights] = []
        question = self._query.batch.question
        asked = [
            msgspec.structs.replace(question, identifiers=one.identifiers[:1])
            for one in part.people
        ]
        read = self._recommender.acquaintance.read(asked)
        for one, asking, stored in zip(part.people, asked, read, strict=True):
            hers = self._weights(asking, stored)
            if hers is not None:
                people.append(one)
                weights.append(hers)
        if people:
            self._add(people, self._scores(weights))
        return part.next

    def best(self) -> list[Fan]:
        """Return the best people so far, the best first; of equals, who was met first."""
        ordered = sorted(self._best, key=lambda one: (-one[0], -one[1]))
        return [fan for _, _, fan in ordered]

    def _weights(self, asking: RecommendQuery, stored: Stored) -> ItemWeights | None:
        """Return what somebody's history says; None if nothing, or she knows the item."""
        known = self._recommender.acquaintance.known(
            self._model, asking, set(), now=self._query.batch.as_of, stored=stored
        )
        if not known.weights.kept_count:
            return None
        if not asking.include_seen and self._row in known.weights.seen:
            return None
        return known.weights

    def _scores(self, weights: Sequence[ItemWeights]) -> list[float]:
        question = self._query.batch.question
        prior_row = self._model.prior_row(channel=question.channel, store_id=question.store_id)
        count = len(weights)
        asked = self._model.queries(weights, prior_rows=np.full(count, prior_row, dtype=np.int32))
        rows = RaggedRows(
            np.arange(count + 1, dtype=np.int64), np.full(count, self._row, dtype=np.int32)
        )
        scores: list[float] = self._model.scorer.score(
            asked.user_vectors,
            rows,
            history=asked.history,
            boosts=asked.boosts,
            prior_rows=asked.prior_rows,
        ).tolist()
        return scores

    def _add(self, people: Sequence[Messaged], scores: Sequence[float]) -> None:
        for one, score in zip(people, scores, strict=True):
            self._met_count += 1
            entry = (score, -self._met_count, Fan(score, one.identifiers, one.address))
            if len(self._best) < self._query.count:
                heapq.heappush(self._best, entry)
            elif entry[:2] > self._best[0][:2]:
                heapq.heapreplace(self._best, entry)
