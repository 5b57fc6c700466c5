"""Fits a template to a workspace: puts its own names and the chosen values into the template's tree.

Step of the path: template + vocabulary + values → a segment's text. Names and texts never meet text: the template is
parsed with harmless stand-ins in the place of roles and texts, and what stands in is exchanged in the parsed tree;
the printer quotes whatever needs it. Only numbers, checked to be numbers, are written into the text. It reads and
writes nothing and saves nothing; a template that does not fit is `Refused` with the reason.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeAlias, cast

from ethogram.errors import SegmentError
from ethogram.model import segment as ast
from ethogram.segment.checker import check
from ethogram.segment.parser import parse
from ethogram.segment.printer import to_text
from ethogram.segment.templates.roles import ROLES, RoleKind
from ethogram.segment.templates.template import PLACEHOLDER, SUM, Parameter, ParameterKind, Template, Unwritable, Value
from ethogram.segment.templates.vocabulary import Entry, Vocabulary


@dataclass(frozen=True, slots=True)
class Applied:
    """A template that fits: the name, text and description of a segment to save, and the values that went in."""

    name: str
    text: str
    description: str
    template: str
    values: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A template that does not fit this workspace, and why."""

    name: str
    reason: str


def apply(
    template: Template,
    vocabulary: Vocabulary,
    parameters: Mapping[str, object] | None = None,
    *,
    name: str | None = None,
    today: dt.date | None = None,
) -> Applied | Refused:
    """Returns the segment that a template gives in this workspace, or why it cannot be had.

    Args:
        template: what to apply.
        vocabulary: the workspace's own names.
        parameters: values for the template's parameters; the others take their defaults. Numbers may come as text.
        name: what to call the segment; the template's own name by default.
        today: the local day, from which templates about years take their default years.

    Raises:
        UnknownNameError: a parameter is named that the template does not have.
    """
    called = name or template.name
    given = {template.parameter(key).name: value for key, value in (parameters or {}).items()}
    try:
        values = {
            known.name: _value(known, given.get(known.name, known.default), today) for known in template.parameters
        }
        text = template.write(values) if template.write is not None else template.text
        if isinstance(text, Unwritable):
            return Refused(called, text.reason)
        definition = parse(_with_stand_ins(text, template, values))
        condition = _Filling(vocabulary, template, values).condition(definition.condition)
        filled = ast.Definition(condition, definition.entity)
        check(filled)
    except _DoesNotFitError as refusal:
        return Refused(called, str(refusal))
    except SegmentError as error:
        return Refused(called, f"with these values the text is no segment: {error.message}")
    return Applied(called, to_text(filled), template.description, template.name, tuple(values.items()))


class _DoesNotFitError(Exception):
    """A value or a role is missing or wrong; becomes a `Refused`."""


class _LeftOutError(Exception):
    """An optional role is unset: the part around it is left out."""


# --- values ---------------------------------------------------------------------------------------------------------


def _value(parameter: Parameter, value: object, today: dt.date | None) -> Value:
    """Returns the value as the parameter's kind, or refuses."""
    if value is None and today is not None and parameter.kind is ParameterKind.YEARS:
        return tuple(str(today.year + offset) for offset in (-1, 0, 1))
    wrong = f"`{parameter.name}` = `{value}` is not what the parameter takes: {parameter.description}"
    if value is None or value == "":
        raise _DoesNotFitError(f"it needs a value for `{parameter.name}`: {parameter.description}")
    match parameter.kind:
        case ParameterKind.WHOLE | ParameterKind.NUMBER:
            return _number(parameter, value, wrong)
        case ParameterKind.TEXT:
            if isinstance(value, bool | int | float | str):
                return value
        case ParameterKind.TEXTS:
            items = value.split(",") if isinstance(value, str) else value
            if isinstance(items, list | tuple) and items and all(isinstance(item, str) and item for item in items):
                return tuple(item.strip() if isinstance(value, str) else item for item in items)
        case ParameterKind.EVENT:
            if isinstance(value, str):
                return value
        case ParameterKind.YEARS:
            years = str(value).split(",") if isinstance(value, str | int) else value
            if isinstance(years, list | tuple) and years and all(_YEAR.fullmatch(str(year).strip()) for year in years):
                return tuple(str(year).strip() for year in years)
    raise _DoesNotFitError(wrong)


