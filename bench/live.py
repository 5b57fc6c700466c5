"""How soon a segment reacts while a server works: events at a fixed rate, effects that are known, and overload.

Makes a workspace of generated events that end now, with a hundred segments that are all kept live; starts `ethogram
serve` on it, and sends a realistic mix (track, page, identify, single and in batches) at a rate that does not wait for
answers (an open loop: what the server makes wait counts as waiting). Among the events are planted ones whose effect is
known: a person who enters when it counts, and one who leaves a minute later by time alone. Their changes are awaited
in the feed in the ledger. Then ten times the rate for a while, until the server is well again. In the end everything
that was acknowledged is looked for in the warehouse, and the recorded memberships are verified.

    python bench/live.py [--events 50000000] [--rate 1000] [--minutes 10] [--folder .cache/bench] [--json FILE]

The clocks are those of one machine, which the sender shares with the server; the feed is looked at every ten
milliseconds, which are part of each latency.
"""

# The segments are saved straight past the facade's catalogue, and rows counted in the tables.
# ruff: noqa: SLF001

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import platform
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ethogram
from ethogram.collecting import Keys
from ethogram.following import Following, Happened
from generate import CATEGORIES, EVENTS_EACH, MIX, generate
from questions import questions, text

SOURCE = str(Path(__file__).parents[1] / "src")
KEY = "bench-live"
PLANTED, BRIEF = "bench-planted", "bench-brief"
WINDOW = 60.0  # seconds that `BRIEF` lasts
BATCH = 10  # events of a batch; half of all events come in batches
PLANTED_EACH, BRIEF_EACH = 20, 5  # a second
POLL = 0.01


# --- what is sent ----------------------------------------------------------------------------------------------------


class Calls:
    """Calls of a realistic mix, each with an id of its own."""

    def __init__(self, people: int, seed: int = 1) -> None:
        self._people = people
        self._random = random.Random(seed)
        self._names = [name for name, share in MIX.items() for _ in range(share)]
        self._run = f"live-{time.time_ns()}"
        self.made = 0

    def any(self) -> dict[str, Any]:
        """A call of somebody: a few people do much of it."""
        chance = self._random
        who = f"p{int(self._people * chance.random() ** 2)}"
        kind = chance.random()
        if kind < 0.05:
            return self._call("identify", who, traits={"plan": chance.choice(["free", "pro", "team"])})
        if kind < 0.20:
            return self._call("page", who, name="Home", properties={"path": f"/{chance.randrange(500)}"})
        event = chance.choice(self._names)
        properties: dict[str, Any] = {"device": chance.choice(["phone", "desktop"]), "score": chance.randrange(11)}
        if event in ("purchase", "view", "add_to_cart"):
            properties |= {"category": chance.choice(CATEGORIES), "product_id": chance.randrange(5000)}
            properties["amount"] = round(2 + 160 * chance.random() ** 3, 2)
        return self._call("track", who, event=event, properties=properties)

    def planted(self, event: str) -> dict[str, Any]:
        """A call of somebody new, whose effect is known."""
        return self._call("track", f"{self._run}-{self.made}", event=event, timestamp=_now().isoformat())

    def _call(self, kind: str, who: str, **more: Any) -> dict[str, Any]:
        self.made += 1
        return {"type": kind, "messageId": f"{self._run}-{self.made}", "userId": who, **more}

    @property
    def run(self) -> str:
        return self._run


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass
class Seen:
    """What was answered and what has become visible; times are those of `time.monotonic`."""

    answered: dict[str, float] = field(default_factory=dict)  # planted person -> when the 200 came
    leaves: dict[str, float] = field(default_factory=dict)  # brief person -> when time takes them out
    accept: list[float] = field(default_factory=list)  # from when it was to be sent until the answer
    statuses: Counter[int] = field(default_factory=Counter)
    refusals: list[float] = field(default_factory=list)  # how long a 429 or 503 took
    acknowledged: int = 0
    broken: int = 0
    visible: list[float] = field(default_factory=list)  # from the 200 until the change is in the feed
    by_time: list[float] = field(default_factory=list)  # from the instant until the change is in the feed
    visible_at: list[tuple[float, float]] = field(default_factory=list)  # when, how long
    lock: threading.Lock = field(default_factory=threading.Lock)


