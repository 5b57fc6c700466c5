"""What messages say: the variables of each are put together, and its template rendered.

Step of the path: deliver. Reads templates and catalogues and takes coupon codes (ledger); who people are comes in as a
function. Works on sets of messages, in a few statements. A code is taken only for a message that can be sent: it is
rendered once with a stand-in, and again with its code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ethogram.deliver.templates.preview import Preview, preview
from ethogram.deliver.templates.rendering import Templates
from ethogram.deliver.templates.shipped import shipped
from ethogram.deliver.templates.variables import Items, MissingVariables, TemplateUses, missing, uses
from ethogram.errors import DefinitionError
from ethogram.model import template as template_model
from ethogram.model.message import Channel, Content, Unrenderable, Wanted
from ethogram.model.template import Template
from ethogram.store import catalogs, coupons, definitions

if TYPE_CHECKING:
    from ethogram.store.database import Database

_STAND_IN = "CODE-0000-0000"  # as long as codes usually are
_KEPT = 500  # templates


@dataclass(frozen=True, slots=True)
class Person:
    """What templates know of somebody.

    Attributes:
        traits: the profile's, computed ones among them.
        account: the traits of the account that the profile belongs to.
        more: other variables, by their first name: `segment`, `recommendations`.
    """

    traits: Mapping[str, Any] = field(default_factory=dict)
    account: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


# The people of some ids; one that is not there has no traits.
People: TypeAlias = Callable[[Sequence[str]], Mapping[str, Person]]
NOBODY = Person()


class Contents:
    """Renders messages.

    Args:
        people: knows the traits of profiles.
    """

    def __init__(self, database: Database, templates: Templates, people: People) -> None:
        self._database = database
        self._templates = templates
        self._people = people
        self._known: dict[tuple[str, int], tuple[Template, TemplateUses]] = {}

    def said(
        self, wanted: Sequence[Wanted], now: dt.datetime, people: Mapping[str, Person] | None = None
    ) -> list[Content | Unrenderable]:
        """What messages say, in their order; asked again for the same message, it says the same code.

        Args:
            people: what is known of them, where that was asked just now.
        """
        found = self._read({each.template for each in wanted})
        if people is None:
            people = self._people(list(dict.fromkeys(each.profile_id for each in wanted)))
        drafts = [self._draft(each, found.get(each.template), people.get(each.profile_id, NOBODY)) for each in wanted]
        self._add_items([draft for draft in drafts if isinstance(draft, _Draft)])
        contents = [self._render(draft, now) for draft in drafts]
        asking = {
            index: draft
            for index, draft in enumerate(drafts)
            if isinstance(draft, _Draft) and draft.codes.asked and not isinstance(contents[index], Unrenderable)
        }
        if asking:
            self._take_codes(list(asking.values()), now)
            for index, draft in asking.items():
                empty = [pool for pool in draft.codes.asked if pool not in draft.codes.given]
                contents[index] = (
                    Unrenderable(f"the coupon pool `{empty[0]}` has run out; add codes to it")
                    if empty
                    else self._render(draft, now)
                )
        return contents

    def preview(
        self,
        template: Template,
        profile_id: str | None,
        now: dt.datetime,
        *,
        data: Mapping[str, Any] | None = None,
        language: str | None = None,
    ) -> Preview:
        """What somebody would get; its coupon codes are stand-ins.

        Args:
            profile_id: None is somebody without traits.
            data: what would start it.

        Raises:
            DefinitionError: the template cannot be used.
        """
        person = self._people([profile_id]).get(profile_id, NOBODY) if profile_id is not None else NOBODY
        row = self._sample(template, [person], data or {})[0]
        return preview(self._templates, template, row, now=now, language=language)

    def missing(
        self, template: Template, profile_ids: Sequence[str], now: dt.datetime, *, data: Mapping[str, Any] | None = None
    ) -> MissingVariables:
        """What a template lacks for people, before anything is sent; give a sample of a large audience.

        Raises:
            DefinitionError: the template cannot be used.
        """
        known = self._people(profile_ids)
        rows = self._sample(template, [known.get(each, NOBODY) for each in profile_ids], data or {})
        return missing(self._templates, template, rows, now=now)

    def _sample(self, template: Template, people: Sequence[Person], data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        drafts = [_Draft(template, uses(self._templates, template), _variables(each, data), "") for each in people]
        self._add_items(drafts)
        return [draft.variables for draft in drafts]

    def _read(self, names: Iterable[str]) -> dict[str, tuple[Template, TemplateUses] | str]:
        """The newest versions of templates, or why one cannot be used."""
        found: dict[str, tuple[Template, TemplateUses] | str] = {}
        with self._database.reading() as connection:
            saved = {name: definitions.find(connection, template_model.KIND, name) or shipped(name) for name in names}
        for name, version in saved.items():
            if version is None:
                found[name] = f"there is no template `{name}`"
                continue
            known = self._known.get((name, version.version))
            if known is None:
                try:
                    template = Template.from_body(name, version.body, version=version.version)
                    known = (template, uses(self._templates, template))
                except DefinitionError as error:  # saved by a version that knew other rules
                    found[name] = error.message
                    continue
                if len(self._known) >= _KEPT:
                    self._known = {}
                self._known[name, version.version] = known
            found[name] = known
        return found

    def _draft(
        self, wanted: Wanted, found: tuple[Template, TemplateUses] | str | None, person: Person
    ) -> _Draft | Unrenderable:
        if found is None or isinstance(found, str):
            return Unrenderable(found or f"there is no template `{wanted.template}`")
        template, used = found
        if not _speaks(template.channel, wanted.channel):
            return Unrenderable(f"the template `{template.name}` is for {template.channel}, not for {wanted.channel}")
        origin = wanted.origin
        about = {"name": origin.name, "version": origin.version, "variant": origin.variant, "step": origin.step}
        variables = _variables(person, wanted.data) | {origin.maker.value: about}
        return _Draft(template, used, variables, wanted.id, wanted.profile_id)

    def _render(self, draft: _Draft | Unrenderable, now: dt.datetime) -> Content | Unrenderable:
        if isinstance(draft, Unrenderable):
            return draft
        return self._templates.render(draft.template, draft.variables, now=now, message_id=draft.message_id)

    def _add_items(self, drafts: Sequence[_Draft]) -> None:
        """Gives the drafts their catalogues, and reads what is known that they will ask for."""
        wanted: dict[str, set[str]] = {}
        for draft in drafts:
            for use in draft.uses.items:
                id_ = use.id if isinstance(use.id, str) else _value(draft.variables, use.id or ())
                wanted.setdefault(use.catalog, set()).update([str(id_)] if isinstance(id_, (str, int)) else [])
        shelves = {name: Items(self._fetch(name)) for name in wanted}
        for name, ids in wanted.items():
            shelves[name].prefetch(sorted(ids))
        for draft in drafts:
            draft.variables["catalog"] = shelves

    def _fetch(self, catalog: str) -> Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]:
        return lambda ids: catalogs.items(self._database, catalog, ids)

    def _take_codes(self, drafts: Sequence[_Draft], now: dt.datetime) -> None:
        """Takes a code for each that asks."""
        by_id = {draft.message_id: draft for draft in drafts}
        pools = sorted({pool for draft in drafts for pool in draft.codes.asked})
        with self._database.writing() as connection:
            for pool in pools:  # in one order, so that two processes never wait for each other
                asking = {draft.message_id: draft.profile_id for draft in drafts if pool in draft.codes.asked}
                for message_id, code in coupons.take_many(connection, pool, asking, now).items():
                    by_id[message_id].codes.given[pool] = code


@dataclass(slots=True)
class _Draft:
    """A message that is being put together."""

    template: Template
    uses: TemplateUses
    variables: dict[str, Any]
    message_id: str
    profile_id: str = ""

    @property
    def codes(self) -> _Codes:
        found = self.variables["coupon"]
        assert isinstance(found, _Codes)
        return found


class _Codes(Mapping[str, str]):
    """A message's coupon codes; notes which pools it asks for."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        self.asked: dict[str, None] = {}

    def __getitem__(self, pool: str) -> str:
        self.asked.setdefault(pool)
        return self.given.get(pool, _STAND_IN)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _variables(person: Person, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **person.more,
        "profile": person.traits,
        "account": person.account,
        "event": data,
        "trigger": data,
        "waited": data.get("waited"),
        "coupon": _Codes(),
    }


def _value(variables: Mapping[str, Any], path: Sequence[Any]) -> Any:
    """The value of a path; None where rendering has to tell."""
    if not path:
        return None
    found: Any = variables if path[0] in variables else variables["profile"]
    for step in path:
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            return None
    return None if isinstance(found, bool) else found


def _speaks(template: Channel, channel: Channel) -> bool:
    """Whether a template says something on a channel; texts and notifications are alike on two channels each."""
    alike = ({Channel.SMS, Channel.WHATSAPP}, {Channel.PUSH, Channel.WEBPUSH})
    return template is channel or any({template, channel} <= pair for pair in alike)
