"""A message on its way: who it is for, what made it, what it says, and what became of it.

The vocabulary between `decide` (which wants messages), the ledger's outbox (which keeps them) and `deliver` (which
sends them). Frozen values, no input or output.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


class Channel(StrEnum):
    """A way out. Each is sent by one provider at a time, which the workspace configures."""

    EMAIL = "email"
    WEBPUSH = "webpush"
    PUSH = "push"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    INAPP = "inapp"
    WEBHOOK = "webhook"
    CHAT = "chat"


class Maker(StrEnum):
    """What wants messages."""

    CAMPAIGN = "campaign"
    JOURNEY = "journey"
    TOPIC = "topic"  # asks whether somebody did subscribe to it
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a message: this much says which message it is, so the same cause never makes two.

    Attributes:
        name: the campaign's or the journey's.
        version: of its definition.
        step: of a journey; empty for a campaign.
        occurrence: which time it is: an instant of a schedule, the id of a call or an event, the id of a run.
        variant: the one that the profile was assigned; empty where there is none.
    """

    maker: Maker
    name: str
    version: int
    occurrence: str
    step: str = ""
    variant: str = ""

    def message_id(self, profile_id: str, channel: Channel) -> str:
        """The id of the message to a profile; the version and the variant are no part of it.

        >>> Origin(Maker.CAMPAIGN, "spring", 1, "2026-03-01").message_id("p1", Channel.EMAIL)[:4]
        'msg_'
        """
        begin, end = _around(self.maker, self.name, self.occurrence, self.step, channel)
        told = f"{begin}{len(profile_id)}:{profile_id}{end}"
        return "msg_" + hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


@functools.lru_cache(maxsize=1024)  # the same for a campaign's whole audience
def _around(maker: Maker, name: str, occurrence: str, step: str, channel: Channel) -> tuple[str, str]:
    """What an id is derived from, before and after the profile: each part with its length, so no two are alike."""
    begin = "".join(f"{len(part)}:{part}" for part in (maker.value, name, occurrence, step))
    return begin, f"{len(channel.value)}:{channel.value}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message that somebody wants to send: not yet judged by eligibility, not yet written down.

    Attributes:
        template: the name of what it says; rendered when it is sent.
        topic: what the person may have subscribed to or not; empty is none in particular.
        priority: where a cap allows fewer, the greater one speaks.
        transactional: owed to the person (a receipt, a password): needs no subscription, obeys no cap and no quiet
            hours; suppressions and reachability still hold.
        data: what started it, for templates and conditions; JSON.
        due_at: not before.
        expires_at: not after; None is never too late.
        twice_rather_than_not: where nobody knows whether a provider took it, send it again; else a person decides.
    """

    origin: Origin
    profile_id: str
    channel: Channel
    template: str
    due_at: dt.datetime
    topic: str = ""
    priority: int = 0
    transactional: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    expires_at: dt.datetime | None = None
    twice_rather_than_not: bool = False

    @property
    def id(self) -> str:
        """The message's id."""
        return self.origin.message_id(self.profile_id, self.channel)


class State(StrEnum):
    """Where a message is. A message in one of the last six has come to its end."""

    WAITING = "waiting"  # for its instant, an attempt, or quiet hours to end
    CLAIMED = "claimed"  # somebody renders and sends it now
    SENT = "sent"  # the provider has taken it
    REFUSED = "refused"  # by eligibility, with the reason
    HELD_OUT = "held_out"  # for comparison: this profile gets none
    FAILED = "failed"  # the template or the provider cannot do it, or it came too late
    UNSURE = "unsure"  # it may have been sent: a person decides
    CANCELLED = "cancelled"  # its campaign or run was stopped before


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the outbox.

    Attributes:
        number: in the order of making.
        code: why, in a word to count by; None where there is nothing to say.
        address: where it went: an e-mail address, a number, a device's id; None until it is sent.
        reason: why it was refused, postponed, or failed, in words for people.
        provider_id: the provider's own id of it.
    """

    number: int
    id: str
    wanted: Wanted
    state: State
    code: str | None
    reason: str | None
    address: str | None
    attempts: int
    due_at: dt.datetime
    provider_id: str | None
    created_at: dt.datetime
    finished_at: dt.datetime | None


# --- what eligibility says ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Eligible:
    """It may be sent now."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """It may be sent, not yet: quiet hours, or a speed limit."""

    until: dt.datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not sent.

    Attributes:
        code: one word to count by, such as `unsubscribed`, `suppressed`, `capped`, `unreachable`, `outranked`.
        reason: the whole, for people.
    """

    code: str
    reason: str


Verdict: TypeAlias = Eligible | Postponed | Refused


@dataclass(frozen=True, slots=True)
class HeldOut:
    """It would be sent, and is not, so that what sending changes can be known.

    Attributes:
        reason: which holdout it is, for people.
    """

    reason: str


# --- what a message says, rendered --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EmailContent:
    """An e-mail's parts; `unsubscribe` is the address for one click after RFC 8058."""

    subject: str
    html: str
    text: str
    sender: str | None = None
    reply_to: str | None = None
    unsubscribe: str | None = None


@dataclass(frozen=True, slots=True)
class PushContent:
    """A notification, on a phone or in a browser."""

    title: str
    body: str
    url: str | None = None
    image: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TextContent:
    """A text message."""

    text: str


@dataclass(frozen=True, slots=True)
class InAppContent:
    """A message shown by a page or an app: `form` is banner, modal, card or fullscreen."""

    form: str
    title: str
    body: str
    image: str | None = None
    buttons: tuple[Mapping[str, str], ...] = ()
    show: Mapping[str, Any] = field(default_factory=dict)
    style: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookContent:
    """A request to an address that the workspace chose."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatContent:
    """A line for a team's chat."""

    title: str
    text: str


Content: TypeAlias = EmailContent | PushContent | TextContent | InAppContent | WebhookContent | ChatContent


@dataclass(frozen=True, slots=True)
class Unrenderable:
    """A template that cannot speak to this person.

    Attributes:
        aborted: the template itself says so, by `{% abort %}`.
    """

    reason: str
    aborted: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """What a channel sends: rendered and addressed.

    Attributes:
        id: the message's; the key by which a provider knows a repetition.
        address: in the channel's own form; of a device, its subscription or token.
    """

    id: str
    address: str
    content: Content
    expires_at: dt.datetime | None = None


# --- what a provider says -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken it."""

    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: tried again with growing pauses.

    Attributes:
        wait: how long the provider asks to be left alone.
        provider: the trouble is the provider's, not this message's: a breaker counts it.
    """

    reason: str
    wait: dt.timedelta | None = None
    provider: bool = True


@dataclass(frozen=True, slots=True)
class Never:
    """This message will never be taken.

    Attributes:
        dead: the address takes nothing any more: it is suppressed, a device is forgotten.
    """

    reason: str
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """The provider refuses us, not the message: the channel pauses until somebody mends its settings."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody knows whether it was taken: the connection ended after the message had left."""

    reason: str


Outcome: TypeAlias = Accepted | Later | Never | Misconfigured | Lost
