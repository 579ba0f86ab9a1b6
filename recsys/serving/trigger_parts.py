"""What a worker does about triggers: follows their file and the log, and hands messages out."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from recsys.campaigns import FrequencyRules, ItemCards
from recsys.errors import BundleUnavailable, StorageUnavailable
from recsys.offers.recommender import OfferRecommender
from recsys.recommend import Recommender
from recsys.serving.call import Method, ServerStreamMethod, Surroundings
from recsys.serving.config import ServingConfig
from recsys.serving.event_writer import EventWriter
from recsys.serving.metrics import Metrics
from recsys.serving.models import ModelSlot
from recsys.serving.rules_file import triggers_file
from recsys.serving.storage import Storage
from recsys.serving.trigger_servicer import TriggerServicer
from recsys.triggers import Decider, HandOut, TriggerCause, TriggerFollower, TriggerSettings
from recsys.v1 import trigger_service_pb2 as service

log = logging.getLogger(__name__)

TRIGGER_SERVICE: Final = "recsys.v1.TriggerService"

_HOLDER_BYTES: Final = 8
_AFTER_ERROR_SECONDS: Final = 0.5


class TriggerParts:
    """The triggers of one worker. To be used from one event loop.

    Attributes:
        file: Where triggers are written.
        current: What they are.
    """

    def __init__(
        self,
        config: ServingConfig,
        *,
        storage: Storage,
        slot: ModelSlot,
        recommender: Recommender,
        offers: OfferRecommender | None,
        frequency: Callable[[], FrequencyRules],
        writer: EventWriter,
        metrics: Metrics,
    ) -> None:
        """Put the parts together; nothing is followed yet.

        Args:
            config: Names the file of triggers.
            storage: May have no triggers.
            slot: Holds the model.
            recommender: Knows what may be shown.
            offers: Knows which offers are for whom; None for a server without a storage.
            frequency: How often and when people are messaged.
            writer: Writes what was shown.
            metrics: Counts what happens.

        Raises:
            InvalidConfig: The file cannot be read, or something in it is wrong.
        """
        self.file = triggers_file(config.triggers.rules)
        self.current = self.file.read()
        self._is_followed = bool(config.triggers.rules)
        self._poll_seconds = config.triggers.poll_seconds
        self._slot = slot
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="triggers")
        self._follower: TriggerFollower | None = None
        self._following: asyncio.Task[None] | None = None
        hand_out = None
        there, people = storage.triggers, storage.campaign_people
        if there is not None and people is not None and offers is not None:
            decider = Decider(
                people=people,
                store=there.store,
                recommender=recommender,
                offers=offers,
                settings=TriggerSettings(
                    time_zone=config.profiles.zone(),
                    messages_by_default=config.consent.marketing == "opt-out",
                    personalises_by_default=config.consent.personalise == "opt-out",
                    frequency=frequency,
                ),
            )

            def count(step: str) -> Callable[[str, TriggerCause | None], None]:
                return lambda name, cause: metrics.trigger(name, step, cause or "message")

            self._follower = TriggerFollower(
                holder=secrets.token_hex(_HOLDER_BYTES),
                feed=there.feed,
                store=there.store,
                decider=decider,
                on_decided=count("decide"),
            )
            hand_out = HandOut(
                store=there.store,
                decider=decider,
                cards=ItemCards(recommender.permissions.catalog),
                triggers=lambda: self.current,
                on_handed_out=count("hand-out"),
            )
        self._servicer = TriggerServicer(
            store=None if there is None else there.store,
            hand_out=hand_out,
            slot=slot,
            writer=writer,
            metrics=metrics,
            poll_seconds=self._poll_seconds,
        )

    def handlers(self, surroundings: Surroundings) -> "dict[str, Any]":
        """Return what gRPC registers."""
        servicer = self._servicer
        return {
            "WatchTriggers": ServerStreamMethod(
                "WatchTriggers",
                service.WatchTriggersRequest,
                servicer.watch_triggers,
                surroundings,
            ).handler(),
            "AckTriggers": Method(
                "AckTriggers", service.AckTriggersRequest, servicer.ack_triggers, surroundings
            ).handler(),
        }

    def start(self) -> None:
        """Begin to decide, if triggers are configured."""
        if self._follower is not None and self._is_followed:
            self._following = asyncio.create_task(self._follow(self._follower))

    async def stop(self) -> None:
        """Decide nothing more, and end all streams."""
        self._servicer.stop()
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        # What is being decided is decided.
        await asyncio.to_thread(self._thread.shutdown)

    async def close(self) -> None:
        """Finish what is under way."""
        await self._servicer.close()

    async def _follow(self, follower: TriggerFollower) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                seconds = await loop.run_in_executor(self._thread, self._look, follower)
                await asyncio.sleep(seconds)
        finally:
            # Whoever decides next need not wait.
            self._thread.submit(_let_go, follower)

    def _look(self, follower: TriggerFollower) -> float:
        """Decide on what has arrived; return after how many seconds to look again."""
        try:
            model = self._slot.current().model
            has_more = follower.look(model, self.current, now=time.time())
        except BundleUnavailable:
            return self._poll_seconds
        except StorageUnavailable as error:
            log.warning("triggers_wait", extra={"problem": str(error)})
        except Exception:
            log.exception("triggers_failed")
        else:
            return 0.0 if has_more else self._poll_seconds
        return _AFTER_ERROR_SECONDS


def _let_go(follower: TriggerFollower) -> None:
    with contextlib.suppress(StorageUnavailable):
        follower.close()
