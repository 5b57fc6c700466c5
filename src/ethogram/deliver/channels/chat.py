"""Chat and alert services by Apprise: some 170 of them, each by one address.

Step of the path: deliver. Apprise is the extra `chat`, loaded when a channel is made. It works in a thread, connects
by itself (so only operators give it addresses, never templates), and says no more than whether it went. Its log often
names the status that a service answered; where it does not, nobody knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from ethogram.deliver.channels.protocol import harmless, sound, wrong_content
from ethogram.errors import SettingError
from ethogram.model.message import Accepted, ChatContent, Later, Letter, Lost, Misconfigured, Never, Outcome

_STATUS = re.compile(r"\berror=(\d{3})\b")
_LOG = logging.getLogger("apprise")


class ChatChannel:
    """Writes to all of the addresses.

    Args:
        urls: Apprise's, revealed.
        seconds: after which nobody waits any longer; the thread ends by itself.
    """

    idempotent = False

    def __init__(self, name: str, urls: Sequence[str], *, seconds: float) -> None:
        apprise = _loaded()
        self.name = name
        self._seconds = seconds
        self._kind = apprise.NotifyType.INFO
        self._services = apprise.Apprise()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of modules that its services load
            self._wrong = [number for number, url in enumerate(urls, 1) if not self._services.add(url)]
        self._place = asyncio.Lock()
        self._running: set[asyncio.Task[tuple[bool, int | None]]] = set()

    async def send(self, letter: Letter) -> Outcome:
        """What came of a line for the team."""
        content = letter.content
        if not isinstance(content, ChatContent):
            return wrong_content(self.name, letter)
        if self._wrong:
            return Misconfigured(f"Apprise knows no service of address number {', '.join(map(str, self._wrong))}")
        title, text = (sound(each.replace("\0", "")) for each in (content.title, content.text))
        if not text.strip():
            return Never("the text is empty")
        begun = asyncio.Event()
        task = asyncio.create_task(self._in_turn(title, text, begun))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(self._seconds):
                went, status = await asyncio.shield(task)
        except TimeoutError:
            if begun.is_set():
                return Lost(f"it did not answer within {self._seconds:g} seconds")
            task.cancel()
            return Later(f"the messages before it took longer than {self._seconds:g} seconds")
        except Exception as error:  # noqa: BLE001  # of 170 services, each may raise its own
            return Lost(f"{type(error).__name__}: {harmless(str(error))}")
        if went:
            return Accepted()
        if len(self._services) > 1:
            return Lost("at least one of the services did not take it; the others may have")
        return _judged(status)

    async def close(self) -> None:
        """Waits for what is under way."""
        if self._running:
            await asyncio.wait(set(self._running))

    async def _in_turn(self, title: str, text: str, begun: asyncio.Event) -> tuple[bool, int | None]:
        """One after another: the log says which status came, and not to which message."""
        async with self._place:
            begun.set()
            return await asyncio.to_thread(self._notified, title, text)

    def _notified(self, title: str, text: str) -> tuple[bool, int | None]:
        """Whether it went, and the status that the log names."""
        with _listening() as statuses:
            went = self._services.notify(body=text, title=title, notify_type=self._kind)
        return bool(went), statuses[-1] if statuses else None


def _judged(status: int | None) -> Outcome:
    if status is None:
        return Lost("Apprise says that it did not go, and not whether the service has it")
    told = f"the service answered {status}"
    if status in {401, 403}:
        return Misconfigured(told)
    return Later(told) if status in {408, 425, 429} or status >= 500 else Never(told)


def _loaded() -> Any:
    try:
        import apprise
    except ImportError:
        raise SettingError(
            "the channel chat needs Apprise, which is not installed",
            hint="install it with `pip install 'ethogram[chat]'`",
        ) from None
    return apprise


class _Statuses(logging.Handler):
    """Keeps the statuses that the log names."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        if named := _STATUS.search(record.getMessage()):
            self.found.append(int(named[1]))


@contextlib.contextmanager
def _listening() -> Iterator[list[int]]:
    """The statuses that are logged meanwhile; nobody else sees the log, as addresses in it may be secrets."""
    handler = _Statuses()
    _LOG.propagate = False
    _LOG.addHandler(handler)
    try:
        yield handler.found
    finally:
        _LOG.removeHandler(handler)
