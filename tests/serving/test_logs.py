"""Log lines for machines and for people."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from recsys.serving import logs
from recsys.serving.config import LogConfig

log = logging.getLogger("recsys.test")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def written(config: LogConfig) -> str:
    """What one info, one debug and one exception line look like."""
    stream = io.StringIO()
    logs.configure(config, process="worker-0", stream=stream)
    log.info("bundle_swapped", extra={"model_version": "v1", "set": {"a"}})
    log.debug("detail")
    try:
        int("bad")
    except ValueError:
        log.exception("call_failed")
    return stream.getvalue()


def test_json_lines_carry_the_fields() -> None:
    """One object per line, also when a field is no JSON value and when there is a traceback."""
    first, second = map(json.loads, written(LogConfig(format="json")).splitlines())
    assert (first["event"], first["model_version"], first["process"], first["level"]) == (
        "bundle_swapped",
        "v1",
        "worker-0",
        "info",
    )
    assert first["time"].endswith("+00:00")
    assert "ValueError: " in second["exception"]


def test_console_lines_are_for_people() -> None:
    """Event and fields on one line, the traceback below."""
    lines = written(LogConfig(format="console")).splitlines()
    assert "bundle_swapped  model_version=v1" in lines[0]
    assert lines[-1].startswith("ValueError: ")


def test_auto_is_json_unless_a_person_watches() -> None:
    """A stream that is no terminal gets JSON; debug passes if asked for."""
    lines = written(LogConfig(format="auto", level="debug")).splitlines()
    assert [json.loads(line)["level"] for line in lines] == ["info", "debug", "error"]
