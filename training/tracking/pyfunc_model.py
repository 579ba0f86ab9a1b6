"""A bundle as an MLflow pyfunc: `mlflow.pyfunc.load_model(uri).predict(frame)`.

MLflow stores this file beside the bundle and runs it when the model is loaded
("models from code"). It needs the installed `recsys` package and nothing of the
checkout that trained the model, and answers through the same code as the server.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from recsys import limits
from recsys.bundle import open_bundle
from recsys.domain import SECONDS_PER_DAY, Channel, EventType, ItemEvent, ItemId
from recsys.events import NoHistories
from recsys.recommend import Recommender, RecommendQuery, ServingModel

_BOUGHT = EventType.PURCHASE_COMPLETE.value


class BundleModel(PythonModel):
    """Recommends for one user per row.

    Columns: `item_ids` (what the user touched, oldest first) and, if wanted,
    `event_types`, `channels` and `ages_days` of the same length (else purchases,
    on an unknown channel, just now) and `user_id`, which is handed through.
    Parameters: `count` results and `include_seen`.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Map the bundle."""
        self._model = ServingModel.from_bundle(open_bundle(Path(context.artifacts["bundle"])))
        self._recommender = Recommender(histories=NoHistories())

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Recommend.

        Returns:
            One row per input row with its index: `user_id`, `item_ids`, `scores` and
            `reasons`, best first.

        Raises:
            ValueError: An event type or channel is unknown, or lengths differ.
        """
        del context
        options = {"count": limits.RESULT_COUNT_DEFAULT, "include_seen": False} | (params or {})
        count = max(1, min(int(options["count"]), limits.RESULT_COUNT_MAX))
        answers = [
            self._recommender.recommend(
                self._model,
                RecommendQuery(
                    recent_events=tuple(_events(row)),
                    result_count=count,
                    include_seen=bool(options["include_seen"]),
                ),
                now=0.0,
            ).results
            for row in model_input.to_dict("records")
        ]
        users = model_input.get("user_id", pd.Series([None] * len(model_input), dtype=object))
        return pd.DataFrame(
            {
                "user_id": list(users),
                "item_ids": [[result.item_id for result in results] for results in answers],
                "scores": [[result.score for result in results] for results in answers],
                "reasons": [[result.reason.kind.value for result in each] for each in answers],
            },
            index=model_input.index,
        )


def _events(row: dict[Any, Any]) -> Iterator[ItemEvent]:
    item_ids = list(row["item_ids"])
    columns = {
        name: _column(row, name, default=default, count=len(item_ids))
        for name, default in (("event_types", _BOUGHT), ("channels", ""), ("ages_days", 0.0))
    }
    newest = slice(-limits.HISTORY_EVENT_COUNT_MAX, None)
    for item_id, event_type, channel, age_days in list(
        zip(item_ids, *columns.values(), strict=True)
    )[newest]:
        yield ItemEvent(
            item_id=ItemId(item_id),
            event_type=EventType(event_type),
            channel=Channel(channel) if channel else None,
            event_time=-float(age_days) * SECONDS_PER_DAY,
        )


def _column(row: dict[Any, Any], name: str, *, default: Any, count: int) -> list[Any]:
    given = row.get(name)
    # A column that only some rows fill holds NaN in the others.
    if given is None or isinstance(given, float):
        return [default] * count
    values = list(given)
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} entries; item_ids has {count}")
    return values


set_model(BundleModel())
