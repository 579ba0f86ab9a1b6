"""What a placement, or a single request, asks of the items in its answers."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from recsys import limits
from recsys.domain import ItemId, StockRule


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the rules."""


class Boost(_Part, frozen=True):
    """Show some items further up, or further down.

    Attributes:
        filter: Which.
        factor: By what their scores are multiplied; below 1 buries them. A score below
            0 is divided by it.
    """

    filter: str
    factor: float


class Pin(_Part, frozen=True):
    """Show an item in a place of its own.

    Attributes:
        item_id: Which. It is left out if the other rules do not allow it.
        position: Where, from 1.
    """

    item_id: ItemId
    position: int


class Cap(_Part, frozen=True):
    """Show at most so many items of one brand, category or other text.

    Attributes:
        field: What they have in common: `brand`, `category` or `attributes.` and a name.
        count_max: How many of each, at least 1.
    """

    field: str
    count_max: int


class Share(_Part, frozen=True):
    """Keep a part of the page for some items, if there are as many.

    Attributes:
        filter: Which.
        share: Of the page, above 0 and at most 1; rounded up to whole items.
    """

    filter: str
    share: float


class Rebuy(_Part, frozen=True):
    """After how long something is bought again.

    Attributes:
        filter: What; empty for everything.
        days: How long it is left out after a purchase, 0 and above.
    """

    days: float
    filter: str = ""


