"""Rules on the wire."""

from typing import Final

from recsys import limits
from recsys.domain import ItemId, StockRule
from recsys.rules import NO_RULES, Boost, Cap, Pin, Rebuy, Rules, Share
from recsys.rules.placements import problems_of_filters
from recsys.v1 import rules_pb2
from recsys.violations import Violations

_STOCK_RULES: Final = {
    rules_pb2.STOCK_RULE_UNSPECIFIED: None,
    rules_pb2.STOCK_RULE_AUTO: StockRule.AUTO,
    rules_pb2.STOCK_RULE_STORE: StockRule.STORE,
    rules_pb2.STOCK_RULE_ONLINE: StockRule.ONLINE,
    rules_pb2.STOCK_RULE_ANYWHERE: StockRule.ANYWHERE,
    rules_pb2.STOCK_RULE_NEARBY: StockRule.NEARBY,
}
_COUNTS: Final = {
    "rebuys": limits.REBUY_COUNT_MAX,
    "boosts": limits.BOOST_COUNT_MAX,
    "pins": limits.PIN_COUNT_MAX,
    "caps": limits.CAP_COUNT_MAX,
    "shares": limits.SHARE_COUNT_MAX,
}


def parse_rules(sent: rules_pb2.Rules, wrong: Violations, path: str = "rules") -> Rules:
    """Check rules and say them in the words of the domain.

    Args:
        sent: Anything that arrived.
        wrong: Gets every wrong field.
        path: Where the rules are in the request.
    """
    if sent.in_stock not in _STOCK_RULES:
        wrong.add(f"{path}.in_stock", f"is {sent.in_stock}; allowed 0 to {max(_STOCK_RULES)}")
        return NO_RULES
    for name, count_max in _COUNTS.items():
        if not wrong.count_within(getattr(sent, name), f"{path}.{name}", count_max=count_max):
            return NO_RULES
    for at, pin in enumerate(sent.pins):
        place = f"{path}.pins[{at}].item_id"
        wrong.text(pin.item_id, place, bytes_max=limits.ITEM_ID_BYTES_MAX)
    rules = Rules(
        filter=sent.filter or None,
        in_stock=_STOCK_RULES[sent.in_stock],
        include_seen=sent.include_seen if sent.HasField("include_seen") else None,
        rebuys=tuple(Rebuy(filter=one.filter, days=one.days) for one in sent.rebuys) or None,
        exclude_basket=sent.exclude_basket if sent.HasField("exclude_basket") else None,
        newer_than_days=sent.newer_than_days if sent.HasField("newer_than_days") else None,
        age_restricted=sent.age_restricted if sent.HasField("age_restricted") else None,
        price_band=sent.price_band if sent.HasField("price_band") else None,
        boosts=tuple(Boost(filter=one.filter, factor=one.factor) for one in sent.boosts) or None,
        pins=tuple(Pin(item_id=ItemId(one.item_id), position=one.position) for one in sent.pins)
        or None,
        caps=tuple(Cap(field=one.field, count_max=one.count_max) for one in sent.caps) or None,
        shares=tuple(Share(filter=one.filter, share=one.share) for one in sent.shares) or None,
        diversity=sent.diversity if sent.HasField("diversity") else None,
        nearby_km=sent.nearby_km if sent.HasField("nearby_km") else None,
        nearby_count=sent.nearby_count if sent.HasField("nearby_count") else None,
        new_share=sent.new_share if sent.HasField("new_share") else None,
        one_variant=sent.one_variant if sent.HasField("one_variant") else None,
    )
    for place, problem in (*rules.problems(), *problems_of_filters(rules)):
        wrong.add(f"{path}.{place}", problem)
    return rules


def rules_message(rules: Rules) -> rules_pb2.Rules:
    """Say rules on the wire."""
    sent = rules_pb2.Rules(
        filter=rules.filter or "",
        in_stock=next(code for code, rule in _STOCK_RULES.items() if rule is rules.in_stock),
        rebuys=[rules_pb2.Rebuy(filter=one.filter, days=one.days) for one in rules.rebuys or ()],
        boosts=[
            rules_pb2.Boost(filter=one.filter, factor=one.factor) for one in rules.boosts or ()
        ],
        pins=[
            rules_pb2.Pin(item_id=one.item_id, position=one.position) for one in rules.pins or ()
        ],
        caps=[rules_pb2.Cap(field=one.field, count_max=one.count_max) for one in rules.caps or ()],
        shares=[rules_pb2.Share(filter=one.filter, share=one.share) for one in rules.shares or ()],
    )
    for name in _OPTIONAL:
        value = getattr(rules, name)
        if value is not None:
            setattr(sent, name, value)
    return sent


_OPTIONAL: Final = (
    "include_seen",
    "exclude_basket",
    "newer_than_days",
    "age_restricted",
    "price_band",
    "diversity",
    "nearby_km",
    "nearby_count",
    "one_variant",
    "new_share",
)
