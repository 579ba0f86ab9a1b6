"""`recsys triggers`: messages about what somebody has just done."""

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys import limits
from recsys.commands.asking import SECONDS_MIN, TARGET_DEFAULT, Json, Target
from recsys.domain import Channel

if TYPE_CHECKING:
    from recsys.triggers import Trigger
    from recsys.v1.trigger_service_pb2 import TriggerMessage

_COUNT_MAX = 2**31 - 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Check what sets messages off, and take the messages.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    group.command("check")(check)
    group.command("watch")(watch)
    group.command("ack")(ack)
    app.add_typer(group, name="triggers", rich_help_panel="People")


def check(
    file: Annotated[Path, typer.Argument(help="TOML, a table for each trigger.")],
    *,
    as_json_: Json = False,
) -> None:
    """Check a file of triggers and say what each does; exit status 2 if something is wrong.

    [b]Examples[/]

      recsys triggers check triggers.toml
    """
    from recsys.errors import InvalidConfig  # noqa: PLC0415 - keeps --help quick
    from recsys.triggers import read_triggers  # noqa: PLC0415 - as above

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(source=str(file), problem=str(error)) from error
    for name, one in read_triggers(text, source=str(file)).by_name.items():
        typer.echo(json.dumps(_as_object(name, one)) if as_json_ else f"{name}: {_sentence(one)}")


def watch(
    consumer: Annotated[str, typer.Argument(help="Who takes the messages; one at a time.")],
    *,
    channels: Annotated[
        list[Channel] | None, typer.Option("--channel", help="Only these; may be given again.")
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--trigger", help="Only these; may be given again.")
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", min=0, max=_COUNT_MAX, help="End after so many.")
    ] = 0,
    acknowledge: Annotated[
        bool, typer.Option("--ack", help="Say of each that it was sent, once it is printed.")
    ] = False,
    lease: Annotated[
        float,
        typer.Option(
            min=SECONDS_MIN,
            max=limits.LEASE_SECONDS_MAX,
            help="Seconds in which nobody else gets them.",
        ),
    ] = limits.LEASE_SECONDS_DEFAULT,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Print messages as they are decided, until Ctrl-C; with --json each is one line.

    [b]Examples[/]

      recsys triggers watch push-gateway --channel push --json
      recsys triggers watch me --ack -n 1
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick
    from recsys.v1.trigger_service_pb2 import TRIGGER_ACK_OUTCOME_SENT  # noqa: PLC0415 - as above

    with connect(target) as client:
        messages = client.triggers.watch(
            consumer, channels=channels or (), triggers=names or (), lease_seconds=lease
        )
        try:
            for one in itertools.islice(messages, count or None):
                typer.echo(_json_line(one) if as_json_ else _line(one))
                if acknowledge:
                    client.triggers.acknowledge([one.message_id], TRIGGER_ACK_OUTCOME_SENT)
        except KeyboardInterrupt:
            return
        finally:
            messages.close()


def ack(
    message_ids: Annotated[list[str], typer.Argument(metavar="MESSAGE...", help="Their ids.")],
    *,
    refused: Annotated[bool, typer.Option("--refused", help="They cannot be sent.")] = False,
    released: Annotated[
        bool, typer.Option("--released", help="They were not sent; somebody else may try.")
    ] = False,
    target: Target = TARGET_DEFAULT,
) -> None:
    """Say that messages were sent, or what else became of them; print where they stand.

    [b]Examples[/]

      recsys triggers ack 5d0c2f9a1b7e4c3f0f1e2d3c4b5a6978
      recsys triggers ack --refused 5d0c2f9a1b7e4c3f0f1e2d3c4b5a6978
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.enum_words import enum_word  # noqa: PLC0415 - as above
    from recsys.v1 import trigger_service_pb2 as service  # noqa: PLC0415 - as above

    if refused and released:
        raise typer.BadParameter("is said beside --refused", param_hint="--released")
    outcome = service.TRIGGER_ACK_OUTCOME_SENT
    if refused or released:
        outcome = (
            service.TRIGGER_ACK_OUTCOME_REFUSED if refused else service.TRIGGER_ACK_OUTCOME_RELEASED
        )
    with connect(target) as client:
        states = client.triggers.acknowledge(message_ids, outcome)
    for message_id, state in zip(message_ids, states, strict=True):
        typer.echo(f"{message_id}  {enum_word(service.TriggerMessageState, state) or 'unknown'}")


def _as_object(name: str, one: "Trigger") -> dict[str, object]:
    import msgspec  # noqa: PLC0415 - keeps --help quick

    found: dict[str, object] = msgspec.to_builtins(one)
    return {"name": name, **found, "after_minutes": one.after_seconds / 60.0}


def _sentence(one: "Trigger") -> str:
    """Say what a trigger does."""
    from recsys.triggers import Occasion, OfferNeed  # noqa: PLC0415 - keeps --help quick

    if one.on is Occasion.CART_LEFT:
        what = f"{one.after_seconds / 60.0:g} min after a cart was left"
    else:
        what = f"on a visit of {', '.join(one.stores) or 'any shop'}"
    offers = ", ".join(one.offers) or "any offer"
    carries = {
        OfferNeed.REQUIRED: f"with the best of: {offers}",
        OfferNeed.IF_ANY: f"perhaps with one of: {offers}",
        OfferNeed.NEVER: "without an offer",
    }[one.offer]
    parts = [
        f"{what}, by {one.channel}, {carries}",
        f"of use for {one.expires_minutes:g} min, again after {one.again_hours:g} h",
    ]
    if one.holdout_share:
        parts.append(f"{one.holdout_share:.1%} held out")
    return "; ".join(parts if one.enabled else [*parts, "switched off"])


def _line(one: "TriggerMessage") -> str:
    names = [f"{each.namespace}={each.value}" for each in one.identifiers]
    items = [each.title or each.item_id for each in one.items]
    words = [one.message_id, one.trigger, one.message_key, *names]
    words += [one.offer.title or one.offer.offer_id] if one.HasField("offer") else []
    return "  ".join([*words, *items])


def _json_line(one: "TriggerMessage") -> str:
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    return json.dumps(MessageToDict(one, preserving_proto_field_name=True))
