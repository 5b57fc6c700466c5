"""Which segments a few given profiles are in, and when each is due: directly where possible, else by the plan.

Step of the path: segment. Reads the warehouse: with one small query the rows of these profiles, however many segments
are asked about; writes nothing. Definitions that need the engine go through a plan with the same scope.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ethogram.model.segment import Definition, Entity
from ethogram.segment.compiler import Context, CutOff
from ethogram.segment.direct.comparisons import NotDirect, Test
from ethogram.segment.direct.conditions import Compiled, Conditions, Told, Wakes
from ethogram.segment.direct.facts import Person
from ethogram.segment.direct.measures import Due
from ethogram.segment.evaluate import Evaluator, Recorded, name_of
from ethogram.segment.plan import Keys
from ethogram.segment.reading import Held, read
from ethogram.segment.sql import instant_of
from ethogram.segment.windows import Frame
from ethogram.store.schema import NEVER
from ethogram.store.warehouse import Warehouse

_MOST_WOKEN = 10_000  # different things that may have happened to people, whose functions are kept


@dataclass(frozen=True, slots=True)
class Standing:
    """The numbers of the segments that a profile is in, and the next instant at which that may change by itself."""

    key: int
    id: str
    segments: tuple[int, ...]
    due_at: dt.datetime
    asked: frozenset[int] | None = None  # the segments that were asked about; None is all


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about.

    Attributes:
        definitions: expanded definitions over profiles, by the number that stands for each.
        numbers: the numbers of saved segments by name.
        recorded: cut-offs as a run found them; without them those of now are computed over everybody.
    """

    definitions: Mapping[int, Definition]
    numbers: Mapping[str, int]
    recorded: Recorded | None = None


class _Some(NamedTuple):
    """Functions of some segments.

    Attributes:
        tests: whether somebody is in a segment, by its number.
        dues: when that may change by itself.
        asked: all segments that somebody is asked about with these; None is all that there are.
    """

    tests: tuple[tuple[int, Test], ...]
    dues: tuple[Due, ...]
    asked: frozenset[int] | None


class _Functions:
    """What is asked about as functions of a person, as far as it can be."""

    def __init__(self, asked: Asked, frame: Frame) -> None:
        self.asked = asked
        self.conditions = Conditions(Context(frame, Entity.PROFILE, asked.numbers, _Recorded(asked.recorded or {})))
        self._direct: dict[int, tuple[Compiled, Wakes]] = {}
        for number, definition in asked.definitions.items():
            try:
                self._direct[number] = self.conditions.woken(definition)
            except NotDirect:
                continue
        self.planned = {number: each for number, each in asked.definitions.items() if number not in self._direct}
        self._woken: dict[tuple[frozenset[str], bool], _Some] = {}  # few different things happen to many people

    def everything(self) -> _Some:
        """The functions of all segments."""
        return _some({number: each for number, (each, _) in self._direct.items()}, None)

    def chosen(self, numbers: Collection[int]) -> _Some:
        """The functions of some definitions."""
        return _some({number: self._direct[number][0] for number in numbers if number in self._direct}, None)

    def woken_by(self, told: Told) -> _Some:
        """The functions of those segments that what was told may change."""
        what = (frozenset(told.events), told.traits)
        if what not in self._woken:
            if len(self._woken) >= _MOST_WOKEN:
                self._woken.clear()
            chosen = {number: each for number, (each, wakes) in self._direct.items() if wakes.by(told)}
            self._woken[what] = _some(chosen, frozenset({*self.planned, *chosen}))
        return self._woken[what]


def _some(compiled: Mapping[int, Compiled], asked: frozenset[int] | None) -> _Some:
    tests = tuple((number, each.holds) for number, each in compiled.items())
    return _Some(tests, tuple(due for each in compiled.values() for due in each.dues), asked)


