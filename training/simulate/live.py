"""Everything that one block of people does over the whole period.

Everything a person does is drawn from the same planted taste, whatever the
channel; no purchase in a store copies a view. That what is browsed tells about
what is bought in a store is therefore a fact to be found, not one written in.
"""

from typing import Final

import numpy as np

from recsys.domain import Channel, EventType
from training.simulate.block import Block
from training.simulate.calendar import MICROSECONDS
from training.simulate.lines import Lines
from training.simulate.online import browse
from training.simulate.orders import phone_orders, returns, store_trips

_CLICK_SHARE: Final = 0.07
_NEWSLETTER_NOISE_SHARE: Final = 0.4
_READING_DELAY_SECONDS: Final = 6 * 3600
_REPEATED_SHARE: Final = 0.002


def live(block: Block) -> Lines:
    """Let one block of people live through the whole period."""
    bought = [store_trips(block), phone_orders(block)]
    online = browse(block, Channel.WEB) + browse(block, Channel.MOBILE_APP)
    lines = Lines.joined([*bought, *online, _email_clicks(block)])
    lines = Lines.joined([lines, returns(block, lines)])
    lines = lines[lines.time < block.calendar.end]
    # Delivery is at least once: some lines arrive twice, word for word.
    repeated = np.flatnonzero(block.rng.random(len(lines)) < _REPEATED_SHARE)
    return lines[np.concatenate([np.arange(len(lines)), repeated])]


def _email_clicks(block: Block) -> Lines:
    rng, people = block.rng, block.people
    weeks = block.calendar.weeks()
    clicked = rng.random((len(people), len(weeks))) < _CLICK_SHARE * people.reads_email[:, None]
    who, week = np.nonzero(clicked)
    time = (
        weeks[week]
        + (rng.exponential(_READING_DELAY_SECONDS, len(who)).astype(np.int64)) * MICROSECONDS
    )
    # Newsletters are only half personal.
    item = block.items(block.themes(people=who, moments=weeks[week]), noise=_NEWSLETTER_NOISE_SHARE)
    return Lines.build(
        kind=EventType.CLICK,
        channel=Channel.EMAIL,
        event=np.arange(len(who)),
        time=time,
        item=item,
        user=people.rows[who],
    )
