"""Which settings mattered, by Optuna's PED-ANOVA (Watanabe et al. 2023)."""

from collections.abc import Sequence

import optuna

from training.auto.book import Tried

_TRIALS_MIN = 8


def importances(tried: Sequence[Tried]) -> dict[str, float]:
    """Return the importance of each setting that varied, the largest first.

    Args:
        tried: Trials of one shape, none pruned. Too few of them say nothing.
    """
    names = [
        name
        for name in (tried[0].params if tried else {})
        if len({repr(one.params[name]) for one in tried}) > 1
    ]
    if len(tried) < _TRIALS_MIN or not names:
        return {}
    study = optuna.create_study(direction="maximize")
    for one in tried:
        study.add_trial(
            optuna.trial.create_trial(
                params={name: one.params[name] for name in names},
                distributions={name: _distribution(tried, name) for name in names},
                value=one.value,
            )
        )
    return dict(
        optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    )


def _distribution(tried: Sequence[Tried], name: str) -> optuna.distributions.BaseDistribution:
    values = [one.params[name] for one in tried]
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return optuna.distributions.CategoricalDistribution(tuple(dict.fromkeys(values)))
    if all(isinstance(value, int) for value in numbers):
        return optuna.distributions.IntDistribution(int(min(numbers)), int(max(numbers)))
    return optuna.distributions.FloatDistribution(min(numbers), max(numbers))
