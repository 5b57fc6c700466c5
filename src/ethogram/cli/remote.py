"""Asks a running server: the options that name it, and one small client on the standard library.

Knows addresses and keys, and turns what a server refuses into our errors; what is asked for is the verbs' business.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from ethogram.errors import SettingError, UserError, WorkspaceBusyError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
DEFAULT_URL = "http://127.0.0.1:8000"


def url_option(command: Decorated) -> Decorated:
    """Adds `--url`."""
    return click.option("--url", metavar="URL", help="The address of a running server, such as " + DEFAULT_URL + ".")(
        command
    )


def key_option(command: Decorated) -> Decorated:
    """Adds `--key`; else ETHOGRAM_KEY."""
    return click.option("--key", metavar="KEY", help="A key of that server; else ETHOGRAM_KEY.")(command)


class Remote:
    """A server that is asked for things.

    Args:
        url: its address, with or without a path in front of ours.
        key: sent as a bearer token; else what ETHOGRAM_KEY says.

    Raises:
        SettingError: that is no address of a server.
    """

    def __init__(self, url: str, key: str | None) -> None:
        found = urlsplit(url if "://" in url else f"http://{url}")
        if found.scheme not in ("http", "https") or not found.hostname:
            raise SettingError(f"`{url}` is no server's address", hint=f"Give one such as `{DEFAULT_URL}`.")
        self.url = url.rstrip("/")
        self._address = (found.hostname, found.port)
        self._secure = found.scheme == "https"
        self._before = found.path.rstrip("/")
        self._key = key or os.environ.get("ETHOGRAM_KEY") or ""

    @contextlib.contextmanager
    def asked(
        self, method: str, path: str, body: object = None, *, seconds: float = 30
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer, its body not read yet.

        Raises:
            UserError: the server cannot be reached, or it refuses.
        """
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(*self._address, timeout=seconds)
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if content is not None else {}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        with contextlib.closing(connection):
            try:
                connection.request(method, self._before + path, content, headers)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise UserError(
                    f"the server `{self.url}` does not answer: {error}",
                    hint="Is it running? `ethogram serve` starts one; `--url` names another.",
                ) from error
            with answer:
                if answer.status >= 400:
                    self._refuse(answer)
                yield answer

    def post(self, path: str, body: object, *, seconds: float = 30) -> Any:
        """What the server answers to a POST, decoded."""
        with self.asked("POST", path, body, seconds=seconds) as answer:
            return json.loads(answer.read())

    def _refuse(self, answer: http.client.HTTPResponse) -> None:
        raw = answer.read(100_000)
        try:
            said = json.loads(raw)
            said = said.get("error", said) if isinstance(said.get("error", said), dict) else said
            message = str(said["message"])
        except (ValueError, KeyError, AttributeError):
            message = f"status {answer.status} {answer.reason}"
        if answer.status in (429, 503):
            raise WorkspaceBusyError(f"the server `{self.url}` is busy: {message}", hint="Try again in a moment.")
        hint = None
        if answer.status in (401, 403):
            hint = "`ethogram keys add --scope …` makes a key; give it with `--key` or in ETHOGRAM_KEY."
        raise UserError(f"the server `{self.url}` refuses: {message}", hint=hint, status=answer.status)
