"""Single sign-on: who somebody is, as an OpenID Connect provider says. Knows no user and no session.

A part of the composition root, for the console. Authorization code flow with PKCE, state and nonce; the provider's
document, keys and answers are fetched where `addresses.Rules` allow, without redirects. Sources: OpenID Connect Core
1.0 (3.1.2, 3.1.3.7, 5.3), OpenID Connect Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (`iss` in the answer), RFC 9700.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import aiohttp
import jwt

from ethogram.config import Settings
from ethogram.deliver.addresses import Rules, connector
from ethogram.errors import UnknownNameError, UserError

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_PATIENCE: Final = 10.0  # seconds for each answer of the provider
_MOST: Final = 1 << 20  # bytes of an answer
_BEGUN: Final = 600.0  # seconds between leaving for the provider and coming back
_MOST_BEGUN: Final = 1_000
_FRESH: Final = 3_600.0  # seconds that the provider's document and keys are good
_AGAIN: Final = 10.0  # seconds after which keys are looked for once more, where one is not known
_LEEWAY: Final = 60  # seconds that the provider's clock may differ


class SignOnError(UserError):
    """The provider does not say who somebody is."""

    code = "single_sign_on"


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whom the provider knows, with an address that it has verified."""

    email: str
    name: str


@dataclass(frozen=True, slots=True)
class _Begun:
    nonce: str
    verifier: str
    back: str
    at: float


@dataclass(frozen=True, slots=True)
class _Provider:
    """What the provider says of itself, and its keys."""

    document: Mapping[str, Any]
    keys: jwt.PyJWKSet
    at: float


