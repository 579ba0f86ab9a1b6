"""What to try next: good starts, steps from the best of them, blends of the best, steps from there.

Single families first, in the order of their starts, then dressed in other ways, then
small steps from the best settings of each, then larger ones of what grows. The best is
blended with what helps it most, twice at most, and the rest of the time goes into
steps from the best of all.
"""

from collections.abc import Collection

import numpy as np

from training.auto.book import Tried
from training.auto.candidate import (
    Shape,
    dressing,
    first_try,
    grown,
    joined,
    outfits,
    settled,
    weighing,
    whole_space,
)
from training.auto.portfolio import FAMILIES
from training.auto.runner import Setting, TrialRunner, parts_of
from training.auto.space import Params, near

PORTFOLIO_UNTIL, FAMILIES_UNTIL, GROWTH_UNTIL, BLENDS_UNTIL = 0.3, 0.5, 0.65, 0.85
"""Shares of the time until which starts, single families, larger ones and blends are tried."""

_SHARES = (1.0, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01)
_TRIALS_WANTED = 30
_PART_COUNT_MAX = 3
_BLEND_WEIGHTS = (0.15, 0.25, 0.5, 1.0, 2.0, 4.0)
_WEIGHT_FIRST = 2
_GROWTH_MIN = 1.003
_DRESSING_SHARE, _WEIGHING_SHARE, _SAMPLED_SHARE = 0.5, 0.2, 0.1
_SECOND_BEST_SHARE = 0.2
_HOPELESS = 0.5
_MISSES_MAX = 60


