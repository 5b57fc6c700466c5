"""How a mapping's values are read: paths, texts, tables and conversions as functions of an item.

Step of the path: collect. Made once, when a mapping is prepared, so that its mistakes are told then; reading gives the
value or `MISSING` and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ethogram.collect.inbound import conversions, paths
from ethogram.collect.inbound.mapping import Pairs, Spec, Value, Wanted, wrong
from ethogram.collect.inbound.paths import MISSING, Scope, said

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

Read = Callable[[Scope], Any]
Test = Callable[[Scope], bool]


def conditions(when: Wanted, unless: Wanted, has: list[str], place: str) -> Test:
    def tests(wanted: Wanted, what: str) -> list[tuple[paths.Path, frozenset[str]]]:
        return [
            (
                path_of(text, f"{place}{what}"),
                frozenset(str(said(each)) for each in (values if isinstance(values, list) else [values])),
            )
            for text, values in wanted.items()
        ]

    hold, fail = tests(when, "when"), tests(unless, "unless")
    there = [path_of(text, f"{place}has") for text in has]

    def fits(scope: Scope) -> bool:
        return (
            all(said(path.find(scope)) in values for path, values in hold)
            and not any(said(path.find(scope)) in values for path, values in fail)
            and not any(path.find(scope) in (MISSING, "") for path in there)
        )

    return fits


def path_of(text: str, place: str) -> paths.Path:
    try:
        return paths.read(text)
    except ValueError as error:
        hint = "A path is like `data.object.id`, `items[0].name`, `$.id` or `header:X-Topic`."
        raise wrong(place, f"`{text[:80]}` is no path: {error}", hint) from error


def reader(spec: Spec | str, place: str) -> Read:
    """What a mapping says of one value, as a function."""
    if isinstance(spec, Value):
        return _value(spec, place)
    return first([spec] if isinstance(spec, str) else spec, place)


def first(specs: Sequence[str | Value], place: str) -> Read:
    """The first value that is there; empty text is there only where nothing else is asked for."""
    if not specs:
        raise wrong(place, "the list of paths is empty")
    found = [path_of(each, place).find if isinstance(each, str) else _value(each, place) for each in specs]
    if len(found) == 1:
        return found[0]

    def read(scope: Scope) -> Any:
        for way in found:
            value = way(scope)
            if value is not MISSING and value != "":
                return value
        return MISSING

    return read


def template(template: str, place: str) -> Read:
    pieces = _PLACEHOLDER.split(template)
    if "{" in "".join(pieces[::2]) or "}" in "".join(pieces[::2]):
        raise wrong(place, f"`{template[:80]}` has a brace without its partner", "Write `ticket_{detail.status}`.")
    if len(pieces) == 1:
        return lambda _: template
    found = [path_of(each, place) if at % 2 else each for at, each in enumerate(pieces)]

    def read(scope: Scope) -> Any:
        parts = [each if isinstance(each, str) else said(each.find(scope)) for each in found]
        return MISSING if None in parts else "".join(part or "" for part in parts)

    return read


def _value(value: Value, place: str) -> Read:
    given = [name for name in ("path", "text", "value") if getattr(value, name) is not None]
    if len(given) != 1:
        told = " and ".join(f"`{name}`" for name in given) or "nothing"
        raise wrong(place, f"it has {told}", "Say where it comes from with one of `path`, `text` and `value`.")
    if value.value is not None:
        constant = value.value
        read: Read = lambda _: constant  # noqa: E731  # one of four ways to read
    elif value.text is not None:
        read = template(value.text, f"{place}.text")
    else:
        assert value.path is not None
        read = first([value.path] if isinstance(value.path, str) else value.path, f"{place}.path")
    if value.pairs is not None:
        read = _pairs(read, value.pairs, f"{place}.pairs")
    if value.each is not None:
        read = _each(read, [(name, reader(spec, f"{place}.each.{name}")) for name, spec in value.each.items()])
    if value.names is not None:
        read = _named(read, value.names, value.otherwise)
    elif value.otherwise is not None:
        raise wrong(f"{place}.otherwise", "it goes with `names`, which is not there")
    if value.currency is not None and value.to != "cents":
        raise wrong(f"{place}.currency", 'it goes with `to = "cents"`')
    if value.to == "cents":
        currency = value.currency or []
        of = first([currency] if isinstance(currency, str) else currency, f"{place}.currency") if currency else None
        return lambda scope: conversions.smallest_units(read(scope), of(scope) if of is not None else None)
    if value.to is not None:
        return _converted(read, conversions.CONVERSIONS[value.to])
    return read


def _converted(read: Read, convert: Callable[[Any], Any]) -> Read:
    def converted(scope: Scope) -> Any:
        found = read(scope)
        if isinstance(found, list):
            return [made for each in found if (made := convert(each)) is not MISSING]
        return convert(found)

    return converted


def _named(read: Read, names: dict[str, Any], otherwise: Any) -> Read:
    rest = MISSING if otherwise is None else otherwise

    def named(scope: Scope) -> Any:
        found = read(scope)
        return MISSING if found is MISSING else names.get(said(found) or "", rest)

    return named


def _pairs(read: Read, pairs: Pairs, place: str) -> Read:
    key = first([pairs.key], f"{place}.key")
    value = reader(pairs.value, f"{place}.value")

    def joined(scope: Scope) -> Any:
        found = read(scope)
        if not isinstance(found, list):
            return MISSING
        result: dict[str, Any] = {}
        for each in found:
            own = Scope(scope.payload, each, scope.headers)
            name, held = said(key(own)), value(own)
            if name and held is not MISSING:
                result[name] = held
        return result

    return joined


def _each(read: Read, fields: list[tuple[str, Read]]) -> Read:
    def listed(scope: Scope) -> Any:
        found = read(scope)
        if not isinstance(found, list):
            return MISSING
        owns = (Scope(scope.payload, each, scope.headers) for each in found)
        return [{name: held for name, field in fields if (held := field(own)) is not MISSING} for own in owns]

    return listed
