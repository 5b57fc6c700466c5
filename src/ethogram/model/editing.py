"""What an edit of a segment would change, shown before it is saved.

Instants are aware and in UTC.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from ethogram.model.results import Warned


@dataclass(frozen=True, slots=True)
class Moves:
    """How recorded membership of one segment would move.

    Attributes:
        stays: some of those who stay, as ids; `enters` and `leaves` likewise.
    """

    segment: str
    stay: int
    enter: int
    leave: int
    stays: tuple[str, ...] = ()
    enters: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    changes: int = field(init=False)  # entries and exits that would be recorded, each with cause `definition`

    def __post_init__(self) -> None:
        object.__setattr__(self, "changes", self.enter + self.leave)


@dataclass(frozen=True, slots=True)
class EditDifference:
    """A text that is not saved yet, compared with recorded membership.

    Attributes:
        replaces: the version that it would replace; None for a name that is new.
        as_of: the instant at which the text was computed.
        population: how many people (or accounts) are known.
        moves: the segment itself, then every segment that refers to it and so changes along with it.
        watching: segments that look at recorded entries and exits of these; they may follow later.
    """

    name: str
    text: str
    english: str
    entity: str
    replaces: int | None
    as_of: dt.datetime
    population: int
    moves: tuple[Moves, ...]
    watching: tuple[str, ...]
    milliseconds: float
    warnings: tuple[Warned, ...] = ()
