"""Definitions in files: what applying them would change and whom it concerns, and applying them.

Composition: segments through the workspace, everything else through `engagement.py`. Nothing is saved unless every
document can be, and what says the same already is left alone, so applying again after an interruption ends it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from ethogram.decide.campaigns.launching import text_of
from ethogram.documents import KINDS, Document, dump
from ethogram.engagement import Definitions
from ethogram.errors import DefinitionError, UserError
from ethogram.model.campaign import Campaign
from ethogram.model.provider import KIND, Provider
from ethogram.model.reading import Part, read
from ethogram.runtime import Workspace
from ethogram.segment.parser import parse
from ethogram.segment.printer import to_text
from ethogram.segment.rewrites import references

__all__ = ["Applied", "Applying"]

_KIND_NAMES = list(KINDS.values())
_BEFORE_SEGMENTS = {kind: place < _KIND_NAMES.index("segment") for place, kind in enumerate(_KIND_NAMES)}

State = Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a document would do, or has done.

    Attributes:
        source: the file.
        lines: the difference of the documents, line by line; of a new one, all of it.
        people: how many it concerns: members of a segment, the audience of a campaign; None where that says nothing.
        enter: how many would enter the segment, and `leave` how many would leave it.
        version: that it has after it is applied; None as long as it is not.
    """

    kind: str
    name: str
    source: str
    state: State
    lines: tuple[str, ...] = ()
    people: int | None = None
    enter: int | None = None
    leave: int | None = None
    version: int | None = None


