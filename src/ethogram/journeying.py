"""Journeys: started, closed, stopped, edited while people are in them, and what became of those who entered.

Composition over the ledger alone, so it works beside a running server, which moves people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.decide.journeys.matching import checks
from ethogram.errors import InputError, UnknownNameError, UserError
from ethogram.model.journey.graph import KIND, Journey
from ethogram.model.journey.runs import Passed, Run
from ethogram.model.message import Maker
from ethogram.store import audit, definitions, journey_reading, journey_runs, journeys, outbox_pauses
from ethogram.store.journey_reading import Ended, StepCount
from ethogram.store.journeys import JourneyState, Standing
from ethogram.store.ledger import Ledger

__all__ = ["Ended", "JourneyState", "Journeys", "Passed", "Run", "Shown", "Standing", "StepCount"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a journey does, and where its people are.

    Attributes:
        steps: at which somebody is or was, by version and name.
        ended: how the runs that are over came to their end.
    """

    standing: Standing
    steps: tuple[StepCount, ...]
    ended: tuple[Ended, ...]


class Journeys:
    """The journeys of a workspace: `Journeys(path).start("abandoned cart")`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger: Ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def standing(self, name: str) -> Standing:
        """What a journey does now.

        Raises:
            UnknownNameError: there is no such journey.
        """
        definitions.get(self._database, KIND, name)
        with self._database.reading() as connection:
            standing = journeys.standing(connection, name)
            if standing.state not in (JourneyState.ACTIVE, JourneyState.CLOSED):
                return standing
            return replace(standing, paused=outbox_pauses.reason_of(connection, Maker.JOURNEY, name))

    def shown(self, name: str) -> Shown:
        """What a journey does, and where its people are."""
        standing = self.standing(name)
        with self._database.reading() as connection:
            return Shown(standing, journey_reading.counts(connection, name), journey_reading.ended(connection, name))

    def runs(self, name: str, *, step: str | None = None, limit: int = 100) -> tuple[Run, ...]:
        """The runs of a journey, newest first; or those that are at a step, oldest first."""
        self.standing(name)
        with self._database.reading() as connection:
            if step is not None:
                return journey_reading.people_at(connection, name, step, limit=limit)
            return journey_reading.runs(connection, name, limit=limit)

    def run(self, id_: str) -> tuple[Run, tuple[Passed, ...]]:
        """A run, and the steps that it has left.

        Raises:
            UnknownNameError: there is none of that id.
        """
        with self._database.reading() as connection:
            run = journey_runs.find(connection, id_)
            if run is None:
                raise UnknownNameError(f"there is no run `{id_}`", hint="`ethogram journeys runs NAME` lists them.")
            return run, journey_reading.history(connection, run.number)

    def start(self, name: str, *, moves: Mapping[str, str] | None = None, actor: str = "local") -> Standing:
        """The journey, open in its newest version; what happened before lets nobody in.

        Who is in an earlier version stays on it, unless told where they go on.

        Args:
            moves: steps of earlier versions → steps of the newest one.

        Raises:
            InputError: the newest version has no such step.
        """
        saved = definitions.get(self._database, KIND, name)
        journey = Journey.from_body(name, saved.body, checks=checks())
        steps = {step.name for step in journey.steps}
        unknown = sorted(set((moves or {}).values()) - steps)
        if unknown:
            raise InputError(
                f"version {saved.version} of journey `{name}` has no step `{unknown[0]}`",
                hint=f"It has {', '.join(step.name for step in journey.steps)}.",
            )
        now = self._clock.now()
        with self._database.writing() as connection:
            before = journeys.standing(connection, name)
            moved = 0
            if moves:
                for _, version in [each for each in journeys.in_use(connection) if each[0] == name]:
                    if version != saved.version:
                        moved += journey_runs.move_version(connection, name, version, saved.version, moves)
            if before.state is JourneyState.ACTIVE and before.version == saved.version:
                return before
            # Who edits a journey that is open lets nobody in anew: it has been open since it was.
            since = before.started_at if before.state is JourneyState.ACTIVE else now
            after = journeys.change(
                connection, name, state=JourneyState.ACTIVE, version=saved.version, started_at=since, reason=None
            )
            outbox_pauses.resume(connection, Maker.JOURNEY, name, now)
            detail = {"version": saved.version, "moved": moved}
            audit.record(connection, actor=actor, verb="start", object=f"journey:{name}", detail=detail, now=now)
        return after

    def close(self, name: str, *, actor: str = "local") -> Standing:
        """The journey, which nobody enters any more; who is in it goes on."""
        return self._change(name, "close", JourneyState.CLOSED, {JourneyState.ACTIVE, JourneyState.STOPPED}, actor)

    def stop(self, name: str, *, reason: str = "", actor: str = "local") -> Standing:
        """The journey, at rest: nobody enters, nobody moves, and what waits in the outbox waits."""
        return self._change(
            name, "stop", JourneyState.STOPPED, {JourneyState.ACTIVE, JourneyState.CLOSED}, actor, reason=reason or None
        )

    def resume(self, name: str, *, actor: str = "local") -> Standing:
        """The journey, going on where it was."""
        return self._change(name, "resume", JourneyState.ACTIVE, {JourneyState.STOPPED}, actor)

    def end_runs(self, name: str, *, reason: str = "ended by hand", actor: str = "local") -> int:
        """How many people it takes out of a journey, with what waits for them in the outbox."""
        self.standing(name)
        ended = 0
        while True:
            now = self._clock.now()
            with self._database.writing() as connection:
                some = journey_runs.exit_all(connection, name, reason, now)
                if not some:
                    break
                ended += some
                detail = {"runs": some, "reason": reason}
                audit.record(connection, actor=actor, verb="end runs", object=f"journey:{name}", detail=detail, now=now)
        return ended

    def _change(
        self, name: str, verb: str, state: JourneyState, states: set[JourneyState], actor: str, **values: Any
    ) -> Standing:
        self.standing(name)
        now = self._clock.now()
        with self._database.writing() as connection:
            before = journeys.standing(connection, name)
            if before.state is state:
                # Its messages may have paused by themselves, as many complained.
                if verb == "resume" and outbox_pauses.resume(connection, Maker.JOURNEY, name, now):
                    audit.record(connection, actor=actor, verb=verb, object=f"journey:{name}", detail={}, now=now)
                return before
            if before.state not in states:
                raise UserError(
                    f"journey `{name}` is {before.state.value}: it cannot {verb}",
                    hint=f"`ethogram journeys show {name}` tells what it does.",
                )
            after = journeys.change(connection, name, **{"reason": None, **values, "state": state})
            if state is JourneyState.STOPPED:
                outbox_pauses.pause(connection, Maker.JOURNEY, name, after.reason or "it is stopped", now)
            else:
                outbox_pauses.resume(connection, Maker.JOURNEY, name, now)
            audit.record(connection, actor=actor, verb=verb, object=f"journey:{name}", detail={}, now=now)
        return after
