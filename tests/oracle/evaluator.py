"""The oracle: what a segment means, in the plainest Python, for tests to compare the compiled SQL against.

Reads a `World` and a definition's nodes; returns who is a member at an instant. It shares no code with the compiler,
is not fast and must not be: one small function per kind of node, every choice tried, every person evaluated alone.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ethogram.model.segment import (
    AfterFirst,
    And,
    Anniversary,
    Arithmetic,
    Between,
    Boolean,
    Compare,
    Condition,
    Crossed,
    Definition,
    Did,
    Duration,
    During,
    Entity,
    Exists,
    In,
    InSegment,
    Measure,
    Near,
    Not,
    Number,
    Operand,
    Operator,
    Or,
    Property,
    Quintile,
    Score,
    Selection,
    Sequence,
    Step,
    Text,
    TextMatch,
    Top,
    Trait,
    Window,
)
from oracle.comparisons import compare, is_between, is_in, is_near, text_matches
from oracle.measures import measure
from oracle.sequences import Tried, fits
from oracle.values import MISSING, Views, of_number, of_value, of_values
from oracle.windows import anniversary_lies_in, duration_seconds, later, lies_in, local_date
from oracle.world import (
    Event,
    World,
    at_path,
    events_of_profile,
    is_recorded_member,
    profiles_known,
    trait_as_of,
    trait_changes_of,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

CALCULATES: dict[Operator, Callable[[float, float], float]] = {
    Operator.ADD: operator.add,
    Operator.SUBTRACT: operator.sub,
    Operator.MULTIPLY: operator.mul,
    Operator.DIVIDE: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a condition is asked about: a profile or an account at an instant; inside `where`, one event."""

    world: World
    now: dt.datetime
    entity: Entity
    id: str | None  # None is the account of a profile that has none
    event: Event | None = None


# --- the two questions ------------------------------------------------------------------------------------------


def evaluate(definition: Definition, world: World, now: dt.datetime) -> set[str]:
    """The members' ids: profile ids, or account ids for a definition over accounts."""
    ids = population(world, definition.entity, now)
    return {each for each in ids if condition_holds(definition.condition, Subject(world, now, definition.entity, each))}


def holds(definition: Definition, world: World, profile_id: str, now: dt.datetime) -> bool:
    """Whether one profile (or account) is a member; nobody unknown is."""
    return profile_id in evaluate(definition, world, now)


# --- who there is -----------------------------------------------------------------------------------------------


def population(world: World, entity: Entity, now: dt.datetime) -> set[str]:
    """Everybody known by then.

    Ambiguity decided here: an account is known from its own first trait change on, or from the first time a profile
    was told to belong to it; it stays known when the profile moves on.
    """
    if entity is Entity.PROFILE:
        return profiles_known(world, now)
    told = {change.id for change in world.account_changes if change.at <= now}
    named = [at_path(change.traits, "account_id") for change in world.profile_changes if change.at <= now]
    return told | {each for each in (of_value(value, world.zone).generic for value in named) if each is not None}


def account_of(world: World, profile_id: str, now: dt.datetime) -> str | None:
    """The account that a profile belongs to as of now."""
    told = trait_as_of(trait_changes_of(world, Entity.PROFILE, profile_id), "account_id", now)
    return of_values(told, world.zone).generic


def events_of(subject: Subject) -> list[Event]:
    """Everything the profile did; for an account everything that the profiles which are in it now ever did.

    Ambiguity decided here: a profile without an account has an account without events, so that
    `account.count(login) = 0` holds for it ("a measure over no events is 0").
    """
    if subject.id is None:
        return []
    if subject.entity is Entity.PROFILE:
        return events_of_profile(subject.world, subject.id, subject.now)
    profiles = profiles_known(subject.world, subject.now)
    members = {each for each in profiles if account_of(subject.world, each, subject.now) == subject.id}
    return [event for each in sorted(members) for event in events_of_profile(subject.world, each, subject.now)]


