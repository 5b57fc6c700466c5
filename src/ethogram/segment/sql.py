"""The two ways in which something of a segment meets SQL text: bound values and quoted names.

Step of the path: segment, language half. Everything that a user or an event supplies goes through `Binder` or
`quote`; no other module of the compiler writes a literal that is not its own.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def micros(at: dt.datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly."""
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


def instant_of(value: int) -> dt.datetime:
    """The inverse of `micros`."""
    return _EPOCH + dt.timedelta(microseconds=value)


def quote(identifier: str) -> str:
    """A name in backquotes; the only place where a name meets SQL text.

    Raises:
        ValueError: the name holds NUL, which the engine cannot read.
    """
    if "\x00" in identifier:
        raise ValueError("a name cannot hold NUL")
    return "`" + identifier.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Binder:
    """Gives every value a parameter, the same value the same one."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}
        self._names: dict[tuple[str, str], str] = {}

    def bind(self, kind: str, value: Any) -> str:
        """A placeholder for `value` as the engine's type `kind`."""
        key = (kind, repr(value))
        name = self._names.get(key)
        if name is None:
            name = f"p{len(self._names)}"
            self._names[key] = name
            self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def text(self, value: str) -> str:
        return self.bind("String", value)

    def number(self, value: int | float) -> str:
        return self.bind("Float64", float(value))

    def integer(self, value: int) -> str:
        return self.bind("Int64", value)

    def instant(self, at: int) -> str:
        """An instant given in microseconds."""
        return f"fromUnixTimestamp64Micro({self.integer(at)}, 'UTC')"
