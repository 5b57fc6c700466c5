"""A definition as the rows of a visual editor, and rows as a definition.

Step of the path: segment, language half. Rows are plain JSON values that a page can change without knowing the
language: a group joins rows and groups by `and` or `or`; a row tests an event, a trait, a date, or membership of
another segment. What has no such form is a row of kind `text` that holds the condition in the language, so nothing is
lost.

Values are written as people type them: `5` is a number, `true` a boolean, anything else a text, which stands in single
quotes only where it would be taken for one of these.
"""

from __future__ import annotations

import re
from typing import Any, assert_never

from ethogram.errors import SegmentError
from ethogram.model import segment as model
from ethogram.model.segment import Condition, Definition, Entity, Function, Operand
from ethogram.segment.parser import parse
from ethogram.segment.printer import condition_to_text, moment_to_text
from ethogram.segment.syntax import quoted_text, read_moment, whole_if_whole

Row = dict[str, Any]
DID = "did"
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_MOST_DEEP = 20
_COUNTED = frozenset(Function) - {Function.FIRST, Function.LAST}
_WINDOWS_IN_ROWS = {"last", "before", "this", "previous", "between", "since", "until", "next"}


def rows_of(definition: Definition) -> Row:
    """The rows of a definition; `for` says whom it is over."""
    group = _group(definition.condition)
    return {**group, "for": definition.entity.value}


def definition_of(rows: object) -> Definition:
    """The definition that rows say.

    Raises:
        SegmentError: a row lacks something, or holds a text that cannot be read.
    """
    if not isinstance(rows, dict):
        raise SegmentError("rows are an object with `join` and `items`")
    entity = Entity.ACCOUNT if rows.get("for") == Entity.ACCOUNT.value else Entity.PROFILE
    return Definition(_condition(rows, 0), entity)


# --- definition to rows ---------------------------------------------------------------------------------------------


def _group(condition: Condition) -> Row:
    match condition:
        case model.And(items) | model.Or(items):
            return {
                "kind": "group",
                "join": "and" if isinstance(condition, model.And) else "or",
                "not": False,
                "items": [_item(item) for item in items],
            }
        case model.Not(model.And() | model.Or() as inner):
            return {**_group(inner), "not": True}
        case _:
            return {"kind": "group", "join": "and", "not": False, "items": [_item(condition)]}


def _item(condition: Condition) -> Row:
    match condition:
        case model.And() | model.Or() | model.Not(model.And() | model.Or()):
            return _group(condition)
        case model.Not(inner):
            row = _row(inner)
            if row is not None and row["kind"] != "text":
                return {**row, "not": not row["not"]}
        case _:
            row = _row(condition)
            if row is not None:
                return row
    return {"kind": "text", "text": condition_to_text(condition), "not": False}


def _row(condition: Condition) -> Row | None:
    """The row of a condition that is no group; None where only the text can say it."""
    match condition:
        case model.Did(selection, Entity.PROFILE):
            return _of_event(DID, selection, None, ">=", "1")
        case model.InSegment(name):
            return {"kind": "segment", "name": name, "not": False}
        case model.Compare(model.Measure() as measure, comparator, model.Number(value)):
            if measure.of is Entity.PROFILE and measure.function in _COUNTED and "~" not in comparator:
                return _of_event(
                    measure.function.value, measure.selection, measure.property, comparator.value, _number(value)
                )
            return None
        case model.During(operand, window):
            return _of_date(operand, window)
        case _:
            tested = _test(condition, model.Trait)
            if tested is None:
                return None
            operand, test = tested
            assert isinstance(operand, model.Trait)
            return {"kind": "trait", "name": operand.name, "of": operand.of.value, "not": False, **test}


