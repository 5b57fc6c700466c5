"""A device is whoever's registered it last, and a person's newest ones are written to."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from ethogram.errors import InputError
from ethogram.model.message import Channel
from ethogram.store import devices, identities, persons

if TYPE_CHECKING:
    from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def register(ledger: Ledger, person: str, token: str, at: dt.datetime = NOW, **more: int) -> str:
    with ledger.database.writing() as connection:
        return devices.register(connection, person, Channel.PUSH, "fcm", token, at, **more)


def tokens(ledger: Ledger, person: str) -> list[str]:
    with ledger.database.reading() as connection:
        found = devices.of(connection, persons.of(connection, [person])).get(person, {})
    return [each.address for each in found.get(Channel.PUSH, ())]


def test_the_device_seen_last_comes_first(ledger: Ledger) -> None:
    first = register(ledger, "a", "t1")
    register(ledger, "a", "t2", NOW + HOUR)
    assert tokens(ledger, "a") == ["t2", "t1"]
    with ledger.database.writing() as connection:
        assert devices.see(connection, [first, "dev_unknown"], NOW + 2 * HOUR) == 1
    assert tokens(ledger, "a") == ["t1", "t2"]


def test_a_shared_phone_is_whoever_s_signed_in_last(ledger: Ledger) -> None:
    assert register(ledger, "a", "t") == register(ledger, "b", "t", NOW + HOUR)
    assert (tokens(ledger, "a"), tokens(ledger, "b")) == ([], ["t"])


def test_one_that_is_gone_takes_nothing_until_it_registers_again(ledger: Ledger) -> None:
    register(ledger, "a", "t")
    for expected in (True, False):
        with ledger.database.writing() as connection:
            assert devices.end(connection, Channel.PUSH, "t", "404", NOW) is expected
    assert tokens(ledger, "a") == []
    register(ledger, "a", "t", NOW + HOUR)
    assert tokens(ledger, "a") == ["t"]


def test_a_person_has_the_newest_ones_only(ledger: Ledger) -> None:
    for number in range(5):
        register(ledger, "a", f"t{number}", NOW + number * HOUR, most=3)
    assert tokens(ledger, "a") == ["t4", "t3", "t2"]


def test_devices_come_along_when_people_are_joined_and_part_again(ledger: Ledger) -> None:
    register(ledger, "a", "t1")
    register(ledger, "b", "t2", NOW + HOUR)
    with ledger.database.writing() as connection:
        number = identities.merge(connection, "a", "b", {"a", "b"}, NOW, "test").id
    assert tokens(ledger, "a") == tokens(ledger, "b") == ["t2", "t1"]
    with ledger.database.writing() as connection:
        identities.undo(connection, number, NOW, "test", 30 * 24 * HOUR)
    assert (tokens(ledger, "a"), tokens(ledger, "b")) == (["t1"], ["t2"])


def test_a_subscription_is_known_by_its_endpoint() -> None:
    keys = {"p256dh": "x", "auth": "y"}
    one = json.dumps({"endpoint": "https://push.example/1", "keys": keys})
    same = json.dumps({"keys": keys, "expirationTime": None, "endpoint": "https://push.example/1"})
    assert devices.id_of(Channel.WEBPUSH, one) == devices.id_of(Channel.WEBPUSH, same)


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        (Channel.WEBPUSH, "token"),
        (Channel.WEBPUSH, '{"endpoint": "http://push.example/1"}'),
        (Channel.PUSH, " "),
        (Channel.PUSH, "x" * 5_000),
        (Channel.EMAIL, "a@x.example"),
    ],
)
def test_what_is_no_device_is_refused(channel: Channel, address: str) -> None:
    with pytest.raises(InputError):
        devices.id_of(channel, address)
