"""Names in a segment that were never seen, and what was probably meant.

Step of the path: segment, language half; a part of the checker. Reads the names of a text and what is known; writes
warnings. An unknown name is no error: segments are often written before the first event arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ethogram.model.results import Warned
from ethogram.model.segment import Entity
from ethogram.segment.syntax import name_text, nearest, path_text, quoted_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from ethogram.segment.name_parser import NameUse
    from ethogram.segment.parser import Located


@dataclass(frozen=True, slots=True)
class Known:
    """What was received so far: events with their counts, the properties of each, traits with the number of profiles
    that have them, and the names of saved segments. A score is the trait `$score.<name>`.

    `account_traits` are those of accounts; without them, a trait of an account is looked for in `traits`.
    """

    events: Mapping[str, int] = field(default_factory=dict)
    properties: Mapping[str, Collection[str]] = field(default_factory=dict)
    traits: Mapping[str, int] = field(default_factory=dict)
    segments: Collection[str] = ()
    account_traits: Mapping[str, int] | None = None


def warnings(located: Located, known: Known) -> tuple[Warned, ...]:
    """One warning for each name that was never seen, at its first place in the text."""
    found: dict[tuple[object, ...], Warned] = {}
    of_account = located.definition.entity is Entity.ACCOUNT
    for use in located.names:
        key = (use.kind, use.name, use.event, use.of)
        if key not in found and (warned := _warned(use, known, of_account=of_account)):
            found[key] = warned
    return tuple(found.values())


def _warned(use: NameUse, known: Known, *, of_account: bool) -> Warned | None:
    match use.kind:
        case "event":
            return _unless_known(use, use.name, known.events, f"no event '{use.name}' was ever received", "received")
        case "property":
            return _property(use, known)
        case "segment":
            return _unless_known(use, use.name, known.segments, f"there is no segment '{use.name}'")
        case "score":
            problem = f"no score '{use.name}' was ever computed"
            scores = {name.removeprefix("$score."): 0 for name in known.traits if name.startswith("$score.")}
            return _unless_known(use, use.name, scores, problem)
        case "trait":
            return _trait(use, known, of_account=of_account)


def _property(use: NameUse, known: Known) -> Warned | None:
    if use.event is None:
        names = {name for properties in known.properties.values() for name in properties}
        return _unless_known(use, use.name, names, f"no event with a property '{use.name}' was ever received")
    if use.event not in known.events:
        return None  # the event itself is warned about
    problem = f"no event '{use.event}' with a property '{use.name}' was ever received"
    return _unless_known(use, use.name, known.properties.get(use.event, ()), problem)


def _trait(use: NameUse, known: Known, *, of_account: bool) -> Warned | None:
    account = of_account or use.of is Entity.ACCOUNT
    names = known.account_traits if account and known.account_traits is not None else known.traits
    problem = f"no {'account' if account else 'profile'} has a trait '{use.name}'"
    if use.of is Entity.PROFILE and use.name in known.events and use.name not in names:
        hint = f"did({name_text(use.name)})"
        message = f"{problem}, but there is an event of that name; did you mean {hint}?"
        return Warned(message, use.line, use.column, hint)
    return _unless_known(use, use.name, names, problem, f"{'accounts' if account else 'profiles'} have it")


def _unless_known(
    use: NameUse, name: str, names: Collection[str] | Mapping[str, int], problem: str, counted: str = ""
) -> Warned | None:
    if _holds(names, name):
        return None
    near = nearest(name, names)
    if near is None:
        if use.compared and "." not in name:
            text = quoted_text(name)
            return Warned(f"{problem}; for the text write {text}", use.line, use.column, text)
        return Warned(problem, use.line, use.column)
    behind = f" ({names[near]:,} {counted})" if counted and isinstance(names, Mapping) else ""
    suggestion = path_text(near) if use.kind in {"trait", "property"} else name_text(near)
    if use.kind == "segment":
        suggestion = quoted_text(near)
    return Warned(f"{problem}; did you mean '{near}'?{behind}", use.line, use.column, suggestion)


def _holds(names: Collection[str], name: str) -> bool:
    """Whether a name, or an object or a part inside it, is known: `address` and `address.city` stand for each other."""
    if name in names:
        return True
    parts = name.split(".")
    if any(".".join(parts[:length]) in names for length in range(1, len(parts))):
        return True
    return any(known.startswith(f"{name}.") for known in names)
