"""The sample-ratio check: whether as many people came into each arm as were meant to.

Step of the path: measure. Pure. Pearson's chi-square against the meant shares; below 0.001 the arms are not alike, so
that no comparison of them says anything (Fabijan et al. 2019, "Diagnosing Sample Ratio Mismatch").
"""

from __future__ import annotations

from collections.abc import Sequence

from ethogram.model.experiment import RatioCheck

_SUSPICIOUS = 0.001


def check_ratio(people: Sequence[int], shares: Sequence[float]) -> RatioCheck:
    """Whether arms have the people that their shares say.

    Raises:
        ValueError: there are not as many arms as shares, or a share is not above 0.
    """
    if len(people) != len(shares) or any(share <= 0 for share in shares):
        raise ValueError("each arm has a share above 0")
    whole, shared = sum(people), sum(shares)
    if len(people) < 2 or not whole:
        return RatioCheck(1.0, sound=True)
    from scipy import stats

    meant = [whole * share / shared for share in shares]
    statistic = sum((found - wanted) ** 2 / wanted for found, wanted in zip(people, meant, strict=True))
    p_value = float(stats.chi2.sf(statistic, len(people) - 1))
    return RatioCheck(p_value, sound=p_value >= _SUSPICIOUS)
