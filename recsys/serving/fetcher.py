"""Brings new bundles from the model registry into the bundle store.

    python -m recsys.serving.fetcher      (commands on stdin, reports on stdout)

A process of its own, because the registry's client is heavy and may hang or
crash without the workers noticing. While the registry does not answer, the
store keeps what it has.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from recsys.bundle import KEEP_DEFAULT, BundleStore, prune
from recsys.errors import RecsysError
from recsys.serving import logs
from recsys.serving.config import RegistryConfig
from recsys.serving.pipes import (
    Command,
    Fetched,
    FetchFailed,
    LookNow,
    ParentPipe,
    started,
)

log = logging.getLogger(__name__)


class BundleSource(Protocol):
    """Where bundles come from."""

    def latest_version(self) -> str:
        """Return the version that should be served.

        Raises:
            BundleUnavailable: The source does not answer or has none.
        """
        ...

    def fetch(self, store: BundleStore) -> str:
        """Bring that version into the store, verified, and return its name.

        Raises:
            BundleError: The source does not answer, or its bundle is bad.
        """
        ...


class Fetcher:
    """Keeps a store's CURRENT where its source says."""

    def __init__(
        self, *, source: BundleSource, store: BundleStore, keep: int = KEEP_DEFAULT
    ) -> None:
        """Hold both.

        Args:
            source: Where bundles come from.
            store: Where they go.
            keep: How many of the newest stay there when one arrives, beside those in use.
        """
        self._source = source
        self._store = store
        self._keep = keep
        self._problem: str | None = None

    def look(self) -> Fetched | FetchFailed | None:
        """Look once; None if nothing has changed.

        A lasting problem is logged once, not at every look.
        """
        try:
            version = self._source.latest_version()
            current = self._store.current()
            if current is not None and current.name == version and current.is_dir():
                self._recovered()
                return None
            with self._store.publishing():
                version = self._source.fetch(self._store)
                self._store.set_current(version)
        except (RecsysError, OSError) as error:
            if str(error) != self._problem:
                self._problem = str(error)
                log.warning("fetch_failed", extra={"problem": self._problem})
            return FetchFailed(getattr(error, "reason", "STORE_NOT_WRITABLE"), str(error))
        self._recovered()
        log.info("bundle_fetched", extra={"model_version": version})
        self._prune()
        return Fetched(version)

    def _prune(self) -> None:
        try:
            pruned = prune(self._store, keep=self._keep)
        except (RecsysError, OSError) as error:
            log.warning("prune_failed", extra={"problem": str(error)})
            return
        if pruned.removed:
            log.info("bundles_pruned", extra={"model_versions": pruned.removed})

    def _recovered(self) -> None:
        if self._problem is not None:
            self._problem = None
            log.info("fetch_recovered")


async def run(pipe: ParentPipe) -> None:
    """Look again and again until the supervisor closes the pipe or dies."""
    commands = pipe.commands()
    start = await started(commands)
    logs.configure(start.config.log, process=start.name)
    fetcher = await asyncio.to_thread(
        lambda: Fetcher(
            source=open_source(start.config.registry),
            store=BundleStore(Path(start.config.bundles.folder)),
            keep=start.config.bundles.keep,
        )
    )
    look_now = asyncio.Event()
    following = asyncio.create_task(_follow(commands, look_now))
    while not following.done():
        look_now.clear()
        report = await asyncio.to_thread(fetcher.look)
        if report is not None:
            pipe.report(report)
        waiting = asyncio.create_task(look_now.wait())
        await asyncio.wait(
            (following, waiting),
            timeout=start.config.registry.poll_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiting.cancel()


async def _follow(commands: AsyncIterator[Command], look_now: asyncio.Event) -> None:
    async for command in commands:
        if isinstance(command, LookNow):
            look_now.set()


def open_source(config: RegistryConfig) -> BundleSource:
    """Open the registry that the configuration names; loads its client, which takes seconds."""
    from recsys.storage.mlflow_bundles import MlflowBundleSource  # noqa: PLC0415 - see above

    return MlflowBundleSource(
        tracking_uri=config.tracking_uri, model_name=config.model_name, alias=config.alias
    )


def main() -> None:
    """Run the fetcher."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(EOFError):
        asyncio.run(run(ParentPipe()))


if __name__ == "__main__":
    main()
