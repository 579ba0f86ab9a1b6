"""`recsys export` as people use it, against a real server: files, kills, full disks."""

import asyncio
import csv
import errno
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import export, export_job
from recsys.commands.export_manifest import ExportFailed, Span, read_manifest
from recsys.errors import InvalidData
from recsys.files import file_digest
from recsys.v1 import (
    catalog_pb2,
    catalog_service_pb2,
    offer_service_pb2,
    profile_service_pb2,
)
from recsys.v1.profile_pb2 import CONSENT_STATUS_WITHDRAWN
from recsys.v1.subject_pb2 import Subject
from serving.test_campaigns import allow, arrive, mailed, user
from support.serving import Running

app = typer.Typer()
export.register(app)

KILLER = """
import os, signal, sys
import typer
from recsys.commands import export, export_job
steps, sync = int(sys.argv.pop(1)), export_job.sync_path
def killing(path):
    global steps
    sync(path)
    steps -= 1
    if steps == 0:
        os.kill(os.getpid(), signal.SIGKILL)
export_job.sync_path = killing
app = typer.Typer()
export.register(app)
app()
"""
"""Runs a command and kills it after so many steps that reach the disk."""


async def run(running: Running, *words: str | Path) -> Result:
    """Run a command against the server in this process."""
    arguments = ["export", *map(str, words), "--target", f"127.0.0.1:{running.port}"]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def killed_after(running: Running, steps: int, *words: str | Path) -> None:
    """Run a command in a process of its own, which is killed on the way."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(KILLER), str(steps), "export", *map(str, words),
         "--target", f"127.0.0.1:{running.port}"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
async def shop(remembering_sqlite: Running) -> Running:
    """A server with forty people who want e-mail, and five who do not."""
    names = [f"u{number:02}" for number in range(45)]
    await arrive(remembering_sqlite, map(mailed, names))
    await allow(remembering_sqlite, *names[:40])
    items = [
        catalog_pb2.Item(
            item_id=f"item-{row}", title=f'Tea, "{row}"', page_url=f"https://shop.example/{row}",
            image_url=f"https://img.example/{row}.jpg",
            prices=[catalog_pb2.Price(amount={"currency_code": "EUR", "units": row})],
        )
        for row in range(40)
    ]  # fmt: skip
    await remembering_sqlite.catalog.UpsertItems(
        catalog_service_pb2.UpsertItemsRequest(items=items)
    )
    return remembering_sqlite


async def test_every_kind_of_file_says_the_same(shop: Running, tmp_path: Path) -> None:
    """With a manifest that counts whoever is not in it, and checksums."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in ("jsonl", "csv", "parquet"):
        folder = tmp_path / kind
        result = await run(shop, "--out", folder, "--format", kind, "--count", "3", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout) == {
            "considered": 45, "exported": 40, "suppressed": {"no-consent": 5}, "files": 1,
            "refused_offers": {},
        }  # fmt: skip
        (path,) = folder.glob("part-*")
        if kind == "jsonl":
            found[kind] = [json.loads(line) for line in path.read_text().splitlines()]
        elif kind == "csv":
            with path.open() as file:
                found[kind] = list(csv.DictReader(file))
        else:
            found[kind] = pl.read_parquet(path).to_dicts()
        manifest = read_manifest(folder / "manifest.json")
        assert manifest.files[0].sha256 == file_digest(path)
        assert manifest.model_versions == ["v1"]
        assert manifest.consent_versions.first == manifest.consent_versions.last
        assert manifest.consent_versions.last
    assert [row["account"] for row in found["jsonl"]] == [f"u{number:02}" for number in range(40)]
    first = found["jsonl"][0]
    assert first["address"] == "@u00"
    item = first["items"][0]
    number = item["item_id"].removeprefix("item-")
    assert item == {
        "item_id": f"item-{number}", "title": f'Tea, "{number}"',
        "page_url": f"https://shop.example/{number}",
        "image_url": f"https://img.example/{number}.jpg", "price": number, "currency": "EUR",
        "reason": "personal",
    }  # fmt: skip
    for row, flat, columns in zip(found["jsonl"], found["csv"], found["parquet"], strict=True):
        assert flat["item_1_title"] == row["items"][0]["title"]
        assert flat["identifiers"] == "|".join(row["identifiers"])
        assert [one["item_id"] for one in columns["items"]] == [
            one["item_id"] for one in row["items"]
        ]
        assert row["offer_code"] == flat["offer_code"] == ""


