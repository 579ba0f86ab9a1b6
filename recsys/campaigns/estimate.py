"""How many people are in a segment: at once, and how sure that is.

A storage gives a random part of its identifiers. The share of them at which somebody is met
first who is in the segment, times all identifiers, is how many people are in it (an unbiased
estimate). The interval is Wilson's (*Probable inference*, Journal of the American Statistical
Association 22, 1927) for 95 %, which holds for small shares as well.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from recsys.campaigns.people import PeopleSample

_Z: Final = 1.959963984540054


class SizeEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """How many people are in a segment.

    Attributes:
        count: The estimate.
        low: Lower end of the interval.
        high: Upper end.
        is_exact: Whether everybody was looked at.
        sampled_count: At how many identifiers it was looked.
        matched_count: At how many of these somebody was met who is in it.
    """

    count: int
    low: int
    high: int
    is_exact: bool
    sampled_count: int
    matched_count: int


def estimate(sample: PeopleSample, is_in: Sequence[bool]) -> SizeEstimate:
    """Estimate how many people are in a segment.

    Args:
        sample: Some people.
        is_in: Of each, whether she is in it.
    """
    matched, looked, total = sum(is_in), sample.identifier_count, sample.identifier_total
    if looked >= total:
        return SizeEstimate(
            count=matched, low=matched, high=matched, is_exact=True,
            sampled_count=looked, matched_count=matched,
        )  # fmt: skip
    share = matched / looked
    low, high = _wilson(share, looked)
    return SizeEstimate(
        count=round(share * total),
        # Those who were met are there.
        low=max(matched, math.floor(low * total)),
        high=math.ceil(high * total),
        is_exact=False,
        sampled_count=looked,
        matched_count=matched,
    )


def _wilson(share: float, count: int) -> tuple[float, float]:
    z2 = _Z * _Z
    middle = share + z2 / (2 * count)
    reach = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    below = 1 + z2 / count
    return max(0.0, (middle - reach) / below), min(1.0, (middle + reach) / below)
