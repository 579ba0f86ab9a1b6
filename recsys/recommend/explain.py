"""Why an item is where it is in an answer, or why it is not in it."""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.contributions import PARTS
from recsys.domain import EventType, ItemId
from recsys.events import EMPTY_HISTORY, History
from recsys.new_items import LiveItems
from recsys.person_ranker import ItemWeights
from recsys.recommend.influence import influences
from recsys.recommend.message_keys import BECAUSE
from recsys.recommend.model import ServingModel
from recsys.recommend.newcomers import parts_of_new
from recsys.recommend.splits import Influence, Split
from recsys.rules.refusals import Refusal
from recsys.scoring import RaggedRows
from recsys.sparse import CsrMatrix

INFLUENCE_COUNT: Final = 3

_CONTACTS: Final = tuple(BECAUSE)
_PLACES: Final = {kind.code: place for place, kind in enumerate(_CONTACTS)}


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
        pinned_position: The place in which rules pin it, from 1; None if they do not. What
            is not known or refused is not shown there either.
        model_version: The model that answered.
    """

    item_id: ItemId
    is_known: bool
    position: int | None = None
    score: float | None = None
    parts: Mapping[str, float] = {}
    influences: tuple[Influence, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    pinned_position: int | None = None
    model_version: str = ""


def split_rows(
    model: ServingModel,
    weights: ItemWeights,
    rows: NDArray[np.int32],
    *,
    prior_row: int,
    history: History = EMPTY_HISTORY,
) -> list[Split]:
    """Say what the scores of some items are made of, to the last bit.

    Args:
        model: Scores.
        weights: What the history says; at least one item with a positive weight.
        rows: The items.
        prior_row: Of where the answer is shown.
        history: Says what she did with the items that matter.
    """
    is_new = model.items.is_new(rows)
    contacts = Contacts(model, history)
    known = iter(_split_known(model, weights, rows[~is_new], contacts, prior_row=prior_row))
    return [
        _split_new(model, weights, row, contacts) if new else next(known)
        for row, new in zip(rows.tolist(), is_new.tolist(), strict=True)
    ]


def _split_new(model: ServingModel, weights: ItemWeights, row: int, contacts: "Contacts") -> Split:
    assert isinstance(model.items, LiveItems)  # Others have no new ones.
    score, parts = parts_of_new(model.vector(weights), model.items, row)
    return Split(
        score, parts, strongest(model.influences_of_new(weights, row), weights.rows, contacts)
    )


def _split_known(
    model: ServingModel,
    weights: ItemWeights,
    rows: NDArray[np.int32],
    contacts: "Contacts",
    *,
    prior_row: int,
) -> list[Split]:
    if not len(rows):
        return []
    vector = None if model.fold_in is None else model.vector(weights)[np.newaxis]
    links = weights if weights.links is None else weights.links
    found = model.scorer.contributions(
        vector,
        RaggedRows.one(rows),
        history=CsrMatrix.of([links.rows], [links.weights]),
        boosts=CsrMatrix.of([links.boosted], [links.boosts]),
        prior_rows=np.array([prior_row], dtype=np.int32),
    )
    shares = influences(model.scorer, model.fold_in, ranked=rows, history=weights)
    return [
        Split(score, dict(zip(PARTS, parts, strict=True)), strongest(own, weights.rows, contacts))
        for score, parts, own in zip(
            found.scores().tolist(), found.parts.tolist(), shares, strict=True
        )
    ]


def strongest(
    shares: NDArray[np.floating], rows: NDArray[np.int32], contacts: "Contacts"
) -> tuple[Influence, ...]:
    """Return the items that add most to one score.

    Args:
        shares: What each adds, shape (h,).
        rows: Which they are, shape (h,).
        contacts: Says what she did with them.
    """
    order = np.argsort(-shares, kind="stable")[:INFLUENCE_COUNT]
    order = order[shares[order] > 0.0]
    named = contacts.of(rows[order])
    return tuple(
        Influence(item_id, float(share), contact)
        for (item_id, contact), share in zip(named, shares[order].tolist(), strict=True)
    )


class Contacts:
    """What somebody did with items."""

    def __init__(self, model: ServingModel, history: History) -> None:
        """Look at a history; nothing is looked up before it is asked for."""
        self._items = model.items
        self._history = history
        self._strongest: dict[int, EventType] | None = None

    def of(self, rows: NDArray[np.int32]) -> list[tuple[ItemId, EventType | None]]:
        """Return the ids of some items, and her strongest contact with each; None for no such."""
        if self._strongest is None:
            self._strongest = self._looked_up()
        return [
            (item_id, self._strongest.get(row))
            for item_id, row in zip(self._items.ids(rows), rows.tolist(), strict=True)
        ]

    def _looked_up(self) -> dict[int, EventType]:
        if not len(self._history):
            return {}
        rows, positions = self._items.find(self._history.item_ids)
        places: dict[int, int] = {}
        # A loop, because most histories here are a handful of lines.
        for row, code in zip(
            rows.tolist(), self._history.type_codes[positions].tolist(), strict=True
        ):
            place = _PLACES.get(code)
            if place is not None and place < places.get(row, len(_PLACES)):
                places[row] = place
        return {row: _CONTACTS[place] for row, place in places.items()}
