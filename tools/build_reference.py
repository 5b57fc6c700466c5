"""Writes the generated pages of `docs/reference/` from the code: what is documented cannot differ from what is there.

Reads docstrings, click's commands, the settings, the tables, the templates and the language's JSON Schema; writes
Markdown. `--check` writes nothing and fails if a page is not what the code says.

    python tools/build_reference.py [--check]
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import json
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

import click

import ethogram
from ethogram import config, errors
from ethogram.cli.app import SECTIONS, app
from ethogram.cli.exits import MEANINGS
from ethogram.collect.inbound.mapping import json_schema as mapping_schema
from ethogram.model import results, verification
from ethogram.segment import builder
from ethogram.segment.english import to_english
from ethogram.segment.parser import parse
from ethogram.segment.printer import to_text
from ethogram.segment.templates import ROLES, TEMPLATES, Template
from ethogram.segment.tree import json_schema, to_tree
from ethogram.store import schema, tables

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
NOTE = "<!-- Written by tools/build_reference.py from the code; `make reference` writes it anew. -->\n\n"

# One line for each phrase of the language; its English stands beside it.
PHRASES = """
did(purchase)
not did(purchase in last 30 days)
count(purchase) >= 3
count(purchase where category = 'books' and price > 20 in last 90 days) >= 3
sum(purchase.amount in last 365 days) > 500
avg(purchase.amount) > 50
median(purchase.amount in last 90 days) between 20 and 50
min(purchase.amount) < 1
max(purchase.amount) >= 1000
distinct(view.product_id in last 7 days) >= 5
first(session) in last 7 days
last(purchase) before 30 days ago
last(purchase.category) = 'books'
favorite(view.category in last 90 days) = 'sci-fi'
active_days(any in last 28 days) >= 10
streak(login) >= 7
gap(purchase) > 45 days
count(login in last 14 days) < 0.5 * count(login in 14 days before last 14 days)
count(login in first 7 days after first(signup)) >= 3
sequence(add_to_cart, checkout_started, not purchase within 1 hour) in last 7 days
sequence(view where category = 'tv', purchase where category = 'tv' within 2 days)
top(10%, sum(purchase.amount in last 365 days))
bottom(20%, active_days(any in last 28 days))
quintile(count(purchase)) = 5
plan = 'pro' and country in ('SE', 'NO') and email exists
city ~= 'paris'
name starts with 'Dr' or name contains 'PhD' or name ends with 'MD'
email matches '@example\\.(org|com)$'
signup_date in last 7 days
trial_ends_at in next 3 days
signup_date between 2026-01-01 and 2026-01-31
anniversary(birthday) in next 7 days
location within 5 km of (59.3293, 18.0686)
score(churn) > 0.7
in_segment('vip') and not in_segment('unsubscribed')
entered('vip' in last 3 days)
left('vip' in last 3 days)
last(survey_answered.score where survey = 'nps') >= 9
hour(login) between 18 and 23
weekday(purchase) in ('sat', 'sun')
count(purchase in previous month) > count(purchase in this month)
did(purchase since 2026-01-01) and not did(purchase before 2026-01-01)
account.plan = 'team' and account.count(login in last 30 days) >= 20
for account: count(login in last 7 days) = 0 and plan = 'team'
count("Order Completed" where "coupon code" exists) > 0
"""


def phrases() -> str:
    """The page that shows each phrase with the English that the product shows beside it."""
    rows = [(line, to_english(parse(line))) for line in PHRASES.strip().splitlines()]
    body = "\n".join(f"| `{_cell(text)}` | {_cell(english)} |" for text, english in rows)
    example = parse("count(purchase where price > 20 in last 90 days) >= 3 and country = 'SE'")
    return (
        "# Phrases and their English\n\n"
        "What is written on the left is shown as the sentence on the right, everywhere.\n\n"
        f"| text | English |\n|---|---|\n{body}\n\n"
        "The same definition in all three forms:\n\n"
        f"```text\n{to_text(example)}\n```\n\n"
        f"```json\n{json.dumps(to_tree(example), indent=2, ensure_ascii=False)}\n```\n\n"
        "```python\nimport ethogram as eg\n\n"
        'eg.count("purchase").where(eg.prop("price") > 20).last(90, "days") >= 3\n```\n'
    )


def tree() -> str:
    """The page on the tree, with the whole JSON Schema."""
    return (
        "# The tree\n\nA segment as JSON: what programs exchange. `ethogram schema` prints this schema, and "
        "[`tree.schema.json`](tree.schema.json) is the same as a file. Text and tree convert into each other without "
        "loss.\n\n"
        f"```json\n{json.dumps(json_schema(), indent=2, ensure_ascii=False)}\n```\n"
    )


# --- commands ---------------------------------------------------------------------------------------------------------


def commands() -> str:
    """The page on every command, from click."""
    context = click.Context(app, info_name="ethogram")
    parts = [
        "# Commands\n\nOne verb for every step of the path. `--help` after any of them says the same as this page.\n"
    ]
    for head, section in SECTIONS.items():
        parts.append(f"## {head}\n")
        for listed in section:
            command = app.get_command(context, listed.name)
            assert command is not None
            parts.extend(_command(command, click.Context(command, info_name=f"ethogram {listed.name}"), 3))
    parts.append("## Options of `ethogram` itself\n")
    parts.append(_parameters(app, context))
    parts.append("## Exit codes\n\n| code | meaning |\n|---:|---|")
    parts.append("\n".join(f"| {int(code)} | {_cell(meaning)} |" for code, meaning in MEANINGS.items()))
    return "\n".join(parts) + "\n"


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    name = context.info_name or ""
    yield f"{'#' * level} `{name}`\n"
    yield _prose(command.help or "") + "\n"
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{name} {pieces}\n```\n"
    table = _parameters(command, context)
    if table:
        yield table
    examples = getattr(command, "examples", ())
    if examples:
        yield "```sh\n" + "\n".join(examples) + "\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            child = command.get_command(context, inner)
            assert child is not None
            yield from _command(child, click.Context(child, info_name=f"{name} {inner}"), level + 1)


def _parameters(command: click.Command, context: click.Context) -> str:
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        # Once a command was used, click remembers its help option as it was spelt then.
        if record is not None and record[1] and not record[0].endswith("--help"):
            rows.append(f"| `{_cell(record[0])}` | {_cell(record[1])} |")
    return "| option | what it does |\n|---|---|\n" + "\n".join(rows) + "\n" if rows else ""


# --- library ----------------------------------------------------------------------------------------------------------


def library() -> str:
    """The page on the library, from docstrings and signatures."""
    parts = [f"# Library\n\n{_prose(inspect.getdoc(ethogram) or '')}\n"]
    public = [(name, getattr(ethogram, name)) for name in sorted(ethogram.__all__)]
    parts.append("## Functions\n")
    opening = _signature(ethogram.open.__init__).replace("-> None", "-> Workspace")
    parts.append(f"### `ethogram.open`\n\n```text\nethogram.open{opening}\n```\n")
    parts.append("Opens a workspace: another name of the class `Workspace`, below.\n")
    for name, member in public:
        if inspect.isfunction(member) and member.__module__ != builder.__name__:
            parts.append(_function(f"ethogram.{name}", member, 3))
    for name, member in public:
        if inspect.isclass(member) and not issubclass(member, Exception) and name == member.__name__:
            parts.append(_class(f"ethogram.{name}", member))
    parts.append("## Segments in Python\n\nThe language's words as functions; `repr` of what they build is its text.\n")
    parts.append("| function | builds |\n|---|---|")
    for name, member in public:
        if callable(member) and (inspect.ismethod(member) or member.__module__ == builder.__name__):
            arguments = re.sub(r"\s+", " ", _signature(member).split(" -> ")[0])
            parts.append(_row(f"`{name}{arguments}`", _prose(inspect.getdoc(member) or "")))
    parts.append("\n`account` has the same functions over the events and traits of a profile's account.\n")
    from ethogram.definitions import Segments

    if "Segments" not in ethogram.__all__:
        parts.append(_class("Workspace.segments", Segments))
    parts.append("## What comes back\n\n" + _prose(inspect.getdoc(results) or "") + "\n")
    parts.extend(
        _value(name, member)
        for module in (results, verification)
        for name, member in vars(module).items()
        if inspect.isclass(member) and member.__module__ == module.__name__
    )
    return "\n".join(parts)


def _class(name: str, member: type) -> str:
    parts = [f"## `{name}`\n\n{_docstring(member)}"]
    for method, value in vars(member).items():
        function = value.fget if isinstance(value, property) else value
        if not method.startswith("_") and inspect.isfunction(function):
            parts.append(
                _function(
                    f"{name.rsplit('.', maxsplit=1)[-1]}.{method}", function, 3, is_property=isinstance(value, property)
                )
            )
    return "\n".join(parts)


def _function(name: str, member: Callable[..., object], level: int, *, is_property: bool = False) -> str:
    signature = "" if is_property else _signature(member)
    return f"{'#' * level} `{name}`\n\n```text\n{name}{signature}\n```\n\n{_docstring(member)}"


def _signature(member: Callable[..., object]) -> str:
    signature = inspect.signature(member)
    shown = [parameter for name, parameter in signature.parameters.items() if name != "self"]
    text = str(signature.replace(parameters=shown)).replace("'", "").replace("ethogram.", "")
    if len(text) > 90:
        inner, _, answer = text.rpartition(") -> ")
        pieces = _split(inner[1:])
        text = "(\n" + "".join(f"    {piece},\n" for piece in pieces) + f") -> {answer}"
    return text


def _split(arguments: str) -> list[str]:
    """Splits at the commas that stand in no bracket."""
    pieces, depth, start = [], 0, 0
    for position, character in enumerate(arguments):
        depth += (character in "[(") - (character in "])")
        if character == "," and depth == 0:
            pieces.append(arguments[start:position].strip())
            start = position + 1
    return [*pieces, arguments[start:].strip()]


def _value(name: str, member: type) -> str:
    text = f"### `{name}`\n\n{_docstring(member)}"
    if issubclass(member, Enum):
        return text + "\n".join(f"- `{item.value}`" for item in member) + "\n"
    if dataclasses.is_dataclass(member):
        hints = typing.get_type_hints(member)
        comments = _field_comments(member)
        rows = "\n".join(
            f"| `{field.name}` | `{_cell(_type(hints[field.name]))}` | {_cell(comments.get(field.name, ''))} |"
            for field in dataclasses.fields(member)
        )
        text += f"| field | type | |\n|---|---|---|\n{rows}\n"
    return text


def _type(hint: object) -> str:
    text = hint.__name__ if inspect.isclass(hint) and not typing.get_args(hint) else str(hint)
    return re.sub(r"\b(?:ethogram\.model\.(?:results|verification)|typing|datetime)\.", "", text)


def _field_comments(member: type) -> dict[str, str]:
    """The comment at the end of each field's line."""
    found = {}
    for line in inspect.getsource(member).splitlines():
        match = re.match(r"\s+(\w+): [^#]+#\s*(.+)$", line)
        if match:
            found[match[1]] = match[2]
    return found


