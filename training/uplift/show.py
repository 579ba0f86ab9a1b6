"""What an experiment taught, as a table, a figure and files."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from training.resample import Interval
from training.tracking.plots import styled
from training.uplift.experiment import F64, Experiment
from training.uplift.policy import Foretold, Targeting

_BLUE, _GREY = "#2563a6", "#8a8f98"


def show(console: Console, found: Sequence[Targeting], foretold: Foretold, outcome: str) -> None:
    """Print the table."""
    table = Table("sent to", f"{outcome} by uplift", "as many by lot", "difference", box=None)
    for one in found:
        table.add_row(
            f"{one.share:.0%}", _text(one.targeted), _text(one.random), _text(one.gain, sign="+")
        )
    console.print(table)
    learners = ", ".join(sorted(set(foretold.learners)))
    console.print(f"per person of all, over sending nothing; 95 % intervals; learners: {learners}")


def _text(interval: Interval, *, sign: str = "") -> str:
    low, high = f"{interval.low:{sign}.4f}", f"{interval.high:{sign}.4f}"
    return f"{interval.mean:{sign}.4f} [{low}, {high}]"


def qini(points: F64, *, outcome: str) -> Figure:
    """Draw the Qini curve beside sending by lot."""
    with styled():
        figure = Figure(figsize=(7, 4.4))
        figure.subplots_adjust(left=0.13, right=0.97, bottom=0.13, top=0.91)
        axes = figure.add_subplot()
        axes.plot(points[:, 0], points[:, 1], color=_BLUE, label="by learned uplift")
        axes.plot(points[:, 0], points[:, 2], color=_GREY, linestyle="--", label="as many by lot")
        axes.set_xlabel("part of all people who are sent something")
        axes.set_ylabel(f"{outcome} per person, over nothing")
        axes.set_title("Qini curve")
        axes.legend()
    return figure


def people(experiment: Experiment, foretold: Foretold) -> pl.DataFrame:
    """Return a line for each person: her best arm and what each is expected to change."""
    best = foretold.uplift.argmax(axis=1)
    columns = {
        f"uplift {name}": foretold.uplift[:, arm]
        for arm, name in enumerate(experiment.arm_names[1:])
    }
    return pl.DataFrame(
        {
            "user_id": list(experiment.user_ids),
            "best": [experiment.arm_names[1 + arm] for arm in best.tolist()],
            "uplift": foretold.uplift[np.arange(len(best)), best],
            **columns,
        }
    )
