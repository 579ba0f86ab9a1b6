"""Makes the golden bundle and what it must answer. Run by hand, for a new format version only.

    python tests/golden/make.py --update

A golden bundle is never replaced: servers in the field hold bundles like it.
"""

import argparse
import datetime as dt
import shutil
import sys
from pathlib import Path

import msgspec
import numpy as np

from recsys.bundle import (
    FORMAT_VERSION,
    SEGMENT_ALL,
    BundleContents,
    ItemIndex,
    NewItemMap,
    PopularLists,
    PriorRows,
    Rebuys,
    channel_segment,
    open_bundle,
    store_segment,
    write_bundle,
)
from recsys.domain import Channel, EventType, ItemEvent, ItemId, StoreId
from recsys.events import NoHistories
from recsys.features import FeatureConfig, FoldInConfig, HistoryConfig
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.sparse import CsrMatrix

FOLDER = Path(__file__).resolve().parent
ITEM_COUNT = 12
FACTOR_COUNT = 3
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

QUESTIONS = {
    "nobody": RecommendQuery(result_count=4),
    "in the store": RecommendQuery(store_id=StoreId("s-1"), result_count=4),
    "on the web": RecommendQuery(channel=Channel.WEB, result_count=4),
    "two views and a purchase": RecommendQuery(
        recent_events=tuple(
            ItemEvent(
                item_id=ItemId(item_id),
                event_type=event_type,
                channel=Channel.WEB,
                event_time=NOW.timestamp() - age_seconds,
            )
            for item_id, event_type, age_seconds in (
                ("tea", EventType.DETAIL_PAGE_VIEW, 30.0),
                ("grüner tee", EventType.DETAIL_PAGE_VIEW, 86_400.0),
                ("mug", EventType.PURCHASE_COMPLETE, 3_600.0),
            )
        ),
        result_count=5,
        excluded=(ItemId("kettle"),),
    ),
}
"""What the golden bundle is asked."""

ITEM_IDS = (
    "tea", "grüner tee", "mug", "kettle", "sugar", "milk",
    "lamp", "bulb", "cable", "socket", "plug", "日本茶",
)  # fmt: skip


def contents() -> BundleContents:
    """Describe the bundle: every optional part is there."""
    rng = np.random.default_rng(20260101)
    everything = np.arange(ITEM_COUNT, dtype=np.int32)
    falling = np.linspace(1.0, 0.1, ITEM_COUNT, dtype=np.float32)
    return BundleContents(
        items=ItemIndex.from_ids(ITEM_IDS),
        item_factors=rng.standard_normal((ITEM_COUNT, FACTOR_COUNT)).astype(np.float32),
        fold_in=FoldInConfig(
            alpha=10.0,
            regularization=0.5,
            regularization_exponent=0.5,
            unobserved_weight=0.1,
        ),
        history=HistoryConfig(
            step_decay=0.5, length_exponent=0.25, newest_boost=-0.25, decayed_vectors=True
        ),
        prior=(falling / 100).astype(np.float32),
        priors=PriorRows.from_rows(
            {
                channel_segment(Channel.WEB): (falling / 50).astype(np.float32),
                store_segment(StoreId("s-1")): -falling,
            }
        ),
        item_item=CsrMatrix(
            indptr=np.array([0, 3, 4, *[5] * (ITEM_COUNT - 2)], dtype=np.int64),
            # Self weights, links that help and one that holds back.
            indices=np.array([0, 3, 4, 11, 9], dtype=np.int32),
            data=np.array([0.5, 0.5, 0.25, 0.75, -0.25], dtype=np.float32),
        ),
        popular=PopularLists.from_lists(
            {
                SEGMENT_ALL: (everything, falling),
                channel_segment(Channel.WEB): (everything[6:9], falling[:3]),
                store_segment(StoreId("s-1")): (everything[4:6], falling[:2]),
            }
        ),
        new_items=NewItemMap(
            features=np.array([3, 5, 2**63 + 1], dtype=np.uint64),
            weights=rng.standard_normal((4, FACTOR_COUNT + 1)).astype(np.float32),
        ),
        basket_links=CsrMatrix(
            indptr=np.array([0, 2, 3, *[3] * (ITEM_COUNT - 2)], dtype=np.int64),
            indices=np.array([2, 4, 5], dtype=np.int32),
            data=np.array([0.5, 0.25, 0.75], dtype=np.float32),
        ),
        rebuys=Rebuys(
            shares=falling, days=30 * falling, ratios=(0.5, 1.0, 2.0), rates=(0.5, 1.0, 1.5, 0.5)
        ),
        features=FeatureConfig(half_life_days=30.0, channel_weights={Channel.WEB: 1.5}),
        details={
            "model_version": f"golden-v{FORMAT_VERSION}",
            "model_type": "als",
            "publish_time": NOW,
            "training_start_time": NOW - dt.timedelta(days=365),
            "training_end_time": NOW,
            "data_fingerprint": "0123456789abcdef",
            "metrics": {"any/recall@20": 0.25},
            "lineage": {"git_commit": "none"},
        },
    )


def answers(folder: Path) -> dict[str, list[tuple[str, float, str]]]:
    """Ask a bundle every question; (item, score, reason) per result."""
    model = ServingModel.from_bundle(open_bundle(folder))
    recommender = Recommender(histories=NoHistories())
    return {
        name: [
            (result.item_id, result.score, result.reason.kind.value)
            for result in recommender.recommend(model, query, now=NOW.timestamp()).results
        ]
        for name, query in QUESTIONS.items()
    }


def main() -> None:
    """Write the bundle of this format version and its answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--update", action="store_true", required=True)
    parser.add_argument("--replace", action="store_true", help="also replace one that is there")
    options = parser.parse_args()
    folder = FOLDER / f"bundle-v{FORMAT_VERSION}"
    if folder.exists():
        if not options.replace:
            sys.exit(f"{folder} is there; golden bundles are never replaced without --replace")
        shutil.rmtree(folder)
    write_bundle(folder, contents())
    text = msgspec.json.format(msgspec.json.encode(answers(folder)))
    (FOLDER / f"{folder.name}.answers.json").write_bytes(text + b"\n")


if __name__ == "__main__":
    main()
