"""What completes a basket: items that often are in one basket with what lies in this one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.domain import ItemId, Reason, ReasonKind
from recsys.events import History
from recsys.recommend.model import ServingModel
from recsys.recommend.query import BasketQuery
from recsys.recommend.results import Results
from recsys.recommend.sources import Popular
from recsys.rules import Candidates, Permitted
from recsys.rules.contact import Contact
from recsys.rules.permitted import U8
from recsys.scoring import Mask

I32 = NDArray[np.int32]

_NO_ROWS = np.empty(0, dtype=np.int32)


def basket_of(model: ServingModel, query: BasketQuery, history: History, *, now: float) -> I32:
    """Return what lies in the basket that is meant, ascending rows.

    Args:
        model: Whose items.
        query: Names them, or means what her events say.
        history: What she did, as far as it may be used.
        now: Seconds since 1970-01-01 UTC.
    """
    given = model.items.known_rows(query.item_ids)
    if query.item_ids and not query.adds_stored:
        return given
    return np.union1d(given, Contact(history, model.items).basket(now=now))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Complements:
    """By what lies in a basket; where that says too little, by what is popular here.

    The order is the sum of the links that lead from the basket to an item. Popular
    items come after all of these, so they have scores below 0 where pages are arranged.

    Attributes:
        model: Has the links.
        basket: What lies in it, distinct rows.
        popular: For the rest of the page.
        seen: Rows that are left out, ascending.
    """

    model: ServingModel
    basket: I32
    popular: Popular
    seen: I32

    def best(self, permitted: Permitted, count: int, *, excluded: I32 | None) -> Results:
        """Rank in one call, and fill up with what is popular."""
        blocked = _NO_ROWS if excluded is None else excluded
        found = self._linked(permitted.masks, count, blocked)
        linked = Results.of(self.model.items, found.rows, found.scores, self._why(found.rows))
        if len(linked) == count:
            return linked
        rest = self.popular.best(
            permitted, count - len(linked), excluded=np.union1d(blocked, found.rows)
        )
        return linked.followed_by(rest)

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Rank in one call, and fill up with what is popular."""
        found = self._linked(masks or None, count, excluded)
        if len(found.rows) == count:
            return found
        rest = self.popular.search(
            masks, count - len(found.rows), excluded=np.union1d(excluded, found.rows)
        )
        return Candidates(
            np.concatenate([found.rows, rest.rows]),
            np.concatenate([found.scores, rest.scores - 1.0 - rest.scores.max(initial=0.0)]),
        )

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say which item of the basket each goes with best, or on which list it is."""
        partners, strengths = self._partners(rows)
        popular = iter(self.popular.reasons(rows[strengths <= 0.0]))
        mine = iter(_goes_with(self.model, partners[strengths > 0.0]))
        return [next(mine) if strength > 0.0 else next(popular) for strength in strengths.tolist()]

    def _linked(self, masks: Sequence[Mask | U8] | None, count: int, excluded: I32) -> Candidates:
        ranking = self.model.complements(
            self.basket,
            result_count=count,
            excluded=np.concatenate([excluded, self.seen]),
            allowed=masks,
        )
        return Candidates(ranking.rows, ranking.scores)

    def _why(self, rows: I32) -> Sequence[Reason]:
        return _goes_with(self.model, self._partners(rows)[0])

    def _partners(self, rows: I32) -> tuple[I32, NDArray[np.float32]]:
        """Return the item of the basket with the strongest link to each row, and the link."""
        partners = np.zeros(len(rows), dtype=np.int32)
        strengths = np.zeros(len(rows), dtype=np.float32)
        links = self.model.bundle.basket_links
        if links is None:
            return partners, strengths
        for item in self.basket.tolist():
            columns, values = links.row(item)
            if not len(columns):
                continue
            places = np.minimum(np.searchsorted(columns, rows), len(columns) - 1)
            value = np.where(columns[places] == rows, values[places], np.float32(0.0))
            stronger = value > strengths
            partners[stronger] = item
            strengths[stronger] = value[stronger]
        return partners, strengths


def _goes_with(model: ServingModel, partners: I32) -> list[Reason]:
    reasons = {
        row: Reason(kind=ReasonKind.COMPLEMENT, goes_with=ItemId(model.items.id(row)))
        for row in set(partners.tolist())
    }
    return [reasons[row] for row in partners.tolist()]
