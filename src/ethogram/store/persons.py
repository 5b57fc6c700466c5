"""Which ids are one person: what was written under any of them concerns the profile that they point at.

Step of the path: store. Reads identities in a transaction of the ledger. Rows that carry a profile's id are not
rewritten when profiles are joined: they are read under all ids of the person, so that taking a join back is exact.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ethogram.store import given, tables

if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLE = tables.identities


@dataclass(frozen=True, slots=True)
class Persons:
    """Some ids and the profiles that they point at.

    Attributes:
        joined: the profiles that have several ids, with all of these; any other profile has its own only.
    """

    profiles: Mapping[str, str]
    joined: Mapping[str, tuple[str, ...]]

    def of(self, id_: str) -> str:
        """The profile of an id."""
        return self.profiles.get(id_, id_)

    def ids(self) -> list[str]:
        """Every id of everybody."""
        alone = [profile for profile in dict.fromkeys(self.profiles.values()) if profile not in self.joined]
        return [*alone, *(id_ for ids in self.joined.values() for id_ in ids)]

    def by_id(self) -> dict[str, str]:
        """The profile of every id of everybody."""
        found = {profile: profile for profile in self.profiles.values()}
        for profile, ids in self.joined.items():
            found.update(dict.fromkeys(ids, profile))
        return found


def of(connection: sa.Connection, ids: Collection[str]) -> Persons:
    """The persons behind some ids."""
    profiles = {id_: id_ for id_ in ids}
    if not profiles or connection.execute(sa.select(_TABLE.c.id).limit(1)).first() is None:
        return Persons(profiles, {})
    pointing = sa.select(_TABLE.c.id, _TABLE.c.profile_id).where(given.among(connection, _TABLE.c.id, profiles))
    profiles.update({row.id: row.profile_id for row in connection.execute(pointing)})
    roots = set(profiles.values())
    members = sa.select(_TABLE.c.id, _TABLE.c.profile_id).where(
        given.among(connection, _TABLE.c.profile_id, sorted(roots)) & (_TABLE.c.id != _TABLE.c.profile_id)
    )
    return Persons(profiles, _joined((row.profile_id, row.id) for row in connection.execute(members)))


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for profile, id_ in pairs:
        found.setdefault(profile, [profile]).append(id_)
    return {profile: tuple(sorted(ids)) for profile, ids in found.items()}
