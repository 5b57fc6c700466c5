"""Segments in the console: the list, the page of one, and the builder that writes it as rows and as text."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

import ethogram as eg
from console.asked import Console, opened
from ethogram.clock import ManualClock
from ethogram.model.results import Overlap
from ethogram.team import Role
from ethogram.web.console.pages.building import Turns
from ethogram.web.console.sets import UpSet, Venn, drawn, lens

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A shop whose segments were run."""
    place = tmp_path_factory.mktemp("segments") / "shop"
    clock = ManualClock(NOW)
    eg.init(place).close()
    events, people = place / "events.jsonl", place / "people.jsonl"
    events.write_text(
        "\n".join(
            json.dumps(
                {
                    "profile_id": f"p{who}",
                    "event": "purchase" if n else "visit",
                    "timestamp": (NOW - dt.timedelta(days=who % 40, hours=n)).isoformat(),
                    **({"amount": 10 * n, "category": "tv" if who % 2 else "books"} if n else {}),
                }
            )
            for who in range(60)
            for n in range(who % 5 + 1)
        )
    )
    people.write_text(
        "\n".join(json.dumps({"profile_id": f"p{who}", "plan": "pro" if who % 2 else "free"}) for who in range(60))
    )
    with eg.open(place, clock=clock) as workspace:
        workspace.load_events(events)
        workspace.load_profiles(people)
        workspace.segments.save("buyers", "did(purchase)", description="Everybody who ever bought")
        workspace.segments.save("pros", "plan = 'pro'")
        workspace.segments.save("best", "top(10%, sum(purchase.amount))")
        workspace.segments.save("pro buyers", "in_segment('buyers') and plan = 'pro'")
        workspace.segments.save("winter/lost", "last(visit) before 20 days ago")
        workspace.pictures.label("buyers", tags=["money"], owner="Ada")
        workspace.run()
    clock.advance(dt.timedelta(days=3))
    with eg.open(place, clock=clock) as workspace:
        workspace.run()
    with opened(place, clock=clock) as console:
        yield console


@pytest.fixture(scope="module")
def viewer(shop: Console) -> Console:
    return shop.as_role(Role.VIEWER)


def _sent(console: Console, address: str, body: Any, accept: str = "application/json") -> Any:
    headers = {"content-type": "application/json", "accept": accept}
    got = console.ask("POST", address, json.dumps(body).encode(), headers)
    assert got.status == 200, got.text
    return got.json if accept == "application/json" else got


# --- the list -------------------------------------------------------------------------------------------------------


def test_the_list_shows_size_mode_tags_and_use(shop: Console) -> None:
    told = shop.twin("/console/segments")
    rows = {row["segment"]["name"]: row for row in told["rows"]}
    assert list(rows) == ["best", "buyers", "pro buyers", "pros", "winter/lost"]
    assert (rows["buyers"]["segment"]["size"], rows["buyers"]["used"]) == (48, 1)
    assert rows["buyers"]["labels"] == {"tags": ["money"], "owner": "Ada", "folder": ""}
    assert (rows["best"]["mode"], rows["pros"]["mode"]) == ("scheduled", "live")
    assert len(rows["pros"]["sizes"]) == 2
    assert set(told["tags"]) == {"money", "winter"}
    words = shop.get("/console/segments").words
    assert "Everybody who ever bought" in words
    assert "5 of 5 segments" in words


def test_the_list_is_sought_sorted_and_narrowed(shop: Console) -> None:
    def names(query: str) -> list[str]:
        return [row["segment"]["name"] for row in shop.twin(f"/console/segments?{query}")["rows"]]

    assert names("q=ADA") == ["buyers"]
    assert names("tag=winter") == ["winter/lost"]
    assert names("sort=-size")[0] == "buyers"
    assert names("sort=-used")[0] == "buyers"
    assert names("sort=-name")[0] == "winter/lost"
    assert "Nothing matches" in shop.get("/console/segments?q=zzz").words


# --- the page of one ------------------------------------------------------------------------------------------------


def test_a_segments_page_shows_course_use_and_meaning(shop: Console) -> None:
    told = shop.twin("/console/segments/buyers")
    assert [point["size"] for point in told["course"]] == [48, 48]
    assert told["used"] == [{"kind": "segment", "name": "pro buyers", "address": "/console/segments/pro%20buyers"}]
    assert told["shown"]["share"] == pytest.approx(0.8)
    words = shop.get("/console/segments/buyers").words
    for text in ("People who did “purchase”", "80.0% of everybody", "Entered and left", "What sets them apart"):
        assert text in words, text
    assert shop.get("/console/segments/winter%2Flost").status == 200
    assert shop.get("/console/segments/nothing").status == 404