class Search:
    """One search."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._book = setting.book
        # A search that goes on must not take again the steps it took before.
        self._rng = np.random.default_rng([setting.seed, len(setting.book.tried)])
        self._families = [family for family in FAMILIES if family.fits(setting.facts)]
        self.share = self._affordable_share()
        """Share of the users that candidates are compared on."""
        self._runner = TrialRunner(setting, share=self.share)

    def run(self) -> Tried | None:
        """Search until the time is over; return the best, None if there was time for nothing."""
        self._try_starts()
        self._step_families()
        for family in self._families:
            self._grow((family.name,), until=GROWTH_UNTIL)
        self._blend()
        best = self._book.best()
        if best is not None:
            self._grow(best.shape, until=1.0)
        self._refine()
        return self._book.best()

    def _affordable_share(self) -> float:
        """Choose how many users to compare on, so that there is time for enough trials."""
        shares = [one.figures.share for one in self._book.tried if not one.pruned]
        if shares:
            return max(shares)
        setting = self._setting
        starts = [
            parts_of(setting.configured((family.name,), first_try(family.name, 0, setting.facts)))
            for family in self._families
        ]
        for share in _SHARES:
            costs = [setting.costs.predict(parts, share=share) for parts in starts]
            if float(np.median(costs)) * _TRIALS_WANTED <= setting.budget.seconds:
                return share
        return _SHARES[-1]

    def _try_starts(self) -> None:
        facts = self._setting.facts
        for number in range(max(len(family.starts) for family in self._families)):
            for family in self._families:
                if number >= len(family.starts):
                    continue
                if self._book.tried and self._is_over(PORTFOLIO_UNTIL):
                    return
                shape = (family.name,)
                params, best = first_try(family.name, number, facts), self._book.best(shape)
                if best is not None and number:
                    params |= {name: best.params[name] for name in dressing(shape, facts)}
                self._runner.attempt(shape, params, origin="start")
            if number == 0:
                self._try_outfits()

    def _try_outfits(self) -> None:
        """Dress the best start in other ways."""
        best = self._book.best()
        if best is None:
            return
        for outfit in outfits(best.shape, self._setting.facts):
            if self._is_over(PORTFOLIO_UNTIL):
                return
            self._runner.attempt(best.shape, best.params | outfit, origin="start")

    def _step_families(self) -> None:
        misses = 0
        while not self._is_over(FAMILIES_UNTIL) and misses < _MISSES_MAX:
            shape = self._drawn_family()
            if shape is None:
                return
            misses = 0 if self._step(shape) else misses + 1

    def _drawn_family(self) -> Shape | None:
        """Draw a family: the better and the cheaper, the more often."""
        tried = [self._book.best((family.name,)) for family in self._families]
        found = [one for one in tried if one is not None]
        top = max((one.value for one in found), default=0.0)
        able = [one for one in found if one.value > 0 and one.value >= _HOPELESS * top]
        if not able:
            return None
        odds = np.array(
            [
                (one.value / top) ** 4 / (self._runner.fit_seconds(one.shape[0]) + 1.0) ** 0.5
                for one in able
            ]
        )
        return able[int(self._rng.choice(len(able), p=odds / odds.sum()))].shape

    def _grow(self, shape: Shape, *, until: float) -> None:
        """Make the best of a shape larger while that helps."""
        best = self._book.best(shape)
        while best is not None and not self._is_over(until):
            params = grown(shape, best.params)
            if params is None or not self._runner.attempt(shape, params, origin="grown"):
                return
            found = self._book.best(shape)
            assert found is not None, "there was a best before"
            if found.value < _GROWTH_MIN * best.value:
                return
            best = found

    def _blend(self) -> None:
        """Add the family that helps most to the best, and again."""
        best = self._book.best()
        while best is not None and len(best.shape) < _PART_COUNT_MAX:
            for family in self._families:
                other = self._book.best((family.name,))
                if family.name not in best.shape and other is not None:
                    self._weigh(best, family.name, other)
            found = self._book.best()
            if found is None or len(found.shape) <= len(best.shape):
                return
            best = found

    def _weigh(self, best: Tried, name: str, other: Tried) -> None:
        """Try one more family, with larger or smaller weights as long as that helps."""
        shape = (*best.shape, name)

        def value(place: int) -> float:
            weight = _BLEND_WEIGHTS[place]
            params = joined(best.shape, best.params, name, other.params, weight)
            if not self._is_over(BLENDS_UNTIL):
                self._runner.attempt(shape, params, origin="blend")
            found = self._book.find(shape, params)
            return -1.0 if found is None else found.value

        top, place = value(_WEIGHT_FIRST), _WEIGHT_FIRST
        for step in (1, -1):
            while 0 <= place + step < len(_BLEND_WEIGHTS):
                reached = value(place + step)
                if reached <= top:
                    break
                top, place = reached, place + step
            if place != _WEIGHT_FIRST:
                return

    def _refine(self) -> None:
        misses = 0
        while not self._is_over(1.0) and misses < _MISSES_MAX:
            best = self._book.best()
            if best is None:
                return
            misses = 0 if self._step(best.shape) else misses + 1

    def _step(self, shape: Shape) -> bool:
        """Try something near the best of a shape; False if that was not possible."""
        facts, lot = self._setting.facts, float(self._rng.random())
        if lot < _SAMPLED_SHARE:
            return self._runner.attempt(shape, None, origin="sampled")
        among = self._drawn_settings(shape)
        space = whole_space(shape, facts)
        params = near(self._centre(shape), space, among=among, rng=self._rng)
        return self._runner.attempt(shape, params, origin="near")

    def _drawn_settings(self, shape: Shape) -> Collection[str]:
        """Draw what a step changes: what costs no fit, or one part, the cheaper the more often."""
        facts = self._setting.facts
        if self._rng.random() < _DRESSING_SHARE:
            return dressing(shape, facts)
        weights = weighing(facts)
        if weights and self._rng.random() < _WEIGHING_SHARE:
            return weights
        parts = settled(shape, facts)
        odds = np.array([1.0 / (self._runner.fit_seconds(name) + 0.2) ** 0.5 for name in parts])
        return parts[list(parts)[int(self._rng.choice(len(parts), p=odds / odds.sum()))]]

    def _centre(self, shape: Shape) -> Params:
        ended = sorted(
            (one for one in self._book.tried if one.shape == shape and not one.pruned),
            key=lambda one: -one.value,
        )
        second = len(ended) > 1 and self._rng.random() < _SECOND_BEST_SHARE
        return ended[1 if second else 0].params

    def _is_over(self, until: float) -> bool:
        return self._setting.budget.share() >= until
