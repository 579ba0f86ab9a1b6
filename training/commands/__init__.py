"""The commands of a training install. Each module has `register(app: typer.Typer)`."""
