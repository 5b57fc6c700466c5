"""The documentation as a test: nothing public is undocumented, no page is stale, no example or link is wrong."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import build_reference
import ethogram
from ethogram.segment.checker import check
from ethogram.segment.english import to_english
from ethogram.segment.parser import parse
from ethogram.segment.printer import to_text
from ethogram.segment.syntax import FUNCTIONS, KEYWORDS, UNITS
from structure.imports import PROJECT

DOCS = PROJECT / "docs"
WRITTEN = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", PROJECT / "CHANGELOG.md", PROJECT / "examples/README.md"]
PAGES = [*sorted(DOCS.rglob("*.md")), *WRITTEN]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def _blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        found += [
            (f"{path.relative_to(PROJECT)}:{text[: match.start()].count(chr(10)) + 1}", match[2])
            for match in BLOCK.finditer(text)
            if match[1] == language
        ]
    return found


def test_the_generated_reference_is_what_the_code_says() -> None:
    assert build_reference.stale() == [], "run `make reference`"


@pytest.mark.parametrize(("place", "text"), _blocks("segment"))
def test_each_segment_in_the_docs_can_be_used(place: str, text: str) -> None:
    definition = parse(text)
    check(definition)
    assert to_english(definition)
    assert parse(to_text(definition)) == definition


@pytest.mark.parametrize(("place", "code"), _blocks("python"))
def test_each_python_example_names_what_exists(place: str, code: str) -> None:
    tree = ast.parse(code)
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "eg"
    }
    assert used <= set(ethogram.__all__), place


@pytest.mark.parametrize("word", sorted(FUNCTIONS | KEYWORDS | {unit.removesuffix("s") for unit in UNITS}))
def test_every_word_of_the_language_is_in_its_reference(word: str) -> None:
    assert re.search(rf"\b{word}\b", (DOCS / "reference" / "language.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_inside_the_project_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_page_is_in_the_navigation() -> None:
    configured = (PROJECT / "zensical.toml").read_text(encoding="utf-8")
    assert tomllib.loads(configured)["project"]["docs_dir"] == "docs"
    missing = [
        str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if f'"{page.relative_to(DOCS)}"' not in configured
    ]
    assert missing == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_prose_does_not_tell_the_reader_that_it_is_easy(path: Path) -> None:
    prose = BLOCK.sub("", path.read_text(encoding="utf-8"))
    assert re.findall(r"\b(?:simply|just|easily|obviously)\b", prose, re.IGNORECASE) == []


@pytest.mark.parametrize("name", ethogram.__all__)
def test_everything_public_says_what_it_is(name: str) -> None:
    member = getattr(ethogram, name)
    if inspect.isclass(member) or inspect.isfunction(member):
        assert inspect.getdoc(member), f"ethogram.{name} needs a docstring"
    if inspect.isclass(member):
        for method, value in vars(member).items():
            if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"ethogram.{name}.{method} needs a docstring"


def test_every_command_and_every_option_has_help() -> None:
    import click

    from ethogram.cli import app

    def walk(command: click.Command, context: click.Context, path: str) -> list[str]:
        bare = [] if command.help else [path]
        bare += [
            f"{path} {parameter.opts[0]}"
            for parameter in command.params
            if isinstance(parameter, click.Option) and not parameter.help
        ]
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                bare += walk(child, click.Context(child, parent=context), f"{path} {name}")
        return bare

    assert walk(app, click.Context(app), "ethogram") == []


def test_licence_and_source_of_each_shipped_file_are_noted() -> None:
    readme = (PROJECT / "examples" / "README.md").read_text(encoding="utf-8")
    for path in (PROJECT / "examples" / "data").iterdir():
        assert path.name in readme
