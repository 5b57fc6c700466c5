"""Pools of coupon codes: filled from files, counted, emptied. Codes are given out where messages are rendered.

Composition over the ledger alone, so it works beside a running server.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from ethogram import config
from ethogram.catalog_files import import_codes
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.errors import InputError, UnknownNameError
from ethogram.store import audit, coupons
from ethogram.store.coupons import CodesAdded, Pool

__all__ = ["CodesAdded", "Coupons", "Pool"]

_NAME_LENGTH = 200


class Coupons:
    """The coupon pools of a workspace: `Coupons(path).add("spring", ["A1", "A2"])`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._zone = config.read(path).zone
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def pools(self) -> tuple[Pool, ...]:
        """How full each pool is, by name."""
        return coupons.pools(self._database, self._clock.now())

    def pool(self, name: str) -> Pool:
        """How full a pool is.

        Raises:
            UnknownNameError: there is none of that name.
        """
        for each in self.pools():
            if each.name == name:
                return each
        raise UnknownNameError(f"there is no coupon pool `{name}`", hint="`ethogram coupons list` shows them.")

    def add(self, name: str, codes: Iterable[str], *, expires: str | None = None, actor: str = "local") -> CodesAdded:
        """What came of codes for a pool, which is made where there is none; those that it has stay as they are.

        Args:
            expires: an instant, or a day, whose end in the workspace's zone it is; they are not given out after it.

        Raises:
            InputError: the name or the instant cannot be used.
        """
        _check(name)
        until = self._instant(expires)
        with self._database.writing() as connection:
            added = coupons.add(connection, name, codes, expires_at=until)
        self._note(actor, "add codes", name, codes=added.added)
        return added

    def import_codes(
        self,
        name: str,
        sources: Sequence[str | Path],
        *,
        column: str | None = None,
        expires: str | None = None,
        format: str | None = None,
        actor: str = "local",
    ) -> CodesAdded:
        """What came of files of codes: a plain list, CSV, JSON lines or Parquet.

        Args:
            column: which one holds the codes; by default `code`, or the only one.
            expires: as for `add`.

        Raises:
            InputError: a file cannot be taken, or it is not clear which column holds the codes.
        """
        _check(name)
        until = self._instant(expires)
        added = import_codes(self._database, name, sources, column=column, expires_at=until, format=format)
        self._note(actor, "add codes", name, codes=added.added)
        return added

    def remove(self, name: str, *, actor: str = "local") -> int:
        """How many codes were removed that nobody has; those that were given out stay on record.

        Raises:
            UnknownNameError: there is no such pool.
        """
        self.pool(name)
        with self._database.writing() as connection:
            removed = coupons.remove_free(connection, name)
        self._note(actor, "remove codes", name, codes=removed)
        return removed

    def _note(self, actor: str, verb: str, name: str, **detail: int) -> None:
        now = self._clock.now()
        with self._database.writing() as connection:
            audit.record(connection, actor=actor, verb=verb, object=f"coupons:{name}", detail=detail, now=now)

    def _instant(self, text: str | None) -> dt.datetime | None:
        if text is None:
            return None
        try:
            if len(text) == len("2026-12-31"):
                after = dt.date.fromisoformat(text) + dt.timedelta(days=1)
                return dt.datetime.combine(after, dt.time(), self._zone).astimezone(dt.UTC)
            read = dt.datetime.fromisoformat(text)
            return (read if read.tzinfo is not None else read.replace(tzinfo=self._zone)).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            raise InputError(
                f"codes cannot expire at `{text[:40]}`",
                hint="Give a day (2026-12-31) or an instant (2026-12-31T12:00).",
            ) from None


def _check(name: str) -> None:
    if not name.strip() or len(name) > _NAME_LENGTH or not name.isprintable():
        raise InputError(f"`{name[:50]}` cannot be the name of a coupon pool", hint="Use up to 200 printable letters.")
