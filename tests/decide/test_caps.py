"""Caps hold for every window there is, and who makes room is the weakest that helps."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.decide.caps import Room, Speaker, find_room
from ethogram.model.eligibility import FrequencyCap, Window
from ethogram.model.message import Channel, Refused

NOW = dt.datetime(2026, 10, 25, 12, tzinfo=dt.UTC)  # the day on which Stockholm has 25 hours
ZONE = ZoneInfo("Europe/Stockholm")
HOUR = dt.timedelta(hours=1)


def speaker(
    id_: str, hours: float = 0, priority: int = 0, *, waits: bool = True, channel: str = "email", topic: str = ""
) -> Speaker:
    return Speaker(id_, channel, topic, priority, NOW + hours * HOUR, waits, f"campaign `{id_}`")


def cap(most: int, window: Window = Window.DAY, hours: float | None = None, **more: object) -> FrequencyCap:
    length = None if hours is None else hours * HOUR
    return FrequencyCap("calm", most, Window.ROLLING if length else window, length, **more)  # type: ignore[arg-type]


def code(found: Room | Refused) -> str | None:
    return found.code if isinstance(found, Refused) else None


def test_what_was_sent_leaves_no_room_and_is_told_so() -> None:
    found = find_room(speaker("a"), [speaker("b", -1, waits=False)], [cap(1)], ZONE)
    assert isinstance(found, Refused)
    assert (found.code, found.reason) == (
        "capped",
        "cap `calm` (1 per day) allows no more: 1 were sent or are on their way",
    )


def test_what_waits_with_less_priority_makes_room_and_with_the_same_does_not() -> None:
    found = find_room(speaker("a", priority=5), [speaker("b", priority=4)], [cap(1)], ZONE)
    assert isinstance(found, Room)
    assert [each.id for each in found.displaced] == ["b"]
    refused = find_room(speaker("a", priority=4), [speaker("b", priority=4)], [cap(1)], ZONE)
    assert isinstance(refused, Refused)
    assert refused.code == "outranked"
    assert "campaign `b` (priority 4, message b) speaks instead" in refused.reason


def test_what_is_on_its_way_makes_no_room_whatever_its_priority() -> None:
    assert code(find_room(speaker("a", priority=5), [speaker("b", waits=False)], [cap(1)], ZONE)) == "capped"


def test_nobody_gives_way_in_vain() -> None:
    taken = [speaker("weak", priority=-1), speaker("sent", waits=False)]
    assert code(find_room(speaker("a"), taken, [cap(2), cap(1)], ZONE)) == "capped"


def test_the_weakest_that_helps_gives_way() -> None:
    taken = [speaker("other", priority=-5, channel="sms"), speaker("weak", priority=-1), speaker("weaker", priority=-2)]
    found = find_room(speaker("a"), taken, [cap(2, channels=(Channel.EMAIL,))], ZONE)
    assert isinstance(found, Room)
    assert [each.id for each in found.displaced] == ["weaker"]


def test_a_cap_concerns_its_channels_and_topics_only() -> None:
    taken = [speaker("b", waits=False, topic="news")]
    assert find_room(speaker("a", topic="tips"), taken, [cap(1, topics=("news",))], ZONE) == Room()
    assert find_room(speaker("a", topic="news"), taken, [cap(1, channels=(Channel.SMS,))], ZONE) == Room()
    assert code(find_room(speaker("a", topic="news"), taken, [cap(1, topics=("news",))], ZONE)) == "capped"


def test_a_day_is_the_person_s_own_and_may_have_25_hours() -> None:
    midnight = dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC)
    first, last = -14.0, 10.9  # of 25 October in Stockholm, in hours from noon in UTC
    assert NOW + first * HOUR == midnight
    assert code(find_room(speaker("a", last), [speaker("b", first, waits=False)], [cap(1)], ZONE)) == "capped"
    assert find_room(speaker("a", 11), [speaker("b", first, waits=False)], [cap(1)], ZONE) == Room()
    assert find_room(speaker("a", last), [speaker("b", first, waits=False)], [cap(1)], ZoneInfo("UTC")) == Room()


def test_a_week_begins_on_monday() -> None:
    taken = [speaker("b", -24 * 6, waits=False)]  # Monday; now is Sunday
    assert code(find_room(speaker("a"), taken, [cap(1, Window.WEEK)], ZONE)) == "capped"
    assert find_room(speaker("a", 24), taken, [cap(1, Window.WEEK)], ZONE) == Room()


def test_a_rolling_window_looks_forward_as_well() -> None:
    assert code(find_room(speaker("a"), [speaker("b", 5.9)], [cap(1, hours=6)], ZONE)) == "outranked"
    assert find_room(speaker("a"), [speaker("b", 6)], [cap(1, hours=6)], ZONE) == Room()
    # Two within six hours, and a third between them: every stretch counts.
    assert code(find_room(speaker("a"), [speaker("b", -2), speaker("c", 3)], [cap(2, hours=6)], ZONE)) == "outranked"
    assert find_room(speaker("a"), [speaker("b", -4), speaker("c", 3)], [cap(2, hours=6)], ZONE) == Room()


caps = st.builds(
    lambda most, window, hours, channels: cap(most, window, hours, channels=channels),
    st.integers(1, 3),
    st.sampled_from([Window.HOUR, Window.DAY, Window.WEEK]),
    st.none() | st.sampled_from([0.5, 1, 6, 30]),
    st.sampled_from([(), (Channel.EMAIL,), (Channel.SMS, Channel.PUSH)]),
)
speakers = st.builds(
    lambda number, hours, priority, waits, channel: speaker(
        f"m{number:05}", hours, priority, waits=waits, channel=channel
    ),
    st.integers(0, 99_999),
    st.integers(-120, 120).map(lambda quarter: quarter / 4),
    st.integers(-2, 2),
    st.booleans(),
    st.sampled_from(["email", "sms"]),
)


def broken(rule: FrequencyCap, some: list[Speaker], zone: ZoneInfo) -> bool:
    """Whether any window of a cap holds more than it allows, looked for window by window."""
    counted = [each.at for each in some if rule.concerns(each.channel, each.topic)]
    if rule.length is not None:
        return any(sum(start <= at < start + rule.length for at in counted) > rule.most for start in counted)
    form = {Window.HOUR: "%Y-%m-%d %H", Window.DAY: "%Y-%m-%d", Window.WEEK: "%G %V"}[rule.window]
    shown = [at.astimezone(zone).strftime(form) for at in counted]
    return any(shown.count(each) > rule.most for each in shown)


@settings(max_examples=500)
@given(
    st.lists(speakers, max_size=7, unique_by=lambda each: each.id),
    speakers.filter(lambda each: each.waits),
    st.lists(caps, min_size=1, max_size=3),
    st.sampled_from(["UTC", "Europe/Stockholm", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_caps_hold_and_room_is_found_where_there_is_any(
    given_: list[Speaker], wanted: Speaker, some: list[FrequencyCap], name: str
) -> None:
    zone = ZoneInfo(name)
    taken: list[Speaker] = []
    for each in given_:  # what is there obeys the caps
        if each.id != wanted.id and not any(broken(rule, [*taken, each], zone) for rule in some):
            taken.append(each)
    found = find_room(wanted, taken, some, zone)
    movable = [each for each in taken if each.waits and each.priority < wanted.priority]
    possible = [
        gone
        for count in range(len(movable) + 1)
        for gone in itertools.combinations(movable, count)
        if not any(broken(rule, [wanted, *(each for each in taken if each not in gone)], zone) for rule in some)
    ]
    mine = [rule for rule in some if rule.concerns(wanted.channel, wanted.topic)]
    if isinstance(found, Refused):
        assert not possible
        assert mine
        return
    assert set(found.displaced) <= set(movable)
    left = [wanted, *(each for each in taken if each not in found.displaced)]
    assert not any(broken(rule, left, zone) for rule in some)
    for each in found.displaced:  # nobody gives way who need not
        assert any(broken(rule, [*left, each], zone) for rule in some)
