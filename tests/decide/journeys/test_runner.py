"""People move through journeys by what they do and by time, each once, whatever else happens."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import yaml

from decide.journeys.world import World
from ethogram.model.journey.runs import RunState
from ethogram.store import identities, journey_reading, journey_runs, journeys
from ethogram.store.journeys import JourneyState

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def body(text: str) -> Any:
    return yaml.safe_load(text)


CART = body("""
    entry: {event: {name: Added, where: "price > 10"}}
    again: always
    exits:
      - event: {name: Bought, where: "sku = '{{ trigger.sku }}'"}
        reason: bought it
    steps:
      - {name: wait, delay: 1 hour}
      - {name: remind, message: {channel: email, template: still_there}}
      - {name: longer, wait: {for: {event: Clicked}, at_most: 1 day}, next: end}
      - {name: again, message: {channel: email, template: last_call}}
""")


def test_a_run_waits_for_time_and_for_events(world: World) -> None:
    world.save("cart", CART)
    world.did("ann", "Added", sku="a", price=20)
    world.did("bob", "Added", sku="a", price=5)
    world.did("cid", "Added", sku="c", price=11)
    world.wait(2 * HOUR)
    assert world.messages() == [("03-02 09:00", "ann", "still_there"), ("03-02 09:00", "cid", "still_there")]
    world.did("ann", "Clicked")
    world.wait(2 * DAY)
    assert world.messages()[2:] == [("03-03 09:00", "cid", "last_call")]
    ann, cid = world.runs("cart")
    assert world.way(ann) == [("wait", "next"), ("remind", "next"), ("longer", "next")]
    assert world.way(cid) == [("wait", "next"), ("remind", "next"), ("longer", "timeout"), ("again", "next")]
    assert (ann.state, cid.state) == (RunState.DONE, RunState.DONE)


def test_an_exit_rule_holds_at_every_step_and_knows_what_started_the_run(world: World) -> None:
    world.save("cart", CART)
    world.did("ann", "Added", sku="a", price=20)
    world.did("bob", "Added", sku="b", price=20)
    world.wait(HOUR / 2)
    world.did("ann", "Bought", sku="a")
    world.did("bob", "Bought", sku="a")
    world.wait(DAY)
    assert [message[1:] for message in world.messages()] == [("bob", "still_there")]
    ann = world.runs("cart")[0]
    assert (ann.state, ann.reason) == (RunState.EXITED, "bought it")


def test_what_nobody_has_sent_yet_is_not_sent_when_a_rule_ends_the_run(world: World) -> None:
    world.sends = False
    world.save("cart", CART)
    world.did("ann", "Added", sku="a", price=20)
    world.wait(HOUR)
    assert world.states() == [("ann", "still_there", "waiting")]
    world.did("ann", "Bought", sku="a")
    world.tick()
    assert world.states() == [("ann", "still_there", "cancelled")]


def test_entry_and_exit_stored_together_are_taken_in_their_order(world: World) -> None:
    world.save("cart", CART)
    world.did("ann", "Added", sku="a", price=20)
    world.did("ann", "Bought", sku="a")
    world.did("bob", "Bought", sku="a")
    world.did("bob", "Added", sku="a", price=20)
    world.wait(3 * HOUR)
    assert [message[1] for message in world.messages()] == ["bob"]


def test_a_purchase_lets_go_of_the_run_and_what_follows_starts_another(world: World) -> None:
    world.save("cart", CART)
    for event in ("Added", "Added", "Bought", "Added"):
        world.did("ann", event, sku="a", price=20)
        world.now += dt.timedelta(seconds=1)
    world.tick()
    assert [run.state for run in world.runs("cart")] == [RunState.EXITED, RunState.ACTIVE]
    with world.database.reading() as connection:
        assert journeys.standing(connection, "cart").refused == 1


@pytest.mark.parametrize(
    ("rule", "entered"),
    [({}, 1), ({"again": "never"}, 1), ({"again": "always"}, 4), ({"again": "2 days"}, 2), ({"again": "1 day"}, 4)],
)
def test_who_may_come_again(world: World, rule: dict[str, Any], entered: int) -> None:
    steps = [{"name": "hello", "message": {"channel": "email", "template": "hello"}}]
    world.save("hi", {"entry": {"event": "Came"}, **rule, "steps": steps})
    for _ in range(4):
        world.did("ann", "Came")
        world.wait(DAY)
    assert len(world.runs("hi")) == entered
    assert len(world.messages()) == entered


def test_runs_overlap_only_where_that_is_said(world: World) -> None:
    steps = [{"name": "wait", "delay": "3 days"}]
    for name, overlapping in (("one", False), ("many", True)):
        world.save(name, {"entry": {"event": "Came"}, "again": "always", "overlapping": overlapping, "steps": steps})
    for _ in range(3):
        world.did("ann", "Came")
        world.wait(HOUR)
    assert (len(world.runs("one")), len(world.runs("many"))) == (1, 3)


def test_a_loop_stops_with_a_reason(world: World) -> None:
    world.save("nag", body("""
        entry: {event: Came}
        limits: {steps: 5}
        steps:
          - {name: wait, delay: 1 hour}
          - {name: nag, message: {channel: email, template: nag}, next: wait}
    """))  # fmt: skip
    world.did("ann", "Came")
    world.wait(2 * DAY)
    run = world.run("nag")
    assert (run.state, run.taken) == (RunState.FAILED, 6)
    assert run.reason is not None
    assert "`limits.steps`" in run.reason
    assert len(world.messages()) == 2  # the same step twice is two messages


def test_ten_thousand_entries_of_one_person_start_no_more_runs_than_the_limit(world: World) -> None:
    steps = [{"name": "hello", "message": {"channel": "email", "template": "hello"}}]
    world.save("hi", {"entry": {"event": "Came"}, "again": "always", "overlapping": True, "steps": steps})
    for _ in range(10_000):
        world.did("ann", "Came")
    world.tick()
    assert len(world.messages()) == 10
    with world.database.reading() as connection:
        assert journeys.standing(connection, "hi").refused == 9_990


def test_conditions_are_asked_about_all_people_at_once(world: World) -> None:
    world.save("tiers", body("""
        entry: {event: Came}
        where: "not did(Unsubscribed)"
        steps:
          - name: which
            branch:
              - {when: "plan = 'pro'", next: pro}
              - {when: "count(Came) > 1", next: often}
            otherwise: end
          - {name: pro, message: {channel: email, template: pro}, next: end}
          - {name: often, message: {channel: email, template: often}}
    """))  # fmt: skip
    for number in range(30):
        world.set(f"p{number:02}", plan="pro" if number < 10 else "free")
        world.did(f"p{number:02}", "Came")
    world.did("p20", "Came")
    world.did("p05", "Unsubscribed")
    world.asked.clear()
    world.tick()
    assert world.asked == [(1, 30), (2, 29)]
    assert [message[1:] for message in world.messages()] == [
        *((f"p{number:02}", "pro") for number in range(10) if number != 5), ("p20", "often"),
    ]  # fmt: skip


def test_a_segment_lets_in_and_lets_go(world: World) -> None:
    lapsing = world.segment("lapsing", "not did(Came in last 30 days)")
    world.save("back", body("""
        entry: {entered: lapsing}
        exits: [{left: lapsing}]
        steps:
          - {name: wait, delay: {length: 1 day, until: "10:30", weekdays: [monday, friday]}}
          - {name: miss, message: {channel: email, template: miss}}
    """))  # fmt: skip
    for id_ in ("ann", "bob"):
        world.crosses(id_, lapsing)
    world.wait(HOUR)
    world.crosses("bob", lapsing, entered=False)
    world.wait(10 * DAY)
    assert world.messages() == [("03-06 10:30", "ann", "miss")]


def test_splits_hold_their_shares_and_the_same_person_goes_the_same_way(world: World) -> None:
    world.save("test", body("""
        entry: {event: Came}
        again: always
        holdout: 20%
        steps:
          - {name: lot, split: [{name: a, share: 30%, next: a}, {name: b, share: 70%, next: b}]}
          - {name: a, message: {channel: email, template: a}, next: end}
          - {name: b, message: {channel: email, template: b}}
    """))  # fmt: skip
    for _ in range(2):
        for number in range(1_000):
            world.did(f"p{number}", "Came")
        world.wait(HOUR)
    said = world.states()
    assert len(said) == 2_000
    assert len({(id_, template) for id_, template, _ in said}) == 1_000
    held_out = sum(state == "held_out" for _, _, state in said)
    of_a = sum(template == "a" for _, template, _ in said)
    assert 320 <= held_out <= 480  # five standard deviations of a fair lot, twice
    assert 450 <= of_a <= 750


def test_traits_and_lists_are_wished_once_with_what_started_the_run(world: World) -> None:
    world.save("note", body("""
        entry: {event: Came}
        steps:
          - {name: note, update: {set: {last: "{{ trigger.page }}", other: "{{ trigger.nothing }}"}, unset: [old]}}
          - {name: join, add_to: visitors}
          - {name: tell, webhook: hook}
    """))  # fmt: skip
    world.did("ann", "Came", page=7)
    world.tick()
    with world.database.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT id, profile_id, kind, body FROM journey_changes WHERE kind <> 'event'"
        ).all()
    run = world.run("note")
    assert [tuple(row) for row in rows] == [
        (f"{run.id}.0", "ann", "traits", '{"traits": {"last": 7}, "unset": ["old"]}'),
        (f"{run.id}.1", "ann", "list", '{"segment": "visitors", "added": true}'),
    ]
    assert world.states() == [("ann", "hook", "sent")]


def test_a_stopped_journey_moves_nobody_and_still_sees_who_bought(world: World) -> None:
    world.save("cart", CART)
    for id_ in ("ann", "bob"):
        world.did(id_, "Added", sku=id_, price=20)
    world.tick()
    with world.database.writing() as connection:
        journeys.change(connection, "cart", state=JourneyState.STOPPED)
    world.wait(3 * HOUR)
    world.did("bob", "Bought", sku="bob")
    world.wait(HOUR)
    assert world.messages() == []
    with world.database.writing() as connection:
        journeys.change(connection, "cart", state=JourneyState.ACTIVE)
    world.wait(2 * DAY)
    assert world.messages() == [("03-02 12:00", "ann", "still_there"), ("03-03 12:00", "ann", "last_call")]


def test_editing_keeps_people_on_their_version_until_they_are_moved_and_nobody_begins_anew(world: World) -> None:
    world.save("cart", CART)
    for number in range(50):
        world.did(f"p{number:02}", "Added", sku="a", price=20)
    world.tick()
    steps = [{"name": "before", "message": {"channel": "email", "template": "new_one"}},
             {"name": "pause", "delay": "1 hour"},
             {"name": "say", "message": {"channel": "email", "template": "new_words"}}]  # fmt: skip
    world.save("cart", {**CART, "steps": steps})
    world.did("late", "Added", sku="a", price=20)
    world.tick()
    with world.database.writing() as connection:
        assert journey_runs.move_version(connection, "cart", 1, 2, {"wait": "pause"}) == 50
    world.wait(3 * HOUR)
    said = [message[1:] for message in world.messages()]
    assert said.count(("late", "new_one")) == 1
    assert sum(template == "new_one" for _, template in said) == 1
    assert sorted(said) == sorted(
        [("late", "new_one"), ("late", "new_words"), *((f"p{number:02}", "new_words") for number in range(50))]
    )
    with world.database.reading() as connection:
        assert all(count.version == 2 or not count.at for count in journey_reading.counts(connection, "cart"))


def test_everybody_can_be_let_go(world: World) -> None:
    world.sends = False
    world.save("cart", CART)
    for number in range(20):
        world.did(f"p{number:02}", "Added", sku="a", price=20)
    world.wait(HOUR)
    with world.database.writing() as connection:
        assert journey_runs.exit_all(connection, "cart", "the shop is closed", world.now) == 20
    world.wait(3 * DAY)
    assert {state for _, _, state in world.states()} == {"cancelled"}
    with world.database.reading() as connection:
        (ended,) = journey_reading.ended(connection, "cart")
    assert (ended.runs, ended.reason) == (20, "the shop is closed")


def test_dates_let_in_at_each_persons_morning_every_year(world: World) -> None:
    world.now = dt.datetime(2026, 2, 27, tzinfo=dt.UTC)
    world.set("ann", birthday="1990-03-03", timezone="Asia/Tokyo")
    world.set("bob", birthday="1990-03-03", timezone="America/New_York")
    world.set("leap", birthday="2000-02-29")
    world.set("none", birthday="soon")
    world.save("birthday", body("""
        entry: {date: {trait: birthday, at: "09:00", every: year}}
        steps: [{name: wish, message: {channel: email, template: wish}}]
    """))  # fmt: skip
    world.wait(6 * DAY, step=HOUR)
    assert world.messages() == [
        ("03-01 09:00", "leap", "wish"), ("03-03 00:00", "ann", "wish"), ("03-03 14:00", "bob", "wish"),
    ]  # fmt: skip
    world.now += 358 * DAY
    world.tick()
    world.wait(6 * DAY, step=HOUR)
    assert [message[1] for message in world.messages()[3:]] == ["leap", "ann", "bob"]


def test_a_call_lets_people_in_once_for_its_key(world: World) -> None:
    world.save("hi", body("""
        entry: {api: true}
        again: always
        steps: [{name: hello, message: {channel: email, template: "hello"}}]
    """))  # fmt: skip
    assert world.runner.call("hi", [("ann", {"code": 1}), ("bob", {})], "k1", world.now) == (2, 0)
    assert world.runner.call("hi", [("ann", {"code": 1}), ("bob", {})], "k1", world.now) == (0, 2)
    world.tick()
    assert world.runner.call("hi", [("ann", {})], "k2", world.now) == (1, 0)
    world.tick()
    assert [message[1] for message in world.messages()] == ["ann", "bob", "ann"]


def test_who_turns_out_to_be_the_same_person_goes_on_once(world: World) -> None:
    world.save("cart", CART)
    world.did("anon", "Added", sku="a", price=20)
    world.wait(HOUR / 2)
    world.did("ann", "Added", sku="b", price=20)
    world.tick()
    with world.database.writing() as connection:
        journey_runs.follow_moves(connection, [("anon", "ann")], world.now)
    world.wait(HOUR)
    first, second = world.runs("cart")
    assert (first.profile_id, first.state) == ("ann", RunState.ACTIVE)
    assert (second.state, second.reason) == (RunState.EXITED, "the person is in the journey under another id as well")
    assert world.messages() == [("03-02 09:00", "ann", "still_there")]
    assert identities.last_done(world.database) == 0


def test_what_was_missed_for_days_does_not_come_all_at_once(world: World) -> None:
    steps: list[dict[str, Any]] = []
    for number in range(3):
        steps += [{"name": f"wait{number}", "delay": "1 day"},
                  {"name": f"say{number}", "message": {"channel": "email", "template": f"t{number}"}}]  # fmt: skip
    world.save("series", {"entry": {"event": "Came"}, "steps": steps})
    world.did("ann", "Came")
    world.tick()
    world.now += 5 * DAY  # nobody was there
    world.wait(3 * DAY)
    assert [message[0] for message in world.messages()] == ["03-07 08:00", "03-08 08:00", "03-09 08:00"]


def test_an_old_history_that_is_loaded_lets_nobody_in(world: World) -> None:
    world.save("cart", CART)
    world.did("ann", "Added", at=world.now - 30 * DAY, sku="a", price=20)
    world.wait(2 * HOUR)
    assert world.runs("cart") == []
