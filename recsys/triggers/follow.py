"""Follows the log of events and decides on what they set off, a look at a time."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from recsys import limits
from recsys.domain import Identifier
from recsys.recommend import ServingModel
from recsys.triggers.candidate import Candidate
from recsys.triggers.cart import Cart, cart_of
from recsys.triggers.decide import Decider
from recsys.triggers.message import TriggerCause
from recsys.triggers.ports import News, Round, TriggerEvent, TriggerFeed, TriggerStore, Wait
from recsys.triggers.trigger import Occasion, Trigger, Triggers

log = logging.getLogger(__name__)

TURN_SECONDS: Final = 3.0
"""For how long one worker decides; after it has died, another one takes its turn then."""

_RENEW_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 0.5
_PLACE_SECONDS: Final = 1.0

OnDecided = Callable[[str, TriggerCause | None], None]
"""Told of every decision: the trigger, and why there is no message; None if there is."""


class TriggerFollower:
    """One worker's part in deciding. Used by one thread at a time."""

    def __init__(
        self,
        *,
        holder: str,
        feed: TriggerFeed,
        store: TriggerStore,
        decider: Decider,
        on_decided: OnDecided = lambda _, __: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Follow a log.

        Args:
            holder: Tells this worker from all others.
            feed: The end of the log.
            store: Keeps decisions.
            decider: Makes them.
            on_decided: Told of every decision.
            clock: Tells seconds that only go forward.
        """
        self._clock = clock
        self._holder = holder
        self._feed = feed
        self._store = store
        self._decider = decider
        self._on_decided = on_decided
        self._has_turn = False
        self._ask_again = 0.0
        self._place_again = 0.0
        self._place: int | None = None

    def look(self, model: ServingModel, triggers: Triggers, *, now: float) -> bool:
        """Decide on what has arrived and on the carts that are due, if it is this worker's turn.

        Args:
            model: Judges what people like.
            triggers: What sets messages off.
            now: Seconds since 1970-01-01 UTC.

        Returns:
            Whether there is more to do at once.

        Raises:
            StorageUnavailable: The next look begins where this one did.
        """
        if not self._is_our_turn():
            return False
        clock = self._clock()
        news = self._feed.news(triggers.event_types, now=clock)
        candidates = self._visits(news, triggers, now=now)
        waits = self._new_waits(news, triggers, now=now)
        due = self._store.due(now=now, count_max=limits.TRIGGER_DECIDE_COUNT_MAX)
        later: list[Wait] = []
        done: list[Wait] = []
        for wait, outcome in zip(due, self._looked_at(due, triggers, now=now), strict=True):
            if isinstance(outcome, Wait):
                later.append(outcome)
            else:
                done.append(wait)
                candidates += [] if outcome is None else [outcome]
        what = Round(waits=(*waits, *later), done_waits=tuple(done))
        if candidates or what != Round() or clock >= self._place_again:
            # What has set nothing off may as well be read twice.
            self._place_again = clock + _PLACE_SECONDS
            if news.place != self._place:
                what = what._replace(place=news.place)
        if not self._decide(model, candidates, what, now=now):
            return False
        self._place = self._place if what.place is None else what.place
        self._feed.accept(news)
        return not news.is_all or len(due) == limits.TRIGGER_DECIDE_COUNT_MAX

    def close(self) -> None:
        """Let another worker decide at once."""
        if self._has_turn:
            self._has_turn = False
            self._store.end_turn(self._holder)

    def _is_our_turn(self) -> bool:
        clock = self._clock()
        if clock < self._ask_again:
            return self._has_turn
        turn = self._store.take_turn(self._holder, seconds=TURN_SECONDS)
        if turn is not None and not self._has_turn:
            log.info("triggers_taken", extra={"place": turn.place})
            self._feed.begin(turn.place)
            self._place = turn.place
        self._has_turn = turn is not None
        self._ask_again = clock + (_RENEW_SECONDS if self._has_turn else _ASK_SECONDS)
        return self._has_turn

    def _visits(self, news: News, triggers: Triggers, *, now: float) -> list[Candidate]:
        return [
            Candidate.of_visit(name, trigger, event)
            for name, trigger in triggers.on(Occasion.STORE_VISIT)
            for event, _ in self._set_off(news, name, trigger, now=now)
        ]

    def _new_waits(self, news: News, triggers: Triggers, *, now: float) -> list[Wait]:
        waits: dict[tuple[str, Identifier], Wait] = {}
        for name, trigger in triggers.on(Occasion.CART_LEFT):
            for event, owner in self._set_off(news, name, trigger, now=now):
                due_time = event.event_time + trigger.after_seconds
                before = waits.get((name, owner))
                if before is None or before.due_time < due_time:
                    waits[name, owner] = Wait(name, owner, due_time)
        return list(waits.values())

    def _set_off(
        self, news: News, name: str, trigger: Trigger, *, now: float
    ) -> Iterator[tuple[TriggerEvent, Identifier]]:
        """Yield what sets a trigger off in time, and who did it; count the rest."""
        for event in news.events:
            if event.event_type != trigger.on.event_type.code or (
                trigger.stores and event.store_id not in trigger.stores
            ):
                continue
            if now >= trigger.expire_time(event.event_time):
                self._on_decided(name, TriggerCause.LATE)
            elif event.owner is None:
                self._on_decided(name, TriggerCause.ANONYMOUS)
            else:
                yield event, event.owner

    def _looked_at(
        self, due: Sequence[Wait], triggers: Triggers, *, now: float
    ) -> list[Candidate | Wait | None]:
        """Look at carts that are due: of each a message, a later look, or nothing."""
        events = self._store.cart_events(
            [wait.owner for wait in due],
            since=now - limits.CART_SECONDS_MAX,
            count_max=limits.CART_EVENT_COUNT_MAX,
        )
        return [
            self._of_cart(wait, cart_of(some), triggers, now=now)
            for wait, some in zip(due, events, strict=True)
        ]

    def _of_cart(
        self, wait: Wait, cart: Cart | None, triggers: Triggers, *, now: float
    ) -> Candidate | Wait | None:
        trigger = triggers.enabled(wait.trigger)
        if trigger is None or trigger.on is not Occasion.CART_LEFT:
            return None
        if cart is None:
            self._on_decided(wait.trigger, TriggerCause.NOTHING_TO_SHOW)
            return None
        due_time = cart.last.event_time + trigger.after_seconds
        if due_time > now:
            return wait._replace(due_time=due_time)
        if now >= trigger.expire_time(cart.last.event_time):
            self._on_decided(wait.trigger, TriggerCause.LATE)
            return None
        return Candidate.of_cart(wait.trigger, trigger, wait.owner, cart)

    def _decide(
        self, model: ServingModel, found: Sequence[Candidate], what: Round, *, now: float
    ) -> bool:
        """Decide on some at a time; the last step says how far the log has been seen to.

        Returns:
            Whether all was decided; not where it is another worker's turn in between.
        """
        candidates = self._undecided(found)
        size = limits.TRIGGER_DECIDE_COUNT_MAX
        parts = [candidates[at : at + size] for at in range(0, len(candidates), size)]
        for some in parts[:-1]:
            self._keep(model, some, Round(), now=now)
            if not self._is_our_turn():
                return False
        last = parts[-1] if parts else []
        if last or what != Round():
            self._keep(model, last, what, now=now)
        return True

    def _keep(
        self, model: ServingModel, some: Sequence[Candidate], what: Round, *, now: float
    ) -> None:
        proposals, bench = self._decider.propose(model, some, now=now)
        decisions = self._store.decide(
            what._replace(proposals=proposals), bench, holder=self._holder, now=now
        )
        for proposal, decision in zip(proposals, decisions, strict=True):
            if decision.is_new:
                self._on_decided(proposal.trigger, decision.cause)

    def _undecided(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Leave the first of those about the same event, as carts of one person can be."""
        found: dict[tuple[str, str], Candidate] = {}
        for one in candidates:
            found.setdefault((one.name, one.event_id), one)
        if found:
            for name in self._store.decided(list(found)):
                del found[name]
        return list(found.values())