class Feed(threading.Thread):
    """Follows the feed of changes in the ledger."""

    def __init__(self, place: Path, seen: Seen) -> None:
        super().__init__(daemon=True)
        self._following = Following(place)
        self._seen = seen
        self._early: dict[str, float] = {}
        self.stopping = threading.Event()

    def run(self) -> None:
        with self._following as following:
            while not self.stopping.wait(POLL):
                for each in following.step():
                    if not isinstance(each, Happened):
                        self._changed(each.profile_id, each.name, entered=each.entered)

    def _changed(self, who: str, name: str, *, entered: bool) -> None:
        at = time.monotonic()
        seen = self._seen
        with seen.lock:
            if name == PLANTED and entered:
                took = max(0.0, at - seen.answered.pop(who, at))
                seen.visible.append(took)
                seen.visible_at.append((at, took))
            elif name == BRIEF and not entered and who in seen.leaves:
                seen.by_time.append(at - seen.leaves.pop(who))


class Sender:
    """Sends at a rate over some connections; a request that finds none free waits, and its waiting counts."""

    def __init__(self, port: int, calls: Calls, seen: Seen, connections: int) -> None:
        self._port = port
        self._calls = calls
        self._seen = seen
        self._connections = connections
        self._due: asyncio.Queue[tuple[float, list[dict[str, Any]]] | None] = asyncio.Queue()

    async def send(self, rate: float, seconds: float, *, planted: bool = True) -> None:
        """Half of the events come singly, half in batches."""
        workers = [asyncio.create_task(self._connection()) for _ in range(self._connections)]
        singles, batches = rate / 2, rate / 2 / BATCH
        began = time.monotonic()
        sent = {"single": 0, "batch": 0, PLANTED: 0, BRIEF: 0}
        each = {"single": singles, "batch": batches, PLANTED: PLANTED_EACH * planted, BRIEF: BRIEF_EACH * planted}
        while (elapsed := time.monotonic() - began) < seconds:
            for kind, a_second in each.items():
                while sent[kind] < elapsed * a_second:
                    due = began + sent[kind] / a_second
                    sent[kind] += 1
                    match kind:
                        case "single":
                            made = [self._calls.any()]
                        case "batch":
                            made = [self._calls.any() for _ in range(BATCH)]
                        case _:
                            made = [self._calls.planted(kind)]
                    self._due.put_nowait((due, made))
            await asyncio.sleep(0.002)
        for _ in workers:
            self._due.put_nowait(None)
        await asyncio.gather(*workers)

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while (job := await self._due.get()) is not None:
            due, made = job
            began = time.monotonic()
            try:
                status = await _asked(reader, writer, made)
            except (OSError, asyncio.IncompleteReadError):
                self._seen.broken += 1
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                continue
            self._note(due, began, made, status)
        writer.close()

    def _note(self, due: float, began: float, made: list[dict[str, Any]], status: int) -> None:
        at = time.monotonic()
        seen = self._seen
        with seen.lock:
            seen.statuses[status] += 1
            if status != 200:
                seen.refusals.append(at - began)
                return
            seen.accept.append(at - due)
            seen.acknowledged += len(made)
            event, who = made[0].get("event"), made[0]["userId"]
            if event == PLANTED:
                seen.answered[who] = at
            elif event == BRIEF:
                happened = dt.datetime.fromisoformat(made[0]["timestamp"])
                seen.leaves[who] = at + WINDOW - (_now() - happened).total_seconds()


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, made: list[dict[str, Any]]) -> int:
    single = len(made) == 1
    body = json.dumps(made[0] if single else {"batch": made})
    path = made[0]["type"] if single else "batch"
    head = (
        f"POST /v1/{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
    )
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(answer[9:12])


