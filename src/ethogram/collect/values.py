"""Values as they come: which JSON may be kept, and in what form.

Step of the path: collect. Reads one decoded object, gives back what will be stored or the reason why not. Rules: a
dot in a key nests; null is absence; an integer that 64 bits cannot hold is kept exactly, as text; nothing infinite.
It touches no file and no store.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgspec

_LOW, _HIGH = -(2**63), 2**63 - 1
_EXACT = 2**53  # up to here a list may hold whole numbers beside fractions and none is rounded
_DEPTH = 64

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one row may hold."""

    properties: int = 2_000
    bytes: int = 1 << 20  # of its properties as JSON
    rows_per_block: int = 250_000
    bytes_per_block: int = 64 << 20  # of the source, so that a few wide rows do not fill the memory


class UnacceptableError(Exception):
    """A value that cannot be kept; the text says why."""


def document(properties: dict[str, Any], limits: Limits) -> tuple[str, list[str]]:
    """The JSON text to store, and the paths whose value is null (a trait that is unset).

    Raises:
        UnacceptableError: the reason, to be shown with the row.
    """
    unset: list[str] = []
    cleaned = _object(properties, "", 1, unset)
    _check_paths(cleaned, limits)
    try:
        text = _encoder.encode(cleaned)
    except (UnicodeEncodeError, ValueError) as error:
        raise UnacceptableError("text with half of a surrogate pair") from error
    if len(text) > limits.bytes:
        raise UnacceptableError(too_long(len(text), limits))
    return text.decode(), unset


def too_long(size: int, limits: Limits) -> str:
    """The reason for a row whose properties are too long."""
    return f"properties of {size:,} bytes; the limit is {limits.bytes:,} bytes of JSON per row"


def too_many(count: int, limits: Limits) -> str:
    """The reason for a row with too many properties."""
    return f"{count:,} properties; the limit is {limits.properties:,} per row"


def encoded(value: Any) -> str:
    """One value as JSON, as it will be stored.

    Raises:
        UnacceptableError: it cannot be kept.
    """
    return _encoder.encode(_value(value, "", 1, [])).decode()


def _object(source: dict[str, Any], path: str, depth: int, unset: list[str]) -> dict[str, Any]:
    if depth > _DEPTH:
        raise UnacceptableError(f"properties nested deeper than {_DEPTH} levels")
    cleaned: dict[str, Any] = {}
    for key, value in source.items():
        if value is None:
            unset.append(path + key)
        elif type(value) is str or type(value) is bool:
            cleaned[key] = value
        else:
            cleaned[key] = _value(value, f"{path}{key}.", depth, unset)
    return cleaned


def _value(value: Any, path: str, depth: int, unset: list[str]) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if _LOW <= value <= _HIGH else str(value)
        case float():
            if not math.isfinite(value):
                raise UnacceptableError(
                    f"`{path.rstrip('.') or 'value'}` is {value}, which is no number that can be kept"
                )
            return value
        case dict():
            return _object(value, path, depth + 1, unset)
        case list() | tuple():
            if depth > _DEPTH:
                raise UnacceptableError(f"properties nested deeper than {_DEPTH} levels")
            items = [_value(item, path, depth + 1, []) for item in value]
            if any(type(item) is float for item in items):
                items = [str(i) if type(i) is int and not -_EXACT <= i <= _EXACT else i for i in items]
            return items
        case _:
            raise UnacceptableError(f"`{path.rstrip('.')}` is a {type(value).__name__}, which JSON does not have")


def _check_paths(cleaned: dict[str, Any], limits: Limits) -> None:
    """Refuses too many paths, and two values on one path (`{"a": 1, "a.b": 2}`: a dot nests)."""
    if len(cleaned) <= limits.properties and not any(type(v) is dict or "." in k for k, v in cleaned.items()):
        if any(type(v) is list for v in cleaned.values()):
            _check_lists(cleaned.values(), limits)
        return
    count = _plain_leaves(cleaned, limits)
    if count > limits.properties:
        raise UnacceptableError(too_many(count, limits))
    if count >= 0:
        return
    leaves: list[str] = []
    _leaves(cleaned, "", leaves, limits)
    if len(leaves) > limits.properties:
        raise UnacceptableError(too_many(len(leaves), limits))
    seen = set(leaves)
    if len(seen) != len(leaves):
        twice = next(path for path in leaves if leaves.count(path) > 1)
        raise UnacceptableError(f"`{twice}` has two values, because a dot in a key nests")
    for path in leaves:
        at = path.find(".")
        while at != -1:
            if path[:at] in seen:
                raise UnacceptableError(
                    f"`{path[:at]}` has a value of its own and a part `{path}`; a dot in a key nests"
                )
            at = path.find(".", at + 1)


def _plain_leaves(cleaned: dict[str, Any], limits: Limits) -> int:
    """How many paths there are when no key has a dot, so that no two can be one; -1 when a key has one."""
    count = 0
    for key, value in cleaned.items():
        if "." in key:
            return -1
        if type(value) is dict:
            inner = _plain_leaves(value, limits)
            if inner < 0:
                return -1
            count += inner
        else:
            count += 1
            if type(value) is list:
                _check_lists(value, limits)
    return count


def _leaves(cleaned: dict[str, Any], path: str, leaves: list[str], limits: Limits) -> None:
    for key, value in cleaned.items():
        if type(value) is dict:
            _leaves(value, f"{path}{key}.", leaves, limits)
        else:
            leaves.append(path + key)
            if type(value) is list:
                _check_lists([value], limits)


def _check_lists(values: Any, limits: Limits) -> None:
    for value in values:
        if type(value) is dict:
            _check_paths(value, limits)
        elif type(value) is list:
            _check_lists(value, limits)
