"""Journeys in the console: the list, the canvas with its counts, what is done to one, and the editor."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.asked import Console
from ethogram.engagement import Definitions
from ethogram.engaging import Engaging
from ethogram.journeying import Journeys
from ethogram.team import Role

BODY: dict[str, Any] = {
    "description": "Says hello",
    "entry": {"api": True},
    "steps": [
        {"name": "sort", "branch": [{"when": "plan = 'pro'", "next": "later"}], "otherwise": "end"},
        {"name": "later", "delay": "1 day"},
        {"name": "chance", "split": [{"name": "a", "share": 0.5, "next": "end"}, {"name": "b", "share": 0.5}]},
        {"name": "bye", "exit": "seen it all"},
    ],
}


def _save(console: Console, body: dict[str, Any] = BODY, name: str = "hello") -> None:
    with Definitions(console.workspace.path, clock=console.workspace.clock) as definitions:
        definitions.save("journey", name, body)


def _let_in(console: Console, people: list[str]) -> None:
    workspace = console.workspace
    file = workspace.path.parent / "people.jsonl"
    file.write_text("\n".join(json.dumps({"profile_id": each, "plan": "pro"}) for each in people), "utf-8")
    workspace.load_profiles(file)
    with Engaging(workspace.path, workspace.people, clock=workspace.clock) as engaging:
        engaging.call_journey("hello", [(each, {}) for each in people], "first")
        while engaging.decide():
            pass


def test_the_list_says_what_each_does_and_how_many_are_in_it(console: Console) -> None:
    assert "No journeys yet" in console.get("/console/journeys").words
    _save(console)
    console.post("/console/journeys/hello/start")
    _let_in(console, ["a", "b"])
    row = console.twin("/console/journeys")["journeys"][0]
    assert (row["state"], row["inside"], row["entered"]) == ("active", 2, 2)
    assert console.twin("/console/journeys?q=zzz")["journeys"] == []


def test_the_canvas_counts_people_at_and_through_each_step_and_way(console: Console) -> None:
    _save(console)
    console.post("/console/journeys/hello/start")
    _let_in(console, ["a", "b"])
    twin = console.twin("/console/journeys/hello?step=later")
    sort, later, *_ = twin["drawing"]["cards"]
    assert (sort["at"], sort["through"], sort["ways"][0]["people"]) == (0, 2, 2)
    assert (later["at"], later["through"], later["summary"]) == (2, 0, "1 day")
    assert [way["to"] for way in sort["ways"]] == ["later", ""]
    assert {run["profile_id"] for run in twin["runs"]} == {"a", "b"}
    words = console.get("/console/journeys/hello").words
    assert "2 here" in words
    assert "2 through" in words
    assert "seen it all" in words


def test_a_journey_is_started_stopped_closed_and_removed(console: Console) -> None:
    _save(console)
    for verb, state in (("start", "active"), ("stop", "stopped"), ("resume", "active"), ("close", "closed")):
        assert console.post(f"/console/journeys/hello/{verb}").status == 303
        assert console.twin("/console/journeys/hello")["standing"]["state"] == state
    refused = console.post("/console/journeys/hello/remove")
    assert refused.status == 409
    assert "is under way" in refused.words
    console.post("/console/journeys/hello/stop")
    assert console.post("/console/journeys/hello/remove").header("location") == "/console/journeys"
    assert console.get("/console/journeys/hello").status == 404


def test_who_is_on_an_earlier_version_goes_on_where_one_says(console: Console) -> None:
    _save(console)
    console.post("/console/journeys/hello/start")
    _let_in(console, ["a", "b"])
    steps = [
        BODY["steps"][0] | {"branch": [{"when": "plan = 'pro'", "next": "rest"}]},
        {"name": "rest", "delay": "2 days"},
    ]
    _save(console, BODY | {"steps": steps})
    twin = console.twin("/console/journeys/hello")
    assert [(each["step"], each["inside"]) for each in twin["leftovers"]] == [("later", 2)]
    console.post("/console/journeys/hello/start", {"from-0": "later", "to-0": "rest"})
    after = console.twin("/console/journeys/hello")
    assert after["leftovers"] == []
    assert {card["name"]: card["at"] for card in after["drawing"]["cards"]}["rest"] == 2


def test_everybody_is_taken_out(console: Console) -> None:
    _save(console)
    console.post("/console/journeys/hello/start")
    _let_in(console, ["a", "b"])
    console.post("/console/journeys/hello/end-runs")
    with Journeys(console.workspace.path) as journeys:
        assert sum(each.runs for each in journeys.shown("hello").ended) == 2


def test_ready_journeys_say_what_they_lack(console: Console) -> None:
    rows = {row["name"]: row for row in console.twin("/console/journeys/ready")["journeys"]}
    assert "add_to_cart" in rows["abandoned_cart"]["missing"]
    refused = console.post("/console/journeys/ready", {"name": "abandoned_cart"})
    assert refused.status == 400
    assert "vocabulary does not name" in refused.words


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_who_may_only_look_gets_no_buttons(console: Console, role: Role) -> None:
    _save(console)
    text = console.as_role(role).get("/console/journeys/hello").text
    assert 'action="/console/journeys/hello/' not in text


def _draft(console: Console, text: str, act: str, **fields: str) -> Any:
    got = console.post("/console/journeys/draft", {"text": text, "act": act, **fields}, accept="application/json")
    assert got.status == 200, got.text
    return got.json


def test_steps_are_added_on_ways_changed_and_deleted(console: Console) -> None:
    made = _draft(console, console.twin("/console/journeys/new")["text"], "insert|-1|0|delay")
    made = _draft(console, made["text"], "set|0", **{"step-name": "rest", "value": "2 hours"})
    made = _draft(console, made["text"], "insert|0|0|branch")
    made = _draft(console, made["text"], "set|1", **{"step-name": "sort", "when-0": "plan = 'pro'"})
    made = _draft(console, made["text"], "insert|1|0|exit")
    made = _draft(console, made["text"], "set|2", **{"step-name": "out", "value": "a pro"})
    made = _draft(console, made["text"], "set|-1", **{"entry-kind": "api"})
    assert made["problem"] is None
    assert [(card["name"], [way["to"] for way in card["ways"]]) for card in made["drawing"]["cards"]] == [
        ("rest", ["sort"]), ("sort", ["out", ""]), ("out", []),
    ]  # fmt: skip
    assert console.twin("/console/journeys")["total"] == 0, "nothing is saved before it is said"
    assert console.post("/console/journeys", {"name": "made", "new": "yes", "text": made["text"]}).status == 303
    made = _draft(console, made["text"], "delete|0")
    assert [card["name"] for card in made["drawing"]["cards"]] == ["sort", "out"]


def test_a_draft_with_faults_is_drawn_and_all_of_them_are_said(console: Console) -> None:
    made = _draft(console, "entry: {event: x}\nsteps:\n- {name: a, delay: soon}\n- {name: b, go_to: nowhere}\n", "text")
    assert len(made["problem"]["details"]) == 2
    assert [card["name"] for card in made["drawing"]["cards"]] == ["a", "b"]
    assert "YAML" in _draft(console, "entry: {", "choose|0")["problem"]["message"]
    refused = console.post("/console/journeys", {"name": "x", "new": "yes", "text": "steps: []"})
    assert refused.status == 400


def test_an_edit_keeps_what_the_canvas_does_not_touch(console: Console) -> None:
    _save(console)
    text = console.twin("/console/journeys/hello/edit")["text"]
    made = _draft(console, text, "insert|1|0|wait")
    cards = {card["name"]: [way["to"] for way in card["ways"]] for card in made["drawing"]["cards"]}
    assert cards == {
        "sort": ["later", ""], "later": ["wait"], "wait": ["chance", "chance"], "chance": ["", "bye"], "bye": [],
    }  # fmt: skip
    assert made["body"]["description"] == "Says hello"


@pytest.mark.parametrize(
    "step",
    [
        "{name: a, wait: {for: {event: {name: x}}, at_most: 1 day}}", "{name: a, wait: soon}", "{name: a, split: text}",
        "{name: a, branch: [text, {next: end}]}", "{name: a, split: [{name: b}, 3]}", "{name: a, update: {set: [x]}}",
        "{name: a, message: {}}", "{name: a}", "{name: a, delay: {date: 3}}", "{name: a, exit: null}",
    ],
)  # fmt: skip
def test_whatever_a_draft_says_of_a_step_can_be_looked_at_and_changed(console: Console, step: str) -> None:
    text = f"entry: {{event: {{name: x}}}}\nsteps:\n- {step}\n- {{name: z, exit: done}}\n"
    for act in ("choose|0", "choose|-1", "set|0", "set|-1", "insert|0|0|split", "delete|0"):
        assert console.post("/console/journeys/draft", {"text": text, "act": act}).status == 200
