"""From rules to how a page is put together."""

import math
from collections.abc import Iterator

import numpy as np

from recsys.bitmaps import U8, allows
from recsys.bundle import ItemIndex
from recsys.filters import Columns
from recsys.rules.arrangement import Arrangement, Cap, Likeness
from recsys.rules.asked import NOTE_PIN_LEFT_OUT, Asked, Model
from recsys.rules.assortment import Assortment
from recsys.rules.likeness import FieldGroups, FieldLikeness, VectorLikeness
from recsys.rules.permitted import Permitted
from recsys.rules.rules import Rules
from recsys.rules.variants import variant_cap


def arrangement_of(
    rules: Rules,
    permitted: Permitted,
    assortment: Assortment,
    model: Model,
    asked: Asked,
    *,
    count: int,
    notes: set[str],
) -> Arrangement | None:
    """Say how a page is put together; None for simply the best.

    Args:
        rules: In force.
        permitted: What may appear.
        assortment: Knows the items.
        model: Has their vectors.
        asked: For whom, and when.
        count: Results wanted.
        notes: Gets a note if a pin is left out.
    """
    columns = assortment.columns
    variants = None if rules.one_variant is False else variant_cap(columns, model.items)
    if not rules.arranges and variants is None:
        return None
    return Arrangement(
        row_count=assortment.row_count,
        boosts=[
            (assortment.filtered(boost.filter, now=asked.now), boost.factor)
            for boost in rules.boosts or ()
        ],
        pins=_pins(rules, permitted, model.items, notes),
        caps=[
            *(() if variants is None else (variants,)),
            *(
                Cap(
                    groups=FieldGroups(columns, cap.field),
                    count_max=cap.count_max,
                    text=f"{cap.field}: {cap.count_max}",
                )
                for cap in rules.caps or ()
            ),
        ],
        shares=[
            *(
                (
                    assortment.filtered(share.filter, now=asked.now),
                    math.ceil(share.share * count),
                )
                for share in rules.shares or ()
            ),
            *_new_share(rules, permitted, assortment, asked, count=count),
        ],
        diversity=rules.diversity or 0.0,
        likeness=_likeness(model, columns),
    )


def _new_share(
    rules: Rules, permitted: Permitted, assortment: Assortment, asked: Asked, *, count: int
) -> Iterator[tuple[U8, int]]:
    """Yield the new items whose turn it is, and how many places they get."""
    place_count = math.ceil((rules.new_share or 0.0) * count)
    if place_count:
        drawn = assortment.lots.drawn(permitted, asked, place_count=place_count)
        if drawn is not None:
            yield drawn, place_count


def _pins(rules: Rules, permitted: Permitted, items: ItemIndex, notes: set[str]) -> dict[int, int]:
    if not rules.pins:
        return {}
    bitmap = permitted.bitmap()
    pins: dict[int, int] = {}
    for pin in rules.pins:
        row = items.row(pin.item_id)
        is_permitted = row is not None and (
            bitmap is None or bool(allows(bitmap, np.array([row], dtype=np.int32))[0])
        )
        if row is None or not is_permitted:
            notes.add(NOTE_PIN_LEFT_OUT)
        else:
            pins[pin.position - 1] = int(row)
    return pins


def _likeness(model: Model, columns: Columns) -> Likeness:
    if model.item_factors is None:
        return FieldLikeness(FieldGroups(columns, "category"))
    return VectorLikeness(model.vectors_of)
