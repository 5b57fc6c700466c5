"""Messages of Amazon SNS: signed inside the body, with a certificate that lies at Amazon.

Step of the path: collect. Anybody may own a topic of SNS, so a good signature says nothing before the topic is the
expected one. The addresses of the certificate and of the confirmation are made here, of the expected topic's region
and of what the message adds; nothing that a message names is connected to. Connecting is not done here.
Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hmac
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ethogram.collect.inbound import signatures

_TOPIC = re.compile(r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{3,40}):(\d{12}):([A-Za-z0-9_.-]{1,260})")
_CERTIFICATE = re.compile(r"/(SimpleNotificationService-[0-9A-Za-z]{1,80}\.pem)")
# SNS sends one message again for up to an hour, under its first timestamp (delivery policies for HTTP/S).
_TOLERANCE = dt.timedelta(hours=1)
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message whose topic is the expected one; its signature has not been looked at."""

    fields: dict[str, str]
    certificate: str  # the address of the certificate
    host: str

    @property
    def confirmation(self) -> str:
        """The address that confirms a subscription to the topic."""
        wanted = {"Action": "ConfirmSubscription", "TopicArn": self.fields["TopicArn"], "Token": self.fields["Token"]}
        return f"https://{self.host}/?{urlencode(wanted)}"


def is_topic(text: str) -> bool:
    """Whether a text is the ARN of a topic."""
    return _TOPIC.fullmatch(text) is not None


def opened(payload: Any, topic: str) -> SnsMessage | str:
    """The message, or which kind of problem there is.

    Args:
        topic: the ARN of the expected one.
    """
    kind = payload.get("Type") if isinstance(payload, dict) else None
    if not isinstance(kind, str) or kind not in _SIGNED:
        return signatures.UNSIGNED
    wanted = {*_SIGNED[kind], "Signature", "SignatureVersion", "SigningCertURL"}
    fields = {name: value for name, value in payload.items() if name in wanted and isinstance(value, str)}
    expected = _TOPIC.fullmatch(topic)
    if wanted - set(fields) - {"Subject"}:
        return signatures.UNSIGNED
    if expected is None or not hmac.compare_digest(fields["TopicArn"].encode(), topic.encode()):
        return signatures.WRONG
    host = f"sns.{expected[2]}.amazonaws.com" + (".cn" if expected[1] == "aws-cn" else "")
    before, _, path = fields["SigningCertURL"].partition(host)
    name = _CERTIFICATE.fullmatch(path)
    if before != "https://" or name is None:
        return signatures.WRONG
    return SnsMessage(fields, f"https://{host}/{name[1]}", host)


def problem(message: SnsMessage, certificate: bytes, now: dt.datetime) -> str | None:
    """Why the message is not of the certificate's owner; None when it is."""
    from cryptography import x509  # 60 ms that only those who have such a source pay
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    fields = message.fields
    try:
        found = x509.load_pem_x509_certificate(certificate)
        key = found.public_key()
        signature = base64.b64decode(fields["Signature"], validate=True)
    except (ValueError, binascii.Error):
        return signatures.WRONG
    if not isinstance(key, RSAPublicKey) or not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        return signatures.WRONG
    digest = {"1": hashes.SHA1(), "2": hashes.SHA256()}.get(fields["SignatureVersion"])  # noqa: S303  # SNS chooses
    if digest is None:
        return signatures.WRONG
    signed = "".join(f"{name}\n{fields[name]}\n" for name in _SIGNED[fields["Type"]] if name in fields)
    try:
        key.verify(signature, signed.encode("utf-8", "surrogatepass"), PKCS1v15(), digest)
    except InvalidSignature:
        return signatures.WRONG
    try:
        at = dt.datetime.fromisoformat(fields["Timestamp"])
        at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at
    except ValueError:
        return signatures.STALE
    return None if abs(now - at) <= _TOLERANCE else signatures.STALE
