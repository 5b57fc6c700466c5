"""A journey's definition as a picture: its steps as cards with a line of English each, and the ways between them.

Reads a document as it stands, also one with faults, so that a draft can be looked at before it is whole. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ethogram.web.console.texts import _

END: Final = "end"
# The kinds of steps: how they are called, the icon, and what a menu says of them.
KINDS: Final = {
    "message": (_("Message"), "send", _("E-mail, push, in-app, SMS …")),
    "delay": (_("Delay"), "clock", _("Let time pass")),
    "wait": (_("Wait for something"), "timer", _("Until somebody does something, at most so long")),
    "branch": (_("Branch"), "git-branch", _("Different ways for different people")),
    "split": (_("Random split"), "shuffle", _("Different ways by chance")),
    "update": (_("Set traits"), "tag", _("Write something down about the person")),
    "add_to": (_("Add to list"), "layers", _("Put the person on a static segment")),
    "remove_from": (_("Remove from list"), "layers", _("Take the person off a static segment")),
    "webhook": (_("Webhook"), "webhook", _("Tell another system")),
    "go_to": (_("Go to"), "repeat", _("Go on at another step")),
    "exit": (_("Exit"), "log-out", _("Leave the journey here, with a reason")),
}


@dataclass(frozen=True, slots=True)
class Way:
    """A way out of a step.

    Attributes:
        name: as it is counted: next, timeout, otherwise, case 1, or a share's name.
        label: what is written on it.
        to: the step it leads to; empty is the end of the journey.
        people: how many have taken it.
    """

    name: str
    label: str
    to: str
    people: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """A step as it is drawn.

    Attributes:
        place: among the steps, from 0.
        at: how many people are there now.
        through: how many have left it.
    """

    place: int
    name: str
    kind: str
    title: str
    icon: str
    summary: str
    ways: tuple[Way, ...]
    at: int = 0
    through: int = 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """A journey as it is drawn."""

    entry: str
    where: str
    exits: tuple[str, ...]
    cards: tuple[Card, ...]


def drawing(body: Mapping[str, Any], counts: Mapping[str, tuple[int, Mapping[str, int]]] | None = None) -> Drawing:
    """The picture of a document.

    Args:
        counts: by step, how many are there, and how many left it by which way.
    """
    steps = steps_of(body)
    names = [name_of(step) for step in steps]
    cards = []
    for place, step in enumerate(steps):
        after = names[place + 1] if place + 1 < len(names) else END
        at, outcomes = (counts or {}).get(names[place], (0, {}))
        ways = tuple(
            Way(name, label, "" if to == END else to, outcomes.get(name, 0)) for name, label, to in ways_of(step, after)
        )
        kind = kind_of(step)
        title, icon, _told = KINDS.get(kind, (_("Unknown step"), "circle-help", ""))
        through = sum(outcomes.values())
        cards.append(Card(place, names[place], kind, title, icon, summary(step), ways, at, through))
    exits = tuple(_exit(each) for each in _list(body.get("exits")))
    return Drawing(entry_told(body.get("entry")), str(body.get("where") or ""), exits, tuple(cards))


def steps_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps that a document has, those that are mappings."""
    return [dict(each) for each in _list(body.get("steps")) if isinstance(each, Mapping)]


def name_of(step: Mapping[str, Any]) -> str:
    """What a step is called."""
    return str(step.get("name") or "")


def kind_of(step: Mapping[str, Any]) -> str:
    """Which of the kinds a step is; empty if none."""
    return next((kind for kind in KINDS if kind in step), "")


def ways_of(step: Mapping[str, Any], after: str) -> list[tuple[str, str, str]]:
    """The ways out of a step: name, label, and the step that each leads to, `end` for none.

    Args:
        after: the step below, where a way leads unless it says so.
    """

    def to(part: Mapping[str, Any], key: str, usual: str) -> str:
        return str(part.get(key) or usual)

    match kind_of(step):
        case "branch":
            cases = [each for each in _list(step["branch"]) if isinstance(each, Mapping)]
            found = [
                (f"case {number}", str(each.get("when") or "?"), to(each, "next", END))
                for number, each in enumerate(cases, 1)
            ]
            return [*found, ("otherwise", _("otherwise"), to(step, "otherwise", after))]
        case "split":
            shares = [each for each in _list(step["split"]) if isinstance(each, Mapping)]
            return [
                (str(each.get("name")), f"{each.get('name')} {_share(each.get('share'))}", to(each, "next", after))
                for each in shares
            ]
        case "wait":
            longest = step["wait"].get("at_most", "?") if isinstance(step["wait"], Mapping) else "?"
            timeout = f"{_('not within')} {longest}"
            return [
                ("next", _("it happened"), to(step, "next", after)),
                ("timeout", timeout, to(step, "otherwise", after)),
            ]
        case "delay":
            following = to(step, "next", after)
            dated = isinstance(step["delay"], Mapping) and "date" in step["delay"]
            otherwise = ("otherwise", _("no such date, or past"), to(step, "otherwise", following))
            return [("next", "", following), *([otherwise] if dated else [])]
        case "go_to":
            return [("next", "", to(step, "go_to", END))]
        case "exit":
            return []
        case _:
            return [("next", "", to(step, "next", after))]


