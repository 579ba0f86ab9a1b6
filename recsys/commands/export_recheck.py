"""`recsys export recheck`: what of an export must be withdrawn before it is sent."""

import json
from pathlib import Path
from typing import Annotated

import typer

from recsys.commands.asking import TARGET_DEFAULT, Json, Target
from recsys.files import file_digest


def recheck(
    manifest: Annotated[Path, typer.Argument(help="manifest.json of an export.")],
    *,
    with_offers: Annotated[
        bool,
        typer.Option(
            "--offers/--no-offers", help="Whether offers are looked at; not if a file had others."
        ),
    ] = True,
    target: Target = TARGET_DEFAULT,
    as_json_: Json = False,
) -> None:
    """Say what of an export must be withdrawn before it is sent, a person a line.

    Whoever has withdrawn her consent, was erased or has had too many messages since;
    items that are not offered or not in stock any more; and offers that have ended, are
    used up, or were used by her since.

    [b]Examples[/]

      recsys export recheck spring/manifest.json > withdrawn.jsonl
    """
    from google.protobuf.json_format import ParseDict  # noqa: PLC0415 - keeps --help quick
    from google.protobuf.timestamp_pb2 import Timestamp  # noqa: PLC0415 - as above

    from recsys.commands.export_lists import entries_of  # noqa: PLC0415 - as above
    from recsys.commands.export_manifest import (  # noqa: PLC0415 - as above
        ExportFailed,
        read_manifest,
    )
    from recsys.serving.client import connect  # noqa: PLC0415 - as above
    from recsys.serving.enum_words import enum_word  # noqa: PLC0415 - as above
    from recsys.v1.campaign_pb2 import Batch, SuppressionCause  # noqa: PLC0415 - as above

    found = read_manifest(manifest)
    batch = ParseDict(found.batch, Batch())
    made_time = Timestamp()
    made_time.CopyFrom(batch.as_of_time)
    batch.ClearField("as_of_time")
    batch.ClearField("send_time")
    person_count = item_count = offer_count = 0
    with connect(target) as client:
        for part in found.files:
            path = manifest.parent / part.name
            if not path.is_file() or file_digest(path) != part.sha256:
                raise ExportFailed(path=str(path), problem="is not what the manifest says")
            for entries in entries_of(path, with_offers=with_offers):
                results = client.campaigns.recheck(batch, entries, made_time=made_time)
                for entry, result in zip(entries, results, strict=True):
                    gone = {one.offer_id: one.rule for one in result.withdrawn_offers}
                    if not (result.suppression_cause or result.withdrawn_item_ids or gone):
                        continue
                    cause = result.suppression_cause
                    person_count += bool(cause)
                    item_count += len(result.withdrawn_item_ids)
                    offer_count += len(gone)
                    said = {
                        "identifiers": [
                            f"{one.namespace}={one.value}" for one in entry.subject.identifiers
                        ],
                        "cause": enum_word(SuppressionCause, cause) or None,
                        "withdrawn_item_ids": list(result.withdrawn_item_ids),
                        "withdrawn_offers": gone,
                    }
                    typer.echo(json.dumps(said))
    if not as_json_:
        counts = f"{person_count:,} people, {item_count:,} items and {offer_count:,} offers"
        typer.echo(f"{counts} to withdraw", err=True)
