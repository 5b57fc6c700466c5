"""A mailbox for `make demo-engage`: a real SMTP server on this machine, whose mails one opens in a browser.

Each mail becomes an `.eml` as it came over the wire and an `.html` as a mail program shows it; `index.html` lists them.
Nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import email.policy
import html
import threading
import warnings
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

with warnings.catch_warnings():  # the server's own imports speak of what Python will remove
    warnings.simplefilter("ignore")
    from aiosmtpd.smtp import SMTP, Envelope, Session

_PAGE = """<!doctype html><meta charset="utf-8"><title>Mailbox</title>
<style>body{{font:16px system-ui;margin:2rem auto;max-width:60rem}}td{{padding:.3rem 1rem .3rem 0}}
iframe{{width:100%;height:30rem;border:1px solid #ccc}}</style>
<h1>{count} mails</h1><table>{rows}</table><iframe name="mail" src="{first}"></iframe>
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that came.

    Attributes:
        file: its name in the mailbox, without suffix.
    """

    to: str
    message: EmailMessage
    file: str

    def part(self, kind: str) -> str:
        """The text of its part of a kind, `html` or `plain`."""
        found = self.message.get_body((kind,))
        return str(found.get_content()) if found is not None else ""


class Mailbox:
    """Takes mail over SMTP into a folder until it is closed.

    Attributes:
        port: where it listens.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mails: list[Mail] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        listening = self._loop.create_server(lambda: SMTP(self, loop=self._loop), "127.0.0.1", 0)
        self._server = self._loop.run_until_complete(listening)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="mailbox")
        self._thread.start()

    def close(self) -> None:
        """Takes no more mail and writes the index."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        self._write_index()

    @property
    def mails(self) -> list[Mail]:
        """What has come so far, in its order."""
        with self._lock:
            return list(self._mails)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Keeps a mail; the server's own name for it."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(content)
        with self._lock:
            mail = Mail(envelope.rcpt_tos[0], message, f"{len(self._mails) + 1:03}")
            (self.folder / f"{mail.file}.eml").write_bytes(content)
            (self.folder / f"{mail.file}.html").write_text(mail.part("html"), encoding="utf-8")
            self._mails.append(mail)
        return "250 kept"

    def _write_index(self) -> None:
        mails = self.mails
        rows = "".join(
            f'<tr><td>{html.escape(mail.to)}<td><a target="mail" href="{mail.file}.html">'
            f'{html.escape(str(mail.message["Subject"]))}</a><td><a href="{mail.file}.eml">as sent</a></tr>'
            for mail in mails
        )
        first = f"{mails[0].file}.html" if mails else "about:blank"
        (self.folder / "index.html").write_text(
            _PAGE.format(count=len(mails), rows=rows, first=first), encoding="utf-8"
        )
