"""A server follows the providers as they are saved and removed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.collecting import open_ledger
from ethogram.deliver.addresses import Rules
from ethogram.engagement import Definitions
from ethogram.model.message import Channel
from ethogram.providing import Providers

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def test_a_provider_that_is_saved_is_handed_over_and_one_that_is_removed_is_withdrawn(tmp_path: Path) -> None:
    eg.init(tmp_path / "w").close()
    clock = ManualClock(NOW)
    told: list[str] = []
    with open_ledger(tmp_path / "w") as ledger, Definitions(tmp_path / "w", clock=clock) as definitions:
        providers = Providers(ledger.database, Rules.of(""), clock)
        providers.ways()

        def follow() -> list[str]:
            told.clear()
            changed = providers.follow(
                lambda channel, _: told.append(f"+{channel}"), lambda channel: told.append(f"-{channel}")
            )
            assert changed is bool(told)
            return list(told)

        assert follow() == []
        body = {"channel": "email", "kind": "recording"}
        definitions.save("provider", "old", body)
        assert follow() == ["+email"]
        assert follow() == []
        clock.advance(dt.timedelta(seconds=1))
        definitions.save("provider", "new", {**body, "at_once": 1})
        assert follow() == ["+email"]
        definitions.remove("provider", "new")
        assert follow() == ["+email"], "the one before sends again"
        definitions.remove("provider", "old")
        assert follow() == ["-email"]
        assert follow() == []
        definitions.save("provider", "old", body)
        assert follow() == ["+email"]
    assert Channel.INAPP in providers.ways(), "what waits in the ledger needs no provider"
