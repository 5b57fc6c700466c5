"""The thread that moves what was kept to the warehouse goes on after any failure, and says so while it lasts."""

from __future__ import annotations

import datetime as dt
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ethogram import serving
from ethogram.clock import ManualClock
from ethogram.config import Settings
from ethogram.errors import WarehouseError
from ethogram.segment.live import Ticked
from ethogram.serving import Mover
from ethogram.store.mover import Moved
from ethogram.web.metrics import Metrics

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), WarehouseError("part is broken")])
def test_a_failure_is_told_and_tried_again(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serving, "_PAUSE", 0.001)
    told: list[str | None] = []
    done = threading.Event()
    metrics = Metrics()

    class Collected:
        calls = 0

        def move(self) -> Moved:
            self.calls += 1
            if self.calls <= 3:
                raise failure
            if self.calls == 4:
                told.append(mover.trouble)
                return Moved(2, 3)
            if self.calls == 5:
                told.append(mover.trouble)
                done.set()
            return Moved()

        def prune(self, **_: Any) -> int:
            return 0

    workspace = SimpleNamespace(collected=Collected(), settings=Settings(), keep_live=Ticked)
    mover = Mover(cast(Any, workspace), metrics, ManualClock(NOW))
    mover.start()
    assert done.wait(20)
    mover.stop()
    assert told[0] is not None
    assert told[1] is None
    assert metrics.of("ethogram_moved_total", "rows") == 3
    assert capsys.readouterr().err.count("trying again") == 1
