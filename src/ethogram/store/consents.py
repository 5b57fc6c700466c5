"""Consents: what people chose to receive, each choice kept with its time, its source and its wording.

Step of the path: store. Statements inside a transaction of the ledger. Choices are appended; of those of a profile,
channel and topic the newest by its own time holds. A choice that is imported late does not undo a later one, and none
is believed to come from the future.

Profiles are joined and parted again without a row being changed. What was chosen under several ids holds for all of
them: where they differ, whoever said no is believed, until the person chooses anew. That choice *settles* the ones of
the other ids, for as long as they are joined; taken apart, each has what it chose itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from ethogram.model.message import Channel
from ethogram.store import given, persons, tables

if TYPE_CHECKING:
    from ethogram.store.database import Database

_TABLE = tables.consents
_CHANNELS = {channel.value: channel for channel in Channel}
_PORTION = 20_000  # choices that are written in one transaction of an import
_COLUMNS = {
    "profile_id": given.TEXT, "channel": given.TEXT, "topic": given.TEXT, "subscribed": given.BOOL,
    "at": given.INSTANT, "source": given.TEXT, "wording": given.TEXT, "confirmed": given.BOOL, "newest": given.BOOL,
}  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
_INTO_SQLITE = f"INSERT INTO consents ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"
# A channel and a topic; no topic is the channel as a whole.
About: TypeAlias = tuple[str, str]
_Key: TypeAlias = tuple[str, str, str]  # profile, channel, topic


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody chose.

    Attributes:
        topic: empty is the channel as a whole.
        at: when it was said.
        source: how it was said: `one-click`, `preferences`, `api`, `import`, `stop-word` …
        wording: the version of the text that was agreed to.
        confirmed: whoever has the address has confirmed it; a double opt-in asks for that.
    """

    profile_id: str
    channel: Channel
    topic: str
    subscribed: bool
    at: dt.datetime
    source: str
    wording: str = ""
    confirmed: bool = False

    @property
    def about(self) -> About:
        """What it is about."""
        return self.channel.value, self.topic


def append(connection: sa.Connection, choices: Iterable[Choice], now: dt.datetime) -> int:
    """How many choices it has written down, under the profiles that their ids point at."""
    held = list(choices)
    if not held:
        return 0
    people = persons.of(connection, {each.profile_id for each in held})
    rows = [_row(each, people.of(each.profile_id), now) for each in held]
    keys = {(row["profile_id"], row["channel"], row["topic"]) for row in rows}
    before = _newest(connection, sorted({key[0] for key in keys}))
    holding: dict[_Key, dict[str, Any]] = {}
    for row in rows:
        key = (row["profile_id"], row["channel"], row["topic"])
        rivals = [other.at for other in before.get(key, ())] + ([holding[key]["at"]] if key in holding else [])
        if all(row["at"] >= at for at in rivals):
            holding[key] = row
    for row in holding.values():
        row["newest"] = True
    beaten = [other.number for key in holding for other in before.get(key, ())]
    if beaten:
        connection.execute(_TABLE.update().where(given.among(connection, _TABLE.c.number, beaten)).values(newest=False))
    _insert(connection, rows)
    _settle(connection, people, holding)
    return len(rows)


def import_many(database: Database, choices: Iterable[Choice], now: dt.datetime) -> int:
    """How many choices it has written down, in portions, so that others write in between."""
    written = 0
    portion: list[Choice] = []
    for choice in choices:
        portion.append(choice)
        if len(portion) == _PORTION:
            with database.writing() as connection:
                written += append(connection, portion, now)
            portion = []
    with database.writing() as connection:
        return written + append(connection, portion, now)


def holding(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[About, Choice]]:
    """What people chose last, by the given id; who has chosen nothing is left out."""
    return of_persons(connection, persons.of(connection, ids))


def of_persons(connection: sa.Connection, people: persons.Persons) -> dict[str, dict[About, Choice]]:
    """What some persons chose last, by each id that was asked for."""
    profile_of = people.by_id()
    query = sa.select(_TABLE).where(given.among(connection, _TABLE.c.profile_id, people.ids()) & _TABLE.c.newest)
    found: dict[str, dict[About, Choice]] = {}
    for row in connection.execute(query):
        profile = profile_of[row.profile_id]
        if row.settled_by is not None and profile_of.get(row.settled_by) == profile:
            continue
        chosen = _choice(row)
        of_profile = found.setdefault(profile, {})
        rival = of_profile.get(chosen.about)
        if rival is None or _strictness(chosen) > _strictness(rival):
            of_profile[chosen.about] = chosen
    return {id_: found[profile] for id_, profile in people.profiles.items() if profile in found}


def history(connection: sa.Connection, id_: str) -> tuple[Choice, ...]:
    """Everything that a person ever chose under any id, oldest first."""
    ids = persons.of(connection, [id_]).ids()
    query = sa.select(_TABLE).where(_TABLE.c.profile_id.in_(ids)).order_by(_TABLE.c.at, _TABLE.c.number)
    return tuple(map(_choice, connection.execute(query)))


def _strictness(choice: Choice) -> tuple[bool, bool, dt.datetime]:
    """Who said no before who said yes, unconfirmed before confirmed; else the newer one."""
    return not choice.subscribed, not choice.confirmed, choice.at


def _choice(row: Any) -> Choice:
    return Choice(
        row.profile_id,
        _CHANNELS[row.channel],
        row.topic,
        row.subscribed,
        row.at,
        row.source,
        row.wording,
        row.confirmed,
    )


def _row(choice: Choice, profile: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "profile_id": profile, "channel": choice.channel.value, "topic": choice.topic,
        "subscribed": choice.subscribed, "at": min(choice.at, now), "source": choice.source,
        "wording": choice.wording, "confirmed": choice.confirmed, "newest": False,
    }  # fmt: skip


def _newest(connection: sa.Connection, profiles: Sequence[str]) -> dict[_Key, list[Any]]:
    """The newest choices of profiles; two processes that append at once leave two, of which the stricter holds."""
    query = sa.select(*(_TABLE.c[name] for name in ("number", "profile_id", "channel", "topic", "at"))).where(
        given.among(connection, _TABLE.c.profile_id, profiles) & _TABLE.c.newest
    )
    if connection.dialect.name == "postgresql":
        query = query.with_for_update()
    found: dict[_Key, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault((row.profile_id, row.channel, row.topic), []).append(row)
    return found


def _insert(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    told = [{**row, "at": given.instant(connection, row["at"])} for row in rows]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_INTO_SQLITE, [tuple(row.values()) for row in told])
        return
    statement = f"INSERT INTO consents ({_NAMES}) SELECT {_NAMES} FROM {given.rows(connection, _COLUMNS)}"
    connection.execute(sa.text(statement), {"given": given.text(told)})


def _settle(connection: sa.Connection, people: persons.Persons, holding: Mapping[_Key, Mapping[str, Any]]) -> None:
    """Notes that the other ids' choices are older than one that the person made since they were joined."""
    for (profile, channel, topic), row in holding.items():
        others = [id_ for id_ in people.joined.get(profile, ()) if id_ != profile]
        if others:
            same = (_TABLE.c.channel == channel) & (_TABLE.c.topic == topic) & _TABLE.c.newest
            older = _TABLE.c.profile_id.in_(others) & (_TABLE.c.at <= row["at"])
            connection.execute(_TABLE.update().where(same & older).values(settled_by=profile))
