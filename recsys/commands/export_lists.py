"""Files that an export reads: people of a list, who gets which offer, and its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from recsys import limits
from recsys.commands.arguments import read_identifiers
from recsys.commands.event_files import read_rows
from recsys.commands.export_rows import barred, parted
from recsys.domain import NAMESPACE_ACCOUNT, NAMESPACE_VISITOR, Identifier
from recsys.errors import InvalidData
from recsys.files import file_digest
from recsys.serving.profile_client import subject_of
from recsys.v1.campaign_service_pb2 import RecheckEntry

_ALIASES: Final = {"user_id": NAMESPACE_ACCOUNT, "visitor_id": NAMESPACE_VISITOR}


def digest_of(path: Path | None) -> str:
    """Return the checksum of a file that a job reads, hexadecimal; empty for none.

    Raises:
        InvalidData: It cannot be read.
    """
    try:
        return "" if path is None else file_digest(path)
    except OSError as error:
        raise InvalidData(path=str(path), problem=error.strerror or str(error)) from error


def listed(path: Path) -> Iterator[list[Identifier]]:
    """Read people of a list: their columns are namespaces, or user_id and visitor_id."""
    for number, (row, _) in enumerate(read_rows(path), start=1):
        found = [
            Identifier(_ALIASES.get(str(name), str(name)), str(value))
            for name, value in row.items()
            if value is not None and str(value)
        ]
        if not found:
            raise InvalidData(path=str(path), problem=f"row {number} names nobody")
        yield found


def assigned(path: Path) -> dict[str, str]:
    """Read who gets which offer, by account; several of one person are parted by a bar."""
    found: dict[str, str] = {}
    for number, (row, _) in enumerate(read_rows(path), start=1):
        user_id, offer_id = row.get("user_id"), row.get("offer_id")
        if not user_id or not offer_id:
            raise InvalidData(path=str(path), problem=f"row {number} has no user_id or offer_id")
        before, more = found.get(str(user_id)), barred([str(offer_id)])
        found[str(user_id)] = more if before is None else f"{before}|{more}"
    return found


def entries_of(path: Path, *, with_offers: bool = True) -> Iterator[list[RecheckEntry]]:
    """Read what people are about to get, some at a time."""
    entries: list[RecheckEntry] = []
    for row, _ in read_rows(path):
        named = row["identifiers"]
        texts = parted(named) if isinstance(named, str) else list(named)
        # A request takes no more; any of them leads to her.
        who = read_identifiers(texts[: limits.IDENTIFIER_COUNT_MAX])
        offer_ids = parted(row.get("offer_code") or "") if with_offers else ()
        entries.append(
            RecheckEntry(subject=subject_of(who), item_ids=_item_ids(row), offer_ids=offer_ids)
        )
        if len(entries) == limits.BATCH_SUBJECT_COUNT_MAX:
            yield entries
            entries = []
    if entries:
        yield entries


def _item_ids(row: Any) -> list[str]:
    if "items" in row:
        return [item["item_id"] for item in row["items"]]
    found = (row.get(f"item_{place}_id") for place in range(1, limits.RESULT_COUNT_MAX + 1))
    return [item_id for item_id in found if item_id]
