"""Asks the console's application in this process, as a browser would: with a cookie, from its own pages."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from argon2 import PasswordHasher

import ethogram as eg
from ethogram.clock import Clock, ManualClock
from ethogram.collecting import Keys
from ethogram.runtime import Workspace
from ethogram.team import Role, Team
from ethogram.web.answers import Asgi
from ethogram.web.asking import asking
from ethogram.web.metrics import Metrics

PASSWORD = "correct horse battery"
# Cheap on purpose: what is tested is not how long guessing takes.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True, slots=True)
class Got:
    """What the console answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for each, value in self.headers if each == name), "")

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def words(self) -> str:
        """The text that one reads, without tags."""
        reader = _Words()
        reader.feed(self.text)
        return " ".join(" ".join(reader.found).split())


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@dataclass(slots=True)
class Console:
    """A browser at the console; `as_role` is another one."""

    app: Asgi
    workspace: Workspace
    team: Team
    cookies: dict[str, str] = field(default_factory=dict)
    site: str = "same-origin"

    def get(self, address: str, **headers: str) -> Got:
        return self.ask("GET", address, None, headers)

    def twin(self, address: str) -> Any:
        """The JSON twin of a page."""
        got = self.get(address, accept="application/json")
        assert got.header("content-type").startswith("application/json"), got.text
        return got.json

    def post(self, address: str, form: Mapping[str, Any] | None = None, **headers: str) -> Got:
        """Sends a form."""
        body = urlencode(form or {}, doseq=True).encode()
        return self.ask("POST", address, body, {"content-type": "application/x-www-form-urlencoded", **headers})

    def ask(self, method: str, address: str, body: bytes | None, headers: Mapping[str, str]) -> Got:
        cut = urlsplit(address)
        named = {
            "host": "testserver",
            "accept": "text/html",
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "content-length": str(len(body or b"")),
            **({"sec-fetch-site": self.site} if self.site else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(cut.path),
            "raw_path": cut.path.encode(),
            "query_string": cut.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("testserver", 80),
            "state": {},
        }
        got = asyncio.run(_asked(self.app, scope, body or b""))
        for name, value in got.headers:
            if name == "set-cookie":
                cookie, _, rest = value.partition(";")
                key, _, held = cookie.partition("=")
                if "max-age=0" in rest.lower().replace(" ", ""):
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = held.strip('"')
        return got

    def as_role(self, role: Role) -> Console:
        """Somebody else, who has a role."""
        _, token = self.team.invite(role)
        other = Console(self.app, self.workspace, self.team)
        session = self.team.accept(token, f"{role.value}@shop.example", f"The {role.value}", PASSWORD)
        other.cookies["ethogram_session"] = session
        return other

    def signed_out(self) -> Console:
        """Somebody who is not signed in."""
        return Console(self.app, self.workspace, self.team)


async def _asked(app: Asgi, scope: dict[str, Any], body: bytes) -> Got:
    sent: list[dict[str, Any]] = []
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return given.pop() if given else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    headers = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
    return Got(start["status"], headers, b"".join(each.get("body", b"") for each in sent[1:]))


@contextlib.contextmanager
def opened(place: Path, *, clock: Clock | None = None, role: Role = Role.ADMIN) -> Iterator[Console]:
    """The console of a workspace, with its first user, who is signed in."""
    chosen = clock or ManualClock(dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC))
    with (
        eg.open(place, clock=chosen) as workspace,
        Keys(place, clock=chosen) as keys,
        Team(place, clock=chosen, hasher=QUICK) as team,
    ):
        found = asking(workspace, keys, team, clock=chosen, metrics=Metrics())
        try:
            token = team.first_token()
            assert token is not None
            session = team.accept(token, "ada@shop.example", "Ada", PASSWORD)
            console = Console(found.mounts["/console"], workspace, team, {"ethogram_session": session})
            yield console if role is Role.ADMIN else console.as_role(role)
        finally:
            found.close()
