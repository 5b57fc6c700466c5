"""Files that are posted, as the body or as a form's `file`: kept in a temporary file of the workspace.

Reads the request as it comes and writes it to disk, never more of it than the setting `load_megabytes` allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from litestar import Request
from litestar.exceptions import ClientException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import QueryParameter

from ethogram.errors import InputError
from ethogram.runtime import Workspace

_ENDINGS = {"text/csv": "csv", "application/x-ndjson": "jsonl", "application/vnd.apache.parquet": "parquet"}
_MEGABYTE = 1 << 20
_BINARY = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
_UNNAMED = "the posted file"

Format = Annotated[
    Literal["csv", "jsonl", "parquet"] | None,
    QueryParameter(name="format", description="Else the content type says."),
]


class TooLargeError(ClientException):
    """A file that is longer than is taken."""

    status_code = 413


@dataclass
class FileOperation(Operation):
    """An operation whose body is a file."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            content={**dict.fromkeys(_ENDINGS, _BINARY), "multipart/form-data": OpenAPIMediaType(
                schema=Schema(
                    type=OpenAPIType.OBJECT, required=["file"],
                    properties={"file": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)},
                )
            )},
            required=True,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Posted:
    """A file that was posted.

    Attributes:
        name: as the sender tells it.
        format: that was asked for, or that the content type says; None where neither does.
    """

    path: Path
    name: str
    format: str | None

    def blamed(self, error: InputError) -> InputError:
        """The error without our own file's name, of which the sender knows nothing."""
        return InputError(error.message.replace(str(self.path), self.name), hint=error.hint)


@contextlib.asynccontextmanager
async def kept(request: Request[Any, Any, Any], workspace: Workspace, format_: str | None) -> AsyncIterator[Posted]:
    """The file of a request, for as long as it is needed.

    Raises:
        TooLargeError: it is longer than the setting `load_megabytes` allows.
        InputError: a form without a file.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    most = workspace.settings.load_megabytes * _MEGABYTE
    with tempfile.TemporaryDirectory(prefix=".loading-", dir=workspace.path) as folder:
        file = Path(folder) / "posted"
        name = await _keep(request, file, most, is_form=content_type == "multipart/form-data")
        yield Posted(file, name, format_ or _ENDINGS.get(content_type))


async def _keep(request: Request[Any, Any, Any], file: Path, most: int, *, is_form: bool) -> str:
    """Writes what is sent to a file; returns its name as the sender tells it."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    if not is_form:
        await _write(file, request.stream(), most)
        return _UNNAMED
    if not declared.isdigit():
        raise InputError("a form needs a `Content-Length`", hint="Or send the file itself as the body.")
    sent = (await request.form()).get("file")
    if sent is None or isinstance(sent, str):
        raise InputError("the form has no file called `file`", hint="`curl -F file=@orders.csv …` sends one.")

    async def pieces() -> AsyncIterator[bytes]:
        while piece := await sent.read(_MEGABYTE):
            yield piece

    await _write(file, pieces(), most)
    return str(sent.filename or _UNNAMED)[:200]


async def _write(file: Path, pieces: AsyncIterator[bytes], most: int) -> None:
    size = 0
    with await asyncio.to_thread(file.open, "wb") as kept_:
        async for piece in pieces:
            size += len(piece)
            if size > most:
                raise _too_large(most)
            await asyncio.to_thread(kept_.write, piece)


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(
        detail=f"the file is longer than {most // _MEGABYTE:,} MB, which the setting `load_megabytes` allows"
    )
