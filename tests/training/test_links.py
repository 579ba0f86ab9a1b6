"""Item-item weights: hand-computed on five people, against dense algebra on random ones."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.domain import EventType
from support.interactions import BUY, dense_of, from_dense, interactions
from training.models import (
    CooccurrenceConfig,
    EaseConfig,
    Interactions,
    ModelConfig,
    OrderedConfig,
    create_trainer,
)
from training.models import parallel as parallel_module
from training.models.links import make_links
from training.models.ordered import in_sequences
from training.models.popularity import PRIOR_SHARE

VIEW = EventType.DETAIL_PAGE_VIEW


def fitted(config: ModelConfig, data: Interactions) -> np.ndarray:
    """Fit and return the item-item weights as a dense matrix."""
    parts = create_trainer(config).fit(data, seed=0)
    assert parts.item_item is not None
    assert parts.item_item.problem(column_count=data.item_count) is None
    return dense_of(parts.item_item, data.item_count)


FIVE = np.array(
    [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0]], dtype=np.float32
)
"""Five people, four items: 0 and 1 go together three times, 0 and 2, 1 and 2 once, 2 and 3 once."""


@pytest.mark.parametrize(
    ("exponents", "expected"),
    [
        ((0.0, 0.0, 0.0), [[0, 3, 1, 0], [3, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]]),
        # Person 2 has three items, the others that matter two.
        ((1.0, 0.0, 0.0), [[0, 4 / 3, 1 / 3, 0], [4 / 3, 0, 1 / 3, 0], [1 / 3, 1 / 3, 0, 1 / 2],
                           [0, 0, 1 / 2, 0]]),
        # Items have 4, 3, 2 and 1 people.
        ((0.0, 1.0, 0.0), [[0, 3 / 4, 1 / 4, 0], [1, 0, 1 / 3, 0], [1 / 2, 1 / 2, 0, 1 / 2],
                           [0, 0, 1, 0]]),
        ((0.0, 0.0, 0.5), [[0, math.sqrt(3), 1 / math.sqrt(2), 0], [1.5, 0, 1 / math.sqrt(2), 0],
                           [0.5, 1 / math.sqrt(3), 0, 1], [0, 0, 1 / math.sqrt(2), 0]]),
    ],
    ids=["counts", "by person", "by history item", "by candidate"],
)  # fmt: skip
def test_cooccurrence_is_what_one_counts_by_hand(
    exponents: tuple[float, float, float], expected: list[list[float]]
) -> None:
    """Each exponent alone, on five people."""
    user, history, target = exponents
    config = CooccurrenceConfig(
        user_exponent=user, history_exponent=history, target_exponent=target
    )
    np.testing.assert_allclose(fitted(config, from_dense(FIVE)), expected, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    exponents=st.tuples(*[st.sampled_from((0.0, 0.25, 0.5, 1.0))] * 4),
    keep=st.integers(1, 12),
)
def test_cooccurrence_equals_dense_algebra(
    seed: int, exponents: tuple[float, float, float, float], keep: int
) -> None:
    """Any weights, any exponents; each row keeps its largest entries."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 30)), int(rng.integers(1, 12)))
    dense = np.where(rng.random(shape) < 0.4, rng.uniform(0.1, 3.0, shape), 0.0).astype(np.float32)
    user, history, target, weight = exponents
    config = CooccurrenceConfig(
        neighbours=keep, user_exponent=user, history_exponent=history,
        target_exponent=target, weight_exponent=weight,
    )  # fmt: skip
    x = np.where(dense > 0, dense.astype(np.float64) ** weight, 0.0)

    def inverse(sums: np.ndarray, exponent: float) -> np.ndarray:
        return np.where(sums > 0, np.maximum(sums, 1e-300) ** -exponent, 0.0)

    full = (x * inverse(x.sum(axis=1), user)[:, None]).T @ x
    full *= np.outer(inverse(x.sum(axis=0), history), inverse(x.sum(axis=0), target))
    np.fill_diagonal(full, 0.0)
    found = fitted(config, from_dense(dense))
    for row, values in enumerate(full):
        kept = np.sort(values)[::-1][:keep]
        np.testing.assert_allclose(np.sort(found[row])[::-1][:keep], kept, rtol=1e-4, atol=1e-7)
        there = found[row] > 0
        np.testing.assert_allclose(found[row][there], values[there], rtol=1e-4)


def test_llr_is_dunnings_ratio() -> None:
    """3 of 5 have both items, 1 only the first: twice 5 log 5 - 4 log 4 - 3 log 3 + 3 log 3 ..."""
    found = fitted(CooccurrenceConfig(measure="llr"), from_dense(FIVE))

    def part(count: float) -> float:
        return count * math.log(count) if count else 0.0

    # Item 0 has 4 people, item 1 has 3, both have 3, neither 1.
    cells = part(3) + part(1) + part(0) + part(1)
    expected = 2 * (cells - part(4) - part(1) - part(3) - part(2) + part(5))
    assert found[0, 1] == pytest.approx(expected, rel=1e-6)
    assert found[1, 0] == pytest.approx(expected, rel=1e-6)
    # Items 0 and 2 meet once where chance says 4 x 2 / 5 = 1.6 times.
    assert found[0, 2] == 0.0


