"""Keys: who may send events, ask, or manage."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.params import JSONBody

from ethogram.collecting import Key, Scope
from ethogram.web.api.given import KeysOpened, Numbered


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key to be made; `value` is one that senders have already."""

    scope: Scope = Scope.WRITE
    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    value: Annotated[str, msgspec.Meta(max_length=200)] | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A key as it is kept: never its value, only how that begins."""

    id: int
    hint: str
    scope: Scope
    label: str
    created_at: dt.datetime
    used_at: dt.datetime | None
    revoked_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Made:
    """A new key with its value, which is shown this once."""

    id: int
    scope: Scope
    label: str
    value: str


@get("/keys", sync_to_thread=True)
def list_keys(keys: KeysOpened) -> list[Held]:
    """Every key that there is or was, oldest first."""
    return [_held(key) for key in keys.listed()]


@post("/keys", sync_to_thread=True)
def add_key(keys: KeysOpened, data: JSONBody[Wanted]) -> Made:
    """Makes a key. To change one without a pause: add the new one, move the senders, delete the old one."""
    key, value = keys.add(data.scope.value, label=data.label, value=data.value)
    return Made(key.id, key.scope, key.label, value)


@delete("/keys/{number:int}", status_code=200, sync_to_thread=True)
def revoke_key(keys: KeysOpened, number: Numbered) -> Held:
    """Revokes a key; servers refuse it within seconds."""
    return _held(keys.revoke(number))


def _held(key: Key) -> Held:
    return Held(key.id, key.hint, key.scope, key.label, key.created_at, key.used_at, key.revoked_at)


router = Router("/", tags=["Keys"], route_handlers=[list_keys, add_key, revoke_key])
