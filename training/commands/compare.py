"""`recsys compare`: two models side by side, in numbers and in lists."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare", rich_help_panel="Train")(compare_command)


def compare_command(
    first: Annotated[
        str,
        typer.Argument(
            help="Run id, model version, `champion`, `challenger`, or a file of `evaluate --json`."
        ),
    ],
    second: Annotated[str, typer.Argument(help="The same of the model in question.")],
    *,
    html: Annotated[
        Path | None, typer.Option(help="Where to write the report with people's lists.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Where to write every figure.")] = None,
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow: sqlite:///path or http://host:port.")
    ] = "sqlite:///var/mlflow.db",
    model_name: Annotated[str, typer.Option(help="Name in the model registry.")] = "recsys",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Source of all chance.")] = 0,
) -> None:
    """Compare two models on the same people: differences, intervals, p-values, lists.

    Both must have been measured on the same data, cuts and users; else they are refused.

    Examples:
      recsys compare champion challenger --html report.html
      recsys compare 3f2a... 20261121T201500Z-als-1a2b3c4d --tracking-uri http://mlflow:5000
      recsys compare old.json new.json --json differences.json
    """
    # Training libraries take seconds to import; `recsys --help` must not.
    import msgspec  # noqa: PLC0415 - as said above
    import numpy as np  # noqa: PLC0415 - as said above
    from rich.console import Console  # noqa: PLC0415 - as said above

    from training.compare import compare  # noqa: PLC0415 - as said above
    from training.compare_page import comparison_page  # noqa: PLC0415 - as said above
    from training.show_evaluation import show_comparison  # noqa: PLC0415 - as said above
    from training.tracking.contestants import contestants  # noqa: PLC0415 - as said above

    one, two = contestants((first, second), tracking_uri=tracking_uri, model_name=model_name)
    found = compare(one, two, rng=np.random.default_rng(seed))
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    if html is not None:
        html.write_text(comparison_page(found), "utf-8")
    show_comparison(Console(highlight=False), found)
