"""A randomised experiment: who got what by lot, what was known before, what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.errors import InvalidData
from training.tables import read_tables, require_columns

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

ARM_COUNT_MIN = 200
"""People that each arm needs: with fewer, nothing can be told from chance."""

ARMS_MAX = 20
VALUES_MAX = 50
"""Different texts of a feature at most; each becomes a column."""

IMBALANCE_MAX, IMBALANCE_Z = 0.1, 5.0
"""Arms whose means of a feature differ by more than so many standard deviations, and by
more than so many standard errors, were not drawn by lot."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """People who were treated by lot.

    Attributes:
        user_ids: Who they are, by row; row numbers as texts where nothing names them.
        features: What was known before, float64, finite, shape (people, features).
        feature_names: By column.
        arms: What each got, int64, 0 for the control, shape (people,).
        arm_names: By number, the control first.
        outcomes: What came of it, float64, finite, shape (people,).
    """

    user_ids: Sequence[str]
    features: F64
    feature_names: tuple[str, ...]
    arms: I64
    arm_names: tuple[str, ...]
    outcomes: F64

    @property
    def shares(self) -> F64:
        """How likely each arm was, float64, shape (arms,)."""
        found: F64 = np.bincount(self.arms, minlength=len(self.arm_names)) / len(self.arms)
        return found

    def where(self, mask: NDArray[np.bool_]) -> "Experiment":
        """Return some people's part of it."""
        rows = np.flatnonzero(mask)
        return Experiment(
            user_ids=[self.user_ids[row] for row in rows.tolist()],
            features=self.features[rows],
            feature_names=self.feature_names,
            arms=self.arms[rows],
            arm_names=self.arm_names,
            outcomes=self.outcomes[rows],
        )


def read_experiment(
    paths: Sequence[Path],
    *,
    treatment: str,
    control: str,
    outcome: str,
    features: Sequence[str],
    names: Mapping[str, str],
) -> Experiment:
    """Read an experiment from files with one line for each person.

    Args:
        paths: Parquet, CSV or JSON lines.
        treatment: Column of what each person got.
        control: Its value for those who got nothing.
        outcome: Column of what came of it: a number, or true and false.
        features: Columns of what was known before. Anything that the treatment could have
            changed would make the answer worthless.
        names: New column name by the files' own.

    Raises:
        InvalidData: Columns or values are missing, arms are too small, or people were not
            treated by lot.
    """
    source = ", ".join(map(str, paths))
    frame = read_tables(paths, names)
    require_columns(frame, [treatment, outcome, *features], paths)
    for name in (treatment, outcome):
        if name in features:
            raise InvalidData(path=source, problem=f"{name} cannot be a feature: it came after")
    for name in (treatment, outcome, *features):
        if frame[name].null_count():
            raise InvalidData(path=source, problem=f"{name} has empty cells")
    arm_names, arms = _arms(frame[treatment].cast(pl.String), control, source)
    columns = [column for name in features for column in _columns(frame[name], source)]
    if not columns:
        raise InvalidData(path=source, problem="has no features; name what was known before")
    experiment = Experiment(
        user_ids=_user_ids(frame),
        features=np.column_stack([values for _, values in columns]),
        feature_names=tuple(name for name, _ in columns),
        arms=arms,
        arm_names=arm_names,
        outcomes=_numbers(frame[outcome], source),
    )
    _refuse_imbalance(experiment, source)
    return experiment


def _user_ids(frame: pl.DataFrame) -> list[str]:
    if "user_id" not in frame.columns:
        return [str(row) for row in range(len(frame))]
    return frame["user_id"].cast(pl.String).to_list()


def _arms(column: pl.Series, control: str, source: str) -> tuple[tuple[str, ...], I64]:
    counts = dict(column.value_counts().iter_rows())
    if control not in counts or len(counts) < 2:  # noqa: PLR2004 - a control and one more
        found = ", ".join(sorted(map(repr, counts)))
        problem = f"{column.name} has no {control!r} beside others; it has {found}"
        raise InvalidData(path=source, problem=problem)
    if len(counts) > ARMS_MAX:
        problem = f"{column.name} has {len(counts)} values; allowed up to {ARMS_MAX}"
        raise InvalidData(path=source, problem=problem)
    for name, count in counts.items():
        if count < ARM_COUNT_MIN:
            problem = f"{column.name} {name!r} has {count} people; needed are {ARM_COUNT_MIN}"
            raise InvalidData(path=source, problem=problem)
    names = (control, *sorted(name for name in counts if name != control))
    rows = {name: row for row, name in enumerate(names)}
    return names, np.array([rows[name] for name in column], dtype=np.int64)


def _columns(column: pl.Series, source: str) -> list[tuple[str, F64]]:
    """Return a feature as numbers: itself, or one column for each text."""
    if column.dtype not in (pl.String, pl.Categorical):
        return [(column.name, _numbers(column, source))]
    values = sorted(column.cast(pl.String).unique())
    if len(values) > VALUES_MAX:
        problem = f"{column.name} has {len(values)} different texts; allowed up to {VALUES_MAX}"
        raise InvalidData(path=source, problem=problem)
    return [
        (f"{column.name}={value}", (column == value).cast(pl.Float64).to_numpy())
        for value in values
    ]


def _numbers(column: pl.Series, source: str) -> F64:
    try:
        numbers: F64 = column.cast(pl.Float64).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise InvalidData(path=source, problem=f"{column.name} is not a number: {error}") from error
    if not np.isfinite(numbers).all():
        raise InvalidData(path=source, problem=f"{column.name} holds NaN or infinity")
    return numbers


def _refuse_imbalance(experiment: Experiment, source: str) -> None:
    """Refuse arms that were different to begin with."""
    spread = experiment.features.std(axis=0)
    control = experiment.features[experiment.arms == 0]
    for arm in range(1, len(experiment.arm_names)):
        treated = experiment.features[experiment.arms == arm]
        away = np.abs(treated.mean(axis=0) - control.mean(axis=0))
        away = np.divide(away, spread, out=np.zeros_like(away), where=spread > 0)
        error = np.sqrt(1 / len(treated) + 1 / len(control))
        worst = int(away.argmax())
        if away[worst] > IMBALANCE_MAX and away[worst] > IMBALANCE_Z * error:
            problem = (
                f"{experiment.feature_names[worst]} differs between "
                f"{experiment.arm_names[arm]!r} and {experiment.arm_names[0]!r} by "
                f"{away[worst]:.2f} standard deviations: people were not treated by lot, and "
                "what the treatment did cannot be told from who got it"
            )
            raise InvalidData(path=source, problem=problem)
