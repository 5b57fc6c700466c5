"""Whom a text describes is the same page by page, and asked about some."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram as eg
from ethogram import Workspace
from ethogram.clock import ManualClock
from ethogram.errors import SegmentError
from ethogram.model.segment import Definition
from ethogram.segment.parser import parse

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
IDS = [f"p{number:03}" for number in range(60)]
TEXTS = [
    "did(buy)", "count(buy in last 10 days) >= 2", "not did(buy)", "plan = 'pro'", "in_segment('pros') and did(view)",
    "top(10%, count(view))", "count(any) >= 0",
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    directory: Path = tmp_path_factory.mktemp("people")
    events, profiles = directory / "events.jsonl", directory / "profiles.jsonl"
    with events.open("w") as file:
        for number, id_ in enumerate(IDS):
            for each in range(number % 7):
                name = "buy" if (number + each) % 3 == 0 else "view"
                at = NOW - dt.timedelta(days=(number * 5 + each * 3) % 40)
                file.write(json.dumps({"profile_id": id_, "ts": at.isoformat(), "event": name}) + "\n")
    with profiles.open("w") as file:
        for number, id_ in enumerate(IDS):
            traits = {"plan": "pro" if number % 2 else "free", "email": f"{id_}@example.com"}
            file.write(
                json.dumps({"profile_id": id_, "ts": (NOW - dt.timedelta(days=50)).isoformat(), **traits}) + "\n"
            )
    with eg.init(directory / "shop", clock=ManualClock(NOW)) as workspace:
        workspace.load_events(events)
        workspace.load_profiles(profiles)
        workspace.segments.save("pros", "plan = 'pro'")
        workspace.segments.save("accounts", "for account: did(buy)")
        workspace.run()
        yield workspace


def everybody(shop: Workspace, text: str, limit: int) -> list[str]:
    found: list[str] = []
    while page := shop.people.page(text, NOW, after=found[-1] if found else None, limit=limit):
        assert len(page) <= limit
        found += page
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_pages_hold_everybody_once_and_so_does_asking_about_each(shop: Workspace, text: str) -> None:
    members = [str(id_) for id_ in shop.members(text, as_of=NOW).column(0).to_pylist()]
    assert everybody(shop, text, 7) == everybody(shop, text, 1_000) == members
    if "top" not in text:  # a share of everybody has no answer about some, unless a run has recorded it
        assert shop.people.among([text], IDS, NOW) == [frozenset(members)]
        assert shop.people.among([text], IDS[:5], NOW) == [frozenset(members) & frozenset(IDS[:5])]


def test_several_conditions_are_asked_at_once(shop: Workspace) -> None:
    texts = [text for text in TEXTS if "top" not in text]
    assert shop.people.among(texts, IDS, NOW) == [frozenset(everybody(shop, text, 100)) for text in texts]
    assert shop.people.among(texts, [], NOW) == [frozenset()] * len(texts)
    assert shop.people.among(["did(buy)"], ["nobody"], NOW) == [frozenset()]


def test_conditions_of_their_own_are_asked_of_each(shop: Workspace) -> None:
    bound = [parse(f"count(view) >= {number % 3}") for number in range(len(IDS))]
    asked: dict[Definition, list[str]] = {}
    for definition, id_ in zip(bound, IDS, strict=True):
        asked.setdefault(definition, []).append(id_)
    asked[parse("in_segment('pros')")] = IDS[:7]
    asked[parse("account.did(buy)")] = IDS[:3]  # needs the engine
    found = shop.people.answers(asked, NOW)
    assert found == {
        definition: frozenset(shop.people.among([definition], ids, NOW)[0]) for definition, ids in asked.items()
    }
    assert shop.people.answers({}, NOW) == {}


def test_traits_are_those_of_the_instant(shop: Workspace) -> None:
    found = shop.people.traits(["p001", "nobody"], ["email", "missing"], NOW)
    assert found == {"p001": {"email": "p001@example.com"}}
    assert shop.people.traits(["p001"], ["email"], NOW - dt.timedelta(days=60)) == {}


def test_accounts_are_no_people(shop: Workspace) -> None:
    with pytest.raises(SegmentError, match="messages are sent to people"):
        shop.people.page("accounts", NOW, after=None, limit=1)
