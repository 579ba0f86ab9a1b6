"""From what is asked to what is in force for one answer."""

import math
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bundle import ItemIndex
from recsys.catalog import STORE_ONLINE, CatalogFeed, Place, place_of
from recsys.domain import SECONDS_PER_DAY, ItemId, ShortfallCause, StockRule, StoreId
from recsys.errors import FieldViolation, InvalidRequest, StorageUnavailable
from recsys.events import History
from recsys.filters import Columns, InvalidFilter
from recsys.rules.arrange import Arrangement, Cap, Similarity
from recsys.rules.assortment import Assortment
from recsys.rules.contact import Contact
from recsys.rules.filtered import item_filter
from recsys.rules.likeness import FieldGroups, FieldLikeness, VectorLikeness
from recsys.rules.permitted import U8, Part, Permitted, allows, refusing
from recsys.rules.placements import Placements
from recsys.rules.refusals import Refusal, refusals
from recsys.rules.rules import NO_RULES, Rules
from recsys.scoring import Mask

I32 = NDArray[np.int32]

NOTE_STOCK_UNAVAILABLE: Final = "stock-unavailable"
NOTE_CATALOG_UNAVAILABLE: Final = "catalog-unavailable"
NOTE_PIN_LEFT_OUT: Final = "pin-left-out"

_STORE_MISSING: Final = "is missing; the rule in_stock = 'store' needs it"
_PLACE_MISSING: Final = "is missing, and so is store_id; the rule in_stock = 'nearby' needs one"
_PRICE_DIGITS: Final = 2
_NO_ROWS: Final = np.empty(0, dtype=np.int32)


class Model(Protocol):
    """A model, as far as rules look at one."""

    @property
    def items(self) -> ItemIndex:
        """Its items."""
        ...

    @property
    def item_factors(self) -> NDArray[np.float32] | None:
        """Their vectors, float32, shape (n, f), if it has any."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What rules are looked up and resolved for.

    Attributes:
        placement: The slot of the frontend.
        rules: The request's own.
        store_id: Of the context.
        place: Of the context.
        buyer_age: How old the buyer is, in years; None if it is not said.
        history: What is known that she did, and may be used.
        now: Seconds since 1970-01-01 UTC.
    """

    placement: str
    rules: Rules
    store_id: StoreId | None
    place: Place | None
    buyer_age: int | None
    history: History
    now: float

    @property
    def asks_nothing(self) -> bool:
        """Whether neither the request nor where it comes from restricts anything."""
        return self.rules is NO_RULES and self.store_id is None and self.buyer_age is None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InForce:
    """Rules as they are for one answer.

    Attributes:
        rules: The placement's and the request's in one.
        permitted: What may appear.
        excluded: Rows that may not, for what she did with them; ascending.
        arrangement: How the page is put together; None for simply the best.
    """

    rules: Rules
    permitted: Permitted
    excluded: I32
    arrangement: Arrangement | None


