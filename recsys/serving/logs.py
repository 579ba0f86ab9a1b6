"""Logs are events with fields: JSON lines for machines, aligned text on a terminal.

log = logging.getLogger(__name__)
log.info("bundle_swapped", extra={"model_version": version})
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from recsys.serving.config import LogConfig

_OWN_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(config: LogConfig, *, process: str, stream: TextIO = sys.stderr) -> None:
    """Send every log record of this process to a stream.

    Args:
        config: Level and format.
        process: Who we are, such as `worker-0`; a field of every line.
        stream: Where lines go.
    """
    as_json = config.format == "json" or (config.format == "auto" and not stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(process) if as_json else ConsoleFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[config.level])
    logging.captureWarnings(capture=True)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what `extra` carried."""
    return {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, event, process, then the fields."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; values that JSON does not know are written as text."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "process": self._process,
            "pid": record.process,
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class ConsoleFormatter(logging.Formatter):
    """For people: time, level, who, event, fields."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Write a record on one line, a traceback below it."""
        moment = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = " ".join(f"{name}={value}" for name, value in fields_of(record).items())
        line = f"{moment} {record.levelname.lower():<7} {self._process:<10} {record.getMessage()}"
        line = f"{line}  {fields}" if fields else line
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
