"""What may be connected to: every way that is known to lead a server to its own neighbours is refused."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from deliver.receiver import Receiver, status
from ethogram.clock import SystemClock
from ethogram.deliver.addresses import Refused, Rules, check, read
from ethogram.deliver.attempts import Delivered, Failed
from ethogram.deliver.client import Client

INSIDE = """
127.0.0.1 127.1.2.3 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 169.254.0.1
100.64.0.1 100.127.255.255 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 100.100.100.200
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:7f00:1 ::127.0.0.1 fe80::1 fe80::1%1 fec0::1 fc00::1 fd00:ec2::254
ff02::1 2001:db8::1 2002:7f00:1::1 2002:a9fe:a9fe::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 64:ff9b::7f00:1
64:ff9b::a00:1 64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 2606:4700::200:5efe:7f00:1 2606:4700::5efe:a00:1
3fff::1 5f00::1 4000::1
""".split()
PUBLIC = "1.1.1.1 8.8.8.8 93.184.216.34 2606:4700:4700::1111 2a00:1450:4001:81b::200e 64:ff9b::808:808".split()


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert Rules().refusal(ipaddress.ip_address(address), encrypted=True) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_sent_to_over_https_only(address: str) -> None:
    assert Rules().refusal(ipaddress.ip_address(address), encrypted=True) is None
    assert "https only" in str(Rules().refusal(ipaddress.ip_address(address), encrypted=False))


def test_what_the_operator_allows_may_be_sent_to_and_nothing_beside_it() -> None:
    rules = Rules.of("10.1.0.0/16, 127.0.0.1,fd00::/8")
    for allowed in ("10.1.2.3", "127.0.0.1", "::ffff:127.0.0.1", "fd00::1"):
        assert rules.refusal(ipaddress.ip_address(allowed), encrypted=False) is None, allowed
    for refused in ("10.2.0.1", "127.0.0.2", "fe80::1", "169.254.169.254", "::1"):
        assert rules.refusal(ipaddress.ip_address(refused), encrypted=True) is not None, refused
    with pytest.raises(ValueError, match="not appear"):
        Rules.of("10.1.0.0/16, inside")


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_however_ipv6_writes_it(address: ipaddress.IPv4Address) -> None:
    plain = Rules().refusal(address, encrypted=True) is None
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    translated = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address))
    assert (Rules().refusal(mapped, encrypted=True) is None) == plain
    assert (Rules().refusal(translated, encrypted=True) is None) == plain
    assert Rules().refusal(ipaddress.IPv6Address((0x2002 << 112) + (int(address) << 80)), encrypted=True) is not None


@pytest.mark.parametrize(
    "text",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "example.com/hook", "", "https://",
        "https:///x", "https://user:pw@example.com/", "https://user@example.com/", "https://example.com@127.0.0.1/",
        "https://:pw@example.com/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/",
        "http://127.1/", "http://0/", "http://1.2.3/", "https://example.1/", "https://exa mple.com/",
        "https://example.com:0/", "https://example.com:99999/", "https://example.com\r\nX: y/",
        "https://ex%61mple.com/", "https://example.com\\@127.0.0.1/", "https://ｅxample.com/", "https://a..b/",
        "https://" + "a" * 2000,
    ],
)  # fmt: skip
def test_texts_that_could_mean_something_else_are_no_addresses(text: str) -> None:
    assert isinstance(read(text), Refused), text


@pytest.mark.parametrize(
    "text", ["https://example.com", "https://example.com:8443/a?b=c", "http://10.1.2.3/", "https://[2606:4700::1]/x"]
)
def test_plain_addresses_are_read(text: str) -> None:
    assert isinstance(read(text), URL)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"https://{text}", f"https://{text}/x", f"http://[{text}]/"):
        url = read(whole)
        assert isinstance(url, Refused) or url.raw_host


@pytest.mark.parametrize(
    "text",
    [
        "https://127.0.0.1/", "http://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://localhost/",
        "https://LOCALHOST./", "https://app.localhost/", "https://localhost.localdomain/", "https://169.254.169.254/x",
    ],
)  # fmt: skip
def test_saving_an_address_inside_is_refused(text: str) -> None:
    assert check(text, Rules()) is not None


def test_a_name_is_refused_for_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolves(monkeypatch, [["93.184.216.34", "10.0.0.1"]])
    refused = check("https://both.example/", Rules())
    assert refused is not None
    assert "10.0.0.1" in refused.reason
    _resolves(monkeypatch, [["93.184.216.34"]])
    assert check("https://public.example/", Rules()) is None
    assert check("http://public.example/", Rules()) is not None  # without encryption


def test_a_name_that_nobody_knows_is_told() -> None:
    refused = check("https://nothing.invalid/", Rules())
    assert refused is not None
    assert "nothing.invalid" in refused.reason


def _resolves(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Lets names lead to addresses, another time elsewhere; the names that were asked for."""
    asked: list[str] = []

    async def getaddrinfo(_self: object, host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        addresses = answers[0] if len(answers) == 1 else answers.pop(0)
        families = [socket.AF_INET6 if ":" in each else socket.AF_INET for each in addresses]
        return [(of, socket.SOCK_STREAM, 6, "", (each, port)) for of, each in zip(families, addresses, strict=True)]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


def _post(url: str, rules: Rules, times: int = 1) -> list[object]:
    async def posted() -> list[object]:
        async with Client(rules, SystemClock(), timeout=dt.timedelta(seconds=3)) as client:
            return [await client.post(url, {}, b"{}") for _ in range(times)]

    return asyncio.run(posted())


def test_a_connection_is_refused_where_saving_let_it_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when it was saved, inside when it is sent to."""
    with Receiver() as receiver:
        asked = _resolves(monkeypatch, [["93.184.216.34"], ["127.0.0.1"]])
        url = f"https://rebinding.example:{receiver.port}/"
        assert check(url, Rules()) is None
        (outcome,) = _post(url, Rules())
        assert isinstance(outcome, Failed)
        assert "127.0.0.1" in outcome.reason
        assert asked == ["rebinding.example"] * 2
        assert receiver.received == []


def test_every_connection_is_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is asked for once for each connection: there is no second answer that could differ."""
    with Receiver([status(200, Connection="close")] * 2) as receiver:
        asked = _resolves(monkeypatch, [["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"]])
        outcomes = _post(f"http://hooks.example:{receiver.port}/", Rules.of("127.0.0.1"), times=3)
        assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered, Failed]
        assert len(asked) == 3
        assert len(receiver.received) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_a_host_that_is_an_address_is_looked_at_too(host: str) -> None:
    with Receiver() as receiver:
        for scheme in ("http", "https"):
            (outcome,) = _post(f"{scheme}://{host}:{receiver.port}/", Rules())
            assert isinstance(outcome, Failed)
            assert "no public address" in outcome.reason
        assert receiver.received == []


def test_neither_redirects_nor_proxies_nor_cookies_lead_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as inside, Receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")
        for code in (301, 302, 303, 307, 308):
            receiver.script = [status(code, Location=inside.url, Set_Cookie="a=b; Path=/")]
            (outcome,) = _post(receiver.url, Rules.of("127.0.0.1"))
            assert isinstance(outcome, Failed)
            assert outcome.status == code
        assert inside.received == []
        assert all("cookie" not in each.headers for each in receiver.received)
        assert len(receiver.received) == 5
