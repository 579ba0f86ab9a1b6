"""What completes a basket: items that often are in one basket with what lies in this one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import U8
from recsys.domain import ItemId, Reason, ReasonKind
from recsys.events import EMPTY_HISTORY, History
from recsys.recommend.explain import Contacts, strongest
from recsys.recommend.model import ServingModel
from recsys.recommend.query import BasketQuery
from recsys.recommend.splits import Split
from recsys.row_sets import union
from recsys.rules import Candidates
from recsys.rules.contact import Contact
from recsys.scoring import Mask

I32 = NDArray[np.int32]

_NO_ROWS: Final = np.empty(0, dtype=np.int32)
_NO_VALUES: Final = np.empty(0, dtype=np.float32)


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
    return union(given, Contact(history, model.items).basket(now=now))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Complements:
    """By what lies in a basket: the sum of the links that lead from there to an item.

    Attributes:
        model: Has the links.
        basket: What lies in it, distinct rows.
        seen: Rows that are left out, ascending.
    """

    model: ServingModel
    basket: I32
    seen: I32

    def search(self, masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        """Rank in one call; fewer where few are linked."""
        ranking = self.model.complements(
            self.basket,
            result_count=count,
            excluded=np.concatenate([excluded, self.seen]),
            allowed=masks or None,
        )
        return Candidates(ranking.rows, ranking.scores)

    def has(self, rows: I32) -> NDArray[np.bool_]:
        """Say which rows are linked."""
        return self._partners(rows)[1] > 0.0

    def reasons(self, rows: I32) -> Sequence[Reason]:
        """Say which item of the basket each goes with best."""
        partners = self._partners(rows)[0].tolist()
        reasons = {
            row: Reason(kind=ReasonKind.COMPLEMENT, goes_with=ItemId(self.model.items.id(row)))
            for row in set(partners)
        }
        return [reasons[row] for row in partners]

    def split(self, rows: I32) -> Sequence[Split | None]:
        """Say what each item of the basket adds."""
        if not len(rows):
            return []  # Nor need anything lie in the basket then.
        # Of new items nobody knows what they go with.
        known = self.model.bundled(self.basket)
        shares = np.stack([self._links(item, rows) for item in known.tolist()], axis=1)
        nobody = Contacts(self.model, EMPTY_HISTORY)
        totals = shares.astype(np.float64).sum(axis=1).tolist()
        return [
            Split(total, {"basket": total}, strongest(own, known, nobody))
            for total, own in zip(totals, shares, strict=True)
        ]

    def _partners(self, rows: I32) -> tuple[I32, NDArray[np.float32]]:
        """Return the item of the basket with the strongest link to each row, and the link."""
        partners = np.zeros(len(rows), dtype=np.int32)
        strengths = np.zeros(len(rows), dtype=np.float32)
        for item in self.model.bundled(self.basket).tolist():
            value = self._links(item, rows)
            stronger = value > strengths
            partners[stronger] = item
            strengths[stronger] = value[stronger]
        return partners, strengths

    def _links(self, item: int, rows: I32) -> NDArray[np.float32]:
        """Return the links from an item of the basket to some rows, 0 where there is none."""
        links = self.model.bundle.basket_links
        columns, values = (_NO_ROWS, _NO_VALUES) if links is None else links.row(item)
        if not len(columns):
            return np.zeros(len(rows), dtype=np.float32)
        places = np.minimum(np.searchsorted(columns, rows), len(columns) - 1)
        return np.where(columns[places] == rows, values[places], np.float32(0.0))
