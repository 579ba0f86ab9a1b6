"""The import from end to end: find, read, de-duplicate, resolve, write, report."""

import datetime as dt
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from recsys.errors import InvalidData
from recsys.profiles import Export, ExportKind, place_of
from recsys.storage.carried import Carried, carried_from
from recsys.storage.sqlite_schema import read_fact
from recsys.storage.sqlite_writer import refuse_live
from training import columns
from training.dataset import INFO_NAME, Dataset, DatasetInfo
from training.ingest.checks import Reason
from training.ingest.duplicates import drop_duplicates
from training.ingest.erased import (
    erased_fingerprint,
    without_erased_pairs,
    without_erased_rows,
)
from training.ingest.files import SourceFiles, fingerprint
from training.ingest.history import FINGERPRINT_FACT, HISTORY_NAME, write_history
from training.ingest.identities import read_identities
from training.ingest.identity import Resolution, links, resolve, with_profiles
from training.ingest.items import complete_items, read_items
from training.ingest.normalise import EventFiles, Normaliser, Progress
from training.ingest.preset import Preset, load_preset
from training.ingest.report import (
    REJECTS_NAME,
    REPORT_NAME,
    IdentityReport,
    ImportReport,
    Rejects,
    read_report,
)
from training.ingest.stores import STORES_NAME, read_stores
from training.scratch import finished_folder

FORMAT_VERSION: Final = 2
"""Part of the fingerprint: changes whenever the same input gives another dataset, or a store
that older ones cannot be brought up to. 2 has the log of events in the store."""

_ROW_GROUP_ROWS: Final = 1 << 18


