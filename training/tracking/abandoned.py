"""Runs whose process was killed outright: they would stay RUNNING for ever; and going on with one."""

from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from training.tracking.process import is_gone

TAG_PROCESS = "process"
TAG_ABANDONED = "abandoned"
_RUN_COUNT_MAX = 200


def end_abandoned_runs(client: MlflowClient, *, experiment_id: str) -> list[str]:
    """Mark running runs of processes that are provably gone as KILLED.

    Runs of other machines, of other boots of this one, and runs without the tag stay
    as they are. MLflow takes the moment of marking for their end.

    Returns:
        Ids of the runs that were marked.
    """
    running = client.search_runs(
        [experiment_id],
        filter_string="attributes.status = 'RUNNING'",
        max_results=_RUN_COUNT_MAX,
    )
    ended = []
    for run in running:
        name = run.data.tags.get(TAG_PROCESS)
        if name is None or not is_gone(name):
            continue
        client.set_tag(run.info.run_id, TAG_ABANDONED, "its process was gone when the next began")
        client.set_terminated(run.info.run_id, "KILLED")
        ended.append(run.info.run_id)
    return ended


def resume_run(client: MlflowClient, run_id: str, *, tags: Mapping[str, str]) -> str | None:
    """Set a run that has ended, however it did, to running again.

    Args:
        client: MLflow.
        run_id: The run.
        tags: Tags to set.

    Returns:
        The run; None if it was deleted.
    """
    try:
        found = client.get_run(run_id)
    except MlflowException:
        return None
    if found.info.lifecycle_stage != "active":
        return None
    client.update_run(run_id, status="RUNNING")
    if TAG_ABANDONED in found.data.tags:
        client.delete_tag(run_id, TAG_ABANDONED)
    for name, value in tags.items():
        client.set_tag(run_id, name, value)
    return run_id
