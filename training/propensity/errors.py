"""Why nothing was learned. Serving stays with affinity then."""

from recsys.errors import RecsysError


class TooFewRedemptions(RecsysError):
    """Too little has happened to learn from; serving stays with affinity."""

    reason = "TOO_FEW_REDEMPTIONS"

    def __init__(self, *, found: int, needed: int, missing: str) -> None:
        self.found = found
        self.needed = needed
        self.missing = missing
        super().__init__(
            f"{found} redemptions {missing}; at least {needed} are needed to learn from. "
            "Offers are judged by affinity as before"
        )


class NoBetterThanAffinity(RecsysError):
    """What was learned finds later redemptions no better than affinity does."""

    reason = "NO_BETTER_THAN_AFFINITY"

    def __init__(self, *, learned: float, affinity: float) -> None:
        self.learned = learned
        self.affinity = affinity
        super().__init__(
            f"what was learned has an AUC of {learned:.4f} on later views, affinity {affinity:.4f}; "
            "nothing was written, and offers are judged by affinity as before"
        )
