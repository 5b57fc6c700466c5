"""A report says what a campaign did: counted from the events that came back, and compared with those held out."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engage.shop import NOW
from ethogram.errors import UnknownNameError
from ethogram.journeying import Journeys
from ethogram.measure.outcomes import HOLDOUT
from ethogram.model.experiment import Comparison, Inconclusive, Method, Metric
from ethogram.model.journey.graph import Journey
from ethogram.reporting import Reports

if TYPE_CHECKING:
    from engage.shop import Shop

CONVERSION = {"event": "buy", "within": "3 days", "where": "kind = 'book'", "revenue": "price"}


def _crowd(market: Shop, people: int) -> None:
    file = market.path.parent / "crowd.jsonl"
    at = (NOW - dt.timedelta(days=9)).isoformat()
    rows = [
        {"profile_id": f"c{who:04}", "ts": at, "email": f"c{who}@example.com", "crowd": True} for who in range(people)
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    market.workspace.load_profiles(file)


def test_a_planted_lift_is_found_against_the_holdout(market: Shop) -> None:
    _crowd(market, 1_500)
    market.start(audience={"where": "crowd = true"}, holdout="40%", conversion=CONVERSION)
    market.work()
    market.tell()
    with market.database.reading() as connection:
        sent: dict[str, str] = dict(connection.exec_driver_sql("SELECT profile_id, state FROM messages").fetchall())
    treated = sorted(who for who, state in sent.items() if state == "sent")
    held = sorted(who for who, state in sent.items() if state == "held_out")
    assert len(treated) + len(held) == 1_500
    market.clock.advance(dt.timedelta(hours=1))
    buyers = treated[: len(treated) // 5] + held[: len(held) // 10]  # 20 % against 10 %
    market.happened(
        *[(who, "buy", {"kind": "book", "price": 10 + number % 3}) for number, who in enumerate(buyers)],
        *[(who, "buy", {"kind": "pen", "price": 1_000}) for who in held],  # not what was hoped for
    )
    told = Reports(market.workspace, market.path).campaign("c")
    everybody, holdout = told.variants
    assert (everybody.arm.people, holdout.arm.people) == (len(treated), len(held))
    assert (everybody.arm.converted, holdout.arm.converted) == (len(treated) // 5, len(held) // 10)
    assert everybody.did == {"sent": len(treated)}
    assert everybody.last_touch == everybody.arm.converted
    assert holdout.last_touch == 0
    assert told.ratio is not None
    assert told.ratio.sound
    shares, money = told.differences
    assert (shares.metric, shares.control, money.metric) == (Metric.CONVERSION, HOLDOUT, Metric.REVENUE)
    assert isinstance(shares.finding, Comparison)
    assert 0.4 < shares.finding.low < 1.0 < shares.finding.high < 1.7
    assert isinstance(money.finding, Comparison)
    sequential = Reports(market.workspace, market.path).campaign("c", method=Method.SEQUENTIAL).differences[0].finding
    assert isinstance(sequential, Comparison)
    assert sequential.low < shares.finding.low


def test_a_journeys_goal_is_counted_as_a_whole_by_split_and_by_message(market: Shop) -> None:
    _crowd(market, 600)
    journey = {
        "entry": {"api": True},
        "holdout": "30%",
        "goal": CONVERSION,
        "steps": [
            {"name": "lot", "split": [{"name": name, "share": 0.5, "next": "m"} for name in ("a", "b")]},
            {"name": "m", "message": {"channel": "email", "template": "plain"}},
        ],
    }
    market.save("template", "plain", {"channel": "email", "subject": "Hi", "text": "Hi"})
    market.save("journey", "j", journey)
    assert Journey.from_body("j", journey).to_body()["goal"] == CONVERSION
    with Journeys(market.path, clock=market.clock) as opened:
        opened.start("j")
    market.engaging.call_journey("j", [(f"c{who:04}", {}) for who in range(600)], "all")
    market.work()
    market.tell()
    with market.database.reading() as connection:
        runs: dict[str, int] = dict(
            connection.exec_driver_sql("SELECT profile_id, held_out FROM journey_runs").fetchall()
        )
        lots: dict[str, str] = dict(
            connection.exec_driver_sql(
                "SELECT r.profile_id, s.outcome FROM journey_steps s JOIN journey_runs r ON s.run = r.number "
                "WHERE s.step = 'lot'"
            ).fetchall()
        )
    held = sorted(who for who, out in runs.items() if out)
    ways = {way: sorted(who for who, lot in lots.items() if lot == way and not runs[who]) for way in ("a", "b")}
    market.clock.advance(dt.timedelta(hours=1))
    bought = [*ways["a"][:60], *ways["b"][:20], *held[:5]]
    market.happened(*[(who, "buy", {"kind": "book", "price": 10}) for who in bought])
    market.happened(*[(who, "buy", {"kind": "pen", "price": 10}) for who in held])  # not what was hoped for

    def counted(step: str = "") -> dict[str, tuple[int, int]]:
        told = Reports(market.workspace, market.path).journey("j", step)
        return {each.name: (each.arm.people, each.arm.converted) for each in told.variants}

    treated = len(ways["a"]) + len(ways["b"])
    assert counted() == {"": (treated, 80), HOLDOUT: (len(held), 5)}
    assert counted("m") == {"": (treated, 80), HOLDOUT: (len(held), 5)}
    assert counted("lot") == {"a": (len(ways["a"]), 60), "b": (len(ways["b"]), 20), HOLDOUT: (len(held), 5)}
    whole = Reports(market.workspace, market.path).journey("j")
    assert whole.variants[0].did == {"entered": treated, "exited": treated}
    assert whole.variants[0].last_touch == 80
    assert whole.differences[0].control == HOLDOUT
    assert isinstance(whole.differences[0].finding, Comparison)


def test_a_few_people_say_nothing(market: Shop) -> None:
    market.start(holdout="30%", conversion=CONVERSION)
    market.work()
    market.tell()
    told = Reports(market.workspace, market.path).campaign("c")
    assert [type(each.finding) for each in told.differences] == [Inconclusive, Inconclusive]


def test_there_is_no_report_of_what_is_not_there(market: Shop, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError):
        Reports(market.workspace, market.path).campaign("nonesuch")
    market.save("journey", "j", {"entry": {"api": True}, "steps": [{"name": "rest", "delay": "1 day"}]})
    with pytest.raises(UnknownNameError, match="has no message or split `hello`"):
        Reports(market.workspace, market.path).journey("j", "hello")
