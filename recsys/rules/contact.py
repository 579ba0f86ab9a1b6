"""What a history says of single items: what lies in the basket, what was bought, at which price."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import allows
from recsys.bundle import ItemIndex
from recsys.domain import SECONDS_PER_DAY, EventType
from recsys.events import History
from recsys.filters import Columns, NumberColumn
from recsys.filters.columns import taken
from recsys.row_sets import union
from recsys.rules.asked import Asked
from recsys.rules.assortment import Assortment
from recsys.rules.rules import Rules

I32 = NDArray[np.int32]

_BASKET_DAYS: Final = 30.0
"""How long something lies in a basket that nobody has touched since."""

_NO_ROWS: Final = np.empty(0, dtype=np.int32)

_IN: Final = EventType.ADD_TO_CART.code
_BASKET: Final = (
    EventType.ADD_TO_CART.code,
    EventType.REMOVE_FROM_CART.code,
    EventType.PURCHASE_COMPLETE.code,
)
_BOUGHT: Final = EventType.PURCHASE_COMPLETE.code


class Contact:
    """The lines of a history whose items a model knows."""

    def __init__(self, history: History, items: ItemIndex) -> None:
        """Look lines up; a history of a few hundred takes microseconds.

        Args:
            history: What somebody did.
            items: Of the model.
        """
        self._rows, positions = items.find(history.item_ids)
        self._types = history.type_codes[positions]
        self._times = history.event_times[positions]

    def basket(self, *, now: float) -> I32:
        """Return the rows that lie in the basket: put there last, and not bought since."""
        meant = np.isin(self._types, _BASKET) & (self._times > now - _BASKET_DAYS * SECONDS_PER_DAY)
        last: dict[int, int] = {}
        for at in np.argsort(self._times[meant], kind="stable").tolist():
            last[int(self._rows[meant][at])] = int(self._types[meant][at])
        return np.array(sorted(row for row, kind in last.items() if kind == _IN), dtype=np.int32)

    def bought(self) -> tuple[I32, NDArray[np.float64]]:
        """Return the rows that were bought, ascending, and when last."""
        meant = self._types == _BOUGHT
        return last_times(self._rows[meant], self._times[meant])

    def usual_price(self, columns: Columns) -> float | None:
        """Return the median price of what was bought, else of all that was touched; None if unknown."""
        bought = self._price(self._rows[self._types == _BOUGHT], columns)
        return self._price(self._rows, columns) if bought is None else bought

    def _price(self, rows: I32, columns: Columns) -> float | None:
        column = columns.columns.get("price")
        if not isinstance(column, NumberColumn):
            return None
        prices = taken(column, union(rows))
        known = prices[np.isfinite(prices)]
        return float(np.median(known)) if len(known) else None


def last_times(rows: I32, times: NDArray[np.float64]) -> tuple[I32, NDArray[np.float64]]:
    """Return distinct rows, ascending, and the last of each one's times.

    Args:
        rows: In any order, shape (e,).
        times: Of each, shape (e,).
    """
    distinct, where = np.unique(rows, return_inverse=True)
    last = np.full(len(distinct), -np.inf)
    np.maximum.at(last, where, times)
    return distinct.astype(np.int32), last


def contact_of(rules: Rules, asked: Asked, items: ItemIndex) -> Contact | None:
    """Look at what she did, if any rule does."""
    if not (rules.rebuys or rules.exclude_basket or rules.price_band is not None):
        return None
    return Contact(asked.history, items)


def excluded_rows(
    rules: Rules, contact: Contact | None, assortment: Assortment, asked: Asked
) -> I32:
    """Return what may not be shown for what she did with it, ascending."""
    if contact is None:
        return _NO_ROWS
    excluded = [_NO_ROWS]
    if rules.exclude_basket:
        excluded.append(contact.basket(now=asked.now))
    if rules.rebuys:
        rows, times = contact.bought()
        is_open = np.ones(len(rows), dtype=np.bool_)
        for rebuy in rules.rebuys:
            meant = is_open.copy()
            if rebuy.filter:
                bitmap = assortment.filtered(rebuy.filter, now=asked.now).state.bitmap
                meant &= allows(bitmap, rows)
            is_open &= ~meant
            until = times + rebuy.days * SECONDS_PER_DAY
            excluded.append(rows[meant & (until > asked.now)])
    return union(*excluded)
