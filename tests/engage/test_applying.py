"""Files of definitions are compared with what is saved, and applied whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram as eg
from ethogram import Workspace
from ethogram.applying import Applied, Applying
from ethogram.clock import ManualClock
from ethogram.documents import read
from ethogram.engagement import Definitions
from ethogram.errors import DefinitionError
from ethogram.store import definitions

HELLO = {"channel": "email", "subject": "Hi", "text": "Hi {{ first_name | default: 'you' }}"}
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
FILE = """
segments:
  fans: in_segment('buyers') and count(buy) >= 2
  buyers:
    text: did( buy )
    description: Whoever bought
campaigns:
  spring:
    channel: email
    template: hello
    audience: {in: [fans]}
    when: {now: true}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    events = tmp_path / "events.jsonl"
    rows = [
        {"profile_id": f"p{who}", "ts": f"2026-02-0{1 + nth}T00:00:00Z", "event": "buy"}
        for who in range(5)
        for nth in range(who)
    ]
    events.write_text("\n".join(json.dumps(row) for row in rows))
    with eg.init(tmp_path / "shop", clock=ManualClock(NOW)) as workspace:
        workspace.load_events(events)
        with workspace._ledger.database.writing() as connection:
            definitions.save(connection, "template", "hello", HELLO, NOW)
        yield workspace


@pytest.fixture
def applying(shop: Workspace) -> Iterator[Applying]:
    with Definitions(shop.path, clock=ManualClock(NOW)) as opened:
        yield Applying(shop, opened)


def write(shop: Workspace, text: str, name: str = "a.yaml") -> Path:
    file = shop.path.parent / name
    file.write_text(text)
    return file


def found(applied: tuple[Applied, ...]) -> list[tuple[str, str, str, int | None]]:
    return [(each.kind, each.name, each.state, each.people) for each in applied]


def test_a_plan_saves_nothing_and_says_whom_it_concerns(shop: Workspace, applying: Applying) -> None:
    planned = applying.difference(read([write(shop, FILE)]))
    assert found(planned) == [
        ("segment", "fans", "new", None),  # it refers to one that is not there yet
        ("segment", "buyers", "new", 4),
        ("campaign", "spring", "new", None),
    ]
    assert "+    text: did(buy)" in planned[1].lines
    assert shop.segments.list() == ()


def test_applying_saves_everything_and_applying_again_nothing(shop: Workspace, applying: Applying) -> None:
    documents = read([write(shop, FILE)])
    done = applying.apply(documents)
    assert [(each.name, each.state, each.version) for each in done] == [
        ("buyers", "new", 1), ("fans", "new", 1), ("spring", "new", 1),
    ]  # fmt: skip
    shop.run()
    assert found(applying.difference(documents)) == [
        ("segment", "fans", "same", None), ("segment", "buyers", "same", None), ("campaign", "spring", "same", None),
    ]  # fmt: skip
    assert {each.state for each in applying.apply(documents)} == {"same"}
    changed = read([write(shop, FILE.replace(">= 2", ">= 4").replace("now: true", "api: true"))])
    planned = applying.difference(changed)
    assert (planned[0].state, planned[0].people, planned[0].enter, planned[0].leave) == ("changed", 1, 0, 2)
    assert planned[0].lines[-2:] == (
        "-  fans: in_segment('buyers') and count(buy) >= 2", "+  fans: in_segment('buyers') and count(buy) >= 4",
    )  # fmt: skip
    assert (planned[2].state, planned[2].people) == ("changed", 3)
    assert [each.version for each in applying.apply(changed)] == [None, 2, 2]


def test_what_is_exported_is_what_is_applied(shop: Workspace, applying: Applying) -> None:
    applying.apply(read([write(shop, FILE)]))
    again = read([write(shop, applying.export(), "b.yaml")])
    assert {each.state for each in applying.difference(again)} == {"same"}
    assert len(again) == 4
    assert applying.export(["campaign"]).startswith("campaigns:")


def test_all_faults_of_all_files_are_told_and_nothing_is_saved(shop: Workspace, applying: Applying) -> None:
    text = (
        FILE.replace("did( buy )", "did(").replace("template: hello", "template: x").replace("in: [fans]", "in: [f]")
        + "    holdout: 7\n"
    )
    file = write(shop, text + "segments2: {}\n")
    with pytest.raises(DefinitionError, match="segments2: is no kind"):
        read([file])
    file = write(shop, text)
    with pytest.raises(DefinitionError) as caught:
        applying.apply(read([file]))
    assert [place.removeprefix(f"{file}: ") for place, _ in caught.value.faults] == [
        "segments.buyers", "campaigns.spring.holdout",
    ]  # fmt: skip
    assert shop.segments.list() == ()
    with pytest.raises(DefinitionError, match=r"segments refer to each other: `\w` → `\w` → `\w`"):
        applying.apply(read([write(shop, "segments: {a: in_segment('b'), b: in_segment('a'), c: did(x)}")]))
    assert shop.segments.list() == ()


def test_secrets_are_shown_nowhere(shop: Workspace, applying: Applying) -> None:
    smtp = "channel: email, kind: smtp, host: {}, sender: a@b.example, username: u, password: hunter2"
    provider = f"providers: {{{{mail: {{{{{smtp}}}}}}}}}"
    shown = str(applying.difference(read([write(shop, provider.format("one.example"))])))
    shown += str(applying.apply(read([write(shop, provider.format("one.example"))])))
    shown += str(applying.difference(read([write(shop, provider.format("two.example").replace("hunter2", "hunter3"))])))
    shown += applying.export()
    assert "one.example" in shown
    assert "hunter" not in shown
    # What hides a secret stands for the one that is saved, and for no other server.
    again = applying.apply(read([write(shop, applying.export(), "again.yaml")]))
    assert [each.state for each in again if each.kind == "provider"] == ["same"]
    with pytest.raises(DefinitionError):
        applying.apply(read([write(shop, applying.export().replace("one.example", "evil.example"), "again.yaml")]))
