"""Group commit for the ledger: what is asked while a commit is under way joins the next one."""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from recsys import limits
from recsys.errors import RecsysError, StorageUnavailable
from recsys.offers import Asked, Ledger, Reservation, Settled
from recsys.serving.metrics import Metrics

_Waiting: TypeAlias = "tuple[Asked, asyncio.Future[Settled]]"


class LedgerWriter:
    """Settles for the servicers of one process, in a thread of its own.

    A commit waits for the disk, whatever it holds, so callers that come in the meantime
    share the next one. To be used from one event loop.
    """

    def __init__(self, ledger: Ledger, metrics: Metrics) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._waiting: deque[_Waiting] = deque()
        self._settling: asyncio.Task[None] | None = None

    async def settle(self, asked: Asked) -> Reservation:
        """Ask one thing; durable when this returns.

        Raises:
            RecsysError: What the ledger says; as `Ledger.settle`.
            StorageUnavailable: As above, or too many wait already.
        """
        if len(self._waiting) >= limits.WAITING_SETTLE_COUNT_MAX:
            raise StorageUnavailable(
                storage="ledger", problem=f"{len(self._waiting)} reservations wait"
            )
        done: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, done))
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle_all())
        settled = await done
        self._metrics.settled(asked, settled)
        if isinstance(settled, RecsysError):
            raise settled
        return settled

    async def close(self) -> None:
        """Settle what waits, then end."""
        while self._settling is not None and not self._settling.done():
            await self._settling
        await asyncio.to_thread(self._thread.shutdown)

    async def _settle_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            count = min(len(self._waiting), limits.SETTLE_COUNT_MAX)
            group = [self._waiting.popleft() for _ in range(count)]
            asked = [one for one, _ in group]
            try:
                settled = await loop.run_in_executor(self._thread, self._ledger.settle, asked)
            except Exception as error:  # noqa: BLE001 - whoever waits for it must hear of it
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
                continue
            for (_, done), one in zip(group, settled, strict=True):
                # Whoever has hung up has it settled all the same.
                if not done.done():
                    done.set_result(one)
