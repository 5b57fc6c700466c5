"""Where people can be reached, and where not: suppressed addresses, and devices, looked at and changed by hand.

Composition over the ledger alone, so it works beside a running server, which follows at once. Who bounced or
complained is suppressed by what providers report (`deliver/consequences.py`); devices register themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from ethogram.catalog_files import read_column
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.errors import DefinitionError, InputError, UnknownNameError
from ethogram.model.contacts import key_of
from ethogram.model.message import Channel
from ethogram.store import audit, devices, suppressions
from ethogram.store.devices import Device
from ethogram.store.suppressions import ADDRESSED, Imported, Suppression

__all__ = ["ADDRESSED", "Device", "Devices", "Imported", "Suppression", "Suppressions", "SuppressionsPage"]

MOST = 10_000  # addresses of one call
_REASON = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
_TOLD = 100  # faults that are told one by one
_REMOVED: Final = "it was removed by hand"


@dataclass(frozen=True, slots=True)
class SuppressionsPage:
    """Some suppressed addresses, in order.

    Attributes:
        after: where the next page begins; None at the end.
    """

    suppressions: tuple[Suppression, ...]
    after: str | None


class Suppressions:
    """The addresses that nothing is sent to: `Suppressions(path).add(Channel.EMAIL, ["ann@shop.example"])`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def listed(self, channel: Channel | None = None, *, after: str = "", limit: int = 100) -> SuppressionsPage:
        """Some suppressed addresses, in order.

        Args:
            after: what the page before ended with.
        """
        address, _, of_channel = after.partition(" ")
        with self._database.reading() as connection:
            rows = suppressions.listed(connection, channel, after=address, after_channel=of_channel, limit=limit + 1)
        found = rows[:limit]
        more = f"{found[-1].address} {found[-1].channel}" if len(rows) > limit else None
        return SuppressionsPage(found, more)

    def find(self, channel: Channel, address: str) -> Suppression:
        """Why nothing is sent to an address.

        Raises:
            InputError: it is no address of the channel.
            UnknownNameError: it is not suppressed.
        """
        key = self._keys(channel, [address])[0]
        with self._database.reading() as connection:
            found = suppressions.find(connection, channel, key)
        if found is None:
            raise UnknownNameError(f"`{key}` is not suppressed for {channel}", hint="It is written to, if it may be.")
        return found

    def add(self, channel: Channel, addresses: Sequence[str], *, reason: str = "added", actor: str = "local") -> int:
        """How many addresses get nothing from now on that did before.

        Args:
            reason: a word. `unsubscribed` still lets what is owed through, any other stops everything.

        Raises:
            InputError: the channel has no addresses of people, or the reason is no word.
            DefinitionError: with all faulty addresses; none is added then.
        """
        _check(channel, reason)
        keys = self._keys(channel, addresses)
        now = self._clock.now()
        with self._database.writing() as connection:
            added = suppressions.add(connection, channel, keys, reason, actor, now)
            self._note(connection, actor, "suppress", channel, addresses=added, reason=reason)
        return added

    def import_files(
        self,
        channel: Channel,
        sources: Sequence[str | Path],
        *,
        column: str | None = None,
        reason: str = "imported",
        format: str | None = None,
        actor: str = "local",
    ) -> Imported:
        """What came of files of addresses: a plain list, CSV, JSON lines or Parquet.

        Args:
            column: which one holds the addresses; by default `address`, `email` or `phone`, or the only one.

        Raises:
            InputError: a file cannot be taken, or it is not clear which column holds the addresses.
        """
        _check(channel, reason)
        found = read_column(sources, format, column, ("address", "email", "phone"), [])
        now = self._clock.now()
        imported = suppressions.import_many(self._database, channel, found, reason, "import", now)
        with self._database.writing() as connection:
            self._note(connection, actor, "suppress", channel, addresses=imported.added, reason=reason)
        return imported

    def remove(self, channel: Channel, addresses: Sequence[str], *, actor: str = "local") -> int:
        """How many addresses are written to again, if their people may be.

        Raises:
            DefinitionError: with all that are no addresses of the channel; none is removed then.
        """
        _check(channel, "removed")
        keys = self._keys(channel, addresses)
        with self._database.writing() as connection:
            removed = suppressions.remove(connection, channel, keys)
            self._note(connection, actor, "unsuppress", channel, addresses=removed)
        return removed

    def _keys(self, channel: Channel, addresses: Sequence[str]) -> list[str]:
        if not addresses:
            raise InputError("no address is given", hint="Give one at least.")
        if len(addresses) > MOST:
            raise InputError(f"{len(addresses):,} addresses are given; {MOST:,} are the most", hint="Import a file.")
        keys: dict[str, None] = {}
        faults = []
        for index, address in enumerate(addresses):
            key = key_of(channel, address) if channel in ADDRESSED else None
            if key is None:
                faults.append((f"addresses[{index}]", f"`{address[:100]}` is no address of the channel `{channel}`"))
            else:
                keys[key] = None
        if faults:
            raise DefinitionError("what is given", faults[:_TOLD])
        return list(keys)

    def _note(self, connection: Any, actor: str, verb: str, channel: Channel, **detail: object) -> None:
        now = self._clock.now()
        audit.record(connection, actor=actor, verb=verb, object=f"channel:{channel}", detail=detail, now=now)


class Devices:
    """Phones and browsers that take notifications: `Devices(path).of("ann")`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def of(self, profile_id: str) -> tuple[Device, ...]:
        """All devices that a person ever had, the one seen last first."""
        with self._database.reading() as connection:
            return devices.of_person(connection, profile_id)

    def listed(
        self, channel: Channel | None = None, *, ended: bool = False, after: str = "", limit: int = 100
    ) -> tuple[Device, ...]:
        """Devices of everybody, by id.

        Args:
            ended: those that take nothing any more, too.
            after: the last id of the page before.
        """
        with self._database.reading() as connection:
            return devices.every(connection, channel=channel, ended=ended, after=after, limit=limit)

    def remove(self, id_: str, *, actor: str = "local") -> Device:
        """The device, which takes nothing any more; it may register again.

        Raises:
            UnknownNameError: there is none of that id.
        """
        now = self._clock.now()
        with self._database.writing() as connection:
            device = devices.get(connection, id_)
            if devices.end_by_id(connection, id_, _REMOVED, now):
                audit.record(connection, actor=actor, verb="remove", object=f"device:{id_}", detail={}, now=now)
            return devices.get(connection, device.id)


def _check(channel: Channel, reason: str) -> None:
    if channel not in ADDRESSED:
        raise InputError(
            f"the channel `{channel}` has no addresses of people",
            hint=f"Suppressed are addresses of {', '.join(ADDRESSED)}.",
        )
    if not _REASON.fullmatch(reason):
        raise InputError(f"the reason `{reason[:50]}` is no word", hint="Use small letters, digits, `-` and `_`.")
