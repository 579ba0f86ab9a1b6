"""The simulated shop: believable, reproducible, and true to the planted tastes."""

import datetime as dt
import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.errors import InvalidConfig, InvalidData
from training import columns
from training.simulate import SIZES, simulate
from training.simulate.config import USERS_PER_BLOCK

END = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
NOISE_SHARE_MAX = 0.35


def run(out: Path, **changes: object) -> Path:
    """Simulate a small shop with some arguments changed."""
    arguments = {"user_count": 600, "item_count": 400, "seed": 3, "end_time": END}
    simulate(out=out, **(arguments | changes))
    return out


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop shared by the tests that only look at it."""
    return run(tmp_path_factory.mktemp("shop") / "out")


@pytest.fixture(scope="module")
def events(shop: Path) -> pl.DataFrame:
    """Its events."""
    return pl.read_parquet(shop / "events" / "*.parquet")


@pytest.fixture(scope="module")
def truth(shop: Path) -> pl.DataFrame:
    """Who likes which theme, one row per person and theme."""
    return pl.read_parquet(shop / "tastes.parquet").explode("themes", "weights")


def digests(folder: Path) -> dict[str, str]:
    """Hash every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def share_liked(lines: pl.DataFrame, name: str, shop: Path, truth: pl.DataFrame) -> float:
    """Return the share of these lines whose item's theme the person named likes."""
    themes = pl.read_parquet(shop / "item_themes.parquet")
    liked = truth.filter(pl.col(name).is_not_null()).select(name, pl.col("themes").alias("theme"))
    known = lines.join(themes, on="item_id").with_columns(pl.col("theme").cast(pl.Int16))
    return known.join(liked, on=[name, "theme"], how="semi").height / known.height


def test_events_have_canonical_columns(events: pl.DataFrame) -> None:
    """What is written can be imported without any mapping."""
    assert events.schema == pl.Schema(columns.EVENTS)


def test_equal_arguments_give_equal_files(tmp_path: Path) -> None:
    """A seed stands for one shop, byte for byte."""
    first = run(tmp_path / "a", user_count=200, item_count=80)
    second = run(tmp_path / "b", user_count=200, item_count=80)
    assert digests(first) == digests(second)


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"item_count": 81}, {"day_count": 100}], ids=lambda c: next(iter(c))
)
def test_other_arguments_give_other_events(tmp_path: Path, change: dict[str, int]) -> None:
    """Every argument matters."""
    first = run(tmp_path / "a", user_count=50, item_count=80)
    second = run(tmp_path / "b", **({"user_count": 50, "item_count": 80} | change))
    part = "events/part-00000.parquet"
    assert (first / part).read_bytes() != (second / part).read_bytes()


def test_blocks_do_not_depend_on_how_many_follow(tmp_path: Path) -> None:
    """A block's people live the same life alone and in a larger run with equal stores."""
    alone = run(tmp_path / "a", user_count=USERS_PER_BLOCK, item_count=60, day_count=30)
    more = run(tmp_path / "b", user_count=USERS_PER_BLOCK + 50, item_count=60, day_count=30)
    part = "events/part-00000.parquet"
    assert pl.read_parquet(alone / part).equals(pl.read_parquet(more / part))
    assert pl.read_parquet(more / "tastes.parquet").height == USERS_PER_BLOCK + 50


def test_purchases_in_stores_follow_the_planted_taste(
    shop: Path, events: pl.DataFrame, truth: pl.DataFrame
) -> None:
    """Of what is bought by card, most is of a theme that the holder likes."""
    lines = events.filter(
        pl.col("event_type") == "purchase-complete", pl.col("loyalty_card").is_not_null()
    )
    liked = share_liked(lines, "loyalty_card", shop, truth)
    assert liked > 1 - NOISE_SHARE_MAX
    # The check itself must be able to fail: swapped cards know nothing of the taste.
    swapped = lines.with_columns(pl.col("loyalty_card").shuffle(seed=1))
    assert share_liked(swapped, "loyalty_card", shop, truth) < liked - 0.2


def test_browsing_follows_the_same_taste_as_buying(
    shop: Path, events: pl.DataFrame, truth: pl.DataFrame
) -> None:
    """What people look at online tells what they buy in a store."""
    views = events.filter(
        pl.col("event_type") == "detail-page-view", pl.col("user_id").is_not_null()
    )
    assert share_liked(views, "user_id", shop, truth) > 1 - NOISE_SHARE_MAX


def test_store_purchases_are_not_copies_of_views(shop: Path, events: pl.DataFrame) -> None:
    """The gain from browsing is to be found: items bought in stores were mostly never viewed."""
    people = pl.read_parquet(shop / "tastes.parquet").select("user_id", "loyalty_card").drop_nulls()
    viewed = events.filter(pl.col("event_type") == "detail-page-view").select("user_id", "item_id")
    bought = events.filter(pl.col("channel") == "store").join(people, on="loyalty_card")
    bought = bought.select(pl.col("user_id_right").alias("user_id"), "item_id").drop_nulls()
    assert bought.join(viewed, on=["user_id", "item_id"], how="semi").height < 0.6 * bought.height


def test_tills_know_cards_and_never_accounts(events: pl.DataFrame) -> None:
    """Receipts carry the loyalty card, if it was shown, and nothing else about the person."""
    tills = events.filter(pl.col("channel") == "store", pl.col("event_type") == "purchase-complete")
    assert tills["user_id"].null_count() == tills.height
    assert tills["visitor_id"].null_count() == tills.height
    assert tills["store_id"].null_count() == 0
    assert 0 < tills["loyalty_card"].null_count() < tills.height


