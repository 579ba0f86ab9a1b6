"""The model artifact: a manifest and plain arrays, memory-mapped, checksummed, no pickle.

    write_bundle(folder, contents)      publish: complete and synced, or not there at all
    open_bundle(folder)                 map: milliseconds, trusts the files
    verify_bundle(folder)               read every byte and refuse what is wrong
    BundleStore(folder)                 several bundles and a pointer to the current one
    prune(store, keep=5)                remove old ones that nobody uses

A bundle holds items only. A person is never in it.
"""

from recsys.bundle.format import FORMAT_VERSION, ArrayEntry, Manifest
from recsys.bundle.items import ItemIndex
from recsys.bundle.locks import BundleLease
from recsys.bundle.new_items import NewItemMap
from recsys.bundle.popular import SEGMENT_ALL, PopularLists, channel_segment, store_segment
from recsys.bundle.priors import PriorRows
from recsys.bundle.prune import KEEP_DEFAULT, Kept, Pruned, prune
from recsys.bundle.reader import Bundle, open_bundle, verify_bundle
from recsys.bundle.rebuys import Rebuys
from recsys.bundle.store import BundleStore
from recsys.bundle.writer import BundleContents, write_bundle

__all__ = [
    "FORMAT_VERSION",
    "KEEP_DEFAULT",
    "SEGMENT_ALL",
    "ArrayEntry",
    "Bundle",
    "BundleContents",
    "BundleLease",
    "BundleStore",
    "ItemIndex",
    "Kept",
    "Manifest",
    "NewItemMap",
    "PopularLists",
    "PriorRows",
    "Pruned",
    "Rebuys",
    "channel_segment",
    "open_bundle",
    "prune",
    "store_segment",
    "verify_bundle",
    "write_bundle",
]
