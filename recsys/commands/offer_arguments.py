"""What the commands of `recsys offers` are given, as the server is asked it."""

from collections.abc import Sequence

import typer

from recsys.commands.arguments import read_identifiers
from recsys.domain import Channel
from recsys.offers import micros_of
from recsys.serving.client_offers import basket_of
from recsys.serving.encode import encode_identifier
from recsys.v1.context_pb2 import Context
from recsys.v1.offer_service_pb2 import Basket
from recsys.v1.subject_pb2 import Subject


def subject_of(user: str, visitor: str, identifiers: Sequence[str] | None) -> Subject:
    """Say who is meant."""
    named = read_identifiers(identifiers or ())
    return Subject(user_id=user, visitor_id=visitor, identifiers=map(encode_identifier, named))


def context_of(channel: Channel | None, store: str) -> Context:
    """Say where she is."""
    code = channel.code if channel else 0
    return Context(channel=code, store_id=store)  # type: ignore[arg-type]  # numbers of the enum


def basket_of_items(items: Sequence[str] | None) -> Basket | None:
    """Say what is in her basket, a piece each; None where that is not said."""
    return None if items is None else basket_of((item, 1.0) for item in items)


def cost_of(text: str) -> tuple[int | None, str]:
    """Read `8.32EUR`; None for nothing.

    Raises:
        BadParameter: It is no amount.
    """
    if not text:
        return None, ""
    amount, currency = text[:-3], text[-3:]
    try:
        return micros_of(amount), currency
    except (ValueError, ArithmeticError) as error:
        problem = f"{text!r} is no amount such as 8.32EUR: {error}"
        raise typer.BadParameter(problem, param_hint="--cost") from error
