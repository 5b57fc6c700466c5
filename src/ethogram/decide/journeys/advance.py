"""Moves one run: what happened to the person, and the time that has passed, take it from step to step.

Step of the path: decide. Pure: it reads a journey, a run and facts, and says where the run is then and what it wants
done. What it must know first of the person it asks for, and is called again: so that whoever moves many runs asks about
all of them at once. It never looks at a clock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from ethogram.decide.campaigns.launching import zone_of
from ethogram.decide.journeys.binding import bind, filled
from ethogram.decide.journeys.calendar import date_end, delay_end
from ethogram.decide.journeys.matching import fits, parsed
from ethogram.model.campaign import SendAt
from ethogram.model.journey.graph import Journey
from ethogram.model.journey.parts import (
    Branch,
    Delay,
    GoTo,
    Listing,
    Send,
    Split,
    Step,
    Stop,
    Update,
    Wait,
)
from ethogram.model.journey.runs import (
    Change,
    EventHappened,
    Happened,
    ListChanged,
    Passed,
    Run,
    RunState,
    TraitsChanged,
)
from ethogram.model.message import Maker, Origin, Wanted
from ethogram.model.segment import Definition

# Whoever looks a little late moves people as if it were in time; much later, what follows keeps its distance from it,
# so that after a pause nobody gets at once what was to come over days.
_LATE = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person.

    Attributes:
        zone: the workspace's; the person's own is in the trait `timezone`.
        answers: whether conditions hold of them now.
        best_at: when within a day they are best reached; None where no step asks, or nobody knows.
    """

    zone: ZoneInfo
    traits: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[Definition, bool] = field(default_factory=dict)
    best_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Advanced:
    """A run after it was moved.

    Attributes:
        passed: the steps that it left.
        wanted: messages.
        changes: other wishes, each with the ordinal of its step.
        cancels: a rule ended the run, so what it wanted and nobody has sent yet is not sent any more.
    """

    run: Run
    passed: tuple[Passed, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    changes: tuple[tuple[int, Change], ...] = ()
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """Conditions whose answers are needed first."""

    conditions: frozenset[Definition]


def advance(
    journey: Journey,
    run: Run,
    happened: Sequence[Happened],
    now: dt.datetime,
    facts: Facts,
    *,
    stopped: bool = False,
) -> Advanced | Needs:
    """Where a run is now, and what it wants done on the way.

    Args:
        journey: in the run's version.
        happened: to the person since the run was last moved, of one instant in the order of storing; what came before
            it started does not count.
        stopped: time does not pass in the journey: what happened may end a wait or the run, and no step is taken.
    """
    walk = _Walk(journey, run, facts, stopped=stopped)
    for each in sorted(happened, key=lambda each: each.at):
        # What is said of the future counts as of now.
        at = min(each.at, now)
        if not walk.over and walk.counts(each):
            walk.until(at)
            walk.tell(each, at)
    walk.until(now)
    if walk.needs:
        return Needs(frozenset(walk.needs))
    run = walk.run
    if walk.data != run.data:
        run = replace(run, data=walk.data)
    return Advanced(run, tuple(walk.passed), tuple(walk.wanted), tuple(walk.changes), walk.cancels)


def drawn(salt: str, profile_id: str) -> float:
    """A number between 0 and 1 that a person always draws in a lot, and that is another one in every other lot."""
    digest = hashlib.blake2b(f"{len(salt)}:{salt}{profile_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class _Walk:
    """One call's way through the journey."""

    def __init__(self, journey: Journey, run: Run, facts: Facts, *, stopped: bool) -> None:
        self._stopped = stopped
        self._journey = journey
        self._facts = facts
        self._zone = zone_of(facts.traits, facts.zone)
        self.run = run
        self.data: dict[str, Any] = dict(run.data)
        self.needs: set[Definition] = set()
        self.passed: list[Passed] = []
        self.wanted: list[Wanted] = []
        self.changes: list[tuple[int, Change]] = []
        self.cancels = False

    @property
    def over(self) -> bool:
        """Whether there is nothing more to do now: the run has ended, or an answer is needed first."""
        return self.run.state is not RunState.ACTIVE or bool(self.needs)

    # --- what happened ---

    def counts(self, happened: Happened) -> bool:
        """Whether something concerns the run: it came after the start, and is not what started it."""
        return happened.at >= self.run.started_at and happened.id != self.run.occurrence

    def tell(self, happened: Happened, at: dt.datetime) -> None:
        """Takes in something that happened."""
        if self.over:
            return
        zone = self._facts.zone
        for rule in self._journey.exits:
            if rule.signal is not None and fits(rule.signal, happened, self.data, zone):
                self._end(RunState.EXITED, rule.reason, at, "exit", cancels=True)
                return
        step = self._journey.step(self.run.step)
        if isinstance(step, Wait) and self.run.resting and at >= self.run.step_at:
            for signal in step.signals:
                if fits(signal, happened, self.data, zone):
                    if isinstance(happened, EventHappened):
                        waited = {**self.data.get("waited", {}), step.name: dict(happened.properties)}
                        self.data["waited"] = waited
                    self._go(step, "next", step.next, at)
                    self.until(at)
                    return

    # --- time ---

    def until(self, now: dt.datetime) -> None:
        """Takes every step that is due."""
        if self._stopped:
            return
        while not self.over and self.run.due_at is not None and self.run.due_at <= now:
            late = now - self.run.due_at > _LATE
            at = now if late else max(self.run.due_at, self.run.step_at)
            if self._exits(at):
                return
            step = self._journey.step(self.run.step)
            if step is None:
                told = (
                    f"there is no step `{self.run.step}` in version {self.run.version} of journey `{self.run.journey}`"
                )
                self._end(RunState.FAILED, told, at, "failed")
            elif self.run.resting:
                self._leave(step, at)
            elif self.run.taken >= self._journey.limits.steps:
                told = f"it took {self.run.taken:,} steps, the most that the journey's `limits.steps` lets it take"
                self._end(RunState.FAILED, told, at, "failed")
            else:
                self._take(step, at)

    def _exits(self, at: dt.datetime) -> bool:
        """Whether a condition ends the run here, or must be asked about first."""
        rules = [rule for rule in self._journey.exits if rule.when is not None]
        answers = [self._ask(rule.when) for rule in rules if rule.when is not None]
        for rule, holds in zip(rules, answers, strict=True):
            if holds:
                self._end(RunState.EXITED, rule.reason, at, "exit", cancels=True)
                return True
        return bool(self.needs)

    def _ask(self, text: str) -> bool | None:
        """Whether a condition holds; None where that must be asked first."""
        bound = bind(parsed(text), self.data)
        answer = self._facts.answers.get(bound)
        if answer is None:
            self.needs.add(bound)
        return answer

    # --- steps ---

    def _leave(self, step: Step, at: dt.datetime) -> None:
        """Leaves a step that the run has rested at, as its time is over."""
        match step:
            case Wait():
                self._go(step, "timeout", step.otherwise, at)
            case Delay():
                self._go(step, "next", step.next, at)
            case _:
                # Somebody was moved to another version, where the step does something: then it is done now.
                self.run = replace(self.run, resting=False)

    def _take(self, step: Step, at: dt.datetime) -> None:
        match step:
            case Delay():
                self._delay(step, at)
            case Wait():
                self._rest(at, at + step.at_most)
            case Branch():
                self._branch(step, at)
            case Split():
                self._split(step, at)
            case Send():
                self._send(step, at)
                self._go(step, "next", step.next, at)
            case Update():
                traits = filled(step.traits, self.data)
                held = {name: value for name, value in traits.items() if value is not None}
                self.changes.append((self.run.taken, TraitsChanged(held, step.unset)))
                self._go(step, "next", step.next, at)
            case Listing():
                self.changes.append((self.run.taken, ListChanged(step.segment, step.added)))
                self._go(step, "next", step.next, at)
            case GoTo():
                self._go(step, "next", step.next, at)
            case Stop():
                self._end(RunState.EXITED, step.reason, at, "exit")
            case _:
                assert_never(step)

    def _delay(self, step: Delay, at: dt.datetime) -> None:
        if step.date is None:
            self._rest(at, delay_end(step, at, self._zone))
            return
        date = step.date
        known = self._facts.traits if date.source == "trait" else self.data.get("trigger", {})
        end = date_end(date, known.get(date.name), self._zone)
        if end is None or end < at:
            self._go(step, "otherwise", step.otherwise, at)
        else:
            self._rest(at, end)

    def _branch(self, step: Branch, at: dt.datetime) -> None:
        answers = [self._ask(case.when) for case in step.cases]
        if self.needs:
            return
        for index, (case, holds) in enumerate(zip(step.cases, answers, strict=True)):
            if holds:
                self._go(step, f"case {index + 1}", case.next, at)
                return
        self._go(step, "otherwise", step.otherwise, at)

    def _split(self, step: Split, at: dt.datetime) -> None:
        lot = drawn(f"{self._journey.salt or self._journey.name}/{step.name}", self.run.profile_id)
        border = 0.0
        for share in step.shares:
            border += share.share
            if lot < border:
                break
        self._go(step, share.name, share.next, at)  # the last one, where the shares' sum is a little below 1

    def _send(self, step: Send, at: dt.datetime) -> None:
        run = self.run
        trigger, waited = self.data.get("trigger", {}), self.data.get("waited")
        occurrence = run.id if not run.round else f"{run.id}.{run.round}"
        best = self._facts.best_at if step.send_at is SendAt.BEST else None
        due_at = at if best is None else max(at, best)
        self.wanted.append(
            Wanted(
                Origin(Maker.JOURNEY, run.journey, run.version, occurrence, step=step.name),
                run.profile_id,
                step.channel,
                step.template,
                due_at,
                topic=step.topic,
                priority=step.priority,
                transactional=step.transactional,
                data={**trigger, **({"waited": waited} if waited else {})},
                expires_at=due_at + step.expires_after,
                twice_rather_than_not=step.twice_rather_than_not,
            )
        )

    # --- moving ---

    def _rest(self, at: dt.datetime, due_at: dt.datetime) -> None:
        self.run = replace(self.run, resting=True, step_at=at, due_at=due_at)

    def _go(self, step: Step, outcome: str, target: str | None, at: dt.datetime) -> None:
        """Leaves a step for another one, or for the end."""
        run = self.run
        if target is None:
            self._end(RunState.DONE, None, at, outcome)
            return
        self._pass(outcome, at)
        here, there = self._journey.place(step.name), self._journey.place(target)
        back = here is not None and there is not None and there <= here
        self.run = replace(
            run,
            step=target,
            resting=False,
            step_at=at,
            due_at=at,
            taken=run.taken + 1,
            round=run.round + back,
        )

    def _end(
        self, state: RunState, reason: str | None, at: dt.datetime, outcome: str, *, cancels: bool = False
    ) -> None:
        self._pass(outcome, at)
        self.run = replace(
            self.run, state=state, reason=reason, resting=False, due_at=None, taken=self.run.taken + 1, ended_at=at
        )
        self.cancels = cancels

    def _pass(self, outcome: str, at: dt.datetime) -> None:
        run = self.run
        self.passed.append(Passed(run.taken, run.step, outcome, run.step_at, at))
