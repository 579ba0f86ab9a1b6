"""An assignment as files: who gets what, and the prices to decide by from here on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.allocation.allocate import Allocation
from training.allocation.pairs_file import COST, OFFER_ID, USER_ID, VALUE, Pairs
from training.allocation.problem import CHUNK


def write_assigned(path: Path, pairs: Pairs, allocation: Allocation) -> int:
    """Write a line for each assignment, person by person; returns how many.

    Columns: user_id, offer_id, value, cost, and net_value, which is the value after the prices of what
    is scarce.
    """
    users, offers = pa.array(pairs.user_ids), pa.array(pairs.offer_ids)
    prices = allocation.prices
    written = 0
    schema = pa.schema(
        [
            (USER_ID, pa.string()),
            (OFFER_ID, pa.string()),
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
                    offers.take(pa.array(choices)),
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
    return {
        "value": allocation.value,
        "bound": allocation.bound if np.isfinite(allocation.bound) else None,
        "gap": allocation.gap,
        "people": len(pairs.user_ids),
        "assigned": int(allocation.chosen.sum(dtype=np.int64)),
        "limits": [
            {
                "name": used.limit.name,
                "of": "cost" if used.limit.of_costs else "count",
                "used": used.amount,
                "lower": used.limit.lower,
                "upper": used.limit.upper if np.isfinite(used.limit.upper) else None,
                "price": used.price,
                "is_met": used.is_met,
            }
            for used in allocation.used
        ],
        "offers": {
            offer_id: {"unit_price": unit, "cost_price": spend}
            for offer_id, unit, spend in zip(
                pairs.offer_ids, prices.unit.tolist(), prices.spend.tolist(), strict=True
            )
        },
    }


def write_summary(path: Path, pairs: Pairs, allocation: Allocation) -> None:
    """Write `summary` as JSON."""
    path.write_text(json.dumps(summary(pairs, allocation), indent=2) + "\n", "utf-8")
