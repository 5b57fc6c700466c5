"""Short notation for histories that templates are tried on, and who of them a template finds.

A history is a text of comma-separated happenings, `NAME WHEN [property=value …]`. The name is a role (`purchase`, its
properties by their bare names) or any other word for an event of the test's own. WHEN counts back from `NOW` in days;
`90m` and `5h` are minutes and hours, `5+` is a microsecond earlier (longer ago) than 5 days, `5-` a microsecond later,
`1..4` is once on each of the days 1, 2, 3, 4, and `3*view 2` is three times at one instant.
`@name=value` is a trait (`;` stands for a comma), `@account=value` the account.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from ethogram.segment.parser import parse
from ethogram.segment.templates import ROLES, Applied, Entry, RoleKind, Vocabulary, apply, template
from oracle.evaluator import evaluate
from oracle.world import Event, TraitChange, World

NOW = dt.datetime(2026, 3, 15, 12, 0, tzinfo=dt.UTC)  # a Sunday, at noon
LONG_AGO = NOW - dt.timedelta(days=3650)
MICROSECOND = dt.timedelta(microseconds=1)

# Roles that change what others mean are set by the tests that are about them.
_ROLES = [role for role in ROLES.values() if role.key != "purchase.order"]


def _bare(key: str) -> str:
    return key.rpartition(".")[2]


PLAIN = Vocabulary(tuple(Entry(role.key, _bare(role.key)) for role in _ROLES))
HOSTILE = Vocabulary(tuple(Entry(role.key, f'Un-"{_bare(role.key)}"\'s `n` /*;-- {{days}} 😀\n') for role in _ROLES))


def world(
    people: Mapping[str, str], vocabulary: Vocabulary = PLAIN, accounts: Mapping[str, str] | None = None
) -> World:
    """The world in which each person (and account) has the history written beside the name."""
    events: list[Event] = []
    traits: list[TraitChange] = []
    told: list[TraitChange] = []
    for person, history in people.items():
        for happening in filter(None, (part.strip() for part in history.split(","))):
            if happening.startswith("@"):
                name, _, value = happening[1:].partition("=")
                facts = {"account_id" if name == "account" else _own(vocabulary, name): _value(value)}
                traits.append(TraitChange(person, LONG_AGO, facts, (), f"{person}/{name}"))
            else:
                events.extend(_happened(person, happening, vocabulary))
    for account, history in (accounts or {}).items():
        for part in filter(None, history.split(",")):
            name, _, value = part.strip().removeprefix("@").partition("=")
            facts = {_own(vocabulary, f"account.{name}"): _value(value)}
            told.append(TraitChange(account, LONG_AGO, facts, (), f"{account}/{name}"))
    known = [TraitChange(person, LONG_AGO, {"known": True}, (), person) for person in people]
    return World(tuple(events), tuple(traits + known), tuple(told))


def found(name: str, world: World, vocabulary: Vocabulary = PLAIN, **parameters: Any) -> set[str]:
    """Whom the template finds in the world at `NOW`."""
    applied = apply(template(name), vocabulary, parameters)
    assert isinstance(applied, Applied), applied
    return evaluate(parse(applied.text), world, NOW)


def _happened(person: str, happening: str, vocabulary: Vocabulary) -> Iterator[Event]:
    what, when, *facts = happening.split(" ")
    times, _, name = what.rpartition("*")
    role = name if name in ROLES and ROLES[name].kind is RoleKind.EVENT else None
    properties = {}
    for fact in facts:
        key, _, value = fact.partition("=")
        properties[_own(vocabulary, f"{role}.{key}") if f"{role}.{key}" in ROLES else key] = _value(value)
    own = _own(vocabulary, role) if role else name
    for ago in _ago(when):
        for time in range(int(times or 1)):
            yield Event(person, NOW - ago, own, properties, f"{person}/{happening}/{ago}/{time}")


def _ago(when: str) -> list[dt.timedelta]:
    first, dots, last = when.partition("..")
    if dots:
        return [dt.timedelta(days=day) for day in range(int(first), int(last) + 1)]
    nudge = {"+": MICROSECOND, "-": -MICROSECOND}.get(when[-1], dt.timedelta())
    amount = when.rstrip("+-")
    unit = {"m": "minutes", "h": "hours"}.get(amount[-1], "days")
    return [dt.timedelta(**{unit: float(amount.rstrip("mh"))}) + nudge]


def _own(vocabulary: Vocabulary, key: str) -> str:
    entry = vocabulary.get(key) if key in ROLES else None
    return entry.name or "something" if entry is not None else key


def _value(written: str) -> Any:
    try:
        number = float(written)
    except ValueError:
        return {"true": True, "false": False}.get(written, written.replace(";", ","))
    return int(number) if number.is_integer() else number
