"""Text messages and WhatsApp by Twilio's HTTP API, and by those who speak it.

Step of the path: deliver. One form post a message. The API takes no key that would tell a repetition, so what was lost
may have been sent. Source: twilio.com/docs/messaging/api/message-resource, twilio.com/docs/api/errors.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from urllib.parse import quote, urlencode

import phonenumbers

from ethogram.clock import Clock
from ethogram.deliver.attempts import asked_wait
from ethogram.deliver.channels.calling import Answer, Caller, Unanswered, Unreached
from ethogram.deliver.channels.protocol import harmless, refused, sound, unsent, wrong_content
from ethogram.model.message import Accepted, Later, Letter, Lost, Misconfigured, Never, Outcome, TextContent
from ethogram.model.provider import Twilio

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST = 1600  # characters of one message that the API takes

# Twilio's error codes by what they say. Of the number: it takes nothing, for good; of this message; of our account.
_DEAD = {
    21211: "the number is none",
    21610: "the person answered STOP",
    21614: "the number takes no text messages",
    63003: "the number is not on WhatsApp",
    30006: "the number is a landline or cannot be reached",
}
_NEVER = frozenset({21408, 21602, 21605, 21612, 21617, 30004, 30005, 30007, 63016, 63018, 63024})
_OURS = frozenset({20003, 20005, 21212, 21601, 21603, 21606, 21660, 21701, 21703, 30002, 63007})
_LATER = frozenset({14107, 20429, 21611, 30001, 30008, 63017, 63038})


class TextChannel:
    """Sends texts, or WhatsApp messages.

    Args:
        whatsapp: addresses are written with that prefix.
        token: the account's, revealed.
    """

    idempotent = False

    def __init__(
        self, name: str, settings: Twilio, *, whatsapp: bool, token: str, caller: Caller, clock: Clock
    ) -> None:
        self.name = name
        self._settings = settings
        self._prefix = "whatsapp:" if whatsapp else ""
        self._caller = caller
        self._clock = clock
        self._url = f"{settings.url}/2010-04-01/Accounts/{quote(settings.account, safe='')}/Messages.json"
        secret = base64.b64encode(f"{settings.account}:{token}".encode()).decode()
        self._headers = {
            "authorization": f"Basic {secret}",
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }

    async def send(self, letter: Letter) -> Outcome:
        """What came of sending a text."""
        content = letter.content
        if not isinstance(content, TextContent):
            return wrong_content(self.name, letter)
        to = e164(letter.address, self._settings.region)
        if to is None:
            return Never(f"`{harmless(letter.address)}` is no phone number", dead=True)
        text = sound(content.text.replace("\0", ""))
        if not text.strip():
            return Never("the text is empty")
        if len(text) > _LONGEST:
            return Never(f"the text has {len(text)} characters; {_LONGEST} are the most")
        form = {"To": self._prefix + to, "Body": text}
        if self._settings.messaging_service is not None:
            form["MessagingServiceSid"] = self._settings.messaging_service
        else:
            form["From"] = self._prefix + (self._settings.sender or "").removeprefix("whatsapp:")
        if self._settings.callback is not None:
            form["StatusCallback"] = self._settings.callback
        answer = await self._caller.post(self._url, self._headers, urlencode(form).encode())
        if isinstance(answer, (Unreached, Unanswered)):
            return unsent(answer)
        return judged(answer, self._clock.now())

    async def close(self) -> None:
        """Closes all connections."""
        await self._caller.close()


def e164(number: str, region: str | None = None) -> str | None:
    """A number as E.164; None where it can be none.

    Args:
        region: the country of a number without one.

    >>> e164("070-174 06 05", "SE")
    '+46701740605'
    """
    try:
        parsed = phonenumbers.parse(number.strip()[:40], region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def judged(answer: Answer, now: dt.datetime) -> Outcome:
    """What an answer of the API means."""
    fields = answer.fields
    if 200 <= answer.status < 300:
        sid = fields.get("sid")
        return Accepted(sid if isinstance(sid, str) else None)
    found = fields.get("code")
    code = found if isinstance(found, int) else 0
    told = f"it answered {answer.status}" + (f" ({code})" if code else "")
    told += f": {harmless(str(fields.get('message') or answer.text))}"
    wait = asked_wait(answer.headers.get("Retry-After", ""), now)
    if code in _DEAD:
        return Never(f"{_DEAD[code]}; {told}", dead=True)
    if code in _NEVER:
        return Never(told)
    if code in _OURS:
        return Misconfigured(told)
    if code in _LATER:
        return Later(told, wait)
    if answer.status == 404:
        return Misconfigured(told)  # no such account
    if answer.status == 504:
        return Lost(f"{told}; a gateway gave up on it, and it may have been taken")
    return refused(answer, now)
