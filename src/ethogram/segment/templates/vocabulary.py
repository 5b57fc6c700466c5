"""A workspace's own names for the roles that templates speak of, each with the reason why it was chosen.

Step of the path: between the catalogue and the templates. A `Vocabulary` is guessed from the catalogue (`guess.py`),
shown, changed by hand and kept as a setting (`to_dict`, `from_dict`). It reads and writes nothing itself, and it never
fills a role that nobody named: an unset role makes the templates that need it refuse with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ethogram.errors import SegmentError, SettingError, UnknownNameError
from ethogram.model.segment import Condition, Definition, Did, Selection
from ethogram.segment.parser import parse
from ethogram.segment.templates.roles import ROLES, Role, RoleKind

ANY = "any"
BY_HAND = "set by hand"


@dataclass(frozen=True, slots=True)
class Entry:
    """One role and what fills it.

    `name` is the workspace's own name; None, for an event, stands for every event. `where` narrows an event to those
    that fit a condition on its properties, in the segment language (`status = 'paid'`).
    """

    role: str
    name: str | None
    why: str = BY_HAND
    where: str | None = None

    def __post_init__(self) -> None:
        role = role_of(self.role)
        if self.name == "":
            raise SettingError(
                f"the role `{self.role}` has an empty name", hint="Name an event, property or trait, or unset the role."
            )
        if role.kind is not RoleKind.EVENT and (self.name is None or self.where is not None):
            raise SettingError(
                f"the role `{self.role}` is filled by a {role.kind}, which has a name and no condition",
                hint=f"Only events can be `{ANY}` or be narrowed with `where`.",
            )
        if self.where is not None:
            condition_of(self.where, self.role)

    @property
    def condition(self) -> Condition | None:
        """The parsed `where`."""
        return condition_of(self.where, self.role) if self.where is not None else None


def role_of(key: str) -> Role:
    """Returns the role of that key.

    Raises:
        UnknownNameError: there is no such role.
    """
    if key not in ROLES:
        raise UnknownNameError(f"there is no role `{key}`", hint=f"Roles are: {', '.join(ROLES)}.", role=key)
    return ROLES[key]


def condition_of(where: str, role: str) -> Condition:
    """Returns the condition on event properties that `where` holds."""
    try:
        definition = parse(f"did({ANY} where {where}\n)")
    except SegmentError as error:
        raise SettingError(
            f"the condition `{where}` of the role `{role}` cannot be read: {error.message}",
            hint="Write a condition on the event's properties, as in `status = 'paid'`.",
        ) from error
    match definition:
        case Definition(condition=Did(selection=Selection(event=None, where=condition, window=None))) if condition:
            return condition
        case _:
            raise SettingError(
                f"the condition `{where}` of the role `{role}` is more than a condition on properties",
                hint="Write a condition on the event's properties, as in `status = 'paid'`, without a window.",
            )


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which names of a workspace fill which roles; roles without an entry are unset."""

    entries: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        keys = [entry.role for entry in self.entries]
        if len(set(keys)) != len(keys):
            raise SettingError("a vocabulary names one role twice", hint="Keep one entry for each role.")

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def get(self, role: str) -> Entry | None:
        """The entry of a role, None when it is unset."""
        role_of(role)
        return next((entry for entry in self.entries if entry.role == role), None)

    @property
    def unset(self) -> tuple[Role, ...]:
        """The roles that nothing fills yet."""
        filled = {entry.role for entry in self.entries}
        return tuple(role for role in ROLES.values() if role.key not in filled)

    def change(self, changes: Mapping[str, str | None]) -> Vocabulary:
        """Returns this vocabulary with some roles changed by hand.

        Args:
            changes: role → name; None unsets the role. `any` for an event role means every event. The key
                `<event role>.where` sets the condition that narrows the event, None takes it away.
        """
        entries = {entry.role: entry for entry in self.entries}
        for key, value in changes.items():
            if key.endswith(".where"):
                continue
            role = role_of(key)
            if value is None:
                entries.pop(key, None)
            elif value == ANY and role.kind is RoleKind.EVENT:
                entries[key] = Entry(key, None)
            else:
                entries[key] = Entry(key, value)
        for key, value in changes.items():
            if not key.endswith(".where"):
                continue
            event = key.removesuffix(".where")
            role_of(event)
            if event not in entries:
                raise SettingError(
                    f"the role `{event}` is unset, so `{key}` has nothing to narrow", hint=f"Set `{event}` first."
                )
            entries[event] = replace(entries[event], where=value, why=BY_HAND)
        return Vocabulary(tuple(entries[key] for key in ROLES if key in entries))

    def to_dict(self) -> dict[str, dict[str, str | None]]:
        """Returns role → name, why, where: plain values that JSON can hold."""
        return {entry.role: {"name": entry.name, "why": entry.why, "where": entry.where} for entry in self.entries}

    @staticmethod
    def from_dict(stored: Mapping[str, Mapping[str, Any]]) -> Vocabulary:
        """Returns the vocabulary that `to_dict` wrote; roles that no longer exist are left out."""
        entries = {
            key: Entry(key, values.get("name"), str(values.get("why", BY_HAND)), values.get("where"))
            for key, values in stored.items()
            if key in ROLES
        }
        return Vocabulary(tuple(entries[key] for key in ROLES if key in entries))
