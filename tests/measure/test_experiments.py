"""What is said about experiments agrees with others who say it, holds at its stated rate, and stays silent in doubt."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from ethogram.measure.experiments import check_ratio, compare
from ethogram.model.experiment import Arm, Comparison, Inconclusive, Method, Metric

CONTROL, TREATED = Arm("control", 10_000, 1_000), Arm("treated", 10_000, 1_100)


def compared(control: Arm, treated: Arm, **more: object) -> Comparison:
    found = compare(control, treated, **more)  # type: ignore[arg-type]
    assert isinstance(found, Comparison), found
    return found


def arm(name: str, spent: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Arm:
    return Arm(name, len(spent), int((spent > 0).sum()), float(spent.sum()), float((spent**2).sum()))


# gbstats 0.8.0, 10,000 users each, 1,000 against 1,100 conversions.
@pytest.mark.parametrize(
    ("method", "low", "high", "said"),
    [
        (Method.FIXED, 0.01086, 0.18914, 0.02789),
        (Method.SEQUENTIAL, -0.04221, 0.24221, 0.5490),
        (Method.BAYESIAN, 0.01087, 0.18913, 0.98606),
    ],
)
def test_intervals_are_those_of_gbstats(method: Method, low: float, high: float, said: float) -> None:
    found = compared(CONTROL, TREATED, method=method)
    assert found.lift == pytest.approx(0.1)
    assert [found.low, found.high] == pytest.approx([low, high], abs=5e-6)
    number = found.chance_to_win if method is Method.BAYESIAN else found.p_value
    assert number == pytest.approx(said, abs=5e-5)


@pytest.mark.parametrize("seed", range(8))
def test_absolute_differences_are_those_of_statsmodels(seed: int) -> None:
    random = np.random.default_rng(seed)
    spent = [
        np.where(random.random(n) < share, random.lognormal(3, 1, n), 0.0)
        for n, share in ((int(random.integers(500, 5_000)), 0.2), (int(random.integers(500, 5_000)), 0.25))
    ]
    control, treated = arm("control", spent[0]), arm("treated", spent[1])
    money = CompareMeans(DescrStatsW(spent[1]), DescrStatsW(spent[0]))
    found = compared(control, treated, metric=Metric.REVENUE)
    low, high = money.tconfint_diff(usevar="unequal")
    assert [found.difference_low, found.difference_high] == pytest.approx([low, high], rel=1e-6)
    # Of shares, statsmodels pools nothing where it is told so; its z against our t differs in the fifth digit only.
    shares = compared(control, treated)
    statistic, _ = proportions_ztest(
        [treated.converted, control.converted], [treated.people, control.people], prop_var=False
    )
    assert np.sign(statistic) == np.sign(shares.difference)
    assert shares.difference == pytest.approx(treated.converted / treated.people - control.converted / control.people)


# Kevin Hillstrom's e-mail experiment (MineThatData, 2008): people, buyers, dollars and squares of dollars of each arm,
# and Welch's interval of the difference in dollars that statsmodels computes from the 64,000 customers.
NO_MAIL = Arm("no e-mail", 21_306, 122, 13_908.33, 2_870_050)


@pytest.mark.parametrize(
    ("treated", "visits", "interval", "low", "high"),
    [
        (Arm("mens", 21_307, 267, 30_311.69, 6_759_024), 3_894, (0.069953, 0.083226), 0.485140, 1.054515),
        (Arm("womens", 21_387, 189, 23_038.11, 4_911_447), 3_238, (0.038893, 0.051573), 0.168957, 0.679868),
    ],
)
def test_hillstroms_experiment_says_what_it_said(
    treated: Arm, visits: int, interval: tuple[float, float], low: float, high: float
) -> None:
    money = compared(NO_MAIL, treated, metric=Metric.REVENUE)
    assert [money.difference_low, money.difference_high] == pytest.approx([low, high], abs=2e-6)
    came = compared(Arm("no e-mail", NO_MAIL.people, 2_262), Arm(treated.name, treated.people, visits))
    assert [came.difference_low, came.difference_high] == pytest.approx(interval, abs=2e-6)


def _conversions(random: np.random.Generator, n: int, share: float) -> Arm:
    return Arm(f"{share}", n, int(random.binomial(n, share)))


def test_equal_arms_differ_at_the_stated_rate_only() -> None:
    random = np.random.default_rng(1)
    rejected = sum(
        compared(_conversions(random, 2_000, 0.1), _conversions(random, 2_000, 0.1)).p_value < 0.05  # type: ignore[operator]
        for _ in range(2_000)
    )
    assert 70 <= rejected <= 130  # 100 are expected; three standard deviations are 29


def test_looking_all_the_time_rejects_too_often_unless_the_interval_allows_it() -> None:
    random = np.random.default_rng(2)
    fixed = sequential = 0
    runs, looks, each = 300, 20, 500
    for _ in range(runs):
        parts = random.binomial(each, 0.1, (2, looks)).cumsum(axis=1)
        found = {Method.FIXED: False, Method.SEQUENTIAL: False}
        for look in range(looks):
            arms = [Arm(str(side), each * (look + 1), int(parts[side, look])) for side in (0, 1)]
            for method in found:
                found[method] |= (compared(arms[0], arms[1], method=method).p_value or 0) < 0.05
        fixed += found[Method.FIXED]
        sequential += found[Method.SEQUENTIAL]
    assert fixed > 0.12 * runs
    assert sequential <= 0.05 * runs


@pytest.mark.parametrize("method", Method)
def test_a_planted_lift_lies_in_the_interval_as_often_as_it_says(method: Method) -> None:
    random = np.random.default_rng(3)
    held = 0
    for _ in range(500):
        found = compared(_conversions(random, 5_000, 0.10), _conversions(random, 5_000, 0.12), method=method)
        held += found.low <= 0.2 <= found.high
    assert held >= 460  # 475 are expected; three standard deviations are 15
    if method is not Method.SEQUENTIAL:
        assert held <= 490


def test_several_arms_share_the_level() -> None:
    one, three = compared(CONTROL, TREATED), compared(CONTROL, TREATED, comparisons=3)
    assert three.high - three.low > one.high - one.low
    assert three.level == pytest.approx(1 - 0.05 / 3)


@pytest.mark.parametrize(
    ("control", "treated", "metric", "why"),
    [
        (Arm("a", 0, 0), TREATED, Metric.CONVERSION, "`a` has 0 people"),
        (Arm("a", 49, 20), TREATED, Metric.CONVERSION, "49 people; 50 are the fewest"),
        (CONTROL, Arm("b", 1_000, 4), Metric.CONVERSION, "of `b` 4 converted; 5"),
        (CONTROL, Arm("b", 1_000, 998), Metric.CONVERSION, "of `b` 2 did not convert"),
        (CONTROL, Arm("b", 1_000, 3, 30, 300), Metric.REVENUE, "spent anything"),
        (Arm("a", 100, 50, 0, 0), Arm("b", 100, 50, 10, 10), Metric.REVENUE, "nobody in `a` has any"),
        (Arm("a", 100, 50, 100, 100), Arm("b", 100, 50, 100, 100), Metric.REVENUE, "everybody in an arm is the same"),
    ],
)
def test_in_doubt_nothing_is_said(control: Arm, treated: Arm, metric: Metric, why: str) -> None:
    found = compare(control, treated, metric=metric)
    assert isinstance(found, Inconclusive)
    assert why in found.reason


def test_arms_that_are_not_as_large_as_meant_are_found_and_nothing_is_said_of_them() -> None:
    assert check_ratio([50_000, 50_200], [1, 1]).sound
    uneven = check_ratio([51_000, 49_000], [0.5, 0.5])
    assert not uneven.sound
    assert uneven.p_value == pytest.approx(2.5e-10, rel=0.1)
    assert check_ratio([9_000, 1_000], [9, 1]).sound
    assert check_ratio([10], [1]).sound
    found = compare(CONTROL, TREATED, ratio=uneven)
    assert isinstance(found, Inconclusive)
    assert "did not come into the arms" in found.reason
    with pytest.raises(ValueError, match="share above 0"):
        check_ratio([1, 2], [1, 0])