def _of_event(measure: str, selection: model.Selection, property_: str | None, op: str, value: str) -> Row | None:
    where = _filters(selection.where)
    window = _window(selection.window)
    if where is None or window is None:
        return None
    return {
        "kind": "event",
        "measure": measure,
        "event": selection.event,
        "property": property_ or "",
        "op": op,
        "value": value,
        "where": where,
        "window": window,
        "not": False,
    }


def _of_date(operand: Operand | model.Anniversary, window: model.InstantWindow) -> Row | None:
    shown = _window(window)
    if shown is None:
        return None
    match operand:
        case model.Trait(name, of):
            return {"kind": "date", "of": of.value, "source": "trait", "name": name, "window": shown, "not": False}
        case model.Anniversary(model.Trait(name, of)):
            return {
                "kind": "date", "of": of.value, "source": "anniversary", "name": name, "window": shown, "not": False,
            }  # fmt: skip
        case model.Measure(Function.FIRST | Function.LAST as function, model.Selection(event, where, None), None, of):
            filters = _filters(where)
            if filters or filters is None or event is None:
                return None
            return {
                "kind": "date", "of": of.value, "source": function.value, "name": event, "window": shown, "not": False,
            }  # fmt: skip
        case _:
            return None


def _filters(where: Condition | None) -> list[Row] | None:
    """The tests of a `where` that are joined by `and`; None where there is more to it."""
    if where is None:
        return []
    found = []
    for item in where.items if isinstance(where, model.And) else (where,):
        tested = _test(item, model.Property)
        if tested is None:
            return None
        operand, test = tested
        assert isinstance(operand, model.Property)
        found.append({"name": operand.name, **test})
    return found


def _test(condition: Condition, about: type[model.Trait | model.Property]) -> tuple[Operand, Row] | None:
    """What a test looks at, and its operator with its values."""
    found: tuple[Operand, Row]
    match condition:
        case model.Compare(left, comparator, model.Number() | model.Text() | model.Boolean() as right):
            found = left, {"op": comparator.value, "values": [_literal(right)]}
        case model.In(operand, values, negated, caseless):
            op = f"{'not ' if negated else ''}{'~' if caseless else ''}in"
            found = operand, {"op": op, "values": [_literal(value) for value in values]}
        case model.Between(operand, model.Number(low), model.Number(high)):
            found = operand, {"op": "between", "values": [_number(low), _number(high)]}
        case model.Exists(operand):
            found = operand, {"op": "exists", "values": []}
        case model.Not(model.Exists(operand)):
            found = operand, {"op": "not exists", "values": []}
        case model.TextMatch(operand, test, text, caseless):
            found = operand, {"op": f"{'~' if caseless else ''}{test.value}", "values": [text or "''"]}
        case _:
            return None
    return found if isinstance(found[0], about) else None


def _window(window: model.Window | model.InstantWindow | None) -> Row | None:
    match window:
        case None:
            return {"kind": "ever"}
        case model.InLast(span):
            return {"kind": "last", "amount": span.amount, "unit": span.unit.value}
        case model.InNext(span):
            return {"kind": "next", "amount": span.amount, "unit": span.unit.value}
        case model.BeforeAgo(span):
            return {"kind": "before", "amount": span.amount, "unit": span.unit.value}
        case model.InCalendar(unit, previous):
            return {"kind": "previous" if previous else "this", "unit": unit.value}
        case model.BetweenMoments(start, end):
            return {"kind": "between", "start": moment_to_text(start), "end": moment_to_text(end)}
        case model.Since(start):
            return {"kind": "since", "start": moment_to_text(start)}
        case model.Before(end):
            return {"kind": "until", "end": moment_to_text(end)}
        case model.InPreceding() | model.AfterFirst():
            return None
        case _:
            assert_never(window)


def _literal(value: model.Literal) -> str:
    match value:
        case model.Number(number):
            return _number(number)
        case model.Boolean(flag):
            return "true" if flag else "false"
        case model.Text(text):
            taken = _NUMBER.fullmatch(text) or text in ("true", "false") or text != text.strip() or not text
            return quoted_text(text) if taken or text.startswith("'") else text
        case _:
            assert_never(value)