async def test_offers_of_an_allocation_go_with_the_answers(shop: Running, tmp_path: Path) -> None:
    """Each gets hers; whoever is in the file but may not be messaged gets nothing."""
    assigned = tmp_path / "assigned.parquet"
    pl.DataFrame(
        {"user_id": ["u00", "u03", "u03", "u44"], "offer_id": ["mug", "mug", "coupon", "mug"]}
    ).write_parquet(assigned)
    folder = tmp_path / "march"
    result = await run(shop, "--out", folder, "--offers", assigned, "--count", "1")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (folder / "part-00000.jsonl").read_text().splitlines()]
    codes = {row["account"]: row["offer_code"] for row in rows if row["offer_code"]}
    assert codes == {"u00": "mug", "u03": "mug|coupon"}
    manifest = read_manifest(folder / "manifest.json")
    assert manifest.offers_sha256 == file_digest(assigned)


async def test_live_offers_go_with_the_answers(shop: Running, tmp_path: Path) -> None:
    """Those that people get who ask for themselves; what was refused is counted."""
    mug = {"title": "Mug", "percent_off": {"percent": 10.0}, "currency_code": "EUR"}
    euro = {"currency_code": "EUR", "units": 1}
    await shop.offers.UpsertOffers(
        offer_service_pb2.UpsertOffersRequest(
            offers=[
                {**mug, "offer_id": "a|b", "priority": 2, "cost": euro, "caps": [{"count": 1}]},
                {**mug, "offer_id": "mug", "cost": euro},
            ]
        )
    )
    await shop.offers.ReserveOffer(
        offer_service_pb2.ReserveOfferRequest(
            reservation_id="r", offer_id="a|b", subject=Subject(user_id="u03")
        )
    )
    words = ["--offers", "live", "--count", "1", "--json", "--format", "csv"]
    result = await run(shop, "--out", tmp_path / "one", *words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["refused_offers"] == {"CAP": 1}
    with (tmp_path / "one" / "part-00000.csv").open() as file:
        codes = {row["account"]: row["offer_code"] for row in csv.DictReader(file)}
    assert codes == {f"u{number:02}": "a\\|b" for number in range(40)} | {"u03": "mug"}
    await run(shop, "--out", tmp_path / "two", *words, "--offer-count", "2")
    with (tmp_path / "two" / "part-00000.csv").open() as file:
        codes = {row["account"]: row["offer_code"] for row in csv.DictReader(file)}
    assert codes["u00"] == "a\\|b|mug"
    again = ["recheck", tmp_path / "two" / "manifest.json", "--json"]
    assert (await run(shop, *again)).stdout == ""
    await shop.offers.ReserveOffer(
        offer_service_pb2.ReserveOfferRequest(
            reservation_id="s", offer_id="mug", subject=Subject(user_id="u05")
        )
    )
    await shop.offers.DeleteOffers(offer_service_pb2.DeleteOffersRequest(offer_ids=["a|b"]))
    lines = [json.loads(line) for line in (await run(shop, *again)).stdout.splitlines()]
    gone = {line["identifiers"][0]: line["withdrawn_offers"] for line in lines}
    assert len(gone) == 39
    assert gone["account=u00"] == {"a|b": "DELETED"}
    assert gone["account=u05"] == {"a|b": "DELETED", "mug": "REDEEMED"}
    assert (await run(shop, *again, "--no-offers")).stdout == ""
    await shop.offers.DeleteOffers(offer_service_pb2.DeleteOffersRequest(offer_ids=["mug"]))
    result = await run(shop, "--out", tmp_path / "only", *words, "--only-with-offer")
    assert json.loads(result.stdout)["suppressed"] == {"no-consent": 5, "no-offer": 40}
    wrong = await run(shop, "--out", tmp_path / "x", "--only-with-offer")
    assert "needs --offers live" in wrong.output


async def test_a_file_of_offers_names_people_and_offers(shop: Running, tmp_path: Path) -> None:
    """Else nothing is begun."""
    wrong = tmp_path / "assigned.csv"
    wrong.write_text("user_id,offer_id\nu00,mug\nu01,\n", "utf-8")
    result = await run(shop, "--out", tmp_path / "march", "--offers", wrong)
    assert isinstance(result.exception, InvalidData)
    assert "row 2" in str(result.exception)
    assert not (tmp_path / "march").exists()


async def test_a_killed_export_goes_on_and_gives_the_same_bytes(
    shop: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed twice, at different steps; and a second run gives the same, too."""
    monkeypatch.setattr("recsys.limits.WALK_COUNT", 8)
    words = ["--count", "2", "--rows-per-part", "9", "--as-of", "2026-11-22T10:00Z"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert (await run(shop, "--out", whole, *words)).exit_code == 0
    assert len(contents(whole)) == 4
    await killed_after(shop, 5, "--out", broken, *words)
    await killed_after(shop, 4, "--out", broken, *words)
    assert "manifest.json" not in contents(broken)
    other = await run(shop, "--out", broken, *words, "--count", "3")
    assert isinstance(other.exception, ExportFailed)
    assert "other options" in str(other.exception)
    assert (await run(shop, "--out", broken, *words)).exit_code == 0
    assert contents(broken) == contents(whole)
    done = await run(shop, "--out", broken, *words)
    assert "finished export" in str(done.exception)


async def test_a_killed_export_of_a_list_does_not_go_on_with_another_list(
    shop: Running, tmp_path: Path
) -> None:
    """Whoever stands where others stood would be taken for done."""
    ids, out = tmp_path / "ids.csv", tmp_path / "out"
    names = [f"u{number:02}" for number in range(40)]
    ids.write_text("\n".join(["user_id", *names]), "utf-8")
    words = ["--count", "2", "--rows-per-part", "9", "--as-of", "2026-11-22T10:00Z", "--ids", ids]
    await killed_after(shop, 3, "--out", out, *words)
    ids.write_text("\n".join(["user_id", *names[20:], *names[:20]]), "utf-8")
    other = await run(shop, "--out", out, *words)
    assert isinstance(other.exception, ExportFailed)
    assert "other options" in str(other.exception)
    ids.write_text("\n".join(["user_id", *names]), "utf-8")
    assert (await run(shop, "--out", out, *words)).exit_code == 0
    ids.unlink()
    gone = await run(shop, "--out", tmp_path / "none", *words)
    assert isinstance(gone.exception, InvalidData)
    assert not (tmp_path / "none").exists()


def test_versions_begin_with_the_first_also_if_that_is_none() -> None:
    """Nobody had said anything yet when it began."""
    said = Span()
    for number in (0, 5, 9):
        said.add(number)
    assert said == Span(first=0, last=9)


async def test_a_full_disk_costs_nothing_that_is_written(
    shop: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to do; the same command goes on."""
    monkeypatch.setattr("recsys.limits.WALK_COUNT", 8)
    words = ["--count", "2", "--rows-per-part", "9", "--as-of", "2026-11-22T10:00Z"]
    whole, full = tmp_path / "whole", tmp_path / "full"
    await run(shop, "--out", whole, *words)
    sync, steps = export_job.sync_path, iter([None] * 4)

    def filling(path: Path) -> None:
        if next(steps, errno.ENOSPC):
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(path)

    with monkeypatch.context() as patch:
        patch.setattr(export_job, "sync_path", filling)
        result = await run(shop, "--out", full, *words)
    assert isinstance(result.exception, ExportFailed)
    assert "No space left on device; the same command goes on later" in str(result.exception)
    assert (await run(shop, "--out", full, *words)).exit_code == 0
    assert contents(full) == contents(whole)


async def test_a_folder_that_cannot_be_written_is_named(shop: Running, tmp_path: Path) -> None:
    """Before anybody is asked; a folder with other files is left alone."""
    (tmp_path / "file").write_text("mine")
    for folder, problem in (
        (tmp_path / "file" / "below", "cannot be written: Not a directory"),
        (tmp_path, "has other files in it"),
    ):
        result = await run(shop, "--out", folder)
        assert isinstance(result.exception, ExportFailed)
        assert problem in str(result.exception)
    assert contents(tmp_path)["file"] == b"mine"
    assert (await run(shop, "--out", tmp_path / "x", "--format", "xml")).exit_code != 0


async def test_a_list_half_of_which_is_unknown_is_written_once(
    shop: Running, tmp_path: Path
) -> None:
    """Duplicates by another identifier are counted, and so are the unknown."""
    people = [{"user_id": f"u{number:02}"} for number in range(12)]
    people += [{"user_id": f"nobody{number}"} for number in range(12)]
    people += [{"email_sha256": "@u00"}, {"user_id": "u01"}]
    (tmp_path / "ids.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in people))
    result = await run(shop, "--out", tmp_path / "out", "--ids", tmp_path / "ids.jsonl", "--json")
    assert json.loads(result.stdout) == {
        "considered": 26, "exported": 12, "suppressed": {"duplicate": 2, "unknown": 12}, "files": 1,
        "refused_offers": {},
    }  # fmt: skip


async def test_what_must_be_withdrawn_is_said_of_the_files(shop: Running, tmp_path: Path) -> None:
    """Whoever said no since, and what is gone; an altered file is refused."""
    out = tmp_path / "out"
    await run(shop, "--out", out, "--count", "2", "--format", "csv")
    fine = await run(shop, "recheck", out / "manifest.json", "--json")
    assert (fine.exit_code, fine.stdout) == (0, "")
    await allow(shop, "u03", status=CONSENT_STATUS_WITHDRAWN)
    await shop.profiles.EraseProfile(
        profile_service_pb2.EraseProfileRequest(subject=Subject(user_id="u04"))
    )
    result = await run(shop, "recheck", out / "manifest.json", "--json")
    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["identifiers"][0], one["cause"]) for one in said] == [
        ("account=u03", "no-consent"), ("account=u04", "erased"),
    ]  # fmt: skip
    (path,) = out.glob("part-*")
    path.write_text(path.read_text().replace("u05", "u06"))
    altered = await run(shop, "recheck", out / "manifest.json")
    assert "is not what the manifest says" in str(altered.exception)


async def test_identifiers_with_bars_are_checked_like_others(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """A bar within a value does not part it."""
    shop = remembering_sqlite
    await arrive(shop, map(mailed, ["a|b", "c|loyalty_card=1\\"]))
    await allow(shop, "a|b", "c|loyalty_card=1\\")
    out = tmp_path / "out"
    await run(shop, "--out", out, "--count", "2", "--format", "csv")
    fine = await run(shop, "recheck", out / "manifest.json", "--json")
    assert (fine.exit_code, fine.stdout) == (0, "")
    await allow(shop, "a|b", status=CONSENT_STATUS_WITHDRAWN)
    found = await run(shop, "recheck", out / "manifest.json", "--json")
    assert [json.loads(line)["identifiers"][0] for line in found.stdout.splitlines()] == [
        "account=a|b"
    ]


async def test_an_erasure_names_the_files_of_a_campaign(shop: Running, tmp_path: Path) -> None:
    """That may hold her."""
    await run(shop, "--out", tmp_path / "spring")
    request = profile_service_pb2.EraseProfileRequest(subject=user("u02"))
    erased = (await shop.profiles.EraseProfile(request)).erasure
    assert any(one.place.endswith("spring") for one in erased.exports)
