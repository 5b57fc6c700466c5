"""Reads a definition's document (YAML or JSON, as dicts and lists) and finds all its faults at once.

A reader asks a `Part` for each value that it expects. What is wrong is noted with its place, and a stand-in comes back
so that reading goes on; at the end `read` raises one error with everything. Names that nobody asked for are faults too.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ethogram.errors import DefinitionError, UserError

Value = TypeVar("Value")
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_LENGTH = re.compile(r"(\d+)\s+(second|minute|hour|day|week)s?")
_TEXT = 100_000  # characters of one text


class _Required:
    """Stands where a value has no default."""


_REQUIRED = _Required()


def read(what: str, body: object, reader: Callable[[Part], Value]) -> Value:
    """What a reader makes of a document.

    Args:
        what: what it is, for the message: "campaign `spring`".

    Raises:
        DefinitionError: with all faults of the document.
    """
    faults: list[tuple[str, str]] = []
    top = Part(body, "", faults)
    try:
        value = reader(top)
    except Exception:
        if faults:  # a stand-in did not fit: the faults are the cause
            raise DefinitionError(what, faults) from None
        raise
    top.end()
    if faults:
        raise DefinitionError(what, faults)
    return value


def length_text(length: dt.timedelta) -> str:
    """A length as documents say it.

    >>> length_text(dt.timedelta(hours=36))
    '1 day 12 hours'
    """
    left = int(length.total_seconds())
    parts = []
    for unit in reversed(_UNITS):
        count, left = divmod(left, _UNITS[unit])
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts) or "0 seconds"


def length_of(text: str) -> dt.timedelta | None:
    """The length that a text says; None where it says none.

    >>> length_of("1 day 12 hours")
    datetime.timedelta(days=1, seconds=43200)
    """
    if not re.fullmatch(rf"\s*{_LENGTH.pattern}(\s+{_LENGTH.pattern})*\s*", text):
        return None
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _LENGTH.findall(text))
    return dt.timedelta(seconds=seconds) if seconds <= 10 * 366 * 86_400 else None


class Part:
    """A mapping in a document."""

    def __init__(self, value: object, place: str, faults: list[tuple[str, str]]) -> None:
        self.place = place
        self._faults = faults
        self._asked: dict[str, None] = {}
        self._parts: list[Part] = []
        self._values: Mapping[str, Any] = {}
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            self._values = value
        else:
            self.wrong(None, f"must be a mapping of names to values, not {_kind(value)}")

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def names(self) -> tuple[str, ...]:
        """The names that the document gives, of a mapping whose names the user chose; none of them is a fault."""
        self._asked.update(dict.fromkeys(self._values))
        return tuple(self._values)

    def at(self, name: str | None) -> str:
        """The place of a value, for a fault."""
        if name is None:
            return self.place
        return f"{self.place}.{name}" if self.place else name

    def wrong(self, name: str | None, told: str) -> None:
        """Notes a fault."""
        self._faults.append((self.at(name), told))

    def value(self, name: str, default: Any = _REQUIRED) -> Any:
        """A value as it is; a missing one that has no default is a fault, and comes back as None."""
        self._asked[name] = None
        found = self._values.get(name)
        if found is not None:
            return found
        if isinstance(default, _Required):
            self.wrong(name, "is missing")
            return None
        return default

    def text(
        self, name: str, default: Any = _REQUIRED, *, one_of: Sequence[str] | None = None, longest: int = _TEXT
    ) -> Any:
        """A text that is not empty; `default` may be None."""
        found = self.value(name, default)
        if found is None or found is default:
            return found if found is not None or not isinstance(default, _Required) else ""
        if isinstance(found, (int, float)) and not isinstance(found, bool) and one_of is None:
            found = str(found)  # YAML reads `name: 2026` as a number
        if not isinstance(found, str):
            self.wrong(name, f"must be a text, not {_kind(found)}")
            return ""
        if not found.strip():
            self.wrong(name, "is empty")
        elif len(found) > longest:
            self.wrong(name, f"has {len(found)} characters; {longest} are the most")
        elif one_of is not None and found not in one_of:
            self.wrong(name, f"cannot be `{found}`; it is one of {', '.join(one_of)}{nearest(found, one_of)}")
            return one_of[0]
        return found

    def flag(self, name: str, default: bool | None = None) -> bool:  # noqa: FBT001  # the default of a flag is a flag
        """True or false."""
        found = self.value(name, _REQUIRED if default is None else default)
        if not isinstance(found, bool):
            if found is not None:
                self.wrong(name, f"must be true or false, not {_kind(found)}")
            return False
        return found

    def number(
        self, name: str, default: Any = _REQUIRED, *, least: float | None = None, most: float | None = None
    ) -> Any:
        """A number in a range, its ends included."""
        found = self.value(name, default)
        if found is None or found is default:
            return found if found is not None or not isinstance(default, _Required) else least or 0
        if not isinstance(found, (int, float)) or isinstance(found, bool) or found != found:  # noqa: PLR0124  # NaN
            self.wrong(name, f"must be a number, not {_kind(found)}")
            return least or 0
        if (least is not None and found < least) or (most is not None and found > most):
            self.wrong(name, f"cannot be {found}; it is {_range(least, most)}")
            return least or 0
        return found

    def whole(self, name: str, default: Any = _REQUIRED, *, least: int = 0, most: int | None = None) -> Any:
        """A whole number in a range, its ends included."""
        found = self.number(name, default, least=least, most=most)
        if isinstance(found, float):
            self.wrong(name, f"must be a whole number, not {found}")
            return least
        return found

    def share(self, name: str, default: Any = _REQUIRED) -> Any:
        """A share between 0 and 1; "10 %" is one as well."""
        found = self.value(name, default)
        if isinstance(found, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", found)):
            found = float(match[1]) / 100
        if found is None or found is default:
            return found if found is not None or not isinstance(default, _Required) else 0.0
        if not isinstance(found, (int, float)) or isinstance(found, bool) or not 0 <= found <= 1:
            self.wrong(name, "must be a share: a number between 0 and 1, or a percentage such as `10%`")
            return 0.0
        return float(found)

    def length(self, name: str, default: Any = _REQUIRED, *, least: dt.timedelta = dt.timedelta(0)) -> Any:
        """A length of time, such as `3 days` or `1 hour 30 minutes`."""
        found = self.value(name, default)
        if found is None or found is default:
            return found if found is not None or not isinstance(default, _Required) else least
        length = length_of(found) if isinstance(found, str) else None
        if length is None:
            self.wrong(name, "must be a length of at most ten years, such as `3 days` or `1 hour 30 minutes`")
            return least
        if length < least:
            self.wrong(name, f"cannot be shorter than {length_text(least)}")
        return length

    def instant(self, name: str, default: Any = _REQUIRED) -> Any:
        """An instant with its zone, such as `2026-03-01T09:00:00Z`; comes back in UTC."""
        found = self.value(name, default)
        if found is None or found is default:
            return found
        if isinstance(found, str):
            try:
                found = dt.datetime.fromisoformat(found)
            except ValueError:
                found = None
        if not isinstance(found, dt.datetime) or found.tzinfo is None:
            self.wrong(name, "must be an instant with its zone, such as `2026-03-01T09:00:00Z`")
            return dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
        return found.astimezone(dt.UTC)

    def local_time(self, name: str, default: Any = _REQUIRED) -> Any:
        """A time of day, such as `09:00`."""
        found = self.value(name, default)
        if found is None or found is default:
            return found if found is not None or not isinstance(default, _Required) else dt.time()
        if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 24 * 60:
            return dt.time(*divmod(found, 60))  # YAML 1.1 reads an unquoted 09:30 as 570
        if isinstance(found, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", found):
            hour, minute = found.split(":")
            return dt.time(int(hour), int(minute))
        self.wrong(name, 'must be a time of day, such as "09:00"')
        return dt.time()

    def texts(self, name: str, default: Any = _REQUIRED, *, one_of: Sequence[str] | None = None) -> tuple[str, ...]:
        """A list of texts; one text is a list of one."""
        found = self.value(name, default)
        if found is None or found is default:
            return tuple(found or ())
        listed = [found] if isinstance(found, str) else found
        if not isinstance(listed, (list, tuple)) or not all(isinstance(each, str) and each.strip() for each in listed):
            self.wrong(name, "must be a list of texts")
            return ()
        for index, each in enumerate(listed):
            if one_of is not None and each not in one_of:
                told = f"cannot be `{each}`; it is one of {', '.join(one_of)}{nearest(each, one_of)}"
                self.wrong(f"{name}[{index}]", told)
        return tuple(listed)

    def mapping(self, name: str, default: Any = _REQUIRED) -> dict[str, Any]:
        """A mapping whose names the user chose, as it is."""
        found = self.value(name, default)
        if found is None or found is default:
            return dict(found or {})
        if not isinstance(found, Mapping) or not all(isinstance(each, str) for each in found):
            self.wrong(name, f"must be a mapping of names to values, not {_kind(found)}")
            return {}
        return dict(found)

    def part(self, name: str) -> Part:
        """A mapping inside; a missing one is a fault."""
        found = self.value(name)
        return self._inside({} if found is None else found, name)

    def maybe(self, name: str) -> Part | None:
        """A mapping inside, if there is one."""
        return self.part(name) if name in self else self.value(name, None)

    def parts(self, name: str, default: Any = _REQUIRED) -> list[Part]:
        """A list of mappings; one mapping is a list of one."""
        found = self.value(name, default)
        if found is None or found is default:
            return []
        listed = [found] if isinstance(found, Mapping) else found
        if not isinstance(listed, (list, tuple)):
            self.wrong(name, f"must be a list, not {_kind(found)}")
            return []
        return [self._inside(each, f"{name}[{index}]") for index, each in enumerate(listed)]

    def each(self) -> Iterator[tuple[str, Part]]:
        """The mappings inside a mapping whose names the user chose."""
        for name in self.names():
            yield name, self._inside(self._values[name], name)

    def one(self, names: Sequence[str]) -> str:
        """Which one of several names is given: exactly one must be."""
        given = [name for name in names if name in self]
        if len(given) != 1:
            told = f"needs exactly one of {', '.join(names)}"
            self.wrong(None, told + (f", not {' and '.join(given)}" if given else ""))
        for name in names:
            self._asked.setdefault(name)
        return given[0] if given else names[0]

    def made(self, name: str | None, maker: Callable[[], Value], stand_in: Value) -> Value:
        """What a maker makes; what it refuses (a ValueError, or an error for users) is a fault at that place."""
        try:
            return maker()
        except (ValueError, UserError) as error:
            self.wrong(name, error.message if isinstance(error, UserError) else str(error))
            return stand_in

    def end(self) -> None:
        """Notes the names that nobody asked for, here and inside."""
        for name in self._values:
            if name not in self._asked:
                self.wrong(name, f"is unknown here{nearest(name, list(self._asked))}")
        for part in self._parts:
            part.end()

    def _inside(self, value: object, name: str) -> Part:
        part = Part(value, self.at(name), self._faults)
        self._parts.append(part)
        return part


def nearest(name: str, known: Sequence[str]) -> str:
    """The known name that looks most like one, as the end of a sentence; nothing where none does."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"between {least} and {most}"
    return f"at least {least}" if least is not None else f"at most {most}"
