"""An assignment as files: who gets what, and the prices to decide by from here on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.allocation.allocate import Allocation
from training.allocation.pairs_file import COST, USER_ID, VALUE, Pairs
from training.allocation.problem import CHUNK, Limit


def write_assigned(path: Path, pairs: Pairs, allocation: Allocation) -> int:
    """Write a line for each assignment, person by person; returns how many.

    Columns: user_id, offer_id (or item_id), value, cost, and net_value, which is the value after the prices of what
    is scarce.
    """
    users, names = pa.array(pairs.user_ids), pa.array(pairs.choice_ids)
    prices = allocation.prices
    written = 0
    schema = pa.schema(
        [
            (USER_ID, pa.string()),
            (pairs.choice_name, pa.string()),
            (VALUE, pa.float32()),
            (COST, pa.float32()),
            ("net_value", pa.float64()),
        ]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, len(pairs.choices), CHUNK):
            taken = np.flatnonzero(allocation.chosen[first : first + CHUNK]) + first
            persons = np.searchsorted(pairs.starts, taken, side="right") - 1
            choices, values, costs = pairs.choices[taken], pairs.values[taken], pairs.costs[taken]
            net = values - prices.unit[choices] - prices.spend[choices] * costs
            table = pa.table(
                [
                    users.take(pa.array(persons)),
                    names.take(pa.array(choices)),
                    values,
                    costs,
                    net.astype(np.float64),
                ],
                schema=schema,
            )
            writer.write_table(table)
            written += len(taken)
    return written


def summary(pairs: Pairs, allocation: Allocation) -> dict[str, Any]:
    """Return what an assignment is worth, what it uses, and its prices, ready for JSON."""
    prices = allocation.prices
    things = f"{pairs.choice_name.removesuffix('_id')}s"
    return {
        "value": allocation.value,
        "bound": allocation.bound if np.isfinite(allocation.bound) else None,
        "gap": allocation.gap,
        "people": len(pairs.user_ids),
        "assigned": int(allocation.chosen.sum(dtype=np.int64)),
        "limits": [
            {
                "name": used.limit.name,
                # All of them, unless it is said which.
                **_named(things, used.limit, pairs),
                "of": "cost" if used.limit.of_costs else "count",
                "used": used.amount,
                "lower": used.limit.lower,
                "upper": used.limit.upper if np.isfinite(used.limit.upper) else None,
                "price": used.price,
                "is_met": used.is_met,
            }
            for used in allocation.used
        ],
        things: {
            name: {"unit_price": unit, "cost_price": spend}
            for name, unit, spend in zip(
                pairs.choice_ids, prices.unit.tolist(), prices.spend.tolist(), strict=True
            )
        },
    }


def _named(things: str, limit: Limit, pairs: Pairs) -> dict[str, list[str]]:
    if len(limit.choices) == len(pairs.choice_ids):
        return {}
    return {things: [pairs.choice_ids[row] for row in limit.choices]}


def write_summary(path: Path, pairs: Pairs, allocation: Allocation) -> None:
    """Write `summary` as JSON."""
    path.write_text(json.dumps(summary(pairs, allocation), indent=2) + "\n", "utf-8")
