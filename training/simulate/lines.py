"""Item lines as arrays, from which one block's events table is written."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
import polars as pl

from recsys.domain import Channel, EventType
from training import columns
from training.simulate.catalog import CURRENCY, item_ids
from training.simulate.draw import F64, I64, U64
from training.simulate.people import card_ids, user_ids, visitor_ids
from training.simulate.stores import store_ids

NONE: Final = -1
"""Marks an absent row or number."""

_TYPES: Final = pl.Series([member.value for member in EventType])
_CHANNELS: Final = pl.Series([member.value for member in Channel])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lines:
    """Event lines, one entry each, shape (n,) throughout; `NONE` where absent.

    Attributes:
        event: Number of the event, unique within one `Lines`; lines share it.
        type: `EventType.code`.
        channel: `Channel.code`.
        time: Microseconds since 1970-01-01 UTC.
        user, card: Person named by account or loyalty card.
        visitor: Mark of the browser or app, 0 for none.
        store: Store row.
        session, basket: Numbers, unique within the block.
        item: Item row.
        quantity: Pieces.
        price: Euros a piece; NaN for none.
    """

    event: I64
    type: I64
    channel: I64
    time: I64
    user: I64
    card: I64
    visitor: U64
    store: I64
    session: I64
    basket: I64
    item: I64
    quantity: F64
    price: F64

    def __len__(self) -> int:
        return len(self.event)

    @classmethod
    def build(
        cls,
        *,
        kind: EventType,
        channel: I64 | Channel,
        event: I64,
        time: I64,
        item: I64,
        user: I64 | None = None,
        card: I64 | None = None,
        visitor: U64 | None = None,
        store: I64 | None = None,
        session: I64 | None = None,
        basket: I64 | None = None,
        quantity: F64 | None = None,
        price: F64 | None = None,
    ) -> Self:
        """Collect lines of one kind; what is not given is absent."""
        count = len(event)
        none = np.full(count, NONE)
        return cls(
            event=event,
            type=np.full(count, kind.code),
            channel=np.full(count, channel.code) if isinstance(channel, Channel) else channel,
            time=time,
            user=none if user is None else user,
            card=none if card is None else card,
            visitor=np.zeros(count, dtype=np.uint64) if visitor is None else visitor,
            store=none if store is None else store,
            session=none if session is None else session,
            basket=none if basket is None else basket,
            item=item,
            quantity=np.ones(count) if quantity is None else quantity,
            price=np.full(count, np.nan) if price is None else price,
        )

    def __getitem__(self, picks: I64 | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Self:
        return replace(self, **{f.name: getattr(self, f.name)[picks] for f in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return all lines in one, events renumbered so that they stay apart."""
        renumbered = []
        offset = 0
        for part in parts:
            renumbered.append(replace(part, event=part.event + offset))
            offset += int(part.event.max(initial=-1)) + 1
        return cls(
            **{
                f.name: np.concatenate([getattr(part, f.name) for part in renumbered])
                for f in fields(cls)
            }
        )

    def table(self, *, block: int) -> pl.DataFrame:
        """Return the lines in canonical columns, oldest first."""
        names = pl.Series([f"{block}"])
        frame = pl.DataFrame(
            {
                columns.EVENT_ID: names.new_from_index(0, len(self))
                + "-"
                + pl.Series(self.event).cast(pl.String),
                columns.EVENT_TYPE: _named(self.type, _TYPES),
                columns.EVENT_TIME: pl.Series(self.time).cast(pl.Datetime("us", "UTC")),
                columns.CHANNEL: _named(self.channel, _CHANNELS),
                columns.USER_ID: user_ids(_known(self.user)),
                columns.VISITOR_ID: visitor_ids(
                    pl.Series(self.visitor).set(pl.Series(self.visitor == 0), None)
                ),
                columns.LOYALTY_CARD: card_ids(_known(self.card)),
                columns.STORE_ID: store_ids(_known(self.store)),
                columns.SESSION_ID: _numbered("ses", block, self.session),
                columns.BASKET_ID: _numbered("bas", block, self.basket),
                columns.ITEM_ID: item_ids(_known(self.item)),
                columns.QUANTITY: self.quantity,
                columns.UNIT_PRICE: pl.Series(self.price).fill_nan(None),
                columns.CURRENCY: pl.Series([CURRENCY]).new_from_index(0, len(self)),
            },
            schema=columns.EVENTS,
        )
        priced = pl.col(columns.UNIT_PRICE).is_not_null()
        return frame.with_columns(pl.when(priced).then(columns.CURRENCY)).sort(
            columns.EVENT_TIME, maintain_order=True
        )


def _known(rows: I64) -> pl.Series:
    return pl.Series(rows).set(pl.Series(rows == NONE), None)


def _named(codes: I64, names: pl.Series) -> pl.Series:
    # Codes count from 1 in the order of the enumeration.
    return names.gather(pl.Series(codes - 1))


def _numbered(prefix: str, block: int, numbers: I64) -> pl.Series:
    return f"{prefix}{block}-" + _known(numbers).cast(pl.String)
