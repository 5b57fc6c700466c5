"""What tests in the browser share: one Chromium a module, and a site that remembers what was sent to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from web.browser import Browser, running
from web.browser_site import Site, serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running() as browser:
        yield browser


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site
