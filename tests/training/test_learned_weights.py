"""Weights are learned from purchases that were hidden with everything that gives them away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.domain import Channel, EventType
from recsys.features import FeatureConfig
from training.config import LearnConfig, TrainConfig
from training.hidden_purchases import hide_newest_purchases
from training.interactions import NO_STORE, Events
from training.learned_weights import learn_features, with_learned_weights

VIEW, CLICK = EventType.DETAIL_PAGE_VIEW, EventType.CLICK
BUY = EventType.PURCHASE_COMPLETE
ITEMS = 40


def _events(lines: list[tuple[int, int, int, int, float]], *, users: int) -> Events:
    """Make events of (user, item, type code, channel code, time), in the order of `read_events`."""
    table = np.array(sorted(lines, key=lambda line: (line[0], line[1], line[4])), dtype=float)
    table = table.reshape(-1, 5)
    return Events(
        users=table[:, 0].astype(np.int32),
        items=table[:, 1].astype(np.int32),
        type_codes=table[:, 2].astype(np.uint8),
        channel_codes=table[:, 3].astype(np.uint8),
        stores=np.full(len(table), NO_STORE, dtype=np.int32),
        times=table[:, 4],
        user_count=users,
        item_ids=[f"i{item:03}" for item in range(ITEMS)],
        store_ids=[],
    )


def _shop(telling: tuple[EventType, Channel], idle: tuple[EventType, Channel]) -> Events:
    """People buy within their half of the catalogue; only one kind of line shows which it is."""
    rng = np.random.default_rng(5)
    lines = []
    for user in range(300):
        mine = rng.permutation(np.arange(user % 2, ITEMS, 2))
        anything = rng.permutation(ITEMS)
        for step in range(6):
            lines.append((user, int(mine[step]), telling[0].code, telling[1].code, float(step)))
            lines.append((user, int(anything[step]), idle[0].code, idle[1].code, float(step)))
        lines += [(user, int(mine[6 + step]), BUY.code, 1, 10.0 + step) for step in range(2)]
    return _events(lines, users=300)


def _learned(events: Events, features: FeatureConfig | None = None) -> FeatureConfig:
    return learn_features(
        events,
        features or FeatureConfig(),
        user_count_max=1_000,
        rng=np.random.default_rng(0),
    ).features


@pytest.mark.parametrize(("telling", "idle"), [(VIEW, CLICK), (CLICK, VIEW)])
def test_the_type_of_event_that_tells_gets_the_weight(telling: EventType, idle: EventType) -> None:
    """Both begin equal, whichever of them it is."""
    found = _learned(_shop((telling, Channel.WEB), (idle, Channel.WEB))).event_weights
    assert found[telling] > 2 * found[idle]
    assert max(found.values()) == 1.0


def test_the_channel_that_tells_gets_the_weight() -> None:
    """Of the same type of event."""
    found = _learned(_shop((VIEW, Channel.MOBILE_APP), (VIEW, Channel.WEB)))
    assert found.channel_weights[Channel.MOBILE_APP] > 3 * found.channel_weights[Channel.WEB]


def test_learned_weights_make_hidden_purchases_likelier() -> None:
    """Than the configured ones, which are among those that could be learned."""
    learned = learn_features(
        _shop((VIEW, Channel.WEB), (CLICK, Channel.WEB)),
        FeatureConfig(),
        user_count_max=1_000,
        rng=np.random.default_rng(0),
    )
    assert learned.log_likelihood > learned.log_likelihood_before + 0.1
    assert learned.user_count == 300


def test_what_nothing_is_known_of_stays() -> None:
    """Types without lines keep their weight; what takes back follows what it takes back."""
    start = FeatureConfig()
    found = _learned(_shop((VIEW, Channel.WEB), (CLICK, Channel.WEB))).event_weights
    for unseen in (EventType.ADD_TO_WISHLIST, EventType.OFFER_REDEEM, EventType.ADD_TO_CART):
        assert found[unseen] == start.event_weights[unseen]
    assert found[EventType.RETURN] == pytest.approx(-found[BUY])
    assert found.keys() == start.event_weights.keys()


def test_one_type_on_one_channel_leaves_nothing_to_learn() -> None:
    """Its weight is 1, and no factor appears for its channel."""
    found = _learned(_shop((BUY, Channel.STORE), (BUY, Channel.STORE)))
    assert found.event_weights[BUY] == 1.0
    only = _events(
        [(user, user % 5 + step, BUY.code, 3, float(step)) for user in range(9) for step in (0, 1)],
        users=9,
    )
    assert _learned(only).channel_weights == {}


@pytest.mark.parametrize(
    "lines",
    [
        [(0, 1, VIEW.code, 1, 0.0)],
        [(0, 1, BUY.code, 1, 0.0), (1, 1, BUY.code, 1, 3.0)],
        [(0, 1, VIEW.code, 1, 0.0), (0, 1, BUY.code, 1, 1.0)],
        [(0, 1, EventType.SEARCH.code, 1, 0.0), (0, 2, BUY.code, 1, 1.0)],
        [(0, 1, EventType.RETURN.code, 1, 0.0), (0, 2, BUY.code, 1, 1.0)],
    ],
    ids=["no purchase", "nothing before", "only the item itself", "no contact", "only returns"],
)
def test_without_a_history_before_a_purchase_nothing_changes(
    lines: list[tuple[int, int, int, int, float]],
) -> None:
    """And nothing fails."""
    config = TrainConfig(learn=LearnConfig(weights=True))
    found, facts = with_learned_weights(config, _events(lines, users=2), seed=1)
    assert found.features == config.features
    assert facts["user_count"] == 0.0


def test_the_same_seed_gives_the_same_weights() -> None:
    """Also where people are drawn."""
    events = _shop((VIEW, Channel.WEB), (CLICK, Channel.WEB))
    config = TrainConfig(learn=LearnConfig(weights=True, user_count_max=50))
    one, two = (with_learned_weights(config, events, seed=7) for _ in range(2))
    assert one == two
    assert one[1]["user_count"] == 50.0


def test_nothing_is_learned_unless_asked_for() -> None:
    """The configuration comes back as it is."""
    config = TrainConfig()
    events = _shop((VIEW, Channel.WEB), (CLICK, Channel.WEB))
    assert with_learned_weights(config, events, seed=0) == (config, {})


_LINE = st.tuples(
    st.integers(0, 4),
    st.integers(0, 7),
    st.sampled_from([VIEW.code, BUY.code, EventType.RETURN.code]),
    st.integers(0, 3),
    st.integers(0, 6).map(float),
)


@settings(max_examples=60)
@given(lines=st.lists(_LINE, min_size=1, max_size=40), asked=st.integers(1, 5))
def test_nothing_gives_a_hidden_purchase_away(
    lines: list[tuple[int, int, int, int, float]], asked: int
) -> None:
    """Of those asked about, only lines before their newest purchase are left, of other items."""
    events = _events(lines, users=5)
    hidden = hide_newest_purchases(
        events, user_count_max=asked, line_count_max=1_000, rng=np.random.default_rng(2)
    )
    assert len(hidden.users) <= asked
    for row, user in enumerate(hidden.users.tolist()):
        mine = events.users == user
        bought = mine & (events.type_codes == BUY.code)
        newest = events.times[bought].max()
        targets = set(events.items[bought & (events.times == newest)].tolist())
        start, stop = hidden.targets.indptr[row : row + 2]
        assert set(hidden.targets.items[start:stop].tolist()) == targets
        for left in (hidden.rest, hidden.histories):
            theirs = left.users == user
            assert np.all(left.times[theirs] < newest)
            assert targets.isdisjoint(left.items[theirs].tolist())
    others = ~np.isin(events.users, hidden.users)
    assert np.count_nonzero(~np.isin(hidden.rest.users, hidden.users)) == np.count_nonzero(others)
    assert np.all(hidden.ages > 0)


def test_many_lines_are_thinned_by_leaving_others_out() -> None:
    """Those who are asked about stay whole."""
    events = _shop((VIEW, Channel.WEB), (CLICK, Channel.WEB))
    hidden = hide_newest_purchases(
        events, user_count_max=10, line_count_max=1_000, rng=np.random.default_rng(3)
    )
    assert len(hidden.rest) < 2_000
    assert np.isin(hidden.users, hidden.rest.users).all()
