"""A dry run says what a campaign would send, and that is what it sends."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from engage.shop import HELLO, NOW
from ethogram.errors import UserError
from ethogram.model.message import Channel, EmailContent
from ethogram.rehearsing import Rehearsal
from ethogram.store import consents
from ethogram.store.consents import Choice

if TYPE_CHECKING:
    from engage.shop import Shop


def test_what_is_told_beforehand_is_what_is_sent(market: Shop) -> None:
    with market.database.writing() as connection:
        consents.append(connection, [Choice("p00", Channel.EMAIL, "news", False, NOW, "api")], NOW)
    market.save("template", "hello", {**HELLO, "text": "Dear {{ first_name }}"})
    more: dict[str, Any] = {"topic": "news", "audience": {"in": ["pros"]}, "holdout": 0.2}
    market.save("campaign", "c", {"channel": "email", "template": "hello", "when": {"now": True}, **more})
    rehearsal = Rehearsal(market.path, market.workspace.people, clock=market.clock)
    told = rehearsal.dry_run("c", samples=2)
    assert (told.audience, told.refused) == (20, {"unsubscribed": 1, "unreachable": 1, "duplicate": 1})
    assert told.eligible + told.held_out + sum(told.refused.values()) == 20
    assert told.variants == {"": told.eligible}
    assert "`news`" in told.reasons["unsubscribed"]
    assert 0.2 < told.missing["first_name"] < 0.8
    assert told.unrenderable == told.missing["first_name"]
    assert len(told.samples) == 2
    assert market.channel.letters == {}
    assert not market.states()
    market.start(**more)
    market.work()
    states = market.states()
    assert states["held_out"] == told.held_out
    assert states["sent"] + states["unrenderable"] == told.eligible
    assert states["unrenderable"] == round(told.unrenderable * told.eligible)
    named = [each for each in told.samples if isinstance(each.preview.content, EmailContent)]
    for sample in named:
        assert isinstance(sample.preview.content, EmailContent)
        assert market.got()[f"{sample.profile_id}@example.com"].endswith(sample.preview.content.text.strip())


def test_quiet_hours_are_told_as_later(market: Shop) -> None:
    market.save("quiet_hours", "night", {"from": "22:00", "to": "08:00"})
    market.save("campaign", "c", {"channel": "email", "template": "hello", "when": {"now": True}})
    market.clock.advance(dt.timedelta(hours=-1))  # 06:00 UTC: 07:00 in Stockholm, 15:00 in Tokyo, 01:00 in New York
    told = Rehearsal(market.path, market.workspace.people, clock=market.clock).dry_run("c")
    assert (told.eligible, told.postponed) == (28, 19)


def test_what_is_sent_by_calls_has_nobody_before(market: Shop) -> None:
    market.save("campaign", "c", {"channel": "email", "template": "hello", "when": {"api": True}})
    with pytest.raises(UserError, match="sent when something happens"):
        Rehearsal(market.path, market.workspace.people, clock=market.clock).dry_run("c")
