"""`recsys events tail|import|purge`: the event log, from a terminal."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from recsys.commands.arguments import read_event_filter
from recsys.commands.asking import TARGET_DEFAULT, Target
from recsys.commands.row_files import say_unused
from recsys.domain import Channel, EventType

if TYPE_CHECKING:
    from recsys.serving.client_events import EventSender, NamedEvent, Sent
    from recsys.storage.log_tail import TailEvent

_EXIT_REFUSED = 1
_EXIT_INTERRUPTED = 130
_PURGE_SECONDS = 3_600.0

User = Annotated[str, typer.Option("--user", "-u", help="Account id.")]
Visitor = Annotated[str, typer.Option(help="Device or browser before login.")]
Named = Annotated[str, typer.Option("--identifier", help="Any identifier, NAMESPACE=VALUE.")]
Kinds = Annotated[
    list[EventType] | None,
    typer.Option("--type", help="Only events of this type; may be given again."),
]
Places = Annotated[
    list[Channel] | None,
    typer.Option("--channel", help="Only events of this channel; may be given again."),
]
Stores = Annotated[
    list[str] | None, typer.Option("--at", help="Only events in this shop; may be given again.")
]
Since = Annotated[
    str, typer.Option(help="Not before: 2026-11-01, 2026-11-01T10:00Z, or an age such as 2h, 30d.")
]
Until = Annotated[str, typer.Option(help="Before; said as --since.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Watch the log of what people do, add to it, and forget parts of it.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    group.command("tail")(tail)
    group.command("import")(import_events)
    group.command("purge")(purge)
    app.add_typer(group, name="events", rich_help_panel="Serve")


def tail(
    store: Annotated[
        str, typer.Argument(help="The SQLite file or postgresql:// address that the server uses.")
    ],
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    count: Annotated[
        int, typer.Option("--count", "-n", min=0, max=10_000, help="Events to begin with.")
    ] = 10,
    user: User = "",
    visitor: Visitor = "",
    identifier: Named = "",
    kind: Kinds = None,
    channel: Places = None,
    at: Stores = None,
    since: Since = "",
    until: Until = "",
    as_json: Json = False,
) -> None:
    """Show the newest events of a log, and with -f those that come.

    It reads the storage itself, so it works without a running server, too. With
    --json each event is one line.

    [b]Examples[/]

      recsys events tail var/shop/history.sqlite -f
      recsys events tail var/shop/history.sqlite --user u-17 --type purchase-complete
      recsys events tail postgresql://shop@db/shop -f --channel store --json | jq .lines
    """
    from recsys.commands.event_lines import as_line, as_object  # noqa: PLC0415 - quick --help
    from recsys.storage.log_tail import follow as follow_log  # noqa: PLC0415 - as above
    from recsys.storage.log_tail import open_tail  # noqa: PLC0415 - as above

    which = read_event_filter(
        user=user, visitor=visitor, identifier=identifier, kinds=kind or (),
        channels=channel or (), stores=at or (), since=since, until=until, now=time.time(),
    )  # fmt: skip
    console = Console(soft_wrap=True, highlight=False)

    def show(events: "list[TailEvent]") -> None:
        for one in events:
            if as_json:
                typer.echo(json.dumps(as_object(one), ensure_ascii=False))
            else:
                console.print(as_line(one))

    with open_tail(store, which) as log:
        # The end of the log is where to go on from, also if nothing of it is shown.
        found = log.newest(max(1, count))
        show(found if count else [])
        if not found and not follow:
            Console(stderr=True).print("no event")
        if follow:
            for events in follow_log(log):
                show(events)


def import_events(
    files: Annotated[
        list[Path],
        typer.Argument(help="JSON lines, CSV or Parquet (the last needs the training extra)."),
    ],
    *,
    target: Target = TARGET_DEFAULT,
    patience: Annotated[
        float, typer.Option(min=0.0, help="Seconds to try while the server is away.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Send files of events to a running server, which keeps each of them once.

    Files have canonical columns, a row for each item: event_id, event_type,
    event_time, channel, user_id, visitor_id, loyalty_card, pos_customer, email_sha256,
    phone_sha256, store_id, session_id, basket_id, item_id, quantity, unit_price, currency,
    offer_id, attribution_token, search_query, referrer. Only event_type and one of
    event_id and event_time are needed. Neighbouring rows of one event_id are one event.
    Columns that are not used are named.

    A broken connection is made anew, and what was not acknowledged is sent again.
    Ctrl-C waits for what is under way. Sending the same files again is safe: what
    is kept already is recognised. For files that are not canonical, and before a
    server runs, there is [b]recsys import[/].

    [b]Examples[/]

      recsys events import monday.jsonl tuesday.csv
      recsys events import export.parquet --target shop.example:50051 --json
    """
    import grpc  # noqa: PLC0415 - keeps --help quick

    from recsys.commands.event_bars import Bars  # noqa: PLC0415 - as above
    from recsys.serving.client_events import EventSender  # noqa: PLC0415 - as above

    began = time.monotonic()
    with Bars(Console(stderr=True)) as bars, grpc.insecure_channel(target) as channel:
        sender = EventSender(channel, patience_seconds=patience, on_progress=bars.sent)
        interrupted = _stop_at_ctrl_c(sender)
        unused: set[str] = set()
        sent = sender.send(_events(files, bars, unused))
    say_unused(unused)
    _report(sent, seconds=time.monotonic() - began, as_json=as_json)
    if interrupted:
        typer.echo("interrupted; send the same files again to go on", err=True)
        raise typer.Exit(_EXIT_INTERRUPTED)
    if sent.refused:
        raise typer.Exit(_EXIT_REFUSED)


