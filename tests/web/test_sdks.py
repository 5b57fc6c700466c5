"""Real clients against a running server: what they send is stored, once, over a kill and a restart."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from web.running import KEY, Server, stored, workspace

rudder = pytest.importorskip("rudderstack.analytics.client", reason="rudder-sdk-python is not installed")
segment = pytest.importorskip("segment.analytics.client", reason="segment-analytics-python is not installed")

if TYPE_CHECKING:
    from pathlib import Path

SENT = 300


def client(sdk: str, url: str, *, gzip: bool) -> Any:
    if sdk == "segment":
        return segment.Client(KEY, host=url, gzip=gzip, max_retries=20, upload_interval=0.05, timeout=10)
    return rudder.Client(KEY, host=url, gzip=gzip, max_retries=20, upload_interval=0.05, timeout=10)


# The clients leave their connections to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("sdk", ["segment", "rudder"])
def test_what_a_client_sends_over_a_kill_is_stored_once(tmp_path: Path, sdk: str, gzip: bool) -> None:
    place = workspace(tmp_path / "shop")
    failed: list[Any] = []
    server = Server(place)
    port = server.port
    sender = client(sdk, server.url, gzip=gzip)
    sender.on_error = lambda error, _: failed.append(error)
    numbers = sorted(f"{sdk}-{at:04d}" for at in range(SENT))

    def send() -> None:
        for at, each in enumerate(numbers):
            extra = {"message_id": each}
            sender.track(f"u{at % 7}", "Bought", {"at": at}, **extra)
            if at % 50 == 0:
                time.sleep(0.15)  # so that the kill falls between requests of one client

    thread = threading.Thread(target=send)
    thread.start()
    time.sleep(0.3)
    server.kill()
    server = Server(place, port=port)
    thread.join()
    sender.identify("u1", {"plan": "pro"}, message_id="identified")
    sender.group("u1", "acme", {"employees": 7}, message_id="grouped")
    sender.flush()
    sender.join()
    assert failed == []
    server.settle()
    assert server.stop() == 0
    assert stored(place) == numbers
    assert stored(place, "profile_traits") == ["grouped", "identified"]
    assert stored(place, "account_traits") == ["grouped"]
