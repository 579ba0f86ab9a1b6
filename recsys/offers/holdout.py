"""Who never gets an offer, so that its effect can be measured against those who might."""

import hashlib
from typing import Final

_BYTES: Final = 8
_ALL: Final = float(2 ** (8 * _BYTES))


def is_held_out(*, offer_id: str, person_key: int, share: float) -> bool:
    """Whether a person is in the holdout of an offer; the same on every server, always.

    Args:
        offer_id: The offer. Holdouts of two offers have nothing to do with each other.
        person_key: Of the profile; the same whatever she is known by.
        share: Of all people, 0 to 1. Who is held out at one share is at every larger one.
    """
    name = f"{offer_id}\x00{person_key}".encode(errors="surrogatepass")
    drawn = int.from_bytes(hashlib.blake2b(name, digest_size=_BYTES).digest(), "big")
    return drawn < share * _ALL
