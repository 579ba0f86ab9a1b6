"""Pins that an answer goes without, each with the rules that do not let it through."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import ItemIndex
from recsys.domain import ItemId, ShortfallCause
from recsys.rules import InForce
from recsys.rules.permitted import refusing
from recsys.rules.refusals import Refusal

I32 = NDArray[np.int32]

_BLOCKING: Final = (ShortfallCause.EXCLUDED, ShortfallCause.SHOWN)
"""What takes pins away, too; what was seen may be pinned."""

_UNKNOWN: Final = Refusal(
    ShortfallCause.CATALOG, "neither the model nor, as a new item, the catalogue has it"
)


class PinLeftOut(NamedTuple):
    """A pin whose place went to something else.

    Attributes:
        item_id: The item.
        position: The place, from 1.
        refusals: The rules that do not let it through, at least one; the detail is the
            rule alone, and empty where the cause says it all.
    """

    item_id: ItemId
    position: int
    refusals: tuple[Refusal, ...]


def pins_left_out(
    items: ItemIndex,
    in_force: InForce,
    *,
    places: range,
    taken: Mapping[ShortfallCause, I32],
    among: I32 | None,
    absent: ShortfallCause,
) -> Iterator[PinLeftOut]:
    """Say which pins a page goes without.

    Args:
        items: Of the model.
        in_force: The rules; without an arrangement pins do not count.
        places: Those of the page, from 0.
        taken: Rows that the question leaves out, by cause.
        among: The rows that the question is about; None for all items.
        absent: The cause for those that are none of them.
    """
    if in_force.arrangement is None:
        return
    for pin in in_force.rules.pins or ():
        if pin.position - 1 not in places:
            continue
        row = items.row(pin.item_id)
        refusals = [_UNKNOWN]
        if row is not None:
            parts = refusing(in_force.permitted.parts, row)
            refusals = [Refusal(part.cause, part.text) for part in parts]
            refusals += [Refusal(one, "") for one in _BLOCKING if row in taken.get(one, ())]
            if among is not None and row not in among:
                refusals.append(Refusal(absent, ""))
        if refusals:
            yield PinLeftOut(pin.item_id, pin.position, tuple(refusals))


def pinned_position(in_force: InForce, item_id: ItemId) -> int | None:
    """Return the place in which rules pin an item, from 1; None if they do not."""
    pins = in_force.rules.pins or ()
    return next((pin.position for pin in pins if pin.item_id == item_id), None)