def regarding(subject: Subject, of: Entity) -> Subject:
    """The subject that a trait or measure is about: the same, or the profile's account."""
    if of is subject.entity or of is Entity.PROFILE:
        return subject  # `for account:` speaks of the account itself without saying `account.`
    assert subject.id is not None
    return replace(subject, entity=Entity.ACCOUNT, id=account_of(subject.world, subject.id, subject.now))


# --- which events -----------------------------------------------------------------------------------------------


def selected(selection: Selection, subject: Subject) -> list[Event]:
    """The events that a selection picks."""
    events = matching(selection.event, selection.where, subject)
    return [event for event in events if in_window(event.at, selection.window, subject)]


def matching(name: str | None, where: Condition | None, subject: Subject) -> list[Event]:
    """The events of that name (of any name) that pass the condition, at any time up to now."""
    named = [event for event in events_of(subject) if name is None or event.event == name]
    return [event for event in named if where is None or condition_holds(where, replace(subject, event=event))]


def in_window(at: dt.datetime, window: Window | None, subject: Subject) -> bool:
    """Whether something that happened (by now) lies in the window."""
    if window is None:
        return True
    if isinstance(window, AfterFirst):
        return after_first(at, window, subject)
    return lies_in(at, window, subject.now, subject.world.zone)


def after_first(at: dt.datetime, window: AfterFirst, subject: Subject) -> bool:
    """Whether it lies in the span from the subject's own first anchor event on, both ends included."""
    anchor = min((event.at for event in selected(window.anchor, subject)), default=None)
    return anchor is not None and anchor <= at <= later(anchor, window.span, subject.world.zone)


# --- operands ---------------------------------------------------------------------------------------------------


def value_of(operand: Operand, subject: Subject) -> Views:
    """The value of an operand for the subject, seen each way."""
    world = subject.world
    match operand:
        case Measure(function, selection, property, of):
            about = regarding(subject, of)
            return measure(function, property, selected(selection, about), subject.now, world.zone)
        case Trait(name, of):
            return trait_of(name, regarding(subject, of))
        case Score(name):
            return trait_of(f"$score.{name}", subject)
        case Property(name):
            assert subject.event is not None, "a property stands inside `where`"
            return of_value(at_path(subject.event.properties, name), world.zone)
        case Quintile(inner):
            return quintile(inner, subject)
        case Arithmetic(kind, left, right):
            return calculate(kind, value_of(left, subject), value_of(right, subject))
        case Number(value):
            return of_number(value)
        case Text(value) | Boolean(value):
            return of_value(value, world.zone)
        case Duration(span):
            return of_number(duration_seconds(span))


def trait_of(name: str, subject: Subject) -> Views:
    """The trait as of now."""
    if subject.id is None:
        return MISSING
    changes = trait_changes_of(subject.world, subject.entity, subject.id)
    return of_values(trait_as_of(changes, name, subject.now), subject.world.zone)


def calculate(kind: Operator, left: Views, right: Views) -> Views:
    """The result of arithmetic; missing if a side is, on division by zero and beyond the finite."""
    if left.number is None or right.number is None:
        return MISSING
    try:
        return of_number(CALCULATES[kind](left.number, right.number))
    except (ZeroDivisionError, OverflowError):
        return MISSING


def quintile(operand: Operand, subject: Subject) -> Views:
    """1 plus the number of the cut-offs of the top 80, 60, 40 and 20 % that the subject reaches."""
    own = rank(value_of(operand, subject))
    if own is None:
        return MISSING
    everybody = numbers_of_everybody(operand, subject)
    return of_number(1 + sum(own >= cut_off(everybody, percent) for percent in (80, 60, 40, 20)))


def rank(value: Views) -> float | None:
    """What everybody is ranked by: a number, or the instant of first(…) and last(…), later being higher."""
    if value.instant is not None and value.text is None:
        return value.instant.timestamp()
    return value.number


def numbers_of_everybody(operand: Operand, subject: Subject) -> list[float]:
    """The operand of everybody in the population who has one."""
    ids = population(subject.world, subject.entity, subject.now)
    values = [rank(value_of(operand, replace(subject, id=each))) for each in ids]
    return [value for value in values if value is not None]


