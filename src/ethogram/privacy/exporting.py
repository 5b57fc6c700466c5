"""Everything that is known of a person, in one document: what anybody may ask to be told (GDPR, articles 15 and 20).

Step of the path: beside all of them. Reads both stores; writes nothing. The document is JSON, complete as of the
instant that it states, and comes in pieces: a person may have millions of events.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ethogram.store import identities, personal
from ethogram.store.ledger import Ledger
from ethogram.store.warehouse import Warehouse


def exported(warehouse: Warehouse, ledger: Ledger, ids: Sequence[str], now: dt.datetime) -> Iterator[str]:
    """The document, piece by piece.

    Args:
        ids: every id of the person, the profile's first.
        now: as of when.
    """
    history = personal.traits_of(warehouse, ids)
    with ledger.database.reading() as connection:
        told = personal.in_ledger(connection, ids)
        segments, changes = personal.segments_of(warehouse, connection, ids)
    document: dict[str, Any] = {
        "profile_id": ids[0],
        "as_of": now,
        "identities": [{"id": each.id, "user": each.known} for each in identities.of_profile(ledger.database, ids[0])],
        "traits": _current(history),
        "traits_history": history,
        "segments": segments,
        "segment_changes": changes,
        **told,
    }
    yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode().removesuffix("\n}")
    yield ',\n  "events": ['
    begun = False
    for page in personal.events_of(warehouse, ids, now):
        for event in page:
            yield (",\n    " if begun else "\n    ") + msgspec.json.encode(event).decode()
            begun = True
    yield "\n  ]\n}\n" if begun else "]\n}\n"


def _current(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What holds after all changes."""
    found: dict[str, Any] = {}
    for change in history:
        found.update(change["traits"])
        for name in change["unset"]:
            found.pop(name, None)
    return found
