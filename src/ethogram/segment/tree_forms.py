"""The building blocks of the tree: how one kind of value is written as JSON, read back, and described.

Step of the path: segment, language half; a part of the tree. A form knows three things about a value: to `write` it,
to `read` it (and say at which place it is wrong), and its JSON `schema`. `tree.py` puts the forms of the language
together.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

from ethogram.errors import SegmentError
from ethogram.model.segment import Boolean, Moment, Number, Text
from ethogram.segment.cursor import MAX_DEPTH
from ethogram.segment.printer import moment_to_text
from ethogram.segment.syntax import LARGEST_WHOLE, nearest, read_moment, whole_if_whole
from ethogram.segment.window_parser import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

TAG = "type"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a tree, as a JSON path."""

    path: str = "$"
    depth: int = 0

    def key(self, name: str) -> Place:
        """The place of a member of an object."""
        return Place(f"{self.path}.{name}", self.depth)

    def item(self, index: int) -> Place:
        """The place of an item of a list."""
        return Place(f"{self.path}[{index}]", self.depth)

    def deeper(self) -> Place:
        """The same place, counted as one node deeper."""
        if self.depth >= MAX_DEPTH:
            raise self.error(f"nodes are nested more than {MAX_DEPTH} deep")
        return Place(self.path, self.depth + 1)

    def error(self, problem: str, hint: str | None = None) -> SegmentError:
        """The error that something is wrong here."""
        return SegmentError(f"`{self.path}`: {problem}", hint=hint, path=self.path)

    def expected(self, what: str, value: object) -> SegmentError:
        """The error that something else than `value` was expected here."""
        shown = repr(value)
        return self.error(f"expected {what}, found {shown if len(shown) <= 60 else shown[:59] + '…'}")


class Form(Protocol):
    """How one kind of value is written, read and described."""

    def write(self, value: Any) -> Any:
        """The JSON of a value."""

    def read(self, raw: Any, place: Place) -> Any:
        """The value of a piece of JSON.

        Raises:
            SegmentError: It is none of this form; the message holds the place.
        """

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the form."""


@dataclass(frozen=True, slots=True)
class TextForm:
    """A text; names are not empty."""

    least: int = 0

    def write(self, value: str) -> str:
        return value

    def read(self, raw: Any, place: Place) -> str:
        if not isinstance(raw, str):
            raise place.expected("a text", raw)
        if len(raw) < self.least:
            raise place.error("a name cannot be empty")
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": self.least} if self.least else {"type": "string"}


@dataclass(frozen=True, slots=True)
class FlagForm:
    """true or false."""

    def write(self, value: bool) -> bool:  # noqa: FBT001 - it is the value itself
        return value

    def read(self, raw: Any, place: Place) -> bool:
        if not isinstance(raw, bool):
            raise place.expected("true or false", raw)
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class NumberForm:
    """A finite number; whole ones are int."""

    def write(self, value: float) -> int | float:
        return value if isinstance(value, int) else whole_if_whole(value)

    def read(self, raw: Any, place: Place) -> int | float:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise place.expected("a number", raw)
        if isinstance(raw, int):
            if abs(raw) > LARGEST_WHOLE:
                raise place.error("this whole number is too large", "Write it with an exponent, as in 1e20.")
            return raw
        if not math.isfinite(raw):
            raise place.expected("a finite number", raw)
        return whole_if_whole(raw)

    def schema(self) -> dict[str, Any]:
        return {"type": "number"}


@dataclass(frozen=True, slots=True)
class AmountForm:
    """How many units a span has."""

    def write(self, value: int) -> int:
        return value

    def read(self, raw: Any, place: Place) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= LONGEST:
            raise place.expected(f"a whole number from 1 to {LONGEST:,}", raw)
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 1, "maximum": LONGEST}


@dataclass(frozen=True, slots=True)
class MomentForm:
    """A date (`2026-01-31`) or an instant (`2026-01-31T12:00:00Z`), as text."""

    def write(self, value: Moment) -> str:
        return moment_to_text(value)

    def read(self, raw: Any, place: Place) -> Moment:
        if not isinstance(raw, str):
            raise place.expected("a date such as '2026-01-31'", raw)
        try:
            moment: dt.date | dt.datetime = read_moment(raw)
        except ValueError as problem:
            raise place.error(str(problem), "Write 2026-01-31 or 2026-01-31T18:00:00Z.") from None
        return Moment(moment)

    def schema(self) -> dict[str, Any]:
        pattern = (
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?$"
        )
        return {"type": "string", "pattern": pattern}


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """One member of an enum, by its value."""

    choices: type[StrEnum]

    def write(self, value: StrEnum) -> str:
        return value.value

    def read(self, raw: Any, place: Place) -> StrEnum:
        words = [choice.value for choice in self.choices]
        if not isinstance(raw, str) or raw not in words:
            near = nearest(raw, words) if isinstance(raw, str) else None
            listed = ", ".join(f"'{word}'" for word in words)
            raise place.expected(f"'{near}'" if near else f"one of {listed}", raw)
        return self.choices(raw)

    def schema(self) -> dict[str, Any]:
        return {"enum": [choice.value for choice in self.choices]}


@dataclass(frozen=True, slots=True)
class NullableForm:
    """Another form, or null."""

    form: Form

    def write(self, value: Any) -> Any:
        return None if value is None else self.form.write(value)

    def read(self, raw: Any, place: Place) -> Any:
        return None if raw is None else self.form.read(raw, place)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.form.schema(), {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class ListForm:
    """A list of a form; a tuple in Python."""

    form: Form
    least: int = 1

    def write(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.form.write(item) for item in value]

    def read(self, raw: Any, place: Place) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise place.expected("a list", raw)
        if len(raw) < self.least:
            raise place.error(f"expected at least {self.least}, found {len(raw)}")
        return tuple([self.form.read(item, place.item(index)) for index, item in enumerate(raw)])

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.form.schema(), "minItems": self.least}


@dataclass(frozen=True, slots=True)
class LiteralForm:
    """A fixed number, text, true or false: JSON's own."""

    def write(self, value: Number | Text | Boolean) -> Any:
        return NumberForm().write(value.value) if isinstance(value, Number) else value.value

    def read(self, raw: Any, place: Place) -> Number | Text | Boolean:
        if isinstance(raw, bool):
            return Boolean(raw)
        if isinstance(raw, str):
            return Text(raw)
        if isinstance(raw, int | float):
            return Number(NumberForm().read(raw, place))
        raise place.expected("a number, a text, true or false", raw)

    def schema(self) -> dict[str, Any]:
        return {"type": ["number", "string", "boolean"]}


