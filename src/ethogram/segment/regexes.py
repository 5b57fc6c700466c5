"""Whether a regular expression is one that RE2 takes.

Step of the path: segment, language half; a part of the checker. Reads a pattern; says what RE2 (the warehouse's
engine) would refuse. Follows https://github.com/google/re2/wiki/Syntax; it does not match anything.
"""

from __future__ import annotations

import re

MAX_REPEAT = 1000  # RE2 refuses larger counted repetitions

_GROUP = re.compile(r"\(\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|[imsU]*(?:-[imsU]+)?:|(?=[imsU-])[imsU]*(?:-[imsU]+)?\))")
_REPEAT = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_ESCAPE = re.compile(
    r"\\(?:[pP](?:\{\^?[A-Za-z_]+\}|[A-Z])|x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]{1,6}\}|[1-7][0-7]{1,2}|0[0-7]{0,2}"
    r"|[dDsSwWaftnrvbBAzQC]|[^A-Za-z0-9])"
)
_POSIX = re.compile(r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]")


def problem_of(pattern: str) -> str | None:
    """What RE2 would refuse in a pattern, or None if it takes it."""
    try:
        _Pattern(pattern).scan()
    except ValueError as problem:
        return str(problem)
    return None


class _Pattern:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.index = 0
        self.depth = 0
        self.repeatable = False  # whether the last item can be repeated
        self.repeated = False  # whether it already is

    def scan(self) -> None:
        while self.index < len(self.pattern):
            self._item()
        if self.depth:
            raise ValueError("a bracket `(` is never closed")

    def _item(self) -> None:
        character = self.pattern[self.index]
        match character:
            case "(":
                self._open()
            case ")":
                if not self.depth:
                    raise ValueError("a bracket `)` closes nothing")
                self.depth -= 1
                self._took(1)
            case "[":
                self._class()
            case "\\":
                self._escape()
            case "*" | "+" | "?":
                self._repeat(1)
            case "{" if counted := _REPEAT.match(self.pattern, self.index):
                self._counted(counted)
            case "|":
                self._took(1, repeatable=False)
            case _:
                self._took(1)

    def _took(self, length: int, *, repeatable: bool = True) -> None:
        self.index += length
        self.repeatable, self.repeated = repeatable, False

    def _open(self) -> None:
        if not self.pattern.startswith("(?", self.index):
            self.depth += 1
            self._took(1, repeatable=False)
            return
        group = _GROUP.match(self.pattern, self.index)
        if group is None:
            start = self.pattern[self.index : self.index + 4]
            if start.startswith(("(?=", "(?!", "(?<=", "(?<!")):
                raise ValueError(f"`{start}…)` looks around, which RE2 cannot")
            raise ValueError(f"`{start}` is no group that RE2 knows")
        if not group[0].endswith(")"):
            self.depth += 1
        self._took(len(group[0]), repeatable=False)

    def _escape(self) -> None:
        escape = _ESCAPE.match(self.pattern, self.index)
        if escape is None:
            shown = self.pattern[self.index : self.index + 2]
            if shown[1:].isdigit():
                raise ValueError(f"`{shown}` refers back to a group, which RE2 cannot")
            raise ValueError(f"`{shown}` is no escape that RE2 knows" if len(shown) > 1 else "it ends in a backslash")
        if escape[0] == "\\Q":
            end = self.pattern.find("\\E", self.index)
            self._took((len(self.pattern) if end < 0 else end + 2) - self.index)
        else:
            self._took(len(escape[0]))

    def _class(self) -> None:
        """`[a-z]`, `[^]x]`, `[[:alpha:]]`."""
        start = self.index
        self.index += 2 if self.pattern.startswith("[^", start) else 1
        first, low = True, ""
        while first or not self.pattern.startswith("]", self.index):
            if self.index >= len(self.pattern):
                raise ValueError("a class `[` is never closed")
            first = False
            posix = _POSIX.match(self.pattern, self.index)
            if self.pattern.startswith("[:", self.index) and ":]" in self.pattern[self.index :] and posix is None:
                raise ValueError("`[:…:]` names no class that RE2 knows")
            low = self._member(posix)
            following = self.pattern[self.index : self.index + 2]
            if following[:1] == "-" and following not in {"-", "-]"}:
                self.index += 1
                if self.index >= len(self.pattern):
                    raise ValueError("a class `[` is never closed")
                high = self._member(None)
                if len(low) == len(high) == 1 and high < low:
                    raise ValueError(f"the range `{low}-{high}` runs backwards")
        self._took(1)

    def _member(self, posix: re.Match[str] | None) -> str:
        """One member of a class; returns it if it is one plain character."""
        if posix is not None:
            self.index = posix.end()
            return ""
        if self.pattern[self.index] == "\\":
            escape = _ESCAPE.match(self.pattern, self.index)
            if escape is None or escape[0][1] in "bBAzQC":
                raise ValueError(f"`{self.pattern[self.index : self.index + 2]}` cannot stand in a class `[…]`")
            self.index = escape.end()
            return escape[0][1] if not escape[0][1].isalnum() else ""
        self.index += 1
        return self.pattern[self.index - 1]

    def _counted(self, counted: re.Match[str]) -> None:
        low, high = int(counted[1][:6]), int((counted[3] or counted[1])[:6])
        if max(low, high) > MAX_REPEAT:
            raise ValueError(f"`{counted[0]}` repeats more than {MAX_REPEAT:,} times")
        if high < low:
            raise ValueError(f"`{counted[0]}` runs backwards")
        self._repeat(len(counted[0]))

    def _repeat(self, length: int) -> None:
        mark = self.pattern[self.index : self.index + length]
        if self.repeated:
            raise ValueError(f"`{mark}` repeats a repetition")
        if not self.repeatable:
            raise ValueError(f"`{mark}` has nothing to repeat")
        self.index += length
        if self.pattern.startswith("?", self.index):  # as few as possible
            self.index += 1
        self.repeated = True
