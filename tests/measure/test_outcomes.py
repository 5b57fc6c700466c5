"""What came of messages is what a plain count over the same events says."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.measure.outcomes import HOLDOUT, About, outcomes
from ethogram.model.campaign import Conversion
from ethogram.model.message import Channel, Maker

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
ABOUT = About(Maker.CAMPAIGN, "spring", Channel.EMAIL)
HOPED = Conversion("buy", dt.timedelta(days=3), revenue="price")


def _history(seed: int) -> list[dict[str, Any]]:
    """People who get messages of two campaigns, look at them, and buy."""
    chance = random.Random(seed)
    rows = []
    for who in range(60):
        for number in range(chance.randrange(9)):
            at = NOW - dt.timedelta(minutes=chance.randrange(-600, 14_000))
            event = chance.choice(
                [
                    "email_sent",
                    "email_sent",
                    "email_held_out",
                    "email_opened",
                    "email_clicked",
                    "sms_sent",
                    "buy",
                    "buy",
                ]
            )
            row: dict[str, Any] = {"profile_id": f"p{who}", "ts": at.isoformat(), "event": event}
            if event == "buy":
                row |= {"price": chance.choice([5, 12.5, "7", "much", None]), "category": chance.choice(["a", "b"])}
            else:
                row |= {"campaign": chance.choice(["spring", "spring", "other"]), "message_id": f"m{who}.{number}"}
                row["variant"] = ["red", "blue"][who % 2]
            if event in ("email_opened", "email_clicked") and chance.random() < 0.4:
                row["machine"] = True
            rows.append(row)
    return rows


def _recount(rows: list[dict[str, Any]], category: str | None) -> dict[str, dict[str, Any]]:
    """The same by hand."""
    people: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["ts"] <= NOW.isoformat():
            people[row["profile_id"]].append(row)
    found: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"people": 0, "converted": 0, "total": 0.0, "squares": 0.0, "last": 0, "last total": 0.0, "did": {}}
    )
    did: dict[tuple[str, str], set[str]] = defaultdict(set)
    for who, done in people.items():
        for row in done:
            if row.get("campaign") == "spring" and row["event"].startswith("email_") and not row.get("machine"):
                what = row["event"].removeprefix("email_")
                if what != "held_out":
                    did[row["variant"], what].add(who)
        exposures = [
            row for row in done if row["event"] in ("email_sent", "email_held_out") and row["campaign"] == "spring"
        ]
        if not exposures:
            continue
        first = min(exposures, key=lambda row: row["ts"])
        arm = found[HOLDOUT if first["event"] == "email_held_out" else first["variant"]]
        arm["people"] += 1
        end = (dt.datetime.fromisoformat(first["ts"]) + HOPED.within).isoformat()
        bought = [
            row for row in done
            if row["event"] == "buy" and first["ts"] < row["ts"] <= end and category in (None, row["category"])
        ]  # fmt: skip
        if not bought:
            continue
        money = {id(row): float(row["price"]) if row["price"] in (5, 12.5, "7") else 0.0 for row in bought}
        arm["converted"] += 1
        arm["total"] += sum(money.values())
        arm["squares"] += sum(money.values()) ** 2
        for row in bought:
            sent = [each for each in done if each["event"].endswith("_sent") and each["ts"] <= row["ts"]]
            if sent:
                last = max(sent, key=lambda each: each["ts"])
                if last["campaign"] == "spring":
                    arm["last"] += 1
                    arm["last total"] += money[id(row)]
    for (variant, what), who_did in did.items():
        found[variant]["did"][what] = len(who_did)
    return dict(found)


@pytest.mark.parametrize("seed", range(4))
def test_outcomes_are_those_of_a_plain_count(tmp_path: Path, seed: int) -> None:
    rows = _history(seed)
    file = tmp_path / "events.jsonl"
    file.write_text(
        "\n".join(json.dumps({name: value for name, value in row.items() if value is not None}) for row in rows)
    )
    category = [None, "a"][seed % 2]
    with eg.init(tmp_path / "shop", clock=ManualClock(NOW)) as workspace:
        workspace.load_events(file)
        told = outcomes(
            workspace._warehouse, ABOUT, HOPED, NOW, fits=lambda said: category in (None, said.get("category"))
        )
    assert told[-1].name == HOLDOUT
    assert {
        each.name: {
            "people": each.arm.people, "converted": each.arm.converted, "total": each.arm.total,
            "squares": each.arm.squares, "last": each.last_touch, "last total": each.last_touch_revenue,
            "did": each.did,
        }
        for each in told
    } == _recount(rows, category)  # fmt: skip


def test_nothing_sent_has_no_outcome(tmp_path: Path) -> None:
    with eg.init(tmp_path / "shop", clock=ManualClock(NOW)) as workspace:
        assert outcomes(workspace._warehouse, ABOUT, HOPED, NOW) == ()
