"""Asking a bundle what a server would ask it, before anybody follows it."""

import math

from recsys.bundle import Bundle
from recsys.domain import EventType, ItemEvent
from recsys.errors import BundleCorrupt, BundleError, RecsysError
from recsys.events import NoHistories
from recsys.recommend import Recommender, RecommendQuery, ServingModel

_QUESTION_COUNT = 5
_RESULT_COUNT = 20


def check_answers(bundle: Bundle) -> None:
    """Answer for a stranger and for people with one item each, through the server's code.

    Args:
        bundle: A verified bundle.

    Raises:
        BundleError: It cannot be served, answers nothing, or with scores that are no
            numbers.
    """
    try:
        model = ServingModel.from_bundle(bundle)
        recommender = Recommender(histories=NoHistories())
        rows = range(0, len(bundle.items), max(1, len(bundle.items) // _QUESTION_COUNT))
        bought = [
            ItemEvent(
                item_id=bundle.items.id(row),
                event_type=EventType.PURCHASE_COMPLETE,
                channel=None,
                event_time=0.0,
            )
            for row in rows
        ]
        for events in ((), *((event,) for event in bought)):
            query = RecommendQuery(
                recent_events=events, result_count=_RESULT_COUNT, include_seen=True
            )
            results = recommender.recommend(model, query, now=0.0).results
            if not len(results) or not all(math.isfinite(result.score) for result in results):
                raise BundleCorrupt(
                    path=bundle.manifest.model_version,
                    problem=f"the serving check got {len(results)} results for a person with "
                    f"{len(events)} events, or scores that are no numbers",
                )
    except BundleError:
        raise
    except (RecsysError, ValueError) as error:
        raise BundleCorrupt(
            path=bundle.manifest.model_version, problem=f"the serving check failed: {error}"
        ) from error
