"""A propensity that was learned from exposures and redemptions (`recsys offers learn`), in use."""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from recsys.errors import InvalidConfig
from recsys.offers.affinity import Affinity
from recsys.offers.features import FEATURE_NAMES, PairFeatures
from recsys.offers.propensity import Propensities, PropensityQuestion
from recsys.offers.query import PropensityBasis
from recsys.offers.rates import Rates, Shown
from recsys.offers.tastes import Tastes
from recsys.offers.uplift import OfferUplift, Uplift
from recsys.recommend.recommender import Recommender

F64 = NDArray[np.float64]

FORMAT: Final = 1
_Count = Annotated[int, Meta(ge=0)]
_Share = Annotated[float, Meta(gt=0, lt=1)]


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was learned of a feature.

    Attributes:
        name: Of `FEATURE_NAMES`.
        mean: What is taken off,
        scale: and by what the rest is divided, positive.
        low: The smallest value that was learned from: what is less counts as this.
        high: The largest, likewise.
        weight: What one of it adds to the log odds then.
    """

    name: str
    mean: float
    scale: Annotated[float, Meta(gt=0)]
    low: float
    high: float
    weight: float

    def misfits(self) -> Iterator[str]:
        """Yield why it cannot be used."""
        if not all(map(math.isfinite, (self.mean, self.scale, self.low, self.high, self.weight))):
            yield "holds what is no finite number"
        if self.low > self.high:
            yield f"is from {self.low:g} to {self.high:g}"


class OfferCounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of an offer; see `Shown`."""

    seen: _Count
    redeemed: _Count


class PropensityFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`propensity.json`. Holds nothing of any person.

    Attributes:
        format: Of the file.
        model_version: Whose best items it was learned with.
        model_fingerprint: Of the data of that model.
        source: Of which storage.
        learn_time: The moment of the last event it knows of, seconds since 1970-01-01 UTC.
        horizon_days: A view counts as redeemed if that happened within so many days.
        pair_count: Views that it was learned from.
        redemption_count: Those that were redeemed.
        regularization: Inverse strength of what draws weights to nothing.
        intercept: Log odds where all columns are at their means.
        columns: One for each of `FEATURE_NAMES`, in their order.
        prior: Rate of an offer that nobody has seen.
        prior_strength: How many views that counts as much as.
        offers: What became of each offer.
        uplift: What holdouts have taught, by offer.
        metrics: What was measured on later views, for people.
    """

    format: int = FORMAT
    model_version: str
    model_fingerprint: str
    source: str
    learn_time: float
    horizon_days: Annotated[float, Meta(gt=0)]
    pair_count: _Count
    redemption_count: _Count
    regularization: float
    intercept: float
    columns: tuple[Column, ...]
    prior: _Share
    prior_strength: Annotated[float, Meta(gt=0)]
    offers: dict[str, OfferCounts]
    uplift: dict[str, OfferUplift] = {}
    metrics: dict[str, float] = {}


class Odds:
    """The arithmetic of what was learned. Immutable."""

    def __init__(self, columns: Sequence[Column], intercept: float) -> None:
        """Take one column for each of `FEATURE_NAMES`."""
        self.low = np.array([one.low for one in columns])
        self.high = np.array([one.high for one in columns])
        scales = np.array([one.scale for one in columns])
        self._weights = np.array([one.weight for one in columns]) / scales
        means = np.array([one.mean for one in columns])
        self._intercept = intercept - float(means @ self._weights)

    def probabilities(self, features: NDArray[np.floating]) -> F64:
        """Return how likely each pair is redeemed.

        Args:
            features: Of `PairFeatures`, shape (m, len(FEATURE_NAMES)).

        Returns:
            Between 0 and 1, shape (m,).
        """
        odds = np.clip(features, self.low, self.high) @ self._weights + self._intercept
        # Beyond that exp overflows, and nothing is that sure.
        found: F64 = 1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0)))
        return found


class Learned:
    """What a file says, ready to judge. Immutable."""

    def __init__(self, file: PropensityFile) -> None:
        """Take a file that fits this version; see `read_propensity`."""
        self.file = file
        shown = {name: Shown(one.seen, one.redeemed) for name, one in file.offers.items()}
        self.rates = Rates(shown, prior=file.prior, strength=file.prior_strength)
        self.odds = Odds(file.columns, file.intercept)
        self.uplift = Uplift(file.uplift, self.odds.low, self.odds.high)


def read_propensity(text: str, *, source: str) -> Learned:
    """Read `propensity.json`.

    Args:
        text: As `recsys offers learn` writes it.
        source: What to call it in errors.

    Raises:
        InvalidConfig: It is no such file, or of a version with other features.
    """
    try:
        file = msgspec.json.decode(text, type=PropensityFile)
    except msgspec.MsgspecError as error:
        raise InvalidConfig(source=source, problem=str(error)) from error
    for problem in _misfits(file):
        raise InvalidConfig(source=source, problem=f"{problem}; run `recsys offers learn` again")
    return Learned(file)


def _misfits(file: PropensityFile) -> Iterator[str]:
    """Yield why a file cannot be used."""
    if file.format != FORMAT:
        yield f"format is {file.format}; this version reads {FORMAT}"
    names = tuple(one.name for one in file.columns)
    if names != FEATURE_NAMES:
        wrong = sorted({*names} ^ {*FEATURE_NAMES}) or ["their order"]
        yield f"its features are not those of this version: {', '.join(wrong)}"
    for one in file.columns:
        for problem in one.misfits():
            yield f"{one.name} {problem}"
    if not math.isfinite(file.intercept):
        yield "intercept is no finite number"
    for name, learned in file.uplift.items():
        for problem in learned.misfits():
            yield f"uplift of {name!r} {problem}"
    for name, counts in file.offers.items():
        if counts.redeemed > counts.seen:
            yield f"{name!r} was redeemed more often than seen"


class LearnedPropensity:
    """By what was learned; by affinity as long as nothing is. Implements `PropensityModel`.

    Attributes:
        found: What was learned; may be replaced at any time.
    """

    def __init__(self, recommender: Recommender, found: Learned | None = None) -> None:
        """Share what ranks items.

        Args:
            recommender: Ranks items and knows what may be shown.
            found: What was learned; None for nothing.
        """
        tastes = Tastes(recommender)
        self.found = found
        self._affinity = Affinity(tastes)
        self._features = PairFeatures(tastes)

    def propensities(
        self, asked: Sequence[PropensityQuestion], *, threads: int = 1
    ) -> Sequence[Propensities]:
        """Judge for each person each of the wanted offers; as `PropensityModel.propensities`."""
        found = self.found
        if found is None:
            return self._affinity.propensities(asked, threads=threads)
        return [
            Propensities(
                found.odds.probabilities(features),
                [PropensityBasis.LEARNED] * len(features),
                found.uplift.shares(one.wanted, features),
            )
            for one, features in zip(
                asked, self._features.of(asked, found.rates, threads=threads), strict=True
            )
        ]
