"""What comes back about text messages: replies with their STOP words, and reports of what became of a message.

Step of the path: deliver. Pure: whoever takes the requests hands in their form. A request counts only with its
signature. Sources: twilio.com/docs/usage/security (X-Twilio-Signature),
twilio.com/docs/messaging/guides/webhook-request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ethogram.model.message import Channel

_PREFIX = "whatsapp:"
_LONGEST = 40  # characters of a reply that can be a word of these


class Asked(StrEnum):
    """What a reply asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


_WORDS = {
    Asked.STOP: "stop stopall stop all unsubscribe cancel end quit revoke optout opt out;"  # English
    "stopp abbestellen abmelden;"  # German
    "arret arreter desabonner desinscrire;"  # French
    "alto baja cancelar parar detener;"  # Spanish
    "pare sair remover;"  # Portuguese
    "ferma basta annulla cancella disiscrivi;"  # Italian
    "afmelden stoppen uitschrijven;"  # Dutch
    "avsluta avregistrera sluta;"  # Swedish
    "avmeld stans frameld afmeld;"  # Norwegian, Danish
    "lopeta peruuta seis;"  # Finnish
    "wypisz rezygnuje;"  # Polish
    "стоп отписаться отмена;"
    "停止 配信停止 退订 取消 그만 중지",
    Asked.START: "start unstop subscribe optin opt in yes;starten anmelden ja;reprendre oui abonner;alta suscribir si;"
    "iniciar voltar sim;inizia iscrivi;aanmelden;starta borja;begynn;aloita;zapisz;старт;開始 再開 订阅 시작",
    Asked.HELP: "help info;hilfe;aide;ayuda;ajuda;aiuto;hulp;hjalp;hjelp;apua;pomoc;помощь;ヘルプ 帮助 도움말",
}


def _known() -> dict[str, Asked]:
    known: dict[str, Asked] = {}
    for asked, words in _WORDS.items():
        for language in words.split(";"):
            known |= dict.fromkeys(language.split(), asked)
    return known | {"stop all": Asked.STOP, "opt out": Asked.STOP, "opt in": Asked.START}


@dataclass(frozen=True, slots=True)
class Reply:
    """A text that a person sent.

    Attributes:
        number: the person's, as E.164.
        asked: what its word asks for; None where it is any other text.
    """

    id: str
    channel: Channel
    number: str
    to: str
    text: str
    asked: Asked | None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a message.

    Attributes:
        id: the provider's, as it was when the message was taken.
        what: `delivered`, `failed`, `opened`; None where it is still on its way.
        dead: the number takes nothing any more.
    """

    id: str
    channel: Channel
    number: str
    what: str | None
    code: str | None
    reason: str | None
    dead: bool = False


_WHAT = {"delivered": "delivered", "read": "opened", "failed": "failed", "undelivered": "failed"}
_DEAD = frozenset({"21211", "21610", "21614", "30006", "63003"})
_REASONS = {
    "21610": "the person answered STOP",
    "30003": "the handset cannot be reached",
    "30004": "the person or the network blocks the message",
    "30005": "the number is not in use, or not known",
    "30006": "the number is a landline or cannot be reached",
    "30007": "the network took it for spam",
    "30008": "the network does not say why",
    "63003": "the number is not on WhatsApp",
    "63016": "WhatsApp takes no free text outside the window of 24 hours",
}


def asked_by(text: str) -> Asked | None:
    """What a reply asks for: only where it is nothing but the word, so that a sentence stops nobody's messages.

    >>> asked_by(" Stop! "), asked_by("arrêt"), asked_by("please stop by at noon")
    (<Asked.STOP: 'stop'>, <Asked.STOP: 'stop'>, None)
    """
    if len(text) > _LONGEST:
        return None
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    words = " ".join(re.findall(r"\w+", plain))
    return _KNOWN.get(unicodedata.normalize("NFKC", words)) or _KNOWN.get(words)


def verified(url: str, form: Iterable[tuple[str, str]], signature: str, tokens: Iterable[str]) -> bool:
    """Whether a request comes from the provider: signed with one of the account's tokens.

    Args:
        url: the address as the provider has it, with its query.
        form: the fields as they came.
    """
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    return any(
        hmac.compare_digest(
            base64.b64encode(hmac.new(token.encode(), signed.encode("utf-8", "replace"), hashlib.sha1).digest()),
            signature.encode("utf-8", "replace"),
        )
        for token in tokens
    )


def parse(form: Mapping[str, str]) -> Reply | Report | None:
    """What a verified request says; None where it is neither a reply nor a report."""
    sid = form.get("MessageSid") or form.get("SmsSid") or ""
    if not sid:
        return None
    status = form.get("MessageStatus") or form.get("SmsStatus") or ""
    person = form.get("From", "") if status in {"", "received"} else form.get("To", "")
    channel = Channel.WHATSAPP if person.startswith(_PREFIX) else Channel.SMS
    number = person.removeprefix(_PREFIX)
    if status in {"", "received"}:
        if "Body" not in form:
            return None
        text = form["Body"]
        asked = asked_by(text) or {"STOP": Asked.STOP, "START": Asked.START, "HELP": Asked.HELP}.get(
            form.get("OptOutType", "")
        )
        return Reply(sid, channel, number, form.get("To", "").removeprefix(_PREFIX), text, asked)
    code = form.get("ErrorCode") or None
    reason = (_REASONS.get(code) or form.get("ErrorMessage") or f"error {code}") if code is not None else None
    return Report(sid, channel, number, _WHAT.get(status), code, reason, dead=code in _DEAD)


_KNOWN = {unicodedata.normalize("NFKC", word): asked for word, asked in _known().items()}
