"""`recsys serve`: answer over gRPC."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve", rich_help_panel="Serve")(serve)


def serve(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="TOML file; without it the defaults count."),
    ] = None,
    *,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print every key with its value, and stop.")
    ] = False,
    check_config: Annotated[
        bool, typer.Option("--check-config", help="Check the configuration, and stop.")
    ] = False,
) -> None:
    r"""Answer over gRPC with the current bundle, until Ctrl-C or SIGTERM.

    Several worker processes share one port and one memory map of the model. When
    the bundle store's CURRENT moves, or the registry's alias, answers switch to
    the new model without dropping a call; a bad bundle is refused and the old one
    keeps serving. Send SIGHUP to look for a new bundle at once.

    Every key of the file can be set in the environment too, which wins:
    [b]RECSYS_SERVER__PORT=0[/] is [b]port = 0[/] under [b]\[server][/].

    [b]Examples[/]

      recsys serve
      recsys serve --print-config > recsys.toml && recsys serve --config recsys.toml
      RECSYS_BUNDLES__FOLDER=models RECSYS_SERVER__WORKERS=4 recsys serve
    """
    from recsys.serving.config import ServingConfig  # noqa: PLC0415 - keeps --help quick

    parsed = ServingConfig.load(config)
    if print_config:
        typer.echo(parsed.to_toml())
        return
    from recsys.serving.rules_file import check_files  # noqa: PLC0415 - as above

    check_files(parsed)
    if check_config:
        typer.echo(f"{config or 'the defaults'} and the environment are fine")
        return
    from recsys.serving.supervisor import serve as run  # noqa: PLC0415 - keeps --help quick

    run(parsed)