class Applying:
    """Compares documents with what is saved, and saves them."""

    def __init__(self, workspace: Workspace, definitions: Definitions) -> None:
        self._workspace = workspace
        self._definitions = definitions

    def difference(self, documents: Sequence[Document]) -> tuple[Applied, ...]:
        """What applying documents would change, and how many people each of them concerns; nothing is saved.

        Raises:
            DefinitionError: with all faults of all documents.
        """
        found = []
        for document, body in self._checked(documents):
            applied = self._compared(document, body)
            found.append(applied if applied.state == "same" else self._counted(applied, body))
        return tuple(found)

    def apply(self, documents: Sequence[Document], *, actor: str = "local") -> tuple[Applied, ...]:
        """What applying documents has changed.

        Raises:
            DefinitionError: with all faults of all documents; nothing is saved.
        """
        done = []
        for document, body in self._in_order(self._checked(documents)):
            applied = self._compared(document, body)
            version = None if applied.state == "same" else self._save(document, body, actor)
            done.append(Applied(document.kind, document.name, document.source, applied.state, applied.lines,
                                version=version))  # fmt: skip
        return tuple(done)

    def export(self, kinds: Sequence[str] = ()) -> str:
        """Everything that is saved (of some kinds, if they are named) as one file; secrets in it are hidden."""
        chosen = kinds or tuple(KINDS.values())
        found: list[tuple[str, str, Any]] = []
        if "segment" in chosen:
            found += [
                ("segment", each.name, _segment_body(each.text, each.description))
                for each in self._workspace.segments.list()
                if each.text is not None
            ]
        for kind in self._definitions.kinds:
            if kind in chosen:
                found += [
                    (kind, each.name, _shown(kind, each.name, each.body)) for each in self._definitions.listed(kind)
                ]
        return dump(found)

    def _checked(self, documents: Sequence[Document]) -> list[tuple[Document, Any]]:
        """Documents with their bodies in the usual form."""
        beside = _names(documents)
        faults: list[tuple[str, str]] = []
        checked = []
        plural = {kind: kinds for kinds, kind in KINDS.items()}
        for document in documents:
            place = f"{document.source}: {plural[document.kind]}.{document.name}"
            try:
                checked.append((document, self._body(document, beside)))
            except DefinitionError as error:
                faults += [(f"{place}.{inner}" if inner else place, wrong) for inner, wrong in error.faults]
            except UserError as error:
                faults.append((place, error.message))
        if faults:
            raise DefinitionError("what the files say", faults)
        return checked

    def _body(self, document: Document, beside: Mapping[str, set[str]]) -> Any:
        if document.kind != "segment":
            return self._definitions.checked(document.kind, document.name, document.body, beside=beside)
        text, description = _segment(document)
        definition = parse(text)
        known = {each.name for each in self._workspace.segments.list()} | beside.get("segment", set())
        missing = [name for name in references(definition.condition) if name not in known]
        if missing:
            raise DefinitionError(
                f"segment `{document.name}`", [("text", f"there is no segment `{name}`") for name in missing]
            )
        return _segment_body(to_text(definition), description)

    def _in_order(self, checked: list[tuple[Document, Any]]) -> list[tuple[Document, Any]]:
        """Segments behind those that they refer to; everything else stays where it is.

        Raises:
            DefinitionError: segments refer to each other in a circle.
        """
        texts = {each.name: each.text for each in self._workspace.segments.list() if each.text is not None}
        documents = {pair[0].name: pair for pair in checked if pair[0].kind == "segment"}
        texts.update({name: _text(body) for name, (_, body) in documents.items()})
        refers = {name: set(references(parse(text).condition)) & set(texts) for name, text in texts.items()}
        try:
            order = list(TopologicalSorter(refers).static_order())
        except CycleError as error:
            circle = " → ".join(f"`{name}`" for name in reversed(error.args[1]))
            where = next(document.source for name, (document, _) in documents.items() if name in error.args[1])
            raise DefinitionError("what the files say", [(where, f"segments refer to each other: {circle}")]) from None
        ordered = [documents[name] for name in order if name in documents]
        others = [pair for pair in checked if pair[0].kind != "segment"]
        first = [pair for pair in others if _BEFORE_SEGMENTS[pair[0].kind]]
        return first + ordered + [pair for pair in others if not _BEFORE_SEGMENTS[pair[0].kind]]

    def _compared(self, document: Document, body: Any) -> Applied:
        before: Any = None
        if document.kind == "segment":
            for each in self._workspace.segments.list():
                if each.name == document.name:
                    before = _segment_body(each.text or "", each.description)
        else:
            before = next(
                (each.body for each in self._definitions.listed(document.kind) if each.name == document.name), None
            )
        kind = document.kind
        state: State = "same" if before == body else "new" if before is None else "changed"
        lines: tuple[str, ...] = ()
        if state != "same":
            was, will = (
                [] if each is None else dump([(kind, document.name, _shown(kind, document.name, each))]).splitlines()
                for each in (before, body)
            )
            lines = tuple(difflib.unified_diff(was, will, lineterm="", n=1))[2:]
        return Applied(document.kind, document.name, document.source, state, lines)

    def _counted(self, applied: Applied, body: Any) -> Applied:
        """The same with how many people it concerns, where that can be told before the others are saved."""
        text = None
        if applied.kind == "campaign":
            text = text_of(Campaign.from_body(applied.name, body).audience)
        elif applied.kind == "segment":
            text = _text(body)
        if text is None:
            return applied
        known = {each.name for each in self._workspace.segments.list()}
        if any(name not in known for name in references(parse(text).condition)):
            return applied  # it refers to a segment that is only about to be saved
        values: dict[str, int] = {}
        if applied.kind == "segment" and applied.state == "changed":
            moves = self._workspace.segments.difference(applied.name, text, sample=0).moves[0]
            values = {"people": moves.stay + moves.enter, "enter": moves.enter, "leave": moves.leave}
        else:
            values = {"people": self._workspace.preview(text, sample=0).count}
        return Applied(applied.kind, applied.name, applied.source, applied.state, applied.lines, **values)

    def _save(self, document: Document, body: Any, actor: str) -> int:
        if document.kind != "segment":
            return self._definitions.save(document.kind, document.name, body, actor=actor).version
        description = "" if isinstance(body, str) else body["description"]
        return self._workspace.segments.save(document.name, _text(body), description=description).version


def _names(documents: Sequence[Document]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for document in documents:
        found.setdefault(document.kind, set()).add(document.name)
    return found


def _segment(document: Document) -> tuple[str, str]:
    """A segment's text and description: its document is the text, or has both."""
    body = {"text": document.body} if isinstance(document.body, str) else document.body

    def reader(top: Part) -> tuple[str, str]:
        return top.text("text"), top.text("description", "")

    return read(f"segment `{document.name}`", body, reader)


def _segment_body(text: str | None, description: str) -> Any:
    return {"text": text, "description": description} if description else text


def _text(body: Any) -> str:
    return str(body if isinstance(body, str) else body["text"])


def _shown(kind: str, name: str, body: Any) -> Any:
    """A definition as anybody may see it: secrets that stand in a provider's are hidden."""
    return Provider.from_body(name, body).describe() if kind == KIND else body
