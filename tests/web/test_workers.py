"""A worker goes on after any failure, and says so while it lasts."""

from __future__ import annotations

import threading

import pytest

from ethogram import workers
from ethogram.errors import WarehouseError
from ethogram.workers import Worker


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), WarehouseError("part is broken")])
def test_a_failure_is_told_and_tried_again(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "_PAUSE", 0.001)
    told: list[str | None] = []
    done = threading.Event()
    calls = 0

    def step() -> bool:
        nonlocal calls
        calls += 1
        if calls <= 3:
            raise failure
        if calls <= 5:
            told.append(worker.trouble)
        if calls == 5:
            done.set()
        return calls == 4

    worker = Worker("moving", step, poll=0.001)
    worker.start()
    assert done.wait(20)
    worker.stop()
    assert told[0] is not None
    assert told[1] is None
    assert capsys.readouterr().err.count("moving failed, trying again") == 1


def test_it_finishes_what_there_is_to_do_before_it_ends() -> None:
    left = 100

    def step() -> bool:
        nonlocal left
        left -= 1
        return left > 0

    worker = Worker("counting down", step)
    worker.start()
    worker.stop()
    assert left <= 0
