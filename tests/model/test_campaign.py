"""A campaign's document is read whole, and written as it was read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.errors import DefinitionError
from ethogram.model.campaign import (
    Audience,
    Campaign,
    Checks,
    Conversion,
    OnCall,
    Once,
    OnceLocal,
    OnEvent,
    Recurring,
    SendAt,
    Variant,
    When,
)
from ethogram.model.message import Channel

names = st.text("abc -", min_size=1, max_size=8).filter(str.strip)
lengths = st.integers(1, 100_000).map(lambda minutes: dt.timedelta(minutes=minutes))
instants = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC))
whens: st.SearchStrategy[When] = st.one_of(
    st.builds(Once, st.none() | instants),
    st.builds(OnceLocal, st.dates(), st.times().map(lambda at: at.replace(second=0, microsecond=0))),
    st.builds(Recurring, st.just("0 9 * * MON"), st.none() | instants, st.booleans()),
    st.builds(
        OnEvent,
        names,
        where=st.none() | names,
        delay=st.just(dt.timedelta(0)) | lengths,
        still=st.none() | names,
        again_after=st.none() | st.just(dt.timedelta(0)) | lengths,
    ),
    st.just(OnCall()),
)
variants = st.one_of(
    st.tuples(st.builds(Variant, st.just(""), st.just(1.0), names)),
    st.just((Variant("a", 0.25, "x"), Variant("b", 0.75, "y"))),
)
campaigns = st.builds(
    Campaign,
    name=st.just("it"),
    channel=st.sampled_from(Channel),
    audience=st.builds(
        Audience, st.lists(names, max_size=2).map(tuple), st.lists(names, max_size=2).map(tuple), st.none() | names
    ),
    when=whens,
    variants=variants,
    topic=st.just("") | names,
    priority=st.integers(-1_000, 1_000),
    transactional=st.booleans(),
    twice_rather_than_not=st.booleans(),
    holdout=st.sampled_from([0.0, 0.1, 1.0]),
    speed=st.none() | st.integers(1, 10_000),
    expires_after=lengths,
    send_at=st.sampled_from(SendAt),
    conversion=st.none()
    | st.builds(Conversion, names, within=lengths, where=st.none() | names, revenue=st.none() | names),
    salt=st.just("") | names,
    description=st.just("") | names,
)


@given(campaigns)
def test_a_campaign_comes_back_from_its_document(campaign: Campaign) -> None:
    assert Campaign.from_body("it", campaign.to_body()) == campaign


def test_every_fault_is_told_at_once() -> None:
    def condition(text: str) -> None:
        if "?" in text:
            raise ValueError(f"cannot read {text}")

    def cron(line: str) -> None:
        raise ValueError("is no cron line")

    body: dict[str, Any] = {
        "channel": "mail",
        "audience": {"in": ["vip"], "where": "count(?) > 1"},
        "when": {"every": "sometimes"},
        "variants": [{"name": "a", "share": 0.5, "template": "x"}, {"name": "a", "share": "20%", "template": "y"}],
        "conversion": {"event": "purchase", "within": "2 moons", "where": "?"},
        "holdout": 2,
        "prioritty": 1,
    }
    with pytest.raises(DefinitionError) as caught:
        Campaign.from_body("it", body, checks=Checks(condition, cron))
    assert {place for place, _ in caught.value.faults} == {
        "channel", "audience.where", "when.every", "variants", "conversion.within", "conversion.where", "holdout",
        "prioritty",
    }  # fmt: skip
    assert len(caught.value.faults) == 9  # of the variants, their names and their shares


def test_one_way_of_sending_is_needed() -> None:
    for when in ({}, {"now": True, "api": True}):
        with pytest.raises(DefinitionError, match="needs exactly one of now, at, local, every, event, catalog, api"):
            Campaign.from_body("it", {"channel": "sms", "template": "x", "when": when})
