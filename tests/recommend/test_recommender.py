"""Who is known gets her own list, everyone else what is popular here; each result says which."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from recsys.bundle import PriorRows
from recsys.consent import Consent, ConsentStatus, Permission, Purpose, consent_bits
from recsys.domain import (
    Channel,
    EventType,
    FallbackCause,
    Identifier,
    ItemEvent,
    ItemId,
    ReasonKind,
    ShortfallCause,
    StoreId,
)
from recsys.errors import ItemNotFound, StorageUnavailable
from recsys.events import History, OneByOne
from recsys.features import FoldInConfig, HistoryConfig
from recsys.recommend import (
    NOTE_NO_CONSENT,
    NOTE_STORAGE_UNAVAILABLE,
    NOTE_UNKNOWN_ITEM,
    NOTE_UNKNOWN_STORE,
    NOTE_UNKNOWN_SUBJECT,
    Answer,
    Recommender,
    RecommendQuery,
    ServingModel,
    SimilarQuery,
)
from recsys.recommend.influence import influences
from support.bundles import make_bundle, sparse, two_worlds
from support.remembered import ANNA, NOW, Memory

ITEM_IDS = [f"item-{row}" for row in range(12)]


def event(
    item_id: str, event_type: EventType = EventType.PURCHASE_COMPLETE, *, age: float = 60.0
) -> ItemEvent:
    """Make an event, a minute old unless said otherwise."""
    return ItemEvent(
        item_id=ItemId(item_id),
        event_type=event_type,
        channel=Channel.WEB,
        event_time=NOW - age,
    )


class Broken(OneByOne):
    """A storage that is down."""

    def history(
        self, identifiers: Sequence[Identifier], *, event_count_max: int, permission: Permission
    ) -> History | None:
        """Fail as an adapter does."""
        del permission
        raise StorageUnavailable(storage="test", problem=f"{len(identifiers)}/{event_count_max}")


@pytest.fixture
def model(tmp_path: Path) -> ServingModel:
    """Twelve items: even ones alike, odd ones alike; row 11 leads in store 7."""
    return ServingModel.from_bundle(
        make_bundle(
            tmp_path / "v1",
            ITEM_IDS,
            factors=two_worlds(12),
            popular={"store:7": [11, 10], "channel:email": [5]},
        )
    )


@pytest.fixture
def recommender() -> Recommender:
    """Anna bought two even items."""
    return Recommender(histories=Memory({ANNA: [event("item-0"), event("item-2")]}))


def ids(answer: Answer) -> list[str]:
    """Item ids in order."""
    return [result.item_id for result in answer.results]


def kinds(answer: Answer) -> list[ReasonKind]:
    """Reason kinds in order."""
    return [result.reason.kind for result in answer.results]


def test_the_store_of_a_request_lifts_what_it_sells(
    tmp_path: Path, recommender: Recommender
) -> None:
    """Its row of priors is added, else that of the channel; elsewhere nothing is."""
    rows = {
        name: np.eye(12, dtype=np.float32)[item] * np.float32(100.0)
        for name, item in (("store:7", 9), ("channel:web", 5))
    }
    bundle = make_bundle(
        tmp_path / "v1", ITEM_IDS, factors=two_worlds(12), priors=PriorRows.from_rows(rows)
    )
    model = ServingModel.from_bundle(bundle)

    def first(channel: Channel | None, store_id: str | None) -> str:
        store = None if store_id is None else StoreId(store_id)
        query = RecommendQuery(identifiers=(ANNA,), channel=channel, store_id=store)
        personal = recommender.recommend(model, query, now=NOW).results[0]
        assert personal.reason.kind is ReasonKind.PERSONAL
        similar = SimilarQuery(item_id=ItemId("item-0"), channel=channel, store_id=store)
        assert recommender.similar(model, similar, now=NOW).results[0].item_id in {
            personal.item_id,
            "item-2",  # Anna has bought it.
        }
        return personal.item_id

    assert first(None, "7") == first(Channel.WEB, "7") == "item-9"
    assert first(Channel.WEB, None) == first(Channel.WEB, "8") == "item-5"
    assert first(None, None) == first(Channel.EMAIL, "8") == "item-4"


def test_a_known_person_gets_more_of_what_she_likes(
    model: ServingModel, recommender: Recommender
) -> None:
    """Even items for the lover of even items, new ones only, all labelled personal."""
    answer = recommender.recommend(
        model, RecommendQuery(identifiers=(ANNA,), result_count=4), now=NOW
    )
    assert ids(answer) == ["item-4", "item-6", "item-8", "item-10"]
    assert set(kinds(answer)) == {ReasonKind.PERSONAL}
    assert answer.shortfall is None
    assert answer.model_version == "v1"


def test_seen_items_come_back_on_request(model: ServingModel, recommender: Recommender) -> None:
    """With include_seen the strongest even items are the bought ones."""
    answer = recommender.recommend(
        model, RecommendQuery(identifiers=(ANNA,), result_count=2, include_seen=True), now=NOW
    )
    assert ids(answer) == ["item-0", "item-2"]


def test_the_session_counts_beside_the_stored_history(
    model: ServingModel, recommender: Recommender
) -> None:
    """Views of odd items just now bring odd items into the answer."""
    session = tuple(event(f"item-{row}") for row in (1, 3, 5))
    answer = recommender.recommend(
        model, RecommendQuery(identifiers=(ANNA,), recent_events=session, result_count=4), now=NOW
    )
    assert {int(item.removeprefix("item-")) % 2 for item in ids(answer)} == {0, 1}
    assert not set(ids(answer)) & {line.item_id for line in session}


def test_a_visitor_with_three_views_gets_similar_items(
    model: ServingModel, recommender: Recommender
) -> None:
    """Nothing stored: the reason is similarity, and names a viewed item."""
    session = tuple(event(f"item-{row}", EventType.DETAIL_PAGE_VIEW) for row in (1, 3, 5))
    answer = recommender.recommend(
        model, RecommendQuery(recent_events=session, result_count=3), now=NOW
    )
    assert ids(answer) == ["item-7", "item-9", "item-11"]
    assert set(kinds(answer)) == {ReasonKind.SIMILAR}
    assert {result.reason.similar_to for result in answer.results} <= {"item-1", "item-3", "item-5"}


@pytest.mark.parametrize(
    ("store_id", "channel", "expected"),
    [
        ("7", None, [("item-11", ReasonKind.POPULAR_HERE), ("item-10", ReasonKind.POPULAR_HERE)]),
        (
            None,
            Channel.EMAIL,
            [("item-5", ReasonKind.POPULAR_HERE), ("item-0", ReasonKind.POPULAR)],
        ),
        (
            "nowhere",
            Channel.WEB,
            [("item-0", ReasonKind.POPULAR), ("item-1", ReasonKind.POPULAR)],
        ),
    ],
    ids=["in the store", "on the channel, then everywhere", "unknown store, channel without list"],
)
def test_a_stranger_gets_what_is_popular_here(
    model: ServingModel,
    recommender: Recommender,
    store_id: str | None,
    channel: Channel | None,
    expected: list[tuple[str, ReasonKind]],
) -> None:
    """The narrowest popular list first; each result says which list it is from."""
    answer = recommender.recommend(
        model,
        RecommendQuery(
            store_id=StoreId(store_id) if store_id else None, channel=channel, result_count=2
        ),
        now=NOW,
    )
    assert list(zip(ids(answer), kinds(answer), strict=True)) == expected


def test_what_is_unknown_is_noted_and_not_an_error(
    model: ServingModel, recommender: Recommender
) -> None:
    """Operators can count unknown people, items and stores."""
    answer = recommender.recommend(
        model,
        RecommendQuery(
            identifiers=(Identifier("account", "nobody"),),
            store_id=StoreId("nowhere"),
            recent_events=(event("no-such-item"),),
            result_count=3,
        ),
        now=NOW,
    )
    assert answer.notes == {NOTE_UNKNOWN_SUBJECT, NOTE_UNKNOWN_STORE, NOTE_UNKNOWN_ITEM}
    assert set(kinds(answer)) == {ReasonKind.POPULAR}


def test_a_dead_storage_still_answers_from_the_session(model: ServingModel) -> None:
    """The shop does not go dark with its database."""
    broken = Recommender(histories=Broken())
    anonymous = broken.recommend(
        model, RecommendQuery(identifiers=(ANNA,), result_count=2), now=NOW
    )
    assert set(kinds(anonymous)) == {ReasonKind.POPULAR}
    in_session = broken.recommend(
        model,
        RecommendQuery(identifiers=(ANNA,), recent_events=(event("item-1"),), result_count=2),
        now=NOW,
    )
    assert ids(in_session) == ["item-3", "item-5"]
    assert NOTE_STORAGE_UNAVAILABLE in anonymous.notes & in_session.notes
    causes = {one.reason.fallback_cause for one in [*anonymous.results, *in_session.results]}
    assert causes == {FallbackCause.STORAGE_UNAVAILABLE}


def test_a_dead_storage_uses_no_session_where_consent_must_be_given_first(
    model: ServingModel,
) -> None:
    """Nobody knows whether she has given it."""
    broken = Recommender(histories=Broken(), personalises_by_default=False)
    query = RecommendQuery(identifiers=(ANNA,), recent_events=(event("item-1"),), result_count=2)
    answer = broken.recommend(model, query, now=NOW)
    assert set(kinds(answer)) == {ReasonKind.POPULAR}
    assert {one.reason.fallback_cause for one in answer.results} == {
        FallbackCause.STORAGE_UNAVAILABLE
    }


@pytest.mark.parametrize("by_default", [True, False])
def test_a_dead_storage_allows_nothing_where_consent_must_be_given_first(
    model: ServingModel,
    by_default: bool,  # noqa: FBT001 - a table column
) -> None:
    """What asks whether anything may be known of her hears the same as answers do."""
    query = RecommendQuery(identifiers=(ANNA,))
    acquaintance = Recommender(histories=Broken(), personalises_by_default=by_default).acquaintance
    assert acquaintance.may_know(query) is by_default
    assert acquaintance.known(model, query, set(), now=NOW).is_allowed is by_default


@pytest.mark.parametrize(
    ("status", "by_default", "is_personal"),
    [
        (None, True, True),
        (None, False, False),
        (ConsentStatus.GRANTED, False, True),
        (ConsentStatus.DENIED, True, False),
        (ConsentStatus.WITHDRAWN, True, False),
    ],
    ids=["opt-out", "opt-in", "granted", "denied", "withdrawn"],
)
def test_without_consent_answers_are_popular_and_say_why(
    model: ServingModel,
    status: ConsentStatus | None,
    by_default: bool,  # noqa: FBT001 - a table column
    is_personal: bool,  # noqa: FBT001 - a table column
) -> None:
    """Neither the history counts nor the session, not even to leave out what she knows."""
    consents = 0
    if status is not None:
        said = Consent(purpose=Purpose.PERSONALISE, status=status, time=0.0)
        consents = consent_bits([said])
    histories = Memory({ANNA: [event("item-0"), event("item-2")]}, consents=consents)
    recommender = Recommender(histories=histories, personalises_by_default=by_default)
    query = RecommendQuery(
        identifiers=(ANNA,),
        channel=Channel.EMAIL,
        store_id=StoreId("7"),
        recent_events=(event("item-11"),),
        result_count=4,
    )
    answer = recommender.recommend(model, query, now=NOW)
    if is_personal:
        assert set(kinds(answer)) == {ReasonKind.PERSONAL}
        assert answer.notes == set()
        return
    assert answer.notes == {NOTE_NO_CONSENT}
    assert ids(answer)[:3] == ["item-11", "item-10", "item-5"]
    assert kinds(answer) == [ReasonKind.POPULAR_HERE] * 3 + [ReasonKind.POPULAR]
    assert {one.reason.fallback_cause for one in answer.results} == {FallbackCause.NO_CONSENT}
    nobody = recommender.recommend(model, msgspec.structs.replace(query, identifiers=()), now=NOW)
    assert set(kinds(nobody)) == {ReasonKind.SIMILAR}


def test_excluding_everything_gives_an_empty_answer_with_the_cause(
    model: ServingModel, recommender: Recommender
) -> None:
    """No padding: nothing is left, and the shortfall says why."""
    for identifiers in ((), (ANNA,)):
        answer = recommender.recommend(
            model,
            RecommendQuery(
                identifiers=identifiers,
                excluded=tuple(ItemId(item) for item in [*ITEM_IDS, *ITEM_IDS]),
                result_count=5,
            ),
            now=NOW,
        )
        assert not answer.results
        assert answer.shortfall is not None
        assert answer.shortfall.missing_count == 5
        assert dict(answer.shortfall.parts) == {ShortfallCause.EXCLUDED: 12}


def test_a_page_larger_than_the_catalogue_says_so(
    model: ServingModel, recommender: Recommender
) -> None:
    """Twelve items cannot fill twenty places, less so with two of them seen."""
    answer = recommender.recommend(
        model, RecommendQuery(identifiers=(ANNA,), result_count=20), now=NOW
    )
    assert len(answer.results) == 10
    assert answer.shortfall is not None
    assert answer.shortfall.missing_count == 10
    assert answer.shortfall.parts == ((ShortfallCause.CATALOG, 8), (ShortfallCause.SEEN, 2))


def test_a_history_of_returned_goods_is_no_taste(model: ServingModel) -> None:
    """Bought and brought back: the person is answered as a stranger, the item stays seen."""
    histories = Memory({ANNA: [event("item-0"), event("item-0", EventType.RETURN)]})
    answer = Recommender(histories=histories).recommend(
        model, RecommendQuery(identifiers=(ANNA,), result_count=3), now=NOW
    )
    assert ids(answer) == ["item-1", "item-2", "item-3"]
    assert set(kinds(answer)) == {ReasonKind.POPULAR}


def test_similar_items_leave_the_item_itself_out(
    model: ServingModel, recommender: Recommender
) -> None:
    """Odd items resemble odd items; each result names the item asked for."""
    answer = recommender.similar(
        model, SimilarQuery(item_id=ItemId("item-3"), result_count=3), now=NOW
    )
    assert ids(answer) == ["item-1", "item-5", "item-7"]
    assert {result.reason.similar_to for result in answer.results} == {"item-3"}


def test_similar_items_of_an_unknown_item_are_not_found(
    model: ServingModel, recommender: Recommender
) -> None:
    """An unknown item is the caller's mistake and is named."""
    with pytest.raises(ItemNotFound, match="no-such-item"):
        recommender.similar(model, SimilarQuery(item_id=ItemId("no-such-item")), now=NOW)


