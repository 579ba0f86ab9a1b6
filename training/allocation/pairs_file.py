"""Who may get what, from Parquet files of any size, into arrays mapped from disk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recsys.errors import InvalidData
from training.allocation.problem import F32, I32, I64, people_blocks

USER_ID, OFFER_ID, ITEM_ID, VALUE, COST = "user_id", "offer_id", "item_id", "value", "cost"
_BATCH = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """What a file says, by person; arrays are mapped from files.

    Attributes:
        user_ids: By person, in the order in which they are first named.
        choice_name: What choices are: `offer_id` or `item_id`.
        choice_ids: By choice, in the order in which they are first named.
        starts: Of each person's pairs, int64, shape (people + 1,).
        choices: Rows of offers or items, int32, shape (pairs,).
        values: float32, shape (pairs,).
        costs: float32, shape (pairs,); all 0 where files have no column `cost`.
    """

    user_ids: Sequence[str]
    choice_name: str
    choice_ids: Sequence[str]
    starts: I64
    choices: I32
    values: F32
    costs: F32


def read_pairs(paths: Sequence[Path], *, names: Mapping[str, str], scratch: Path) -> Pairs:
    """Read pairs in two passes: count those of each person, then put each in its place.

    Args:
        paths: Parquet files with user_id, offer_id or item_id, value and, where they cost
            something, cost; lines in any order.
        names: New column name by the files' own.
        scratch: An empty folder for arrays; 12 bytes a pair.

    Raises:
        InvalidData: A file cannot be read, lacks a column, has empty cells or names a pair
            twice.
    """
    choice_name = _choice_name(paths, names)
    # From here on it has one name, whatever it is.
    names = {ITEM_ID: OFFER_ID, **names} if choice_name == ITEM_ID else names
    names = {old: OFFER_ID if new == choice_name else new for old, new in names.items()}
    users, offers = _Ids(), _Ids()
    counts = np.zeros(0, dtype=np.int64)
    for _, batch in _batches(paths, names, [USER_ID]):
        rows = users.rows(batch.column(0))
        found = np.bincount(rows, minlength=len(users.ids)).astype(np.int64)
        found[: len(counts)] += counts
        counts = found
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    pair_count = int(starts[-1])
    if pair_count == 0:
        raise InvalidData(path=_joined(paths), problem="holds no lines")
    choices = _mapped(scratch / "choices", np.int32, pair_count)
    values = _mapped(scratch / "values", np.float32, pair_count)
    costs = _mapped(scratch / "costs", np.float32, pair_count)
    filled = starts[:-1].copy()
    for path, batch in _batches(paths, names, [USER_ID, OFFER_ID, VALUE, COST]):
        persons = users.rows(batch.column(USER_ID))
        if len(users.ids) != len(counts):
            raise InvalidData(path=str(path), problem="changed while it was read")
        order = np.argsort(persons, kind="stable")
        persons = persons[order]
        firsts = np.r_[True, persons[1:] != persons[:-1]]
        sizes = np.diff(np.r_[np.flatnonzero(firsts), len(persons)])
        places = (
            filled[persons] + np.arange(len(persons)) - np.repeat(np.flatnonzero(firsts), sizes)
        )
        filled[persons[firsts]] += sizes
        choices[places] = offers.rows(batch.column(OFFER_ID))[order]
        values[places] = _numbers(batch, VALUE, path)[order]
        costs[places] = _numbers(batch, COST, path)[order]
    pairs = Pairs(
        user_ids=users.ids,
        choice_name=choice_name,
        choice_ids=offers.ids,
        starts=starts,
        choices=choices,
        values=values,
        costs=costs,
    )
    _refuse_twice(pairs, _joined(paths))
    return pairs


class _Ids:
    """Texts and their rows, in the order of first use."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._rows: dict[str, int] = {}

    def rows(self, column: pa.Array) -> I64:
        """Return the row of each text; new ones get the next."""
        encoded = pc.dictionary_encode(column)
        found = np.empty(len(encoded.dictionary), dtype=np.int64)
        for number, text in enumerate(encoded.dictionary.to_pylist()):
            row = self._rows.get(text)
            if row is None:
                row = self._rows[text] = len(self.ids)
                self.ids.append(text)
            found[number] = row
        rows: I64 = found[encoded.indices.to_numpy(zero_copy_only=False)]
        return rows


