"""Deliveries on both kinds of ledger: claimed once however many claim, recorded by who holds the claim."""

from __future__ import annotations

import datetime as dt
import threading

from ethogram.store import deliveries, endpoints, webhooks
from ethogram.store.deliveries import DEAD, SENT, WAITING, DeliveryDraft, Result
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LEASE = dt.timedelta(seconds=40)
HOUR = dt.timedelta(hours=1)


def _endpoint(ledger: Ledger, count: int) -> int:
    hook = webhooks.add(
        ledger.database, url="https://example.com/", secret="whsec_x", label="", segments=None, wanted=["left"],
        traits=[], most=1, now=NOW,
    )  # fmt: skip
    drafts = [DeliveryDraft(f"msg_{hook.id}_{each}", "somebody", b"{}") for each in range(count)]
    assert webhooks.tell(ledger.database, hook, 7, drafts, NOW)
    return hook.id


def _claimed(ledger: Ledger, token: str, most: int = 1000, at: dt.datetime = NOW) -> list[str]:
    found = deliveries.claim(ledger.database, at, LEASE, token, most=most, most_each=most, under_way={})
    return [each.delivery.id for each in found]


def test_claimers_side_by_side_share_what_there_is(ledger: Ledger) -> None:
    for _ in range(3):
        _endpoint(ledger, 40)
    found: list[list[str]] = []

    def claim(token: str) -> None:
        while some := _claimed(ledger, token, most=7):
            found.append(some)

    claimers = [threading.Thread(target=claim, args=(f"claimer {n}",)) for n in range(4)]
    for claimer in claimers:
        claimer.start()
    for claimer in claimers:
        claimer.join()
    everything = [each for some in found for each in some]
    assert len(everything) == len(set(everything)) == 120


def test_telling_twice_from_the_same_place_makes_nothing(ledger: Ledger) -> None:
    hook = webhooks.existing(ledger.database, _endpoint(ledger, 1))
    stale = webhooks.existing(ledger.database, hook.id)
    assert webhooks.tell(ledger.database, hook, 8, [DeliveryDraft("msg_a", "", b"")], NOW)
    assert not webhooks.tell(ledger.database, stale, 8, [DeliveryDraft("msg_b", "", b"")], NOW)
    assert {each.id for each in deliveries.listed(ledger.database)} == {f"msg_{hook.id}_0", "msg_a"}


def test_what_came_of_an_attempt_is_recorded_with_the_endpoint(ledger: Ledger) -> None:
    number = _endpoint(ledger, 2)
    claimed = deliveries.claim(ledger.database, NOW, LEASE, "one", most=9, most_each=9, under_way={})
    first, second = (each.delivery for each in claimed)
    failed = Result(first, WAITING, NOW + HOUR, 500, "oops", failed=True, held_until=NOW + HOUR)
    assert deliveries.record(ledger.database, "another", [failed], NOW) == 0
    assert deliveries.record(ledger.database, "one", [failed], NOW) == 1
    with ledger.database.reading() as connection:
        endpoint = endpoints.existing(connection, number)
    assert (endpoint.failures, endpoint.failing_since, endpoint.held_until) == (1, NOW, NOW + HOUR)
    assert _claimed(ledger, "two", at=NOW + LEASE) == []  # the endpoint is held
    given_up = Result(second, DEAD, NOW, None, "no", disable="it never worked")
    assert deliveries.record(ledger.database, "one", [given_up], NOW) == 1
    assert _claimed(ledger, "two", at=NOW + 2 * HOUR) == []  # and disabled
    assert deliveries.depth(ledger.database) == deliveries.Depth(0, None, 1)
    webhooks.resume(ledger.database, number, NOW)
    assert deliveries.retry(ledger.database, NOW, endpoint=number) == 1
    assert set(_claimed(ledger, "two", at=NOW + 2 * HOUR)) == {first.id, second.id}
    assert deliveries.release(ledger.database) == 2
    assert len(_claimed(ledger, "three", at=NOW + 2 * HOUR)) == 2


def test_what_is_done_is_kept_for_a_while(ledger: Ledger) -> None:
    _endpoint(ledger, 3)
    claimed = deliveries.claim(ledger.database, NOW, LEASE, "one", most=9, most_each=9, under_way={})
    sent, dead, _ = (each.delivery for each in claimed)
    results = [Result(sent, SENT, NOW, 200, None), Result(dead, DEAD, NOW, 404, "no")]
    assert deliveries.record(ledger.database, "one", results, NOW) == 2
    assert deliveries.prune(ledger.database, sent_before=NOW, dead_before=NOW) == 0
    assert deliveries.prune(ledger.database, sent_before=NOW + HOUR, dead_before=NOW) == 1
    assert deliveries.prune(ledger.database, sent_before=NOW + HOUR, dead_before=NOW + HOUR) == 1
    assert [each.state for each in deliveries.listed(ledger.database)] == [WAITING]
