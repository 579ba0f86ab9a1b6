"""What was aimed at, and whether it is met by what has been measured."""

from collections.abc import Callable
from dataclasses import dataclass

from kernel.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One line of the list of aims; larger is better.

    Attributes:
        text: What is compared.
        ship: Must be reached.
        moonshot: Is hoped for.
        measured: Takes all rows; None where what it needs was not measured.
    """

    text: str
    ship: float
    moonshot: float
    measured: Callable[[list[Row]], float | None]


Pick = Callable[[Row], bool]


def _pick(section: str, data: str, case: str, label: str = "") -> Pick:
    """Rows by section, data set, beginning of the case and of the label."""
    return lambda row: (
        row.section == section
        and row.data == data
        and (row.case == case or row.case.startswith(case + ","))
        and row.label.startswith(label)
    )


def _least(pick: Pick, *, is_exact: bool = True) -> Callable[[list[Row]], float | None]:
    """How often we are faster than the fastest of the other libraries that are picked."""

    def measured(rows: list[Row]) -> float | None:
        found = [
            row.ours_is_faster
            for row in rows
            if pick(row) and not row.label.startswith("recsys") and row.is_exact == is_exact
        ]
        return min((value for value in found if value is not None), default=None)

    return measured


def _against(section: str, data: str, case: str, label: str) -> Callable[[list[Row]], float | None]:
    """How often we are faster than one configuration."""
    return _value(section, data, case, label, lambda row: row.ours_is_faster)


def _value(
    section: str, data: str, case: str, label: str, value: Callable[[Row], float | None]
) -> Callable[[list[Row]], float | None]:
    def measured(rows: list[Row]) -> float | None:
        named = [row for row in rows if _pick(section, data, case)(row) and row.label == label]
        return value(named[0]) if named else None

    return measured


def _first_sight(rows: list[Row]) -> float | None:
    case = ("masks", "decay-1m", "k=20, 5%")
    theirs = _against(*case, "faiss flat")(rows)
    ours = _against(*case, "recsys, first sight")(rows)
    return None if theirs is None or ours is None else theirs / ours


def _free_over_masked(mask: str, data: str) -> Callable[[list[Row]], float | None]:
    """How often a call without a mask takes the time of one with it, seen before."""
    return _against("masks", data, f"k=20, {mask}", "recsys, no mask")


def _graphs(data: str) -> Callable[[list[Row]], float | None]:
    def measured(rows: list[Row]) -> float | None:
        reached = [row for row in rows if (row.recall or 0) >= 0.95 or row.section != "graphs"]
        pick = _pick("graphs", data, "k=10")
        return _least(
            lambda row: pick(row) and "HNSW" in row.label.upper().replace("HNSWLIB", "HNSW"),
            is_exact=False,
        )(reached)

    return measured


def _avx2(data: str, case: str) -> Callable[[list[Row]], float | None]:
    def measured(rows: list[Row]) -> float | None:
        slower = _against("simd", data, case, "recsys, avx2")(rows)
        return None if slower is None else 1 / slower

    return measured


def _correct(rows: list[Row]) -> float | None:
    compared = [row for row in rows if row.compared]
    return float(not any(row.mismatches for row in compared)) if compared else None


_FAISS = "faiss flat"
_BEST_BLAS = "faiss flat, BLAS"


def _batch(data: str) -> Callable[[list[Row]], float | None]:
    return _least(_pick("batch", data, "k=10", _FAISS))


AIMS = (
    Aim(text="1 query, 1M decaying, faiss", ship=60, moonshot=200, measured=_against("single", "decay-1m", "k=10", _FAISS)),
    Aim(text="the same, best exact peer", ship=45, moonshot=150, measured=_least(_pick("single", "decay-1m", "k=10"))),
    Aim(text="1 query, 1M hard, faiss", ship=4, moonshot=10, measured=_against("single", "hard-1m", "k=10", _FAISS)),
    Aim(text="the same, best exact peer", ship=3, moonshot=7, measured=_least(_pick("single", "hard-1m", "k=10"))),
    Aim(text="1 query, gowalla, faiss", ship=20, moonshot=60, measured=_against("single", "gowalla", "k=10", _FAISS)),
    Aim(text="1 query, 1M decaying, k=100, faiss", ship=15, moonshot=50, measured=_against("single", "decay-1m", "k=100", _FAISS)),
    Aim(text="1,000 queries, 1M decaying, best faiss", ship=12, moonshot=40, measured=_batch("decay-1m")),
    Aim(text="1,000 queries, 1M hard, best faiss", ship=3, moonshot=5, measured=_batch("hard-1m")),
    Aim(text="mask 5 %, 1M, repeated, faiss", ship=80, moonshot=300, measured=_against("masks", "decay-1m", "k=20, 5%", _FAISS)),
    Aim(text="the same at first sight", ship=5, moonshot=15, measured=_first_sight),
    Aim(text="two workers, 200k, faiss", ship=25, moonshot=70, measured=_against("workers", "decay-200k", "k=10", "faiss flat, 1 thread")),
    Aim(text="dense pass, share of read bandwidth", ship=0.85, moonshot=0.97, measured=_value("single", "hard-1m", "k=10", "recsys", lambda row: row.read_share)),
    Aim(text="dense batch, share of VNNI", ship=0.55, moonshot=0.8, measured=lambda rows: next((row.multiply_share for row in rows if _pick("batch", "hard-1m", "k=10")(row) and row.multiply_share), None)),
    Aim(text="HNSW at recall .95, gowalla", ship=1, moonshot=2, measured=_graphs("gowalla")),
    Aim(text="HNSW at recall .95, mall 200k", ship=1, moonshot=2, measured=_graphs("mall-200k")),
    Aim(text="mask 50 % at most 1.2 x no mask, 1M decaying", ship=1 / 1.2, moonshot=1, measured=_free_over_masked("50%", "decay-1m")),
    Aim(text="mask 0.5 % faster than none, 1M decaying", ship=3, moonshot=10, measured=_free_over_masked("0.5%", "decay-1m")),
    Aim(text="AVX2 alone keeps, 1M decaying", ship=0.8, moonshot=1, measured=_avx2("decay-1m", "k=10, time")),
    Aim(text="AVX2 alone keeps, 1M hard", ship=0.8, moonshot=1, measured=_avx2("hard-1m", "k=10, time")),
    Aim(text="no wrong answer", ship=1, moonshot=1, measured=_correct),
)  # fmt: skip


def lines(rows: list[Row]) -> list[str]:
    """Each aim with what was measured, and a word on it."""
    found = [f"{'aim':48}{'measured':>10}{'ship':>8}{'moonshot':>10}"]
    for aim in AIMS:
        value = aim.measured(rows)
        if value is None:
            found.append(
                f"{aim.text:48}{'-':>10}{aim.ship:>8.3g}{aim.moonshot:>10.3g}  not measured"
            )
            continue
        word = "moonshot" if value >= aim.moonshot else "met" if value >= aim.ship else "MISSED"
        found.append(f"{aim.text:48}{value:>10.3g}{aim.ship:>8.3g}{aim.moonshot:>10.3g}  {word}")
    compared, wrong = sum(row.compared for row in rows), sum(row.mismatches for row in rows)
    return [*found, f"{compared:,} answers compared with the float64 reference, {wrong} wrong"]
