"""Which addresses on the network may be connected to: the one place that saves this server from being sent inside.

Step of the path: deliver. Whoever can save an address could otherwise have the server ask its own neighbours: databases
without a password, a cloud's metadata. So an address is looked at when it is saved, and again for every connection,
after the name was resolved and before the socket is made; the socket then goes to the very address that was looked at,
so that a name which answers differently a moment later (DNS rebinding) gains nothing. Everything that connects
outwards does it through `connector`.

Public addresses need `https`. Addresses that the setting `allow_addresses` names may be anywhere, with `http` too.
Sources: IANA special-purpose address registries; RFC 6052 (NAT64), 3056 (6to4), 4380 (Teredo), 5214 (ISATAP).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST = 2000
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL = ipaddress.IPv6Network("2000::/3")
# What the standard library calls global and still leads elsewhere than to somebody's server.
_REFUSED = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # Azure's own services, seen from its machines
            "192.88.99.0/24",  # relays of 6to4
            "2002::/16",  # 6to4
            "2001::/23",  # Teredo and others that are no servers
            "3fff::/20",  # documentation
            "5f00::/16",  # segment routing
        ),
    )
)
# The last label of a host that some programs read as a number: 2130706433, 0x7f.1, 0177.0.0.1
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")


class AddressRefusedError(OSError):
    """A connection to an address that is not to be connected to."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An address cannot be used, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be connected to beside public addresses.

    Attributes:
        allowed: networks that the operator allows.
    """

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, text: str) -> Rules:
        """The rules of a setting: networks or addresses, separated by commas.

        Raises:
            ValueError: one of them is none.
        """
        return cls(tuple(ipaddress.ip_network(each.strip(), strict=False) for each in text.split(",") if each.strip()))

    def refusal(self, address: Address, *, encrypted: bool) -> str | None:
        """Why an address is not to be connected to; None when it may be."""
        meant = _meant(address)
        if any(meant.version == network.version and meant in network for network in self.allowed):
            return None
        if not _is_public(meant):
            return f"`{address}` is no public address"
        return None if encrypted else f"`{address}` may be sent to over https only"


def _meant(address: Address) -> Address:
    """The address that a connection ends at: IPv4 inside IPv6 is taken out of it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    if any(address.version == network.version and address in network for network in _REFUSED):
        return False
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    isatap = (int(address) >> 32) & 0xFCFFFFFF == 0x00005EFE  # its last 32 bits are an IPv4 address
    return address in _GLOBAL and address.scope_id is None and not isatap


# --- addresses as text --------------------------------------------------------------------------------------------


def read(text: str) -> URL | Refused:
    """The address in a text, if its form allows to connect to it; the network is not asked."""
    if len(text) > _LONGEST or not text.isprintable() or " " in text or not text.isascii():
        return Refused(f"an address is at most {_LONGEST} printable ASCII characters without blanks")
    try:
        url = URL(text, encoded=True)  # as it was written: what stands in it may be a secret
        host, port = url.raw_host or "", url.port
    except ValueError as error:
        return Refused(f"it cannot be read: {error}")
    if url.scheme not in ("http", "https"):
        return Refused(f"its scheme is `{url.scheme or 'missing'}`, and only `https` (or `http`) can be sent to")
    if url.user is not None or url.password is not None or "@" in url.raw_authority:
        return Refused("it names a user or a password; requests are signed instead")
    if not host or port is None or not 0 < port < 65536:
        return Refused("it names no host, or a port that is none")
    return _host_refusal(host) or url.with_fragment(None)


def _host_refusal(host: str) -> Refused | None:
    if _literal(host) is not None:
        return None
    if "%" in host:
        return Refused(f"the host `{host}` is for one machine's own network")
    labels = host.rstrip(".").split(".")
    if _NUMBER.fullmatch(labels[-1]) is not None:
        return Refused(f"the host `{host}` is a number in disguise; write an IPv4 address as four decimal numbers")
    if not all(re.fullmatch(r"[A-Za-z0-9_-]{1,63}", label) for label in labels):
        return Refused(f"the host `{host}` is no name")
    return None


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_local_name(host: str) -> bool:
    """Whether a name means this machine, whatever the name service says (RFC 6761)."""
    labels = host.lower().rstrip(".").split(".")
    return labels[-1] == "localhost" or labels in (["localhost", "localdomain"], ["ip6-localhost"], ["ip6-loopback"])


# --- connections --------------------------------------------------------------------------------------------------


