"""A run: one person's passage through a journey, and what happens to people on the way.

Frozen values; `ethogram.decide.journeys.advance` moves a run, `ethogram.store.journey_runs` keeps it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


class RunState(StrEnum):
    """Where a run is; the last three are ends."""

    ACTIVE = "active"
    DONE = "done"  # it has come to the journey's end
    EXITED = "exited"  # a step or a rule has ended it, or a person
    FAILED = "failed"  # it cannot go on


@dataclass(frozen=True, slots=True)
class Run:
    """One person's passage.

    Attributes:
        id: derived from journey, profile and occurrence, so the same cause never starts two.
        number: in the order of starting; 0 before it is kept.
        occurrence: what started it: an event's id, a change of membership, a date, a call's key.
        step: where it is, or where it ended.
        resting: it waits at the step; else it is about to take it.
        data: `trigger`, what started it, and `waited`, by step, the events that were waited for.
        step_at: since when it is at the step.
        due_at: when it goes on by itself; None where it is over.
        taken: how many steps it has left.
        round: how often it went back to a step before; so that it may say the same once more.
        held_out: it wants messages that nobody gets, for comparison.
        moves: how often it was written down; whoever moves it must have seen the last time.
    """

    id: str
    journey: str
    version: int
    profile_id: str
    occurrence: str
    step: str
    started_at: dt.datetime
    step_at: dt.datetime
    due_at: dt.datetime | None
    state: RunState = RunState.ACTIVE
    reason: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    resting: bool = False
    taken: int = 0
    round: int = 0
    held_out: bool = False
    number: int = 0
    moves: int = 0
    ended_at: dt.datetime | None = None


def run_id(journey: str, profile_id: str, occurrence: str) -> str:
    """The id of the run that an occurrence starts.

    >>> run_id("welcome", "p1", "2026-03-01")[:4]
    'run_'
    """
    told = "".join(f"{len(part)}:{part}" for part in (journey, profile_id, occurrence))
    return "run_" + hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Passed:
    """A step that a run has left.

    Attributes:
        ordinal: the how many-th it was, from 0.
        outcome: the way that it went on: next, timeout, otherwise, the name of a share, exit …
    """

    ordinal: int
    step: str
    outcome: str
    entered_at: dt.datetime
    left_at: dt.datetime


# --- what a run wants changed -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TraitsChanged:
    """Traits that a run sets and takes away."""

    traits: Mapping[str, Any]
    unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListChanged:
    """A static segment that a run adds the person to, or removes them from."""

    segment: str
    added: bool


Change: TypeAlias = TraitsChanged | ListChanged


# --- what happens to people ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventHappened:
    """Somebody did something."""

    id: str
    profile_id: str
    at: dt.datetime
    event: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SegmentHappened:
    """Somebody entered or left a segment."""

    id: str
    profile_id: str
    at: dt.datetime
    segment: str
    entered: bool


Happened: TypeAlias = EventHappened | SegmentHappened
