"""Suppressed addresses, and devices: where people can be reached, and where not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.params import JSONBody, QueryParameter

from ethogram.errors import InputError
from ethogram.model.message import Channel
from ethogram.reaching import MOST, Device, Devices, Imported, Suppression, Suppressions, SuppressionsPage
from ethogram.web.api import posted
from ethogram.web.api.given import READ, Named, Opened
from ethogram.web.api.posted import FileOperation, Format, Posted

_Addressed = Literal["email", "sms", "whatsapp"]
_Addresses = Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST)]
_REASON = "Why, in a word. `unsubscribed` lets what is owed to people through, any other stops everything."


@dataclass(frozen=True, slots=True)
class AddressesToAdd:
    """Addresses that get nothing from now on."""

    channel: _Addressed
    addresses: _Addresses
    reason: Annotated[str, msgspec.Meta(max_length=50, description=_REASON)] = "added"


@dataclass(frozen=True, slots=True)
class AddressesToRemove:
    """Addresses that are written to again."""

    channel: _Addressed
    addresses: _Addresses


@dataclass(frozen=True, slots=True)
class AddressesAdded:
    """How many got something before."""

    added: int


@dataclass(frozen=True, slots=True)
class AddressesRemoved:
    """How many were suppressed."""

    removed: int


@get("/suppressions", opt=READ, sync_to_thread=True)
def list_suppressions(
    workspace: Opened,
    channel: Annotated[_Addressed | None, QueryParameter(description="Only addresses of this channel.")] = None,
    after: Annotated[str, QueryParameter(max_length=400, description="What the page before ended with.")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=1_000, description="How many at most.")] = 100,
) -> SuppressionsPage:
    """Addresses that nothing is sent to, page by page."""
    with Suppressions(workspace.path) as opened:
        return opened.listed(None if channel is None else Channel(channel), after=after, limit=limit)


@get("/suppressions/{channel:str}/{address:str}", opt=READ, sync_to_thread=True)
def get_suppression(workspace: Opened, channel: Named, address: Named) -> Suppression:
    """Why nothing is sent to an address."""
    with Suppressions(workspace.path) as opened:
        return opened.find(_channel(channel), address)


@post("/suppressions", status_code=200, sync_to_thread=True)
def add_suppressions(workspace: Opened, data: JSONBody[AddressesToAdd]) -> AddressesAdded:
    """Sends nothing to addresses from now on; where one of them is none, none is added."""
    with Suppressions(workspace.path) as opened:
        return AddressesAdded(opened.add(Channel(data.channel), data.addresses, reason=data.reason, actor="api"))


@delete("/suppressions", status_code=200, sync_to_thread=True)
def remove_suppressions(workspace: Opened, data: JSONBody[AddressesToRemove]) -> AddressesRemoved:
    """Sends to addresses again, as far as their people want it."""
    with Suppressions(workspace.path) as opened:
        return AddressesRemoved(opened.remove(Channel(data.channel), data.addresses, actor="api"))


@post("/suppressions/{channel:str}/import", status_code=200, request_max_body_size=None, operation_class=FileOperation)
async def import_suppressions(
    request: Request[Any, Any, Any],
    workspace: Opened,
    channel: Named,
    format_: Format = None,
    column: Annotated[
        str | None, QueryParameter(max_length=200, description="Which one holds the addresses; else it is guessed.")
    ] = None,
    reason: Annotated[str, QueryParameter(max_length=50, description=_REASON)] = "imported",
) -> Imported:
    """Sends nothing to the addresses of a file from now on; it is the body, or a form's `file`."""
    chosen = _channel(channel)
    async with posted.kept(request, workspace, format_) as file:
        return await asyncio.to_thread(_imported, workspace, chosen, file, column, reason)


def _imported(workspace: Opened, channel: Channel, file: Posted, column: str | None, reason: str) -> Imported:
    with Suppressions(workspace.path) as opened:
        try:
            return opened.import_files(
                channel, [file.path], column=column, reason=reason, format=file.format, actor="api"
            )
        except InputError as error:
            raise file.blamed(error) from error


@get("/devices", opt=READ, sync_to_thread=True)
def list_devices(
    workspace: Opened,
    profile: Annotated[str | None, QueryParameter(max_length=1_000, description="Only of this person.")] = None,
    channel: Annotated[Literal["push", "webpush"] | None, QueryParameter(description="Only of this channel.")] = None,
    ended: Annotated[bool, QueryParameter(description="Those that take nothing any more, too.")] = False,  # noqa: FBT002  # by its name
    after: Annotated[str, QueryParameter(max_length=100, description="Only behind this device.")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=1_000, description="How many at most.")] = 100,
) -> list[Device]:
    """Phones and browsers that take notifications, of a person or of everybody."""
    with Devices(workspace.path) as opened:
        if profile is None:
            return list(
                opened.listed(None if channel is None else Channel(channel), ended=ended, after=after, limit=limit)
            )
        mine = [each for each in opened.of(profile) if ended or each.ended_at is None]
        return [each for each in mine if channel is None or each.channel == channel][:limit]


@delete("/devices/{id_:str}", status_code=200, sync_to_thread=True)
def remove_device(workspace: Opened, id_: Named) -> Device:
    """Sends nothing to a device any more, until it registers again."""
    with Devices(workspace.path) as opened:
        return opened.remove(id_, actor="api")


def _channel(name: str) -> Channel:
    try:
        return Channel(name)
    except ValueError:
        raise InputError(f"there is no channel `{name[:40]}`", hint="Use `email`, `sms` or `whatsapp`.") from None


router = Router(
    "/",
    tags=["Reaching people"],
    route_handlers=[
        list_suppressions, get_suppression, add_suppressions, remove_suppressions, import_suppressions, list_devices,
        remove_device,
    ],
)  # fmt: skip
