"""Compares arms, and says nothing where nothing can be said.

Step of the path: measure. Pure. An interval from a handful of people looks like knowledge and is none: below some
numbers the finding is `Inconclusive`, with the reason.
"""

from __future__ import annotations

from typing import assert_never

from ethogram.measure.experiments import intervals
from ethogram.measure.experiments.moments import Effect, Moments, absolute, moments, relative
from ethogram.model.experiment import Arm, Comparison, Finding, Inconclusive, Method, Metric, RatioCheck

_FEWEST_PEOPLE = 50  # of an arm
_FEWEST_EVENTS = 5  # converted, and not converted, of an arm: below, a share is not nearly normal


def compare(
    control: Arm,
    treated: Arm,
    *,
    metric: Metric = Metric.CONVERSION,
    method: Method = Method.FIXED,
    alpha: float = 0.05,
    ratio: RatioCheck | None = None,
    comparisons: int = 1,
) -> Finding:
    """How a treated arm differs from its control, or why that cannot be said.

    Args:
        alpha: one minus the level of the interval.
        ratio: the check of the arms' sizes; where they are wrong, nothing is said.
        comparisons: how many arms are compared with this control; the level is shared among them (Bonferroni).
    """
    if ratio is not None and not ratio.sound:
        return Inconclusive(
            f"people did not come into the arms as they were meant to (p = {ratio.p_value:.2g}): something else than "
            "chance decides who is in which"
        )
    few = _too_few(control, metric) or _too_few(treated, metric)
    if few is not None:
        return Inconclusive(few)
    level = alpha / comparisons
    first, second = moments(control, metric), moments(treated, metric)
    if first.mean == 0:
        return Inconclusive(f"nobody in `{control.name}` has any, so there is nothing that it could be compared with")
    if first.variance == 0 or second.variance == 0:
        return Inconclusive("everybody in an arm is the same, so there is no telling how certain a difference is")
    return _compared(control, treated, first, second, metric, method, level)


def _compared(
    control: Arm, treated: Arm, first: Moments, second: Moments, metric: Metric, method: Method, alpha: float
) -> Comparison:
    lift, difference = relative(first, second), absolute(first, second)
    people = first.people + second.people

    def around(effect: Effect) -> tuple[float, float, float]:
        match method:
            case Method.FIXED:
                return intervals.fixed(effect, alpha)
            case Method.SEQUENTIAL:
                return intervals.sequential(effect, people, alpha)
            case Method.BAYESIAN:
                return intervals.bayesian(effect, alpha)
            case _:
                assert_never(method)

    low, high, said = around(lift)
    difference_low, difference_high, _ = around(difference)
    bayesian = method is Method.BAYESIAN
    return Comparison(
        metric=metric,
        method=method,
        control=control.name,
        treated=treated.name,
        lift=lift.value,
        low=low,
        high=high,
        difference=difference.value,
        difference_low=difference_low,
        difference_high=difference_high,
        level=1 - alpha,
        p_value=None if bayesian else said,
        chance_to_win=said if bayesian else None,
    )


def _too_few(arm: Arm, metric: Metric) -> str | None:
    if arm.people < _FEWEST_PEOPLE:
        return f"`{arm.name}` has {arm.people} people; {_FEWEST_PEOPLE} are the fewest that say anything"
    if metric is Metric.CONVERSION:
        least = min(arm.converted, arm.people - arm.converted)
        what = "converted" if arm.converted <= arm.people - arm.converted else "did not convert"
    else:
        least, what = arm.converted, "spent anything"
    if least < _FEWEST_EVENTS:
        return f"of `{arm.name}` {least} {what}; {_FEWEST_EVENTS} are the fewest that say anything"
    return None
