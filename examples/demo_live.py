"""What `make demo-live` runs: a shop's real history goes on, live, and segments react while you look.

Loads a year of Online Retail (real, see `examples/README.md`) into a workspace that is thrown away at the end, moved in
time so that it ends now; starts `ethogram serve` on it; plays what happened next to it over HTTP, much faster than it
happened; shows events and membership changes as they come. In the end the server compares everything that it recorded
with computing it anew. Every part of this is a command: `serve`, `replay`, `tail`, `verify`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console

import ethogram as eg
from ethogram.cli.remote import Remote
from ethogram.cli.tail import Lines
from ethogram.collecting import Keys
from ethogram.following import Change, Following, Happened
from ethogram.replaying import Answered, Played, Player, Target, read_history

DATA = Path(__file__).parent / "data" / "online_retail.parquet"
ZONE = "Europe/London"
CUT = dt.datetime(2011, 12, 5, 8, tzinfo=ZoneInfo(ZONE))  # a Monday morning: before it is history, after it is played
WINDOW = 60  # seconds; no window is shorter than a minute
LINGERING = 8  # seconds to look at what time does
# A few that react within seconds, beside the templates, whose windows are days.
SEGMENTS = {
    "shopping-now": "did(purchase in last 1 minute)",
    "big-spenders-today": "sum(purchase.amount in last 1 hour) > 1000",
    "back-after-long": "did(purchase in last 1 hour) and not did(purchase in 90 days before last 1 hour) "
    "and did(purchase before 100 days ago)",
}
UTC = pa.timestamp("us", tz="UTC")
WRITE, MANAGE = "wk_demo", "mk_demo"


@dataclass
class Watch:
    """How long it takes from the answer to an event until its effect is in the feed.

    Measured on `shopping-now`, where it is known which event puts a person in: the first while they are out.
    """

    latencies: list[float] = field(default_factory=list)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _waiting: dict[str, float] = field(default_factory=dict)
    _inside: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, answered: Answered) -> None:
        """The server has said that these are on its disk."""
        with self._lock:
            for profile_id in answered.profile_ids:
                if profile_id not in self._inside:
                    self._waiting.setdefault(profile_id, answered.at)

    def changed(self, change: Change) -> None:
        """A change is visible."""
        self.changes[change.cause, "entered" if change.entered else "left"] += change.count
        if change.name != "shopping-now":
            return
        with self._lock:
            if change.entered:
                self._inside.add(change.profile_id)
                accepted = self._waiting.pop(change.profile_id, None)
                if accepted is not None:
                    self.latencies.append(max(0.0, time.monotonic() - accepted))
            else:
                self._inside.discard(change.profile_id)

    def percentile(self, share: float) -> float:
        """A latency, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("nan")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=30.0, help="how long to play")
    arguments.add_argument("--days", type=float, default=1.5, help="how much history to play in that time")
    given = arguments.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    with tempfile.TemporaryDirectory(prefix="ethogram-demo-live-") as temporary:
        play(console, Path(temporary), given.seconds, dt.timedelta(days=given.days))


def play(console: Console, folder: Path, seconds: float, span: dt.timedelta) -> None:
    place = folder / "shop"
    console.rule("[bold]A shop, live[/bold] · real sales, played on from a Monday morning in December 2011")
    prepare(console, place, folder)
    played_back = span.total_seconds() / seconds
    with serving(place) as url, Following(place) as following:
        hours = span / dt.timedelta(hours=1)
        console.print(
            f"\n`ethogram serve` listens at {url}. What the shop sold in the next {hours:.0f} hours now comes in over\n"
            f"HTTP, {played_back:,.0f} times as fast. Below: each order as an event, and who enters or leaves these"
            " segments.\n"
        )
        history = read_history(
            [DATA], known_at=dt.datetime.now(dt.UTC), timezone=ZONE, since=CUT, until=CUT + span, event=None
        )
        watch = Watch()
        player = Player(history, Target(url, WRITE), speed=played_back, answered=watch.answered)
        played = follow(console, player, following, watch)
        console.print()
        summary(console, played, watch)
        verify(console, url)
    console.print("[dim]The server is stopped and its workspace removed. docs/how-to/live.md has each command.[/dim]")


