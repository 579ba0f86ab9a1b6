"""Files of a batch, written so that a killed job goes on without writing anybody twice.

A folder has parts, each written under another name and renamed when it is whole, and a note of
where the job is, replaced after each part. What was written since the last note is written
again: the same, for the server says the same. The manifest is the last file of all; where it
is, the job is done.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from recsys.commands.export_items import AssignedItems
from recsys.commands.export_manifest import (
    MANIFEST_NAME,
    NOTE_NAME,
    ExportFailed,
    Manifest,
    Note,
    PartFile,
    manifest_bytes,
)
from recsys.commands.export_rows import PartWriter, Row, part_writer, row_of
from recsys.commands.value_files import account_of
from recsys.files import file_digest, sync_path
from recsys.serving.enum_words import enum_word
from recsys.v1 import result_pb2
from recsys.v1.campaign_pb2 import SuppressionCause
from recsys.v1.campaign_service_pb2 import RecommendBatchResponse

_NOTHING: Final = enum_word(SuppressionCause, SuppressionCause.SUPPRESSION_CAUSE_NOTHING_TO_SHOW)


class ExportJob:
    """One job on one folder; nobody else may work on the folder at the same time."""

    def __init__(
        self,
        folder: Path,
        *,
        format_: str,
        item_count: int,
        rows_per_part: int,
        offers: Mapping[str, str] | None = None,
        items: AssignedItems | None = None,
    ) -> None:
        """Name a folder; nothing is touched yet.

        Args:
            folder: Where files go.
            format_: Of the files.
            item_count: Items of a person, at most.
            rows_per_part: About how many people a file has.
            offers: Which offer goes to whom, by account; without it, as the batch says.
            items: Which items; likewise.
        """
        self._offers = offers
        self._items = items
        self._folder = folder
        self._format = format_
        self._item_count = item_count
        self._rows_per_part = rows_per_part
        self._writer: PartWriter | None = None
        self._row_count = 0
        self._open_path = folder / "."

    def under_way(self) -> Note | None:
        """Return where a job in the folder is; None where there is none.

        Raises:
            ExportFailed: The folder holds a finished export, or other files.
        """
        with self._translated(self._folder):
            if not self._folder.exists():
                return None
            if (self._folder / MANIFEST_NAME).exists():
                problem = f"has a finished export ({MANIFEST_NAME}); take another folder"
                raise ExportFailed(path=str(self._folder), problem=problem)
            note = self._folder / NOTE_NAME
            if note.exists():
                return self._read(note)
            if any(self._folder.iterdir()):
                problem = "has other files in it; take an empty folder"
                raise ExportFailed(path=str(self._folder), problem=problem)
        return None

    def begin(
        self,
        batch: dict[str, Any],
        asked: str,
        *,
        offers_sha256: str = "",
        items_sha256: str = "",
    ) -> Note:
        """Make the folder, and note that a job begins."""
        with self._translated(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(
            format=self._format,
            batch=batch,
            offers_sha256=offers_sha256,
            items_sha256=items_sha256,
        )
        note = Note(asked=asked, resume_token="", manifest=manifest)
        self._keep(note)
        return note

    def run(
        self,
        note: Note,
        responses: Iterable[RecommendBatchResponse],
        *,
        on_progress: Callable[[RecommendBatchResponse, Manifest], None],
    ) -> Manifest:
        """Write everything, from where the job is to its end.

        Args:
            note: Where it is.
            responses: From there on.
            on_progress: Told of each response, after it.

        Raises:
            ExportFailed: A file cannot be written. What is whole stays, and the same job
                goes on from there.
        """
        manifest = note.manifest
        written = {part.name for part in manifest.files}
        with self._translated(self._folder):
            for path in self._folder.glob("part-*"):
                if path.name not in written:
                    path.unlink()
        try:
            for response in responses:
                self._take(response, manifest)
                # The last response of a walk has no token: the job ends below.
                if self._row_count >= self._rows_per_part and response.resume_token:
                    self._finish_part(manifest)
                    note.resume_token = response.resume_token
                    self._keep(note)
                on_progress(response, manifest)
            self._finish_part(manifest)
        finally:
            self._abandon()
        self._replace(self._folder / MANIFEST_NAME, manifest_bytes(manifest))
        with self._translated(self._folder):
            (self._folder / NOTE_NAME).unlink()
        return manifest

    def _take(self, response: RecommendBatchResponse, manifest: Manifest) -> None:
        causes = {
            enum_word(SuppressionCause, one.cause): one.person_count for one in response.suppressed
        }
        rows = self._rows(response, manifest, causes)
        if rows:
            self._write(rows, number=len(manifest.files))
            manifest.exported_count += len(rows)
        manifest.suppressed_counts = _sums(manifest.suppressed_counts, causes)
        rules = {one.rule: one.refused_count for one in response.refused_offers}
        manifest.refused_offer_counts = _sums(manifest.refused_offer_counts, rules)
        manifest.considered_count = response.considered_count
        manifest.filter = response.filter
        manifest.consent_versions.add(response.consent_version)
        manifest.catalog_versions.add(response.catalog_version)
        if response.model_version not in manifest.model_versions:
            manifest.model_versions.append(response.model_version)

    def _rows(
        self, response: RecommendBatchResponse, manifest: Manifest, causes: dict[str, int]
    ) -> list[Row]:
        """Return the rows of those who get something; who gets no item is counted."""
        items = {one.item_id: one for one in response.items}
        rows = []
        for one in response.people:
            if one.suppression_cause:
                continue
            results: Sequence[result_pb2.Result] = one.results
            if self._items is not None:
                results, left_out_count = self._items.places(account_of(one), results)
                manifest.left_out_item_count += left_out_count
                if not results:
                    causes[_NOTHING] = causes.get(_NOTHING, 0) + 1
                    continue
            rows.append(row_of(one, results, items, offers=self._offers))
        return rows

    def _write(self, rows: list[Row], *, number: int) -> None:
        if self._writer is None:
            self._open_path = self._folder / f"part-{number:05}.{self._format}"
            with self._translated(self._open_path):
                self._writer = part_writer(
                    _unfinished(self._open_path), self._format, item_count=self._item_count
                )
        with self._translated(self._open_path):
            self._writer.write(rows)
        self._row_count += len(rows)

    def _finish_part(self, manifest: Manifest) -> None:
        if self._writer is None:
            return
        path, temporary = self._open_path, _unfinished(self._open_path)
        with self._translated(path):
            writer, self._writer = self._writer, None
            writer.close()
            sync_path(temporary)
            part = PartFile(
                name=path.name,
                row_count=self._row_count,
                byte_count=temporary.stat().st_size,
                sha256=file_digest(temporary),
            )
            temporary.rename(path)
            sync_path(self._folder)
        manifest.files.append(part)
        self._row_count = 0

    def _abandon(self) -> None:
        """Let go of a part that is not whole."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
            self._writer = None

    def _keep(self, note: Note) -> None:
        self._replace(self._folder / NOTE_NAME, msgspec.json.encode(note))

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f"{path.name}.part")
        with self._translated(path):
            temporary.write_bytes(content)
            sync_path(temporary)
            temporary.rename(path)
            sync_path(self._folder)

    def _read(self, path: Path) -> Note:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Note)
        except msgspec.DecodeError as error:
            raise ExportFailed(path=str(path), problem=f"is damaged: {error}") from error

    @contextlib.contextmanager
    def _translated(self, path: Path) -> Any:
        try:
            yield
        except OSError as error:
            problem = (
                f"cannot be written: {error.strerror or error}; the same command goes on later"
            )
            raise ExportFailed(path=str(path), problem=problem) from error


def _sums(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(counts) + Counter(more)).items()))


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
