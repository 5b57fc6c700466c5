"""A run records who entered and who left, exactly once, wherever it is cut off; and what is asked afterwards fits."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.errors import SegmentError, UserError, WarehouseDamagedError
from ethogram.runtime import Workspace
from ethogram.segment import evaluate, reading

UTC = dt.UTC
START = dt.datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START + 10 * DAY)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Workspace]:
    """Ann bought on days 0, 4 and 8, Bob on day 1, Cy only visited; Dee is known by a trait alone."""
    bought = [("ann", 0), ("ann", 4), ("ann", 8), ("bob", 1)]
    rows: list[tuple[str, str, dt.datetime, dict[str, int | str]]] = [
        (who, "purchase", START + day * DAY, {"amount": 10 * day}) for who, day in bought
    ]
    rows += [("cy", "visit", START + 2 * DAY, {"page": "/"})]
    file = tmp_path / "events.jsonl"
    file.write_text(
        "".join(
            json.dumps({"profile_id": who, "event": event, "timestamp": at.isoformat(), **properties}) + "\n"
            for who, event, at, properties in rows
        )
    )
    traits = tmp_path / "profiles.jsonl"
    traits.write_text(json.dumps({"profile_id": "dee", "timestamp": START.isoformat(), "plan": "pro"}) + "\n")
    with eg.init(tmp_path / "shop", clock=clock) as workspace:
        workspace.load_events(file)
        workspace.load_profiles(traits)
        yield workspace


def ids(workspace: Workspace, segment: str, as_of: dt.datetime | None = None) -> list[str]:
    return sorted(str(id_) for id_ in workspace.members(segment, as_of=as_of).column("profile_id").to_pylist())


def pages(workspace: Workspace, segment: str, size: int, as_of: dt.datetime | None = None) -> list[str]:
    """Everybody, a page at a time, in the order that they come in."""
    found: list[str] = []
    after = None
    while page := workspace.members(segment, as_of=as_of, limit=size, after=after).column(0).to_pylist():
        assert len(page) <= size
        found += [str(id_) for id_ in page]
        after = page[-1]
    return found


def test_entries_and_exits_are_recorded_against_the_run_before(shop: Workspace) -> None:
    shop.segments.save("fresh", "did(purchase in last 7 days)")
    first = shop.run(as_of=START + 5 * DAY)
    assert (first.population, first.entered, first.left) == (4, 2, 0)
    second = shop.run(as_of=START + 10 * DAY)
    (fresh,) = second.segments
    assert (fresh.size, fresh.entered, fresh.left, fresh.previous) == (1, 0, 1, 2)
    assert ids(shop, "fresh") == ["ann"]
    assert [(point.size, point.entered, point.left) for point in shop.history("fresh")] == [(2, 2, 0), (1, 0, 1)]
    # Day 8 and seven days: the instant at which Ann leaves although nothing happens.
    assert second.next_due_at == START + 15 * DAY


def test_a_profile_leaves_when_the_window_slides_past_its_last_purchase(shop: Workspace) -> None:
    text = "did(purchase in last 7 days)"
    edge = START + 8 * DAY  # Bob bought on day 1
    assert ids(shop, text, edge - dt.timedelta(microseconds=1)) == ["ann", "bob"]
    assert ids(shop, text, edge) == ["ann"]


def test_as_of_a_past_instant_later_events_and_people_do_not_exist(shop: Workspace) -> None:
    assert shop.preview("not did(purchase)", as_of=START + 12 * dt.timedelta(hours=1)).population == 2
    assert ids(shop, "not did(purchase)", START) == ["dee"]
    assert shop.preview("did(visit)", as_of=START + DAY).count == 0


@pytest.mark.parametrize("phase", ["evaluated", "changed", "kept"])
def test_a_run_cut_off_at_any_phase_is_finished_once(shop: Workspace, clock: ManualClock, phase: str) -> None:
    class CutError(Exception):
        pass

    def cut(reached: str) -> None:
        if reached == phase:
            raise CutError

    shop.segments.save("buyers", "did(purchase)")
    with pytest.raises(CutError):
        shop._runner.run(START + 5 * DAY, clock.now(), cut)
    report = shop.run(as_of=START + 6 * DAY)
    assert (report.entered, report.left) == (0, 0)  # the run that was cut off has recorded them
    changes = shop._warehouse.query("SELECT count(), uniqExact(key) FROM membership_changes")
    assert changes == [(2, 2)]
    assert [point.at for point in shop.history("buyers")] == [START + 5 * DAY, START + 6 * DAY]


def test_changes_written_half_before_a_cut_are_not_written_twice(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save("buyers", "did(purchase)")

    def cut(reached: str) -> None:
        if reached == "evaluated":
            # As if the process had died in the middle of writing: one of two rows is there, the phase is not noted.
            run = shop._ledger.unfinished_run()
            assert run is not None
            shop._warehouse.command(
                f"INSERT INTO membership_changes SELECT key, 1, now64(6, 'UTC'), 'entered', 'run', 1, {run.id} "
                f"FROM evaluation_{run.id} WHERE has(segments, 1) LIMIT 1"
            )
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop._runner.run(START + 5 * DAY, clock.now(), cut)
    shop._runner.finish(clock.now())
    assert shop._warehouse.query("SELECT count(), uniqExact(key) FROM membership_changes") == [(2, 2)]


def test_runs_do_not_go_back_in_time(shop: Workspace) -> None:
    shop.segments.save("buyers", "did(purchase)")
    shop.run(as_of=START + 5 * DAY)
    with pytest.raises(UserError, match="lies before"):
        shop.run(as_of=START + 4 * DAY)


def test_an_edit_is_a_new_version_and_its_changes_are_marked_so(shop: Workspace) -> None:
    shop.segments.save("buyers", "did(purchase)")
    shop.run()
    assert shop.segments.save("buyers", "did( purchase )").version == 1  # the same segment, written otherwise
    assert shop.segments.save("buyers", "count(purchase) >= 2").version == 2
    assert ids(shop, "buyers") == ["ann"]  # not run yet in this version: computed now
    shop.run()
    causes = shop._warehouse.query("SELECT toString(change), cause, version FROM membership_changes WHERE run = 2")
    assert causes == [("left", "definition", 2)]


def test_segments_refer_to_each_other_but_not_in_circles(shop: Workspace) -> None:
    shop.segments.save("buyers", "did(purchase)")
    shop.segments.save("visitors", "not in_segment('buyers')")
    assert ids(shop, "visitors") == ["cy", "dee"]
    with pytest.raises(SegmentError, match=r"circle.*visitors"):
        shop.segments.save("buyers", "did(purchase) or in_segment('visitors')")
    with pytest.raises(SegmentError, match="used by `visitors`"):
        shop.segments.delete("buyers")


def test_a_static_segment_is_a_list_that_others_can_refer_to(shop: Workspace) -> None:
    saved = shop.segments.save_static("invited", ["ann", "dee", "nobody"])
    assert (saved.size, len(saved.warnings)) == (2, 1)
    shop.segments.save("came", "in_segment('invited') and did(purchase)")
    shop.run()
    assert ids(shop, "invited") == ["ann", "dee"]
    assert ids(shop, "came") == ["ann"]
    shop.segments.save_static("invited", ["dee"])
    shop.run()
    assert (ids(shop, "invited"), ids(shop, "came")) == (["dee"], [])
    assert ids(shop, "left('invited')") == ["ann"]


def test_pages_are_everybody_in_one_order_recorded_or_computed(shop: Workspace, tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text(
        "profile_id,event,timestamp,account_id\n"
        + "".join(f"person {n},purchase,2026-03-0{n % 9 + 1}T00:00:00Z,firm {n % 13}\n" for n in range(40))
    )
    shop.load_events(more)
    for name, text, size in (("buyers", "did(purchase)", 42), ("firms", "for account: did(purchase)", 13)):
        shop.segments.save(name, text)
        shop.run()
        everybody = pages(shop, name, 1000)
        assert len(everybody) == len(set(everybody)) == size
        assert pages(shop, name, 4) == everybody
        assert pages(shop, text, 4) == pages(shop, name, 5, as_of=shop.now()) == everybody


def test_an_account_that_only_a_profile_names_is_a_member(shop: Workspace, tmp_path: Path) -> None:
    traits = tmp_path / "firms.csv"
    traits.write_text("profile_id,account_id\nann,acme\nbob,bolt\ncy,calm\n")
    shop.load_profiles(traits, mapping={"profile_id": "profile_id"})
    shop.segments.save("firms", "for account: did(purchase)")
    shop.run()
    assert sorted(pages(shop, "firms", 1)) == ["acme", "bolt"]


def test_a_page_begins_after_anybody(shop: Workspace) -> None:
    shop.segments.save("everybody", "did(any) or plan = 'pro'")
    shop.run()
    for segment in ("everybody", "did(any) or plan = 'pro'"):
        order = pages(shop, segment, 1)
        following = shop.members(segment, after="somebody unknown").column(0).to_pylist()
        assert following == order[len(order) - len(following) :]


def test_scope_and_everybody_agree(shop: Workspace) -> None:
    for name, text in (
        ("buyers", "did(purchase)"),
        ("best", "top(50%, sum(purchase.amount))"),
        ("pro", "plan = 'pro'"),
    ):
        shop.segments.save(name, text)
    shop.run()
    found = shop.evaluate(["ann", "bob", "dee", "stranger"])
    assert found == {
        who: tuple(name for name in ("buyers", "best", "pro") if who in ids(shop, name))
        for who in ("ann", "bob", "dee")
    }


def test_a_run_in_shares_of_the_people_is_the_run_of_everybody(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("buyers", "did(purchase)"),
        ("best", "top(50%, sum(purchase.amount))"),
        ("pro", "plan = 'pro'"),
    ):
        shop.segments.save(name, text)
    whole = shop.run()
    monkeypatch.setattr(evaluate, "_PEOPLE_AT_ONCE", 1)
    again = shop.run()
    assert [(each.name, each.size) for each in again.segments] == [("buyers", 2), ("best", 2), ("pro", 1)]
    assert (again.population, again.next_due_at) == (whole.population, whole.next_due_at)
    assert (again.entered, again.left) == (0, 0)


def test_people_with_too_many_rows_are_answered_by_the_plan(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.segments.save("regulars", "count(purchase) >= 2 and not did(visit in last 30 days)")
    shop.segments.save("visitors", "did(visit)")
    found = shop.evaluate(["ann", "bob", "cy", "stranger"])
    assert found == {"ann": ("regulars",), "bob": (), "cy": ("visitors",)}
    monkeypatch.setattr(reading, "MOST_ROWS", 3)
    assert shop.evaluate(["ann", "bob", "cy", "stranger"]) == found


def test_why_names_values_evidence_and_what_is_missing(shop: Workspace) -> None:
    shop.segments.save("regulars", "count(purchase in last 30 days) >= 3 and not did(visit)")
    bob = shop.why("regulars", "bob")
    assert not bob.member
    counted = bob.conditions[1]
    assert (counted.value, counted.missing) == ("1", "2 more such events (is 1, needs at least 3)")
    assert [evidence.at for evidence in counted.evidence] == [START + DAY]
    ann = shop.why("regulars", "ann")
    assert ann.member
    assert ann.changes_at == START + 30 * DAY  # her first of three leaves the window
    assert all(condition.missing is None for condition in ann.conditions)


def test_a_broken_part_is_named_and_refused_and_a_rebuild_restores_every_answer(
    shop: Workspace, clock: ManualClock
) -> None:
    shop.segments.save("buyers", "did(purchase)")
    shop.run()
    place = shop._warehouse.query(
        "SELECT path FROM system.parts WHERE active AND table = 'events' AND database = currentDatabase() LIMIT 1"
    )[0][0]
    shop.close()
    data = Path(place) / "data.bin"
    broken = data if data.exists() else next(iter(sorted(Path(place).glob("*.bin"))))
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    with pytest.raises(WarehouseDamagedError, match="table `events`: part"):
        eg.open(shop.path, clock=clock)
    with Workspace(shop.path, clock=clock, even_damaged=True) as damaged:
        damaged.rebuild()
    with eg.open(shop.path, clock=clock) as mended:
        assert ids(mended, "buyers", clock.now()) == ["ann", "bob"]
        assert all(finding.health.value == "ok" for finding in mended.doctor())


def test_one_process_has_one_embedded_workspace_open(shop: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="opens one at a time"):
        eg.init(tmp_path / "other")
    # Questions over frames go on beside it.
    events = shop._warehouse.arrow("SELECT 'x' AS profile_id, 'e' AS event, ts AS timestamp FROM events LIMIT 1")
    assert eg.members("did(e)", events=events).to_pylist() == [{"profile_id": "x"}]
    assert shop.status().events == 5
