"""Guesses a vocabulary from what a workspace has received.

Step of the path: between the catalogue and the templates. It reads a `Catalogue` and the spellings in `roles.py`, and
returns a `Vocabulary` in which each entry says why. It leaves a role unset rather than fill it with something that
merely resembles it: a template on a wrong event is worse than a template that refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ethogram.model.results import Catalogue, EventFacts, PropertyFacts
from ethogram.segment.templates.roles import ROLES, Role, RoleKind
from ethogram.segment.templates.vocabulary import Entry, Vocabulary

_NOISE = frozenset({"user", "users", "customer", "customers", "client", "app", "web", "mobile", "website", "event"})
_ACTIVITY = ("session", "login")
_SENT_TO_PEOPLE = ("email_sent",)
_SURVEY = ("survey_answered", "survey_submitted", "survey_completed", "survey_response", "survey", "feedback_submitted")
_SURVEY_KIND = ("survey", "survey_type", "type", "survey_name", "kind", "name")
_LINES_PER_ORDER = 1.1  # more events than orders by this factor: the events are lines of orders
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def guess(catalogue: Catalogue) -> Vocabulary:
    """Returns the vocabulary that the names, types and counts of a catalogue suggest; the rest stays unset."""
    entries: dict[str, Entry] = {}
    events = {event.name: event for event in catalogue.events}
    by_count = sorted(catalogue.events, key=lambda event: (-event.count, event.name))
    for role in ROLES.values():
        if role.kind is RoleKind.EVENT:
            name = _nearest(role, [event.name for event in by_count])
            if name is not None:
                count = events[name].count
                entries[role.key] = Entry(role.key, name, f"`{name}` is a usual name for this ({count:,} received)")
    _guess_surveys(by_count, entries)
    _guess_activity(by_count, entries)
    for role in ROLES.values():
        if role.kind is RoleKind.PROPERTY and role.event in entries:
            event = events.get(entries[role.event].name or "")
            entry = _guess_property(role, event) if event is not None else None
            if entry is not None:
                entries[role.key] = entry
        elif role.kind in (RoleKind.TRAIT, RoleKind.ACCOUNT_TRAIT):
            prefix = "account." if role.kind is RoleKind.ACCOUNT_TRAIT else ""
            traits = [trait for trait in catalogue.traits if trait.name.startswith(prefix)]
            fitting = [trait for trait in traits if not role.numeric or _holds_numbers(trait)]
            names = [trait.name.removeprefix(prefix) for trait in fitting]
            name = _nearest(role, _places(names) if role.key == "location" else names)
            if name is not None:
                entries[role.key] = Entry(role.key, name, f"`{name}` is a usual name for this {role.kind}")
    return Vocabulary(tuple(entries[key] for key in ROLES if key in entries))


def _guess_surveys(events: Sequence[EventFacts], entries: dict[str, Entry]) -> None:
    """One survey event often carries several surveys; the property that tells them apart narrows the role."""
    surveys = [event for event in events if _rank(event.name, _SURVEY) is not None]
    for event in surveys:
        for facts in event.properties:
            if _rank(facts.name, _SURVEY_KIND) is None:
                continue
            for value in [value for value, _ in facts.top] + list(facts.examples):
                key = _joined(_words(value))
                if key in ("nps", "csat") and key not in entries:
                    path = ".".join('"' + part.replace('"', '""') + '"' for part in facts.name.split("."))
                    where = f"{path} = '{value.replace(chr(39), chr(39) * 2)}'"
                    why = f"`{event.name}` is a survey and its `{facts.name}` is sometimes '{value}'"
                    entries[key] = Entry(key, event.name, why, where)


def _guess_activity(events: Sequence[EventFacts], entries: dict[str, Entry]) -> None:
    """Visits and log-ins are activity; without them every event is, unless some are only sent to people."""
    for key in _ACTIVITY:
        if key in entries:
            entries["activity"] = Entry(
                "activity", entries[key].name, f"people are active when `{entries[key].name}` comes"
            )
            return
    if events and not any(key in entries for key in _SENT_TO_PEOPLE):
        entries["activity"] = Entry("activity", None, "no event is a visit or a log-in, so every event counts")


def _places(names: Sequence[str]) -> list[str]:
    """A place is told as one text or as an object, of which a catalogue may show only the parts `lat` and `lon`."""
    return [*names, *(name.rpartition(".")[0] for name in names if name.rpartition(".")[2] in ("lat", "latitude"))]


def _guess_property(role: Role, event: EventFacts) -> Entry | None:
    fitting = [facts for facts in event.properties if not role.numeric or _holds_numbers(facts)]
    name = _nearest(role, [facts.name for facts in sorted(fitting, key=lambda facts: -facts.filled)])
    if name is None:
        return None
    facts = next(facts for facts in fitting if facts.name == name)
    if role.key == "purchase.amount" and _is_price_of_one(name, event):
        return None
    why = f"`{name}` of `{event.name}` is a usual name for this"
    if role.numeric:
        why += " and holds numbers"
    if role.key == "purchase.order":
        with_order = sum(facts.types.values())  # those that were looked at: a catalogue may rest on a sample of people
        if facts.distinct == 0 or with_order < facts.distinct * _LINES_PER_ORDER:
            return None
        why = (
            f"{with_order:,} events of `{event.name}` looked at carry {facts.distinct:,} different `{name}`: "
            "each event is one line of an order"
        )
    return Entry(role.key, name, why)


def _is_price_of_one(name: str, event: EventFacts) -> bool:
    """A price beside a quantity is the price of one piece, not the money of the purchase."""
    has_quantity = any(_joined(_words(facts.name)) in ("quantity", "qty", "pieces") for facts in event.properties)
    return "price" in _words(name) and "total" not in _words(name) and has_quantity


def _holds_numbers(facts: PropertyFacts) -> bool:
    """Mostly numbers, or texts that are wholly numbers."""
    total = sum(facts.types.values())
    if total == 0:
        return False
    if facts.types.get("number", 0) * 2 >= total:
        return True
    seen = [value for value, _ in facts.top] + list(facts.examples)
    return bool(seen) and facts.types.get("text", 0) * 2 >= total and all(_NUMBER.fullmatch(value) for value in seen)


# --- comparing names ----------------------------------------------------------------------------------------------


def _nearest(role: Role, names: Iterable[str]) -> str | None:
    """Returns the name that fits a role's spellings best; earlier names win ties."""
    ranked = [(rank, position, name) for position, name in enumerate(names) if (rank := _rank(name, role.spellings))]
    return min(ranked)[2] if ranked else None


def _rank(name: str, spellings: Sequence[str]) -> tuple[int, int] | None:
    """Returns how well a name fits: (0, spelling) the same letters, (1, …) the same words, (2, …) but for noise."""
    words = _words(name)
    if not words:
        return None
    bare = [word for word in words if word not in _NOISE]
    for position, spelling in enumerate(spellings):
        if _joined(_words(spelling)) == _joined(words):
            return (0, position)
    for position, spelling in enumerate(spellings):
        if sorted(_words(spelling)) == sorted(words):
            return (1, position)
    for position, spelling in enumerate(spellings):
        if bare and bare != words and _joined(_words(spelling)) == _joined(bare):
            return (2, position)
    return None


def _words(name: str) -> list[str]:
    """Splits at case changes and at everything that is no letter or digit: `addToCart` → add, to, cart."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[^\W_]+", spaced.lower())


def _joined(words: Sequence[str]) -> str:
    return "".join(words)
