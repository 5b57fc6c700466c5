"""When a sync is due, also where clocks are put forward and back."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from ethogram.deliver import schedule

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def _times(text: str, start: str, count: int) -> list[str]:
    at, found = dt.datetime.fromisoformat(start), []
    for _ in range(count):
        following = schedule.next_at(schedule.read(text), at, STOCKHOLM)
        assert following is not None
        assert following > at
        assert following.tzinfo is dt.UTC
        at = following
        found.append(at.isoformat(timespec="minutes").removesuffix("+00:00"))
    return found


def test_a_cron_line_follows_the_clocks_of_the_zone() -> None:
    assert _times("cron 0 6 * * *", "2026-03-27T12:00+00:00", 3) == [
        "2026-03-28T05:00", "2026-03-29T04:00", "2026-03-30T04:00",
    ]  # fmt: skip
    # 02:30 does not exist on the day of summer time, and is there twice on the day of winter time: once each.
    assert len(set(_times("cron 30 2 * * *", "2026-03-27T12:00+00:00", 3))) == 3
    autumn = _times("cron 30 2 * * *", "2026-10-24T12:00+00:00", 2)
    assert [each[:10] for each in autumn] == ["2026-10-25", "2026-10-26"]


def test_a_length_goes_on_from_the_time_before() -> None:
    assert _times("every 15 minutes", "2026-01-01T00:07+00:00", 2) == ["2026-01-01T00:22", "2026-01-01T00:37"]
    assert schedule.next_at(schedule.read("on change"), dt.datetime.now(dt.UTC), STOCKHOLM) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("every 90 minutes", "every 90 minutes"),
        ("every 60 minutes", "every 1 hour"),
        ("every 24 hours", "every 1 day"),
        ("2 hours", "every 2 hours"),
        ("on change", "on change"),
        ("cron  0 6 * * MON", "cron 0 6 * * MON"),
    ],
)
def test_a_schedule_is_shown_in_one_form(text: str, shown: str) -> None:
    assert str(schedule.read(text)) == shown
    assert str(schedule.read(shown)) == shown


WRONG = "every;every 0 minutes;every 40 days;every 5 seconds;cron;cron 0 6 * *;cron 0 0 31 2 *;cron 99 * * * *;hourly"


@pytest.mark.parametrize("text", ["", *WRONG.split(";")])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no schedule|no cron line|never comes"):
        schedule.read(text)
