"""`recsys catalog`: items, stores and stock of a running server."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from recsys.commands.asking import TARGET_DEFAULT, Json, Target
from recsys.commands.item_values import values
from recsys.commands.row_files import Files, Maps, column_names_of, say_unused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recsys.serving.client_catalog import CatalogSent

_EXIT_REFUSED = 1

Patience = Annotated[float, typer.Option(min=0.0, help="Seconds to try while the server is away.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Write and look at items, stores and stock.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    group.command("import")(import_items)
    group.command("stores")(stores)
    group.command("stock")(stock)
    group.command("show")(show)
    group.command("list")(list_items)
    group.command("values")(values)
    group.command("delete")(delete)
    app.add_typer(group, name="catalog", rich_help_panel="Serve")


def import_items(
    files: Files,
    *,
    preset: Annotated[str, typer.Option(help="Columns of: google-merchant, shopify.")] = "",
    column_names: Maps = None,
    currency: Annotated[str, typer.Option(help="Of prices that say none, such as EUR.")] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Change only what the files have columns for.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="These are all items: delete the others.")
    ] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Let --replace delete more than half.")
    ] = False,
    target: Target = TARGET_DEFAULT,
    patience: Patience = 60.0,
    as_json_: Json = False,
) -> None:
    """Send files of items to a running server. Sending them again changes nothing.

    Columns: item_id, title, category (levels with ' > '), brand, price, currency,
    page_url, image_url, available_start_time, available_end_time, release_time,
    primary_item_id, age_years_min, margin, and attributes.NAME for anything else. In
    CSV several values are parted by |. JSON lines may have the lists category_paths
    and prices, and the object attributes.

    [b]Examples[/]

      recsys catalog import items.parquet --currency EUR
      recsys catalog import feed.tsv --preset google-merchant --replace
      recsys catalog import prices.csv --partial --map sku=item_id --map gross=price
    """
    from recsys.catalog import (  # noqa: PLC0415 - keeps --help quick
        ATTRIBUTE_PREFIX,
        ITEM_COLUMNS,
        items_of,
        renamed,
    )
    from recsys.commands.event_bars import Bars  # noqa: PLC0415 - as above
    from recsys.commands.event_files import read_rows  # noqa: PLC0415 - as above
    from recsys.row_values import noting  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above
    from recsys.serving.client_catalog import CatalogSent  # noqa: PLC0415 - as above

    names = column_names_of(column_names, preset=preset)
    known = {*ITEM_COLUMNS, ATTRIBUTE_PREFIX}
    unused: set[str] = set()
    wrong = CatalogSent()

    def items(bars: Bars) -> "Iterator[Any]":
        for path in files:
            rows = noting(renamed(bars.read(read_rows(path), path), names), known, unused)
            for one in items_of(
                rows, source=str(path), currency=currency, on_wrong=wrong.refuse_one
            ):
                yield one.item_id, one.item, one.parts if partial else None

    began = time.monotonic()
    with Bars(Console(stderr=True), things="items") as bars, connect(target) as client:
        sent = client.catalog.send_items(
            items(bars),
            replaces=replace,
            # Of a row that cannot be read nobody knows which item it keeps.
            is_whole=lambda: not wrong.refused,
            allow_empty=allow_empty,
            patience_seconds=patience,
            on_progress=bars.sent,
        )
    say_unused(unused)
    if replace and wrong.refused:
        typer.echo("nothing was deleted, for not all rows could be read", err=True)
    sent.refuse_all(wrong)
    _report(sent, "items", seconds=time.monotonic() - began, as_json=as_json_)


def stores(
    file: Annotated[Path, typer.Argument(help="JSON lines, CSV, TSV or Parquet.")],
    *,
    column_names: Maps = None,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Send a file of stores: store_id, title, kind, latitude, longitude, time_zone.

    [b]Examples[/]

      recsys catalog stores shops.csv --map name=title
    """
    from recsys.catalog import renamed, stores_of  # noqa: PLC0415 - keeps --help quick
    from recsys.commands.event_files import read_rows  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    rows = (row for row, _ in read_rows(file))
    found = stores_of(renamed(rows, column_names_of(column_names)), source=str(file))
    with connect(target) as client:
        count = client.catalog.upsert_stores(found)
    typer.echo(json.dumps({"stores": count}) if as_json_ else f"{count:,} stores written")


