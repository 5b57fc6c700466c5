"""Tracked links and open pixels: `GET /l/{token}` leads on, `GET /o/{token}` is a picture of one clear dot.

What is signed leads only where a message of ours did: there is no open redirect. Whoever comes needs no login, gets no
cookie, and waits a second at most for the ledger.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

from ethogram.tracking import CLICK_PATH, OPEN_PATH
from ethogram.web import answers

if TYPE_CHECKING:
    from ethogram.tracking import Link, Tracking
    from ethogram.web.answers import Receive, Scope, Send

MOUNTS = tuple(path.rstrip("/") for path in (CLICK_PATH, OPEN_PATH))
_DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_PATIENCE = 1.0  # seconds that whoever comes waits for the ledger
_NEVER_KEPT = [
    (b"cache-control", b"no-store, no-cache, private"), (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
]  # fmt: skip
_AS_IT_IS = "%/:?#[]@!$&'()*+,;=~"
_SCHEMES = ("https://", "http://", "mailto:", "tel:")


class Tracked:
    """The application at `/l` and `/o`."""

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # as ASGI calls it
        """Answers one request."""
        path, method = scope["path"], scope["method"]
        if method not in ("GET", "HEAD"):
            extra = [(b"allow", b"GET, HEAD")]
            await answers.refuse(send, 405, "method_not_allowed", "links are followed with GET", extra)
        elif path.startswith(OPEN_PATH):
            link = self._tracking.opened(path[len(OPEN_PATH) :].removesuffix(".gif"))
            if link is not None:
                await self._noted(link, scope)
            # One that is not ours gets the picture as well: nothing is to be learned here.
            await answers.write(send, 200, _DOT if method == "GET" else b"", b"image/gif", list(_NEVER_KEPT))
        else:
            link = self._tracking.clicked(path[len(CLICK_PATH) :])
            if link is None or not link.url.lower().startswith(_SCHEMES):
                message = "this link leads nowhere; it may have been cut off on its way"
                await answers.refuse(send, 404, "unknown_link", message, list(_NEVER_KEPT))
                return
            await self._noted(link, scope)
            # Letters of other scripts, and whatever else a header cannot hold, are written as browsers write them.
            location = [(b"location", quote(link.url, safe=_AS_IT_IS).encode("ascii")), *_NEVER_KEPT]
            await answers.write(send, 302, b"", b"text/plain; charset=utf-8", location)

    async def _noted(self, link: Link, scope: Scope) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        done = asyncio.wrap_future(self._tracking.note(link, scope["method"], headers))
        await asyncio.wait([done], timeout=_PATIENCE)
