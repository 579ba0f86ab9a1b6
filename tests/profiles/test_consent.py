"""What a person allows: statements, their order, and how identifiers merge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.consent import (
    ALWAYS,
    Consent,
    ConsentStatus,
    Permission,
    Purpose,
    consent_bits,
    effective,
    newest_of_each,
    stated,
)
from recsys.domain import Channel

GRANTED, DENIED, WITHDRAWN = ConsentStatus
PACKED = (Purpose.PERSONALISE, Purpose.TRAINING)

CHANNELS = st.one_of(st.none(), st.sampled_from([Channel.WEB, Channel.EMAIL, Channel.SMS]))
STATEMENTS = st.lists(
    st.builds(
        Consent,
        purpose=st.sampled_from(Purpose),
        status=st.sampled_from(ConsentStatus),
        time=st.integers(0, 5).map(float),
        channel=CHANNELS,
        source=st.sampled_from(["", "till"]),
    ),
    max_size=8,
)
PEOPLE = st.lists(STATEMENTS, max_size=4)
PURPOSES = st.sampled_from(Purpose)


def said(
    status: ConsentStatus, time: float, channel: Channel | None = None, **more: Purpose
) -> Consent:
    """Make a statement about messages."""
    purpose = more.get("purpose", Purpose.MARKETING)
    return Consent(purpose=purpose, status=status, time=time, channel=channel)


@pytest.mark.parametrize(
    ("statements", "channel", "expected"),
    [
        ([], Channel.EMAIL, None),
        ([said(GRANTED, 1)], Channel.EMAIL, GRANTED),
        ([said(GRANTED, 1), said(WITHDRAWN, 2)], Channel.EMAIL, WITHDRAWN),
        ([said(WITHDRAWN, 1), said(GRANTED, 2)], Channel.EMAIL, GRANTED),
        ([said(GRANTED, 1), said(DENIED, 1)], Channel.EMAIL, DENIED),
        ([said(DENIED, 1), said(GRANTED, 2, Channel.EMAIL)], Channel.EMAIL, GRANTED),
        ([said(DENIED, 1), said(GRANTED, 2, Channel.EMAIL)], Channel.SMS, DENIED),
        ([said(GRANTED, 1, Channel.EMAIL), said(DENIED, 2)], Channel.EMAIL, DENIED),
        ([said(DENIED, 1, Channel.EMAIL)], Channel.SMS, None),
        ([said(GRANTED, 1, Channel.EMAIL)], None, None),
        ([said(GRANTED, 1), said(DENIED, 2, Channel.EMAIL)], None, DENIED),
        ([said(DENIED, 1, Channel.EMAIL), said(GRANTED, 2)], None, GRANTED),
        ([said(DENIED, 1), said(GRANTED, 2, Channel.EMAIL)], None, DENIED),
    ],
    ids=[
        "nothing", "granted", "withdrawn later", "granted again", "both at once",
        "all refused, then one asked for", "and not another", "one granted, then all refused",
        "of another channel", "one granted, place unknown", "one refused, place unknown",
        "all granted after that", "one granted after all were refused, place unknown",
    ],
)  # fmt: skip
def test_the_newest_statement_that_covers_the_question_counts(
    statements: list[Consent], channel: Channel | None, expected: ConsentStatus | None
) -> None:
    """Under one identifier, whatever the order in which they arrive."""
    for order in (statements, statements[::-1]):
        found = stated(order, Purpose.MARKETING, channel)
        assert (found.status if found else None) is expected
        assert stated(order, Purpose.TRAINING, channel) is None


@given(PEOPLE, PURPOSES, CHANNELS, st.randoms())
def test_order_of_people_and_statements_decides_nothing(people, purpose, channel, random) -> None:  # noqa: ANN001 - hypothesis
    """Merging is commutative and associative, and saying a thing twice changes nothing."""
    expected = effective(people, purpose, channel)
    shuffled = [random.sample(list(one), len(one)) + list(one[:1]) for one in people]
    random.shuffle(shuffled)
    assert effective(shuffled, purpose, channel) == expected
    assert effective([*people, *people], purpose, channel) == expected


@given(PEOPLE, STATEMENTS, PURPOSES, CHANNELS)
def test_joining_somebody_never_lifts_a_refusal(people, other, purpose, channel) -> None:  # noqa: ANN001 - hypothesis
    """The most restrictive wins: what one refuses, all of them refuse."""
    alone = effective(people, purpose, channel)
    joined = effective([*people, other], purpose, channel)
    if alone is not None and not alone.is_granted:
        assert joined is not None
        assert not joined.is_granted
    theirs = stated(other, purpose, channel)
    if theirs is not None and not theirs.is_granted:
        assert joined is not None
        assert not joined.is_granted


@given(STATEMENTS, PURPOSES, CHANNELS)
def test_what_was_replaced_can_be_forgotten(statements, purpose, channel) -> None:  # noqa: ANN001 - hypothesis
    """The newest of each purpose and channel say all."""
    kept = newest_of_each(statements)
    assert len({one.slot for one in kept}) == len(kept)
    assert stated(kept, purpose, channel) == stated(statements, purpose, channel)


@given(PEOPLE, st.sampled_from(PACKED), CHANNELS, st.booleans())
def test_packed_consents_answer_like_the_statements(people, purpose, channel, by_default) -> None:  # noqa: ANN001 - hypothesis
    """For every purpose, channel and default; people merge by `|`."""
    bits = 0
    for statements in people:
        bits |= consent_bits(statements)
    assert 0 <= bits < 2**63
    found = effective(people, purpose, channel)
    expected = by_default if found is None else found.is_granted
    assert Permission.to(purpose, channel, by_default=by_default).given_by(bits) == expected
    assert ALWAYS.given_by(bits)
