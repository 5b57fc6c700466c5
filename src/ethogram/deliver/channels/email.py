"""E-mail by SMTP over kept connections, with each answer told apart by when it came.

Step of the path: deliver. Connects only where `addresses.Rules` allow; certificates are always verified. What fails
before the message's text has left can be tried again; what ends after it and before the server's answer is lost, as
nobody knows whether the server has it. Sources: RFC 5321, 3463 (enhanced codes), 6409.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
import ssl

import aiosmtplib

from ethogram.clock import Clock
from ethogram.deliver.addresses import Rules, open_socket, refusal_in
from ethogram.deliver.channels import mime
from ethogram.deliver.channels.protocol import harmless, wrong_content
from ethogram.model.message import Accepted, EmailContent, Later, Letter, Lost, Misconfigured, Never, Outcome
from ethogram.model.provider import Smtp

_QUIT_SECONDS = 2.0
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# Enhanced codes (RFC 3463) and words that say that the address takes nothing, for good.
_DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.310"})
_DEAD_WORDS = re.compile(
    r"no such (user|mailbox|recipient)|(user|recipient|mailbox|address)\b.{0,20}\b(unknown|not found|does ?n.t exist"
    r"|does not exist|disabled|invalid)|unknown (user|recipient|mailbox)|invalid (recipient|mailbox)",
    re.IGNORECASE,
)
# Amazon SES answers with nothing but the id by which its events name the message later.
_AMAZONS = re.compile(r"^(?:2\.0\.0 )?Ok:? ([0-9a-f]{12,}(?:-[0-9a-f]+){3,8})\s*$", re.IGNORECASE)
_POSTMARK = "postmarkapp.com"
_RELAYING = re.compile(r"\brelay", re.IGNORECASE)


class _BrokenError(Exception):
    """A connection ended before the message's text had left."""