class _Resolver(AbstractResolver):
    """Resolves names with the system's resolver, and gives only answers that may be connected to.

    One refused address refuses the whole name: a public server has no reason to be inside too.
    """

    def __init__(self, rules: Rules, *, encrypted: bool) -> None:
        self._rules = rules
        self._encrypted = encrypted

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host, each of which may be connected to."""
        found = await _addresses(host, port, family)
        for address, _family in found:
            refusal = self._rules.refusal(address, encrypted=self._encrypted)
            if refusal is not None:
                raise AddressRefusedError(f"{refusal} (`{host}` leads there)" if str(address) != host else refusal)
        return [
            ResolveResult(hostname=host, host=str(address), port=port, family=of, proto=0, flags=socket.AI_NUMERICHOST)
            for address, of in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def _addresses(host: str, port: int, family: int) -> list[tuple[Address, int]]:
    literal = _literal(host)
    if literal is not None:
        return [(literal, socket.AF_INET if literal.version == 4 else socket.AF_INET6)]
    if _is_local_name(host):
        return [(ipaddress.IPv4Address("127.0.0.1"), socket.AF_INET)]
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
    found = {(ipaddress.ip_address(str(answer[4][0])), int(answer[0])): None for answer in answers}
    if not found:
        raise OSError(f"`{host}` has no address")
    return list(found)


def connector(rules: Rules, *, encrypted: bool, limit: int = 0) -> aiohttp.TCPConnector:
    """What makes connections for a session, to allowed addresses only.

    Args:
        encrypted: whether it is for `https`; a connector for `http` reaches the operator's own addresses only.
        limit: how many connections at once; 0 is any number.
    """

    def checked_socket(info: tuple[Any, ...]) -> socket.socket:
        # Also hosts that are addresses come here, which aiohttp does not resolve.
        refusal = rules.refusal(ipaddress.ip_address(str(info[4][0])), encrypted=encrypted)
        if refusal is not None:
            raise AddressRefusedError(refusal)
        return socket.socket(*info[:3])

    return aiohttp.TCPConnector(
        resolver=_Resolver(rules, encrypted=encrypted),
        use_dns_cache=False,  # every connection is to what was looked at for it
        socket_factory=checked_socket,
        limit=limit,
    )


async def resolved(host: str, port: int, rules: Rules, *, encrypted: bool) -> list[str]:
    """The addresses of a host, for clients that connect by themselves.

    Raises:
        OSError: the host is not known; `AddressRefusedError` where it is not to be connected to.
    """
    return [found["host"] for found in await _Resolver(rules, encrypted=encrypted).resolve(host, port)]


async def open_socket(host: str, port: int, rules: Rules, *, encrypted: bool) -> socket.socket:
    """A socket that is connected to a host, for protocols other than HTTP.

    Args:
        encrypted: whether what travels over it will be.

    Raises:
        OSError: the host is not known or not reached; `AddressRefusedError` where it is not to be connected to.
    """
    loop = asyncio.get_running_loop()
    failure: OSError = OSError(f"`{host}` has no address")
    for found in await _Resolver(rules, encrypted=encrypted).resolve(host, port):
        connected = socket.socket(found["family"], socket.SOCK_STREAM)
        try:
            connected.setblocking(False)
            await loop.sock_connect(connected, (found["host"], port))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
        except OSError as error:
            connected.close()
            failure = error
        except BaseException:
            connected.close()
            raise
    raise failure


def check(text: str, rules: Rules, *, seconds: float = 5.0) -> Refused | None:
    """Why an address cannot be sent to, by its form and where its name leads now; None when it can be.

    A name that is not known is refused; one that nobody answers for in time is not, as sending looks again.
    """
    url = read(text)
    if isinstance(url, Refused):
        return url
    return asyncio.run(_looked_up(url, rules, seconds))


async def _looked_up(url: URL, rules: Rules, seconds: float) -> Refused | None:
    resolver = _Resolver(rules, encrypted=url.scheme == "https")
    with contextlib.suppress(TimeoutError):
        try:
            await asyncio.wait_for(resolver.resolve(url.raw_host or "", url.port or 0), seconds)
        except AddressRefusedError as error:
            return Refused(str(error))
        except socket.gaierror:
            return Refused(f"the host `{url.raw_host}` is not known")
        except OSError as error:
            return Refused(str(error))
    return None


def refusal_in(error: BaseException | None) -> str | None:
    """What an error says of a refused address, if that is why a connection failed."""
    seen: Sequence[BaseException] = ()
    while error is not None and error not in seen:
        if isinstance(error, AddressRefusedError):
            return str(error)
        seen = (*seen, error)
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else getattr(error, "os_error", None)
        error = inner or error.__cause__ or error.__context__
    return None
