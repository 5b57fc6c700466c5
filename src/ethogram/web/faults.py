"""Faults of ours: the sender learns that there was one and under which sign the log tells it, and nothing else.

Writes to the standard error stream, each fault once, and to an ASGI connection. Expected failures never come here: they
are values with a reason.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from typing import TYPE_CHECKING

from ethogram.web import answers

if TYPE_CHECKING:
    from ethogram.web.answers import Send
    from ethogram.web.metrics import Metrics

_MOST_SIGNS = 1_000


class Faults:
    """The faults of one process."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told: set[str] = set()

    def note(self, fault: Exception) -> str:
        """The fault's sign: the same one for whatever fails in the same way at the same place."""
        frames = traceback.extract_tb(fault.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        sign = hashlib.blake2b(f"{type(fault).__name__} {place}".encode(), digest_size=4).hexdigest()
        self._metrics.count("ethogram_faults_total", type(fault).__name__)
        if sign not in self._told and len(self._told) < _MOST_SIGNS:
            self._told.add(sign)
            text = "".join(traceback.format_exception(fault))
            sys.stderr.write(f"ethogram: a request failed by a fault of Ethogram's, `{sign}`:\n{text}")
        return sign

    async def answer(self, fault: Exception, send: Send) -> None:
        """Answers a request that failed with 500; where an answer had begun, the connection ends."""
        message = f"something is wrong here, not with the request; the server's log tells it under `{self.note(fault)}`"
        try:
            await answers.refuse(send, 500, "internal", message)
        except RuntimeError:
            return  # the server sees that the answer has no end, and closes the connection
