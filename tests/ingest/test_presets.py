"""Presets: the real files, a user's own, and errors that name the key or file."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from ingest.conftest import Import, reasons
from recsys.domain import Identifier, ItemId
from recsys.errors import InvalidConfig, InvalidData
from recsys.storage.catalog import Catalog
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite import SqliteHistory
from training.ingest import load_preset, preset_names
from training.ingest.history import HISTORY_NAME

real_data = pytest.mark.real_data


def test_every_preset_that_comes_along_is_valid() -> None:
    """All of them load and say what they are for."""
    assert preset_names() == ["completejourney", "generic", "online-retail", "retailrocket"]
    assert all(load_preset(name).description for name in preset_names())


@real_data
def test_retailrocket_is_read_to_the_last_row(real_data_dir: Path, run: Import) -> None:
    """The published counts come out."""
    dataset, report = run(real_data_dir / "retailrocket_mb", "retailrocket")
    assert report.rows_read == report.rows_kept == 97_381
    assert report.by_type == {
        "detail-page-view": 75_374,
        "add-to-cart": 12_456,
        "purchase-complete": 9_551,
    }
    assert (dataset.info.profile_count, dataset.info.item_count) == (2_174, 29_905)
    assert dataset.info.start_time.date() == dt.date(2015, 5, 3)


@real_data
def test_a_single_file_can_be_the_source(real_data_dir: Path, run: Import) -> None:
    """DATA may name the file itself."""
    _, report = run(real_data_dir / "retailrocket_mb" / "train.parquet", "retailrocket")
    assert report.rows_kept == 97_381


@real_data
def test_complete_journey_becomes_store_purchases_by_card(real_data_dir: Path, run: Import) -> None:
    """All lines but those of nothing bought; titles and categories from the products."""
    dataset, report = run(real_data_dir / "completejourney", "completejourney")
    assert report.rows_read == 75_000
    assert reasons(report) == {"quantity-not-positive": 416}
    assert report.by_channel == {"store": 74_584}
    events = dataset.events().collect()
    assert events["loyalty_card"].null_count() == events["store_id"].null_count() == 0
    item = dataset.items().filter(pl.col("item_id") == "906226").row(0, named=True)
    assert item["title"] == "PRESERVES JAM MARMALADE, 12 OZ"
    assert item["category"] == "GROCERY > PNT BTR/JELLY/JAMS"
    assert events["unit_price"].drop_nulls().is_between(0, 1_000).all()


@real_data
def test_online_retail_joins_its_years_without_doubling_the_overlap(
    real_data_dir: Path, run: Import
) -> None:
    """Invoices of the overlapping days count once, cancellations are returns."""
    dataset, report = run(real_data_dir / "online_retail", "online-retail")
    found = reasons(report)
    assert report.rows_read == 525_461 + 531_282
    assert found["in-earlier-file"] == 22_130
    assert set(found) == {
        "in-earlier-file", "duplicate", "not-an-item", "quantity-not-positive",
    }  # fmt: skip
    events = dataset.events().collect()
    day = events.filter(pl.col("event_time").dt.date() == dt.date(2010, 12, 6))
    assert day.select("event_id").is_duplicated().sum() == 0
    back = events.filter(pl.col("event_type") == "return")
    assert back["basket_id"].str.starts_with("C").all()
    assert 9_000 < back.height <= 10_206
    assert (events["quantity"] > 0).all()
    unknown = events["user_id"].null_count() / events.height
    assert 0.2 < unknown < 0.27
    assert not events["user_id"].is_in(["0", "nan"]).any()
    assert not events["item_id"].is_in(["POST", "D", "M", "BANK CHARGES"]).any()
    assert report.identity.anonymous_profiles > 1_000
    title = dataset.items().filter(pl.col("item_id") == "85123A")["title"].item()
    assert title == "White Hanging Heart T-Light Holder"
    # The shop's clock is London's: in July an hour ahead of UTC, in December not.
    for invoice, hours in (("514217", 1), ("489434", 0)):
        raw = pl.scan_parquet(real_data_dir / "online_retail" / "invoices_2009_2010.parquet")
        told = raw.filter(InvoiceNo=invoice).select("InvoiceDate").first().collect().item()
        known = events.filter(basket_id=invoice)["event_time"][0].replace(tzinfo=None)
        assert told - known == dt.timedelta(hours=hours)
    storage = dataset.folder / HISTORY_NAME
    history = SqliteHistory(storage).history([Identifier("account", "17850")], event_count_max=500)
    assert len(history) == 200
    assert (history.event_times[:-1] >= history.event_times[1:]).all()
    catalog = Catalog(SqliteSessions(storage))
    assert catalog.find_items([ItemId("85123A")])[ItemId("85123A")].title == title


@real_data
def test_one_file_of_several_stands_for_itself(real_data_dir: Path, run: Import) -> None:
    """Naming one year's file leaves the other year out, of the items too."""
    name = "invoices_2010_2011_no_cancellations.parquet"
    dataset, report = run(real_data_dir / "online_retail" / name, "online-retail")
    assert report.rows_read == 531_282
    assert "in-earlier-file" not in reasons(report)
    seen = dataset.events().select(pl.col("item_id").n_unique()).collect().item()
    assert dataset.info.item_count == seen


