"""Explore in the console: a question in the address, its answer, the people behind a number, and a segment of them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator

import pytest

import ethogram as eg
from console.asked import Console, opened
from ethogram.clock import ManualClock
from ethogram.exploring import Paths
from ethogram.measure.paths import FoundPath
from ethogram.team import Role
from ethogram.web.console.sheets import sheet, table_of

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
FUNNEL = "step=visit&step=purchase%20where%20amount%20%3E%2010&step="


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Twelve people who visit; the even ones buy a day later, for more the larger their number."""
    place = tmp_path_factory.mktemp("explore") / "shop"
    clock = ManualClock(NOW)
    eg.init(place).close()
    rows: list[dict[str, object]] = []
    for who in range(12):
        at = NOW - dt.timedelta(days=5 + who % 3)
        rows.append({"profile_id": f"p{who}", "event": "visit", "timestamp": at.isoformat()})
        if who % 2 == 0:
            bought = {"amount": 3 * who, "category": "<b>tv</b>", "timestamp": (at + dt.timedelta(days=1)).isoformat()}
            rows.append({"profile_id": f"p{who}", "event": "purchase", **bought})
            rows.append(
                {**rows[-1], "event": "Order Thanked", "timestamp": (at + dt.timedelta(days=1, minutes=1)).isoformat()}
            )
    file = place / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    with opened(place, clock=clock) as console:
        console.workspace.load_events(file)
        yield console


@pytest.fixture(scope="module")
def viewer(shop: Console) -> Console:
    """Somebody who may look only."""
    return shop.as_role(Role.VIEWER)


@pytest.mark.parametrize("kind", ["trends", "funnels", "retention", "paths"])
def test_a_page_asks_what_one_would_like_to_know(shop: Console, kind: str) -> None:
    got = shop.get(f"/console/explore/{kind}")
    assert got.status == 200
    assert "What would you like to know?" in got.words
    assert '<option value="purchase">' in got.text


def test_explore_begins_with_trends(shop: Console) -> None:
    assert shop.twin("/console/explore")["kind"] == "trends"
    assert 'action="/console/explore/trends"' in shop.get("/console/explore").text


def test_a_question_in_the_address_is_answered_on_its_page(shop: Console) -> None:
    got = shop.get(f"/console/explore/funnels?{FUNNEL}")
    assert "/console/explore/funnels/answer?step=visit&amp;step=purchase+where+amount+%3E+10" in got.text
    steps = shop.twin(f"/console/explore/funnels/answer?{FUNNEL}")["answer"]["steps"]
    assert [step["people"] for step in steps] == [12, 4]
    assert "4 people" in shop.get(f"/console/explore/funnels/answer?{FUNNEL}").words


def test_a_number_leads_to_its_people_and_they_become_a_segment(shop: Console, viewer: Console) -> None:
    address = f"/console/explore/funnels/people?{FUNNEL}&point=2"
    assert set(shop.twin(address)["ids"]) == {"p4", "p6", "p8", "p10"}
    lost = shop.twin(f"{address}&lost=yes")["ids"]
    assert len(lost) == 8
    assert viewer.post(address, {"name": "big"}).status == 403
    assert shop.post(address, {"name": "big buyers"}).header("location") == "/console/segments/big%20buyers"
    assert set(shop.workspace.members("big buyers").column(0).to_pylist()) == {"p4", "p6", "p8", "p10"}
    assert shop.post(address, {"name": "big buyers"}).status >= 400


def test_trends_count_and_values_stay_text(shop: Console) -> None:
    address = "/console/explore/trends/answer?event=purchase&property=amount&by=category"
    points = shop.twin(address)["answer"]["points"]
    assert sum(point["events"] for point in points) == 6
    assert sum(point["sum"] or 0 for point in points) == 90
    got = shop.get(address)
    assert "&lt;b&gt;tv" in got.text
    assert "<b>tv" not in got.text
    thanked = shop.twin("/console/explore/trends/answer?event=Order%20Thanked")["answer"]["points"]
    assert sum(point["events"] for point in thanked) == 6
    start = next(point["start"] for point in points if point["people"])
    assert shop.twin(f"/console/explore/trends/people?event=purchase&point={start}")["ids"]


