"""Writes the parts of a journey as a document, without what is as it would be anyway."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ethogram.model.campaign import Conversion, SendAt
from ethogram.model.item_signal import ItemSignal
from ethogram.model.journey.parts import (
    WEEKDAYS,
    Again,
    Branch,
    CallEntry,
    DateEntry,
    Delay,
    Entry,
    EventSignal,
    Exit,
    GoTo,
    Limits,
    Listing,
    SegmentSignal,
    Send,
    Signal,
    Split,
    Step,
    Stop,
    Update,
    Wait,
)
from ethogram.model.journey.reading import END, again_usually, told
from ethogram.model.message import Channel
from ethogram.model.reading import length_text


def entry_body(entry: Entry) -> dict[str, Any]:
    """How people enter."""
    match entry:
        case DateEntry():
            date: dict[str, Any] = {"trait": entry.trait, **_shift_body(entry.shift)}
            if entry.at != dt.time(9):
                date["at"] = entry.at.isoformat("minutes")
            return {"date": {**date, **({"every": "year"} if entry.yearly else {})}}
        case ItemSignal():
            return {"catalog": entry.to_body()}
        case CallEntry():
            return {"api": True}
        case _:
            return _signal_body(entry)


def again_body(again: Again, entry: Entry) -> dict[str, Any]:
    """Who may enter once more."""
    body: dict[str, Any] = {}
    if again.after != again_usually(entry).after:
        body["again"] = "never" if again.after is None else length_text(again.after) if again.after else "always"
    return {**body, "overlapping": True} if again.overlapping else body


def exit_body(each: Exit) -> dict[str, Any]:
    """What ends a run."""
    if each.signal is None:
        return {"when": each.when, **({"reason": each.reason} if each.reason != each.when else {})}
    return {**_signal_body(each.signal), **({"reason": each.reason} if each.reason != told(each.signal) else {})}


def limits_body(limits: Limits) -> dict[str, Any]:
    """What keeps a journey from going round and round."""
    values = {"steps": limits.steps, "runs_a_day": limits.runs_a_day}
    usual = Limits()
    return {name: value for name, value in values.items() if value != getattr(usual, name)}


def step_body(step: Step, after: str | None) -> dict[str, Any]:
    """A step.

    Args:
        after: the name of the one below, where it leads unless it says so.
    """

    def to(name: str, target: str | None, usual: str | None = after) -> dict[str, Any]:
        return {} if target == usual else {name: END if target is None else target}

    body: dict[str, Any] = {"name": step.name}
    match step:
        case Delay():
            body["delay"] = _delay_body(step)
            otherwise = to("otherwise", step.otherwise, step.next) if step.date is not None else {}
            return {**body, **to("next", step.next), **otherwise}
        case Wait():
            signals = [_signal_body(each) for each in step.signals]
            body["wait"] = {"for": signals[0] if len(signals) == 1 else signals, "at_most": length_text(step.at_most)}
            return {**body, **to("next", step.next), **to("otherwise", step.otherwise)}
        case Branch():
            body["branch"] = [
                {"when": case.when, "next": END if case.next is None else case.next} for case in step.cases
            ]
            return {**body, **to("otherwise", step.otherwise)}
        case Split():
            body["split"] = [{"name": each.name, "share": each.share, **to("next", each.next)} for each in step.shares]
            return body
        case Send() if step.channel is Channel.WEBHOOK and step == Send(
            step.name, step.next, Channel.WEBHOOK, step.template, transactional=True, twice_rather_than_not=True
        ):
            return {**body, "webhook": step.template, **to("next", step.next)}
        case Send():
            return {**body, "message": _send_body(step), **to("next", step.next)}
        case Update():
            update = {"set": dict(step.traits), "unset": list(step.unset)}
            return {**body, "update": {key: value for key, value in update.items() if value}, **to("next", step.next)}
        case Listing():
            return {**body, "add_to" if step.added else "remove_from": step.segment, **to("next", step.next)}
        case GoTo():
            return {**body, "go_to": END if step.next is None else step.next}
        case Stop():
            return {**body, "exit": step.reason}


def _signal_body(signal: Signal) -> dict[str, Any]:
    match signal:
        case EventSignal(event, None):
            return {"event": event}
        case EventSignal(event, where):
            return {"event": {"name": event, "where": where}}
        case SegmentSignal(segment, entered):
            return {"entered" if entered else "left": segment}


def _shift_body(shift: dt.timedelta) -> dict[str, Any]:
    if not shift:
        return {}
    return {"before": length_text(-shift)} if shift < dt.timedelta(0) else {"after": length_text(shift)}


def _delay_body(step: Delay) -> Any:
    if step.date is not None:
        date: dict[str, Any] = {step.date.source: step.date.name, **_shift_body(step.date.shift)}
        return {"date": {**date, **({"at": step.date.at.isoformat("minutes")} if step.date.at is not None else {})}}
    if step.at is None and not step.weekdays:
        return length_text(step.length)
    body: dict[str, Any] = {"length": length_text(step.length)} if step.length else {}
    if step.at is not None:
        body["until"] = step.at.isoformat("minutes")
    if step.weekdays:
        body["weekdays"] = [WEEKDAYS[day] for day in step.weekdays]
    return body


def _send_body(step: Send) -> dict[str, Any]:
    body: dict[str, Any] = {"channel": step.channel.value, "template": step.template}
    plain = {
        "topic": (step.topic, ""),
        "priority": (step.priority, 0),
        "transactional": (step.transactional, False),
        "twice_rather_than_not": (step.twice_rather_than_not, False),
        "send_at": (step.send_at.value, SendAt.DUE.value),
    }
    body.update({key: value for key, (value, usual) in plain.items() if value != usual})
    if step.expires_after != dt.timedelta(days=2):
        body["expires_after"] = length_text(step.expires_after)
    if step.conversion is not None:
        body["conversion"] = conversion_body(step.conversion)
    return body


def conversion_body(conversion: Conversion) -> dict[str, Any]:
    """What a message or a journey is for."""
    told_of = {
        "event": conversion.event,
        "within": length_text(conversion.within),
        "where": conversion.where,
        "revenue": conversion.revenue,
    }
    return {key: value for key, value in told_of.items() if value is not None}
