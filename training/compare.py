"""Two evaluations side by side, person by person."""

import math
from collections.abc import Mapping
from typing import Self

import msgspec
import numpy as np

from recsys.errors import InvalidInput
from training.resample import PairedTest, paired_tests
from training.samples import ItemFacts, SampledUser
from training.stored import Contestant, StoredEvaluation, aligned_values, metric_path

RESAMPLE_COUNT = 5_000
NOT_SET = "not set"


class SplitsDiffer(InvalidInput):
    """Two evaluations do not answer the same questions, so their numbers do not compare."""

    reason = "SPLITS_DIFFER"

    def __init__(self, *, first: str, second: str) -> None:
        self.first = first
        self.second = second
        super().__init__(
            f"measured on different data, cuts or users: {first!r} and {second!r}; "
            "evaluate both on the same"
        )


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How two models differ in one metric of one kind of list.

    Attributes:
        lists: Such as `new` or `channel_web/new`; may be empty.
        metric: Such as `ndcg_at_20`.
        first: The first model's mean.
        second: The second's.
        difference: Second minus first.
        users: People it rests on; 0 if the metric is none of single people.
        low: Lower end of the difference's 95 % interval; None without people.
        high: Its upper end.
        p_value: Two-sided, by exchanging the models person by person.
    """

    lists: str
    metric: str
    first: float
    second: float
    difference: float
    users: int = 0
    low: float | None = None
    high: float | None = None
    p_value: float | None = None

    @classmethod
    def of_test(cls, lists: str, metric: str, test: PairedTest) -> Self:
        """Name what was tested."""
        return cls(
            lists=lists,
            metric=metric,
            first=test.first,
            second=test.second,
            difference=test.difference,
            users=test.users,
            low=test.low,
            high=test.high,
            p_value=test.p_value,
        )

    @property
    def name(self) -> str:
        """Such as `new/ndcg_at_20`."""
        return metric_path(self.lists, self.metric)


class SampledPair(msgspec.Struct, frozen=True, kw_only=True):
    """One person's lists by both models."""

    first: SampledUser
    second: SampledUser


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two models on the same questions.

    Attributes:
        first: Name of the first model.
        second: Name of the second.
        first_type: Its kind.
        second_type: Its kind.
        measured_on: The questions.
        primary: The metric that matters most, such as `new/ndcg_at_20`.
        differences: Every metric that both have, those of people first.
        left_out: Kinds of list that do not compare, and why.
        settings: Settings that differ, by name, as both have them.
        lists: Kind of list of the samples.
        people: Lists of some people.
        items: Facts of the items in them.
    """

    first: str
    second: str
    first_type: str
    second_type: str
    measured_on: str
    primary: str
    differences: tuple[Difference, ...]
    left_out: dict[str, str]
    settings: dict[str, tuple[str, str]]
    lists: str
    people: tuple[SampledPair, ...]
    items: dict[str, ItemFacts]

    @property
    def primary_difference(self) -> Difference | None:
        """The difference that decides; None if it was not measured."""
        return next((each for each in self.differences if each.name == self.primary), None)


def compare(first: Contestant, second: Contestant, *, rng: np.random.Generator) -> Comparison:
    """Compare two evaluations.

    Args:
        first: The one that is there, such as the champion.
        second: The one in question.
        rng: Source of the resamples.

    Raises:
        SplitsDiffer: They were measured on different data, cuts or users.
    """
    ours, theirs = first.stored, second.stored
    if ours.measured_on != theirs.measured_on:
        raise SplitsDiffer(first=ours.measured_on, second=theirs.measured_on)
    left_out: dict[str, str] = {}
    differences: list[Difference] = []
    for lists in _kinds(first):
        reason = mismatch(ours, theirs, lists)
        if reason is None:
            differences += _people_differences(first, second, lists, rng)
        else:
            left_out[lists] = reason
    told = {each.name for each in differences}
    differences += _other_differences(ours, theirs, told, left_out)
    theirs_by_user = {person.user: person for person in theirs.samples.people}
    return Comparison(
        first=ours.name,
        second=theirs.name,
        first_type=ours.model_type,
        second_type=theirs.model_type,
        measured_on=ours.measured_on,
        primary=ours.primary,
        differences=tuple(differences),
        left_out=left_out,
        settings=_settings(ours, theirs),
        lists=ours.samples.lists,
        people=tuple(
            SampledPair(first=person, second=theirs_by_user[person.user])
            for person in ours.samples.people
            if person.user in theirs_by_user and ours.samples.lists == theirs.samples.lists
        ),
        items={**theirs.samples.items, **ours.samples.items},
    )


def paired(
    first: Contestant,
    second: Contestant,
    lists: str,
    metrics: list[str],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    count: int = RESAMPLE_COUNT,
) -> dict[str, PairedTest]:
    """Test metrics of one kind of list; those that nobody has of both are left out."""
    cuts = [cut for cut in first.values if lists in first.values[cut]]
    ours = [first.values[cut].get(lists) for cut in cuts]
    theirs = [second.values.get(cut, {}).get(lists) for cut in cuts]
    people = np.unique(
        np.concatenate([found.users for found in [*ours, *theirs] if found is not None])
    )
    found = paired_tests(
        [aligned_values(ours, metric, people) for metric in metrics],
        [aligned_values(theirs, metric, people) for metric in metrics],
        count=count,
        rng=rng,
        level=level,
    )
    return {metric: test for metric, test in zip(metrics, found, strict=True) if test is not None}


def _kinds(contestant: Contestant) -> list[str]:
    return list(dict.fromkeys(name for cut in contestant.values.values() for name in cut))


def mismatch(ours: StoredEvaluation, theirs: StoredEvaluation, lists: str) -> str | None:
    """Say why lists of one kind do not compare, or None; both measured on the same."""
    for cut, digests in ours.digests.items():
        other = theirs.digests.get(cut, {})
        if lists not in digests and lists not in other:
            continue
        if lists not in other:
            return "measured for the first only"
        if digests.get(lists) != other[lists]:
            return (
                "other people or targets: what counts as seen, cold or known depends on the "
                "event weights, filters and training lines"
            )
    return None


def _people_differences(
    first: Contestant, second: Contestant, lists: str, rng: np.random.Generator
) -> list[Difference]:
    metrics = list(
        dict.fromkeys(
            metric for cut in first.values.values() if lists in cut for metric in cut[lists].values
        )
    )
    return [
        Difference.of_test(lists, metric, test)
        for metric, test in paired(first, second, lists, metrics, rng=rng).items()
    ]


def _other_differences(
    ours: StoredEvaluation, theirs: StoredEvaluation, told: set[str], left_out: Mapping[str, str]
) -> list[Difference]:
    """Return the metrics that are none of single people, such as coverage."""
    found = []
    for name, value in ours.metrics.items():
        lists, _, metric = name.rpartition("/")
        other = theirs.metrics.get(name)
        if other is None or name in told or lists in left_out or "_at_" not in metric:
            continue
        if metric.endswith(("_low", "_high")) or not math.isfinite(value - other):
            continue
        found.append(
            Difference(
                lists=lists, metric=metric, first=value, second=other, difference=other - value
            )
        )
    return found


def _settings(ours: StoredEvaluation, theirs: StoredEvaluation) -> dict[str, tuple[str, str]]:
    one, two = _flat(ours.config), _flat(theirs.config)
    names = [*one, *(name for name in two if name not in one)]
    return {
        name: (one.get(name, NOT_SET), two.get(name, NOT_SET))
        for name in names
        if one.get(name) != two.get(name)
    }


def _flat(value: object, name: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        pairs = list(enumerate(value, start=1))
    else:
        return {name: str(value)}
    flat: dict[str, str] = {}
    for key, part in pairs:
        flat |= _flat(part, f"{name}.{key}" if name else str(key))
    return flat
