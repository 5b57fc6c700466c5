"""The verb `sources`: providers whose webhooks are taken. It opens the ledger only, so it works beside a server."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethogram.cli.context import found, json_option, workspace_option
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output

if TYPE_CHECKING:
    from ethogram.receiving import Trial, WebhookSource, WebhookSources

_TRUSTS = (
    "stripe", "shopify", "zendesk", "intercom", "sendgrid", "sns", "standard", "hmac", "salesforce", "basic", "token",
)  # fmt: skip
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.group(
    cls=Verbs,
    examples=(
        "ethogram sources add sendgrid --mapping sendgrid --secret MFkwEwYHKoZIzj0CAQYI…",
        "ethogram sources add shop --mapping shopify --secret-file secret.txt",
        "ethogram sources add emails --mapping ses --sender arn:aws:sns:eu-west-1:123456789012:emails",
        "ethogram sources test shop order.json --header X-Shopify-Topic=orders/paid",
        "ethogram sources mappings stripe > own.toml",
    ),
)
def sources() -> None:
    """Take webhooks of providers as events: Stripe, Shopify, e-mail engagement and others."""


def _mapping_options(command: Any) -> Any:
    command = click.option("--mapping-file", type=_FILE, help="An own mapping, TOML or JSON; `-` is standard input.")(
        command
    )
    return click.option("--mapping", metavar="NAME", help="A ready mapping; `ethogram sources mappings` lists them.")(
        command
    )


def _secret_options(command: Any) -> Any:
    command = click.option("--secret-file", type=_FILE, help="A file with one secret a line; `-` is standard input.")(
        command
    )
    return click.option(
        "--secret", "secrets", multiple=True,
        help="What the provider signs with or sends; of several any is good. SendGrid: its public key.",
    )(command)  # fmt: skip


@sources.command(
    examples=(
        "ethogram sources add sendgrid --mapping sendgrid --secret MFkwEwYHKoZIzj0CAQYI…",
        "ethogram sources add crm --mapping salesforce --sender 00D24000000eXAMEA2",
        "ethogram sources add tool --mapping-file tool.toml --trust hmac --header X-Hub-Signature-256 --secret s3cret",
    )
)
@click.argument("name")
@_mapping_options
@click.option("--trust", type=click.Choice(_TRUSTS), help="How a request is believed. Default: what the mapping says.")
@_secret_options
@click.option("--header", help="Where the signature (`hmac`) or the token (`token`) is.")
@click.option("--sender", help="Whom the payload must name: the ARN of an SNS topic, the id of an organisation.")
@json_option
@workspace_option
def add(
    name: str,
    mapping: str | None,
    mapping_file: Path | None,
    trust: str | None,
    secrets: tuple[str, ...],
    secret_file: Path | None,
    header: str | None,
    sender: str | None,
    as_json: bool,
) -> None:
    """Add a source; it takes webhooks at `/v1/sources/NAME`.

    Where the provider does not sign, a secret is made and shown once.
    """
    with _opened() as opened:
        source, made = opened.add(
            name, ready=mapping, mapping=_text(mapping_file), trust=trust, secrets=_secrets(secrets, secret_file),
            header=header, sender=sender,
        )  # fmt: skip
    out = Output()
    if as_json:
        out.json({**_plain(source), "secret": made})
        return
    if made is not None:
        out.line((made, "bold"))
    path = f"/v1/sources/{source.name}"
    address = f"{path}/{made}" if made is not None and source.trust in ("token", "salesforce") and not header else path
    out.note(f"send webhooks to {address}" + ("; the secret is not shown again" if made is not None else ""))


@sources.command("list", examples=("ethogram sources list", "ethogram sources list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the sources; none shows its secret."""
    with _opened() as opened:
        listed = opened.listed()
    out = Output()
    if as_json:
        out.json([_plain(source) for source in listed])
        return
    if not listed:
        out.note("there is no source; `ethogram sources add NAME --mapping …` makes one")
    for source in listed:
        out.line((source.name, "bold"), f"  {source.ready or 'own mapping'}  {source.trust}", _state(source))


@sources.command(examples=("ethogram sources show shop", "ethogram sources show shop --json"))
@click.argument("name")
@json_option
@workspace_option
def show(name: str, as_json: bool) -> None:
    """Show a source and, where it is its own, the mapping; never the secret."""
    with _opened() as opened:
        source = opened.get(name)
    plain = {**_plain(source), "own_mapping": source.mapping}
    out = Output()
    if as_json or source.mapping is not None:
        out.json(plain)
        return
    for key, value in plain.items():
        if value is not None:
            out.line(f"{key}: {visible(str(value))}")


@sources.command(
    examples=(
        "ethogram sources change shop --secret new --secret old  # both are good until the next change",
        "ethogram sources change shop --disable",
        "ethogram sources change shop --mapping-file own.toml",
    )
)
@click.argument("name")
@_mapping_options
@_secret_options
@click.option("--header", help="Where the signature or the token is.")
@click.option("--sender", help="Whom the payload must name.")
@click.option("--enable/--disable", "enabled", default=None, help="Take its webhooks, or answer 404.")
@json_option
@workspace_option
def change(
    name: str,
    mapping: str | None,
    mapping_file: Path | None,
    secrets: tuple[str, ...],
    secret_file: Path | None,
    header: str | None,
    sender: str | None,
    enabled: bool | None,
    as_json: bool,
) -> None:
    """Change a source; running servers follow within seconds. What is not given stays."""
    given = _secrets(secrets, secret_file)
    with _opened() as opened:
        source = opened.change(
            name, ready=mapping, mapping=_text(mapping_file), secrets=given or None, header=header, sender=sender,
            enabled=enabled,
        )  # fmt: skip
    if as_json:
        Output().json(_plain(source))
    else:
        Output().note(f"source `{source.name}` is changed", _state(source))


