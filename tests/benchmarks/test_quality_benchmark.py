"""Benchmarks of quality: their own arithmetic, and that nothing later is used."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="module")
def quality(repo_root: Path) -> ModuleType:
    """The coupon benchmark; it is a script beside its own module."""
    folder = str(repo_root / "benchmarks" / "quality")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [folder, *sys.path])
        import coupons  # noqa: PLC0415 - found only now

    module: ModuleType = coupons
    return module


def test_auc_counts_pairs_and_halves_ties(quality: ModuleType) -> None:
    """Of four comparisons one is tied, 3.5 of 4; weights count as copies."""
    scores = np.array([1.0, 2.0, 2.0, 3.0])
    redeemed = np.array([False, True, False, True])
    assert quality.Auc(scores, redeemed).of(np.ones(4)) == pytest.approx(3.5 / 4)
    doubled = quality.Auc(scores, redeemed).of(np.array([1.0, 1.0, 2.0, 1.0]))
    assert doubled == pytest.approx((1 + 0.5 * 2 + 3) / 6)


def test_within_compares_coupons_of_one_household_and_campaign(quality: ModuleType) -> None:
    """A household that redeems everything or nothing says nothing."""
    pairs = quality.Pairs(
        campaigns=np.array([1, 1, 1, 1, 2, 2]),
        households=np.array([7, 7, 8, 8, 7, 7]),
        redeemed=np.array([True, False, False, False, False, True]),
        features=np.zeros((6, 1)),
    )
    found, owners = quality.within(np.array([5.0, 1.0, 9.0, 9.0, 3.0, 3.0]), pairs)
    assert found.tolist() == [1.0, 0.5]
    assert owners.tolist() == [7, 7]


def test_features_know_nothing_of_the_campaign_itself(
    quality: ModuleType, real_data_dir: Path
) -> None:
    """Purchases and redemptions from its first day on change no feature of the first campaigns."""
    tables = quality.read_tables(real_data_dir / "completejourney")
    few = tables.campaigns.filter(pl.col("campaign").is_in([26, 27]))
    start = few["start"].max()
    whole = replace(tables, campaigns=few)
    early = replace(
        whole,
        lines=tables.lines.filter(pl.col("date") < start),
        redemptions=tables.redemptions.filter(pl.col("date") < start),
    )
    *_, now = quality.pairs_of_campaigns(whole)
    *_, then = quality.pairs_of_campaigns(early)
    np.testing.assert_array_equal(now.features, then.features)
    assert now.redeemed.sum() > then.redeemed.sum()