_YEAR = re.compile(r"(19|20|21|22)[0-9][0-9]")


def _number(parameter: Parameter, value: object, wrong: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _DoesNotFitError(f"{wrong} (a {parameter.kind})")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _DoesNotFitError(f"{wrong} (a {parameter.kind})") from None
    if not math.isfinite(number) or abs(number) >= 2**53:
        raise _DoesNotFitError(f"{wrong} (a {parameter.kind})")
    if parameter.kind is ParameterKind.WHOLE and not number.is_integer():
        raise _DoesNotFitError(f"{wrong} (a {parameter.kind})")
    if parameter.low is not None and number < parameter.low:
        raise _DoesNotFitError(f"{wrong} (at least {parameter.low:g})")
    if parameter.high is not None and number > parameter.high:
        raise _DoesNotFitError(f"{wrong} (at most {parameter.high:g})")
    return int(number) if number.is_integer() else number


# --- stand-ins ------------------------------------------------------------------------------------------------------


def _with_stand_ins(text: str, template: Template, values: Mapping[str, Value]) -> str:
    """Numbers are written out; roles become quoted names and texts quoted texts that `_Filling` exchanges."""
    over_accounts = text.startswith("for account:")

    def stand_in(key: str, optional: str) -> str:
        if not template.has_parameter(key):
            role = ROLES[key]
            if role.kind is RoleKind.ACCOUNT_TRAIT:
                # a definition over accounts speaks of the account's own traits by their bare names
                return f'"{{{key}{optional}}}"' if over_accounts else f'account."{{{key}{optional}}}"'
            if role.kind is RoleKind.PROPERTY:
                event, _, name = key.partition(".")
                return f'"{{{event}{optional}}}"."{{{name}{optional}}}"'
            return f'"{{{key}{optional}}}"'
        match template.parameter(key).kind:
            case ParameterKind.WHOLE | ParameterKind.NUMBER:
                return _digits(cast("int | float", values[key]))
            case ParameterKind.TEXT | ParameterKind.TEXTS:
                return f"'{{{key}}}'"
            case ParameterKind.EVENT:
                return f'"{{{key}}}"'
            case ParameterKind.YEARS:
                raise AssertionError(f"`{key}` of `{template.name}` goes into the text through `write`")

    def total(first: str, second: str) -> str:
        return _digits(cast("int | float", values[first]) + cast("int | float", values[second]))

    text = SUM.sub(lambda found: total(found[1], found[2]), text)
    return PLACEHOLDER.sub(lambda found: stand_in(found[1], found[2]), text)


def _digits(value: int | float) -> str:
    return str(value) if isinstance(value, int) else format(value, "f").rstrip("0")


_Node: TypeAlias = Any


class _Filling:
    """Exchanges the stand-ins of one parsed template."""

    def __init__(self, vocabulary: Vocabulary, template: Template, values: Mapping[str, Value]) -> None:
        self._vocabulary = vocabulary
        self._template = template
        self._values = values

    def condition(self, condition: ast.Condition) -> ast.Condition:
        try:
            return cast("ast.Condition", self._fill(condition))
        except _LeftOutError as missing:
            raise _DoesNotFitError(_unset(str(missing))) from None

    def _fill(self, node: _Node) -> _Node:
        match node:
            case ast.And(items=items) | ast.Or(items=items):
                return self._fill_items(type(node), items)
            case ast.Measure():
                return self._fill_measure(node)
            case ast.Selection(event=event, where=where, window=window):
                name, narrowed = self._event(event)
                return ast.Selection(name, _both(narrowed, self._fill(where)), self._fill(window))
            case ast.Step(event=event, where=where):
                name, narrowed = self._event(event)
                return replace(node, event=name, where=_both(narrowed, self._fill(where)))
            case ast.Property(name=name):
                return ast.Property(self._name(name))
            case ast.Trait(name=name, of=of):
                return ast.Trait(self._name(name), of)
            case ast.Text(value=value):
                return self._literals(value)[0]
            case ast.In(values=values):
                literals = tuple(
                    filled
                    for value in values
                    for filled in (self._literals(value.value) if isinstance(value, ast.Text) else (value,))
                )
                return replace(node, operand=self._fill(node.operand), values=literals)
            case _ if is_dataclass(node):
                parts = {field.name: self._fill(getattr(node, field.name)) for field in fields(node)}
                return replace(cast("Any", node), **parts)
            case tuple():
                return tuple(self._fill(item) for item in node)
            case _:
                return node

    def _fill_items(self, kind: type[_Node], items: tuple[_Node, ...]) -> _Node:
        """Fills the parts of an `and` or `or`; those that need an unset optional role are left out."""
        kept: list[_Node] = []
        missing: list[str] = []
        for item in items:
            try:
                filled = self._fill(item)
            except _LeftOutError as error:
                missing.append(str(error))
                continue
            kept.extend(filled.items if isinstance(filled, kind) else (filled,))
        if not kept:
            raise _DoesNotFitError(_unset(*dict.fromkeys(missing)))
        return kept[0] if len(kept) == 1 else kind(tuple(kept))

    def _fill_measure(self, measure: ast.Measure) -> _Node:
        role = _key(measure.selection.event)
        order = self._vocabulary.get("purchase.order") if role == "purchase" else None
        selection = self._fill(measure.selection)
        name = self._name(measure.property, f"{role}.") if measure.property is not None else None
        filled = ast.Measure(measure.function, selection, name, measure.of)
        return filled if order is None else self._over_orders(filled, order)

    def _over_orders(self, measure: ast.Measure, order: Entry) -> _Node:
        """Where each purchase event is one line of an order, purchases are counted by their orders."""
        orders = ast.Measure(ast.Function.DISTINCT, measure.selection, order.name, measure.of)
        match measure.function:
            case ast.Function.COUNT:
                return orders
            case ast.Function.AVG:
                total = replace(measure, function=ast.Function.SUM)
                return ast.Arithmetic(ast.Operator.DIVIDE, total, orders)
            case ast.Function.GAP | ast.Function.MIN | ast.Function.MAX | ast.Function.MEDIAN:
                raise _DoesNotFitError(
                    f"each purchase event is one line of an order (`purchase.order` is `{order.name}`), "
                    f"and `{measure.function}` over lines says nothing about orders"
                )
            case _:
                return measure

    def _event(self, name: str | None) -> tuple[str | None, ast.Condition | None]:
        """Returns the event that a stand-in stands for and the condition that narrows it."""
        key = _key(name)
        if key is None:
            return name, None
        if self._template.has_parameter(key):
            return str(self._values[key]), None
        entry = self._entry(key, optional=(name or "").endswith("?}"))
        return entry.name, entry.condition

    def _name(self, stand_in: str, prefix: str = "") -> str:
        """Returns the property or trait that a stand-in stands for."""
        if "{" not in stand_in:
            return stand_in
        key = _key(stand_in.replace("?}.{", ".").replace("}.{", "."))
        entry = self._entry(f"{prefix}{key}", optional=stand_in.endswith("?}"))
        return cast("str", entry.name)

    def _entry(self, key: str, *, optional: bool) -> Entry:
        entry = self._vocabulary.get(key)
        if entry is None:
            raise _LeftOutError(key) if optional else _DoesNotFitError(_unset(key))
        return entry

    def _literals(self, text: str) -> tuple[ast.Literal, ...]:
        key = _key(text)
        if key is None:
            return (ast.Text(text),)
        value = self._values[key]
        return tuple(ast.Text(item) for item in value) if isinstance(value, tuple) else (_literal(value),)


def _literal(value: Value) -> ast.Literal:
    match value:
        case bool():
            return ast.Boolean(value)
        case int() | float():
            return ast.Number(value)
        case str():
            return ast.Text(value)
        case tuple():
            raise AssertionError("several texts stand only in a list")


def _key(name: str | None) -> str | None:
    """Returns what is inside the braces of a stand-in, None for anything else."""
    if name is None or not (name.startswith("{") and name.endswith("}")):
        return None
    return name[1:-1].removesuffix("?")


def _unset(*keys: str) -> str:
    roles = " or ".join(f"`{key}` ({ROLES[key].title})" for key in keys)
    them = "it" if len(keys) == 1 else "one of them"
    return f"this workspace's vocabulary has nothing for {roles}; name {them} there to use the template"


def _both(left: ast.Condition | None, right: ast.Condition | None) -> ast.Condition | None:
    if left is None or right is None:
        return left if right is None else right
    items = [item for side in (left, right) for item in (side.items if isinstance(side, ast.And) else (side,))]
    return ast.And(tuple(items))