def test_what_sets_people_apart_is_told_beside_everybody(shop: Console) -> None:
    told = shop.twin("/console/segments/pro%20buyers/persona")["persona"]
    assert told["distinctions"][0]["ratio"] > 1.2
    got = shop.get("/console/segments/pro%20buyers/persona", hx_request="true")
    assert "<html" not in got.text
    assert "More often than everybody" in got.words
    report = shop.get("/console/segments/buyers/report", hx_request="true").words
    assert "Active" in report
    assert "Bought" in report


def test_members_come_in_pages_and_are_sought(shop: Console) -> None:
    told = shop.twin("/console/segments/buyers/members")
    assert len(told["members"]) == 48
    assert all(member["since"] for member in told["members"])
    assert [member["id"] for member in shop.twin("/console/segments/buyers/members?q=p13")["members"]] == ["p13"]
    assert shop.twin("/console/segments/buyers/members?q=p10")["members"] == []
    assert "Nobody in it matches" in shop.get("/console/segments/buyers/members?q=p10").words


def test_members_are_exported_for_a_spreadsheet(shop: Console, viewer: Console) -> None:
    got = shop.get("/console/segments/buyers/members.csv")
    assert got.header("content-disposition") == 'attachment; filename="segment-buyers.csv"'
    lines = got.text.splitlines()
    assert lines[0] == "profile_id,entered_at"
    assert len(lines) == 49
    assert viewer.get("/console/segments/buyers/members.csv").status == 403


def test_what_is_used_is_not_deleted(shop: Console) -> None:
    assert shop.post("/console/segments/buyers/delete").status == 303
    assert "It is used by: segment pro buyers" in shop.get("/console/segments/buyers").words
    assert shop.workspace.segments.get("buyers").text == "did(purchase)"


def test_ready_segments_that_fit_are_saved(shop: Console) -> None:
    rows = shop.twin("/console/ready-segments")["rows"]
    fits = [row for row in rows if not row["reason"]]
    assert fits
    assert rows[: len(fits)] == fits
    name = fits[0]["name"]
    assert shop.post(f"/console/ready-segments/{name}").status == 303
    assert shop.workspace.segments.get(name).text
    shop.post(f"/console/segments/{name}/delete")


# --- the builder ----------------------------------------------------------------------------------------------------


def test_rows_and_text_become_each_other(shop: Console) -> None:
    told = _sent(shop, "/console/drafts/check", {"text": "count(purchase where category = 'tv') >= 2"})
    rows = told["rows"]
    rows["items"][0]["value"] = "3"
    rows["items"].append({"kind": "trait", "name": "plan", "op": "in", "values": ["pro", "free"]})
    again = _sent(shop, "/console/drafts/check", {"rows": rows})
    assert again["text"] == "count(purchase where category = 'tv') >= 3 and plan in ('pro', 'free')"
    assert again["english"].startswith("People who")
    broken = _sent(shop, "/console/drafts/check", {"rows": {"join": "and", "items": [{"kind": "event", "event": ""}]}})
    assert (broken["written"], broken["problems"][0]["message"]) == ("", "an event is missing")


def test_names_and_values_are_offered(shop: Console) -> None:
    names = shop.twin("/console/drafts/names")
    assert [event["name"] for event in names["events"]] == ["purchase", "visit"]
    assert names["events"][0]["properties"] == ["amount", "category"]
    assert {name for name, _ in shop.twin("/console/drafts/values?name=category&event=purchase")["values"]} == {
        "tv", "books",
    }  # fmt: skip
    offered = _sent(shop, "/console/drafts/complete", {"text": "plan = ", "cursor": 7})["offers"]
    assert {offer["insert"] for offer in offered} == {"'pro'", "'free'"}


def test_size_is_told_with_who_would_enter_and_leave(shop: Console) -> None:
    fresh = _sent(shop, "/console/drafts/size", {"text": "plan = 'pro'", "page": "a", "turn": 1})
    assert (fresh["count"], fresh["population"], fresh["moves"]) == (30, 60, None)
    edited = _sent(shop, "/console/drafts/size", {"text": "plan = 'free'", "name": "pros", "page": "a", "turn": 2})
    assert (edited["moves"]["enter"], edited["moves"]["leave"], edited["moves"]["stay"]) == (30, 30, 0)
    assert {along["segment"] for along in fresh["along"]} == set()
    along = _sent(shop, "/console/drafts/size", {"text": "did(visit)", "name": "buyers", "page": "a", "turn": 3})
    assert [each["segment"] for each in along["along"]] == ["pro buyers"]
    shown = _sent(shop, "/console/drafts/size", {"text": "plan = 'pro'", "page": "a", "turn": 4}, "text/html")
    assert "30 people" in shown.words


