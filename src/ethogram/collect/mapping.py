"""Mapping: which column says who, what and when, guessed from names and contents, with the reason for each guess.

Step of the path: collect. Reads the first rows of a source and writes nothing. A guess is there to be shown: `load`
takes it only for what the caller left out.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ethogram.collect import instants, segment_spec
from ethogram.collect.records import Rows, read
from ethogram.collect.sources import Source, opened, resolve
from ethogram.collect.values import Limits
from ethogram.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ethogram.collect.arrays import Column

ROLES = ("profile_id", "event", "timestamp", "message_id", "account_id")
_SAMPLE = 200

# The usual spellings, the surest first; compared without case, blanks, dots and underscores.
_NAMES: dict[str, tuple[str, ...]] = {
    "profile_id": (
        "profile_id", "user_id", "customer_id", "distinct_id", "person_id", "visitor_id", "client_id", "member_id",
        "subscriber_id", "contact_id", "external_id", "canonical_id", "amplitude_id", "user_pseudo_id",
        "full_visitor_id",
        "customer_unique_id", "household_id", "candidate_id", "enrollee_id", "employee_id", "applicant_id", "player_id",
        "device_id", "anonymous_id", "cookie_id", "uid", "user", "customer", "cust_id", "customer_no",
        "customer_number",
        "profile", "person", "visitor", "email", "user_email", "customer_email",
    ),
    "event": (
        "event", "event_name", "event_type", "name_of_event", "action", "activity", "event_action", "event_key",
        "action_type", "interaction", "interaction_type", "behavior", "behaviour", "verb", "activity_name",
    ),
    "timestamp": (
        "timestamp", "ts", "event_ts", "event_ts_utc", "event_time", "event_timestamp", "event_date", "time",
        "datetime",
        "date_time", "occurred_at", "created_at", "received_at", "happened_at", "at", "date", "server_time",
        "client_event_time", "transaction_timestamp", "transaction_date", "order_date", "ordered_at",
        "purchase_date",
        "purchased_at", "invoice_date", "invoice_ts", "order_purchase_timestamp", "click_ts_utc", "click_timestamp",
        "order_timestamp", "order_time", "created", "updated_at", "time_stamp", "when",
    ),
    "message_id": ("message_id", "messageid", "insert_id", "$insert_id", "event_id", "event_uuid", "uuid", "dedupe_id"),
    "account_id": ("account_id", "group_id", "company_id", "organization_id", "organisation_id", "org_id", "tenant_id",
                   "workspace_id", "team_id"),
}  # fmt: skip
_REQUIRED = {
    "events": ("profile_id", "event", "timestamp"),
    "profiles": ("profile_id",),
    "accounts": ("account_id",),
}


@dataclass(frozen=True, slots=True)
class MappingGuess:
    """What a file seems to say, and why."""

    mapping: dict[str, str]  # role -> column
    columns: tuple[str, ...]
    first_rows: list[dict[str, Any]]
    naive_timestamps: bool  # the timestamps have no offset: a time zone must be declared
    why: dict[str, str]  # role -> reason
    missing: tuple[str, ...]  # required roles that no column seems to have


def guess_mapping(
    source: str | Path,
    kind: str = "events",
    *,
    mapping: Mapping[str, str] | None = None,
    event: str | None = None,
    timezone: str | None = None,
    format: str | None = None,
    **_options: object,
) -> MappingGuess:
    """Which column of a file is what.

    Args:
        source: a path or a glob, of which the first file is looked at. Standard input cannot be looked at twice: it
            needs a mapping.
        mapping: what is known already.
        event: the name of every row's event, where no column says it.
        timezone: makes timestamps without an offset no matter.

    Raises:
        InputError: the file cannot be read, or `mapping` names a role or a column that there is not.
    """
    name, path = resolve([source])[0]
    if path is None:
        given = dict(mapping or {})
        missing = tuple(role for role in required(kind, event) if role not in given)
        return MappingGuess(given, tuple(given.values()), [], naive_timestamps=False, why={}, missing=missing)
    with opened(name, path, format) as found:
        rows = first_rows(found)
        if is_segment_export(rows):
            known = segment_spec.MAPPING
            return MappingGuess(
                dict(known), tuple(known.values()), (rows.objects or [])[:5], naive_timestamps=False,
                why=dict.fromkeys(known, "the file follows the Segment tracking spec"), missing=(),
            )  # fmt: skip
        guess = guess_from(found, rows, kind, mapping or {}, event)
        return replace(guess, naive_timestamps=guess.naive_timestamps and timezone is None)


def required(kind: str, event: str | None) -> tuple[str, ...]:
    """The roles that a load of that kind cannot do without."""
    return tuple(role for role in _REQUIRED[kind] if not (role == "event" and event is not None))


def first_rows(source: Source) -> Rows:
    """A few rows of a source.

    Raises:
        InputError: there is none that can be read.
    """
    for rows in read(source, Limits(rows_per_block=_SAMPLE)):
        return rows
    raise InputError(f"`{source.name}` has no rows", hint="There is a header and nothing below it.")


def is_segment_export(rows: Rows) -> bool:
    """Whether the rows are calls of the Segment tracking spec."""
    return bool(rows.objects) and all(segment_spec.is_call(each) for each in rows.objects or [])


def guess_from(source: Source, rows: Rows, kind: str, given: Mapping[str, str], event: str | None) -> MappingGuess:
    """The guess for rows that were read already."""
    columns = _columns(rows)
    _check_given(given, columns, source, rows)
    mapping = dict(given)
    why = dict.fromkeys(given, "given")
    for role in ROLES:
        if role in mapping or (role == "event" and (event is not None or kind != "events")):
            continue
        free = [name for name in columns if name not in mapping.values()]
        found = _by_name(role, free)
        if found is not None:
            mapping[role], why[role] = found, f"`{found}` is a usual name for it"
        elif role == "timestamp" and kind == "events":
            dates = [name for name in free if _looks_like_instants(columns[name])]
            if len(dates) == 1:
                mapping[role], why[role] = dates[0], f"`{dates[0]}` is the only column of timestamps"
        elif role == "profile_id" and kind != "accounts":
            ids = [name for name in free if _plain(name).endswith("id") and _plain(name) not in ("id", "sessionid")]
            if len(ids) == 1:
                mapping[role], why[role] = ids[0], f"`{ids[0]}` is the only column that ends in `id`"
    # A date among traits (`created_at`) is a trait; only an explicit name says when the row was true.
    guessed = kind != "events" and "timestamp" not in given
    if guessed and _plain(mapping.get("timestamp", "")) not in ("timestamp", "ts", "updatedat", "receivedat"):
        mapping.pop("timestamp", None)
    if kind == "accounts":
        mapping.pop("profile_id", None)
    instant = columns.get(mapping.get("timestamp", ""))
    return MappingGuess(
        mapping=mapping,
        columns=tuple(columns),
        first_rows=_shown(rows, columns),
        naive_timestamps=instant is not None and instants.has_naive(instant),
        why={role: reason for role, reason in why.items() if role in mapping},
        missing=tuple(role for role in required(kind, event) if role not in mapping),
    )


def complete(source: Source, rows: Rows, kind: str, given: Mapping[str, str], event: str | None) -> dict[str, str]:
    """The mapping to load with: what was given, the rest as guessed.

    Raises:
        InputError: a required role has no column; the hint lists the columns there are.
    """
    guess = guess_from(source, rows, kind, given, event)
    if guess.missing:
        role = guess.missing[0]
        listed = ", ".join(f"`{name}`" for name in guess.columns[:30])
        hint = f"Name it: `--map {role}=COLUMN`. The columns are {listed}."
        if role == "event":
            hint += " Where every row is the same event, name that: `--event purchase`."
        raise InputError(f"no column of `{source.name}` seems to be the {role}", hint=hint, missing=guess.missing)
    return guess.mapping


def _check_given(given: Mapping[str, str], columns: Mapping[str, Any], source: Source, rows: Rows) -> None:
    for role, column in given.items():
        if role not in ROLES:
            raise InputError(f"there is nothing called `{role}` to map", hint=f"Map {', '.join(ROLES)}.")
        nested = rows.objects is not None and "." in column
        if column not in columns and not nested and rows.columns is not None:
            near = difflib.get_close_matches(column, list(columns), n=1)
            listed = ", ".join(f"`{name}`" for name in list(columns)[:30])
            raise InputError(
                f"`{source.name}` has no column `{column}`",
                hint=f"Did you mean `{near[0]}`?" if near else f"Its columns are {listed}.",
            )


def _columns(rows: Rows) -> dict[str, Column]:
    if rows.columns is not None:
        return {name: column.slice(0, _SAMPLE) for name, column in rows.columns.items()}
    names = dict.fromkeys(name for each in rows.objects or [] for name in each)
    return {name: _as_text([each.get(name) for each in rows.objects or []]) for name in names}


def _as_text(values: Sequence[Any]) -> Column:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _by_name(role: str, columns: Sequence[str]) -> str | None:
    by_plain = {_plain(name): name for name in reversed(columns)}
    return next((by_plain[_plain(name)] for name in _NAMES[role] if _plain(name) in by_plain), None)


def _looks_like_instants(column: Column) -> bool:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return True
    if not pa.types.is_string(column.type) or column.null_count == len(column):
        return False
    filled = column.drop_null()
    if all(str(value).isdigit() for value in filled):
        return False
    try:
        order = instants.date_order(filled)
    except InputError:
        return True
    found, _ = instants.instants(filled, instants.UTC, order)
    return bool(found.null_count == 0)


def _shown(rows: Rows, columns: Mapping[str, Column]) -> list[dict[str, Any]]:
    if rows.objects is not None:
        return rows.objects[:5]
    return [{name: _value(column[at]) for name, column in columns.items()} for at in range(min(5, rows.count))]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):  # broken UTF-8, or a year that Python does not have
        return str(scalar.cast(pa.binary()).as_py()) if pa.types.is_string(scalar.type) else str(scalar)
