"""Templates made ready for rendering: layouts as HTML, Liquid parsed, each language version whole.

Step of the path: deliver. Pure. Done once for a version of a template; what comes out is used by many threads. All
faults of a template are found on the way, each with its place, so that it is refused when it is saved.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

from liquid.exceptions import LiquidError

from ethogram.deliver.templates import layout
from ethogram.deliver.templates.sandbox import Sandbox, Surroundings, Uses
from ethogram.errors import DefinitionError
from ethogram.model.template import EmailParts, Parts, Template

HTML, TEXT = Sandbox(escape=True), Sandbox(escape=False)
_AS_IT_IS = ("form", "show", "style")  # parts without Liquid


@dataclass(frozen=True, slots=True)
class Piece:
    """One text of a template.

    Attributes:
        place: in the document, for messages.
        uses: the variables that it shows or asks for.
    """

    place: str
    source: str
    call: Callable[[Mapping[str, Any], Surroundings], str] | None
    uses: Uses

    def rendered(self, variables: Mapping[str, Any], around: Surroundings) -> str:
        """What it says for some variables.

        Raises:
            LiquidError: nothing sensible.
        """
        return self.source if self.call is None else self.call(variables, around)


# A text, or texts in the structure that the document has: the body of a webhook, the buttons of an in-app message.
Pieces: TypeAlias = "Piece | Mapping[str, Pieces] | tuple[Pieces, ...] | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template, ready.

    Attributes:
        versions: the parts by language; that of the empty name is for everybody.
        link_parameters: what is added to links.
        names: the first name of every variable that is asked for.
    """

    template: Template
    versions: Mapping[str, Mapping[str, Any]]
    link_parameters: Mapping[str, Piece]
    names: frozenset[str] = frozenset()

    def pieces(self) -> list[Piece]:
        """Every text of every version."""
        found = [each for parts in self.versions.values() for each in _texts(parts)]
        return [*found, *self.link_parameters.values()]


def compiled(template: Template) -> Compiled:
    """A template, ready to be rendered.

    Raises:
        DefinitionError: with all its faults.
    """
    made, found = _compiled(template)
    if found:
        raise DefinitionError(f"template `{template.name}`", found)
    return made


def faults(template: Template) -> list[tuple[str, str]]:
    """What cannot be used in a template's Liquid and layout, by place; for `Template.from_body(…, check=faults)`."""
    return _compiled(template)[1]


def _compiled(template: Template) -> tuple[Compiled, list[tuple[str, str]]]:
    found: dict[tuple[str, str], None] = {}
    reader = _Reader(lambda place, wrong: found.setdefault((place, wrong)))
    versions: dict[str, Mapping[str, Any]] = {}
    for language in ("", *template.languages):
        own = template.languages.get(language, template.parts)
        # What a version takes over from that for everybody is at fault there only.
        versions[language] = reader.version(template.parts_in(language), own, language)
    parameters = {
        name: reader.piece(f"link_parameters.{name}", source, TEXT) for name, source in template.link_parameters.items()
    }
    made = Compiled(template, versions, parameters)
    names = frozenset(str(path[0]) for piece in made.pieces() for path in piece.uses.variables)
    return replace(made, names=names), list(found)


class _Reader:
    """Reads the texts of a template, and tells what is wrong with them."""

    def __init__(self, tell: Callable[[str, str], object]) -> None:
        self._tell = tell

    def version(self, parts: Parts, own: Parts, language: str) -> Mapping[str, Any]:
        """All parts of a version."""

        def at(name: str) -> str:
            return f"languages.{language}.{name}" if language and getattr(own, name, None) is not None else name

        if isinstance(parts, EmailParts):
            return self._email(parts, at)
        made: dict[str, Any] = {}
        for each in fields(parts):
            value = getattr(parts, each.name)
            made[each.name] = value if each.name in _AS_IT_IS else self._nested(at(each.name), value)
        return made

    def _email(self, parts: EmailParts, at: Callable[[str], str]) -> Mapping[str, Any]:
        lines = {
            name: None if (source := getattr(parts, name)) is None else self.piece(at(name), source, TEXT)
            for name in ("subject", "sender", "reply_to")
        }
        body = "mjml" if parts.mjml is not None else "html"
        source = parts.mjml if parts.mjml is not None else parts.html
        text = parts.text
        html: Piece | None = None
        if source is not None and self.piece(at(body), source, HTML, told=False) is None:
            self.piece(at(body), source, HTML)  # the fault's place is in the source that people wrote
        elif source is not None:
            try:
                made = layout.from_mjml(source) if body == "mjml" else layout.from_html(source)
                plain = layout.plain_text(made) if text is None else text
            except layout.LayoutError as error:
                for fault in error.faults:
                    self._tell(at(body), fault)
            else:
                text = plain
                if parts.preheader is not None:
                    self.piece(at("preheader"), parts.preheader, TEXT)
                    made = layout.with_preheader(made, parts.preheader)
                html = self.piece(at(body), made, HTML)
        return {
            **lines,
            "html": html,
            "text": None if text is None else self.piece(at("text" if parts.text is not None else body), text, TEXT),
        }

    def _nested(self, place: str, value: Any) -> Pieces:
        if isinstance(value, str):
            piece: Piece = self.piece(place, value, TEXT)
            return piece
        if isinstance(value, Mapping):
            return {key: self._nested(f"{place}.{key}", each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return tuple(self._nested(f"{place}[{index}]", each) for index, each in enumerate(value))
        assert value is None or isinstance(value, (int, float, bool))
        return value

    def piece(self, place: str, source: str, sandbox: Sandbox, *, told: bool = True) -> Any:
        """A text, read; where it cannot be, the fault is told, and nothing comes back unless it is to be told."""
        try:
            template = sandbox.read(source)
        except (LiquidError, RecursionError) as error:
            if told:
                self._tell(place, _told(error))
            return Piece(place, source, None, Uses()) if told else None
        uses = template.uses()
        for name in uses.filters:
            if name not in sandbox.filters and told:
                near = difflib.get_close_matches(name, list(sandbox.filters), n=1)
                self._tell(place, f"there is no filter `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        plain = "{{" not in source and "{%" not in source
        return Piece(place, source, None if plain else template.rendered, uses)


def _texts(value: Any) -> list[Piece]:
    if isinstance(value, Piece):
        return [value]
    if isinstance(value, Mapping):
        return [piece for each in value.values() for piece in _texts(each)]
    if isinstance(value, tuple):
        return [piece for each in value for piece in _texts(each)]
    return []


def _told(error: Exception) -> str:
    """A fault of Liquid in a line, with where it is."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    assert isinstance(error, LiquidError)
    try:
        context = error.context()
    except ValueError:  # at the very end
        context = None
    place = f" (line {context[0]}: `{context[3].strip()[:80]}`)" if context is not None else ""
    return f"{error.message}{place}"
