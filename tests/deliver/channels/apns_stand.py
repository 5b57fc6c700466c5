"""Apple's push service, as documented, over real HTTP/2 and TLS."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import jwt
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deliver.channels.stands import Arrived, Stand
from ethogram.model.message import Content, PushContent
from ethogram.model.provider import Provider


@dataclass(frozen=True, slots=True)
class Pushed:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ApnsStand(Stand):
    most = 3_000

    def __init__(self, host: str = "localhost") -> None:
        super().__init__()
        authority = trustme.CA()
        self._folder = tempfile.TemporaryDirectory()
        self.ca_file = Path(self._folder.name) / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(self._tls)
        self._tls.set_alpn_protocols(["h2"])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pushed: list[Pushed] = []
        self.connections = 0
        self.script: list[tuple[int, str, dict[str, str]] | str] = []
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._folder.cleanup()

    def provider(self) -> Provider:
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        apns = {"key": key, "key_id": "K1", "team_id": "T1", "topic": "example.shop", "ca_file": str(self.ca_file)}
        return self.made(channel="push", apns={**apns, "server": f"https://localhost:{self.port}"})

    def content(self, text: str) -> Content:
        return PushContent("Title", text, url="https://shop.example/")

    @property
    def address(self) -> str:
        return json.dumps({"platform": "apns", "token": "ab" * 32})

    def will(self, *kinds: str) -> None:
        for kind in kinds:
            match kind.split(" ", 1):
                case ["later"]:
                    self.script.append((429, "TooManyProviderTokenUpdates", {}))
                case ["later", asked]:
                    self.script.append((503, "ServiceUnavailable", {"retry-after": asked}))
                case ["never"]:
                    self.script.append((413, "PayloadTooLarge", {}))
                case ["misconfigured"]:
                    self.script.append((403, "InvalidProviderToken", {}))
                case _:
                    self.script.append(kind)

    @property
    def arrived(self) -> list[Arrived]:
        return [Arrived(each.headers["apns-collapse-id"], each.json["aps"]["alert"]["body"]) for each in self.pushed]

    def claims(self, pushed: Pushed) -> dict[str, Any]:
        token = pushed.headers["authorization"].removeprefix("bearer ")
        assert jwt.get_unverified_header(token)["kid"] == "K1"
        claims: dict[str, Any] = jwt.decode(
            token, self.key.public_key(), algorithms=["ES256"], options={"verify_iat": False}
        )
        return claims

    # --- the server ---------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(30)
        with contextlib.suppress(OSError), self._tls.wrap_socket(plain, server_side=True) as connection:
            with self._lock:
                self.connections += 1
            state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
            state.initiate_connection()
            connection.sendall(state.data_to_send())
            open_streams: dict[int, tuple[dict[str, str], bytearray]] = {}
            while held := connection.recv(65536):
                for event in state.receive_data(held):
                    if isinstance(event, h2.events.RequestReceived):
                        headers = {name.decode(): value.decode() for name, value in event.headers or ()}
                        open_streams[event.stream_id or 0] = (headers, bytearray())
                    elif isinstance(event, h2.events.DataReceived):
                        open_streams[event.stream_id or 0][1].extend(event.data or b"")
                        state.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                    elif isinstance(event, h2.events.StreamEnded):
                        headers, body = open_streams.pop(event.stream_id or 0)
                        if not self._answered(state, event.stream_id or 0, headers, bytes(body), connection):
                            return
                connection.sendall(state.data_to_send())

    def _answered(
        self,
        state: h2.connection.H2Connection,
        stream: int,
        headers: dict[str, str],
        body: bytes,
        connection: ssl.SSLSocket,
    ) -> bool:
        """Whether the connection goes on."""
        with self._lock:
            self.pushed.append(Pushed(headers[":path"], headers, body))
            told = self.script.pop(0) if self.script else (200, "", {})
        if told == "silent":
            return True
        if isinstance(told, str):
            connection.shutdown(socket.SHUT_RDWR)
            return False
        number, reason, more = told
        answer = [(":status", str(number)), ("apns-id", headers["apns-id"]), *more.items()]
        state.send_headers(stream, answer, end_stream=not reason)
        if reason:
            state.send_data(stream, json.dumps({"reason": reason}).encode(), end_stream=True)
        return True
