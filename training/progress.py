"""How long work says how far it is."""

from collections.abc import Callable

ShowStep = Callable[[str, float], None]
"""Told what is being done and the share of it that is done, in [0, 1]."""


def no_show(_step: str, _share: float) -> None:
    """Show nothing."""
