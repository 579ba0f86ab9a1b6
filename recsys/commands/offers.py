"""`recsys offers`: offers of a running server, and their uses."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys import limits
from recsys.commands.asking import (
    SECONDS_MIN,
    TARGET_DEFAULT,
    Count,
    Identifiers,
    Json,
    OnChannel,
    Store,
    Target,
    User,
    Visitor,
)
from recsys.commands.offer_values import values

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from recsys.v1.offer_pb2 import Reservation

Basketful = Annotated[
    list[str] | None, typer.Option("--basket", help="Item in the basket; may be given again.")
]
Tier = Annotated[str, typer.Option("--tier", help="Tier of the loyalty programme.")]
Reserved = Annotated[str, typer.Argument(metavar="RESERVATION", help="Id of the reservation.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Write, look at, recommend and use offers.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    group.command("import")(import_offers)
    group.command("list")(list_offers)
    group.command("show")(show)
    group.command("delete")(delete)
    group.command("recommend")(recommend)
    group.command("values")(values)
    group.command("reserve")(reserve)
    group.command("commit")(commit)
    group.command("release")(release)
    app.add_typer(group, name="offers", rich_help_panel="Serve")


def import_offers(
    file: Annotated[Path, typer.Argument(help="TOML with [\\[offers]], or JSON lines.")],
    *,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Send a file of offers to a running server. Sending it again changes nothing.

    [b]Examples[/]

      recsys offers import offers.toml
    """
    from recsys.commands.offer_files import read_offers  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    offers = read_offers(file)
    with connect(target) as client:
        written = client.offers.upsert(offers)
    facts = {"written": written, "unchanged": len(offers) - written}
    _say(
        json.dumps(facts)
        if as_json_
        else f"{written:,} offers written, {facts['unchanged']:,} unchanged"
    )


def list_offers(*, target: Target = TARGET_DEFAULT, as_json_: Json = False) -> None:
    """List all offers by their ids; with --json each is one line.

    [b]Examples[/]

      recsys offers list
    """
    from recsys.commands.offer_lines import offer_line  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    with connect(target) as client:
        for offer in client.offers.all():
            _say(json.dumps(_as_object(offer)) if as_json_ else offer_line(offer))


def show(
    offer_id: Annotated[str, typer.Argument(metavar="OFFER", help="The offer.")],
    *,
    target: Target = TARGET_DEFAULT,
) -> None:
    """Show all of an offer and what is used of it, as JSON.

    [b]Examples[/]

      recsys offers show ten-per-cent
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    with connect(target) as client:
        _say(json.dumps(_as_object(client.offers.get(offer_id)), indent=2))


def delete(
    offer_ids: Annotated[list[str], typer.Argument(metavar="OFFER...", help="The offers.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Delete offers; what was used of them stays counted.

    [b]Examples[/]

      recsys offers delete ten-per-cent --yes
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    if not yes:
        typer.confirm(f"Delete {len(offer_ids)} offers?", abort=True, err=True)
    with connect(target) as client:
        count = client.offers.delete(offer_ids)
    _say(json.dumps({"deleted": count}) if as_json_ else f"{count:,} offers deleted")


def recommend(
    *,
    user: User = "",
    visitor: Visitor = "",
    identifier: Identifiers = None,
    channel: OnChannel = None,
    store: Store = "",
    basket: Basketful = None,
    tier: Tier = "",
    count: Count = 20,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what offers earn, and why others are refused.")
    ] = False,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Ask for the offers of a person, here and now.

    [b]Examples[/]

      recsys offers recommend --identifier loyalty_card=4711 --channel store --store s-1
      recsys offers recommend --user u0000017 --basket i000012 --explain
    """
    from recsys.commands import offer_arguments  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    with connect(target) as client:
        answer = client.offers.recommend(
            offer_arguments.subject_of(user, visitor, identifier),
            context=offer_arguments.context_of(channel, store),
            basket=offer_arguments.basket_of_items(basket),
            loyalty_tier=tier,
            result_count=count,
            explain=explain,
        )
    if as_json_:
        _say(json.dumps(_as_object(answer), indent=2))
        return
    from recsys.commands import offer_lines  # noqa: PLC0415 - keeps --help quick

    for one in answer.results:
        _say(offer_lines.result_line(one, explain=explain))
    if not answer.results:
        _say("no offers")
    for refused in answer.refused_offers:
        _say(offer_lines.refused_line(refused))


def reserve(
    reservation_id: Annotated[
        str, typer.Argument(metavar="RESERVATION", help="An id of your own, such as a receipt's.")
    ],
    offer_id: Annotated[str, typer.Argument(metavar="OFFER", help="The offer.")],
    *,
    user: User = "",
    visitor: Visitor = "",
    identifier: Identifiers = None,
    channel: OnChannel = None,
    store: Store = "",
    basket: Basketful = None,
    tier: Tier = "",
    hold: Annotated[
        float,
        typer.Option(
            min=SECONDS_MIN, max=limits.HOLD_SECONDS_MAX, help="Seconds until it expires."
        ),
    ] = limits.HOLD_SECONDS_DEFAULT,
    cost: Annotated[str, typer.Option(help="What it costs at most, such as 8.32EUR.")] = "",
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Hold an offer for a person. The same once more changes nothing.

    [b]Examples[/]

      recsys offers reserve receipt-17 ten-per-cent --identifier loyalty_card=4711
    """
    from recsys.commands import offer_arguments  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    micros, currency = offer_arguments.cost_of(cost)
    with connect(target) as client:
        reservation = client.offers.reserve(
            reservation_id,
            offer_id,
            offer_arguments.subject_of(user, visitor, identifier),
            context=offer_arguments.context_of(channel, store),
            basket=offer_arguments.basket_of_items(basket),
            loyalty_tier=tier,
            hold_seconds=hold,
            cost_micros=micros,
            currency=currency,
        )
    _say_reservation(reservation, as_json_=as_json_)


def commit(
    reservation_id: Reserved,
    *,
    cost: Annotated[str, typer.Option(help="What it cost, such as 8.32EUR.")] = "",
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Say that a reserved offer was used. The same once more changes nothing.

    [b]Examples[/]

      recsys offers commit receipt-17
    """
    from recsys.commands import offer_arguments  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    micros, currency = offer_arguments.cost_of(cost)
    with connect(target) as client:
        reservation = client.offers.commit(reservation_id, cost_micros=micros, currency=currency)
    _say_reservation(reservation, as_json_=as_json_)


def release(
    reservation_id: Reserved,
    *,
    returned: Annotated[
        bool, typer.Option("--returned", help="What was bought has come back: also if committed.")
    ] = False,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Give a reservation back. The same once more changes nothing.

    [b]Examples[/]

      recsys offers release receipt-17
      recsys offers release receipt-17 --returned
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    with connect(target) as client:
        reservation = client.offers.release(reservation_id, returned=returned)
    _say_reservation(reservation, as_json_=as_json_)


def _say_reservation(reservation: "Reservation", *, as_json_: bool) -> None:
    from recsys.commands.offer_lines import reservation_line  # noqa: PLC0415 - keeps --help quick

    _say(
        json.dumps(_as_object(reservation), indent=2) if as_json_ else reservation_line(reservation)
    )


def _say(text: str) -> None:
    typer.echo(text)


def _as_object(message: "Message") -> object:
    from recsys.commands.catalog_lines import as_object  # noqa: PLC0415 - keeps --help quick

    return as_object(message)
