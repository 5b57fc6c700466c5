"""What an answer means, when the next attempt is, and when an endpoint is left alone."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.deliver import attempts
from ethogram.deliver.attempts import Delivered, Failed, Gone, asked_wait, hold, judged, next_wait

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_status_of_success_is_one(status: int) -> None:
    assert judged(status, {}, "", NOW) == Delivered(status)


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 409, 422, 500, 599])
def test_everything_else_is_a_failure(status: int) -> None:
    outcome = judged(status, {"Location": "http://127.0.0.1/"}, "no", NOW)
    assert isinstance(outcome, Failed)
    assert outcome.status == status
    assert outcome.endpoint == (status >= 500)


def test_gone_wants_nothing_more() -> None:
    assert isinstance(judged(410, {}, "", NOW), Gone)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_busy_endpoints_say_how_long_to_wait(status: int) -> None:
    outcome = judged(status, {"Retry-After": "120"}, "", NOW)
    assert outcome == Failed(f"it answered {status}", status, endpoint=True, busy=True, wait=dt.timedelta(minutes=2))
    assert isinstance(outcome, Failed)
    assert hold(1, 1, outcome) == dt.timedelta(minutes=2)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", dt.timedelta()),
        (" 30 ", dt.timedelta(seconds=30)),
        (str(10 * 86400), DAY),  # capped
        ("9" * 400, DAY),
        (format_datetime(NOW + dt.timedelta(minutes=5), usegmt=True), dt.timedelta(minutes=5)),
        (format_datetime(NOW - DAY, usegmt=True), dt.timedelta()),
        (format_datetime(NOW + 10 * DAY, usegmt=True), DAY),
        ("Sun, 01 Mar 2026 12:05:00 -0000", dt.timedelta(minutes=5)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Sun, 99 Mar 2026 99:00:00 GMT", None),
    ],
)
def test_a_wish_to_wait_is_read_in_both_forms_and_capped(text: str, wait: dt.timedelta | None) -> None:
    assert asked_wait(text, NOW) == wait


@given(st.text(max_size=40))
def test_no_wish_to_wait_breaks_anything(text: str) -> None:
    wait = asked_wait(text, NOW)
    assert wait is None or dt.timedelta() <= wait <= DAY


@given(st.text(min_size=1, max_size=20))
def test_attempts_span_more_than_three_days_and_end(id: str) -> None:
    waits = [next_wait(id, tried) for tried in range(1, attempts.MOST_ATTEMPTS)]
    assert next_wait(id, attempts.MOST_ATTEMPTS) is None
    known = [wait for wait in waits if wait is not None]
    assert len(known) == len(waits) == 9
    assert dt.timedelta(days=3) < sum(known, dt.timedelta()) < dt.timedelta(days=4)
    assert known == sorted(known)
    assert next_wait(id, 3) == next_wait(id, 3)  # the same after a restart


def test_what_failed_together_does_not_come_again_together() -> None:
    assert len({next_wait(f"msg_{each}", 2) for each in range(50)}) == 50


def test_a_wait_that_was_asked_for_is_kept_and_the_schedule_too() -> None:
    assert next_wait("m", 1, dt.timedelta(hours=1)) == dt.timedelta(hours=1)
    assert next_wait("m", 9, dt.timedelta(hours=1)) == next_wait("m", 9)


def test_an_endpoint_is_left_alone_the_longer_the_more_often_it_failed() -> None:
    down = Failed("down", endpoint=True)
    assert [hold(1, each, down) for each in (1, 2)] == [None, None]
    waits = [hold(1, each, down) for each in range(3, 30)]
    known = [wait for wait in waits if wait is not None]
    assert len(known) == len(waits)
    assert dt.timedelta(seconds=20) <= known[0] <= dt.timedelta(seconds=24)
    assert max(known) <= dt.timedelta(minutes=12)
    assert known[-1] >= dt.timedelta(minutes=10)