def summary(step: Mapping[str, Any]) -> str:
    """What a step does, in a line."""
    kind = kind_of(step)
    value = step.get(kind)
    inner: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    match kind:
        case "message":
            topic = f" · {inner['topic']}" if inner.get("topic") else ""
            return f"{str(inner.get('channel', '?')).replace('_', ' ')}: {inner.get('template') or '?'}{topic}"
        case "delay":
            return _delay(inner) if inner else f"{value}"
        case "wait":
            signals = _list(inner.get("for"))
            return f"{' or '.join(map(signal_told, signals)) or '?'}, at most {inner.get('at_most', '?')}"
        case "branch":
            cases = _list(value)
            return f"{len(cases)} {'case' if len(cases) == 1 else 'cases'}, then everybody else"
        case "split":
            parts = [each for each in _list(value) if isinstance(each, Mapping)]
            return ", ".join(f"{each.get('name')} {_share(each.get('share'))}" for each in parts)
        case "update":
            traits = inner.get("set") or {}
            told = [f"{name} = {trait}" for name, trait in traits.items()] if isinstance(traits, Mapping) else []
            unset = [f"no {name}" for name in _list(inner.get("unset"))]
            return ", ".join(told + unset)
        case "exit":
            return f"because: {value}"
        case "":
            return "a step needs a kind"
        case _:
            return str(value or "?")


def entry_told(entry: Any) -> str:
    """How people enter, in words."""
    if not isinstance(entry, Mapping) or not entry:
        return "nobody enters yet"
    kind = next(iter(entry))
    inner = entry[kind] if isinstance(entry[kind], Mapping) else {}
    match kind:
        case "date":
            shift = next((f"{inner[key]} {key} " for key in ("before", "after") if inner.get(key)), "on ")
            yearly = ", every year" if inner.get("every") == "year" else ""
            return f"{shift}the date in {inner.get('trait', '?')}{yearly}"
        case "catalog":
            told = ", ".join(f"{key} {value}" for key, value in inner.items())
            return f"an item of a catalogue changes: {told}"
        case "api":
            return "a program calls the API"
        case _:
            return signal_told(entry)


def signal_told(signal: Any) -> str:
    """What somebody does, or which segment they enter or leave."""
    if not isinstance(signal, Mapping):
        return "?"
    if "event" in signal:
        event = signal["event"]
        if isinstance(event, Mapping):
            where = f" where {event['where']}" if event.get("where") else ""
            return f"did {event.get('name') or '?'}{where}"
        return f"did {event or '?'}"
    verb = next((verb for verb in ("entered", "left") if verb in signal), "")
    return f"{verb} {signal[verb] or '?'}" if verb else "?"


def _exit(each: Any) -> str:
    if not isinstance(each, Mapping):
        return "?"
    told = f"when {each['when']}" if "when" in each else signal_told(each)
    return f"{told} ({each['reason']})" if each.get("reason") else told


def _delay(inner: Mapping[str, Any]) -> str:
    date = inner.get("date")
    if isinstance(date, Mapping):
        source = next((f"{key} {date[key]}" for key in ("trait", "trigger") if key in date), "?")
        shift = next((f"{date[key]} {key} " for key in ("before", "after") if date.get(key)), "")
        return f"until {shift}the date in {source}" + (f" at {date['at']}" if date.get("at") else "")
    told = [str(inner["length"])] if inner.get("length") else []
    told += [f"until {inner['until']}"] if inner.get("until") else []
    days = _list(inner.get("weekdays"))
    return ", ".join([*told, *([f"on {' or '.join(map(str, days))}"] if days else [])])


def _share(value: Any) -> str:
    return f"{value * 100:g} %" if isinstance(value, (int, float)) else str(value)


def _list(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
