"""A run whose process was killed outright is marked by the next one; no other is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from recsys.bundle import BundleStore
from support.trained import NOW
from training.config import TrackingConfig, parse_config
from training.dataset import Dataset
from training.tracking.abandoned import TAG_PROCESS
from training.tracking.process import is_gone, process_name
from training.tracking.run import tracked_run
from training.train import train

_OPEN_AND_WAIT = """
import sys, time
from training.config import TrackingConfig
from training.tracking.run import tracked_run

uri, name = sys.argv[1:]
tracking = TrackingConfig(tracking_uri=uri, experiment=name, model_name=name)
with tracked_run(tracking, name="waits to be killed") as run:
    print(run.run_id, flush=True)
    time.sleep(600)
"""


def _start_a_run(tracking: TrackingConfig, root: Path) -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _OPEN_AND_WAIT, tracking.tracking_uri, tracking.experiment],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_killed_run_is_marked_by_the_next_one(
    shop: Dataset, tracking: TrackingConfig, repo_root: Path, tmp_path: Path
) -> None:
    """SIGKILL leaves it RUNNING; a run beside it changes nothing while it lives."""
    client = MlflowClient(tracking.tracking_uri)
    process, run_id = _start_a_run(tracking, repo_root)
    with process:
        try:
            with tracked_run(tracking, name="beside it"):
                pass
            assert client.get_run(run_id).info.status == "RUNNING"
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert client.get_run(run_id).info.status == "RUNNING"
    result = train(
        dataset=shop,
        config=parse_config("[model]\ntype = 'popularity'\n[evaluate]\nenabled = false"),
        tracking=tracking,
        bundle_store=BundleStore(tmp_path),
        now=NOW,
    )
    killed = client.get_run(run_id)
    assert killed.info.status == "KILLED"
    assert killed.data.tags["abandoned"]
    assert client.get_run(result.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    "process",
    [
        None,
        "",
        "not a process",
        "5f8da921-0000-0000-0000-000000000000 pid:[4026531836] 1 1",
    ],
    ids=["no tag", "empty", "garbage", "another boot or machine"],
)
def test_a_run_that_may_still_live_is_left_alone(
    tracking: TrackingConfig, process: str | None
) -> None:
    """What cannot be proved dead from here counts as running."""
    with tracked_run(tracking, name="makes the experiment"):
        pass
    client = MlflowClient(tracking.tracking_uri)
    experiment = client.get_experiment_by_name(tracking.experiment)
    assert experiment is not None
    other = client.create_run(
        experiment.experiment_id, tags={} if process is None else {TAG_PROCESS: process}
    )
    with tracked_run(tracking, name="next"):
        pass
    assert client.get_run(other.info.run_id).info.status == "RUNNING"


def test_a_reused_process_id_is_another_process() -> None:
    """The moment of the start tells them apart."""
    name = process_name()
    assert name is not None
    assert not is_gone(name)
    place, _, start_ticks = name.rpartition(" ")
    assert is_gone(f"{place} {int(start_ticks) - 1}")


def test_a_process_that_nobody_waited_for_is_gone() -> None:
    """A zombie runs nothing any more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert process_name(process.pid) is None


def test_a_process_names_itself_as_others_see_it() -> None:
    """And is gone, by that name, once it ended."""
    program = (
        "from training.tracking.process import process_name\n"
        "print(process_name(), flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = process.stdout.readline().strip()
        assert told == process_name(process.pid)
        assert not is_gone(told)
        process.communicate("\n")
    assert is_gone(told)