@dataclass(frozen=True, slots=True)
class RecordForm:
    """A dataclass as an object with the same keys; values equal to the field's default are left out."""

    record: type[Any]
    forms: Mapping[str, Form]
    tag: str | None = None

    def write(self, value: Any) -> dict[str, Any]:
        written: dict[str, Any] = {} if self.tag is None else {TAG: self.tag}
        for field in fields(self.record):
            item = getattr(value, field.name)
            if field.default is MISSING or item != field.default:
                written[field.name] = self.forms[field.name].write(item)
        return written

    def read(self, raw: Any, place: Place) -> Any:
        if not isinstance(raw, dict):
            raise place.expected("an object", raw)
        for key in raw:
            if key not in self.forms and (key != TAG or self.tag is None):
                near = nearest(str(key), self.forms)
                known = ", ".join(f"`{name}`" for name in self.forms)
                hint = f"Did you mean `{near}`?" if near else f"The keys here are {known}."
                raise place.error(f"unknown key `{key}`", hint)
        values: dict[str, Any] = {}
        for field in fields(self.record):
            if field.name in raw:
                values[field.name] = self.forms[field.name].read(raw[field.name], place.key(field.name))
            elif field.default is MISSING:
                raise place.error(f"the key `{field.name}` is missing")
        return self.record(**values)

    def schema(self) -> dict[str, Any]:
        properties: dict[str, Any] = {} if self.tag is None else {TAG: {"const": self.tag}}
        properties |= {name: form.schema() for name, form in self.forms.items()}
        required = [] if self.tag is None else [TAG]
        required += [field.name for field in fields(self.record) if field.default is MISSING]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


class UnionForm:
    """One of several records, told apart by their `type`; some unions hold literals too. Schemas refer to its name."""

    def __init__(self, name: str, literals: LiteralForm | None = None) -> None:
        self.name = name
        self.literals = literals
        self._by_tag: dict[str, RecordForm] = {}
        self._by_record: dict[type[Any], RecordForm] = {}

    def add(self, tag: str, record: type[Any], **forms: Form) -> RecordForm:
        """Takes a record into the union."""
        form = RecordForm(record, forms, tag)
        self.include(form)
        return form

    def include(self, *records: RecordForm) -> None:
        """Takes records of other unions into this one too."""
        for form in records:
            self._by_tag[str(form.tag)] = form
            self._by_record[form.record] = form

    def write(self, value: Any) -> Any:
        form = self._by_record.get(type(value))
        if form is not None:
            return form.write(value)
        assert self.literals is not None
        return self.literals.write(value)

    def read(self, raw: Any, place: Place) -> Any:
        if self.literals is not None and not isinstance(raw, dict):
            return self.literals.read(raw, place)
        if not isinstance(raw, dict):
            raise place.expected(f"an object with a `{TAG}`", raw)
        tag = raw.get(TAG)
        form = self._by_tag.get(tag) if isinstance(tag, str) else None
        if form is None:
            if TAG not in raw:
                raise place.error(f"the key `{TAG}` is missing", f"It is one of {', '.join(self._by_tag)}.")
            near = nearest(tag, self._by_tag) if isinstance(tag, str) else None
            hint = f"Did you mean '{near}'?" if near else f"It is one of {', '.join(self._by_tag)}."
            raise place.key(TAG).error(f"{tag!r} is no {self.name.replace('_', ' ')}", hint)
        return form.read(raw, place.deeper())

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}

    def whole_schema(self) -> dict[str, Any]:
        """The schema that `schema` refers to."""
        choices = [form.schema() for form in self._by_tag.values()]
        return {"anyOf": choices if self.literals is None else [self.literals.schema(), *choices]}
