"""What every channel does, each against a stand-in that speaks its provider's protocol."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from deliver.channels.apns_stand import ApnsStand
from deliver.channels.smtp_stand import SmtpStand
from deliver.channels.stands import (
    HERE,
    START,
    Arrived,
    ChatStand,
    FcmStand,
    Stand,
    TwilioStand,
    WebhookStand,
    WebPushStand,
    WhatsappStand,
)
from ethogram.deliver.channels.building import build
from ethogram.deliver.channels.protocol import Channel
from ethogram.model.message import (
    Accepted,
    ChatContent,
    Content,
    Later,
    Letter,
    Lost,
    Misconfigured,
    Never,
    Outcome,
    TextContent,
    WebhookContent,
)
from ethogram.model.provider import Provider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ethogram.deliver.channels.recording import RecordingChannel


class RecordingStand(Stand):
    """The channel that keeps what it is given is its own provider."""

    kinds = ()
    retry_after = False

    def __init__(self) -> None:
        super().__init__()
        self.channel: RecordingChannel | None = None

    def __exit__(self, *_: object) -> None: ...

    def provider(self) -> Provider:
        return self.made(channel="sms", kind="recording")

    def will(self, *kinds: str) -> None:
        raise AssertionError(kinds)

    def content(self, text: str) -> Content:
        return TextContent(text)

    @property
    def address(self) -> str:
        return "+46701740605"

    @property
    def arrived(self) -> list[Arrived]:
        assert self.channel is not None
        letters = self.channel.letters.values()
        return [Arrived(each.id, each.content.text) for each in letters if isinstance(each.content, TextContent)]


STANDS: list[Callable[[], Stand]] = [
    SmtpStand, TwilioStand, WhatsappStand, FcmStand, ApnsStand, WebPushStand, WebhookStand, ChatStand, RecordingStand,
]  # fmt: skip


def those(*kinds: str) -> pytest.MarkDecorator:
    """The channels whose providers can answer so."""
    fitting = [each for each in STANDS if all(kind in each.kinds for kind in kinds)]  # type: ignore[attr-defined]
    return pytest.mark.parametrize("stand", fitting, ids=_name)


def _name(stand: object) -> str:
    return stand.__name__.removesuffix("Stand").lower()  # type: ignore[attr-defined,no-any-return]


@asynccontextmanager
async def opened(stand: Stand) -> AsyncIterator[Channel]:
    channel = build(stand.provider(), HERE, stand.clock, environment={})
    if isinstance(stand, RecordingStand):
        stand.channel = channel  # type: ignore[assignment]
    try:
        yield channel
    finally:
        await channel.close()


def sent(stand: Stand, *letters: Letter) -> list[Outcome]:
    async def all_sent() -> list[Outcome]:
        async with opened(stand) as channel:
            return [await channel.send(letter) for letter in letters]

    return asyncio.run(all_sent())


@those()
def test_what_is_sent_arrives_as_it_is(stand: Callable[[], Stand]) -> None:
    with stand() as here:
        (outcome,) = sent(here, here.letter(text="Grüße, Ann 🎉 {}\n.leading dot"))
        assert isinstance(outcome, Accepted)
        (arrived,) = here.arrived
        assert arrived.text.replace("\r\n", "\n").rstrip() == "Grüße, Ann 🎉 {}\n.leading dot"


@those()
def test_a_repetition_carries_the_same_key_and_another_message_another(stand: Callable[[], Stand]) -> None:
    with stand() as here:
        sent(here, here.letter("msg_1"), here.letter("msg_1"), here.letter("msg_2"))
        keys = [each.key for each in here.arrived]
        if isinstance(here, RecordingStand):
            assert keys == ["msg_1", "msg_2"]
        elif any(keys):
            assert keys[0] == keys[1] != keys[2]
        else:
            assert not here.idempotent


@those("later")
def test_who_asks_to_wait_is_asked_later(stand: Callable[[], Stand]) -> None:
    with stand() as here:
        here.will("later")
        first, second = sent(here, here.letter(), here.letter())
        assert isinstance(first, Later)
        assert first.wait is None
        assert isinstance(second, Accepted)


ASKED = [
    ("120", dt.timedelta(seconds=120)),
    (format_datetime(START + dt.timedelta(minutes=5), usegmt=True), dt.timedelta(minutes=5)),
    ("864000", dt.timedelta(days=1)),
    ("soon", None),
]


@pytest.mark.parametrize(("asked", "wait"), ASKED, ids=["seconds", "date", "ten days", "nonsense"])
@those("later")
def test_how_long_is_asked_for_is_heard_and_a_day_is_the_most(
    stand: Callable[[], Stand], asked: str, wait: dt.timedelta | None
) -> None:
    with stand() as here:
        if not here.retry_after:
            return  # SMTP and Apprise have no way to ask
        here.will(f"later {asked}")
        (outcome,) = sent(here, here.letter())
        assert isinstance(outcome, Later)
        assert outcome.wait == wait


@those("never")
def test_what_is_refused_for_good_is_not_tried_again_and_says_why(stand: Callable[[], Stand]) -> None:
    with stand() as here:
        here.will("never")
        first, second = sent(here, here.letter(), here.letter())
        assert isinstance(first, Never)
        assert not first.dead
        assert re.search(r"\d{3}", first.reason)
        assert isinstance(second, Accepted)


@those("misconfigured")
def test_who_refuses_us_is_told_apart_from_who_refuses_a_message(stand: Callable[[], Stand]) -> None:
    with stand() as here:
        here.will("misconfigured")
        (outcome,) = sent(here, here.letter())
        assert isinstance(outcome, Misconfigured)


@those("silent")
def test_nobody_waits_longer_than_the_timeout_and_what_had_left_is_lost(stand: Callable[[], Stand]) -> None:
    with stand() as here:
        here.will("silent")
        began = time.monotonic()
        (outcome,) = sent(here, here.letter())
        assert isinstance(outcome, Lost)
        assert "1 seconds" in outcome.reason
        if not isinstance(here, ChatStand):  # its thread is waited for
            assert time.monotonic() - began < 3


@those("drop")
def test_a_connection_that_ends_before_the_answer_loses_the_message(stand: Callable[[], Stand]) -> None:
    with stand() as here:
        here.will("drop")
        first, second = sent(here, here.letter(), here.letter())
        assert isinstance(first, Lost)
        assert isinstance(second, Accepted)


@those("later")
def test_nobody_there_is_later_as_nothing_has_left(stand: Callable[[], Stand]) -> None:
    here = stand()
    if isinstance(here, ChatStand):
        here.__exit__()
        return  # Apprise does not tell

    async def tried() -> Outcome:
        async with opened(here) as channel:
            letter = here.letter()
            here.__exit__()
            return await channel.send(letter)

    outcome = asyncio.run(tried())
    assert isinstance(outcome, Later), outcome


HOSTILE = {
    "lines": "Hi\r\nBcc: all@example.com\r\n\r\n.\r\nRCPT TO:<all@example.com>\r\n",
    "nul": "a\0b",
    "emoji": "👩‍👩‍👧‍👦" * 20,
    "surrogate": "a\ud800b",
    "big": "x" * 1_000_000,
    "empty": "",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
@those()
def test_no_content_does_more_than_be_sent_or_refused(stand: Callable[[], Stand], text: str) -> None:
    with stand() as here:
        try:
            letter = here.letter(text=text)
        except UnicodeEncodeError:
            return  # what the template makes are bytes
        outcome, after = sent(here, letter, here.letter("msg_2"))
        assert isinstance(outcome, (Accepted, Never))
        assert isinstance(outcome, Never) == (len(text) > here.most or (not text and not here.takes_nothing))
        assert isinstance(after, Accepted)
        assert len(here.arrived) == 1 + isinstance(outcome, Accepted)


@pytest.mark.parametrize("address", ["", "\r\n", "a\0b", "a@b>\r\nDATA", "{}", "x" * 10_000, "\ud800"])
@those()
def test_no_address_does_more_than_be_refused(stand: Callable[[], Stand], address: str) -> None:
    with stand() as here:
        if isinstance(here, (WebhookStand, ChatStand, RecordingStand)):
            return  # these have none
        outcome, after = sent(here, Letter("msg_1", address, here.content("Hello")), here.letter("msg_2"))
        assert isinstance(outcome, Never)
        assert outcome.dead
        assert isinstance(after, Accepted)
        assert len(here.arrived) == 1


@those()
def test_another_channels_content_is_refused(stand: Callable[[], Stand]) -> None:
    with stand() as here:
        other = WebhookContent("https://x.example/", b"") if isinstance(here, ChatStand) else ChatContent("", "")
        (outcome,) = sent(here, Letter("msg_1", here.address, other))
        assert isinstance(outcome, Accepted if isinstance(here, RecordingStand) else Never)


@those()
def test_many_at_once_all_arrive(stand: Callable[[], Stand]) -> None:
    async def together(here: Stand) -> Sequence[Outcome]:
        async with opened(here) as channel:
            return await asyncio.gather(*(channel.send(here.letter(f"msg_{n}", f"text {n}")) for n in range(32)))

    with stand() as here:
        outcomes = asyncio.run(together(here))
        assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
        assert sorted(each.text.strip() for each in here.arrived) == sorted(f"text {n}" for n in range(32))


@those()
def test_closing_leaves_no_task_and_closing_twice_is_no_error(stand: Callable[[], Stand]) -> None:
    async def closed(here: Stand) -> set[asyncio.Task[object]]:
        async with opened(here) as channel:
            await asyncio.gather(*(channel.send(here.letter(f"msg_{n}")) for n in range(4)))
            await channel.close()
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    with stand() as here:
        assert not asyncio.run(closed(here))


@those()
def test_it_says_of_itself_whether_a_repetition_does_harm(stand: Callable[[], Stand]) -> None:
    with stand() as here:

        async def told() -> tuple[str, bool]:
            async with opened(here) as channel:
                return channel.name, channel.idempotent

        name, idempotent = asyncio.run(told())
        assert name == here.provider().channel.value
        assert idempotent == here.idempotent
