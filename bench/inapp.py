"""How long a page waits for what to show: percentiles of `POST /v1/messages`, with messages for everybody.

Puts messages for people straight into the ledger (three for each, of different campaigns, pages and events, with a
topic and consent to it), starts a server of its own process, and asks over HTTP from pages of people drawn at random,
alone and while events come in beside it:

    python bench/inapp.py [--people 100000] [--requests 4000] [--clients 4] [--json FILE]
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ethogram as eg
from ethogram.collecting import Keys, open_ledger
from ethogram.model.message import Channel, Eligible, Maker, Origin, Wanted
from ethogram.store import consents, definitions, in_app, outbox
from ethogram.store.consents import Choice
from ethogram.store.in_app import Kept

KEY = "wk_bench"
TOGETHER = 10_000
RULES: tuple[dict[str, Any], ...] = (
    {"page": {"is": "/checkout"}},
    {"event": "cart_viewed"},
    {"page": [{"matches": "/p/*"}, {"contains": "sale"}], "again": "1 day"},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version(), "people": given.people}
    with tempfile.TemporaryDirectory(prefix="ethogram-bench-inapp-") as folder:
        place = Path(folder) / "shop"
        prepare(place, given.people)
        command = [sys.executable, "-m", "ethogram", "-w", str(place), "serve", "--port", "0", "--role", "collect"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        port = int(urlsplit(server.stdout.readline().split()[2]).port or 0)
        try:
            asked(port, given.people, 500)
            figures["one page at a time"] = told(asked(port, given.people, given.requests))
            figures[f"{given.clients} pages at once"] = told(many(port, given.people, given.requests, given.clients))
            ending = threading.Event()
            beside = threading.Thread(target=events, args=(port, ending))
            beside.start()
            figures["beside 500 events a second"] = told(asked(port, given.people, given.requests // 2))
            ending.set()
            beside.join()
        finally:
            server.terminate()
            server.wait()
    for name, held in figures.items():
        sys.stdout.write(f"{name}: {json.dumps(held)}\n")
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=1))


def prepare(place: Path, people: int) -> None:
    """A workspace with three messages for each person."""
    eg.init(place).close()
    with Keys(place) as keys:
        keys.add("write", value=KEY)
    now = dt.datetime.now(dt.UTC)
    until = now + dt.timedelta(days=30)
    content = {
        "form": "modal",
        "title": "Two left",
        "body": "In your cart",
        "buttons": [{"text": "Go", "url": "/cart"}],
    }
    with open_ledger(place) as ledger:
        with ledger.database.writing() as connection:
            definitions.save(connection, "topic", "offers", {"needs": "opt_in"}, now)
        for start in range(0, people, TOGETHER):
            ids = [person(number) for number in range(start, min(start + TOGETHER, people))]
            wanted = [
                Wanted(Origin(Maker.CAMPAIGN, f"c{n}", 1, "once"), id_, Channel.INAPP, "t", now, topic="offers")
                for id_ in ids
                for n in range(len(RULES))
            ]
            with ledger.database.writing() as connection:
                outbox.append(connection, [(each, Eligible()) for each in wanted], now)
                said = [Choice(id_, Channel.INAPP, "offers", True, now, "preferences") for id_ in ids]
                consents.append(connection, said, now)
                kept = [
                    Kept(each.id, each.profile_id, {**content, "show": RULES[index % len(RULES)]}, until)
                    for index, each in enumerate(wanted)
                ]
                in_app.put(connection, kept, now)


def person(number: int) -> str:
    return f"person-{number:07}"


def asked(port: int, people: int, count: int, seed: int = 1) -> list[tuple[float, bool]]:
    """How long each answer took, and whether it had a message."""
    chance = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for _ in range(count):
        url = "https://shop.example" + chance.choice(["/checkout", "/p/tea?x=1", "/", "/about", "/x?from=sale"])
        tracked = ["cart_viewed"] if chance.random() < 0.2 else []
        body = {"writeKey": KEY, "userId": person(chance.randrange(people)), "url": url, "events": tracked}
        began = time.perf_counter()
        connection.request("POST", "/v1/messages", json.dumps(body))
        answer = connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - began
        assert answer.status == 200, content
        found.append((took, b'"message":null' not in content))
    connection.close()
    return found


def many(port: int, people: int, count: int, clients: int) -> list[tuple[float, bool]]:
    """The same from several connections at once; these are threads of one process, which costs time of its own."""
    found: list[tuple[float, bool]] = []
    threads = [
        threading.Thread(target=lambda seed=seed: found.extend(asked(port, people, count // clients, seed)))  # type: ignore[misc]
        for seed in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def events(port: int, ending: threading.Event) -> None:
    """Sends ten batches of fifty events a second until it is told to end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not ending.wait(0.1):
        batch = [{"type": "track", "event": "view", "userId": person(n), "properties": {"n": n}} for n in range(50)]
        connection.request("POST", "/v1/batch", json.dumps({"writeKey": KEY, "batch": batch}))
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    connection.close()


def told(found: list[tuple[float, bool]]) -> dict[str, float]:
    """Percentiles in milliseconds, and the share of answers with a message."""
    ordered = sorted(1_000 * took for took, _ in found)
    at = {f"p{round(100 * share)}": ordered[int(len(ordered) * share)] for share in (0.5, 0.95, 0.99)}
    shown = sum(has for _, has in found) / len(found)
    return {"requests": len(found), **{name: round(value, 2) for name, value in at.items()}, "shown": round(shown, 2)}


if __name__ == "__main__":
    main()
