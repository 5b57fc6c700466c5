"""What goes wrong around a server, one thing at a time: nothing acknowledged is lost, and it recovers by itself."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import ethogram as eg
from ethogram import collecting
from ethogram.clock import ManualClock
from ethogram.collect.intake import Intake
from ethogram.collecting import Keys
from ethogram.errors import LedgerError
from ethogram.store import keys as stored_keys
from ethogram.store import requests
from ethogram.store.ledger import Ledger
from web.here import here, until
from web.running import BASIC, SOURCE, Server, stored, workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def calls(*ids: str, **more: Any) -> dict[str, Any]:
    return {"batch": [{"type": "track", "userId": "u1", "event": "e", "messageId": each, **more} for each in ids]}


def moved(place: Path) -> list[str]:
    """The ids of what the warehouse has once everything that was kept has come to it."""
    with eg.open(place) as opened:
        while opened.collect().messages:
            pass
    return [str(each) for each in stored(place)]


@contextlib.contextmanager
def locked(place: Path) -> Iterator[None]:
    """Another program writes to the ledger for long."""
    with contextlib.closing(sqlite3.connect(place / "ledger.sqlite", isolation_level=None)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        yield
        busy.execute("ROLLBACK")


def resident(pid: int) -> int:
    """How many bytes of memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- the ledger is busy ----------------------------------------------------------------------------------------------


def test_a_ledger_that_another_program_holds_is_waited_for_and_then_senders_are_asked_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(collecting, "_PATIENCE", 0.5)
    place = workspace(tmp_path / "shop")
    with here(place) as server:
        assert server.send("/v1/batch", calls("before")).status == 200
        with locked(place):
            began = time.monotonic()
            with ThreadPoolExecutor(20) as threads:
                answers = list(threads.map(lambda at: server.send("/v1/batch", calls(f"m{at}")), range(20)))
            assert 0.4 < time.monotonic() - began < 5
            assert {(each.status, each.json["code"]) for each in answers} == {(503, "unavailable")}
            assert all(int(each.headers["retry-after"]) > 0 for each in answers)
            assert str(place) not in answers[0].body.decode()
            assert server.send("/readyz", method="GET").status == 503
            assert server.send("/healthz", method="GET").status == 200
        assert server.send("/readyz", method="GET").status == 200  # with no sender's help
        for at in range(20):
            assert server.send("/v1/batch", calls(f"m{at}")).json == {"success": True}
    assert moved(place) == sorted(["before", *(f"m{at}" for at in range(20))])
    assert capsys.readouterr().err.count("events cannot be kept") == 1


