"""`recsys offers learn`: who redeems which offer, from what people saw, redeemed and bought."""

from pathlib import Path
from typing import Annotated

import typer

from training.commands.consent import LearnsFrom

MARKER = "propensity.json"
PLOT = "propensity.png"
GROUP = "offers"


def register(app: typer.Typer) -> None:
    """Add the command to the group `offers`, if that is there."""
    for one in app.registered_groups:
        if one.name == GROUP and one.typer_instance is not None:
            one.typer_instance.command("learn")(learn_command)


def learn_command(
    *,
    store: Annotated[
        str,
        typer.Option(
            envvar="RECSYS_TRAIN_STORE",
            help="The SQLite file or postgresql:// address that the server writes to.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to create or replace.")],
    bundle: Annotated[
        str,
        typer.Option(
            help="The model whose best items count: `latest`, a version of the bundle store, or a folder."
        ),
    ] = "latest",
    bundle_store: Annotated[Path, typer.Option(help="Where bundles are published.")] = Path(
        "var/bundles"
    ),
    horizon_days: Annotated[
        float, typer.Option(help="A view counts as redeemed within so many days.")
    ] = 28.0,
    consent: Annotated[
        LearnsFrom,
        typer.Option(
            help="Whom to learn from: with opt-out all who have not refused, with opt-in only those"
            " who have agreed."
        ),
    ] = LearnsFrom.OPT_OUT,
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow: sqlite:///path or http://host:port.")
    ] = "sqlite:///var/mlflow.db",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
) -> None:
    r"""Learn how likely people use offers, for the server to rank by.

    From offer-view and offer-redeem events, uses in the ledger, and what people did before:
    each first view of an offer by a person, and whether she redeemed it within the horizon.
    Measured on later views beside affinity, popularity and chance. Writes propensity.json for
    \[offers] propensity of the server's configuration, and logs it in MLflow. With fewer than
    50 redemptions nothing is learned, and offers are judged by affinity.

    [b]Examples[/]

      recsys offers learn --store var/shop/history.sqlite --out var/propensity
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    import msgspec  # noqa: PLC0415 - as said above
    from rich.console import Console  # noqa: PLC0415 - as said above

    from recsys.bundle import BundleStore  # noqa: PLC0415 - as said above
    from recsys.recommend import ServingModel  # noqa: PLC0415 - as said above
    from recsys.storage.log_snapshot import open_snapshot  # noqa: PLC0415 - as said above
    from training.commands.bars import step_bar  # noqa: PLC0415 - as said above
    from training.propensity.learn import learn  # noqa: PLC0415 - as said above
    from training.propensity.show import figure, show  # noqa: PLC0415 - as said above
    from training.propensity.table import LearnSettings  # noqa: PLC0415 - as said above
    from training.propensity.track import log_run  # noqa: PLC0415 - as said above
    from training.scratch import check_replaceable, finished_folder  # noqa: PLC0415 - as above
    from training.warm import find_bundle  # noqa: PLC0415 - as said above

    check_replaceable(out, marker=MARKER)
    model = ServingModel.from_bundle(
        find_bundle(bundle, BundleStore(bundle_store), option="--bundle")
    )
    settings = LearnSettings(
        horizon_days=horizon_days, learns_by_default=consent is LearnsFrom.OPT_OUT, seed=seed
    )
    console = Console(stderr=True, highlight=False)
    with step_bar(console) as progress, open_snapshot(store) as log:
        learning = learn(log, model, settings, show=progress)
    with finished_folder(out, marker=MARKER) as folder:
        text = msgspec.json.format(msgspec.json.encode(learning.file))
        (folder / MARKER).write_bytes(text + b"\n")
        figure(learning.measured).savefig(folder / PLOT)
    log_run(out, learning, seed=seed, tracking_uri=tracking_uri)
    show(Console(highlight=False), learning)
