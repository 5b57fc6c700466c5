"""Suppressed addresses are known however they are written, and long lists are taken in seconds."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from ethogram.errors import InputError
from ethogram.model.message import Channel
from ethogram.store import addressed, suppressions

if TYPE_CHECKING:
    from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def among(ledger: Ledger, *keys: str, channel: Channel = Channel.EMAIL) -> dict[str, str]:
    with ledger.database.reading() as connection:
        return suppressions.among(connection, channel, keys)


def add(ledger: Ledger, *addresses: str, reason: str = "bounced", channel: Channel = Channel.EMAIL) -> int:
    with ledger.database.writing() as connection:
        return suppressions.add(connection, channel, addresses, reason, "test", NOW)


def test_an_address_is_known_however_it_is_written(ledger: Ledger) -> None:
    assert add(ledger, "Ann@Bücher.Example", " bob@SHOP.example ") == 2
    assert add(ledger, "ann@xn--bcher-kva.example", reason="complained") == 0
    assert among(ledger, "ann@xn--bcher-kva.example", "bob@shop.example", "eve@shop.example") == {
        "ann@xn--bcher-kva.example": "bounced",
        "bob@shop.example": "bounced",
    }
    add(ledger, "0046 70 123 45 67", channel=Channel.SMS)
    assert among(ledger, "+46701234567", channel=Channel.SMS)
    assert not among(ledger, "+46701234567", channel=Channel.WHATSAPP)


def test_what_is_no_address_is_refused_by_name(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="`ann at shop` is no address of the channel `email`"):
        add(ledger, "ok@shop.example", "ann at shop")
    assert not among(ledger, "ok@shop.example")


def test_a_bounce_is_stricter_than_an_unsubscription_and_not_the_other_way(ledger: Ledger) -> None:
    add(ledger, "a@x.example", reason=suppressions.UNSUBSCRIBED)
    add(ledger, "a@x.example", "b@x.example")
    add(ledger, "b@x.example", reason=suppressions.UNSUBSCRIBED)
    assert set(among(ledger, "a@x.example", "b@x.example").values()) == {"bounced"}


def test_removed_ones_are_sent_to_again_only_those_of_a_reason_if_told(ledger: Ledger) -> None:
    add(ledger, "a@x.example", "b@x.example")
    add(ledger, "c@x.example", reason=suppressions.UNSUBSCRIBED)
    with ledger.database.writing() as connection:
        everybody = ["A@x.example", "c@x.example", "no address"]
        reason = suppressions.UNSUBSCRIBED
        assert suppressions.remove(connection, Channel.EMAIL, everybody, reason=reason) == 1
        assert suppressions.remove(connection, Channel.EMAIL, everybody) == 1
    with ledger.database.reading() as connection:
        assert [each.address for each in suppressions.listed(connection)] == ["b@x.example"]
        assert suppressions.listed(connection, Channel.SMS) == ()
        assert suppressions.listed(connection, after="b@x.example") == ()


def test_a_long_list_is_in_force_and_says_what_it_could_not_read(ledger: Ledger) -> None:
    add(ledger, "p5@shop.example")
    many = [*(f"P{index}@Shop.example" for index in range(60_000)), "p1@shop.example", "x", "y@"]
    found = suppressions.import_many(ledger.database, Channel.EMAIL, many, "imported", "list.csv", NOW)
    assert (found.added, found.known, found.faulty, found.examples) == (59_999, 2, 2, ("x", "y@"))
    assert among(ledger, "p5@shop.example", "p59999@shop.example") == {
        "p5@shop.example": "bounced",
        "p59999@shop.example": "imported",
    }


def test_an_address_is_taken_once_by_whoever_comes_first(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        addressed.take(connection, {"k1": "m1", "k2": "m2"}, NOW)
        addressed.take(connection, {"k1": "m3", "k3": "m3"}, NOW)
        assert addressed.holders(connection, ["k1", "k3", "k4"]) == {"k1": "m1", "k3": "m3"}
    assert addressed.prune(ledger.database, NOW) == 0
    assert addressed.prune(ledger.database, NOW + dt.timedelta(days=1)) == 3
