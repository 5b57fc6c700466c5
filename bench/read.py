"""How long a page waits: percentiles of the read API at a million profiles, alone and beside heavy questions.

Writes a workspace straight into the warehouse's tables (people, traits, memberships, entries), starts a server of its
own process on it, and asks over HTTP:

    python bench/read.py --workspace /tmp/read --people 1000000 --requests 2000
"""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import http.client
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import ethogram
from ethogram.collecting import Keys

SEGMENTS = 100
HELD = 10  # segments that a person is in
HEADERS = {"Authorization": "Basic " + base64.b64encode(b"rk_bench:").decode()}
HEAVY = {"text": "count(purchase in last 90 days) >= 3 and not did(refund) and plan = 'pro'"}

_PEOPLE = "SELECT number AS n, concat('p', toString(number)) AS id, sipHash64(id) AS key FROM numbers({people:UInt64})"
_HELD = (
    "arraySort(arrayDistinct(arrayMap(i -> toUInt32(cityHash64(n, i) % {segments:UInt32} + 1), range({held:UInt32}))))"
)
_STATEMENTS = (
    f"""INSERT INTO profiles (profile, profile_id, known_at, known)
        SELECT key, id, {{at:DateTime64(6, 'UTC')}}, 2 FROM ({_PEOPLE})""",
    f"""INSERT INTO profile_traits (profile, ts, traits, unset, message_id, batch)
        SELECT key, {{at:DateTime64(6, 'UTC')}},
            concat('{{"plan":"', ['free', 'pro'][n % 2 + 1], '","country":"SE","age":', toString(n % 80), '}}'),
            [], id, 'bench' FROM ({_PEOPLE})""",
    f"""INSERT INTO events (profile, ts, event, properties, message_id, batch)
        SELECT key, {{at:DateTime64(6, 'UTC')}} + toIntervalHour(cityHash64(n, m) % 2000),
            ['view', 'purchase', 'refund', 'login'][cityHash64(n, m, 1) % 4 + 1], '{{}}', concat(id, '-', toString(m)),
            'bench' FROM ({_PEOPLE}) ARRAY JOIN range({{events:UInt32}}) AS m""",
    f"""INSERT INTO memberships
        SELECT key, {_HELD}, {{never:DateTime64(6, 'UTC')}}, {{at:DateTime64(6, 'UTC')}}, 1 FROM ({_PEOPLE})""",
    f"""INSERT INTO membership_changes SELECT key, segment, {{at:DateTime64(6, 'UTC')}}, 'entered', 'run', 1, 1
        FROM (SELECT key, arrayJoin({_HELD}) AS segment FROM ({_PEOPLE}))""",
)  # fmt: skip


def made(path: Path, people: int, events: int) -> None:
    """A workspace of that many people, in segments as they fall."""
    with ethogram.init(path) as workspace:
        for n in range(SEGMENTS):
            workspace.segments.save(f"segment{n}", f"count(purchase in last {n + 1} days) >= 2")
        bound = {
            "people": people, "segments": SEGMENTS, "held": HELD, "events": events,
            "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "never": dt.datetime(2299, 12, 31, tzinfo=dt.UTC),
        }  # fmt: skip
        for statement in _STATEMENTS:
            workspace._warehouse.command(statement, bound)  # noqa: SLF001  # past the loader, whose speed is measured by itself
    with Keys(path) as keys:
        keys.add("manage", value="rk_bench")


def told(what: str, seconds: list[float]) -> None:
    ordered = sorted(1_000 * each for each in seconds)
    at = {share: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99)}
    print(f"{what:<44} {len(ordered):>6} requests  p50 {at[0.5]:6.1f}  p95 {at[0.95]:6.1f}  p99 {at[0.99]:6.1f} ms")


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, path: str, body: object = None) -> float:
        began = time.perf_counter()
        content = json.dumps(body).encode() if body is not None else None
        headers = {**HEADERS, "Content-Type": "application/json"}
        self._connection.request("GET" if body is None else "POST", path, content, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said
        return time.perf_counter() - began


def measured(port: int, people: int, requests: int) -> None:
    chance = random.Random(1)
    client = Client(port)
    for _ in range(50):
        client.ask(f"/v1/profiles/p{chance.randrange(people)}")

    def profile(asker: Client) -> float:
        return asker.ask(f"/v1/profiles/p{chance.randrange(people)}")

    def segments(asker: Client) -> float:
        return asker.ask(f"/v1/profiles/p{chance.randrange(people)}/segments")

    def members(asker: Client) -> float:
        name, after = chance.randrange(SEGMENTS), chance.randrange(people)
        return asker.ask(f"/v1/segments/segment{name}/members?limit=100&after=p{after}")

    told("profile", [profile(client) for _ in range(requests)])
    told("segments of a profile", [segments(client) for _ in range(requests)])
    told("page of 100 members", [members(client) for _ in range(requests // 4)])

    found: list[float] = []

    def several() -> None:
        asker = Client(port)
        found.extend(profile(asker) for _ in range(requests // 4))

    threads = [threading.Thread(target=several) for _ in range(4)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told(f"profile, 4 at once ({len(found) / (time.perf_counter() - began):.0f}/s)", found)

    ends = threading.Event()
    heavy: list[float] = []

    def previewing() -> None:
        asker = Client(port)
        while not ends.is_set():
            heavy.append(asker.ask("/api/preview", HEAVY))

    thread = threading.Thread(target=previewing)
    thread.start()
    time.sleep(0.2)
    told("profile, beside previews over everybody", [profile(client) for _ in range(requests)])
    ends.set()
    thread.join()
    told("the previews meanwhile", heavy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True, help="made when it is not there")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=3, help="of each person")
    parser.add_argument("--requests", type=int, default=2_000)
    chosen = parser.parse_args()
    if not (chosen.workspace / "ethogram.toml").exists():
        began = time.perf_counter()
        made(chosen.workspace, chosen.people, chosen.events)
        print(f"made in {time.perf_counter() - began:.0f} s")
    # Role `work` without the mover's first look at everybody: membership stays as it was written.
    command = [sys.executable, str(Path(__file__).resolve()), "serve", str(chosen.workspace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = urlsplit(process.stdout.readline().strip()).port
        assert port is not None
        try:
            measured(port, chosen.people, chosen.requests)
        finally:
            process.terminate()


def serve(path: Path) -> None:
    """Answers questions and does no work of its own."""
    from ethogram.clock import SystemClock
    from ethogram.runtime import Workspace
    from ethogram.team import Team
    from ethogram.web.app import App
    from ethogram.web.asking import asking
    from ethogram.web.metrics import Metrics
    from ethogram.web.server import bound, run

    metrics = Metrics()
    with Workspace(path) as workspace, Keys(path) as keys, Team(path) as team, bound("127.0.0.1", 0) as listening:
        found = asking(workspace, keys, team, clock=SystemClock(), metrics=metrics)
        app = App(
            collector=None, backlog=workspace.backlog, metrics=metrics, trouble=lambda: None, started=lambda: None,
            stopped=found.close, ending=found.stream.end, mounts=found.mounts,
        )  # fmt: skip
        run(app, listening, lambda: print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]))
    else:
        main()
