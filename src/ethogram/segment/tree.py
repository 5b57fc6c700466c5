"""The definition as a tree of plain JSON values, and the JSON Schema of that tree.

Step of the path: segment, language half. Reads nodes and writes JSON, or the other way round, without loss; what the
API and the console exchange, and what is kept in YAML files. It checks the form of a tree, not its meaning.

Every node is an object whose `type` says which one it is; fixed values are JSON's own numbers, texts, true and false.
Whatever equals its default is left out.
"""

from __future__ import annotations

from typing import Any, cast

from ethogram.model import segment as model
from ethogram.model.segment import Definition
from ethogram.segment.tree_forms import (
    AmountForm,
    ChoiceForm,
    FlagForm,
    ListForm,
    LiteralForm,
    MomentForm,
    NullableForm,
    NumberForm,
    Place,
    RecordForm,
    TextForm,
    UnionForm,
)

SCHEMA_ADDRESS = "https://json-schema.org/draft/2020-12/schema"

_TEXT, _NAME, _FLAG, _NUMBER, _MOMENT = TextForm(), TextForm(1), FlagForm(), NumberForm(), MomentForm()
_EVENT = NullableForm(_NAME)
_OF = ChoiceForm(model.Entity)
_SPAN = RecordForm(model.Span, {"amount": AmountForm(), "unit": ChoiceForm(model.Unit)})

_CONDITION = UnionForm("condition")
_OPERAND = UnionForm("operand", LiteralForm())
_DURING_OPERAND = UnionForm("instant_operand", LiteralForm())
_DATE_OPERAND = UnionForm("date_operand")
_WINDOW = UnionForm("window")
_INSTANT_WINDOW = UnionForm("instant_window")

_SELECTION = RecordForm(
    model.Selection, {"event": _EVENT, "where": NullableForm(_CONDITION), "window": NullableForm(_WINDOW)}
)
_STEP = RecordForm(
    model.Step,
    {"event": _EVENT, "where": NullableForm(_CONDITION), "negated": _FLAG, "within": NullableForm(_SPAN)},
)
_DEFINITION = RecordForm(Definition, {"condition": _CONDITION, "entity": _OF})


def _fill_windows() -> None:
    shared = (
        _WINDOW.add("in_last", model.InLast, span=_SPAN),
        _WINDOW.add("in_preceding", model.InPreceding, span=_SPAN, shift=_SPAN),
        _WINDOW.add("before_ago", model.BeforeAgo, span=_SPAN),
        _WINDOW.add("in_calendar", model.InCalendar, unit=ChoiceForm(model.CalendarUnit), previous=_FLAG),
        _WINDOW.add("between_moments", model.BetweenMoments, start=_MOMENT, end=_MOMENT),
        _WINDOW.add("since", model.Since, start=_MOMENT),
        _WINDOW.add("before", model.Before, end=_MOMENT),
    )
    _WINDOW.add("after_first", model.AfterFirst, span=_SPAN, anchor=_SELECTION)
    _INSTANT_WINDOW.include(*shared)
    _INSTANT_WINDOW.add("in_next", model.InNext, span=_SPAN)


def _fill_operands() -> None:
    measure = RecordForm(
        model.Measure,
        {
            "function": ChoiceForm(model.Function),
            "selection": _SELECTION,
            "property": NullableForm(_NAME),
            "of": _OF,
        },
        "measure",
    )
    trait = RecordForm(model.Trait, {"name": _NAME, "of": _OF}, "trait")
    others = (
        RecordForm(model.Property, {"name": _NAME}, "property"),
        RecordForm(model.Score, {"name": _NAME}, "score"),
        RecordForm(model.Quintile, {"operand": _OPERAND}, "quintile"),
        RecordForm(
            model.Arithmetic,
            {"operator": ChoiceForm(model.Operator), "left": _OPERAND, "right": _OPERAND},
            "arithmetic",
        ),
        RecordForm(model.Duration, {"span": _SPAN}, "duration"),
    )
    _DATE_OPERAND.include(measure, trait)
    _OPERAND.include(measure, trait, *others)
    _DURING_OPERAND.include(measure, trait, *others)
    _DURING_OPERAND.add("anniversary", model.Anniversary, operand=_DATE_OPERAND)


def _fill_conditions() -> None:
    add = _CONDITION.add
    add("and", model.And, items=ListForm(_CONDITION, 2))
    add("or", model.Or, items=ListForm(_CONDITION, 2))
    add("not", model.Not, item=_CONDITION)
    add("did", model.Did, selection=_SELECTION, of=_OF)
    add("compare", model.Compare, left=_OPERAND, comparator=ChoiceForm(model.Comparator), right=_OPERAND)
    add("in", model.In, operand=_OPERAND, values=ListForm(LiteralForm()), negated=_FLAG, caseless=_FLAG)
    add("between", model.Between, operand=_OPERAND, low=_OPERAND, high=_OPERAND)
    add("exists", model.Exists, operand=_OPERAND)
    add("text_match", model.TextMatch, operand=_OPERAND, test=ChoiceForm(model.TextTest), text=_TEXT, caseless=_FLAG)
    add("during", model.During, operand=_DURING_OPERAND, window=_INSTANT_WINDOW)
    add("near", model.Near, operand=_OPERAND, kilometres=_NUMBER, latitude=_NUMBER, longitude=_NUMBER)
    add("sequence", model.Sequence, steps=ListForm(_STEP), window=NullableForm(_WINDOW), of=_OF)
    add("top", model.Top, percent=_NUMBER, operand=_OPERAND, bottom=_FLAG)
    add("in_segment", model.InSegment, name=_NAME)
    add("crossed", model.Crossed, name=_NAME, left=_FLAG, window=NullableForm(_WINDOW))


_fill_windows()
_fill_operands()
_fill_conditions()


def to_tree(definition: Definition) -> dict[str, Any]:
    """The tree of a definition: dicts, lists, texts, numbers, true, false and null."""
    return _DEFINITION.write(definition)


def from_tree(tree: object) -> Definition:
    """The definition of a tree.

    Raises:
        SegmentError: The tree does not follow the schema; the message holds the JSON path of the place.
    """
    return cast(Definition, _DEFINITION.read(tree, Place()))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a tree."""
    unions = (_CONDITION, _OPERAND, _DURING_OPERAND, _DATE_OPERAND, _WINDOW, _INSTANT_WINDOW)
    return {
        "$schema": SCHEMA_ADDRESS,
        "title": "Segment",
        "description": "A segment of the Ethogram segment language: who is in it.",
        **_DEFINITION.schema(),
        "$defs": {union.name: union.whole_schema() for union in unions},
    }
