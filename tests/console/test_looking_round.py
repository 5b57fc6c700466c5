"""Looking round: an empty workspace is filled with the generated shop and its ready segments, one with people never."""

from __future__ import annotations

import threading

import pytest

from console.asked import Console
from ethogram import generated_shop
from ethogram.team import Role


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = generated_shop.generate(share=0.05)
    monkeypatch.setattr(generated_shop, "generate", lambda: shop)


def test_an_empty_workspace_is_filled_once(console: Console) -> None:
    assert "Look round" in console.get("/console/start").words
    started = console.post("/console/start/look-round")
    assert started.status == 303
    loading = started.header("location")
    while console.twin(loading)["running"]:
        threading.Event().wait(0.05)  # another thread loads meanwhile
    done = console.twin(loading)
    assert done["problem"] is None
    assert done["summary"]["accepted"] > 1_000
    segments = console.twin("/console/segments")["rows"]
    assert len(segments) > 20
    assert any(each["segment"]["size"] for each in segments)
    people = console.twin("/console/people")["people"]
    assert {each["profile_id"].split("-")[0] for each in people} == {"generated"}
    assert "Look round" not in console.get("/console/start").words
    refused = console.post("/console/start/look-round")
    assert refused.status == 400
    assert "empty workspace only" in refused.words


def test_who_may_only_look_fills_nothing(console: Console) -> None:
    assert console.as_role(Role.VIEWER).post("/console/start/look-round").status == 403
