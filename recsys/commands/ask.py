"""`recsys recommend`, `recsys similar`, `recsys model`: ask a running server."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from recsys.commands import ask_widgets
from recsys.commands.answers import show_explanation, show_located
from recsys.commands.arguments import read_identifiers, read_place
from recsys.commands.asking import (
    PANEL,
    TARGET_DEFAULT,
    Count,
    Filter,
    Identifiers,
    InStock,
    Json,
    OnChannel,
    Placement,
    Store,
    Target,
)
from recsys.commands.options import PagedOptions, with_options

if TYPE_CHECKING:
    from google.protobuf.message import Message


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("recommend", rich_help_panel=PANEL)(recommend)
    app.command("similar", rich_help_panel=PANEL)(similar)
    app.command("locate", rich_help_panel=PANEL)(locate)
    app.command("explain", rich_help_panel=PANEL)(explain)
    ask_widgets.register(app)
    app.command("model", rich_help_panel=PANEL)(model)


@with_options(PagedOptions)
def recommend(
    options: PagedOptions,
    *,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also show what the person already knows.")
    ] = False,
) -> None:
    """Ask what a person would like.

    Everything is optional: nobody at all gets what is popular, in the store or
    on the channel if they are given. Each result says why it is there.

    [b]Examples[/]

      recsys recommend --user u-17
      recsys recommend --visitor v-9 --recent view:item-3 --recent view:item-8
      recsys recommend --identifier loyalty_card=42 --channel store --store s-1
      recsys recommend --user u-17 --filter 'price < 50 AND category:"Shoes"'
      recsys recommend --user u-17 --json | jq .results
    """
    asked = options.asked()
    options.print_answer(lambda client: client.recommend(include_seen=include_seen, **asked))


@with_options(PagedOptions)
def similar(options: PagedOptions, item: Annotated[str, typer.Argument(help="Item id.")]) -> None:
    """Ask what is similar to an item, judged by what people do with both.

    [b]Examples[/]

      recsys similar item-17
      recsys similar item-17 -k 5 --exclude item-18
    """
    asked = options.asked()
    options.print_answer(lambda client: client.similar(item, **asked))


def locate(
    item: Annotated[str, typer.Argument(help="Item id.")],
    *,
    store: Store = "",
    near: Annotated[
        str,
        typer.Option(help="Where the person is, NORTH,EAST in degrees; else where the shop is."),
    ] = "",
    count: Count = 5,
    placement: Placement = "",
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Say which shops have an item, and what a shop has in its place.

    [b]Examples[/]

      recsys locate item-3 --store s-1
      recsys locate item-3 --near 48.86,2.35
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    with connect(target) as client:
        found = client.locate(
            item, store_id=store, place=read_place(near), placement=placement, result_count=count
        )
    if as_json_:
        _print_message(found)
    else:
        show_located(Console(soft_wrap=True), item, store, found)


def explain(
    user: Annotated[str, typer.Argument(help="Account id; '' for nobody in particular.")],
    item: Annotated[str, typer.Argument(help="Item id.")],
    *,
    identifier: Identifiers = None,
    placement: Placement = "",
    channel: OnChannel = None,
    store: Store = "",
    filter_: Filter = "",
    in_stock: InStock = None,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Say why an item is where it is in a person's answer, or why it is not in it.

    [b]Examples[/]

      recsys explain u-17 item-3
      recsys explain u-17 item-3 --placement till --channel store --store s-1
    """
    from recsys.rules import Rules  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    with connect(target) as client:
        found = client.explain(
            item,
            user_id=user,
            identifiers=read_identifiers(identifier or ()),
            placement=placement,
            channel=channel,
            store_id=store,
            rules=Rules(filter=filter_ or None, in_stock=in_stock),
        )
    if as_json_:
        _print_message(found)
    else:
        show_explanation(Console(soft_wrap=True), item, found)


def model(*, target: Target = TARGET_DEFAULT, as_json_: Json = False) -> None:
    """Say which model answers, what it was trained on and how good it is.

    [b]Example[/]

      recsys model --target 127.0.0.1:50051
    """
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    with connect(target) as client:
        facts = MessageToDict(client.model(), preserving_proto_field_name=True)
    if as_json_:
        typer.echo(json.dumps(facts, indent=2))
        return
    metrics = facts.pop("metrics", [])
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in [*facts.items(), *((one["name"], one.get("value", 0)) for one in metrics)]:
        table.add_row(
            name.replace("_", " "), f"{value:.4f}" if isinstance(value, float) else str(value)
        )
    Console(soft_wrap=True).print(table)


def _print_message(message: "Message") -> None:
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    facts = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    typer.echo(json.dumps(facts, indent=2))
