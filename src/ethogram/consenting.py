"""Consents by hand, by program and from files: what a person chose to receive, and since when, said on their behalf.

Composition over the ledger alone, so it works beside a running server, which follows at once. A yes to a topic that
needs a double opt-in puts its question into the outbox, in the same transaction. What people say themselves, through
links, is in `subscribing.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ethogram import config
from ethogram.catalog_files import read_rows
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.deliver import confirming
from ethogram.errors import DefinitionError, InputError
from ethogram.model.eligibility import TOPIC, Topic
from ethogram.model.message import Channel
from ethogram.model.reading import Part, read
from ethogram.model.results import Rejection
from ethogram.store import audit, consents, definitions, outbox_reading, persons, suppressions
from ethogram.store.consents import Choice

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["Choice", "Consents", "ConsentsImported", "Said"]

MOST = 1_000  # choices of one call
_LISTED = 1_000  # rejections that are told one by one
_LONGEST_ID = 1_000
_LATELY = 50  # messages to somebody whose addresses are looked at
_CHANNELS = [channel.value for channel in Channel]
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Said:
    """What was said on a person's behalf.

    Attributes:
        holding: what holds for the person now, by channel and topic.
        asked: how many questions for a second yes are on their way.
    """

    holding: tuple[Choice, ...]
    asked: int


@dataclass(frozen=True, slots=True)
class ConsentsImported:
    """What came of an import.

    Attributes:
        rejected: how many rows were not taken; `rejections` has the first of them.
    """

    written: int
    rejected: int
    rejections: tuple[Rejection, ...]


class Consents:
    """What people have chosen: `Consents(path).set("ann", [{"channel": "email", "subscribed": False}])`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._zone = config.read(path).zone
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def holding(self, profile_id: str) -> tuple[Choice, ...]:
        """What holds for a person now, under any of their ids, by channel and topic; nothing was said about the rest.

        Choices about no topic are about the channel as a whole.
        """
        with self._database.reading() as connection:
            return _holding(connection, profile_id)

    def history(self, profile_id: str) -> tuple[Choice, ...]:
        """Everything that a person ever chose, oldest first."""
        with self._database.reading() as connection:
            return consents.history(connection, profile_id)

    def set(self, profile_id: str, choices: Sequence[Mapping[str, Any]], *, actor: str = "local") -> Said:
        """What holds after some choices were written down; a topic that needs a double opt-in is asked about.

        Args:
            choices: each with `channel` and `subscribed`, and if need be `topic` (else the channel as a whole), `at`,
                `source`, `wording`, and `confirmed`: whoever has the address has confirmed it elsewhere.

        Raises:
            DefinitionError: with the faults of all choices; none is written down then.
        """
        _check_id(profile_id)
        if len(choices) > MOST:
            raise InputError(f"{len(choices):,} choices are given; {MOST:,} are the most", hint="Send several calls.")
        topics = self._topics()
        now = self._clock.now()
        body = {"choices": list(choices)}
        wanted = read(
            f"what is said for `{profile_id[:100]}`",
            body,
            lambda top: [_choice(part, profile_id, topics, now, "api") for part in top.parts("choices")],
        )
        if not wanted:
            raise InputError(
                "nothing is said", hint='Give a choice such as `{"channel": "email", "subscribed": false}`.'
            )
        with self._database.writing() as connection:
            before = {each.about: each for each in _holding(connection, profile_id)}
            said = [_still_confirmed(each, before.get(each.about)) for each in wanted]
            consents.append(connection, said, now)
            _write_again(connection, said)
            asked = confirming.ask(connection, said, now)
            detail = {"choices": [_told(each) for each in said]}
            about = f"consents:{profile_id}"
            audit.record(connection, actor=actor, verb="set", object=about, detail=detail, now=now)
            return Said(_holding(connection, profile_id), asked)

    def import_files(
        self, sources: Sequence[str | Path], *, format: str | None = None, actor: str = "local"
    ) -> ConsentsImported:
        """What came of files of choices: CSV, JSON lines or Parquet, with a column for each part of a choice.

        The columns are those of `set`, and `profile_id`; an instant without a zone is in the workspace's. A choice that
        is older than what holds is history. Nobody is asked for a second yes.

        Args:
            sources: paths, globs, `-` for standard input.

        Raises:
            InputError: a file cannot be taken, or no row of it.
        """
        topics = self._topics()
        now = self._clock.now()
        rejections: list[Rejection] = []
        found = list(self._rows(sources, format, topics, now, rejections))
        if not found:
            why = f": line {rejections[0].line}: {rejections[0].reason}" if rejections else ""
            raise InputError(f"the files have no choice that can be taken{why}", hint="Nothing was changed.")
        written = consents.import_many(self._database, found, now)
        with self._database.writing() as connection:
            detail = {"choices": written}
            audit.record(connection, actor=actor, verb="import", object="consents", detail=detail, now=now)
        rejections.sort(key=lambda each: each.line)
        return ConsentsImported(written, len(rejections), tuple(rejections[:_LISTED]))

    def _rows(
        self,
        sources: Sequence[str | Path],
        format: str | None,
        topics: Mapping[str, Topic],
        now: dt.datetime,
        rejections: list[Rejection],
    ) -> Iterator[Choice]:
        for line, row in read_rows(sources, format, rejections, numbers=False):
            body = {name: value for name, value in row.items() if value not in (None, "")}
            for name in ("subscribed", "confirmed"):
                if name in body:
                    body[name] = _TRUTHS.get(str(body[name]).strip().lower(), body[name])
            body["at"] = self._with_zone(body.get("at"))
            profile_id = str(body.pop("profile_id", ""))
            try:
                _check_id(profile_id)
                yield _read_one(profile_id, body, topics, now)
            except DefinitionError as error:
                why = "; ".join(f"`{place}` {wrong}" if place else wrong for place, wrong in error.faults)
                rejections.append(Rejection(line, why, str(row)[:_LISTED]))
            except InputError as error:
                rejections.append(Rejection(line, error.message, str(row)[:_LISTED]))

    def _with_zone(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            at = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            return value
        return (at if at.tzinfo is not None else at.replace(tzinfo=self._zone)).isoformat()

    def _topics(self) -> dict[str, Topic]:
        found = definitions.listed(self._database, TOPIC)
        return {saved.name: Topic.from_body(saved.name, saved.body) for saved in found}


def _read_one(profile_id: str, body: Mapping[str, Any], topics: Mapping[str, Topic], now: dt.datetime) -> Choice:
    return read("a choice", body, lambda part: _choice(part, profile_id, topics, now, "import"))


def _choice(part: Part, profile_id: str, topics: Mapping[str, Topic], now: dt.datetime, source: str) -> Choice:
    channel = Channel(part.text("channel", one_of=_CHANNELS) or _CHANNELS[0])  # a stand-in, where it is missing
    topic = part.text("topic", "", longest=200)
    if topic and topic not in topics:
        part.wrong("topic", f"there is no topic `{topic}`")
    elif topic and not topics[topic].comes_by(channel):
        part.wrong("topic", f"topic `{topic}` does not come by {channel}")
    at = part.instant("at", None) or now
    if not 1970 <= at.year < 2300:
        part.wrong("at", "must be an instant from 1970 on")
    subscribed = part.flag("subscribed")
    confirmed = part.flag("confirmed", False)
    if confirmed and not subscribed:
        part.wrong("confirmed", "is a word about a yes, and this is a no")
    said = (part.text("source", source, longest=100), part.text("wording", "", longest=200))
    for name, value in zip(("source", "wording"), said, strict=True):
        if not value.isprintable():
            part.wrong(name, "has a character that cannot be printed")
    return Choice(profile_id, channel, topic, subscribed, at, *said, confirmed)


def _still_confirmed(wanted: Choice, held: Choice | None) -> Choice:
    """A yes that is said again does not lose that it was confirmed."""
    again = held is not None and held.subscribed and held.confirmed and wanted.subscribed
    return replace(wanted, confirmed=True) if again else wanted


def _holding(connection: sa.Connection, profile_id: str) -> tuple[Choice, ...]:
    found = consents.holding(connection, [profile_id]).get(profile_id, {})
    return tuple(found[about] for about in sorted(found))


def _write_again(connection: sa.Connection, said: Sequence[Choice]) -> None:
    """Takes back that addresses were suppressed as their person unsubscribed from a channel that is wanted again."""
    for choice in said:
        if choice.subscribed and not choice.topic and choice.channel in suppressions.ADDRESSED:
            ids = persons.of(connection, [choice.profile_id]).ids()
            sent = outbox_reading.listed(connection, profile_ids=ids, channel=choice.channel, limit=_LATELY)
            addresses = {message.address for message in sent if message.address}
            suppressions.remove(connection, choice.channel, addresses, reason=suppressions.UNSUBSCRIBED)


def _told(choice: Choice) -> dict[str, Any]:
    return {"channel": choice.channel.value, "topic": choice.topic, "subscribed": choice.subscribed}


def _check_id(profile_id: str) -> None:
    if not profile_id.strip() or len(profile_id) > _LONGEST_ID or "\x00" in profile_id:
        raise InputError("there is no `profile_id`" if not profile_id.strip() else "this is no profile's id",
                         hint=f"It has 1 to {_LONGEST_ID:,} characters.")  # fmt: skip
