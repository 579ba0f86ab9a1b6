"""A ledger as one would count on paper, and whatever may be asked of a real one."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from recsys.domain import SECONDS_PER_DAY, Identifier
from recsys.offers import Cap, Offer
from support.identity import account, card
from support.offers import EURO, offer

WHO = (account("a"), account("b"), card("c"), Identifier("email_sha256", "e"))
OFFERS: dict[str, Offer] = {
    "capped": offer(caps=(Cap(1, 1.0), Cap(2))),
    "few": offer(unit_count=3),
    "cheap": offer(budget_micros=4 * EURO, caps=(Cap(3),)),
}
HOLD_SECONDS = 100.0

_names = st.sampled_from([f"r{number}" for number in range(6)])
_who = st.sampled_from(WHO)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("reserve"), _names, _who, st.sampled_from([*OFFERS]), st.sampled_from([1, 2])
        ),
        st.tuples(st.just("commit"), _names, st.sampled_from([0, 1])),
        st.tuples(st.just("release"), _names, st.booleans()),
        st.tuples(st.just("wait"), st.sampled_from([1.0, HOLD_SECONDS, SECONDS_PER_DAY])),
        st.tuples(st.just("link"), _who, _who),
        st.tuples(st.just("unlink"), _who, _who),
    ),
    max_size=30,
)
"""What may happen, in any order; the costs are in euros, less at a commit."""


@dataclass
class Kept:
    """A reservation."""

    who: Identifier
    offer_id: str
    cost: int
    asked_cost: int
    time: float
    state: str = "RESERVED"


@dataclass
class PaperLedger:
    """Counts by looking at everything each time."""

    now: float
    kept: dict[str, Kept] = field(default_factory=dict)
    links: set[frozenset[Identifier]] = field(default_factory=set)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        for one in self.kept.values():
            if one.state == "RESERVED" and one.time + HOLD_SECONDS <= self.now:
                one.state = "EXPIRED"

    def person(self, who: Identifier) -> set[Identifier]:
        """All that lead to her."""
        found = {who}
        while more := {one for pair in self.links if pair & found for one in pair} - found:
            found |= more
        return found

    def living(self, offer_id: str) -> Iterable[Kept]:
        """What counts of an offer."""
        return [
            one
            for one in self.kept.values()
            if one.offer_id == offer_id and one.state in {"RESERVED", "COMMITTED"}
        ]

    def reserve(self, name: str, who: Identifier, offer_id: str, cost: int) -> str:
        """Return a state, or why not."""
        there = self.kept.get(name)
        if there is not None:
            same = (there.who, there.offer_id, there.asked_cost) == (who, offer_id, cost)
            return there.state if same else "conflict"
        what, living = OFFERS[offer_id], list(self.living(offer_id))
        if what.unit_count is not None and len(living) + 1 > what.unit_count:
            return "UNITS"
        total = sum(one.cost for one in living) + cost
        if what.budget_micros is not None and total > what.budget_micros:
            return "BUDGET"
        hers = [one for one in living if one.who in self.person(who)]
        for cap in what.caps:
            since = self.now - (cap.days or 1e9) * SECONDS_PER_DAY
            if len([one for one in hers if one.time > since]) + 1 > cap.count:
                return "CAP"
        self.kept[name] = Kept(who, offer_id, cost, cost, self.now)
        return "RESERVED"

    def commit(self, name: str, less: int) -> str:
        """Return a state, or why not."""
        one = self.kept.get(name)
        if one is None:
            return "none"
        cost = one.cost - less
        if one.state == "COMMITTED" and not less:
            return "COMMITTED"
        if one.state != "RESERVED":
            return "settled"
        one.state, one.cost = "COMMITTED", cost
        return "COMMITTED"

    def release(self, name: str, is_return: bool) -> str:  # noqa: FBT001 - a step as it is drawn
        """Return a state, or why not."""
        one = self.kept.get(name)
        if one is None:
            return "none"
        if one.state == "COMMITTED":
            if not is_return:
                return "settled"
            one.state = "RETURNED"
        one.state = "RELEASED" if one.state == "RESERVED" else one.state
        return one.state

    def spend(self, offer_id: str) -> tuple[int, int, int, int]:
        """The sums of an offer."""
        of = {
            state: [one.cost for one in self.living(offer_id) if one.state == state]
            for state in ("RESERVED", "COMMITTED")
        }
        held, done = of["RESERVED"], of["COMMITTED"]
        return len(held), sum(held), len(done), sum(done)
