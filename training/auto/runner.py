"""Running one trial: only if it is new and can be paid for, costly ones on few users first."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.auto.book import Book, Figures, Ticket, Tried
from training.auto.candidate import Shape, whole_space
from training.auto.costs import Budget, Costs
from training.auto.judge import Judge
from training.auto.portfolio import Facts
from training.auto.space import Params
from training.config import TrainConfig
from training.models.blend import BlendConfig, PartConfig
from training.resample import bootstrap

_FIRST_SHARE = 0.25
_COSTLY = 0.02
_CHEAPER = 0.5
_LEFT_SHARE_MAX = 0.5
_BUDGET_SHARE_MAX = 0.15
_RESAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a search needs.

    Attributes:
        judge: Fits and measures.
        book: Where trials are kept.
        costs: What trials cost.
        budget: What may be spent.
        facts: Of the lines that are fitted on.
        configured: Makes the configuration of a candidate.
        seed: Source of all chance.
        reserve: Predicts the seconds that are needed after the search for a candidate.
        listener: Told of every trial as it ends.
    """

    judge: Judge
    book: Book
    costs: Costs
    budget: Budget
    facts: Facts
    configured: Callable[[Shape, Params], TrainConfig]
    seed: int
    reserve: Callable[[TrainConfig], float]
    listener: Callable[[Tried], None]


class TrialRunner:
    """Runs trials of one search."""

    def __init__(self, setting: Setting, *, share: float) -> None:
        """Make ready.

        Args:
            setting: What it needs.
            share: Share of the users that candidates are compared on.
        """
        self._setting = setting
        self._share = share
        for tried in setting.book.tried:
            setting.costs.learn(
                parts_of(setting.configured(tried.shape, tried.params)),
                share=tried.figures.share,
                fit_seconds=tried.figures.fit_seconds,
                seconds=tried.figures.seconds,
            )
        self._set_reserve()

    def attempt(self, shape: Shape, params: Params | None, *, origin: str) -> bool:
        """Run a trial.

        Args:
            shape: The families.
            params: The settings; None lets Optuna choose.
            origin: Why.

        Returns:
            Whether there was one: it was new, and there was time.
        """
        setting, book = self._setting, self._setting.book
        if params is not None:
            if book.find(shape, params) is not None:
                return False
            if not self._is_affordable(setting.configured(shape, params)):
                return False
        ticket = book.ask(shape, whole_space(shape, setting.facts), params)
        try:
            config = setting.configured(shape, ticket.params)
            if params is None and not self._is_affordable(config):
                ticket.fail()
                return False
            tried = self._run(ticket, config, origin=origin)
        except BaseException:
            ticket.fail()
            raise
        book.take(tried)
        self._set_reserve()
        setting.listener(tried)
        return True

    def fit_seconds(self, family: str) -> float:
        """Predict a fit of the best of a family, alone."""
        best = self._setting.book.best((family,))
        if best is None:
            return 0.0
        config = self._setting.configured(best.shape, best.params)
        return self._setting.costs.predict(parts_of(config), share=self._share)

    def _run(self, ticket: Ticket, config: TrainConfig, *, origin: str) -> Tried:
        setting, seconds, cpu_seconds = self._setting, 0.0, 0.0
        pruned = False
        for share in self._rungs(config):
            outcome = setting.judge.measure(config, share=share)
            seconds += outcome.seconds
            cpu_seconds += outcome.cpu_seconds
            setting.costs.learn(
                parts_of(config),
                share=share,
                fit_seconds=outcome.fit_seconds,
                seconds=outcome.seconds,
            )
            pruned = share < self._share and ticket.is_hopeless(outcome.mean, step=0)
            if pruned:
                break
        interval = bootstrap(
            {"value": outcome.values},
            count=_RESAMPLES,
            rng=np.random.default_rng(setting.seed),
        )["value"]
        return ticket.end(
            outcome.mean,
            Figures(
                name=setting.book.next_name(ticket.shape),
                origin=origin,
                elapsed=setting.budget.elapsed,
                seconds=seconds,
                cpu_seconds=cpu_seconds,
                fit_seconds=outcome.fit_seconds,
                user_microseconds=outcome.user_microseconds,
                model_bytes=outcome.model_bytes,
                share=share,
                low=interval.low,
                high=interval.high,
            ),
            pruned=pruned,
        )

    def _rungs(self, config: TrainConfig) -> list[float]:
        """Return the shares of users to fit on, one after the other."""
        whole = self._predicted(config, self._share)
        first = self._share * _FIRST_SHARE
        if whole < _COSTLY * self._setting.budget.seconds:
            return [self._share]
        if self._predicted(config, first) > _CHEAPER * whole:
            return [self._share]
        return [first, self._share]

    def _is_affordable(self, config: TrainConfig) -> bool:
        budget = self._setting.budget
        if not self._setting.book.tried:
            return True  # An answer late is better than none.
        cost = self._predicted(config, self._share)
        return cost <= min(budget.left * _LEFT_SHARE_MAX, budget.seconds * _BUDGET_SHARE_MAX)

    def _predicted(self, config: TrainConfig, share: float) -> float:
        setting = self._setting
        return setting.costs.predict(setting.judge.unfitted(config, share=share), share=share)

    def _set_reserve(self) -> None:
        best = self._setting.book.best()
        if best is not None:
            config = self._setting.configured(best.shape, best.params)
            self._setting.budget.reserve = self._setting.reserve(config)


def parts_of(config: TrainConfig) -> tuple[PartConfig, ...]:
    """Return the parts of a candidate."""
    assert isinstance(config.model, BlendConfig), "every candidate is a blend"
    return config.model.parts
