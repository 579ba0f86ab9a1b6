"""A page is what going through all items one by one would give, from far fewer of them."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys import limits
from recsys.bitmaps import U8, allows, bits_of, inverse
from recsys.masks import Mask
from recsys.rules import arrangement
from recsys.rules.arrange import arrange
from recsys.rules.arrangement import Arrangement, Candidates, Cap

I32 = NDArray[np.int32]
NONE = np.empty(0, dtype=np.int32)


def bits(rows: Sequence[bool]) -> U8:
    """Pack a bitmap."""
    return np.packbits(np.array(rows, dtype=np.bool_), bitorder="little")


class Shop:
    """Items with scores and brands, and how often they were searched."""

    def __init__(self, scores: Sequence[float], brands: Sequence[int]) -> None:
        self.scores = np.array(scores)
        self.brands = np.array(brands)
        self.searches = 0

    def search(self, masks: Sequence[U8], count: int, *, excluded: I32) -> Candidates:
        """Look at everything."""
        self.searches += 1
        rows = np.lexsort((np.arange(len(self.scores)), -self.scores)).astype(np.int32)
        for mask in masks:
            # No bit past the last item, which the kernel would take for one.
            assert not np.unpackbits(mask, bitorder="little")[len(self.scores) :].any()
            rows = rows[allows(mask, rows)]
        rows = rows[~np.isin(rows, excluded)][:count]
        return Candidates(rows, self.scores[rows])

    def of(self, rows: I32) -> I32:
        """Return their brands."""
        return self.brands[rows].astype(np.int32)

    def without(self, groups: I32) -> U8:
        """Return the rest."""
        return bits(~np.isin(self.brands, groups))

    def vectors(self, rows: I32) -> NDArray[np.float32]:
        """Those of one brand are the same, and nothing like others."""
        return np.ascontiguousarray(np.eye(10, dtype=np.float32)[self.brands[rows] + 1])


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    """Up to forty items, many alike."""
    count = draw(st.integers(1, 40))
    score = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0])
    return Shop(
        draw(st.lists(score, min_size=count, max_size=count)),
        draw(st.lists(st.integers(-1, 4), min_size=count, max_size=count)),
    )


def bitmaps(count: int) -> st.SearchStrategy[list[bool]]:
    """Some of the items."""
    return st.lists(st.booleans(), min_size=count, max_size=count)


@settings(deadline=None, max_examples=300)
@given(data=st.data(), shop=shops(), count=st.integers(0, 45))
def test_boosts_and_caps_are_exact(data: st.DataObject, shop: Shop, count: int) -> None:
    """As if every item had been scored, boosted, sorted, and taken while its brand had room."""
    size = len(shop.scores)
    factors = st.sampled_from([0.25, 0.5, 2.0, 8.0])
    boosts = data.draw(st.lists(st.tuples(bitmaps(size), factors), max_size=3))
    caps = data.draw(st.lists(st.integers(1, 4), max_size=2))
    excluded = set(data.draw(st.lists(st.integers(0, size - 1), max_size=5)))
    pool = data.draw(st.sampled_from([limits.CANDIDATE_COUNT_MAX, 3]))
    spare = data.draw(st.sampled_from([8, 0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CANDIDATE_COUNT_MAX", pool)
        patch.setattr(arrangement, "_SPARE_MIN", spare)
        page = arrange(
            shop.search,
            Arrangement(
                row_count=size,
                boosts=[(bits(rows), factor) for rows, factor in boosts],
                caps=[Cap(groups=shop, count_max=most) for most in caps],
            ),
            count=count,
            excluded=np.array(sorted(excluded), dtype=np.int32),
        )
    boosted = shop.scores.copy()
    for row in range(size):
        factor = next((factor for rows, factor in boosts if rows[row]), 1.0)
        boosted[row] = boosted[row] * factor if boosted[row] >= 0 else boosted[row] / factor
    expected: list[int] = []
    counts: dict[int, int] = {}
    for row in sorted(set(range(size)) - excluded, key=lambda row: (-boosted[row], row)):
        brand = int(shop.brands[row])
        if len(expected) < count and (brand < 0 or counts.get(brand, 0) < min([*caps, 99])):
            expected.append(row)
            counts[brand] = counts.get(brand, 0) + 1
    assert page.rows.tolist() == expected
    assert page.scores.tolist() == boosted[expected].tolist()


@settings(deadline=None, max_examples=300)
@given(data=st.data(), shop=shops(), count=st.integers(1, 20))
def test_every_rule_is_kept(data: st.DataObject, shop: Shop, count: int) -> None:
    """Pins have their places, caps hold, shares are met where they can be, pages are full."""
    size = len(shop.scores)
    pins = data.draw(st.dictionaries(st.integers(0, count - 1), st.integers(0, size - 1)))
    pins = {place: row for place, row in pins.items() if list(pins.values()).count(row) == 1}
    share_rows = data.draw(bitmaps(size))
    least = data.draw(st.integers(0, count))
    most = data.draw(st.none() | st.integers(1, 3))
    page = arrange(
        shop.search,
        Arrangement(
            row_count=size,
            pins=pins,
            caps=[] if most is None else [Cap(groups=shop, count_max=most)],
            shares=[(bits(share_rows), least)] if least else [],
            diversity=data.draw(st.sampled_from([0.0, 0.5, 1.0])),
            likeness=shop,
        ),
        count=count,
        excluded=NONE,
    )
    rows = page.rows.tolist()
    assert len(set(rows)) == len(rows) <= count
    free = [row for row in rows if row not in pins.values()]
    if len(rows) == count:
        assert all(rows[place] == row for place, row in pins.items())
    assert set(pins.values()) <= set(rows)
    brands = shop.brands[free].tolist() if free else []
    if most is None:
        assert len(rows) == min(count, size)
        held = sum(share_rows[row] for row in rows)
        # What is pinned takes room that the share cannot have.
        assert held >= min(least, sum(share_rows), count - len(set(pins.values())))
    else:
        pinned = shop.brands[list(pins.values())].tolist()
        for brand in set(brands) - {-1}:
            assert brands.count(brand) + pinned.count(brand) <= max(most, pinned.count(brand))
        if len(rows) < count:
            for row in set(range(size)) - set(rows):
                assert brands.count(shop.brands[row]) + pinned.count(shop.brands[row]) >= most


def test_diversity_trades_score_for_difference() -> None:
    """At 0 the best, at 1 first the best and then what is unlike it."""
    shop = Shop([5.0, 4.0, 3.0, 2.0], [1, 1, 1, 2])

    def page(diversity: float) -> list[int]:
        how = Arrangement(
            row_count=4,
            diversity=diversity,
            likeness=shop,
        )
        found: list[int] = arrange(shop.search, how, count=3, excluded=NONE).rows.tolist()
        return found

    assert page(0.0) == [0, 1, 2]
    assert page(0.6) == [0, 3, 1]
    assert page(1.0)[:2] == [0, 3]


def test_pins_without_the_rest_stand_alone() -> None:
    """Nothing is invented around them."""
    shop = Shop([1.0], [0])
    how = Arrangement(row_count=1, pins={4: 0})
    page = arrange(shop.search, how, count=5, excluded=NONE)
    assert page.rows.tolist() == [0]
    assert np.isnan(page.scores).all()


@given(rows=st.lists(st.booleans(), min_size=1, max_size=40))
def test_the_inverse_has_no_bits_past_the_end(rows: list[bool]) -> None:
    """Twice is what it was."""
    bitmap = bits(rows)
    found = np.unpackbits(inverse(bitmap, len(rows)), bitorder="little")
    assert found[: len(rows)].tolist() == [not one for one in rows]
    assert not found[len(rows) :].any()
    assert inverse(inverse(bitmap, len(rows)), len(rows)).tolist() == bitmap.tolist()


def test_an_item_whose_boost_ends_meanwhile_is_there_once() -> None:
    """The catalogue changes between the searches for one page."""
    shop = Shop([3.0, 2.0, 1.0], [0, 0, 0])
    boosted = Mask(bits([False, False, True]), item_count=3)
    gone = np.array([2], dtype=np.int32)

    def search(masks: Sequence[Mask | U8], count: int, *, excluded: I32) -> Candidates:
        found = shop.search([bits_of(mask) for mask in masks], count, excluded=excluded)
        boosted.change(forbid=gone)
        return found

    how = Arrangement(row_count=3, boosts=[(boosted, 8.0)])
    assert arrange(search, how, count=3, excluded=NONE).rows.tolist() == [2, 0, 1]


@settings(deadline=None, max_examples=300)
@given(
    data=st.data(),
    shop=shops(),
    count=st.integers(1, 20),
    trade=st.sampled_from([0.25, 0.5, 0.75, 1.0]),
)
def test_diversity_is_maximal_marginal_relevance(
    data: st.DataObject, shop: Shop, count: int, trade: float
) -> None:
    """As choosing one after the other, by score and by what the page has already."""
    size = len(shop.scores)
    pinned = data.draw(st.none() | st.integers(0, size - 1))
    pins = {} if pinned is None else {0: pinned}
    how = Arrangement(row_count=size, pins=pins, diversity=trade, likeness=shop)
    page = arrange(shop.search, how, count=count, excluded=NONE).rows.tolist()
    left = sorted(set(range(size)) - set(pins.values()), key=lambda row: (-shop.scores[row], row))
    scores = shop.scores[left]
    span = np.ptp(scores) if left else 0.0
    values = (scores - scores.min()) / span if span else np.ones(len(left))
    expected = list(pins.values())
    while len(expected) < min(count, size):
        like = [
            float(any(shop.brands[row] == shop.brands[one] for one in expected)) for row in left
        ]
        worth = (1.0 - trade) * values - trade * np.array(like)
        best = max(
            (at for at in range(len(left)) if left[at] not in expected), key=worth.__getitem__
        )
        expected.append(left[best])
    assert page == expected