def test_items_that_the_history_does_not_reach_are_labelled_popular(tmp_path: Path) -> None:
    """An item-item model ranks the rest by its prior and does not call that personal."""
    weights = np.zeros((4, 4), dtype=np.float32)
    weights[0, 1] = 1.0
    model = ServingModel.from_bundle(
        make_bundle(
            tmp_path / "ii",
            ["a", "b", "c", "d"],
            item_item=sparse(weights),
            prior=np.array([0.0, 0.0, 1e-3, 2e-3], dtype=np.float32),
        )
    )
    recommender = Recommender(histories=Memory({ANNA: [event("a")]}))
    answer = recommender.recommend(
        model, RecommendQuery(identifiers=(ANNA,), result_count=3), now=NOW
    )
    assert ids(answer) == ["b", "d", "c"]
    assert kinds(answer) == [ReasonKind.PERSONAL, ReasonKind.POPULAR, ReasonKind.POPULAR]


def test_an_empty_catalogue_answers_with_nothing(tmp_path: Path, recommender: Recommender) -> None:
    """No items is a legal, if sad, model."""
    model = ServingModel.from_bundle(make_bundle(tmp_path / "empty", []))
    answer = recommender.recommend(model, RecommendQuery(identifiers=(ANNA,)), now=NOW)
    assert not answer.results
    assert answer.shortfall is not None
    assert answer.shortfall.parts == ((ShortfallCause.CATALOG, 20),)


