"""A real Chromium without a window, driven over the pipe that it speaks DevTools on: nothing to install but itself.

`Browser` is the process, `Page` a tab in storage of its own. `Site` in `browser_site.py` is what it looks at.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
MISSING = "no Chromium here: install it (Debian and Ubuntu: apt install chromium) to test what runs in the browser"
PATIENCE = 20.0  # seconds that a command may take on a busy machine

# The network flags keep the browser from looking for its maker's servers; containers lack what the sandbox needs.
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage --disable-extensions --mute-audio"
    " --remote-debugging-pipe"
).split()


class BrowserError(AssertionError):
    """The browser refused a command, or the page threw."""


@dataclass(slots=True)
class Page:
    """A tab; its storage is shared with the tabs opened from it and no others."""

    browser: Browser
    session: str
    context: str
    said: list[str] = field(default_factory=list)  # console, errors and broken policies, as texts

    def send(self, method: str, **params: Any) -> Any:
        return self.browser.send(method, self.session, **params)

    def on_new_documents(self, script: str) -> None:
        """Runs a script in each document from now on, before the document's own."""
        self.send("Page.addScriptToEvaluateOnNewDocument", source=script)

    def goto(self, address: str) -> None:
        """Opens an address and waits until it has loaded."""
        loaded = self.browser.count(self.session, "Page.loadEventFired")
        answer = self.send("Page.navigate", url=address)
        assert "errorText" not in answer, f"{address}: {answer['errorText']}"
        self.browser.wait(lambda: self.browser.count(self.session, "Page.loadEventFired") > loaded, f"load {address}")

    def run(self, expression: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def settle(self) -> None:
        """Lets half a second pass in the page: longer than any pause that the script makes on its own."""
        self.run("new Promise((done) => setTimeout(done, 500))")

    def click(self, selector: str) -> None:
        """Presses and releases the mouse in the middle of an element once the page is painted; before, it is lost."""
        self.send("Page.bringToFront")
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => 0)")
        box = self.run(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def offline(self, whether: bool) -> None:
        """Cuts the network off, or brings it back."""
        self.send(
            "Network.emulateNetworkConditions", offline=whether, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )

    def another(self) -> Page:
        """A second tab that shares this one's storage."""
        return self.browser.open(self.context)

    def kept(self) -> dict[str, Any]:
        """All that the page could have stored: by name and kind."""
        found = self.run(
            "(async () => ({ local: { ...localStorage }, session: { ...sessionStorage },"
            " databases: (await indexedDB.databases()).length, caches: self.caches ? await caches.keys() : [] }))()"
        )
        cookies = self.browser.send("Storage.getCookies", browserContextId=self.context)["cookies"]
        return {kind: content for kind, content in {**found, "cookies": cookies}.items() if content}


class Browser:
    """One Chromium; commands and answers are JSON texts that end in a zero byte."""

    def __init__(self) -> None:
        assert CHROMIUM is not None, MISSING
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._changed = threading.Condition()
        self._answers: dict[int, Any] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._last_said: dict[tuple[str, str], Any] = {}
        self._pages: dict[str, Page] = {}
        self._last = 0
        self._gone = False
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        # The numbers 3 and 4 are Chromium's; ours are moved out of their way before they are given.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (theirs_in, theirs_out)]
        null = os.open(os.devnull, os.O_RDWR)
        self._process = os.posix_spawn(
            CHROMIUM,
            [CHROMIUM, *FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"],
            {**os.environ, "HOME": self._folder.name},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 1),
                (os.POSIX_SPAWN_DUP2, null, 2),
                (os.POSIX_SPAWN_DUP2, ends[0], 3),
                (os.POSIX_SPAWN_DUP2, ends[1], 4),
            ],
            setpgroup=0,
        )
        for end in (theirs_in, theirs_out, null, *ends):
            os.close(end)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        rest = b""
        while piece := os.read(self._from, 1 << 16):
            *whole, rest = (rest + piece).split(b"\0")
            for text in whole:
                self._take(json.loads(text))
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        with self._changed:
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                method, session = message["method"], message.get("sessionId", "")
                self._counts[session, method] = self._counts.get((session, method), 0) + 1
                self._last_said[session, method] = message["params"]
                if session in self._pages:
                    self._pages[session].said += _said(method, message["params"])
            self._changed.notify_all()

    def wait(self, condition: Any, what: str) -> None:
        """Waits until a condition on what the browser said holds."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition() or self._gone, PATIENCE), f"not within time: {what}"
            assert not self._gone or condition(), f"the browser ended before: {what}"

    def count(self, session: str, method: str) -> int:
        """How often an event has come from a tab."""
        return self._counts.get((session, method), 0)

    def last(self, session: str, method: str) -> Any:
        """What the last such event of a tab said; None where there was none."""
        return self._last_said.get((session, method))

    def send(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Carries a command out and returns its answer."""
        with self._changed:
            self._last += 1
            number = self._last
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        self.wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, context: str | None = None) -> Page:
        """A new tab: in storage of its own, or in that of another."""
        context = context or self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, context)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        return page

    def forget(self, page: Page) -> None:
        """Closes the tabs of one storage and throws it away."""
        self.send("Target.disposeBrowserContext", browserContextId=page.context)

    def close(self) -> None:
        """Ends the process and all that it started."""
        with contextlib.suppress(AssertionError, OSError):
            self.send("Browser.close")
        os.close(self._to)
        self._reader.join(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._from)
        self._folder.cleanup()


def _said(method: str, params: dict[str, Any]) -> list[str]:
    match method:
        case "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            return [f"error: {details.get('exception', {}).get('description', details['text'])}"]
        case "Runtime.consoleAPICalled":
            texts = [str(each.get("value", each.get("description", ""))) for each in params["args"]]
            return [f"{params['type']}: {' '.join(texts)}"]
        case "Log.entryAdded":
            return [f"{params['entry']['source']}: {params['entry']['text']}"]
        case _:
            return []


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """A browser that is gone afterwards."""
    browser = Browser()
    try:
        yield browser
    finally:
        browser.close()
