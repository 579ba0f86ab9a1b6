"""A published model and stored histories of a given size, for the server to answer from."""

from pathlib import Path

import numpy as np
from bundle_details import bundle_details

from recsys.bundle import (
    SEGMENT_ALL,
    Bundle,
    BundleContents,
    BundleStore,
    ItemIndex,
    PopularLists,
    open_bundle,
    write_bundle,
)
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.features import FeatureConfig, FoldInConfig
from recsys.storage.sqlite_writer import SqliteWriter


def publish(store: BundleStore, *, item_count: int, factor_count: int, seed: int) -> Bundle:
    """Publish a model of random factors whose energy decays as a trained model's does.

    Returns:
        The bundle.
    """
    rng = np.random.default_rng(seed)
    spectrum = np.arange(1, factor_count + 1, dtype=np.float32) ** -0.5
    factors = rng.standard_normal((item_count, factor_count), dtype=np.float32) * spectrum
    factors *= rng.lognormal(sigma=0.35, size=(item_count, 1)).astype(np.float32)
    item_ids = [f"item-{row:07d}" for row in range(item_count)]
    everything = np.arange(item_count, dtype=np.int32)
    version = f"bench-{item_count}x{factor_count}"
    contents = BundleContents(
        items=ItemIndex.from_ids(item_ids),
        item_factors=factors,
        fold_in=FoldInConfig(alpha=10.0, regularization=1.0),
        popular=PopularLists.from_lists(
            {SEGMENT_ALL: (everything, np.linspace(1, 0, item_count, dtype=np.float32))}
        ),
        features=FeatureConfig(),
        details=bundle_details(version),
    )
    if not store.path(version).exists():
        write_bundle(store.path(version), contents)
    store.set_current(version)
    return open_bundle(store.path(version))


def write_histories(
    path: Path, *, bundle: Bundle, user_count: int, line_count: int, now: float, seed: int = 3
) -> list[str]:
    """Store purchases for users who have a taste: of 40 items at hand they take the best one.

    Returns:
        The user ids.
    """
    rng = np.random.default_rng(seed)
    assert bundle.item_factors is not None
    item_count, factor_count = bundle.item_factors.shape
    spectrum = np.arange(1, factor_count + 1, dtype=np.float32) ** -0.5
    users = [f"user-{number:06d}" for number in range(user_count)]
    with SqliteWriter(path) as writer:
        owners = sorted((Identifier("account", user) for user in users), key=writer.key)
        writer.add_identifiers((owner, owner) for owner in owners)
        for owner in owners:
            times = np.sort(now - rng.uniform(0, 90 * 86_400, line_count)).tolist()
            taste = rng.standard_normal(factor_count, dtype=np.float32) * spectrum
            at_hand = rng.choice(item_count, (line_count, 40), replace=False)
            best = (bundle.item_factors[at_hand] @ taste).argmax(axis=1)
            rows = at_hand[np.arange(line_count), best]
            ids = bundle.items.ids(rows.astype(np.int32))
            writer.add_events(
                purchase(owner, item_id, time) for time, item_id in zip(times, ids, strict=True)
            )
    return users


def purchase(owner: Identifier, item_id: ItemId | str, event_time: float) -> Event:
    """Return a purchase on the web."""
    content = EventContent(
        event_type=EventType.PURCHASE_COMPLETE,
        event_time=event_time,
        channel=Channel.WEB,
        identifiers=(owner,),
        lines=(EventLine(ItemId(item_id)),),
    )
    return Event.of(content, event_id="", now=event_time)
