"""Why an item is where it is in an answer, or why it is not in it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np

from recsys.contributions import PARTS
from recsys.domain import ItemId
from recsys.new_items import LiveItems
from recsys.person_ranker import ItemWeights
from recsys.recommend.influence import influences
from recsys.recommend.model import ServingModel
from recsys.recommend.newcomers import parts_of_new
from recsys.rules.refusals import Refusal
from recsys.scoring import RaggedRows
from recsys.sparse import CsrMatrix

INFLUENCE_COUNT: Final = 3


class Influence(NamedTuple):
    """What one item of the history adds to a score."""

    item_id: ItemId
    value: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item.

    Attributes:
        item_id: The item.
        is_known: Whether the model knows it, or the catalogue has it as a new one.
        position: Its place on the longest page, from 1; None if it is not on it.
        score: What it is ranked by, before boosts of rules; None where nothing personal is.
        parts: The score's parts, by `recsys.contributions.PARTS`; their sum is the score.
        influences: The items of the history that add most to the score, the strongest first.
        refusals: The rules that do not let it through.
        model_version: The model that answered.
    """

    item_id: ItemId
    is_known: bool
    position: int | None = None
    score: float | None = None
    parts: Mapping[str, float] = {}
    influences: tuple[Influence, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    model_version: str = ""


def score_parts(
    model: ServingModel, weights: ItemWeights, row: int, *, prior_row: int
) -> tuple[float, dict[str, float]]:
    """Return the score of one item for a history, and its parts, to the last bit.

    Args:
        model: Scores.
        weights: What the history says; at least one item with a positive weight.
        row: The item.
        prior_row: Of where the answer is shown.
    """
    if isinstance(model.items, LiveItems) and row >= model.items.first_row:
        return parts_of_new(model.vector(weights), model.items, row)
    vector = None if model.fold_in is None else model.vector(weights)[np.newaxis]
    links = weights if weights.links is None else weights.links
    found = model.scorer.contributions(
        vector,
        RaggedRows(np.array([0, 1], dtype=np.int64), np.array([row], dtype=np.int32)),
        history=_row_of(links.rows, links.weights),
        boosts=_row_of(links.boosted, links.boosts),
        prior_rows=np.array([prior_row], dtype=np.int32),
    )
    parts = dict(zip(PARTS, found.parts[0].tolist(), strict=True))
    return float(found.scores()[0]), parts


def strongest(model: ServingModel, weights: ItemWeights, row: int) -> tuple[Influence, ...]:
    """Return the items of a history that add most to one item's score."""
    if isinstance(model.items, LiveItems) and row >= model.items.first_row:
        parts = model.influences_of_new(weights, row)
        return _strongest(model, weights, parts)
    parts = influences(
        model.scorer,
        model.fold_in,
        ranked=np.array([row], dtype=np.int32),
        history=weights,
    )[0]
    return _strongest(model, weights, parts)


def _strongest(
    model: ServingModel, weights: ItemWeights, parts: "np.typing.NDArray[np.float64]"
) -> tuple[Influence, ...]:
    order = np.argsort(-parts, kind="stable")[:INFLUENCE_COUNT].tolist()
    ids = model.items.ids(weights.rows)
    return tuple(Influence(ids[at], float(parts[at])) for at in order if parts[at] > 0.0)


def _row_of(
    rows: "np.typing.NDArray[np.int32]", values: "np.typing.NDArray[np.float32]"
) -> CsrMatrix:
    return CsrMatrix(
        np.array([0, len(rows)], dtype=np.int64), rows, np.ascontiguousarray(values, np.float32)
    )
