"""The commands of a serving install. Each module has `register(app: typer.Typer)`."""
