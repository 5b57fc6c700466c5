"""What happens to a run is an event of its person, that segments use like any other."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ethogram.journeying import Journeys

if TYPE_CHECKING:
    from engage.shop import Shop

HOUR = dt.timedelta(hours=1)
JOURNEY = {
    "entry": {"event": "Came"},
    "exits": [{"event": "Left", "reason": "has left"}],
    "steps": [
        {
            "name": "lot",
            "split": [{"name": "a", "share": 0.5, "next": "hour"}, {"name": "b", "share": 0.5, "next": "hour"}],
        },
        {"name": "hour", "delay": "1 hour"},
        {"name": "m", "message": {"channel": "email", "template": "hello"}},
    ],
}


def test_who_entered_was_split_and_left_is_known_in_segments(market: Shop) -> None:
    market.save("journey", "j", JOURNEY)
    with Journeys(market.path, clock=market.clock) as opened:
        opened.start("j")
    market.work()
    market.happened(*((f"p{number:02}", "Came", {}) for number in range(10)))
    market.work()
    market.clock.advance(HOUR / 2)
    market.happened(("p00", "Left", {}))
    market.work()
    market.clock.advance(HOUR)
    market.work()
    market.tell()

    def holds(text: str) -> list[str]:
        now = market.clock.now()
        return list(market.workspace.people.page(text, now, after=None, limit=100))

    everybody = sorted(f"p{number:02}" for number in range(10))
    assert sorted(holds("did(journey_entered where journey = 'j')")) == everybody
    assert holds("did(journey_exited where reason = 'has left' and outcome = 'exited')") == ["p00"]
    assert sorted(holds("did(journey_exited where outcome = 'done')")) == everybody[1:]
    lots = [set(holds(f"did(journey_split where step = 'lot' and variant = '{name}')")) for name in ("a", "b")]
    assert lots[0] | lots[1] == set(everybody)
    assert not lots[0] & lots[1]
