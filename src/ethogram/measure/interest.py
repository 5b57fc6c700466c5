"""Who did something about an item lately: those whom a change of it concerns.

Step of the path: measure. Reads the warehouse; writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from ethogram.store.schema import COUNTS, INSTANT
from ethogram.store.warehouse import Warehouse


def interested(
    warehouse: Warehouse, event: str, path: str, items: Collection[str], after: dt.datetime, until: dt.datetime
) -> list[tuple[str, str, dt.datetime]]:
    """Profile id, item and the latest instant of everybody whose event named one of the items, in a fixed order.

    Args:
        path: the property that names the item; a dot goes into an object.
        after: not counted itself; `until` is.
    """
    if not items:
        return []
    names = path.split(".")
    place = ", ".join(f"{{p{index}:String}}" for index in range(len(names)))
    # A number is an id as well, written as JSON writes it.
    item = (
        f"if(JSONType(properties_text, {place}) = 'String', JSONExtractString(properties_text, {place}), "
        f"JSONExtractRaw(properties_text, {place}))"
    )
    rows = warehouse.query(
        f"WITH seen AS (SELECT profile, {item} AS item, max(ts) AS latest FROM events "
        f"WHERE event = {{event:String}} AND ts > {{after:{INSTANT}}} AND ts <= {{until:{INSTANT}}} AND {COUNTS} "
        "GROUP BY profile, item HAVING item IN {items:Array(String)}) "
        "SELECT named.id, seen.item, seen.latest FROM seen INNER JOIN "
        "(SELECT profile, any(profile_id) AS id FROM profiles WHERE profile IN (SELECT profile FROM seen) "
        "GROUP BY profile) AS named ON seen.profile = named.profile ORDER BY named.id, seen.item",
        {
            "event": event, "after": after, "until": until, "items": sorted(items),
            **{f"p{index}": name for index, name in enumerate(names)},
        },
    )  # fmt: skip
    return [(str(id_), str(name), latest.astimezone(dt.UTC)) for id_, name, latest in rows]
