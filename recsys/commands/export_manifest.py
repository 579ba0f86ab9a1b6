"""What is said of an export, when it is done and while it is under way."""

from pathlib import Path
from typing import Any, Final

import msgspec

from recsys.errors import RecsysError

MANIFEST_NAME: Final = "manifest.json"
NOTE_NAME: Final = ".export.json"
_FORMAT_VERSION: Final = 1


class ExportFailed(RecsysError):
    """Files of an export cannot be written or used; what is written stays as it was."""

    reason = "EXPORT_FAILED"

    def __init__(self, *, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class PartFile(msgspec.Struct, frozen=True, kw_only=True):
    """A part that is whole.

    Attributes:
        name: In the folder.
        row_count: People in it.
        byte_count: Its size.
        sha256: Its checksum, hexadecimal.
    """

    name: str
    row_count: int
    byte_count: int
    sha256: str


class Span(msgspec.Struct, kw_only=True):
    """The first and the last of numbers that only grow; None where there are none."""

    first: int | None = None
    last: int | None = None

    def add(self, number: int) -> None:
        """Take one more in."""
        self.first = number if self.first is None else self.first
        self.last = number


class Manifest(msgspec.Struct, kw_only=True):
    """What an export is. It says nothing of when or where it ran.

    Attributes:
        format_version: Of the manifest.
        format: Of the files.
        batch: What was asked, as JSON of `recsys.v1.Batch`.
        filter: Over people: of the segment, as it was.
        model_versions: The models that answered.
        consent_versions: How far the statements of consent were.
        catalog_versions: How far the catalogue was.
        considered_count: People looked at.
        exported_count: People in the files.
        suppressed_counts: People who are not, by cause.
        refused_offer_counts: How often live offers were refused to somebody, by rule.
        offers_sha256: Of the file that says who gets which offer; empty without one.
        items_sha256: Of the file that says who gets which items; likewise.
        left_out_item_count: Items of that file that may not be shown any more to whom they
            were assigned.
        files: The parts, in order.
    """

    format_version: int = _FORMAT_VERSION
    format: str
    batch: dict[str, Any]
    filter: str = ""
    model_versions: list[str] = msgspec.field(default_factory=list)
    consent_versions: Span = msgspec.field(default_factory=Span)
    catalog_versions: Span = msgspec.field(default_factory=Span)
    considered_count: int = 0
    exported_count: int = 0
    suppressed_counts: dict[str, int] = msgspec.field(default_factory=dict)
    refused_offer_counts: dict[str, int] = msgspec.field(default_factory=dict)
    offers_sha256: str = ""
    items_sha256: str = ""
    left_out_item_count: int = 0
    files: list[PartFile] = msgspec.field(default_factory=list)


class Note(msgspec.Struct, kw_only=True):
    """Where a job is.

    Attributes:
        asked: What it was started with, so that no other job goes on with it.
        resume_token: Where the batch goes on.
        manifest: So far.
    """

    asked: str
    resume_token: str
    manifest: Manifest


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ExportFailed: It is none, or not of this version.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ExportFailed(path=str(path), problem=str(error)) from error
    if found.format_version != _FORMAT_VERSION:
        problem = f"is of version {found.format_version}; this one reads {_FORMAT_VERSION}"
        raise ExportFailed(path=str(path), problem=problem)
    return found


def manifest_bytes(manifest: Manifest) -> bytes:
    """Write a manifest for people and programs; the same of the same."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
