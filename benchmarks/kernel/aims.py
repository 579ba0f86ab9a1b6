"""What was aimed at, and whether it is met by what has been measured."""

from collections.abc import Callable
from dataclasses import dataclass

from kernel.ceilings import multiply_share, read_share
from kernel.rows import Row

Limits = dict[str, float]
Measured = Callable[[list[Row], Limits], float | None]
"""Takes all rows and the machine's limits; None where what it needs was not measured."""

_FAISS = "faiss flat"
"""Its label with default threads, and the beginning of those with other settings."""

_FAISS_1T = "faiss flat, 1 thread"
_HNSW = ("hnswlib", "hnswlib L2", "faiss HNSW")


@dataclass(frozen=True, slots=True)
class Aim:
    """One line of the list; larger is better.

    Attributes:
        text: What is compared.
        ship: Must be reached.
        moonshot: Is hoped for.
        measured: How it is read off.
    """

    text: str
    ship: float
    moonshot: float
    measured: Measured


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of one comparison.

    Attributes:
        section: As in `Row`.
        data: As in `Row`.
        case: As in `Row`, or its part before a comma.
    """

    section: str
    data: str
    case: str

    def rows(self, rows: list[Row]) -> list[Row]:
        """Those of the comparison."""
        return [
            row
            for row in rows
            if (row.section, row.data) == (self.section, self.data)
            and (row.case == self.case or row.case.startswith(self.case + ","))
        ]

    def against(self, label: str) -> Measured:
        """How often we are faster than one configuration."""
        return self._least(lambda row: row.label == label)

    def against_best(self, label_start: str = "") -> Measured:
        """How often we are faster than the fastest exact peer."""
        return self._least(
            lambda row: (
                row.is_exact
                and not row.label.startswith("recsys")
                and row.label.startswith(label_start)
            )
        )

    def against_graphs(self) -> Measured:
        """How often we are faster than the fastest graph that reaches the recall."""
        return self._least(lambda row: row.label in _HNSW and (row.recall or 0.0) >= 0.95)

    def share(self, label: str, get: Callable[[Row, Limits], float | None]) -> Measured:
        """What share of a limit one of our configurations reaches."""

        def measured(rows: list[Row], limits: Limits) -> float | None:
            return next((get(row, limits) for row in self.rows(rows) if row.label == label), None)

        return measured

    def _least(self, is_meant: Callable[[Row], bool]) -> Measured:
        def measured(rows: list[Row], _: Limits) -> float | None:
            found = [row.ours_is_faster for row in self.rows(rows) if is_meant(row)]
            return min((value for value in found if value is not None), default=None)

        return measured


def _quotient(above: Measured, below: Measured) -> Measured:
    def measured(rows: list[Row], limits: Limits) -> float | None:
        top, bottom = above(rows, limits), below(rows, limits)
        return None if top is None or bottom is None else top / bottom

    return measured


def _one(_rows: list[Row], _limits: Limits) -> float | None:
    return 1.0


def _is_right(rows: list[Row], _: Limits) -> float | None:
    compared = [row for row in rows if row.compared]
    return float(not any(row.mismatches for row in compared)) if compared else None


_DECAY, _HARD = Cell("single", "decay-1m", "k=10"), Cell("single", "hard-1m", "k=10")
_FEW = Cell("masks", "decay-1m", "k=20, 5%")
_FEWEST = Cell("masks", "decay-1m", "k=20, 0.5%")
_HALF = Cell("masks", "decay-1m", "k=20, 50%")
_GOWALLA = Cell("single", "gowalla", "k=10")
_DECAY_BATCH = Cell("batch", "decay-1m", "k=10")
_DENSE_BATCH = Cell("batch", "hard-1m", "k=10")
_TIME, _BATCH_TIME = "k=10, time", "k=10, batch, 1 thread, time"
_AVX2_KEEPS = 0.8

_SINGLE = (
    Aim("1 query, 1M decaying / faiss", 60, 200, _DECAY.against(_FAISS)),
    Aim("  / best exact peer", 45, 150, _DECAY.against_best()),
    Aim("1 query, 1M hard / faiss", 4, 10, _HARD.against(_FAISS)),
    Aim("  / best exact peer", 3, 7, _HARD.against_best()),
    Aim("1 query, gowalla / faiss", 20, 60, _GOWALLA.against(_FAISS)),
)
_BATCH = (
    Aim("1,000 queries, 1M decaying / best faiss", 12, 40, _DECAY_BATCH.against_best(_FAISS)),
    Aim("1,000 queries, 1M hard / best faiss", 3, 5, _DENSE_BATCH.against_best(_FAISS)),
)


def _on_avx2(aim: Aim, data: str, case: str) -> Aim:
    """The same aim for a machine without more than AVX2, which may keep four fifths of it."""
    share = Cell("simd", data, case).against("recsys, avx2")
    return Aim(
        f"{aim.text.strip()}, AVX2: {data}",
        _AVX2_KEEPS * aim.ship,
        _AVX2_KEEPS * aim.moonshot,
        _quotient(aim.measured, share),
    )


AIMS = (
    *_SINGLE,
    Aim("1M decaying / faiss with 1 thread", 60, 200, _DECAY.against(_FAISS_1T)),
    Aim("1M hard / faiss with 1 thread", 4, 10, _HARD.against(_FAISS_1T)),
    Aim("gowalla / faiss with 1 thread", 20, 60, _GOWALLA.against(_FAISS_1T)),
    *_BATCH,
    Aim(
        "k=100, 1M decaying / faiss",
        15,
        50,
        Cell("single", "decay-1m", "k=100").against(_FAISS),
    ),
    Aim("mask 5 %, 1M decaying, repeated / faiss", 80, 300, _FEW.against(_FAISS)),
    Aim(
        "  at first sight / faiss",
        5,
        15,
        _quotient(_FEW.against(_FAISS), _FEW.against("recsys, first sight")),
    ),
    Aim("no mask / mask 50 %, repeated", 1 / 1.2, 1, _HALF.against("recsys, no mask")),
    Aim(
        "  at first sight",
        1 / 1.2,
        1,
        _quotient(_HALF.against("recsys, no mask"), _HALF.against("recsys, first sight")),
    ),
    Aim("no mask / mask 0.5 %, repeated", 3, 10, _FEWEST.against("recsys, no mask")),
    Aim(
        "  at first sight",
        3,
        10,
        _quotient(_FEWEST.against("recsys, no mask"), _FEWEST.against("recsys, first sight")),
    ),
    Aim(
        "2 workers, 200k decaying / faiss",
        25,
        70,
        Cell("workers", "decay-200k", "k=10").against(_FAISS_1T),
    ),
    Aim("dense pass, share of reading", 0.85, 0.97, _HARD.share("recsys", read_share)),
    Aim(
        "dense batch, share of VNNI",
        0.55,
        0.8,
        _DENSE_BATCH.share("recsys, 2 threads", multiply_share),
    ),
    Aim("gowalla / HNSW at recall .95", 1, 2, Cell("graphs", "gowalla", "k=10").against_graphs()),
    Aim(
        "mall 200k / HNSW at recall .95", 1, 2, Cell("graphs", "mall-200k", "k=10").against_graphs()
    ),
    Aim(
        "1M decaying, kept by AVX2",
        0.8,
        1,
        _quotient(_one, Cell("simd", "decay-1m", _TIME).against("recsys, avx2")),
    ),
    Aim(
        "1M hard, kept by AVX2",
        0.8,
        1,
        _quotient(_one, Cell("simd", "hard-1m", _TIME).against("recsys, avx2")),
    ),
    *(
        _on_avx2(aim, data, _TIME)
        for aim, data in zip(
            _SINGLE, ("decay-1m", "decay-1m", "hard-1m", "hard-1m", "gowalla"), strict=True
        )
    ),
    *(
        _on_avx2(aim, data, _BATCH_TIME)
        for aim, data in zip(_BATCH, ("decay-1m", "hard-1m"), strict=True)
    ),
    Aim("every answer right", 1, 1, _is_right),
)


def lines(rows: list[Row], limits: Limits) -> list[str]:
    """Each aim with what was measured, and a word on it."""
    found = [f"{'aim':52}{'measured':>10}{'ship':>8}{'moonshot':>10}"]
    for aim in AIMS:
        value = aim.measured(rows, limits)
        word, shown = "not measured", "-"
        if value is not None:
            word = "moonshot" if value >= aim.moonshot else "met" if value >= aim.ship else "MISSED"
            shown = f"{value:.3g}"
        found.append(f"{aim.text:52}{shown:>10}{aim.ship:>8.3g}{aim.moonshot:>10.3g}  {word}")
    compared, wrong = sum(row.compared for row in rows), sum(row.mismatches for row in rows)
    return [*found, f"{compared:,} answers compared with the float64 reference, {wrong} wrong"]
