"""The people of one block: tastes, habits, and the names they go by on each channel."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from training import columns
from training.simulate.catalog import Catalog
from training.simulate.config import USERS_PER_BLOCK, WorldConfig
from training.simulate.draw import F64, I64, U64, Flags, scramble, stream, weighted
from training.simulate.stores import Stores

_STREAM: Final = 3
TASTE_COUNT_MAX: Final = 4
_TASTE_COUNT_SHARES: Final = (0.1, 0.3, 0.4, 0.2)
COOKIE_COUNT_MAX: Final = 3
_ACCOUNT_SHARE: Final = 0.72
_CARD_SHARE: Final = 0.65
_CRM_SHARE: Final = 0.85
_APP_SHARE: Final = 0.4
_EMAIL_SHARE: Final = 0.6
_WEB_ONLY_SHARE: Final = 0.2
_STORE_ONLY_SHARE: Final = 0.2
_SHARED_TABLET_SHARE: Final = 0.03
_SHARED_CARD_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """People as arrays, one entry per person of the block, shape (n,) unless said.

    Attributes:
        rows: Number of each person in the whole shop.
        themes: What they like, strongest first, shape (n, 4).
        taste: Weight of each of these themes, 0 for unused, rows sum to 1.
        activity: How much they do, 1 on average.
        home_store: The shop they go to.
        has_account, has_card, has_app, reads_email: Habits.
        shops_online, shops_in_store: Where they are seen at all; one at least.
        in_crm: Whether the retailer knows which account holds their card.
        tablet_owner: Person whose browser they use: themselves, mostly.
        cookie_count: Browsers they go through over the whole period, 1 to 3.
    """

    rows: I64
    themes: I64
    taste: F64
    activity: F64
    home_store: I64
    has_account: Flags
    has_card: Flags
    has_app: Flags
    reads_email: Flags
    shops_online: Flags
    shops_in_store: Flags
    in_crm: Flags
    tablet_owner: I64
    cookie_count: I64

    def __len__(self) -> int:
        return len(self.rows)


def build_people(
    config: WorldConfig, catalog: Catalog, stores: Stores, block: int
) -> tuple[People, np.random.Generator]:
    """Make up one block of people.

    Returns:
        The people, and the block's random stream for what they do.
    """
    rng = stream(config.seed, _STREAM, block)
    first = block * USERS_PER_BLOCK
    rows = np.arange(first, min(first + USERS_PER_BLOCK, config.user_count))
    count = len(rows)
    home = weighted(rng, stores.weights, count)
    themes, taste = _tastes(rng, catalog.theme_weights * stores.theme_factors[home])
    has_account = rng.random(count) < _ACCOUNT_SHARE
    has_card = rng.random(count) < _CARD_SHARE
    habit = rng.random(count)
    # A tablet in the kitchen: the second of a couple browses on the first one's.
    borrows = (rng.random(count) < _SHARED_TABLET_SHARE) & (rows % 2 == 1)
    people = People(
        rows=rows,
        themes=themes,
        taste=taste,
        activity=rng.gamma(1.5, 1 / 1.5, count),
        home_store=home,
        has_account=has_account,
        has_card=has_card,
        has_app=has_account & (rng.random(count) < _APP_SHARE),
        reads_email=has_account & (rng.random(count) < _EMAIL_SHARE),
        shops_online=habit >= _STORE_ONLY_SHARE,
        shops_in_store=(habit < _STORE_ONLY_SHARE) | (habit >= _STORE_ONLY_SHARE + _WEB_ONLY_SHARE),
        in_crm=has_account & has_card & (rng.random(count) < _CRM_SHARE),
        tablet_owner=np.where(borrows, rows - 1, rows),
        cookie_count=rng.integers(1, COOKIE_COUNT_MAX + 1, count),
    )
    return people, rng


def _tastes(rng: np.random.Generator, prior: F64) -> tuple[I64, F64]:
    """Plant a few themes in each person (Gumbel top-k draws without replacement)."""
    count, theme_count = prior.shape
    keys = np.log(prior) + rng.gumbel(size=prior.shape)
    kept = min(TASTE_COUNT_MAX, theme_count)
    themes = np.argsort(-keys, axis=1, kind="stable")[:, :kept]
    wanted = 1 + weighted(rng, np.array(_TASTE_COUNT_SHARES[:kept]), count)
    weights = np.sort(rng.gamma(2.0, 1.0, (count, kept)), axis=1)[:, ::-1]
    weights = np.where(np.arange(kept) < wanted[:, None], weights, 0.0)
    return themes, weights / weights.sum(axis=1, keepdims=True)


def user_ids(rows: pl.Series) -> pl.Series:
    """Name accounts by person; null stays null."""
    return "u" + rows.cast(pl.String).str.zfill(7)


def card_ids(rows: pl.Series) -> pl.Series:
    """Name loyalty cards by person; null stays null."""
    return "2600" + rows.cast(pl.String).str.zfill(8)


def visitor_ids(marks: pl.Series) -> pl.Series:
    """Name browsers and app installations by their mark; null stays null."""
    return "v" + marks.cast(pl.String).str.zfill(20)


def browser_marks(seed: int, *, owners: I64, cookies: I64) -> U64:
    """Return what names the browser of each owner in one of its cookie's lives."""
    return scramble(owners * (COOKIE_COUNT_MAX + 1) + cookies, salt=seed)


