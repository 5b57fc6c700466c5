"""The console's scripts, styles and icons, as the browser asks for them: compressed once, kept until they change.

Reads the package's folder `static` when the process starts, and answers from memory.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Final

from ethogram.web import answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethogram.web.answers import Scope, Send

PREFIX: Final = "/console/static"
_KINDS: Final = {
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".json": b"application/json",
    ".png": b"image/png",
}
_SMALL = 1_000  # bytes that are not worth compressing


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    packed: bytes
    kind: bytes
    mark: str  # of its content


class Files:
    """The files by their names below `static`."""

    def __init__(self) -> None:
        self._files = dict(_read(resources.files("ethogram.web.console") / "static", ""))

    def address(self, name: str) -> str:
        """Where a file is, with a mark of its content, so that a browser may keep it for good.

        Raises:
            KeyError: there is no such file.
        """
        return f"{PREFIX}/{name}?v={self._files[name].mark}"

    async def answer(self, scope: Scope, send: Send) -> None:
        """Answers one request."""
        name = scope["path"].removeprefix(PREFIX).strip("/")
        file = self._files.get(name)
        if file is None or scope["method"] not in ("GET", "HEAD"):
            await answers.refuse(send, 404, "not_found", "there is no such file")
            return
        headers = answers.headers_of(scope)
        etag = f'"{file.mark}"'.encode()
        marked = file.mark.encode() in scope.get("query_string", b"")
        # Modules import each other without a mark: those are asked about again, and usually not sent again.
        cached = b"public, max-age=31536000, immutable" if marked else b"no-cache"
        extra = [(b"cache-control", cached), (b"etag", etag), (b"vary", b"accept-encoding"), _NOSNIFF]
        if headers.get(b"if-none-match") == etag:
            await answers.write(send, 304, b"", file.kind, extra)
        elif b"gzip" in headers.get(b"accept-encoding", b"") and file.packed:
            await answers.write(send, 200, file.packed, file.kind, [*extra, (b"content-encoding", b"gzip")])
        else:
            await answers.write(send, 200, file.content, file.kind, extra)


_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")


def _read(folder: Traversable, before: str) -> Iterator[tuple[str, _File]]:
    for each in folder.iterdir():
        name = before + each.name
        if each.is_dir():
            yield from _read(each, name + "/")
            continue
        content = each.read_bytes()
        kind = _KINDS.get("." + each.name.rpartition(".")[2], b"text/plain; charset=utf-8")
        packed = gzip.compress(content, 9, mtime=0) if len(content) > _SMALL else b""
        yield name, _File(content, packed, kind, hashlib.sha256(content).hexdigest()[:12])
