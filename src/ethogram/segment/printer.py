"""Definition to text: the one canonical way to write each definition.

Step of the path: segment, language half. Reads nodes; writes text that `parser.parse` reads back as equal nodes. It
does not check that the definition makes sense.
"""

from __future__ import annotations

import datetime as dt
from typing import assert_never

from ethogram.model import segment as model
from ethogram.model.segment import Condition, Definition, Entity, Moment, Operand, Selection, Span, Window
from ethogram.segment.syntax import name_text, path_text, quoted_text, whole_if_whole

_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2}
_UNBRACKETED_AFTER_NOT = (model.Did, model.InSegment, model.Crossed, model.Top)


def to_text(definition: Definition) -> str:
    """The text of a definition; parsing it gives an equal definition."""
    prefix = "for account: " if definition.entity is Entity.ACCOUNT else ""
    return prefix + condition_to_text(definition.condition)


def condition_to_text(condition: Condition) -> str:
    """The text of a condition."""
    match condition:
        case model.And():
            return " and ".join(_junction_item(item) for item in condition.items)
        case model.Or():
            return " or ".join(_junction_item(item) for item in condition.items)
        case model.Not():
            inner = condition_to_text(condition.item)
            bare = isinstance(condition.item, _UNBRACKETED_AFTER_NOT)
            return f"not {inner}" if bare else f"not ({inner})"
        case model.Did():
            return f"{_of(condition.of)}did({selection_to_text(condition.selection)})"
        case model.Sequence():
            steps = ", ".join(_step(step) for step in condition.steps)
            return f"{_of(condition.of)}sequence({steps}){_after_space(condition.window)}"
        case model.Top():
            name = "bottom" if condition.bottom else "top"
            return f"{name}({number_text(condition.percent)}%, {operand_to_text(condition.operand)})"
        case model.InSegment():
            return f"in_segment({quoted_text(condition.name)})"
        case model.Crossed():
            name = "left" if condition.left else "entered"
            return f"{name}({quoted_text(condition.name)}{_after_space(condition.window)})"
        case _:
            return _test_to_text(condition)


def _test_to_text(
    condition: model.Compare | model.In | model.Between | model.Exists | model.TextMatch | model.During | model.Near,
) -> str:
    match condition:
        case model.Compare():
            return f"{operand_to_text(condition.left)} {condition.comparator} {operand_to_text(condition.right)}"
        case model.In():
            word = ("not " if condition.negated else "") + ("~in" if condition.caseless else "in")
            values = ", ".join(operand_to_text(value) for value in condition.values)
            return f"{operand_to_text(condition.operand)} {word} ({values})"
        case model.Between():
            low, high = operand_to_text(condition.low), operand_to_text(condition.high)
            return f"{operand_to_text(condition.operand)} between {low} and {high}"
        case model.Exists():
            return f"{operand_to_text(condition.operand)} exists"
        case model.TextMatch():
            word = ("~" if condition.caseless else "") + condition.test
            return f"{operand_to_text(condition.operand)} {word} {quoted_text(condition.text)}"
        case model.During(operand=operand, window=window):
            if isinstance(operand, model.Anniversary):
                return f"anniversary({operand_to_text(operand.operand)}) {window_to_text(window)}"
            return f"{operand_to_text(operand)} {window_to_text(window)}"
        case model.Near():
            place = f"({number_text(condition.latitude)}, {number_text(condition.longitude)})"
            return f"{operand_to_text(condition.operand)} within {number_text(condition.kilometres)} km of {place}"
        case _:
            assert_never(condition)


