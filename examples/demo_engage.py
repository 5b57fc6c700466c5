"""What `make demo-engage` runs: carts are left, and a journey reminds of them by real mail into a local mailbox.

Starts `ethogram serve` on a workspace that is thrown away at the end, and applies `abandoned_cart.yaml` as a user does.
People of a generated shop leave carts; some buy, some click, one unsubscribes. What is decided about each is shown as
it comes back as an event, and in the end the report compares with those who were held out. People are generated, and
how they answer to a mail is planted by this program; the mails are real.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from demo_mailbox import Mail, Mailbox
from ethogram.collecting import Keys
from ethogram.following import Following, Happened

DEFINITIONS = Path(__file__).parent / "abandoned_cart.yaml"
WRITE = "wk_demo"
THINGS = (("Teapot, blue", 24.5), ("Six tea cups", 31.0), ("Wool blanket", 59.0), ("Candle holder", 12.75))
NAMES = "Ada Ben Cleo Dan Edith Finn Gwen Hugo Iris Jack Kate Liam".split()
BROWSER = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"}
NO_PERSON_YET = 3.0  # seconds: who clicks sooner after the sending counts as a machine
PATIENCE = 30.0  # seconds for anything that is waited for
SHOWN = 4  # lines of each kind; the others are counted
_STYLES = {
    "email_sent": "green", "email_refused": "yellow", "email_held_out": "dim", "email_clicked": "cyan",
    "email_unsubscribed": "magenta",
}  # fmt: skip


class Shop:
    """The people of the shop, and what they do over HTTP."""

    def __init__(self, port: int, people: int) -> None:
        self.port = port
        self.chance = random.Random(11)
        self.people = [f"generated-{number:03}" for number in range(people)]
        self.noted = self.people[-8:-4]  # wrote that they want no mail
        self.nowhere = self.people[-4:]  # left no address

    def arrive(self) -> None:
        """Everybody signs in."""
        calls: list[dict[str, Any]] = []
        for person in self.people:
            traits = {"first_name": self.chance.choice(NAMES)}
            if person not in self.nowhere:
                traits["email"] = f"{person}@example.com"
            calls.append({"type": "identify", "userId": person, "traits": traits})
        self._send(calls)

    def fill_carts(self, people: list[str]) -> None:
        """People put things into their carts and leave."""
        self._send([self._track(person, "add_to_cart", {"items": self._items()}) for person in people])

    def buy(self, people: list[str]) -> None:
        """People buy."""
        self._send([self._track(person, "purchase", {"amount": round(self.chance.gauss(60, 15), 2)})
                    for person in people])  # fmt: skip

    def open(self, url: str, *, method: str = "GET", body: bytes | None = None) -> int:
        """The status of following a link of a mail as a browser does."""
        headers = dict(BROWSER)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        parts = urlsplit(url)
        return self._request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)

    def _items(self) -> list[dict[str, Any]]:
        chosen = self.chance.sample(THINGS, self.chance.randint(1, 3))
        return [{"title": title, "price": price} for title, price in chosen]

    def _track(self, person: str, event: str, properties: dict[str, Any]) -> dict[str, Any]:
        return {"type": "track", "userId": person, "event": event, "properties": properties}

    def _send(self, calls: list[dict[str, Any]]) -> None:
        body = json.dumps({"writeKey": WRITE, "batch": calls}).encode()
        status = self._request("POST", "/v1/batch", body, {"Content-Type": "application/json"})
        if calls and status != 200:
            sys.exit(f"the server answered {status} to {len(calls)} events")

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()


class Watch:
    """Shows what is decided and what becomes of it; remembers it by kind and person."""

    def __init__(self, console: Console, following: Following) -> None:
        self._console, self._following = console, following
        self._shown: Counter[str] = Counter()
        self.seen: dict[str, list[str]] = {}
        self.reasons: Counter[str] = Counter()

    def step(self) -> None:
        """Shows what is new."""
        for each in self._following.step():
            if not isinstance(each, Happened) or each.name == "identify":
                continue
            self.seen.setdefault(each.name, []).append(each.profile_id)
            code = str(each.content.get("code", "")) if each.name == "email_refused" else ""
            self.reasons[code] += bool(code)
            kind = each.name + code
            self._shown[kind] += 1
            if self._shown[kind] <= SHOWN:
                self._show(each, code)
            elif self._shown[kind] == SHOWN + 1:
                self._console.print(f"[dim]… further `{each.name}` are counted only[/dim]")

    def _show(self, each: Happened, code: str) -> None:
        """One line: when, what, who, and why or with what."""
        items = each.content.get("items")
        told = f"because: {code}" if code else ", ".join(item["title"] for item in items) if items else ""
        if each.name == "purchase":
            told = f"{each.content['amount']:.2f}"
        elif each.name == "email_clicked":
            told = str(each.content.get("url", ""))
        line = f"{each.received_at:%H:%M:%S}  {each.name:<18} {each.profile_id}  {told}"
        self._console.print(line.rstrip(), style=_STYLES.get(each.name, ""), markup=False)

    def until(self, name: str, count: int) -> None:
        """Waits for so many events of a name."""
        self.wait(PATIENCE, lambda: len(self.seen.get(name, ())) >= count, f"{count} × {name}")

    def wait(self, seconds: float, done: Any = None, what: str = "") -> None:
        """Shows what comes for some seconds, or until it is done."""
        ends = time.monotonic() + seconds
        while done is None or not done():
            if time.monotonic() > ends:
                if done is not None:
                    sys.exit(f"not within {seconds:.0f} seconds: {what}; so far {self.counts()}")
                return
            self.step()
            time.sleep(0.02)

    def counts(self) -> dict[str, int]:
        """How often each event came."""
        return {name: len(people) for name, people in sorted(self.seen.items())}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--people", type=int, default=200, help="how many leave a cart")
    arguments.add_argument("--mailbox", type=Path, default=Path("demo-mailbox"), help="the folder of the mails")
    given = arguments.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    empty(given.mailbox)
    given.mailbox.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory(prefix="ethogram-demo-engage-") as temporary,
        contextlib.closing(Mailbox(given.mailbox)) as mailbox,
    ):
        play(console, Path(temporary), mailbox, given.people)
    console.print(f"\n[bold green]Look at the mails:[/bold green] {(given.mailbox / 'index.html').resolve()}")
    console.print("[dim]The server is stopped and its workspace removed. docs/how-to/send-campaigns.md goes on.[/dim]")


def empty(mailbox: Path) -> None:
    """Removes the mails of an earlier demo, and nothing that is not its own."""
    if not mailbox.exists():
        return
    held = [each.name for each in mailbox.iterdir()]
    if held and ("index.html" not in held or any(not name.endswith((".eml", ".html")) for name in held)):
        sys.exit(f"`{mailbox}` holds more than mails of a demo; name another folder with --mailbox")
    shutil.rmtree(mailbox)


def play(console: Console, folder: Path, mailbox: Mailbox, people: int) -> None:
    place, port = folder / "shop", free_port()
    console.rule("[bold]An abandoned cart[/bold] · generated people, real mail to this machine")
    prepare(console, place, mailbox, port)
    with serving(place, port), Following(place) as following:
        shop, watch = Shop(port, people), Watch(console, following)
        shop.arrive()
        for person in shop.noted:
            command(place, "consents", "set", person, "--channel", "email", "--topic", "reminders", "--no")
        console.print(f"\n{people} people put something into their carts; {people // 10} of them buy at once:\n")
        shop.fill_carts(shop.people)
        bought = shop.people[: people // 10]
        shop.buy(bought)
        remind(console, shop, watch, mailbox, bought)
    console.rule("[bold]What it changed[/bold] · ethogram campaigns report abandoned_cart --step remind")
    console.print(command(place, "campaigns", "report", "abandoned_cart", "--step", "remind"), markup=False)
    console.print(
        "[dim]The effect is planted: who was reminded buys in about half of the cases, who was not in a tenth.[/dim]"
    )


def remind(console: Console, shop: Shop, watch: Watch, mailbox: Mailbox, bought: list[str]) -> None:
    """From the first mail to the last answer."""
    refused = set(shop.noted + shop.nowhere)
    left = [person for person in shop.people if person not in bought and person not in refused]
    decided = ("email_sent", "email_held_out", "email_refused")
    watch.wait(
        PATIENCE,
        lambda: sum(len(watch.seen.get(each, ())) for each in decided) >= len(left) + len(refused),
        "a decision about each cart that was not bought",
    )
    watch.wait(NO_PERSON_YET)  # as people read before they click
    mails = mailbox.mails
    reminded = {mail.to.split("@")[0]: mail for mail in mails}
    console.print(f"\n[bold]{len(mails)} mails are in the mailbox[/bold]; some of their readers click and buy:\n")
    readers = [person for person in left if person in reminded]
    for person in readers[1::2]:
        shop.open(link(reminded[person], "/l/"))
    shop.buy(readers[1::2] + [person for person in left if person not in reminded][::10])
    gone = readers[0]
    one_click = str(reminded[gone].message["List-Unsubscribe"]).strip("<>")
    shop.open(one_click, method="POST", body=b"List-Unsubscribe=One-Click")
    watch.until("email_unsubscribed", 1)
    console.print(f"\n{gone} has unsubscribed with one click, and leaves another cart:\n")
    watch.wait(6)  # the journey lets somebody in again ten seconds after the first time
    shop.fill_carts([gone])
    watch.until("email_refused", len(refused) + 1)
    watch.until("email_clicked", len(readers[1::2]))  # a click is looked at for some seconds: was it a machine?
    again = [mail for mail in mailbox.mails if mail.to.startswith(gone)]
    if len(again) != 1:
        sys.exit(f"{gone} unsubscribed and got {len(again)} mails")
    counts = watch.counts()
    reasons = ", ".join(f"{count} {code}" for code, count in sorted(watch.reasons.items()) if code)
    console.rule("[bold]What happened[/bold]")
    console.print(f"carts      {counts['add_to_cart']}, of which {len(bought)} were bought before the reminder")
    console.print(f"sent       {counts['email_sent']}; in the mailbox: {len(mailbox.mails)}")
    console.print(f"held out   {counts['email_held_out']}, for comparison")
    console.print(f"refused    {counts['email_refused']}: {reasons}")
    console.print(f"clicked    {counts['email_clicked']}")


def prepare(console: Console, place: Path, mailbox: Mailbox, port: int) -> None:
    """A workspace with the definitions, its journey open."""
    command(None, "init", str(place))
    settings = place / "ethogram.toml"
    address = f'public_url = "http://127.0.0.1:{port}"\nallow_addresses = "127.0.0.1"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + address, encoding="utf-8")
    with Keys(place) as keys:
        keys.add("write", value=WRITE)
    definitions = place.parent / DEFINITIONS.name
    text = DEFINITIONS.read_text(encoding="utf-8").replace("port: 2525", f"port: {mailbox.port}")
    definitions.write_text(text, encoding="utf-8")
    for verb in ("plan", "apply"):
        console.print(f"[dim]$ ethogram {verb} {DEFINITIONS.name}[/dim]")
        said = command(place, verb, str(definitions)).splitlines()
        console.print("\n".join(line for line in said if not line.startswith(" ")), markup=False)
    console.print("[dim]$ ethogram journeys start abandoned_cart[/dim]")
    console.print(command(place, "journeys", "start", "abandoned_cart").rstrip(), markup=False)


def command(place: Path | None, *words: str) -> str:
    """What a command of Ethogram prints; one that fails ends the demo with what it says."""
    where = [] if place is None else ["-w", str(place)]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "ethogram", *where, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"ethogram {' '.join(words)}: {done.stderr or done.stdout}")
    return done.stdout


def link(mail: Mail, path: str) -> str:
    """The first link in a mail that leads by way of the server."""
    found = re.search(rf'href="(http://127\.0\.0\.1:\d+{path}[^"]+)"', mail.part("html"))
    if found is None:
        sys.exit(f"the mail to {mail.to} has no tracked link")
    return found[1]


def free_port() -> int:
    """A port that nobody listens at; links in mails must name it before the server runs."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextlib.contextmanager
def serving(place: Path, port: int) -> Iterator[None]:
    """`ethogram serve` as a process of its own."""
    words = [sys.executable, "-m", "ethogram", "-w", str(place), "serve", "--port", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:  # noqa: S603
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            if "listening at" not in line:
                sys.exit(f"the server did not start: {line}")
            yield
        finally:
            server.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
