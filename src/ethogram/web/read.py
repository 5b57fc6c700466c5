"""Asking while a page waits: one person, their segments, and the members of a segment, as they are recorded.

`GET /v1/profiles/{id}`, `GET /v1/profiles/{id}/segments`, `GET /v1/segments/{name}/members`. Bare ASGI, with threads of
its own, so that nothing long stands in the way. The key is of scope `read`: what is known of people is for servers, so
a page of another site may not read it (no CORS), and a write key, which every visitor has, is refused, also for the
visitor's own id: ids can be guessed.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from ethogram.collecting import Scope
from ethogram.errors import EthogramError, InternalError, UnknownNameError
from ethogram.web import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethogram.runtime import Workspace
    from ethogram.web.access import Access
    from ethogram.web.answers import Receive, Send
    from ethogram.web.answers import Scope as AsgiScope

PROFILES, SEGMENTS = "/v1/profiles", "/v1/segments"
_THREADS = 4  # as many as the warehouse has connections for short questions
_MOST_WAITING = 200
_PAGE, _LONGEST_PAGE = 100, 1_000
_PRIVATE = (b"cache-control", b"no-store")


Query = list[tuple[str, str]]


class RefusedError(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Reading:
    """The handler of both addresses."""

    def __init__(self, workspace: Workspace, access: Access) -> None:
        self._workspace = workspace
        self._access = access
        self._threads = ThreadPoolExecutor(_THREADS, "ethogram-reading")
        self._waiting = 0

    def close(self) -> None:
        """Ends its threads."""
        self._threads.shutdown()

    async def __call__(self, scope: AsgiScope, _: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            await allow(scope, self._access)
            value = await self._answer(scope)
        except RefusedError as refused:
            extra = challenge(refused.status)
            await answers.refuse(send, refused.status, refused.code, refused.message, extra)
        except InternalError:
            await answers.refuse(send, 503, "unavailable", "this cannot be looked up now; ask again later")
        except EthogramError as error:
            status = 404 if isinstance(error, UnknownNameError) else 400
            await answers.refuse(send, status, error.code, error.message)
        else:
            await answers.json(send, 200, value, [_PRIVATE])

    async def _answer(self, scope: AsgiScope) -> Any:
        query = query_of(scope)
        match parts_of(scope):
            case ["v1", "profiles", id_] if id_:
                traits = _flag(dict(query).get("traits"), "traits", default=True)
                known(query, "traits")
                return await self._quick(lambda: self._profile(id_, traits=traits))
            case ["v1", "profiles", id_, "segments"] if id_:
                known(query)
                return await self._quick(lambda: self._profile(id_, traits=False))
            case ["v1", "segments", name, "members"] if name:
                known(query, "limit", "after", "trait")
                limit = number_in(dict(query).get("limit"), "limit", _PAGE, most=_LONGEST_PAGE)
                names = [value for key, value in query if key == "trait"]
                return await self._quick(lambda: self._members(name, limit, dict(query).get("after"), names))
            case _:
                raise RefusedError(404, "not_found", "there is nothing at this address")

    async def _quick(self, question: Callable[[], Any]) -> Any:
        if self._waiting >= _MOST_WAITING:
            raise RefusedError(503, "overloaded", "more is asked than can be answered; ask again later")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, question)
        finally:
            self._waiting -= 1

    def _profile(self, id_: str, *, traits: bool) -> dict[str, Any]:
        found = self._workspace.look_up(id_, traits=traits)
        if found is None:
            raise UnknownNameError(f"there is no profile `{id_}`")
        return {
            "profile_id": found.profile_id,
            "known_at": found.known_at,
            "anonymous": found.anonymous,
            **({} if found.traits is None else {"traits": found.traits}),
            "segments": found.segments,
        }

    def _members(self, name: str, limit: int, after: str | None, names: list[str]) -> dict[str, Any]:
        entity, found = self._workspace.recorded_members(name, limit=limit, after=after)
        traits = self._workspace.traits([id_ for id_, _ in found], names, entity=entity)
        return {
            "segment": name,
            "members": [
                {
                    f"{entity}_id": id_,
                    "entered_at": at,
                    **({"traits": traits.get(id_, {})} if names else {}),
                }
                for id_, at in found
            ],
            "next_after": found[-1][0] if len(found) == limit else None,
        }


# --- what reading and the stream share -----------------------------------------------------------------------------


async def allow(scope: AsgiScope, access: Access) -> None:
    """Lets a request pass that only asks, with a key that may.

    Raises:
        RefusedError: it does not.
    """
    if scope["method"] not in ("GET", "HEAD"):
        raise RefusedError(405, "method_not_allowed", "this address takes GET")
    denied = await access.denied(answers.headers_of(scope).get(b"authorization", b""), Scope.READ)
    if denied is not None:
        raise RefusedError(denied.status, denied.code, denied.message)


def challenge(status: int) -> list[tuple[bytes, bytes]]:
    """The headers that belong to a refusal."""
    match status:
        case 401:
            return [(b"www-authenticate", b'Bearer realm="ethogram"')]
        case 405:
            return [(b"allow", b"GET, HEAD")]
        case _:
            return []


def parts_of(scope: AsgiScope) -> list[str]:
    """The address in its parts, each decoded: an id may hold a slash."""
    raw = scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1") or scope["path"]
    return [unquote(part) for part in raw.strip("/").split("/")]


def query_of(scope: AsgiScope) -> Query:
    """What stands behind the question mark, in order.

    Raises:
        RefusedError: there is too much of it.
    """
    try:
        return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise RefusedError(400, "invalid_request", "there are more than 100 parameters") from None


def known(query: Query, *names: str) -> None:
    """Refuses what would be passed over in silence.

    Raises:
        RefusedError: something is asked for that there is not.
    """
    unknown = sorted({name for name, _ in query} - set(names))
    if unknown:
        there = f"; there is {', '.join(f'`{name}`' for name in names)}" if names else ""
        raise RefusedError(400, "invalid_request", f"there is no parameter `{unknown[0][:40]}`{there}")


def number_in(text: str | None, name: str, default: int, *, most: int, least: int = 1) -> int:
    """A whole number from the query.

    Raises:
        RefusedError: it is none, or out of bounds.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise RefusedError(400, "invalid_request", f"`{name}` is a whole number from {least:,} to {most:,}")
    return int(text)


def _flag(text: str | None, name: str, *, default: bool) -> bool:
    if text not in (None, "true", "false"):
        raise RefusedError(400, "invalid_request", f"`{name}` is `true` or `false`")
    return default if text is None else text == "true"
