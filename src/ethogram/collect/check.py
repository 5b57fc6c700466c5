"""Checking: raw rows and a mapping become rows that may be kept, and a reason for every one that may not.

Step of the path: collect. Reads the rows of one block; gives tables in the form that the inbox accepts. Everything
that the warehouse would change quietly or choke on is caught here; nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ethogram.collect import columns, segment_spec
from ethogram.collect.arrays import Column, Faults, letters, pc
from ethogram.collect.columns import ColumnType
from ethogram.collect.instants import instants
from ethogram.collect.values import Limits, UnacceptableError, document
from ethogram.model.results import Rejection
from ethogram.store.inbox import SCHEMAS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from ethogram.collect.records import Rows

_LONGEST_NAME = 4_096  # bytes of an id or an event's name
_TEXTS = pa.list_(pa.string())


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source is read."""

    kind: str
    mapping: Mapping[str, str]
    event: str | None  # the event of every row, where no column says it
    zone: dt.tzinfo | None
    order: str | None  # 'dmy' or 'mdy'
    types: Mapping[str, ColumnType]
    known_at: dt.datetime  # of traits that have no timestamp
    segment: bool = False  # calls of the Segment spec
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows of one block that may be kept, by kind, and the others."""

    tables: dict[str, pa.Table]
    rejections: list[Rejection]


@dataclass(slots=True)
class _Draft:
    """Rows of one kind on their way; `rows` says which row of the block each one is."""

    kind: str
    rows: np.ndarray[Any, Any]
    ids: Column
    at: Column
    documents: Column
    events: Column | None = None
    message_ids: Column | None = None
    unset: Column | None = None


def check(rows: Rows, reading: Reading) -> Checked:
    """What of a block may be kept.

    Raises:
        InputError: something that holds for the whole file (timestamps without an offset and no zone declared).
    """
    faults: Faults = {}
    if rows.columns is not None:
        drafts = _from_columns(rows.columns, rows.count, reading, faults)
    elif reading.segment:
        drafts = _from_calls(rows.objects or [], reading, faults)
    else:
        drafts = _from_objects(rows.objects or [], reading, faults)
    tables: dict[str, pa.Table] = {}
    ready = [(draft, _instants(draft, reading, faults)) for draft in drafts]
    for draft, _ in ready:
        _check_names(draft, faults)
    for draft, at in ready:
        table = _table(draft, at, faults)
        if table.num_rows:
            tables[draft.kind] = pa.concat_tables([tables[draft.kind], table]) if draft.kind in tables else table
    rejections = rows.rejections + [Rejection(rows.lines[row], faults[row], rows.shown(row)) for row in faults]
    return Checked(tables, sorted(rejections, key=lambda each: each.line))


# --- from columns ------------------------------------------------------------------------------------------------


def _from_columns(held: Mapping[str, Column], count: int, reading: Reading, faults: Faults) -> list[_Draft]:
    mapping = reading.mapping
    empty = pa.nulls(count, pa.string())

    def mapped(role: str) -> Column | None:
        return columns.text(held[mapping[role]], faults, f"the {role}") if role in mapping else None

    used = {mapping[role] for role in mapping if not (role == "account_id" and reading.kind == "profiles")}
    rest = {name: column for name, column in held.items() if name not in used}
    if reading.kind == "profiles" and "account_id" in mapping and mapping["account_id"] in rest:
        rest["account_id"] = rest.pop(mapping["account_id"])
    documents, unfit = columns.documents(rest, count, reading.types, reading.limits)
    for row, reason in unfit.items():
        faults.setdefault(row, reason)
    at = held[mapping["timestamp"]] if "timestamp" in mapping else pa.nulls(count, pa.string())
    at = _decoded(at)
    if pa.types.is_string(at.type):
        at = columns.text(at, faults, "the timestamp")
    every = np.arange(count)
    id_role = "account_id" if reading.kind == "accounts" else "profile_id"
    ids = mapped(id_role)
    draft = _Draft(reading.kind, every, empty if ids is None else ids, at, documents, message_ids=mapped("message_id"))
    if reading.kind == "events":
        named = mapped("event")
        draft.events = named if named is not None else pa.array([reading.event] * count, pa.string())
        account_ids = mapped("account_id")
        if account_ids is not None:
            return [draft, *_accounts_of(draft, account_ids)]
    return [draft]


def _decoded(column: Column) -> Column:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or str(column.type) == "string_view":
        column = column.cast(pa.string())
    return column


def _accounts_of(draft: _Draft, account_ids: Column) -> list[_Draft]:
    """That a profile belongs to an account, said where it is said first or differs from what was said before."""
    who, account = draft.ids.to_pylist(), account_ids.to_pylist()
    last: dict[str | None, str] = {}
    rows = []
    for row, (person, named) in enumerate(zip(who, account, strict=True)):
        if named and last.get(person) != named:
            last[person] = named
            rows.append(row)
    if not rows:
        return []
    some = pa.array(rows, pa.int64())
    named = account_ids.take(some)
    said, _ = columns.documents({"account_id": named}, len(rows), {}, Limits())
    at = draft.at.take(some)
    nothing = pa.array(["{}"] * len(rows), pa.string())
    return [
        _Draft("profiles", np.array(rows), draft.ids.take(some), at, said),
        _Draft("accounts", np.array(rows), named, at, nothing),
    ]


# --- from objects --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Lists:
    """Columns that grow row by row."""

    rows: list[int] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    at: list[Any] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    events: list[str | None] = field(default_factory=list)
    message_ids: list[str | None] = field(default_factory=list)
    unset: list[list[str]] = field(default_factory=list)

    def draft(self, kind: str) -> _Draft:
        return _Draft(
            kind,
            np.array(self.rows, dtype=np.int64),
            pa.array(self.ids, pa.string()),
            _stamps(self.at),
            pa.array(self.documents, pa.string()),
            pa.array(self.events, pa.string()) if kind == "events" else None,
            pa.array(self.message_ids, pa.string()),
            pa.array(self.unset, _TEXTS),
        )


def _from_objects(objects: list[dict[str, Any]], reading: Reading, faults: Faults) -> list[_Draft]:
    found = _Lists()
    accounts: list[str | None] = []
    mapping = dict(reading.mapping)
    kind = reading.kind
    id_column = mapping.get("account_id" if kind == "accounts" else "profile_id", "")
    typed = {name: wanted for name, wanted in reading.types.items() if name not in mapping.values()}
    for row, value in enumerate(objects):
        try:
            rest = dict(value)
            who = _name(_take(rest, id_column), id_column)
            event = _name(_take(rest, mapping["event"]), "event") if "event" in mapping else reading.event
            at = _take(rest, mapping["timestamp"]) if "timestamp" in mapping else None
            message_id = _name(_take(rest, mapping["message_id"]), "message_id") if "message_id" in mapping else None
            account = None
            if kind != "accounts" and "account_id" in mapping:
                account = _name(_take(rest, mapping["account_id"]), "account_id")
                if kind == "profiles" and account:
                    rest["account_id"] = account
            for name, wanted in typed.items():
                if name in rest:
                    rest[name] = _retyped(rest[name], wanted)
            text, unset = document(rest, reading.limits)
        except UnacceptableError as reason:
            faults[row] = str(reason)
            continue
        found.rows.append(row)
        found.ids.append(who)
        found.at.append(at)
        found.documents.append(text)
        found.events.append(event)
        found.message_ids.append(message_id)
        found.unset.append(unset if kind != "events" else [])
        accounts.append(account)
    draft = found.draft(kind)
    if kind == "events" and any(accounts):
        related = _accounts_of(draft, pa.array(accounts, pa.string()))
        for each in related:
            each.rows = draft.rows[each.rows]
        return [draft, *related]
    return [draft]


def _from_calls(calls: list[dict[str, Any]], reading: Reading, faults: Faults) -> list[_Draft]:
    found = {kind: _Lists() for kind in SCHEMAS}
    for row, call in enumerate(calls):
        try:
            meant = [(each, *document(each.content, reading.limits)) for each in segment_spec.facts(call)]
        except UnacceptableError as reason:
            faults[row] = str(reason)
            continue
        for each, text, unset in meant:
            lists = found[each.kind]
            lists.rows.append(row)
            lists.ids.append(each.id)
            lists.at.append(each.at)
            lists.documents.append(text)
            lists.events.append(each.event)
            lists.message_ids.append(each.message_id)
            lists.unset.append(unset if each.kind != "events" else [])
    return [lists.draft(kind) for kind, lists in found.items() if lists.rows]


def _take(rest: dict[str, Any], column: str) -> Any:
    """The value of a mapped column, out of the properties; a dotted one is looked up and stays where it is."""
    if column in rest:
        return rest.pop(column)
    inner: Any = rest
    for part in column.split("."):
        if not isinstance(inner, dict):
            return None
        inner = inner.get(part)
    return inner


def _name(value: Any, what: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    raise UnacceptableError(f"`{what}` is a {type(value).__name__}, not text or a whole number")


def _retyped(value: Any, wanted: ColumnType) -> Any:
    if wanted is ColumnType.TEXT and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if wanted is ColumnType.NUMBER and isinstance(value, str) and columns.is_number(value):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    if wanted is ColumnType.BOOLEAN and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _stamps(values: list[Any]) -> Column:
    """Timestamps from JSON as one column: text, whole numbers and fractions side by side become text."""
    return pa.array(
        [value if value is None or isinstance(value, str) else _shown(value) for value in values], pa.string()
    )


def _shown(value: Any) -> str:
    return f"{value:.6f}" if isinstance(value, float) and abs(value) < 1e12 else str(value)


# --- what holds for all ------------------------------------------------------------------------------------------


def _instants(draft: _Draft, reading: Reading, faults: Faults) -> Column:
    found, unfit = instants(draft.at, reading.zone, reading.order)
    if draft.kind != "events":
        # A trait without a timestamp is true from when it was loaded.
        missing = [at for at, reason in unfit.items() if reason == "no timestamp"]
        if missing:
            mask = np.zeros(len(found), dtype=bool)
            mask[missing] = True
            found = pc.if_else(pa.array(mask), pa.scalar(reading.known_at, found.type), found)
            for at in missing:
                del unfit[at]
    for at, reason in unfit.items():
        faults.setdefault(int(draft.rows[at]), reason)
    return found


def _check_names(draft: _Draft, faults: Faults) -> None:
    what = "account_id" if draft.kind == "accounts" else "profile_id"
    named = [(what, draft.ids)]
    if draft.kind == "events" and draft.events is not None:
        named.append(("event", draft.events))
    for name, column in named:
        none = pa.repeat(False, len(column))
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True)
        nul = pc.fill_null(pc.match_substring(column, "\x00"), False) if _has_nul(column) else none
        long = pc.fill_null(pc.greater(pc.binary_length(column), _LONGEST_NAME), False)
        if not pc.any(pc.or_(pc.or_(blank, nul), long)).as_py():
            continue
        for mask, reason in (
            (blank, f"no {name}"),
            (nul, f"the {name} holds a NUL"),
            (long, f"the {name} is longer than {_LONGEST_NAME:,} bytes"),
        ):
            for at in np.flatnonzero(mask.to_numpy(zero_copy_only=False)):
                faults.setdefault(int(draft.rows[at]), reason)


def _has_nul(column: Column) -> bool:
    content = letters(column)
    return bool(len(content)) and not content.all()


def _table(draft: _Draft, at: Column, faults: Faults) -> pa.Table:
    count = len(draft.rows)
    empty = pa.array([""] * count, pa.string())
    message_ids = empty if draft.message_ids is None else pc.fill_null(draft.message_ids, "")
    content = "properties" if draft.kind == "events" else "traits"
    made: dict[str, Column] = {
        "account_id" if draft.kind == "accounts" else "profile_id": draft.ids,
        "ts": at,
        content: draft.documents,
        "message_id": message_ids,
    }
    if draft.kind == "events":
        made["event"] = draft.events
    else:
        made["unset"] = pa.array([[]] * count, _TEXTS) if draft.unset is None else draft.unset
    table = pa.table({name: made[name] for name in SCHEMAS[draft.kind].names}, schema=SCHEMAS[draft.kind])
    if not faults:
        return table
    return table.filter(pa.array(~np.isin(draft.rows, np.fromiter(faults, dtype=np.int64, count=len(faults)))))