@sources.command(examples=("ethogram sources remove shop",))
@click.argument("name")
@workspace_option
def remove(name: str) -> None:
    """Remove a source; running servers answer 404 within seconds. What it sent stays."""
    with _opened() as opened:
        opened.remove(name)
    Output().note(f"source `{visible(name)}` is removed")


@sources.command(
    examples=(
        "ethogram sources test shop order.json --header X-Shopify-Topic=orders/paid",
        "ethogram sources test --mapping stripe event.json",
        "ethogram sources test --mapping-file own.toml payload.json --json",
    )
)
@click.argument("name_or_payload")
@click.argument("payload", required=False)
@_mapping_options
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header of the request.")
@json_option
@workspace_option
def test(
    name_or_payload: str,
    payload: str | None,
    mapping: str | None,
    mapping_file: Path | None,
    headers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the events that a payload would become; nothing is kept and nothing is verified.

    The payload is the body of a request in a file, `-` is standard input. Name a source before it, or a mapping.
    """
    by_mapping = mapping is not None or mapping_file is not None
    if by_mapping is (payload is not None):
        raise click.UsageError("Give a source and a payload, or `--mapping` (or `--mapping-file`) and a payload.")
    body = _body(payload or name_or_payload)
    named = _headers(headers)
    with _opened() as opened:
        if by_mapping:
            trial = opened.test_mapping(body, ready=mapping, mapping=_text(mapping_file), headers=named)
        else:
            trial = opened.test(name_or_payload, body, named)
    if as_json:
        Output().json(_told(trial))
    else:
        _show(trial)


@sources.command(examples=("ethogram sources mappings", "ethogram sources mappings stripe > own.toml"))
@click.argument("name", required=False)
@json_option
def mappings(name: str | None, as_json: bool) -> None:
    """List the ready mappings, or print one as a start for your own."""
    facade = importlib.import_module("ethogram.receiving").WebhookSources
    out = Output()
    if name is not None:
        out.verbatim(facade.mapping_text(name))
    elif as_json:
        out.json(facade.mappings())
    else:
        for each, description in facade.mappings().items():
            out.line((f"{each:<12}", "bold"), description)


def _show(trial: Trial) -> None:
    out = Output()
    for call in trial.calls:
        who = " ".join(filter(None, (call.profile_id, call.anonymous_id and f"({call.anonymous_id})")))
        out.line((visible(call.event or call.call), "bold"), f"  {call.at:%Y-%m-%d %H:%M:%S} UTC  {visible(who)}")
        if call.account_id:
            out.line(f"account: {visible(call.account_id)}", indent=2)
        for key, value in call.content.items():
            if key != "context":
                out.line(f"{visible(key)}: {visible(str(value))}", indent=2)
    for unfit in trial.rejected:
        out.warn(f"call {unfit.index + 1} would be rejected: {visible(unfit.reason)}")
    for what, times in trial.warnings.items():
        out.warn(f"{what.replace('_', ' ')}: {times}")
    out.note(f"{trial.items} items, {len(trial.calls)} calls, {trial.skipped} items that the mapping has no call for")


def _told(trial: Trial) -> dict[str, object]:
    return {
        "items": trial.items,
        "skipped": trial.skipped,
        "calls": [
            {
                "call": call.call, "event": call.event, "profile_id": call.profile_id,
                "anonymous_id": call.anonymous_id, "account_id": call.account_id, "at": call.at,
                "content": call.content, "message_id": call.message_id,
            }
            for call in trial.calls
        ],
        "rejected": [{"index": each.index, "code": each.code, "message": each.reason} for each in trial.rejected],
        "warnings": trial.warnings,
    }  # fmt: skip


def _plain(source: WebhookSource) -> dict[str, object]:
    return {
        "name": source.name, "path": f"/v1/sources/{source.name}", "mapping": source.ready, "trust": source.trust,
        "secrets": len(source.secrets), "header": source.header, "sender": source.sender, "enabled": source.enabled,
        "created_at": source.created_at, "changed_at": source.changed_at,
    }  # fmt: skip


def _state(source: WebhookSource) -> str:
    return "" if source.enabled else "  disabled"


def _text(file: Path | None) -> str | None:
    return None if file is None else _body(str(file)).decode("utf-8", "replace")


def _secrets(given: tuple[str, ...], file: Path | None) -> tuple[str, ...]:
    listed = (line.strip() for line in (_text(file) or "").splitlines())
    return (*given, *(line for line in listed if line))


def _body(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise click.UsageError(f"`{name}` cannot be read: {error.strerror}") from error


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    wrong = [each for each in given if "=" not in each]
    if wrong:
        raise click.UsageError(f"`{wrong[0]}` is no header; write `--header X-Topic=orders/paid`.")
    return {name.strip(): value for name, _, value in (each.partition("=") for each in given)}


def _opened() -> WebhookSources:
    receiving = importlib.import_module("ethogram.receiving")  # `--help` starts no engine
    opened: WebhookSources = receiving.WebhookSources(found(click.get_current_context().find_object(str)))
    return opened
