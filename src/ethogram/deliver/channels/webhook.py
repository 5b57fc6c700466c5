"""Requests to addresses that templates name, signed after Standard Webhooks.

Step of the path: deliver. A receiver's trouble is its own: no answer of one says anything about the others, so none
pauses the channel.
"""

from __future__ import annotations

from collections.abc import Sequence

from ethogram.clock import Clock
from ethogram.deliver import signing
from ethogram.deliver.channels.calling import Answer, Caller, Unanswered, Unreached
from ethogram.deliver.channels.protocol import refused, wrong_content
from ethogram.model.message import Accepted, Later, Letter, Lost, Misconfigured, Never, Outcome, WebhookContent

_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "user-agent"})


class WebhookChannel:
    """Posts what templates say to where they say; `webhook-id` tells a repetition.

    Args:
        secrets: each signs.
    """

    idempotent = True

    def __init__(self, name: str, *, secrets: Sequence[str], caller: Caller, clock: Clock) -> None:
        if not all(signing.is_secret(secret) for secret in secrets):
            raise ValueError("a signing secret is `whsec_` and the base64 of 24 to 64 random bytes")
        self.name = name
        self._secrets = tuple(secrets)
        self._caller = caller
        self._clock = clock

    async def send(self, letter: Letter) -> Outcome:
        """What came of a request."""
        content = letter.content
        if not isinstance(content, WebhookContent):
            return wrong_content(self.name, letter)
        now = self._clock.now()
        headers = {"content-type": "application/json"}
        for name, value in content.headers.items():
            if name.lower() in _OURS or name.lower().startswith("webhook-"):
                return Never(f"the header `{name[:60]}` is not the template's to say")
            if not _is_header(name, value):
                return Never(f"the header `{name[:60]!r}` has a name or a value that no header can have")
            headers[name.lower()] = value
        signed = signing.headers(letter.id, now, content.body, self._secrets)
        if not self._secrets:
            signed.pop("webhook-signature")
        answer = await self._caller.post(content.url, headers | signed, content.body)
        match answer:
            case Unanswered(reason):
                return Lost(reason)
            case Unreached(reason, refused=True):
                return Never(reason)
            case Unreached(reason):
                return Later(reason, provider=False)
            case Answer():
                return _judged(answer, refused(answer, now))

    async def close(self) -> None:
        """Closes all connections."""
        await self._caller.close()


def _judged(answer: Answer, otherwise: Outcome) -> Outcome:
    if 200 <= answer.status < 300:
        return Accepted()
    match otherwise:
        case Misconfigured(reason):
            return Never(reason)
        case Later(reason, wait):
            return Later(reason, wait, provider=False)
        case _:
            return otherwise


def _is_header(name: str, value: str) -> bool:
    return (
        name.isascii()
        and all(each.isalnum() or each in "-_" for each in name)
        and bool(name)
        and all(each == "\t" or (each.isprintable() and each.isascii()) for each in value)
    )