def _choice_name(paths: Sequence[Path], names: Mapping[str, str]) -> str:
    """Say whether files are about offers or about items."""
    found: dict[str, Path] = {}
    for path in paths:
        own = {names.get(name, name) for name in _columns(path)}
        found.setdefault(ITEM_ID if ITEM_ID in own and OFFER_ID not in own else OFFER_ID, path)
    if len(found) > 1:
        problem = f"is about items, and {found[OFFER_ID]} is not"
        raise InvalidData(path=str(found[ITEM_ID]), problem=problem)
    return next(iter(found), OFFER_ID)


def _columns(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise InvalidData(path=str(path), problem=str(error)) from error


def _batches(
    paths: Sequence[Path], names: Mapping[str, str], columns: Sequence[str]
) -> Iterator[tuple[Path, pa.RecordBatch]]:
    """Yield batches with these columns, texts and numbers checked for being there."""
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                own = {names.get(name, name): name for name in file.schema_arrow.names}
                missing = [name for name in columns if name not in own and name != COST]
                if missing:
                    problem = f"has no {', '.join(missing)}; it has {', '.join(own)}"
                    raise InvalidData(path=str(path), problem=problem)
                wanted = [own[name] for name in columns if name in own]
                for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
                    yield path, _canonical(batch, names, path)
        except (OSError, pa.ArrowException) as error:
            raise InvalidData(path=str(path), problem=str(error)) from error


def _canonical(batch: pa.RecordBatch, names: Mapping[str, str], path: Path) -> pa.RecordBatch:
    columns, found = [], []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        ours = names.get(name, name)
        if column.null_count:
            raise InvalidData(path=str(path), problem=f"has empty cells in {name}")
        if ours in (USER_ID, OFFER_ID):
            column = pc.cast(column, pa.string())  # noqa: PLW2901 - one name for one column
        columns.append(column)
        found.append(ours)
    return pa.RecordBatch.from_arrays(columns, names=found)


def _numbers(batch: pa.RecordBatch, name: str, path: Path) -> NDArray[np.float32]:
    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, dtype=np.float32)
    try:
        found = pc.cast(batch.column(name), pa.float32(), safe=False)
    except pa.ArrowException as error:
        raise InvalidData(path=str(path), problem=f"{name}: {error}") from error
    numbers: NDArray[np.float32] = found.to_numpy(zero_copy_only=False)
    if not np.isfinite(numbers).all() or (name == COST and (numbers < 0).any()):
        allowed = "finite and not negative" if name == COST else "finite"
        line = int(np.flatnonzero(~np.isfinite(numbers) | ((name == COST) & (numbers < 0)))[0])
        user = batch.column(USER_ID)[line].as_py()
        problem = f"{name} of user {user!r} is {numbers[line]}; allowed are {allowed} numbers"
        raise InvalidData(path=str(path), problem=problem)
    return numbers


def _refuse_twice(pairs: Pairs, path: str) -> None:
    """Refuse pairs that are there twice; in blocks of people, by sorting each."""
    for first, stop in people_blocks(pairs.starts):
        persons = np.repeat(np.arange(first, stop), np.diff(pairs.starts[first : stop + 1]))
        keys = persons * len(pairs.choice_ids)
        keys += pairs.choices[pairs.starts[first] : pairs.starts[stop]]
        keys.sort()
        again = np.flatnonzero(keys[1:] == keys[:-1])
        if len(again):
            person, choice = divmod(int(keys[again[0]]), len(pairs.choice_ids))
            kind = pairs.choice_name.removesuffix("_id")
            problem = f"names user {pairs.user_ids[person]!r} and {kind} "
            raise InvalidData(path=path, problem=f"{problem}{pairs.choice_ids[choice]!r} twice")


def _mapped(path: Path, dtype: type[np.generic], count: int) -> NDArray[Any]:
    return np.memmap(path, dtype=dtype, mode="w+", shape=(count,))


def _joined(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))