class Permissions:
    """Knows what may be shown of each model in service. Safe to share between threads."""

    def __init__(self, catalog: CatalogFeed, placements: Placements) -> None:
        """Follow a catalogue.

        Args:
            catalog: What changes.
            placements: The rules of each.
        """
        self.placements = placements
        self._catalog = catalog
        # A model that is not in service any more takes its assortment along.
        self._assortments: weakref.WeakKeyDictionary[Model, Assortment]
        self._assortments = weakref.WeakKeyDictionary()
        self._plain: weakref.WeakKeyDictionary[Assortment, InForce] = weakref.WeakKeyDictionary()

    def prepare(self, model: Model, *, now: float) -> None:
        """Read what the catalogue says of a model's items; raises StorageUnavailable."""
        self._assortment(model).refresh(now=now)

    def in_force(self, model: Model, asked: Asked, *, count: int, notes: set[str]) -> InForce:
        """Resolve the rules of a request, as of this moment.

        Args:
            model: Whose items.
            asked: By whom, where and what.
            count: Results wanted.
            notes: Gets what had to be done without.

        Raises:
            InvalidRequest: The rules need a store and none is named, or a filter of the
                request is wrong.
        """
        placed = self.placements.of(asked.placement)
        assortment = self._fresh(model, notes, now=asked.now)
        if asked.asks_nothing and placed is NO_RULES:
            return self._whatever(assortment)
        rules = placed if asked.rules is NO_RULES else asked.rules.over(placed)
        contact = _contact(rules, asked, model)
        permitted = Permitted(
            len(model.items),
            tuple(self._parts(asked, (placed, rules), assortment, contact, notes)),
        )
        excluded = _NO_ROWS if contact is None else _excluded(rules, contact, assortment, asked)
        arrangement = None
        if rules.arranges:
            arrangement = _arrangement(
                rules, permitted, assortment, model, count=count, notes=notes, now=asked.now
            )
        return InForce(rules=rules, permitted=permitted, excluded=excluded, arrangement=arrangement)

    @property
    def catalog(self) -> CatalogFeed:
        """What is followed."""
        return self._catalog

    def refusals(
        self, in_force: InForce, row: int, item_id: ItemId, *, now: float
    ) -> list[Refusal]:
        """Say which rules do not let an item through, and why; raises StorageUnavailable."""
        parts = refusing(in_force.permitted.parts, row)
        return refusals(parts, item_id, self._catalog, now=now)

    def _whatever(self, assortment: Assortment) -> InForce:
        """Return what is in force where nobody asks for anything, which is most of the time."""
        found = self._plain.get(assortment)
        # What is offered is one mask, which changes; but first there may be none.
        if found is None or bool(found.permitted.parts) != (assortment.offered is not None):
            parts: tuple[Part, ...] = ()
            if assortment.offered is not None:
                parts = (Part(ShortfallCause.NOT_OFFERED, assortment.offered),)
            permitted = Permitted(assortment.item_count, parts)
            found = self._plain[assortment] = InForce(
                rules=NO_RULES, permitted=permitted, excluded=_NO_ROWS, arrangement=None
            )
        return found

    def _parts(
        self,
        asked: Asked,
        rules: tuple[Rules, Rules],
        assortment: Assortment,
        contact: Contact | None,
        notes: set[str],
    ) -> Iterator[Part]:
        placed, both = rules
        rule = both.in_stock or StockRule.AUTO
        if rule is StockRule.STORE and asked.store_id is None:
            raise InvalidRequest([FieldViolation("context.store_id", _STORE_MISSING)])
        if rule is StockRule.NEARBY and asked.store_id is None and asked.place is None:
            raise InvalidRequest([FieldViolation("context.place", _PLACE_MISSING)])
        if assortment.offered is not None:
            yield Part(ShortfallCause.NOT_OFFERED, assortment.offered)
        stores = _stores_of(rule, both, asked, assortment)
        if stores is not None:
            stocked = self._in_stock(rule, stores, asked, assortment, notes)
            if stocked is not None:
                yield Part(ShortfallCause.OUT_OF_STOCK, stocked, ", ".join(stores))
        if asked.rules.filter:
            _check_filter(asked.rules.filter)
        expressions = [
            (ShortfallCause.FILTERED, expression)
            for expression in (placed.filter, asked.rules.filter)
            if expression
        ]
        expressions += _generated(both, asked, assortment.columns, contact)
        for cause, expression in expressions:
            mask = assortment.filtered(expression, now=asked.now)
            yield Part(cause, mask, expression)

    def _in_stock(
        self,
        rule: StockRule,
        stores: Sequence[StoreId],
        asked: Asked,
        assortment: Assortment,
        notes: set[str],
    ) -> Mask | U8 | None:
        """Return what any of some stores has; None where that is not known and need not be."""
        masks = [_stocked(assortment, store, notes, now=asked.now) for store in stores]
        known = [mask for mask in masks if mask is not None]
        if len(known) == 1:
            return known[0]
        if rule is StockRule.AUTO:
            return None
        # Better nothing than what somebody comes for in vain.
        united = np.zeros((assortment.item_count + 7) // 8, dtype=np.uint8)
        for mask in known:
            united |= mask.state.bitmap
        return united

    def _fresh(self, model: Model, notes: set[str], *, now: float) -> Assortment:
        assortment = self._assortment(model)
        try:
            assortment.refresh(now=now)
        except StorageUnavailable:
            # What was known a moment ago is better than nothing, and than everything.
            notes.add(NOTE_CATALOG_UNAVAILABLE)
        return assortment

    def _assortment(self, model: Model) -> Assortment:
        found = self._assortments.get(model)
        if found is None:
            found = self._assortments.setdefault(model, Assortment(model.items, self._catalog))
        return found


def _stores_of(
    rule: StockRule, rules: Rules, asked: Asked, assortment: Assortment
) -> Sequence[StoreId] | None:
    """Return whose stock is meant; None where stock is not looked at."""
    match rule:
        case StockRule.ANYWHERE:
            return None
        case StockRule.ONLINE:
            return (STORE_ONLINE,)
        case StockRule.STORE:
            return () if asked.store_id is None else (asked.store_id,)
        case StockRule.AUTO:
            is_known = asked.store_id is not None and asked.store_id in assortment.stores
            return (asked.store_id,) if is_known and asked.store_id else None
        case StockRule.NEARBY:
            return _stores_nearby(rules, asked, assortment)


def _stores_nearby(rules: Rules, asked: Asked, assortment: Assortment) -> Sequence[StoreId]:
    store = None if asked.store_id is None else assortment.stores.get(asked.store_id)
    place = asked.place or place_of(store)
    if place is None:
        # A store whose place nobody knows is near itself.
        return () if asked.store_id is None else (asked.store_id,)
    near = assortment.map.nearest(
        place,
        count_max=rules.nearby_count or limits.NEARBY_COUNT_DEFAULT,
        km_max=limits.NEARBY_KM_DEFAULT if rules.nearby_km is None else rules.nearby_km,
    )
    return [one.store_id for one in near]


def _stocked(
    assortment: Assortment, store_id: StoreId, notes: set[str], *, now: float
) -> Mask | None:
    """Return what a store has; None if that cannot be said."""
    try:
        stocked = assortment.stocked(store_id, now=now)
    except StorageUnavailable:
        stocked = None
    if stocked is None:
        notes.add(NOTE_STOCK_UNAVAILABLE)
    return stocked


def _check_filter(expression: str) -> None:
    try:
        item_filter(expression)
    except InvalidFilter as error:
        raise InvalidRequest([FieldViolation("rules.filter", f"is wrong: {error}")]) from error


def _generated(
    rules: Rules, asked: Asked, columns: Columns, contact: Contact | None
) -> Iterator[tuple[ShortfallCause, str]]:
    """Yield what rules say as filters."""
    if asked.buyer_age is not None:
        yield ShortfallCause.AGE, f"NOT age_min > {asked.buyer_age}"
    elif rules.age_restricted is False:
        yield ShortfallCause.AGE, "NOT age_min > 0"
    if rules.newer_than_days is not None:
        seconds = round(rules.newer_than_days * SECONDS_PER_DAY)
        yield ShortfallCause.FILTERED, f"release_time >= now - {seconds}s"
    if rules.price_band is not None and contact is not None:
        usual = contact.usual_price(columns)
        if usual is not None:
            low = rounded_price(usual * max(0.0, 1.0 - rules.price_band))
            high = rounded_price(usual * (1.0 + rules.price_band))
            yield ShortfallCause.PRICE, f"price >= {low} AND price <= {high}"


def rounded_price(price: float) -> str:
    """Round a price to two digits, so that people of like habits share a mask."""
    if price <= 0.0:
        return "0"
    return f"{round(price, _PRICE_DIGITS - 1 - math.floor(math.log10(price))):.6f}"


def _contact(rules: Rules, asked: Asked, model: Model) -> Contact | None:
    """Look at what she did, if any rule does."""
    if not (rules.rebuys or rules.exclude_basket or rules.price_band is not None):
        return None
    return Contact(asked.history, model.items)


def _excluded(rules: Rules, contact: Contact, assortment: Assortment, asked: Asked) -> I32:
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
    return np.unique(np.concatenate(excluded))


def _arrangement(
    rules: Rules,
    permitted: Permitted,
    assortment: Assortment,
    model: Model,
    *,
    count: int,
    notes: set[str],
    now: float,
) -> Arrangement:
    columns = assortment.columns
    return Arrangement(
        item_count=len(model.items),
        boosts=[
            (assortment.filtered(boost.filter, now=now).state.bitmap, boost.factor)
            for boost in rules.boosts or ()
        ],
        pins=_pins(rules, permitted, model.items, notes),
        caps=[
            Cap(groups=FieldGroups(columns, cap.field), count_max=cap.count_max)
            for cap in rules.caps or ()
        ],
        shares=[
            (
                assortment.filtered(share.filter, now=now).state.bitmap,
                math.ceil(share.share * count),
            )
            for share in rules.shares or ()
        ],
        diversity=rules.diversity or 0.0,
        similarity=_similarity(model, columns),
    )


def _pins(rules: Rules, permitted: Permitted, items: ItemIndex, notes: set[str]) -> dict[int, int]:
    bitmap = permitted.bitmap()
    pins: dict[int, int] = {}
    for pin in rules.pins or ():
        row = items.row(pin.item_id)
        is_permitted = row is not None and (
            bitmap is None or bool(allows(bitmap, np.array([row], dtype=np.int32))[0])
        )
        if row is None or not is_permitted:
            notes.add(NOTE_PIN_LEFT_OUT)
        else:
            pins[pin.position - 1] = int(row)
    return pins


def _similarity(model: Model, columns: Columns) -> Similarity:
    if model.item_factors is None:
        return FieldLikeness(FieldGroups(columns, "category"))
    return VectorLikeness(model.item_factors)