def test_a_ledger_that_is_busy_for_a_moment_is_not_noticed(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with here(place) as server, ThreadPoolExecutor(1) as threads:
        with locked(place):
            waits = threads.submit(server.send, "/v1/batch", calls("m"))
            until(lambda: server.collector.queued)
        assert waits.result().status == 200


def test_when_keys_cannot_be_read_known_senders_go_on_and_others_are_asked_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workspace(tmp_path / "shop")
    with Keys(place) as keys:
        keys.add("write", value="another-key")
    clock = ManualClock(NOW)
    another = {"Authorization": "Bearer a-key-of-tomorrow"}
    with here(place, clock=clock) as server:
        assert server.send("/v1/batch", calls("m1")).status == 200
        with monkeypatch.context() as broken:

            def fails(*_: Any) -> None:
                raise LedgerError("the ledger does not answer")

            broken.setattr(stored_keys, "listed", fails)
            clock.advance(DAY)
            assert server.send("/v1/batch", calls("m2")).status == 200
            answer = server.send("/v1/batch", calls("m3"), another)
            # With 401 the sender would drop what it has.
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert server.send("/v1/batch", calls("m3"), another).status == 401
    assert moved(place) == ["m1", "m2"]


@pytest.mark.slow
def test_a_stalled_disk_sheds_load_before_memory_grows(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with Server(place, "collect") as server:
        body = calls("x" * 20, properties={"text": "y" * 29_000})
        big = {"batch": [{**body["batch"][0], "messageId": f"m{at}"} for at in range(16)]}
        assert server.send("/v1/batch", big).status == 200
        before = resident(server.process.pid)
        packed = gzip.compress(json.dumps(big).encode(), 1)
        with locked(place), ThreadPoolExecutor(150) as threads:
            sent = [threads.submit(_sent, server, packed) for _ in range(300)]
            until(lambda: sum(each.done() for each in sent) >= 150)
            grown = resident(server.process.pid) - before
            refused = [each.result() for each in sent if each.done()]
        answers = [each.result() for each in sent]
        assert {each[0] for each in refused} <= {429, 503}
        assert all(each[1] for each in refused)
        assert {each[0] for each in answers} <= {200, 429, 503}
        # 300 requests hold 140 MB; what waits may hold 64.
        assert grown < 200 << 20
        assert server.send("/v1/batch", calls("after")).status == 200  # it drains by itself
        assert server.stop() == 0


def _sent(server: Server, packed: bytes) -> tuple[int, str | None]:
    answer = server.send("/v1/batch", packed, {**BASIC, "Content-Encoding": "gzip"})
    return answer.status, answer.headers.get("retry-after")


def test_what_waits_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        answered: list[Any] = []
        intake: Intake[int] = Intake(ledger.database, answered.extend, most_messages=10_000, most_bytes=100_000)
        message = requests.Message("m", "track", "u", "", 0, (requests.Fact("events", "x" * 30_000, "e"),))
        with ledger.database.writing():
            taken = [intake.offer(at, (message,), NOW) for at in range(10)]
        assert 3 <= sum(taken) <= 4
        intake.close()
        assert len(answered) == sum(taken)


# --- the disk is full ------------------------------------------------------------------------------------------------


def full(server: Server, whether: bool) -> None:
    """Lets no file of a process grow, as on a full disk; or lets them grow again."""
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1 if whether else hard, hard))


def test_a_collector_whose_files_cannot_grow_says_so_and_goes_on_when_they_can(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with Server(place, "collect") as server:
        assert server.send("/v1/batch", calls("before")).status == 200
        full(server, True)
        for at in range(5):
            answer = server.send("/v1/batch", calls(f"m{at}", properties={"text": "x" * 9_000}))
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert server.send("/readyz", method="GET").status == 503
        assert server.send("/healthz", method="GET").status == 200
        full(server, False)
        assert server.send("/readyz", method="GET").status == 200
        for at in range(5):
            assert server.send("/v1/batch", calls(f"m{at}")).json == {"success": True}
        assert server.stop() == 0
    assert moved(place) == sorted(["before", *(f"m{at}" for at in range(5))])


def test_what_was_cut_off_while_the_warehouse_could_not_grow_is_found_at_the_next_start_and_rebuilt(
    tmp_path: Path,
) -> None:
    # Where room ends without a warning (a quota), the engine takes its files for whole.
    place = workspace(tmp_path / "shop")
    with Server(place, "collect") as collector, Server(place, "work") as work:
        full(work, True)
        for at in range(5):
            assert collector.send("/v1/batch", calls(f"m{at}")).status == 200
        until(lambda: work.send("/readyz", method="GET").status == 503)
        assert work.send("/healthz", method="GET").status == 200
        assert collector.send("/readyz", method="GET").status == 200
        full(work, False)
        work.kill()
        assert run(place, "rebuild").returncode == 0
        with Server(place, "work") as again:
            again.settle()
            assert again.send("/readyz", method="GET").status == 200
            assert (collector.stop(), again.stop()) == (0, 0)
    assert stored(place) == [f"m{at}" for at in range(5)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "none", str(folder)], capture_output=True, text=True, check=False
    ) if shutil.which("mount") else None  # fmt: skip
    if mounted is None or mounted.returncode:
        pytest.skip("a file system can be mounted by root only: this test fills one up")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.outside