def app_marks(seed: int, *, owners: I64) -> U64:
    """Return what names each owner's app installation."""
    return browser_marks(seed, owners=owners, cookies=np.full_like(owners, COOKIE_COUNT_MAX))


def identity_table(config: WorldConfig, people: People) -> pl.DataFrame:
    """Return what the CRM says: user_id, loyalty_card. A few cards serve two accounts."""
    known = people.rows[people.in_crm]
    lent = known[
        scramble(known, salt=config.seed + _STREAM) % np.uint64(1_000)
        < np.uint64(_SHARED_CARD_SHARE * 1_000)
    ]
    # The partner is the neighbour; both belong to the block, as blocks are even.
    partner = np.minimum(lent ^ 1, config.user_count - 1)
    return pl.DataFrame(
        {
            columns.USER_ID: user_ids(pl.Series(np.concatenate([known, partner]))),
            columns.LOYALTY_CARD: card_ids(pl.Series(np.concatenate([known, lent]))),
        }
    ).unique(maintain_order=True)


def taste_table(config: WorldConfig, people: People) -> pl.DataFrame:
    """Return the planted truth: who each person is everywhere, and what they like."""
    cookies = np.arange(COOKIE_COUNT_MAX)
    browsers = browser_marks(
        config.seed,
        owners=np.repeat(people.tablet_owner, COOKIE_COUNT_MAX),
        cookies=np.tile(cookies, len(people)),
    )
    used = (cookies < people.cookie_count[:, None]) & people.shops_online[:, None]
    browser_lists = pl.DataFrame(
        {
            "user_row": np.repeat(people.rows, COOKIE_COUNT_MAX),
            "visitor_ids": visitor_ids(pl.Series(browsers)),
            "used": used.ravel(),
        }
    )
    app = visitor_ids(pl.Series(app_marks(config.seed, owners=people.rows)))
    rows = pl.Series("user_row", people.rows)
    liked = people.taste > 0
    return pl.DataFrame(
        {
            "user_row": rows,
            columns.USER_ID: user_ids(rows).set(pl.Series(~people.has_account), None),
            columns.LOYALTY_CARD: card_ids(rows).set(pl.Series(~people.has_card), None),
            "browser_ids": browser_lists.group_by("user_row", maintain_order=True).agg(
                pl.col("visitor_ids").filter(pl.col("used"))
            )["visitor_ids"],
            "app_visitor_id": app.set(pl.Series(~people.has_app), None),
            "home_store_row": people.home_store,
            "themes": [list(row[flags]) for row, flags in zip(people.themes, liked, strict=True)],
            "weights": [list(row[flags]) for row, flags in zip(people.taste, liked, strict=True)],
        },
        schema_overrides={"themes": pl.List(pl.Int16), "weights": pl.List(pl.Float32)},
    )
