"""Explore over HTTP: answers, questions that are kept, and the people behind a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from web.running import Server
from web.shop import MANAGE, READ, serving, shop

LONG = "days=3660&as_of=latest"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(shop(tmp_path_factory.mktemp("shop") / "w")) as running:
        yield running


def asked(server: Server, path: str, status: int = 200) -> Any:
    answer = server.send(path, None, READ, method="GET")
    assert answer.status == status, answer.body
    return answer.json


def test_each_way_is_answered_over_http(server: Server) -> None:
    trend = asked(server, f"/api/explore/trends?event=purchase&unit=month&compare=true&{LONG}")
    assert trend["total"]["events"] == sum(point["events"] for point in trend["points"]) > 0
    assert trend["before"]["total"]["events"] == 0
    steps = asked(server, f"/api/explore/funnels?step=visit&step=purchase&{LONG}")["steps"]
    assert steps[0]["people"] >= steps[1]["people"]
    cohorts = asked(server, f"/api/explore/retention?event=any&{LONG}")["cohorts"]
    assert (
        sum(each["people"] for each in cohorts)
        == asked(server, f"/api/explore/trends?event=any&{LONG}")["total"]["people"]
    )
    paths = asked(server, f"/api/explore/paths?event=purchase&{LONG}")
    assert paths["sessions"] >= paths["people"] > 0


@pytest.mark.parametrize(
    "path",
    ["trends?event=not%20visit", "trends?event=", "trends?event=a&days=0", "funnels", "retention?event=any&unit=hour",
     "paths?event=a&length=9", "trends?event=any&segment=count("],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(server: Server, path: str) -> None:
    answer = server.send(f"/api/explore/{path}", None, READ, method="GET")
    assert 400 <= answer.status < 500
    assert answer.json["message"]


def test_a_question_is_kept_answered_and_names_its_people(server: Server) -> None:
    kept = {"explore": "trends", "event": "purchase", "unit": "month", "days": 3660}
    saved = server.send("/api/explorations/monthly", kept, {**MANAGE, "Content-Type": "application/json"}, method="PUT")
    assert saved.json["body"] == kept
    points = asked(server, "/api/explorations/monthly/answer?as_of=latest")["points"]
    point = next(each for each in points if each["people"])
    ids = asked(server, f"/api/explorations/monthly/people?as_of=latest&point={point['start']}")["profile_ids"]
    assert len(ids) == len(set(ids)) == point["people"]
    first = asked(server, f"/api/explorations/monthly/people?as_of=latest&point={point['start']}&limit=1")
    assert (first["profile_ids"], first["next_after"]) == (ids[:1], ids[0] if len(ids) > 1 else None)
    for wrong in ("x", "9999-12-31", "0001-01-01"):
        asked(server, f"/api/explorations/monthly/people?point={wrong}", 400)
    asked(server, "/api/explorations/none/answer", 404)
