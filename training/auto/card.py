"""The model card: what was learned from what, how good it is, what was tried, and its limits."""

from collections.abc import Sequence

import msgspec

from training.auto.book import Tried
from training.auto.plan import HoldOut, Plan
from training.auto.source import Source
from training.auto.verdict import Verdict
from training.config import TrainConfig
from training.config_text import brief_text

_ROWS = 10
_HELD_OUT = {
    HoldOut.TEMPORAL: "what was wanted in the newest weeks, asked with what was known before",
    HoldOut.LAST: "the newest item of each user asked, in all her lines",
    HoldOut.NEXT: "each step of the newest sessions, asked with the steps before it",
    HoldOut.RANDOM: "a fifth of the items of each user asked, drawn by chance",
}


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Under which a card was made.

    Attributes:
        command: What to type for the same search.
        licence: Of the data; empty if nobody said.
        budget_seconds: That the search was given.
        trials: Candidates that it was given in the place of seconds, if so.
        elapsed_seconds: That it took, over all calls.
        share: Of the users that candidates were compared on.
        seed: Source of all chance.
        code: Commit and the like.
        run_id: The MLflow run of the search.
        tested: What was measured afterwards on a period that the search did not see,
            one line each.
    """

    command: str
    licence: str
    budget_seconds: float
    trials: int | None = None
    elapsed_seconds: float
    share: float
    seed: int
    code: dict[str, str]
    run_id: str
    tested: tuple[str, ...] = ()


def card_text(
    *,
    config: TrainConfig,
    source: Source,
    plan: Plan,
    verdict: Verdict,
    tried: Sequence[Tried],
    conditions: Conditions,
) -> str:
    """Render the card in Markdown."""
    return "\n".join(
        [
            f"# Model card: {' + '.join(verdict.chosen.shape)}",
            "",
            "Made by `recsys auto`. One additive score: what the model learned of items, applied to",
            "a person's weighed history at the moment of the request. It holds no data of persons.",
            "",
            *_data(source, conditions),
            *_protocol(plan, conditions),
            *_figures(plan, verdict, conditions),
            *_tried(verdict, tried, plan, conditions),
            *_limits(plan, verdict),
            "## Reproduce",
            "",
            "```sh",
            conditions.command,
            "```",
            "",
            f"Seed {conditions.seed}, run `{conditions.run_id}`"
            + "".join(f", {name} {value}" for name, value in sorted(conditions.code.items()))
            + ". How far a search gets depends on the machine; the configuration below does not.",
            "",
            "```toml",
            brief_text(config).rstrip(),
            "```",
            "",
        ]
    )


def _data(source: Source, conditions: Conditions) -> list[str]:
    window = (
        "times unknown"
        if source.first is None or source.last is None
        else f"{source.first:%Y-%m-%d} to {source.last:%Y-%m-%d}"
    )
    return [
        "## Data",
        "",
        f"* {source.name}, {window}.",
        f"* {source.line_count:,} lines, {source.user_count:,} users, {source.item_count:,} items.",
        f"* Fingerprint `{source.fingerprint}`.",
        "* Licence of the data: "
        + (conditions.licence or "not recorded; ask who gave them to you")
        + ". Code: Apache-2.0.",
        "",
    ]


def _protocol(plan: Plan, conditions: Conditions) -> list[str]:
    return [
        "## Protocol",
        "",
        f"* Held out of the training data: {_HELD_OUT[plan.hold_out]}.",
        "* Ranked: the whole catalogue, "
        + ("every item." if plan.protocol == "any" else "without items of the history."),
        f"* As high as possible: {plan.metric}, the mean over users.",
        *(f"* {reason[:1].upper()}{reason[1:]}." for reason in plan.reasons),
        *(
            [
                f"* Candidates were compared on {conditions.share:.0%} of the users, for want of time."
            ]
            if conditions.share < 1
            else []
        ),
        "",
    ]


def _figures(plan: Plan, verdict: Verdict, conditions: Conditions) -> list[str]:
    return [
        "## Figures",
        "",
        f"95 % bootstrap intervals by user. {verdict.user_count:,} users checked: they helped to",
        f"choose among {verdict.finalist_count} finalists and were asked nothing before.",
        "",
        f"| {plan.metric} | |",
        "|---|---|",
        f"| those who chose (too high: chosen by it) | {verdict.tuned} |",
        f"| **those who checked** | **{verdict.checked}** |",
        f"| the popular list, same users | {verdict.popular} |",
        f"| gain over the popular list, paired | {verdict.gain_over_popular} |",
        f"| gain over the first candidate, paired | {verdict.gain_over_start} |",
        *(f"| {line} |" for line in conditions.tested),
        "",
        *(
            [
                f"Not taken: `{verdict.overruled.name}`, better for those who chose and worse for",
                "everybody together.",
                "",
            ]
            if verdict.overruled is not None
            else []
        ),
    ]


def _tried(
    verdict: Verdict, tried: Sequence[Tried], plan: Plan, conditions: Conditions
) -> list[str]:
    ended = sorted((one for one in tried if not one.pruned), key=lambda one: -one.value)
    best: dict[tuple[str, ...], Tried] = {}
    for one in ended:
        best.setdefault(one.shape, one)
    cpu = sum(one.figures.cpu_seconds for one in tried)
    rows = [
        f"| {' + '.join(shape)} | {sum(one.shape == shape for one in tried)} | {top.value:.4f} | "
        f"{top.figures.model_bytes / 2**20:.0f} | {top.figures.user_microseconds:.0f} |"
        for shape, top in list(best.items())[:_ROWS]
    ]
    return [
        "## Tried",
        "",
        f"{len(tried)} candidates, {sum(one.pruned for one in tried)} of them given up early,",
        f"in {conditions.elapsed_seconds:.0f} s of {_budget(conditions)} and {cpu:.0f}",
        f"processor seconds. Chosen: `{verdict.chosen.name}`.",
        "",
        f"| parts | candidates | best {plan.metric} | MiB | µs per user |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _budget(conditions: Conditions) -> str:
    if conditions.trials is not None:
        return f"whatever {conditions.trials} candidates take"
    return f"{conditions.budget_seconds:.0f} s"


def _limits(plan: Plan, verdict: Verdict) -> list[str]:
    fallen = verdict.tuned.mean - verdict.checked.mean
    return [
        "## Limits",
        "",
        f"* The metric fell by {fallen:.4f} from those who chose to those who checked;",
        "  the intervals above say how much of that is chance.",
        *(
            ["* The popular list is not clearly beaten."]
            if verdict.gain_over_popular.low <= 0
            else []
        ),
        *(
            ["* Items were held out by chance: the figures say nothing of changes over time."]
            if plan.hold_out is HoldOut.RANDOM
            else []
        ),
        "* Offline figures say what people would have found, not what they would have done.",
        "* New people get popular lists until their first event.",
        "* New items appear with the next training.",
        "",
    ]
