"""`recsys export`: answers for many people as files, for e-mail tools and their like."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from recsys import limits
from recsys.commands.arguments import read_moment
from recsys.commands.asking import TARGET_DEFAULT, Count, Json, OnChannel, Placement, Store, Target
from recsys.commands.export_recheck import recheck
from recsys.commands.whom import ToPeople, ToSegment, put_people
from recsys.domain import Channel

if TYPE_CHECKING:
    from recsys.commands.export_manifest import Manifest
    from recsys.v1 import campaign_pb2


OutFolder = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for the files; new, or of a killed job.")
]
LIVE = "live"
"""Stands for the offers of the server, in the place of a file."""
FromFile = Annotated[
    Path | None,
    typer.Option(
        "--ids", help="Only these people: CSV, JSON lines or Parquet with columns such as user_id."
    ),
]
WithOffers = Annotated[
    str,
    typer.Option(
        "--offers",
        help="live for the best of the live offers; or a file that says who gets which:"
        " assigned.parquet of recsys allocate, or user_id and offer_id.",
    ),
]
WithItems = Annotated[
    Path | None,
    typer.Option(
        "--items",
        help="File that says who gets which items: assigned.parquet of recsys allocate, or"
        " user_id, item_id and value.",
    ),
]
OfferCount = Annotated[
    int, typer.Option(min=1, max=limits.RESULT_COUNT_MAX, help="Live offers for each, at most.")
]
OnlyWithOffer = Annotated[
    bool, typer.Option("--only-with-offer", help="Leave out whoever gets no live offer.")
]
Addresses = Annotated[
    list[str] | None,
    typer.Option("--address", help="Namespace of addresses, such as email_sha256; again."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Write answers for many people into files, and check them before they are sent.",
        rich_markup_mode="rich",
    )
    group.callback(invoke_without_command=True)(export)
    group.command("recheck")(recheck)
    app.add_typer(group, name="export", rich_help_panel="Serve")


def export(
    context: typer.Context,
    *,
    out: OutFolder = None,
    channel: OnChannel = Channel.EMAIL,
    placement: Placement = "",
    count: Count = 10,
    store: Store = "",
    segment: ToSegment = "",
    people: ToPeople = "",
    ids: FromFile = None,
    address: Addresses = None,
    offers: WithOffers = "",
    offer_count: OfferCount = 1,
    only_with_offer: OnlyWithOffer = False,
    items: WithItems = None,
    holdout: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of all people to leave alone.")
    ] = 0.0,
    holdout_name: Annotated[str, typer.Option(help="What that is called.")] = "",
    as_of: Annotated[str, typer.Option(help="Moment to rank for; unless said, now.")] = "",
    send_time: Annotated[str, typer.Option(help="When messages are sent; else --as-of.")] = "",
    format_: Annotated[str, typer.Option("--format", help="jsonl, csv or parquet.")] = "jsonl",
    rows_per_part: Annotated[
        int, typer.Option(min=1, help="About how many rows a file has.")
    ] = 50_000,
    target: Target = TARGET_DEFAULT,
    patience: Annotated[float, typer.Option(min=0.0, help="Seconds to try.")] = 60.0,
    as_json_: Json = False,
) -> None:
    """Write answers for many people into files, with a manifest.

    Only people who allow messages on the channel and have an address. A killed job goes
    on with the same command; nobody is written twice.

    [b]Examples[/]

      recsys export --out spring --channel email --placement email-weekly --segment at-risk
      recsys export --out spring --format csv --ids people.csv
      recsys export --out weekly --offers live --only-with-offer
      recsys export --out march --offers var/march/assigned.parquet
      recsys export --out april --count 4 --items var/april/assigned.parquet
      recsys export recheck spring/manifest.json
    """  # fmt: skip
    if context.invoked_subcommand is not None:
        return
    if out is None:
        raise typer.BadParameter("missing", param_hint="--out")
    from google.protobuf.json_format import MessageToDict, ParseDict  # noqa: PLC0415 - quick --help

    from recsys.commands.export_items import read_assigned_items  # noqa: PLC0415 - as above
    from recsys.commands.export_job import ExportJob  # noqa: PLC0415 - as above
    from recsys.commands.export_lists import assigned, digest_of, listed  # noqa: PLC0415 - as above
    from recsys.commands.export_manifest import ExportFailed  # noqa: PLC0415 - as above
    from recsys.commands.export_rows import UnknownFormat, known_formats  # noqa: PLC0415 - as above
    from recsys.profiles import place_of  # noqa: PLC0415 - as above
    from recsys.serving.client import connect  # noqa: PLC0415 - as above
    from recsys.v1.campaign_pb2 import Batch  # noqa: PLC0415 - as above

    if format_ not in known_formats():
        raise UnknownFormat(name=format_, known=known_formats())
    now = time.time()
    batch = _batch(
        channel=channel, placement=placement, store=store, segment=segment,
        # Of what may be shown to her, what she was assigned can be far down.
        count=count if items is None else limits.RESULT_COUNT_MAX,
        people=people, address=address or [], holdout=holdout, holdout_name=holdout_name,
    )  # fmt: skip
    if ids is not None:
        if segment or people:
            raise typer.BadParameter("--ids goes without --segment and --people")
        batch.listed.SetInParent()
    file = _offers_file(batch, offers, count=offer_count, only=only_with_offer)
    offers_by_account = None if file is None else assigned(file)
    # Also of the list: what is left of a job is counted from its beginning.
    ids_sha256, offers_sha256, items_sha256 = map(digest_of, (ids, file, items))
    asked = json.dumps(
        [
            *(MessageToDict(batch), as_of, send_time, format_, ids_sha256, rows_per_part),
            *(offers_sha256, items_sha256, count),
        ]
    )
    job = ExportJob(
        out,
        format_=format_,
        item_count=count,
        rows_per_part=rows_per_part,
        offers=offers_by_account,
        items=None if items is None else read_assigned_items(items, count=count),
    )
    note = job.under_way()
    if note is None:
        _put_time(batch.as_of_time, read_moment(as_of, "--as-of", now=now) if as_of else now)
        if send_time:
            _put_time(batch.send_time, read_moment(send_time, "--send-time", now=now))
        note = job.begin(
            MessageToDict(batch), asked, offers_sha256=offers_sha256, items_sha256=items_sha256
        )
    elif note.asked != asked:
        problem = "holds a job that was started with other options; use these, or another folder"
        raise ExportFailed(path=str(out), problem=problem)
    else:
        batch = ParseDict(note.manifest.batch, Batch())
    batch.destination = place_of(out)
    began = time.monotonic()
    with connect(target) as client, _Bar(Console(stderr=True)) as bar:
        responses = client.campaigns.batch(
            batch,
            listed=None if ids is None else lambda: listed(ids),
            resume_token=note.resume_token,
            patience_seconds=patience,
        )
        manifest = job.run(
            note,
            responses,
            on_progress=lambda response, so_far: bar.show(
                response.done_share, so_far.considered_count, so_far.exported_count
            ),
        )
    _report(manifest, seconds=time.monotonic() - began, as_json=as_json_)


class _Bar:
    """How far a job is, with the time that is left."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("export"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[exported]:,} of {task.fields[considered]:,} people"),
            TimeRemainingColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("export", total=1.0, exported=0, considered=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, share: float, considered: int, exported: int) -> None:
        """Show it."""
        self._progress.update(self._task, completed=share, considered=considered, exported=exported)


