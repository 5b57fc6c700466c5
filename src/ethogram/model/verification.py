"""What a verification comes back as: how much was compared, and every difference with what is known of the person.

Instants are aware and in UTC.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ethogram.model.results import ProfileView, Why


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """An entry or exit as it is recorded."""

    at: dt.datetime
    entered: bool
    cause: str
    version: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Something recorded that is not what computing it anew gives.

    Attributes:
        profile_id: whose; an account's id where `entity` is `account`. Empty where nobody has the key any more.
        segment: the segment; empty where the difference is when the person must be looked at again.
        problem: a sentence.
        computed: whether the person belongs to the segment.
        recorded: whether the state of memberships says so.
        by_changes: what the recorded entries and exits add up to: 1 is a member, 0 none, anything else is wrong.
        due_at: when the state says that the person must be looked at again; None is never.
        must_by: when the answer may change by time alone at the earliest.
        changes: the newest recorded entries and exits, newest first.
        why: the segment's conditions for this person, with their values and evidence.
        person: traits, segments and the newest events.
    """

    profile_id: str
    entity: str
    segment: str
    problem: str
    computed: bool | None = None
    recorded: bool | None = None
    by_changes: int | None = None
    due_at: dt.datetime | None = None
    must_by: dt.datetime | None = None
    changes: tuple[RecordedChange, ...] = ()
    why: Why | None = None
    person: ProfileView | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """Recorded membership compared with what computing everything anew gives.

    Attributes:
        as_of: the instant that was compared.
        people: how many profiles were compared; accounts are counted apart.
        segments: how many segments.
        wrong: how many people (and accounts) have a difference.
        differences: the first of them, with what explains each.
        notes: what was not compared, or how, as sentences.
    """

    as_of: dt.datetime
    people: int
    accounts: int
    segments: int
    wrong: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    milliseconds: float
