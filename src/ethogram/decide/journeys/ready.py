"""Ready journeys: what most teams want first, with the messages, in a workspace's own words.

Step of the path: decide. Reads the files in `library/` and a vocabulary; writes documents of a journey and its
templates, which are saved and changed like others. In the files `[purchase]` stands for the event that fills this role,
`[view.product]` for a property, `[birthday]` for a trait; a role that nothing fills is a fault, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ethogram.documents import parse
from ethogram.errors import SettingError, UnknownNameError
from ethogram.segment.syntax import path_text, quoted_name
from ethogram.segment.templates.roles import ROLES, RoleKind
from ethogram.segment.templates.vocabulary import Vocabulary

_ROLE = re.compile(r"\[([a-z_]+(?:\.[a-z_]+)?)\]")
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}")
_CONDITIONS = ("where", "when")  # the names of texts in the segment language


@dataclass(frozen=True, slots=True)
class Ready:
    """A ready journey.

    Attributes:
        roles: what it speaks of, each to be filled by a name of the workspace's own.
        body: the journey's document, with roles in it.
        templates: documents of its messages by name, likewise.
    """

    name: str
    title: str
    purpose: str
    roles: tuple[str, ...]
    body: Mapping[str, Any]
    templates: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Filled:
    """The documents of a journey and its templates in a workspace's own words."""

    body: dict[str, Any]
    templates: dict[str, dict[str, Any]]


def names() -> tuple[str, ...]:
    """The names of all ready journeys."""
    return tuple(sorted(each.name.removesuffix(".yaml") for each in _folder().iterdir() if each.name.endswith(".yaml")))


def ready(name: str) -> Ready:
    """The ready journey of a name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in names():
        raise UnknownNameError(f"there is no ready journey `{name}`", hint=f"There are {', '.join(names())}.")
    text = (_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    found = parse(text, f"{name}.yaml")
    roles = dict.fromkeys(match[1] for match in _ROLE.finditer(text) if match[1] in ROLES)
    return Ready(name, found["title"], found["purpose"], tuple(roles), found["journey"], found["templates"])


def fill(found: Ready, vocabulary: Vocabulary) -> Filled:
    """The documents in a workspace's own words.

    Raises:
        SettingError: the vocabulary leaves roles unset that the journey speaks of; it names all of them.
    """
    unset = [role for role in found.roles if vocabulary.get(role) is None]
    if unset:
        told = ", ".join(f"`{role}` ({ROLES[role].title})" for role in unset)
        raise SettingError(
            f"the ready journey `{found.name}` speaks of what the vocabulary does not name: {told}",
            hint="Name these events, properties or traits in the vocabulary.",
        )
    filled: Any = _value(dict(found.body), "", vocabulary)
    templates = {name: _value(dict(body), "", vocabulary) for name, body in found.templates.items()}
    return Filled(filled, templates)


def _folder() -> Any:
    return resources.files("ethogram.decide.journeys") / "library"


def _value(value: Any, name: str, vocabulary: Vocabulary) -> Any:
    """A value of a document under a name, with the workspace's names for roles."""
    match value:
        case Mapping():
            made = {key: _value(each, key, vocabulary) for key, each in value.items()}
            # An event's role may be narrowed, which then belongs to the condition beside its name.
            return _narrowed(made, value.get("name"), vocabulary) if name == "event" else made
        case list():
            return [_value(each, name, vocabulary) for each in value]
        case str() if name in _CONDITIONS:
            return _condition(value, vocabulary)
        case str() if name == "event":
            made = _narrowed({"name": _plain(value, vocabulary)}, value, vocabulary)
            return made if "where" in made else made["name"]
        case str():
            return _plain(value, vocabulary)
        case _:
            return value


def _narrowed(event: dict[str, Any], role: Any, vocabulary: Vocabulary) -> dict[str, Any]:
    match = _ROLE.fullmatch(str(role))
    entry = vocabulary.get(match[1]) if match is not None and match[1] in ROLES else None
    if entry is None or entry.where is None:
        return event
    where = f"({entry.where}) and ({event['where']})" if "where" in event else entry.where
    return {**event, "where": where}


def _condition(text: str, vocabulary: Vocabulary) -> str:
    """A condition: names are quoted as the language has them, and inside placeholders they are as they are."""
    parts, end = [], 0
    for match in _PLACEHOLDER.finditer(text):
        parts += [_quoted(text[end : match.start()], vocabulary), _plain(match[0], vocabulary)]
        end = match.end()
    return "".join([*parts, _quoted(text[end:], vocabulary)])


def _quoted(text: str, vocabulary: Vocabulary) -> str:
    def name(match: re.Match[str]) -> str:
        entry = vocabulary.get(match[1]) if match[1] in ROLES else None
        if entry is None:
            return match[0]
        if ROLES[match[1]].kind is not RoleKind.EVENT:
            return path_text(str(entry.name)) + (match[2] or "")
        event = "any" if entry.name is None else quoted_name(entry.name)
        if entry.where is None:
            return event + (match[2] or "")
        return f"{event} where ({entry.where}){' and ' if match[2] else ''}"

    return re.sub(_ROLE.pattern + r"( where )?", name, text)


def _plain(text: str, vocabulary: Vocabulary) -> str:
    def name(match: re.Match[str]) -> str:
        entry = vocabulary.get(match[1]) if match[1] in ROLES else None
        if entry is None:
            return match[0]
        if entry.name is None:
            raise SettingError(
                f"the role `{match[1]}` stands for every event; here one must be named",
                hint="Name one event for it in the vocabulary.",
            )
        return entry.name

    return _ROLE.sub(name, text)
