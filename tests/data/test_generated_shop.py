"""The generated shop is the same everywhere, and says of itself that it is generated."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from ethogram import generated_shop


def test_the_same_seed_gives_the_same_rows() -> None:
    first, second = (generated_shop.generate(share=0.02) for _ in range(2))
    assert first == second
    assert generated_shop.generate(seed=1, share=0.02) != first


def test_every_id_says_that_it_is_generated() -> None:
    shop = generated_shop.generate(share=0.05)
    assert {row["profile_id"].split("-")[0] for row in [*shop.events, *shop.profiles]} == {"generated"}
    assert {row["account_id"].split("-")[0] for row in shop.accounts} == {"generated"}


def test_rows_are_in_order_of_time_and_none_is_later_than_the_end(tmp_path: Path) -> None:
    events, profiles, accounts = generated_shop.write(tmp_path, generated_shop.generate(share=0.02))
    instants = [json.loads(line)["timestamp"] for line in events.read_text(encoding="utf-8").splitlines()]
    assert instants == sorted(instants)
    assert instants[-1] <= generated_shop.END.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert profiles.stat().st_size > 0
    assert accounts.stat().st_size > 0


def test_its_year_can_end_at_any_instant() -> None:
    shop = generated_shop.generate(share=0.05)
    to = dt.datetime(2026, 3, 1, 8, 30, 15, 123, tzinfo=dt.UTC)
    then = generated_shop.moved(shop, to)
    length = to.replace(microsecond=0) - generated_shop.END
    for before, after in zip((*shop.events, *shop.profiles), (*then.events, *then.profiles), strict=True):
        assert dt.datetime.fromisoformat(after["timestamp"]) - dt.datetime.fromisoformat(before["timestamp"]) == length
        assert after.get("birthday") == before.get("birthday")
    signed_up = [dt.date.fromisoformat(each["signup_date"]) for each in then.profiles if "signup_date" in each]
    assert dt.date(2025, 3, 1) <= min(signed_up) <= max(signed_up) <= to.date()
