"""What a template is: a segment's text with placeholders for roles and parameters.

Step of the path: vocabulary of the templates. A `Template` is data; `fill.py` fits one to a workspace. It reads and
writes nothing.

Placeholders: `{purchase}` is an event role, `{purchase.amount}` its property, `{birthday}` a trait role,
`{account.plan}` a trait role of the account, `{days}` a parameter, `{days+stuck}` the sum of two. A role with a
question mark (`{search?}`) is optional: where it is unset, the smallest part of an `and` or `or` that needs it is left
out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from ethogram.errors import UnknownNameError

Value: TypeAlias = "int | float | str | bool | tuple[str, ...]"

SUM = re.compile(r"\{([a-z_]+)\+([a-z_]+)\}")
PLACEHOLDER = re.compile(r"\{([a-z_0-9]+(?:\.[a-z_0-9]+)?)(\??)\}")


class ParameterKind(StrEnum):
    """What a parameter holds."""

    WHOLE = "whole number"
    NUMBER = "number"
    TEXT = "text"
    TEXTS = "texts"
    EVENT = "event"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One knob of a template. A default of None means that the template cannot be applied without a value.

    `low` and `high` bound numbers, both included.
    """

    name: str
    kind: ParameterKind
    default: Value | None
    description: str
    unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Unwritable:
    """Why a template's text cannot be written with these values."""

    reason: str


@dataclass(frozen=True, slots=True)
class Template:
    """A ready segment.

    Where the text itself depends on the values, `write` returns it (with role placeholders), and `text` is an example.
    """

    name: str
    title: str
    description: str
    category: str
    text: str
    parameters: tuple[Parameter, ...] = ()
    tags: tuple[str, ...] = ()
    write: Callable[[Mapping[str, Value]], str | Unwritable] | None = None

    @property
    def placeholders(self) -> tuple[tuple[str, bool], ...]:
        """Each placeholder of the text once, in order, with whether it is optional."""
        return tuple(dict.fromkeys((found[1], bool(found[2])) for found in PLACEHOLDER.finditer(self.text)))

    @property
    def needs(self) -> tuple[str, ...]:
        """The roles without which the template cannot be applied."""
        return self._roles(optional=False)

    @property
    def uses(self) -> tuple[str, ...]:
        """The roles that the template takes when they are set."""
        return self._roles(optional=True)

    def _roles(self, *, optional: bool) -> tuple[str, ...]:
        """Roles of the text, the event of each property before it."""
        keys = [key for key, left_out in self.placeholders if left_out == optional and not self.has_parameter(key)]
        owners = [[key.partition(".")[0], key] if not key.startswith("account.") else [key] for key in keys]
        return tuple(dict.fromkeys(key for pair in owners for key in pair))

    def has_parameter(self, name: str) -> bool:
        return any(parameter.name == name for parameter in self.parameters)

    def parameter(self, name: str) -> Parameter:
        """Returns the parameter of that name.

        Raises:
            UnknownNameError: the template has no such parameter.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = ", ".join(f"`{parameter.name}`" for parameter in self.parameters) or "none"
        raise UnknownNameError(
            f"the template `{self.name}` has no parameter `{name}`", hint=f"Its parameters: {known}."
        )


# --- short forms for writing parameters -----------------------------------------------------------------------------


def days(default: int, description: str = "how far back to look", name: str = "days") -> Parameter:
    """A number of days."""
    return Parameter(name, ParameterKind.WHOLE, default, description, unit="days", low=1, high=36_500)


def whole(name: str, default: int | None, description: str, unit: str = "", low: float = 1) -> Parameter:
    """A whole number."""
    return Parameter(name, ParameterKind.WHOLE, default, description, unit, low)


def number(
    name: str,
    default: float | None,
    description: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
) -> Parameter:
    """Any number."""
    return Parameter(name, ParameterKind.NUMBER, default, description, unit, low, high)


def percent(name: str, default: float, description: str) -> Parameter:
    """A share of everybody, above 0 and up to 100."""
    return Parameter(name, ParameterKind.NUMBER, default, description, "%", 0.001, 100)


def text(name: str, default: str | None, description: str) -> Parameter:
    """A text to compare with."""
    return Parameter(name, ParameterKind.TEXT, default, description)


def texts(name: str, default: tuple[str, ...] | None, description: str) -> Parameter:
    """Several texts to compare with."""
    return Parameter(name, ParameterKind.TEXTS, default, description)


def event(name: str, description: str) -> Parameter:
    """The name of an event; templates with one cannot be applied without it."""
    return Parameter(name, ParameterKind.EVENT, None, description)
