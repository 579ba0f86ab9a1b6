"""How people look on a terminal."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from recsys.serving.enum_words import channel_word, enum_word
from recsys.v1 import event_pb2, profile_pb2, profile_service_pb2, subject_pb2


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
        ("stage", enum_word(profile_pb2.LifecycleStage, found.lifecycle_stage)),
        ("loyalty tier", escape(found.loyalty_tier)),
        ("segment", enum_word(profile_pb2.RfmSegment, found.rfm_segment)),
        ("orders", f"{orders.count}, {orders.recent_count} of them within a year"),
        ("last order", _day(orders.last_time) if orders.HasField("last_time") else ""),
        ("value of a year", "\n".join(_amount(one) for one in orders.recent_values)),
        ("events", f"{found.event_count:,}"),
        ("by type", _counts(found)),
        ("last active", "\n".join(
            f"{channel_word(one.channel) or 'unknown'} {_day(one.last_time)}" for one in found.channel_activities
        )),
        ("usual channel", channel_word(found.preferred_channel)),
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
        status = enum_word(profile_pb2.ConsentStatus, one.status)
        table.add_row(
            enum_word(profile_pb2.Purpose, one.purpose),
            channel_word(one.channel) or "all",
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
    for one in report.exports:
        kind = enum_word(profile_pb2.ExportKind, one.kind)
        # Whole, for somebody has to find and delete it.
        when = one.export_time.ToJsonString()
        console.print(f"still in     {one.place} ({kind} of {when})", markup=False, highlight=False)


def show_linked(console: Console, response: profile_service_pb2.LinkIdentifiersResponse) -> None:
    """Print what became of links."""
    console.print(f"profile {response.profile_id}")
    _show_refused(console, response.refused_links)


def show_unlinked(
    console: Console,
    names: Sequence[str],
    response: profile_service_pb2.UnlinkIdentifiersResponse,
) -> None:
    """Print what became of forgotten links; `names` in the order of the response."""
    console.print(f"links forgotten: {response.removed_count}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("identifier", "profile now"):
        table.add_column(heading)
    for name, profile_id in zip(names, response.profile_ids, strict=True):
        table.add_row(escape(name), profile_id)
    console.print(table)
    if len(set(response.profile_ids)) < len(response.profile_ids):
        console.print("those with the same profile are still one person, through other links")


def show_links(console: Console, response: profile_service_pb2.ListLinksResponse) -> None:
    """Print who somebody is, and why."""
    console.print(f"profile {response.profile_id}")
    for one in response.identifiers:
        console.print(f"  {escape(_name(one))}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("one", "other", "by", "source", "sure", "first", "last", "joins"):
        table.add_column(heading, overflow="fold")
    for said in response.links:
        table.add_row(
            escape(_name(said.one)),
            escape(_name(said.other)),
            enum_word(profile_service_pb2.LinkKind, said.kind),
            escape(said.source),
            f"{said.confidence:g}",
            _since(said.first_time),
            _since(said.last_time),
            "no" if said.refusal else "yes",
        )
    console.print(table if table.row_count else "no links")
    _show_refused(console, [said for said in response.links if said.refusal])
    for use in response.device_uses:
        start = _day(use.start_time) if use.HasField("start_time") else "ever"
        end = _day(use.end_time) if use.HasField("end_time") else "now"
        console.print(f"{escape(_name(use.device))} counts for her from {start} to {end}")


def _show_refused(
    console: Console,
    refused: Iterable[profile_service_pb2.RefusedLink] | Iterable[profile_service_pb2.Link],
) -> None:
    for said in refused:
        reason = enum_word(profile_service_pb2.LinkRefusal, said.refusal)
        console.print(
            f"[yellow]not joined[/] {escape(_name(said.one))} and {escape(_name(said.other))}:"
            f" {reason}; kept as evidence"
        )


def _name(one: subject_pb2.Identifier) -> str:
    return f"{one.namespace}={one.value}"


def _day(moment: Timestamp) -> str:
    return moment.ToDatetime().strftime("%Y-%m-%d %H:%M UTC")


def _since(moment: Timestamp) -> str:
    """Say when; what holds of a whole set of data has held since the beginning of time."""
    return _day(moment) if moment.seconds else "always"


def _amount(money: event_pb2.Money) -> str:
    value = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    return f"{value:,.2f} {money.currency_code}"


def _counts(found: profile_pb2.Profile) -> str:
    counts = ((enum_word(event_pb2.EventType, one.event_type), one) for one in found.event_counts)
    return ", ".join(f"{word} {one.count:,}" for word, one in counts)


def _preferences(found: Iterable[profile_pb2.Preference]) -> str:
    return "\n".join(
        f"{escape(one.name)} ({one.purchase_count} bought, {one.activity_count} more)"
        for one in found
    )
