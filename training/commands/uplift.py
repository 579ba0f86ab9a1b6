"""`recsys uplift`: whom an offer or a mail changes, from a randomised experiment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.commands.names import parse_names

if TYPE_CHECKING:
    from training.uplift import Experiment, Targeting
    from training.uplift.policy import Foretold

MARKER = "uplift.json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("uplift", rich_help_panel="Campaigns")(uplift_command)


def uplift_command(
    files: Annotated[list[Path], typer.Argument(help="Parquet, CSV or JSON lines: a line each.")],
    *,
    treatment: Annotated[str, typer.Option(help="Column of what each person got, by lot.")],
    control: Annotated[str, typer.Option(help="Its value for those who got nothing.")],
    outcome: Annotated[str, typer.Option(help="Column of what came of it.")],
    features: Annotated[str, typer.Option(help="Columns of what was known before, with commas.")],
    out: Annotated[Path, typer.Option(help="Folder to create or replace.")],
    cost: Annotated[
        float, typer.Option(min=0, help="Of sending to one person, in units of the outcome.")
    ] = 0.0,
    names: Annotated[
        list[str] | None,
        typer.Option("--map", help="old=new: name of a column in the files and ours."),
    ] = None,
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow: sqlite:///path or http://host:port.")
    ] = "sqlite:///var/mlflow.db",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
) -> None:
    """Learn what a mail or an offer changes for whom, and what sending by that is worth.

    Who would buy anyway needs no discount. From people who got something or nothing by lot, this
    learns what it changed for whom, and says how much more sending to the same number of people
    brings than sending by lot, with intervals, on people that nothing was learned from. Writes
    uplift.parquet (for `recsys allocate`), qini.png and uplift.json, and logs them in MLflow.

    Examples:
      recsys uplift test.csv --treatment mail --control none --outcome visit \
        --features recency,spent,channel --out var/uplift
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    import numpy as np  # noqa: PLC0415 - as said above
    from rich.console import Console  # noqa: PLC0415 - as said above

    from training.commands.bars import step_bar  # noqa: PLC0415 - as said above
    from training.scratch import check_replaceable, finished_folder  # noqa: PLC0415 - as above
    from training.uplift import judge, out_of_fold, read_experiment  # noqa: PLC0415 - as above
    from training.uplift.policy import curve  # noqa: PLC0415 - as said above
    from training.uplift.show import people, qini, show  # noqa: PLC0415 - as said above
    from training.uplift.track import log_run  # noqa: PLC0415 - as said above

    check_replaceable(out, marker=MARKER)
    experiment = read_experiment(
        files,
        treatment=treatment,
        control=control,
        outcome=outcome,
        features=[name.strip() for name in features.split(",") if name.strip()],
        names=parse_names(names or []),
    )
    rng = np.random.default_rng(seed)
    with step_bar(Console(stderr=True)) as progress:
        foretold = out_of_fold(experiment, rng=rng, show=progress)
    found = judge(experiment, foretold, cost=cost, rng=rng)
    figure = qini(curve(experiment, foretold), outcome=outcome)
    with finished_folder(out, marker=MARKER) as folder:
        people(experiment, foretold).write_parquet(folder / "uplift.parquet")
        figure.savefig(folder / "qini.png")
        (folder / MARKER).write_bytes(_report(experiment, foretold, found))
    settings = {"treatment": treatment, "outcome": outcome, "cost": cost, "seed": seed}
    log_run(out, experiment, found, settings=settings, tracking_uri=tracking_uri)
    show(Console(highlight=False), found, foretold, outcome)


def _report(experiment: "Experiment", foretold: "Foretold", found: "list[Targeting]") -> bytes:
    import msgspec  # noqa: PLC0415 - with the others

    report = {
        "people": len(experiment.arms),
        "arms": dict(zip(experiment.arm_names, experiment.shares.tolist(), strict=True)),
        "features": experiment.feature_names,
        "learners": foretold.learners,
        "sent": found,
    }
    return msgspec.json.format(msgspec.json.encode(report)) + b"\n"
