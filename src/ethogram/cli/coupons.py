"""The verb `coupons`: pools of codes, of which each message gets one. It opens the ledger only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from ethogram.cli.context import json_option, workspace_option
from ethogram.cli.definitions import workspace_path
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output

if TYPE_CHECKING:
    from ethogram.coupons import Coupons, Pool


@click.group(
    cls=Verbs,
    examples=("ethogram coupons add spring codes.csv --expires 2026-12-31", "ethogram coupons list"),
)
def coupons() -> None:
    """Fill pools of coupon codes, and see how many are left."""


@coupons.command("list", examples=("ethogram coupons list", "ethogram coupons list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the pools, and how many codes are left in each."""
    with _coupons() as opened:
        rows = opened.pools()
    out = Output()
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.note("there is no pool; `ethogram coupons add NAME FILE` makes one")
    for each in rows:
        _line(out, each)


@coupons.command(examples=("ethogram coupons show spring",))
@click.argument("name")
@json_option
@workspace_option
def show(name: str, as_json: bool) -> None:
    """Show how many codes of a pool are left."""
    with _coupons() as opened:
        found = opened.pool(name)
    out = Output()
    if as_json:
        out.json(found)
        return
    _line(out, found)


@coupons.command(examples=("ethogram coupons add spring codes.txt", "ethogram coupons add spring c.csv --column Code"))
@click.argument("name")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--column", metavar="NAME", help="Which one holds the codes; else `code`, or the only one.")
@click.option("--expires", metavar="WHEN", help="A day (its end), or an instant; codes are not given out after it.")
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl", "parquet"]), help="Where the content is mute.")
@json_option
@workspace_option
def add(
    name: str, files: tuple[str, ...], column: str | None, expires: str | None, format_: str | None, as_json: bool
) -> None:
    """Add the codes of files to a pool; codes that it has stay as they are. `-` reads standard input."""
    with _coupons() as opened:
        done = opened.import_codes(name, files, column=column, expires=expires, format=format_)
    out = Output()
    if as_json:
        out.json(done)
        return
    out.line(f"{done.added:,} codes added, {done.known:,} known already, {done.unfit:,} are no codes")


@coupons.command(examples=("ethogram coupons remove spring",))
@click.argument("name")
@json_option
@workspace_option
def remove(name: str, as_json: bool) -> None:
    """Remove the codes of a pool that nobody has; those that were given out stay on record."""
    with _coupons() as opened:
        removed = opened.remove(name)
    out = Output()
    if as_json:
        out.json({"removed": removed})
        return
    out.note(f"{removed:,} codes are gone")


def _line(out: Output, pool: Pool) -> None:
    expired = f", {pool.expired:,} expired" if pool.expired else ""
    out.line((visible(pool.name), "bold"), f"  {pool.free:,} left, {pool.given:,} given{expired}")


def _coupons() -> Coupons:
    opened: Coupons = importlib.import_module("ethogram.coupons").Coupons(workspace_path())
    return opened
