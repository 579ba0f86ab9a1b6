"""The book of trials: Optuna studies in one SQLite file, one per shape.

A trial is under way in memory, where asking and pruning cost no disk, and enters the file
in one transaction when it has ended. A search that was killed reads the file back and
goes on; of the trial that was under way nothing is left.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import optuna
from optuna.trial import TrialState

from training.auto.candidate import Shape
from training.auto.space import Params, Space, suggest

_JOIN = "+"
_STARTS_BEFORE_SAMPLING = 6
_PRUNE_PERCENTILE = 50.0
_PRUNE_TRIALS_MIN = 2
_INFO = "info"
_PART_GAIN_MIN = 0.005
_SAMPLER_SEED_STRIDE = 1_000


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a trial besides its settings and its value.

    Attributes:
        name: Unique in the book, such as `ordered 3`.
        origin: Why it was tried: `start`, `near`, `sampled`, `grown` or `blend`.
        elapsed: Seconds of the search at its end, over all calls.
        seconds: Of the trial.
        cpu_seconds: Processor time of the trial.
        fit_seconds: Of each part that was fitted for it, by tag.
        user_microseconds: Folding in and ranking, per user asked.
        model_bytes: Factors, item-item rows and prior.
        share: Of the users that it was fitted on.
        low: Lower end of the value's 95 % interval.
        high: Its upper end.
    """

    name: str
    origin: str
    elapsed: float
    seconds: float
    cpu_seconds: float
    fit_seconds: dict[str, float]
    user_microseconds: float
    model_bytes: int
    share: float
    low: float
    high: float


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A trial that has ended.

    Attributes:
        name: Unique in the book, such as `ordered 3`.
        shape: The families.
        params: The settings.
        value: The metric; of a pruned trial the one it was pruned at.
        pruned: Whether it was given up before all users were fitted on.
        figures: The rest.
    """

    name: str
    shape: Shape
    params: Params
    value: float
    pruned: bool
    figures: Figures


class Ticket:
    """A trial that is under way."""

    def __init__(self, study: optuna.Study, kept: optuna.Study, shape: Shape, space: Space) -> None:
        """Ask the study in memory; what ends goes to the one that is kept."""
        self.shape = shape
        self._study = study
        self._kept = kept
        self._trial = study.ask()
        self.params = suggest(self._trial, space)

    def is_hopeless(self, value: float, *, step: int) -> bool:
        """Report a value on the way; say whether the trial should be given up."""
        self._trial.report(value, step)
        return bool(self._trial.should_prune())

    def end(self, value: float, figures: Figures, *, pruned: bool) -> Tried:
        """Write the trial into the book."""
        self._trial.set_user_attr(_INFO, msgspec.to_builtins(figures))
        ended = (
            self._study.tell(self._trial, state=TrialState.PRUNED)
            if pruned
            else self._study.tell(self._trial, value)
        )
        self._kept.add_trial(ended)
        return Tried(
            name=figures.name,
            shape=self.shape,
            params=self.params,
            value=value,
            pruned=pruned,
            figures=figures,
        )

    def fail(self) -> None:
        """Write that it came to nothing."""
        self._study.tell(self._trial, state=TrialState.FAIL)


class Book:
    """All trials of one search."""

    def __init__(self, path: Path, *, seed: int) -> None:
        """Open the file, or begin it.

        Args:
            path: The SQLite file; its folder exists.
            seed: Source of what Optuna draws.
        """
        optuna.logging.set_verbosity(logging.WARNING)
        self._storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        self._seed = seed
        self._studies: dict[Shape, optuna.Study] = {}
        self._kept: dict[Shape, optuna.Study] = {}
        self.tried: list[Tried] = []
        for name in optuna.get_all_study_names(self._storage):
            self._read(tuple(name.split(_JOIN)))
        self.tried.sort(key=lambda one: one.figures.elapsed)

    def close(self) -> None:
        """Close the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    @property
    def spent(self) -> float:
        """Seconds that earlier calls took until the end of their last trial."""
        return max((one.figures.elapsed for one in self.tried), default=0.0)

    def ask(self, shape: Shape, space: Space, params: Mapping[str, Any] | None) -> Ticket:
        """Begin a trial.

        Args:
            shape: The families.
            space: All that varies.
            params: The settings; None lets Optuna choose.
        """
        study = self._study(shape)
        if params is not None:
            study.enqueue_trial(dict(params))
        return Ticket(study, self._kept_study(shape), shape, space)

    def next_name(self, shape: Shape) -> str:
        """Return a name that no trial has."""
        return f"{_JOIN.join(shape)} {sum(one.shape == shape for one in self.tried)}"

    def take(self, tried: Tried) -> None:
        """Remember a trial that has just ended."""
        self.tried.append(tried)

    def find(self, shape: Shape, params: Params) -> Tried | None:
        """Return the trial of some settings, if there was one."""
        return next(
            (one for one in self.tried if one.shape == shape and one.params == params), None
        )

    def best(self, shape: Shape | None = None) -> Tried | None:
        """Return the best trial, of a shape or of all; the earliest of equals.

        A shape of more parts must be better by `_PART_GAIN_MIN`: it is larger, slower,
        and had more chances to be lucky.
        """
        chosen: Tried | None = None
        ended = [one for one in self.tried if not one.pruned and shape in (None, one.shape)]
        for one in sorted(ended, key=lambda one: (len(one.shape), -one.value)):
            if chosen is None or one.value > chosen.value * (
                1.0 + _PART_GAIN_MIN * (len(one.shape) - len(chosen.shape))
            ):
                chosen = one
        return chosen

    def _kept_study(self, shape: Shape) -> optuna.Study:
        """Return the study in the file."""
        if shape not in self._kept:
            self._kept[shape] = optuna.create_study(
                storage=self._storage,
                study_name=_JOIN.join(shape),
                direction="maximize",
                load_if_exists=True,
            )
        return self._kept[shape]

    def _study(self, shape: Shape) -> optuna.Study:
        """Return the study in memory, with all trials of earlier calls."""
        if shape not in self._studies:
            earlier = self._kept_study(shape).get_trials(deepcopy=False)
            self._studies[shape] = optuna.create_study(
                direction="maximize",
                # A search that goes on must not draw again what it drew before.
                sampler=optuna.samplers.TPESampler(
                    seed=self._seed * _SAMPLER_SEED_STRIDE + len(earlier),
                    n_startup_trials=_STARTS_BEFORE_SAMPLING,
                    multivariate=True,
                ),
                pruner=optuna.pruners.PercentilePruner(
                    _PRUNE_PERCENTILE, n_startup_trials=_PRUNE_TRIALS_MIN
                ),
            )
            self._studies[shape].add_trials(earlier)
        return self._studies[shape]

    def _read(self, shape: Shape) -> None:
        for trial in self._kept_study(shape).get_trials(deepcopy=False):
            info = trial.user_attrs.get(_INFO)
            if info is None or trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
                continue
            pruned = trial.state is TrialState.PRUNED
            value = list(trial.intermediate_values.values())[-1] if pruned else trial.value
            assert value is not None, "a trial that ended has a value"
            figures = msgspec.convert(info, Figures)
            self.tried.append(
                Tried(
                    name=figures.name,
                    shape=shape,
                    params=dict(trial.params),
                    value=value,
                    pruned=pruned,
                    figures=figures,
                )
            )
