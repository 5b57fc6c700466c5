"""Answers that cost much are kept for a while: the longer one took, the longer it is good.

What is quick is always fresh; what took a second is at most half a minute old, and is found anew behind the page that
shows the old one, so that only the first page waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

Answer = TypeVar("Answer")
_QUICK: Final = 0.05  # seconds; what takes no longer is asked each time
_RATIO: Final = 30.0  # an answer is good for so many times as long as it took
_LONGEST: Final = 300.0
_MOST: Final = 500


@dataclass(slots=True)
class _Entry:
    answer: Any = None
    good_until: float = 0.0
    known: bool = False
    refreshing: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Kept:
    """The answers of one process; used from any thread."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], Answer]) -> Answer:
        """The answer to a question, computed now or lately."""
        with self._lock:
            if key not in self._entries and len(self._entries) >= _MOST:
                self._entries.pop(next(iter(self._entries)))
            entry = self._entries.setdefault(key, _Entry())
            stale = entry.known and _now() >= entry.good_until and not entry.refreshing
            soon = stale and entry.good_until > 0
            if soon:
                entry.refreshing = True
        if soon:
            threading.Thread(target=self._refresh, args=(entry, compute), daemon=True).start()
        if entry.known and entry.good_until > 0:
            return cast("Answer", entry.answer)
        with entry.lock:  # several who ask the same wait for one answer
            if entry.known and entry.good_until > 0:
                return cast("Answer", entry.answer)
            return self._computed(entry, compute)

    def foresee(self, key: Hashable, compute: Callable[[], Any]) -> None:
        """Has an answer found behind the page, once, for whoever asks for it next."""
        with self._lock:
            if key in self._entries:
                return
            entry = self._entries[key] = _Entry(refreshing=True)
        threading.Thread(target=self._found, args=(entry, compute), daemon=True).start()

    def _found(self, entry: _Entry, compute: Callable[[], Any]) -> None:
        with entry.lock:  # whoever asks meanwhile waits for it
            self._refresh(entry, compute)

    def _refresh(self, entry: _Entry, compute: Callable[[], Any]) -> None:
        try:
            self._computed(entry, compute)
        except Exception:  # noqa: BLE001  # whoever asks next computes it and is told what is wrong
            entry.known = False
        finally:
            entry.refreshing = False

    @staticmethod
    def _computed(entry: _Entry, compute: Callable[[], Answer]) -> Answer:
        began = _now()
        answer = compute()
        took = _now() - began
        entry.answer, entry.known = answer, True
        entry.good_until = _now() + min(_LONGEST, took * _RATIO) if took > _QUICK else 0.0
        return answer


def _now() -> float:
    """How long computing takes is measured; it is no instant of the product's."""
    return time.monotonic()
