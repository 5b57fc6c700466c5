"""Documents of rules are read whole, written as they were read, and refused with all their faults."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.errors import DefinitionError
from ethogram.model.eligibility import (
    FrequencyCap,
    GlobalHoldout,
    Needs,
    QuietHours,
    Then,
    Topic,
    Window,
)
from ethogram.model.message import Channel

names = st.text("abc -", min_size=1, max_size=8).filter(str.strip)
channels = st.lists(st.sampled_from(Channel), unique=True, max_size=3).map(tuple)
topics = st.builds(Topic, st.just("it"), st.just("") | names, st.just("") | names, channels, st.sampled_from(Needs))
caps = st.builds(
    lambda most, window, length, *rest: FrequencyCap("it", most, Window.ROLLING if length else window, length, *rest),
    st.integers(1, 99),
    st.sampled_from([Window.HOUR, Window.DAY, Window.WEEK]),
    st.none() | st.integers(1, 90 * 24 * 60).map(lambda minutes: dt.timedelta(minutes=minutes)),
    channels,
    st.lists(names, max_size=2).map(tuple),
)
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
quiet = st.builds(
    QuietHours,
    st.just("it"),
    times,
    times,
    st.lists(st.integers(0, 6), min_size=1, unique=True).map(lambda some: tuple(sorted(some))),
    channels,
    st.sampled_from(Then),
    st.lists(st.sampled_from(["SE", "NO", "US-CA"]), max_size=2, unique=True).map(tuple),
) | st.builds(lambda then: QuietHours("it", dt.time(), dt.time(), (), (), then, ("SE",)), st.sampled_from(Then))
holdouts = st.builds(
    GlobalHoldout,
    st.just("it"),
    st.floats(0, 1),
    st.just("") | names,
    st.none() | st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)),
)


@settings(deadline=None)  # holidays are loaded when they are first asked for
@given(topics | caps | quiet | holdouts)
def test_what_is_written_is_read_as_it_was(rule: Topic | FrequencyCap | QuietHours | GlobalHoldout) -> None:
    assert type(rule).from_body("it", rule.to_body()) == rule


def test_documents_look_as_people_write_them() -> None:
    assert FrequencyCap.from_body("c", {"most": 2, "per": "6 hours", "channels": "email"}) == FrequencyCap(
        "c", 2, Window.ROLLING, dt.timedelta(hours=6), (Channel.EMAIL,)
    )
    weekend = QuietHours.from_body("q", {"from": "22:00", "to": "08:00", "days": ["saturday", "friday"]})
    assert (weekend.days, weekend.start, weekend.end) == ((4, 5), dt.time(22), dt.time(8))
    assert QuietHours.from_body("q", {"holidays": "SE"}).to_body() == {"holidays": ["SE"]}
    assert GlobalHoldout.from_body("h", {"share": "5%"}).share == 0.05
    assert Topic.from_body("t", {}).needs is Needs.NOTHING


@pytest.mark.parametrize(
    ("kind", "body", "faults"),
    [
        (Topic, {"needs": "opt-in", "chanels": ["email"]}, ["needs", "chanels"]),
        (FrequencyCap, {"most": 0, "per": "fortnight", "channels": ["mail"]}, ["most", "per", "channels[0]"]),
        (FrequencyCap, {}, ["most", "per"]),
        (FrequencyCap, {"most": 1, "per": "200 days"}, ["per"]),
        (QuietHours, {"from": "25:00", "days": ["Sunday"], "then": "wait"}, ["from", "to", "days[0]", "then"]),
        (QuietHours, {"from": "22:00", "to": "08:00", "days": []}, ["days"]),
        (QuietHours, {"holidays": ["SE", "Atlantis", "US-XX"]}, ["holidays[1]", "holidays[2]"]),
        (QuietHours, {"holidays": ["HolidayBase", "registry", "US-", "us"]}, [f"holidays[{at}]" for at in range(4)]),
        (QuietHours, {"holidays": [False]}, ["holidays"]),
        (QuietHours, {"holidays": []}, ["from", "to"]),
        (QuietHours, {"holidays": ["SE"], "days": ["sunday"]}, ["from", "to"]),
        (GlobalHoldout, {"share": 5, "since": "yesterday"}, ["share", "since"]),
    ],
)
def test_all_faults_are_told_at_once(kind: Any, body: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(DefinitionError) as refused:
        kind.from_body("it", body)
    assert sorted(place for place, _ in refused.value.faults) == sorted(faults)


def test_a_rolling_window_without_a_length_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="rolling"):
        FrequencyCap("c", 1, Window.ROLLING)
