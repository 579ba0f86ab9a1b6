"""What scores are made of, as values."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from recsys.domain import EventType, ItemId
from recsys.recommend.filtered import Filtered
from recsys.recommend.pins import PinLeftOut


class Influence(NamedTuple):
    """What one item of the history adds to a score.

    Attributes:
        item_id: The item.
        value: What it adds.
        contact: What she did with it that says most; None where that is not known.
    """

    item_id: ItemId
    value: float
    contact: EventType | None = None


class Split(NamedTuple):
    """What one score is made of.

    Attributes:
        score: The score, before boosts of rules.
        parts: Its parts; their sum is the score.
        influences: The items of the history, or of the basket, that add most to it, the
            strongest first.
    """

    score: float
    parts: Mapping[str, float]
    influences: tuple[Influence, ...]


class AnswerExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why an answer is as it is.

    Attributes:
        splits: For each result, in their order; None where nothing personal is in its score.
        filtered: What each rule took away that none before it did.
        pins_left_out: Pins of places on the page that are filled with something else.
    """

    splits: tuple[Split | None, ...]
    filtered: tuple[Filtered, ...]
    pins_left_out: tuple[PinLeftOut, ...] = ()
