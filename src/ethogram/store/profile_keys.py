"""Keys of profiles, computed in this process: what the engine's `sipHash64` gives, without asking it.

Step of the path: store. Small blocks come many times a second, and a statement takes longer than the keys of all their
people. The function is SipHash-2-4 with a key of zeros (Aumasson and Bernstein, 2012, https://131002.net/siphash/).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_MASK = 2**64 - 1


def keys_of(ids: Iterable[str]) -> dict[str, int]:
    """The keys of profile ids, known or not."""
    return {id_: key_of(id_) for id_ in ids}


@lru_cache(maxsize=2**16)
def key_of(profile_id: str) -> int:
    """The key of one profile id.

    >>> key_of("ann")
    3658867388244570450
    """
    return sip_hash(profile_id.encode())


def account_key_of(account_id: str) -> int:
    """The key of one account id; see `schema.account_key`."""
    return sip_hash(f"account:{account_id}".encode())


def sip_hash(data: bytes) -> int:
    """SipHash-2-4 with a key of zeros, as an unsigned number of 64 bits."""
    v0, v1, v2, v3 = 0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573
    whole = len(data) & ~7
    words = [int.from_bytes(data[place : place + 8], "little") for place in range(0, whole, 8)]
    words.append(int.from_bytes(data[whole:], "little") | (len(data) & 255) << 56)
    for word in words:
        v3 ^= word
        v0, v1, v2, v3 = _round(*_round(v0, v1, v2, v3))
        v0 ^= word
    v2 ^= 255
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = (v0 + v1) & _MASK
    v2 = (v2 + v3) & _MASK
    v1 = ((v1 << 13 | v1 >> 51) & _MASK) ^ v0
    v3 = ((v3 << 16 | v3 >> 48) & _MASK) ^ v2
    v0 = (v0 << 32 | v0 >> 32) & _MASK
    v2 = (v2 + v1) & _MASK
    v0 = (v0 + v3) & _MASK
    v1 = ((v1 << 17 | v1 >> 47) & _MASK) ^ v2
    v3 = ((v3 << 21 | v3 >> 43) & _MASK) ^ v0
    v2 = (v2 << 32 | v2 >> 32) & _MASK
    return v0, v1, v2, v3
