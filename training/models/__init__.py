"""Trainers, one small file each, behind one face (`training.models.protocol`).

trainer = create_trainer(AlsConfig(factors=64))
parts = trainer.fit(interactions, seed=0)
"""

from collections.abc import Callable

from training.models.als import AlsConfig, AlsTrainer
from training.models.blend import BlendConfig, BlendTrainer
from training.models.bpr import BprConfig, BprTrainer
from training.models.content import ContentConfig, ContentTrainer
from training.models.cooccurrence import CooccurrenceConfig, CooccurrenceTrainer
from training.models.ease import EaseConfig, EaseTrainer
from training.models.ials import IalsConfig, IalsTrainer
from training.models.lmf import LmfConfig, LmfTrainer
from training.models.neighbours import (
    Bm25Config,
    CosineConfig,
    NeighbourTrainer,
    TfidfConfig,
)
from training.models.ordered import OrderedConfig, OrderedTrainer
from training.models.popularity import PopularityConfig, PopularityTrainer
from training.models.protocol import (
    Interactions,
    IterationReport,
    Lines,
    ModelParts,
    Trainer,
    ignore_iteration,
)

ModelConfig = (
    BlendConfig
    | IalsConfig
    | CooccurrenceConfig
    | OrderedConfig
    | ContentConfig
    | EaseConfig
    | AlsConfig
    | BprConfig
    | LmfConfig
    | CosineConfig
    | TfidfConfig
    | Bm25Config
    | PopularityConfig
)
"""Every model's configuration; `type` in the file tells them apart."""

__all__ = [
    "AlsConfig",
    "BlendConfig",
    "Bm25Config",
    "BprConfig",
    "ContentConfig",
    "CooccurrenceConfig",
    "CosineConfig",
    "EaseConfig",
    "IalsConfig",
    "Interactions",
    "IterationReport",
    "Lines",
    "LmfConfig",
    "ModelConfig",
    "ModelParts",
    "OrderedConfig",
    "PopularityConfig",
    "TfidfConfig",
    "Trainer",
    "create_trainer",
    "ignore_iteration",
]


_TRAINERS: dict[type[ModelConfig], Callable[..., Trainer]] = {
    AlsConfig: AlsTrainer,
    BlendConfig: BlendTrainer,
    Bm25Config: NeighbourTrainer,
    BprConfig: BprTrainer,
    ContentConfig: ContentTrainer,
    CooccurrenceConfig: CooccurrenceTrainer,
    CosineConfig: NeighbourTrainer,
    EaseConfig: EaseTrainer,
    IalsConfig: IalsTrainer,
    LmfConfig: LmfTrainer,
    OrderedConfig: OrderedTrainer,
    PopularityConfig: PopularityTrainer,
    TfidfConfig: NeighbourTrainer,
}


def create_trainer(config: ModelConfig) -> Trainer:
    """Return the trainer that a configuration is for."""
    return _TRAINERS[type(config)](config)
