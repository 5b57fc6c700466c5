"""Conditions to SQL: one boolean expression per condition over gathered columns, and when it may change by itself.

Step of the path: segment, language half. Reads nodes, `now` and the zone; writes aggregates into the registry. Knows
no table and no driver; `plan.py` puts the pieces into a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import assert_never

from ethogram.errors import SegmentError
from ethogram.model.segment import (
    AfterFirst,
    And,
    Anniversary,
    Arithmetic,
    Between,
    Boolean,
    Comparator,
    Compare,
    Condition,
    Crossed,
    Did,
    Duration,
    During,
    Entity,
    Exists,
    Function,
    In,
    InLast,
    InSegment,
    Measure,
    Near,
    Not,
    Number,
    Operand,
    Or,
    Property,
    Quintile,
    Score,
    Selection,
    Sequence,
    Text,
    TextMatch,
    Top,
    Trait,
)
from ethogram.segment import anniversaries, values
from ethogram.segment.comparisons import Comparisons, flip
from ethogram.segment.instants import during, during_dues
from ethogram.segment.measures import MOST_LATEST, Measures, Views, edge_views, place_of
from ethogram.segment.sequences import compile_sequence
from ethogram.segment.sources import Registry, Source, Stream
from ethogram.segment.windows import Bounds, Frame, bounds, crossings

# What cuts off a share of everybody: (operand, share of the whole, from the bottom).
CutOff = tuple[Operand, Fraction, bool]
QUINTILES = tuple(Fraction(share, 100) for share in (80, 60, 40, 20))
_CHANGES = Stream(Source.CHANGES)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition as SQL: `holds` is true or false, `dues` are instants (NULL: never) at which it may change."""

    holds: str
    dues: tuple[str, ...] = ()


@dataclass(slots=True)
class Context:
    """What compilation needs to know from outside.

    Attributes:
        numbers: the numbers of saved segments, for static membership and recorded changes.
        cutoffs: values that cut off a share of everybody; missing ones are noted in `wanted` and compiled as "nobody".
    """

    frame: Frame
    entity: Entity = Entity.PROFILE
    numbers: Mapping[str, int] = field(default_factory=dict)
    cutoffs: Mapping[CutOff, float | None] = field(default_factory=dict)
    wanted: list[CutOff] = field(default_factory=list)


