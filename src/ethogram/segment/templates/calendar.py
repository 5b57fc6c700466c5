"""Templates about the calendar: birthdays, anniversaries, and holidays by country.

Step of the path: data for `fill.py`. Holidays have no dates of their own in the language; they are looked up, when a
template is applied, with the `holidays` package and written into the text as plain dates, so that a saved segment
says exactly which days it means.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from ethogram.segment.syntax import quoted_text
from ethogram.segment.templates.template import Parameter, ParameterKind, Template, Unwritable, Value, days, text

_COMING = days(7, "how many days ahead")
_HOLIDAY = (
    text("of", "US", "the country, as a code of two letters (ISO 3166-1)"),
    text("holiday", "Christmas Day", "the holiday, by its English name or a part of it"),
    Parameter("years", ParameterKind.YEARS, None, "which years; by default last year, this year and the next"),
)


def _holiday_coming(values: Mapping[str, Value]) -> str | Unwritable:
    """Active in a run-up to the holiday, and lately: so that only the run-up at hand counts."""
    found = _run_ups(values)
    if isinstance(found, Unwritable):
        return found
    names, windows = found
    active = " or ".join(f"did({{activity}} {window})" for window in windows)
    return f"{{country}} ~in ({names}) and did({{activity}} in last {values['days']} days) and ({active})"


def _holiday_buyers(values: Mapping[str, Value]) -> str | Unwritable:
    found = _run_ups(values)
    if isinstance(found, Unwritable):
        return found
    names, windows = found
    bought = " or ".join(f"did({{purchase}} {window})" for window in windows)
    return f"{{country}} ~in ({names}) and ({bought})"


def _run_ups(values: Mapping[str, Value]) -> tuple[str, list[str]] | Unwritable:
    """Returns the country's names as quoted texts, and a window of days for each time the holiday falls."""
    try:
        import holidays
        from holidays.registry import COUNTRIES
    except ImportError:
        return Unwritable("looking up holidays needs the package `holidays`, which is not installed")
    code, wanted, years = str(values["of"]).upper(), str(values["holiday"]), values["years"]
    assert isinstance(years, tuple)
    try:
        calendar = holidays.country_holidays(code, years=[int(year) for year in years], language="en_US")
    except NotImplementedError:
        return Unwritable(
            f"no holidays are known for the country `{code}`; use a code of two letters, such as SE or US"
        )
    exact = [date for date, name in calendar.items() if wanted.casefold() in name.casefold().split("; ")]
    dates = sorted(exact or [date for date, name in calendar.items() if wanted.casefold() in name.casefold()])
    if not dates:
        known = ", ".join(dict.fromkeys(name for _, name in sorted(calendar.items())))
        return Unwritable(f"`{code}` has no holiday `{wanted}` in {', '.join(years)}; it has: {known}")
    ahead = dt.timedelta(days=int(str(values["days"])))
    windows = [f"between {date - ahead} and {date}" for date in dates]
    full = [key.replace("_", " ").title() for key, entry in COUNTRIES.items() if code in entry[1:]]
    return ", ".join(quoted_text(name) for name in (code, *full)), windows


CALENDAR: tuple[Template, ...] = (
    Template(
        "birthday-coming",
        "Birthday coming",
        "Have their birthday today or in the next days.",
        "calendar",
        "anniversary({birthday}) in next {days} days",
        (_COMING,),
        ("birthday",),
    ),
    Template(
        "birthday-this-month",
        "Birthday this month",
        "Have their birthday in the present calendar month.",
        "calendar",
        "anniversary({birthday}) in this month",
        tags=("birthday",),
    ),
    Template(
        "anniversary-coming",
        "Anniversary of joining coming",
        "Joined on such a day in an earlier year.",
        "calendar",
        "anniversary({signup_date}) in next {days} days and {signup_date} before 180 days ago",
        (_COMING,),
        ("anniversary", "signup"),
    ),
    Template(
        "purchase-anniversary-coming",
        "Anniversary of the first purchase coming",
        "Bought for the first time on such a day in an earlier year.",
        "calendar",
        "anniversary(first({purchase})) in next {days} days and first({purchase}) before 180 days ago",
        (_COMING,),
        ("anniversary", "purchase"),
    ),
    Template(
        "holiday-coming",
        "Holiday coming",
        "Live in a country where a holiday is near, and are active in the days before it.",
        "calendar",
        "{country} ~in ('US', 'United States') and did({activity} in last {days} days)"
        " and did({activity} between 2026-12-11 and 2026-12-25)",
        (*_HOLIDAY, days(14, "how many days before the holiday to begin")),
        ("holiday", "country"),
        _holiday_coming,
    ),
    Template(
        "holiday-buyers",
        "Holiday buyers",
        "Bought in the days before a holiday of their country, in one of the years.",
        "calendar",
        "{country} ~in ('US', 'United States') and did({purchase} between 2026-12-11 and 2026-12-25)",
        (*_HOLIDAY, days(14, "how many days before the holiday count")),
        ("holiday", "country", "purchase"),
        _holiday_buyers,
    ),
)
