"""Group commit: what arrives while a commit is under way joins the next one."""

import asyncio
import contextlib
import functools
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from recsys import limits
from recsys.errors import StorageMissing, StorageUnavailable
from recsys.events import Event, EventFilter, EventLog, Outcome
from recsys.serving.metrics import Metrics
from recsys.serving.storage import Storage

ResultT = TypeVar("ResultT")

_PACKED_AT_ONCE: Final = 200
_PACK_SECONDS: Final = 0.1


class EventWriter:
    """Writes events for the servicers of one process, in a thread of its own.

    A commit waits for the disk, whatever it holds. So callers that come in the
    meantime wait together and share the next one: under load, commits get larger
    and not more frequent. To be used from one event loop.
    """

    def __init__(self, storage: Storage, metrics: Metrics) -> None:
        self._storage = storage
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="events")
        self._waiting: deque[tuple[list[Event], asyncio.Future[list[Outcome]]]] = deque()
        self._waiting_count = 0
        self._room = asyncio.Event()
        self._room.set()
        self._committing: asyncio.Task[None] | None = None
        self._packing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to pack what readers want packed."""
        if self._storage.pack is not None:
            self._packing = asyncio.create_task(self._keep_packing())

    def submit(self, events: list[Event]) -> "asyncio.Future[list[Outcome]]":
        """Queue events; they are written in the order of these calls.

        Returns:
            Done when they are durable: the outcome of each. It fails with
            StorageUnavailable if none of them is kept.

        Raises:
            StorageMissing: The server has no storage.
            StorageUnavailable: Too many events wait already.
        """
        self._log()
        if self._waiting_count + len(events) > limits.WAITING_EVENT_COUNT_MAX:
            raise StorageUnavailable(
                storage="events", problem=f"{self._waiting_count} events wait to be written"
            )
        written: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, written))
        self._count(len(events))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all())
        return written

    async def room(self) -> None:
        """Wait until less than half of what may wait does; for those who can wait."""
        await self._room.wait()

    async def purge(self, which: EventFilter, *, validate_only: bool) -> int:
        """Forget events; as `EventLog.purge`.

        Raises:
            StorageMissing: The server has no storage.
            StorageUnavailable: As the log's.
        """
        log = self._log()
        return await self._in_thread(lambda: log.purge(which, validate_only=validate_only))

    async def close(self) -> None:
        """Write what waits, then end."""
        if self._packing is not None:
            self._packing.cancel()
        while self._committing is not None and not self._committing.done():
            await self._committing
        await asyncio.to_thread(self._thread.shutdown)
        self._storage.close()

    def _log(self) -> EventLog:
        if self._storage.log is None:
            raise StorageMissing
        return self._storage.log

    def _count(self, change: int) -> None:
        self._waiting_count += change
        if self._waiting_count > limits.WAITING_EVENT_COUNT_MAX // 2:
            self._room.clear()
        else:
            self._room.set()

    async def _in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _commit_all(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft()]
            count = len(group[0][0])
            while (
                self._waiting and count + len(self._waiting[0][0]) <= limits.COMMIT_EVENT_COUNT_MAX
            ):
                group.append(self._waiting.popleft())
                count += len(group[-1][0])
            await self._commit(group)
            self._count(-count)

    async def _commit(
        self, group: list[tuple[list[Event], "asyncio.Future[list[Outcome]]"]]
    ) -> None:
        events = [event for some, _ in group for event in some]
        log = self._log()
        began = time.perf_counter()
        try:
            outcomes = await self._in_thread(lambda: log.append(events))
        except Exception as error:  # noqa: BLE001 - whoever waits for it must hear of it
            for _, written in group:
                if not written.done():
                    written.set_exception(error)
            return
        self._metrics.commit(outcomes, seconds=time.perf_counter() - began)
        self._metrics.links(self._storage.link_outcomes)
        self._storage.link_outcomes.clear()
        first = 0
        for some, written in group:
            # Whoever has hung up has her events written all the same.
            if not written.done():
                written.set_result(outcomes[first : first + len(some)])
            first += len(some)

    async def _keep_packing(self) -> None:
        pack, unpacked = self._storage.pack, self._storage.unpacked
        assert pack is not None  # Else nobody would have started this.
        while True:
            await asyncio.sleep(_PACK_SECONDS)
            if not unpacked:
                continue
            keys = [unpacked.pop() for _ in range(min(len(unpacked), _PACKED_AT_ONCE))]
            # Who is not packed now will be asked for again.
            with contextlib.suppress(StorageUnavailable):
                await self._in_thread(functools.partial(pack, keys))
