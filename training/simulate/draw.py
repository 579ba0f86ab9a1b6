"""Vectorised draws that the rest of the simulation is made of."""

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]
Flags = NDArray[np.bool_]


def stream(seed: int, *path: int) -> np.random.Generator:
    """Return the random stream of one part of the world, independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=path))


def scramble(values: I64, *, salt: int) -> U64:
    """Map integers to well mixed 64-bit numbers (the splitmix64 finaliser).

    It stands for facts that need no memory: the same salt and value give the
    same number wherever it is asked for.
    """
    mixed = values.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def weighted(rng: np.random.Generator, weights: F64, count: int) -> I64:
    """Draw positions with these weights.

    Args:
        rng: Source of randomness.
        weights: Non-negative, shape (w,), not all 0.
        count: How many draws.

    Returns:
        Positions in [0, w), shape (count,).
    """
    bounds = np.cumsum(weights)
    drawn: I64 = np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right")
    return drawn


def weighted_per_row(rng: np.random.Generator, weights: F64) -> I64:
    """Draw one column per row.

    Args:
        rng: Source of randomness.
        weights: Non-negative, shape (n, w), no row all 0.

    Returns:
        Column of each row, shape (n,).
    """
    bounds = np.cumsum(weights, axis=1)
    marks = rng.random(len(weights)) * bounds[:, -1]
    columns: I64 = (marks[:, None] >= bounds).sum(axis=1)
    drawn: I64 = np.minimum(columns, weights.shape[1] - 1)
    return drawn


def spread(counts: I64) -> tuple[I64, I64]:
    """Expand counts to one entry per piece.

    Returns:
        For each piece its owner's position and its number within the owner from
        0, both of shape (counts.sum(),).
    """
    owners = np.repeat(np.arange(len(counts)), counts)
    firsts = np.cumsum(counts) - counts
    return owners, np.arange(len(owners)) - firsts[owners]
