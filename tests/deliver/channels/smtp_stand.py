"""A real mail server in the tests' process, which misbehaves when told to."""

from __future__ import annotations

import asyncio
import email.policy
import ssl
import threading
import warnings
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from deliver.channels.stands import Arrived, Stand
from ethogram.model.message import Content, EmailContent
from ethogram.model.provider import Provider


class Handler:
    """Keeps what comes; each command answers what the script says of it first."""

    def __init__(self) -> None:
        self.script: list[tuple[str, str]] = []
        self.envelopes: list[Envelope] = []
        self.sessions: set[int] = set()

    async def _scripted(self, command: str, server: SMTP) -> str | None:
        if not self.script or self.script[0][0] != command:
            return None
        told = self.script.pop(0)[1]
        if told == "silent":
            await asyncio.sleep(5)
            return "451 too late"
        if told == "drop":
            cast(asyncio.Transport, server.transport).abort()
            await asyncio.sleep(0.05)
            return "250 nobody hears it"
        return told

    async def handle_MAIL(  # noqa: N802  # the server's own names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.sessions.add(id(session))
        told = await self._scripted("MAIL", server)
        if told is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return told or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        told = await self._scripted("RCPT", server)
        if told is None:
            envelope.rcpt_tos.append(address)
        return told or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        told = await self._scripted("DATA", server)
        if told is None or told.startswith("250"):
            self.envelopes.append(envelope)
        return told or "250 2.0.0 Ok: queued as 4B2C1"

    @property
    def messages(self) -> list[EmailMessage]:
        parser = BytesParser(policy=email.policy.default)
        return [parser.parsebytes(cast(bytes, each.content)) for each in self.envelopes]


class Server:
    """A mail server on 127.0.0.1, until it is closed."""

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        user: tuple[str, str] | None = None,
    ) -> None:
        self.handler = Handler()
        self.user = user
        options: dict[str, Any] = {"enable_SMTPUTF8": True, "data_size_limit": 50 << 20, "timeout": 30}
        if starttls is not None:
            options |= {"tls_context": starttls, "require_starttls": True}
        if user is not None:
            options |= {"authenticator": self._known, "auth_required": True, "auth_require_tls": True}
        if tls is not None:
            options["auth_require_tls"] = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of its own options
            self._loop = asyncio.new_event_loop()
            self._made: list[SMTP] = []
            self._listening = self._loop.run_until_complete(
                self._loop.create_server(lambda: self._make(options), "127.0.0.1", 0, ssl=tls)
            )
        self.port = int(self._listening.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def _make(self, options: dict[str, Any]) -> SMTP:
        made = SMTP(self.handler, loop=self._loop, **options)
        self._made.append(made)
        return made

    def _known(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self.user, handled=False)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _ended(self) -> None:
        self._listening.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for each in self._made:
            if each.transport is not None:
                cast(asyncio.Transport, each.transport).abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class SmtpStand(Stand):
    idempotent = False
    retry_after = False
    _ANSWERS = {  # noqa: RUF012  # a table
        "later": ("DATA", "451 4.3.0 try again"),
        "never": ("RCPT", "554 5.7.1 no thanks"),
        "misconfigured": ("MAIL", "530 5.7.0 authenticate first"),
        "silent": ("DATA", "silent"),
        "drop": ("DATA", "drop"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()

    def __exit__(self, *_: object) -> None:
        self.server.close()

    def provider(self) -> Provider:
        return self.made(
            channel="email",
            host="127.0.0.1",
            port=self.server.port,
            security="none",
            sender="Shop <news@shop.example>",
        )

    def will(self, *kinds: str) -> None:
        self.server.handler.script += [self._ANSWERS[kind] for kind in kinds]

    def content(self, text: str) -> Content:
        return EmailContent(text[:200], f"<p>{text}</p>", text, unsubscribe="https://shop.example/u/1")

    @property
    def address(self) -> str:
        return "ann@example.com"

    @property
    def arrived(self) -> list[Arrived]:
        return [
            Arrived(str(each["Message-ID"]), cast(EmailMessage, each.get_body(("plain", "html"))).get_content())
            for each in self.server.handler.messages
        ]
