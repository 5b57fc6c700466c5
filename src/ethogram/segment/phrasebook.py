"""The phrases that are offered while a segment is written, each with what it means; a bar is where the cursor goes.

Step of the path: segment, language half; data for `completing.py`. It holds what people use most, not the whole
language: the reference has that.
"""

from __future__ import annotations

from typing import Final

from ethogram.model.segment import Function

Phrases = tuple[tuple[str, str], ...]

EVENT_FUNCTIONS: Final = frozenset({str(function) for function in Function} | {"did", "sequence"})

STARTERS: Final[Phrases] = (
    ("did(|)", "something was done at least once"),
    ("count(|) >= 3", "how often something was done"),
    ("not did(|)", "something was never done"),
    ("in_segment(|)", "is in another segment"),
    ("sum(|) > 100", "the sum of a property: sum(purchase.amount)"),
    ("avg(|) > 50", "the mean of a property"),
    ("max(|) > 100", "the largest value of a property"),
    ("min(|) < 10", "the smallest value of a property"),
    ("median(|) > 50", "the middle value of a property"),
    ("distinct(|) >= 5", "how many different values of a property"),
    ("first(|) in last 7 days", "the instant of the first such event"),
    ("last(|) before 30 days ago", "the instant of the last such event"),
    ("favorite(|) = ''", "the most frequent value of a property"),
    ("active_days(|) >= 10", "on how many days something was done"),
    ("streak(|) >= 7", "on how many days in a row"),
    ("gap(|) > 45 days", "the mean time between two such events"),
    ("hour(|) between 18 and 23", "the usual hour of such events"),
    ("weekday(|) in ('sat', 'sun')", "the usual weekday of such events"),
    ("sequence(|)", "events one after another"),
    ("top(10%, |)", "those with the highest value"),
    ("bottom(10%, |)", "those with the lowest value"),
    ("quintile(|) = 5", "which fifth of everybody"),
    ("anniversary(|) in next 7 days", "a day of the year, such as a birthday"),
    ("score(|) > 0.7", "the latest value of a score"),
    ("entered(|)", "has entered a segment"),
    ("left(|)", "has left a segment"),
    ("not ", "the opposite"),
)

AFTER_OPERAND: Final[Phrases] = (
    ("= ", "equals"),
    ("!= ", "differs from"),
    (">= ", "at least"),
    ("> ", "more than"),
    ("<= ", "at most"),
    ("< ", "less than"),
    ("in (|)", "is one of"),
    ("not in (|)", "is none of"),
    ("exists", "is there at all"),
    ("between | and ", "between two numbers, both included"),
    ("contains '|'", "has a part"),
    ("starts with '|'", "begins with"),
    ("ends with '|'", "ends with"),
    ("matches '|'", "fits a regular expression"),
    ("~= '|'", "equals, whatever the case of letters"),
    ("in last | days", "lies in the last days"),
    ("in next | days", "lies in the next days"),
    ("before | days ago", "lies longer ago"),
    ("since ", "from a date on: since 2026-01-01"),
)

WINDOWS: Final[Phrases] = (
    ("in last 7 days", "the last week, to the second"),
    ("in last 30 days", "the last month"),
    ("in last 90 days", "the last quarter"),
    ("in last 24 hours", "the last day"),
    ("in last | days", "as many days as you like"),
    ("in today", "since midnight"),
    ("in this week", "since Monday"),
    ("in this month", "since the first"),
    ("in this year", "since the first of January"),
    ("in previous month", "the calendar month before this"),
    ("before 30 days ago", "longer ago than that"),
    ("since ", "from a date on: since 2026-01-01"),
    ("between | and ", "between two dates, both included"),
)

AFTER_SELECTION: Final[Phrases] = (("where ", "only events with such properties"), *WINDOWS)

AFTER_CONDITION: Final[Phrases] = (
    ("and ", "both must hold"),
    ("or ", "one of them is enough"),
    ("and not ", "the next must not hold"),
)

CALENDAR: Final[Phrases] = (
    ("week", "from Monday on"),
    ("month", "from the first on"),
    ("quarter", "three months"),
    ("year", "from the first of January on"),
)

UNITS_OFFERED: Final[Phrases] = tuple((unit, "") for unit in ("days", "hours", "weeks", "months", "minutes", "years"))

LENGTHS: Final[Phrases] = tuple((length, "") for length in ("7 days", "30 days", "90 days", "24 hours", "12 months"))
