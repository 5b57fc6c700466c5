"""The definitions of engagement: templates, topics, campaigns and the like, each checked against the others.

Composition over the ledger alone, so it works beside a running server. Reads and writes definitions and reads names of
segments; what a campaign does once it is started is in `campaigning.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.decide.campaigns.occurrences import check_cron
from ethogram.decide.journeys.matching import checks as checks_of_journeys
from ethogram.deliver.templates.compiling import faults
from ethogram.errors import DefinitionError, SegmentError, SettingError, UserError
from ethogram.model.campaign import Campaign, Checks, OnEvent, OnItem
from ethogram.model.catalog import KIND as CATALOG
from ethogram.model.catalog import Catalog
from ethogram.model.eligibility import CAP, HOLDOUT, QUIET_HOURS, TOPIC, FrequencyCap, GlobalHoldout, QuietHours, Topic
from ethogram.model.exploration import KIND as EXPLORATION
from ethogram.model.exploration import Exploration
from ethogram.model.item_signal import ItemSignal
from ethogram.model.journey.graph import Journey
from ethogram.model.journey.parts import Branch, Listing, SegmentSignal, Send, Wait
from ethogram.model.provider import KIND as PROVIDER
from ethogram.model.provider import Provider
from ethogram.model.provider_secrets import filled
from ethogram.model.segment import Did
from ethogram.model.template import Template
from ethogram.segment.checker import check
from ethogram.segment.parser import parse
from ethogram.segment.rewrites import references
from ethogram.store import audit, catalogs, definitions
from ethogram.store.definitions import Saved
from ethogram.store.ledger import Ledger

__all__ = ["Definitions", "Saved", "Use", "shown"]

_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Use:
    """What a definition refers to, and where in its document."""

    kind: str
    name: str
    place: str


class _Definition(Protocol):
    def to_body(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of definition is read, and what it refers to."""

    read: Callable[[str, object, Checks], _Definition]
    uses: Callable[[Any], Iterable[Use]]


def _campaign_uses(campaign: Campaign) -> Iterable[Use]:
    for place, names in (("in", campaign.audience.within), ("not_in", campaign.audience.without)):
        for name in names:
            yield Use("segment", name, f"audience.{place}")
    texts = [("audience.where", campaign.audience.where)]
    if isinstance(campaign.when, OnEvent):
        texts.append(("when.event.still", campaign.when.still))
    for place, text in texts:
        if text is not None:
            for name in references(parse(text).condition):
                yield Use("segment", name, place)
    for index, variant in enumerate(campaign.variants):
        yield Use("template", variant.template, f"variants[{index}].template" if variant.name else "template")
    if campaign.topic:
        yield Use("topic", campaign.topic, "topic")
    if isinstance(campaign.when, OnItem):
        yield Use("catalog", campaign.when.signal.catalog, "when.catalog.name")


def _journey_uses(journey: Journey) -> Iterable[Use]:
    """Segments, templates, topics and catalogues, wherever they are named."""
    if isinstance(journey.entry, ItemSignal):
        yield Use("catalog", journey.entry.catalog, "entry.catalog.name")
    signals = [("entry", journey.entry)]
    texts = [("where", journey.where)]
    for number, ending in enumerate(journey.exits):
        signals += [(f"exits[{number}]", ending.signal)] if ending.signal is not None else []
        texts.append((f"exits[{number}].when", ending.when))
    for step in journey.steps:
        place = f"steps.{step.name}"
        match step:
            case Send():
                yield Use("template", step.template, f"{place}.template")
                if step.topic:
                    yield Use(TOPIC, step.topic, f"{place}.topic")
            case Listing():
                yield Use("segment", step.segment, f"{place}.segment")
            case Wait():
                signals += [(place, signal) for signal in step.signals]
            case Branch():
                texts += [(f"{place}.cases[{number}].when", case.when) for number, case in enumerate(step.cases)]
            case _:
                pass
    for place, signal in signals:
        if isinstance(signal, SegmentSignal):
            yield Use("segment", signal.segment, place)
    for place, text in texts:
        for name in references(parse(text).condition) if text is not None else ():
            yield Use("segment", name, place)


def _exploration_uses(asked: Exploration) -> Iterable[Use]:
    """The segment that is named, or those that the text speaks of; a bare name is no text."""
    if asked.segment:
        try:
            named = list(references(parse(asked.segment).condition))
        except SegmentError:
            named = [asked.segment]
        for name in named:
            yield Use("segment", name, "segment")


def _check_event(text: str) -> None:
    """Raises what is wrong with a text as events: `purchase`, `purchase where amount > 10`."""
    if not isinstance(parse(f"did({text})").condition, Did):
        raise SegmentError(f"`{text}` is not an event")


def _plain(read: Callable[[str, object], _Definition]) -> _Kind:
    """A kind that refers to nothing."""
    return _Kind(lambda name, body, _: read(name, body), lambda _: ())


_KINDS: dict[str, _Kind] = {
    TOPIC: _Kind(
        lambda name, body, _: Topic.from_body(name, body),
        lambda topic: [Use("template", topic.confirmation, "confirmation")] if topic.confirmation else [],
    ),
    CAP: _Kind(
        lambda name, body, _: FrequencyCap.from_body(name, body),
        lambda cap: [Use(TOPIC, name, "topics") for name in cap.topics],
    ),
    QUIET_HOURS: _plain(QuietHours.from_body),
    HOLDOUT: _plain(GlobalHoldout.from_body),
    CATALOG: _plain(Catalog.from_body),
    PROVIDER: _plain(Provider.from_body),
    "template": _plain(lambda name, body: Template.from_body(name, body, check=faults)),
    "journey": _Kind(lambda name, body, _: Journey.from_body(name, body, checks=checks_of_journeys()), _journey_uses),
    EXPLORATION: _Kind(lambda name, body, _: Exploration.from_body(name, body, check=_check_event), _exploration_uses),
    "campaign": _Kind(lambda name, body, checks: Campaign.from_body(name, body, checks=checks), _campaign_uses),
}


