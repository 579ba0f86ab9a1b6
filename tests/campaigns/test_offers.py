"""Where offers will come in: whoever chooses them is asked for those who get something."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from recsys.campaigns import Batch, BatchQuery, CampaignSettings, FrequencyRules, SuppressionCause
from recsys.consent import Purpose
from recsys.domain import Channel, Identifier, ItemId
from recsys.profiles import Person
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.serving.storage import Storage
from storage.event_log_contract import NOW, event
from support.bundles import make_bundle, two_worlds


class Named:
    """Gives everybody an offer with her name."""

    def choose(
        self, people: Sequence[Person], channel: Channel | None, *, now: float
    ) -> Sequence[str]:
        """As `OfferChooser.choose`."""
        assert (channel, now) == (Channel.EMAIL, NOW)
        return [f"for-{one.identifiers[0].value}" for one in people]


def no_categories(item_ids: Collection[ItemId], /, *, now: float) -> Mapping[ItemId, str]:
    """As `CategoriesOf`."""
    del item_ids, now
    return {}


def test_an_offer_is_chosen_for_each_who_gets_something(
    tmp_path: Path, open_one: Callable[[str], Storage]
) -> None:
    """And for nobody else."""
    store = open_one(str(tmp_path / "store.sqlite"))
    assert store.log is not None
    assert store.campaign_people is not None
    anna, ben = Identifier("account", "anna"), Identifier("account", "ben")
    store.log.append([event("e", who=[anna], items=["i1"]), event("f", who=[ben], items=["i2"])])
    ids = [f"i{row}" for row in range(6)]
    model = ServingModel.from_bundle(make_bundle(tmp_path / "v1", ids, factors=two_worlds(6)))
    batch = Batch(
        BatchQuery(
            question=RecommendQuery(channel=Channel.EMAIL, result_count=2),
            purpose=Purpose.PERSONALISE, as_of=NOW, send_time=NOW,
        ),
        people=store.campaign_people,
        recommender=Recommender(histories=store.histories),
        settings=CampaignSettings(
            time_zone=dt.UTC, messages_by_default=False, frequency=FrequencyRules,
            categories_of=no_categories, offers=Named(),
        ),
    )  # fmt: skip
    part = batch.subjects(model, [(anna,), (Identifier("account", "nobody"),), (ben,)])
    assert [(one.offer_id, one.suppression) for one in part.people] == [
        ("for-anna", None), ("", SuppressionCause.UNKNOWN), ("for-ben", None),
    ]  # fmt: skip
