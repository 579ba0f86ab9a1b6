"""A model trained on a simulated shop, and the histories of its people."""

import datetime as dt
import sqlite3
from pathlib import Path

from bundle_details import bundle_details

from recsys.bundle import Bundle, BundleStore, open_bundle, write_bundle
from recsys.domain import Channel, EventType, Identifier, ItemId
from recsys.events import Event, EventContent, EventLine
from recsys.storage.packed import unpack_lines
from recsys.storage.sqlite_writer import SqliteWriter
from training.config import parse_config
from training.fit import fit_model, prepare
from training.ingest import import_events
from training.ingest.history import HISTORY_NAME
from training.interactions import read_events
from training.publish import bundle_contents
from training.simulate import simulate

USER_COUNT = 20_000
"""People of the shop: enough that its items have been bought, few enough for a minute."""

_HISTORIES = """
SELECT i.value, h.item_ids, h.codes, h.event_times
FROM identifiers AS i JOIN history AS h ON h.identifier_key = i.identifier_key
WHERE i.namespace = 'account' ORDER BY i.value
"""


def publish_trained(
    folder: Path, store: BundleStore, *, item_count: int, factor_count: int, seed: int
) -> Bundle:
    """Simulate, import, fit ALS and publish, as the commands do; about a minute.

    Returns:
        The bundle. What people did is in `folder / "data"`.
    """
    end = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    simulate(
        out=folder / "shop",
        user_count=USER_COUNT,
        item_count=item_count,
        seed=seed,
        end_time=end,
    )
    dataset = import_events(source=folder / "shop", preset="generic", out=folder / "data", now=end)
    config = parse_config(f"[model]\ntype = 'als'\nfactors = {factor_count}\n")
    events = read_events(dataset)
    model = fit_model(
        prepare(events, config=config, features=config.features, now=end.timestamp()),
        config=config,
        seed=seed,
    )
    contents = bundle_contents(model, item_ids=events.item_ids)
    version = f"bench-trained-{item_count}x{factor_count}"
    contents.details.update(bundle_details(version))
    write_bundle(store.path(version), contents)
    store.set_current(version)
    return open_bundle(store.path(version))


def trim_histories(source: Path, path: Path, *, line_count: int, user_count_max: int) -> list[str]:
    """Copy the newest lines of people who have at least so many.

    Returns:
        Their user ids.
    """
    connection = sqlite3.connect(source / HISTORY_NAME)
    found = [
        (user, unpack_lines((item_ids, codes, times), line_count_max=line_count))
        for user, item_ids, codes, times in connection.execute(_HISTORIES)
    ]
    connection.close()
    kept = [(user, lines) for user, lines in found if len(lines) == line_count][:user_count_max]
    users = [user for user, _ in kept]
    with SqliteWriter(path) as writer:
        writer.add_identifiers((Identifier("account", user),) * 2 for user in users)
        for user, lines in kept:
            columns = (
                lines.item_ids, lines.event_times.tolist(), lines.type_codes.tolist(),
                lines.channel_codes.tolist(),
            )  # fmt: skip
            writer.add_events(
                _event(user, number, *line)
                for number, line in enumerate(zip(*columns, strict=True))
            )
    return users


def _event(
    user: str, number: int, item_id: ItemId, event_time: float, type_code: int, channel_code: int
) -> Event:
    content = EventContent(
        event_type=tuple(EventType)[type_code - 1],
        event_time=event_time,
        channel=(None, *Channel)[channel_code],
        identifiers=(Identifier("account", user),),
        lines=(EventLine(item_id),),
    )
    return Event.of(content, event_id=f"{user}/{number}", now=event_time)
