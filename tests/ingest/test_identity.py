"""The identity rule: exactly one account or nobody's, whatever the order."""

import datetime as dt
import itertools

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training import columns
from training.ingest.identity import links, resolve, with_profiles

USERS = st.sampled_from([None, "u1", "u2", "u3"])
CARDS = st.sampled_from([None, "c1", "c2", "c3"])
VISITORS = st.sampled_from([None, "v1", "v2", "v3"])
ROWS = st.lists(st.tuples(USERS, CARDS, VISITORS).filter(any), min_size=1, max_size=12)
PAIRS = st.lists(
    st.tuples(st.sampled_from(["u1", "u2"]), st.sampled_from(["c1", "c2"])), max_size=4
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Row = tuple[str | None, str | None, str | None]
Pair = tuple[str, str]


def events(rows: list[Row]) -> pl.DataFrame:
    """Make events of identifiers."""
    return pl.DataFrame(
        {
            columns.EVENT_ID: [f"e{number}" for number in range(len(rows))],
            columns.EVENT_TIME: [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * len(rows),
            columns.USER_ID: [row[0] for row in rows],
            columns.LOYALTY_CARD: [row[1] for row in rows],
            columns.VISITOR_ID: [row[2] for row in rows],
        },
        schema_overrides=columns.EVENTS,
    ).match_to_schema(columns.EVENTS, missing_columns="insert")


def crm(pairs: list[Pair]) -> list[pl.DataFrame]:
    """Make a CRM's file."""
    schema = {columns.USER_ID: pl.String, columns.LOYALTY_CARD: pl.String}
    return [pl.DataFrame(pairs, schema=schema, orient="row")]


def profiles(rows: list[Row], pairs: list[Pair]) -> list[str]:
    """Resolve each row."""
    frame = events(rows)
    resolution = resolve(frame.lazy(), crm(pairs))
    return with_profiles(frame.lazy(), resolution).collect()[columns.PROFILE_ID].to_list()


def expected(row: Row, rows: list[Row], pairs: list[Pair]) -> str:
    """State the rule once more, plainly."""
    user, card, visitor = row
    if user is not None:
        return f"account:{user}"
    for position, value, namespace in ((1, card, "loyalty_card"), (2, visitor, "visitor")):
        if value is None:
            continue
        owners = {other[0] for other in rows if other[position] == value and other[0]}
        owners |= {owner for owner, held in pairs if position == 1 and held == value}
        return f"account:{owners.pop()}" if len(owners) == 1 else f"{namespace}:{value}"
    raise AssertionError


@QUICK
@given(rows=ROWS, pairs=PAIRS)
def test_the_rule_is_what_it_says(rows: list[Row], pairs: list[Pair]) -> None:
    """Every row finds the profile that the rule's plain statement gives."""
    assert profiles(rows, pairs) == [expected(row, rows, pairs) for row in rows]


@QUICK
@given(rows=ROWS, pairs=PAIRS, data=st.data())
def test_order_does_not_matter(rows: list[Row], pairs: list[Pair], data: st.DataObject) -> None:
    """Shuffled rows and pairs give the same profile to the same row."""
    order = data.draw(st.permutations(range(len(rows))))
    shuffled = profiles([rows[i] for i in order], pairs[::-1])
    straight = profiles(rows, pairs)
    assert shuffled == [straight[i] for i in order]


@QUICK
@given(rows=ROWS, pairs=PAIRS)
def test_seeing_something_twice_changes_nothing(rows: list[Row], pairs: list[Pair]) -> None:
    """Repeated rows and pairs are no further evidence."""
    assert profiles(rows + rows, pairs + pairs)[: len(rows)] == profiles(rows, pairs)


@QUICK
@given(rows=ROWS, pairs=PAIRS)
def test_links_lead_where_events_went(rows: list[Row], pairs: list[Pair]) -> None:
    """Asking by the identifier of a row that has just this one finds the row's profile."""
    frame = events(rows)
    resolution = resolve(frame.lazy(), crm(pairs))
    table = links(frame.lazy(), resolution, crm(pairs))
    assert table.schema == pl.Schema(columns.LINKS)
    assert table.select(columns.NAMESPACE, columns.VALUE).is_duplicated().sum() == 0
    leads = {(space, value): profile for space, value, profile in table.iter_rows()}
    for row, profile in zip(rows, profiles(rows, pairs), strict=True):
        names = zip(("account", "loyalty_card", "visitor"), row, strict=True)
        strongest = next(name for name in names if name[1] is not None)
        assert leads[strongest] == profile


def test_a_shared_tablet_does_not_glue_people_together() -> None:
    """Two accounts on one browser stay two people, and the anonymous third one its own."""
    rows: list[Row] = [("u1", None, "v"), ("u2", None, "v"), (None, None, "v")]
    for order in itertools.permutations(rows):
        found = dict(zip(order, profiles(list(order), []), strict=True))
        assert [found[row] for row in rows] == ["account:u1", "account:u2", "visitor:v"]


def test_ambiguous_identifiers_are_counted() -> None:
    """The report can say how many were left alone."""
    rows: list[Row] = [("u1", "c1", "v"), ("u2", None, "v"), (None, "c2", None)]
    resolution = resolve(events(rows).lazy(), crm([("u2", "c1")]))
    assert resolution.ambiguous == {"loyalty_card": 1, "visitor_id": 1}
