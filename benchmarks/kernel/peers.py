"""Exact peers: libraries that look at every item. Each class is one configuration.

Threads and BLAS kernels are set by the environment of the process that an engine gets.
"""

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from kernel.engine import F32, Mask, Search, Task, Unsupported
from numpy.typing import NDArray

_QUERIES_AT_ONCE = 64
"""Their scores for every item are held at a time."""


def load_items(folder: Path) -> F32:
    """Read the items of a data set into memory of its own, which is what favours peers."""
    items: F32 = np.load(folder / "items.npy")
    return items


class FromPairs:
    """Results that are (scores, rows) or (rows, scores); the place of the rows is given."""

    rows_at = 1

    def rows(self, result: Any) -> NDArray[np.int64]:
        """Rows of one query or several, two-dimensional."""
        return np.atleast_2d(np.asarray(result[self.rows_at])).astype(np.int64)

    def scores(self, result: Any) -> None:
        """Peers are not held to the last bit."""

    def bytes_read(self) -> None:
        """Peers do not count."""


class FaissFlat(FromPairs):
    """faiss IndexFlatIP; `IDSelectorBitmap` for masks."""

    def __init__(self, folder: Path) -> None:
        faiss = import_module("faiss")

        self._faiss, self._folder = faiss, folder
        self.version = faiss.__version__
        items = load_items(folder)
        self._index = self.build(faiss, items)

    def build(self, faiss: Any, items: F32) -> Any:
        """Make the index."""
        index = faiss.IndexFlatIP(items.shape[1])
        index.add(items)
        return index

    def prepare(self, task: Task) -> Search:
        """Option `blas`: use matrix multiplication whatever the batch is."""
        if task.with_history:
            raise Unsupported("scores have one part")
        index, k = self._index, task.k
        if task.option("blas", 0):
            self._faiss.cvar.distance_compute_blas_threshold = 1
        if task.mask is None:
            return lambda queries, _: index.search(queries, k)
        bitmap = Mask(self._folder, task.mask).bitmap
        selector = self._faiss.IDSelectorBitmap(bitmap)
        params = self._faiss.SearchParameters(sel=selector)
        # faiss keeps plain pointers: what they point at must live as long as the search.
        self._kept = (bitmap, selector)
        return lambda queries, _: index.search(queries, k, params=params)


class FaissSq8(FaissFlat):
    """faiss 8-bit scalar quantiser: not exact."""

    def build(self, faiss: Any, items: F32) -> Any:
        """Train the ranges on all items."""
        index = faiss.IndexScalarQuantizer(
            items.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
        index.train(items)
        index.add(items)
        return index


class ImplicitTopk(FromPairs):
    """`implicit.cpu.topk`; for masks the better of its two ways is asked for by option."""

    rows_at = 0

    def __init__(self, folder: Path) -> None:
        topk = import_module("implicit.cpu.topk").topk

        self._topk, self._folder = topk, folder
        self.version = version("implicit")
        self._items = load_items(folder)

    def prepare(self, task: Task) -> Search:
        """Option `gather`: copy the allowed rows first, as `recommend(items=)` does."""
        if task.with_history:
            raise Unsupported("scores have one part")
        topk, items, k, threads = self._topk, self._items, task.k, task.option("threads", 0)
        if task.mask is None:
            return lambda queries, _: topk(items, queries, k, num_threads=threads)
        mask = Mask(self._folder, task.mask)
        if task.option("gather", 0):

            def gathered(queries: F32, _: int) -> Any:
                places, scores = topk(items[mask.rows], queries, k, num_threads=threads)
                return mask.rows[places], scores

            return gathered
        forbidden = mask.forbidden.astype(np.int32)
        return lambda queries, _: topk(
            items, queries, k, filter_items=forbidden, num_threads=threads
        )


class Numpy(FromPairs):
    """A float32 matrix product, `argpartition`, and a sort of the k."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.version = np.__version__
        self._items = load_items(folder)

    def prepare(self, task: Task) -> Search:
        """Masks get their rows copied beforehand: the best case of a repeated mask."""
        k = task.k
        if task.with_history:
            return self._with_history(k)
        if task.mask is None:
            if task.is_batch:
                return lambda queries, _: _best_of_each(queries, self._items, k)
            return lambda queries, _: _best(self._items @ queries[0], k)
        mask = Mask(self._folder, task.mask)
        compact = np.ascontiguousarray(self._items[mask.rows])

        def search(queries: F32, _: int) -> Any:
            scores, places = _best(compact @ queries[0], k)
            return scores, mask.rows[places]

        return search

    def _with_history(self, k: int) -> Search:
        rows: NDArray[np.int32] = np.load(self._folder / "history-rows.npy")
        weights: F32 = np.load(self._folder / "history-weights.npy")
        indices: NDArray[np.int32] = np.load(self._folder / "links-indices.npy")
        data: F32 = np.load(self._folder / "links-data.npy")

        def search(queries: F32, first: int) -> Any:
            scores = self._items @ queries[0]
            touched = indices[rows[first]].ravel()
            added = (data[rows[first]] * weights[first][:, np.newaxis]).ravel()
            np.add.at(scores, touched, added)
            return _best(scores, k)

        return search


class ScannBrute(FromPairs):
    """ScaNN's brute force over float32."""

    rows_at = 0

    def __init__(self, folder: Path) -> None:
        scann = import_module("scann.scann_ops.py.scann_ops_pybind")

        self.version = version("scann")
        items = load_items(folder)
        builder = scann.builder(items, 10, "dot_product")
        self._searcher = builder.score_brute_force().build()

    def prepare(self, task: Task) -> Search:
        """Batches go over its own threads."""
        if task.mask is not None or task.with_history:
            raise Unsupported("no filter but over-fetching; scores have one part")
        searcher, k = self._searcher, task.k
        if task.is_batch:
            return lambda queries, _: searcher.search_batched_parallel(queries, k)
        return lambda queries, _: searcher.search(queries[0], k)


class UsearchExact:
    """usearch's exact search."""

    def __init__(self, folder: Path) -> None:
        index = import_module("usearch.index")

        self._index = index
        self.version = version("usearch")
        self._items = load_items(folder)

    def prepare(self, task: Task) -> Search:
        """The inner product over all rows."""
        if task.mask is not None or task.with_history:
            raise Unsupported("no filter but over-fetching; scores have one part")
        search, items, k = self._index.search, self._items, task.k
        metric = self._index.MetricKind.IP
        return lambda queries, _: search(items, queries, k, metric, exact=True)

    def rows(self, result: Any) -> NDArray[np.int64]:
        """Keys are rows."""
        return np.atleast_2d(result.keys).astype(np.int64)

    def scores(self, result: Any) -> None:
        """Peers are not held to the last bit."""

    def bytes_read(self) -> None:
        """Peers do not count."""


def _best(scores: F32, k: int) -> tuple[F32, NDArray[np.intp]]:
    places = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
    places = places[np.argsort(-scores[places], kind="stable")]
    return scores[places], places


def _best_of_each(queries: F32, items: F32, k: int) -> tuple[F32, NDArray[np.intp]]:
    parts = [_best_of_some(part @ items.T, k) for part in np.split(queries, _pieces(queries))]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _pieces(queries: F32) -> list[int]:
    return list(range(_QUERIES_AT_ONCE, len(queries), _QUERIES_AT_ONCE))


def _best_of_some(scores: F32, k: int) -> tuple[F32, NDArray[np.intp]]:
    width = scores.shape[1]
    places = np.argpartition(scores, width - k, axis=1)[:, width - k :]
    found = np.take_along_axis(scores, places, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(places, order, axis=1)
