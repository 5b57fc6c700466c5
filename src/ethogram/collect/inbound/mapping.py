"""Mappings: what a provider's payload means, as data.

Step of the path: collect. Reads TOML or JSON into frozen values and refuses what is none, with the place and what
would be right there. A mapping evaluates nothing: it names paths (`paths.py`), constants, tables and conversions.
`calls.py` applies it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import Any, Literal, TypeAlias, get_args, get_type_hints

import msgspec

from ethogram.errors import InputError

LONGEST = 100_000  # characters
_DOCUMENTED = "docs/how-to/receive-webhooks.md says what a mapping may hold."

Scalar: TypeAlias = str | int | float | bool
Wanted: TypeAlias = dict[str, Scalar | list[Scalar]]


class Pairs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list of names with values, read as one object: `[{"key": "a", "value": 1}]` is `{"a": 1}`.

    Attributes:
        key: the path of the name in an element.
        value: where the value is.
    """

    key: str = "key"
    value: str | list[str | Value] | Value = "value"


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a value comes from, and in which form it is taken: one of `path`, `text` and `value` says where from.

    Attributes:
        path: where it is; of several, the first that is there.
        text: a text with paths in braces: `ticket_{detail.status}`. Absent if one of them is.
        value: a constant.
        names: what to put instead of it, by its text.
        otherwise: what to put instead of a value that `names` does not have; without it, there is none then.
        to: the form: `number`, `cents` (an amount from its smallest unit), `micros`, `text`, `lower`, `boolean`, and
            `seconds`, `milliseconds`, `microseconds` (since 1970).
        currency: for `cents`, where the currency is; without it two decimals.
        pairs: it is a list of names with values.
        each: it is a list of objects; these are their fields.
    """

    path: str | list[str] | None = None
    text: str | None = None
    value: Scalar | None = None
    names: dict[str, Scalar] | None = None
    otherwise: Scalar | None = None
    to: (
        Literal["number", "cents", "micros", "text", "lower", "boolean", "seconds", "milliseconds", "microseconds"]
        | None
    ) = None
    currency: str | list[str] | None = None
    pairs: Pairs | None = None
    each: dict[str, str | list[str | Value] | Value] | None = None


# A path; several ways to read it, of which the first that gives something counts; or one way.
Spec: TypeAlias = str | list[str | Value] | Value


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One call of the tracking spec that an item becomes; what is not said here, the mapping says.

    Attributes:
        call: which one.
        event: of `track`, the event's name: a text with paths in braces, or a value.
        items: where the things are that become a call each, inside the item; its paths then start there.
        when: path → the text that must be there, or one of several. All must hold.
        unless: the same; none may hold.
        has: paths where there must be something.
        profile_id: who; the first path that has something.
        anonymous_id: who, as long as nobody knows.
        account_id: of `group`, the account.
        previous_id: of `alias`, the other id.
        timestamp: when it happened: ISO 8601, or seconds, milliseconds, microseconds or nanoseconds since 1970.
        message_id: what names this one thing at the provider; several are joined. A repetition adds nothing.
        properties: name → value.
        properties_from: objects whose fields become properties; `properties` win.
        traits: of `identify` and `group`, name → value.
        traits_from: objects whose fields become traits.
    """

    call: Literal["track", "identify", "group", "page", "screen", "alias"] = "track"
    event: str | Value | None = None
    items: str | None = None
    when: Wanted = {}
    unless: Wanted = {}
    has: list[str] = []
    profile_id: Spec | None = None
    anonymous_id: Spec | None = None
    account_id: Spec | None = None
    previous_id: Spec | None = None
    timestamp: Spec | None = None
    message_id: list[str | Value] | str | None = None
    properties: dict[str, Spec] = {}
    properties_from: list[Spec] = []
    traits: dict[str, Spec] = {}
    traits_from: list[Spec] = []


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a provider's payload means. Each item becomes every call whose conditions hold; one with none is skipped.

    Attributes:
        description: what it is for.
        documentation: where the provider describes the payload.
        trust: how the provider shows that a request is its own; what a new source takes if nothing else is said.
        format: `json` (also one object a line), or `soap` (Salesforce).
        items: where the items are; a list is one item for each element.
        when: conditions of an item, as in a call.
        unless: likewise.
        has: likewise.
        profile_id: for all calls that do not say it themselves; likewise the next ones.
        properties: of all `track`, `page` and `screen` calls.
        calls: what an item becomes.
    """

    calls: list[Call]
    description: str = ""
    documentation: str = ""
    trust: str | None = None
    format: Literal["json", "soap"] = "json"
    items: str = "$"
    when: Wanted = {}
    unless: Wanted = {}
    has: list[str] = []
    profile_id: Spec | None = None
    anonymous_id: Spec | None = None
    account_id: Spec | None = None
    timestamp: Spec | None = None
    message_id: list[str | Value] | str | None = None
    properties: dict[str, Spec] = {}
    properties_from: list[Spec] = []


def parse(text: str) -> dict[str, Any]:
    """The plain object that a mapping's text holds, JSON or TOML.

    Raises:
        InputError: it is neither.
    """
    if len(text) > LONGEST:
        raise InputError(f"the mapping has {len(text):,} characters; the most is {LONGEST:,}", hint=_DOCUMENTED)
    as_json = text.lstrip().startswith("{")
    try:
        plain = msgspec.json.decode(text.encode()) if as_json else tomllib.loads(text)
    except (msgspec.DecodeError, tomllib.TOMLDecodeError, UnicodeEncodeError, RecursionError) as error:
        kind = "JSON" if as_json else "TOML"
        raise InputError(f"the mapping is no {kind}: {error}", hint=_DOCUMENTED) from error
    if not isinstance(plain, dict):
        raise InputError("the mapping is no object", hint=_DOCUMENTED)
    return plain


def read(plain: Any) -> Mapping:
    """The mapping that a plain object means; its paths are looked at when it is prepared (`calls.py`).

    Raises:
        InputError: it is none; says where and what would be right.
    """
    try:
        return msgspec.convert(plain, Mapping)
    except msgspec.ValidationError as error:
        raise wrong(*_located(str(error))) from error
    except RecursionError as error:
        raise wrong("", "it is nested too deeply") from error


def written(mapping: Mapping) -> dict[str, Any]:
    """The mapping as a plain object: what `read` takes."""
    plain: dict[str, Any] = msgspec.to_builtins(mapping)
    return plain


def wrong(place: str, problem: str, hint: str | None = None) -> InputError:
    """What to say of a mistake at a place of a mapping."""
    where = f"at `{place}` of the mapping: " if place else "in the mapping: "
    return InputError(where + problem, hint=hint or _DOCUMENTED, place=place)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of mappings, for editors and for whoever writes them by program."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Mapping)}


def _located(told: str) -> tuple[str, str, str | None]:
    """Place, problem and hint of what the decoder says of a mistake."""
    problem, _, at = told.partition(" - at `$")
    place = at.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.*)`", problem)
    if unknown:
        fields = _struct_at(place).__struct_fields__
        near = difflib.get_close_matches(unknown[1], fields, n=1)
        meant = f"Did you mean `{near[0]}`? " if near else ""
        return place, f"there is no field `{unknown[1]}`", f"{meant}Fields here are: {', '.join(fields)}."
    missing = re.search(r"missing required field `(.*)`", problem)
    if missing:
        return place, f"the field `{missing[1]}` is missing", None
    told = problem[:1].lower() + problem[1:]
    if told.startswith("invalid enum value"):
        field = place.rpartition(".")[2]
        choices = get_args(get_type_hints(_struct_at(place.rpartition(".")[0]))[field])
        words = [word for each in choices for word in (get_args(each) or (each,)) if isinstance(word, str)]
        return place, told, f"It is one of: {', '.join(words)}." if words else None
    return place, told, None


def _struct_at(place: str) -> type[msgspec.Struct]:
    """Which of the structs a place is in."""
    if not place:
        return Mapping
    if place.endswith("pairs"):
        return Pairs
    return Call if re.fullmatch(r"calls\[[^\]]*\]", place) else Value
