"""What a campaign costs: from its audience to messages in the recording channel, and over SMTP on loopback.

Makes a workspace of people with traits, a campaign with two variants, a holdout, a topic, a cap and quiet hours, and
lets it decide about everybody (audience, assignment, eligibility, the outbox) and send them (asked once more, rendered
in Liquid with a link that is tracked, given to the channel). Then journey runs that are all due are moved on.

    python bench/engage.py [--people 1000000] [--mails 20000] [--runs 100000] [--json FILE]

Deciding and sending go on at the same time. The mail server has a process of its own, on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import multiprocessing
import os
import platform
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import ethogram as eg
from ethogram.campaigning import Campaigns
from ethogram.clock import Clock, ManualClock
from ethogram.engaged import Engaged
from ethogram.engagement import Definitions
from ethogram.journeying import Journeys
from ethogram.model.message import Maker
from ethogram.sending import Messages
from ethogram.workers import collect_rarely

HELLO = {
    "channel": "email",
    "subject": "{{ first_name | default: 'Hello' }}, the spring list is here",
    "html": "<p>Hi {{ first_name | default: 'there' }}</p><p><a href='https://shop.example/spring'>See it</a></p>"
    "{% if plan == 'pro' %}<p>Two days before everybody else.</p>{% endif %}"
    "<p><a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--senders", type=int, default=1, help="processes that write and send; 0: in this one")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version(), "people": given.people}
    with tempfile.TemporaryDirectory(prefix="ethogram-bench-engage-") as folder:
        place = Path(folder)
        if given.people:
            recording = {"channel": "email", "kind": "recording", "path": str(place / "sent.jsonl")}
            figures["recording"] = campaign(place / "recording", given.people, recording, given.senders)
        if given.mails:
            server, port = mail_server()
            smtp = {"channel": "email", "kind": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}
            smtp["sender"] = "Shop <news@shop.example>"
            figures["smtp"] = campaign(place / "smtp", given.mails, smtp, given.senders)
            server.terminate()
        if given.runs:
            figures["runs"] = journey(place / "journey", given.runs)
    for name, held in figures.items():
        sys.stdout.write(f"{name}: {json.dumps(held)}\n")
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=1))


def prepare(place: Path, people: int, clock: Clock | None = None) -> eg.Workspace:
    """A workspace of people with traits."""
    place.mkdir()
    numbers = range(people)
    traits = pa.table(
        {
            "profile_id": [f"p{number:07}" for number in numbers],
            "timestamp": pa.array(
                [dt.datetime.now(dt.UTC) - dt.timedelta(days=30)] * people, pa.timestamp("us", "UTC")
            ),
            "email": [f"person{number}@example.com" for number in numbers],
            "first_name": [f"Name{number % 997}" if number % 3 else None for number in numbers],
            "plan": ["pro" if number % 5 == 0 else "free" for number in numbers],
            "timezone": [("Europe/Stockholm", "Asia/Tokyo", "America/New_York")[number % 3] for number in numbers],
        }
    )
    pq.write_table(traits, place / "people.parquet")
    workspace = eg.init(place / "shop")
    settings = workspace.path / "ethogram.toml"
    settings.write_text(settings.read_text() + 'allow_addresses = "127.0.0.0/8"\npublic_url = "https://news.example"\n')
    workspace.close()
    workspace = eg.open(place / "shop", clock=clock)
    workspace.load_profiles(place / "people.parquet")
    return workspace


def campaign(place: Path, people: int, provider: dict[str, Any], senders: int) -> dict[str, Any]:
    """Seconds that deciding and sending took, while both went on."""
    with prepare(place, people) as workspace:
        with Definitions(workspace.path) as definitions:
            definitions.save(
                "provider", "mail", {**provider, "at_once": 500 if provider["kind"] == "recording" else 32}
            )
            definitions.save("topic", "news", {})
            definitions.save("cap", "calm", {"most": 3, "per": "week"})
            definitions.save("quiet_hours", "never", {"from": "03:00", "to": "03:01"})
            for name in ("hello", "other"):
                definitions.save("template", name, HELLO)
            variants = [{"name": name, "share": 0.5, "template": name} for name in ("hello", "other")]
            body = {"channel": "email", "variants": variants, "when": {"now": True}, "topic": "news", "holdout": 0.05}
            definitions.save("campaign", "spring", body)
        with Campaigns(workspace.path) as campaigns:
            campaigns.start("spring")
        with (
            Engaged(workspace, clock=workspace.clock, senders=senders) as engaged,
            Messages(workspace.path) as messages,
        ):
            collect_rarely()  # as a server does
            deciding = threading.Thread(target=_all, args=(engaged.decide,))
            began, used = time.perf_counter(), _used()
            deciding.start()
            decided = 0.0

            def done() -> bool:
                nonlocal decided
                if deciding.is_alive():
                    return False
                decided = decided or time.perf_counter() - began
                return not any(each.waiting for each in messages.depths())

            woken = threading.Event()
            engaged.wake = woken.set
            _until(engaged.send, done, woken)
            sent, sent_used = time.perf_counter() - began, _used() - used
            states = {str(each.state): 0 for each in messages.counts(Maker.CAMPAIGN, "spring")}
            for each in messages.counts(Maker.CAMPAIGN, "spring"):
                states[str(each.state)] += each.messages
        return {
            "people": people, "states": states,
            "decided after seconds": round(decided, 1),
            "sent after": _pace(sent, states.get("sent", 0), sent_used),
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }  # fmt: skip


def journey(place: Path, runs: int) -> dict[str, Any]:
    """How many people enter in a minute, and how many runs that are due are moved on, each to a message and its end."""
    clock = ManualClock(dt.datetime.now(dt.UTC))
    with prepare(place, runs, clock) as workspace:
        with Definitions(workspace.path) as definitions:
            definitions.save("template", "hello", HELLO)
            steps = [
                {"name": "rest", "delay": "1 hour"},
                {"name": "hello", "message": {"channel": "email", "template": "hello"}},
            ]
            definitions.save("journey", "welcome", {"entry": {"event": "signup"}, "steps": steps})
        with Journeys(workspace.path, clock=clock) as journeys:
            journeys.start("welcome")
        with Engaged(workspace, clock=clock) as engaged, Journeys(workspace.path, clock=clock) as journeys:
            collect_rarely()  # as a server does
            engaged.decide()
            events = pa.table(
                {
                    "profile_id": [f"p{number:07}" for number in range(runs)],
                    "timestamp": pa.array([clock.now()] * runs, pa.timestamp("us", "UTC")),
                    "event": ["signup"] * runs,
                }
            )
            pq.write_table(events, place / "signups.parquet")
            workspace.load_events(place / "signups.parquet")
            entering = time.perf_counter()
            _all(engaged.decide)
            entered = time.perf_counter() - entering
            clock.advance(dt.timedelta(hours=2))
            moving = time.perf_counter()
            _all(engaged.decide)
            moved = time.perf_counter() - moving
            ended = sum(each.runs for each in journeys.shown("welcome").ended)
            if ended != runs:
                raise SystemExit(f"{ended} of {runs} runs came to their end")
    return {"runs": runs, "entered a minute": round(runs / entered * 60), "moved a minute": round(runs / moved * 60)}


def _pace(seconds: float, count: int, used: float) -> dict[str, float]:
    return {"seconds": round(seconds, 1), "a second": round(count / seconds), "processor seconds": round(used, 1)}


def _all(step: Callable[[], bool]) -> None:
    while step():
        pass


def _until(step: Callable[[], bool], done: Callable[[], bool], woken: threading.Event | None = None) -> None:
    woken = woken or threading.Event()
    while True:
        woken.clear()
        if not step() and not woken.wait(0.1) and done():
            return


def _used() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def mail_server() -> tuple[multiprocessing.Process, int]:
    """A server that takes mail and forgets it."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve_mail, args=(theirs,), daemon=True)
    process.start()
    return process, int(ours.recv())  # type: ignore[return-value]


def _serve_mail(told: Any) -> None:
    from aiosmtpd.smtp import SMTP, Envelope, Session

    class Sink:
        async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
            return "250 forgotten"

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(Sink(), enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
