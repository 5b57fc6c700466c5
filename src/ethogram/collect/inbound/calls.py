"""A payload as calls of the tracking spec, as a mapping says.

Step of the path: collect. A mapping is prepared once: its paths are read, its mistakes told. Applying it to whatever
payload raises nothing: what is not there is left out, and whether a call can be kept is judged where all calls are
(`payload.py`). The work is bounded by the size of the payload and of the mapping.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from collections.abc import Mapping as Plain
from dataclasses import dataclass
from typing import Any

from ethogram.collect.inbound import paths, readers
from ethogram.collect.inbound.mapping import Call, Mapping, Spec, wrong
from ethogram.collect.inbound.paths import MISSING, Scope, said
from ethogram.collect.inbound.readers import Read, Test

MOST_ITEMS = 5_000
MOST_CALLS = 10_000
# The field of a call -> its name in a mapping.
_SAID = {
    "userId": "profile_id", "anonymousId": "anonymous_id", "groupId": "account_id", "previousId": "previous_id",
}  # fmt: skip
_HOLDS = ("track", "page", "screen")  # calls with properties


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a payload means.

    Attributes:
        calls: in the form that the collection API takes.
        items: how many there are in the payload.
        skipped: how many of them the mapping has no call for.
    """

    calls: tuple[dict[str, Any], ...]
    items: int
    skipped: int


class TooManyError(Exception):
    """A payload with more items, or a mapping that makes more calls of it, than one request may hold."""


@dataclass(frozen=True, slots=True)
class _Maker:
    """One call of a mapping, prepared."""

    call: str
    fits: Test
    items: paths.Path | None
    event: Read | None
    ids: tuple[tuple[str, Read], ...]  # name of the field in a call, and where it is
    timestamp: Read | None
    message_id: tuple[Read, ...]
    content: tuple[tuple[str, Read], ...]
    spread: tuple[Read, ...]


class Prepared:
    """A mapping, ready to be applied.

    Raises:
        InputError: something in it is wrong; says what and where.
    """

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self._items = readers.path_of(mapping.items, "items")
        self._fits = readers.conditions(mapping.when, mapping.unless, mapping.has, "")
        if not mapping.calls:
            raise wrong("calls", "there is none; a mapping says what an item becomes")
        self._makers = [_maker(mapping, call, f"calls[{at}]") for at, call in enumerate(mapping.calls)]

    def apply(self, payload: Any, headers: Plain[str, str], source: str) -> Mapped:
        """What a payload means.

        Args:
            headers: of the request, by lower-case name.
            source: its name begins each message's id, and is in each event's context.

        Raises:
            TooManyError: it holds more than one request may.
        """
        calls: list[dict[str, Any]] = []
        count = skipped = 0
        for item in _items(self._items, Scope(payload, payload, headers)):
            count += 1
            before = len(calls)
            scope = Scope(payload, item, headers)
            if self._fits(scope):
                for made in self._made(scope, source):
                    calls.append(made)
                    if len(calls) > MOST_CALLS:
                        raise TooManyError(f"the payload becomes more than {MOST_CALLS:,} events")
            skipped += len(calls) == before
        return Mapped(tuple(calls), count, skipped)

    def _made(self, scope: Scope, source: str) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        for maker in self._makers:
            for inner in _items(maker.items, scope) if maker.items is not None else (scope.item,):
                own = Scope(scope.payload, inner, scope.headers)
                if not maker.fits(own):
                    continue
                call = _made(maker, own, source)
                if call is None:
                    continue
                base, again = call["messageId"], 1
                while call["messageId"] in seen:  # two calls of one kind from one item are two things
                    again += 1
                    call["messageId"] = f"{base}:{again}"
                seen.add(call["messageId"])
                yield call


def _items(path: paths.Path, scope: Scope) -> list[Any]:
    found = path.find(scope)
    if found is MISSING:
        return []
    items = found if isinstance(found, list) else [found]
    if len(items) > MOST_ITEMS:
        raise TooManyError(f"the payload has {len(items):,} items; the most is {MOST_ITEMS:,}")
    return items


