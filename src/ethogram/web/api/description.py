"""The OpenAPI document: what the framework finds out about the routes, with what they have in common.

Takes the framework's document and gives it back changed; reads nothing else.
"""

from __future__ import annotations

from typing import Any

_FAILURE = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "string", "description": "Stable, for machines."},
        "message": {"type": "string", "description": "What failed, for people."},
        "hint": {"type": "string", "description": "What to do."},
        "details": {"type": "array", "description": "Which parts of the request do not fit."},
    },
}
_AGAIN = {"retry-after": {"schema": {"type": "integer"}, "description": "Seconds."}}

# What any route may answer.
_ANY = {
    "400": "The request does not fit, or what it names cannot be used.",
    "401": "No key, or one that is unknown or revoked.",
    "403": "The key's scope does not allow this.",
    "404": "There is nothing of that name, or at this address.",
    "405": "The address does not take this method.",
    "413": "The body is longer than is taken.",
    "503": "Not now; `Retry-After` says when to ask again.",
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The document, with the failures that every route may answer."""
    schema.setdefault("components", {}).setdefault("schemas", {})["Failure"] = _FAILURE
    for path in schema["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            for status, description in _ANY.items():
                responses[status] = _failure(description, again=status == "503")
    return schema


def _failure(description: str, *, again: bool) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    return {"description": description, "content": content, **({"headers": _AGAIN} if again else {})}
