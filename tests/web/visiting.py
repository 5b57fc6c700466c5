"""In-app messages that lie ready, and a server in this process that pages ask for them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ethogram.clock import ManualClock
from ethogram.collecting import open_ledger
from ethogram.deliver.channels.inapp import InAppChannel
from ethogram.model.message import Accepted, Channel, Eligible, InAppContent, Letter, Maker, Origin, State, Wanted
from ethogram.registering import Registering
from ethogram.showing import Showing
from ethogram.store import definitions, message_events, outbox, outbox_claims
from ethogram.store.ledger import Ledger
from ethogram.store.message_events import Happening
from ethogram.store.outbox_claims import Result
from ethogram.web.answers import Asgi, Receive, Scope, Send
from ethogram.web.visitors import DEVICES, MESSAGES, Visitors
from web.here import Here, here
from web.running import KEY, Answer, workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOME = "https://shop.example/"


@dataclass(slots=True)
class Desk:
    """A workspace whose messages lie ready, and the server that pages ask."""

    place: Path
    ledger: Ledger
    server: Here
    clock: ManualClock
    count: int = field(default=0)

    def put(self, person: str = "ann", *, send_within: dt.timedelta | None = None, **said: Any) -> str:
        """The id of a message that was sent to somebody.

        Args:
            said: of the content, and `topic`, `priority`, `name` and `transactional` of the message.
        """
        self.count += 1
        now = self.clock.now()
        until = None if send_within is None else now + send_within
        wanted = Wanted(
            Origin(Maker.CAMPAIGN, said.pop("name", "spring"), 1, str(self.count)), person, Channel.INAPP, "t", now,
            topic=said.pop("topic", ""), priority=said.pop("priority", 0),
            transactional=said.pop("transactional", False), expires_at=until,
        )  # fmt: skip
        content = InAppContent(**{"form": "modal", "title": f"Title {self.count}", "body": "Body", **said})
        with self.ledger.database.writing() as connection:
            outbox.append(connection, [(wanted, Eligible())], now)
            (claimed,) = outbox_claims.claim(connection, Channel.INAPP, now, dt.timedelta(minutes=5), "x", most=9)
            outbox_claims.begin(connection, "x", {claimed.number: person})
        channel = InAppChannel("inapp", self.ledger.database, self.clock)
        letter = Letter(wanted.id, person, content, wanted.expires_at)
        assert asyncio.run(channel.send(letter)) == Accepted()
        with self.ledger.database.writing() as connection:
            outbox_claims.record(connection, "x", [Result(claimed.number, State.SENT)], now)
        return wanted.id

    def ask(self, person: str = "ann", url: str = HOME, **more: Any) -> Answer:
        return self.server.send(MESSAGES, {"writeKey": KEY, "userId": person, "url": url, **more}, {})

    def shown(self, person: str = "ann", url: str = HOME, **more: Any) -> str | None:
        """The id of what a page shows, if it shows anything."""
        answer = self.ask(person, url, **more)
        assert answer.status == 200, answer.body
        found = answer.json["message"]
        return None if found is None else str(found["id"])

    def report(self, id_: str, what: str, person: str = "ann", **more: Any) -> Answer:
        return self.server.send(f"{MESSAGES}/{id_}/{what}", {"writeKey": KEY, "userId": person, **more}, {})

    def happened(self, id_: str) -> list[Happening]:
        """What is known of a message, without its sending."""
        with self.ledger.database.reading() as connection:
            number = outbox.numbers_of(connection, [id_])[id_]
            return [each for each in message_events.of_message(connection, number) if each.event != "sent"]

    def told(self, id_: str) -> list[str]:
        return sorted(each.event for each in self.happened(id_))

    def save(self, kind: str, name: str, body: dict[str, Any]) -> None:
        with self.ledger.database.writing() as connection:
            definitions.save(connection, kind, name, body, self.clock.now())
        self.clock.advance(dt.timedelta(minutes=1))


@contextlib.contextmanager
def desk(path: Path, **settings: str) -> Iterator[Desk]:
    """A desk that is gone afterwards."""
    place = workspace(path / "shop", **settings)
    given = ManualClock(NOW)
    showing, registering = Showing(place, clock=given), Registering(place, clock=given)
    made: list[Asgi] = []  # it needs the server's collector

    async def visitors(scope: Scope, receive: Receive, send: Send) -> None:
        await made[0](scope, receive, send)

    mounts = {MESSAGES: visitors, DEVICES: visitors}
    with open_ledger(place) as ledger, here(place, clock=given, mounts=mounts) as server:
        made.append(Visitors(server.collector, showing, registering, server.app.metrics))
        yield Desk(place, ledger, server, given)
    showing.close()
    registering.close()