def stock(
    files: Files,
    *,
    column_names: Maps = None,
    target: Target = TARGET_DEFAULT,
    patience: Patience = 60.0,
    as_json_: Json = False,
) -> None:
    """Send files of stock: item_id, store_id, quantity, stock_time, adjustment_id.

    A row is what was counted; with an adjustment_id, what came or, negative, went
    since. Without a store_id it is the web shop's, without a stock_time it is now.
    Older counts never overwrite newer ones, and each adjustment counts once.

    [b]Examples[/]

      recsys catalog stock stock.parquet
      recsys catalog stock sold-today.csv --map receipt=adjustment_id --map pieces=quantity
    """
    from recsys.catalog import cells_of, renamed  # noqa: PLC0415 - keeps --help quick
    from recsys.commands.event_bars import Bars  # noqa: PLC0415 - as above
    from recsys.commands.event_files import read_rows  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above
    from recsys.serving.client_catalog import CatalogSent  # noqa: PLC0415 - as above

    names = column_names_of(column_names)
    wrong = CatalogSent()
    now, began = time.time(), time.monotonic()
    with Bars(Console(stderr=True), things="cells") as bars, connect(target) as client:
        cells = (
            cell
            for path in files
            for cell in cells_of(
                renamed(bars.read(read_rows(path), path), names),
                source=str(path),
                now=now,
                on_wrong=wrong.refuse_one,
            )
        )
        sent = client.catalog.send_stock(cells, patience_seconds=patience, on_progress=bars.sent)
    sent.refuse_all(wrong)
    _report(sent, "cells", seconds=time.monotonic() - began, as_json=as_json_)


def show(
    item_id: Annotated[str, typer.Argument(metavar="ITEM", help="The item.")],
    *,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Show all that is said of an item, with its margin, and where it is in stock.

    [b]Examples[/]

      recsys catalog show i000012
    """
    from recsys.commands.catalog_lines import as_object, show_item  # noqa: PLC0415 - quick --help
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    with connect(target) as client:
        item = client.catalog.item(item_id, with_margin=True)
        levels = client.catalog.inventory(item_id)
        page = next(client.catalog.pages(page_size=1))
    if as_json_:
        stock = [as_object(level) for level in levels]
        typer.echo(json.dumps({"item": as_object(item), "stock": stock}, indent=2))
    else:
        show_item(Console(soft_wrap=True, highlight=False), item, levels, page, now=time.time())


def list_items(
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Items to show.")] = 20,
    everything: Annotated[bool, typer.Option("--all", help="Show all items.")] = False,
    with_stores: Annotated[
        bool, typer.Option("--stores", help="List the stores instead of items.")
    ] = False,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """List items by their ids, and say how many there are and how old the feed is.

    With --json each item is one line.

    [b]Examples[/]

      recsys catalog list
      recsys catalog list --all --json | jq -r .item_id
      recsys catalog list --stores
    """
    from recsys.commands.catalog_lines import (  # noqa: PLC0415 - keeps --help quick
        as_object,
        item_line,
        store_line,
        summary_line,
    )
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    console = Console(soft_wrap=True, highlight=False)
    with connect(target) as client:
        if with_stores:
            for store in client.catalog.stores():
                _print(console, json.dumps(as_object(store)) if as_json_ else store_line(store))
            return
        left = None if everything else count
        for page in client.catalog.pages(page_size=1_000 if left is None else min(left, 1_000)):
            for item in page.items[:left]:
                _print(console, json.dumps(as_object(item)) if as_json_ else item_line(item))
            if left is not None:
                left -= len(page.items)
                if left <= 0:
                    break
        if not as_json_:
            _print(console, summary_line(page, now=time.time()))


def delete(
    item_ids: Annotated[list[str], typer.Argument(metavar="ITEM...", help="The items.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Delete items with their stock.

    [b]Examples[/]

      recsys catalog delete i000012 i000013 --yes
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    if not yes:
        typer.confirm(f"Delete {len(item_ids)} items with their stock?", abort=True, err=True)
    with connect(target) as client:
        count = client.catalog.delete(item_ids)
    typer.echo(json.dumps({"deleted": count}) if as_json_ else f"{count:,} items deleted")


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False)


def _report(sent: "CatalogSent", things: str, *, seconds: float, as_json: bool) -> None:
    if as_json:
        facts = {
            "written": sent.written, "unchanged": sent.unchanged, "stale": sent.stale,
            "refused": sent.refused, "deleted": sent.deleted, "reconnects": sent.reconnects,
            "refusals": sent.refusals,
        }  # fmt: skip
        typer.echo(json.dumps(facts))
    else:
        parts = [f"{sent.written:,} {things} written", f"{sent.unchanged:,} unchanged"]
        parts += [f"{sent.stale:,} stale"] * bool(sent.stale)
        parts += [f"{sent.deleted:,} deleted"] * bool(sent.deleted)
        parts.append(f"{sent.refused:,} refused")
        rate = sent.settled / max(seconds, 1e-3)
        typer.echo(f"{', '.join(parts)} ({seconds:.1f} s, {rate:,.0f} {things}/s)")
        for refusal in sent.refusals:
            typer.echo(f"  {refusal}")
        if sent.refused > len(sent.refusals):
            typer.echo(f"  and {sent.refused - len(sent.refusals):,} more")
    if sent.refused:
        raise typer.Exit(_EXIT_REFUSED)
