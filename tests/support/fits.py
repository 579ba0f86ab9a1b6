"""A model as a training run fits it before measuring."""

from training.config import TrainConfig
from training.fit import FittedModel, fit_model, prepare
from training.split import Split


def fit_before_cut(split: Split, config: TrainConfig) -> FittedModel:
    """Fit on what lies before the cut, always by the same chance."""
    prepared = prepare(split.before, config=config, features=config.features, now=split.cut_time)
    return fit_model(
        prepared,
        config=config,
        seed=0,
    )