class Rules(_Part, frozen=True):
    """What is asked. What is None is not said.

    Attributes:
        filter: Which items may be shown, in the filter language; empty for all.
        in_stock: Where they must be in stock.
        nearby_km: How far away a store is near, in kilometres as the crow flies.
        nearby_count: How many of those stores count, the nearest ones.
        include_seen: Whether items that the person has had contact with may be shown.
        rebuys: For how long items that she bought are left out, also where seen ones are
            shown. The first that has an item counts.
        exclude_basket: Whether items that lie in her basket are left out.
        newer_than_days: Only items that were released so long ago at most; above 0.
        age_restricted: Whether items with an age limit may be shown to somebody whose age
            is not said.
        price_band: Only items whose price is within this part of what she usually pays;
            0.5 is from half of it to one and a half. Above 0. Without a habit, any.
        boosts: The first that has an item counts.
        pins: No two of one position or item.
        caps: At most so many of each.
        shares: Parts of the page.
        diversity: From 0, the best items, to 1, the most different ones.
        new_share: The part of the page that is kept for items that the model does not know
            yet, if there are as many; by turns.
        one_variant: Whether at most one of each item and its variants is in an answer;
            None for yes.
    """

    filter: str | None = None
    in_stock: StockRule | None = None
    nearby_km: float | None = None
    nearby_count: int | None = None
    include_seen: bool | None = None
    rebuys: tuple[Rebuy, ...] | None = None
    exclude_basket: bool | None = None
    newer_than_days: float | None = None
    age_restricted: bool | None = None
    price_band: float | None = None
    boosts: tuple[Boost, ...] | None = None
    pins: tuple[Pin, ...] | None = None
    caps: tuple[Cap, ...] | None = None
    shares: tuple[Share, ...] | None = None
    diversity: float | None = None
    one_variant: bool | None = None
    new_share: float | None = None

    def over(self, others: "Rules") -> "Rules":
        """Return these rules, and the others where these say nothing."""
        return self if others is NO_RULES else msgspec.structs.replace(others, **dict(_said(self)))

    def filters(self) -> Iterator[tuple[str, str]]:
        """Yield each place that holds a filter, and the filter."""
        if self.filter:
            yield "filter", self.filter
        lists: dict[str, Sequence[Boost | Share | Rebuy]] = {
            "boosts": self.boosts or (),
            "shares": self.shares or (),
            "rebuys": self.rebuys or (),
        }
        for name, parts in lists.items():
            for at, part in enumerate(parts):
                if part.filter:
                    yield f"{name}[{at}].filter", part.filter

    @property
    def arranges(self) -> bool:
        """Whether a page is more than the best items that may be shown."""
        return bool(
            self.boosts
            or self.pins
            or self.caps
            or self.shares
            or (self.diversity or 0.0) > 0.0
            or (self.new_share or 0.0) > 0.0
        )

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield each field that is out of its bounds, and what is allowed. Filters are not read."""
        yield from _ranged("nearby_km", self.nearby_km, low=0.0, high=_NEARBY_KM_MAX)
        if self.nearby_count is not None and not 1 <= self.nearby_count <= limits.NEARBY_COUNT_MAX:
            found = f"is {self.nearby_count}; allowed 1 to {limits.NEARBY_COUNT_MAX}"
            yield "nearby_count", found
        yield from _ranged("newer_than_days", self.newer_than_days, low=0.0, high=_DAYS_MAX)
        yield from _ranged("price_band", self.price_band, low=0.0, high=_PRICE_BAND_MAX)
        yield from _ranged("diversity", self.diversity, low=0.0, high=1.0)
        yield from _ranged("new_share", self.new_share, low=0.0, high=1.0)
        for name, parts, count_max in (
            ("boosts", self.boosts, limits.BOOST_COUNT_MAX),
            ("pins", self.pins, limits.PIN_COUNT_MAX),
            ("caps", self.caps, limits.CAP_COUNT_MAX),
            ("shares", self.shares, limits.SHARE_COUNT_MAX),
            ("rebuys", self.rebuys, limits.REBUY_COUNT_MAX),
        ):
            if len(parts or ()) > count_max:
                yield name, f"has {len(parts or ())} entries; allowed 0 to {count_max}"
        for at, boost in enumerate(self.boosts or ()):
            if not boost.filter:
                yield f"boosts[{at}].filter", "is missing"
            yield from _ranged(
                f"boosts[{at}].factor", boost.factor,
                low=limits.BOOST_FACTOR_MIN, high=limits.BOOST_FACTOR_MAX,
            )  # fmt: skip
        yield from self._problems_of_pins()
        for at, cap in enumerate(self.caps or ()):
            if not 1 <= cap.count_max <= limits.RESULT_COUNT_MAX:
                found = f"is {cap.count_max}; allowed 1 to {limits.RESULT_COUNT_MAX}"
                yield f"caps[{at}].count_max", found
            if not cap.field:
                yield f"caps[{at}].field", "is missing"
        yield from self._problems_of_shares()
        for at, rebuy in enumerate(self.rebuys or ()):
            yield from _ranged(f"rebuys[{at}].days", rebuy.days, low=0.0, high=_DAYS_MAX)

    def _problems_of_pins(self) -> Iterator[tuple[str, str]]:
        positions: set[int] = set()
        items: set[str] = set()
        for at, pin in enumerate(self.pins or ()):
            if not 1 <= pin.position <= limits.RESULT_COUNT_MAX:
                found = f"is {pin.position}; allowed 1 to {limits.RESULT_COUNT_MAX}"
                yield f"pins[{at}].position", found
            if pin.position in positions:
                yield f"pins[{at}].position", f"is {pin.position}, as of another pin"
            if pin.item_id in items:
                yield f"pins[{at}].item_id", "is pinned twice"
            positions.add(pin.position)
            items.add(pin.item_id)

    def _problems_of_shares(self) -> Iterator[tuple[str, str]]:
        total = self.new_share or 0.0
        for at, share in enumerate(self.shares or ()):
            if not share.filter:
                yield f"shares[{at}].filter", "is missing"
            yield from _ranged(f"shares[{at}].share", share.share, low=0.0, high=1.0)
            total += share.share
        if total > 1.0:
            yield "shares", f"and new_share add up to {total:g}; allowed 0 to 1"


NO_RULES = Rules()

_DAYS_MAX: Final = 36_525.0
_PRICE_BAND_MAX: Final = 1_000.0
_NEARBY_KM_MAX: Final = 1_000.0


def _said(rules: Rules) -> Iterator[tuple[str, object]]:
    for name in rules.__struct_fields__:
        value = getattr(rules, name)
        if value is not None:
            yield name, value


def _ranged(
    name: str, value: float | None, *, low: float, high: float
) -> Iterator[tuple[str, str]]:
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        yield name, f"is {value:g}; allowed {low:g} to {high:g}"
