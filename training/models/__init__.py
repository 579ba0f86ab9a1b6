"""Trainers, one small file each, behind one face (`training.models.protocol`).

trainer = create_trainer(AlsConfig(factors=64))
parts = trainer.fit(interactions, seed=0)
"""

from training.models.als import AlsConfig, AlsTrainer
from training.models.bpr import BprConfig, BprTrainer
from training.models.neighbours import (
    Bm25Config,
    CosineConfig,
    NeighbourTrainer,
    TfidfConfig,
)
from training.models.popularity import PopularityConfig, PopularityTrainer
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    Trainer,
    ignore_iteration,
)

ModelConfig = AlsConfig | BprConfig | CosineConfig | TfidfConfig | Bm25Config | PopularityConfig
"""Every model's configuration; `type` in the file tells them apart."""

__all__ = [
    "AlsConfig",
    "Bm25Config",
    "BprConfig",
    "CosineConfig",
    "Interactions",
    "IterationReport",
    "ModelConfig",
    "ModelParts",
    "PopularityConfig",
    "TfidfConfig",
    "Trainer",
    "create_trainer",
    "ignore_iteration",
]


def create_trainer(config: ModelConfig) -> Trainer:
    """Return the trainer that a configuration is for."""
    match config:
        case AlsConfig():
            return AlsTrainer(config)
        case BprConfig():
            return BprTrainer(config)
        case PopularityConfig():
            return PopularityTrainer(config)
        case CosineConfig() | TfidfConfig() | Bm25Config():
            return NeighbourTrainer(config)
