"""Funnels: how many people do one thing after another, and how long they take.

Step of the path: measure. Reads the warehouse; writes nothing. A person is followed from the first time in the period
that they did the first step. A later step counts where its event comes after the one that counted for the step before
it (the earliest such event), and within the window from the first step. All events lie in the period. Events of one
instant have no order, so one does not come after another.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ethogram.errors import SegmentError
from ethogram.measure.ground import Asking, Ground
from ethogram.store.warehouse import Warehouse

_MOST_STEPS = 10
_MOST_VALUES = 10
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class FunnelQuestion:
    """Which steps in which order.

    Attributes:
        steps: events as texts, such as `cart_add where price > 10`.
        within: how long after the first step the others count.
        by: a property of the first step's event; people are counted apart by its value.
    """

    steps: tuple[str, ...]
    within: dt.timedelta = dt.timedelta(days=7)
    by: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= _MOST_STEPS:
            raise SegmentError(f"a funnel of {len(self.steps)} steps", hint=f"It has 1 to {_MOST_STEPS}.")
        if self.within <= dt.timedelta(0):
            raise SegmentError("the window of a funnel is empty", hint="Give a length, such as 7 days.")


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """People who came so far.

    Attributes:
        share: of those who did the first step.
        kept: of those who did the step before.
        median: between the step before and this one; None for the first, and where nobody came.
    """

    event: str
    people: int
    share: float
    kept: float
    median: dt.timedelta | None


@dataclass(frozen=True, slots=True)
class FunnelPart:
    """The people whose first step has one value of a property; `value` is None for everybody."""

    value: str | None
    steps: tuple[FunnelStep, ...]


@dataclass(frozen=True, slots=True)
class Funnel:
    """A funnel's answer; `parts` are the most frequent values where people are counted apart."""

    steps: tuple[FunnelStep, ...]
    parts: tuple[FunnelPart, ...] = ()


def funnel(warehouse: Warehouse, ground: Ground, question: FunnelQuestion) -> Funnel:
    """How many people came to each step."""
    asking = Asking(ground)
    inner = _followed(asking, question)
    numbers = range(1, len(question.steps) + 1)
    counts = ", ".join(f"countIf(t{n} != 0)" for n in numbers)
    # The upper one of the two in the middle.
    medians = ", ".join(f"quantileExactIf(0.5)(t{n} - t{n - 1}, t{n} != 0)" for n in numbers if n > 1)
    columns = f"{counts}{', ' + medians if medians else ''}"
    whole = _steps(question, warehouse.query(f"SELECT {columns} FROM ({inner})", asking.parameters)[0])
    if question.by is None:
        return Funnel(whole)
    rows = warehouse.query(
        f"SELECT v, {columns} FROM ({inner}) GROUP BY v ORDER BY count() DESC, v LIMIT {_MOST_VALUES}",
        asking.parameters,
    )
    return Funnel(whole, tuple(FunnelPart(str(row[0]), _steps(question, row[1:])) for row in rows))


def funnel_people(
    warehouse: Warehouse,
    ground: Ground,
    question: FunnelQuestion,
    step: int,
    *,
    lost: bool = False,
    value: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[str]:
    """The ids of those who came to a step (the first is 1), a page of them.

    Args:
        lost: those who came to the step before and not to this one.
        value: only those whose first step has this value of the property that the question counts apart.
    """
    if not 1 <= step <= len(question.steps) or (lost and step == 1):
        raise SegmentError(f"this funnel has no such step: {step}", hint=f"Steps are 1 to {len(question.steps)}.")
    asking = Asking(ground)
    test = f"t{step} = 0 AND t{step - 1} != 0" if lost else f"t{step} != 0"
    if value is not None:
        test += f" AND v = {asking.binder.text(value)}"
    chosen = f"SELECT profile FROM ({_followed(asking, question)}) WHERE {test}"
    return asking.ids(warehouse, chosen, after=after, limit=limit)


def _followed(asking: Asking, question: FunnelQuestion) -> str:
    """Per person: when each step was taken, in microseconds (0: not), and the value to count apart by."""
    picks = [asking.picks(step) for step in question.steps]
    window = asking.binder.integer(question.within // _MICROSECOND)
    us = "toUnixTimestamp64Micro(ts)"
    gathered = [f"minIf({us}, {picks[0]}) AS t1"]
    gathered += [f"groupArrayIf({us}, {pick}) AS a{n}" for n, pick in enumerate(picks[1:], 2)]
    value = asking.value(question.by) if question.by is not None else "''"
    gathered.append(f"argMinIf({value}, (ts, message_id), {picks[0]}) AS v")
    found = (
        f"SELECT profile, {', '.join(gathered)}, countIf({picks[0]}) AS starts FROM events WHERE {asking.rows} "
        f"AND ({' OR '.join(picks)}) GROUP BY profile HAVING starts > 0"
    )
    for n in range(2, len(picks) + 1):
        earliest = f"arrayMin(arrayFilter(x -> x > t{n - 1} AND x <= t1 + {window}, a{n}))"
        found = f"SELECT *, if(t{n - 1} = 0, 0, {earliest}) AS t{n} FROM ({found})"
    return found


def _steps(question: FunnelQuestion, row: tuple[object, ...]) -> tuple[FunnelStep, ...]:
    many = len(question.steps)
    people = [int(str(value)) for value in row[:many]]
    medians = [None, *(dt.timedelta(microseconds=int(float(str(value)))) for value in row[many:])]
    return tuple(
        FunnelStep(
            event,
            people[at],
            people[at] / people[0] if people[0] else 0.0,
            (people[at] / people[at - 1] if people[at - 1] else 0.0) if at else 1.0,
            medians[at] if people[at] else None,
        )
        for at, event in enumerate(question.steps)
    )
