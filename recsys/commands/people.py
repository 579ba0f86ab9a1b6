"""How people look on a terminal."""

from collections.abc import Iterable
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from recsys.v1 import event_pb2, profile_pb2, subject_pb2


def show_profile(console: Console, found: profile_pb2.Profile) -> None:
    """Print what is known of a person."""
    if found.HasField("erase_time"):
        console.print(f"[yellow]erased[/] {_day(found.erase_time)}")
    if not found.identifiers:
        console.print("nothing is known of this person")
        return
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="dim")
    facts.add_column()
    orders = found.orders
    for name, value in (
        ("identifiers", "\n".join(escape(_name(one)) for one in found.identifiers)),
        ("stage", _word(profile_pb2.LifecycleStage.Name(found.lifecycle_stage), "LIFECYCLE_STAGE")),
        ("segment", _word(profile_pb2.RfmSegment.Name(found.rfm_segment), "RFM_SEGMENT")),
        ("orders", f"{orders.count}, {orders.recent_count} of them within a year"),
        ("last order", _day(orders.last_time) if orders.HasField("last_time") else ""),
        ("value of a year", "\n".join(_amount(one) for one in orders.recent_values)),
        ("events", f"{found.event_count:,}"),
        ("by type", _counts(found)),
        ("last active", "\n".join(
            f"{_channel(one.channel)} {_day(one.last_time)}" for one in found.channel_activities
        )),
        ("usual channel", _channel(found.preferred_channel) if found.preferred_channel else ""),
        ("usual hours", ", ".join(f"{hour}:00" for hour in found.preferred_hours)),
        ("top categories", _preferences(found.top_categories)),
        ("top stores", _preferences(found.top_stores)),
    ):  # fmt: skip
        if value:
            facts.add_row(name, value)
    console.print(facts)
    console.print()
    show_consents(console, found.consents)


def show_consents(console: Console, counting: Iterable[profile_pb2.Consent]) -> None:
    """Print what a person allows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("purpose", "channel", "status", "since", "said", "under"):
        table.add_column(heading)
    for one in counting:
        status = _word(profile_pb2.ConsentStatus.Name(one.status), "CONSENT_STATUS")
        table.add_row(
            _word(profile_pb2.Purpose.Name(one.purpose), "PURPOSE"),
            _channel(one.channel) if one.channel else "all",
            status if one.status == profile_pb2.CONSENT_STATUS_GRANTED else f"[yellow]{status}[/]",
            _day(one.consent_time),
            escape(one.source),
            escape(_name(one.identifier)),
        )
    console.print(table if table.row_count else "no consent: she has said nothing")


def show_erasure(console: Console, report: profile_pb2.Erasure) -> None:
    """Print what was deleted."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in (
        ("erasure", report.erasure_id),
        ("time", report.erase_time.ToJsonString()),
        ("identifiers", report.identifier_count),
        ("events", report.event_count),
        ("consents", report.consent_count),
        ("links", report.link_count),
    ):
        table.add_row(name, str(value))
    console.print(table)


def _name(one: subject_pb2.Identifier) -> str:
    return f"{one.namespace}={one.value}"


def _day(moment: Timestamp) -> str:
    return moment.ToDatetime().strftime("%Y-%m-%d %H:%M UTC")


def _word(name: str, prefix: str) -> str:
    word = name.removeprefix(f"{prefix}_").lower().replace("_", " ")
    return "" if word == "unspecified" else word


def _channel(number: "event_pb2.Channel") -> str:
    return _word(event_pb2.Channel.Name(number), "CHANNEL") or "unknown"


def _amount(money: event_pb2.Money) -> str:
    value = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    return f"{value:,.2f} {money.currency_code}"


def _counts(found: profile_pb2.Profile) -> str:
    names = ((event_pb2.EventType.Name(one.event_type), one.count) for one in found.event_counts)
    return ", ".join(f"{_word(name, 'EVENT_TYPE')} {count:,}" for name, count in names)


def _preferences(found: Iterable[profile_pb2.Preference]) -> str:
    return "\n".join(
        f"{escape(one.name)} ({one.purchase_count} bought, {one.activity_count} more)"
        for one in found
    )
