"""How the supervisor and its children talk: JSON lines over the children's pipes.

A child reads commands on stdin and writes reports to stdout; logs go to stderr.
The end of stdin tells a child that the supervisor is gone, whatever killed it,
so no worker is ever left behind. A pipe needs no cleaning up and no polling.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from recsys.serving.config import ServingConfig

LINE_BYTES_MAX: Final = 2**20


class Start(msgspec.Struct, frozen=True, tag="start"):
    """The first command to every child.

    Attributes:
        config: What the operator wants; `server.port` is the port in use.
        name: Who the child is, such as `worker-0`.
    """

    config: ServingConfig
    name: str


class Serve(msgspec.Struct, frozen=True, tag="serve"):
    """To a worker: answer with this bundle, which has been verified."""

    folder: str


class LookNow(msgspec.Struct, frozen=True, tag="look_now"):
    """To the fetcher: look for a new bundle without waiting."""


class Listening(msgspec.Struct, frozen=True, tag="listening"):
    """From a worker: calls are accepted."""


class Serving(msgspec.Struct, frozen=True, tag="serving"):
    """From a worker: answers come from this model now."""

    model_version: str


class Verified(msgspec.Struct, frozen=True, tag="verified"):
    """From the verifier: every byte of the bundle is fine."""

    model_version: str
    publish_time: float


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """From a worker or the verifier: this bundle cannot be used."""

    folder: str
    reason: str
    problem: str


class Fetched(msgspec.Struct, frozen=True, tag="fetched"):
    """From the fetcher: the store's CURRENT points at this version now."""

    model_version: str


class FetchFailed(msgspec.Struct, frozen=True, tag="fetch_failed"):
    """From the fetcher: the registry does not answer or its bundle is bad."""

    reason: str
    problem: str


Command = Start | Serve | LookNow
Report = Listening | Serving | Verified | Refused | Fetched | FetchFailed

_COMMANDS: Final = msgspec.json.Decoder(Command)
_REPORTS: Final = msgspec.json.Decoder(Report)


def encode(message: Command | Report) -> bytes:
    """Write a message as one line."""
    return msgspec.json.encode(message) + b"\n"


def decode_report(line: bytes) -> Report:
    """Read one line of a child; msgspec.DecodeError if it is no report."""
    report: Report = _REPORTS.decode(line)
    return report


class ParentPipe:
    """A child's end."""

    def __init__(self) -> None:
        # Reports get a descriptor of their own and stdout becomes stderr, or a
        # stray print of some library would garble the reports.
        self._reports = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def report(self, report: Report) -> None:
        """Tell the supervisor; silently nothing if it is gone (stdin says so)."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._reports, encode(report))

    async def commands(self) -> AsyncIterator[Command]:
        """Yield commands, `Start` first, until the supervisor closes the pipe or dies."""
        reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            yield _COMMANDS.decode(line)


async def started(commands: AsyncIterator[Command]) -> Start:
    """Take the first command.

    Raises:
        EOFError: The supervisor is gone.
    """
    async for command in commands:
        if not isinstance(command, Start):
            raise TypeError(f"the first command is {command}; it must be Start")
        return command
    raise EOFError("the supervisor is gone")