def operand_to_text(operand: Operand) -> str:
    """The text of an operand."""
    match operand:
        case model.Measure():
            return f"{_of(operand.of)}{operand.function}({selection_to_text(operand.selection, operand.property)})"
        case model.Trait(of=Entity.ACCOUNT):
            return f"account.{path_text(operand.name, after_dot=True)}"
        case model.Trait() | model.Property():
            return path_text(operand.name)
        case model.Score():
            return f"score({name_text(operand.name)})"
        case model.Quintile():
            return f"quintile({operand_to_text(operand.operand)})"
        case model.Arithmetic():
            strength = _STRENGTH[operand.operator]
            left = _bracketed(operand.left, strength)
            return f"{left} {operand.operator} {_bracketed(operand.right, strength + 1)}"
        case model.Number():
            return number_text(operand.value)
        case model.Text():
            return quoted_text(operand.value)
        case model.Boolean():
            return "true" if operand.value else "false"
        case model.Duration():
            return span_to_text(operand.span)
        case _:
            assert_never(operand)


def selection_to_text(selection: Selection, path: str | None = None) -> str:
    """The text of a selection, with the property `path` of its event if a measure is about one."""
    text = "any" if selection.event is None else name_text(selection.event)
    if path is not None:
        text += f".{path_text(path, after_dot=True)}"
    if selection.where is not None:
        where = condition_to_text(selection.where)
        # `where x in last 3 days in last 30 days` can be parsed, but hardly be read
        text += f" where ({where})" if selection.window and _tests_dates(selection.where) else f" where {where}"
    return text + _after_space(selection.window)


def window_to_text(window: Window | model.InstantWindow) -> str:
    """The text of a window."""
    match window:
        case model.InLast():
            return f"in last {span_to_text(window.span)}"
        case model.InNext():
            return f"in next {span_to_text(window.span)}"
        case model.InPreceding():
            return f"in {span_to_text(window.span)} before last {span_to_text(window.shift)}"
        case model.BeforeAgo():
            return f"before {span_to_text(window.span)} ago"
        case model.InCalendar(unit=model.CalendarUnit.DAY):
            return "in yesterday" if window.previous else "in today"
        case model.InCalendar():
            return f"in {'previous' if window.previous else 'this'} {window.unit}"
        case model.BetweenMoments():
            return f"between {moment_to_text(window.start)} and {moment_to_text(window.end)}"
        case model.Since():
            return f"since {moment_to_text(window.start)}"
        case model.Before():
            return f"before {moment_to_text(window.end)}"
        case model.AfterFirst():
            return f"in first {span_to_text(window.span)} after first({selection_to_text(window.anchor)})"
        case _:
            assert_never(window)


def span_to_text(span: Span) -> str:
    """`1 day`, `30 days`."""
    return f"{span.amount} {span.unit}{'' if span.amount == 1 else 's'}"


def moment_to_text(moment: Moment) -> str:
    """`2026-01-31`, `2026-01-31T12:00:00Z`."""
    value = moment.value
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat()


def number_text(value: float) -> str:
    """A number, whole ones without a fraction."""
    return repr(value if isinstance(value, int) else whole_if_whole(value))


def _of(entity: Entity) -> str:
    return "account." if entity is Entity.ACCOUNT else ""


def _after_space(window: Window | None) -> str:
    return "" if window is None else f" {window_to_text(window)}"


def _junction_item(condition: Condition) -> str:
    text = condition_to_text(condition)
    return f"({text})" if isinstance(condition, (model.And, model.Or)) else text


def _bracketed(operand: Operand, strength: int) -> str:
    text = operand_to_text(operand)
    weaker = isinstance(operand, model.Arithmetic) and _STRENGTH[operand.operator] < strength
    return f"({text})" if weaker else text


def _step(step: model.Step) -> str:
    where = "" if step.where is None else f" where {condition_to_text(step.where)}"
    within = "" if step.within is None else f" within {span_to_text(step.within)}"
    return f"{'not ' if step.negated else ''}{'any' if step.event is None else name_text(step.event)}{where}{within}"


def _tests_dates(condition: Condition) -> bool:
    if isinstance(condition, (model.And, model.Or)):
        return any(_tests_dates(item) for item in condition.items)
    return isinstance(condition, model.During)