def _made(maker: _Maker, scope: Scope, source: str) -> dict[str, Any] | None:
    call: dict[str, Any] = {"type": maker.call}
    if maker.event is not None:
        name = said(maker.event(scope))
        if not name:
            return None
        call["event"] = name
    for key, read in maker.ids:
        found = read(scope)
        if isinstance(found, list):
            found = found[0] if found else MISSING
        if found is not MISSING:
            call[key] = found
    if maker.timestamp is not None:
        at = maker.timestamp(scope)
        if at is not MISSING:
            call["timestamp"] = at
    content: dict[str, Any] = {}
    for read in maker.spread:
        found = read(scope)
        if isinstance(found, dict):
            content |= found
    content |= {name: found for name, read in maker.content if (found := read(scope)) is not MISSING}
    if maker.call in _HOLDS:
        call["properties"] = content
        call["context"] = {"source": source}
    elif maker.call != "alias":
        if maker.call == "identify" and not content:
            return None
        call["traits"] = content
    call["messageId"] = _message_id(maker, scope, call.get("event", maker.call), source)
    return call


def _message_id(maker: _Maker, scope: Scope, name: str, source: str) -> str:
    """What is the same when the provider sends the thing again: its own name of it, else a hash of all that it says."""
    parts = [text for read in maker.message_id if (text := said(read(scope)))]
    if len(parts) < max(len(maker.message_id), 1):
        whole = json.dumps(scope.item, sort_keys=True, default=str).encode()
        parts.append(hashlib.blake2b(whole, digest_size=16).hexdigest())
    return ":".join((source, *parts, name))


# --- preparing -------------------------------------------------------------------------------------------------------


def _maker(mapping: Mapping, call: Call, place: str) -> _Maker:
    event = None
    if call.call == "track":
        if call.event is None:
            raise wrong(f"{place}.event", "a `track` call needs the event's name", 'Write `event = "order_completed"`.')
        event = (
            readers.template(call.event, f"{place}.event")
            if isinstance(call.event, str)
            else readers.reader(call.event, f"{place}.event")
        )
    elif call.event is not None:
        raise wrong(f"{place}.event", f"a call `{call.call}` has no event", "Only `track` has one.")
    ids = {
        "userId": _own(call.profile_id, mapping.profile_id),
        "anonymousId": _own(call.anonymous_id, mapping.anonymous_id),
        "groupId": _own(call.account_id, mapping.account_id) if call.call == "group" else None,
        "previousId": call.previous_id if call.call == "alias" else None,
    }
    if call.call == "group" and ids["groupId"] is None:
        raise wrong(f"{place}.account_id", "a `group` call needs the account's id")
    if call.call == "alias" and ids["previousId"] is None:
        raise wrong(f"{place}.previous_id", "an `alias` call needs the other id")
    if ids["userId"] is None and ids["anonymousId"] is None:
        raise wrong(f"{place}.profile_id", "nothing says whose this is", 'Write `profile_id = "email"`, for one.')
    has_properties = call.call in _HOLDS
    for unfit in ("traits", "traits_from") if has_properties else ("properties", "properties_from"):
        if getattr(call, unfit):
            raise wrong(f"{place}.{unfit}", f"a call `{call.call}` has no {unfit.partition('_')[0]}")
    content, spread = (call.properties, call.properties_from) if has_properties else (call.traits, call.traits_from)
    what = "properties" if has_properties else "traits"
    given = [(f"{place}.{what}.{name}", name, spec) for name, spec in content.items()]
    wide = [(f"{place}.{what}_from[{at}]", spec) for at, spec in enumerate(spread)]
    if has_properties:
        wide = [*((f"properties_from[{at}]", spec) for at, spec in enumerate(mapping.properties_from)), *wide]
        given = [*((f"properties.{name}", name, spec) for name, spec in mapping.properties.items()), *given]
    timestamp = _own(call.timestamp, mapping.timestamp)
    named = call.message_id or mapping.message_id or []
    return _Maker(
        call=call.call,
        fits=readers.conditions(call.when, call.unless, call.has, f"{place}."),
        items=readers.path_of(call.items, f"{place}.items") if call.items is not None else None,
        event=event,
        ids=tuple(
            (key, readers.reader(spec, f"{place}.{_SAID[key]}")) for key, spec in ids.items() if spec is not None
        ),
        timestamp=readers.reader(timestamp, f"{place}.timestamp") if timestamp is not None else None,
        message_id=tuple(
            readers.first([each], f"{place}.message_id") for each in ([named] if isinstance(named, str) else named)
        ),
        content=tuple((name, readers.reader(spec, at)) for at, name, spec in given),
        spread=tuple(readers.reader(spec, at) for at, spec in wide),
    )  # fmt: skip


def _own(of_call: Spec | None, of_mapping: Spec | None) -> Spec | None:
    return of_mapping if of_call is None else of_call
