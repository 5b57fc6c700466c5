"""What the documentation shows of templates and catalogues can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ethogram.deliver.templates.compiling import TEXT, faults
from ethogram.documents import parse
from ethogram.model.catalog import Catalog
from ethogram.model.template import Template

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "write-messages.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS)
def test_each_definition_in_the_documentation_can_be_saved(block: str) -> None:
    content = parse(block, "write-messages.md")
    for name, body in content.get("templates", {}).items():
        assert Template.from_body(name, body, check=faults).name == name
    for name, body in content.get("catalogs", {}).items():
        assert Catalog.from_body(name, body).name == name
    assert content


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\\\| (\w+)", PAGE))))
def test_each_filter_in_the_documentation_exists(name: str) -> None:
    assert name in TEXT.filters
