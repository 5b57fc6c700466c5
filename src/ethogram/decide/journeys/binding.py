"""Puts the data of a run into a condition: `product = '{{ trigger.product_id }}'` becomes about *this* product.

Step of the path: decide. Pure. A text literal that holds a placeholder is replaced in the parsed definition, never in
its text, so that a value can be anything and the condition stays what it was. A literal that is one placeholder is then
one of the value's own kind, and in a list as many as the value has; beside other letters the value is written out.
What a run does not have is missing: a comparison with it is false, as with everything that is missing.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ethogram.model.segment import (
    And,
    Between,
    Boolean,
    Compare,
    Condition,
    Definition,
    Did,
    Exists,
    In,
    Literal,
    Not,
    Number,
    Operand,
    Or,
    Selection,
    Text,
    TextMatch,
    Trait,
)
from ethogram.segment.shape import CONDITIONS, LITERALS, walk

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_PATH = re.compile(r"[A-Za-z_$][\w$-]*(\.[\w$ -]+)*")
ROOTS = ("trigger", "waited")


class _Missing(Exception):  # noqa: N818 - a way out to the condition that asks for it, not an error
    """A placeholder has no value."""


def placeholders(node: Any) -> Iterator[str]:
    """The paths that the placeholders of a definition name, in order, with repeats."""
    for each, _ in walk(node):
        text = each.value if isinstance(each, Text) else each.text if isinstance(each, TextMatch) else None
        if text is not None:
            yield from (match[1] for match in _PLACEHOLDER.finditer(text))


def check_placeholders(node: Any) -> None:
    """Raises ValueError for a placeholder that names nothing of a run."""
    for path in placeholders(node):
        if not _PATH.fullmatch(path) or path.split(".")[0] not in ROOTS or "." not in path:
            raise ValueError(
                f"the placeholder `{{{{ {path} }}}}` names nothing of a run; write {{{{ trigger.product_id }}}} for a "
                "property of what started it, or {{ waited.step.product_id }} for one of what a step waited for"
            )


def bind(definition: Definition, data: Mapping[str, Any]) -> Definition:
    """The definition with the values of a run in place of its placeholders."""
    return replace(definition, condition=bind_condition(definition.condition, data))


def bind_condition(condition: Condition, data: Mapping[str, Any]) -> Condition:
    """A condition with the values of a run in place of its placeholders."""
    if next(placeholders(condition), None) is None:
        return condition
    bound = _condition(condition, data)
    assert isinstance(bound, CONDITIONS)
    return bound


def filled(value: Any, data: Mapping[str, Any]) -> Any:
    """A JSON value with the values of a run in place of the placeholders in its texts; what is missing is None.

    >>> filled({"size": "{{ trigger.size }}", "note": "size {{ trigger.size }}"}, {"trigger": {"size": 42}})
    {'size': 42, 'note': 'size 42'}
    """
    if isinstance(value, str):
        try:
            return _value(value, data)
        except _Missing:
            return None
    if isinstance(value, Mapping):
        return {name: filled(each, data) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [filled(each, data) for each in value]
    return value


def _condition(node: Any, data: Mapping[str, Any]) -> Any:
    """A node, with values; a comparison that asks for a missing one is one that never holds."""
    match node:
        case And(items) | Or(items):
            return _joined(type(node), [_condition(item, data) for item in items])
        case Not(item):
            return Not(_condition(item, data))
        case In(operand, values):
            held = [each for value in values for each in _literals(value, data)]
            if len({type(each) for each in held}) > 1:  # a list holds values of one kind
                held = [Text(_written(each.value)) for each in held]
            return replace(node, operand=_inside(operand, data), values=tuple(held)) if held else _never(operand)
        case Compare(left, _, right):
            try:
                return replace(node, left=_inside(left, data), right=_inside(right, data))
            except _Missing:
                return _never(right if isinstance(left, LITERALS) else left)
        case Between(operand):
            try:
                return replace(node, low=_inside(node.low, data), high=_inside(node.high, data))
            except _Missing:
                return _never(operand)
        case TextMatch(operand, _, text):
            try:
                return replace(node, operand=_inside(operand, data), text=_written(_value(text, data)))
            except _Missing:
                return _never(operand)
        case _:
            return _inside(node, data)


def _inside(node: Any, data: Mapping[str, Any]) -> Any:
    """A node whose literals have values; conditions on events inside it are conditions of their own."""
    if isinstance(node, Text):
        return _literal(_value(node.value, data))
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            changed[field.name] = tuple(_node(item, data) for item in value)
        else:
            changed[field.name] = _node(value, data)
    return replace(node, **changed)


def _node(value: Any, data: Mapping[str, Any]) -> Any:
    if isinstance(value, CONDITIONS):
        return _condition(value, data)
    return _inside(value, data) if dataclasses.is_dataclass(value) else value


def _joined(kind: type[And | Or], items: list[Condition]) -> And | Or:
    flat: list[Condition] = []
    for item in items:
        flat += item.items if isinstance(item, kind) else [item]
    return kind(tuple(flat))


def _never(operand: Operand) -> Condition:
    """A condition of the same kind that never holds: whatever it looks at is there and not there."""
    there = Exists(operand if not isinstance(operand, LITERALS) else Trait("$none"))
    return And((there, Not(there)))


def _literals(value: Literal, data: Mapping[str, Any]) -> list[Literal]:
    """The literals that one in a list becomes."""
    if not isinstance(value, Text):
        return [value]
    try:
        found = _value(value.value, data)
    except _Missing:
        return []
    return [_literal(each) for each in found if each is not None] if isinstance(found, list) else [_literal(found)]


def _literal(value: Any) -> Literal:
    match value:
        case bool():
            return Boolean(value)
        case int() | float():
            return Number(value)
        case _:
            return Text(_written(value))


def _value(text: str, data: Mapping[str, Any]) -> Any:
    """What a text says with the values of a run: of the value's kind where it is one placeholder."""
    whole = _PLACEHOLDER.fullmatch(text.strip())
    if whole is not None:
        return _look(whole[1], data)
    return _PLACEHOLDER.sub(lambda match: _written(_look(match[1], data)), text)


def _look(path: str, data: Mapping[str, Any]) -> Any:
    found: Any = data
    names = path.split(".")
    while names:
        if not isinstance(found, Mapping):
            raise _Missing
        rest = ".".join(names)
        if rest in found:  # a property may have a dot in its name
            found, names = found[rest], []
        elif names[0] in found:
            found, names = found[names[0]], names[1:]
        else:
            raise _Missing
    if found is None:
        raise _Missing
    return found


def _written(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case list():
            return ", ".join(map(_written, value))
        case _:
            return str(value)


def selection_of(definition: Definition) -> Selection:
    """What a definition of the form `did(…)` selects."""
    condition = definition.condition
    assert isinstance(condition, Did), "it is made as one"
    return condition.selection
