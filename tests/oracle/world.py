"""The oracle's world: everything that was ever received, as plain values, and what of it exists at an instant.

Reads nothing but its own values. It does not evaluate conditions (`evaluator.py`) and knows nothing of any database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

from ethogram.model.segment import Definition, Entity

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Facts: TypeAlias = "Mapping[str, Value]"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a profile did at an instant (aware, UTC, microseconds)."""

    profile_id: str
    at: dt.datetime
    event: str
    properties: Facts
    message_id: str


@dataclass(frozen=True, slots=True)
class TraitChange:
    """Facts about a profile or an account as told at an instant; `unset` names (and null values) forget a trait."""

    id: str
    at: dt.datetime
    traits: Facts
    unset: tuple[str, ...]
    message_id: str


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """A profile entered (or left) a segment at an instant, as recorded."""

    segment: str
    profile_id: str
    at: dt.datetime
    entered: bool


@dataclass(frozen=True, slots=True)
class World:
    """All that was received, the segments there are, and the workspace's time zone."""

    events: tuple[Event, ...] = ()
    profile_changes: tuple[TraitChange, ...] = ()
    account_changes: tuple[TraitChange, ...] = ()
    membership_changes: tuple[MembershipChange, ...] = ()
    static_segments: frozenset[str] = frozenset()  # their members are in membership_changes
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    timezone: str = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone."""
        return ZoneInfo(self.timezone)


def at_path(facts: Facts, path: str) -> Value:
    """The value at a dotted path. A name that contains a dot by itself means the same nested path."""
    if path in facts:
        return facts[path]
    names = path.split(".")
    for length in range(1, len(names)):
        inner = facts.get(".".join(names[:length]))
        if isinstance(inner, dict):
            found = at_path(inner, ".".join(names[length:]))
            if found is not None:
                return found
    return None


def trait_as_of(changes: Iterable[TraitChange], path: str, now: dt.datetime) -> list[Value]:
    """The values that the newest change with a word on this path gave it; empty if unset or never told.

    Several values only if several changes tell it at that very instant. At one instant a value beats an unset.
    Ambiguity decided here: a change speaks of a path if it gives it a value, or if it unsets (or nulls) the path or
    a path above it. A change of `address.zip` alone says nothing about `address.city`.
    """
    told = [change for change in changes if change.at <= now and _speaks_of(change, path)]
    if not told:
        return []
    newest = max(change.at for change in told)
    values = [at_path(change.traits, path) for change in told if change.at == newest]
    return [value for value in values if value is not None]


def _speaks_of(change: TraitChange, path: str) -> bool:
    return at_path(change.traits, path) is not None or any(_is_nulled(change, above) for above in _and_above(path))


def _and_above(path: str) -> list[str]:
    """`a.b.c` → `a`, `a.b`, `a.b.c`."""
    names = path.split(".")
    return [".".join(names[:length]) for length in range(1, len(names) + 1)]


def _is_nulled(change: TraitChange, path: str) -> bool:
    return path in change.unset or (path in change.traits and change.traits[path] is None)


def profiles_known(world: World, now: dt.datetime) -> set[str]:
    """Profiles with at least one event or trait change by then."""
    by_events = {event.profile_id for event in world.events if event.at <= now}
    by_traits = {change.id for change in world.profile_changes if change.at <= now}
    return by_events | by_traits


def events_of_profile(world: World, profile_id: str, now: dt.datetime) -> list[Event]:
    """Everything the profile did by then."""
    return [event for event in world.events if event.profile_id == profile_id and event.at <= now]


def trait_changes_of(world: World, entity: Entity, id: str) -> list[TraitChange]:
    """Everything that was ever told about the profile or the account."""
    changes = world.profile_changes if entity is Entity.PROFILE else world.account_changes
    return [change for change in changes if change.id == id]


def is_recorded_member(world: World, segment: str, profile_id: str, now: dt.datetime) -> bool:
    """Whether the newest recorded change by then is an entry. At one instant an entry beats a leaving."""
    changes = [
        change
        for change in world.membership_changes
        if change.segment == segment and change.profile_id == profile_id and change.at <= now
    ]
    return max(((change.at, change.entered) for change in changes), default=(now, False))[1]
