"""Which segments a few given profiles are in, and when each is due: directly where possible, else by the plan.

Step of the path: segment. Reads the warehouse: with one small query the rows of these profiles, however many segments
are asked about; writes nothing. Definitions that need the engine go through a plan with the same scope.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from ethogram.model.segment import Definition, Entity
from ethogram.segment.compiler import Context, CutOff
from ethogram.segment.direct.comparisons import NotDirect
from ethogram.segment.direct.conditions import Compiled, Conditions, Told, Wakes
from ethogram.segment.direct.facts import Person
from ethogram.segment.evaluate import Evaluator, Recorded, name_of
from ethogram.segment.plan import Keys
from ethogram.segment.sql import instant_of, micros
from ethogram.segment.windows import Frame
from ethogram.store.schema import HERE, NEVER
from ethogram.store.warehouse import Warehouse

# Beyond so many rows the engine reads faster than they travel here.
MOST_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Standing:
    """The numbers of the segments that a profile is in, and the next instant at which that may change by itself."""

    key: int
    id: str
    segments: tuple[int, ...]
    due_at: dt.datetime
    asked: frozenset[int] | None = None  # the segments that were asked about; None is all


_Asked = tuple[Mapping[int, tuple[Compiled, Wakes]], "frozenset[int] | None"]


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

    def standings(
        self,
        definitions: Mapping[int, Definition],
        now: dt.datetime,
        *,
        numbers: Mapping[str, int],
        keys: Sequence[int],
        recorded: Recorded | None = None,
        told: Mapping[int, Told] | None = None,
    ) -> list[Standing]:
        """The standing of each given profile that is known at `now`, in order of key.

        Args:
            definitions: expanded definitions over profiles, by the number that stands for each.
            numbers: the numbers of saved segments by name.
            recorded: cut-offs as a run found them; without them those of `now` are computed over everybody.
            told: what is new of some of the profiles, by key: they are asked only about what that may change.
        """
        frame = Frame(now, self.evaluator.zone)
        conditions = Conditions(Context(frame, Entity.PROFILE, numbers, _Recorded(recorded or {})))
        direct: dict[int, tuple[Compiled, Wakes]] = {}
        for number, definition in definitions.items():
            try:
                direct[number] = conditions.woken(definition)
            except NotDirect:
                continue
        people = self._people(conditions, now, keys)
        if people is None:
            direct = {}
        planned = {number: definition for number, definition in definitions.items() if number not in direct}
        always = frozenset(planned)
        found = {}
        woken: dict[tuple[frozenset[str], bool], _Asked] = {}  # few different things happen to many people
        for person in people or ():
            asked: _Asked = (direct, None)
            if told is not None and person.key in told:
                new = told[person.key]
                what = (frozenset(new.events), new.traits)
                if what not in woken:
                    some = {number: each for number, each in direct.items() if each[1].by(new)}
                    woken[what] = (some, always.union(some))
                asked = woken[what]
            found[person.key] = _standing(person, asked[0], frame, asked[1])
        if planned or people is None:
            for standing in self._planned(planned, now, numbers, keys, recorded):
                found[standing.key] = _joined(found.get(standing.key), standing)
        return [found[key] for key in sorted(found)]

    def keys(self, ids: Sequence[str]) -> dict[str, int]:
        """The keys of profile ids, known or not."""
        return self.evaluator.keys(ids)

    def _planned(
        self,
        definitions: Mapping[int, Definition],
        now: dt.datetime,
        numbers: Mapping[str, int],
        keys: Sequence[int],
        recorded: Recorded | None,
    ) -> Iterator[Standing]:
        plan, compiled = self.evaluator.plan(
            list(definitions.values()), now, numbers=numbers, scope=Keys(tuple(keys)), recorded=recorded
        )
        query = plan.evaluation(dict(zip(definitions, compiled, strict=True)))
        for key, id_, held, due_at in self._warehouse.query(query.sql, query.parameters):
            yield Standing(key, id_, tuple(held), due_at)

    # --- facts ----------------------------------------------------------------------------------------------

    def _people(self, conditions: Conditions, now: dt.datetime, keys: Sequence[int]) -> list[Person] | None:
        """The known profiles with what the conditions look at; None where that is too much to bring here."""
        rows = self._warehouse.arrow(
            _facts_sql(conditions),
            {
                "keys": sorted(keys),
                "now": micros(now),
                "events": sorted(conditions.measures.events),
                "segments": sorted(conditions.segments),
            },
        )
        if rows.num_rows > MOST_ROWS:
            return None
        return _sorted_out(rows, micros(now))


def _sorted_out(rows: pa.Table, now: int) -> list[Person]:
    people: dict[int, Person] = {}
    events: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
    traits: dict[int, list[tuple[int, str, list[str]]]] = defaultdict(list)
    changes: dict[int, list[tuple[int, int, int, bool]]] = defaultdict(list)
    future: dict[int, int] = {}
    numbers = [rows[name].to_numpy().tolist() for name in ("key", "at")]
    texts = [rows[name].to_pylist() for name in ("kind", "name", "text")]
    for key, at, kind, name, text in zip(*numbers, *texts, strict=True):
        if at > now and kind != "person":
            future[key] = min(at, future.get(key, at))
            continue
        match kind:
            case "event":
                events[key].append((at, name, text))
            case "traits":
                traits[key].append((at, text, _names(name)))
            case "person":
                people[key] = Person(key, name)
            case _:
                version, segment = text.split()
                changes[key].append((at, int(version), int(segment), name == "entered"))
    for key, person in people.items():
        person.add_events(events[key])
        person.add_traits(traits[key])
        person.add_changes(changes[key])
        person.future_at = future.get(key)
    return list(people.values())


_names = msgspec.json.Decoder(list[str]).decode


def _facts_sql(conditions: Conditions) -> str:
    """One query for all facts of the scope, later ones too: kind, key, instant, name, text."""
    measures = conditions.measures
    keys, now = "IN {keys:Array(UInt64)}", "fromUnixTimestamp64Micro({now:Int64}, 'UTC')"
    known = f"FROM profiles WHERE profile {keys} GROUP BY profile HAVING min(known_at) <= {now} AND {HERE}"
    # The first of a union names its columns.
    columns = "profile AS key, toInt64(0) AS at, any(profile_id) AS name, '' AS text"
    parts = [f"SELECT 'person' AS kind, {columns} {known}"]
    if measures.any_event or measures.events:
        named = "" if measures.any_event else " AND event IN {events:Array(String)}"
        text = "properties_text" if measures.needs_properties else "'{}'"
        parts.append(
            f"SELECT 'event', profile, toUnixTimestamp64Micro(ts), toString(event), {text} FROM events "
            f"WHERE profile {keys} {named} LIMIT {MOST_ROWS + 1}"
        )
    if conditions.needs_traits:
        parts.append(
            f"SELECT 'traits', profile, toUnixTimestamp64Micro(ts), toJSONString(unset), traits_text "
            f"FROM profile_traits WHERE profile {keys}"
        )
    if conditions.segments:
        parts.append(
            "SELECT 'change', key, toUnixTimestamp64Micro(at), toString(change), "
            "concat(toString(version), ' ', toString(segment)) "
            f"FROM membership_changes WHERE key {keys} AND segment IN {{segments:Array(UInt32)}}"
        )
    return "\nUNION ALL ".join(f"({part})" for part in parts)


def _standing(
    person: Person, compiled: Mapping[int, tuple[Compiled, Wakes]], frame: Frame, asked: frozenset[int] | None
) -> Standing:
    held = tuple(number for number, (each, _) in compiled.items() if each.holds(person))
    dues = (due(person) for each, _ in compiled.values() for due in each.dues)
    return Standing(person.key, person.id, held, _earliest([person.future_at, *dues], frame.now_us), asked)


def _earliest(dues: Iterable[int | None], now: int) -> dt.datetime:
    first = min((due for due in dues if due is not None and due > now), default=None)
    return NEVER if first is None else min(instant_of(first), NEVER)


def _joined(one: Standing | None, other: Standing) -> Standing:
    if one is None:
        return other
    return Standing(one.key, one.id, (*one.segments, *other.segments), min(one.due_at, other.due_at), one.asked)
