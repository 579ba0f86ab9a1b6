"""People worth asking for, found in whatever data the demo was given."""

from dataclasses import dataclass

import polars as pl

from training import columns
from training.dataset import Dataset

_STEPS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks, and the options of `recsys recommend` that say so.

    Attributes:
        title: Who she is, for people.
        options: Who she is, for the command.
        known: What is known of her, newest first, for people; may be empty.
    """

    title: str
    options: tuple[str, ...]
    known: tuple[str, ...] = ()


def questions(dataset: Dataset) -> list[Question]:
    """Pick people worth asking for: known on several channels, new, anonymous."""
    person = _best_known_person(dataset)
    namespace, _, value = person.partition(":")
    asked = [
        Question(
            title=f"A known person, {person}: from everything she did on every channel",
            options=("--identifier", f"{namespace}={value}"),
            known=_last_steps(dataset, person),
        )
    ]
    card = _linked_card(dataset, person)
    if card is not None:
        asked.append(
            Question(
                title=f"The same person at the till, known by her loyalty card {card} only",
                options=("--identifier", f"loyalty_card={card}", "--channel", "store"),
            )
        )
    asked.append(
        Question(
            title="Somebody brand new: what is popular on her channel",
            options=("--user", "somebody-brand-new", "--channel", _busiest_channel(dataset)),
        )
    )
    alike = _three_alike(dataset)
    views = [option for item in alike for option in ("--recent", f"view:{item}")]
    asked.append(
        Question(
            title=f"An anonymous visitor who has looked at {len(alike)} items just now",
            options=("--visitor", "anonymous-visitor", *views),
            known=tuple(f"detail-page-view of {title}" for title in _titles(dataset, alike)),
        )
    )
    return asked


def _best_known_person(dataset: Dataset) -> str:
    # Many channels first, then a history long enough to show taste; ties by name.
    people = (
        dataset.events()
        .filter(pl.col(columns.ITEM_ID).is_not_null())
        .group_by(columns.PROFILE_ID)
        .agg(
            pl.col(columns.CHANNEL).n_unique().alias("channels"),
            (pl.col(columns.EVENT_TYPE) == "purchase-complete").sum().alias("purchases"),
            pl.len().alias("lines"),
        )
        .sort(
            ["channels", "purchases", "lines", columns.PROFILE_ID],
            descending=[True, True, True, False],
        )
        .head(1)
        .collect()
    )
    return str(people[columns.PROFILE_ID][0])


def _linked_card(dataset: Dataset, person: str) -> str | None:
    if person.startswith("loyalty_card:"):
        return None
    cards = (
        dataset.links()
        .filter(
            (pl.col(columns.PROFILE_ID) == person) & (pl.col(columns.NAMESPACE) == "loyalty_card")
        )
        .select(pl.col(columns.VALUE).min())
        .collect()
    )
    value = cards[columns.VALUE][0]
    return None if value is None else str(value)


def _busiest_channel(dataset: Dataset) -> str:
    channels = (
        dataset.events()
        .group_by(columns.CHANNEL)
        .len()
        .sort(["len", columns.CHANNEL], descending=[True, False])
        .head(1)
        .collect()
    )
    return str(channels[columns.CHANNEL][0])


def _three_alike(dataset: Dataset) -> list[str]:
    """Three items of one category that people look at; without categories, the busiest three."""
    counts = (
        dataset.events()
        .filter(pl.col(columns.ITEM_ID).is_not_null())
        .group_by(columns.ITEM_ID)
        .len()
        .collect()
    )
    busy = counts.join(
        dataset.items().select(columns.ITEM_ID, columns.CATEGORY), on=columns.ITEM_ID, how="left"
    ).sort(["len", columns.ITEM_ID], descending=[True, False])
    by_category = busy.filter(
        pl.col(columns.CATEGORY).is_not_null() & (pl.len().over(columns.CATEGORY) >= 3)  # noqa: PLR2004 - the three of the name
    )
    chosen = by_category.filter(pl.col(columns.CATEGORY) == pl.col(columns.CATEGORY).first())
    return (chosen if len(chosen) else busy)[columns.ITEM_ID].head(3).to_list()


def _last_steps(dataset: Dataset, person: str) -> tuple[str, ...]:
    """Describe the newest item lines of a person."""
    lines = (
        dataset.events()
        .filter((pl.col(columns.PROFILE_ID) == person) & pl.col(columns.ITEM_ID).is_not_null())
        .sort(columns.EVENT_TIME, descending=True)
        .head(_STEPS_SHOWN)
        .collect()
    )
    titles = _titles(dataset, lines[columns.ITEM_ID].to_list())
    return tuple(
        f"{event_time:%Y-%m-%d} {event_type} on {channel}: {title}"
        for event_time, event_type, channel, title in zip(
            lines[columns.EVENT_TIME],
            lines[columns.EVENT_TYPE],
            lines[columns.CHANNEL],
            titles,
            strict=True,
        )
    )


def _titles(dataset: Dataset, item_ids: list[str]) -> list[str]:
    """Return the titles of items, or their ids where there is none."""
    known = dataset.items().filter(pl.col(columns.ITEM_ID).is_in(item_ids))
    titles = dict(zip(known[columns.ITEM_ID], known[columns.TITLE], strict=True))
    return [titles.get(item_id) or item_id for item_id in item_ids]
