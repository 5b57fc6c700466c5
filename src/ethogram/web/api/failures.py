"""Failures: every error of ours, or of a request that does not fit, as an answer with `code` and `message`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from litestar import Request, Response
from litestar.exceptions import ClientException, HTTPException

from ethogram.errors import (
    DefinitionError,
    EthogramError,
    InputError,
    InternalError,
    LedgerError,
    UnknownNameError,
    UserError,
    WarehouseDamagedError,
    WorkspaceBusyError,
)
from ethogram.web.answers import RETRY_AFTER
from ethogram.web.api.given import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethogram.web.faults import Faults

Asked = Request[Any, Any, Any]
Changed = TypeVar("Changed")
_CODES = {401: "unknown_key", 403: "wrong_scope", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class DeniedError(HTTPException):
    """A request whose key does not allow it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(detail=message, status_code=status)
        self.code = code


class ConflictError(ClientException):
    """A request that the state of things does not allow."""

    status_code = 409

    def __init__(self, error: EthogramError) -> None:
        super().__init__(detail=error.message)
        self.error = error


def changed(change: Callable[[], Changed]) -> Changed:
    """What a change makes; what the state of things does not allow is a conflict."""
    try:
        return change()
    except InputError as error:
        if error.fields.get("conflict"):
            raise ConflictError(error) from None
        raise
    except UnknownNameError:
        raise
    except UserError as error:
        raise ConflictError(error) from None


def of_ours(_: Asked, error: EthogramError) -> Response[Failure]:
    """The answer to an error that Ethogram raises on purpose."""
    details: list[Any] | None = None
    if isinstance(error, DefinitionError):
        details = [{"place": place, "wrong": wrong} for place, wrong in error.faults]
    return _answer(_status(error), Failure(error.code, error.message, error.hint, details))


def _status(error: EthogramError) -> int:
    match error:
        case UnknownNameError():
            return 404
        case WorkspaceBusyError() | LedgerError() | WarehouseDamagedError():
            return 503
        case InternalError():
            return 500
        case _:
            return 400


def of_request(_: Asked, error: HTTPException) -> Response[Failure]:
    """The answer to a request that does not fit."""
    match error:
        case DeniedError():
            code, hint = error.code, None
        case ConflictError():
            code, hint = error.error.code, error.error.hint
        case _:
            code, hint = _CODES.get(error.status_code, "invalid_request"), None
    details = error.extra if isinstance(error.extra, list) else None
    headers = dict(error.headers or {})
    if error.status_code == 401:
        headers["www-authenticate"] = 'Bearer realm="ethogram"'
    return _answer(error.status_code, Failure(code, error.detail or "the request does not fit", hint, details), headers)


def of_fault(faults: Faults) -> Any:
    """The answerer of faults of ours: says under which sign the log tells it."""

    def answered(_: Asked, fault: Exception) -> Response[Failure]:
        sign = faults.note(fault)
        message = f"something is wrong here, not with the request; the server's log tells it under `{sign}`"
        return _answer(500, Failure("internal", message))

    return answered


def _answer(status: int, failure: Failure, headers: dict[str, str] | None = None) -> Response[Failure]:
    again = {"retry-after": str(RETRY_AFTER)} if status in (429, 503) else {}
    return Response(failure, status_code=status, headers={**again, **(headers or {})}, media_type="application/json")
