"""`recsys segment`: people by a filter, saved under a name; and the best people for an item."""

import json
from typing import Annotated

import typer

from recsys import limits
from recsys.commands.asking import TARGET_DEFAULT, Json, OnChannel, Target
from recsys.commands.whom import ToPeople, ToSegment, check_one, put_people

Name = Annotated[str, typer.Argument(help="The segment.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Save filters over people under names, and say how many pass them.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    group.command("save")(save)
    group.command("list")(list_segments)
    group.command("size")(size)
    group.command("delete")(delete)
    app.add_typer(group, name="segment", rich_help_panel="People")
    app.command("audience", rich_help_panel="People")(audience)


def save(
    name: Name,
    people: Annotated[str, typer.Argument(metavar="FILTER", help="Over people; '' for everybody.")],
    *,
    description: Annotated[str, typer.Option(help="For people.")] = "",
    target: Target = TARGET_DEFAULT,
) -> None:
    """Save a segment; one of the same name is replaced.

    [b]Examples[/]

      recsys segment save at-risk 'lifecycle_stage = "at-risk" AND recent_value.EUR > 100'
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick
    from recsys.v1.campaign_pb2 import SavedSegment  # noqa: PLC0415 - as above

    segment = SavedSegment(name=name, filter=people, description=description)
    with connect(target) as client:
        client.campaigns.upsert_segments([segment])


def list_segments(*, target: Target = TARGET_DEFAULT, as_json_: Json = False) -> None:
    """List the segments by their names.

    [b]Examples[/]

      recsys segment list
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    with connect(target) as client:
        for one in client.campaigns.segments():
            facts = {"name": one.name, "filter": one.filter, "description": one.description}
            typer.echo(json.dumps(facts) if as_json_ else f"{one.name}\t{one.filter}")


def size(
    name: Annotated[str, typer.Argument(help="The segment; else --people.")] = "",
    *,
    people: ToPeople = "",
    sample_size: Annotated[
        int, typer.Option(min=1, max=limits.ESTIMATE_COUNT_MAX, help="Identifiers to look at.")
    ] = limits.ESTIMATE_COUNT_DEFAULT,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Say how many people are in a segment, about, with an interval of 95 %.

    [b]Examples[/]

      recsys segment size at-risk
      recsys segment size --people 'known_by = "email_sha256"'
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    check_one(name, people, name="the name of a segment")
    with connect(target) as client:
        found = client.campaigns.estimate(segment=name, filter_=people, sample_size=sample_size)
    if as_json_:
        facts = {
            "people": found.person_count, "low": found.person_count_low,
            "high": found.person_count_high, "exact": found.exact,
        }  # fmt: skip
        typer.echo(json.dumps(facts))
    elif found.exact:
        typer.echo(f"{found.person_count:,} people")
    else:
        typer.echo(
            f"about {found.person_count:,} people"
            f" ({found.person_count_low:,} to {found.person_count_high:,})"
        )


def delete(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="The segments.")],
    *,
    target: Target = TARGET_DEFAULT,
) -> None:
    """Delete segments; nobody in them is touched.

    [b]Examples[/]

      recsys segment delete at-risk
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick

    with connect(target) as client:
        count = client.campaigns.delete_segments(names)
    typer.echo(f"{count:,} segments deleted")


def audience(
    item_id: Annotated[str, typer.Argument(metavar="ITEM", help="The item.")],
    *,
    count: Annotated[
        int,
        typer.Option("--count", "-n", min=1, max=limits.AUDIENCE_COUNT_MAX, help="People wanted."),
    ] = 100,
    channel: OnChannel = None,
    segment: ToSegment = "",
    people: ToPeople = "",
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """List the people who would like an item most, such as for too much stock of it.

    With a channel only those who allow messages there.

    [b]Examples[/]

      recsys audience i000012 --channel email -n 500
    """
    from recsys.serving.client import connect  # noqa: PLC0415 - keeps --help quick
    from recsys.v1.campaign_pb2 import Batch  # noqa: PLC0415 - as above

    batch = Batch(
        purpose="PURPOSE_MARKETING" if channel else "PURPOSE_PERSONALISE",
        channel=f"CHANNEL_{channel.name}" if channel else None,
    )
    put_people(batch, segment=segment, people=people)
    with connect(target) as client:
        for one in client.campaigns.audience(item_id, batch, count=count):
            names = [f"{each.namespace}={each.value}" for each in one.identifiers]
            facts = {"identifiers": names, "score": one.score}
            typer.echo(json.dumps(facts) if as_json_ else f"{one.score:.4f}\t{' '.join(names)}")