def test_retention_and_paths_lead_to_people(shop: Console) -> None:
    asked = "event=visit&returning=purchase&unit=day"
    cohort = shop.twin(f"/console/explore/retention/answer?{asked}")["answer"]["cohorts"][0]
    people = shop.twin(f"/console/explore/retention/people?{asked}&point={cohort['start']}&number=1")["ids"]
    assert len(people) == cohort["returned"][1] == 2
    assert len(shop.twin(f"/console/explore/retention/people?{asked}&point={cohort['start']}")["ids"]) == 4
    got = shop.twin("/console/explore/paths/answer?event=purchase")["answer"]["paths"]
    assert [path["events"] for path in got] == [["purchase", "Order Thanked"]]
    assert (
        len(shop.twin("/console/explore/paths/people?event=purchase&point=purchase&point=Order%20Thanked")["ids"]) == 6
    )
    assert shop.get("/console/explore/retention/answer?" + asked).status == 200
    assert shop.get("/console/explore/paths/answer?event=purchase").status == 200


@pytest.mark.parametrize("asked", ["event=not%20visit", "event=visit&segment=count(", "event=%3Cscript%3E"])
def test_what_cannot_be_asked_says_why(shop: Console, asked: str) -> None:
    got = shop.get(f"/console/explore/trends/answer?{asked}")
    assert got.status == 422
    assert 'role="alert"' in got.text
    assert "<script>" not in got.text


def test_an_unknown_kind_or_point_is_refused(shop: Console) -> None:
    assert shop.get("/console/explore/nothing").status == 404
    assert 400 <= shop.get("/console/explore/trends/people?event=visit&point=x").status < 500


def test_a_trend_stands_beside_the_period_before(shop: Console) -> None:
    address = "/console/explore/trends/answer?event=visit&days=6&compare=yes"
    answer = shop.twin(address)["answer"]
    assert (answer["total"]["events"], answer["before"]["total"]["events"]) == (4, 8)
    got = shop.get(address)
    assert "Events before" in got.text
    assert "8 before" in got.words
    hours = shop.twin("/console/explore/trends/answer?event=visit&unit=hour")["answer"]["points"]
    start = next(point["start"] for point in hours if point["people"])
    assert (
        "point=" + start.replace(":", "%3A").replace("Z", "%2B00%3A00")
        in shop.get("/console/explore/trends/answer?event=visit&unit=hour").text
    )
    people = shop.twin("/console/explore/trends/people?event=visit&unit=hour&point=" + start)["ids"]
    assert len(people) == 4


def test_numbers_and_people_are_exported_with_formulas_made_harmless(shop: Console, viewer: Console) -> None:
    got = shop.get("/console/explore/trends/answer.csv?event=purchase&by=category&property=amount")
    assert got.header("content-disposition") == 'attachment; filename="trends.csv"'
    head, *rows = list(csv.reader(io.StringIO(got.text)))
    assert head == ["start", "events", "people", "sum", "mean", "median", "events: <b>tv</b>"]
    assert sum(int(row[1]) for row in rows) == 6
    funnel = list(csv.reader(io.StringIO(shop.get(f"/console/explore/funnels/answer.csv?{FUNNEL}").text)))
    assert [row[3] for row in funnel[1:]] == ["12", "4"]
    for kind in ("retention", "paths"):
        assert shop.get(f"/console/explore/{kind}/answer.csv?event=purchase").text.count("\n") >= 2
    people = shop.get(f"/console/explore/funnels/people.csv?{FUNNEL}&point=2").text.split()
    assert set(people) == {"profile_id", "p4", "p6", "p8", "p10"}
    assert viewer.get(f"/console/explore/funnels/people.csv?{FUNNEL}&point=2").status == 403


def test_a_text_that_is_a_formula_gets_an_apostrophe() -> None:
    columns, rows = table_of(Paths(1, 1, (FoundPath(("=cmd|x", "b"), 1, 1),)))
    assert sheet("x.csv", columns, rows).content.decode().splitlines()[1] == "'=cmd|x,b,1,1"


