"""Dates as templates show them: read from what events and traits hold, written by a format in a person's language.

Step of the path: deliver. Pure: `now` comes in. The directives are those of Ruby's `strftime`, which Liquid's users
know; `%-d` and `%^b` work everywhere, and no width makes a text long.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from email.utils import parsedate_to_datetime
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel import dates as babel_dates

_LONGEST = 64  # characters of a text that is looked at as a date
_WRITTEN = (
    "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%Y/%m/%d", "%B %d, %Y %H:%M", "%B %d, %Y %I:%M %p",
    "%Y-%m-%d %H:%M:%S %z",
)  # fmt: skip
_LENGTHS: tuple[Literal["short", "medium", "long", "full"], ...] = ("short", "medium", "long", "full")
_DIRECTIVE = re.compile(r"%([-0^#_]*)(\d?)([A-Za-z%])")
_WHOLE = {
    "D": "%m/%d/%y", "F": "%Y-%m-%d", "R": "%H:%M", "T": "%H:%M:%S", "X": "%H:%M:%S", "c": "%a %b %e %T %Y",
    "r": "%I:%M:%S %p", "x": "%m/%d/%y", "v": "%e-%^b-%Y",
}  # fmt: skip
_NUMBERS = {
    "C": 2, "G": 4, "H": 2, "I": 2, "L": 3, "M": 2, "N": 9, "S": 2, "U": 2, "V": 2, "W": 2, "Y": 4, "d": 2, "e": 2,
    "j": 3, "k": 2, "l": 2, "m": 2, "s": 1, "u": 1, "w": 1, "y": 2, "g": 2,
}  # fmt: skip


@functools.lru_cache(maxsize=200)
def locale(language: str) -> Locale:
    """The rules of a language; of its plain form where the whole is unknown, of English where that is, too."""
    for name in (language.replace("-", "_"), re.split(r"[-_]", language)[0], "en"):
        try:
            return Locale.parse(name)
        except (ValueError, UnknownLocaleError, TypeError):
            continue
    raise AssertionError("English is known")


def instant(value: object, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime | None:
    """The instant that a value means, in a zone; None where it means none.

    Args:
        now: what `now` and `today` mean.
        zone: where texts without an offset are left as they are.
    """
    try:
        found = _instant(value, now)
        return found.astimezone(zone) if found is not None and found.tzinfo is not None else found
    except (ValueError, OverflowError, OSError):
        return None


def _instant(value: object, now: dt.datetime) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if text in ("now", "today"):
            return now
        if not text or len(text) > _LONGEST:
            return None
        if not re.fullmatch(r"\d{9,13}", text):
            try:
                return dt.datetime.fromisoformat(text)
            except ValueError:
                return _as_people_write(text)
        value = int(text)
    if isinstance(value, (int, float)):
        seconds = value / 1000 if abs(value) >= 1e11 else value  # what JavaScript writes is in milliseconds
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    return None


def _as_people_write(text: str) -> dt.datetime | None:
    for known in _WRITTEN:
        try:
            return dt.datetime.strptime(text, known)  # noqa: DTZ007  # a date alone has no zone
        except ValueError:
            continue
    return parsedate_to_datetime(text)  # of e-mails, and of HTTP


def written(at: dt.datetime, format: str, locale: Locale) -> str:
    """A date by a format.

    >>> written(dt.datetime(2026, 3, 1, 9, 5), "%-d %B %Y, %H:%M", Locale.parse("sv"))
    '1 mars 2026, 09:05'
    >>> written(dt.datetime(2026, 3, 1), "long", Locale.parse("de"))
    '1. März 2026'
    """
    for length in _LENGTHS:
        if format == length:
            return babel_dates.format_date(at.date(), format=length, locale=locale)
    return _DIRECTIVE.sub(lambda match: _one(match, at, locale), format[:1_000])


def _one(match: re.Match[str], at: dt.datetime, locale: Locale) -> str:
    flags, width, letter = match.groups()
    if letter in _WHOLE:
        return written(at, _WHOLE[letter], locale)
    if letter in _NUMBERS:
        filler = " " if "_" in flags or (letter in "ekl" and "0" not in flags) else "0"
        told = str(_number(letter, at))
        return told if "-" in flags else told.rjust(int(width or _NUMBERS[letter]), filler)
    told = _word(letter, at, locale)
    if "^" in flags or (letter == "p" and "#" not in flags):
        return told.upper()
    return told.lower() if letter in "pP" else told


def _number(letter: str, at: dt.datetime) -> int:
    match letter:
        case "Y":
            return at.year
        case "C":
            return at.year // 100
        case "y":
            return at.year % 100
        case "G":
            return at.isocalendar().year
        case "g":
            return at.isocalendar().year % 100
        case "m":
            return at.month
        case "d" | "e":
            return at.day
        case "j":
            return at.timetuple().tm_yday
        case "H" | "k":
            return at.hour
        case "I" | "l":
            return at.hour % 12 or 12
        case "M":
            return at.minute
        case "S":
            return at.second
        case "L":
            return at.microsecond // 1000
        case "N":
            return at.microsecond * 1000
        case "s":
            return int(at.replace(tzinfo=at.tzinfo or dt.UTC).timestamp())
        case "u":
            return at.isoweekday()
        case "w":
            return at.isoweekday() % 7
        case "V":
            return at.isocalendar().week
        case "U":
            return (at.timetuple().tm_yday + 6 - at.isoweekday() % 7) // 7
        case _:  # W
            return (at.timetuple().tm_yday + 6 - at.weekday()) // 7


def _word(letter: str, at: dt.datetime, locale: Locale) -> str:
    match letter:
        case "B":
            return str(locale.months["format"]["wide"][at.month])
        case "b" | "h":
            return str(locale.months["format"]["abbreviated"][at.month])
        case "A":
            return str(locale.days["format"]["wide"][at.weekday()])
        case "a":
            return str(locale.days["format"]["abbreviated"][at.weekday()])
        case "p" | "P":
            return "am" if at.hour < 12 else "pm"
        case "z":
            return at.strftime("%z")
        case "Z":
            return at.tzname() or ""
        case "n":
            return "\n"
        case "t":
            return "\t"
        case "%":
            return "%"
        case _:
            return f"%{letter}"
