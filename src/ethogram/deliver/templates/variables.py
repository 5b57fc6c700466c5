"""Which variables a template uses, and how many people lack one, before anything is sent.

Step of the path: deliver. Pure. What a template asks for is read from its tree; who lacks it is found by rendering it
for them, so that an `if` or a `default` around a variable counts as what it is.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ethogram.deliver.templates.rendering import Templates
from ethogram.model.message import Unrenderable
from ethogram.model.template import Template


class Root(StrEnum):
    """Where a variable comes from. A name that is none of these is a trait."""

    PROFILE = "profile"
    ACCOUNT = "account"
    EVENT = "event"
    TRIGGER = "trigger"
    WAITED = "waited"
    SEGMENT = "segment"
    CAMPAIGN = "campaign"
    JOURNEY = "journey"
    CATALOG = "catalog"
    COUPON = "coupon"
    RECOMMENDATIONS = "recommendations"
    OURS = "ours"  # now, today, and the addresses for unsubscribing and the like


_OURS = ("now", "today", "unsubscribe_url", "preferences_url", "view_url", "confirm_url")
_ROOTS = {each.value: each for each in Root if each is not Root.OURS}


@dataclass(frozen=True, slots=True)
class CatalogUse:
    """An item that a template looks up.

    Attributes:
        id: the id itself, or the path of the variable that holds it; None where only rendering tells.
    """

    catalog: str
    id: str | tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class TemplateUses:
    """What a template asks for.

    Attributes:
        variables: by where they come from: names of traits, properties and so on.
        items: of catalogues.
        coupons: the pools that codes are taken from.
        addresses: which of our own it shows, such as `unsubscribe_url`.
    """

    variables: Mapping[Root, tuple[str, ...]]
    items: tuple[CatalogUse, ...] = ()
    coupons: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def uses(templates: Templates, template: Template) -> TemplateUses:
    """What a template asks for, in any of its languages.

    Raises:
        DefinitionError: it cannot be used.
    """
    found: dict[Root, dict[str, None]] = {}
    items: dict[CatalogUse, None] = {}
    for piece in templates.compiled(template).pieces():
        for path in piece.uses.variables:
            root, name = _named(path)
            found.setdefault(root, {}).setdefault(name)
            if root is Root.CATALOG and len(path) > 1 and isinstance(path[1], str):
                id_ = path[2] if len(path) > 2 and isinstance(path[2], (str, tuple)) else None
                items.setdefault(CatalogUse(path[1], id_))
    return TemplateUses(
        {root: tuple(sorted(names)) for root, names in found.items()},
        tuple(items),
        tuple(name.split(".")[0] for name in sorted(found.get(Root.COUPON, {})) if name),
        tuple(sorted(found.get(Root.OURS, {}))),
    )


def _named(path: tuple[Any, ...]) -> tuple[Root, str]:
    first = str(path[0])
    if first in _OURS:
        return Root.OURS, first
    root = _ROOTS.get(first)
    rest = path[1:] if root is not None else path
    words = [str(each) for each in rest if isinstance(each, (str, int))]
    return root or Root.PROFILE, ".".join(words)


@dataclass(frozen=True, slots=True)
class MissingVariables:
    """What a template lacks for some people.

    Attributes:
        people: how many it was tried for.
        variables: the share of them that lack each; the largest first.
        others: how many it cannot be rendered for, by any other reason.
        refused: the share that would get nothing.
    """

    people: int
    variables: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)
    refused: float = 0.0


def missing(
    templates: Templates, template: Template, rows: Iterable[Mapping[str, Any]], *, now: dt.datetime
) -> MissingVariables:
    """What a template lacks for people; give a sample of a large audience.

    Args:
        rows: the variables of each.
    """
    people = refused = 0
    lacking: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for row in rows:
        people += 1
        names: set[str] = set()
        content = templates.render(template, row, now=now, message_id="preview", missing=names)
        lacking.update(names)
        if isinstance(content, Unrenderable) and not names:
            others[content.reason] += 1
        refused += bool(names) or isinstance(content, Unrenderable)
    if not people:
        return MissingVariables(0)
    shares = {name: count / people for name, count in lacking.most_common()}
    return MissingVariables(people, shares, dict(others.most_common(20)), refused / people)


class Items(Mapping[str, Any]):
    """A catalogue as templates see it: `catalog.products['a1'].title`; items are read when they are asked for.

    Args:
        fetch: reads items by their ids.
        most: how many are kept; a template asks for a few.
    """

    def __init__(self, fetch: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]], most: int = 100_000) -> None:
        self._fetch = fetch
        self._most = most
        self._known: dict[str, Mapping[str, Any] | None] = {}

    def prefetch(self, ids: Iterable[str]) -> None:
        """Reads many items at once, before rendering asks for them one by one."""
        wanted = [id_ for id_ in dict.fromkeys(ids) if id_ not in self._known]
        if wanted:
            if len(self._known) + len(wanted) > self._most:
                self._known = {}
            found = self._fetch(wanted)
            self._known.update({id_: found.get(id_) for id_ in wanted})

    def __getitem__(self, id_: object) -> Mapping[str, Any]:
        key = str(id_) if isinstance(id_, (str, int)) and not isinstance(id_, bool) else ""
        if key and key not in self._known:
            self.prefetch([key])
        item = self._known.get(key)
        if item is None:
            raise KeyError(id_)
        return item

    def __iter__(self) -> Iterator[str]:
        return iter(())  # a template looks up; it does not list a catalogue

    def __len__(self) -> int:
        return 0
