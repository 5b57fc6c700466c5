"""A server that is killed while it sends: every change is seen under one id, and targets have the members."""

from __future__ import annotations

import csv
import os
import random
import socket
import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Reference

import ethogram as eg
from deliver.receiver import Receiver, status, until
from ethogram.recipients import Syncs, Webhooks
from ethogram.store import changes
from ethogram.store.ledger import Ledger
from web.running import Server, workspace

KILLS = int(os.environ.get("ETHOGRAM_DELIVERY_KILLS", "8"))
PEOPLE = 40  # between two kills


def _slow(connection: socket.socket, receiver: Receiver) -> None:
    receiver.ending.wait(0.03)
    status(200)(connection, receiver)


@pytest.mark.slow
def test_killed_in_the_middle_of_sending_nothing_is_lost_and_ids_stay(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop", allow_addresses="127.0.0.1")
    with eg.open(place) as ws:
        ws.segments.save("odd", "count(purchase) = 1")
        ws.run()
    chosen = random.Random(11)
    with Receiver(otherwise=_slow) as receiver, Receiver() as mirror:
        with Webhooks(place) as webhooks, Syncs(place) as syncs:
            _, secret = webhooks.add(receiver.url, traits=["plan"])
            syncs.add("odd", "odd.csv")
            syncs.add("odd", mirror.url)
        for kill in range(KILLS):
            with Server(place) as server:
                seen = len(receiver.received)
                batch = [
                    {"type": "track", "userId": f"p{chosen.randrange(kill * PEOPLE + PEOPLE)}", "event": "purchase"}
                    for _ in range(PEOPLE)
                ]
                assert server.send("/v1/batch", {"batch": batch}).status == 200
                until(lambda seen=seen: len(receiver.received) > seen, seconds=30)  # type: ignore[misc]
                time.sleep(chosen.uniform(0, 0.3))
        with Server(place) as server:
            server.settle()
            until(lambda: server.metric("ethogram_deliveries_waiting") == 0, seconds=60)
            time.sleep(7)  # what came last is gathered for some seconds
            until(lambda: server.metric("ethogram_deliveries_waiting") == 0, seconds=60)
            assert server.metric('ethogram_deliveries_total{outcome="sent"}') > 0
            assert server.stop() == 0
        with eg.open(place) as ws:
            members = set(ws.members("odd").column("profile_id").to_pylist())
        with Ledger(f"sqlite:///{place / 'ledger.sqlite'}") as ledger:
            feed = {
                change.id: (change.profile_id, change.entered)
                for change in changes.after(ledger.database, 0, limit=10**6)
                if change.profile_id
            }
        ids: dict[int, set[str]] = {}
        for each in receiver.received:
            told = each.json["data"]
            ids.setdefault(told["sequence"], set()).add(each.id)
            assert feed[told["sequence"]] == (told["profile_id"], told["change"] == "entered")
            assert Reference(secret).verify(each.body, each.headers)
        assert set(ids) == set(feed)
        assert len(feed) > KILLS * 10
        assert all(len(each) == 1 for each in ids.values())
        # Killed again and again, it was sent more than once here and there; that is what the ids are for.
        assert len(receiver.received) < 1.5 * len(feed)
    assert _in_files(place / "sync") == members
    assert _at_endpoint(mirror) == members


def _in_files(folder: Path) -> set[str]:
    held: set[str] = set()
    for path in sorted(folder.glob("odd-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                (held.add if row["op"] == "add" else held.discard)(row["profile_id"])
    return held


def _at_endpoint(receiver: Receiver) -> set[str]:
    held: set[str] = set()
    seen: set[str] = set()
    for each in receiver.received:
        if each.id not in seen:
            seen.add(each.id)
            held |= {one["profile_id"] for one in each.json["data"]["adds"]}
            held -= {one["profile_id"] for one in each.json["data"]["removes"]}
    return held


def test_a_polite_end_waits_for_what_is_under_way_and_not_for_what_is_not(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop", allow_addresses="127.0.0.1")
    with eg.open(place) as ws:
        ws.segments.save("buyers", "did(purchase)")
        ws.run()

    def slower(connection: socket.socket, receiver: Receiver) -> None:
        receiver.ending.wait(0.5)
        status(200)(connection, receiver)

    with Receiver(otherwise=slower) as receiver:
        with Webhooks(place) as webhooks:
            webhooks.add(receiver.url)
        with Server(place) as server:
            batch = [{"type": "track", "userId": f"p{each}", "event": "purchase"} for each in range(100)]
            assert server.send("/v1/batch", {"batch": batch}).status == 200
            until(lambda: receiver.received, seconds=30)
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 12
        with Webhooks(place) as webhooks:
            sent = {each.id for each in webhooks.deliveries(limit=1000, state="sent")}
        assert {each.id for each in receiver.received} == sent
