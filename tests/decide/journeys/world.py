"""A small world in manual time: people do things, time passes, and journeys say what they want sent.

Conditions are answered by the product's own functions over the people of this world, so a scenario means what it would
mean in a workspace; the ledger is a real one.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ethogram.decide.journeys.matching import checks
from ethogram.decide.journeys.runner import Asking, Runner, Ticked
from ethogram.measure.usual_hours import next_at
from ethogram.model.item_signal import Seen
from ethogram.model.journey.graph import KIND, Journey
from ethogram.model.journey.runs import Run
from ethogram.model.message import Eligible, HeldOut, State, Wanted
from ethogram.model.segment import Definition
from ethogram.segment.compiler import Context
from ethogram.segment.direct.conditions import Conditions
from ethogram.segment.direct.facts import Person
from ethogram.segment.parser import parse
from ethogram.segment.rewrites import expand
from ethogram.segment.sql import micros
from ethogram.segment.windows import Frame
from ethogram.store import catalogs, changes, definitions, journey_reading, journey_runs, journeys, outbox, tables
from ethogram.store.arrivals import Arrival, Arrived
from ethogram.store.changes import Draft
from ethogram.store.database import Database
from ethogram.store.journeys import JourneyState
from ethogram.store.ledger import Ledger
from ethogram.store.segments import SegmentDraft

UTC = ZoneInfo("UTC")


@dataclass
class World:
    """People, what they did, and the journeys that follow them."""

    path: Path
    now: dt.datetime
    zone: ZoneInfo = UTC
    done: list[Arrival] = field(default_factory=list)
    traits: dict[str, dict[str, Any]] = field(default_factory=dict)
    hours: dict[str, int] = field(default_factory=dict)  # at which people usually are active
    asked: list[tuple[int, int]] = field(default_factory=list)  # per question: conditions, people
    at_point: Callable[[str], None] = lambda _point: None
    sends: bool = True  # whatever is due in the outbox
    most: dt.timedelta = dt.timedelta(hours=1)  # after which the runner looks at the latest

    def __post_init__(self) -> None:
        self.ledger = Ledger(f"sqlite:///{self.path}")
        self.batches = len(self.done)
        self.runner = self.another()
        self.runner.tick(self.now)  # from here on it follows

    @property
    def database(self) -> Database:
        return self.ledger.database

    def another(self) -> Runner:
        """A runner beside the world's own."""
        asking = Asking(self._answers, self._traits, self._page, interested=self._interested, best_at=self._best_at)
        return Runner(self.database, self.zone, self, asking, self._put, self._passes)

    # --- what a scenario does ---

    def save(self, name: str, body: Mapping[str, Any]) -> Journey:
        """A journey under way, in its newest version."""
        journey = Journey.from_body(name, body, checks=checks())
        with self.database.writing() as connection:
            saved = definitions.save(connection, KIND, name, journey.to_body(), self.now)
            journeys.change(connection, name, state=JourneyState.ACTIVE, version=saved.version, started_at=self.now)
        return journey

    def set(self, profile_id: str, **traits: Any) -> None:
        """Traits of somebody, from now on."""
        self.traits.setdefault(profile_id, {}).update(traits)

    def did(self, profile_id: str, event: str, *, at: dt.datetime | None = None, **properties: Any) -> str:
        """Somebody does something, and it is stored."""
        self.batches += 1
        id_ = f"m{self.batches}"
        self.done.append(Arrival(id_, profile_id, at or self.now, event, properties))
        return id_

    def item(self, id_: str, **fields: Any) -> None:
        """An item of the catalogue `products` changes."""
        with self.database.writing() as connection:
            if definitions.find(connection, "catalog", "products") is None:
                definitions.save(connection, "catalog", "products", {}, self.now)
            catalogs.patch(connection, "products", {id_: fields}, self.now)

    def segment(self, name: str, text: str) -> int:
        """A saved segment."""
        draft = SegmentDraft(name, text, {}, text)
        return self.ledger.save_segment(draft, self.now).number

    def crosses(self, profile_id: str, segment: int, *, entered: bool = True) -> None:
        """Somebody enters or leaves a segment."""
        with self.database.writing() as connection:
            changes.append(connection, [Draft(profile_id, segment, 1, entered, "event")], self.now)

    def tick(self) -> Ticked:
        """Everything that there is to do now."""
        done = following = self.runner.tick(self.now)
        while following.more:
            following = self.runner.tick(self.now)
            done = done.plus(following)
        if self.sends and done.wanted:
            messages = tables.messages
            due = (messages.c.state == State.WAITING) & (messages.c.due_at <= self.now)
            with self.database.writing() as connection:
                connection.execute(messages.update().where(due).values(state=State.SENT, finished_at=self.now))
        return done

    def wait(self, length: dt.timedelta, *, step: dt.timedelta = dt.timedelta(minutes=5)) -> None:
        """Time passes, and the runner looks whenever something is due, and now and then."""
        end = self.now + length
        self.tick()
        while self.now < end:
            with self.database.reading() as connection:
                due = journey_runs.next_due(connection)
            ahead = max(self.now + step, end if due is None else min(due, end))
            self.now = min(ahead, end, self.now + self.most)
            self.tick()

    # --- what a scenario looks at ---

    def messages(self, *ids: str) -> list[tuple[str, str, str]]:
        """Day and time in the workspace's zone, person and template of every message, in order."""
        rows = self._rows()
        return [
            (row.due_at.astimezone(self.zone).strftime("%m-%d %H:%M"), row.profile_id, row.template)
            for row in rows
            if row.state in ("waiting", "sent") and (not ids or row.profile_id in ids)
        ]

    def states(self) -> list[tuple[str, str, str]]:
        """Person, template and state of every message, in order of making."""
        return [(row.profile_id, row.template, row.state) for row in self._rows()]

    def _rows(self) -> list[Any]:
        with self.database.reading() as connection:
            return list(connection.execute(sa.select(tables.messages).order_by(tables.messages.c.number)))

    def runs(self, journey: str) -> list[Run]:
        """The journey's runs, oldest first."""
        with self.database.reading() as connection:
            return list(reversed(journey_reading.runs(connection, journey, limit=100_000)))

    def run(self, journey: str) -> Run:
        """The only run of a journey."""
        (found,) = self.runs(journey)
        return found

    def way(self, run: Run) -> list[tuple[str, str]]:
        """The steps that a run has left, and how."""
        with self.database.reading() as connection:
            return [(each.step, each.outcome) for each in journey_reading.history(connection, run.number)]

    # --- what the runner asks ---

    def last(self) -> int:
        return self.batches

    def after(self, batch: int, names: Collection[str], since: dt.datetime, most: int) -> Arrived:
        upto = min(self.batches, batch + most)
        fresh = self.done[batch - self.batches :] if batch < self.batches else []
        chosen = [each for each in fresh[:most] if each.event in names and each.at >= since]
        return Arrived(upto, tuple(chosen))

    def _passes(self, point: str) -> None:
        self.at_point(point)

    def _put(
        self,
        connection: sa.Connection,
        wanted: Sequence[tuple[Wanted, bool]],
        traits: Mapping[str, Mapping[str, Any]],
        now: dt.datetime,
    ) -> None:
        judged = [(each, HeldOut("of the journey") if held_out else Eligible()) for each, held_out in wanted]
        outbox.append(connection, judged, now)

    def _interested(self, seen: Seen, items: Collection[str], at: dt.datetime) -> list[tuple[str, str, dt.datetime]]:
        found: dict[tuple[str, str], dt.datetime] = {}
        for each in self.done:
            item = str(each.properties.get(seen.property))
            if each.event == seen.event and item in items and at - seen.within < each.at <= at:
                found[each.profile_id, item] = max(each.at, found.get((each.profile_id, item), each.at))
        return [(id_, item, latest) for (id_, item), latest in sorted(found.items())]

    def _best_at(self, ids: Sequence[str], at: dt.datetime) -> Mapping[str, dt.datetime]:
        return {id_: next_at(self.hours[id_], self.zone, at) for id_ in ids if id_ in self.hours}

    def _traits(self, ids: Sequence[str], names: Sequence[str], at: dt.datetime) -> Mapping[str, Mapping[str, Any]]:
        return {
            id_: {name: self.traits[id_][name] for name in names if name in self.traits[id_]}
            for id_ in ids
            if id_ in self.traits
        }

    def _answers(
        self, asked: Mapping[Definition, Sequence[str]], now: dt.datetime
    ) -> Mapping[Definition, Collection[str]]:
        self.asked.append((len(asked), len({id_ for ids in asked.values() for id_ in ids})))
        return {condition: [id_ for id_ in ids if self._holds(condition, id_, now)] for condition, ids in asked.items()}

    def _page(self, text: str, at: dt.datetime, after: str | None, limit: int) -> Sequence[str]:
        # Anniversaries need the engine; everybody who has traits is a superset, which is what is asked for.
        everybody = sorted({*self.traits, *(each.profile_id for each in self.done)})
        parse(text)
        return [id_ for id_ in everybody if after is None or id_ > after][:limit]

    def _holds(self, condition: Definition, id_: str, now: dt.datetime) -> bool:
        texts = {each.name: each for each in self.ledger.segments()}
        definition = expand(condition, lambda name: parse(str(texts[name].text)))
        conditions = Conditions(Context(Frame(now, self.zone)))
        return bool(conditions.definition(definition).holds(self._person(id_, now)))

    def _person(self, id_: str, now: dt.datetime) -> Person:
        person = Person(1, id_)
        mine = sorted(
            (each for each in self.done if each.profile_id == id_ and each.at <= now),
            key=lambda each: (each.event, each.at),
        )
        for place, each in enumerate(mine):
            first, _ = person.events.get(each.event, (place, place))
            person.events[each.event] = (first, place + 1)
        person.rows = ([micros(each.at) for each in mine], lambda a, b: [dict(each.properties) for each in mine[a:b]])
        person.add_traits([(0, json.dumps(self.traits.get(id_, {})), [])])
        return person