class SingleSignOn:
    """A workspace's OpenID Connect provider.

    Args:
        settings: `oidc_issuer`, `oidc_client` and `oidc_secret`, and `allow_addresses` for one that is not public.
    """

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer
        self._client = settings.oidc_client
        self._secret = settings.oidc_secret
        self._rules = Rules.of(settings.allow_addresses)
        self._begun: dict[str, _Begun] = {}
        self._provider: _Provider | None = None
        self._lock = threading.Lock()

    @property
    def offered(self) -> bool:
        """Whether there is a provider."""
        return bool(self._issuer and self._client)

    @property
    def host(self) -> str:
        """The provider's host, for people."""
        return urlsplit(self._issuer).netloc

    def begin(self, returning: str, back: str) -> tuple[str, str]:
        """Where somebody is sent to say who they are, and the state that their browser keeps meanwhile.

        Args:
            returning: the address to which the provider sends them back.
            back: what they wanted to see; `end` gives it back.

        Raises:
            UnknownNameError: there is no provider.
            SignOnError: it does not answer as it should.
        """
        if not self.offered:
            raise UnknownNameError("no provider is set up here", hint="Sign in with a password.")
        document = self._known().document
        state, begun = secrets.token_urlsafe(32), _Begun(
            secrets.token_urlsafe(32), secrets.token_urlsafe(48), back, time.monotonic()
        )  # fmt: skip
        with self._lock:
            self._forget(begun.at)
            self._begun[_digest(state)] = begun
        asked = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": returning,
            "scope": "openid email profile",
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": _challenge(begun.verifier),
            "code_challenge_method": "S256",
        }
        address = str(document["authorization_endpoint"])
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}", state

    def end(self, answer: Mapping[str, str], state: str, returning: str) -> tuple[Known, str]:
        """Who came back from the provider, and what they wanted to see. Each state is good once.

        Args:
            answer: what stands in the address that they came back with.
            state: what their browser kept.

        Raises:
            SignOnError: it is not proven who they are; the message says why.
        """
        with self._lock:
            self._forget(time.monotonic())
            begun = self._begun.pop(_digest(state), None) if state else None
        if begun is None or not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
            raise SignOnError("this sign-in was not begun here, or too long ago", hint="Begin once more.")
        if (error := answer.get("error")) is not None:
            told = " ".join(f"{error}: {answer.get('error_description', '')}".split())[:200].rstrip(": ")
            raise SignOnError(f"the provider let nobody in: {told}")
        if answer.get("iss", self._issuer) != self._issuer:
            raise SignOnError("another provider has answered than the one that was asked", hint="Begin once more.")
        document = self._known().document
        tokens = self._tokens(document, answer.get("code", ""), begun.verifier, returning)
        claims = self._claims(str(tokens.get("id_token", "")), begun.nonce)
        if "email" not in claims and "userinfo_endpoint" in document:
            claims = self._more(str(document["userinfo_endpoint"]), str(tokens.get("access_token", "")), claims)
        email = claims.get("email")
        if not isinstance(email, str) or not email or claims.get("email_verified") not in (True, "true"):
            raise SignOnError(
                "the provider tells no verified e-mail address",
                hint="Have the address verified there, and `email` allowed for this client.",
            )
        return Known(email, str(claims.get("name") or email.partition("@")[0])[:100]), begun.back

    # --- what the provider says ---------------------------------------------------------------------------------

    def _tokens(self, document: Mapping[str, Any], code: str, verifier: str, returning: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": returning,
            "client_id": self._client,
            "code_verifier": verifier,
        }
        headers = {}
        # Basic where the provider does not say (Discovery 1.0, section 3).
        ways = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._secret and "client_secret_basic" in ways:
            headers["Authorization"] = aiohttp.encode_basic_auth(*map(_quoted, (self._client, self._secret)))
        elif self._secret:
            form["client_secret"] = self._secret
        return self._asked("POST", str(document["token_endpoint"]), headers=headers, form=form)

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(header),
                algorithms=list(_ALGORITHMS),
                audience=self._client,
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise SignOnError(f"the provider's token proves nothing: {error}", hint="Begin once more.") from None
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self._client:
            raise SignOnError("the provider's token is for somebody else")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise SignOnError("the provider's token is of another sign-in", hint="Begin once more.")
        return claims

    def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        for fresh in (False, True):  # keys change: one that is not known yet is looked for once more
            keys = [each for each in self._known(fresh=fresh).keys.keys if each.public_key_use in (None, "sig")]
            named = [each for each in keys if each.key_id == header.get("kid")]
            if found := named or (keys if "kid" not in header and len(keys) == 1 else []):
                return found[0]
        raise jwt.InvalidKeyError("it is signed with a key that the provider does not publish")

    def _more(self, address: str, token: str, claims: dict[str, Any]) -> dict[str, Any]:
        found = self._asked("GET", address, headers={"Authorization": f"Bearer {token}"})
        if found.get("sub") != claims["sub"]:
            raise SignOnError("the provider tells of somebody else than its token")
        return {**found, **claims}

    def _known(self, *, fresh: bool = False) -> _Provider:
        now = time.monotonic()
        held = self._provider
        if held is not None and now - held.at < (_AGAIN if fresh else _FRESH):
            return held
        document = self._asked("GET", self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        missing = [name for name in ("authorization_endpoint", "token_endpoint", "jwks_uri") if not document.get(name)]
        if document.get("issuer") != self._issuer or missing:
            wrong = f"has no `{missing[0]}`" if missing else f"is of `{str(document.get('issuer'))[:200]}`"
            raise SignOnError(
                f"the provider's document {wrong}", hint="`oidc_issuer` is written exactly as the provider writes it."
            )
        try:
            keys = jwt.PyJWKSet.from_dict(dict(self._asked("GET", str(document["jwks_uri"]))))
        except jwt.PyJWTError as error:
            raise SignOnError(f"the provider's keys cannot be read: {error}") from None
        self._provider = _Provider(document, keys, now)
        return self._provider

    def _asked(
        self, method: str, address: str, *, headers: Mapping[str, str] | None = None, form: Any = None
    ) -> Mapping[str, Any]:
        try:
            status, body = asyncio.run(self._answer(method, address, dict(headers or {}), form))
            found = json.loads(body)
        except (OSError, aiohttp.ClientError, ValueError) as error:  # a time-out is an `OSError`
            host = urlsplit(address).netloc
            raise SignOnError(
                f"the provider does not answer at `{host}`: {type(error).__name__}: {error}"[:300],
                hint="Sign in with a password, or try again later; an admin can look at `oidc_issuer`.",
            ) from None
        if status != 200 or not isinstance(found, dict):
            told = found.get("error", "") if isinstance(found, dict) else ""
            raise SignOnError(f"the provider answers {status} {str(told)[:100]}".rstrip(), hint="Begin once more.")
        return found

    async def _answer(self, method: str, address: str, headers: dict[str, str], form: Any) -> tuple[int, bytes]:
        encrypted = address.startswith("https:")
        async with (
            aiohttp.ClientSession(
                connector=connector(self._rules, encrypted=encrypted), timeout=aiohttp.ClientTimeout(_PATIENCE)
            ) as session,
            session.request(
                method, address, headers={"Accept": "application/json", **headers}, data=form, allow_redirects=False
            ) as answer,
        ):
            body = b""
            async for piece in answer.content.iter_chunked(1 << 16):
                body += piece
                if len(body) > _MOST:
                    raise ValueError("its answer is too long")
            return answer.status, body

    def _forget(self, now: float) -> None:
        old = [state for state, begun in self._begun.items() if now - begun.at >= _BEGUN]
        for state in old or list(self._begun)[: len(self._begun) - _MOST_BEGUN + 1]:
            del self._begun[state]


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _quoted(text: str) -> str:
    """As a form has it (RFC 6749, section 2.3.1)."""
    return urlencode({"": text})[1:]