def test_behaviours_lead_to_each_other_as_told() -> None:
    """Views lead to purchases; purchases lead nowhere, and views are no target."""
    lines = [(0, 0, 1.0), (0, 1, 2.0), (1, 0, 1.0), (1, 1, 2.0), (2, 1, 1.0), (2, 2, 2.0)]
    types = [VIEW, BUY, VIEW, BUY, VIEW, BUY]
    config = CooccurrenceConfig(
        sources={VIEW: 0.5}, targets={BUY: 1.0},
        user_exponent=0.0, history_exponent=0.0, target_exponent=0.0,
    )  # fmt: skip
    found = fitted(config, interactions(lines, item_count=3, types=types))
    # Item 0 was viewed by two who bought 1; item 1 was viewed by one who bought 2.
    np.testing.assert_allclose(found, [[0, 1.0, 0], [0, 0, 0.5], [0, 0, 0]])


def test_people_with_too_much_are_left_out() -> None:
    """A crowd of items in one hand links nothing."""
    config = CooccurrenceConfig(
        user_items_max=2, user_exponent=0.0, history_exponent=0.0, target_exponent=0.0
    )
    found = fitted(config, from_dense(FIVE))
    np.testing.assert_allclose(found, [[0, 2, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (OrderedConfig(gap=1, back=0.0), [[0, 2, 0], [0, 0, 1], [0, 0, 0]]),
        (OrderedConfig(gap=1, back=0.5), [[0, 2, 0], [1, 0, 1], [0, 0.5, 0]]),
        (OrderedConfig(gap=2, decay=0.25, back=0.0), [[0, 2, 0.25], [0, 0, 1], [0, 0, 0]]),
        (OrderedConfig(gap=5, back=0.0, decay=1.0, session_minutes=1.0),
         [[0, 2, 0], [0, 0, 0], [0, 0, 0]]),
    ],
    ids=["next", "and before", "two steps", "within a minute"],
)  # fmt: skip
def test_ordered_pairs_are_what_one_counts_by_hand(
    config: OrderedConfig, expected: list[list[float]]
) -> None:
    """Two people go from 0 to 1 within a minute; one goes on to 2 an hour later."""
    plain = {"history_exponent": 0.0, "target_exponent": 0.0}
    config = type(config)(
        **{name: getattr(config, name) for name in config.__struct_fields__} | plain
    )
    lines = [(0, 0, 0.0), (0, 1, 50.0), (0, 2, 3650.0), (1, 0, 10.0), (1, 1, 20.0)]
    np.testing.assert_allclose(fitted(config, interactions(lines, item_count=3)), expected)


def test_a_basket_is_one_step() -> None:
    """Its lines lead to each other both ways, and all of them to the next basket's."""
    config = OrderedConfig(gap=1, back=0.0, together=0.5, history_exponent=0.0, target_exponent=0.0)
    lines = [(0, 0, 0.0), (0, 1, 0.0), (0, 2, 9.0), (0, 3, 9.0)]
    np.testing.assert_allclose(
        fitted(config, interactions(lines, item_count=4)),
        [[0, 0.5, 1, 1], [0.5, 0, 1, 1], [0, 0, 0, 0.5], [0, 0, 0.5, 0]],
    )


def test_old_pairs_fade() -> None:
    """0 leads to 1 today and a day ago; with a half-life of a day that is 1.5 times."""
    config = OrderedConfig(gap=1, back=0.0, half_life_days=1.0, history_exponent=0.0,
                           target_exponent=0.0)  # fmt: skip
    day = 86_400.0
    lines = [(0, 0, 0.0), (0, 1, 0.5), (1, 0, day), (1, 1, day + 0.5)]
    found = fitted(config, interactions(lines, item_count=2))
    np.testing.assert_allclose(found, [[0, 1.5], [0, 0]], rtol=1e-4)


def test_sequences_and_steps_follow_time() -> None:
    """Lines are put in order; a pause beyond the session begins a sequence."""
    data = interactions([(0, 2, 500.0), (0, 0, 0.0), (0, 1, 0.0), (1, 0, 500.0)], item_count=3)
    assert data.lines is not None
    found = in_sequences(data.lines(), session_minutes=5.0)
    assert data.lines().items[found.order].tolist() == [0, 1, 2, 0]
    assert found.numbers.tolist() == [0, 0, 1, 2]
    assert found.steps.tolist() == [0, 0, 0, 0]
    whole = in_sequences(data.lines(), session_minutes=None)
    assert whole.numbers.tolist() == [0, 0, 0, 1]
    assert whole.steps.tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("user_exponent", [0.0, 0.5])
def test_ease_equals_the_closed_form(user_exponent: float) -> None:
    """B = I - P / diag(P), on a random matrix, over more than one block of rows."""
    rng = np.random.default_rng(4)
    dense = np.where(rng.random((300, 530)) < 0.05, 1.0, 0.0).astype(np.float32)
    dense[:, 0] = 1.0  # Somebody must have something.
    found = fitted(
        EaseConfig(regularization=3.0, neighbours=530, user_exponent=user_exponent),
        from_dense(dense),
    )
    x = dense.astype(np.float64)
    gram = (x * x.sum(axis=1, keepdims=True) ** -user_exponent).T @ x
    inverse = np.linalg.inv(gram + 3.0 * np.eye(530))
    expected = np.eye(530) - inverse / np.diagonal(inverse)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_ease_keeps_what_holds_back_too() -> None:
    """Pruning goes by amount: a strong negative weight stays before a weak positive one."""
    rng = np.random.default_rng(1)
    dense = (rng.random((60, 8)) < 0.5).astype(np.float32)
    dense[:, 1] = 1.0 - dense[:, 0]  # Nobody has both.
    found = fitted(EaseConfig(regularization=1.0, neighbours=1), from_dense(dense))
    assert found[0, 1] < 0.0
    assert np.count_nonzero(found[0]) == 1


def test_ease_refuses_a_large_catalogue() -> None:
    """Before it asks for the memory."""
    with pytest.raises(ValueError, match="3 items at most and there are 4"):
        fitted(EaseConfig(item_count_max=3), from_dense(FIVE))


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are made alone: the same bits from one thread and from many."""
    rng = np.random.default_rng(9)
    dense = np.where(rng.random((200, 90)) < 0.1, rng.uniform(0.1, 2.0, (200, 90)), 0.0)
    data = from_dense(dense.astype(np.float32))
    found = []
    for count in (1, threads):
        monkeypatch.setitem(make_links.__globals__, "thread_count", lambda count=count: count)
        found.append(fitted(CooccurrenceConfig(neighbours=7), data).tobytes())
    assert found[0] == found[1]


def test_self_weights_fill_the_diagonal_and_the_prior_orders_the_rest() -> None:
    """Self weights count besides the neighbours kept; the prior is far below all links."""
    parts = create_trainer(CooccurrenceConfig(neighbours=1, self_weight=2.0)).fit(
        from_dense(FIVE), seed=0
    )
    assert parts.item_item is not None
    assert parts.prior is not None
    found = dense_of(parts.item_item, 4)
    assert np.diagonal(found).tolist() == [2.0] * 4
    assert np.count_nonzero(found, axis=1).tolist() == [2] * 4
    assert parts.prior.argmax() == 0
    smallest = found[found > 0].min()
    assert parts.prior.max() == pytest.approx(PRIOR_SHARE * smallest)


def test_links_below_zero_do_not_turn_the_prior_round() -> None:
    """Items that exclude each other have negative links; what is popular still comes first."""
    either = np.zeros((30, 3), dtype=np.float32)
    either[:, 0] = 1.0
    either[:10, 1] = either[10:20, 2] = 1.0
    parts = create_trainer(EaseConfig(regularization=1.0)).fit(from_dense(either), seed=0)
    assert parts.item_item is not None
    assert parts.prior is not None
    assert parts.item_item.data.min() < 0
    assert parts.prior.argmax() == 0
    assert parts.prior.min() > 0
    assert parts.prior.max() == pytest.approx(PRIOR_SHARE * np.abs(parts.item_item.data).min())


def test_a_popularity_weight_is_of_the_share_of_people() -> None:
    """4, 3, 2 and 1 of 5 people have the items."""
    config = CooccurrenceConfig(popularity_weight=0.5)
    parts = create_trainer(config).fit(from_dense(FIVE), seed=0)
    assert parts.prior is not None
    assert parts.prior.tolist() == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_sharpened_links_are_those_of_the_formula() -> None:
    """W - s W P by dense matrices; links that everything leads to fall below others."""
    rng = np.random.default_rng(4)
    dense = np.where(rng.random((40, 12)) < 0.3, 1.0, 0.0).astype(np.float32)
    config = CooccurrenceConfig(neighbours=12, user_exponent=0.5)
    plain = fitted(config, from_dense(dense))
    sharp = fitted(msgspec.structs.replace(config, sharpness=0.8), from_dense(dense))
    owners, items = dense.sum(axis=1).clip(1), dense.sum(axis=0) ** -0.5
    near = items[:, None] * (dense.T @ (dense / owners[:, None])) * items
    np.fill_diagonal(near, 0.0)
    far = plain @ near
    np.fill_diagonal(far, 0.0)
    np.testing.assert_allclose(sharp, plain - 0.8 * far, atol=1e-6)
    assert sharp.min() < 0 < sharp.max()


def test_order_needs_events() -> None:
    """Sums alone do not say what came first."""
    with pytest.raises(ValueError, match="needs events"):
        fitted(OrderedConfig(), from_dense(FIVE))


def test_slices_cover_all_rows_with_even_work() -> None:
    """Heavy rows stand alone; nothing is left out or twice."""
    work = np.array([1, 1, 1000, 1, 1, 1, 500, 500])
    slices = parallel_module.even_slices(work, count=3)
    assert [row for start, stop in slices for row in range(start, stop)] == list(range(8))
    assert len(slices) <= 3
    assert parallel_module.even_slices(np.array([], dtype=np.int64), count=3) == []
