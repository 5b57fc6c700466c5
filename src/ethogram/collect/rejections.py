"""Rejections on their way to the ledger: gathered while requests are answered, written together beside them.

Step of the path: collect. Holds few of each reason between two writes, so that a flood of bad calls costs neither
memory nor disk: the counters of `/metrics` count them all. What is kept of a call is its beginning, without secrets.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from ethogram.store.rejected import RejectedDraft, note

if TYPE_CHECKING:
    import datetime as dt

    from ethogram.store.database import Database

LONGEST = 2_048  # characters of a call's beginning
_MOST = 50  # of one reason between two writes
_READ = 4 * LONGEST  # bytes that are looked at
_SECRET = re.compile(
    r'("(?:write_?key|api_?key|password|passwd|secret|token|access_?token|authorization)"\s*:\s*)"(?:[^"\\]|\\.)*"?',
    re.IGNORECASE,
)


class Rejections:
    """What was rejected and is not in the ledger yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: defaultdict[str, list[RejectedDraft]] = defaultdict(list)
        self._writing = threading.Lock()

    def add(self, draft: RejectedDraft, content: bytes = b"", secret: str | None = None) -> None:
        """Takes note of a rejected call.

        Args:
            draft: without content.
            content: the call as it came.
            secret: a text that may not be kept, the sender's key.
        """
        waiting = self._waiting[draft.code]
        if len(waiting) < _MOST:
            waiting.append(
                RejectedDraft(
                    draft.at, draft.code, _clean(draft.reason), draft.endpoint, draft.index, _clean(draft.message_id),
                    shown(content, secret),
                )
            )  # fmt: skip

    def flush(self, now: dt.datetime) -> bool:
        """Writes what waits; False: there is never more to do at once.

        Raises:
            EthogramError: it cannot be written now, and waits on.
        """
        with self._writing:
            taken = [(code, list(waiting)) for code, waiting in list(self._waiting.items()) if waiting]
            note(self._database, [draft for _, drafts in taken for draft in drafts], now)
            for code, drafts in taken:
                del self._waiting[code][: len(drafts)]
        return False


def shown(content: bytes, secret: str | None = None) -> str:
    """How a call began, without what looks like a secret.

    >>> shown(b'{"type": "trak", "writeKey": "wk_1", "userId": "u1"}')
    '{"type": "trak", "writeKey": "…", "userId": "u1"}'
    >>> shown(b'{"a": "wk_1"}', "wk_1")
    '{"a": "…"}'
    """
    text = content[:_READ].decode("utf-8", "replace")
    text = _SECRET.sub(r'\1"…"', text)
    if secret:
        text = text.replace(secret, "…")
    return _clean(text)[:LONGEST]


def _clean(text: str) -> str:
    return text.replace("\x00", "\ufffd")