@pytest.mark.parametrize(
    "history_config",
    [
        HistoryConfig(),
        HistoryConfig(step_decay=0.5, length_exponent=0.5),
        HistoryConfig(step_decay=0.5, newest_boost=-3.0, decayed_vectors=True),
    ],
    ids=["as is", "decayed", "the newest held back"],
)
@pytest.mark.parametrize(
    "fold_in",
    [
        FoldInConfig(alpha=10.0, regularization=0.1),
        FoldInConfig(
            alpha=2.0, regularization=0.3, regularization_exponent=0.5, unobserved_weight=0.05
        ),
    ],
    ids=["hu", "rendle"],
)
def test_influences_sum_to_the_score(
    tmp_path: Path, fold_in: FoldInConfig, history_config: HistoryConfig
) -> None:
    """The parts of the history items are the whole score, less the prior."""
    rng = np.random.default_rng(3)
    item_item = rng.normal(size=(9, 9)).astype(np.float32) * (rng.random((9, 9)) < 0.4)
    prior = rng.normal(size=9).astype(np.float32)
    model = ServingModel.from_bundle(
        make_bundle(
            tmp_path / "full",
            ITEM_IDS[:9],
            factors=rng.normal(size=(9, 4)),
            item_item=sparse(item_item),
            prior=prior,
            fold_in=fold_in,
            history=history_config,
        )
    )
    history = History.from_events(
        [event("item-1"), event("item-4", age=60.0), event("item-4", age=7200.0)]
    )
    weights = model.item_weights(history, now=NOW)
    ranking = model.rank(weights, result_count=9)
    rows, scores = ranking.rows, ranking.scores
    parts = influences(model.scorer, model.fold_in, ranked=rows, history=weights)
    assert np.allclose(parts.sum(axis=1) + prior[rows], scores, atol=1e-5)
