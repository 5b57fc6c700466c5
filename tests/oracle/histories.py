"""Generated worlds: few people, few names, many coincidences.

Yields `World` values for Hypothesis. Instants cluster where mistakes live: at one and the same instant, exactly at
the edge of a window, around local midnight and around a change of the clocks; some lie in the future.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ethogram.model.segment import Span, Unit
from oracle.windows import UTC, earlier, from_local, start_of_day
from oracle.world import Event, MembershipChange, TraitChange, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from ethogram.model.segment import Definition
    from oracle.world import Value

EVENTS = ("purchase", "view", "login", "Order Completed", "signup")
NUMERIC = ("price", "quantity")  # numbers, numeric texts, sometimes something else
TEXTUAL = ("category", "coupon code")  # texts, sometimes numbers or booleans
DATED = ("due",)  # texts that write instants
LISTED = ("tags",)
NESTED = ("address.city", "address.zip")
FLAGS = ("gift",)
TRAITS_NUMERIC = ("age", "$score.churn")
TRAITS_TEXTUAL = ("plan", "city")
TRAITS_DATED = ("birthday", "renewal_date")
TRAITS_NESTED = ("address.city", "address.zip")
STATIC = ("vip", "unsubscribed")

NUMBERS = (0, 1, 2, 3, 5, 12, 12.0, 0.25, 0.5, 2.75, -1, 100)
NUMERIC_TEXTS = ("12", "5", "2.50", "-1", "1e2")
TEXTS = ("books", "Books", "tv", "sci-fi", "Åre", "", "a b", "O'Neil", "true", "12 kr")
CITIES = ("Paris", "paris", "Åre", "Oslo")
PLANS = ("pro", "free", "team", "12")
ACCOUNTS: tuple[Value, ...] = ("acme", "globex", 12, "12")

# Local days on which the clocks change, or on which months and leap years are awkward.
PIVOTS = {
    "UTC": (dt.date(2026, 3, 31), dt.date(2024, 2, 29), dt.date(2026, 1, 1)),
    "Europe/Stockholm": (dt.date(2026, 3, 29), dt.date(2025, 10, 26), dt.date(2024, 2, 29), dt.date(2026, 5, 31)),
    "America/New_York": (dt.date(2026, 3, 8), dt.date(2025, 11, 2), dt.date(2026, 1, 1)),
    "America/Sao_Paulo": (dt.date(2018, 11, 4), dt.date(2018, 2, 18)),  # the first has no midnight
    "Australia/Lord_Howe": (dt.date(2026, 4, 5), dt.date(2025, 10, 5), dt.date(2026, 6, 30)),
}
SPANS = (
    Span(1, Unit.HOUR),
    Span(30, Unit.MINUTE),
    Span(1, Unit.DAY),
    Span(2, Unit.DAY),
    Span(7, Unit.DAY),
    Span(1, Unit.WEEK),
    Span(14, Unit.DAY),
    Span(30, Unit.DAY),
    Span(1, Unit.MONTH),
    Span(2, Unit.MONTH),
    Span(1, Unit.YEAR),
)
NUDGES = (-1_000_000, -1, 0, 0, 0, 0, 1, 1_000_000)  # microseconds


@dataclass(frozen=True, slots=True)
class Scene:
    """A world, and the instants at which it is interesting to ask about it."""

    world: World
    now: dt.datetime
    instants: tuple[dt.datetime, ...]


@st.composite
def scenes(draw: DrawFn, *, max_events: int = 30) -> Scene:
    """A world without saved definitions and a `now` from around its events."""
    zone_name = draw(st.sampled_from(sorted(PIVOTS)))
    zone = ZoneInfo(zone_name)
    now = draw(_nows(zone_name, zone))
    instants = draw(st.lists(_instants_around(now, zone), min_size=3, max_size=12))
    profiles = [f"p{number}" for number in range(draw(st.sampled_from((5, 6, 7, 8, 4, 3, 2))))]
    names = EVENTS[: draw(st.integers(3, 5))]
    at = st.sampled_from(instants)
    world = World(
        events=tuple(draw(_events(profiles, names, at, _properties(now, zone), most=max_events))),
        profile_changes=tuple(draw(_trait_changes(profiles, at, _traits(now, zone, with_account=True), "t"))),
        account_changes=tuple(
            draw(_trait_changes(("acme", "globex", "12"), at, _traits(now, zone, with_account=False), "a"))
        ),
        membership_changes=tuple(draw(_membership_changes(profiles, instants))),
        static_segments=frozenset(STATIC),
        timezone=zone_name,
    )
    return Scene(world, now, tuple(instants))


def with_definitions(world: World, definitions: dict[str, Definition]) -> World:
    """The same world with saved definitions, for `in_segment`."""
    return World(
        world.events,
        world.profile_changes,
        world.account_changes,
        world.membership_changes,
        world.static_segments,
        definitions,
        world.timezone,
    )


@st.composite
def _nows(draw: DrawFn, zone_name: str, zone: ZoneInfo) -> dt.datetime:
    """On, or some days after, a day that is awkward in the zone; often exactly at midnight."""
    pivot = draw(st.sampled_from(PIVOTS[zone_name]))
    day = pivot + dt.timedelta(days=draw(st.sampled_from((0, 0, 1, 2, 7, 13, 30))))
    times = (dt.time(0), dt.time(0), dt.time(1, 45), dt.time(2, 30), dt.time(12), dt.time(23, 59, 59, 999_999))
    wall = dt.datetime.combine(day, draw(st.sampled_from(times)))
    return from_local(wall, zone) + dt.timedelta(microseconds=draw(st.sampled_from(NUDGES)))


@st.composite
def _instants_around(draw: DrawFn, now: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """An instant: at a window's edge, near a local midnight, some hours ago, or in the future."""
    kind = draw(st.sampled_from(("hours", "edge", "edge", "midnight", "hours", "future")))
    match kind:
        case "edge":
            at = earlier(now, draw(st.sampled_from(SPANS)), zone)
        case "midnight":
            days = draw(st.sampled_from((0, 1, 2, 3, 6, 7, 29, 30, 31, 59)))
            at = start_of_day(now.astimezone(zone).date() - dt.timedelta(days=days), zone)
        case "hours":
            at = now - draw(st.integers(0, 60)) * dt.timedelta(minutes=30)
        case _:
            at = now + draw(st.sampled_from((30, 60, 24 * 60, 7 * 24 * 60))) * dt.timedelta(minutes=1)
    return at + dt.timedelta(microseconds=draw(st.sampled_from(NUDGES)))