def prepare(console: Console, place: Path, folder: Path) -> None:
    """A workspace whose history ends now."""
    began = time.perf_counter()
    table = pq.read_table(DATA)
    at = pc.cast(pc.assume_timezone(table["timestamp"], ZONE, ambiguous="earliest", nonexistent="earliest"), UTC)
    past = pc.less(at, pa.scalar(CUT))
    moved = pc.add(at, pa.scalar(dt.datetime.now(dt.UTC) - CUT, pa.duration("us")))
    table = table.set_column(table.column_names.index("timestamp"), "timestamp", moved).filter(past)
    pq.write_table(table, folder / "history.parquet")
    with (
        console.status("loading a year of orders and finding everybody in every segment") as _,
        eg.init(place, timezone=ZONE) as ws,
    ):
        loaded = ws.load_events(folder / "history.parquet")
        fitted = sum(each.segment is not None for each in ws.apply_ready())
        for name, text in SEGMENTS.items():
            ws.segments.save(name, text)
        while ws.keep_live().more:
            pass
    with Keys(place) as keys:
        keys.add("write", value=WRITE)
        keys.add("manage", value=MANAGE)
    console.print(
        f"Loaded {loaded.accepted:,} lines of orders of {loaded.profiles:,} people, moved so that they end now, and"
        f" put\neverybody into {fitted + len(SEGMENTS)} segments, in {time.perf_counter() - began:.0f} s:"
    )
    for name, text in SEGMENTS.items():
        console.print(f"  [cyan]{name:<20}[/cyan] {text}")
    console.print(f"  [dim]and {fitted} templates that fit these events[/dim]")


@contextlib.contextmanager
def serving(place: Path) -> Iterator[str]:
    """`ethogram serve` as a process of its own; its address."""
    command = [sys.executable, "-m", "ethogram", "-w", str(place), "serve", "--port", "0"]
    # In a group of its own: Ctrl-C reaches this program, which then stops it.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:  # noqa: S603
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            if "listening at" not in line:
                sys.exit(f"the server did not start: {line}")
            yield line.split()[2]
        finally:
            server.send_signal(signal.SIGTERM)


def follow(console: Console, player: Player, following: Following, watch: Watch) -> Played:
    """Shows what comes while the player plays, and until time alone has taken the first ones out again."""
    lines = Lines(as_json=False, zone=ZoneInfo(ZONE))
    orders: set[object] = set()
    began = time.monotonic()
    ends = float("inf")
    thread = threading.Thread(target=player.play)
    thread.start()
    try:
        while time.monotonic() < ends:
            for each in following.step():
                if isinstance(each, Happened):
                    if each.content.get("invoice_no") not in orders:  # an order has many lines
                        orders.add(each.content.get("invoice_no"))
                        lines.show(each)
                else:
                    watch.changed(each)
                    if each.name in SEGMENTS:
                        lines.show(each)
            if ends == float("inf") and not thread.is_alive():
                ends = max(began + WINDOW + LINGERING, time.monotonic() + LINGERING)
                wait = ends - LINGERING - time.monotonic()
                console.print(
                    f"[dim]No more orders. In {wait:.0f} seconds the first of these people have bought nothing for a"
                    " minute: they leave by time alone.[/dim]"
                )
            time.sleep(0.01)
    finally:
        player.stop()
        thread.join()
    return player.played


def summary(console: Console, played: Played, watch: Watch) -> None:
    console.rule("[bold]What happened[/bold]")
    rejected = sum(played.rejected.values())
    console.print(
        f"events       {played.sent:,} sent, {played.acknowledged:,} acknowledged, {rejected:,} rejected,"
        f" {played.per_second:,.0f} a second"
    )
    by_cause = ", ".join(f"{count:,} {change} by {cause}" for (cause, change), count in sorted(watch.changes.items()))
    console.print(f"memberships  {by_cause or 'none changed'}")
    console.print(
        f"latency      from the 200 to the change being visible: [bold]p50 {watch.percentile(0.5):.0f} ms,"
        f" p99 {watch.percentile(0.99):.0f} ms[/bold], over {len(watch.latencies):,} entries into shopping-now"
    )


def verify(console: Console, url: str) -> None:
    """Asks the server to compute everything anew; a difference ends the demo with an error."""
    found = Remote(url, MANAGE).post("/api/verify", {"most": 3}, seconds=600)
    compared = f"{found['people']:,} people × {found['segments']} segments"
    if found["wrong"]:
        console.print(f"verify       [bold red]{found['wrong']:,} people differ[/bold red] of {compared}")
        for difference in found["differences"]:
            console.print(f"             {difference['profile_id']} {difference['problem']}", markup=False)
        sys.exit(1)
    console.print(
        f"verify       [bold green]all is equal[/bold green]: {compared} computed anew in"
        f" {found['milliseconds'] / 1000:.1f} s"
    )
    for note in found["notes"]:
        console.print(f"             [dim]{note}[/dim]")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    with contextlib.suppress(KeyboardInterrupt):
        main()
