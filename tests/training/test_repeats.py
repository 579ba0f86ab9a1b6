"""Self weights follow how often buyers of an item buy it again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.domain import EventType
from support.interactions import from_dense, interactions
from training.models import (
    BlendConfig,
    CooccurrenceConfig,
    Interactions,
    ModelParts,
    create_trainer,
)
from training.models.repeats import repeat_scales

DAY = 86_400.0
MILK, GIFT = 0, 1


def _shop() -> Interactions:
    """Twenty people buy milk every day and the gift on one day, some of them twice."""
    lines = [(user, MILK, day * DAY) for user in range(20) for day in range(3)]
    lines += [(user, GIFT, moment) for user in range(20) for moment in (0.0, 600.0)]
    lines += [(user, 2 + user % 3, 5 * DAY) for user in range(20)]
    return interactions(lines, item_count=6)


def _diagonal(parts: ModelParts) -> list[float]:
    assert parts.item_item is not None
    found = []
    for row in range(parts.item_item.row_count):
        columns, values = parts.item_item.row(row)
        found.append(float(values[columns == row].sum()))
    return found


def test_what_is_bought_again_gets_more() -> None:
    """Worked out by hand: 20 of 60 pairs of buyer and item are repeats, all of milk."""
    usual = 20 / 60
    expected = np.array([20, 0, 0, 0, 0, 0]) + 10 * usual
    expected /= np.array([20, 20, 7, 7, 6, 0]) + 10
    np.testing.assert_allclose(repeat_scales(_shop(), exponent=1.0), expected / usual)


def test_two_lines_of_one_day_are_one_purchase() -> None:
    """A gift on two lines of a day is no repeat."""
    scales = repeat_scales(_shop(), exponent=1.0)
    assert scales[MILK] > 1 > scales[GIFT]


def test_a_single_repeat_among_thousands_says_nothing_of_the_other_items() -> None:
    """That nobody bought a popular item twice is no news where nobody buys anything twice."""
    lines = [(user, user % 2, 0.0) for user in range(4_000)] + [(0, 0, DAY)]
    scales = repeat_scales(interactions(lines, item_count=3), exponent=1.0)
    assert scales.min() > 0.4
    assert scales.max() < 2.0


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_without_repeats_all_items_are_alike(exponent: float) -> None:
    """Views on many days are none, and neither are purchases of one."""
    lines = [(user, user % 3, day * DAY) for user in range(6) for day in range(2)]
    views = [EventType.DETAIL_PAGE_VIEW] * len(lines)
    seen = interactions(lines, item_count=4, types=views)
    assert repeat_scales(seen, exponent=exponent).tolist() == [1.0] * 4


def test_nothing_but_the_exponent_asks_for_events() -> None:
    """Sums alone are enough where scales are all 1; else the error says what is missing."""
    sums = from_dense(np.ones((2, 3), dtype=np.float32))
    assert repeat_scales(sums, exponent=0.0).tolist() == [1.0] * 3
    with pytest.raises(ValueError, match="needs events"):
        repeat_scales(sums, exponent=1.0)


def test_rows_carry_the_scaled_weight() -> None:
    """Of item-item trainers and of blends; in a blend in typical scores."""
    shop = _shop()
    scales = repeat_scales(shop, exponent=0.5)
    part = CooccurrenceConfig(self_weight=3.0, repeat_exponent=0.5)
    own = _diagonal(create_trainer(part).fit(shop, seed=0))
    np.testing.assert_allclose(own, 3.0 * scales, rtol=1e-6)
    blend = BlendConfig(
        self_weight=3.0, repeat_exponent=0.5, weights=(1.0,), parts=(CooccurrenceConfig(),)
    )
    blended = np.array(_diagonal(create_trainer(blend).fit(shop, seed=0)))
    np.testing.assert_allclose(blended / blended[0], scales / scales[0], rtol=1e-6)


def test_a_part_of_a_blend_says_nothing_of_repeats() -> None:
    """The blend does, as for self weights."""
    with pytest.raises(ValueError, match="repeat_exponent of a part is not used"):
        BlendConfig(parts=(CooccurrenceConfig(repeat_exponent=1.0),))


_LINES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 5).map(lambda d: d * DAY)),
    min_size=1,
    max_size=40,
)


@given(lines=_LINES, exponent=st.floats(0.0, 2.0))
def test_scales_are_positive_and_keep_their_order_at_any_exponent(
    lines: list[tuple[int, int, float]], exponent: float
) -> None:
    """More repeats never lower an item's weight, and 1 stays where nothing is known."""
    shop = interactions(lines, item_count=5)
    plain, scales = repeat_scales(shop, exponent=1.0), repeat_scales(shop, exponent=exponent)
    assert np.all(scales > 0)
    np.testing.assert_allclose(scales, plain**exponent, rtol=1e-12)
    assert scales[4] == pytest.approx(1.0)
