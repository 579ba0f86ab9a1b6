"""A process that uses offers as fast as it can and says on a line what was acknowledged.

    python offers_caller.py STORAGE CALLER_NUMBER ROUND_COUNT

It goes the way of a till: reserve for somebody, then commit or give back. Ids are drawn from
what it is given, so that it asks the same when it is started again.
"""

import random
import sys

from recsys.offers import Asked, Commit, Release, Reservation, ReservationState
from recsys.storage.offers_ledger import OfferLedger
from recsys.storage.open_sessions import open_sessions
from support.identity import account
from support.offers import reserve

PERSON_COUNT = 10
HOLD_SECONDS = 1_000.0


def say(*words: str) -> None:
    """Say something on a line, at once."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Use offers."""
    place, number, round_count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(number)
    with open_sessions(place) as sessions:
        ledger = OfferLedger(sessions)

        def ask(asked: Asked) -> ReservationState | None:
            (found,) = ledger.settle([asked])
            return found.state if isinstance(found, Reservation) else None

        for turn in range(round_count):
            name = f"{number}/{turn}"
            who = account(str(rng.randrange(PERSON_COUNT)))
            offer_id = rng.choice(["few", "cheap", "capped"])
            is_bought = rng.random() < 0.8
            asked = reserve(name, who, offer_id=offer_id, hold_seconds=HOLD_SECONDS)
            state = ask(asked)
            if state is ReservationState.RESERVED:
                say("reserved", name, offer_id)
                state = ask(Commit(name) if is_bought else Release(name))
            if state is not None:
                say(state.name.lower(), name, offer_id)
        say("done")


if __name__ == "__main__":
    main()
