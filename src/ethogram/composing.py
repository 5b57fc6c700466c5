"""Composition of messages: from those that are about to be sent to letters, with what is known of each person now.

Reads templates, consents, devices, catalogues and coupons (ledger), traits (handed in); takes coupon codes. Works on
sets of messages: what many need is read once. The gate is asked first, and finds the addresses on its way.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from ethogram.clock import Clock
from ethogram.decide import standing
from ethogram.decide.eligibility import EVERYWHERE
from ethogram.deliver.templates.rendering import Templates
from ethogram.deliver.templates.variables import Items, Root, TemplateUses, uses
from ethogram.errors import DefinitionError
from ethogram.model import template as templates_model
from ethogram.model.eligibility import Rules
from ethogram.model.message import Letter, Maker, Message, Unrenderable, Verdict
from ethogram.model.template import Template
from ethogram.store import catalogs, coupons, definitions
from ethogram.store.database import Database

# Some traits of people at an instant, by id.
Traits = Callable[[Sequence[str], Collection[str], dt.datetime], Mapping[str, Mapping[str, Any]]]
_ALWAYS = ("language", "locale", "timezone")
_RULES_FRESH = dt.timedelta(seconds=5)  # a rule that was changed holds after this for what is sent
_KEPT = 20_000  # addresses that wait to be used


@dataclass(frozen=True, slots=True)
class Known:
    """What the process with the warehouse hands in.

    Attributes:
        traits: of people.
        account_traits: of the accounts that people belong to.
    """

    traits: Traits
    account_traits: Traits


@dataclass(frozen=True, slots=True)
class _Form:
    """A template with what it asks for."""

    template: Template
    uses: TemplateUses

    def traits(self, root: Root) -> set[str]:
        return {name.split(".")[0] for name in self.uses.variables.get(root, ()) if name}


class Composer:
    """Judges messages once more and renders them.

    Args:
        zone: the workspace's.
    """

    def __init__(self, database: Database, known: Known, templates: Templates, zone: ZoneInfo, clock: Clock) -> None:
        self._database = database
        self._known = known
        self._templates = templates
        self._zone = zone
        self._clock = clock
        self._forms: dict[tuple[str, int], _Form] = {}
        self._addresses: dict[int, tuple[str, ...]] = {}
        self._rules: tuple[dt.datetime, Rules] | None = None

    def rules(self) -> Rules:
        """The workspace's rules, as they were some seconds ago at most."""
        now = self._clock.now()
        if self._rules is None or abs(now - self._rules[0]) > _RULES_FRESH:
            self._rules = (now, standing.rules_of(self._database))
        return self._rules[1]

    def gate(self, messages: Sequence[Message], now: dt.datetime) -> list[Verdict]:
        """Whether each message may be sent now."""
        ids = list({message.wanted.profile_id for message in messages})
        traits = self._known.traits(ids, standing.TRAITS, now)
        rules = self.rules()
        with self._database.reading() as connection:
            found = standing.recheck(
                connection, [message.wanted for message in messages], traits, rules, self._zone, now
            )
        if len(self._addresses) > _KEPT:
            self._addresses = {}
        for message, (_, addresses) in zip(messages, found, strict=True):
            self._addresses[message.number] = addresses
        return [verdict for verdict, _ in found]

    def compose(self, messages: Sequence[Message]) -> list[Letter | Sequence[Letter] | Unrenderable]:
        """What each message says, as a letter for each address it goes to; or why it says nothing."""
        now = self._clock.now()
        forms = self._forms_of({message.wanted.template for message in messages})
        ids = list({message.wanted.profile_id for message in messages})
        found = [form for form in forms.values() if isinstance(form, _Form)]
        wanted = set(_ALWAYS).union(*(form.traits(Root.PROFILE) for form in found))
        of_accounts = set[str]().union(*(form.traits(Root.ACCOUNT) for form in found))
        traits = self._known.traits(ids, sorted(wanted), now)
        accounts = self._known.account_traits(ids, sorted(of_accounts), now) if of_accounts else {}
        items = self._items(found, messages, forms)
        codes = self._codes(messages, forms, now)
        composed: list[Letter | Sequence[Letter] | Unrenderable] = []
        for message in messages:
            form = forms[message.wanted.template]
            if isinstance(form, Unrenderable):
                composed.append(form)
                continue
            lacking = [pool for pool in form.uses.coupons if pool not in codes.get(message.id, {})]
            if lacking:
                composed.append(Unrenderable(f"the pool of coupons `{lacking[0]}` has no code left"))
                continue
            id_ = message.wanted.profile_id
            variables = {
                **_data(message),
                "profile": traits.get(id_, {}),
                "account": accounts.get(id_, {}),
                "catalog": items,
                "coupon": codes.get(message.id, {}),
            }
            content = self._templates.render(form.template, variables, now=now, message_id=message.id)
            if isinstance(content, Unrenderable):
                composed.append(content)
                continue
            addresses = self._addresses.pop(message.number, ())
            if message.wanted.channel in EVERYWHERE:
                addresses = ("",)
            composed.append(
                [
                    Letter(_letter_id(message, address, len(addresses)), address, content, message.wanted.expires_at)
                    for address in addresses
                ]
            )
        return composed

    def _forms_of(self, names: Collection[str]) -> dict[str, _Form | Unrenderable]:
        """The newest version of each template."""
        found: dict[str, _Form | Unrenderable] = {}
        for name in names:
            with self._database.reading() as connection:
                saved = definitions.find(connection, templates_model.KIND, name)
            if saved is None:
                found[name] = Unrenderable(f"there is no template `{name}` any more")
                continue
            key = (name, saved.version)
            if key not in self._forms:
                try:
                    template = Template.from_body(name, saved.body, version=saved.version)
                    self._forms[key] = _Form(template, uses(self._templates, template))
                except DefinitionError as error:
                    found[name] = Unrenderable(error.message)
                    continue
            found[name] = self._forms[key]
        return found

    def _items(
        self, forms: Sequence[_Form], messages: Sequence[Message], by_name: Mapping[str, _Form | Unrenderable]
    ) -> dict[str, Items]:
        """The catalogues that templates look into, with the items that their messages are known to ask for."""
        names = {use.catalog for form in forms for use in form.uses.items}
        items = {name: Items(_fetching(self._database, name)) for name in names}
        for name, catalog in items.items():
            asked = (
                _item_id(use.id, message)
                for message in messages
                if isinstance(form := by_name[message.wanted.template], _Form)
                for use in form.uses.items
                if use.catalog == name
            )
            catalog.prefetch(id_ for id_ in asked if id_ is not None)
        return items

    def _codes(
        self, messages: Sequence[Message], forms: Mapping[str, _Form | Unrenderable], now: dt.datetime
    ) -> dict[str, dict[str, str]]:
        """The coupon codes of messages, by message and pool."""
        wanting: dict[str, dict[str, str]] = {}
        for message in messages:
            form = forms[message.wanted.template]
            for pool in form.uses.coupons if isinstance(form, _Form) else ():
                wanting.setdefault(pool, {})[message.id] = message.wanted.profile_id
        found: dict[str, dict[str, str]] = {}
        for pool, people in wanting.items():
            with self._database.writing() as connection:
                for id_, code in coupons.take_many(connection, pool, people, now).items():
                    found.setdefault(id_, {})[pool] = code
        return found


def _data(message: Message) -> dict[str, Any]:
    """What made a message, and what started that."""
    origin, data = message.wanted.origin, message.wanted.data
    made = {"name": origin.name, "version": origin.version, "variant": origin.variant, "step": origin.step}
    maker = "journey" if origin.maker is Maker.JOURNEY else "campaign"
    return {"event": data, "trigger": data, maker: made}


def _item_id(said: str | tuple[Any, ...] | None, message: Message) -> str | None:
    """The id of an item, as the template says it or as what started the message has it."""
    if said is None or isinstance(said, str):
        return said
    value: Any = _data(message)
    for part in said:
        if isinstance(value, Mapping) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _fetching(database: Database, name: str) -> Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]:
    return lambda ids: catalogs.items(database, name, ids)


def _letter_id(message: Message, address: str, count: int) -> str:
    """The message's id; where it goes to several devices, each letter has its own, the same at every attempt."""
    if count <= 1:
        return message.id
    return f"{message.id}.{hashlib.blake2b(address.encode(), digest_size=6).hexdigest()}"