def shown(saved: Saved) -> Saved:
    """A definition as anybody may see it: secrets that stand in a provider's are hidden."""
    if saved.kind != PROVIDER:
        return saved
    try:
        return replace(saved, body=Provider.from_body(saved.name, saved.body).describe())
    except DefinitionError:  # nobody knows which of its values are secrets
        return replace(saved, body={})


def _check_condition(text: str) -> None:
    """Raises what is wrong with a text as a condition over profiles."""
    definition = parse(text)
    check(definition)
    if definition.entity != "profile":
        raise SegmentError("describes accounts; a message is for a person")


class Definitions:
    """The definitions of a workspace other than segments: `Definitions(path).save("campaign", "spring", {…})`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger: Ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of definitions that there are, beside segments."""
        return tuple(_KINDS)

    def checked(
        self, kind: str, name: str, body: object, *, beside: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, Any]:
        """A definition's document in its usual form.

        Args:
            beside: names by kind that are about to be saved, and so may be referred to.

        Raises:
            DefinitionError: with all faults of the document, names of what is not there among them.
        """
        if kind not in _KINDS:
            raise UserError(f"there is no kind of definition `{kind}`", hint=f"There are {', '.join(_KINDS)}.")
        reader = _KINDS[kind]
        if not name.strip() or len(name) > _NAME_LENGTH or not name.isprintable():
            raise SettingError(f"`{name[:50]}` cannot be the name of a {kind}", hint="Use up to 200 printable letters.")
        if kind == PROVIDER:
            body = filled(name, body, self._provider(name))
        definition = reader.read(name, body, Checks(_check_condition, check_cron))
        missing = [
            (use.place, f"there is no {use.kind} `{use.name}`")
            for use in reader.uses(definition)
            if use.name not in (beside or {}).get(use.kind, ()) and not self._exists(use.kind, use.name)
        ]
        if missing:
            raise DefinitionError(f"{kind} `{name}`", missing)
        return definition.to_body()

    def save(self, kind: str, name: str, body: object, *, actor: str = "local") -> Saved:
        """The saved definition: a new version, unless it says what the newest one says.

        Raises:
            DefinitionError: with all faults of the document.
        """
        checked = self.checked(kind, name, body)
        now = self._clock.now()
        with self._database.writing() as connection:
            saved = definitions.save(connection, kind, name, checked, now)
            if saved.new:
                detail = {"version": saved.version}
                audit.record(connection, actor=actor, verb="save", object=f"{kind}:{name}", detail=detail, now=now)
        return saved

    def get(self, kind: str, name: str, version: int | None = None) -> Saved:
        """A definition, at its newest version unless told otherwise.

        Raises:
            UnknownNameError: there is none.
        """
        return definitions.get(self._database, kind, name, version)

    def listed(self, kind: str) -> tuple[Saved, ...]:
        """Every definition of a kind, by name."""
        return definitions.listed(self._database, kind)

    def versions(self, kind: str, name: str) -> tuple[Saved, ...]:
        """Every version of a definition, oldest first."""
        return definitions.versions(self._database, kind, name)

    def used_by(self, kind: str, name: str) -> tuple[tuple[str, str], ...]:
        """The definitions that refer to another one, as kind and name."""
        return tuple(
            (user, saved.name)
            for user, reader in _KINDS.items()
            for saved in self.listed(user)
            if any(
                (use.kind, use.name) == (kind, name)
                for use in reader.uses(reader.read(saved.name, saved.body, Checks()))
            )
        )

    def users(self, kind: str) -> dict[str, tuple[tuple[str, str], ...]]:
        """The definitions that refer to any of a kind, as kind and name, by the name that they refer to."""
        found: dict[str, list[tuple[str, str]]] = {}
        for user, reader in _KINDS.items():
            for saved in self.listed(user):
                uses = reader.uses(reader.read(saved.name, saved.body, Checks()))
                for name in {use.name for use in uses if use.kind == kind}:
                    found.setdefault(name, []).append((user, saved.name))
        return {name: tuple(users) for name, users in found.items()}

    def remove(self, kind: str, name: str, *, actor: str = "local") -> Saved:
        """The definition that is removed; its versions stay on record, for what was sent by them.

        Raises:
            UnknownNameError: there is none.
            UserError: another definition refers to it.
        """
        saved = self.get(kind, name)
        users = self.used_by(kind, name)
        if users:
            told = ", ".join(f"{user} `{other}`" for user, other in users)
            raise UserError(f"{kind} `{name}` is used by {told}", hint="Change or remove these first.")
        now = self._clock.now()
        with self._database.writing() as connection:
            if definitions.remove(connection, kind, name, now):
                if kind == CATALOG:
                    catalogs.replace(connection, name, {}, now)  # its items go with it
                audit.record(connection, actor=actor, verb="remove", object=f"{kind}:{name}", detail={}, now=now)
        return saved

    def _provider(self, name: str) -> Provider | None:
        with self._database.reading() as connection:
            saved = definitions.find(connection, PROVIDER, name)
        try:
            return Provider.from_body(name, saved.body) if saved is not None else None
        except DefinitionError:  # saved by a release that knew other settings: none of it stands for a secret
            return None

    def _exists(self, kind: str, name: str) -> bool:
        if kind == "segment":
            return any(segment.name == name for segment in self._ledger.segments())
        with self._database.reading() as connection:
            return definitions.find(connection, kind, name) is not None
