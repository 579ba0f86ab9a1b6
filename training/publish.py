"""From a fitted model to a published bundle."""

import datetime as dt
import hashlib

import numpy as np

from recsys.bundle import BundleContents, BundleStore, ItemIndex, Manifest, prune, write_bundle
from recsys.errors import BundleError
from training.fit import FittedModel

_FINGERPRINT_CHARS = 8


def bundle_contents(model: FittedModel, *, item_ids: list[str]) -> BundleContents:
    """Collect the parts; the details are added by `publish`.

    Args:
        model: The model.
        item_ids: `Events.item_ids`, which the model's items point into.
    """
    return BundleContents(
        items=ItemIndex.from_ids([item_ids[item] for item in model.items.tolist()]),
        popular=model.popular,
        features=model.features,
        item_factors=model.parts.item_factors,
        fold_in=model.parts.fold_in,
        history=model.parts.history,
        prior=model.parts.prior,
        priors=model.priors,
        item_item=model.parts.item_item,
        new_items=model.new_items,
        basket_links=model.basket_links,
        rebuys=model.rebuys,
    )


def make_version(
    contents: BundleContents, *, model_type: str, run_id: str, publish_time: dt.datetime
) -> str:
    """Name a model: sortable by time, readable, unique.

    The digest is over the arrays and the run, so that two trainers that publish
    the same model in the same second still get two names.
    """
    digest = hashlib.sha256(run_id.encode())
    for name, array in sorted(contents.arrays().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).data)
    stamp = publish_time.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{stamp}-{model_type}-{digest.hexdigest()[:_FINGERPRINT_CHARS]}"


def publish(contents: BundleContents, *, store: BundleStore, model_version: str) -> Manifest:
    """Write a bundle into the store; it is complete and synced, or not there.

    Args:
        contents: With all details but the version.
        store: Where to.
        model_version: Its name.

    Raises:
        OSError: The disk is full or not writable; nothing is left behind.
    """
    contents.details["model_version"] = model_version
    return write_bundle(store.path(model_version), contents)


def prune_store(store: BundleStore, *, keep: int) -> str:
    """Remove old bundles after publishing, and say what happened; never fails a training.

    Args:
        store: Where was published.
        keep: How many of the newest stay, beside those in use.
    """
    try:
        pruned = prune(store, keep=keep)
    except (BundleError, OSError) as error:
        return f"old bundles stay: {error}"
    if pruned.busy:
        return "old bundles stay for now: somebody else is publishing"
    if not pruned.removed:
        return f"bundles kept in {store.folder}: {len(pruned.kept)}"
    return f"removed old bundles: {', '.join(pruned.removed)}"
