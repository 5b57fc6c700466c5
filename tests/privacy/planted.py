"""Somebody with a value of their own in every place that a workspace has, and the search for what is left of them."""

from __future__ import annotations

import datetime as dt
import json
import mmap
from collections.abc import Iterable
from pathlib import Path

from engage.shop import Shop
from ethogram.journeying import Journeys
from ethogram.model.message import Channel
from ethogram.store import consents, devices, rejected, requests, suppressions
from ethogram.store.consents import Choice
from ethogram.store.rejected import RejectedDraft
from ethogram.store.requests import Fact, Message

WHO = "zqx-somebody-7731"
BEFORE = "zqx-anonymous-7732"  # the id before signing in
MERGED = "zqx-other-7733"  # merged by hand
EMAIL = "zqx-mail-7734@example.org"
PHONE = "+46701127735"
MARK = "zqx-"
NEEDLES = (MARK.encode(), b"46701127735")
FRIEND = "p01"
JOURNEY = {
    "entry": {"event": "Came"},
    "steps": [{"name": "wait", "delay": "1 hour"}, {"name": "m", "message": {"channel": "email", "template": "hello"}}],
}


def call(number: int, at: dt.datetime, user: str, anonymous: str, *facts: Fact, kind: str = "track") -> Message:
    return Message(
        f"{'zqx-' if user != FRIEND else ''}message-{number}", kind, user, anonymous, int(at.timestamp() * 1e6), facts
    )


def event(name: str, note: str) -> Fact:
    return Fact("events", json.dumps({"note": note}), event=name)


def keep(shop: Shop, *messages: Message) -> int:
    """How many were taken."""
    with shop.database.writing() as connection:
        return sum(each.new for each in requests.keep_within(connection, [messages], shop.clock.now()))


def collect(shop: Shop) -> None:
    while shop.workspace.collect().messages:
        pass


def plant(shop: Shop) -> None:
    """Fills every place with something of one person, beside what there is of others."""
    workspace, now = shop.workspace, shop.clock.now()
    traits = Fact("profiles", json.dumps({"email": EMAIL, "phone": PHONE, "plan": "pro", "nick": "zqx-nick"}))
    member = Fact("profiles", json.dumps({"account_id": "acme"}))
    said = [
        call(1, now, "", BEFORE, event("view", "zqx-view")),
        call(2, now, WHO, BEFORE, traits, kind="identify"),
        call(3, now, WHO, "", event("purchase", "zqx-purchase")),
        call(4, now, WHO, "", member, kind="group"),
        call(5, now, MERGED, "", event("purchase", "zqx-earlier")),
        call(6, now, FRIEND, "", event("purchase", "a friend's own")),
    ]
    keep(shop, *said)
    collect(shop)
    workspace.identities.merge(MERGED, into=WHO)
    keep(shop, call(7, now, WHO, "", event("purchase", "zqx-waiting")), call(8, now, FRIEND, "", event("view", "kept")))
    file = shop.path.parent / "people.jsonl"
    file.write_text(
        json.dumps({"profile_id": WHO, "city": "zqx-town"}) + "\n" + json.dumps({"profile_id": FRIEND, "city": "Oslo"})
    )
    workspace.load_profiles(file)
    wrong = shop.path.parent / "wrong.jsonl"
    wrong.write_text(json.dumps({"profile_id": WHO, "event": "Buy", "timestamp": "never"}))
    workspace.load_events(wrong)
    with shop.database.writing() as connection:
        consents.append(connection, [Choice(WHO, Channel.EMAIL, "news", False, now, "preferences", "zqx-wording")], now)
        devices.register(connection, WHO, Channel.PUSH, "fcm", "zqx-token", now)
        suppressions.add(connection, Channel.SMS, [PHONE], "stopped", "zqx-source", now)
    draft = RejectedDraft(now, "no_event", "there is no event", "track", 0, "zqx-bad", f'{{"userId": "{WHO}"}}')
    rejected.note(shop.database, [draft], now)
    shop.save("journey", "j", JOURNEY)
    with Journeys(shop.path, clock=shop.clock) as opened:
        opened.start("j")
    shop.work()
    shop.happened((WHO, "Came", {"note": "zqx-came"}), (FRIEND, "Came", {}))
    shop.start()
    shop.work()
    shop.tell()
    workspace.run()


def left(directory: Path, needles: Iterable[bytes] = NEEDLES) -> list[str]:
    """The files of a directory in which a value of the person can be read, with what stands round it."""
    found = []
    for path in sorted(directory.rglob("*")):
        if not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            for needle in needles:
                at = held.find(needle)
                if at >= 0:
                    found.append(f"{path.relative_to(directory)}: {held[max(0, at - 80) : at + 80]!r}")
    return found
