"""Offline ranking equals online answers: same weights, same kernel, same fallback."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from recsys.bundle import Bundle, open_bundle
from recsys.domain import Channel, EventType, Identifier, ItemEvent, ItemId, StoreId
from recsys.events import History, OneByOne
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from support.fits import fit_before_cut
from support.shops import START, checkerboard, line, write_dataset
from training.config import SplitConfig, TrainConfig, parse_config
from training.fit import FittedModel
from training.interactions import Events, read_events
from training.publish import bundle_contents
from training.ranking import ModelRanker, RankedItems
from training.split import Split, split_events
from training.testset import TestSet, draw_test_sets

CUT = START + dt.timedelta(days=85)
MODELS = {
    "als": "",
    "bpr": "",
    "lmf": "factors = 8",
    "cosine": "",
    "tfidf": "",
    "bm25": "",
    "popularity": "",
    "ials": "factors = 8",
    "ease": "self_weight = 0.1",
    "cooccurrence": "length_exponent = 0.5",
    "ordered": "gap = 3\nstep_decay = 0.6\nself_weight = 0.5\nnewest_boost = -0.4",
    "blend": """step_decay = 0.6
newest_boost = -2.0
self_weight = 3.0
trend_weight = 0.2
decayed_vectors = true
weights = [1.0, 0.5]
[[model.parts]]
type = "ials"
factors = 8
[[model.parts]]
type = "ordered"
""",
}
"""Models with settings that serving has to follow."""

WITH_PRIORS = {"als", "cooccurrence", "popularity"}
PRIORS = "[priors]\nstore_weight = 3.0\nchannel_weight = 2.0\nbuyers_added = 1.0\n"
"""Stores and channels reorder the lists of people with a history too."""


class StoredHistories(OneByOne):
    """The events of a test set as a history storage: profile number as account."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._types = {member.code: member for member in EventType}
        self._channels = {member.code: member for member in Channel}

    def history(
        self, identifiers: Sequence[Identifier], *, event_count_max: int, **_: object
    ) -> History:
        """Return the newest lines."""
        theirs = np.flatnonzero(self._events.users == int(identifiers[0].value))
        newest = theirs[np.argsort(-self._events.times[theirs], kind="stable")][:event_count_max]
        return History.from_events(
            ItemEvent(
                item_id=ItemId(self._events.item_ids[self._events.items[position]]),
                event_type=self._types[int(self._events.type_codes[position])],
                channel=self._channels.get(int(self._events.channel_codes[position])),
                event_time=float(self._events.times[position]),
            )
            for position in newest
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """The checkerboard with a few cold buyers, cut at day 85."""
    lines = checkerboard()
    for number, (channel, store) in enumerate(
        [("store", "s1"), ("web", None), ("email", None), ("store", "nowhere")]
    ):
        lines.append(
            line(
                f"cold{number}", "i001", "purchase-complete",
                day=95, channel=channel, store_id=store,
            )
        )  # fmt: skip
    lines.append(line("u000", "unheard-of", "purchase-complete", day=96))
    dataset = write_dataset(tmp_path_factory.mktemp("shop") / "data", lines)
    return split_events(read_events(dataset), SplitConfig(cut_time=CUT))


def _published(model: FittedModel, split: Split, folder: Path) -> Bundle:
    from recsys.bundle import write_bundle  # noqa: PLC0415 - as above
    from support.bundles import details  # noqa: PLC0415 - beside its only use

    contents = bundle_contents(model, item_ids=split.before.item_ids)
    contents.details.update(details())
    write_bundle(folder, contents)
    return open_bundle(folder)


def _ids(ranked: RankedItems, split: Split, user: int) -> list[str]:
    items = ranked.items[user, : ranked.counts[user]]
    return [split.before.item_ids[item] for item in items]


@pytest.mark.parametrize("include_seen", [True, False])
@pytest.mark.parametrize("model_type", MODELS)
def test_offline_lists_are_the_servers_answers(
    shop: Split, *, model_type: str, include_seen: bool, tmp_path: Path
) -> None:
    """Item by item, for known and for cold users, with their channel and store."""
    config = parse_config(
        f"[model]\ntype = '{model_type}'\n{MODELS[model_type]}\n[features]\nhalf_life_days = 40.0\n"
        "[features.channel_weights]\nstore = 1.5\n" + (PRIORS if model_type in WITH_PRIORS else "")
    )
    model = fit_before_cut(shop, config)
    assert (model.priors is not None) == (model_type in WITH_PRIORS)
    serving = ServingModel.from_bundle(_published(model, shop, tmp_path / "bundle"))
    recommender = Recommender(histories=StoredHistories(shop.before))
    ranker = ModelRanker(model, item_count=len(shop.before.item_ids), threads=2)
    codes = {member.code: member for member in Channel}
    for test in draw_test_sets(
        shop, user_count_max=100, history_event_count_max=200, rng=np.random.default_rng(0)
    ):
        seen = None if include_seen else test.seen(config.features)
        ranked = ranker.rank(test.asking(ranker), k=10, seen=seen)
        for row, user in enumerate(test.users.tolist()):
            store = int(test.contexts.stores[row])
            answer = recommender.recommend(
                serving,
                RecommendQuery(
                    identifiers=(Identifier("account", str(user)),),
                    channel=codes.get(int(test.contexts.channel_codes[row])),
                    store_id=StoreId(shop.before.store_ids[store]) if store >= 0 else None,
                    result_count=10,
                    include_seen=include_seen,
                ),
                now=shop.cut_time,
            )
            assert _ids(ranked, shop, row) == [result.item_id for result in answer.results], user


def test_cold_users_get_the_list_of_their_store_or_channel(shop: Split) -> None:
    """Store first, then channel, then everything; an unknown store has no list."""
    model = fit_before_cut(shop, TrainConfig())
    _, cold = draw_test_sets(
        shop, user_count_max=100, history_event_count_max=200, rng=np.random.default_rng(0)
    )
    assert len(cold) == 4
    ranker = ModelRanker(model, item_count=len(shop.before.item_ids), threads=1)
    ranked = ranker.rank(cold.asking(ranker), k=5, seen=None)
    starts = ["store:s1", "channel:web", "all", "channel:store"]
    for row, segment in enumerate(starts):
        rows = model.popular.list(segment)[0][:5]
        expected = [shop.before.item_ids[item] for item in model.items[rows]]
        assert _ids(ranked, shop, row)[: len(expected)] == expected, segment


def test_a_short_store_list_is_filled_up_without_repeats(tmp_path: Path) -> None:
    """Each item appears once, the store's own first."""
    lines = [
        line("u1", "a", "purchase-complete", day=1, channel="store", store_id="s1"),
        *[line(f"u{n}", item, "purchase-complete", day=2) for n in (2, 3) for item in ("b", "c")],
        line("u9", "a", "purchase-complete", day=50, channel="store", store_id="s1"),
    ]
    events = read_events(write_dataset(tmp_path / "shop", lines))
    split = split_events(events, SplitConfig(cut_time=START + dt.timedelta(days=40)))
    config = parse_config("[model]\ntype = 'popularity'")
    model = fit_before_cut(split, config)
    _, cold = draw_test_sets(
        split, user_count_max=9, history_event_count_max=9, rng=np.random.default_rng(0)
    )
    ranker = ModelRanker(model, item_count=len(events.item_ids), threads=1)
    ranked = ranker.rank(cold.asking(ranker), k=9, seen=None)
    assert _ids(ranked, split, 0) == ["a", "b", "c"]


def test_histories_are_bounded_as_in_serving(shop: Split) -> None:
    """Only the newest lines count."""
    known, _ = draw_test_sets(
        shop, user_count_max=100, history_event_count_max=3, rng=np.random.default_rng(0)
    )
    for user in known.users:
        kept = np.sort(known.histories.times[known.histories.users == user])
        everything = np.sort(shop.before.times[shop.before.users == user])
        assert kept.tolist() == everything[-3:].tolist()


def test_users_are_drawn_up_to_the_bound(shop: Split) -> None:
    """The draw repeats with its seed and keeps the order of users."""
    drawn: list[TestSet] = [
        draw_test_sets(
            shop, user_count_max=7, history_event_count_max=9, rng=np.random.default_rng(4)
        )[0]
        for _ in range(2)
    ]
    assert len(drawn[0]) == 7
    assert drawn[0].users.tolist() == sorted(drawn[0].users.tolist()) == drawn[1].users.tolist()
