"""Bodies that dawdle, end early or grow: read never longer, and never more, than is allowed."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.web.body import GoneError, Unreadable, decompressed, read


def body_of(messages: list[dict[str, Any]], **headers: str) -> bytes | Unreadable:
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        found = next(waiting, None)
        if found is None:
            await asyncio.Event().wait()  # nothing more ever comes
            raise AssertionError
        return found

    given_headers = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return asyncio.run(read(receive, given_headers, 100, patience=0.05))


def part(content: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_body_in_parts_is_joined() -> None:
    assert body_of([part(b"{", more=True), part(b"}", more=False)]) == b"{}"


def test_a_body_that_does_not_end_is_given_up() -> None:
    found = body_of([part(b"{", more=True)])
    assert isinstance(found, Unreadable)
    assert (found.status, found.code) == (408, "timeout")


def test_a_sender_that_hangs_up_gets_no_answer() -> None:
    with pytest.raises(GoneError):
        body_of([part(b"{", more=True), {"type": "http.disconnect"}])


def test_no_more_is_read_than_the_limit_whatever_was_declared() -> None:
    for headers in ({"content_length": "1000000"}, {"content_length": "3"}, {}):
        found = body_of([part(b"x" * 60, more=True)] * 5, **headers)
        assert isinstance(found, Unreadable)
        assert found.status == 413


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=3), st.integers(0, 150))
def test_decompressing_gives_the_content_or_stops_at_the_limit(members: list[bytes], most: int) -> None:
    found = decompressed(b"".join(gzip.compress(member) for member in members), most)
    content = b"".join(members)
    if len(content) <= most:
        assert found == content
    else:
        assert isinstance(found, Unreadable)
        assert found.status == 413


@given(st.binary(max_size=80))
def test_no_bytes_break_decompressing(body: bytes) -> None:
    assert isinstance(decompressed(b"\x1f\x8b" + body, 1_000), bytes | Unreadable)
