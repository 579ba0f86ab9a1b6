"""An evaluation as files: one JSON for people and programs, one Parquet of single values.

out.json            every number with its interval, the configuration, some people's lists
out.values.parquet  one value per person, kind of list and metric, for paired tests
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.errors import InvalidData
from training.resample import resampled_means
from training.samples import Samples
from training.user_values import UserValues, read_user_values, write_user_values

F64 = NDArray[np.float64]
CutValues = Mapping[str, Mapping[str, UserValues]]
"""By name of the cut, then by kind of list."""

VALUES_SUFFIX = ".values.parquet"


class StoredEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What one configuration does, on one split or at several cuts.

    Attributes:
        name: What people call it.
        model_type: Such as `blend`.
        measured_on: Names data, cuts and users; only equal ones compare.
        primary_lists: Kind of list that matters most, such as `new`.
        primary_metric: Such as `ndcg_at_20`.
        config: The whole configuration.
        seed: Source of the model's chance.
        metrics: By `<lists>/<metric>`; means over the cuts. Targets that the model
            cannot know count as missed.
        low: Lower end of the 95 % interval of each mean over people (bootstrap by user).
        high: Its upper end.
        spread: Standard deviation over the cuts, if there are several.
        by_cut: The metrics of each cut.
        digests: Of each cut, what names people and targets of each kind of list.
        samples: Lists of some people at the newest cut.
        warnings: What a reader must know.
    """

    name: str
    model_type: str
    measured_on: str
    primary_lists: str
    primary_metric: str
    config: dict[str, Any]
    seed: int
    metrics: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    spread: dict[str, float] = {}
    by_cut: dict[str, dict[str, float]] = {}
    digests: dict[str, dict[str, str]] = {}
    samples: Samples = Samples()
    warnings: tuple[str, ...] = ()

    @property
    def primary(self) -> str:
        """Name of the metric that matters most, such as `new/ndcg_at_20`."""
        return metric_path(self.primary_lists, self.primary_metric)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contestant:
    """One evaluation with its single values, which paired tests need."""

    stored: StoredEvaluation
    values: CutValues


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers over several cuts; see `StoredEvaluation`."""

    metrics: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    spread: dict[str, float]
    digests: dict[str, dict[str, str]]


def metric_path(lists: str, metric: str) -> str:
    """Join a kind of list, which may be empty, and a metric."""
    return f"{lists}/{metric}" if lists else metric


def summarise(
    metrics: Mapping[str, Mapping[str, float]],
    values: CutValues,
    *,
    count: int,
    rng: np.random.Generator,
) -> Summary:
    """Average over cuts, with intervals over people and the spread between cuts.

    Args:
        metrics: The numbers of each cut.
        values: What each person got at each cut.
        count: Resamples behind the intervals; 0 for none.
        rng: Source of them.
    """
    low, high = _intervals(values, count=count, rng=rng) if count else ({}, {})
    names = list(dict.fromkeys(name for cut in metrics.values() for name in cut))
    table = {name: [cut[name] for cut in metrics.values() if name in cut] for name in names}
    return Summary(
        metrics={name: float(np.mean(found)) for name, found in table.items()},
        low=low,
        high=high,
        spread={name: float(np.std(found, ddof=1)) for name, found in table.items() if found[1:]},
        digests={
            cut: {lists: found.digest for lists, found in kinds.items()}
            for cut, kinds in values.items()
        },
    )


def _intervals(
    values: CutValues, *, count: int, rng: np.random.Generator
) -> tuple[dict[str, float], dict[str, float]]:
    low, high = dict[str, float](), dict[str, float]()
    for lists in dict.fromkeys(name for cut in values.values() for name in cut):
        present = [cut[lists] for cut in values.values() if lists in cut]
        columns = list(dict.fromkeys(name for found in present for name in found.values))
        people = np.unique(np.concatenate([found.users for found in present]))
        aligned = [aligned_values(present, metric, people) for metric in columns]
        means = resampled_means(np.concatenate(aligned, axis=1), count=count, rng=rng)
        means = means.reshape(count, len(columns), len(present))
        with np.errstate(invalid="ignore"):
            # A cut where a metric is not defined for anybody does not count.
            sums = np.nansum(means, axis=2)
            means = sums / np.isfinite(means).sum(axis=2)
        lows, highs = np.nanquantile(means, [0.025, 0.975], axis=0)
        for column, metric in enumerate(columns):
            low[metric_path(lists, metric)] = float(lows[column])
            high[metric_path(lists, metric)] = float(highs[column])
    return low, high


def aligned_values(
    cuts: Sequence[UserValues | None], metric: str, people: NDArray[np.int32]
) -> F64:
    """Arrange one metric as people x cuts, NaN where a person has no value.

    Args:
        cuts: What each person got at each cut; None for a cut without.
        metric: Such as `ndcg_at_20`.
        people: Numbers of the people, ascending.
    """
    table = np.full((len(people), len(cuts)), np.nan)
    for column, found in enumerate(cuts):
        if found is not None and metric in found.values:
            table[np.searchsorted(people, found.users), column] = found.values[metric]
    return table


def write_stored(path: Path, contestant: Contestant) -> None:
    """Write both files; `path` is that of the JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(contestant.stored)) + b"\n")
    write_user_values(values_path(path), contestant.values)


def values_path(path: Path) -> Path:
    """Return where the single values of a JSON file are."""
    return path.with_name(path.stem + VALUES_SUFFIX)


def read_stored(path: Path) -> Contestant:
    """Read both files.

    Raises:
        InvalidData: One is missing or something else.
    """
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=StoredEvaluation)
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidData(path=str(path), problem=str(error)) from error
    return Contestant(stored=stored, values=read_user_values(values_path(path)))
