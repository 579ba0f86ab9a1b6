"""The search keeps its budget, goes on where it was, and finds what is planted."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.domain import Channel
from training.auto.book import Book, Tried
from training.auto.candidate import (
    Shape,
    first_try,
    joined,
    make_config,
    outfits,
    whole_space,
)
from training.auto.costs import Budget, Costs, TrialBudget
from training.auto.judge import Outcome
from training.auto.plan import HoldOut, Metric, Plan
from training.auto.portfolio import BY_NAME, FAMILIES, Facts, LearnedWeights
from training.auto.runner import Setting, parts_of
from training.auto.search import Search
from training.auto.space import Params, near
from training.auto.verdict import FINALISTS_MAX, judged
from training.config import SplitConfig, TrainConfig
from training.models.blend import BlendConfig, PartConfig
from training.models.ordered import OrderedConfig

FACTS = Facts(
    user_count=2_000, item_count=1_000, line_count=60_000, pair_work=2e6,
    ordered=True, timed=True, repeats=False, mixed=True, attributed=True, lined_up=True,
    store_count=3, span_days=200.0,
    learned=LearnedWeights(browse=1.7, cart=1.6, channels={Channel.WEB: 0.5}),
)  # fmt: skip
PLAN = Plan(
    hold_out=HoldOut.LAST, protocol="new", excluded_types=None, target_types=(6,),
    metric=Metric(), ordered=True, timed=True, reasons=(),
)  # fmt: skip


def configured(shape: Shape, params: Params) -> TrainConfig:
    """Make a configuration as the search does."""
    return make_config(
        shape, params, plan=PLAN, facts=FACTS, split=SplitConfig(), history_event_count_max=100
    )


class PlantedJudge:
    """Knows what every candidate is worth and how long it takes, and has a clock of its own."""

    def __init__(self, *, slowness: float, rest: float, noise: float = 0.0, seed: int = 0) -> None:
        self.now = 0.0
        self.asked: list[TrainConfig] = []
        self._slowness = slowness
        self._rest = rest
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._fitted: set[bytes] = set()

    def clock(self) -> float:
        """Say what time it is."""
        return self.now

    def unfitted(self, config: TrainConfig, *, share: float) -> list[PartConfig]:
        """Remember what was fitted."""
        return [part for part in parts_of(config) if _key(part, share) not in self._fitted]

    def measure(self, config: TrainConfig, *, share: float) -> Outcome:
        """Let time pass, and say how good the candidate is."""
        fits = {}
        for part in self.unfitted(config, share=share):
            name = str(part.__struct_config__.tag)
            table = BY_NAME[name].seconds(FACTS.of_share(share), part)
            fits[name] = table * self._slowness * float(np.exp(self._noise * self._rng.normal()))
            self._fitted.add(_key(part, share))
        seconds = sum(fits.values()) + self._rest
        self.now += seconds
        self.asked.append(config)
        value = worth(config)
        return Outcome(
            values=np.full(50, value),
            seconds=seconds,
            cpu_seconds=seconds,
            fit_seconds=fits,
            user_microseconds=100.0,
            model_bytes=1 << 20,
        )


class Doubter(PlantedJudge):
    """Half of the people, who check, like everything as they should but the luckiest."""

    user_counts = (50, 50)

    def __init__(self, lucky: TrainConfig) -> None:
        super().__init__(slowness=0.1, rest=0.1)
        self._lucky = lucky

    def check(self, config: TrainConfig, *, share: float) -> Outcome:
        """Say what those who check got."""
        outcome = self.measure(config, share=share)
        share_found = 0.0 if config == self._lucky else 1.0
        return replace(outcome, values=outcome.values * share_found)

    def popular(self, config: TrainConfig, *, share: float) -> NDArray[np.float64]:
        """Nobody wants what is popular."""
        del config, share
        return np.zeros(50)


def _key(part: PartConfig, share: float) -> bytes:
    return msgspec.json.encode((part, share))


def worth(config: TrainConfig) -> float:
    """Plant: short gaps and quick forgetting are good, and some factors help them."""
    model = config.model
    value = 0.05
    for part in parts_of(config):
        if isinstance(part, OrderedConfig):
            value += 0.3 - 0.05 * abs(np.log(part.gap / 4.0)) - 0.2 * abs(part.back - 0.4)
    value -= 0.2 * abs(getattr(model, "step_decay", 0.5) - 0.5)
    if len(parts_of(config)) > 1:
        value += 0.05
    return float(max(value, 0.01))


def search(
    folder: Path, judge: PlantedJudge, *, seconds: float, seed: int = 0, reserve: float = 0.0
) -> tuple[list[Tried], Tried | None, Budget]:
    """Search with a planted judge; returns every trial, the best, and the budget."""
    book = Book(folder / "trials.db", seed=seed)
    try:
        budget = Budget(seconds, clock=judge.clock, spent=book.spent)
        setting = Setting(
            judge=judge, book=book, costs=Costs(FACTS), budget=budget, facts=FACTS,
            configured=configured, seed=seed, reserve=lambda _config: reserve,
            listener=lambda _tried: None,
        )  # fmt: skip
        best = Search(setting).run()
        return list(book.tried), best, budget
    finally:
        book.close()


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(slowness=st.floats(0.1, 4.0), seconds=st.floats(3.0, 40.0), seed=st.integers(0, 99))
def test_the_budget_is_kept(
    tmp_path_factory: pytest.TempPathFactory, slowness: float, seconds: float, seed: int
) -> None:
    """On machines of any speed, with fits that take longer or shorter than the last ones."""
    judge = PlantedJudge(slowness=slowness, rest=seconds / 30, noise=0.25, seed=seed)
    reserve = 0.1 * seconds
    search(tmp_path_factory.mktemp("budget"), judge, seconds=seconds, seed=seed, reserve=reserve)
    assert judge.now + reserve <= 1.1 * seconds


def test_the_planted_truth_is_found(tmp_path: Path) -> None:
    """The gap, the decay, and that another part helps."""
    tried, best, _ = search(tmp_path, PlantedJudge(slowness=0.3, rest=0.5), seconds=40.0)
    assert best is not None
    assert best.shape[0] == "ordered"
    assert len(best.shape) > 1
    assert 2 <= int(best.params["ordered.gap"] or 0) <= 8
    assert best.value > max(one.value for one in tried if len(one.shape) == 1)


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    """Trials of the first call stay, are not run again, and their seconds are spent."""
    first = PlantedJudge(slowness=0.5, rest=0.4)
    before, _, _ = search(tmp_path, first, seconds=5.0)
    again = PlantedJudge(slowness=0.5, rest=0.4)
    tried, best, budget = search(tmp_path, again, seconds=10.0)
    assert tried[: len(before)] == before
    assert len(tried) > len(before)
    assert best is not None
    assert best.value >= max(one.value for one in before)
    seen = [(one.shape, msgspec.json.encode(one.params)) for one in tried]
    assert len(set(seen)) == len(seen)
    assert budget.elapsed <= 11.0
    assert again.now <= 11.0 - before[-1].figures.elapsed


def test_a_search_whose_time_is_over_tries_nothing(tmp_path: Path) -> None:
    """A second call with the same budget only gives the answer again."""
    tried, best, _ = search(tmp_path, PlantedJudge(slowness=0.5, rest=0.4), seconds=5.0)
    idle = PlantedJudge(slowness=0.5, rest=0.4)
    again, same, _ = search(tmp_path, idle, seconds=tried[-1].figures.elapsed)
    assert not idle.asked
    assert (again, same) == (tried, best)


def test_as_many_trials_as_asked_for_find_the_same_on_any_machine(tmp_path: Path) -> None:
    """Counted in trials, a search of fits that take ten times as long takes the same steps."""
    found = []
    for name, slowness in (("quick", 0.1), ("slow", 1.0)):
        judge = PlantedJudge(slowness=slowness, rest=0.3)
        book = Book(tmp_path / f"{name}.db", seed=0)
        budget = TrialBudget(40, ended=lambda book=book: len(book.tried), clock=judge.clock)
        setting = Setting(
            judge=judge, book=book, costs=Costs(FACTS, learns=False), budget=budget, facts=FACTS,
            configured=configured, seed=0, reserve=lambda _config: 0.0,
            listener=lambda _tried: None,
        )  # fmt: skip
        Search(setting).run()
        found.append([(one.shape, one.params, one.value) for one in book.tried])
        book.close()
    assert len(found[0]) == 40
    assert found[0] == found[1]


def test_everybody_chooses_among_the_finalists(tmp_path: Path) -> None:
    """The luckiest is not taken if those who check find nothing in it."""
    judge = PlantedJudge(slowness=0.1, rest=0.1)
    book = Book(tmp_path / "trials.db", seed=0)
    budget = TrialBudget(30, ended=lambda: len(book.tried), clock=judge.clock)
    setting = Setting(
        judge=judge, book=book, costs=Costs(FACTS, learns=False), budget=budget, facts=FACTS,
        configured=configured, seed=0, reserve=lambda _config: 0.0, listener=lambda _tried: None,
    )  # fmt: skip
    best = Search(setting).run()
    assert best is not None
    doubter = Doubter(configured(best.shape, best.params))
    verdict = judged(setting, doubter, best, share=1.0)
    book.close()
    assert verdict.overruled == best
    assert verdict.chosen != best
    assert verdict.checked.mean > 0
    assert verdict.finalist_count == FINALISTS_MAX


def test_what_was_under_way_when_killed_counts_for_nothing(tmp_path: Path) -> None:
    """The next search finds an orderly book."""
    book = Book(tmp_path / "trials.db", seed=0)
    shape = ("ordered",)
    book.ask(shape, whole_space(shape, FACTS), first_try("ordered", 0, FACTS))
    book.close()
    after = Book(tmp_path / "trials.db", seed=0)
    after.close()
    assert after.tried == []


@given(seed=st.integers(0, 1_000))
def test_near_settings_are_legal_settings(seed: int) -> None:
    """Whatever steps are taken, every family makes a configuration that is accepted."""
    rng = np.random.default_rng(seed)
    for family in FAMILIES:
        shape = (family.name,)
        space = whole_space(shape, FACTS)
        params = first_try(family.name, 0, FACTS)
        for _ in range(4):
            params = near(params, space, among=list(space), rng=rng)
        config = configured(shape, params)
        assert parts_of(config)[0].__struct_config__.tag == family.name


@pytest.mark.parametrize("repeats", [False, True])
def test_a_blend_has_a_value_for_everything_that_varies(*, repeats: bool) -> None:
    """Whichever family comes first, and whatever is added to it."""
    facts = replace(FACTS, repeats=repeats)
    for first in FAMILIES:
        for second in FAMILIES:
            if first is second:
                continue
            params = joined(
                (first.name,),
                first_try(first.name, 0, facts),
                second.name,
                first_try(second.name, 0, facts),
                0.5,
            )
            shape = (first.name, second.name)
            assert params.keys() == whole_space(shape, facts).keys()
            for dress in outfits(shape, facts):
                made = make_config(
                    shape, params | dress, plan=PLAN, facts=facts, split=SplitConfig(),
                    history_event_count_max=100,
                )  # fmt: skip
                assert len(parts_of(made)) == 2


def test_the_newest_step_takes_back_a_share_of_the_self_weight() -> None:
    """And what is on the rise is told apart from what is old by the span of the lines."""
    facts = replace(FACTS, repeats=True)
    params = first_try("ordered", 0, facts)
    params |= {"self_weight": 4.0, "newest_share": -0.5, "trend_weight": 0.2}
    made = make_config(
        ("ordered",), params, plan=PLAN, facts=facts, split=SplitConfig(),
        history_event_count_max=100,
    ).model  # fmt: skip
    assert isinstance(made, BlendConfig)
    assert made.newest_boost == -2.0
    assert made.trend_half_life_days == pytest.approx(0.05 * FACTS.span_days)
