"""How much of what people like is in the scopes of offers: of their best items, of popular ones."""

import functools
import weakref
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bitmaps import allows
from recsys.offers.propensity import PropensityQuestion
from recsys.offers.scope import ScopeTable
from recsys.recommend.fallback import popular_order
from recsys.recommend.model import ServingModel
from recsys.recommend.query import RecommendQuery
from recsys.recommend.recommender import Recommender
from recsys.recommend.sources import Personal, in_one, of_person
from recsys.recommend.together import rank_together
from recsys.rules import Permitted

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

_NO_ROWS: Final[I32] = np.empty(0, dtype=np.int32)


class Taste(NamedTuple):
    """What somebody likes of the wanted offers, in their order; shares of shape (wanted,).

    Each of the items counts by its place as in a discounted cumulative gain (Järvelin and
    Kekäläinen, 2002), 1 / log2(1 + place), and all of them together count 1.

    Attributes:
        hers: Of her best items, the share in the scope; None where nothing is known of her.
        popular: Of what is popular here, likewise.
    """

    hers: F64 | None
    popular: F64


_NOTHING: Final = Taste(None, np.zeros(0))


class Tastes:
    """Looks at the best items of people. Safe between threads."""

    def __init__(self, recommender: Recommender) -> None:
        """Share what ranks items and knows what may be shown."""
        self._recommender = recommender
        self._tables: weakref.WeakKeyDictionary[ServingModel, ScopeTable]
        self._tables = weakref.WeakKeyDictionary()

    def of(self, asked: Sequence[PropensityQuestion], *, threads: int = 1) -> list[Taste]:
        """Look at each person's taste; as `PropensityModel.propensities`."""
        found = [_NOTHING] * len(asked)
        groups: dict[tuple[object, ...], list[_Looked]] = defaultdict(list)
        for at, one in enumerate(asked):
            if one.wanted:
                looked = self._look(at, one)
                masks = tuple(id(part.mask) for part in looked.permitted.parts)
                groups[(one.query.channel, one.query.store_id, *masks)].append(looked)
        for group in groups.values():
            for each, taste in zip(group, self._together(group, threads), strict=True):
                found[each.at] = taste
        return found

    def table(self, model: ServingModel) -> ScopeTable:
        """Return the scopes over a model's items, as of the last look."""
        assortment = self._recommender.permissions.assortment(model)
        found = self._tables.get(model)
        if found is None or found.assortment is not assortment:
            found = self._tables[model] = ScopeTable(assortment)
        return found

    def _look(self, at: int, asked: PropensityQuestion) -> "_Looked":
        model, query = asked.model, asked.query
        place = RecommendQuery(
            placement=query.placement, channel=query.channel, store_id=query.store_id,
            place=query.place, buyer_age=query.buyer_age, rules=query.rules,
        )  # fmt: skip
        # First, for it takes in what has changed of the items.
        in_force = self._recommender.in_force(
            model, place, asked.known.history, set(), now=asked.now
        )
        source = of_person(
            model, asked.known, channel=query.channel, store_id=query.store_id, without_seen=False
        )
        personal = source if isinstance(source, Personal) else None
        return _Looked(at, asked, personal, in_force.permitted)

    def _together(self, group: Sequence["_Looked"], threads: int) -> Iterator[Taste]:
        """Look at people of one place who may be shown the same."""
        first = group[0]
        model, query, permitted = first.asked.model, first.asked.query, first.permitted
        popular, _ = popular_order(model, channel=query.channel, store_id=query.store_id)
        bitmap = permitted.bitmap()
        if bitmap is not None:
            popular = popular[allows(bitmap, popular)]
        wanted = sorted(set().union(*(one.asked.wanted for one in group)))
        shares = self._shares(first.asked, wanted, popular[: limits.CANDIDATE_COUNT_MAX])
        places = {name: at for at, name in enumerate(wanted)}
        best = iter(_best(group, threads))
        for one in group:
            hers = None
            if one.source is not None:
                hers = self._shares(one.asked, one.asked.wanted, next(best))
            theirs = one.asked.wanted
            yield Taste(
                hers, shares[np.fromiter(map(places.__getitem__, theirs), np.intp, len(theirs))]
            )

    def _shares(self, asked: PropensityQuestion, wanted: Sequence[str], rows: I32) -> F64:
        if not len(rows):
            return np.zeros(len(wanted))
        weights = _discounts(len(rows))
        return self.table(asked.model).shares(asked.offers, wanted, rows, weights, now=asked.now)


class _Looked(NamedTuple):
    """Somebody who waits to be looked at.

    Attributes:
        at: Her place among those asked for.
        asked: The question.
        source: Ranks by what she did; None where nothing is known.
        permitted: What may be shown to her.
    """

    at: int
    asked: PropensityQuestion
    source: Personal | None
    permitted: Permitted


@functools.lru_cache(maxsize=limits.CANDIDATE_COUNT_MAX)
def _discounts(count: int) -> F64:
    """Return how much each of so many items counts by its place; nobody may write to it."""
    found: F64 = 1.0 / np.log2(2.0 + np.arange(count))
    found /= found.sum()
    found.flags.writeable = False
    return found


def _best(group: Sequence[_Looked], threads: int) -> Iterator[I32]:
    """Yield the best rows of each of whom something is known."""
    people = [(one.asked.model, one.source) for one in group if one.source is not None]
    if not people:
        return
    masks = in_one(list(group[0].permitted.masks or ()))
    model, source = people[0]
    if len(people) == 1:
        yield source.search(masks, limits.CANDIDATE_COUNT_MAX, excluded=_NO_ROWS).rows
        return
    for ranking in rank_together(
        model,
        [one for _, one in people],
        limits.CANDIDATE_COUNT_MAX,
        masks=masks or None,
        excluded=[_NO_ROWS] * len(people),
        threads=threads,
    ):
        yield ranking.rows