# --- errors, settings, tables, templates ----------------------------------------------------------------------------


def error_tree() -> str:
    """The page on errors, from `errors.py`."""
    drawing = textwrap.dedent((errors.__doc__ or "").split("\n\n", 1)[1].split("\n\nEach class")[0])
    rows = [
        _row(f"`{name}`", f"`{member.code}`", "yes" if member.retryable else "no", _prose(inspect.getdoc(member) or ""))
        for name, member in vars(errors).items()
        if inspect.isclass(member) and issubclass(member, errors.EthogramError)
    ]
    return (
        "# Errors\n\n"
        "Everything raised on purpose is an `EthogramError`. `str()` of it is the message and, on a line of "
        "its own, what to do; `code` is stable, for machines; `fields` has the identifiers. With `--json` the command "
        "line prints them as one JSON object on standard error.\n\n"
        f"```text\n{drawing}\n```\n\n| error | code | retry helps | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def settings() -> str:
    """The page on a workspace's settings, from `config.py`."""
    meanings = _attributes(config.Settings)
    default = config.Settings()
    rows = "\n".join(
        f"| `{name}` | `ETHOGRAM_{name.upper()}` | `{getattr(default, name)!r}` | {_cell(meanings[name])} |"
        for name in config.NAMES
    )
    return (
        f"# Settings\n\nA workspace's settings stand in `{config.FILE}` in its directory; `ethogram config` shows and "
        "changes them. A variable of the environment wins over the file.\n\n"
        f"| setting | variable | default | meaning |\n|---|---|---|---|\n{rows}\n\n"
        "| variable | meaning |\n|---|---|\n"
        "| `ETHOGRAM_WORKSPACE` | the workspace that commands use when `--workspace` is not given |\n"
        "| `ETHOGRAM_TRACEBACK` | `1` shows the traceback of a failure, for reports |\n"
        "| `NO_COLOR` | any value: no colours |\n"
    )


def _attributes(member: type) -> dict[str, str]:
    """What the `Attributes` section of a docstring says of each name."""
    section = (inspect.getdoc(member) or "").split("Attributes:")[-1]
    found: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent(section).strip("\n").splitlines():
        match = re.match(r"(\w+): (.*)$", line)
        if match:
            name = match[1]
            found[name] = match[2]
        elif name:
            found[name] += " " + line.strip()
    return found


def stored_tables() -> str:
    """The page on what is stored where, from the tables' definitions."""
    parts = ["# Tables\n\nFor whoever looks inside. Names and meaning may change between versions; the verbs do not.\n"]
    parts.append("## Warehouse\n\nClickHouse, embedded or a server. Facts are only ever appended.\n")
    said = _comments(Path(schema.__file__), r'    "(\w+)": f"""')
    for name, ddl in schema.TABLES.items():
        columns = textwrap.dedent(ddl).split(" SETTINGS")[0].strip()
        parts.append(f"### `{name}`\n\n{said.get(name, '')}\n\n```sql\n{columns}\n```\n")
    parts.append("## Ledger\n\nSQLite or PostgreSQL. What must be exact.\n")
    assigned = {
        node.value.args[0].value: node.targets[0].id
        for node in ast.parse(Path(tables.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and node.value.args
        and isinstance(node.value.args[0], ast.Constant)
    }
    said = _comments(Path(tables.__file__), r"(\w+) = sa\.Table\(")
    for table in tables.metadata.sorted_tables:
        rows = "\n".join(
            _row(f"`{column.name}`", column.type.__class__.__name__, "yes" if column.nullable else "")
            for column in table.columns
        )
        comment = said.get(assigned.get(table.name, table.name), "")
        parts.append(f"### `{table.name}`\n\n{comment}\n\n| column | type | may be missing |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _comments(path: Path, pattern: str) -> dict[str, str]:
    """The comment lines right above each line that fits the pattern, by what it captures."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("#"):
            above.append(line.strip().lstrip("# "))
            continue
        match = re.match(pattern, line)
        if match and above:
            found[match[1]] = " ".join(above)
        above = []
    return found


def templates() -> str:
    """The page on the template segments and the roles that they speak of."""
    head = (
        f"# Templates\n\n{len(TEMPLATES)} ready segments. `ethogram ready apply` fits them to a workspace's own "
        "names: words in braces are roles (below) or parameters; a role with `?` is left out, with the smallest part "
        "that needs it, where nothing fills it. A template whose roles are not filled is refused, with the reason.\n"
    )
    parts = [head]
    categories: dict[str, list[Template]] = {}
    for template in TEMPLATES:
        categories.setdefault(template.category, []).append(template)
    for category, members in categories.items():
        parts.append(f"## {category[0].upper()}{category[1:]}\n")
        parts.extend(_template(template) for template in members)
    parts.append("## Roles\n\n`ethogram vocabulary` shows what fills them in a workspace, and changes it.\n")
    parts.append("| role | kind | meaning | names that are recognised |\n|---|---|---|---|")
    parts.extend(
        f"| `{role.key}` | {role.kind.value} | {_cell(role.title)} | {', '.join(role.spellings[:6])} |"
        for role in ROLES.values()
    )
    return "\n".join(parts) + "\n"


def _template(template: Template) -> str:
    text = f"### `{template.name}`\n\n**{template.title}.** {_prose(template.description)}\n\n"
    text += f"```text\n{template.text}\n```\n"
    if template.parameters:
        rows = "\n".join(
            _row(f"`{parameter.name}`", parameter.kind.value, _default(parameter.default), parameter.description)
            for parameter in template.parameters
        )
        text += f"\n| parameter | kind | default | |\n|---|---|---|---|\n{rows}\n"
    return text


def _default(value: object) -> str:
    return "needed" if value is None else f"`{', '.join(value) if isinstance(value, tuple) else value}`"


# --- Markdown ---------------------------------------------------------------------------------------------------------


def _row(*cells: str) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _prose(text: str) -> str:
    """A docstring's text as Markdown, without click's marks."""
    return inspect.cleandoc(text.replace("\b", "").replace("\f", "")).strip()


def _docstring(member: object) -> str:
    """A Google docstring as Markdown: sections become lists, examples become code."""
    text = inspect.getdoc(member) or ""
    if dataclasses.is_dataclass(member) and text.startswith(f"{getattr(member, '__name__', '')}("):
        text = ""  # the one that the dataclass wrote itself
    lines: list[str] = []
    section = False
    code = False
    for line in text.splitlines():
        head = re.fullmatch(r"(Args|Returns|Raises|Attributes|Yields|Example|Examples):", line)
        is_code = line.lstrip().startswith((">>>", "..."))
        if code and not line.strip():
            lines.append("```")
            code = False
        if head:
            section = True
            lines.append(f"**{head[1]}**\n")
        elif is_code and not code:
            code = True
            lines.extend(("```pycon", line.strip()))
        elif code:
            lines.append(line.strip())
        elif section and re.match(r"    \S", line):
            name, colon, rest = line.strip().partition(": ")
            lines.append(f"- `{name}`: {rest}" if colon and re.fullmatch(r"\*{0,2}\w+", name) else f"- {line.strip()}")
        elif section and line.startswith("     "):
            lines[-1] += " " + line.strip()
        else:
            section = section and not line.strip()
            lines.append(line)
    if code:
        lines.append("```")
    return "\n".join(lines).strip() + "\n\n" if lines else ""


PAGES: dict[str, Callable[[], str]] = {
    "phrases.md": phrases,
    "tree.md": tree,
    "commands.md": commands,
    "library.md": library,
    "errors.md": error_tree,
    "settings.md": settings,
    "tables.md": stored_tables,
    "templates.md": templates,
}


def pages() -> dict[str, str]:
    """Each generated file of the reference with its content."""
    written = {name: NOTE + re.sub(r"\n{3,}", "\n\n", page()) for name, page in PAGES.items()}
    written["tree.schema.json"] = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    written["webhook-mapping.schema.json"] = json.dumps(mapping_schema(), indent=2, ensure_ascii=False) + "\n"
    return written


def stale() -> list[str]:
    """The names of the generated files that are not what the code says."""
    return [
        name
        for name, content in pages().items()
        if not (REFERENCE / name).exists() or (REFERENCE / name).read_text(encoding="utf-8") != content
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing; fail if a page is stale")
    if arguments.parse_args().check:
        names = stale()
        if names:
            sys.exit(f"stale in docs/reference: {', '.join(names)}. Run `make reference`.")
        return
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (REFERENCE / name).write_text(content, encoding="utf-8")
    print(f"wrote {len(PAGES) + 1} files to {REFERENCE}")


if __name__ == "__main__":
    main()
