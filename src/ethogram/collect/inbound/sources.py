"""Sources as they are saved, checked and made ready.

Step of the path: before collect. Says what of a source fits together; reads and writes nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Plain
from collections.abc import Sequence
from typing import Any

from ethogram.collect.inbound import ready, sns, trust
from ethogram.collect.inbound.calls import Prepared
from ethogram.collect.inbound.mapping import Mapping, parse, read, written
from ethogram.collect.inbound.receive import Source
from ethogram.collect.inbound.trust import TRUSTS, Kept, Trust
from ethogram.errors import InputError
from ethogram.store.webhook_sources import WebhookSource, WebhookSourceDraft

_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_ORGANISATION = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
_MOST_SECRETS = 5


def mapped_by(name: str | None, text: str | None) -> tuple[dict[str, Any] | None, Mapping]:
    """An own mapping as it is saved (None for a ready one), and the mapping that was chosen.

    Args:
        name: of a ready mapping.
        text: of an own one, JSON or TOML.

    Raises:
        InputError: not one of both is given, or the own one is wrong.
        UnknownNameError: there is no such ready mapping.
    """
    if (name is None) is (text is None):
        raise InputError(
            "a source needs one mapping",
            hint=f"Name a ready one ({', '.join(ready.names())}), or give your own as JSON or TOML.",
        )
    if name is not None:
        return None, ready.prepared(name).mapping
    found = read(parse(text or ""))
    Prepared(found)
    return written(found), found


def kept_secrets(kind: Trust, given: Sequence[str]) -> tuple[str, ...]:
    """What the ledger keeps of secrets.

    Raises:
        InputError: one of them cannot be one.
    """
    if len(given) > _MOST_SECRETS:
        raise InputError(f"a source has at most {_MOST_SECRETS} secrets", hint="Leave out those that are not used.")
    return tuple(dict.fromkeys(trust.kept(kind, secret) for secret in given))


def check(kind: Trust, draft: WebhookSourceDraft) -> None:
    """Raises where a draft does not fit its trust.

    Raises:
        InputError: something is missing or too much; says what.
    """
    if not draft.secrets and kind.kept is not Kept.NOTHING:
        what = "the public key that verifies" if kind.kept is Kept.PUBLIC else "the secret that signs"
        raise InputError(f"`{kind.name}` needs {what}", hint="The provider shows it where the webhook is set up.")
    if draft.sender is not None and not kind.sender:
        raise InputError(f"`{kind.name}` names no sender", hint="Leave it out.")
    if kind.sender and not draft.sender:
        raise InputError(f"`{kind.name}` needs a sender: {kind.sender}", hint="Without it, anybody's would be good.")
    if kind.name == "sns" and not sns.is_topic(draft.sender or ""):
        raise InputError(
            f"`{(draft.sender or '')[:80]}` is no topic", hint="An ARN: `arn:aws:sns:eu-west-1:123456789012:emails`."
        )
    if kind.name == "salesforce" and not _ORGANISATION.fullmatch(draft.sender or ""):
        raise InputError(
            f"`{(draft.sender or '')[:80]}` is no organisation", hint="15 or 18 letters and digits, as `00D…`."
        )
    if kind.header and not draft.header:
        raise InputError(f"`{kind.name}` needs the name of the header that has the signature")
    if draft.header is not None and not _HEADER.fullmatch(draft.header):
        raise InputError(f"`{draft.header[:80]}` is no name of a header", hint="Letters, digits and `-`.")
    if draft.header is not None and not kind.header and kind.name != "token":
        raise InputError(f"`{kind.name}` has its own header", hint="Leave it out.")


def ready_source(source: WebhookSource) -> Source:
    """A source, ready to take requests.

    Raises:
        InputError: its mapping is of an earlier version and cannot be used any more.
    """
    return Source(source.name, TRUSTS[source.trust], source.secrets, source.header, source.sender, prepared(source))


def prepared(source: WebhookSource) -> Prepared:
    """A source's mapping, ready to be applied."""
    return prepared_by(source.ready, source.mapping)


def prepared_by(name: str | None, own: Plain[str, Any] | None) -> Prepared:
    """A mapping, ready to be applied: a ready one by name, or an own one as it is saved."""
    return ready.prepared(name) if name is not None else Prepared(read(own))
