"""Approximate peers: graphs and trees whose recall must be reached by tuning.

The graphs are built twice: on the inner product as it is, and on Euclidean distance
with one more coordinate that makes both orders the same (Bachrach et al., RecSys 2014),
which recovers much of the recall that inner products lose on trained factors.
"""

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from kernel.engine import F32, Search, Task, Unsupported
from kernel.peers import FromPairs, load_items
from numpy.typing import NDArray

_LINKS = 16
_BUILD_WIDTH = 200


def as_euclidean(items: F32) -> F32:
    """Append what is missing to the largest norm."""
    squares = np.einsum("ij,ij->i", items, items)
    return np.column_stack([items, np.sqrt(np.maximum(squares.max() - squares, 0))])


def _padded(queries: F32) -> F32:
    return np.pad(queries, ((0, 0), (0, 1)))


class HnswlibInner(FromPairs):
    """hnswlib, inner product. Option `ef`: the width of the search."""

    rows_at = 0
    space = "ip"

    def __init__(self, folder: Path) -> None:
        hnswlib = import_module("hnswlib")

        self.version = version("hnswlib")
        items = self.transformed(load_items(folder))
        self._index = hnswlib.Index(space=self.space, dim=items.shape[1])
        self._index.init_index(max_elements=len(items), ef_construction=_BUILD_WIDTH, M=_LINKS)
        self._index.add_items(items)

    def transformed(self, items: F32) -> F32:
        """What is indexed."""
        return items

    def prepare(self, task: Task) -> Search:
        """One thread for one query."""
        if task.mask is not None or task.with_history:
            raise Unsupported("filters are Python callables; scores have one part")
        index, k = self._index, task.k
        index.set_ef(task.option("ef", 64))
        return lambda queries, _: index.knn_query(queries, k=k, num_threads=1)


class HnswlibEuclidean(HnswlibInner):
    """hnswlib, Euclidean after the transformation."""

    space = "l2"

    def transformed(self, items: F32) -> F32:
        """With one more coordinate."""
        return as_euclidean(items)

    def prepare(self, task: Task) -> Search:
        """The query's further coordinate is 0."""
        search = super().prepare(task)
        return lambda queries, first: search(_padded(queries), first)


class FaissHnsw(FromPairs):
    """faiss IndexHNSWFlat, inner product. Option `ef`."""

    def __init__(self, folder: Path) -> None:
        faiss = import_module("faiss")

        self.version = faiss.__version__
        items = load_items(folder)
        self._index = faiss.IndexHNSWFlat(items.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = _BUILD_WIDTH
        self._index.add(items)

    def prepare(self, task: Task) -> Search:
        """Default threads."""
        if task.mask is not None or task.with_history:
            raise Unsupported("not measured with filters")
        index, k = self._index, task.k
        index.hnsw.efSearch = task.option("ef", 64)
        return lambda queries, _: index.search(queries, k)


class ScannTree(FromPairs):
    """ScaNN's tree with asymmetric hashing and exact reordering. Option `ef`: leaves."""

    rows_at = 0

    def __init__(self, folder: Path) -> None:
        scann = import_module("scann.scann_ops.py.scann_ops_pybind")

        self.version = version("scann")
        items = load_items(folder)
        leaves = int(np.sqrt(len(items)))
        builder = scann.builder(items, 10, "dot_product").tree(
            num_leaves=leaves,
            num_leaves_to_search=leaves // 10,
            training_sample_size=min(len(items), 100_000),
        )
        builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2)
        self._searcher = builder.reorder(200).build()

    def prepare(self, task: Task) -> Search:
        """Reorders at least ten times what is asked for."""
        if task.mask is not None or task.with_history:
            raise Unsupported("no filter but over-fetching; scores have one part")
        searcher, k, leaves = self._searcher, task.k, task.option("ef", 64)
        again = max(200, 10 * k)
        return lambda queries, _: searcher.search(
            queries[0], k, pre_reorder_num_neighbors=again, leaves_to_search=leaves
        )

    def rows(self, result: Any) -> NDArray[np.int64]:
        """Fewer than k come where the leaves hold fewer."""
        return np.atleast_2d(np.asarray(result[0])).astype(np.int64)
