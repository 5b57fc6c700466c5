"""Loading a posted file: events, profiles or accounts as CSV, JSON lines or Parquet, optionally gzip or zstd.

Keeps what is sent in a temporary file of the workspace, and loads it from there as the command line would.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Router, post
from litestar.exceptions import ClientException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import QueryParameter

from ethogram.errors import InputError
from ethogram.model.results import LoadSummary
from ethogram.runtime import LoadOptions
from ethogram.web.api.given import Named, Opened

_ENDINGS = {"text/csv": "csv", "application/x-ndjson": "jsonl", "application/vnd.apache.parquet": "parquet"}
_MEGABYTE = 1 << 20
_SHOWN = 100  # rejected rows in the answer
_BINARY = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))


class TooLargeError(ClientException):
    """A file that is longer than is taken."""

    status_code = 413


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that cannot be taken, and why."""

    line: int
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the load did, with the first of the rejected rows."""

    summary: LoadSummary
    rejected: tuple[RejectedRow, ...]


@dataclass
class _LoadOperation(Operation):
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


@post("/load/{kind:str}", status_code=200, request_max_body_size=None, operation_class=_LoadOperation)
async def load(
    request: Request[Any, Any, Any],
    workspace: Opened,
    kind: Named,
    format_: Annotated[
        Literal["csv", "jsonl", "parquet"] | None,
        QueryParameter(name="format", description="Else the content type says."),
    ] = None,
    map_: Annotated[
        list[str] | None, QueryParameter(name="map", description="`field=column`, such as `profile_id=CustomerID`.")
    ] = None,
    type_: Annotated[
        list[str] | None, QueryParameter(name="type", description="`column=text`, `number` or `boolean`.")
    ] = None,
    event: Annotated[str | None, QueryParameter(description="The name of every event, where no column has it.")] = None,
    timezone: Annotated[str | None, QueryParameter(description="Of timestamps without one.", max_length=100)] = None,
    again: Annotated[bool, QueryParameter(description="Load a file that was loaded before once more.")] = False,  # noqa: FBT002  # from the query, by its name
) -> Loaded:
    """Loads a file of `events`, `profiles` or `accounts`, as the body or as a form's `file`.

    A file that was loaded before adds nothing. The answer comes when everything is stored.
    """
    if kind not in ("events", "profiles", "accounts"):
        raise InputError(f"`{kind[:40]}` cannot be loaded", hint="Load `events`, `profiles` or `accounts`.")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    options: LoadOptions = {
        "mapping": _pairs("map", map_), "types": _pairs("type", type_), "event": event, "timezone": timezone,
        "again": again, "format": format_ or _ENDINGS.get(content_type),
    }  # fmt: skip
    most = workspace.settings.load_megabytes * _MEGABYTE
    with tempfile.TemporaryDirectory(prefix=".loading-", dir=workspace.path) as folder:
        file = Path(folder) / "posted"
        name = await _keep(request, file, most, is_form=content_type == "multipart/form-data")
        return await asyncio.to_thread(_loaded, workspace, kind, file, name, options)


async def _keep(request: Request[Any, Any, Any], file: Path, most: int, *, is_form: bool) -> str:
    """Writes what is sent to a file; returns its name as the sender tells it."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    if not is_form:
        await _write(file, request.stream(), most)
        return "the posted file"
    if not declared.isdigit():
        raise InputError("a form needs a `Content-Length`", hint="Or send the file itself as the body.")
    sent = (await request.form()).get("file")
    if sent is None or isinstance(sent, str):
        raise InputError("the form has no file called `file`", hint="`curl -F file=@orders.csv …` sends one.")

    async def pieces() -> AsyncIterator[bytes]:
        while piece := await sent.read(_MEGABYTE):
            yield piece

    await _write(file, pieces(), most)
    return str(sent.filename or "the posted file")[:200]


async def _write(file: Path, pieces: AsyncIterator[bytes], most: int) -> None:
    size = 0
    with await asyncio.to_thread(file.open, "wb") as kept:
        async for piece in pieces:
            size += len(piece)
            if size > most:
                raise _too_large(most)
            await asyncio.to_thread(kept.write, piece)


def _loaded(workspace: Opened, kind: str, file: Path, name: str, options: LoadOptions) -> Loaded:
    rejects = options["rejects"] = file.with_name("rejected")
    loads = {"events": workspace.load_events, "profiles": workspace.load_profiles, "accounts": workspace.load_accounts}
    try:
        summary = loads[kind](file, **options)
    except InputError as error:
        # The sender knows nothing of our file.
        raise InputError(error.message.replace(str(file), name), hint=error.hint) from error
    rows: list[RejectedRow] = []
    if rejects.exists():
        with rejects.open("rb") as lines:
            rows = [msgspec.json.decode(line, type=RejectedRow) for _, line in zip(range(_SHOWN), lines, strict=False)]
    return Loaded(replace(summary, files=(name,), rejects_file=None), tuple(rows))


def _pairs(name: str, given: list[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    pairs = [each.partition("=") for each in given]
    if not all(key and equals and value for key, equals, value in pairs):
        raise InputError(f"`{name}` is `name=value`", hint="Such as `map=profile_id=CustomerID`.")
    return {key: value for key, _, value in pairs}


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(
        detail=f"the file is longer than {most // _MEGABYTE:,} MB, which the setting `load_megabytes` allows"
    )


router = Router("/", tags=["Data"], route_handlers=[load])
