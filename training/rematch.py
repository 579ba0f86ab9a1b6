"""The champion of yesterday on today's data: its configuration fitted and asked again.

Two figures compare only if they were measured on the same data, cut and people. A nightly
run has new data, and the champion itself cannot be asked on them: it was published
with everything there was, so it has seen part of what is held out now. What can be asked
is its configuration, fitted on what lies before the new cut, as the candidate's is. That
is also what the gate has to know: which of two ways to train is better on these data.
"""

from typing import TYPE_CHECKING

import msgspec

from recsys.errors import InvalidData
from training.catalog import Catalog
from training.config import TrainConfig
from training.cuts import measure_at, stored_evaluation
from training.dataset import Dataset
from training.interactions import read_events
from training.split import Split, split_events
from training.stored import Contestant

if TYPE_CHECKING:
    from training.tracking.run import TrackedRun


def rematch(
    champion: Contestant,
    *,
    candidate: Contestant,
    split: Split,
    dataset: Dataset,
) -> Contestant:
    """Fit and ask the champion's configuration where a candidate was asked.

    Args:
        champion: What was measured of it elsewhere: its name, configuration and seed.
        candidate: What was measured of the candidate here. If both have the same
            configuration and seed, its figures are the champion's too.
        split: Where the candidate was asked. Its items are numbered as the candidate's
            configuration has them: those that nobody has had only if it takes them in.
        dataset: The candidate's data.

    Raises:
        InvalidData: The champion's filters leave nothing of these data.
    """
    name, seed = champion.stored.name, champion.stored.seed
    ours = msgspec.convert(candidate.stored.config, TrainConfig)
    theirs = msgspec.convert(champion.stored.config, TrainConfig)
    config = msgspec.structs.replace(
        theirs, split=ours.split, evaluate=ours.evaluate, gate=ours.gate
    )
    if (config, seed) == (ours, candidate.stored.seed):
        return Contestant(
            stored=msgspec.structs.replace(candidate.stored, name=name), values=candidate.values
        )
    measured = measure_at(
        split,
        config,
        seed=seed,
        catalog=Catalog.of_frame(dataset.items(), item_ids=split.before.item_ids),
    )
    return stored_evaluation(
        {measured.name: measured.evaluation},
        config,
        name=name,
        fingerprint=dataset.info.fingerprint,
        seed=seed,
        bootstrap_count=0,
    )


def rematch_on(dataset: Dataset, champion: Contestant, *, candidate: Contestant) -> Contestant:
    """Read the data of a candidate again and let the champion's configuration play there.

    Args:
        dataset: The candidate's data.
        champion: What was measured of the champion elsewhere.
        candidate: What was measured of the candidate on these data.

    Raises:
        InvalidData: The champion's filters leave nothing of these data, or they do not give
            the cut that the candidate was measured at.
    """
    config = msgspec.convert(candidate.stored.config, TrainConfig)
    events = read_events(dataset, whole_catalogue=config.filter.item_users_min == 0)
    split = split_events(events, config.split)
    found = rematch(champion, candidate=candidate, split=split, dataset=dataset)
    if found.stored.measured_on != candidate.stored.measured_on:
        raise InvalidData(
            path=str(dataset.folder),
            problem=f"gives {found.stored.measured_on}; the model was measured on "
            f"{candidate.stored.measured_on}",
        )
    return found


def rematched(
    run: "TrackedRun", candidate: Contestant | None, *, split: Split, dataset: Dataset
) -> Contestant | None:
    """Let the present champion play again if it was measured on other data.

    Args:
        run: The candidate's.
        candidate: What was measured of it, if anything.
        split: Where.
        dataset: On which data.

    Returns:
        What the champion's configuration does here; None if that is not needed, or not known.
    """
    if candidate is None:
        return None
    measured_on = candidate.stored.measured_on
    champion = run.submit(lambda session: session.champion_elsewhere(measured_on)).result()
    if champion is None:
        return None
    with run.timed("rematch"):
        try:
            return rematch(champion, candidate=candidate, split=split, dataset=dataset)
        except InvalidData:  # its filters leave nothing of these data
            return None
