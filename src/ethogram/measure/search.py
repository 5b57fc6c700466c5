"""Finding people by what one remembers of them: an id, an e-mail address, a name, any trait.

Step of the path: measure. Reads the warehouse; writes nothing. What is sought is compared as text, without regard to
letter case, with ids and with the values of traits as they are now.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from ethogram.measure.traits import traits_of
from ethogram.model.results import FoundPerson
from ethogram.model.segment import Entity
from ethogram.store.schema import ANONYMOUS, COUNTS, HERE, INSTANT
from ethogram.store.warehouse import Warehouse

# People whose traits once held the text; of these, the ones whose traits hold it now are shown.
_MOST_CANDIDATES = 1_000


def search(warehouse: Warehouse, text: str, now: dt.datetime, *, limit: int) -> tuple[FoundPerson, ...]:
    """Who matches a text, whose id is it first; without a text, who became known last.

    Args:
        text: a part of an id or of a trait's value; `name: value` looks at one trait only.
    """
    sought = text.strip()
    bound: dict[str, Any] = {"now": now, "limit": limit, "text": sought}
    known = (
        "SELECT any(profile_id) AS id, min(known_at) AS since, max(known) AS how FROM profiles "
        f"{{where}} GROUP BY profile HAVING {HERE} AND since <= {{{{now:{INSTANT}}}}} {{order}} "
        "LIMIT {{limit:UInt32}}"
    )
    if not sought:
        rows = warehouse.query(known.format(where="", order="ORDER BY since DESC, id"), bound)
    else:
        holds = "positionCaseInsensitiveUTF8(profile_id, {text:String}) > 0"
        order = "ORDER BY id != {text:String}, length(id), id"
        rows = warehouse.query(known.format(where=f"WHERE {holds}", order=order), bound)
        if len(rows) < limit:
            rows = [*rows, *_by_traits(warehouse, sought, known, bound, {row[0] for row in rows})][:limit]
    ids = [row[0] for row in rows]
    traits = traits_of(warehouse, ids, Entity.PROFILE, None, now)
    return tuple(FoundPerson(id_, since, how == ANONYMOUS, traits.get(id_, {})) for id_, since, how in rows)


def _by_traits(
    warehouse: Warehouse, sought: str, known: str, bound: dict[str, Any], found: set[str]
) -> Iterator[tuple[Any, ...]]:
    name, colon, value = sought.partition(":")
    named, part = (name.strip(), value.strip()) if colon and value.strip() else ("", sought)
    # As JSON writes it: a quote in what is sought stands behind a backslash there.
    written = json.dumps(part, ensure_ascii=False)[1:-1]
    once = (
        "WHERE profile IN (SELECT DISTINCT profile FROM profile_traits WHERE "
        f"positionCaseInsensitiveUTF8(traits_text, {{part:String}}) > 0 AND {COUNTS} LIMIT {_MOST_CANDIDATES})"
    )
    rows = warehouse.query(
        known.format(where=once, order="ORDER BY since DESC, id"), {**bound, "part": written, "limit": _MOST_CANDIDATES}
    )
    traits = traits_of(warehouse, [row[0] for row in rows], Entity.PROFILE, None, bound["now"])
    for row in rows:
        held = traits.get(row[0], {})
        values = _values(held.get(named)) if named else _values(held)
        if row[0] not in found and any(part.casefold() in each.casefold() for each in values):
            yield row


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    elif value is not None:
        yield str(value).lower() if isinstance(value, bool) else str(value)
