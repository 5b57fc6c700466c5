"""The verb `catalogs`: items that templates show, and what they are. It opens the ledger only."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import click

from ethogram.cli.context import json_option, workspace_option
from ethogram.cli.definitions import definitions, remove_verb, save_verb, show_verb, versions_verb, workspace_path
from ethogram.cli.exits import ExitCode
from ethogram.cli.help import Verbs
from ethogram.cli.hostile import visible
from ethogram.cli.output import Output
from ethogram.errors import InputError

if TYPE_CHECKING:
    from ethogram.catalogs import Catalogs, ItemsChanged

_FORMATS = click.Choice(["csv", "jsonl", "parquet"])
_SHOWN = 10  # rejected rows that are told


@click.group(
    cls=Verbs,
    examples=(
        "ethogram catalogs save products products.yaml",
        "ethogram catalogs import products products.csv",
        "ethogram catalogs items products --search 'blue shirt'",
        'ethogram catalogs put products tea \'{"title": "Tea", "price": 4}\'',
    ),
)
def catalogs() -> None:
    """Define catalogues of items, and change the items while they are used."""


@catalogs.command("list", examples=("ethogram catalogs list", "ethogram catalogs list --json"))
@json_option
@workspace_option
def list_(as_json: bool) -> None:
    """List the catalogues, and how many items each has."""
    with definitions() as defined, _catalogs() as opened:
        rows, sizes = defined.listed("catalog"), opened.sizes()
    out = Output()
    if as_json:
        out.json([{"name": each.name, "version": each.version, "body": each.body, "items": sizes.get(each.name, 0)}
                  for each in rows])  # fmt: skip
        return
    if not rows:
        out.note("there is no catalog; `ethogram catalogs save NAME FILE` makes one")
    for each in rows:
        said = f"  {sizes.get(each.name, 0):,} items  {each.body.get('description', '')}"
        out.line((visible(each.name), "bold"), visible(said.rstrip()))


@catalogs.command("import", examples=("ethogram catalogs import products products.csv",
                                      "ethogram catalogs import products new/*.parquet --replace"))  # fmt: skip
@click.argument("name")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--replace", is_flag=True, help="The catalogue holds nothing but these items afterwards.")
@click.option("--format", "format_", type=_FORMATS, help="Where the file's content does not say.")
@json_option
@workspace_option
def import_(name: str, files: tuple[str, ...], replace: bool, format_: str | None, as_json: bool) -> None:
    """Take items from CSV, JSON lines or Parquet files, whole or not at all; `-` reads standard input."""
    with _catalogs() as opened:
        done = opened.import_items(name, files, replace=replace, format=format_)
    out = Output()
    if as_json:
        out.json(done)
    else:
        _told(out, done.changed)
        if done.repeated:
            out.note(f"{done.repeated:,} rows had an id that came again later; the last one counts")
        for each in done.rejections[:_SHOWN]:
            out.warn(f"line {each.line}: {each.reason}")
        if done.rejected > _SHOWN:
            out.note(f"{done.rejected:,} rows were not taken")
    if done.rejected:
        raise click.exceptions.Exit(ExitCode.REJECTS)


@catalogs.command(examples=("ethogram catalogs items products", "ethogram catalogs items products --search tea"))
@click.argument("name")
@click.option("--search", default="", metavar="WORDS", help="Only items that have each of these words.")
@click.option("--after", default="", metavar="ID", help="Only items behind this id.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@json_option
@workspace_option
def items(name: str, search: str, after: str, limit: int, as_json: bool) -> None:
    """List items of a catalogue, by id."""
    with _catalogs() as opened:
        page = opened.items(name, search=search, after=after, limit=limit)
    out = Output()
    if as_json:
        out.json(page)
        return
    if not page.items:
        out.note("there is no such item")
    for each in page.items:
        out.line((visible(each.id), "bold"), f"  {visible(json.dumps(each.fields, ensure_ascii=False)[:300])}")
    if page.after is not None:
        out.note(f"there are more: --after {visible(page.after)}")


@catalogs.command(examples=("ethogram catalogs item products tea",))
@click.argument("name")
@click.argument("id_", metavar="ID")
@json_option
@workspace_option
def item(name: str, id_: str, as_json: bool) -> None:
    """Show an item."""
    with _catalogs() as opened:
        found = opened.item(name, id_)
    out = Output()
    if as_json:
        out.json(found)
        return
    out.facts([(visible(field), visible(_said(value))) for field, value in found.items()])


@catalogs.command(examples=("ethogram catalogs put products tea '{\"title\": \"Tea\", \"price\": 4}'",
                            "ethogram catalogs put products tea '{\"price\": 3}' --keep  # price only"))  # fmt: skip
@click.argument("name")
@click.argument("id_", metavar="ID")
@click.argument("fields", metavar="JSON")
@click.option("--keep", is_flag=True, help="Change the fields that are given; a null takes one away.")
@json_option
@workspace_option
def put(name: str, id_: str, fields: str, keep: bool, as_json: bool) -> None:
    """Keep an item as it is given, in place of one with the same id."""
    try:
        given: Any = json.loads(fields)
    except ValueError as error:
        raise InputError(f"the item is no JSON: {error}", hint='Give an object such as `{"price": 4}`.') from None
    if not isinstance(given, dict):
        raise InputError("the item is no JSON object", hint='Give one such as `{"price": 4}`.')
    with _catalogs() as opened:
        changed = (opened.patch_one if keep else opened.put_one)(name, id_, given)
    _answer(changed, as_json=as_json)


@catalogs.command(examples=("ethogram catalogs delete products tea coffee",))
@click.argument("name")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@json_option
@workspace_option
def delete(name: str, ids: tuple[str, ...], as_json: bool) -> None:
    """Remove items."""
    with _catalogs() as opened:
        changed = opened.delete(name, ids)
    _answer(changed, as_json=as_json)


for _made in (save_verb, show_verb, versions_verb, remove_verb):
    catalogs.add_command(_made("catalog", "products"))


def _answer(changed: ItemsChanged, *, as_json: bool) -> None:
    out = Output()
    if as_json:
        out.json(changed)
    else:
        _told(out, changed)


def _told(out: Output, changed: ItemsChanged) -> None:
    out.line(
        f"{changed.new:,} new, {changed.changed:,} changed, {changed.removed:,} removed, {changed.same:,} as they were"
    )


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _catalogs() -> Catalogs:
    opened: Catalogs = importlib.import_module("ethogram.catalogs").Catalogs(workspace_path())
    return opened
