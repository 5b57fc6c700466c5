"""Explains: how a segment is understood and what it costs; why a profile is in it, or what is missing.

Step of the path: segment. Reads the warehouse through the same plans that decide membership, so that an explanation
cannot differ from the answer; writes nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ethogram.errors import UnknownNameError
from ethogram.model.results import ConditionState, Evidence, Explanation, Why
from ethogram.model.segment import (
    And,
    Anniversary,
    Arithmetic,
    Between,
    Comparator,
    Compare,
    Condition,
    Definition,
    Did,
    During,
    Entity,
    Exists,
    Function,
    In,
    InSegment,
    Measure,
    Near,
    Not,
    Number,
    Operand,
    Or,
    Quintile,
    Selection,
    Sequence,
    TextMatch,
    Top,
)
from ethogram.segment.comparisons import flip
from ethogram.segment.compiler import Compiled
from ethogram.segment.english import condition_to_english, to_english
from ethogram.segment.evaluate import Evaluator, Found
from ethogram.segment.plan import Keys, Plan, Query
from ethogram.segment.printer import condition_to_text, to_text
from ethogram.segment.tree import to_tree
from ethogram.store.schema import NEVER
from ethogram.store.warehouse import Warehouse

_EVIDENCE = 5
Expand = Callable[[Definition], Definition]


@dataclass(frozen=True, slots=True)
class _Part:
    """One condition of the definition, as written and as it is evaluated."""

    node: Condition
    depth: int
    wanted: bool  # under a `not`, a condition must not hold
    compiled: Compiled
    value: str | None  # SQL


class Explainer:
    """Explains definitions of one workspace."""

    def __init__(self, warehouse: Warehouse, evaluator: Evaluator) -> None:
        self._warehouse = warehouse
        self._evaluator = evaluator

    def explain(
        self,
        definition: Definition,
        expanded: Definition,
        now: dt.datetime,
        *,
        numbers: Mapping[str, int],
        found: Found | None = None,
    ) -> Explanation:
        """Text, English, tree, SQL and measured cost of one evaluation over everybody.

        Args:
            found: cut-offs as they are recorded; without them those of `now` are computed.
        """
        started = time.perf_counter()
        plan, (compiled,) = self._evaluator.plan(
            [expanded], now, numbers=numbers, recorded=None if found is None else found.values
        )
        inner = plan.query(f"id, {compiled.holds} AS holds")
        counting = Query(f"SELECT count() FROM (\n{inner.sql}\n) WHERE holds", inner.parameters)
        _, rows_read, bytes_read = self._warehouse.measured(counting.sql, counting.parameters)
        milliseconds = (time.perf_counter() - started) * 1000
        return Explanation(
            text=to_text(definition),
            english=to_english(definition),
            tree=to_tree(definition),
            sql=self._formatted(inner),
            parameters=inner.parameters,
            wakes_on=plan.wakes_on,
            milliseconds=milliseconds,
            rows_read=rows_read,
            bytes_read=bytes_read,
            cutoffs_at=_since(found, plan, now),
        )

    def _formatted(self, query: Query) -> str:
        rows = self._warehouse.query("SELECT formatQuery({sql:String})", {"sql": query.sql})
        return str(rows[0][0])

    def why(
        self,
        name: str,
        definition: Definition,
        id_: str,
        now: dt.datetime,
        *,
        numbers: Mapping[str, int],
        expand: Expand,
        found: Found | None = None,
    ) -> Why:
        """Each condition with its value, evidence, when it changes by itself, and what is missing.

        Args:
            id_: a profile id; an account id where the definition is over accounts.
            expand: replaces references to other segments by what they stand for.
            found: cut-offs as they are recorded; without them those of `now` are computed.

        Raises:
            UnknownNameError: no such profile (or account) was known at `now`.
        """
        of_account = definition.entity is Entity.ACCOUNT
        prefix = "account:" if of_account else ""
        key = self._evaluator.keys([prefix + id_])[prefix + id_]
        recorded = None if found is None else found.values
        plan, (whole,) = self._evaluator.plan(
            [expand(definition)], now, numbers=numbers, scope=Keys((key,)), recorded=recorded
        )
        parts = list(self._parts(definition.condition, 0, plan, definition.entity, expand, wanted=True))
        columns = [f"{whole.holds} AS holds_whole", f"{plan.due([whole])} AS due_whole"]
        for index, part in enumerate(parts):
            columns.append(f"{part.compiled.holds} AS holds_{index}")
            columns.append(f"{plan.due([part.compiled])} AS due_{index}")
            columns.append(f"{part.value or 'CAST(NULL AS Nullable(String))'} AS value_{index}")
        query = plan.query(", ".join(columns), with_future=True)
        rows = self._warehouse.query(query.sql, query.parameters)
        if not rows:
            kind = "account" if of_account else "profile"
            raise UnknownNameError(
                f"there was no {kind} `{id_}` at {now.isoformat()}",
                hint="Ids are compared exactly, letter case and blanks included; `ethogram profile ID` shows one.",
                id=id_,
            )
        row = rows[0]
        states = [
            self._state(
                part, row[2 + index * 3 : 5 + index * 3], self._evidence(part.node, plan, key, of_account=of_account)
            )
            for index, part in enumerate(parts)
        ]
        return Why(
            segment=name,
            profile_id=id_,
            member=bool(row[0]),
            english=to_english(definition),
            as_of=now,
            changes_at=_due(row[1]),
            conditions=tuple(states),
            cutoffs_at=_since(found, plan, now),
        )

    def _parts(
        self, node: Condition, depth: int, plan: Plan, entity: Entity, expand: Expand, *, wanted: bool
    ) -> Iterator[_Part]:
        meant = expand(Definition(node, entity)).condition
        operand = _operand(node)
        yield _Part(node, depth, wanted, plan.add(meant), None if operand is None else plan.value(operand))
        match node:
            case And(items) | Or(items):
                inner: tuple[Condition, ...] = items
            case Not(item):
                inner, wanted = (item,), not wanted
            case InSegment() if meant != node:
                inner = (meant,)
            case _:
                inner = ()
        for item in inner:
            yield from self._parts(item, depth + 1, plan, entity, expand, wanted=wanted)

    def _state(self, part: _Part, row: tuple[Any, ...], evidence: tuple[Evidence, ...]) -> ConditionState:
        holds, due, value = bool(row[0]), _due(row[1]), _readable(_operand(part.node), row[2])
        return ConditionState(
            text=condition_to_text(part.node),
            english=condition_to_english(part.node),
            holds=holds,
            depth=part.depth,
            value=value,
            changes_at=due,
            missing=None if holds == part.wanted else missing(part.node, value, wanted=part.wanted),
            evidence=evidence,
        )

    def _evidence(self, node: Condition, plan: Plan, key: int, *, of_account: bool) -> tuple[Evidence, ...]:
        selections = list(_selections(node))
        if not selections or of_account:
            return ()
        query = plan.evidence(selections, key, _EVIDENCE)
        rows = self._warehouse.query(query.sql, query.parameters)
        return tuple(Evidence(at, event, json.loads(properties)) for at, event, properties in rows)


def _since(found: Found | None, plan: Plan, now: dt.datetime) -> dt.datetime | None:
    """When the cut-offs that a plan compares with were found; None where it compares with none."""
    cuts = plan.context.wanted
    known = None if found is None else found.since(cuts)
    return (known or now) if cuts else None


def missing(node: Condition, value: str | None, *, wanted: bool = True) -> str:
    """What would make a condition hold that does not (or, unwanted, stop holding), in words."""
    match node:
        case Not():
            return "what stands below must no longer be so" if wanted else "what stands below must be so"
        case And():
            return "every condition below must hold" if wanted else "one of the conditions below must no longer hold"
        case Or():
            return "one of the conditions below must hold" if wanted else "no condition below may hold any longer"
        case _ if not wanted:
            return f"must no longer be so: {condition_to_english(node)}"
        case Did():
            return "one such event"
        case Compare():
            return _missing_number(flip(node), value) or f"must be so: {condition_to_english(node)}"
        case _:
            return f"must be so: {condition_to_english(node)}"


def _missing_number(node: Compare, value: str | None) -> str | None:
    if not isinstance(node.right, Number) or value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    short = node.right.value - found
    counted = isinstance(node.left, Measure) and node.left.function is Function.COUNT
    noun = " such event" + ("" if short == 1 else "s") if counted else ""
    match node.comparator:
        case Comparator.GE if short > 0:
            return f"{short:g} more{noun} (is {found:g}, needs at least {node.right.value:g})"
        case Comparator.GT if short >= 0:
            return f"more than {short:g} more{noun} (is {found:g}, needs more than {node.right.value:g})"
        case Comparator.LE if short < 0:
            return f"{-short:g} fewer{noun} (is {found:g}, may be at most {node.right.value:g})"
        case Comparator.LT if short <= 0:
            return f"more than {-short:g} fewer{noun} (is {found:g}, must be below {node.right.value:g})"
        case _:
            return None


def _readable(operand: Operand | None, value: str | None) -> str | None:
    """A value as people read it: instants (local) without empty fractions, mean gaps in days."""
    if value is None or not isinstance(operand, Measure):
        return value
    if operand.function is Function.GAP:
        return f"{float(value) / 86400:.1f} days"
    if operand.function in {Function.FIRST, Function.LAST} and operand.property is None:
        return value.removesuffix(".000000")
    return value


def _operand(node: Condition) -> Operand | None:
    """The operand whose value says most about a condition."""
    match node:
        case Compare():
            return flip(node).left
        case In(operand) | Between(operand) | Exists(operand) | TextMatch(operand) | Near(operand):
            return operand
        case Top(_, operand):
            return operand
        case During(operand):
            return operand.operand if isinstance(operand, Anniversary) else operand
        case Did(selection, of):
            return Measure(Function.COUNT, selection, of=of)
        case _:
            return None


def _selections(node: Condition) -> Iterator[Selection]:
    """The profile's own events that a condition looks at."""
    match node:
        case Sequence(steps, window, Entity.PROFILE):
            yield from (Selection(step.event, step.where, window) for step in steps if not step.negated)
        case And() | Or() | Not():
            return
        case Compare(left, _, right):
            yield from _of_operand(left)
            yield from _of_operand(right)
        case _:
            operand = _operand(node)
            if operand is not None:
                yield from _of_operand(operand)


def _of_operand(operand: Operand) -> Iterator[Selection]:
    match operand:
        case Measure(_, selection, _, Entity.PROFILE):
            yield selection
        case Arithmetic(_, left, right):
            yield from _of_operand(left)
            yield from _of_operand(right)
        case Quintile(inner):
            yield from _of_operand(inner)
        case _:
            return


def _due(at: dt.datetime) -> dt.datetime | None:
    return None if at >= NEVER else at