def _number(value: float) -> str:
    return str(whole_if_whole(float(value)) if not isinstance(value, int) else value)


# --- rows to definition ---------------------------------------------------------------------------------------------


def _condition(row: object, depth: int) -> Condition:
    if not isinstance(row, dict) or depth > _MOST_DEEP:
        raise SegmentError("a row is an object with a `kind`" if depth <= _MOST_DEEP else "groups are nested too deep")
    kind = row.get("kind", "group")
    if kind == "group":
        condition = _joined(row, depth)
    elif kind == "text":
        condition = parse(_said(row, "text", "a condition")).condition
    elif kind == "event":
        condition = _from_event(row)
    elif kind == "trait":
        trait = model.Trait(_said(row, "name", "a trait"), _of(row))
        condition = _tested(trait, row)
    elif kind == "date":
        condition = _from_date(row)
    elif kind == "segment":
        condition = model.InSegment(_said(row, "name", "a segment"))
    else:
        raise SegmentError(f"there is no row of kind `{kind}`", hint="It is event, trait, date, segment, text, group.")
    return model.Not(condition) if row.get("not") is True else condition


def _joined(row: Row, depth: int) -> Condition:
    items = row.get("items")
    if not isinstance(items, list) or not items:
        raise SegmentError("a group is empty", hint="Add a condition to it, or remove it.")
    found = [_condition(item, depth + 1) for item in items]
    kind = model.Or if row.get("join") == "or" else model.And
    flat: list[Condition] = []
    for each in found:
        flat.extend(each.items if isinstance(each, kind) else [each])
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _from_event(row: Row) -> Condition:
    event = row.get("event")
    if event is not None and (not isinstance(event, str) or not event):
        raise SegmentError("an event is missing", hint="Choose which event is meant, or any event.")
    filters = [_tested(model.Property(_said(each, "name", "a property")), each) for each in _list(row, "where")]
    where = None if not filters else filters[0] if len(filters) == 1 else model.And(tuple(filters))
    window = _window_of(row.get("window"))
    if isinstance(window, model.InNext):
        raise SegmentError("events lie in the past", hint="Choose a window such as the last 30 days.")
    selection = model.Selection(event, where, window)
    if row.get("measure", DID) == DID:
        return model.Did(selection)
    try:
        function = Function(str(row["measure"]))
        comparator = model.Comparator(str(row.get("op", ">=")))
    except ValueError as error:
        raise SegmentError(f"a row cannot be used: {error}") from None
    needs = function in model.NEEDS_PROPERTY
    property_ = _said(row, "property", "a property of the event") if needs else None
    value = _value(str(row.get("value", "")))
    if not isinstance(value, model.Number):
        raise SegmentError(f"`{function}` is compared with a number", hint="Write a number, such as 3.")
    return model.Compare(model.Measure(function, selection, property_), comparator, value)


def _from_date(row: Row) -> Condition:
    window = _window_of(row.get("window"))
    if window is None or isinstance(window, model.AfterFirst):
        raise SegmentError("a date needs a window", hint="Choose one, such as the last 30 days.")
    name, source = _said(row, "name", "a date"), row.get("source")
    if source == "trait":
        return model.During(model.Trait(name, _of(row)), window)
    if source == "anniversary":
        return model.During(model.Anniversary(model.Trait(name, _of(row))), window)
    function = Function.FIRST if source == "first" else Function.LAST
    return model.During(model.Measure(function, model.Selection(name), None, _of(row)), window)


