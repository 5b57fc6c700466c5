"""Addresses of people in one form each, so that the same mailbox or phone is known again however it is written.

Pure. An e-mail address has its domain in lower case and in ASCII (IDNA 2008 after UTS 46) and its local part folded:
in theory a server may tell `Ann` from `ann`, in practice none does, and writing to somebody who asked not to be
written to is worse than leaving somebody out. A number is E.164: `+` and the country's code come first.
"""

from __future__ import annotations

import functools
import re
import unicodedata

import idna

from ethogram.model.message import Channel

_PLAIN = re.compile(r"[^@\s\"(),:;<>\\\[\]\x00-\x1f\x7f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_LOCAL = re.compile(r"[^@\s\"(),:;<>\\\[\]\x00-\x1f\x7f]{1,64}")
_ASCII_DOMAIN = re.compile(r"(?!.*\.\.)[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_BETWEEN_DIGITS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST = 254  # characters of an e-mail address


def key_of(channel: Channel, address: str) -> str | None:
    """An address of a channel in its one form; None where it is none.

    >>> key_of(Channel.EMAIL, " Ann@Bücher.Example ")
    'ann@xn--bcher-kva.example'
    >>> key_of(Channel.SMS, "0046 (70) 123-45 67")
    '+46701234567'
    """
    match channel:
        case Channel.EMAIL:
            return email_key(address)
        case Channel.SMS | Channel.WHATSAPP:
            return phone_key(address)
        case _:
            return address.strip() or None


def same_person_key(channel: Channel, key: str) -> str:
    """What is the same for all addresses that reach one mailbox: what stands behind a plus is the reader's own.

    >>> same_person_key(Channel.EMAIL, "ann+shop@mail.example")
    'ann@mail.example'
    """
    if channel is not Channel.EMAIL or "+" not in key:
        return key
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def email_key(address: str) -> str | None:
    """An e-mail address in its one form; None where it is none."""
    given = address.strip()
    if len(given) > _LONGEST:
        return None
    if given.isascii():
        if not _PLAIN.fullmatch(given) or ".." in given:
            return None
        return given.lower()
    local, at, domain = given.rpartition("@")
    if not at or not _LOCAL.fullmatch(local):
        return None
    in_ascii = _domain(domain)
    return None if in_ascii is None else f"{unicodedata.normalize('NFKC', local).casefold()}@{in_ascii}"


@functools.lru_cache(maxsize=10_000)
def _domain(domain: str) -> str | None:
    try:
        told = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode().lower()
    except idna.IDNAError:
        return None
    return told if _ASCII_DOMAIN.fullmatch(told) else None


def phone_key(number: str) -> str | None:
    """A number as E.164; None where it is none, or has no country's code."""
    digits = _BETWEEN_DIGITS.sub("", number)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    return digits if _PHONE.fullmatch(digits) else None
