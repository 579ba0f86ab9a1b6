"""What is decided together is what is decided one by one, whoever and whatever is among it."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recsys import limits
from recsys.consent import ConsentStatus
from recsys.domain import Channel, EventType, Identifier
from recsys.offers import Cap, Eligibility, Reserve, Scope
from recsys.recommend import ServingModel
from recsys.triggers import Message, MessageState, TriggerCause, judging
from support.identity import account, visitor
from support.mall import ANNA, BEN, DAY, HOUR, MINUTE, NOON, PHONE, Mall
from support.offers import EURO
from triggers.conftest import opened

CLEO, TABLET = account("cleo"), visitor("tablet")
WHO = (ANNA, BEN, CLEO, PHONE, TABLET)
"""The phone is Anna's; the tablet is hers, then Ben's."""

RULES = """
[door]
on = "store-visit"
channel = "push"
expires_minutes = 60
again_hours = 0

[named]
on = "store-visit"
channel = "email"
address_namespaces = []
offers = ["few", "on-top", "once"]
expires_minutes = 60
again_hours = 0.5

[cart]
on = "cart-left"
channel = "push"
offer = "if-any"
after_minutes = 10
expires_minutes = 60
again_hours = 0
holdout_share = 0.3
"""
FREQUENCIES = (
    "",
    "[all]\ncaps = [{ count_max = 2, days = 1 }]",
    "[push]\ncaps = [{ count_max = 1, days = 1 }]\n[email]\ngap_hours = 2",
    '[push]\nquiet_hours = "11:00-13:00"',
)
OFFERS: dict[str, dict[str, Any]] = {
    "few": {"unit_count": 3, "value_micros": 9 * EURO},
    "dear": {
        "budget_micros": 3 * EURO, "value_micros": 2 * EURO,
        "from_time": NOON - DAY, "until_time": NOON + 9 * DAY,
    },
    "once": {"caps": (Cap(1),), "value_micros": 8 * EURO, "stacking_group": "g"},
    "other": {"value_micros": 7 * EURO, "stacking_group": "g", "holdout_share": 0.5},
    "on-top": {"value_micros": 6 * EURO, "stacks_on": "few"},
    "new": {"value_micros": 5 * EURO, "eligibility": Eligibility(new_customers_only=True)},
    "here": {"value_micros": 4 * EURO, "eligibility": Eligibility(store_ids=("s-1",))},
    "even": {"value_micros": 3 * EURO, "scope": Scope(item_ids=("item-0", "item-2"))},
    "app": {
        "value_micros": 10 * EURO,
        "eligibility": Eligibility(
            channels=(Channel.MOBILE_APP,), person_filter='active_on:"mobile_app"'
        ),
    },
}  # fmt: skip


class Story(NamedTuple):
    """What happens before all is decided, and before it is handed out."""

    frequency: str
    offers: Sequence[str]
    silent: Sequence[Identifier]
    used: Sequence[tuple[str, Identifier]]
    events: Sequence[tuple[str, Identifier, int]]
    stopped: Sequence[Identifier]
    used_later: Sequence[tuple[str, Identifier]]


USES = st.lists(st.tuples(st.sampled_from(sorted(OFFERS)), st.sampled_from(WHO)), max_size=4)
SOME = st.lists(st.sampled_from(WHO), max_size=1)
STORIES = st.builds(
    Story,
    frequency=st.sampled_from(FREQUENCIES),
    offers=st.lists(st.sampled_from(sorted(OFFERS)), min_size=3, unique=True),
    silent=SOME,
    used=USES,
    events=st.lists(
        st.tuples(
            st.sampled_from(["visit", "visit", "add", "buy"]),
            st.sampled_from(WHO),
            st.integers(0, 7),
        ),
        min_size=4,
        max_size=16,
    ),
    stopped=SOME,
    used_later=USES,
)
CROWD = Story(
    frequency=FREQUENCIES[1],
    offers=tuple(OFFERS),
    silent=(CLEO,),
    used=[("few", ANNA)],
    events=[(kind, who, at) for at, who in enumerate(WHO) for kind in ("visit", "add", "visit")],
    stopped=(BEN,),
    used_later=[("few", BEN)],
)


def use(mall: Mall, uses: Sequence[tuple[str, Identifier]], name: str) -> None:
    """Let people use offers, as far as they may."""
    assert mall.storage.offers is not None
    mall.storage.offers.ledger.settle(
        [
            Reserve(f"{name}-{at}", offer_id, (who,), hold_seconds=DAY)
            for at, (offer_id, who) in enumerate(uses)
        ]
    )


def begin(mall: Mall, story: Story) -> None:
    """Let everything happen that sets something off."""
    for name in ("few", *story.offers):
        mall.offer(name, **OFFERS[name])
    mall.join(ANNA, PHONE)
    for who in {*WHO} - {*story.silent}:
        mall.allow(who, channel=None)
    for at, who in ((3, ANNA), (2, BEN)):
        mall.happen(EventType.DETAIL_PAGE_VIEW, "item-1", who=(who, TABLET), age=at * HOUR)
    use(mall, story.used, "before")
    for at, (kind, who, row) in enumerate(story.events):
        age = (len(story.events) - at) * MINUTE / 4
        if kind == "visit":
            mall.visit(f"s-{row % 2}", who=(who,), age=age)
        else:
            types = {"add": EventType.ADD_TO_CART, "buy": EventType.PURCHASE_COMPLETE}
            mall.happen(types[kind], f"item-{row}", who=(who,), age=age)


def end(mall: Mall, story: Story) -> tuple[list[Message], list[object]]:
    """Decide on all of it, let more happen, and hand out; return what was said."""
    mall.write_rules(RULES, story.frequency)
    follower = mall.follower()
    mall.look(follower)
    mall.now += 20 * MINUTE
    mall.look(follower)
    decided = mall.messages()
    for who in story.stopped:
        mall.allow(who, status=ConsentStatus.WITHDRAWN, channel=Channel.PUSH)
    use(mall, story.used_later, "later")
    given: list[object] = []
    while any(one.state is MessageState.PENDING for one in mall.messages()):
        given += [
            (one.message.message_id, one.identifiers, one.offer, one.items) for one in mall.take()
        ]
    causes = [(one.message_id, one.state, one.cause) for one in mall.messages()]
    return decided, [*given, *causes]


@settings(max_examples=10)
@example(story=CROWD)
@given(story=STORIES)
def test_together_is_one_by_one(model: ServingModel, story: Story) -> None:
    """The same messages with the same offers, and the same is withdrawn, for the same causes."""
    found = []
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        first = Path(name) / "first.sqlite"
        for mall in opened(str(first), model):
            begin(mall, story)
        for count in (1, 100):
            path = shutil.copy(first, Path(name) / f"{count}.sqlite")
            patch.setattr(limits, "TRIGGER_DECIDE_COUNT_MAX", count)
            patch.setattr(limits, "HAND_OUT_COUNT_MAX", count)
            found += [end(mall, story) for mall in opened(str(path), model)]
    one_by_one, together = found
    assert one_by_one == together
    if story is CROWD:
        decided, handed_out = together
        assert len({one.cause for one in decided}) >= 3
        assert len(handed_out) > len(decided)


def test_messages_of_one_look_count_for_each_other(mall: Mall) -> None:
    """Over all identifiers of a person, new ones among them; and for nobody else."""
    mall.write_rules(RULES, FREQUENCIES[1])
    mall.offer("few", "other")
    mall.join(ANNA, PHONE)
    for who in WHO:
        mall.allow(who, channel=None)
    for number, who in enumerate((ANNA, PHONE, CLEO, PHONE, ANNA, CLEO, TABLET)):
        mall.happen(EventType.STORE_VISIT, who=(who,), name=f"{number}", store_id="s-1")
    mall.look(mall.follower())
    capped = TriggerCause.CAPPED
    causes = [one.cause for one in mall.messages() if one.trigger == "door"]
    assert causes == [None, None, None, capped, capped, None, None]
    assert len(mall.take()) == 6


def test_what_one_spoils_is_decided_for_the_others(
    sqlite_mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is a cart of which nothing can be said."""
    mall = sqlite_mall
    mall.write_rules(RULES)
    mall.offer("few")
    for who in (ANNA, BEN):
        mall.allow(who, channel=None)
        mall.happen(EventType.ADD_TO_CART, "item-1", who=(who,))
    withdrawn = judging.withdrawn
    follower = mall.follower()
    mall.look(follower)
    mall.now += 20 * MINUTE

    def fails_for_two(*said: Any, **more: Any) -> Any:
        if len(said[3]) > 1:
            raise RuntimeError("unforeseen")
        return withdrawn(*said, **more)

    monkeypatch.setattr(judging, "withdrawn", fails_for_two)
    assert TriggerCause.FAILED not in mall.look(follower)
    assert len(mall.messages()) == 2