class EmailChannel:
    """Sends e-mail through one server.

    Args:
        password: revealed.
        timeout: for each answer of the server's.
        tls: what verifies the server; None where the connection is not encrypted.
    """

    idempotent = False

    def __init__(
        self,
        name: str,
        settings: Smtp,
        *,
        password: str | None,
        rules: Rules,
        clock: Clock,
        timeout: dt.timedelta,
        tls: ssl.SSLContext | None,
    ) -> None:
        sender = mime.mailbox(settings.sender)
        if sender is None:
            raise ValueError(f"`{settings.sender}` is no sender; write it such as `Shop <news@shop.example>`")
        self.name = name
        self._settings = settings
        self._password = password
        self._rules = rules
        self._clock = clock
        self._seconds = timeout.total_seconds()
        self._tls = tls
        self._sender = sender
        self._free: list[aiosmtplib.SMTP] = []
        self._places = asyncio.Semaphore(settings.connections)

    async def send(self, letter: Letter) -> Outcome:
        """What came of sending an e-mail."""
        content = letter.content
        if not isinstance(content, EmailContent):
            return wrong_content(self.name, letter)
        to = mime.recipient(letter.address)
        if to is None:
            return Never(f"`{harmless(letter.address)}` is no e-mail address", dead=True)
        sender = mime.mailbox(content.sender) if content.sender else self._sender
        if sender is None:
            return Never(f"the sender `{harmless(content.sender or '')}` has no e-mail address")
        reply_to = mime.mailbox(content.reply_to) if content.reply_to else None
        domain = self._settings.domain or sender.domain
        message = mime.built(letter.id, sender, to, reply_to, content, self._clock.now(), domain, self._marks(letter))
        envelope = self._return_path(letter.id) or sender.envelope
        utf8 = to.beyond_ascii or sender.beyond_ascii or (reply_to is not None and reply_to.beyond_ascii)
        own = sender is self._sender
        async with self._places:
            try:
                while self._free:
                    with contextlib.suppress(_BrokenError):  # it was kept, and the server has ended it since
                        return await self._sent(self._free.pop(), envelope, to.envelope, message, utf8=utf8, own=own)
                client = await self._connected()
                if not isinstance(client, aiosmtplib.SMTP):
                    return client
                return await self._sent(client, envelope, to.envelope, message, utf8=utf8, own=own)
            except _BrokenError as error:
                return Later(str(error))

    async def close(self) -> None:
        """Says goodbye on all connections."""
        while self._free:
            client = self._free.pop()
            transport = client.transport
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_QUIT_SECONDS)
            _end(client, transport)
        await asyncio.sleep(0)  # in which the sockets are closed

    def _marks(self, letter: Letter) -> tuple[str, ...]:
        """Headers by which a provider tells its events which message they are about, where it keeps no Message-ID."""
        return (f"X-PM-Metadata-message_id: {letter.id}",) if self._settings.host.endswith(_POSTMARK) else ()

    def _return_path(self, id: str) -> str | None:
        path = self._settings.return_path
        return path.replace("{id}", id) if path is not None else None

    # --- connecting -----------------------------------------------------------------------------------------------

    async def _connected(self) -> aiosmtplib.SMTP | Outcome:
        """A connection that is greeted, encrypted and logged in; or what to say of the message instead."""
        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        client = None
        try:
            async with asyncio.timeout(self._seconds):
                connected = await open_socket(
                    settings.host, settings.port, self._rules, encrypted=settings.security != "none"
                )
            client = aiosmtplib.SMTP(
                hostname=None,
                sock=connected,
                local_hostname=settings.hostname or settings.domain or self._sender.domain,
                timeout=self._seconds,
                use_tls=False,
                start_tls=False,
            )
            await self._greeted(client)
        except aiosmtplib.SMTPAuthenticationError as error:
            told = f"{where} refuses the user name and password: {_told(error)}"
            ends: Outcome = Later(told) if 400 <= error.code < 500 else Misconfigured(told)
        except aiosmtplib.SMTPResponseException as error:
            told = f"{where} does not let us in: {_told(error)}"
            ends = Misconfigured(told) if error.code >= 500 else Later(told)
        except (ssl.SSLCertVerificationError, ssl.CertificateError) as error:
            ends = Misconfigured(f"the certificate of {where} is not to be trusted: {harmless(str(error))}")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            ends = self._unconnected(where, error)
        else:
            return client
        if client is not None:
            _end(client, client.transport)
        return ends

    async def _greeted(self, client: aiosmtplib.SMTP) -> None:
        settings = self._settings
        if settings.security == "tls":
            await client.connect(
                hostname=settings.host, port=None, use_tls=True, tls_context=self._tls, timeout=self._seconds
            )
        else:
            await client.connect(timeout=self._seconds)
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await client.helo()
        if settings.security == "starttls":
            await client.starttls(server_hostname=settings.host, tls_context=self._tls)
            await client.ehlo()
        if settings.username is not None and self._password is not None:
            await client.login(settings.username, self._password)

    def _unconnected(self, where: str, error: Exception) -> Outcome:
        refusal = refusal_in(error)
        if refusal is not None:
            return Misconfigured(f"{where} cannot be connected to: {refusal}")
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Misconfigured(f"the certificate of {where} is not to be trusted: {harmless(str(cause))}")
            cause = cause.__cause__
        if isinstance(error, aiosmtplib.SMTPNotSupported) or type(error) is aiosmtplib.SMTPException:
            return Misconfigured(f"{where} cannot do what the settings ask: {harmless(str(error))}")
        told = harmless(str(error)) or f"no answer within {self._seconds:g} seconds"
        return Later(f"{where} cannot be reached: {told}")

    # --- one message ----------------------------------------------------------------------------------------------

    async def _sent(
        self, client: aiosmtplib.SMTP, sender: str, to: str, message: bytes, *, utf8: bool, own: bool
    ) -> Outcome:
        """What came of handing over a message; the connection is kept if it is as good as before.

        Raises:
            _BrokenError: the connection ended, and the message's text had not left.
        """
        kept = False
        try:
            outcome, kept = await self._handed_over(client, sender, to, message, utf8=utf8, own=own)
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError) as error:
            if isinstance(error, aiosmtplib.SMTPTimeoutError):
                return Later(f"the server did not answer within {self._seconds:g} seconds")
            raise _BrokenError(f"the connection ended: {harmless(str(error))}") from None
        except aiosmtplib.SMTPResponseException as error:
            return Later(f"the server's answer cannot be read: {_told(error)}")
        finally:
            if kept and client.is_connected:
                self._free.append(client)
            else:
                _end(client, client.transport)
        return outcome

    async def _handed_over(
        self, client: aiosmtplib.SMTP, sender: str, to: str, message: bytes, *, utf8: bool, own: bool
    ) -> tuple[Outcome, bool]:
        """What came of it, and whether the connection can be used again."""
        options: tuple[bytes, ...] = ()
        if utf8:
            if not client.supports_extension("smtputf8"):
                return Never("the server takes no addresses beyond ASCII (SMTPUTF8)"), True
            options = (b"SMTPUTF8",)
        answer = await client.execute_command(b"MAIL", b"FROM:<" + sender.encode() + b">", *options)
        if answer.code == 421:
            raise _BrokenError(f"the server ends the connection: {_told(answer)}")
        if answer.code != 250:
            return _refused_sender(answer, own=own), await _reset(client, answer)
        answer = await client.execute_command(b"RCPT", b"TO:<" + to.encode() + b">")
        if answer.code not in {250, 251}:
            return _refused_recipient(answer), await _reset(client, answer)
        answer = await client.execute_command(b"DATA")
        if answer.code != 354:
            return _refused_text(answer), await _reset(client, answer)
        protocol = client.protocol
        if protocol is None:
            raise _BrokenError("the connection ended before the message's text")
        try:
            protocol.write(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            answer = await protocol.read_response(timeout=self._seconds)
        except aiosmtplib.SMTPTimeoutError:
            return Lost(f"the server has the message, and did not answer within {self._seconds:g} seconds"), False
        except (aiosmtplib.SMTPException, OSError) as error:
            return Lost(f"the connection ended after the message had left: {harmless(str(error))}"), False
        if answer.code == 250:
            return Accepted(_queue_id(answer.message)), True
        return _refused_text(answer), await _reset(client, answer)


def _refused_sender(answer: aiosmtplib.SMTPResponse, *, own: bool) -> Outcome:
    told = f"the server does not take the sender: {_told(answer)}"
    if answer.code < 500:
        return Later(told)
    too_big = answer.code == 552 or _enhanced(answer) == "5.3.4"
    return Misconfigured(told) if (own and not too_big) or answer.code in {530, 535} else Never(told)


def _refused_recipient(answer: aiosmtplib.SMTPResponse) -> Outcome:
    told = f"the server does not take the recipient: {_told(answer)}"
    if answer.code < 500:
        return Later(told, provider=answer.code == 421)
    enhanced = _enhanced(answer)
    if answer.code in {530, 535} or _RELAYING.search(answer.message):
        return Misconfigured(told)
    return Never(told, dead=enhanced in _DEAD or (enhanced is None and bool(_DEAD_WORDS.search(answer.message))))


def _refused_text(answer: aiosmtplib.SMTPResponse) -> Outcome:
    told = f"the server does not take the message: {_told(answer)}"
    if answer.code < 500:
        return Later(told)
    return Misconfigured(told) if answer.code in {530, 535} else Never(told, dead=_enhanced(answer) in _DEAD)


def _end(client: aiosmtplib.SMTP, transport: asyncio.BaseTransport | None) -> None:
    """Ends a connection at once, without waiting for the other side's goodbye."""
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


async def _reset(client: aiosmtplib.SMTP, answer: aiosmtplib.SMTPResponse) -> bool:
    """Makes a connection ready for the next message; whether it is."""
    if answer.code == 421:
        return False
    try:
        return (await client.execute_command(b"RSET")).code == 250
    except (aiosmtplib.SMTPException, OSError):
        return False


def _enhanced(answer: aiosmtplib.SMTPResponse) -> str | None:
    found = _ENHANCED.match(answer.message.lstrip())
    return found[0] if found is not None else None


def _told(answer: aiosmtplib.SMTPResponse | aiosmtplib.SMTPResponseException) -> str:
    return f"{answer.code} {harmless(answer.message)}"


def _queue_id(message: str) -> str | None:
    """The server's own id of the message, where its answer has one: `2.0.0 Ok: queued as 4B2C1`, or Amazon's `Ok …`."""
    found = re.search(r"\b(?:queued as|id=)\s*([A-Za-z0-9._-]{4,100})", message) or _AMAZONS.search(message)
    return found[1] if found is not None else None
