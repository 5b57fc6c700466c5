"""A request's body as a payload: JSON, JSON lines, or the SOAP of Salesforce's outbound messages.

Step of the path: collect. Whoever reads it has believed the sender or not; either way the body may be anything: XML
with a document type is refused, so that no entity is ever declared, and nesting is bounded.
Source of the envelope and its answer: Salesforce SOAP API Developer Guide, "Outbound Messaging".
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat  # with document types refused there are no entities to abuse

from ethogram.collect.payload import Refused, json_value

_DEEPEST = 100  # levels
_MOST_ELEMENTS = 50_000
ACK = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)
_SESSION = "SessionId"  # lets its holder call Salesforce: it must not get anywhere


def parsed(body: bytes, format: str) -> Any | Refused:
    """The payload that a body holds, or why it holds none.

    Args:
        format: `json` or `soap`.
    """
    if not body.strip():
        return Refused("empty_body", "the body is empty")
    return _xml(body) if format == "soap" else _json(body)


def _json(body: bytes) -> Any | Refused:
    found = json_value(body)
    if isinstance(found, str):
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) < 2:
            return Refused("invalid_json", f"the body is no JSON: {found}")
        rows = [json_value(line) for line in lines]
        unread = next((at for at, row in enumerate(rows) if isinstance(row, str)), None)
        if unread is not None:
            return Refused(
                "invalid_json", f"the body is no JSON ({found}), nor is its line {unread + 1}: {rows[unread]}"
            )
        value: Any = [row[0] for row in rows if not isinstance(row, str)]
    else:
        value = found[0]
    # Few payloads have as many brackets as would be needed, so few are walked through.
    if body.count(b"[") + body.count(b"{") > _DEEPEST and _is_deep(value):
        return Refused("invalid_json", f"the body is nested deeper than {_DEEPEST} levels")
    return value


def _is_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(_DEEPEST + 1):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for values in inner for each in values]
        if not level:
            return False
    return True


class _XmlError(Exception):
    pass


def _xml(body: bytes) -> Any | Refused:
    """An element as an object: its children by name, several of one name as a list, its text where it has none."""
    parser = expat.ParserCreate(namespace_separator=" ")
    # Of each open element: name, children, text.
    stack: list[tuple[str, dict[str, Any], list[str]]] = [("", {}, [])]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > _DEEPEST or count > _MOST_ELEMENTS:
            raise _XmlError(f"more than {_DEEPEST} levels or {_MOST_ELEMENTS:,} elements")
        said = {_local(key): value.rpartition(":")[2] for key, value in attributes.items() if _local(key) == "type"}
        stack.append((_local(name), dict(said), []))

    def end(_: str) -> None:
        name, children, texts = stack.pop()
        if name == _SESSION:
            return
        value: Any = children or "".join(texts).strip() or None
        outer = stack[-1][1]
        if name in outer:
            if not isinstance(outer[name], list):
                outer[name] = [outer[name]]
            outer[name].append(value)
        else:
            outer[name] = value

    def text(piece: str) -> None:
        stack[-1][2].append(piece)

    def forbidden(*_: Any) -> int:
        raise _XmlError("a document type or an entity, which is not taken")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = forbidden
    parser.EntityDeclHandler = forbidden
    parser.ExternalEntityRefHandler = forbidden
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, _XmlError, ValueError, LookupError) as error:  # LookupError: an encoding that is none
        return Refused("invalid_xml", f"the body is no XML that can be taken: {error}")
    return stack[0][1]


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
