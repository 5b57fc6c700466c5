"""A workspace with people, what decides, and what sends into a recording channel, in manual time."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from typing import Any

from ethogram import Workspace
from ethogram.campaigning import Campaigns
from ethogram.clock import ManualClock
from ethogram.deliver import receipts
from ethogram.deliver.channels.recording import RecordingChannel
from ethogram.deliver.hooks import Hooks
from ethogram.deliver.lane import Provider
from ethogram.deliver.outbox import Outbox
from ethogram.engagement import Definitions
from ethogram.engaging import Engaging
from ethogram.model.message import Channel, EmailContent, Maker, State
from ethogram.store import outbox_reading

NOW = dt.datetime(2026, 3, 2, 7, tzinfo=dt.UTC)
ZONES = ("Asia/Tokyo", "Europe/Stockholm", "America/New_York")
PEOPLE = [f"p{number:02}" for number in range(30)]
HELLO = {
    "channel": "email",
    "subject": "Hi {{ first_name | default: 'you' }}",
    "text": "Code {{ trigger.code | default: '-' }}, {{ campaign.name }}",
}


class Shop:
    """A workspace with people, what decides, and what sends into a recording channel."""

    def __init__(self, workspace: Workspace, clock: ManualClock) -> None:
        self.workspace, self.clock = workspace, clock
        self.path = workspace.path
        self.database = workspace._ledger.database
        self.engaging = Engaging(self.path, workspace.people, clock=clock)
        self.channel = RecordingChannel("email", clock)
        hooks = Hooks(self.engaging.gate, self.engaging.compose, self.engaging.speeds)
        self.outbox = Outbox(
            self.database, {Channel.EMAIL: Provider(self.channel)}, hooks, clock, alone=True, steady=False
        )

    def close(self) -> None:
        self.outbox.finish()
        self.engaging.__exit__()

    def save(self, kind: str, name: str, body: dict[str, Any]) -> None:
        with Definitions(self.path, clock=self.clock) as opened:
            opened.save(kind, name, body)

    def start(self, name: str = "c", **more: Any) -> None:
        self.save("campaign", name, {"channel": "email", "template": "hello", "when": {"now": True}, **more})
        with Campaigns(self.path, clock=self.clock) as opened:
            opened.start(name)

    def happened(self, *rows: tuple[str, str, dict[str, Any]]) -> None:
        """Stores events of this instant."""
        file = self.path.parent / "happened.jsonl"
        at = self.clock.now().isoformat()
        said = [{"profile_id": id_, "ts": at, "event": event, **properties} for id_, event, properties in rows]
        file.write_text("\n".join(map(json.dumps, said)))
        self.workspace.load_events(file)

    def work(self) -> None:
        """Decides and sends until there is nothing to do at this instant."""
        while self.engaging.decide():
            pass
        patience = time.monotonic() + 60
        while self.outbox.step() or self._under_way():
            assert time.monotonic() < patience, "it does not come to an end"
            time.sleep(0.001)

    def tell(self) -> None:
        """Brings what became of messages to the warehouse, as events."""
        while receipts.tell(self.database, self.clock.now()):
            pass
        while self.workspace.collect().messages:
            pass

    def _under_way(self) -> bool:
        with self.database.reading() as connection:
            claimed = outbox_reading.listed(connection, state=State.CLAIMED, limit=1)
            return bool(claimed) or any(each.due for each in outbox_reading.depths(connection, self.clock.now()))

    def states(self, name: str = "c") -> Counter[str]:
        found: Counter[str] = Counter()
        with self.database.reading() as connection:
            for each in outbox_reading.counts(connection, Maker.CAMPAIGN, name):
                found[each.code or each.state.value] += each.messages
        return found

    def got(self) -> dict[str, str]:
        """What each address got, the last of several."""
        return {letter.address: _said(letter.content) for letter in self.channel.letters.values()}


def _said(content: object) -> str:
    assert isinstance(content, EmailContent)
    return f"{content.subject}: {content.text.strip()}"
