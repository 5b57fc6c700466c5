"""Definitions as files that people write, review and keep in version control: YAML documents, or JSON.

Reads and writes text; knows the kinds by name only. A file is a mapping of kinds (`segments`, `templates`,
`campaigns` …) to names to definitions. YAML is read as its version 1.2 means it: `no` is a text, 09:30 is no number,
and a date stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ethogram.errors import DefinitionError, InputError

# The kinds in the order in which they are saved: what is referred to comes first.
KINDS = {
    "templates": "template",
    "topics": "topic",
    "caps": "cap",
    "quiet_hours": "quiet_hours",
    "holdouts": "holdout",
    "segments": "segment",
    "catalogs": "catalog",
    "providers": "provider",
    "campaigns": "campaign",
    "journeys": "journey",
    "explorations": "exploration",
}
_SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST = 10 << 20  # bytes of a file


@dataclass(frozen=True, slots=True)
class Document:
    """A definition as it stands in a file.

    Attributes:
        source: the file, as it was named.
    """

    kind: str
    name: str
    body: Any
    source: str


def read(paths: Iterable[Path]) -> tuple[Document, ...]:
    """The definitions in files, and in all files of directories, in the order of saving.

    Raises:
        InputError: a file is not there, is too large, or is no YAML.
        DefinitionError: a kind is unknown, or one definition is there twice; with all such faults.
    """
    return documents((str(file), parse(_text(file), str(file))) for file in _files(paths))


def documents(contents: Iterable[tuple[str, Any]]) -> tuple[Document, ...]:
    """The definitions in contents that were read already, each with its source, in the order of saving.

    Raises:
        DefinitionError: a kind is unknown, or one definition is there twice; with all such faults.
    """
    found: dict[tuple[str, str], Document] = {}
    faults: list[tuple[str, str]] = []
    for source, content in contents:
        if content is None:
            continue
        if not isinstance(content, Mapping):
            faults.append((source, f"must be a mapping of kinds to definitions: {', '.join(KINDS)}"))
            continue
        for kinds, named in content.items():
            if kinds not in KINDS:
                faults.append((f"{source}: {kinds}", f"is no kind of definition; there are {', '.join(KINDS)}"))
            elif not isinstance(named, Mapping):
                faults.append((f"{source}: {kinds}", "must be a mapping of names to definitions"))
            else:
                for name, body in named.items():
                    document = Document(KINDS[kinds], str(name), body, source)
                    before = found.setdefault((document.kind, document.name), document)
                    if before is not document:
                        faults.append((f"{source}: {kinds}.{name}", f"is in {before.source} too"))
    if faults:
        raise DefinitionError("what the files say", faults)
    order = list(KINDS.values())
    return tuple(sorted(found.values(), key=lambda document: order.index(document.kind)))


def parse(text: str, source: str) -> Any:
    """What a YAML or JSON text says.

    Raises:
        InputError: it is neither, says one name twice, or refers to parts of itself.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader, with stricter rules
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
        raise InputError(
            f"`{source}`{place} cannot be read as YAML: {problem}", hint="Mend the line, or quote the text in it."
        ) from None
    except RecursionError:
        raise InputError(f"`{source}` is nested too deeply", hint="A definition needs a few levels only.") from None


def dump(documents: Iterable[tuple[str, str, Any]]) -> str:
    """The file that holds definitions, given as kind, name and body.

    >>> print(dump([("topic", "news", {"default": "subscribed"})]), end="")
    topics:
      news:
        default: subscribed
    """
    plural = {kind: kinds for kinds, kind in KINDS.items()}
    content: dict[str, dict[str, Any]] = {}
    for kind, name, body in documents:
        content.setdefault(plural[kind], {})[name] = body
    ordered = {kinds: content[kinds] for kinds in KINDS if kinds in content}
    return yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES and each.is_file())
        else:
            yield path


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST:
            raise InputError(f"`{file}` is larger than {_LARGEST >> 20} MB", hint="Split it into several files.")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`{file}` cannot be read: {error}", hint="Name a YAML or JSON file in UTF-8.") from None


class _Loader(yaml.SafeLoader):
    """YAML's values as version 1.2 means them; a name that is there twice is an error, and so is a reference."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "references (`*name`) are not taken", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, everything else as YAML does."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the same value twice is written twice
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    odd = any(each in text for each in "\r\x85\u2028\u2029")  # line ends that readers turn into others
    style = '"' if odd else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)

for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|", ["~", "n", ""]),
):
    for _either in (_Loader, _Dumper):  # what would be read as something else is written in quotes
        _either.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
