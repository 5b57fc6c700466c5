"""The server: an application on a socket, until it is told to stop.

Runs uvicorn in this process, with the connections of `connection.py`. On SIGTERM or Ctrl-C it takes no more requests,
answers those it has, and returns.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from ethogram.errors import SettingError
from ethogram.web.connection import Connection, connection_class, most_connections

if TYPE_CHECKING:
    from ethogram.web.app import App

_LAST_REQUESTS = 20  # seconds that requests under way may take after the signal
_IDLE = 30  # seconds that a connection may be kept without a request


def bound(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        SettingError: the address cannot be used.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingError(
            f"the address {host}:{port} cannot be used: {error.strerror or error}",
            hint="Choose another with `--host` and `--port`, or stop what uses it.",
        ) from error


class _Server(uvicorn.Server):
    """Uvicorn's server, which says that it takes requests, and that it ends before it waits for those under way."""

    def __init__(self, app: App, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes requests; from now on a signal ends it politely."""
        await super().startup(sockets)
        if self.started:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no more requests, and answers those it has."""
        self._app.ending()
        await super().shutdown(sockets)


def server_of(app: App, connections: type[Connection], announce: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """The server of an application, not yet running.

    Args:
        announce: called when it takes requests.
    """
    return _Server(
        app,
        uvicorn.Config(
            app,
            loop="uvloop",
            http=connections,
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="error",
            server_header=False,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=_LAST_REQUESTS,
        ),
        announce,
    )


def run(app: App, listening: socket.socket, announce: Callable[[], None]) -> None:
    """Serves until a signal says stop; everything that was answered is on disk when it returns.

    Args:
        announce: called when it takes requests; a signal that comes later ends it politely.
    """
    server = server_of(app, connection_class(most=most_connections()), announce)
    # Uvicorn raises the signal again after its end, which would kill the process before it has closed its stores.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _stopping)
    server.run(sockets=[listening])


def _stopping(number: int, frame: object) -> None:
    """Does nothing: uvicorn has taken note."""
