"""One value per person and metric, kept so that models can be compared person by person.

People are the numbers that the data gives them; no id of anybody is written.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.errors import InvalidData
from recsys.sparse import expand_rows
from training.metrics import Targets, accuracy, find_hits
from training.ragged import positions_of_rows
from training.ranking import RankedItems

F64 = NDArray[np.float64]

_CUT, _LISTS, _USER = "cut", "lists", "user"
_DIGEST_CHARS = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UserValues:
    """What lists of one kind do for each person who has something to be found.

    Attributes:
        users: Numbers of the people, ascending, int32, shape (m,).
        values: For each metric, such as `recall_at_20`, shape (m,); NaN where it is
            not defined for a person.
        digest: Names the people and what is to be found; values of two models may be
            paired if it is the same.
    """

    users: NDArray[np.int32]
    values: dict[str, F64]
    digest: str

    def __len__(self) -> int:
        return len(self.users)

    def means(self) -> dict[str, float]:
        """Return the mean of each metric over those for whom it is defined."""
        return {
            name: float(values[known].mean())
            for name, values in self.values.items()
            if (known := np.isfinite(values)).any()
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """The people of a kind of list who have something to be found: m of all rows.

    Attributes:
        rows: Their rows among all who were asked about, ascending.
        targets: What is to be found for them.
        hits: Which cells of their lists are right, shape (m, k).
        ranked: Their lists.
    """

    rows: NDArray[np.int64]
    targets: Targets
    hits: NDArray[np.bool_]
    ranked: RankedItems


def asked(ranked: RankedItems, targets: Targets, *, item_count: int) -> Asked:
    """Leave out people without targets, and find the hits of the others."""
    rows = np.flatnonzero(targets.counts)
    indptr, positions = positions_of_rows(targets.indptr, rows)
    theirs = Targets(indptr, targets.items[positions])
    lists = RankedItems(items=ranked.items[rows], counts=ranked.counts[rows])
    return Asked(
        rows=rows,
        targets=theirs,
        hits=find_hits(lists.items, lists.counts, theirs, item_count=item_count),
        ranked=lists,
    )


def user_values(
    people: Asked,
    *,
    users: NDArray[np.int32],
    k: tuple[int, ...],
    item_codes: NDArray[np.int32] | None = None,
) -> UserValues:
    """Measure accuracy person by person.

    Args:
        people: Those with something to be found.
        users: Numbers of all who were asked about.
        k: List lengths, positive.
        item_codes: Numbers of items that go into the digest, where their own depend on
            chance; None for their own.
    """
    values = {
        f"{name}_at_{length}": found
        for length in k
        for name, found in accuracy(people.hits, people.targets.counts, length).items()
    }
    numbers = users[people.rows]
    digest = hashlib.sha256(numbers.tobytes())
    digest.update(people.targets.counts.tobytes())
    items = people.targets.items
    if item_codes is not None:
        codes = item_codes[items]
        items = codes[np.lexsort((codes, expand_rows(people.targets.indptr)))]
    digest.update(items.tobytes())
    return UserValues(users=numbers, values=values, digest=digest.hexdigest()[:_DIGEST_CHARS])


def write_user_values(path: Path, cuts: Mapping[str, Mapping[str, UserValues]]) -> None:
    """Write the values of every kind of list at every cut as one Parquet file.

    Columns are `cut`, `lists`, `user` and one per metric.

    Args:
        path: The file.
        cuts: By name of the cut, then of the lists.
    """
    frames = [
        pl.DataFrame({_USER: values.users, **values.values}).select(
            pl.lit(cut).alias(_CUT), pl.lit(lists).alias(_LISTS), pl.all()
        )
        for cut, kinds in cuts.items()
        for lists, values in kinds.items()
        if len(values)
    ]
    schema = {_CUT: pl.String, _LISTS: pl.String, _USER: pl.Int32}
    frame = pl.concat(frames, how="diagonal") if frames else pl.DataFrame(schema=schema)
    frame.write_parquet(path, compression="zstd")


def read_user_values(path: Path) -> dict[str, dict[str, UserValues]]:
    """Read what `write_user_values` wrote; digests are not kept there.

    Raises:
        InvalidData: The file is missing or something else.
    """
    try:
        frame = pl.read_parquet(path)
        metrics = [name for name in frame.columns if name not in (_CUT, _LISTS, _USER)]
        cuts: dict[str, dict[str, UserValues]] = {}
        for (cut, lists), part in frame.group_by(_CUT, _LISTS, maintain_order=True):
            columns = {name: part[name].to_numpy() for name in metrics if part[name].count()}
            cuts.setdefault(str(cut), {})[str(lists)] = UserValues(
                users=part[_USER].to_numpy(), values=columns, digest=""
            )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InvalidData(path=str(path), problem=str(error)) from error
    return cuts
