"""The report of an import, for people."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from training.dataset import DatasetInfo
from training.ingest.report import ImportReport

_RECORD_CHARS = 80


def show_report(console: Console, report: ImportReport, info: DatasetInfo) -> None:
    """Print what was kept and why the rest was not."""
    rate = report.rows_read / max(report.elapsed_seconds, 1e-3)
    console.print(
        f"[bold]{report.rows_kept:,}[/] of {report.rows_read:,} rows kept from "
        f"{escape(report.source)} (preset {escape(report.preset)}, "
        f"{report.elapsed_seconds:.1f} s, {rate:,.0f} rows/s)"
    )
    console.print(
        f"{info.item_count:,} items ({report.items_described:,} with a title), "
        f"{info.profile_count:,} people, {info.start_time:%Y-%m-%d} to {info.end_time:%Y-%m-%d}"
    )
    console.print(_kept(report))
    if report.rejected:
        console.print(_rejected(report))
    for namespace, joined in report.identity.joined.items():
        ambiguous = report.identity.ambiguous[namespace]
        alone = report.identity.alone[namespace]
        if joined or ambiguous or alone:
            console.print(
                f"{namespace}: {joined:,} joined to an account, {alone:,} never seen with one, "
                f"{ambiguous:,} seen with several and left alone"
            )
    if report.identity.anonymous_profiles:
        console.print(
            f"{report.identity.anonymous_profiles:,} baskets or sessions of nobody known, "
            "kept for what is popular and what goes together"
        )


def _kept(report: ImportReport) -> Table:
    table = Table("event type", "rows", title="kept", title_justify="left")
    table.columns[1].justify = "right"
    for name, count in report.by_type.items():
        table.add_row(name, f"{count:,}")
    for name, count in report.by_channel.items():
        table.add_row(f"[dim]on {name}[/]", f"[dim]{count:,}[/]")
    return table


def _rejected(report: ImportReport) -> Table:
    table = Table("reason", "rows", "first example", title="rejected", title_justify="left")
    table.columns[1].justify = "right"
    for part in report.rejected:
        example = part.examples[0] if part.examples else None
        shown = ""
        if example is not None:
            where = f"{example.file}:{example.row}" if example.row else example.file
            shown = f"{where} {example.record[:_RECORD_CHARS]}"
        table.add_row(part.reason, f"{part.count:,}", escape(shown))
    return table
