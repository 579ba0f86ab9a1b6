"""What each behaviour adds on RetailRocket: the same people, with more and more of what they did.

    python benchmarks/quality/behaviours.py FOLDER

FOLDER holds the published split, `train.parquet` and `test.parquet`. One configuration
(retailrocket.toml) learns from and is asked with purchases alone, then with carts too,
then with views too. Differences are paired by person.
"""

import argparse
from pathlib import Path

import msgspec
import numpy as np

from recsys.domain import EventType
from training.benchmark import CUT, measure_split
from training.config import load_config
from training.published import read_split
from training.resample import bootstrap, paired_tests

CONFIG = Path(__file__).with_name("retailrocket.toml")
ADDED = {
    "purchases": EventType.PURCHASE_COMPLETE,
    "+ carts": EventType.ADD_TO_CART,
    "+ views": EventType.DETAIL_PAGE_VIEW,
}
SEED, DRAWS = 0, 2_000


def main() -> None:
    """Fit three times, and compare each with the one before."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    config = load_config(CONFIG)
    split = read_split(
        train=[folder / "train.parquet"],
        test=[folder / "test.parquet"],
        names={"behavior": "event_type", "ts": "event_time"},
        history_event_count_max=config.evaluate.history_event_count_max,
        rng=np.random.default_rng(SEED),
    )
    before, used = None, dict[EventType, float]()
    for name, event_type in ADDED.items():
        used |= {event_type: config.features.event_weights[event_type]}
        features = msgspec.structs.replace(config.features, event_weights=dict(used))
        found_by_user = measure_split(
            split,
            msgspec.structs.replace(config, features=features),
            name=name,
            k=(10,),
            excluded_types=frozenset({EventType.PURCHASE_COMPLETE}),
            seed=SEED,
        )
        everybody = found_by_user.values[CUT][""].values
        values = {metric: everybody[metric] for metric in ("hit_rate_at_10", "ndcg_at_10")}
        for metric, found in bootstrap(
            values, count=DRAWS, rng=np.random.default_rng(SEED)
        ).items():
            print(f"{name:10} {metric:15} {found.mean:.4f} [{found.low:.4f}, {found.high:.4f}]")
        if before is not None:
            for metric, test in zip(
                values,
                paired_tests(
                    [before[metric][:, None] for metric in values],
                    [found[:, None] for found in values.values()],
                    count=DRAWS,
                    rng=np.random.default_rng(SEED),
                ),
                strict=True,
            ):
                assert test is not None, "everybody has one purchase to be found"
                print(
                    f"{'':10} {metric:15} {test.difference:+.4f} "
                    f"[{test.low:+.4f}, {test.high:+.4f}], p {test.p_value:.4f}"
                )
        before = values


if __name__ == "__main__":
    main()