def test_some_visits_are_anonymous_and_some_logged_in(events: pl.DataFrame) -> None:
    """Both kinds are there; otherwise nothing would need joining."""
    web = events.filter(pl.col("channel") == "web", pl.col("visitor_id").is_not_null())
    assert 0.1 < web["user_id"].null_count() / web.height < 0.9


def test_every_habit_occurs(events: pl.DataFrame) -> None:
    """All channels and deeds that the shop knows are there."""
    assert set(events["channel"]) == {"web", "mobile_app", "store", "email", "call_center"}
    assert set(events["event_type"]) == {
        "search", "detail-page-view", "add-to-cart", "remove-from-cart", "add-to-wishlist",
        "purchase-complete", "return", "click",
    }  # fmt: skip


def test_nothing_happens_outside_the_period(events: pl.DataFrame) -> None:
    """All events lie within the days asked for."""
    assert events["event_time"].min() >= END - dt.timedelta(days=182)
    assert events["event_time"].max() < END


def test_popularity_is_skewed(events: pl.DataFrame) -> None:
    """A tenth of the items draws well over a tenth of the attention."""
    counts = events["item_id"].drop_nulls().value_counts()["count"].sort(descending=True)
    assert counts.head(40).sum() > 0.25 * counts.sum()


def test_shops_are_full_on_saturdays_and_empty_on_sundays(events: pl.DataFrame) -> None:
    """The week has its rhythm."""
    days = events.filter(pl.col("channel") == "store")["event_time"].dt.weekday()
    per_day = np.bincount(days.to_numpy(), minlength=8)
    assert per_day[6] > 2 * per_day[7]


def test_returns_follow_a_purchase_of_the_same_item(events: pl.DataFrame) -> None:
    """Nobody brings back what was not bought before."""
    bought = events.filter(pl.col("event_type") == "purchase-complete")
    back = events.filter(pl.col("event_type") == "return")
    pairs = back.join(bought, on=["basket_id", "item_id"], suffix="_bought")
    assert pairs["event_id"].n_unique() == back["event_id"].n_unique()
    assert (pairs["event_time"] > pairs["event_time_bought"]).all()


def test_an_event_names_an_item_once_except_for_repeated_deliveries(events: pl.DataFrame) -> None:
    """Lines that share event and item are equal word for word, and few."""
    distinct = events.unique()
    assert distinct.select("event_id", "item_id").is_duplicated().sum() == 0
    assert 0 < events.height - distinct.height < 0.01 * events.height


def test_stores_sell_only_what_they_carry(shop: Path, events: pl.DataFrame) -> None:
    """Receipts and stock agree on the assortment."""
    stock = pl.read_parquet(shop / "stock.parquet")
    sold = events.filter(pl.col("channel") == "store", pl.col("event_type") == "purchase-complete")
    assert sold.join(stock, on=["store_id", "item_id"], how="anti").height == 0
    assert (stock["quantity"] >= 0).all()
    assert (stock["quantity"] == 0).any()


def test_the_crm_knows_some_cards_and_a_few_of_them_twice(shop: Path) -> None:
    """Cards shared by two accounts are there to be found ambiguous."""
    crm = pl.read_parquet(shop / "identities.parquet")
    holders = crm.group_by("loyalty_card").agg(pl.col("user_id").n_unique())
    assert 0 < (holders["user_id"] > 1).sum() < 0.1 * holders.height


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    """The same arguments leave the files untouched."""
    out = run(tmp_path / "a", user_count=50, item_count=80)
    before = (out / "items.parquet").stat().st_mtime_ns
    run(out, user_count=50, item_count=80)
    assert (out / "items.parquet").stat().st_mtime_ns == before
    run(out, user_count=60, item_count=80)
    assert (out / "items.parquet").stat().st_mtime_ns != before


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    """Somebody's photos survive a wrong --out."""
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(InvalidData, match="holds other files"):
        run(tmp_path, user_count=50)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """An interrupted run leaves neither a shop nor scratch files."""

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "a", user_count=50, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"user_count": 0}, "users is 0; allowed 1 to 1000000"),
        ({"user_count": 1_000_001}, "users is 1000001"),
        ({"item_count": 0}, "items is 0"),
        ({"day_count": 731}, "days is 731; allowed 1 to 730"),
        ({"seed": -1}, "seed is -1"),
        ({"end_time": dt.datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - the bad input
    ],
)
def test_numbers_out_of_bounds_are_named(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    """The error says which number and what is allowed."""
    with pytest.raises(InvalidConfig, match=problem):
        run(tmp_path / "a", **change)


@pytest.mark.parametrize(("users", "items"), [(1, 1), (2, 3), (7, 4)])
def test_the_smallest_shops_work(tmp_path: Path, users: int, items: int) -> None:
    """One person and one item are a shop too."""
    out = run(tmp_path / "a", user_count=users, item_count=items, day_count=60)
    assert pl.read_parquet(out / "items.parquet").height == items
    assert pl.read_parquet(out / "tastes.parquet").height == users


def test_sizes_grow() -> None:
    """The named sizes are in order."""
    users = [size.user_count for size in SIZES.values()]
    assert users == sorted(users)
