"""Runs whose process was killed outright: they would stay RUNNING for ever."""

from mlflow import MlflowClient

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
