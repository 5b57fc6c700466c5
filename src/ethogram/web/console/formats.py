"""Numbers, shares, amounts, instants and lengths of time as people of a locale write them.

Pure. The console's texts are English; how figures are written follows the browser's language (`Accept-Language`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from markupsafe import Markup

_MOST_LANGUAGES = 10
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Formats:
    """How a page writes figures.

    Args:
        now: the workspace's present; lengths of time are told from there.
    """

    locale: Locale
    zone: ZoneInfo
    now: dt.datetime
    currency: str = ""

    def number(self, value: float | None, digits: int | None = None) -> str:
        """A number with its digits grouped; with a count of digits, so many behind the point."""
        if value is None:
            return NOTHING
        pattern = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def compact(self, value: float | None) -> str:
        """A number in few letters, such as 12K."""
        if value is None:
            return NOTHING
        return str(format_compact_decimal(value, fraction_digits=1 if abs(value) >= 1000 else 0, locale=self.locale))

    def percent(self, share: float | None, digits: int = 1) -> str:
        """A share as a percentage."""
        if share is None:
            return NOTHING
        return str(
            format_percent(share, format="#,##0" + ("." + "0" * digits if digits else "") + "%", locale=self.locale)
        )

    def money(self, amount: float | None, currency: str = "") -> str:
        """An amount; without a currency, a number with two digits behind the point."""
        if amount is None:
            return NOTHING
        named = currency or self.currency
        return str(format_currency(amount, named, locale=self.locale)) if named else self.number(amount, 2)

    def when(self, at: dt.datetime | None) -> Markup:
        """An instant told from now on, with the exact one beside it."""
        if at is None:
            return Markup("{}").format(NOTHING)
        away = at - self.now
        if abs(away) < dt.timedelta(seconds=45):
            told = "just now" if away <= dt.timedelta() else "in a moment"
        elif abs(away) < dt.timedelta(days=30):
            told = format_timedelta(away, add_direction=True, locale=self.locale, threshold=1.2)
        else:
            told = self.day(at)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), self.instant(at), told)

    def instant(self, at: dt.datetime | None) -> str:
        """Day and time in the workspace's zone."""
        if at is None:
            return NOTHING
        return str(format_datetime(at, "d MMM y, HH:mm:ss", tzinfo=self.zone, locale=self.locale))

    def clock(self, at: dt.datetime) -> str:
        """The time of day in the workspace's zone."""
        return str(format_datetime(at, "HH:mm:ss", tzinfo=self.zone, locale=self.locale))

    def day(self, at: dt.date | dt.datetime | None) -> str:
        """A day."""
        if at is None:
            return NOTHING
        day = at.astimezone(self.zone).date() if isinstance(at, dt.datetime) else at
        return str(format_date(day, "d MMM y", locale=self.locale))

    def length(self, length: dt.timedelta | float | None) -> str:
        """A length of time; a bare number is seconds."""
        if length is None:
            return NOTHING
        seconds = length.total_seconds() if isinstance(length, dt.timedelta) else float(length)
        if abs(seconds) < 1:
            return f"{self.number(seconds * 1000, 0)} ms"
        return str(format_timedelta(dt.timedelta(seconds=seconds), locale=self.locale, threshold=1.5))


def locale_of(accepted: str) -> Locale:
    """The locale that a browser's `Accept-Language` asks for first among those that there are; English otherwise."""
    wanted: list[tuple[float, str]] = []
    for part in accepted.split(",")[:_MOST_LANGUAGES]:
        tag, _, quality = part.partition(";q=")
        try:
            wanted.append((-float(quality or 1), tag.strip()))
        except ValueError:
            continue
    for _, tag in sorted(wanted, key=lambda each: each[0]):
        try:
            return Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError, TypeError):
            continue
    return Locale("en", "US")
