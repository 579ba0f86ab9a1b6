"""What must be taken out of messages that are about to be sent: items that may not be shown now."""

from collections.abc import Sequence

import numpy as np

from recsys.bitmaps import allows
from recsys.campaigns.batch_types import BatchQuery
from recsys.domain import ItemId
from recsys.events import EMPTY_HISTORY
from recsys.recommend import Recommender, ServingModel


def withdrawn(
    recommender: Recommender,
    model: ServingModel,
    query: BatchQuery,
    items: Sequence[Sequence[ItemId]],
    *,
    now: float,
) -> list[list[ItemId]]:
    """Return of some lists the items that may not be shown any more: not offered, not in stock.

    What each person did is not looked at. An item that the model does not know any more may be
    shown as long as the catalogue offers it.

    Args:
        recommender: Knows what may be shown.
        model: Knows the items.
        query: As it was asked.
        items: Of each person.
        now: Seconds since 1970-01-01 UTC.
    """
    in_force = recommender.in_force(model, query.question, EMPTY_HISTORY, set(), now=now)
    bitmap = in_force.permitted.bitmap()
    wanted = list(dict.fromkeys(one for some in items for one in some))
    rows, positions = model.items.find(wanted)
    known = {wanted[at] for at in positions.tolist()}
    gone: set[ItemId] = set()
    if bitmap is not None and len(rows):
        refused = ~allows(bitmap, np.asarray(rows))
        gone = {wanted[at] for at in positions[refused].tolist()}
    unknown = [one for one in wanted if one not in known]
    catalog = recommender.permissions.catalog
    if unknown and catalog.last_seq():
        there = catalog.find_items(unknown)
        gone |= {one for one in unknown if one not in there or not there[one].is_available(now)}
    return [[one for one in some if one in gone] for some in items]
