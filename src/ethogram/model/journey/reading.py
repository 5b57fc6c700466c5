"""Reads the parts of a journey from its document; what is wrong is noted with its place.

A step leads to the one below it unless it says `next`; `next: end` ends the journey there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ethogram.model.campaign import Conversion, SendAt
from ethogram.model.item_signal import ItemSignal
from ethogram.model.journey.parts import (
    WEEKDAYS,
    Again,
    Branch,
    CallEntry,
    Case,
    Checks,
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
    Share,
    Signal,
    Split,
    Step,
    Stop,
    UntilDate,
    Update,
    Wait,
    ways,
)
from ethogram.model.journey.shape import restless, unreachable
from ethogram.model.message import Channel
from ethogram.model.reading import Part

END = "end"
KINDS = ("delay", "wait", "branch", "split", "message", "webhook", "update", "add_to", "remove_from", "go_to", "exit")
_SIGNALS = ("event", "entered", "left")
_MINUTE, _YEAR = dt.timedelta(minutes=1), dt.timedelta(days=366)
_MOST_STEPS = 500


def entry(part: Part, checks: Checks) -> Entry:
    """How people enter."""
    match part.one((*_SIGNALS, "date", "catalog", "api")):
        case "date":
            inner = part.part("date")
            return DateEntry(
                inner.text("trait"),
                _shift(inner),
                inner.local_time("at", dt.time(9)),
                yearly=inner.text("every", "once", one_of=("once", "year")) == "year",
            )
        case "catalog":
            return ItemSignal.read(part.part("catalog"))
        case "api":
            part.flag("api")
            return CallEntry()
        case kind:
            return _signal(part, kind, checks)


def again_usually(entry: Entry) -> Again:
    """Who may enter once more unless it is said: nobody, but on every anniversary."""
    return Again(dt.timedelta(0) if isinstance(entry, DateEntry) and entry.yearly else None)


def again(top: Part, entry: Entry) -> Again:
    """Who may enter once more."""
    if "again" not in top:
        top.value("again", None)
        return replace(again_usually(entry), overlapping=top.flag("overlapping", default=False))
    said = top.value("again")
    overlapping = top.flag("overlapping", default=False)
    if said in ("never", "always"):
        return Again(None if said == "never" else dt.timedelta(0), overlapping)
    return Again(top.length("again"), overlapping)


def exits(parts: Sequence[Part], checks: Checks) -> tuple[Exit, ...]:
    """What ends a run at any step."""
    found = []
    for part in parts:
        kind = part.one((*_SIGNALS, "when"))
        if kind == "when":
            when = condition(part, "when", checks)
            found.append(Exit(None, when, part.text("reason", when)))
        else:
            signal = _signal(part, kind, checks)
            found.append(Exit(signal, None, part.text("reason", told(signal))))
    return tuple(found)


def told(signal: Signal) -> str:
    """A signal in words."""
    match signal:
        case EventSignal(event, where):
            return f"did {event}{f' where {where}' if where else ''}"
        case SegmentSignal(segment, entered):
            return f"{'entered' if entered else 'left'} {segment}"


def limits(part: Part | None) -> Limits:
    """What keeps a journey from going round and round."""
    usual = Limits()
    if part is None:
        return usual
    return Limits(
        part.whole("steps", usual.steps, least=1, most=10_000),
        part.whole("runs_a_day", usual.runs_a_day, least=1, most=10_000),
    )


def condition(part: Part, name: str, checks: Checks) -> str:
    """A text of the segment language."""
    text = str(part.text(name))
    if text:
        part.made(name, lambda: checks.condition(text), None)
    return text


def steps(top: Part, checks: Checks) -> tuple[Step, ...]:
    """The steps, with the faults of their shape."""
    parts = top.parts("steps")
    if not parts:
        top.wrong("steps", "is empty")
    if len(parts) > _MOST_STEPS:
        top.wrong("steps", f"has {len(parts)} steps; {_MOST_STEPS} are the most")
        return ()
    names = [str(part.text("name", "", longest=100)) for part in parts]
    for index, (name, part) in enumerate(zip(names, parts, strict=True)):
        if not name:
            part.wrong("name", "is missing")
        elif name == END:
            part.wrong("name", f"cannot be `{END}`, which stands for the end of the journey")
        elif name in names[:index]:
            part.wrong("name", f"is `{name}` as that of step {names.index(name) + 1}")
    following = [*names[1:], None]
    found = tuple(
        _Reader(part, name, after, names, checks).step()
        for part, name, after in zip(parts, names, following, strict=False)
    )
    whole = all(target is None or target in names for step in found for _, target in ways(step))
    if found and whole and len(set(names)) == len(names):
        for name in unreachable(found):
            parts[names.index(name)].wrong(None, f"is never reached: no step leads to `{name}`")
        for loop in restless(found):
            way = " → ".join((*loop, loop[0]))
            parts[names.index(loop[0])].wrong(
                None, f"is part of a loop in which nobody ever waits: {way}; put a delay or a wait into it"
            )
    return found


class _Reader:
    """Reads one step.

    Args:
        after: the name of the one below.
        names: those of all steps.
    """

    def __init__(self, part: Part, name: str, after: str | None, names: Sequence[str], checks: Checks) -> None:
        self._part = part
        self._name = name
        self._after = after
        self._names = names
        self._checks = checks

    def step(self) -> Step:
        """The step."""
        part, name = self._part, self._name
        kind = part.one(KINDS)
        if kind not in part:
            return Stop(name, "")
        match kind:
            case "delay":
                return self._delay()
            case "wait":
                inner = part.part("wait")
                parts = inner.parts("for")
                if not parts:
                    inner.wrong("for", "is empty")
                signals = tuple(_signal(each, each.one(_SIGNALS), self._checks) for each in parts)
                at_most = inner.length("at_most", least=_MINUTE)
                return Wait(name, self._next(part), signals, at_most, self._to(part, "otherwise", self._after))
            case "branch":
                inners = part.parts("branch")
                if not inners:
                    part.wrong("branch", "is empty")
                cases = tuple(Case(condition(each, "when", self._checks), self._to(each, "next")) for each in inners)
                return Branch(name, cases, self._to(part, "otherwise", self._after))
            case "split":
                return self._split()
            case "message":
                return self._send()
            case "webhook":
                # Whoever listens may be owed it as any other message; a webhook is known again by its id.
                return Send(
                    name, self._next(part), Channel.WEBHOOK, part.text("webhook"), transactional=True,
                    twice_rather_than_not=True,
                )  # fmt: skip
            case "update":
                inner = part.part("update")
                traits, unset = inner.mapping("set", {}), inner.texts("unset", ())
                if not traits and not unset:
                    inner.wrong(None, "needs `set` or `unset`")
                return Update(name, self._next(part), traits, unset)
            case "add_to":
                return Listing(name, self._next(part), part.text("add_to"), added=True)
            case "remove_from":
                return Listing(name, self._next(part), part.text("remove_from"), added=False)
            case "go_to":
                return GoTo(name, self._to(part, "go_to"))
            case _:
                return Stop(name, part.text("exit"))

    def _delay(self) -> Delay:
        part = self._part
        if isinstance(part.value("delay"), str):
            length = part.length("delay", least=dt.timedelta(seconds=1))
            return Delay(self._name, self._next(part), length)
        inner = part.part("delay")
        date = inner.maybe("date")
        if date is None:
            made = Delay(
                self._name,
                self._next(part),
                inner.length("length", dt.timedelta(0)),
                inner.local_time("until", None),
                tuple(WEEKDAYS.index(day) for day in inner.texts("weekdays", (), one_of=WEEKDAYS) if day in WEEKDAYS),
            )
            if not made.length and made.at is None and not made.weekdays:
                inner.wrong(None, "needs a `length`, a time `until` which, `weekdays`, or a `date`")
            return made
        source = date.one(("trait", "trigger"))
        until = UntilDate(source, date.text(source), _shift(date), date.local_time("at", None))
        following = self._next(part)
        return Delay(self._name, following, date=until, otherwise=self._to(part, "otherwise", following))

    def _split(self) -> Split:
        parts = self._part.parts("split")
        shares = tuple(
            Share(each.text("name"), each.share("share"), self._to(each, "next", self._after)) for each in parts
        )
        total = sum(each.share for each in shares)
        if abs(total - 1) > 1e-6:
            self._part.wrong("split", f"has shares that add up to {total:g}; they must make 1")
        if len({each.name for each in shares}) < len(shares):
            self._part.wrong("split", "has two shares of one name")
        return Split(self._name, shares)

    def _send(self) -> Send:
        part, inner = self._part, self._part.part("message")
        conversion = inner.maybe("conversion")
        return Send(
            self._name,
            self._next(part),
            Channel(inner.text("channel", one_of=[each.value for each in Channel])),
            inner.text("template"),
            topic=inner.text("topic", ""),
            priority=inner.whole("priority", 0, least=-1_000, most=1_000),
            transactional=inner.flag("transactional", default=False),
            twice_rather_than_not=inner.flag("twice_rather_than_not", default=False),
            expires_after=inner.length("expires_after", dt.timedelta(days=2), least=_MINUTE),
            conversion=read_conversion(conversion, self._checks) if conversion is not None else None,
            send_at=SendAt(inner.text("send_at", SendAt.DUE.value, one_of=[each.value for each in SendAt])),
        )

    def _next(self, part: Part) -> str | None:
        return self._to(part, "next", self._after)

    def _to(self, part: Part, name: str, otherwise: Any = ...) -> str | None:
        """The step that a way leads to."""
        said = part.text(name) if otherwise is ... else part.text(name, None)
        if said is None:
            return None if otherwise is ... else otherwise
        if said == END:
            return None
        if said and said not in self._names:
            part.text(name, one_of=[*self._names, END])  # notes the fault, with the nearest name
        return str(said)


def _signal(part: Part, kind: str, checks: Checks) -> Signal:
    if kind in ("entered", "left"):
        return SegmentSignal(part.text(kind), entered=kind == "entered")
    if isinstance(part.value("event"), str):
        name, where = part.text("event"), None
    else:
        inner = part.part("event")
        name, where = inner.text("name"), inner.text("where", None)
    if name:
        part.made("event", lambda: checks.event(name, where), None)
    return EventSignal(name, where)


def _shift(part: Part) -> dt.timedelta:
    before, after = part.length("before", None), part.length("after", None)
    if before is not None and after is not None:
        part.wrong("after", "cannot be there beside `before`")
    if max(before or dt.timedelta(0), after or dt.timedelta(0)) > _YEAR:
        part.wrong("before" if before is not None else "after", "cannot be longer than a year")
    return -before if before is not None else after or dt.timedelta(0)


def read_conversion(part: Part, checks: Checks) -> Conversion:
    """What a message or a journey is for."""
    event, where = part.text("event"), part.text("where", None)
    within = part.length("within", least=_MINUTE)
    if within > _YEAR:
        part.wrong("within", "cannot be longer than a year")
    if event:
        part.made("where" if where else "event", lambda: checks.event(event, where), None)
    return Conversion(event, within, where, part.text("revenue", None))