def cut_off(numbers: list[float], percent: float, bottom: bool = False) -> float:
    """The k-th largest (smallest), where k is that share of the numbers, rounded up in exact arithmetic."""
    k = math.ceil(Fraction(str(percent)) * len(numbers) / 100)
    return sorted(numbers, reverse=not bottom)[k - 1]


# --- conditions -------------------------------------------------------------------------------------------------


def condition_holds(condition: Condition, subject: Subject) -> bool:
    """Whether a condition holds for the subject."""
    match condition:
        case And(items):
            return all(condition_holds(item, subject) for item in items)
        case Or(items):
            return any(condition_holds(item, subject) for item in items)
        case Not(item):
            return not condition_holds(item, subject)
        case Did(selection, of):
            return len(selected(selection, regarding(subject, of))) > 0
        case Compare(left, _, right):
            return compare(condition, value_of(left, subject), value_of(right, subject))
        case In(operand):
            return is_in(condition, value_of(operand, subject))
        case Between(operand, low, high):
            return is_between(value_of(operand, subject), value_of(low, subject), value_of(high, subject))
        case Exists(operand):
            return value_of(operand, subject).present
        case TextMatch(operand):
            return text_matches(condition, value_of(operand, subject))
        case During():
            return is_during(condition, subject)
        case Near(operand):
            return is_near(condition, value_of(operand, subject))
        case Sequence():
            return has_sequence(condition, regarding(subject, condition.of))
        case Top():
            return is_top(condition, subject)
        case InSegment(name):
            return is_in_segment(name, subject)
        case Crossed():
            return has_crossed(condition, subject)


def is_during(condition: During, subject: Subject) -> bool:
    """Whether the operand's instant (or an anniversary of its local day) lies in the window."""
    zone = subject.world.zone
    if isinstance(condition.operand, Anniversary):
        at = value_of(condition.operand.operand, subject).instant
        return at is not None and anniversary_lies_in(local_date(at, zone), condition.window, subject.now, zone)
    at = value_of(condition.operand, subject).instant
    return at is not None and lies_in(at, condition.window, subject.now, zone)


def has_sequence(condition: Sequence, subject: Subject) -> bool:
    """Whether some choice of the subject's events fits the steps."""
    steps = [tried(step, condition.window, subject) for step in condition.steps]
    return fits(steps, subject.now, subject.world.zone)


def tried(step: Step, window: Window | None, subject: Subject) -> Tried:
    """The instants that pass for a step; only those of positive steps have to lie in the sequence's window."""
    events = matching(step.event, step.where, subject)
    wanted = [event.at for event in events if step.negated or in_window(event.at, window, subject)]
    return Tried(frozenset(wanted), step.negated, step.within)


def is_top(condition: Top, subject: Subject) -> bool:
    """Whether the subject reaches the value that cuts off the share; nobody does whose value is missing."""
    own = rank(value_of(condition.operand, subject))
    if own is None:
        return False
    cut = cut_off(numbers_of_everybody(condition.operand, subject), condition.percent, condition.bottom)
    return own <= cut if condition.bottom else own >= cut


def is_in_segment(name: str, subject: Subject) -> bool:
    """Whether the subject is in another segment: by its condition now, or, a static one, by its recorded changes."""
    world = subject.world
    assert subject.id is not None
    if name in world.static_segments:
        return is_recorded_member(world, name, subject.id, subject.now)
    definition = world.definitions[name]
    if definition.entity is not subject.entity:
        raise ValueError(f"segment `{name}` is over another entity; such a reference has no meaning")
    return condition_holds(definition.condition, replace(subject, event=None))


def has_crossed(condition: Crossed, subject: Subject) -> bool:
    """Whether a recorded entry (or leaving) of the subject lies in the window."""
    changes = [change for change in subject.world.membership_changes if change.at <= subject.now]
    own = [change for change in changes if change.profile_id == subject.id and change.segment == condition.name]
    return any(
        change.entered is not condition.left and in_window(change.at, condition.window, subject) for change in own
    )