def import_events(
    *,
    source: Path,
    preset: str,
    out: Path,
    now: dt.datetime,
    strict: bool = False,
    history_path: Path | None = None,
    people: Path | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Dataset:
    """Import a source into a dataset folder.

    The folder appears complete or not at all. If it holds the same import
    already, it is returned as it is.

    Args:
        source: A folder, or one file of events.
        preset: Name of a preset, or a TOML file.
        out: Folder to create or replace.
        now: The present; later events are rejected. Timezone-aware.
        strict: Whether a single rejected row fails the import.
        history_path: Where to write the storage for serving;
            `<out>/history.sqlite` unless given.
        people: The SQLite store whose erased people stay out and whose consents go on
            counting; the one that is replaced unless given.
        progress: Told about each step.

    Raises:
        InvalidConfig: The preset is unknown or not valid.
        InvalidData: A file is missing or damaged, nothing is left to keep, or
            `strict` and a row was rejected.
        StorageUnavailable: The dataset or the storage for serving cannot be written.
    """
    began = time.monotonic()
    kept_history = history_path or out / HISTORY_NAME
    job = _plan(source, preset, people=people or kept_history)
    if (same := _same_import(job, out, kept_history, strict=strict)) is not None:
        return same
    refuse_live(kept_history)
    with finished_folder(out, marker=INFO_NAME) as folder:
        info, report = _run(
            job,
            folder,
            now=now,
            strict=strict,
            progress=progress,
            history_path=history_path or folder / HISTORY_NAME,
            export=Export(kind=ExportKind.DATASET, place=place_of(out), time=now.timestamp()),
        )
        elapsed = round(time.monotonic() - began, 3)
        report = msgspec.structs.replace(report, elapsed_seconds=elapsed)
        text = msgspec.json.format(msgspec.json.encode(report), indent=2)
        (folder / REPORT_NAME).write_bytes(text)
        (folder / INFO_NAME).write_bytes(msgspec.json.encode(info))
        refuse_live(out / HISTORY_NAME)
    return Dataset.open(out)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be imported."""

    source: Path
    preset_name: str
    preset: Preset
    events: list[EventFiles]
    items: list[Path]
    identities: list[Path]
    stores: list[Path]
    fingerprint: str
    people: Path
    carried: Carried


def _plan(source: Path, preset_name: str, *, people: Path) -> _Job:
    preset = load_preset(preset_name)
    files = SourceFiles(source)
    events = [EventFiles(given, paths) for given, paths in files.events(preset.events)]
    items = files.items(preset)
    crm = preset.identities
    identities = files.find(crm.files, optional=crm.optional) if crm else []
    shops = preset.stores
    stores = files.find(shops.files, optional=shops.optional) if shops else []
    everything = [path for part in events for path in part.paths] + items + identities + stores
    carried = carried_from(people)
    name = fingerprint(everything, preset, version=FORMAT_VERSION)
    return _Job(
        source=source,
        preset_name=preset_name,
        preset=preset,
        events=events,
        items=items,
        identities=identities,
        stores=stores,
        fingerprint=erased_fingerprint(name, carried),
        people=people,
        carried=carried,
    )


def _same_import(job: _Job, out: Path, history_path: Path, *, strict: bool) -> Dataset | None:
    """Return the dataset if `out` holds just this import and nothing would change."""
    try:
        dataset = Dataset.open(out)
    except InvalidData:
        return None
    report = read_report(out)
    same = (
        report is not None
        and dataset.info.fingerprint == job.fingerprint
        and read_fact(history_path, FINGERPRINT_FACT) == job.fingerprint
        and not (strict and report.rows_rejected)
        # What was in the future then may have happened by now.
        and all(part.reason != Reason.TIME_IN_FUTURE for part in report.rejected)
    )
    return dataset if same else None


def _run(
    job: _Job,
    folder: Path,
    *,
    now: dt.datetime,
    strict: bool,
    progress: Progress,
    history_path: Path,
    export: Export,
) -> tuple[DatasetInfo, ImportReport]:
    rejects = Rejects()
    raw = folder / "normalised"
    raw.mkdir()
    normaliser = Normaliser(preset=job.preset, folder=raw, now=now, rejects=rejects)
    for part in job.events:
        normaliser.read(part, progress)
    drop_duplicates(normaliser.parts, rejects, progress)
    _check_outcome(job, rejects, rows_read=normaliser.rows_read, strict=strict)

    progress("joining identifiers", 0.0)
    clean = pl.scan_parquet(raw / "*.parquet").select(*columns.EVENTS)
    clean = without_erased_rows(clean, job.carried)
    identities = without_erased_pairs(read_identities(job.identities, job.preset), job.carried)
    resolution = resolve(clean, identities)
    (folder / "events").mkdir()
    with_profiles(clean, resolution).sink_parquet(
        folder / "events" / "part-00000.parquet", row_group_size=_ROW_GROUP_ROWS
    )
    progress("joining identifiers", 1.0)
    shutil.rmtree(raw)

    events = pl.scan_parquet(folder / "events" / "*.parquet")
    catalogue, items_rejected = read_items(job.items, job.preset)
    items = complete_items(catalogue, events)
    items.write_parquet(folder / "items.parquet")
    link_table = links(events, resolution, identities)
    link_table.write_parquet(folder / "links.parquet")
    if job.stores:
        read_stores(job.stores, job.preset).write_parquet(folder / STORES_NAME)
    rejects.write(folder / REJECTS_NAME)
    info = _info(job, events, items)
    progress("writing histories", 0.0)
    write_history(
        history_path,
        events=events,
        event_count=info.event_count,
        links=link_table,
        items=items,
        fingerprint=job.fingerprint,
        scratch=folder / "history-buckets",
        export=export,
        people=job.people,
    )
    progress("writing histories", 1.0)
    report = _report(job, events, rejects, normaliser.rows_read, items, items_rejected, resolution)
    return info, report


def _check_outcome(job: _Job, rejects: Rejects, *, rows_read: int, strict: bool) -> None:
    counts = ", ".join(f"{part.reason} {part.count:,}" for part in rejects.summary())
    if strict and rejects.count:
        problem = (
            f"{rejects.count:,} of {rows_read:,} rows rejected ({counts}); --strict wants none"
        )
        raise InvalidData(path=str(job.source), problem=problem)
    if rejects.count >= rows_read:
        problem = f"no usable row among {rows_read:,}" + (f" ({counts})" if counts else "")
        raise InvalidData(path=str(job.source), problem=problem)


def _info(job: _Job, events: pl.LazyFrame, items: pl.DataFrame) -> DatasetInfo:
    facts = events.select(
        pl.len().alias("count"),
        pl.col(columns.PROFILE_ID).n_unique().alias("profiles"),
        pl.col(columns.EVENT_TIME).min().alias("start"),
        pl.col(columns.EVENT_TIME).max().alias("end"),
    ).collect(engine="streaming")
    count, profile_count, start, end = facts.row(0)
    return DatasetInfo(
        fingerprint=job.fingerprint,
        source=str(job.source),
        preset=job.preset_name,
        event_count=count,
        item_count=items.height,
        profile_count=profile_count,
        start_time=start,
        end_time=end,
    )


def _report(
    job: _Job,
    events: pl.LazyFrame,
    rejects: Rejects,
    rows_read: int,
    items: pl.DataFrame,
    items_rejected: int,
    resolution: Resolution,
) -> ImportReport:
    def counted(name: str) -> dict[str, int]:
        counts = events.group_by(name).len().sort("len", name, descending=[True, False])
        return dict(counts.collect(engine="streaming").iter_rows())

    owners = {
        columns.IDENTIFIER_NAMESPACES[name]: table for name, table in resolution.owners.items()
    }
    ambiguous = {
        columns.IDENTIFIER_NAMESPACES[name]: count for name, count in resolution.ambiguous.items()
    }
    joined = {name: table.height - table["user_id"].null_count() for name, table in owners.items()}
    anonymous = (
        events.filter(pl.col(columns.PROFILE_ID).str.contains("^(basket|session):"))
        .select(pl.col(columns.PROFILE_ID).n_unique())
        .collect(engine="streaming")
        .item()
    )
    by_type = counted(columns.EVENT_TYPE)
    return ImportReport(
        source=str(job.source),
        preset=job.preset_name,
        files=[path.name for part in job.events for path in part.paths],
        rows_read=rows_read,
        rows_kept=sum(by_type.values()),
        rejected=rejects.summary(),
        by_type=by_type,
        by_channel=counted(columns.CHANNEL),
        items_described=items.height - items[columns.TITLE].null_count(),
        items_rejected=items_rejected,
        identity=IdentityReport(
            joined=joined,
            ambiguous=ambiguous,
            alone={name: t.height - joined[name] - ambiguous[name] for name, t in owners.items()},
            anonymous_profiles=anonymous,
        ),
        elapsed_seconds=0.0,
    )
