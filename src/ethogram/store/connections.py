"""Connections that reading threads take turns with, so that a short question need not wait for a long one.

Step of the path: store. Opens connections when they are needed, never more than a number; knows no statement.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from ethogram.errors import WarehouseError


class _Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closable)


class Connections(Generic[T]):
    """A bounded number of connections, opened as they are wanted and kept until the end.

    Args:
        connect: opens one.
        most: how many at once; whoever comes when all are lent waits for one.
    """

    def __init__(self, connect: Callable[[], T], most: int) -> None:
        self._connect = connect
        self._most = most
        self._idle: list[T] = []
        self._lent = 0
        self._closed = False
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def lend(self) -> Iterator[T]:
        """A connection for one statement.

        Raises:
            WarehouseError: it is closed.
        """
        held = self._take()
        try:
            connection = held if held is not None else self._connect()
        except BaseException:
            self._give_back(None)
            raise
        try:
            yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Waits for what is lent, and closes every connection; a second call does nothing."""
        with self._changed:
            self._closed = True
            while self._lent:
                self._changed.wait()
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> T | None:
        """An idle connection, or None: the right to open one."""
        with self._changed:
            while not self._closed and not self._idle and self._lent >= self._most:
                self._changed.wait()
            if self._closed:
                raise WarehouseError("the warehouse is closed")
            self._lent += 1
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: T | None) -> None:
        with self._changed:
            self._lent -= 1
            if connection is not None:
                self._idle.append(connection)
            self._changed.notify_all()