class Compiler:
    """Compiles the conditions of one plan into one registry."""

    def __init__(self, registry: Registry, context: Context) -> None:
        self._registry = registry
        self._binder = registry.binder
        self._context = context
        self._frame = context.frame
        self._where = Comparisons(self._binder, self._property_views)
        self.measures = Measures(registry, context.frame, self.where, self.where_dues)
        self._compare = Comparisons(self._binder, self._operand_views, registry.derive)

    # --- on one event ---------------------------------------------------------------------------------------

    def where(self, node: Condition) -> str:
        """A condition on the properties of one event, as row-level SQL."""
        match node:
            case And(items):
                return "(" + " AND ".join(self.where(item) for item in items) + ")"
            case Or(items):
                return "(" + " OR ".join(self.where(item) for item in items) + ")"
            case Not(item):
                return f"(NOT {self.where(item)})"
            case During(operand, window) if isinstance(operand, Property):
                return during(self._where.views(operand).instant(), window, self._frame, self._binder)
            case _:
                leaf = _leaf(self._where, node)
                if leaf is None:
                    raise SegmentError(f"`{type(node).__name__}` cannot stand inside `where`")
                return leaf

    def where_dues(self, node: Condition) -> list[str]:
        """Row-level instants (NULL: never) at which a condition on one event may change by itself."""
        match node:
            case And(items) | Or(items):
                return [due for item in items for due in self.where_dues(item)]
            case Not(item):
                return self.where_dues(item)
            case During(operand, window) if isinstance(operand, Property):
                return during_dues(self._where.views(operand).instant(), window, self._frame, self._binder)
            case _:
                return []

    def _property_views(self, operand: Operand) -> Views:
        if not isinstance(operand, Property):
            raise SegmentError(
                "inside `where` only the event's own properties can be used",
                hint="Put conditions on traits and measures outside the parentheses, joined with `and`.",
            )
        whole = values.path("properties", operand.name)
        return Views(
            number=lambda: values.number(whole, self._binder),
            text=lambda: values.text(whole),
            boolean=lambda: values.boolean(whole),
            instant=lambda: values.instant(values.text(whole), self._frame.zone.key, self._binder),
            has=lambda item, caseless: values.list_has(whole, item, caseless=caseless),
            exists=lambda: values.exists("properties", operand.name),
            place=lambda: place_of("properties", operand.name, self._registry),
        )

    # --- on one profile -------------------------------------------------------------------------------------

    def source(self, of: Entity) -> Source:
        """Where the events of a measure come from."""
        if of is Entity.ACCOUNT and self._context.entity is Entity.PROFILE:
            return Source.ACCOUNT_EVENTS
        return Source.EVENTS

    def _operand_views(self, operand: Operand) -> Views:
        match operand:
            case Measure():
                return self.measures.views(operand, self.source(operand.of))
            case Trait(name, of):
                return self._trait_views(name, of)
            case Score(name):
                return self._trait_views(f"$score.{name}", Entity.PROFILE)
            case Quintile(inner):
                return Views(
                    number=lambda: self._quintile(inner),
                    exists=lambda: f"isNotNull({self.ranked(inner)})",
                )
            case Property():
                raise SegmentError(f"`{operand.name}` is an event's property; it can only stand inside `where`")
            case Arithmetic() | Number() | Text() | Boolean() | Duration():
                return self._compare.views(operand)
            case _:
                assert_never(operand)

    def _trait_views(self, name: str, of: Entity) -> Views:
        own = of is Entity.PROFILE or self._context.entity is Entity.ACCOUNT
        source = Source.TRAITS if own else Source.ACCOUNT_TRAITS
        parts = name.split(".")
        above = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        forgotten = f"hasAny(unset, {self._binder.bind('Array(String)', above)})"
        changed = f"({values.exists('traits', name)} OR {forgotten})"

        def newest(value: str) -> str:
            return self._registry.add(Stream(source), f"maxArgMaxIf({value}, ts, {changed})")

        return edge_views("traits", name, newest, self._frame, self._registry)

    def value(self, operand: Operand) -> str:
        """Nullable(String) of an operand's value, for people to read."""
        views = self._compare.views(operand)
        looks = [views.text(), views.number(), views.boolean()]
        if views.is_instant:
            looks.append(f"toTimeZone({views.instant()}, {self._binder.text(self._frame.zone.key)})")
        given = [f"toString({look})" for look in looks if look is not None]
        return f"coalesce({', '.join(given)}, NULL)" if given else "CAST(NULL AS Nullable(String))"

    def compile(self, node: Condition) -> Compiled:
        """A condition on profiles (or accounts)."""
        found = self._compile(node)
        return Compiled(self._registry.derive(found.holds), found.dues)

    def _compile(self, node: Condition) -> Compiled:
        match node:
            case And(items):
                return self._join(" AND ", items)
            case Or(items):
                return self._join(" OR ", items)
            case Not(item):
                inner = self.compile(item)
                return Compiled(f"(NOT {inner.holds})", inner.dues)
            case Did(selection, of):
                return self.compile(Compare(Measure(Function.COUNT, selection, of=of), Comparator.GE, Number(1)))
            case Compare():
                return self._counted(node) or Compiled(self._compare.compare(node), self._dues(node.left, node.right))
            case In() | Exists() | TextMatch() | Near():
                leaf = _leaf(self._compare, node)
                assert leaf is not None
                return Compiled(leaf, self._dues(node.operand))
            case Between(operand, low, high):
                return Compiled(self._compare.between(node), self._dues(operand, low, high))
            case During(operand, window):
                if isinstance(operand, Anniversary):
                    at = self._compare.views(operand.operand).instant()
                    holds, due = anniversaries.compile_anniversary(at, window, self._frame, self._binder)
                    return Compiled(holds, (*self._dues(operand.operand), due))
                at = self._compare.views(operand).instant()
                holds = during(at, window, self._frame, self._binder)
                dues = during_dues(at, window, self._frame, self._binder)
                return Compiled(holds, (*self._dues(operand), *dues))
            case Sequence(of=of):
                holds, found = compile_sequence(node, self.source(of), self.measures, self._registry, self._frame)
                return Compiled(holds, tuple(found))
            case Top(percent, operand, bottom):
                return self._top(Fraction(str(percent)) / 100, operand, bottom=bottom)
            case InSegment(name):
                number = self._number(name)
                self._registry.of(_CHANGES).segments.add(number)
                entered = f"maxArgMaxIf(toUInt8(change = 'entered'), (ts, version), segment = {number})"
                return Compiled(f"({self._registry.add(_CHANGES, entered)} = 1)")
            case Crossed(name, left, window):
                return self._crossed(name, "left" if left else "entered", Selection(None, window=window))
            case _:
                assert_never(node)

    def _join(self, word: str, items: tuple[Condition, ...]) -> Compiled:
        compiled = [self.compile(item) for item in items]
        holds = "(" + word.join(item.holds for item in compiled) + ")"
        return Compiled(holds, tuple(due for item in compiled for due in item.dues))

    def _dues(self, *operands: Operand) -> tuple[str, ...]:
        found: list[str] = []
        for operand in operands:
            match operand:
                case Measure():
                    found += self.measures.dues(operand, self.source(operand.of))
                case Arithmetic(_, left, right):
                    found += self._dues(left, right)
                case Quintile(inner):
                    found += self._dues(inner)
                case _:
                    pass
        return tuple(found)

    def _counted(self, node: Compare) -> Compiled | None:
        """Windowed counts against a small whole number, from the latest instants alone: exact and exactly due."""
        node = flip(node)
        if not isinstance(node.left, Measure) or node.left.function is not Function.COUNT:
            return None
        if not isinstance(node.right, Number) or node.right.value != int(node.right.value):
            return None
        selection, source, number = node.left.selection, self.source(node.left.of), int(node.right.value)
        if not isinstance(selection.window, InLast) or not 1 <= number < MOST_LATEST:
            return None
        if selection.where is not None and self.where_dues(selection.where):
            return None
        # Both borders are asked for only where the comparison has two: each costs planning.
        match node.comparator:
            case Comparator.GE | Comparator.LT:
                borders = [self.measures.threshold(source, selection, number)]
            case Comparator.GT | Comparator.LE:
                borders = [self.measures.threshold(source, selection, number + 1)]
            case Comparator.EQ | Comparator.NE:
                borders = [self.measures.threshold(source, selection, number + more) for more in (0, 1)]
            case _:
                return None
        holds = " AND NOT ".join(border.holds for border in borders)
        if node.comparator in {Comparator.LT, Comparator.LE, Comparator.NE}:
            holds = f"NOT ({holds})"
        return Compiled(f"({holds})", tuple(border.leaves for border in borders))

    # --- relative to everybody ------------------------------------------------------------------------------

    def ranked(self, operand: Operand) -> str:
        """Nullable(Float64) by which everybody is ranked; instants rank by time."""
        views = self._compare.views(operand)
        if views.is_instant:
            return self._registry.derive(f"toFloat64(toUnixTimestamp64Micro({views.instant()}))")
        number = views.number()
        if number is None:
            raise SegmentError(
                "`top`, `bottom` and `quintile` rank by a number or an instant, and this has neither",
                hint="Rank by `count(…)`, `sum(…)`, `last(…)`, a numeric trait or arithmetic of them.",
            )
        return self._registry.derive(f"toFloat64({number})")

    def _cutoff(self, operand: Operand, share: Fraction, *, bottom: bool) -> str | None:
        key = (operand, share, bottom)
        if key not in self._context.wanted:
            self._context.wanted.append(key)
        value = self._context.cutoffs.get(key)
        return None if value is None else self._binder.number(value)

    def _top(self, share: Fraction, operand: Operand, *, bottom: bool) -> Compiled:
        ranked, dues = self.ranked(operand), self._dues(operand)
        cutoff = self._cutoff(operand, share, bottom=bottom)
        if cutoff is None:
            return Compiled("false", dues)
        return Compiled(f"ifNull({ranked} {'<=' if bottom else '>='} {cutoff}, false)", dues)

    def _quintile(self, operand: Operand) -> str:
        cuts = [self._cutoff(operand, share, bottom=False) for share in QUINTILES]
        ranked = self.ranked(operand)
        if None in cuts:
            return "CAST(NULL AS Nullable(Float64))"
        above = " + ".join(f"({ranked} >= {cut})" for cut in cuts)
        return self._registry.derive(f"if(isNull({ranked}), NULL, 1 + {above})")

    # --- recorded membership --------------------------------------------------------------------------------

    def _number(self, name: str) -> int:
        number = self._context.numbers.get(name)
        if number is None:
            raise SegmentError(
                f"there is no segment `{name}`", hint="`ethogram segments` lists the saved ones.", name=name
            )
        return number

    def _crossed(self, name: str, change: str, selection: Selection) -> Compiled:
        number = self._number(name)
        self._registry.of(_CHANGES).segments.add(number)
        base = f"segment = {number} AND change = '{change}'"

        def rows(within: Bounds) -> str:
            parts = [base]
            if within.low is not None:
                parts.append(f"ts >= {self._binder.instant(within.low)}")
            if within.high is not None:
                parts.append(f"ts <= {self._binder.instant(within.high)}")
            return " AND ".join(parts)

        if isinstance(selection.window, AfterFirst):
            raise SegmentError(f"`{change}(…)` cannot use a window after a first event")
        count = self._registry.add(_CHANGES, f"countIf({rows(bounds(selection.window, self._frame))})")
        dues = [
            crossing.at(self._registry.add(_CHANGES, f"minOrNullIf(ts, {rows(crossing.bounds)})"))
            for crossing in crossings(selection.window, self._frame, self._binder)
        ]
        return Compiled(f"({count} > 0)", tuple(dues))


def _leaf(comparisons: Comparisons, node: Condition) -> str | None:
    match node:
        case Compare():
            return comparisons.compare(node)
        case In():
            return comparisons.is_in(node)
        case Between():
            return comparisons.between(node)
        case Exists():
            return comparisons.exists(node)
        case TextMatch():
            return comparisons.text_match(node)
        case Near():
            return comparisons.near(node)
        case _:
            return None
