"""Whom commands learn from."""

import enum


class LearnsFrom(enum.StrEnum):
    """What counts of those who have said nothing."""

    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"
