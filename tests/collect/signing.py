"""Signatures as providers make them: written from their documentation, apart from the code that verifies them."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:eu-west-1:123456789012:emails"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"


def _hmac(secret: str, signed: bytes, digest: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), signed, getattr(hashlib, digest)).digest()


def seconds(at: dt.datetime) -> str:
    return str(int(at.timestamp()))


def stripe(secret: str, body: bytes, at: dt.datetime) -> dict[str, str]:
    signed = _hmac(secret, seconds(at).encode() + b"." + body).hex()
    return {"Stripe-Signature": f"t={seconds(at)},v0=ignored,v1={'0' * 64},v1={signed}"}


def shopify(secret: str, body: bytes, at: dt.datetime) -> dict[str, str]:
    return {"X-Shopify-Hmac-Sha256": base64.b64encode(_hmac(secret, body)).decode()}


def zendesk(secret: str, body: bytes, at: dt.datetime) -> dict[str, str]:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = base64.b64encode(_hmac(secret, stamp.encode() + body)).decode()
    return {"X-Zendesk-Webhook-Signature": signed, "X-Zendesk-Webhook-Signature-Timestamp": stamp}


def intercom(secret: str, body: bytes, at: dt.datetime) -> dict[str, str]:
    return {"X-Hub-Signature": f"sha1={_hmac(secret, body, 'sha1').hex()}"}


def generic(secret: str, body: bytes, at: dt.datetime) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={_hmac(secret, body).hex()}"}


@dataclass(frozen=True, slots=True)
class SendGrid:
    """A pair of keys as SendGrid makes it for a webhook."""

    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls) -> SendGrid:
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @property
    def public(self) -> str:
        shown = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(self.key.public_key().public_bytes(*shown)).decode()

    def sign(self, body: bytes, at: dt.datetime) -> dict[str, str]:
        signature = self.key.sign(seconds(at).encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": seconds(at),
        }


@dataclass(frozen=True, slots=True)
class Sns:
    """Amazon's key and certificate."""

    key: rsa.RSAPrivateKey
    certificate: bytes

    @classmethod
    def new(cls, at: dt.datetime) -> Sns:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(at - dt.timedelta(days=1)).not_valid_after(at + dt.timedelta(days=1))
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        return cls(key, made.public_bytes(serialization.Encoding.PEM))

    def message(self, text: str, at: dt.datetime, version: str = "2", **over: str) -> dict[str, str]:
        """A signed notification, or with `Type` another message; signed with what it is given."""
        message = {
            "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC,
            "Subject": "Amazon SES Email Event Notification", "Message": text,
            "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z",
            "SignatureVersion": version, "SigningCertURL": CERTIFICATE,
            "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe", **over,
        }  # fmt: skip
        if message["Type"] == "Notification":
            names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        else:
            names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        signed = "".join(f"{name}\n{message[name]}\n" for name in names)
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()
        message["Signature"] = base64.b64encode(self.key.sign(signed.encode(), PKCS1v15(), digest)).decode()
        return message
