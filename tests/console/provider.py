"""An OpenID Connect provider that speaks HTTP on loopback, and can be told to lie.

Made after OpenID Connect Core 1.0 and RFC 7636, of the standard library, `cryptography` and `jwt`: it shares no code
with what it tests.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "console", "a secret: of +the client"


class Provider:
    """A provider with one person.

    Attributes:
        claims: what a token says of the person, beside what every token says.
        forged: changes claims before they are signed.
        signed: makes a token of claims in place of the provider.
        userinfo: what it tells to whoever has the access token.
    """

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"sub": "1", "email": "Bo@Shop.example", "email_verified": True, "name": "Bo  B"}
        self.userinfo: dict[str, Any] = {}
        self.forged: Callable[[dict[str, Any]], None] = lambda claims: None
        self.signed: Callable[[dict[str, Any]], str] = self.sign
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate()
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                provider.answer(self, {name: values[0] for name, values in parse_qs(body).items()})

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def rotate(self) -> None:
        """Another key in place of those before."""
        self.keys = {secrets.token_hex(4): rsa.generate_private_key(public_exponent=65537, key_size=2048)}

    def sign(self, claims: dict[str, Any]) -> str:
        """A token signed with the provider's key."""
        ((kid, key),) = self.keys.items()
        return jwt.encode(claims, key, "RS256", {"kid": kid})

    def consent(self, address: str) -> dict[str, str]:
        """What a browser brings back that was sent to the provider, and whose person agrees."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(self.document["authorization_endpoint"] + "?")
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def answer(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        """Answers a request."""
        path = request.path
        told: dict[str, Any]
        if path == "/.well-known/openid-configuration":
            status, told = 200, dict(self.document)
        elif path == "/keys":
            status, told = 200, {"keys": [self._published(kid) for kid in self.keys]}
        elif path == "/token":
            status, told = self._token(request.headers.get("authorization", ""), form)
        elif path == "/me" and request.headers.get("authorization") == "Bearer of-the-person":
            status, told = 200, self.userinfo
        else:
            status, told = 404, {}
        body = json.dumps(told).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _published(self, kid: str) -> dict[str, Any]:
        return {
            **jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True),
            "kid": kid,
            "use": "sig",
        }

    def _token(self, authorization: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        told = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if told != "console:a+secret%3A+of+%2Bthe+client":
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)  # good once
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != asked["redirect_uri"]
            or base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        self.forged(claims)
        return 200, {"access_token": "of-the-person", "token_type": "Bearer", "id_token": self.signed(claims)}
