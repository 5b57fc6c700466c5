"""The composition root: a workspace puts warehouse, ledger, language and engine together.

Knows every stage and does none of their work. The library, the command line and the server all come through here.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, TypedDict, Unpack
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from ethogram import config
from ethogram.clock import Clock, SystemClock
from ethogram.collect.load import Report, load
from ethogram.collect.mapping import MappingGuess, guess_mapping
from ethogram.config import Settings
from ethogram.definitions import AsOf, Reader, Segments
from ethogram.drafting import Drafts
from ethogram.errors import SegmentError, SettingError, UnknownNameError, WarehouseDamagedError
from ethogram.exploring import Explore
from ethogram.identities import Identities
from ethogram.measure import activity
from ethogram.measure.catalogue import catalogue
from ethogram.measure.doctor import examine
from ethogram.measure.lookup import Standing, standing
from ethogram.measure.outcomes import About, Fits, VariantOutcome
from ethogram.measure.outcomes import outcomes as outcomes_of
from ethogram.measure.profiles import event_names, profile_view, timeline
from ethogram.measure.search import search
from ethogram.measure.traits import traits_of
from ethogram.model.campaign import Conversion
from ethogram.model.results import (
    ActiveCount,
    Catalogue,
    DayCount,
    Explanation,
    Finding,
    FoundPerson,
    HistoryPoint,
    LoadSummary,
    Overlap,
    Preview,
    ProfileView,
    RunReport,
    SegmentVersion,
    Status,
    TimelineEvent,
    Why,
)
from ethogram.model.segment import Entity
from ethogram.model.verification import Difference, Verification
from ethogram.people import People
from ethogram.picturing import Pictures
from ethogram.rights import Rights
from ethogram.segment import history as recorded
from ethogram.segment.english import to_english
from ethogram.segment.evaluate import Evaluator, Found, Recorded, found_cutoffs
from ethogram.segment.explain import Explainer
from ethogram.segment.fill import Filler
from ethogram.segment.live import Live, Ticked
from ethogram.segment.printer import to_text
from ethogram.segment.run import Runner
from ethogram.segment.saved import SavedSegments
from ethogram.segment.scoped import Scoped
from ethogram.segment.templates import TEMPLATES, Refused, Template, Vocabulary, apply, guess, template
from ethogram.segment.verify import Caught, Verifier
from ethogram.store import changes as feed
from ethogram.store import identities, joining
from ethogram.store.ledger import Ledger, SavedSegment
from ethogram.store.loader import known_profiles, store_waiting
from ethogram.store.mover import Collected, Moved
from ethogram.store.rebuild import RebuildProgress, RebuildReport, rebuild
from ethogram.store.schema import COUNTS, EARLIEST
from ethogram.store.warehouse import Warehouse

Source = str | Path
Kind = Literal["events", "profiles", "accounts"]
_VOCABULARY = "vocabulary"
MembershipChange = feed.Change


class LoadOptions(TypedDict, total=False):
    """How files are read.

    Attributes:
        mapping: which column is `profile_id`, `event`, `timestamp`, `message_id`, `account_id`; every other column
            is a property (a trait). Left out, it is guessed (`guess_mapping` shows the guess).
        event: the name of every event, for files that have no column for it.
        timezone: IANA zone of timestamps that have none.
        format: `csv`, `jsonl` or `parquet`, where the file's name does not say.
        types: column → `text`, `number` or `boolean`, where the guess from the values is wrong.
        rejects: file for rows that cannot be taken.
        again: load a file that was loaded before once more, with another mapping.
        progress: is called now and then with how far the load is.
    """

    mapping: Mapping[str, str] | None
    event: str | None
    timezone: str | None
    format: str | None
    types: Mapping[str, str] | None
    rejects: Path | None
    again: bool
    progress: Report | None


@dataclass(frozen=True, slots=True)
class AppliedTemplate:
    """What became of a template: the saved segment, or the reason why it does not fit."""

    name: str
    segment: SegmentVersion | None
    reason: str | None


class Workspace:
    """A directory with events, profiles and segments, and everything one can ask of them.

    Open it with `ethogram.open`, make one with `ethogram.init`, and close it (or use `with`): an embedded warehouse
    belongs to one process at a time.

    Args:
        path: the workspace's directory, or its `file://` URL. A workspace whose stores are on servers is a directory
            too: its settings name their addresses.
        clock: tells the present; tests pass a `ManualClock`.
        even_damaged: open it although parts of the warehouse are broken, to look at it or to rebuild it.

    Raises:
        SettingError: the directory is no workspace.
        WarehouseDamagedError: parts of the warehouse are broken, so that every answer would be too small.
        WorkspaceBusyError: another process has it open; the message names it.
    """

    def __init__(self, path: Source, *, clock: Clock | None = None, even_damaged: bool = False) -> None:
        self.path = _directory(path)
        self.settings = config.read(self.path)
        # Held by whoever changes facts or membership: one writer at a time keeps every stage's state in step.
        self.exclusively = threading.RLock()
        self.clock = self._clock = clock or SystemClock()
        self._warehouse = Warehouse(self.settings.warehouse or f"chdb://{self.path / 'warehouse'}")
        try:
            self._ledger = Ledger(self.settings.ledger or f"sqlite:///{self.path / 'ledger.sqlite'}")
        except BaseException:
            self._warehouse.close()
            raise
        self._saved = SavedSegments(self._ledger)
        self._reader = Reader(self._warehouse, self._ledger, self._saved)
        self.damage = self._warehouse.damage()
        if self.damage and not even_damaged:
            self.close()
            raise WarehouseDamagedError(
                f"the warehouse of `{self.path}` is damaged, and every answer would be too small: "
                + "; ".join(self.damage),
                hint="`ethogram rebuild` restores it from the accepted batches.",
                damage=self.damage,
            )
        if not self.damage:
            # What a killed process had accepted is stored before anything is asked.
            joining.follow(self._warehouse, self._ledger.database, self._clock.now())
            store_waiting(self._warehouse, self._ledger, self.path, self._clock.now())
        self._assemble()
        self._collected = Collected(self._warehouse, self._ledger, self.path, self._clock)
        self.identities = Identities(self, warehouse=self._warehouse, database=self._ledger.database, clock=self._clock)
        self.segments = Segments(
            self,
            warehouse=self._warehouse,
            ledger=self._ledger,
            saved=self._saved,
            reader=self._reader,
            evaluator=lambda: self._evaluator,
            cutoffs_at=self._filler.cutoffs_at,
            fresh_cutoffs=lambda entity, now: self._filler.fresh_cutoffs(entity, now, self._refresh_after),
            clock=self._clock,
        )
        self.drafts = Drafts(
            self,
            warehouse=self._warehouse,
            ledger=self._ledger,
            saved=self._saved,
            reader=self._reader,
            evaluator=lambda: self._evaluator,
        )
        self.pictures = Pictures(self, warehouse=self._warehouse, ledger=self._ledger)
        self.people = People(
            warehouse=self._warehouse,
            saved=self._saved,
            identities=self.identities,
            evaluator=lambda: self._evaluator,
            scoped=lambda: self._scoped,
            cutoffs=lambda: self._cutoffs(Entity.PROFILE),
        )
        self.privacy = Rights(
            self,
            warehouse=self._warehouse,
            ledger=self._ledger,
            directory=self.path,
            clock=self._clock,
            settle=self._settle,
            look_again=self._look_again,
        )
        self.explore = Explore(warehouse=self._warehouse, saved=self._saved, evaluator=lambda: self._evaluator)

    def _assemble(self) -> None:
        """Puts the parts together that follow the settings' time zone."""
        self._evaluator = Evaluator(self._warehouse, self.settings.zone)
        self._scoped = Scoped(self._warehouse, self._evaluator)
        self._live = Live(self._warehouse, self._ledger, self._saved, self._scoped, self.path)
        self._filler = Filler(
            self._warehouse,
            self._ledger,
            self._saved,
            self._evaluator,
            self._live.touched_after,
            self._live.finish,
        )
        self._explainer = Explainer(self._warehouse, self._evaluator)
        self._runner = Runner(self._warehouse, self._ledger, self._saved, self._evaluator)
        self._verifier = Verifier(self._warehouse, self._ledger, self._saved, self._evaluator, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Workspace {self.path}>"

    def close(self) -> None:
        """Closes both stores; a second call does nothing."""
        self._ledger.close()
        self._warehouse.close()

    def now(self, as_of: AsOf = None) -> dt.datetime:
        """The instant that questions are asked at, aware and in UTC.

        Args:
            as_of: an instant, `latest` (that of the newest event), or None: what the workspace's setting `now` says.

        Raises:
            SettingError: an instant without a zone.
        """
        if isinstance(as_of, dt.datetime):
            if as_of.tzinfo is None:
                raise SettingError(
                    f"the instant {as_of.isoformat()} has no time zone", hint="Add one: `tzinfo=datetime.UTC`."
                )
            return as_of.astimezone(dt.UTC)
        if (as_of or self.settings.now) == config.LATEST:
            newest = self._warehouse.query("SELECT max(ts), count() FROM events")[0]
            if newest[1]:
                return self._aware(newest[0])
        return self._clock.now()

    @staticmethod
    def _aware(at: dt.datetime) -> dt.datetime:
        return at.astimezone(dt.UTC)

    def configure(self, **changes: str) -> Settings:
        """The settings after changing some; written to the workspace's file.

        Raises:
            SettingError: an unknown setting, or a value that does not fit.
        """
        known = {name: getattr(self.settings, name) for name in config.NAMES}
        _refuse_unknown(changes)
        self.settings = Settings(**{**known, **changes})
        config.write(self.path, self.settings)
        self._assemble()
        return self.settings

    # --- data -----------------------------------------------------------------------------------------------

    def load_events(self, sources: Source | Sequence[Source], **options: Unpack[LoadOptions]) -> LoadSummary:
        """Loads events from CSV, JSON lines or Parquet files; loading a file again adds nothing.

        Args:
            sources: paths, globs, or `-` for standard input; each optionally gzip or zstd.
            options: see `LoadOptions`.

        Raises:
            InputError: a file cannot be read at all, or a mapping, a zone or an event's name is missing.
        """
        return self._load("events", sources, options)

    def load_profiles(self, sources: Source | Sequence[Source], **options: Unpack[LoadOptions]) -> LoadSummary:
        """Loads traits of profiles; every column but the mapped ones is a trait. As `load_events` otherwise."""
        return self._load("profiles", sources, options)

    def load_accounts(self, sources: Source | Sequence[Source], **options: Unpack[LoadOptions]) -> LoadSummary:
        """Loads traits of accounts; a profile belongs to the account that its trait `account_id` names."""
        return self._load("accounts", sources, options)

    def _load(self, kind: Kind, sources: Source | Sequence[Source], options: LoadOptions) -> LoadSummary:
        chosen = [sources] if isinstance(sources, str | Path) else list(sources)
        with self.exclusively:
            joining.follow(self._warehouse, self._ledger.database, self._clock.now())
            return load(
                kind,
                chosen,
                ledger=self._ledger,
                warehouse=self._warehouse,
                directory=self.path,
                now=self._clock.now(),
                known_at=self._undated(),
                **options,
            )

    def _undated(self) -> dt.datetime:
        """Since when a trait without a timestamp holds: since its load; in a workspace of history, always.

        History is asked about at instants long before any load, where what is known only since the load would not
        exist. There, later loads still come after earlier ones, by as many microseconds as seconds lie between them.
        """
        now = self._clock.now()
        if self.settings.now != config.LATEST:
            return now
        return EARLIEST + dt.timedelta(microseconds=int(now.timestamp()))

    def guess_mapping(self, source: Source, kind: Kind = "events", **options: Unpack[LoadOptions]) -> MappingGuess:
        """Which column of a file is what, guessed from names and contents, with the first rows to look at."""
        return guess_mapping(source, kind, **options)

    # --- questions ------------------------------------------------------------------------------------------

    def preview(self, text: str, *, as_of: AsOf = None, sample: int = 10) -> Preview:
        """How many people a text describes, with a sample; nothing is saved.

        Raises:
            SegmentSyntaxError: the text cannot be read; the message shows where and what was expected.
            SegmentError: it can be read and not be used.
        """
        definition, warned = self._reader.read(text)
        now = self.now(as_of)
        live = self._saved.live()
        counted = self._evaluator.count(
            self._saved.expanded(definition, live), now, numbers=_numbers(live), sample=sample
        )
        return Preview(
            text=to_text(definition),
            english=to_english(definition),
            count=counted.count,
            population=counted.population,
            sample=counted.sample,
            as_of=now,
            milliseconds=counted.milliseconds,
            warnings=warned,
            entity=definition.entity.value,
        )

    def run(self, *, as_of: AsOf = None) -> RunReport:
        """Evaluates every saved segment over everybody and records who entered and who left.

        Raises:
            UserError: `as_of` lies before the last run.
        """
        with self.exclusively:
            self._live.finish()
            self._filler.finish(self._clock.now())
            return self._runner.run(self.now(as_of), self._clock.now())

    def keep_live(self) -> Ticked:
        """Evaluates those whom newly stored batches touched, or who are due, and records who entered and who left.

        To be called again and again, as `ethogram serve` does: at once while there is `more`, else every moment.
        Segments that have changed since, and relative ones whose cut-offs are old, are looked at for everybody, part by
        part, and then switched at once. Everything is looked at first where too much has happened meanwhile.
        """
        with self.exclusively:
            now = self.now()
            last = self._ledger.last_run(fill=None)
            if last is not None and now < last.as_of:
                return Ticked()  # recorded membership does not go back
            if self._live.needs_run():
                caught = self._live.caught()
                report = self.run(as_of=now)
                self._live.start_from(caught)
                return Ticked(report.population, report.entered, report.left, more=True)
            filled = self._filler.step(
                now,
                self._refresh_after,
                self._ledger.last_stored(),
                identities.last_done(self._ledger.database),
            )
            if filled is not None and filled.switched:
                return Ticked(filled.people, filled.entered, filled.left, more=True)
            if filled is None:
                self._live.follow()
            ticked = self._tick(now)
            return ticked if filled is None else replace(ticked, more=True)

    @property
    def _refresh_after(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.settings.refresh_minutes)

    def _tick(self, now: dt.datetime) -> Ticked:
        return self._live.tick(now, self._cutoffs(Entity.PROFILE))

    def collect(self) -> Moved:
        """Moves what collectors have kept in the ledger to the warehouse: one block, or nothing when nothing waits."""
        with self.exclusively:
            return self._collected.move()

    def evaluate(self, profile_ids: Sequence[str], *, as_of: AsOf = None) -> dict[str, tuple[str, ...]]:
        """The names of the saved segments that each of the given profiles is in; unknown ids are left out.

        An id that was joined to a person stands for that person.

        Only the rows of these profiles are read. Relative conditions compare with cut-offs over everybody: those of
        the last run, or, for a given instant, of that instant (which takes a pass over everybody).
        """
        live = self._saved.live()
        people = self.identities.resolve(profile_ids)
        names = {segment.number: name for name, segment in live.items() if segment.entity == Entity.PROFILE.value}
        standings = self._scoped.standings(
            {number: self._saved.definition(live[name], live) for number, name in names.items()},
            self.now(as_of),
            numbers=_numbers(live),
            keys=list(self._evaluator.keys(sorted(set(people.values()))).values()),
            recorded={} if as_of is not None else self._cutoffs(Entity.PROFILE),
        )
        found = {
            standing.id: tuple(name for number, name in names.items() if number in standing.segments)
            for standing in standings
        }
        return {id_: found[person] for id_, person in people.items() if person in found}

    def _cutoffs(self, entity: Entity) -> Recorded:
        """The values that cut off shares of everybody, as the last run or fill found them."""
        return found_cutoffs(self._ledger, entity).values

    def _found(self, segment: str, entity: Entity, as_of: AsOf) -> Found | None:
        """The cut-offs that recorded membership of a saved segment follows; None where an answer computes its own."""
        saved = self._saved.live().get(segment)
        follows = as_of is None and saved is not None and self._are_current(saved)
        return found_cutoffs(self._ledger, entity) if follows else None

    def members(
        self, segment: str, *, as_of: AsOf = None, limit: int | None = None, after: str | None = None
    ) -> pa.Table:
        """Everybody in a segment, in a fixed order that means nothing: that of the ids' hashes.

        The warehouse is sorted like this, so a page is found without looking at everybody. Without `as_of` a saved
        segment answers from the last run (with when each entered); with it, or before the first run, or for a text,
        the people are computed for that instant.

        Args:
            segment: a saved name, or a text.
            limit: how many at most.
            after: begin after this id: the last one of the page before.

        Returns:
            Columns `profile_id` (`account_id` for segments over accounts) and, from the last run, `entered_at`.
        """
        live = self._saved.live()
        saved = live.get(segment)
        if saved is not None and as_of is None and self._are_current(saved):
            entity = Entity(saved.entity)
            return recorded.recorded_members(self._warehouse, saved.number, entity, limit=limit, after=after)
        definition = (
            self._saved.definition(saved, live) if saved else self._saved.expanded(self._saved.named(segment), live)
        )
        return self._evaluator.members(definition, self.now(as_of), numbers=_numbers(live), limit=limit, after=after)

    def explain(self, segment: str, *, as_of: AsOf = None) -> Explanation:
        """How a saved segment or a text is understood, its SQL, what it costs, and which events wake it."""
        definition = self._saved.named(segment)
        live = self._saved.live()
        expanded = self._saved.expanded(definition, live)
        found = self._found(segment, definition.entity, as_of)
        return self._explainer.explain(definition, expanded, self.now(as_of), numbers=_numbers(live), found=found)

    def why(self, segment: str, profile_id: str, *, as_of: AsOf = None) -> Why:
        """Why a profile is in a segment, or what is missing: every condition with its value and its evidence.

        Raises:
            UnknownNameError: no such profile was known then.
        """
        live = self._saved.live()
        definition = self._saved.named(segment)
        return self._explainer.why(
            segment,
            definition,
            self.identities.resolve([profile_id])[profile_id],
            self.now(as_of),
            numbers=_numbers(live),
            expand=lambda other: self._saved.expanded(other, live),
            found=self._found(segment, definition.entity, as_of),
        )

    def history(self, name: str) -> tuple[HistoryPoint, ...]:
        """A saved segment's size at every run, with entries and exits, oldest first."""
        return recorded.history(self._ledger, name)

    def overlap(self, segments: Sequence[str], *, as_of: AsOf = None) -> Overlap:
        """How two or more saved segments overlap: as of the last run, or at a given instant.

        Raises:
            SegmentError: fewer than two names, or segments over different kinds of things.
        """
        chosen = {name: self._ledger.segment(name) for name in segments}
        if len(chosen) < 2:
            raise SegmentError("an overlap needs at least two different segments")
        if len({saved.entity for saved in chosen.values()}) > 1:
            raise SegmentError("segments over profiles and segments over accounts cannot overlap")
        last = self._ledger.last_run(fill=None)
        if as_of is None and last is not None and self._are_current(*chosen.values()):
            return recorded.recorded_overlap(
                self._warehouse, {name: saved.number for name, saved in chosen.items()}, last.as_of
            )
        live = self._saved.live()
        definitions = {name: self._saved.definition(saved, live) for name, saved in chosen.items()}
        return recorded.evaluated_overlap(
            self._warehouse, self._evaluator, definitions, self.now(as_of), numbers=_numbers(live)
        )

    def profile(self, profile_id: str, *, as_of: AsOf = None, limit: int = 50) -> ProfileView:
        """One person: ids, traits, segments since when, and the newest events.

        Args:
            profile_id: the profile's, or any other id of the same person.

        Raises:
            UnknownNameError: no such profile is known.
        """
        named = {saved.number: name for name, saved in self._saved.live().items()}
        person = self.identities.resolve([profile_id])[profile_id]
        ids = tuple(each.id for each in self.identities.of(person))
        return profile_view(self._warehouse, person, self.now(as_of), names=named, limit=limit, identities=ids)

    def traits(
        self, ids: Sequence[str], names: Collection[str], *, entity: str = "profile"
    ) -> dict[str, dict[str, Any]]:
        """Some traits of the given profiles; who has none of them is left out.

        Args:
            entity: `account`, where the ids are accounts'.
        """
        return traits_of(self._warehouse, ids, Entity(entity), names, self.now())

    def outcomes(
        self, about: About, conversion: Conversion | None, *, fits: Fits | None = None
    ) -> tuple[VariantOutcome, ...]:
        """What came of messages, by variant: who got them, what they did, and who converted; see `reporting.py`.

        Args:
            fits: whether an event's properties are those that the conversion asks for; None asks for none.
        """
        return outcomes_of(self._warehouse, about, conversion, self.now(), fits=fits)

    def timeline(
        self, profile_id: str, *, before: dt.datetime | None = None, event: str | None = None, limit: int = 50
    ) -> tuple[TimelineEvent, ...]:
        """The newest events of a person, newest first.

        Args:
            before: only what happened before.
            event: only events of this name.
        """
        person = self.identities.resolve([profile_id])[profile_id]
        return timeline(self._warehouse, person, self.now(), before=before, event=event, limit=limit)

    def event_counts(self, profile_id: str) -> dict[str, int]:
        """How often a person did what, the most frequent first."""
        person = self.identities.resolve([profile_id])[profile_id]
        return event_names(self._warehouse, person, self.now())

    def find_people(self, text: str, *, limit: int = 50) -> tuple[FoundPerson, ...]:
        """Who matches a part of an id or of a trait's value; without a text, who became known last."""
        return search(self._warehouse, text, self.now(), limit=limit)

    def look_up(self, profile_id: str, *, traits: bool = True) -> Standing | None:
        """What is recorded of one person, for a page that waits; None where nobody has the id."""
        named = {saved.number: name for name, saved in self._saved.live().items()}
        person = self.identities.resolve([profile_id])[profile_id]
        return standing(self._warehouse, person, named, traits=traits)

    def recorded_members(
        self, segment: str, *, limit: int, after: str | None = None
    ) -> tuple[Literal["profile", "account"], list[tuple[str, dt.datetime | None]]]:
        """A page of who is recorded in a saved segment: over what it is, ids, and since when; see `members`.

        Raises:
            UnknownNameError: nothing of that name is saved.
        """
        saved = self._ledger.segment(segment)
        entity = Entity(saved.entity)
        query, bound = recorded.members_query(saved.number, entity, limit=limit, after=after)
        found = [(str(id_), at if at > EARLIEST else None) for id_, at in self._warehouse.look_up(query, bound)]
        return entity.value, found

    def changes_after(self, number: int, *, limit: int = 500) -> list[MembershipChange]:
        """The next membership changes after a number, oldest first."""
        return feed.after(self._ledger.database, number, limit=limit)

    def changes_kept(self) -> tuple[int, int]:
        """The numbers of the last change that is kept no more, and of the newest there ever was."""
        return feed.pruned(self._ledger.database), feed.last(self._ledger.database)

    def catalogue(self) -> Catalogue:
        """Every event name and trait that was ever received, with data-quality warnings."""
        return catalogue(self._warehouse, self.now())

    def daily(self, *, days: int = 30, event: str | None = None) -> tuple[DayCount, ...]:
        """Events and people of each of the last days in the workspace's zone, the oldest first."""
        return activity.by_day(self._warehouse, self.now(), self.settings.zone, days=days, event=event)

    def active(self) -> tuple[ActiveCount, ...]:
        """How many people did anything in the last day, week and month, and in as long a time before each."""
        return activity.active(self._warehouse, self.now())

    # --- templates ------------------------------------------------------------------------------------------

    def vocabulary(self) -> Vocabulary:
        """Which of the workspace's events, properties and traits play which role: guessed, then as changed by hand."""
        changes: dict[str, str | None] = self._ledger.setting(_VOCABULARY) or {}
        return guess(self.catalogue()).change(changes)

    def set_vocabulary(self, **changes: str | None) -> Vocabulary:
        """The vocabulary after changing some roles by hand; None unsets a role.

        Raises:
            UnknownNameError: there is no such role.
        """
        vocabulary = self.vocabulary().change(changes)
        before: dict[str, str | None] = self._ledger.setting(_VOCABULARY) or {}
        self._ledger.set_setting(_VOCABULARY, {**before, **changes})
        return vocabulary

    def ready(self) -> tuple[Template, ...]:
        """The ready segments that come with Ethogram."""
        return TEMPLATES

    def apply_ready(
        self,
        names: Sequence[str] | None = None,
        *,
        overrides: Mapping[str, Mapping[str, object]] | None = None,
    ) -> tuple[AppliedTemplate, ...]:
        """Saves templates as segments under their own names, fitted to the workspace's vocabulary.

        Args:
            names: which templates; None is all of them.
            overrides: template → parameter → value.

        Returns:
            What became of each: saved, or not, with the reason.
        """
        chosen = TEMPLATES if names is None else tuple(template(name) for name in names)
        vocabulary = self.vocabulary()
        today = self.now().astimezone(self.settings.zone).date()
        known = self._reader.known()
        became = []
        for each in chosen:
            fitted = apply(each, vocabulary, (overrides or {}).get(each.name), today=today)
            if isinstance(fitted, Refused):
                became.append(AppliedTemplate(each.name, None, fitted.reason))
                continue
            saved = self.segments.save(fitted.name, fitted.text, description=fitted.description, known=known)
            became.append(AppliedTemplate(each.name, saved, None))
        return tuple(became)

    # --- care -----------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """The workspace at a glance."""
        events, first_at, last_at = self._warehouse.query("SELECT count(), min(ts), max(ts) FROM events")[0]
        events -= self._warehouse.query(f"SELECT count() FROM events WHERE NOT ({COUNTS})")[0][0]
        profiles = known_profiles(self._warehouse)
        accounts = self._warehouse.query("SELECT uniqExact(account) FROM accounts")[0][0]
        last = self._ledger.last_run(fill=None)
        return Status(
            path=str(self.path),
            timezone=self.settings.timezone,
            now=self.now(),
            events=int(events),
            profiles=int(profiles),
            accounts=int(accounts),
            segments=len(self._ledger.segments()),
            first_at=first_at if events else None,
            last_at=last_at if events else None,
            last_run_at=last.as_of if last else None,
            waiting_batches=len(self._ledger.waiting_batches()),
            bytes_on_disk=self._warehouse.bytes_on_disk(),
        )

    def doctor(self) -> tuple[Finding, ...]:
        """Looks at everything that can be wrong with a workspace, and says what to do about it."""
        return examine(self._warehouse, self._ledger, self.path, self._clock.now())

    def verify(self, *, most: int = 20) -> Verification:
        """Computes everything anew and compares it with recorded membership: any difference is an error.

        Whoever waits to be evaluated is evaluated first, as a server would do it; no run is made, so nothing that is
        wrong is put right before it is found.

        Args:
            most: how many people's differences to tell; all are counted.

        Raises:
            UserError: nobody has been evaluated yet, or too much has been stored since.
        """
        return self._verifier.verify(self.exclusively, self._catch_up, self._attach, most=max(1, most))

    def _catch_up(self) -> Caught:
        """Evaluates whoever waits, unless that takes a run; what a fill is to do is left for later."""
        self._live.finish()
        self._filler.resume(self._clock.now())
        self._runner.finish(self._clock.now())
        people = 0
        while not self._live.needs_run():
            ticked = self._tick(self.now())
            people += ticked.people
            if not ticked.more:
                return Caught(self.now(), up=True, people=people)
        return Caught(self.now(), up=False, people=people)

    def _attach(self, difference: Difference, at: dt.datetime) -> Difference:
        """The difference with what explains it."""
        if difference.entity != Entity.PROFILE.value:
            return difference
        try:
            person = self.profile(difference.profile_id, as_of=at)
            why = self.why(difference.segment, difference.profile_id, as_of=at) if difference.segment else None
        except UnknownNameError:
            return difference  # nobody is known by this id: that is what is wrong
        return replace(difference, person=person, why=why)

    def rebuild(self, *, progress: Callable[[RebuildProgress], None] | None = None) -> RebuildReport:
        """Empties the warehouse's facts and stores every accepted batch again.

        Raises:
            InputError: block files are missing or damaged; nothing was changed.
        """
        with self.exclusively:
            return rebuild(self._warehouse, self._ledger, self.path, self._clock.now(), progress)

    def backlog(self) -> tuple[int, dt.timedelta]:
        """How many messages that collectors have kept wait for the warehouse, and for how long the oldest has."""
        return self._collected.depth()

    def prune(self) -> int:
        """How many rows it removed from the ledger: what is kept for some days only, as the settings say.

        What profiles left behind when they were joined to others is removed from the warehouse, too, in the background.
        """
        now, settings = self._clock.now(), self.settings
        keep_for = dt.timedelta(days=settings.keep_days)
        removed = self._collected.prune(keep_for=keep_for, remember_for=dt.timedelta(days=settings.remember_days))
        joining.sweep(self._warehouse, self._ledger)
        return removed + feed.prune(self._ledger.database, now - keep_for)

    def _settle(self) -> None:
        """Brings what is planned to its end, so that nothing under way names anybody who is erased."""
        joining.follow(self._warehouse, self._ledger.database, self._clock.now())
        store_waiting(self._warehouse, self._ledger, self.path, self._clock.now())
        self._live.finish()

    def _look_again(self, accounts: Collection[str]) -> None:
        self._live.look_again(accounts)

    # --- inside ---------------------------------------------------------------------------------------------

    def _are_current(self, *segments: SavedSegment) -> bool:
        """Whether recorded membership follows all of the segments at their newest versions."""
        followed = {each.number: each.version for each in self._saved.recorded().values()}
        return all(followed.get(each.number) == each.version for each in segments)


def _directory(path: Source) -> Path:
    text = str(path)
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path)).resolve()
    if "://" in text:
        raise SettingError(
            f"`{text}` is no workspace: a workspace is a directory",
            hint="Its settings name servers: `ethogram init shop --warehouse clickhouse://… --ledger postgresql://…`.",
        )
    return Path(path).resolve()


def _refuse_unknown(settings: Mapping[str, str]) -> None:
    unknown = sorted(set(settings) - set(config.NAMES))
    if unknown:
        raise SettingError(f"there is no setting `{unknown[0]}`", hint=f"Known are: {', '.join(config.NAMES)}.")


def _numbers(live: Mapping[str, SavedSegment]) -> dict[str, int]:
    return {name: segment.number for name, segment in live.items()}


def init(path: Source, *, clock: Clock | None = None, **settings: str) -> Workspace:
    """Makes a workspace in a directory, and opens it.

    Args:
        settings: see `config.Settings`: `timezone`, `now`, `ledger`, `warehouse`.

    Raises:
        SettingError: there is a workspace already, or a setting has a value that does not fit.
    """
    directory = Path(path)
    if (directory / config.FILE).exists():
        raise SettingError(f"`{directory}` is a workspace already", hint="Open it, or choose another directory.")
    _refuse_unknown(settings)
    chosen = config.given(settings)
    directory.mkdir(parents=True, exist_ok=True)
    config.write(directory, chosen)
    return Workspace(directory, clock=clock)
