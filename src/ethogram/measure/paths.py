"""Paths: what people do right after an event, or right before it.

Step of the path: measure. Reads the warehouse; writes nothing. A person's events in the period are cut into sessions
where 30 minutes pass without any. Each session that has the event gives one path: from its first time on, or, looked at
backwards, up to its last time. Events of one instant stand in the order of their message ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from ethogram.errors import SegmentError
from ethogram.measure.ground import Asking, Ground
from ethogram.store.warehouse import Warehouse

_MOST_STEPS = 5
_GAP = 30 * 60 * 1_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class PathQuestion:
    """From which event on.

    Attributes:
        event: its name.
        backwards: what came before it instead.
        steps: how many further events a path has at most.
    """

    event: str
    backwards: bool = False
    steps: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= _MOST_STEPS:
            raise SegmentError(f"a path of {self.steps} steps", hint=f"It has 1 to {_MOST_STEPS}.")


@dataclass(frozen=True, slots=True)
class FoundPath:
    """The events in the order in which they are looked at, beginning with the one asked about."""

    events: tuple[str, ...]
    sessions: int
    people: int


@dataclass(frozen=True, slots=True)
class Paths:
    """The most frequent paths, and how many sessions have the event at all."""

    sessions: int
    people: int
    paths: tuple[FoundPath, ...]


def paths(warehouse: Warehouse, ground: Ground, question: PathQuestion, *, most: int = 20) -> Paths:
    """The most frequent paths from an event on."""
    asking = Asking(ground)
    inner = _taken(asking, question)
    whole = warehouse.query(f"SELECT count(), uniqExact(profile) FROM ({inner})", asking.parameters)[0]
    rows = warehouse.query(
        f"SELECT taken, count() AS times, uniqExact(profile) FROM ({inner}) GROUP BY taken "
        f"ORDER BY times DESC, taken LIMIT {int(most)}",
        asking.parameters,
    )
    return Paths(
        int(whole[0]),
        int(whole[1]),
        tuple(FoundPath(tuple(map(str, row[0])), int(row[1]), int(row[2])) for row in rows),
    )


def path_people(
    warehouse: Warehouse,
    ground: Ground,
    question: PathQuestion,
    events: tuple[str, ...],
    *,
    whole: bool = False,
    after: str | None = None,
    limit: int = 100,
) -> list[str]:
    """The ids of those who took a path that begins with these events; `whole`: and has no others."""
    asking = Asking(ground)
    wanted = asking.binder.bind("Array(String)", list(events))
    begun = "taken" if whole else f"arraySlice(taken, 1, {len(events)})"
    chosen = f"SELECT profile FROM ({_taken(asking, question)}) WHERE {begun} = {wanted}"
    return asking.ids(warehouse, chosen, after=after, limit=limit)


def _taken(asking: Asking, question: PathQuestion) -> str:
    """Each session that has the event: whose it is, and its path."""
    name = asking.binder.text(question.event)
    of_person = (
        "SELECT profile, arraySort(groupArray((toUnixTimestamp64Micro(ts), message_id, toString(event)))) AS done "
        f"FROM events WHERE {asking.rows} AND profile IN "
        f"(SELECT profile FROM events WHERE event = {name} AND {asking.rows}) GROUP BY profile"
    )
    cut = (
        "SELECT profile, arrayJoin(arraySplit((e, n) -> n, arrayMap(e -> e.3, done), arrayMap((t, before) -> "
        f"t - before > {_GAP}, arrayMap(e -> e.1, done), arrayPushFront(arrayPopBack(arrayMap(e -> e.1, done)), "
        f"done[1].1)))) AS visit FROM ({of_person})"
    )
    ordered = "arrayReverse(visit)" if question.backwards else "visit"
    return (
        f"SELECT profile, arraySlice(seen, indexOf(seen, {name}), {question.steps + 1}) AS taken "
        f"FROM (SELECT profile, {ordered} AS seen FROM ({cut})) WHERE has(seen, {name})"
    )
