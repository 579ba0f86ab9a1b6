"""Whom a command is about: a saved segment or a filter over people."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recsys.v1.campaign_pb2 import Batch

ToSegment = Annotated[str, typer.Option("--segment", help="Only people of this saved segment.")]
ToPeople = Annotated[
    str, typer.Option("--people", help="Only people like these: a filter over people.")
]


def check_one(segment: str, people: str, *, name: str = "--segment") -> None:
    """Refuse a segment and a filter together, for it is not clear who is meant.

    Args:
        segment: The name of a segment; empty for none.
        people: A filter; empty for none.
        name: What names the segment.

    Raises:
        typer.BadParameter: Both are there.
    """
    if segment and people:
        raise typer.BadParameter(f"--people goes without {name}")


def put_people(batch: "Batch", *, segment: str, people: str) -> None:
    """Say in a batch whom it is about; raises typer.BadParameter as `check_one`."""
    check_one(segment, people)
    if segment:
        batch.segment = segment
    elif people:
        batch.filter = people
