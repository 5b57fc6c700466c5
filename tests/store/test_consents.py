"""What people chose is kept for ever, the newest holds, and joining people never makes a yes of a no."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ethogram.model.message import Channel
from ethogram.store import consents, identities
from ethogram.store.consents import Choice

if TYPE_CHECKING:
    from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def choice(
    person: str, on: bool, at: dt.datetime = NOW, topic: str = "news", *, channel: Channel = Channel.EMAIL
) -> Choice:
    return Choice(person, channel, topic, on, at, "api", "v1")


def append(ledger: Ledger, *choices: Choice, now: dt.datetime = NOW) -> None:
    with ledger.database.writing() as connection:
        assert consents.append(connection, choices, now) == len(choices)


def said(ledger: Ledger, person: str, topic: str = "news") -> bool | None:
    with ledger.database.reading() as connection:
        held = consents.holding(connection, [person]).get(person, {}).get(("email", topic))
    return None if held is None else held.subscribed


def merge(ledger: Ledger, identity: str, into: str, now: dt.datetime = NOW) -> int:
    with ledger.database.writing() as connection:
        return identities.merge(connection, identity, into, {identity, into}, now, "test").id


def undo(ledger: Ledger, number: int) -> None:
    with ledger.database.writing() as connection:
        identities.undo(connection, number, NOW + 9 * DAY, "test", 30 * DAY)


def test_every_choice_is_kept_with_what_was_said_and_the_newest_holds(ledger: Ledger) -> None:
    append(ledger, choice("a", True), choice("a", False, topic=""), choice("b", True))
    append(ledger, choice("a", False, NOW + DAY), now=NOW + DAY)
    assert (said(ledger, "a"), said(ledger, "a", ""), said(ledger, "b"), said(ledger, "c")) == (
        False, False, True, None,
    )  # fmt: skip
    with ledger.database.reading() as connection:
        kept = consents.history(connection, "a")
    assert [(each.topic, each.subscribed, each.at) for each in kept] == [
        ("news", True, NOW), ("", False, NOW), ("news", False, NOW + DAY),
    ]  # fmt: skip
    assert (kept[0].source, kept[0].wording, kept[0].confirmed) == ("api", "v1", False)


def test_channels_and_topics_do_not_mix(ledger: Ledger) -> None:
    append(ledger, choice("a", False, channel=Channel.SMS), choice("a", True), choice("a", False, topic="tips"))
    with ledger.database.reading() as connection:
        held = consents.holding(connection, ["a", "nobody"])
    assert {about: each.subscribed for about, each in held["a"].items()} == {
        ("sms", "news"): False, ("email", "news"): True, ("email", "tips"): False,
    }  # fmt: skip
    assert "nobody" not in held


def test_an_import_of_old_choices_undoes_no_later_one(ledger: Ledger) -> None:
    append(ledger, choice("a", False))
    append(ledger, choice("a", True, NOW - 300 * DAY), choice("b", True, NOW - 2 * DAY), choice("b", False, NOW - DAY))
    append(ledger, choice("c", False, NOW - DAY), choice("c", True, NOW - 2 * DAY))
    assert (said(ledger, "a"), said(ledger, "b"), said(ledger, "c")) == (False, False, False)


def test_a_choice_from_the_future_is_one_of_now(ledger: Ledger) -> None:
    append(ledger, choice("a", True, NOW + 900 * DAY))
    append(ledger, choice("a", False, NOW + DAY), now=NOW + DAY)
    assert said(ledger, "a") is False


@pytest.mark.parametrize(("left", "right"), [("a", "b"), ("b", "a")])
def test_of_joined_people_whoever_said_no_is_believed(ledger: Ledger, left: str, right: str) -> None:
    append(ledger, choice("a", False, NOW - 5 * DAY), choice("b", True))
    merge(ledger, left, right)
    assert said(ledger, left) is said(ledger, right) is False


def test_a_choice_after_joining_is_the_person_s_and_parted_each_has_what_it_chose_itself(ledger: Ledger) -> None:
    append(ledger, choice("a", False), choice("b", False))
    decision = merge(ledger, "a", "b")
    append(ledger, choice("a", True, NOW + DAY), now=NOW + DAY)
    assert said(ledger, "a") is said(ledger, "b") is True
    undo(ledger, decision)
    assert (said(ledger, "a"), said(ledger, "b")) == (False, True)
    merge(ledger, "a", "b", NOW + 10 * DAY)
    assert said(ledger, "b") is True  # it was chosen for both


def test_a_no_after_parting_is_believed_when_they_are_joined_again(ledger: Ledger) -> None:
    append(ledger, choice("a", True))
    decision = merge(ledger, "a", "b")
    append(ledger, choice("b", True, NOW + DAY), now=NOW + DAY)
    undo(ledger, decision)
    append(ledger, choice("a", False, NOW + 10 * DAY), now=NOW + 10 * DAY)
    merge(ledger, "a", "b", NOW + 11 * DAY)
    assert said(ledger, "a") is said(ledger, "b") is False


def test_many_are_imported_and_asked_at_once(ledger: Ledger) -> None:
    many = [choice(f"p{index}", index % 3 == 0) for index in range(21_000)]
    assert consents.import_many(ledger.database, many, NOW) == 21_000
    with ledger.database.reading() as connection:
        held = consents.holding(connection, [f"p{index}" for index in range(22_000)])
    assert len(held) == 21_000
    assert sum(each["email", "news"].subscribed for each in held.values()) == 7_000


def test_who_chooses_at_once_from_several_places_is_not_stuck_with_a_no(ledger: Ledger) -> None:
    def choose(number: int) -> None:
        append(ledger, choice("a", number % 2 == 0))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(choose, range(20)))
    append(ledger, choice("a", True, NOW + DAY), now=NOW + DAY)
    assert said(ledger, "a") is True
    with ledger.database.reading() as connection:
        assert len(consents.history(connection, "a")) == 21
