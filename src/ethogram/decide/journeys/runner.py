"""The runner: everything that happened and every run that is due moves people on, in sets, each once.

Step of the path: decide. Reads what happened since it last looked (stored events, changes of membership, moves of
ids), definitions and runs; asks about people through callables, for all of a set at once; writes runs, what they want,
and how far it has looked in one transaction. Killed anywhere, the next one finds either everything of a set or nothing;
two beside each other write nothing twice. It never looks at a clock.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from ethogram.decide.campaigns.launching import Page, Put, Traits, zone_of
from ethogram.decide.following import Interested, Looking, concerned
from ethogram.decide.journeys.advance import Advanced, Facts, Needs, advance
from ethogram.decide.journeys.calendar import entries
from ethogram.decide.journeys.entry import OLD, Followed, Open, Under, follow, let_in, numbered, refusal, started
from ethogram.model.campaign import SendAt
from ethogram.model.catalog import KIND as CATALOG
from ethogram.model.catalog import Catalog
from ethogram.model.item_signal import ItemSignal
from ethogram.model.journey.graph import KIND, Journey
from ethogram.model.journey.parts import APART, CallEntry, DateEntry, Delay, EventSignal, Send, Signal, Split
from ethogram.model.journey.runs import EventHappened, Happened, Passed, Run, RunState, SegmentHappened
from ethogram.model.message import Wanted
from ethogram.model.segment import Definition
from ethogram.segment.syntax import path_text
from ethogram.store import catalogs, changes, definitions, identities, journey_runs, journeys
from ethogram.store.journey_runs import Moved, Tally
from ethogram.store.journeys import CHANGES, EVENTS, ITEMS, MOVES, JourneyState, Standing

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ethogram.store.arrivals import Arrived
    from ethogram.store.database import Database

_PORTION = 2_000  # runs that are moved, or things that happened, in one transaction
_PORTIONS = 10  # of what happened, before those who are due have their turn
_LEASE = dt.timedelta(minutes=2)
_AHEAD = dt.timedelta(hours=1)  # dates let people in so far ahead of time
_Result = TypeVar("_Result", Advanced, Followed, bool)
_Key = TypeVar("_Key")

# Of whom conditions hold at an instant, each asked of some people.
Answers = Callable[[Mapping[Definition, Sequence[str]], dt.datetime], Mapping[Definition, Collection[str]]]


class Arrivals(Protocol):
    """Newly stored events, as `ethogram.store.arrivals.Arrivals` reads them."""

    def last(self) -> int:
        """The place of the newest stored batch."""

    def after(self, batch: int, names: Collection[str], since: dt.datetime, most: int) -> Arrived:
        """The events of these names in the next batches."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How the runner learns about people.

    Attributes:
        answers: of whom conditions hold.
        traits: what is known of some.
        page: whom a text describes, over everybody: for dates in traits.
        needed: the traits that eligibility asks for, beside those that steps look at.
        best_at: for people and an instant, when within the day after it each is best reached.
        interested: who did something about items; None lets nobody in by changes of catalogues.
    """

    answers: Answers
    traits: Traits
    page: Page
    needed: Sequence[str] = ()
    best_at: Callable[[Sequence[str], dt.datetime], Mapping[str, dt.datetime]] = lambda _ids, _at: {}
    interested: Interested | None = None


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one look did; `more` says that there was more to do."""

    started: int = 0
    moved: int = 0
    wanted: int = 0
    more: bool = False

    def plus(self, other: Ticked) -> Ticked:
        """Both together."""
        return Ticked(
            self.started + other.started,
            self.moved + other.moved,
            self.wanted + other.wanted,
            self.more or other.more,
        )


class _Outrun(Exception):  # noqa: N818 - a way out of a transaction, not an error
    """Somebody else has written down what this was decided by."""


def _demand(still: bool) -> None:  # noqa: FBT001  # it is the question
    """Leaves the transaction unless what was decided by is still so."""
    if not still:
        raise _Outrun


