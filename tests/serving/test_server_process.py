"""Whoever needs a server for a while gets one that answers, and leaves none behind."""

import os
import tomllib
from pathlib import Path

import pytest

from recsys.bundle import BundleStore, write_bundle
from recsys.server_process import ServerNotReady, running_server
from recsys.serving.client import connect
from support.bundles import contents, two_worlds


def test_a_server_answers_inside_the_block_and_is_gone_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the folder is called and whatever the shell configures for other servers."""
    monkeypatch.setenv("RECSYS_BUNDLES__FOLDER", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("RECSYS_SERVER__READY_FILE", str(tmp_path / "elsewhere.json"))
    folder = tmp_path / 'a "quoted" \\ \N{SHOPPING TROLLEY}'
    store = BundleStore(folder / "bundles")
    ids = [f"item-{row}" for row in range(30)]
    write_bundle(store.path("v1"), contents(ids, factors=two_worlds(30), model_version="v1"))
    store.set_current("v1")
    settings = {"server": {"workers": 1}, "bundles": {"folder": str(store.folder)}}
    with running_server(folder, settings=settings) as server:
        with connect(server.ready.address) as client:
            assert client.model().model_version == "v1"
        assert server.ready.pid == server.process.pid
    assert server.process.returncode == 0
    assert not (folder / "ready.json").exists()
    assert tomllib.loads(server.config_file.read_text("utf-8"))["bundles"] == settings["bundles"]


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The error carries the exit code and the end of the log."""
    settings = {"server": {"workers": 0}}
    with (
        pytest.raises(ServerNotReady, match=r"(?s)exit code 2.*server\.workers") as caught,
        running_server(tmp_path, settings=settings),
    ):
        pytest.fail("it cannot be ready")
    assert caught.value.exit_code == 2


def test_a_server_that_is_late_is_stopped(tmp_path: Path) -> None:
    """No process stays behind, and a ready file of an earlier one is not believed."""
    (tmp_path / "ready.json").write_text('{"address": "127.0.0.1:1", "metrics": null, "pid": 1}')
    before = children()
    with (
        pytest.raises(ServerNotReady, match="not ready in time") as caught,
        running_server(tmp_path, settings={}, start_seconds_max=0.0),
    ):
        pytest.fail("it cannot be ready")
    assert caught.value.exit_code is None
    assert children() == before


def children() -> set[str]:
    """Process ids of our children."""
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())
