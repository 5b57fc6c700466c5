"""The verb `rejected`: what senders sent in vain, and why. It opens the ledger only, so it works beside a server."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.help import Verb
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output

if TYPE_CHECKING:
    from ethogram.collecting import Rejected, RejectedCalls

_SHOWN = 100  # characters of a call


@click.command(
    cls=Verb,
    examples=("ethogram rejected", "ethogram rejected --code missing_id", "ethogram rejected --limit 500 --json"),
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@click.option("--code", metavar="REASON", help="Only those of one reason, such as `missing_id`.")
@json_option
@workspace_option
def rejected(limit: int, code: str | None, as_json: bool) -> None:
    """List what the server rejected, with the reasons.

    Of each reason the newest 500 are kept, for seven days. Senders see a reason in the answer, and most SDKs ignore it.
    """
    with _opened() as opened:
        counts = opened.counts()
        calls = opened.listed(limit=limit, code=code)
    out = Output()
    if as_json:
        out.json({"counts": counts, "rejected": [_plain(call) for call in calls]})
        return
    if not calls:
        out.note("nothing was rejected" + (f" for `{visible(code)}`" if code else ""))
        return
    for call in calls:
        out.line(f"{call.at:%Y-%m-%d %H:%M:%S} UTC  ", (call.code, "bold"), f"  {visible(call.reason)}")
        place = f"/v1/{call.endpoint}" + (
            f", call {call.index + 1}" if call.endpoint in ("batch", "b", "import") else ""
        )
        out.line(place + (f", messageId {visible(call.message_id)}" if call.message_id else ""), indent=2)
        if call.content:
            out.line(visible(call.content[:_SHOWN]) + ("…" if len(call.content) > _SHOWN else ""), indent=2)
    out.note("kept: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


def _plain(call: Rejected) -> dict[str, object]:
    return {
        "id": call.id, "at": call.at, "code": call.code, "reason": call.reason, "endpoint": call.endpoint,
        "index": call.index, "message_id": call.message_id, "content": call.content,
    }  # fmt: skip


def _opened() -> RejectedCalls:
    collecting = importlib.import_module("ethogram.collecting")  # `--help` starts no engine
    opened: RejectedCalls = collecting.RejectedCalls(found(click.get_current_context().find_object(str)))
    return opened
