"""Who did it: the simple deterministic rule from identifiers to profiles.

A loyalty card or visitor id that was seen with exactly one account (in an event
or in the CRM's file) belongs to that account. One that was seen with several
stays a person of its own: guessing would mix strangers' histories. The rule
looks at the set of pairs only, so the order of rows and files does not matter.

A row without any identifier still says what was bought together and what is
popular, so it is kept under a profile for its basket (or else its session) that
nobody can ask for. Without those it is rejected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from recsys.events import ANONYMOUS_BASKET
from training import columns

ANONYMOUS_SESSION: Final = "session"
_ACCOUNT: Final = columns.IDENTIFIER_NAMESPACES[columns.USER_ID]
_WEAKER: Final = (columns.LOYALTY_CARD, columns.VISITOR_ID)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which account each card and visitor id belongs to.

    Attributes:
        owners: By column (loyalty_card, visitor_id), a table of that column and
            `user_id`, null where no account or several were seen.
        ambiguous: By column, how many were seen with several accounts.
    """

    owners: dict[str, pl.DataFrame]
    ambiguous: dict[str, int]


def resolve(events: pl.LazyFrame, identities: Sequence[pl.DataFrame]) -> Resolution:
    """Apply the rule.

    Args:
        events: columns.EVENTS.
        identities: Tables of user_id with loyalty_card, visitor_id or both.
    """
    owners = {}
    ambiguous = {}
    for name in _WEAKER:
        sources = [events] + [table.lazy() for table in identities if name in table.columns]
        pairs = pl.concat([source.select(name, columns.USER_ID) for source in sources])
        seen = (
            pairs.filter(pl.col(name).is_not_null())
            .unique()
            .group_by(name)
            .agg(
                pl.col(columns.USER_ID).drop_nulls().n_unique().alias("accounts"),
                pl.col(columns.USER_ID).drop_nulls().min(),
            )
            .with_columns(pl.when(pl.col("accounts") == 1).then(columns.USER_ID))
            .sort(name)
            .collect(engine="streaming")
        )
        ambiguous[name] = int((seen["accounts"] > 1).sum())
        owners[name] = seen.select(name, columns.USER_ID)
    return Resolution(owners=owners, ambiguous=ambiguous)


def with_profiles(events: pl.LazyFrame, resolution: Resolution) -> pl.LazyFrame:
    """Add `profile_id` to each row of columns.EVENTS; the strongest identifier decides.

    The rows keep their order. Whoever collects this by streaming needs memory for the
    owners, not for the events.
    """
    owned = events
    candidates = [_profile(columns.USER_ID, pl.col(columns.USER_ID))]
    for name in _WEAKER:
        owner = f"_owner_{name}"
        table = resolution.owners[name].drop_nulls().rename({columns.USER_ID: owner})
        owned = owned.join(table.lazy(), on=name, how="left", maintain_order="left")
        candidates.append(_profile(columns.USER_ID, pl.col(owner)))
        candidates.append(_profile(name, pl.col(name)))
    # Receipt numbers start anew in every shop.
    basket = pl.concat_str(
        pl.lit(f"{ANONYMOUS_BASKET}:"), pl.col(columns.STORE_ID).fill_null(""), pl.lit("/"),
        columns.BASKET_ID,
    )  # fmt: skip
    session = pl.lit(f"{ANONYMOUS_SESSION}:") + pl.col(columns.SESSION_ID)
    profile = pl.coalesce(*candidates, basket, session).alias(columns.PROFILE_ID)
    return owned.with_columns(profile).select(*columns.RESOLVED_EVENTS)


def links(
    events: pl.LazyFrame, resolution: Resolution, identities: Sequence[pl.DataFrame]
) -> pl.DataFrame:
    """Return columns.LINKS: every identifier that leads to a profile, sorted."""
    accounts = [events.select(columns.USER_ID)]
    accounts += [table.lazy().select(columns.USER_ID) for table in identities]
    account = pl.col(columns.USER_ID)
    tables = [
        pl.concat(accounts)
        .drop_nulls()
        .unique()
        .select(
            pl.lit(_ACCOUNT).alias(columns.NAMESPACE),
            account.alias(columns.VALUE),
            _profile(columns.USER_ID, account).alias(columns.PROFILE_ID),
        )
        .collect(engine="streaming")
    ]
    for name, owners in resolution.owners.items():
        profile = pl.coalesce(_profile(columns.USER_ID, account), _profile(name, pl.col(name)))
        tables.append(
            owners.select(
                pl.lit(columns.IDENTIFIER_NAMESPACES[name]).alias(columns.NAMESPACE),
                pl.col(name).alias(columns.VALUE),
                profile.alias(columns.PROFILE_ID),
            )
        )
    return pl.concat(tables).sort(columns.NAMESPACE, columns.VALUE)


def _profile(name: str, value: pl.Expr) -> pl.Expr:
    return pl.lit(f"{columns.IDENTIFIER_NAMESPACES[name]}:") + value
