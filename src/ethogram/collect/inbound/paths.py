"""Paths into a payload: the small part of JSONPath that a mapping needs.

Step of the path: collect. Reads text into steps and follows them; evaluates nothing. A path is `name.name`, with
`[0]` and `[-1]` for a place in a list, `[*]` for all of them, `['a.b']` for a name with a dot, and `[name=text]` for
the first element of a list whose field says that. It starts at the item; `$` starts at the whole payload, and
`header:Name` is a header of the request. JMESPath and JSONPath libraries bring functions, filters and regular
expressions, which a stranger's payload must not be able to make expensive; this takes as many steps as it has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 500  # characters
_MOST_FOUND = 10_000  # values that `[*]` may give
_HEADER = "header:"
_STEP = re.compile(
    r"""
    (?P<dot>\.)?(?P<name>[^.\[\]\s'"]+)
    | \[(?P<place>-?\d{1,9})\]
    | \[(?P<all>\*)\]
    | \['(?P<quoted>[^']+)'\]
    | \[(?P<key>[^\]=\[.]+)=(?P<value>[^\]]*)\]
    """,
    re.VERBOSE,
)


class Missing:
    """There is nothing at a path."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Name:
    """A field of an object."""

    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """An element of a list."""

    place: int


@dataclass(frozen=True, slots=True)
class Each:
    """All elements of a list."""


@dataclass(frozen=True, slots=True)
class Where:
    """The first element of a list whose field says something."""

    name: str
    value: str


Step = Name | Place | Each | Where


@dataclass(frozen=True, slots=True)
class Scope:
    """What paths start from."""

    payload: Any
    item: Any
    headers: Mapping[str, str] = field(default_factory=dict)  # by lower-case name


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value is."""

    text: str
    root: str  # `@` the item, `$` the payload, `header:` a header
    steps: tuple[Step, ...]

    def find(self, scope: Scope) -> Any:
        """The value there; `MISSING` where there is none or it is null.

        >>> read("a[*].b").find(Scope(None, {"a": [{"b": 1}, {}, {"b": 2}]}))
        [1, 2]
        >>> read("params[key=page].value").find(Scope(None, {"params": [{"key": "page", "value": "/"}]}))
        '/'
        >>> read("a.b").find(Scope(None, {"a": 1}))
        MISSING
        """
        if self.root == _HEADER:
            name = self.steps[0]
            assert isinstance(name, Name)
            return scope.headers.get(name.name, MISSING)
        return _follow(scope.payload if self.root == "$" else scope.item, self.steps)


def _follow(value: Any, steps: tuple[Step, ...]) -> Any:
    for at, step in enumerate(steps):
        match step:
            case Name(name) if isinstance(value, dict):
                value = value.get(name, MISSING)
            case Place(place) if isinstance(value, list) and -len(value) <= place < len(value):
                value = value[place]
            case Where(name, wanted) if isinstance(value, list):
                fitting = (each for each in value if isinstance(each, dict) and said(each.get(name)) == wanted)
                value = next(fitting, MISSING)
            case Each() if isinstance(value, list):
                return _all(value, steps[at + 1 :])
            case _:
                return MISSING
    return MISSING if value is None else value


def _all(values: list[Any], steps: tuple[Step, ...]) -> Any:
    found: list[Any] = []
    for each in values:
        one = _follow(each, steps)
        if one is not MISSING:
            found += one if Each() in steps and isinstance(one, list) else [one]
        if len(found) > _MOST_FOUND:
            break
    return found[:_MOST_FOUND] if found else MISSING


def said(value: Any) -> str | None:
    """A plain value as text, as conditions and templates compare and show it; None for an object, a list or nothing.

    >>> said(True), said(1.0), said("x"), said([])
    ('true', '1', 'x', None)
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case int() | float():
            return str(value)
        case _:
            return None


def read(text: str) -> Path:
    """The path that a text means.

    Raises:
        ValueError: it is none; says at which place.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters; the most is {LONGEST}")
    if text.startswith(_HEADER):
        name = text.removeprefix(_HEADER).strip().lower()
        if not re.fullmatch(r"[a-z0-9_-]+", name):
            raise ValueError("after `header:` comes the name of a header, as in `header:X-Topic`")
        return Path(text, _HEADER, (Name(name),))
    root = text[0] if text[:1] in ("$", "@") else "@"
    rest = text.removeprefix("$").removeprefix("@") if text[:1] in ("$", "@") else text
    if not text.strip():
        raise ValueError("it is empty; `@` is the item itself, `$` the whole payload")
    steps: list[Step] = []
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        # A name needs a dot before it, but the first one of a path without `$` or `@`.
        if found is None or (found["name"] is not None and bool(found["dot"]) is (at == 0 and rest is text)):
            before = len(text) - len(rest)
            raise ValueError(f"`{text[before + at : before + at + 20]}` at character {before + at + 1} is no step")
        steps.append(_step(found))
        at = found.end()
    return Path(text, root, tuple(steps))


def _step(found: re.Match[str]) -> Step:
    if found["all"]:
        return Each()
    if found["place"]:
        return Place(int(found["place"]))
    if found["key"]:
        return Where(found["key"], found["value"])
    return Name(found["name"] or found["quoted"])
