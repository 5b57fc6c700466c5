"""Membership changes as they come: `GET /v1/changes` as server-sent events.

Reads the feed a page at a time, so that a reader's state is its place and nothing else: a slow one holds no more than
the page that it is being sent. Readers at the same place share the page that was read for one of them. A reader that
comes back says where it was (`Last-Event-ID`, or `?after=`) and goes on from there; where the feed no longer goes back
so far, an event `gap` says so first.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from ethogram.collecting import Scope as KeyScope
from ethogram.errors import EthogramError
from ethogram.web import answers
from ethogram.web.read import RefusedError, allow, challenge, known, query_of

if TYPE_CHECKING:
    from ethogram.runtime import MembershipChange, Workspace
    from ethogram.web.access import Access
    from ethogram.web.answers import Receive, Scope, Send

CHANGES = "/v1/changes"
_PAGE = 500
_LOOK = 0.1  # seconds between looks for what is new
_ALIVE = 15.0  # seconds after which a silent stream says that it is there
_PATIENCE = 60.0  # seconds for a reader to take what it is sent
_MOST_READERS = 1_000
_BIGGEST = 2**63 - 1
_PAUSE = 1.0  # seconds after the ledger did not answer


class Stream:
    """The handler of the address.

    Args:
        alive: seconds after which a silent stream says that it is there.
        patience: seconds for a reader to take what it is sent.
    """

    def __init__(
        self, workspace: Workspace, access: Access, *, alive: float = _ALIVE, patience: float = _PATIENCE
    ) -> None:
        self._workspace = workspace
        self._access = access
        self._alive = alive
        self._patience = patience
        self._pages: dict[int, asyncio.Task[list[MembershipChange]]] = {}
        self._newest: tuple[int, list[MembershipChange], float] = (-1, [], 0.0)  # the page read last: where, what, when
        self._ending = False
        self.readers = 0

    def end(self) -> None:
        """Ends every stream, so that the server need not wait for them; called in the event loop."""
        self._ending = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one reader, until one of both sides ends."""
        try:
            await allow(scope, self._access)
            place, names = await self._asked(scope)
        except RefusedError as refused:
            await answers.refuse(send, refused.status, refused.code, refused.message, challenge(refused.status))
            return
        except EthogramError:
            await answers.refuse(send, 503, "unavailable", "the changes cannot be read now; ask again later")
            return
        self.readers += 1
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await self._told(scope, send, place, names, gone)
        except TimeoutError:
            pass  # the reader takes nothing any more; it comes back to the place where it was
        finally:
            self.readers -= 1
            gone.cancel()

    async def _asked(self, scope: Scope) -> tuple[int | None, frozenset[str]]:
        """Where a reader begins (None: with what comes next), and the segments that it wants (none: all)."""
        query = query_of(scope)
        known(query, "after", "segment")
        text = dict(query).get("after", answers.headers_of(scope).get(b"last-event-id", b"").decode("latin-1"))
        if text and not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _BIGGEST):
            raise RefusedError(400, "invalid_request", "`after` is the number of a change, as `id` tells it")
        names = frozenset(value for name, value in query if name == "segment")
        for name in names:
            await asyncio.to_thread(self._exists, name)
        if self.readers >= _MOST_READERS:
            raise RefusedError(503, "overloaded", "too many readers follow already; come again later")
        return (int(text) if text else None), names

    def _exists(self, name: str) -> None:
        try:
            self._workspace.segments.get(name)
        except EthogramError as error:
            raise RefusedError(404, error.code, error.message) from error

    async def _told(
        self, scope: Scope, send: Send, asked: int | None, names: frozenset[str], gone: asyncio.Task[None]
    ) -> None:
        pruned, last = await asyncio.to_thread(self._workspace.changes_kept)
        place = last if asked is None else min(asked, last)
        headers = [
            (b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        first = f"retry: 2000\nid: {place}\n\n"
        if place < pruned:
            missed = msgspec.json.encode({"after": place, "kept_after": pruned}).decode()
            place = pruned
            first = f"retry: 2000\n\nid: {place}\nevent: gap\ndata: {missed}\n\n"
        await self._send(send, first)
        clock = asyncio.get_running_loop().time
        told_at = clock()
        while not (gone.done() or self._ending):
            page = await self._page(place)
            text = ""
            if page:
                place = page[-1].id
                text = "".join(_event(change) for change in page if not names or change.name in names)
            if not text and clock() - told_at >= self._alive:
                if (
                    await self._access.denied(answers.headers_of(scope).get(b"authorization", b""), KeyScope.READ)
                    is not None
                ):
                    break  # the key was revoked meanwhile
                text = f"id: {place}\n: alive\n\n"
            if text:
                told_at = clock()
                await self._send(send, text)
            if not page:
                await asyncio.wait({gone}, timeout=_LOOK)
        await send({"type": "http.response.body", "body": b""})

    async def _send(self, send: Send, text: str) -> None:
        async with asyncio.timeout(self._patience):
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _page(self, place: int) -> list[MembershipChange]:
        """The changes after a place, read once for all who are there."""
        where, page, at = self._newest
        if where == place and (page or asyncio.get_running_loop().time() - at < _LOOK):
            return page
        task = self._pages.get(place)
        if task is None:
            task = self._pages[place] = asyncio.create_task(self._read(place))
            task.add_done_callback(lambda _: self._pages.pop(place))
        return await asyncio.shield(task)

    async def _read(self, place: int) -> list[MembershipChange]:
        try:
            page = await asyncio.to_thread(self._workspace.changes_after, place, limit=_PAGE)
        except EthogramError:
            await asyncio.sleep(_PAUSE)  # the ledger does not answer now; no reader's place is lost
            return []
        self._newest = (place, page, asyncio.get_running_loop().time())
        return page


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(change: MembershipChange) -> str:
    told: dict[str, Any] = {
        "at": change.at,
        "segment": change.name,
        "change": "entered" if change.entered else "left",
        "cause": change.cause,
        "version": change.version,
    }
    if change.profile_id:
        told[f"{change.entity}_id"] = change.profile_id
    else:
        told["count"] = change.count
    return f"id: {change.id}\nevent: change\ndata: {msgspec.json.encode(told).decode()}\n\n"
