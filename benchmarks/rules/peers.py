"""The same vectors ranked by others: python peers.py FOLDER STORE...; needs NumPy and peers."""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

K = 20
POST_FILTERED = 10
"""How many times k an index that knows no masks is asked for."""


def report(name: str, ask: Callable[[Any], Any], vectors: Any, *, note: str = "") -> None:
    """Time single queries and print one JSON line."""
    for at in range(3):
        ask(vectors[at : at + 1])
    seconds = []
    for at in range(len(vectors)):
        started = time.perf_counter()
        ask(vectors[at : at + 1])
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"name": name, "seconds": seconds, "note": note}), flush=True)


def main() -> None:
    """Run each peer on each mask."""
    folder, stores = Path(sys.argv[1]), sys.argv[2:]
    items, vectors = np.load(folder / "items.npy"), np.load(folder / "vectors.npy")
    masks = {store: np.load(folder / f"{store}.npy") for store in stores}
    with_faiss(items, vectors, masks)
    with_implicit(items, vectors, masks)


def with_faiss(items: Any, vectors: Any, masks: dict[str, Any]) -> None:
    """Flat with a selector; HNSW asked for ten times as many, then filtered."""
    faiss = import_module("faiss")
    flat = faiss.IndexFlatIP(items.shape[1])
    flat.add(items)
    report("faiss flat, no mask", lambda one: flat.search(one, K), vectors)
    truth: dict[str, Any] = {}
    for store, mask in masks.items():
        bitmap = np.packbits(mask, bitorder="little")
        selector = faiss.IDSelectorBitmap(bitmap)
        params = faiss.SearchParameters(sel=selector)
        truth[store] = flat.search(vectors, K, params=params)[1]
        report(f"faiss flat, {store}", lambda one, p=params: flat.search(one, K, params=p), vectors)
    graph = faiss.IndexHNSWFlat(items.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = 100
    graph.add(items)
    graph.hnsw.efSearch = K * POST_FILTERED
    for store, mask in masks.items():

        def ask(one: Any, mask: Any = mask) -> Any:
            found = graph.search(one, K * POST_FILTERED)[1][0]
            return found[mask[found]][:K]

        returned, hits = [], []
        for at in range(len(vectors)):
            found = ask(vectors[at : at + 1])
            returned.append(len(found))
            hits.append(len(np.intersect1d(found, truth[store][at])) / K)
        note = f"recall {np.mean(hits):.2f}, returns {np.mean(returned):.1f} of {K}"
        report(f"faiss HNSW post-filtered, {store}", ask, vectors, note=note)


def with_implicit(items: Any, vectors: Any, masks: dict[str, Any]) -> None:
    """Its own kernel; what is not in stock as `filter_items`."""
    topk = import_module("implicit.cpu.topk").topk
    report("implicit, no mask", lambda one: topk(items, one, K, num_threads=1), vectors)
    for store, mask in masks.items():
        out = np.flatnonzero(~mask).astype(np.int32)
        report(
            f"implicit, {store}",
            lambda one, out=out: topk(items, one, K, filter_items=out, num_threads=1),
            vectors[:50],
        )


if __name__ == "__main__":
    main()
