"""What the page about campaigns and journeys shows is true: its file is applied, and its commands are there."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

import ethogram as eg
from ethogram.applying import Applying
from ethogram.cli.app import app
from ethogram.documents import documents, parse
from ethogram.engagement import Definitions
from ethogram.model.campaign import Campaign

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
PAGE = (DOCS / "send-campaigns.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line.strip()
]


def test_the_file_of_the_page_is_applied_whole(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    found = documents([("the page", parse(text, "the page"))])
    with eg.init(tmp_path / "shop") as workspace, Definitions(workspace.path) as definitions:
        applied = Applying(workspace, definitions).apply(found)
    assert {each.kind for each in applied} == {
        "provider", "topic", "cap", "quiet_hours", "segment", "template", "campaign", "journey",
    }  # fmt: skip


def test_what_the_page_about_messages_on_a_site_shows_is_applied(tmp_path: Path) -> None:
    page = (DOCS / "show-messages-on-a-site.md").read_text(encoding="utf-8")
    found = re.findall(r"```yaml\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    assert len(found) == 2
    with eg.init(tmp_path / "shop") as workspace, Definitions(workspace.path) as definitions:
        for text in found:
            told = documents([("the page", parse(textwrap.dedent(text), "the page"))])
            assert Applying(workspace, definitions).apply(told)


PAGES = {
    name: (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for name in ("set-up-providers", "ask-for-consent", "keep-catalogs-and-coupons")
}
NESTED = [
    line
    for page in PAGES.values()
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("ethogram ") and " apply " not in line
]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_defines_is_applied(page: str, tmp_path: Path) -> None:
    texts = re.findall(r"```yaml\n(.*?)```", PAGES[page], re.DOTALL)
    found = documents([(f"the page, {number}", parse(text, "the page")) for number, text in enumerate(texts)])
    with eg.init(tmp_path / "shop") as workspace, Definitions(workspace.path) as definitions:
        assert {each.state for each in Applying(workspace, definitions).apply(found)} == {"new"}


@pytest.mark.parametrize("line", NESTED)
def test_each_command_of_those_pages_has_its_verb_and_options(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    shown = CliRunner().invoke(app, [*words[:2], "--help"])
    assert shown.exit_code == 0, shown.output
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.output


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_of_the_page_has_its_verb_and_options(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    verbs = [word for word in words if not word.startswith("-")][: 2 if words[0] in ("campaigns", "journeys") else 1]
    shown = CliRunner().invoke(app, [*verbs, "--help"])
    assert shown.exit_code == 0, shown.output
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.output


def test_each_way_of_sending_is_one_that_is_read() -> None:
    ways = re.findall(r"^\| `(.*?)` \|", PAGE, re.MULTILINE)
    assert len(ways) == 8

    for way in ways[1:]:
        body = {"channel": "email", "template": "x", "when": parse(way, "the page")}
        Campaign.from_body("it", body)
