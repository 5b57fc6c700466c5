"""How long the console's pages take the server, and what a first visit loads, at a million profiles.

Makes the same workspace as `read.py`, starts a server of its own process on it, signs in, and asks for each page:

    python bench/console.py --workspace /tmp/read --people 1000000 --events 50 --requests 40

Parts that a page asks for later (heavy numbers, behind a skeleton) are told by themselves.
"""

from __future__ import annotations

import argparse
import http.client
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import read
from ethogram.team import Team

PASSWORD = "a long and boring sentence"
PAGES = {
    "home": "/console/",
    "segments": "/console/segments",
    "a segment": "/console/segments/segment7",
    "the builder": "/console/segments/segment7/edit",
    "people": "/console/people",
    "a person": "/console/people/p4242",
    "why": "/console/people/p4242/segments?segment=segment7",
    "events": "/console/events",
    "explore": "/console/explore/trends",
    "campaigns": "/console/campaigns",
    "journeys": "/console/journeys",
    "outbox": "/console/outbox",
    "settings": "/console/settings",
}
LATER = {
    "people: the list": "/console/people-list",
    "people: who match": "/console/people-list?q=p4242",
    "home: active people": "/console/home/active",
    "home: what moved": "/console/home/segments",
    "events: the list": "/console/events-list",
    "explore: a trend": "/console/explore/trends/answer?event=purchase",
    "explore: a funnel": "/console/explore/funnels/answer?step=view&step=purchase",
}


def session(path: Path) -> str:
    """The cookie of somebody who is signed in."""
    with Team(path) as team:
        token = team.first_token()
        if token is None:
            made = team.sign_in("bench@shop.example", PASSWORD)
            assert made is not None
        else:
            made = team.accept(token, "bench@shop.example", "Bench", PASSWORD)
    return f"ethogram_session={made}"


def asked(connection: http.client.HTTPConnection, address: str, cookie: str) -> tuple[float, bytes]:
    began = time.perf_counter()
    connection.request("GET", address, headers={"cookie": cookie, "accept": "text/html", "accept-encoding": "identity"})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (address, answer.status, body[:300])
    return time.perf_counter() - began, body


def weight(connection: http.client.HTTPConnection, page: bytes, cookie: str) -> int:
    """Bytes of script and style that a first visit of a page loads, as they come over the wire."""
    addresses = set(re.findall(r"/console/static/[^\"#?]+\.(?:js|css|svg)", page.decode()))
    looked: set[str] = set()
    total = 0
    while addresses - looked:
        address = (addresses - looked).pop()
        looked.add(address)
        connection.request("GET", address, headers={"cookie": cookie, "accept-encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        total += len(body)
        connection.request("GET", address, headers={"cookie": cookie})
        plain = connection.getresponse().read().decode()
        folder = address.rpartition("/")[0]
        if address.endswith(".js"):  # what a module imports, and what charts load when there is one
            addresses |= {f"{folder}/{name}" for name in re.findall(r"(?:from |URL\()\"\./([^\"]+)\"", plain)}
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True, help="made when it is not there")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=50, help="of each person")
    parser.add_argument("--requests", type=int, default=40)
    chosen = parser.parse_args()
    if not (chosen.workspace / "ethogram.toml").exists():
        began = time.perf_counter()
        read.made(chosen.workspace, chosen.people, chosen.events)
        print(f"made in {time.perf_counter() - began:.0f} s")
    cookie = session(chosen.workspace)
    command = [sys.executable, str(Path(read.__file__).resolve()), "serve", str(chosen.workspace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = urlsplit(process.stdout.readline().strip()).port
        assert port is not None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        try:
            for name, address in {**PAGES, **LATER}.items():
                first, page = asked(connection, address, cookie)
                seconds = [asked(connection, address, cookie)[0] for _ in range(chosen.requests)]
                read.told(name, seconds)
                loads = (
                    f"{weight(connection, page, cookie) / 1_000:.0f} kB of script and style, " if name in PAGES else ""
                )
                print(f"{'':<44} {loads}the very first {1_000 * first:.0f} ms")
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
