"""How a published model treats items that it does not know: from attributes to vectors."""

from training.new_items.learn import LearnedMap, learn_new_items
from training.new_items.ridge import fit_map, items_with_features

__all__ = ["LearnedMap", "fit_map", "items_with_features", "learn_new_items"]
