"""What every channel can do, and what they share in judging a provider's answer.

Step of the path: deliver. A channel takes a letter, rendered and addressed, and says what came of it as a value, never
as an exception. It knows no ledger, tries nothing twice, and waits for nothing but the provider.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Protocol

from ethogram.deliver.attempts import asked_wait
from ethogram.deliver.channels.calling import Answer, Unanswered, Unreached
from ethogram.model.message import Later, Letter, Lost, Misconfigured, Never, Outcome

_TOLD = 300
_SURROGATES = re.compile(r"[\ud800-\udfff]")


class Channel(Protocol):
    """A way out; belongs to one event loop.

    Attributes:
        name: for people and figures, such as `email`.
        idempotent: a letter that is sent again with the same id arrives once, or takes the first one's place; what
            nobody knows to have arrived may then be sent again.
    """

    name: str
    idempotent: bool

    async def send(self, letter: Letter) -> Outcome:
        """What came of sending a letter."""

    async def close(self) -> None:
        """Ends all connections and tasks."""


def unsent(failure: Unreached | Unanswered) -> Outcome:
    """What a request without an answer came to."""
    if isinstance(failure, Unanswered):
        return Lost(failure.reason)
    return Misconfigured(failure.reason) if failure.refused or failure.untrusted else Later(failure.reason)


def refused(answer: Answer, now: dt.datetime) -> Outcome:
    """What an answer that is no success means where a provider has nothing of its own to say.

    401 and 403 are about us; 408, 425, 429 and 5xx pass; a redirect is not followed; the rest is about the message.
    """
    told = f"it answered {answer.status}" + (f": {answer.text}" if answer.text else "")
    if answer.status in {401, 403, 407}:
        return Misconfigured(told)
    if answer.status in {408, 425, 429} or answer.status >= 500:
        return Later(told, asked_wait(answer.headers.get("Retry-After", ""), now))
    if 300 <= answer.status < 400:
        return Never(f"it answered {answer.status}; redirects are not followed")
    return Never(told)


def wrong_content(channel: str, letter: Letter) -> Never:
    """What comes of a letter whose content is for another channel."""
    return Never(f"`{type(letter.content).__name__}` is nothing that the channel {channel} can send")


def harmless(text: str, longest: int = _TOLD) -> str:
    r"""A text from outside, on one line, without control characters, and short.

    >>> harmless("no\r\nsuch user")
    'no such user'
    """
    clean = "".join(each if each.isprintable() else " " for each in text[: longest * 4])
    return " ".join(clean.split())[:longest]


def sound(text: str) -> str:
    """A text that UTF-8 can say: half a surrogate pair becomes the replacement character."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