def test_a_question_that_a_newer_one_has_overtaken_is_not_begun(shop: Console) -> None:
    _sent(shop, "/console/drafts/size", {"text": "did(visit)", "page": "b", "turn": 5})
    late = _sent(shop, "/console/drafts/size", {"text": "did(visit)", "page": "b", "turn": 4})
    assert late["superseded"]
    assert late["count"] == 0
    turns = Turns()
    with turns.take("x", 1) as first, turns.take("y", 1) as other:
        assert first
        assert other
    with turns.take("x", 3) as third:
        assert third
    with turns.take("x", 2) as second:
        assert not second


def test_what_is_heavy_is_asked_for_first(shop: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ethogram.drafting._HEAVY", 10)
    asked = _sent(shop, "/console/drafts/size", {"text": "did(visit)", "page": "c", "turn": 1})
    assert asked["heavy"]
    assert asked["rows"] > 10
    shown = _sent(shop, "/console/drafts/size", {"text": "did(visit)", "page": "c", "turn": 2}, "text/html")
    assert "Count now" in shown.words
    done = _sent(shop, "/console/drafts/size", {"text": "did(visit)", "page": "c", "turn": 3, "anyway": True})
    assert (done["heavy"], done["count"]) == (False, 60)


@pytest.mark.parametrize("others", [["pros"], ["pros", "buyers"], ["pros", "buyers", "best"]])
def test_a_draft_is_compared_with_saved_segments(shop: Console, others: list[str]) -> None:
    form: dict[str, Any] = {"text": "did(purchase where category = 'tv')", "with": others}
    told = shop.post("/console/drafts/compare", form, accept="application/json").json
    assert told["upset"] is (len(others) == 3)
    tv = shop.workspace.preview(form["text"]).count
    assert told["sizes"]["this segment"] == tv
    assert sum(each["count"] for each in told["exact"] if "this segment" in each["names"]) == tv
    shown = shop.post("/console/drafts/compare", form)
    assert "<svg" in shown.text
    assert "this segment" in shown.words


def test_roles_are_held(viewer: Console) -> None:
    assert viewer.get("/console/segments").status == 200
    assert viewer.get("/console/segments/buyers/definition").status == 200
    assert viewer.get("/console/segments/new").status == 403
    for address in ("/console/segments", "/console/segments/buyers/delete", "/console/ready-segments/buyers"):
        assert viewer.post(address).status == 403
    assert "New segment" not in viewer.get("/console/segments").words


# --- pictures of overlap --------------------------------------------------------------------------------------------


def _overlap(exact: dict[tuple[str, ...], int]) -> Overlap:
    names = tuple(dict.fromkeys(name for each in exact for name in each))
    sizes = {name: sum(count for held, count in exact.items() if name in held) for name in names}
    return Overlap(names, sizes, {}, exact, sum(exact.values()), NOW)


@pytest.mark.parametrize("exact", [{("a",): 60, ("b",): 40, ("a", "b"): 30}, {("a",): 900, ("b",): 5, ("a", "b"): 95}])
def test_two_circles_share_as_much_as_the_sets(exact: dict[tuple[str, ...], int]) -> None:
    overlap = _overlap(exact)
    picture = drawn(overlap)
    assert isinstance(picture, Venn)
    first, second = picture.circles
    shared = lens(first.r, second.r, abs(second.x - first.x)) / (math.pi * first.r**2)
    assert shared == pytest.approx(overlap.exact["a", "b"] / overlap.sizes["a"], abs=0.02)
    assert {region.names: region.count for region in picture.regions} == exact


def test_sets_apart_do_not_touch_and_one_inside_another_does_not_stick_out() -> None:
    apart = drawn(_overlap({("a",): 5, ("b",): 5}))
    assert isinstance(apart, Venn)
    assert apart.circles[1].x - apart.circles[0].x > apart.circles[0].r + apart.circles[1].r
    inside = drawn(_overlap({("a",): 50, ("a", "b"): 50}))
    assert isinstance(inside, Venn)
    big, small = inside.circles
    assert abs(small.x - big.x) + small.r <= big.r + 0.5


def test_many_sets_stand_in_rows_with_a_column_for_each_combination() -> None:
    exact = {("a", "b", "c", "d"): 3, ("a",): 10, ("b", "d"): 5, ("c",): 1}
    picture = drawn(_overlap(exact))
    assert isinstance(picture, UpSet)
    assert [(column.names, column.count) for column in picture.columns] == sorted(
        exact.items(), key=lambda each: -each[1]
    )
    assert max(column.bar for column in picture.columns) == picture.columns[0].bar
    assert [held for _, held in picture.columns[1].dots] == [False, True, False, True]
