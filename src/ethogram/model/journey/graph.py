"""A journey: a graph of steps that each person who enters passes through on their own, one run at a time.

Read from a document and written to one; `reading.py` and `writing.py` know the parts, `parts.py` says what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ethogram.model.campaign import Conversion
from ethogram.model.journey import reading, writing
from ethogram.model.journey.parts import Again, Checks, Entry, Exit, Limits, Signal, Step, Wait
from ethogram.model.reading import Part, read

KIND = "journey"


@dataclass(frozen=True, slots=True)
class Journey:
    """A graph of steps.

    Attributes:
        where: whom what starts the journey lets in, besides; may use what started it: `'{{ trigger.product_id }}'`.
        steps: the first is where runs begin.
        holdout: the share of those who enter who get none of its messages, for comparison.
        goal: what the journey is for, done within a window after somebody entered.
        salt: whoever shares it draws the same splits and holdout; its own name unless said.
    """

    name: str
    entry: Entry
    steps: tuple[Step, ...]
    where: str | None = None
    again: Again = field(default_factory=Again)
    exits: tuple[Exit, ...] = ()
    limits: Limits = field(default_factory=Limits)
    holdout: float = 0.0
    goal: Conversion | None = None
    salt: str = ""
    description: str = ""
    _places: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._places.update({step.name: place for place, step in enumerate(self.steps)})

    @classmethod
    def from_body(cls, name: str, body: object, *, checks: Checks | None = None) -> Journey:
        """The journey that a document describes.

        Raises:
            DefinitionError: with all faults of the document.
        """
        return read(f"journey `{name}`", body, lambda top: _journey(name, top, checks or Checks()))

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        body: dict[str, Any] = {"description": self.description} if self.description else {}
        body["entry"] = writing.entry_body(self.entry)
        if self.where is not None:
            body["where"] = self.where
        body.update(writing.again_body(self.again, self.entry))
        if self.exits:
            body["exits"] = [writing.exit_body(each) for each in self.exits]
        if limits := writing.limits_body(self.limits):
            body["limits"] = limits
        if self.holdout:
            body["holdout"] = self.holdout
        if self.goal is not None:
            body["goal"] = writing.conversion_body(self.goal)
        if self.salt:
            body["salt"] = self.salt
        following = [*(step.name for step in self.steps[1:]), None]
        body["steps"] = [writing.step_body(step, after) for step, after in zip(self.steps, following, strict=True)]
        return body

    @property
    def first(self) -> str:
        """The name of the step where runs begin."""
        return self.steps[0].name

    def place(self, name: str) -> int | None:
        """Where a step stands among the steps; None where there is none of that name."""
        return self._places.get(name)

    def step(self, name: str) -> Step | None:
        """The step of a name, if there is one."""
        place = self._places.get(name)
        return None if place is None else self.steps[place]

    def signals(self) -> Iterator[Signal]:
        """What ends a wait or a run."""
        for step in self.steps:
            if isinstance(step, Wait):
                yield from step.signals
        for each in self.exits:
            if each.signal is not None:
                yield each.signal


def _journey(name: str, top: Part, checks: Checks) -> Journey:
    entry = reading.entry(top.part("entry"), checks)
    goal = top.maybe("goal")
    return Journey(
        name,
        entry=entry,
        steps=reading.steps(top, checks),
        where=reading.condition(top, "where", checks) if "where" in top else top.value("where", None),
        again=reading.again(top, entry),
        exits=reading.exits(top.parts("exits", None), checks),
        limits=reading.limits(top.maybe("limits")),
        holdout=top.share("holdout", 0.0),
        goal=reading.read_conversion(goal, checks) if goal is not None else None,
        salt=top.text("salt", ""),
        description=top.text("description", ""),
    )
