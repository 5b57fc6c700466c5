"""Which module imports which, read from the syntax trees: nothing is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
SOURCE = PROJECT / "src"
ROOT = "ethogram"


@dataclass(frozen=True, slots=True)
class Import:
    """One import: who, what, where, and whether it waits until a function is called."""

    importer: str
    imported: str
    line: int
    lazy: bool
    for_types: bool  # below `if TYPE_CHECKING`

    @property
    def package(self) -> str:
        """The first part of what is imported."""
        return self.imported.split(".")[0]

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def module_name(path: Path) -> str:
    """`src/ethogram/segment/parser.py` -> `ethogram.segment.parser`."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: dict[str, Path] = {module_name(path): path for path in sorted((SOURCE / ROOT).rglob("*.py"))}
TREES: dict[str, ast.Module] = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def _imports_of(name: str) -> list[Import]:
    found: list[Import] = []

    def visit(node: ast.AST, lazy: bool, for_types: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(name, alias.name, node.lineno, lazy, for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: imports are absolute"
            base = node.module or ""
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.append(Import(name, inner if inner in MODULES else base, node.lineno, lazy, for_types))
        for child in ast.iter_child_nodes(node):
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typed = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            visit(child, lazy or inside, for_types or typed)

    visit(TREES[name], False, False)
    return found


IMPORTS: tuple[Import, ...] = tuple(found for name in MODULES for found in _imports_of(name))
OWN: tuple[Import, ...] = tuple(found for found in IMPORTS if found.package == ROOT)
