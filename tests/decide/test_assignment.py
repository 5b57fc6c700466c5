"""Drawing is even, the same for ever, and one campaign's has nothing to do with another's."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.decide.assignment import draw, held_out_of_all, number, pick
from ethogram.model.campaign import Audience, Campaign, Once, Variant
from ethogram.model.eligibility import GlobalHoldout
from ethogram.model.message import Channel

PEOPLE = [f"p{index}" for index in range(50_000)]

# Never changed: whoever was drawn for something stays so over every version of the program.
VECTORS = [
    ("variant", "spring", "p1", 0.2576624989885562),
    ("holdout", "spring", "p1", 0.7011749401308186),
]


def campaign(name: str, holdout: float = 0.0, salt: str = "", shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> Campaign:
    variants = tuple(Variant(f"v{index}", share, "t") for index, share in enumerate(shares))
    return Campaign(name, Channel.EMAIL, Audience(), Once(), variants, holdout=holdout, salt=salt)


@pytest.mark.parametrize(("purpose", "salt", "profile", "expected"), VECTORS)
def test_the_same_is_drawn_for_ever(purpose: str, salt: str, profile: str, expected: float) -> None:
    assert number(purpose, salt, profile) == expected


def test_numbers_are_even() -> None:
    bins = Counter(int(number("variant", "s", id_) * 100) for id_ in PEOPLE)
    expected = len(PEOPLE) / 100
    chi_squared = sum((bins[index] - expected) ** 2 / expected for index in range(100))
    assert chi_squared < 149  # 99 degrees of freedom: one draw in a thousand is above; this one never changes


def test_shares_are_kept_in_every_campaign() -> None:
    shares = (0.5, 0.3, 0.2)
    worst = 0.0
    for index in range(20):
        found = Counter(draw(campaign(f"c{index}"), id_).variant.name for id_ in PEOPLE[:10_000])
        expected = [share * 10_000 for share in shares]
        chi_squared = sum((found[f"v{each}"] - want) ** 2 / want for each, want in enumerate(expected))
        worst = max(worst, chi_squared)
    assert worst < 18.4  # two degrees of freedom: one draw in ten thousand is above


def test_campaigns_variants_and_holdouts_are_independent() -> None:
    def correlation(first: list[float], second: list[float]) -> float:
        size = len(first)
        mean = sum(first) / size, sum(second) / size
        both = sum((a - mean[0]) * (b - mean[1]) for a, b in zip(first, second, strict=True))
        spread = [sum((a - mean[index]) ** 2 for a in some) for index, some in enumerate((first, second))]
        return both / math.sqrt(spread[0] * spread[1])

    one = [number("variant", "a", id_) for id_ in PEOPLE]
    for purpose, salt in (("variant", "b"), ("holdout", "a"), ("global holdout", "a")):
        other = [number(purpose, salt, id_) for id_ in PEOPLE]
        assert abs(correlation(one, other)) < 4 / math.sqrt(len(PEOPLE))


def test_a_shared_salt_draws_the_same_and_a_larger_holdout_only_adds() -> None:
    small = {id_ for id_ in PEOPLE[:5_000] if draw(campaign("a", 0.05, "s"), id_).held_out}
    large = {id_ for id_ in PEOPLE[:5_000] if draw(campaign("b", 0.10, "s"), id_).held_out}
    assert small < large
    assert 0.04 < len(small) / 5_000 < 0.06
    assert not any(draw(campaign("c"), id_).held_out for id_ in PEOPLE[:100])


def test_holdouts_over_everything_are_drawn_by_their_own_salt() -> None:
    one, two = GlobalHoldout("one", 0.2), GlobalHoldout("two", 0.2, since=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    found = Counter(tuple(each.name for each in held_out_of_all((one, two), id_)) for id_ in PEOPLE[:10_000])
    assert 300 < found["one", "two"] < 500
    assert 1_400 < found[("one",)] < 1_800


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(lambda some: sum(some) > 0), st.floats(0, 1))
def test_whoever_is_picked_has_a_share(shares: list[float], drawn: float) -> None:
    assert shares[pick(shares, min(drawn, 1 - 2**-53))] > 0


def test_no_shares_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        pick([0.0, 0.0], 0.5)


@given(st.text(), st.text(), st.text())
def test_any_text_is_drawn_for(purpose: str, salt: str, profile: str) -> None:
    assert 0 <= number(purpose, salt, profile) < 1
