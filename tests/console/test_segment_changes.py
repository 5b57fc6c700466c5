"""Segments that are changed in the console, each test in a workspace of its own."""

from __future__ import annotations

import json

from console.asked import Console

HOSTILE = "</script><img src=x onerror=alert(1)>'\"{{7*7}}"


def test_an_empty_workspace_says_what_a_segment_is(console: Console) -> None:
    assert "A segment is a group of people" in console.get("/console/segments").words
    assert "None fits yet" in console.get("/console/ready-segments").words
    assert "There is no other segment yet" in console.get("/console/segments/new").words


def test_the_definition_shows_sql_and_what_versions_changed(console: Console) -> None:
    console.workspace.segments.save("vip", "did(a) and did(b)")
    console.workspace.segments.save("vip", "did(a) and count(b) > 2")
    told = console.twin("/console/segments/vip/definition")
    assert [change["version"]["version"] for change in told["changes"]] == [2, 1]
    assert told["changes"][0]["lines"] == [["", "did(a)"], ["-", "and did(b)"], ["+", "and count(b) > 2"]]
    assert "SELECT" in console.get("/console/segments/vip/sql", hx_request="true").text
    gone = console.post("/console/segments/vip/revert/1")
    assert gone.status == 303
    assert console.workspace.segments.get("vip").text == "did(a) and did(b)"
    assert console.workspace.segments.get("vip").version == 3


def test_a_deletion_is_taken_back_with_history_and_labels(console: Console) -> None:
    workspace = console.workspace
    workspace.segments.save("vip", "did(a)")
    workspace.pictures.label("vip", tags=["x"])
    workspace.run()
    number = workspace.segments.get("vip").number
    assert console.post("/console/segments/vip/delete").status == 303
    page = console.get("/console/segments")
    assert 'action="/console/segments/vip/restore"' in page.text
    assert console.post("/console/segments/vip/restore").status == 303
    back = workspace.segments.get("vip")
    assert (back.number, back.text, workspace.pictures.labels()["vip"].tags) == (number, "did(a)", ("x",))
    workspace.run()
    assert len(workspace.history("vip")) == 2


def test_labels_are_changed(console: Console) -> None:
    console.workspace.segments.save("vip", "did(a)")
    console.post("/console/segments/vip/labels", {"tags": "spring, tv", "owner": "Ada"})
    assert console.workspace.pictures.labels()["vip"].tags == ("spring", "tv")
    console.post("/console/segments/vip/labels", {"tags": "x" * 60})
    assert "cannot have these tags" in console.get("/console/segments/vip").words


def test_a_segment_is_saved_and_edited_without_a_script(console: Console) -> None:
    looked = console.post("/console/segments", {"new": "yes", "name": "vip", "text": "did(purchse", "do": "check"})
    assert "expected `)`" in looked.words
    form = {"new": "yes", "name": "vip", "text": "did(purchase)", "tags": "a, b", "owner": "Ada", "description": "d"}
    saved = console.post("/console/segments", form)
    assert (saved.status, saved.header("location")) == (303, "/console/segments/vip")
    assert console.workspace.pictures.labels()["vip"].tags == ("a", "b")
    taken = console.post("/console/segments", form)
    assert taken.status == 400
    assert "there is a segment `vip` already" in taken.words
    assert 'value="a, b"' in taken.text
    edit = {**form, "new": "no", "text": "did(visit)"}
    assert console.post("/console/segments", edit).status == 303
    assert console.workspace.segments.get("vip").version == 2
    assert 'action="/console/segments/vip/revert/1"' in console.get("/console/segments/vip").text
    for name in ("", "new"):
        assert console.post("/console/segments", {**form, "name": name}).status == 400


def test_the_builder_begins_with_an_event(console: Console) -> None:
    got = console.get("/console/segments/new?event=Order%20Completed")
    assert "did(&#34;Order Completed&#34;)" in got.text
    console.workspace.segments.save_static("few", ["nobody"])
    assert console.get("/console/segments/few/edit").header("location") == "/console/segments/few"


def test_what_people_write_is_never_markup(console: Console) -> None:
    console.workspace.segments.save(
        HOSTILE, f"did({json.dumps(HOSTILE)[1:-1] and 'a'}) and x = '{HOSTILE.replace(chr(39), chr(39) * 2)}'"
    )
    console.workspace.pictures.label(HOSTILE, tags=["<b>x"], owner=HOSTILE)
    console.workspace.run()
    quoted = "".join(f"%{byte:02X}" for byte in HOSTILE.encode())
    for address in (
        "",
        f"/{quoted}",
        f"/{quoted}/members",
        f"/{quoted}/definition",
        f"/{quoted}/edit",
        f"/{quoted}/sql",
    ):
        got = console.get(f"/console/segments{address}")
        assert got.status == 200, got.words
        assert "<img src=x" not in got.text
        assert "<b>x" not in got.text