def _batch(
    *,
    channel: Channel | None,
    placement: str,
    count: int,
    store: str,
    segment: str,
    people: str,
    address: list[str],
    holdout: float,
    holdout_name: str,
) -> "campaign_pb2.Batch":
    from recsys.v1.campaign_pb2 import Batch  # noqa: PLC0415 - keeps --help quick

    batch = Batch(
        placement=placement,
        channel=f"CHANNEL_{channel.name}" if channel else None,
        page_size=count,
        store_id=store,
        address_namespaces=address,
        holdout_share=holdout,
        holdout_name=holdout_name,
        with_habits=True,
        with_items=True,
    )
    put_people(batch, segment=segment, people=people)
    return batch


def _offers_file(
    batch: "campaign_pb2.Batch", offers: str, *, count: int, only: bool
) -> Path | None:
    """Say which offers are wanted; returns the file that says so, if one does."""
    if offers == LIVE:
        batch.offers.page_size, batch.offers.required = count, only
    elif only:
        raise typer.BadParameter(f"--only-with-offer needs --offers {LIVE}")
    return Path(offers) if offers and offers != LIVE else None


def _put_time(sent: Any, seconds: float) -> None:
    # To the microsecond, which is what a manifest can say.
    sent.FromMicroseconds(int(seconds * 1e6))


def _report(manifest: "Manifest", *, seconds: float, as_json: bool) -> None:
    if as_json:
        facts = {
            "considered": manifest.considered_count, "exported": manifest.exported_count,
            "suppressed": manifest.suppressed_counts, "files": len(manifest.files),
            "refused_offers": manifest.refused_offer_counts,
        }  # fmt: skip
        typer.echo(json.dumps(facts))
        return
    rate = manifest.considered_count / max(seconds, 1e-3)
    typer.echo(
        f"{manifest.exported_count:,} of {manifest.considered_count:,} people"
        f" in {len(manifest.files)} files ({seconds:.1f} s, {rate:,.0f} people/s)"
    )
    for cause, count in manifest.suppressed_counts.items():
        typer.echo(f"  {cause}: {count:,}")
    if manifest.left_out_item_count:
        typer.echo(f"  assigned items left out: {manifest.left_out_item_count:,}")
    for rule, count in manifest.refused_offer_counts.items():
        typer.echo(f"  offers refused by {rule}: {count:,}")
