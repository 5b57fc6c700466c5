"""A report says what a campaign did: counted from the events that came back, and compared with those held out."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engage.shop import NOW
from ethogram.errors import UnknownNameError
from ethogram.measure.outcomes import HOLDOUT
from ethogram.model.experiment import Comparison, Inconclusive, Method, Metric
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
    with pytest.raises(UnknownNameError, match="has no message `hello`"):
        Reports(market.workspace, market.path).journey("j", "hello")
