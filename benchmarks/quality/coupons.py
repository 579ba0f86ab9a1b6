"""Which household redeems which coupon? Complete Journey's campaigns, cut by time.

    python benchmarks/quality/coupons.py FOLDER [--test]

FOLDER holds the tables of Complete Journey. Models learn from the campaigns that had
ended when the first campaign of the test began. Without --test the same is done one step earlier, with
the campaigns that had ended before VALIDATION: settings were chosen there. Intervals
are bootstraps by household. Whether a model knows more than who redeems at all is
asked within each household and campaign: of a redeemed and another coupon, which
scores higher? The table over-counts: it holds every coupon of a campaign for each
household, while Type A households got 16 of about 200 coupons.
"""

import argparse
import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
from coupon_pairs import CF, PLAIN, Pairs, Tables, pairs_of_campaigns, read_tables
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.propensity.judge import Auc, Lift, within_groups

VALIDATION, TEST = dt.date(2017, 8, 8), dt.date(2017, 9, 25)
"""First day of the campaigns validated on (number 13) and tested on (16 to 23)."""
BOOTSTRAPS = 200

F64 = NDArray[np.float64]


def joined(parts: list[Pairs]) -> Pairs:
    """Put pairs of campaigns together."""
    return Pairs(
        campaigns=np.concatenate([part.campaigns for part in parts]),
        households=np.concatenate([part.households for part in parts]),
        redeemed=np.concatenate([part.redeemed for part in parts]),
        features=np.concatenate([part.features for part in parts]),
    )


def cut(tables: Tables, pairs: Pairs, *, first: dt.date, last: dt.date) -> tuple[Pairs, Pairs]:
    """Return the pairs of campaigns over before `first`, and of those that begin from then to `last`."""
    ended = tables.campaigns.filter(pl.col("end") < first)["campaign"]
    begun = tables.campaigns.filter(pl.col("start").is_between(first, last))["campaign"]
    return (
        pairs.where(np.isin(pairs.campaigns, ended)),
        pairs.where(np.isin(pairs.campaigns, begun)),
    )


def within(scores: F64, pairs: Pairs) -> tuple[F64, NDArray[np.int64]]:
    """Return the AUC within each household and campaign with a redemption, and its household."""
    keys = pairs.campaigns * (pairs.households.max() + 1) + pairs.households
    aucs, found = within_groups(scores, pairs.redeemed, keys)
    return aucs, found % (pairs.households.max() + 1)


def scores_of(train: Pairs, test: Pairs, columns: list[int], *, boosted: bool) -> F64:
    """Fit on pairs and score others."""
    model = (
        HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=500,
            l2_regularization=10.0, early_stopping=False, random_state=0,
        )
        if boosted
        else make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500))
    )  # fmt: skip
    model.fit(train.features[:, columns], train.redeemed)
    found: F64 = model.predict_proba(test.features[:, columns])[:, 1]
    return found


def report(test: Pairs, scored: dict[str, F64], rng: np.random.Generator) -> None:
    """Print every model's figures and, for the difference that CF makes, its interval."""
    people, person = np.unique(test.households, return_inverse=True)
    inner = {name: within(scores, test) for name, scores in scored.items()}
    outer = {name: Auc(scores, test.redeemed) for name, scores in scored.items()}
    tops = {name: Lift(scores, test.redeemed) for name, scores in scored.items()}
    draws: dict[str, list[float]] = {name: [] for name in scored}
    inner_draws: dict[str, list[float]] = {name: [] for name in scored}
    lifts: dict[str, list[float]] = {name: [] for name in scored}
    for _ in range(BOOTSTRAPS):
        times = np.bincount(rng.integers(0, len(people), len(people)), minlength=len(people))
        for name in scored:
            weights = times[person].astype(np.float64)
            draws[name].append(outer[name].of(weights))
            lifts[name].append(tops[name].of(weights))
            values, owners = inner[name]
            weight = times[np.searchsorted(people, owners)]
            inner_draws[name].append(float(np.average(values, weights=weight)))
    ones = np.ones(len(test.redeemed))
    print(
        f"{'':34}{'AUC':>6} [95 % interval]   within household and campaign   lift of the top tenth"
    )
    for name in scored:
        low, high = np.quantile(draws[name], (0.025, 0.975))
        inner_low, inner_high = np.quantile(inner_draws[name], (0.025, 0.975))
        print(
            f"{name:34}{outer[name].of(ones):6.4f} [{low:.4f}, {high:.4f}]   "
            f"{inner[name][0].mean():.4f} [{inner_low:.4f}, {inner_high:.4f}]   "
            f"{tops[name].of(ones):.2f} "
            f"[{np.quantile(lifts[name], 0.025):.2f}, {np.quantile(lifts[name], 0.975):.2f}]"
        )
    for kind in ("logistic", "boosted"):
        for what, drawn in (("AUC", draws), ("within", inner_draws)):
            gain = np.subtract(drawn[f"{kind}, with CF"], drawn[f"{kind}, without CF"])
            low, high = np.quantile(gain, (0.025, 0.975))
            print(f"{kind}: what CF adds, {what:6} {gain.mean():+.4f} [{low:+.4f}, {high:+.4f}]")


def main() -> None:
    """Fit and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--test", action="store_true", help="measure on the test campaigns")
    args = parser.parse_args()
    tables = read_tables(args.folder)
    pairs = joined(list(pairs_of_campaigns(tables)))
    first, last = (TEST, dt.date.max) if args.test else (VALIDATION, VALIDATION)
    train, test = cut(tables, pairs, first=first, last=last)
    print(
        f"learned from {len(train.redeemed)} pairs with {train.redeemed.sum()} redemptions, "
        f"measured on {len(test.redeemed)} with {test.redeemed.sum()}"
    )
    plain, every = list(range(len(PLAIN))), list(range(len(PLAIN) + len(CF)))
    alone = {name: test.features[:, number] for number, name in enumerate((*PLAIN, *CF))}
    scored = {name: alone[name] for name in (PLAIN[0], PLAIN[2], CF[1])}
    for kind in ("logistic", "boosted"):
        for name, columns in (("without CF", plain), ("with CF", every)):
            scored[f"{kind}, {name}"] = scores_of(train, test, columns, boosted=kind == "boosted")
    report(test, scored, np.random.default_rng(0))


if __name__ == "__main__":
    main()
