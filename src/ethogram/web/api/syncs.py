"""Syncs: files and other systems that are kept equal to a segment's members."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.params import JSONBody, PathParameter

from ethogram.model.outgoing import SyncView
from ethogram.recipients import Syncs
from ethogram.web.api.given import READ, Opened

Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1, description="The sync's number.")]
Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class Mode(StrEnum):
    """Adds and removes, or everybody each time."""

    CHANGES = "changes"
    FULL = "full"


class Format(StrEnum):
    """Of a file; an address is sent JSON."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class SyncWanted:
    """A sync to be made.

    Attributes:
        target: a file's name in the workspace's `sync/`, or an address.
        when: `on change`, `every 15 minutes`, `every 6 hours`, `cron 0 6 * * *` in the workspace's zone.
    """

    segment: Text
    target: Text
    format: Format | None = None
    mode: Mode = Mode.CHANGES
    traits: Annotated[list[Text], msgspec.Meta(max_length=100)] | None = None
    when: Annotated[str, msgspec.Meta(max_length=200)] = "on change"
    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    secret: Annotated[str, msgspec.Meta(max_length=200)] | None = None


@dataclass(frozen=True, slots=True)
class SyncMade:
    """A sync; of an address with the secret that signs what it is sent, which is shown this once."""

    sync: SyncView
    secret: str | None


@get("/syncs", opt=READ, sync_to_thread=True)
def list_syncs(workspace: Opened) -> list[SyncView]:
    """Every sync, oldest first, and how it goes."""
    with Syncs(workspace.path) as opened:
        return list(opened.listed())


@post("/syncs", sync_to_thread=True)
def add_sync(workspace: Opened, data: JSONBody[SyncWanted]) -> SyncMade:
    """Makes a sync; its target is given everybody first."""
    with Syncs(workspace.path) as opened:
        sync, secret = opened.add(
            data.segment,
            data.target,
            format=None if data.format is None else data.format.value,
            mode=data.mode.value,
            traits=data.traits or (),
            when=data.when,
            label=data.label,
            secret=data.secret,
        )
        return SyncMade(sync, secret)


@get("/syncs/{number:int}", opt=READ, sync_to_thread=True)
def get_sync(workspace: Opened, number: Number) -> SyncView:
    """A sync, and how it goes."""
    with Syncs(workspace.path) as opened:
        return opened.one(number)


@post("/syncs/{number:int}/run", status_code=200, sync_to_thread=True)
def run_sync(workspace: Opened, number: Number) -> SyncView:
    """Has a sync done now; one that failures stopped goes on."""
    with Syncs(workspace.path) as opened:
        return opened.run(number)


@delete("/syncs/{number:int}", status_code=204, sync_to_thread=True)
def remove_sync(workspace: Opened, number: Number) -> None:
    """Removes a sync; what it wrote stays."""
    with Syncs(workspace.path) as opened:
        opened.remove(number)


router = Router("/", tags=["Syncs"], route_handlers=[list_syncs, add_sync, get_sync, run_sync, remove_sync])
