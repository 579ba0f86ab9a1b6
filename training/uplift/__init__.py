"""What an offer changes, learned from a randomised experiment: whom to send it to."""

from training.uplift.experiment import Experiment, read_experiment
from training.uplift.learners import LEARNERS, Learned, learn, pseudo_outcomes
from training.uplift.policy import Targeting, judge, out_of_fold

__all__ = [
    "LEARNERS",
    "Experiment",
    "Learned",
    "Targeting",
    "judge",
    "learn",
    "out_of_fold",
    "pseudo_outcomes",
    "read_experiment",
]
