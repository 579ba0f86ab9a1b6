"""What all questions to a running server share: their options, and how answers are printed."""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys import limits
from recsys.catalog import ItemSummary
from recsys.commands.answers import as_json, show
from recsys.domain import Channel, ItemId, StockRule

if TYPE_CHECKING:
    from recsys.serving.client_messages import Reply

TARGET_DEFAULT = "127.0.0.1:50051"
SECONDS_MIN = 1e-3
"""The shortest time that an option takes, where none at all makes no sense."""

PANEL = "Ask"

Target = Annotated[
    str,
    typer.Option("--target", "-t", envvar="RECSYS_TARGET", help="Server to ask, HOST:PORT."),
]
User = Annotated[str, typer.Option("--user", "-u", help="Account id.")]
Visitor = Annotated[str, typer.Option(help="Device or browser before login.")]
Identifiers = Annotated[
    list[str] | None,
    typer.Option("--identifier", help="Further identifier, NAMESPACE=VALUE; may be given again."),
]
Recent = Annotated[
    list[str] | None,
    typer.Option(
        help="What just happened, TYPE:ITEM, oldest first; may be given again."
        " Types: view, cart, wish, buy, click, return."
    ),
]
Placement = Annotated[str, typer.Option(help="Slot of the frontend, such as home or cart.")]
OnChannel = Annotated[Channel | None, typer.Option(help="Where the answer is shown.")]
Store = Annotated[str, typer.Option(help="The shop concerned.")]
Count = Annotated[
    int, typer.Option("--count", "-k", min=1, max=limits.RESULT_COUNT_MAX, help="Results wanted.")
]
Exclude = Annotated[list[str] | None, typer.Option(help="Leave this item out; may be given again.")]
PageToken = Annotated[
    str, typer.Option(help="For the next page: what --json of the page before has.")
]
Filter = Annotated[
    str, typer.Option("--filter", help="Only items like these, such as 'price < 50'.")
]
InStock = Annotated[
    StockRule | None,
    typer.Option(help="Where items must be in stock; unless said, as the placement says."),
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Also say what scores are made of, and what was left out.")
]
Titles = Annotated[
    Path | None, typer.Option(help="SQLite file of the import, to show titles.", exists=True)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_reply(reply: "Reply", titles: Path | None, *, as_json_: bool) -> None:
    """Print an answer, for people or for programs."""
    ids = {result.item_id for result in reply.results}
    for reason in (result.reason for result in reply.results):
        ids |= {one for one in (reason.similar_to, reason.goes_with) if one}
    summaries = _summaries(titles, ids)
    if as_json_:
        typer.echo(json.dumps(as_json(reply, summaries), indent=2))
    else:
        show(Console(soft_wrap=True), reply, summaries)


def _summaries(path: Path | None, ids: Iterable[ItemId]) -> Mapping[ItemId, ItemSummary]:
    if path is None:
        return {}
    from recsys.storage.catalog import Catalog  # noqa: PLC0415 - only where it is used
    from recsys.storage.sessions import SqliteSessions  # noqa: PLC0415 - as above

    return Catalog(SqliteSessions(path)).items(ids, now=time.time())
