"""The mean and the variance of an arm, and of the difference between two.

Step of the path: measure. Pure. The relative difference is taken by the delta method, as in GrowthBook's gbstats:
Var(b/a − 1) ≈ Var(b)/a² + Var(a)·b²/a⁴ (Deng, Knoblich, Lu 2018, "Applying the Delta Method in Metric Analytics").
"""

from __future__ import annotations

from dataclasses import dataclass

from ethogram.model.experiment import Arm, Metric


@dataclass(frozen=True, slots=True)
class Moments:
    """Of one arm: its mean for a person, the variance of one person, and how many there are."""

    mean: float
    variance: float
    people: int

    @property
    def of_mean(self) -> float:
        """The variance of the mean."""
        return self.variance / self.people


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference, its variance, and Welch's degrees of freedom."""

    value: float
    variance: float
    freedom: float


def moments(arm: Arm, metric: Metric) -> Moments:
    """An arm's mean and variance: p(1 − p) for shares, the sample variance for money."""
    n = arm.people
    if metric is Metric.CONVERSION:
        share = arm.converted / n
        return Moments(share, share * (1 - share), n)
    mean = arm.total / n
    return Moments(mean, max(arm.squares - arm.total * mean, 0.0) / (n - 1) if n > 1 else 0.0, n)


def absolute(control: Moments, treated: Moments) -> Effect:
    """How much the treated mean is above the control's."""
    return Effect(treated.mean - control.mean, control.of_mean + treated.of_mean, _freedom(control, treated))


def relative(control: Moments, treated: Moments) -> Effect:
    """The same in parts of the control's mean, which is not 0."""
    a, b = control.mean, treated.mean
    variance = treated.of_mean / a**2 + control.of_mean * b**2 / a**4
    return Effect((b - a) / a, variance, _freedom(control, treated))


def _freedom(control: Moments, treated: Moments) -> float:
    """Welch and Satterthwaite's degrees of freedom."""
    whole = (control.of_mean + treated.of_mean) ** 2
    parts = control.of_mean**2 / (control.people - 1) + treated.of_mean**2 / (treated.people - 1)
    return whole / parts if parts else float("inf")
