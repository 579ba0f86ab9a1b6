"""What goes together, and what is bought again, where the truth is planted."""

import numpy as np
import pytest

from recsys.domain import SECONDS_PER_DAY, EventType
from training.baskets import basket_links, baskets_of
from training.config import BasketsConfig
from training.interactions import NO_STORE, Events
from training.rebuys import rebuys_of

BUY, CART, VIEW = (
    EventType.PURCHASE_COMPLETE.code,
    EventType.ADD_TO_CART.code,
    EventType.DETAIL_PAGE_VIEW.code,
)


def events(lines: list[tuple[int, int, float, int]]) -> Events:
    """Lines of (user, item, minutes, type), as an import leaves them."""
    users, items, minutes, types = (np.array(column) for column in zip(*lines, strict=True))
    order = np.lexsort((minutes, items, users))
    count = int(items.max()) + 1
    return Events(
        users=users[order].astype(np.int32),
        items=items[order].astype(np.int32),
        type_codes=types[order].astype(np.uint8),
        channel_codes=np.zeros(len(order), dtype=np.uint8),
        stores=np.full(len(order), NO_STORE, dtype=np.int32),
        times=minutes[order] * 60.0,
        user_count=int(users.max()) + 1,
        item_ids=[f"i{item:03d}" for item in range(count)],
        store_ids=[],
    )


def every(events: Events) -> np.ndarray:
    """Rows of a model that has all items."""
    return np.arange(len(events.item_ids), dtype=np.int32)


def test_baskets_end_with_a_pause_and_hold_each_item_once() -> None:
    """What is put into the cart and bought within the hour is one basket; views are none."""
    found = baskets_of(
        events(
            [
                (0, 0, 0, CART), (0, 1, 30, CART), (0, 0, 50, BUY), (0, 1, 50, BUY),
                (0, 2, 111, BUY), (0, 3, 112, BUY), (0, 4, 113, VIEW),
                (1, 0, 0, BUY), (2, 4, 0, BUY), (2, 5, 1, BUY),
            ]
        ),
        row_of_item=np.array([0, 1, 2, 3, 4, -1], dtype=np.int32),
        config=BasketsConfig(),
    )  # fmt: skip
    assert [found.row(row)[0].tolist() for row in range(found.row_count)] == [[0, 1], [2, 3]]


def shop() -> Events:
    """Tea goes with biscuits; red and blue mugs are viewed by the same people, not bought so.

    0 tea, 1 biscuits, 2 red mug, 3 blue mug, 4 milk (in half of all baskets).
    """
    rng = np.random.default_rng(4)
    lines = []
    for user in range(200):
        basket = [0, 1] if user % 4 == 0 else [2 + user % 2, 5 + user % 7]
        lines += [(user, item, 10_000.0 * user, BUY) for item in basket]
        if rng.random() < 0.5:
            lines.append((user, 4, 10_000.0 * user, BUY))
        lines += [(user, item, 10_000.0 * user - 5, VIEW) for item in (2, 3)]
    return events(lines)


def test_complements_are_linked_and_substitutes_are_not() -> None:
    """Also not what lies in everybody's basket, for that is chance."""
    found = shop()
    links = basket_links(
        found, row_of_item=every(found), item_count=len(found.item_ids), config=BasketsConfig()
    )
    assert links is not None
    assert links.problem(column_count=len(found.item_ids)) is None
    assert links.row(0)[0].tolist() == [1]
    assert links.row(1)[0].tolist() == [0]
    assert 3 not in links.row(2)[0]
    assert not len(links.row(4)[0])
    assert links.row(0)[1] == pytest.approx(links.row(1)[1])
    tea = [basket for basket in baskets(found) if 0 in basket]
    expected = sum(1 / len(basket) for basket in tea) / len(tea)
    assert links.row(0)[1][0] == pytest.approx(expected)


def baskets(found: Events) -> list[list[int]]:
    """Baskets one by one."""
    whole = baskets_of(found, row_of_item=every(found), config=BasketsConfig())
    return [whole.row(row)[0].tolist() for row in range(whole.row_count)]


def test_rows_keep_their_strongest_links() -> None:
    """As many as asked for, of those that chance does not explain."""
    lines = [
        (user, item, 0.0, BUY)
        for user in range(60)
        for item in ([0, 1 + user % 3] if user < 30 else [4, 5 + user % 5])
    ]
    found = events(lines)
    wide, narrow = (
        basket_links(
            found,
            row_of_item=every(found),
            item_count=len(found.item_ids),
            config=BasketsConfig(neighbours=neighbours, surprise_min=1.0),
        )
        for neighbours in (200, 2)
    )
    assert wide is not None
    assert narrow is not None
    assert wide.row(0)[0].tolist() == [1, 2, 3]
    assert narrow.row(0)[0].tolist() == [1, 2]


@pytest.mark.parametrize(
    "lines",
    [[(0, 0, 0.0, BUY)], [(0, 0, 0.0, BUY), (0, 1, 0.0, BUY)], [(0, 0, 0.0, VIEW)]],
    ids=["one item", "one basket", "views"],
)
def test_too_little_gives_no_links(lines: list[tuple[int, int, float, int]]) -> None:
    """A single meeting says nothing."""
    found = events(lines)
    links = basket_links(
        found, row_of_item=every(found), item_count=len(found.item_ids), config=BasketsConfig()
    )
    assert links is None


def test_intervals_and_shares_of_buying_again() -> None:
    """Milk is bought every week by nearly all, a mug hardly ever again."""
    day = SECONDS_PER_DAY / 60.0
    lines = [(user, 0, (user + 7 * week) * day, BUY) for user in range(50) for week in range(8)]
    lines += [(user, 1, user * day, BUY) for user in range(50)]
    lines += [(0, 1, 90 * day, BUY), (0, 0, 0.1 * day, BUY), (3, 2, 0.0, VIEW)]
    found = events(lines)
    rebuys = rebuys_of(found, row_of_item=every(found), item_count=3)
    assert rebuys is not None
    assert rebuys.days[0] == pytest.approx(7.0, rel=0.1)
    assert rebuys.shares[0] > 0.9
    assert rebuys.shares[1] < 0.3
    assert np.all(rebuys.shares > 0)
    rates = rebuys.rate(np.array([0.1, 0.99, 20.0]))
    assert rates[1] == max(rebuys.rates)
    assert rates[1] > 10 * rates[0]


def test_nobody_buys_twice() -> None:
    """Then nothing is known."""
    found = events([(0, 0, 0.0, BUY), (1, 0, 5.0, BUY), (0, 0, 1.0, BUY)])
    assert rebuys_of(found, row_of_item=every(found), item_count=1) is None