# --- what is measured ------------------------------------------------------------------------------------------------


class Gauges(threading.Thread):
    """Once a second: the depth of the inbox, its lag, and the servers' memory and processor time."""

    def __init__(self, port: int, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._pids = pids
        self.stopping = threading.Event()
        self.rows: list[dict[str, float]] = []

    def run(self) -> None:
        began = time.monotonic()
        while not self.stopping.wait(1.0):
            self.rows.append({"at": time.monotonic() - began, **self.now()})

    def now(self) -> dict[str, float]:
        """The figures of this moment."""
        import http.client

        found: dict[str, float] = {}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", "/metrics")
            with connection.getresponse() as answer:
                for line in answer.read().decode().splitlines():
                    name, _, value = line.rpartition(" ")
                    if name in ("ethogram_inbox_messages", "ethogram_inbox_lag_seconds"):
                        found[name.removeprefix("ethogram_")] = float(value)
        except OSError:
            pass  # too busy to say: that is a figure that is missing
        finally:
            connection.close()
        found |= {"rss_mb": 0.0, "cpu_seconds": 0.0}
        for pid in self._pids:
            status = Path(f"/proc/{pid}/status").read_text()
            found["rss_mb"] += int(status.split("VmRSS:")[1].split()[0]) / 1024
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            found["cpu_seconds"] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return found


def percentiles(values: list[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    found = {name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for name, share in shares.items()}
    return {"count": len(ordered), **found, "max": ordered[-1] * 1000}


# --- phases ----------------------------------------------------------------------------------------------------------


def prepared(place: Path, segments: int) -> dict[str, Any]:
    """Everybody in every segment, as a server finds them."""
    began = time.monotonic()
    with ethogram.open(place) as workspace:
        known = {each.name for each in workspace.segments.list()}
        asked = {f"question-{number:03}": text(part) for number, part in enumerate(questions(segments - 2))}
        asked |= {PLANTED: f'did("{PLANTED}")', BRIEF: f'did("{BRIEF}" in last 1 minute)'}
        for name, definition in asked.items():
            if name not in known:
                workspace.segments.save(name, definition)
        while workspace.keep_live().more:
            pass
    with Keys(place) as keys:
        if not any(key.hint and KEY.startswith(key.hint) and key.revoked_at is None for key in keys.listed()):
            keys.add("write", value=KEY)
    return {"segments": len(asked), "prepared_seconds": time.monotonic() - began}


def steady(port: int, gauges: Gauges, calls: Calls, seen: Seen, given: argparse.Namespace) -> dict[str, Any]:
    """The fixed rate for some minutes, and then until what was planted has had its effect."""
    seconds = given.minutes * 60
    before = gauges.now()
    asyncio.run(Sender(port, calls, seen, given.connections).send(given.rate, seconds))
    used = gauges.now()["cpu_seconds"] - before["cpu_seconds"]
    waited = time.monotonic()
    while (seen.answered or seen.leaves) and time.monotonic() - waited < WINDOW + 15:
        time.sleep(0.05)
    third = [row for row in gauges.rows if row["at"] <= seconds]
    parts = [third[: len(third) // 3], third[-(len(third) // 3) :]] if len(third) >= 3 else [third, third]
    return {
        "rate": given.rate,
        "seconds": seconds,
        "accept_ms": percentiles(seen.accept),
        "accept_to_visible_ms": percentiles(seen.visible),
        "time_to_visible_ms": percentiles(seen.by_time),
        "never_visible": len(seen.answered) + len(seen.leaves),
        "statuses": dict(seen.statuses),
        "broken": seen.broken,
        "inbox_messages": [round(_mean(part, "inbox_messages")) for part in parts],
        "inbox_lag_seconds_max": max((row.get("inbox_lag_seconds", 0.0) for row in third), default=0.0),
        "rss_mb": [round(_mean(part, "rss_mb")) for part in parts],
        "rss_mb_max": max((row["rss_mb"] for row in gauges.rows), default=0.0),
        "cores": used / seconds,
    }


def _mean(rows: list[dict[str, float]], name: str) -> float:
    held = [row[name] for row in rows if name in row]
    return sum(held) / len(held) if held else 0.0


def overload(port: int, gauges: Gauges, calls: Calls, seen: Seen, given: argparse.Namespace) -> dict[str, Any]:
    """Ten times the rate, and how soon the server is well again."""
    memory = gauges.now()["rss_mb"]
    first = len(gauges.rows)
    asyncio.run(Sender(port, calls, seen, given.crowd).send(given.rate * 10, given.overload))
    ended = time.monotonic()
    deepest = max((row.get("inbox_messages", 0.0) for row in gauges.rows[first:]), default=0.0)
    recovered = None
    while time.monotonic() - ended < 300:
        seen.visible_at.clear()
        asyncio.run(Sender(port, calls, seen, 4).send(0.01, 1.0))
        time.sleep(0.6)
        waiting = gauges.now().get("inbox_messages")
        if waiting is not None and waiting < given.rate and any(took < 0.5 for _, took in seen.visible_at[-5:]):
            recovered = time.monotonic() - ended
            break
    return {
        "rate": given.rate * 10,
        "seconds": given.overload,
        "statuses": dict(seen.statuses),
        "broken": seen.broken,
        "acknowledged": seen.acknowledged,
        "refusal_ms": percentiles(seen.refusals),
        "accept_ms": percentiles(seen.accept),
        "inbox_messages_max": deepest,
        "rss_mb": [memory, max(row["rss_mb"] for row in gauges.rows[first:] or [{"rss_mb": memory}])],
        "recovered_seconds": recovered,
    }


def settled(place: Path, calls: Calls, acknowledged: int, *, verify: bool) -> dict[str, Any]:
    """What was acknowledged is in the warehouse once, and what is recorded is right."""
    began = time.monotonic()
    with ethogram.open(place) as workspace:
        while workspace.collect().messages:
            pass
        found = [
            workspace._warehouse.query(
                f"SELECT count(), uniqExact(message_id) FROM {table} WHERE startsWith(message_id, {{run:String}})",
                {"run": calls.run},
            )[0]
            for table in ("events", "profile_traits")
        ]
        stored, once = (sum(row[at] for row in found) for at in (0, 1))
        answer: dict[str, Any] = {"acknowledged": acknowledged, "stored": stored, "twice": stored - once}
        answer["stored_after_seconds"] = time.monotonic() - began
        if verify:
            result = workspace.verify(most=5)
            answer["verify"] = {
                "people": result.people, "segments": result.segments, "wrong": result.wrong,
                "seconds": result.milliseconds / 1000, "notes": list(result.notes),
                "first": [f"{each.profile_id} {each.problem}" for each in result.differences],
            }  # fmt: skip
    return answer


def started(place: Path, role: str) -> subprocess.Popen[str]:
    """A server on a free port."""
    return subprocess.Popen(
        [sys.executable, "-m", "ethogram", "-w", str(place), "serve", "--port", "0", "--role", role],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )


def listening(server: subprocess.Popen[str]) -> int:
    """The port of a server, when it listens."""
    assert server.stdout is not None
    return int(server.stdout.readline().split()[2].rsplit(":", 1)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000_000)
    parser.add_argument("--segments", type=int, default=100)
    parser.add_argument("--rate", type=float, default=1000, help="events a second")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--crowd", type=int, default=1000, help="connections in overload: who waits sends nothing more")
    parser.add_argument("--overload", type=float, default=20, help="seconds at ten times the rate; 0 is none")
    parser.add_argument("--apart", action="store_true", help="one process takes events, another one does the rest")
    parser.add_argument("--no-verify", action="store_true", help="leave the verification out")
    parser.add_argument("--folder", type=Path, default=Path(".cache/bench"))
    parser.add_argument("--json", type=Path, help="write all figures there, those of each second too")
    given = parser.parse_args()
    folder = given.folder / f"live-{given.events}"
    found: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}",
        "generated": generate(folder, given.events, _now()),
    }
    place = folder / "workspace"
    found |= prepared(place, given.segments)
    calls = Calls(max(given.events // EVENTS_EACH, 1))
    roles = ("work", "collect") if given.apart else ("all",)
    servers = [started(place, role) for role in roles]
    acknowledged = 0
    try:
        port = [listening(server) for server in servers][-1]
        gauges = Gauges(port, [server.pid for server in servers])
        gauges.start()
        for name, phase in (("steady", steady), ("overload", overload)):
            if name == "overload" and not given.overload:
                continue
            seen = Seen()
            feed = Feed(place, seen)
            feed.start()
            found[name] = phase(port, gauges, calls, seen, given)
            feed.stopping.set()
            feed.join()
            acknowledged += seen.acknowledged
        gauges.stopping.set()
        gauges.join()
        found["each_second"] = gauges.rows
    finally:
        for server in reversed(servers):
            server.send_signal(signal.SIGTERM)
            server.communicate()
    found["stored"] = settled(place, calls, acknowledged, verify=not given.no_verify)
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1), "utf-8")
    show(found)


def show(found: dict[str, Any]) -> None:
    """Prints the figures as a table."""
    made, even = found["generated"], found["steady"]
    print(f"{found['machine']}; {made['events']:,} events of {made['people']:,} people, {found['segments']} segments")
    print(f"prepared in {found['prepared_seconds']:.0f} s\n")
    print(
        f"{even['rate']:,.0f} events/s for {even['seconds']:.0f} s{'p50':>21}{'p95':>9}{'p99':>9}{'max':>9}{'count':>9}"
    )
    for title, name in (
        ("due → 200", "accept_ms"),
        ("200 → change visible", "accept_to_visible_ms"),
        ("instant → change visible", "time_to_visible_ms"),
    ):
        print(f"  {title:<28} ms{_cells(even[name])}")
    first, last = even["inbox_messages"]
    print(
        f"  inbox, first → last third: {first:,} → {last:,} messages; lag at most {even['inbox_lag_seconds_max']:.2f} s"
    )
    print(
        f"  memory: {even['rss_mb'][0]:,} → {even['rss_mb'][1]:,} MB; {even['cores']:.2f} cores; answers "
        f"{even['statuses']}, {even['broken']} broken, {even['never_visible']} never visible"
    )
    if "overload" in found:
        over = found["overload"]
        print(f"\n{over['rate']:,.0f} events/s for {over['seconds']:.0f} s: answers {over['statuses']}")
        print(f"  {'200, since due':<28} ms{_cells(over['accept_ms'])}")
        print(f"  {'429 or 503, since sent':<28} ms{_cells(over['refusal_ms'])}")
        recovered = over["recovered_seconds"]
        told = "not within 300 s" if recovered is None else f"after {recovered:.1f} s"
        print(
            f"  inbox at most {over['inbox_messages_max']:,.0f}; memory {over['rss_mb'][0]:,.0f} → "
            f"{over['rss_mb'][1]:,.0f} MB; well again {told}"
        )
    stored = found["stored"]
    print(
        f"\nacknowledged {stored['acknowledged']:,}, stored {stored['stored']:,}, lost "
        f"{max(0, stored['acknowledged'] - stored['stored'] + stored['twice']):,}, twice {stored['twice']:,}"
    )
    if "verify" in stored:
        check = stored["verify"]
        print(
            f"verified {check['people']:,} people × {check['segments']} segments in {check['seconds']:.1f} s: "
            f"{check['wrong']:,} differ"
        )
        for line in (*check["notes"], *check["first"]):
            print(f"  {line}")


def _cells(found: dict[str, float]) -> str:
    names = ("p50", "p95", "p99", "max")
    return "".join(f"{found.get(name, float('nan')):>9,.1f}" for name in names) + f"{found['count']:>9,.0f}"


if __name__ == "__main__":
    main()
