"""Syncs: what a target was given, applied in order, is the members; at every step, and killed anywhere."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from deliver.outgoing import START, Sending, edited, happens, ledger, traits
from deliver.receiver import Receiver, status
from deliver.reference import Reference
from ethogram.clock import ManualClock
from ethogram.deliver import mirroring, schedule, signing
from ethogram.deliver.mirroring import Mirroring
from ethogram.store import changes, deliveries, syncs
from ethogram.store.ledger import Ledger
from ethogram.store.syncs import Sync
from strategies.seeds import SEEDS

UTC = ZoneInfo("UTC")
POINTS = ("planned", "kept", "written", "handed over")


class KilledError(BaseException):
    """The process ends here."""


class World:
    """A segment with members, the feed of their changes, and the syncs of it."""

    def __init__(self, path: Path, opened: Ledger) -> None:
        self.path = path
        self.ledger = opened
        self.clock = ManualClock(START)
        self.members: set[str] = set()
        self.point: str | None = None
        self.begin()

    def begin(self) -> None:
        """Starts the process that does the syncs, or starts it again."""
        self.mirroring = Mirroring(
            self.ledger.database, self.path, UTC, lambda _: sorted(self.members), traits, self.clock, self._at_point
        )

    def _at_point(self, point: str) -> None:
        if point == self.point:
            self.point = None
            raise KilledError(point)

    def add(
        self, path: str | None = "vip.csv", url: str | None = None, when: str = "on change", **options: Any
    ) -> Sync:
        given: dict[str, Any] = {
            "format": "json" if url else str(path).rsplit(".", maxsplit=1)[-1], "mode": "changes", "traits": [],
        }  # fmt: skip
        return syncs.add(
            self.ledger.database, segment=1, path=None if url else path, url=url, secret=signing.new_secret(), label="",
            schedule=when, due_at=schedule.next_at(schedule.read(when), self.clock.now(), UTC), now=self.clock.now(),
            **{**given, **options},
        )  # fmt: skip

    def happens(self, *told: str) -> None:
        """People enter and leave, and the feed says so."""
        for each in told:
            (self.members.add if each[0] == "+" else self.members.discard)(each[1:])
        happens(self.ledger, *told, at=self.clock.now())

    def edited(self, *members: str) -> None:
        """The definition changes: others are in it now, and the feed tells it in sum."""
        self.members = set(members)
        edited(self.ledger)

    def settle(self) -> None:
        """Does everything that is to be done now."""
        while self.mirroring.step():
            pass

    def later(self, **length: float) -> None:
        self.clock.advance(dt.timedelta(**length))
        self.settle()

    def sync(self) -> Sync:
        return syncs.listed(self.ledger.database)[0]

    def files(self) -> list[str]:
        return sorted(str(each.relative_to(self.path / "sync")) for each in (self.path / "sync").glob("[!.]*"))

    def in_files(self) -> set[str]:
        """The members by the files that the target got, applied in order."""
        held: set[str] = set()
        for name in self.files():
            _apply(held, _rows(self.path / "sync" / name))
        return held


@contextmanager
def world(path: Path) -> Iterator[World]:
    with ledger(path) as opened:
        yield World(path, opened)


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def _apply(held: set[str], rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        (held.add if row["op"] == "add" else held.discard)(row["profile_id"])


def test_the_first_file_adds_everybody_and_further_ones_say_who_came_and_went(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.happens("+ann", "+bob")
        w.add(traits=["plan", "email"])
        w.settle()
        assert w.files() == ["vip-000001.csv"]
        assert _rows(tmp_path / "sync" / "vip-000001.csv") == [
            {"op": "add", "profile_id": "ann", "plan": "pro", "email": "ann@example.com"},
            {"op": "add", "profile_id": "bob", "plan": "free", "email": ""},
        ]
        w.happens("+cid", "-ann", "+dee")
        w.settle()
        assert len(w.files()) == 1  # changes of some seconds go together
        w.later(seconds=3)
        w.happens("-dee")
        w.later(seconds=2.5)
        assert [(row["op"], row["profile_id"]) for row in _rows(tmp_path / "sync" / w.files()[-1])] == [
            ("add", "cid"), ("remove", "ann"), ("remove", "dee"),
        ]  # fmt: skip
        assert w.in_files() == w.members == {"bob", "cid"}
        w.later(days=1)
        assert len(w.files()) == 2
        assert w.sync().rows == 3


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_format_holds_the_same(tmp_path: Path, ending: str) -> None:
    with world(tmp_path) as w:
        w.members = {"ann", "=cmd|' /C calc'!A0", 'ü,"\n', "007"}
        w.add(f"folder/vip.{ending}", mode="full", traits=["plan"])
        w.settle()
        rows = _rows(tmp_path / "sync" / "folder" / f"vip.{ending}")
        shielded = "'" if ending == "csv" else ""
        assert {row["profile_id"] for row in rows} == {"ann", f"{shielded}=cmd|' /C calc'!A0", 'ü,"\n', "007"}
        assert next(row for row in rows if row["profile_id"] == "ann")["plan"] == "pro"


def test_numbers_stay_numbers_and_text_is_no_formula(tmp_path: Path) -> None:
    from ethogram.deliver.files import write_rows

    rows = [
        {"a": -5, "b": "-5", "c": True, "d": {"x": [1]}, "e": 0.5},
        {"a": 7, "b": "\t=1", "c": False, "d": "@", "e": 1},
    ]
    for ending in ("csv", "parquet", "jsonl"):
        write_rows(tmp_path / f"t.{ending}", ending, list("abcde"), rows)
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "a,b,c,d,e", "-5,'-5,true,\"{\"\"x\"\":[1]}\",0.5", "7,'\t=1,false,'@,1",
    ]  # fmt: skip
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.to_pylist() == [
        {"a": -5, "b": "-5", "c": True, "d": '{"x":[1]}', "e": 0.5},
        {"a": 7, "b": "\t=1", "c": False, "d": "@", "e": 1.0},
    ]
    assert _rows(tmp_path / "t.jsonl") == rows
    write_rows(tmp_path / "big.parquet", "parquet", ["a"], [{"a": 2**70}, {"a": None}])
    assert pq.read_table(tmp_path / "big.parquet").to_pylist() == [{"a": str(2**70)}, {"a": None}]


def test_a_full_file_is_replaced_whole_on_schedule(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.happens("+ann")
        w.add(mode="full", when="cron 0 6 * * *")
        w.settle()
        target = tmp_path / "sync" / "vip.csv"
        before = target.stat().st_ino
        w.happens("+bob")
        w.later(minutes=1)
        assert {row["profile_id"] for row in _rows(target)} == {"ann"}
        w.clock.advance((w.sync().due_at or START) - w.clock.now())
        w.settle()
        assert {row["profile_id"] for row in _rows(target)} == {"ann", "bob"}
        assert target.stat().st_ino != before
        due_at = w.sync().due_at
        assert due_at is not None
        assert (due_at.hour, due_at.minute) == (6, 0)


def test_a_schedule_gathers_what_happens_between(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.add(when="every 1 hour")
        w.settle()
        w.happens("+ann")
        w.later(minutes=59)
        assert w.files() == []
        w.happens("+bob", "-ann")
        w.later(minutes=2)
        assert len(w.files()) == 1
        assert w.in_files() == {"bob"}
        w.later(hours=5)
        assert len(w.files()) == 1


def test_an_edit_is_followed_by_what_the_target_lacks(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.happens("+ann", "+bob")
        w.add()
        w.settle()
        w.happens("+cid")
        w.edited("bob", "dee")
        w.later(seconds=6)
        assert w.in_files() == {"bob", "dee"}
        assert [(row["op"], row["profile_id"]) for row in _rows(tmp_path / "sync" / w.files()[-1])] == [
            ("remove", "ann"), ("add", "dee"),
        ]  # fmt: skip


def test_a_feed_that_was_cut_off_is_made_good(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.happens("+ann")
        w.add()
        w.settle()
        w.happens("+bob", "-ann")
        changes.prune(w.ledger.database, START + dt.timedelta(hours=1))
        w.later(days=40)
        assert w.in_files() == {"bob"}


def test_members_that_are_ahead_of_the_feed_do_no_harm(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.members = {"ann"}  # she entered, and the feed says so a moment later
        w.add()
        w.settle()
        happens(w.ledger, "+ann")
        w.happens("-ann")
        w.later(seconds=6)
        assert w.in_files() == set()


def test_many_differences_are_folded_and_old_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirroring, "_SNAPSHOT_EVERY", 5)
    with world(tmp_path) as w:
        chosen = random.Random(3)
        w.add()
        w.settle()
        for _ in range(23):
            w.happens(*(f"{chosen.choice('+-')}p{chosen.randrange(20)}" for _ in range(4)))
            w.later(seconds=6)
        assert w.in_files() == w.members
        state = list((tmp_path / "sync" / ".state" / "1").iterdir())
        assert len(state) <= 8
        w.edited("x")
        w.later(seconds=6)
        assert w.in_files() == {"x"}


@pytest.mark.parametrize("mode", ["changes", "full"])
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_anywhere_a_target_of_files_ends_up_with_the_members(tmp_path: Path, mode: str, seed: int) -> None:
    chosen = random.Random(seed)
    points = POINTS if mode == "changes" else ("written",)
    with world(tmp_path) as w:
        w.happens("+a", "+b", "+c")
        w.add(mode=mode)
        killed = 0
        for _ in range(40):
            w.point = chosen.choice(points) if chosen.random() < 0.7 else None
            if chosen.random() < 0.15:
                w.edited(*(f"p{chosen.randrange(30)}" for _ in range(10)))
            else:
                w.happens(*(f"{chosen.choice('+-')}p{chosen.randrange(30)}" for _ in range(chosen.randrange(6))))
            try:
                w.later(seconds=6)
            except KilledError:
                killed += 1
                w.begin()
        w.point = None
        w.later(seconds=6)
        if mode == "full":
            assert {row["profile_id"] for row in _rows(tmp_path / "sync" / "vip.csv")} == w.members
        else:
            assert w.in_files() == w.members
        assert killed > 8


def _over_http(path: Path, receiver: Receiver, w: World, play: Callable[[], None]) -> Sending:
    run = Sending(w.ledger, w.clock)
    try:
        play()
        for _ in range(60):
            w.settle()
            run.later(minutes=15)
    finally:
        run.sender.finish()
    return run


def test_an_endpoint_is_sent_signed_parts_in_order(tmp_path: Path) -> None:
    with world(tmp_path) as w, Receiver([status(500), status(200), status(503, Retry_After="60")]) as receiver:
        w.members = {f"p{each:05d}" for each in range(1750)} | {"ann"}
        sync = w.add(url=receiver.url, traits=["plan"])
        _over_http(tmp_path, receiver, w, lambda: None)
        assert sync.endpoint is not None
        parts = [each.json["data"] for each in receiver.received]
        # The first was sent twice as it failed, and so was the one that was too much; none came before its turn.
        assert [part["part"] for part in parts] == [1, 1, 2, 2, 3, 4]
        assert {part["parts"] for part in parts} == {4}
        assert parts[0]["adds"][0] == {"profile_id": "ann", "traits": {"plan": "pro"}}
        held = {one["profile_id"] for part in parts for one in part["adds"]}
        assert held == w.members
        assert receiver.received[0].id == receiver.received[1].id
        last = receiver.received[-1]
        at = dt.datetime.fromtimestamp(int(last.headers["webhook-timestamp"]), dt.UTC)
        assert last.headers["webhook-signature"] == Reference(sync.endpoint.secret, START).sign(
            last.id, at, last.body.decode()
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_anywhere_an_endpoint_ends_up_with_the_members(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    with world(tmp_path) as w, Receiver() as receiver:
        w.members = {f"m{each}" for each in range(1200)}
        w.add(url=receiver.url)
        killed = 0

        def play() -> None:
            nonlocal killed
            for _ in range(30):
                w.point = chosen.choice(POINTS) if chosen.random() < 0.7 else None
                if chosen.random() < 0.1:
                    w.edited(*(f"m{chosen.randrange(1500)}" for _ in range(700)))
                else:
                    w.happens(*(f"{chosen.choice('+-')}m{chosen.randrange(1500)}" for _ in range(chosen.randrange(9))))
                try:
                    w.later(seconds=6)
                except KilledError:
                    killed += 1
                    w.begin()
            w.point = None
            w.later(seconds=6)

        _over_http(tmp_path, receiver, w, play)
        held: set[str] = set()
        seen: set[str] = set()
        for each in receiver.received:
            if each.id not in seen:
                seen.add(each.id)
                held |= {one["profile_id"] for one in each.json["data"]["adds"]}
                held -= {one["profile_id"] for one in each.json["data"]["removes"]}
        assert held == w.members
        assert killed > 5


def test_everybody_can_be_sent_each_time_in_parts_of_one_generation(tmp_path: Path) -> None:
    with world(tmp_path) as w, Receiver() as receiver:
        w.members = {f"p{each}" for each in range(700)}
        w.add(url=receiver.url, mode="full", when="every 1 day")
        _over_http(tmp_path, receiver, w, lambda: None)
        assert [(each.json["data"]["generation"], each.json["data"]["part"]) for each in receiver.received] == [
            (1, 1),
            (1, 2),
        ]
        w.members = set()
        w.clock.advance(dt.timedelta(days=1))
        _over_http(tmp_path, receiver, w, lambda: None)
        told = receiver.received[2].json["data"]
        assert (told["generation"], told["part"], told["parts"], told["adds"]) == (2, 1, 1, [])


def test_an_endpoint_that_never_takes_a_part_is_stopped_and_goes_on_when_asked(tmp_path: Path) -> None:
    with world(tmp_path) as w, Receiver(otherwise=status(422)) as receiver:
        w.happens("+ann")
        w.add(url=receiver.url)
        run = Sending(w.ledger, w.clock)
        try:
            w.settle()
            run.settle()
            for _ in range(12):
                run.later(hours=30)
            stopped = w.sync().endpoint
            assert stopped is not None
            assert not stopped.enabled
            assert "10 times" in str(stopped.reason)
            w.happens("-ann")
            w.later(seconds=6)
            assert len(deliveries.listed(w.ledger.database)) == 1
            receiver.otherwise = status(200)
            asked = len(receiver.received)
            syncs.ask(w.ledger.database, 1, w.clock.now())
            w.settle()
            run.settle()
            told = [each.json["data"] for each in receiver.received[asked:]]
            assert [bool(each["adds"]) for each in told] == [True, False]
            assert told[1]["removes"] == [{"profile_id": "ann"}]
        finally:
            run.sender.finish()


def test_trouble_is_told_and_holds_up_no_other_sync(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.happens("+ann")
        w.add("a.csv")
        w.add("b.csv")
        w.settle()
        next((tmp_path / "sync" / ".state" / "1").iterdir()).unlink()
        (tmp_path / "sync" / ".state" / "1" / "000000001.members.parquet").unlink(missing_ok=True)
        w.edited("bob")
        w.later(seconds=6)
        broken, whole = syncs.listed(w.ledger.database)
        assert "missing or damaged" in str(broken.trouble)
        assert whole.trouble is None
        assert "b-000002.csv" in w.files()
        w.ledger.delete_segment("vip", w.clock.now())
        w.later(minutes=1)
        assert "was deleted" in str(syncs.listed(w.ledger.database)[1].trouble)


def test_a_clock_that_was_put_back_keeps_nobody_waiting(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.add()
        w.settle()
        w.happens("+ann")
        w.later(days=-3)
        assert w.in_files() == {"ann"}
