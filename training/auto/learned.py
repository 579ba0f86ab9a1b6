"""Weights of events from the lines themselves, as one more place to begin."""

import numpy as np

from recsys.domain import EventType
from training.auto.portfolio import LearnedWeights
from training.config import LearnConfig, TrainConfig
from training.interactions import Events
from training.learned_weights import learn_features

_DIGITS = 3


def learned_weights(events: Events, *, seed: int) -> LearnedWeights | None:
    """Learn what events weigh; None where there is one kind on one channel, or no purchase.

    Args:
        events: Lines that everybody who is asked may know: those before the oldest cut.
        seed: Source of the sample of people.
    """
    bought = events.type_codes == EventType.PURCHASE_COMPLETE.code
    kinds = len(np.unique(events.type_codes)), len(np.unique(events.channel_codes))
    if max(kinds) < 2 or not bought.any():  # noqa: PLR2004 - one says nothing of another
        return None
    found = learn_features(
        events,
        TrainConfig().features,
        user_count_max=LearnConfig().user_count_max,
        rng=np.random.default_rng(seed),
    )
    weights = found.features.event_weights
    purchase = weights[EventType.PURCHASE_COMPLETE]
    if not found.user_count or purchase <= 0:
        return None
    return LearnedWeights(
        browse=round(weights[EventType.DETAIL_PAGE_VIEW] / purchase, _DIGITS),
        cart=round(weights[EventType.ADD_TO_CART] / purchase, _DIGITS),
        channels=found.features.channel_weights,
    )