def _nothing(_point: str) -> None:
    """The default of `at_point`: tests put a fault there."""


@dataclass(slots=True)
class _Known:
    """The journeys as they are saved now.

    Attributes:
        opened: those that people may enter, by name.
        standings: what each does.
        versions: those that people enter or are in.
    """

    opened: dict[str, Open] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    versions: dict[tuple[str, int], Journey] = field(default_factory=dict)

    def signals(self) -> Iterator[Signal]:
        """Everything that may move somebody."""
        for each in self.opened.values():
            if not isinstance(each.journey.entry, APART):
                yield each.journey.entry
        for journey in self.versions.values():
            yield from journey.signals()

    def stopped(self, name: str) -> bool:
        """Whether nobody moves in a journey."""
        found = self.standings.get(name)
        return found is not None and found.state is JourneyState.STOPPED


class Runner:
    """Moves people through the journeys of one workspace.

    Args:
        zone: the workspace's, for people whose own is not known.
        put: judges and writes down what is wanted, in the runner's transaction.
        at_point: called at each instant after which a killed process is found in another state.
    """

    def __init__(
        self,
        database: Database,
        zone: ZoneInfo,
        arrivals: Arrivals,
        asking: Asking,
        put: Put,
        at_point: Callable[[str], None] = _nothing,
    ) -> None:
        self._database = database
        self._zone = zone
        self._arrivals = arrivals
        self._asking = asking
        self._put = put
        self._at_point = at_point
        self._read: dict[tuple[str, int], Journey] = {}

    def tick(self, now: dt.datetime) -> Ticked:
        """Takes in what happened, and moves some of those who are due.

        What happened comes first: who has bought meanwhile is not reminded.
        """
        known = self._known()
        done = self._follow_moves(now)
        for source in (self._changes, self._events):
            for _ in range(_PORTIONS):
                found = source(known, now)
                done = done.plus(replace(found, more=False))
                if not found.more:
                    break
            else:
                done = replace(done, more=True)
        return done.plus(self._items(known, now)).plus(self._dates(known, now)).plus(self._due(now))

    def call(
        self, name: str, people: Sequence[tuple[str, Mapping[str, Any]]], key: str, now: dt.datetime
    ) -> tuple[int, int]:
        """How many people a call lets in, and how many it does not; the same key lets the same people in once.

        Args:
            people: profile ids, each with what the run knows of what started it.
        """
        opened = self._known().opened.get(name)
        if opened is None or not isinstance(opened.journey.entry, CallEntry):
            return 0, len(people)
        count = self._enter(opened, [(id_, f"call:{key}", now, data) for id_, data in people], now)
        return count, len(people) - count

    # --- journeys as they are saved ---

    def _known(self) -> _Known:
        known = _Known()
        with self._database.reading() as connection:
            for standing in journeys.standings(connection):
                known.standings[standing.name] = standing
                if standing.state is JourneyState.ACTIVE and standing.started_at is not None:
                    journey = self._journey(connection, standing.name, standing.version)
                    known.opened[standing.name] = Open(journey, standing.version, standing.started_at)
                    known.versions[standing.name, standing.version] = journey
            for name, version in journeys.in_use(connection):
                known.versions[name, version] = self._journey(connection, name, version)
        return known

    def _journey(self, connection: sa.Connection, name: str, version: int) -> Journey:
        key = (name, version)
        if key not in self._read:
            saved = definitions.find(connection, KIND, name, version)
            assert saved is not None, "a version that people enter or are in is kept"
            self._read[key] = Journey.from_body(name, saved.body)
        return self._read[key]

    # --- what happened ---

    def _follow_moves(self, now: dt.datetime) -> Ticked:
        """Runs of ids that belong to another profile now go there."""
        with self._database.reading() as connection:
            before = journeys.mark(connection, MOVES)
        if before is None:
            with self._database.writing() as connection:
                journeys.move_mark(connection, MOVES, None, identities.last_done(self._database))
            return Ticked()
        moves = identities.done_after(self._database, before, _PORTION)
        if moves:
            with self._database.writing() as connection:
                if journeys.move_mark(connection, MOVES, before, moves[-1].id):
                    journey_runs.follow_moves(connection, [(move.source, move.target) for move in moves], now)
        return Ticked(more=len(moves) == _PORTION)

    def _changes(self, known: _Known, now: dt.datetime) -> Ticked:
        with self._database.reading() as connection:
            before = journeys.mark(connection, CHANGES)
        if before is None:
            with self._database.writing() as connection:
                journeys.move_mark(connection, CHANGES, None, changes.last(self._database))
            return Ticked()
        found = changes.after(self._database, before, limit=_PORTION)
        if not found:
            return Ticked()
        # What an edit of a segment changes is told in sum: it lets nobody in, as that would be everybody at once.
        happened = [
            SegmentHappened(f"change:{each.id}", each.profile_id, each.at, each.name, each.entered)
            for each in found
            if each.profile_id and each.entity == "profile"
        ]
        wanted = {signal for signal in known.signals() if not isinstance(signal, EventSignal)}
        names = {signal.segment for signal in wanted}
        happened = [each for each in happened if each.segment in names]
        done = self._tell(known, happened, (CHANGES, before, found[-1].id), now)
        return replace(done, more=done.more or len(found) == _PORTION)

    def _events(self, known: _Known, now: dt.datetime) -> Ticked:
        with self._database.reading() as connection:
            before = journeys.mark(connection, EVENTS)
        if before is None:
            with self._database.writing() as connection:
                journeys.move_mark(connection, EVENTS, None, self._arrivals.last())
            return Ticked()
        names = {signal.event for signal in known.signals() if isinstance(signal, EventSignal)}
        arrived = self._arrivals.after(before, names, now - OLD, _PORTION)
        if arrived.batch == before:
            return Ticked()
        happened = [
            EventHappened(each.id, each.profile_id, each.at, each.event, each.properties) for each in arrived.events
        ]
        done = self._tell(known, happened, (EVENTS, before, arrived.batch), now)
        return replace(done, more=done.more or arrived.batch < self._arrivals.last())

    def _tell(
        self, known: _Known, happened: Sequence[Happened], mark: tuple[str, int, int], now: dt.datetime
    ) -> Ticked:
        """Takes in what happened to some people, and moves the mark behind it."""
        by_person: defaultdict[str, list[Happened]] = defaultdict(list)
        for each in happened:
            by_person[each.profile_id].append(each)
        followed, traits = self._followed(known, by_person, now) if by_person else ({}, {})
        self._at_point("decided")
        try:
            with self._database.writing() as connection:
                _demand(journeys.move_mark(connection, *mark))
                done = self._keep(connection, followed, traits, now)
                self._at_point("keeping")
        except _Outrun:
            return Ticked(more=True)
        self._at_point("kept")
        return done

    def _followed(
        self, known: _Known, by_person: Mapping[str, Sequence[Happened]], now: dt.datetime
    ) -> tuple[dict[str, Followed], Mapping[str, Mapping[str, Any]]]:
        opened = [each for each in known.opened.values() if not isinstance(each.journey.entry, APART)]
        with self._database.reading() as connection:
            runs: defaultdict[str, list[Under]] = defaultdict(list)
            for run in journey_runs.active_of(connection, by_person):
                journey = self._journey(connection, run.journey, run.version)
                runs[run.profile_id].append(Under(journey, run, known.stopped(run.journey)))
            counted = journey_runs.tallies(connection, [each.journey.name for each in opened], by_person, now)
        tallies: defaultdict[str, dict[str, Tally]] = defaultdict(dict)
        for (name, id_), tally in counted.items():
            tallies[id_][name] = tally
        concerned = [*(each.journey for each in opened), *(under.journey for each in runs.values() for under in each)]
        traits = self._traits(list(by_person), concerned, now)

        def job(id_: str) -> Callable[[Facts], Followed | Needs]:
            return lambda facts: follow(opened, runs[id_], by_person[id_], tallies[id_], now, facts)

        best = self._best(list(by_person), concerned, now)
        return self._resolved({id_: (id_, job(id_)) for id_ in by_person}, traits, now, best), traits

    def _keep(
        self,
        connection: sa.Connection,
        followed: Mapping[str, Followed],
        traits: Mapping[str, Mapping[str, Any]],
        now: dt.datetime,
    ) -> Ticked:
        """Writes down what became of people's runs; all of it, or `_Outrun`."""
        moved = [each for one in followed.values() for each in one.moved]
        _demand(len(self._write(connection, moved, traits, now)[0]) == len(moved))
        beginning = {each.run.id: each for one in followed.values() for each in one.started}
        looked = {(name, id_): tally for id_, one in followed.items() for name, tally in one.tallies.items()}
        if looked:
            names, ids = {name for name, _ in looked}, {id_ for _, id_ in looked}
            counted = journey_runs.tallies(connection, names, ids, now)
            _demand(all(counted.get(pair, Tally()) == tally for pair, tally in looked.items()))
        # A run begins as it was before its first step, and is moved from there.
        numbers = journey_runs.start(connection, [_at_first(each.run) for each in beginning.values()])
        new = [numbered(each, numbers[id_]) for id_, each in beginning.items() if id_ in numbers]
        wanted = self._write(connection, new, traits, now)[1]
        refused: Counter[str] = Counter()
        for one in followed.values():
            refused.update(one.refused)
        journeys.count_refused(connection, refused)
        return Ticked(len(new), len(moved), wanted + sum(len(each.wanted) for each in moved))

    # --- changes of catalogues, dates and calls ---

    def _items(self, known: _Known, now: dt.datetime) -> Ticked:
        """Lets in whom changes of items concern; killed before the mark moves, it finds the same people again."""
        if self._asking.interested is None:
            return Ticked()
        with self._database.reading() as connection:
            before = journeys.mark(connection, ITEMS)
        if before is None:
            with self._database.writing() as connection:
                journeys.move_mark(connection, ITEMS, None, catalogs.newest_change(self._database))
            return Ticked()
        found = catalogs.changes(self._database, after=before, limit=_PORTION)
        if not found:
            return Ticked()
        looking = Looking(self._asking.interested, self._asking.traits)
        count = 0
        for opened in known.opened.values():
            entry = opened.journey.entry
            if not isinstance(entry, ItemSignal):
                continue
            with self._database.reading() as connection:
                catalog = definitions.find(connection, CATALOG, entry.catalog)
            if catalog is None:
                continue
            since = max(opened.since, now - OLD)
            recent = [each for each in found if each.at >= since]
            stock = Catalog.from_body(entry.catalog, catalog.body).stock
            people = concerned(entry, stock, recent, looking)
            for place in range(0, len(people), _PORTION):
                some = people[place : place + _PORTION]
                entering = [(each.profile_id, f"item:{each.change}", min(each.at, now), each.data) for each in some]
                count += self._enter(opened, entering, now)
                self._at_point("entered")
        self._at_point("items")
        with self._database.writing() as connection:
            journeys.move_mark(connection, ITEMS, before, found[-1].number)
        return Ticked(started=count, more=len(found) == _PORTION)

    def _dates(self, known: _Known, now: dt.datetime) -> Ticked:
        """Starts the runs that dates in traits let in within the next hour; each waits for its instant."""
        done = Ticked()
        for opened in known.opened.values():
            entry, standing = opened.journey.entry, known.standings[opened.journey.name]
            before = standing.dated_until
            if not isinstance(entry, DateEntry) or (before is not None and before > now):
                continue
            after, until = max(before or opened.since, opened.since, now - OLD), now + _AHEAD
            last: str | None = None
            while page := list(self._asking.page(_near(entry, after, until), now, last, _PORTION)):
                last = page[-1]
                traits = self._asking.traits(page, [entry.trait, "timezone"], now)
                entering = [
                    (id_, f"date:{day}", at, {"date": day, "trait": entry.trait})
                    for id_ in page
                    for day, at in entries(
                        entry, traits.get(id_, {}), zone_of(traits.get(id_, {}), self._zone), after, until
                    )
                ]
                done = done.plus(Ticked(started=self._enter(opened, entering, now)))
            self._at_point("dated")
            with self._database.writing() as connection:
                journeys.dated(connection, opened.journey.name, before, until)
        return done

    def _enter(
        self, opened: Open, entering: Sequence[tuple[str, str, dt.datetime, Mapping[str, Any]]], now: dt.datetime
    ) -> int:
        """How many runs it started, of those who may enter: profile ids, causes, instants and what started it."""
        journey = opened.journey
        runs = {run.id: run for run in (started(opened, *each) for each in entering)}

        def job(run: Run) -> Callable[[Facts], bool | Needs]:
            return lambda facts: let_in(journey, run, facts.answers)

        lets_in = self._resolved({id_: (run.profile_id, job(run)) for id_, run in runs.items()}, {}, now)
        count = 0
        refused = 0
        with self._database.writing() as connection:
            known = journey_runs.known(connection, runs)
            chosen = [run for id_, run in runs.items() if lets_in[id_] and id_ not in known]
            ids = {run.profile_id for run in chosen}
            tallies = journey_runs.tallies(connection, [journey.name], ids, now)
            busy = {run.profile_id for run in journey_runs.active_of(connection, ids) if run.journey == journey.name}
            new = []
            for run in chosen:
                pair = (journey.name, run.profile_id)
                tally = tallies.get(pair, Tally())
                if refusal(journey, tally, run.started_at, busy=run.profile_id in busy) is not None:
                    refused += 1
                    continue
                new.append(run)
                busy.add(run.profile_id)
                tallies[pair] = Tally(tally.runs + 1, tally.today + 1, run.started_at)
            count = len(journey_runs.start(connection, new))
            journeys.count_refused(connection, {journey.name: refused} if refused else {})
        return count

    # --- time ---

    def _due(self, now: dt.datetime) -> Ticked:
        with self._database.reading() as connection:
            if not journey_runs.are_due(connection, now):
                return Ticked()  # without waiting for whoever writes
        with self._database.writing() as connection:
            runs = journey_runs.claim(connection, now, _LEASE, most=_PORTION)
        if not runs:
            return Ticked()
        self._at_point("claimed")
        with self._database.reading() as connection:
            under = {run.number: self._journey(connection, run.journey, run.version) for run in runs}
        by_number = {run.number: run for run in runs}
        people = list(dict.fromkeys(run.profile_id for run in runs))
        traits = self._traits(people, under.values(), now)

        def job(run: Run) -> Callable[[Facts], Advanced | Needs]:
            return lambda facts: advance(under[run.number], run, (), now, facts)

        best = self._best(people, under.values(), now)
        advanced = self._resolved(
            {number: (run.profile_id, job(run)) for number, run in by_number.items()}, traits, now, best
        )
        self._at_point("decided")
        with self._database.writing() as connection:
            written, wanted = self._write(connection, list(advanced.values()), traits, now)
            self._at_point("keeping")
        self._at_point("kept")
        return Ticked(moved=len(written), wanted=wanted, more=len(runs) == _PORTION)

    def _write(
        self,
        connection: sa.Connection,
        advanced: Sequence[Advanced],
        traits: Mapping[str, Mapping[str, Any]],
        now: dt.datetime,
    ) -> tuple[set[int], int]:
        """The runs that were written down, with what they want, and how many messages that is."""
        moved = [
            Moved(
                each.run,
                each.passed,
                each.changes,
                each.cancels,
                "waited" in each.run.data,
                self._splits(connection, each),
            )
            for each in advanced
        ]
        written = journey_runs.finish(connection, moved, now)
        wanted: list[tuple[Wanted, bool]] = [
            (message, each.run.held_out) for each in advanced if each.run.number in written for message in each.wanted
        ]
        if wanted:
            self._put(connection, wanted, traits, now)
        return written, len(wanted)

    def _splits(self, connection: sa.Connection, advanced: Advanced) -> list[Passed]:
        """The steps that somebody passed by chance."""
        if not advanced.passed:
            return []
        journey = self._journey(connection, advanced.run.journey, advanced.run.version)
        return [each for each in advanced.passed if isinstance(journey.step(each.step), Split)]

    # --- asking about people ---

    def _traits(
        self, ids: Sequence[str], concerned: Collection[Journey], now: dt.datetime
    ) -> Mapping[str, Mapping[str, Any]]:
        dated = {
            step.date.name
            for journey in {journey.name: journey for journey in concerned}.values()
            for step in journey.steps
            if isinstance(step, Delay) and step.date is not None and step.date.source == "trait"
        }
        names = dict.fromkeys([*self._asking.needed, "timezone", *sorted(dated)])
        return self._asking.traits(ids, list(names), now)

    def _best(self, ids: Sequence[str], concerned: Collection[Journey], now: dt.datetime) -> Mapping[str, dt.datetime]:
        """When each person is best reached, where a message of these journeys asks for it."""
        asks = any(
            isinstance(step, Send) and step.send_at is SendAt.BEST
            for journey in {(journey.name, id(journey)): journey for journey in concerned}.values()
            for step in journey.steps
        )
        return self._asking.best_at(ids, now) if asks else {}

    def _resolved(
        self,
        jobs: Mapping[_Key, tuple[str, Callable[[Facts], _Result | Needs]]],
        traits: Mapping[str, Mapping[str, Any]],
        now: dt.datetime,
        best: Mapping[str, dt.datetime] | None = None,
    ) -> dict[_Key, _Result]:
        """The results of jobs about people; what they must know first is asked about all of them at once."""
        hours = best or {}
        answers: defaultdict[str, dict[Definition, bool]] = defaultdict(dict)
        done: dict[_Key, _Result] = {}
        left = dict(jobs)
        while left:
            asked: defaultdict[Definition, list[str]] = defaultdict(list)
            for key, (id_, job) in list(left.items()):
                result = job(Facts(self._zone, traits.get(id_, {}), answers[id_], hours.get(id_)))
                if isinstance(result, Needs):
                    for condition in result.conditions:
                        asked[condition].append(id_)
                else:
                    done[key] = result
                    del left[key]
            if asked:
                found = self._asking.answers(asked, now)
                for condition, ids in asked.items():
                    holds = set(found.get(condition, ()))
                    for id_ in ids:
                        answers[id_][condition] = id_ in holds
        return {key: done[key] for key in jobs}


def _at_first(run: Run) -> Run:
    """A run as it began; where it is now is written over it."""
    return replace(run, state=RunState.ACTIVE, due_at=run.started_at, resting=False)


def _near(entry: DateEntry, after: dt.datetime, until: dt.datetime) -> str:
    """A text that describes at least all whom a date lets in between two instants, wherever they are."""
    trait = path_text(entry.trait)
    days = dt.timedelta(days=2)
    first, last = after - entry.shift - days, until - entry.shift + days
    if not entry.yearly:
        return f"{trait} between {first.date().isoformat()} and {last.date().isoformat()}"
    # Anniversaries are said from now on, not between dates: so far ahead, or so far back.
    ahead, back = max((last - until).days + 1, 1), max((until - first).days + 1, 1)
    if ahead >= 364 or back >= 364:
        return f"{trait} exists"
    return f"anniversary({trait}) in next {ahead} days or anniversary({trait}) in last {back} days"
