"""Ready mappings of providers: files beside this module, in the form that anybody's own mapping has.

Step of the path: collect. Reads the files of the package; each is a start for one's own as well.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from ethogram.collect.inbound.calls import Prepared
from ethogram.collect.inbound.mapping import parse, read
from ethogram.errors import UnknownNameError

_FOLDER = resources.files("ethogram.collect.inbound") / "ready"
_SUFFIX = ".toml"


@cache
def names() -> tuple[str, ...]:
    """The names of the ready mappings."""
    found = (each.name for each in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


def text(name: str) -> str:
    """A ready mapping as it is written.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in names():
        raise UnknownNameError(f"there is no ready mapping `{name}`", hint=f"There are: {', '.join(names())}.")
    return (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


@cache
def prepared(name: str) -> Prepared:
    """A ready mapping, ready to be applied.

    Raises:
        UnknownNameError: there is none of that name.
    """
    return Prepared(read(parse(text(name))))
