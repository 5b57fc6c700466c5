"""A real browser shows the pages as they are meant, and lets nothing foreign run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ethogram import config
from ethogram.clock import ManualClock
from ethogram.collecting import open_ledger
from ethogram.config import Settings
from ethogram.subscribing import Subscriptions
from ethogram.web.preferences.application import mounts
from web.browser import CHROMIUM, MISSING, Browser
from web.here import here, until
from web.test_preferences import NOW, Post

pytestmark = [pytest.mark.outside, pytest.mark.skipif(CHROMIUM is None, reason=MISSING)]


def test_somebody_unsubscribes_and_chooses_again(tmp_path: Path, browser: Browser) -> None:
    config.write(tmp_path, Settings())
    with (
        open_ledger(tmp_path) as ledger,
        Subscriptions(tmp_path, clock=ManualClock(NOW)) as subscriptions,
        here(tmp_path, mounts=mounts(subscriptions)) as server,
    ):
        post = Post(ledger, server)
        page = browser.open()
        page.goto(f"http://127.0.0.1:{server.port}{post.link(post.message())}")
        assert not post.said()
        # The style is let through by its hash; without it, links and buttons would be the browser's own.
        assert page.run("getComputedStyle(document.querySelector('main')).maxWidth") == "640px"
        page.click("button")
        until(lambda: post.said() == {("email", ""): False})
        until(lambda: page.run("document.title") == "You are unsubscribed")
        page.click("a")
        until(lambda: page.run("document.title") == "What you receive")
        assert page.run("document.querySelector('input[type=checkbox]').checked") is False
        page.click("label")
        page.click("button")
        until(lambda: post.said() == {("email", ""): True})
        until(lambda: page.run("document.querySelector('[role=status]') !== null"))
        assert page.kept() == {}
        assert not [each for each in page.said if "favicon" not in each]
