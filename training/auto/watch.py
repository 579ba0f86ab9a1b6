"""A search as people see it: what was inferred, a bar with the best so far, and the outcome."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from training.auto.auto import Found, Watcher
from training.auto.book import Tried
from training.auto.plan import Plan


@contextlib.contextmanager
def watching(budget_seconds: float, *, trials: int | None = None) -> Iterator[Watcher]:
    """Show a search on stderr; without a terminal only what was inferred.

    Args:
        budget_seconds: What may be spent.
        trials: Candidates that may be tried, if they are counted in the place of seconds.
    """
    console = Console(stderr=True, highlight=False)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[left]}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("reading ...", total=1.0, left="")
    count = 0
    metric = ""

    def planned(plan: Plan) -> None:
        nonlocal metric
        metric = str(plan.metric)
        for reason in plan.reasons:
            console.print(f"[dim]{reason[:1].upper()}{reason[1:]}.[/]")
        console.print(
            f"[dim]Held out: {plan.hold_out.value}; to be raised: {metric}. "
            "Say otherwise with --hold-out, --exclude-train, --metric.[/]"
        )

    def tried(last: Tried, best: Tried, share: float) -> None:
        nonlocal count
        count += 1
        left = max(0.0, 1.0 - share) * (trials or budget_seconds)
        bar.update(
            task,
            completed=min(share, 1.0),
            description=f"{count} tried, {last.name} {last.value:.4f}; "
            f"best {metric} {best.value:.4f} ({best.name})",
            left=f"{left:.0f} {'to try' if trials else 's left'}",
        )

    with bar:
        yield Watcher(planned=planned, tried=tried)


def show_found(console: Console, found: Found) -> None:
    """Print the choice, how it did with those who did not choose, and where everything is."""
    verdict, plan = found.verdict, found.plan
    figures = verdict.chosen.figures
    console.print(
        f"{len(found.tried)} candidates in {found.conditions.elapsed_seconds:.0f} s; chosen: "
        f"{' + '.join(verdict.chosen.shape)}, {figures.model_bytes / 2**20:.1f} MiB"
    )
    for label, figure in (
        ("those who chose", verdict.tuned),
        ("those who checked", verdict.checked),
        ("the popular list there", verdict.popular),
        ("gain over it, paired", verdict.gain_over_popular),
    ):
        console.print(f"{plan.metric} {label:24} {figure}")
    if verdict.overruled is not None:
        console.print(
            f"[dim]{verdict.overruled.name} was better for those who chose, and worse for "
            f"everybody together, of {verdict.finalist_count} finalists[/]"
        )
    console.print(f"model   {found.model_file}\ncard    {found.card_file}\nrun     {found.run_id}")
