"""`recsys rank`, `recsys recently-viewed`, `recsys page`: what a shop shows beside plain recommendations."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys.commands.answers import as_json, show
from recsys.commands.asking import PANEL
from recsys.commands.options import ListOptions, PagedOptions, PersonOptions, with_options
from recsys.domain import EventType, ItemId

if TYPE_CHECKING:
    from recsys.serving.client_widgets import SlotContent


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("rank", rich_help_panel=PANEL)(rank)
    app.command("recently-viewed", rich_help_panel=PANEL)(recently_viewed)
    app.command("basket", rich_help_panel=PANEL)(basket)
    app.command("buy-again", rich_help_panel=PANEL)(buy_again)
    app.command("trending", rich_help_panel=PANEL)(trending)
    app.command("page", rich_help_panel=PANEL)(page)


@with_options(PersonOptions)
def rank(
    options: PersonOptions,
    items: Annotated[list[str], typer.Argument(help="Item ids, such as what a search has found.")],
) -> None:
    """Put given items into the order that a person would like.

    [b]Examples[/]

      recsys rank item-3 item-17 item-4 --user u-17
      recsys rank item-3 item-17 --visitor v-9 --recent view:item-8 --placement search
    """
    asked = options.person()
    options.print_answer(lambda client: client.rank(items, **asked))


@with_options(PagedOptions)
def recently_viewed(
    options: PagedOptions,
    *,
    kind: Annotated[
        list[EventType] | None,
        typer.Option(
            "--type",
            help="What counts as contact; may be given again. Unless said, detail-page-view.",
        ),
    ] = None,
) -> None:
    """List what a person looked at, or had other contact with, the latest first.

    [b]Examples[/]

      recsys recently-viewed --user u-17
      recsys recently-viewed --user u-17 --type purchase-complete --filter 'category:"Coffee"'
    """
    asked = options.asked()
    options.print_answer(lambda client: client.recently_viewed(event_types=kind or (), **asked))


@with_options(PagedOptions)
def basket(
    options: PagedOptions,
    items: Annotated[
        list[str] | None,
        typer.Argument(help="What lies in the basket; unless given, what her events say."),
    ] = None,
    *,
    add_stored: Annotated[
        bool, typer.Option("--add-stored", help="What her events say counts besides.")
    ] = False,
) -> None:
    """Suggest what completes a basket.

    [b]Examples[/]

      recsys basket item-3 item-17
      recsys basket --user u-17 --placement cart
    """
    asked = options.asked()
    options.print_answer(
        lambda client: client.complete_basket(items or (), add_stored=add_stored, **asked)
    )


@with_options(PagedOptions)
def buy_again(options: PagedOptions) -> None:
    """List what a person has bought and may need again, most likely first.

    [b]Example[/]

      recsys buy-again --user u-17
    """
    asked = options.asked()
    options.print_answer(lambda client: client.buy_again(**asked))


@with_options(PagedOptions)
def trending(options: PagedOptions) -> None:
    """List what is asked for more than usual just now: in the store, on the channel, everywhere.

    [b]Examples[/]

      recsys trending --channel store --store s-1
      recsys trending --filter 'category:"Shoes"' -k 5
    """
    asked = options.asked()
    options.print_answer(lambda client: client.trending(**asked))


@with_options(ListOptions)
def page(
    options: ListOptions,
    slots: Annotated[
        list[str],
        typer.Argument(
            help="CONTENT or PLACEMENT=CONTENT of each slot: recommended, recently-viewed,"
            " buy-again, trending, basket, basket:ITEM,ITEM or similar:ITEM."
        ),
    ],
) -> None:
    """Fill the slots of a page for a person, no item twice; the earlier slots choose first.

    Filter, stock and count are those of every slot.

    [b]Examples[/]

      recsys page recently-viewed home=recommended more=similar:item-3 --user u-17 -k 5
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    asked = options.asked()
    contents = [_slot(text, options) for text in slots]
    with connect(options.target) as client:
        replies = client.page(contents, **asked)
    if options.as_json_:
        typer.echo(json.dumps([as_json(reply, {}) for reply in replies], indent=2))
        return
    console = Console(soft_wrap=True)
    for text, reply in zip(slots, replies, strict=True):
        console.print(f"[bold]{text}[/]")
        show(console, reply, {})


def _slot(text: str, options: ListOptions) -> "SlotContent":
    """Read what a slot shows.

    Raises:
        typer.BadParameter: The text is not of that form.
    """
    from recsys.rules import Rules  # noqa: PLC0415 - keeps --help quick
    from recsys.serving import client_widgets  # noqa: PLC0415 - as above

    placement, _, content = text.rpartition("=")
    name, _, item_id = content.partition(":")
    rules = Rules(filter=options.filter_ or None, in_stock=options.in_stock)
    if name == "similar" and item_id:
        return client_widgets.Similar(
            item_id=ItemId(item_id), placement=placement, result_count=options.count, rules=rules
        )
    if name == "basket":
        return client_widgets.Basket(
            item_ids=item_id.split(",") if item_id else (),
            placement=placement,
            result_count=options.count,
            rules=rules,
        )
    kinds: dict[
        str,
        type[
            client_widgets.Recommended
            | client_widgets.RecentlyViewed
            | client_widgets.BuyAgain
            | client_widgets.Trending
        ],
    ] = {
        "recommended": client_widgets.Recommended,
        "recently-viewed": client_widgets.RecentlyViewed,
        "buy-again": client_widgets.BuyAgain,
        "trending": client_widgets.Trending,
    }
    if item_id or name not in kinds:
        known = ", ".join([*kinds, "basket[:ITEM,...]", "similar:ITEM"])
        raise typer.BadParameter(f"{text!r} is not [PLACEMENT=]CONTENT; contents: {known}")
    return kinds[name](placement=placement, result_count=options.count, rules=rules)
