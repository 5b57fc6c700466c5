"""Intervals around a difference: looked at once, looked at all the time, and without prior knowledge.

Step of the path: measure. Pure; SciPy is loaded when something is asked. They agree with gbstats 0.8.0 to four digits.

- Fixed horizon: Welch's t, two-sided.
- Sequential: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021,
  arXiv:2103.06476, theorem 2.2), whose interval holds however often one looks; ρ is chosen to be tightest at 5,000
  people, as gbstats does.
- Bayesian: the posterior of a normal effect under a flat prior.
"""

from __future__ import annotations

import math

from ethogram.measure.experiments.moments import Effect

_TUNED_FOR = 5_000  # people at whom the sequential interval is tightest


def fixed(effect: Effect, alpha: float) -> tuple[float, float, float]:
    """The ends of the interval, and the p-value."""
    from scipy import stats  # half a second to load, and most processes never ask

    spread = math.sqrt(effect.variance)
    half = float(stats.t.ppf(1 - alpha / 2, effect.freedom)) * spread
    p_value = 2 * float(stats.t.sf(abs(effect.value) / spread, effect.freedom))
    return effect.value - half, effect.value + half, p_value


def sequential(effect: Effect, people: int, alpha: float) -> tuple[float, float, float]:
    """The ends of the interval, and the p-value that may be looked at at any time.

    Args:
        people: in both arms together.
    """
    square = _rho_square(alpha)
    scaled = people * square + 1
    per_person = people * effect.variance
    log = math.log(math.sqrt(scaled) / alpha)
    half = math.sqrt(per_person) * math.sqrt(2 * scaled * log / (people**2 * square))
    exponent = effect.value**2 * people**2 * square / (2 * per_person * scaled)
    p_value = min(math.sqrt(scaled) * math.exp(-exponent), 1.0)
    return effect.value - half, effect.value + half, p_value


def bayesian(effect: Effect, alpha: float) -> tuple[float, float, float]:
    """The ends of the credible interval, and the chance that the effect is above 0."""
    from scipy import stats

    spread = math.sqrt(effect.variance)
    half = float(stats.norm.ppf(1 - alpha / 2)) * spread
    return effect.value - half, effect.value + half, float(stats.norm.cdf(effect.value / spread))


def _rho_square(alpha: float) -> float:
    doubled = -2 * math.log(alpha)
    return (doubled + math.log(doubled + 1)) / _TUNED_FOR
