"""`recsys rank`, `recsys recently-viewed`: what a shop shows beside plain recommendations."""

import time
from typing import Annotated

import typer

from recsys.commands.arguments import read_events, read_identifiers
from recsys.commands.asking import (
    PANEL,
    TARGET_DEFAULT,
    Count,
    Exclude,
    Filter,
    Identifiers,
    InStock,
    Json,
    OnChannel,
    Placement,
    Recent,
    Store,
    Target,
    Titles,
    User,
    Visitor,
    print_reply,
)
from recsys.domain import EventType


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("rank", rich_help_panel=PANEL)(rank)
    app.command("recently-viewed", rich_help_panel=PANEL)(recently_viewed)


def rank(
    items: Annotated[list[str], typer.Argument(help="Item ids, such as what a search has found.")],
    *,
    user: User = "",
    visitor: Visitor = "",
    identifier: Identifiers = None,
    recent: Recent = None,
    placement: Placement = "",
    channel: OnChannel = None,
    store: Store = "",
    filter_: Filter = "",
    in_stock: InStock = None,
    titles: Titles = None,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Put given items into the order that a person would like.

    [b]Examples[/]

      recsys rank item-3 item-17 item-4 --user u-17
      recsys rank item-3 item-17 --visitor v-9 --recent view:item-8 --placement search
    """
    from recsys.rules import Rules  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    with connect(target) as client:
        reply = client.rank(
            items,
            user_id=user,
            visitor_id=visitor,
            identifiers=read_identifiers(identifier or ()),
            placement=placement,
            channel=channel,
            store_id=store,
            recent_events=read_events(recent or (), channel=channel, now=time.time()),
            rules=Rules(filter=filter_ or None, in_stock=in_stock),
        )
    print_reply(reply, titles, as_json_=as_json_)


def recently_viewed(
    *,
    user: User = "",
    visitor: Visitor = "",
    identifier: Identifiers = None,
    recent: Recent = None,
    kind: Annotated[
        list[EventType] | None,
        typer.Option(
            "--type",
            help="What counts as contact; may be given again. Unless said, detail-page-view.",
        ),
    ] = None,
    placement: Placement = "",
    channel: OnChannel = None,
    store: Store = "",
    count: Count = 10,
    exclude: Exclude = None,
    filter_: Filter = "",
    in_stock: InStock = None,
    titles: Titles = None,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """List what a person looked at, or had other contact with, the latest first.

    [b]Examples[/]

      recsys recently-viewed --user u-17
      recsys recently-viewed --user u-17 --type purchase-complete --filter 'category:"Coffee"'
    """
    from recsys.rules import Rules  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    with connect(target) as client:
        reply = client.recently_viewed(
            user_id=user,
            visitor_id=visitor,
            identifiers=read_identifiers(identifier or ()),
            event_types=kind or (),
            placement=placement,
            channel=channel,
            store_id=store,
            recent_events=read_events(recent or (), channel=channel, now=time.time()),
            result_count=count,
            excluded=exclude or (),
            rules=Rules(filter=filter_ or None, in_stock=in_stock),
        )
    print_reply(reply, titles, as_json_=as_json_)