def _dates(now: dt.datetime, zone: ZoneInfo) -> SearchStrategy[str]:
    """Texts that write instants near now, and birthdays near today, in every accepted form, and a few that do not."""
    today = now.astimezone(zone).date()
    days = [(today + dt.timedelta(days=days)).isoformat() for days in (-31, -30, -7, -1, 0, 1, 6, 7, 8, 30)]
    births = [(today.replace(day=1, year=1990) + dt.timedelta(days=days)).isoformat() for days in (0, 14, 30, 35)]
    naive = now.astimezone(zone).replace(tzinfo=None)
    full = [
        now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        (now - dt.timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        (now + dt.timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%SZ"),
        (naive - dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S"),
        naive.strftime("%Y-%m-%d %H:%M"),
        (naive - dt.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%S.%f+05:30"),
    ]
    wrong = ["2025-02-29", "2026-1-1", "soon", "2026-01-01T25:00"]
    return st.sampled_from([*days, *births, "2000-02-29", "1996-02-29", *full, *wrong])


def _sometimes(usual: SearchStrategy[Any], other: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Mostly the one, now and then the other: a property that was sent with several types."""
    return st.integers(0, 5).flatmap(lambda die: other if die == 0 else usual)


def _properties(now: dt.datetime, zone: ZoneInfo) -> SearchStrategy[dict[str, Value]]:
    """Properties of mixed types; each may be absent."""
    numbers = st.sampled_from(NUMBERS)
    numeric = _sometimes(numbers, st.sampled_from((*NUMERIC_TEXTS, "n/a", True, None)))
    textual = _sometimes(st.sampled_from(TEXTS[:5]), st.sampled_from((*TEXTS, *NUMERIC_TEXTS, 12, 12.0, False)))
    address = st.fixed_dictionaries({"city": st.sampled_from(CITIES), "zip": numeric})
    return st.fixed_dictionaries(
        {},
        optional={
            "price": numeric,
            "quantity": numbers,
            "category": textual,
            "coupon code": textual,
            "due": _dates(now, zone),
            "tags": st.lists(st.sampled_from(TEXTS[:4]), min_size=1, max_size=3, unique=True),
            "address": address,
            "gift": _sometimes(st.booleans(), st.sampled_from(("true", 1))),
        },
    )


def _traits(now: dt.datetime, zone: ZoneInfo, *, with_account: bool) -> SearchStrategy[dict[str, Value]]:
    """Traits of mixed types; an object is always told whole, because its parts are traits of their own."""
    numeric = _sometimes(st.sampled_from(NUMBERS), st.sampled_from((*NUMERIC_TEXTS, "n/a")))
    textual = _sometimes(st.sampled_from(PLANS), st.sampled_from((12, 5, True)))
    place = st.fixed_dictionaries({"lat": st.sampled_from((59.25, 59.5, 48.75)), "lon": st.sampled_from((18, 18.25))})
    optional: dict[str, SearchStrategy[Any]] = {
        "age": numeric,
        "$score.churn": st.sampled_from((0.25, 0.5, 0.75)),
        "plan": textual,
        "city": st.sampled_from(CITIES),
        "birthday": _dates(now, zone),
        "renewal_date": _dates(now, zone),
        "location": place,
        "home": st.sampled_from(("59.3293,18.0686", "59.25, 18", "48.75,18.25", "nowhere")),
        "address": st.fixed_dictionaries({"city": st.sampled_from(CITIES), "zip": st.sampled_from((1, 2, "12"))}),
        "tags": st.lists(st.sampled_from(TEXTS[:4]), min_size=1, max_size=2, unique=True),
        "is_vip": st.booleans(),
    }
    if with_account:
        optional["account_id"] = st.sampled_from(ACCOUNTS)
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def _events(
    draw: DrawFn,
    profiles: Sequence[str],
    names: Sequence[str],
    at: SearchStrategy[dt.datetime],
    properties: SearchStrategy[dict[str, Value]],
    *,
    most: int,
) -> list[Event]:
    row = st.tuples(st.sampled_from(profiles), at, st.sampled_from(names), properties)
    rows = draw(st.lists(row, min_size=most // 2, max_size=most))
    return [Event(*row, f"e{number}") for number, row in enumerate(rows)]


@st.composite
def _trait_changes(
    draw: DrawFn,
    ids: Sequence[str],
    at: SearchStrategy[dt.datetime],
    traits: SearchStrategy[dict[str, Value]],
    kind: str,
) -> list[TraitChange]:
    """Changes of traits, some of which unset; one instant tells a profile's traits once.

    The newest of two changes at one instant is decided by value; lists and objects have no order, so that two changes
    at one instant tell only numbers and texts.
    """
    names = ("age", "plan", "address", "account_id", "birthday", "tags")
    unset = _sometimes(st.just(()), st.lists(st.sampled_from(names), max_size=2, unique=True).map(tuple))
    row = st.tuples(st.sampled_from(ids), at, traits, unset)
    rows = draw(st.lists(row, min_size=len(ids), max_size=2 * len(ids)))
    changes: list[TraitChange] = []
    for number, (whose, when, told, forgotten) in enumerate(rows):
        told_before = any(change.id == whose and change.at == when for change in changes)
        kept = {name: value for name, value in told.items() if name not in forgotten}
        if told_before:
            kept = {name: value for name, value in kept.items() if _has_an_order(value)}
        changes.append(TraitChange(whose, when, kept, forgotten, f"{kind}{number}"))
    return changes


def _has_an_order(value: Value) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


@st.composite
def _membership_changes(
    draw: DrawFn, profiles: Sequence[str], instants: Sequence[dt.datetime]
) -> list[MembershipChange]:
    """For a few profiles: entered, left, entered … at different instants."""
    changes: list[MembershipChange] = []
    for segment in STATIC:
        for profile in draw(st.lists(st.sampled_from(profiles), max_size=4, unique=True)):
            times = sorted(draw(st.sets(st.sampled_from(instants), min_size=1, max_size=3)))
            changes.extend(
                MembershipChange(segment, profile, at, entered=number % 2 == 0) for number, at in enumerate(times)
            )
    return changes


__all__ = ["STATIC", "UTC", "Scene", "scenes", "with_definitions"]
