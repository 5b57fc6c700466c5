"""Receivers of every bad habit: the client gives up in time, reads little, and says what happened."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from deliver.outgoing import HERE
from deliver.receiver import Answer, Receiver, dripping, drops, endless, huge, silent, status
from ethogram.clock import SystemClock
from ethogram.deliver.attempts import Delivered, Failed, Outcome
from ethogram.deliver.client import Client


def _post(url: str, body: bytes = b'{"a":1}', seconds: float = 1) -> Outcome:
    async def posted() -> Outcome:
        async with Client(HERE, SystemClock(), timeout=dt.timedelta(seconds=seconds)) as client:
            return await client.post(url, {"webhook-id": "msg_1"}, body)

    return asyncio.run(posted())


def test_what_is_sent_arrives_as_it_is() -> None:
    with Receiver() as receiver:
        assert _post(receiver.url + "?a=%2F&b=c") == Delivered(200)
        (got,) = receiver.received
        assert (got.path, got.body, got.id) == ("/hook?a=%2F&b=c", b'{"a":1}', "msg_1")
        assert got.headers["content-type"] == "application/json"
        assert got.headers["user-agent"] == "ethogram"


@pytest.mark.parametrize("answer", [silent, dripping], ids=["silent", "dripping"])
def test_who_does_not_answer_in_time_has_not_got_it(answer: Answer) -> None:
    with Receiver([answer]) as receiver:
        began = time.monotonic()
        outcome = _post(receiver.url)
        assert isinstance(outcome, Failed)
        assert outcome.endpoint
        assert "within 1 seconds" in outcome.reason
        assert time.monotonic() - began < 4


def test_a_connection_that_breaks_is_a_failure_of_the_endpoint() -> None:
    with Receiver([drops]) as receiver:
        outcome = _post(receiver.url)
        assert isinstance(outcome, Failed)
        assert outcome.endpoint
        assert outcome.status is None
        port = receiver.port
    refused = _post(f"http://127.0.0.1:{port}/")
    assert isinstance(refused, Failed)
    assert refused.endpoint


def test_a_body_without_end_is_not_read() -> None:
    with Receiver([endless, huge]) as receiver:
        began = time.monotonic()
        assert _post(receiver.url) == Delivered(200)  # its head said so
        outcome = _post(receiver.url)
        assert isinstance(outcome, Failed)
        assert outcome.status == 500
        assert len(outcome.reason) < 300
        assert time.monotonic() - began < 4
        assert receiver.poured < 50 << 20  # what fits into the buffers on the way


def test_a_head_without_end_is_refused() -> None:
    with Receiver([status(200, X_Long="y" * 100_000)]) as receiver:
        assert isinstance(_post(receiver.url), Failed)


def test_what_a_receiver_says_is_kept_short_and_harmless() -> None:
    with Receiver([status(400, b"\x1b[31mno\r\n\xff" + b"x" * 5000)]) as receiver:
        outcome = _post(receiver.url)
        assert isinstance(outcome, Failed)
        assert outcome.reason.startswith("it answered 400: [31mno �xxx")
        assert len(outcome.reason) < 250
        assert outcome.reason.isprintable()


def test_a_compressed_answer_is_not_unpacked() -> None:
    with Receiver([status(500, b"\x1f\x8b" + b"\0" * 50, Content_Encoding="gzip")]) as receiver:
        assert isinstance(_post(receiver.url), Failed)


@pytest.mark.outside
def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, so there is no certificate to refuse")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Receiver(tls=context) as receiver:
        outcome = _post(receiver.url.replace("http://", "https://"), seconds=5)
        assert isinstance(outcome, Failed)
        assert "certificate" in outcome.reason.lower()
        assert receiver.received == []
