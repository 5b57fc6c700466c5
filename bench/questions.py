"""The hundred questions: parts with parameters, and the text of each in the segment language.

Reads nothing; writes nothing. `others.py` says the same parts in DuckDB's SQL, in Polars and in pandas, so that the
four can be read side by side; `python -m bench --show duckdb` prints what they become.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

Value: TypeAlias = "str | float"


@dataclass(frozen=True, slots=True)
class Where:
    """A test of one property."""

    property: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Rows:
    """The events that a measure looks at; `days` None is ever, `shift` moves the window's end into the past."""

    event: str
    days: int | None = None
    shift: int = 0
    where: tuple[Where, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure compared with a number (with a text for `last`)."""

    function: str  # count, sum, avg, max, distinct, active_days, last
    rows: Rows
    operator: str
    value: Value
    property: str = ""


@dataclass(frozen=True, slots=True)
class Recency:
    """The first or last such event: within the last days, or before that."""

    edge: str  # first, last
    rows: Rows
    inside: bool
    days: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Fewer (or more) in the last days than a factor times the days before."""

    event: str
    days: int
    operator: str
    factor: float


@dataclass(frozen=True, slots=True)
class Sequence:
    """One event, then another within some hours, or then not the other; all in the last days."""

    first: str
    then: str
    hours: int
    days: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Trait:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Both:
    """Several parts at once; a part under `Without` must not hold."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Without:
    part: Part


Part: TypeAlias = "Measure | Recency | Trend | Sequence | Trait | Both | Without"


def literal(value: Value) -> str:
    return f"'{value}'" if isinstance(value, str) else f"{value:g}"


def text(part: Part) -> str:
    """A part in the segment language."""
    match part:
        case Measure(function, rows, operator, value, name):
            selected = rows.event + (f".{name}" if name else "") + _narrowed(rows)
            return f"{function}({selected}) {operator} {literal(value)}"
        case Recency(edge, rows, inside, days):
            return f"{edge}({rows.event}{_narrowed(rows)}) {'in last' if inside else 'before'} {days} days" + (
                "" if inside else " ago"
            )
        case Trend(event, days, operator, factor):
            before = f"{factor:g} * count({event} in {days} days before last {days} days)"
            return f"count({event} in last {days} days) {operator} {before}"
        case Sequence(first, then, hours, days, negated):
            return f"sequence({first}, {'not ' * negated}{then} within {hours} hours) in last {days} days"
        case Trait(name, value):
            return f"{name} = {literal(value)}"
        case Both(parts):
            return " and ".join(text(each) for each in parts)
        case Without(inner):
            return f"not ({text(inner)})"


def _narrowed(rows: Rows) -> str:
    tests = " and ".join(f"{w.property} {w.operator} {literal(w.value)}" for w in rows.where)
    window = ""
    if rows.days is not None:
        window = f" in {rows.days} days before last {rows.shift} days" if rows.shift else f" in last {rows.days} days"
    return (f" where {tests}" if tests else "") + window


def _counts() -> Iterator[Part]:
    for event, days, least in (
        ("view", 1, 1), ("view", 7, 3), ("view", 30, 10), ("view", 90, 25), ("session", 7, 1), ("session", 14, 3),
        ("session", 30, 8), ("session", 90, 12), ("login", 3, 1), ("login", 7, 2), ("login", 30, 4), ("login", 60, 6),
        ("search", 7, 1), ("search", 30, 3), ("add_to_cart", 1, 1), ("add_to_cart", 7, 1), ("add_to_cart", 30, 2),
        ("checkout_started", 3, 1), ("checkout_started", 14, 1), ("purchase", 7, 1), ("purchase", 30, 1),
        ("purchase", 90, 2), ("purchase", 180, 3), ("purchase", 365, 5), ("email_opened", 14, 1),
        ("email_opened", 90, 5), ("email_clicked", 60, 1), ("push_opened", 30, 1), ("video_watched", 30, 3),
        ("wishlist_added", 90, 1), ("refund", 365, 1), ("coupon_used", 180, 1),
    ):  # fmt: skip
        yield Measure("count", Rows(event, days), ">=", least)
    for event, most in (("purchase", 3), ("view", 100)):
        yield Measure("count", Rows(event), ">=", most)


def _filtered() -> Iterator[Part]:
    for category, days in (("books", 30), ("toys", 60), ("garden", 90), ("music", 180)):
        yield Measure("count", Rows("view", days, where=(Where("category", "=", category),)), ">=", 2)
        yield Measure("count", Rows("purchase", days, where=(Where("category", "=", category),)), ">=", 1)
    for amount, days in ((50, 90), (100, 365)):
        yield Measure("count", Rows("purchase", days, where=(Where("amount", ">", amount),)), ">=", 1)
    for device, days in (("phone", 30), ("tablet", 90)):
        yield Measure("count", Rows("session", days, where=(Where("device", "=", device),)), ">=", 2)


def _amounts() -> Iterator[Part]:
    for days, least in ((7, 20), (30, 50), (60, 80), (90, 100), (120, 150), (180, 200), (365, 500)):
        yield Measure("sum", Rows("purchase", days), ">", least, "amount")
    yield Measure("sum", Rows("purchase", 365, where=(Where("category", "=", "books"),)), ">", 100, "amount")
    yield Measure("sum", Rows("session", 30), ">", 3600, "duration")
    yield Measure("sum", Rows("refund", 365), ">", 50, "amount")


def _recencies() -> Iterator[Part]:
    for event, days in (("purchase", 30), ("purchase", 90), ("session", 14), ("session", 60), ("login", 45)):
        yield Recency("last", Rows(event), False, days)
    for event, days in (("purchase", 14), ("session", 7), ("view", 3)):
        yield Recency("last", Rows(event), True, days)
    yield Recency("first", Rows("purchase"), True, 30)
    yield Recency("first", Rows("session"), True, 60)


def _varieties() -> Iterator[Part]:
    for days, least in ((7, 3), (30, 5), (90, 10), (365, 20)):
        yield Measure("distinct", Rows("view", days), ">=", least, "product_id")
    for days, least in ((90, 2), (365, 3)):
        yield Measure("distinct", Rows("purchase", days), ">=", least, "category")
    yield Measure("distinct", Rows("session", 90), ">=", 2, "device")
    yield Measure("distinct", Rows("email_opened", 180), ">=", 3, "campaign")


def _others() -> Iterator[Part]:
    for event, days, least in (("any", 7, 3), ("any", 28, 8), ("session", 30, 5), ("login", 14, 3), ("view", 90, 15)):
        yield Measure("active_days", Rows(event, days), ">=", least)
    for event, days, operator, factor in (
        ("session", 14, "<", 0.5), ("view", 30, "<", 0.5), ("purchase", 90, ">", 1.0), ("login", 28, ">", 2.0),
    ):  # fmt: skip
        yield Trend(event, days, operator, factor)
    yield Measure("avg", Rows("purchase", 365), ">", 40, "amount")
    yield Measure("max", Rows("purchase", 180), ">", 90, "amount")
    yield Measure("avg", Rows("survey_answered", 365), ">=", 9, "score")
    yield Measure("last", Rows("purchase"), "=", "books", "category")
    for first, then, hours, days, negated in (
        ("add_to_cart", "purchase", 48, 30, False), ("view", "add_to_cart", 24, 7, False),
        ("search", "view", 2, 30, False), ("add_to_cart", "purchase", 24, 14, True),
        ("checkout_started", "purchase", 4, 30, True), ("email_opened", "session", 24, 60, False),
    ):  # fmt: skip
        yield Sequence(first, then, hours, days, negated)


def _combined() -> Iterator[Part]:
    bought = Measure("count", Rows("purchase", 60), ">=", 1)
    yield Both((Trait("plan", "pro"), bought))
    yield Both((Trait("plan", "free"), Measure("count", Rows("session", 30), ">=", 4)))
    yield Both((Trait("country", "SE"), Recency("last", Rows("purchase"), False, 120)))
    yield Both((Measure("count", Rows("view", 30), ">=", 5), Without(bought)))
    yield Both(
        (Measure("count", Rows("email_opened", 45), ">=", 1), Without(Measure("count", Rows("login", 45), ">=", 1)))
    )
    yield Both((Trait("country", "NO"), Measure("sum", Rows("purchase", 365), ">", 300, "amount")))
    yield Both((Trait("plan", "pro"), Measure("count", Rows("support_ticket", 90), ">=", 1)))


def questions(count: int = 100) -> list[Part]:
    """The questions; fewer are spread over the kinds, more than a hundred repeat them with other windows."""
    hundred = [
        *_counts(), *_filtered(), *_amounts(), *_recencies(), *_varieties(), *_others(), *_combined(),
    ]  # fmt: skip
    if count <= len(hundred):
        return [hundred[index * len(hundred) // count] for index in range(count)]
    return [_moved(part, index // len(hundred)) for index in range(count) for part in (hundred[index % len(hundred)],)]


def _moved(part: Part, by: int) -> Part:
    """The part with windows that are a little longer."""
    match part:
        case Measure(rows=rows, value=value) if rows.days is None and not isinstance(value, str):
            return replace(part, value=value + by)
        case Measure(rows=rows) if rows.days is not None:
            return replace(part, rows=replace(rows, days=rows.days + by))
        case Recency() | Trend() | Sequence():
            return replace(part, days=part.days + by)
        case Both(parts):
            return Both(tuple(_moved(each, by) for each in parts))
        case Without(inner):
            return Without(_moved(inner, by))
        case _:
            return part
