"""What a retailer says of an item."""

from typing import Final

import msgspec

from recsys.domain import ItemId

CATEGORY_SEPARATOR: Final = " > "
"""Between the levels of a category path, such as `Clothing > Shoes`."""


class ItemSummary(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a person needs to recognise an item; empty strings where unknown."""

    item_id: ItemId
    title: str
    category: str = ""
    brand: str = ""
    price: float | None = None
    currency: str = ""


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What one piece costs for some time.

    Attributes:
        amount: A plain decimal number, not negative.
        currency: ISO 4217 code.
        from_time: From when it holds, seconds since 1970-01-01 UTC; None for always.
        until_time: Before when it holds; None for always.
    """

    amount: str
    currency: str
    from_time: float | None = None
    until_time: float | None = None

    def holds(self, now: float) -> bool:
        """Whether it holds at a moment."""
        return _is_within(self.from_time, self.until_time, now)


class Attribute(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The values of one attribute: texts or numbers, never both."""

    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """All that is said of an item. What is not said is empty or None.

    Attributes:
        title: For people.
        category_paths: Such as `Clothing > Shoes`, by `CATEGORY_SEPARATOR`.
        brand: Who makes it.
        prices: Of those that hold at a moment, the last one counts.
        page_url: Where it is sold.
        image_url: How it looks.
        attributes: Whatever else is known.
        available_from_time: From when it may be shown; seconds since 1970-01-01 UTC.
        available_until_time: Before when it may be shown; likewise.
        release_time: Since when it exists; likewise.
        primary_item_id: The item that it is a variant of.
        age_min: How old a buyer must be, in years; 0 for anybody.
        margin: What the retailer earns with one piece, in the currency of its price.
            Never sent to frontends.
    """

    title: str = ""
    category_paths: tuple[str, ...] = ()
    brand: str = ""
    prices: tuple[Price, ...] = ()
    page_url: str = ""
    image_url: str = ""
    attributes: dict[str, Attribute] = {}
    available_from_time: float | None = None
    available_until_time: float | None = None
    release_time: float | None = None
    primary_item_id: str = ""
    age_min: int = 0
    margin: float | None = None

    def price(self, now: float) -> Price | None:
        """Return the price of a moment."""
        return next((one for one in reversed(self.prices) if one.holds(now)), None)

    def is_available(self, now: float) -> bool:
        """Whether it may be shown at a moment."""
        return _is_within(self.available_from_time, self.available_until_time, now)

    def can_turn(self) -> bool:
        """Whether its price or availability depends on the moment at all."""
        return (
            self.available_from_time is not None
            or self.available_until_time is not None
            or any(one.from_time is not None or one.until_time is not None for one in self.prices)
        )

    def turning_times(self) -> tuple[float, ...]:
        """Return the moments at which its price or availability can change, ascending."""
        ends = [self.available_from_time, self.available_until_time]
        for price in self.prices:
            ends += [price.from_time, price.until_time]
        return tuple(sorted({end for end in ends if end is not None}))

    def summary(self, item_id: ItemId, *, now: float) -> ItemSummary:
        """Return what people need to recognise it."""
        price = self.price(now)
        return ItemSummary(
            item_id=item_id,
            title=self.title,
            category=self.category_paths[0] if self.category_paths else "",
            brand=self.brand,
            price=None if price is None else float(price.amount),
            currency="" if price is None else price.currency,
        )


def _is_within(from_time: float | None, until_time: float | None, now: float) -> bool:
    return (from_time is None or from_time <= now) and (until_time is None or now < until_time)
