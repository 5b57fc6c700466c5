"""The most frequent values of a property or a trait, to be offered while somebody writes.

Step of the path: measure. Reads the warehouse; writes nothing. Where there are very many events, a part of the people
is looked at, chosen by key and so by nobody; what comes often there comes often everywhere.
"""

from __future__ import annotations

from ethogram.model.drafts import ValueCounts
from ethogram.segment.sql import Binder
from ethogram.segment.values import boolean, generic, number, path, text
from ethogram.store.schema import COUNTS
from ethogram.store.warehouse import Warehouse

_ROWS = 1_000_000
_MOST = 50


def frequent(warehouse: Warehouse, name: str, *, event: str | None, trait: bool, total: int) -> ValueCounts:
    """The most frequent values of a property of an event (None: of any), or of a trait, the most frequent first.

    Args:
        total: about how many rows there are; of very many, a part is read.
    """
    binder = Binder()
    of_account = trait and name.startswith("account.")
    table, column = (
        ("account_traits" if of_account else "profile_traits", "traits") if trait else ("events", "properties")
    )
    held = path(column, name.removeprefix("account.") if of_account else name)
    share = max(1, total // _ROWS)
    wheres = ["true" if of_account else COUNTS]
    if share > 1 and not of_account:
        wheres.append(f"profile % {share} = 0")
    if event is not None and not trait:
        wheres.append(f"event = {binder.text(event)}")
    looked_at = (
        f"SELECT {generic(held)} AS value, isNotNull({text(held)}) AS is_text, isNotNull({boolean(held)}) AS is_flag, "
        f"isNotNull({number(held, binder)}) AND NOT is_text AS is_number FROM {table} WHERE {' AND '.join(wheres)}"
    )
    rows = warehouse.query(
        f"SELECT arrayMap(t -> (t.1, t.2), approx_top_count({_MOST}, 1000)(value)), countIf(is_text), "
        f"countIf(is_number), countIf(is_flag) FROM ({looked_at}) WHERE isNotNull(value) AND lengthUTF8(value) <= 200",
        binder.parameters,
    )
    top, texts, numbers, booleans = rows[0]
    kinds = {"text": texts, "number": numbers, "boolean": booleans}
    kind = max(kinds, key=lambda each: int(kinds[each])) if any(kinds.values()) else "text"
    return ValueCounts(tuple((str(each[0]), int(each[1]) * share) for each in top if each[0] is not None), kind)
