"""Whatever happens in whatever order: once per event, and never more than the rules allow."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.consent import ConsentStatus
from recsys.domain import EventType, Identifier
from recsys.errors import StorageUnavailable
from recsys.recommend import ServingModel
from recsys.triggers import AckOutcome, MessageState
from recsys.triggers.follow import TURN_SECONDS
from support.mall import ANNA, BEN, DAY, HOUR, MINUTE, PHONE, Mall
from triggers.conftest import opened
from triggers.test_hand_out import Failing

RULES = """
[door]
on = "store-visit"
channel = "push"
expires_minutes = 30
again_hours = 0

[cart]
on = "cart-left"
channel = "push"
offer = "if-any"
after_minutes = 10
expires_minutes = 30
again_hours = 0
"""
CAP, CAP_HOURS = 2, 12
FREQUENCY = f"[all]\ncaps = [{{ count_max = {CAP}, days = {CAP_HOURS / 24} }}]"
PEOPLE = [ANNA, BEN, PHONE]
"""The phone is Anna's from the beginning; so both are one person."""

WHO = st.sampled_from(PEOPLE)
AGES = st.sampled_from([0.0, 5 * MINUTE, 25 * MINUTE, 2 * HOUR])
STEPS = st.one_of(
    st.tuples(st.just("visit"), WHO, AGES),
    st.tuples(st.just("visit"), WHO, AGES),
    st.tuples(st.just("add"), WHO, AGES),
    st.tuples(st.just("buy"), WHO, AGES),
    st.tuples(st.just("again"), st.integers(0, 20)),
    st.tuples(st.just("stop"), st.sampled_from([ANNA, BEN])),
    st.tuples(st.just("allow"), st.sampled_from([ANNA, BEN])),
    st.tuples(st.just("wait"), st.sampled_from([MINUTE, 11 * MINUTE, HOUR, DAY])),
    st.tuples(st.just("look"), st.integers(0, 1)),
    st.tuples(st.just("look"), st.integers(0, 1)),
    st.tuples(st.just("die"), st.integers(0, 1), st.booleans()),
    st.tuples(st.just("take"), st.booleans(), st.booleans()),
)


class World:
    """A mall and what must be true of it."""

    def __init__(self, mall: Mall) -> None:
        self.mall = mall
        mall.write_rules(RULES, FREQUENCY)
        mall.offer("ten")
        mall.join(ANNA, PHONE)
        self.allowed = {ANNA: False, BEN: False}
        self.events: list[dict[str, object]] = []
        self.followers = [mall.follower("0"), mall.follower("1")]
        self.sent: Counter[str] = Counter()

    def do(self, kind: str, *said: object) -> None:
        """Let one thing happen."""
        mall = self.mall
        match kind, said:
            case (("visit" | "add" | "buy"), (Identifier() as who, float(age))):
                name = f"event-{len(self.events)}"
                self.events.append(
                    {"kind": kind, "who": (who,), "name": name, "time": mall.now - age}
                )
                self._happen(self.events[-1])
            case "again", (int(number),) if number < len(self.events):
                self._happen(self.events[number])
            case (("stop" | "allow"), (Identifier() as who,)):
                self.allowed[who] = kind == "allow"
                is_granted = ConsentStatus.GRANTED if kind == "allow" else ConsentStatus.WITHDRAWN
                mall.allow(who, status=is_granted)
            case "wait", (float(seconds),):
                mall.now += seconds
            case "look", (int(number),):
                self._look(number)
            case "die", (int(number), bool(is_written)):
                self._die(number, is_written=is_written)
            case "take", (bool(is_resuming), bool(is_sent)):
                self._take(is_resuming=is_resuming, is_sent=is_sent)

    def _happen(self, event: dict[str, object]) -> None:
        kinds = {
            "visit": EventType.STORE_VISIT, "add": EventType.ADD_TO_CART,
            "buy": EventType.PURCHASE_COMPLETE,
        }  # fmt: skip
        time = event["time"]
        assert isinstance(time, float)
        items = () if event["kind"] == "visit" else ("item-1",)
        self.mall.happen(
            kinds[str(event["kind"])], *items, who=event["who"], name=str(event["name"]),
            age=self.mall.now - time,
        )  # type: ignore[arg-type]  # as it was put together  # fmt: skip

    def _look(self, number: int) -> None:
        before = {one.message_id for one in self.mall.messages()}
        self.mall.look(self.followers[number])
        self._check(before)

    def _die(self, number: int, *, is_written: bool) -> None:
        """Kill a worker before or after its decisions are kept; another one of its name begins."""
        before = {one.message_id for one in self.mall.messages()}
        dying = self.mall.follower(
            str(number),
            store=Failing(self.mall.store, is_written=is_written),  # type: ignore[arg-type]  # behaves as one
        )
        try:
            self.mall.look(dying)
        except StorageUnavailable:
            self.followers[number] = self.mall.follower(f"{number}")
        self._check(before)

    def _check(self, before: set[str]) -> None:
        """Whatever was decided now is allowed, and does not pass the cap."""
        there = self.mall.messages()
        for one in there:
            if one.message_id in before or not one.state.counts:
                continue
            assert self.allowed[self._person(one.owner)]
            since = self.mall.now - CAP_HOURS * HOUR
            counting = [
                each
                for each in there
                if self._person(each.owner) == self._person(one.owner)
                and each.decide_time > since
                and (each.state is MessageState.SENT or each.expire_time > self.mall.now)
                and each.state.counts
            ]
            assert len(counting) <= CAP

    def _person(self, who: Identifier | None) -> Identifier:
        assert who is not None
        return ANNA if who == PHONE else who

    def _take(self, *, is_resuming: bool, is_sent: bool) -> None:
        given = self.mall.take(is_resuming=is_resuming)
        for one in given:
            assert self.allowed[self._person(one.message.owner)]
            assert one.message.expire_time > self.mall.now
            assert self.sent[one.message.message_id] == 0
        if is_sent:
            self.sent.update(one.message.message_id for one in given)
            ids = [one.message.message_id for one in given]
            self.mall.store.acknowledge([(each, AckOutcome.SENT) for each in ids])

    def end(self) -> None:
        """Let whoever is left look at all that there is; nothing was decided twice or passed by."""
        self.mall.now += TURN_SECONDS + 1.0
        self._look(0)
        there = self.mall.messages()
        names = Counter(one.message_id for one in there)
        assert set(names.values()) <= {1}
        visits = Counter(one.trigger for one in there)["door"]
        known = {each["name"] for each in self.events if each["kind"] == "visit"}
        assert visits <= len(known)


@settings(max_examples=12)
@given(steps=st.lists(STEPS, min_size=8, max_size=25))
def test_an_event_sets_off_one_message_within_the_caps(
    model: ServingModel, steps: list[tuple[object, ...]]
) -> None:
    """Under duplicates, late arrivals, workers that die, and whatever people say in between."""
    with tempfile.TemporaryDirectory() as folder:
        for mall in opened(str(Path(folder) / "store.sqlite"), model):
            world = World(mall)
            for kind, *said in steps:
                world.do(str(kind), *said)
            world.end()
