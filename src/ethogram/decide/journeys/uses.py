"""What a journey refers to: segments, templates and topics, each with its place in the document.

Step of the path: decide. Pure. Whoever saves a journey checks that all of it is there.
"""

from __future__ import annotations

from collections.abc import Iterator

from ethogram.decide.journeys.matching import parsed
from ethogram.model.item_signal import ItemSignal
from ethogram.model.journey.graph import Journey
from ethogram.model.journey.parts import Branch, Listing, SegmentSignal, Send, Signal, Wait
from ethogram.segment.rewrites import references


def uses(journey: Journey) -> Iterator[tuple[str, str, str]]:
    """Kind, name and place of everything that a journey refers to."""
    yield from _signal(journey.entry, "entry")
    if isinstance(journey.entry, ItemSignal):
        yield "catalog", journey.entry.catalog, "entry.catalog.name"
    yield from _condition(journey.where, "where")
    for index, rule in enumerate(journey.exits):
        yield from _signal(rule.signal, f"exits[{index}]")
        yield from _condition(rule.when, f"exits[{index}].when")
    for index, step in enumerate(journey.steps):
        place = f"steps[{index}]"
        match step:
            case Wait(_, _, signals):
                for signal in signals:
                    yield from _signal(signal, f"{place}.wait.for")
            case Branch(_, cases):
                for number, case in enumerate(cases):
                    yield from _condition(case.when, f"{place}.branch[{number}].when")
            case Listing():
                yield "segment", step.segment, f"{place}.{'add_to' if step.added else 'remove_from'}"
            case Send():
                yield "template", step.template, f"{place}.message.template"
                if step.topic:
                    yield "topic", step.topic, f"{place}.message.topic"
            case _:
                pass


def _signal(signal: Signal | object, place: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(signal, SegmentSignal):
        yield "segment", signal.segment, f"{place}.{'entered' if signal.entered else 'left'}"


def _condition(text: str | None, place: str) -> Iterator[tuple[str, str, str]]:
    if text is not None:
        for name in references(parsed(text).condition):
            yield "segment", name, place
