"""A small shop with a server on it, for tests that ask: people, traits, segments that were run, and keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import ethogram as eg
from ethogram.collecting import Keys
from web.running import Server, workspace

READ = {"Authorization": "Bearer rk_demo"}
MANAGE = {"Authorization": "Bearer mk_demo"}
WRITE = {"Authorization": "Bearer wk_demo"}
SEGMENTS = {"buyers": "did(purchase)", "regulars": "count(purchase) >= 3", "swedes": "country = 'SE'"}


def shop(path: Path, people: int = 40) -> Path:
    """A workspace of people `p0`, `p1`, …, of whom each has bought as often as its number modulo 5."""
    workspace(path)
    with Keys(path) as keys:
        keys.add("read", value="rk_demo")
        keys.add("manage", value="mk_demo")
    events = path / "events.jsonl"
    lines = [
        {
            "profile_id": f"p{who}",
            "event": "visit" if n == 0 else "purchase",
            "timestamp": f"2026-01-{n + 1:02}T12:00:00Z",
        }
        for who in range(people)
        for n in range(who % 5 + 1)
    ]
    events.write_text("\n".join(json.dumps(line) for line in lines))
    traits = path / "people.jsonl"
    known = [{"profile_id": f"p{who}", "country": "SE" if who % 2 else "DK", "n": who} for who in range(people)]
    known.append({"profile_id": "odd/id ?&#%2F é", "country": "SE", "n": -1})
    traits.write_text("\n".join(json.dumps(line) for line in known))
    with eg.open(path) as opened:
        opened.load_events(events)
        opened.load_profiles(traits)
        for name, text in SEGMENTS.items():
            opened.segments.save(name, text)
        opened.segments.save("a/b: é", "did(visit)")
        opened.run()
    return path


@contextmanager
def serving(path: Path, role: str = "all") -> Iterator[Server]:
    with Server(path, role=role) as server:
        yield server


def quoted(name: str) -> str:
    return quote(name, safe="")