def _tested(operand: Operand, row: Row) -> Condition:
    op = str(row.get("op", "="))
    values = [str(value) for value in _list(row, "values")]
    if op in ("exists", "not exists"):
        return model.Exists(operand) if op == "exists" else model.Not(model.Exists(operand))
    if not values or not any(values):
        shown = operand.name if isinstance(operand, model.Trait | model.Property) else "it"
        raise SegmentError(f"`{shown}` is compared with nothing", hint="Write a value; an empty text is ''.")
    bare = op.removeprefix("not ").removeprefix("~")
    if bare == "in":
        literals = tuple(_value(value) for value in values if value)
        if len({type(value) for value in literals}) > 1:
            literals = tuple(value if isinstance(value, model.Text) else model.Text(_text(value)) for value in literals)
        return model.In(operand, literals, op.startswith("not "), "~" in op)
    if bare == "between":
        low, high = (_value(value) for value in (*values, "")[:2])
        if not isinstance(low, model.Number) or not isinstance(high, model.Number):
            raise SegmentError("`between` takes two numbers", hint="Write both, such as 10 and 20.")
        return model.Between(operand, low, high)
    value = _value(values[0])
    if bare in {test.value for test in model.TextTest}:
        return model.TextMatch(operand, model.TextTest(bare), values[0] if values[0] != "''" else "", "~" in op)
    try:
        return model.Compare(operand, model.Comparator(op), value)
    except ValueError:
        raise SegmentError(f"there is no comparison `{op}`") from None


def _value(typed: str) -> model.Literal:
    text = typed.strip()
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return model.Text(text[1:-1].replace("''", "'"))
    if text in ("true", "false"):
        return model.Boolean(text == "true")
    if _NUMBER.fullmatch(text):
        number = parse(f"x = {text}").condition
        assert isinstance(number, model.Compare)
        if isinstance(number.right, model.Number):
            return number.right
    return model.Text(text)


def _text(value: model.Literal) -> str:
    return _literal(value) if not isinstance(value, model.Text) else value.value


def _window_of(raw: object) -> model.Window | model.InNext | None:
    kind = raw.get("kind", "ever") if isinstance(raw, dict) else "ever"
    if kind == "ever" or not isinstance(raw, dict):
        return None
    if kind not in _WINDOWS_IN_ROWS:
        raise SegmentError(f"there is no window `{kind}`", hint=f"It is one of {', '.join(sorted(_WINDOWS_IN_ROWS))}.")
    if kind in ("this", "previous"):
        try:
            return model.InCalendar(model.CalendarUnit(str(raw.get("unit"))), kind == "previous")
        except ValueError as error:
            raise SegmentError(f"a window cannot be used: {error}") from None
    if kind in ("between", "since", "until"):
        if kind == "between":
            return model.BetweenMoments(_moment(raw, "start"), _moment(raw, "end"))
        return model.Since(_moment(raw, "start")) if kind == "since" else model.Before(_moment(raw, "end"))
    try:
        amount = int(str(raw.get("amount")))
        span = model.Span(amount, model.Unit(str(raw.get("unit"))))
    except ValueError:
        raise SegmentError("a window needs a whole number and a unit", hint="Write one, such as 30 days.") from None
    if amount < 1:
        raise SegmentError("a window is at least 1 long", hint="Write a whole number from 1 on.")
    if kind == "next":
        return model.InNext(span)
    return model.InLast(span) if kind == "last" else model.BeforeAgo(span)


def _moment(raw: Row, key: str) -> model.Moment:
    try:
        return model.Moment(read_moment(str(raw.get(key, ""))))
    except ValueError as error:
        raise SegmentError(f"a date is missing: {error}", hint="Write it as 2026-01-31.") from None


def _of(row: Row) -> Entity:
    return Entity.ACCOUNT if row.get("of") == Entity.ACCOUNT.value else Entity.PROFILE


def _said(row: Row, key: str, what: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:  # a name of blanks is one
        raise SegmentError(f"{what} is missing", hint="Choose one, or remove the row.")
    return value


def _list(row: Row, key: str) -> list[Any]:
    value = row.get(key, [])
    return value if isinstance(value, list) else []