@pytest.mark.parametrize("what", ["ledger", "warehouse"])
def test_a_full_disk_is_survived_by_whichever_store_is_on_it(tmp_path: Path, small_disk: Path, what: str) -> None:
    place = workspace(
        tmp_path / "shop",
        **({"ledger": f"sqlite:///{small_disk}/ledger.sqlite"} if what == "ledger" else
           {"warehouse": f"chdb://{small_disk}/warehouse"}),
    )  # fmt: skip
    filler = small_disk / "filler"
    with Server(place) as server:
        assert server.send("/v1/batch", calls("before")).status == 200
        server.settle()
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
            while True:
                file.write(b"x" * 100)
        answers = [server.send("/v1/batch", calls(f"m{at}", properties={"t": "x" * 20_000})) for at in range(5)]
        assert {each.status for each in answers} == ({503} if what == "ledger" else {200})
        until(lambda: server.send("/readyz", method="GET").status == 503)
        assert server.process.poll() is None
        filler.unlink()
        until(lambda: server.send("/readyz", method="GET").status == 200)
        if what == "ledger":
            for at in range(5):
                assert server.send("/v1/batch", calls(f"m{at}")).json == {"success": True}
        server.settle()
        assert server.stop() == 0
    assert stored(place) == sorted(["before", *(f"m{at}" for at in range(5))])


# --- damage, locks, bombs --------------------------------------------------------------------------------------------