class _Recorded(Mapping[CutOff, "float | None"]):
    """Recorded cut-offs, looked up by what they cut off."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    def __getitem__(self, cut: CutOff) -> float | None:
        return self._recorded[name_of(cut)]

    def __iter__(self) -> Iterator[CutOff]:
        return iter(())

    def __len__(self) -> int:
        return len(self._recorded)


class Scoped:
    """Answers saved segments for a few profiles."""

    def __init__(self, warehouse: Warehouse, evaluator: Evaluator) -> None:
        self._warehouse = warehouse
        self.evaluator = evaluator
        self._compiled: _Functions | None = None

    def standings(
        self,
        definitions: Mapping[int, Definition],
        now: dt.datetime,
        *,
        numbers: Mapping[str, int],
        keys: Sequence[int],
        recorded: Recorded | None = None,
        only: Mapping[int, Collection[int]] | None = None,
    ) -> list[Standing]:
        """The standing of each given profile that is known at `now`, in order of key.

        Args:
            definitions: expanded definitions over profiles, by the number that stands for each.
            numbers: the numbers of saved segments by name.
            recorded: cut-offs as a run found them; without them those of `now` are computed over everybody.
            only: the definitions that each profile need be asked about, by key; None is all about each.
        """
        frame = Frame(now, self.evaluator.zone)
        compiled = _Functions(Asked(definitions, numbers, recorded), frame)
        return self._standings(compiled, now, keys, None, only)[0]

    def compared(
        self, asked: Asked, now: dt.datetime, keys: Sequence[int], told: Mapping[int, Told | None]
    ) -> tuple[list[Standing], dict[int, Held]]:
        """The standings of the given profiles beside what is recorded of them, and of other keys.

        What is compiled stays for the next call: for one thread at a time.

        Args:
            told: what is new of some of the profiles, by key: those of them who are recorded up to now are asked only
                about what that may change.
        """
        frame = Frame(now, self.evaluator.zone)
        if self._compiled is None or self._compiled.asked != asked:
            self._compiled = _Functions(asked, frame)
        else:
            self._compiled.conditions.move(frame)
        return self._standings(self._compiled, now, keys, told)

    def _standings(
        self,
        compiled: _Functions,
        now: dt.datetime,
        keys: Sequence[int],
        told: Mapping[int, Told | None] | None,
        only: Mapping[int, Collection[int]] | None = None,
    ) -> tuple[list[Standing], dict[int, Held]]:
        asked = compiled.asked
        at = Frame(now, self.evaluator.zone).now_us
        facts = read(self._warehouse, compiled.conditions, at, keys, held=told is not None)
        everything = compiled.everything()
        found = {}
        for person in facts.people or ():
            some = everything if only is None else compiled.chosen(only.get(person.key, ()))
            new = told.get(person.key) if told is not None else None
            held = facts.held.get(person.key)
            # Of somebody who is recorded up to now only what was told may change something.
            if new is not None and held is not None and held.due > at:
                some = compiled.woken_by(new)
            found[person.key] = _standing(person, some, at)
        planned = asked.definitions if facts.people is None else compiled.planned
        if planned:
            for standing in self._planned(planned, now, asked, keys):
                found[standing.key] = _joined(found.get(standing.key), standing)
        return [found[key] for key in sorted(found)], facts.held

    def _planned(
        self,
        definitions: Mapping[int, Definition],
        now: dt.datetime,
        asked: Asked,
        keys: Sequence[int],
    ) -> Iterator[Standing]:
        plan, compiled = self.evaluator.plan(
            list(definitions.values()),
            now,
            numbers=asked.numbers,
            scope=Keys(tuple(keys)),
            recorded=asked.recorded,
        )
        query = plan.evaluation(dict(zip(definitions, compiled, strict=True)))
        for key, id_, held, due_at in self._warehouse.query(query.sql, query.parameters):
            yield Standing(key, id_, tuple(held), due_at)


def _standing(person: Person, some: _Some, now: int) -> Standing:
    held = tuple(number for number, holds in some.tests if holds(person))
    first = person.future_at
    for due in some.dues:
        at = due(person)
        if at is not None and at > now and (first is None or at < first):
            first = at
    due_at = NEVER if first is None else min(instant_of(first), NEVER)
    return Standing(person.key, person.id, held, due_at, some.asked)


def _joined(one: Standing | None, other: Standing) -> Standing:
    if one is None:
        return other
    return Standing(one.key, one.id, (*one.segments, *other.segments), min(one.due_at, other.due_at), one.asked)
