"""Whether an instant lies in a window, and when that changes by itself.

Step of the path: segment, language half.
"""

from __future__ import annotations

from typing import assert_never

from ethogram.model.segment import (
    Before,
    BeforeAgo,
    BetweenMoments,
    InCalendar,
    InLast,
    InNext,
    InPreceding,
    InstantWindow,
    Since,
    Span,
    Unit,
)
from ethogram.segment import local_time
from ethogram.segment.sql import Binder, micros
from ethogram.segment.windows import Frame, bounds, fixed_seconds, later, period


def during(at: str | None, window: InstantWindow, frame: Frame, binder: Binder) -> str:
    """Whether the instant `at` (Nullable) lies in the window; future instants can lie in calendar periods."""
    if at is None:
        return "false"
    within = bounds(window, frame)
    parts = []
    if within.low is not None:
        parts.append(f"{at} >= {binder.instant(within.low)}")
    if within.high is not None:
        parts.append(f"{at} <= {binder.instant(within.high)}")
    return f"ifNull({' AND '.join(parts)}, false)"


def during_dues(at: str | None, window: InstantWindow, frame: Frame, binder: Binder) -> list[str]:
    """Instants at which `during` may change for a fixed `at`; ones that are past are left out by the plan."""
    if at is None:
        return []
    match window:
        case InLast(span):
            return [at, later(at, span, frame, binder)]
        case InNext(span):
            return [_earlier(at, span, frame, binder), at]
        case InPreceding(span, shift):
            both = later(later(at, span, frame, binder, settle=False), shift, frame, binder)
            return [later(at, shift, frame, binder), both]
        case BeforeAgo(span):
            return [later(f"addMicroseconds({at}, 1)", span, frame, binder)]
        case InCalendar(unit):
            start = binder.instant(micros(frame.midnight(period(frame, unit, -1)[0])))
            boundary = binder.instant(micros(frame.midnight(period(frame, unit, 0)[1])))
            return [f"if({at} >= {start}, {boundary}, NULL)"]
        case BetweenMoments() | Since() | Before():
            return []
        case _:
            assert_never(window)


def _earlier(at: str, span: Span, frame: Frame, binder: Binder) -> str:
    """The earliest instant after now at which `now + span` can reach `at`; see `later` for months and years."""
    if span.unit not in (Unit.MONTH, Unit.YEAR):
        return f"subtractSeconds({at}, {binder.integer(fixed_seconds(span))})"
    now = binder.instant(frame.now_us)
    zone = binder.text(frame.zone.key)
    months = binder.integer(-span.amount * (12 if span.unit is Unit.YEAR else 1))
    moved = local_time.instant_of(f"addMonths({local_time.wall_of(at, zone)}, {months})", zone)
    # Three days lie between the same day of the month and the last day of a February.
    start = f"addDays({moved}, -4)"
    midnight = binder.instant(micros(frame.midnight(frame.today_plus(1))))
    soon = ", ".join(f"if(addDays({moved}, {d}) > {now}, addDays({moved}, {d}), NULL)" for d in range(-3, 5))
    return f"if({start} > {now}, {start}, if(isNull({at}) OR {at} <= {now}, NULL, least({midnight}, {soon})))"
