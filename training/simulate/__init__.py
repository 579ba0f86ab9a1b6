"""A shop that never was, with planted tastes: events whose right answers are known."""

from training.simulate.config import SIZES, WorldConfig
from training.simulate.run import simulate

__all__ = ["SIZES", "WorldConfig", "simulate"]