def test_a_question_is_saved_pinned_renamed_and_removed_with_undo(shop: Console, viewer: Console) -> None:
    address = "/console/explore/trends/save?event=Order%20Thanked&days=9&compare=yes"
    assert viewer.post(address, {"name": "thanked"}).status == 403
    assert shop.post(address, {"name": ""}).status >= 400
    saved = shop.post(address, {"name": "thanked/1", "pinned": "yes"})
    where = saved.header("location")
    assert where.startswith("/console/explore/trends?")
    page = shop.twin(where)
    assert (page["kept"]["name"], page["kept"]["question"]["pinned"]) == ("thanked/1", True)
    assert "Take off the home page" in shop.get(where).words
    assert shop.twin("/console/explore/trends?event=Order%20Thanked&days=9&compare=yes")["kept"] is not None
    assert shop.twin("/console/explore/trends?event=Order%20Thanked&days=8")["kept"] is None
    home = "/console/explore/saved/thanked%2F1"
    assert shop.get(home).header("location") == where
    assert [row["name"] for row in shop.twin("/console/home/pinned")["rows"]] == ["thanked/1"]
    assert home + "/picture" in shop.get("/console/home/pinned").text
    picture = shop.twin(home + "/picture")
    assert (picture["figure"], len(picture["values"])) == (6, 9)
    assert "6" in shop.get(home + "/picture").words
    assert shop.post(home + "/pin", {}).status == 303
    assert shop.twin("/console/home/pinned")["rows"] == []
    assert shop.post(home + "/rename", {"name": "thanks"}).status == 303
    assert shop.post("/console/explore/saved/thanks/rename", {"name": "thanks"}).status >= 400
    assert [row["name"] for row in shop.twin("/console/explore/saved?q=thank")["rows"]] == ["thanks"]
    assert shop.twin("/console/explore/saved?q=nothing")["rows"] == []
    assert "thanks" in shop.get("/console/explore/saved").words
    assert shop.post("/console/explore/saved/thanks/remove", {}).status == 303
    assert shop.twin("/console/explore/saved")["total"] == 0
    assert shop.post("/console/explore/saved/thanks/revert/1", {}).status == 303
    assert shop.twin("/console/explore/saved")["total"] == 1
    assert shop.post("/console/explore/saved/thanks/revert/7", {}).status == 404


@pytest.mark.parametrize(
    ("way", "asked", "figure"),
    [("funnels", FUNNEL, 4 / 12), ("retention", "event=visit&unit=day&returning=purchase", 0.5),
     ("paths", "event=purchase", 1.0)],
)  # fmt: skip
def test_each_kind_of_question_has_one_number(shop: Console, way: str, asked: str, figure: float) -> None:
    assert shop.post(f"/console/explore/{way}/save?{asked}", {"name": way}).status == 303
    assert shop.twin(f"/console/explore/saved/{way}/picture")["figure"] == pytest.approx(figure)
    shop.post(f"/console/explore/saved/{way}/remove", {})


def test_a_segment_shows_who_of_its_people_comes_back_and_which_question_is_about_it(shop: Console) -> None:
    shop.workspace.segments.save("big/ones", "count(purchase where amount > 10) >= 1")
    shop.workspace.run()
    saved = shop.post("/console/explore/paths/save?event=visit&segment=big%2Fones", {"name": "of them"})
    assert saved.status == 303
    page = shop.get("/console/segments/big%2Fones")
    assert 'href="/console/explore/saved/of%20them"' in page.text
    asked = "event=any&amp;unit=week&amp;days=56&amp;segment=big%2Fones"
    assert f"/console/explore/retention/answer?{asked}" in page.text
    cohorts = shop.twin("/console/explore/retention/answer?" + asked.replace("&amp;", "&"))["answer"]["cohorts"]
    assert sum(cohort["people"] for cohort in cohorts) == 4
    shop.post("/console/explore/saved/of them/remove".replace(" ", "%20"), {})
