"""Walks the console as somebody would: a server of its own process, and a real Chromium driven by Playwright."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from console.asked import PASSWORD
from web.browser import CHROMIUM
from web.running import Server

AXE = (Path(__file__).parent / "vendor" / "axe" / "axe.min.js").read_text("utf-8")
# WCAG 2.2 AA and what it includes, with what axe counts as good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(slots=True)
class Walk:
    """Somebody at the console of a running server.

    Attributes:
        said: what the browser complained about: refused by the policy, thrown, not found.
    """

    server: Server
    link: str
    context: BrowserContext
    page: Page
    said: list[str] = field(default_factory=list)

    def goto(self, address: str) -> Page:
        """Opens a page, and waits until all that comes later has come."""
        self.page.goto(self.server.url + address)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Waits until nothing on the page is still to come."""
        self.page.wait_for_function(
            "() => !document.querySelector('.skeleton[aria-busy]') && !document.querySelector('[data-drawn=soon]')"
        )

    def begin(self) -> None:
        """Becomes the first user by the link that the server printed."""
        self.page.goto(self.link)
        self.page.get_by_label("Your name").fill("Ada")
        self.page.get_by_label("E-mail address").fill("ada@shop.example")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Begin").click()
        self.page.wait_for_url(re.compile("/console/(start)?$"))

    def faults(self) -> list[str]:
        """What axe finds wrong on the page."""
        self.page.evaluate(AXE)  # not as a script of the page, which its policy would refuse
        found = self.page.evaluate(
            "(rules) => axe.run(document, {runOnly: {type: 'tag', values: rules}}).then((done) => done.violations.map("
            "(each) => each.id + ': ' + each.nodes.slice(0, 3).map((node) => node.target.join(' ') + ' '"
            " + node.failureSummary).join(' | ')))",
            RULES,
        )
        return [str(each) for each in found]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def walking(browser: Browser, place: Path, *, scheme: str = "light", width: int = 1280) -> Iterator[Walk]:
    """Somebody at the console of a workspace, not yet signed in."""
    with Server(place) as server:
        assert server.process.stdout is not None
        link = next(
            found[0] for line in server.process.stdout if (found := re.search(r"http\S+/console/welcome/\S+", line))
        )
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            accept_downloads=True,
        )
        context.set_default_timeout(30_000)
        page = context.new_page()
        walk = Walk(server, link, context, page)
        page.on("pageerror", lambda error: walk.said.append(f"thrown: {error}"))
        page.on(
            "console", lambda message: walk.said.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("dialog", lambda dialog: walk.said.append(f"dialog: {dialog.message}"))
        try:
            yield walk
        finally:
            context.close()
