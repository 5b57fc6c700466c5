"""Experiments: people in arms, what they did, and what can be said about the difference.

Frozen values; the formulas are in `measure/experiments/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Arm:
    """The people of one variant, or of the holdout.

    Attributes:
        people: how many.
        converted: how many of them did what was hoped for.
        total: of what they spent.
        squares: the sum of the squares of what each of them spent.
    """

    name: str
    people: int
    converted: int
    total: float = 0.0
    squares: float = 0.0


class Metric(StrEnum):
    """What is compared."""

    CONVERSION = "conversion"  # the share of people who converted
    REVENUE = "revenue"  # what a person spent on average


class Method(StrEnum):
    """How certain a difference is."""

    FIXED = "fixed"  # looked at once, at the end: Welch's t
    SEQUENTIAL = "sequential"  # may be looked at all the time
    BAYESIAN = "bayesian"  # without prior knowledge


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a treated arm differs from its control.

    Attributes:
        lift: the relative difference: 0.1 is ten percent more; `low` and `high` are the ends of its interval.
        difference: the absolute one, in shares of people or in money a person.
        level: of the interval, such as 0.95.
        p_value: of no difference; None for `bayesian`.
        chance_to_win: that the treated arm is better; None for the others.
    """

    metric: Metric
    method: Method
    control: str
    treated: str
    lift: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    level: float
    p_value: float | None = None
    chance_to_win: float | None = None


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """Nothing can be said, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """Whether people came into arms as they were meant to.

    Attributes:
        p_value: of shares as uneven as these, where they were drawn as meant; below 0.001 something is wrong.
    """

    p_value: float
    sound: bool


Finding: TypeAlias = Comparison | Inconclusive
