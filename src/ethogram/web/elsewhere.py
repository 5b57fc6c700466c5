"""The answer of a process that only collects, at the addresses of the one that has the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethogram.web import answers

if TYPE_CHECKING:
    from ethogram.web.answers import Asgi, Receive, Scope, Send

ADDRESSES = ("/api", "/console", "/v1/profiles", "/v1/segments", "/v1/changes")


async def answer(_: Scope, __: Receive, send: Send) -> None:
    """Says where to ask."""
    await answers.refuse(
        send,
        404,
        "not_here",
        "this process only takes events; ask the one that has the warehouse (`ethogram serve`, or `--role work`)",
    )


def applications() -> dict[str, Asgi]:
    """The answer, at each of the addresses."""
    return dict.fromkeys(ADDRESSES, answer)