def _events(files: list[Path], bars: Any, unused: set[str]) -> "Iterator[NamedEvent]":
    from recsys.commands.event_files import read_rows  # noqa: PLC0415 - keeps --help quick
    from recsys.events import EVENT_COLUMNS, events_of  # noqa: PLC0415 - as above
    from recsys.row_values import noting  # noqa: PLC0415 - as above

    for path in files:
        rows = noting(bars.read(read_rows(path), path), EVENT_COLUMNS, unused)
        yield from events_of(rows, source=str(path))


def _stop_at_ctrl_c(sender: "EventSender") -> list[int]:
    """Let the first Ctrl-C end the sending in order, and the second one at once."""
    interrupted: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        interrupted.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sender.stop()

    signal.signal(signal.SIGINT, stop)
    return interrupted


def _report(sent: "Sent", *, seconds: float, as_json: bool) -> None:
    if as_json:
        facts = {
            "written": sent.written, "duplicates": sent.duplicates, "refused": sent.refused,
            "reconnects": sent.reconnects, "refusals": sent.refusals,
        }  # fmt: skip
        typer.echo(json.dumps(facts))
        return
    rate = sent.settled / max(seconds, 1e-3)
    typer.echo(
        f"{sent.written:,} events written, {sent.duplicates:,} were there already, "
        f"{sent.refused:,} refused ({seconds:.1f} s, {rate:,.0f} events/s)"
    )
    for refusal in sent.refusals:
        typer.echo(f"  {refusal}")
    if sent.refused > len(sent.refusals):
        typer.echo(f"  and {sent.refused - len(sent.refusals):,} more")


def purge(
    *,
    user: User = "",
    visitor: Visitor = "",
    identifier: Named = "",
    kind: Kinds = None,
    channel: Places = None,
    at: Stores = None,
    since: Since = "",
    until: Until = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many would be forgotten; forget none.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    target: Target = TARGET_DEFAULT,
    as_json: Json = False,
) -> None:
    """Forget the events for which everything said here is true; at least one thing must be.

    It says how many they are and asks first. The next answers are without them.
    This is for mistakes and retention; to forget a person with everything that is
    known of her there is [b]recsys profile erase[/].

    [b]Examples[/]

      recsys events purge --until 730d --dry-run
      recsys events purge --type impression --until 2026-01-01 --yes
      recsys events purge --visitor v-9 --since 2h
    """
    import grpc  # noqa: PLC0415 - keeps --help quick

    from recsys.serving.client_events import purge as purge_events  # noqa: PLC0415 - as above

    which = read_event_filter(
        user=user, visitor=visitor, identifier=identifier, kinds=kind or (),
        channels=channel or (), stores=at or (), since=since, until=until, now=time.time(),
    )  # fmt: skip
    if which.is_empty:
        raise typer.BadParameter("say which events; all of them are not meant by saying nothing")
    with grpc.insecure_channel(target) as connection:
        count = purge_events(connection, which, validate_only=True, timeout_seconds=_PURGE_SECONDS)
        if dry_run:
            _say_purged(count, done=False, as_json=as_json)
            return
        if count and not yes:
            typer.confirm(f"Forget {count:,} events?", abort=True, err=True)
        if count:
            count = purge_events(
                connection, which, validate_only=False, timeout_seconds=_PURGE_SECONDS
            )
    _say_purged(count, done=True, as_json=as_json)


def _say_purged(count: int, *, done: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"purged_count": count, "dry_run": not done}))
    else:
        typer.echo(f"{count:,} events {'forgotten' if done else 'would be forgotten'}")
