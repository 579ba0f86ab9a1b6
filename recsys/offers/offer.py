"""What an offer is: what she gets, on what, who may have it, when, and how much it may cost.

Money is whole millionths of the offer's currency, so that sums are exact and fit into the
integers of every database.
"""

from typing import Final, TypeAlias

import msgspec

from recsys.catalog import Place
from recsys.domain import Channel, ItemId, StoreId
from recsys.offers.times import Hours

MICROS_PER_UNIT: Final = 1_000_000
"""What amounts of money are counted in: millionths of a euro, a pound and so on."""


class PercentOff(msgspec.Struct, frozen=True, tag="percent", tag_field="type"):
    """A share of the price less.

    Attributes:
        percent: Above 0, up to 100.
    """

    percent: float


class AmountOff(msgspec.Struct, frozen=True, tag="amount", tag_field="type"):
    """An amount less.

    Attributes:
        amount_micros: In the offer's currency, positive.
    """

    amount_micros: int


class BuyAndGet(msgspec.Struct, frozen=True, tag="buy-and-get", tag_field="type"):
    """More pieces for the price of some.

    Attributes:
        buy_count: Pieces that are paid for.
        get_count: Pieces that come on top.
    """

    buy_count: int
    get_count: int


class Gift(msgspec.Struct, frozen=True, tag="gift", tag_field="type"):
    """An item for nothing, with what is bought."""

    item_id: ItemId


class FreeDelivery(msgspec.Struct, frozen=True, tag="free-delivery", tag_field="type"):
    """Delivery for nothing."""


class Points(msgspec.Struct, frozen=True, tag="points", tag_field="type"):
    """Points of a loyalty programme."""

    point_count: int


class Sample(msgspec.Struct, frozen=True, tag="sample", tag_field="type"):
    """A trial of an item for nothing, whatever is bought."""

    item_id: ItemId


Benefit: TypeAlias = PercentOff | AmountOff | BuyAndGet | Gift | FreeDelivery | Points | Sample


class Scope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The items that an offer is about. Without any list or filter: the whole basket.

    Attributes:
        item_ids: These items;
        category_paths: and all in these categories, such as `Clothing > Shoes`;
        brands: and all of these brands,
        filter: as far as they pass this filter; alone, all that pass it.
    """

    item_ids: tuple[ItemId, ...] = ()
    category_paths: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    filter: str = ""

    @property
    def is_basket(self) -> bool:
        """Whether it is about the basket as a whole."""
        return not (self.item_ids or self.category_paths or self.brands or self.filter)


class Circle(msgspec.Struct, frozen=True):
    """All that is near a point.

    Attributes:
        latitude: Degrees north.
        longitude: Degrees east.
        radius_km: Along the ground.
    """

    latitude: float
    longitude: float
    radius_km: float


class Polygon(msgspec.Struct, frozen=True):
    """What lies within corners, joined by lines that are straight on a map of degrees.

    Attributes:
        corners: At least three, in their order; the last is joined to the first.
    """

    corners: tuple[Place, ...]


class Geofence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where somebody must be: in any of these.

    Attributes:
        circles: Around points.
        polygons: Cities, countries, whatever has a border.
        store_radius_km: Around each of the offer's stores, or around every physical store
            if it names none; None for no such circles.
    """

    circles: tuple[Circle, ...] = ()
    polygons: tuple[Polygon, ...] = ()
    store_radius_km: float | None = None

    @property
    def is_anywhere(self) -> bool:
        """Whether it asks for no place."""
        return not (self.circles or self.polygons or self.store_radius_km is not None)


class Eligibility(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who may have an offer, and where. What is empty asks for nothing.

    Attributes:
        person_filter: What must be true of her, in the filter language over PEOPLE_SCHEMA.
        basket_filter: What must be true of an item in the basket, over items.
        loyalty_tiers: One of these.
        new_customers_only: Whether she must not have bought anything yet.
        channels: One of these.
        store_ids: The request's store must be one of these.
        geofence: Where she must be.
        basket_micros_min: What the basket must cost at least.
    """

    person_filter: str = ""
    basket_filter: str = ""
    loyalty_tiers: tuple[str, ...] = ()
    new_customers_only: bool = False
    channels: tuple[Channel, ...] = ()
    store_ids: tuple[StoreId, ...] = ()
    geofence: Geofence = Geofence()
    basket_micros_min: int = 0


class Cap(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often one person may use an offer, over all channels.

    Attributes:
        count: So often,
        days: in any span of so many days; None for ever.
    """

    count: int
    days: float | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A discount, gift, sample, points or free delivery.

    Attributes:
        title: For people.
        benefit: What she gets.
        currency: ISO 4217 code of all its amounts.
        scope: On what.
        eligibility: Who and where.
        from_time: From when it holds, seconds since 1970-01-01 UTC; None for always.
        until_time: Before when it holds; None for ever.
        hours: When within that; empty for always.
        time_zone: IANA name by which hours count; empty for that of the request's store,
            or UTC.
        stacking_group: Of offers of one group a person gets one at a time; empty for none.
        stacks_on: The offer on top of which alone it may be used; empty for none.
        priority: Offers of a higher one come first, whatever they are worth.
        value_micros: What the retailer earns with the incremental basket, before the cost.
        cost_micros: What a use costs him, unless the use itself says.
        budget_micros: What all uses together may cost; None for no bound.
        unit_count: How many uses there may be; None for no bound.
        caps: How often one person may use it; all of them hold.
        holdout_share: Share of people who never get it, so that its effect can be
            measured.
    """

    title: str = ""
    benefit: Benefit
    currency: str
    scope: Scope = Scope()
    eligibility: Eligibility = Eligibility()
    from_time: float | None = None
    until_time: float | None = None
    hours: tuple[Hours, ...] = ()
    time_zone: str = ""
    stacking_group: str = ""
    stacks_on: str = ""
    priority: int = 0
    value_micros: int = 0
    cost_micros: int = 0
    budget_micros: int | None = None
    unit_count: int | None = None
    caps: tuple[Cap, ...] = ()
    holdout_share: float = 0.0
