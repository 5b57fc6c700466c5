"""Fetches a small document from an address that this program made: certificates, confirmations.

Step of the path: deliver. Uses the network through `addresses.connector` only, so that no name leads inside; follows
no redirect and reads no more than is allowed. What came of it is a value.
"""

from __future__ import annotations

import asyncio

import aiohttp

from ethogram.deliver.addresses import Refused, Rules, connector, read, refusal_in
from ethogram.deliver.attempts import Failed

_SECONDS = 10.0


async def fetched(address: str, *, most: int, rules: Rules | None = None) -> bytes | Failed:
    """The body that an address answers with status 200.

    Args:
        most: bytes that it may have.
        rules: which addresses may be connected to beside public ones.
    """
    url = read(address)
    if isinstance(url, Refused):
        return Failed(url.reason)
    try:
        async with (
            asyncio.timeout(_SECONDS),
            aiohttp.ClientSession(
                connector=connector(rules or Rules(), encrypted=url.scheme == "https"),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            held = b""
            while len(held) <= most and (part := await answer.content.readany()):
                held += part
    except TimeoutError:
        return Failed(f"it did not answer within {_SECONDS:g} seconds", endpoint=True)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Failed(refusal_in(error) or f"{type(error).__name__}: {error}", endpoint=True)
    if answer.status != 200:
        return Failed(f"it answered with status {answer.status}", endpoint=True)
    return held if len(held) <= most else Failed(f"it answered with more than {most:,} bytes", endpoint=True)
