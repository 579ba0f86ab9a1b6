"""`recsys profile link|unlink|links`: which identifiers are one person."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys.commands.arguments import read_identifiers
from recsys.commands.asking import TARGET_DEFAULT, Json, Target

if TYPE_CHECKING:
    from recsys.domain import Identifier

_COUNT_MIN = 2

Names = Annotated[
    list[str],
    typer.Argument(
        help="At least two identifiers, NAMESPACE=VALUE, such as account=u-17 loyalty_card=42.",
        show_default=False,
    ),
]


def link(
    names: Names,
    *,
    source: Annotated[
        str, typer.Option(help="Who says so: lower case letters, digits, - and _.")
    ] = "cli",
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Say that identifiers are of one person; the next answer on any channel follows it.

    What a limit forbids is kept as evidence, joins nothing and is shown; the exit code
    is then 1. Saying the same again changes nothing.

    [b]Examples[/]

      recsys profile link account=u-17 loyalty_card=42
      recsys profile link account=u-17 visitor=v-9 --source call-centre
    """
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    from recsys.commands.people import show_linked  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    identifiers = _several(names)
    with connect(target) as client:
        response = client.profiles.link(identifiers, source=source)
    if as_json_:
        typer.echo(json.dumps(MessageToDict(response, preserving_proto_field_name=True), indent=2))
    else:
        show_linked(Console(soft_wrap=True), response)
    if response.refused_links:
        raise typer.Exit(1)


def unlink(
    names: Names,
    *,
    source: Annotated[
        str, typer.Option(help="Only what this source has said; everything without.")
    ] = "",
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Forget the links between identifiers, as if they had never been.

    Everybody has again what she would have without them. Identifiers that are linked
    through others stay one person, which is said.

    [b]Examples[/]

      recsys profile unlink account=u-17 loyalty_card=42
      recsys profile unlink account=u-17 visitor=v-9 --source call-centre
    """
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    from recsys.commands.people import show_unlinked  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    identifiers = _several(names)
    with connect(target) as client:
        response = client.profiles.unlink(identifiers, source=source)
    if as_json_:
        facts = MessageToDict(
            response, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        typer.echo(json.dumps(facts, indent=2))
    else:
        show_unlinked(Console(soft_wrap=True), names, response)


def links(
    name: Annotated[
        str,
        typer.Argument(help="Any identifier of the person, NAMESPACE=VALUE.", show_default=False),
    ],
    *,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Show why identifiers are one person: the evidence, and what joins nothing.

    [b]Examples[/]

      recsys profile links loyalty_card=42
      recsys profile links visitor=v-9 --json | jq .device_uses
    """
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    from recsys.commands.people import show_links  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above

    (identifier,) = read_identifiers([name])
    with connect(target) as client:
        response = client.profiles.links(identifier)
    if as_json_:
        typer.echo(json.dumps(MessageToDict(response, preserving_proto_field_name=True), indent=2))
    else:
        show_links(Console(soft_wrap=True), response)


def _several(names: list[str]) -> "tuple[Identifier, ...]":
    identifiers = read_identifiers(names)
    if len(set(identifiers)) < _COUNT_MIN:
        raise typer.BadParameter("at least two different identifiers are needed")
    return tuple(identifiers)
