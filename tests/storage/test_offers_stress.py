"""Several processes use the same offers at once, one of them is killed, and all is counted."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from recsys.offers import Cap
from recsys.storage.offers import Offers
from recsys.storage.offers_ledger import OfferLedger
from recsys.storage.open_sessions import open_sessions
from support.identity import account
from support.offers import EURO, offer, reserve
from support.offers_caller import HOLD_SECONDS, PERSON_COUNT
from support.offers_shop import NOW
from support.processes import wait_until

CALLER = Path(__file__).parents[1] / "support" / "offers_caller.py"
OFFERS = {
    "few": offer(unit_count=15),
    "cheap": offer(budget_micros=12 * EURO),
    "capped": offer(caps=(Cap(2),)),
}
MOST = {"few": 15, "cheap": 12, "capped": 2 * PERSON_COUNT}
ROUND_COUNT = 40
_COUNTED = """
SELECT o.offer_id, count(*), CAST(sum(r.cost) AS bigint) FROM reservations AS r
JOIN offers AS o ON o.offer_key = r.offer_key WHERE r.state = ? GROUP BY o.offer_id
"""
_MOST_OF_ONE = """
SELECT coalesce(max(n), 0) FROM (
  SELECT count(*) AS n FROM offer_uses AS u JOIN reservations AS r
    ON r.reservation_key = u.reservation_key
  JOIN offers AS o ON o.offer_key = u.offer_key
  WHERE o.offer_id = 'capped' AND r.state IN (1, 2) GROUP BY u.identifier_key
) AS counts
"""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of storage, empty."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return str(request.getfixturevalue("postgres_url"))


class Caller:
    """A process that uses offers; see `support.offers_caller`."""

    def __init__(self, place: str, number: int, said: Path) -> None:
        self._said = said
        with said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(CALLER), place, str(number), str(ROUND_COUNT)],
                stdout=out,
                env={**os.environ, "PYTHONPATH": str(CALLER.parents[1])},
            )

    def lines(self) -> list[list[str]]:
        """What it has said, less a line that it was killed in."""
        whole = self._said.read_text().rpartition("\n")[0]
        return [line.split() for line in whole.splitlines()]

    def end(self) -> None:
        """See to it that it has ended."""
        self.process.kill()
        self.process.wait()


def called(callers: list[Caller]) -> Iterator[list[str]]:
    """All that was acknowledged."""
    for caller in callers:
        yield from (line for line in caller.lines() if line != ["done"])


def test_every_use_is_counted_whatever_happens_to_callers(place: str, tmp_path: Path) -> None:
    """Nothing is overspent, nothing acknowledged is lost, and what the dead held comes back."""
    with open_sessions(place) as sessions, ExitStack() as stack:
        Offers(sessions).upsert_offers(OFFERS, now=NOW)
        callers = []
        for number in range(3):
            callers.append(Caller(place, number, tmp_path / f"{number}"))
            stack.callback(callers[-1].end)
        victim, *others = callers
        wait_until(lambda: len(victim.lines()) >= 5, "the first uses are acknowledged")
        victim.process.send_signal(signal.SIGKILL)
        for caller in others:
            assert caller.process.wait(60) == 0
            assert caller.lines()[-1] == ["done"]
        said = Counter((line[0], line[2]) for line in called(callers))
        kept = {row[0]: row[1:] for row in sessions.rows(_COUNTED, 2)}
        held = {row[0]: row[1:] for row in sessions.rows(_COUNTED, 1)}
        spends = OfferLedger(sessions).standing([], [*OFFERS]).spends
        for name, most in MOST.items():
            count = kept.get(name, (0, 0))[0]
            # The killed one may not have heard of its last commit.
            assert said["committed", name] <= count <= said["committed", name] + 1
            assert count <= most
            assert spends[name] == (*held.get(name, (0, 0)), *kept[name])
        assert sum(count for count, _ in held.values()) <= 1
        ((most_of_one,),) = sessions.rows(_MOST_OF_ONE)
        assert most_of_one <= 2

        later = OfferLedger(sessions, clock=lambda session: session.clock() + HOLD_SECONDS)
        spends = later.standing([], [*OFFERS]).spends
        assert {name: spend.reserved_count for name, spend in spends.items()} == dict.fromkeys(
            MOST, 0
        )
        # All that is left can still be had, and not one more.
        people = [account(str(number)) for number in range(PERSON_COUNT)] * 2
        for name, most in MOST.items():
            asked = [reserve(f"z{at}/{name}", who, offer_id=name) for at, who in enumerate(people)]
            later.settle(asked)
            assert later.standing([], [name]).spends[name].use_count == most