def test_a_warehouse_damaged_while_the_server_was_away_is_found_and_rebuilt(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with Server(place) as server:
        for at in range(3):
            assert server.send("/v1/batch", calls(*(f"m{at}-{each}" for each in range(50)))).status == 200
            server.settle()
        assert server.stop() == 0
    before = [f"m{at}-{each}" for at in range(3) for each in range(50)]
    parts = [
        each
        for each in (place / "warehouse").rglob("data.bin")
        if b"message_id" in (each.parent / "columns.txt").read_bytes()
    ]
    parts[0].write_bytes(parts[0].read_bytes()[: parts[0].stat().st_size // 2])
    refused = run(place, "serve", "--port", "0")
    assert refused.returncode != 0
    assert "ethogram rebuild" in refused.stderr
    assert run(place, "rebuild").returncode == 0
    with Server(place) as server:
        assert server.send("/v1/batch", calls("after")).status == 200
        server.settle()
        assert server.stop() == 0
    assert stored(place) == sorted([*before, "after"])


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ethogram", "-w", str(place), *words],
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_server_is_told_who_holds_the_directory_and_a_killed_ones_lock_is_no_lock(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with Server(place) as server:
        second = run(place, "serve", "--port", "0")
        assert second.returncode == 4
        assert f"process {server.process.pid}" in second.stderr
        server.kill()
    with Server(place) as server:
        assert server.send("/v1/batch", calls("m")).status == 200
        assert server.stop() == 0
    assert stored(place) == ["m"]


@pytest.mark.slow
def test_many_bombs_at_once_cost_neither_memory_nor_the_others_their_answers(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    once = gzip.compress(bytes(64 << 20), 9)
    bomb = once * 7  # members of one gzip: 448 MB from less than half a megabyte
    assert len(bomb) < 500 << 10
    with Server(place, "collect") as server:
        server.send("/v1/batch", calls("before"))
        before = resident(server.process.pid)
        headers = {**BASIC, "Content-Encoding": "gzip"}
        with ThreadPoolExecutor(30) as threads:
            bombs = [threads.submit(server.send, "/v1/batch", bomb, headers) for _ in range(60)]
            assert server.send("/v1/batch", calls("between")).status == 200
            assert {each.result().status for each in bombs} == {413}
        assert resident(server.process.pid) - before < 60 << 20
        assert server.stop() == 0


def test_a_sender_that_hangs_up_before_its_answer_and_comes_again_is_kept_once(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    body = json.dumps(calls("m1", "m2")).encode()
    with here(place) as server:
        with server.raw() as raw:
            head = "POST /v1/batch HTTP/1.1\r\nHost: a\r\nAuthorization: Basic d2tfZGVtbzo=\r\n"
            raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: server.app.metrics.of("ethogram_events_total", "track") == 2)
        assert server.send("/v1/batch", body).json == {"success": True, "duplicates": 2}
    assert moved(place) == ["m1", "m2"]


# --- the server's clock ----------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_neither_forgets_repetitions_nor_refuses_senders(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    clock = ManualClock(NOW)
    with here(place, clock=clock) as server, eg.open(place, clock=clock) as opened:
        for at, jump in enumerate((dt.timedelta(), -HOUR, DAY, 3 * DAY, 30 * DAY, -33 * DAY, -DAY, HOUR)):
            clock.advance(jump)
            assert server.send("/v1/batch", calls("m", f"m{at}")).json.get("duplicates", 0) == (1 if at else 0), jump
            opened.prune()
            opened.collect()
            opened.keep_live()
    assert moved(place) == sorted(["m", *(f"m{at}" for at in range(8))])


def test_repetitions_are_forgotten_step_by_step_when_their_days_are_over(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        message = requests.Message("m", "track", "u", "", 0, (requests.Fact("events", "{}", "e"),))
        requests.keep(ledger.database, [[message]], NOW)

        def known(at: dt.datetime) -> bool:
            requests.prune(ledger.database, at, keep_for=30 * DAY, remember_for=2 * DAY)
            return requests.keep(ledger.database, [[message]], NOW)[0].new == 0

        assert all(known(NOW + each * HOUR) for each in range(49))
        assert known(NOW + 40 * DAY) is False  # as long away as that, and one step is enough for what came at once


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("Etc/GMT+12", ("2028-02-29", "2028-12-31")),
        ("Pacific/Kiritimati", ("2028-02-29", "2028-12-31")),
        ("Asia/Kathmandu", ("2028-02-29",)),
        ("Australia/Lord_Howe", ("2028-04-02", "2028-10-01")),  # half an hour back, and forth
        ("America/New_York", ("2028-02-29", "2028-03-12", "2028-11-05")),
        ("Europe/Berlin", ("2028-03-26", "2028-10-29", "2028-12-31")),
    ],
)
def test_a_day_ends_to_the_second_wherever_it_is_with_nothing_happening(
    tmp_path: Path, zone: str, days: tuple[str, ...]
) -> None:
    local = ZoneInfo(zone)
    second = dt.timedelta(seconds=1)
    clock = ManualClock(dt.datetime(2028, 2, 1, tzinfo=dt.UTC))
    place = workspace(tmp_path / "shop", timezone=zone)
    with eg.open(place, clock=clock) as opened:
        opened.segments.save("today", "did(visit in today)")
        opened.segments.save("month", "did(visit in this month)")
        _settled(opened)
        for day in map(dt.date.fromisoformat, days):
            noon = dt.datetime.combine(day, dt.time(12), local).astimezone(dt.UTC)
            end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), local).astimezone(dt.UTC)
            clock.advance(noon - clock.now())
            _visits(opened, f"v{day}", noon)
            assert _settled(opened) == {"today": 1, "month": 1}, (day, "after the visit")
            clock.advance(end - second - clock.now())
            assert _settled(opened) == {"today": 1, "month": 1}, (day, "a second before its end")
            clock.advance(second)
            last = (day + dt.timedelta(days=1)).day == 1
            assert _settled(opened) == {"today": 0, "month": 0 if last else 1}, (day, "at its end")
        report = opened.run()
        assert (report.entered, report.left) == (0, 0)


def _visits(opened: eg.Workspace, name: str, at: dt.datetime) -> None:
    file = opened.path / f"{name}.jsonl"
    file.write_text(json.dumps({"profile_id": "ann", "event": "visit", "timestamp": at.isoformat()}))
    opened.load_events(file)


def _settled(opened: eg.Workspace) -> dict[str, int]:
    """How many are in each segment, once everything that is due has been looked at."""
    while opened.keep_live().more:
        pass
    return {each.name: opened.members(each.name).num_rows for each in opened.segments.list()}


def test_a_clock_that_went_back_does_not_undo_what_was_recorded_and_catches_up(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with eg.open(workspace(tmp_path / "shop"), clock=clock) as opened:
        opened.segments.save("active", "did(visit in last 1 day)")
        _settled(opened)
        _visits(opened, "first", NOW)
        assert _settled(opened) == {"active": 1}
        clock.advance(-HOUR)
        _visits(opened, "second", NOW - HOUR)
        _settled(opened)
        clock.advance(HOUR + DAY)
        assert _settled(opened) == {"active": 0}
        report = opened.run()
        assert (report.entered, report.left) == (0, 0)
    changes = stored(
        tmp_path / "shop", "membership_changes", "toString(change)"
    )  # fmt: skip
    assert sorted(changes) == ["entered", "left"]
