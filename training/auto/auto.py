"""One search from lines to a configuration with its card, tracked in MLflow and resumable."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.errors import InvalidData
from training.auto.book import Book, Tried
from training.auto.candidate import make_config
from training.auto.card import Conditions, card_text
from training.auto.costs import Budget, Costs, TrialBudget
from training.auto.hold_out import Validation, hold_out
from training.auto.judge import Clock, ValidationJudge
from training.auto.learned import learned_weights
from training.auto.plan import Plan, Wishes, make_plan
from training.auto.portfolio import Facts
from training.auto.runner import Setting, parts_of
from training.auto.search import Search
from training.auto.source import Source
from training.auto.verdict import FINALISTS_MAX, Verdict, judged
from training.auto.work import State, Work
from training.config import SplitConfig, TrackingConfig, TrainConfig
from training.config_text import brief_text
from training.interactions import Events
from training.models.threads import one_blas_thread
from training.published import TrainingLines
from training.tracking import lineage
from training.tracking.run import TrackedRun, tracked_run

if TYPE_CHECKING:
    from training.tracking.session import Session

ASKED_MIN = 20
"""Users asked, below which nothing can be chosen."""
_SPLIT = SplitConfig()
_PENDING_MAX = 8
_CLOSING_SECONDS, _CLOSING_SHARE = 3.0, 0.05
"""Plots, the card, and the rest of what MLflow is told."""
_CHECKS = FINALISTS_MAX + 2
"""Questions to those who check, at most."""
_TRAIN_FITS = 3.0
"""What `recsys train` costs in fits on everything: measured, purchases alone, published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who is told how it goes.

    Attributes:
        planned: Told what was inferred, before anything is tried.
        tried: Told of each trial, the best so far, and the share of the time that is over.
    """

    planned: Callable[[Plan], None] = lambda _plan: None
    tried: Callable[[Tried, Tried, float], None] = lambda _tried, _best, _share: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to search with.

    Attributes:
        lines: The training lines, with no line that will be tested on.
        all_lines: The lines that will be fitted on in the end, if there are more.
        trials: Candidates to try, over all calls; None for as many as the seconds allow.
        source: Where they come from.
        wishes: What is known of the use.
        tracking: Where MLflow is.
        work: The folder of the search.
        budget_seconds: Of the search over all calls, with the final fits, positive.
        trained: Whether `recsys train` follows, whose time is kept back.
        history_event_count_max: Newest lines of a history that are used.
        licence: Of the data; empty if nobody said.
        command: What to type for the same search.
        seed: Source of all chance.
    """

    lines: TrainingLines
    all_lines: Events | None = None
    source: Source
    wishes: Wishes
    tracking: TrackingConfig
    work: Path
    budget_seconds: float
    trials: int | None = None
    trained: bool = False
    history_event_count_max: int
    licence: str = ""
    command: str
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search came to.

    Attributes:
        config: The configuration.
        plan: What was held out and counted.
        verdict: The choice and its check.
        tried: Every trial, in the order they ended.
        run_id: The MLflow run.
        model_file: The configuration as TOML.
        card_file: The model card.
        conditions: What the card says of how it was made.
    """

    config: TrainConfig
    plan: Plan
    verdict: Verdict
    tried: tuple[Tried, ...]
    run_id: str
    model_file: Path
    card_file: Path
    conditions: Conditions


def search_model(
    task: Task, *, watcher: Watcher | None = None, clock: Clock = time.monotonic
) -> Found:
    """Search, or go on with a search that was begun in the folder.

    Args:
        task: What to search with.
        watcher: Who is told how it goes.
        clock: Where seconds come from.

    Raises:
        InvalidData: There is too little to choose by, or to learn from.
        InvalidConfig: The folder holds a search for something else.
        StorageUnavailable: MLflow does not answer.
    """
    started, watch = clock(), watcher or Watcher()
    plan = make_plan(task.lines.events, task.lines.order, task.wishes, split=_SPLIT)
    watch.planned(plan)
    work = Work(task.work)
    begun = work.begun(fingerprint=task.source.fingerprint, plan=plan, seed=task.seed)
    validations = _held_out(task, plan)
    name = f"auto {task.source.name}"
    with (
        work.alone(),
        one_blas_thread(),
        tracked_run(
            task.tracking, name=name, resumed=None if begun is None else begun.run_id
        ) as run,
        _open_book(work, seed=task.seed) as book,
    ):
        code = lineage.git_commit(Path(__file__)) | lineage.environment()
        # In the background: MLflow takes its time to open, and the search need not wait.
        run.submit(partial(_begin, task=task, plan=plan, code=code, work=work, begun=begun))
        run.submit(partial(_log_missing, tried=tuple(book.tried), metric=str(plan.metric)))
        budget = _budget(task, book, clock=clock, started=started)
        judge = ValidationJudge(validations, plan, seed=task.seed, clock=clock)
        setting = _setting(task, plan, validations, judge, book, budget, run, watch)
        share, best = _searched(setting, task)
        verdict = judged(setting, judge, best, share=share)
        found = Found(
            config=setting.configured(verdict.chosen.shape, verdict.chosen.params),
            plan=plan,
            verdict=verdict,
            tried=tuple(book.tried),
            run_id=run.run_id,
            model_file=work.model,
            card_file=work.card,
            conditions=Conditions(
                command=task.command,
                licence=task.licence,
                budget_seconds=task.budget_seconds,
                trials=task.trials,
                elapsed_seconds=budget.elapsed,
                share=share,
                seed=task.seed,
                code=code,
                run_id=run.run_id,
            ),
        )
        write_card(found, task.source, found.conditions)
        work.model.write_text(_model_text(found), "utf-8")
        run.submit(partial(_log_end, found=found), step="log_results")
    return found


def _budget(task: Task, book: Book, *, clock: Clock, started: float) -> Budget:
    if task.trials is not None:
        return TrialBudget(
            task.trials, ended=lambda: len(book.tried), clock=clock, spent=book.spent
        )
    return Budget(task.budget_seconds, clock=clock, start=started, spent=book.spent)


def _held_out(task: Task, plan: Plan) -> list[Validation]:
    validations = hold_out(
        task.lines.events,
        plan,
        split=_SPLIT,
        history_event_count_max=task.history_event_count_max,
        rng=np.random.default_rng(task.seed),
    )
    newest = validations[0]
    asked = len(newest.tune) + len(newest.check)
    if min(len(newest.tune), len(newest.check)) < ASKED_MIN or not len(newest.fit):
        raise InvalidData(
            path=task.source.uri,
            problem=f"{asked} users can be asked if items are held out ({plan.hold_out.value}); "
            f"{2 * ASKED_MIN} are needed to choose and to check",
        )
    return validations


def _setting(
    task: Task,
    plan: Plan,
    validations: list[Validation],
    judge: ValidationJudge,
    book: Book,
    budget: Budget,
    run: TrackedRun,
    watch: Watcher,
) -> Setting:
    metric = str(plan.metric)
    facts = replace(
        Facts.of(validations[0].fit, plan),
        cut_count=len(validations),
        learned=learned_weights(validations[-1].fit, seed=task.seed),
    )
    everything = Facts.of(task.lines.events if task.all_lines is None else task.all_lines, plan)
    costs = Costs(facts, learns=task.trials is None)

    def reserve(config: TrainConfig) -> float:
        after = max(_CLOSING_SECONDS, _CLOSING_SHARE * task.budget_seconds)
        after += _CHECKS * costs.predict((), share=1.0)
        if task.trained:
            after += _TRAIN_FITS * costs.predict(parts_of(config), share=1.0, facts=everything)
        return after

    def told(tried: Tried) -> None:
        best, number = book.best() or tried, len(book.tried)
        run.submit(partial(_log_trial, tried=tried, number=number, best=best.value, metric=metric))
        # What MLflow has still to be told is paid for out of the same budget.
        run.settle(pending_max=_PENDING_MAX)
        watch.tried(tried, best, budget.share())

    return Setting(
        judge=judge,
        book=book,
        costs=costs,
        budget=budget,
        facts=facts,
        configured=partial(
            make_config,
            plan=plan,
            facts=facts,
            split=_SPLIT,
            history_event_count_max=task.history_event_count_max,
        ),
        seed=task.seed,
        reserve=reserve,
        listener=told,
    )


def _searched(setting: Setting, task: Task) -> tuple[float, Tried]:
    search = Search(setting)
    best = search.run()
    if best is None:
        raise InvalidData(
            path=task.source.uri,
            problem=f"no candidate can be fitted in {task.budget_seconds:g} s; raise the budget",
        )
    return search.share, best


def _begin(
    session: "Session",
    *,
    task: Task,
    plan: Plan,
    code: dict[str, str],
    work: Work,
    begun: State | None,
) -> None:
    from training.auto import diary  # noqa: PLC0415 - mlflow takes seconds, on this thread

    if begun is not None and begun.run_id == session.run_id:
        return
    diary.log_begin(session, source=task.source, plan=plan, seed=task.seed, code=code)
    work.begin(
        State(
            fingerprint=task.source.fingerprint,
            plan=plan,
            seed=task.seed,
            run_id=session.run_id,
        )
    )


def _log_missing(session: "Session", *, tried: tuple[Tried, ...], metric: str) -> None:
    from training.auto import diary  # noqa: PLC0415 - as said above

    diary.log_missing(session, tried, metric=metric)


def _log_trial(session: "Session", *, tried: Tried, number: int, best: float, metric: str) -> None:
    from training.auto import diary  # noqa: PLC0415 - as said above

    diary.log_trial(session, tried, number=number, best=best, metric=metric)


def _log_end(session: "Session", *, found: Found) -> None:
    from training.auto import diary  # noqa: PLC0415 - as said above

    diary.log_end(
        session,
        verdict=found.verdict,
        tried=found.tried,
        plan=found.plan,
        files=(found.model_file, found.card_file),
    )


def write_card(found: Found, source: Source, conditions: Conditions) -> None:
    """Write the model card."""
    text = card_text(
        config=found.config,
        source=source,
        plan=found.plan,
        verdict=found.verdict,
        tried=found.tried,
        conditions=conditions,
    )
    found.card_file.write_text(text, "utf-8")


def _model_text(found: Found) -> str:
    """Return the configuration with what it is, as comments."""
    plan, verdict = found.plan, found.verdict
    lines = [
        f"Found by `recsys auto` ({len(found.tried)} candidates, seed {found.conditions.seed}).",
        f"Held out of the training data: {plan.hold_out.value}.",
        f"{plan.metric} of users who did not choose: {verdict.checked};",
        f"the popular list {verdict.popular}.",
    ]
    return "".join(f"# {line}\n" for line in lines) + brief_text(found.config)


@contextlib.contextmanager
def _open_book(work: Work, *, seed: int) -> Iterator[Book]:
    book = Book(work.book, seed=seed)
    try:
        yield book
    finally:
        book.close()