def own_preset(tmp_path: Path, text: str) -> str:
    """Write a preset file."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


MINE = """
[[events]]
files = "orders*.csv"
[events.columns]
event_time = "Date"
user_id = "Customer"
item_id = "SKU"
quantity = "Pieces"
[events.constants]
event_type = "purchase-complete"
channel = "store"
[events.time]
format = "%d/%m/%Y %H:%M"
zone = "Europe/Berlin"
[events.unknown]
user_id = ["guest"]
[events.prefixes]
user_id = "shop-"
"""


def test_a_preset_of_a_few_lines_reads_a_foreign_file(tmp_path: Path, run: Import) -> None:
    """Own dates, own zone, own names, several files."""
    source = tmp_path / "source"
    source.mkdir()
    head = "Date,Customer,SKU,Pieces,Note\n"
    (source / "orders1.csv").write_text(
        head + "01/07/2026 12:00,7,x,1,a\n01/07/2026 12:00,guest,x,1,\n"
    )
    (source / "orders2.csv").write_text(
        head + "31/12/2025 23:30,7,y,2,b\n29/03/2026 02:30,7,y,1,\n"
    )
    dataset, report = run(source, own_preset(tmp_path, MINE))
    events = dataset.events().collect().sort("event_time")
    assert events["user_id"].to_list() == ["shop-7", "shop-7"]
    assert [time.isoformat() for time in events["event_time"]] == [
        "2025-12-31T22:30:00+00:00",
        "2026-07-01T10:00:00+00:00",
    ]
    # A guest without basket is nobody; half past two did not exist on that night.
    assert reasons(report) == {"no-identifier": 1, "unreadable-time": 1}


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        (pl.Int64, 1_782_900_000),
        (pl.Float64, 1_782_900_000.0),
        (pl.Datetime("ms"), dt.datetime(2026, 7, 1, 10)),  # noqa: DTZ001 - without zone on purpose
        (pl.Datetime("ns", "Asia/Tokyo"), dt.datetime(2026, 7, 1, 10, tzinfo=dt.UTC)),
        (pl.String, "1782900000"),
    ],
    ids=str,
)
def test_times_of_every_type_become_utc(
    tmp_path: Path, run: Import, dtype: pl.DataType, value: object
) -> None:
    """Numbers, texts of numbers, and moments with and without zone."""
    source = tmp_path / "events.parquet"
    pl.DataFrame({"t": [value], "u": [17850.0]}, schema_overrides={"t": dtype}).write_parquet(
        source
    )
    preset = """
    [[events]]
    files = "events.parquet"
    columns = { event_time = "t", user_id = "u" }
    constants = { event_type = "store-visit", channel = "store" }
    time = { unit = "seconds" }
    """
    dataset, _ = run(source, own_preset(tmp_path, preset))
    row = dataset.events().collect().row(0, named=True)
    assert row["event_time"] == dt.datetime(2026, 7, 1, 10, tzinfo=dt.UTC)
    assert row["user_id"] == "17850"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[events]]\nfiles = 'a'\ncolums = {}", "colums"),
        ("events = []", "at least one"),
        ("[[events]]\nfiles = 'a'\ncolumns = {event_time = 't'}", "event_type needs a column"),
        (MINE.replace("Europe/Berlin", "Mars/Olympus"), "Mars/Olympus"),
        (MINE.replace('channel = "store"', 'channel = "shop"'), "shop"),
        (MINE.replace("user_id = [", "customer = ["), "customer"),
        (MINE + "\n[items]\nfiles='i.csv'\ncolumns = { title = 't' }", "columns.item_id"),
        ("not_items_pattern = '('\n" + MINE, "not_items_pattern"),
        ("not toml at all [", "mine.toml"),
    ],
)
def test_a_wrong_preset_is_refused_naming_the_key(tmp_path: Path, text: str, problem: str) -> None:
    """No typing error drops a mapping silently."""
    with pytest.raises(InvalidConfig, match=problem.replace(".", r"\.")):
        load_preset(own_preset(tmp_path, text))


def test_an_unknown_preset_lists_the_known_ones() -> None:
    """The error says what could have been meant."""
    with pytest.raises(InvalidConfig, match="known are completejourney, generic"):
        load_preset("retailrokket")


def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path, run: Import) -> None:
    """The wrong folder is recognised at once."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "photo.jpg").touch()
    with pytest.raises(InvalidData, match=r"no train.parquet or train.csv; there is photo.jpg"):
        run(tmp_path / "source", "retailrocket")
    with pytest.raises(InvalidData, match="does not exist"):
        run(tmp_path / "nowhere", "retailrocket")


def test_a_missing_column_is_named_with_those_there(tmp_path: Path, run: Import) -> None:
    """Mapped columns must be there, in items files too."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.csv").write_text("user_id,item_id,behaviour,ts\n")
    with pytest.raises(InvalidData, match=r"no column 'behavior'; it has user_id, item_id"):
        run(source, "retailrocket")


def test_values_by_name_map_to_event_types(tmp_path: Path, run: Import) -> None:
    """Values that no mapping names are rejected, not guessed."""
    source = tmp_path / "source"
    source.mkdir()
    rows = "1,1,view,1433221969\n1,1,like,1433221969\n"
    (source / "train.csv").write_text("user_id,item_id,behavior,ts\n" + rows)
    dataset, report = run(source, "retailrocket")
    assert reasons(report) == {"unknown-event-type": 1}
    assert dataset.events().collect()["event_type"].to_list() == ["detail-page-view"]
