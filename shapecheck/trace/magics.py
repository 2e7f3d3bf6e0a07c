"""Turns a notebook cell's commands (`%magic`, `!command`, `name?`) into Python; every line stays the line it was.

Nothing is run here, and IPython is not needed for it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Magics that run the code that follows them, with their options before it: those that take a word, and those that do
# not. That code is the program's, however it is timed or captured.
_RUNNING = {
    "time": ("", ""),
    "timeit": ("nrpv", "tcqo"),
    "prun": ("lsTD", "rq"),
    "lprun": ("fmTDu", "rsz"),
    "memit": ("rti", "co"),
    "mprun": ("fT", "rc"),
    "capture": ("", ""),
    "debug": ("", ""),
}
_STRING = re.compile(r"'(?:\\.|[^'\\\n])*'?|\"(?:\\.|[^\"\\\n])*\"?")
_HELP = re.compile(r"\?{1,2}\s*(%{0,2}[\w.*\[\]]+)\s*|(%{0,2}[A-Za-z_*][\w.*\[\]]*)\s*\?{1,2}\s*")
_ASSIGNED = re.compile(r"([^=%!]+?)=\s*([%!])(.*)", re.DOTALL)
_MAGIC = re.compile(r"%{1,2}([\w.]+)\s*(.*)", re.DOTALL)


@dataclass
class Translation:
    """A cell as Python.

    Attributes:
        lines: As many as the cell has.
        removed: Line (from 1) -> how many characters at its start were left out.
    """

    lines: list[str]
    removed: dict[int, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The lines joined."""
        return "\n".join(self.lines)


def translate(source: str) -> Translation:
    """Turn a cell's commands into Python.

    A cell without commands is left as it is; so is what is neither a command nor Python, for Python to refuse.

    Args:
        source: The cell as its author wrote it.
    """
    lines = source.split("\n")
    if is_python(source):
        return Translation(lines)
    result = Translation(lines)
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if not _cell_magic(result, first):
            return result
        if is_python(result.text):
            return result
    _dedent(result)
    for start, end in _statement_starts(result.lines):
        _line_magic(result, start, end)
    return result


def is_python(source: str) -> bool:
    """Whether a cell is Python as it stands; `await` outside functions is."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _cell_magic(result: Translation, first: int) -> bool:
    """Replace a cell's `%%magic`; False where its body is no Python of the program's, and was taken out."""
    line = result.lines[first].rstrip()
    match = _MAGIC.fullmatch(line)
    name, rest = (match[1], match[2]) if match else ("", "")
    if name == "capture":
        kept = rest.split()[-1] if rest else ""
        result.lines[first] = f"{kept} = get_ipython()" if kept.isidentifier() else ""
        return True
    if name in _RUNNING:
        code = _without_options(name, rest)  # what is prepared before a timed cell
        result.lines[first] = code
        result.removed[first + 1] = len(line) - len(code)
        return True
    body = "\n".join(result.lines[first + 1 :])
    result.lines[first] = f"get_ipython().run_cell_magic({name!r}, {rest!r}, {body!r})"
    result.lines[first + 1 :] = [""] * (len(result.lines) - first - 1)
    return False


def _dedent(result: Translation) -> None:
    """Take away an indentation that the first line has and all others share, as IPython does."""
    first = next((line for line in result.lines if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip(" \t"))]
    if not margin or any(line.strip() and not line.startswith(margin) for line in result.lines):
        return
    for i, line in enumerate(result.lines):
        if line.startswith(margin):
            result.lines[i] = line[len(margin) :]
            result.removed[i + 1] = len(margin)


def _line_magic(result: Translation, start: int, end: int) -> None:
    """Replace the command in the lines from `start` to `end` (exclusive), if there is one."""
    whole = " ".join(line.rstrip().removesuffix("\\") for line in result.lines[start:end])
    code = whole.strip()
    indent = whole[: len(whole) - len(whole.lstrip())]
    found = _command(code, end - start)
    if found is None:
        return
    text, removed = found
    result.lines[start] = indent + text
    result.lines[start + 1 : end] = [""] * (end - start - 1)
    if removed:
        result.removed[start + 1] = result.removed.get(start + 1, 0) + removed


def _command(code: str, lines: int) -> tuple[str, int] | None:
    """(Python for a command, how many characters were left out before it); None where it is no command."""
    if code.startswith("!"):
        return f"get_ipython().system({code.lstrip('!')!r})", 0
    asked = _HELP.fullmatch(code)
    if asked and not is_python(code):
        return f"get_ipython().run_line_magic('pinfo', {(asked[1] or asked[2])!r})", 0
    match = _MAGIC.fullmatch(code) if code.startswith("%") else None
    if match:
        name, rest = match[1], match[2]
        if name in _RUNNING and lines == 1:
            rest = _without_options(name, rest)
            return (rest, len(code) - len(rest)) if rest else ("pass", 0)
        return f"get_ipython().run_line_magic({name!r}, {rest!r})", 0
    assigned = _ASSIGNED.fullmatch(code)
    if assigned and is_python(f"{assigned[1]}= 0"):
        target, sign, rest = assigned[1], assigned[2], assigned[3]
        if sign == "!":
            return f"{target}= get_ipython().getoutput({rest!r})", 0
        name, _, rest = rest.partition(" ")
        return f"{target}= get_ipython().run_line_magic({name!r}, {rest!r})", 0
    return None


def _without_options(name: str, rest: str) -> str:
    """The code after a magic and its options."""
    with_word, alone = _RUNNING[name]
    option = rf"-[{with_word}]\s*\S+|" if with_word else ""
    option += rf"-[{alone}](?=\s|$)|" if alone else ""
    return re.sub(rf"^(?:(?:{option}--[\w-]+)(?:\s+|$))+", "", rest)


def _statement_starts(lines: list[str]) -> Iterator[tuple[int, int]]:
    """(first line, line after the last one joined to it by a backslash) wherever a statement may begin."""
    depth, quote = 0, ""
    number = 0
    while number < len(lines):
        start = number
        begins = depth == 0 and not quote
        command = begins and lines[number].lstrip()[:1] in {"%", "!", "?"}
        while True:
            line = lines[number]
            if not command:
                depth, quote = _scan(line, depth, quote)
            number += 1
            if not (begins and line.rstrip().endswith("\\") and number < len(lines)):
                break
        if begins:
            yield start, number


def _scan(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets are open after a line, and which triple quotes."""
    position = 0
    while position < len(line):
        if quote:
            end = re.compile(rf"(?:\\.|(?!{quote}).)*", re.DOTALL).match(line, position).end()  # type: ignore[union-attr]
            if end >= len(line):
                return depth, quote
            position, quote = end + 3, ""
            continue
        sign = line[position]
        if sign == "#":
            break
        if line.startswith(('"""', "'''"), position):
            quote = line[position : position + 3]
            position += 3
        elif sign in "\"'":
            position = max(_STRING.match(line, position).end(), position + 1)  # type: ignore[union-attr]
        else:
            depth = depth + 1 if sign in "([{" else max(depth - 1, 0) if sign in ")]}" else depth
            position += 1
    return depth, quote
