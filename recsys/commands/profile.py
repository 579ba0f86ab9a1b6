"""`recsys profile`: what is known of people, by a running server."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from recsys.commands.arguments import read_consents, read_identifiers
from recsys.commands.asking import TARGET_DEFAULT, Json, Target
from recsys.commands.links import link, links, unlink
from recsys.commands.tiers import tier, tiers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recsys.domain import Identifier

Who = Annotated[
    list[str],
    typer.Argument(
        help="The person by an identifier, NAMESPACE=VALUE, such as account=u-17 or"
        " loyalty_card=42; several are joined.",
        show_default=False,
    ),
]
_EXPORT_MODE: Final = 0o600


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Look at what is known of people, join and part them, keep what they allow, export"
        " and erase them.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    group.command("show")(show)
    group.command("link")(link)
    group.command("unlink")(unlink)
    group.command("links")(links)
    group.command("consent")(consent)
    group.command("tier")(tier)
    group.command("tiers")(tiers)
    group.command("export")(export)
    group.command("erase")(erase)
    app.add_typer(group, name="profile", rich_help_panel="People")


def show(who: Who, *, target: Target = TARGET_DEFAULT, as_json_: Json = False) -> None:
    """Show what is known of a person: identifiers, consents, what she does and buys.

    Everything is computed from her events at this moment.

    [b]Examples[/]

      recsys profile show account=u-17
      recsys profile show loyalty_card=42 --json | jq .orders
    """
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    from recsys.commands.people import show_profile  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    identifiers = read_identifiers(who)
    with connect(target) as client:
        found = client.profiles.show(identifiers)
    if as_json_:
        facts = MessageToDict(
            found, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        typer.echo(json.dumps(facts, indent=2))
    else:
        show_profile(Console(soft_wrap=True), found)


def consent(
    who: Who,
    *,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            help="Purpose that she allows: personalise, training or marketing; on one channel"
            " alone with :CHANNEL, such as marketing:email. May be given again."
        ),
    ] = None,
    deny: Annotated[list[str] | None, typer.Option(help="Purpose that she refuses.")] = None,
    withdraw: Annotated[
        list[str] | None, typer.Option(help="Purpose that she allowed and now refuses.")
    ] = None,
    source: Annotated[str, typer.Option(help="Where she said it.")] = "command line",
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Keep what a person allows and refuses; the next answer follows it.

    Nothing to keep shows what counts. It is kept under the identifiers given here:
    of several that she has, the most restrictive counts.

    [b]Examples[/]

      recsys profile consent account=u-17
      recsys profile consent account=u-17 --withdraw personalise
      recsys profile consent account=u-17 --deny marketing --grant marketing:email
    """
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    from recsys.commands.people import show_consents  # noqa: PLC0415 - as above
    from recsys.consent import ConsentStatus  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    identifiers = read_identifiers(who)
    said = [
        statement
        for status, texts in (
            (ConsentStatus.DENIED, deny),
            (ConsentStatus.WITHDRAWN, withdraw),
            (ConsentStatus.GRANTED, grant),
        )
        for statement in read_consents(texts or (), status, source=source, now=time.time())
    ]
    with connect(target) as client:
        if said:
            counting = client.profiles.set_consents(identifiers, said)
        else:
            counting = list(client.profiles.show(identifiers).consents)
    if as_json_:
        facts = [MessageToDict(one, preserving_proto_field_name=True) for one in counting]
        typer.echo(json.dumps(facts, indent=2))
    else:
        show_consents(Console(soft_wrap=True), counting)


def export(
    who: Who,
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, readable for its owner only; the terminal without."),
    ] = None,
    target: Target = TARGET_DEFAULT,
) -> None:
    """Write everything held about a person, one JSON object a line.

    The field `record` says what a line is: identifier, consent, event and so on. The storage
    notes where the file is, so that the report of a later erasure names it.

    [b]Examples[/]

      recsys profile export account=u-17 --out u-17.jsonl
      recsys profile export account=u-17 | jq 'select(.record == "event")'
    """
    from recsys.profiles import place_of  # noqa: PLC0415 - keeps --help quick
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    identifiers = read_identifiers(who)
    with connect(target) as client:
        destination = "" if out is None else place_of(out)
        lines = client.profiles.export(identifiers, destination=destination)
        if out is None:
            for line in lines:
                typer.echo(line)
            return
        count = 0
        out.touch(mode=_EXPORT_MODE)
        with out.open("w", encoding="utf-8") as file:
            for count, line in enumerate(lines, start=1):  # noqa: B007 - the last one is said
                file.write(f"{line}\n")
    typer.echo(f"{out}: {count} lines")


def erase(
    who: Who,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Delete everything held about a person, for good, and keep it from coming back.

    Events, links, consents and identifiers go; late events and second imports of hers
    are refused from now on. This cannot be undone.

    [b]Examples[/]

      recsys profile erase account=u-17
      recsys profile erase account=u-17 --yes --json > report.json
    """
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    from recsys.commands.people import show_erasure  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    identifiers = read_identifiers(who)
    with connect(target) as client:
        if not yes:
            found = client.profiles.show(identifiers)
            _confirm(identifiers, len(found.identifiers), found.event_count)
        report = client.profiles.erase(identifiers)
    if as_json_:
        facts = MessageToDict(
            report, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        typer.echo(json.dumps(facts, indent=2))
    else:
        show_erasure(Console(soft_wrap=True), report)


def _confirm(identifiers: "Sequence[Identifier]", identifier_count: int, event_count: int) -> None:
    names = ", ".join(f"{one.namespace}={one.value}" for one in identifiers)
    typer.confirm(
        f"{names}: erase {identifier_count} known identifiers with {event_count} events for good?",
        abort=True,
        err=True,
    )
