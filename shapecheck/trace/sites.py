"""Sites: the expressions of the user's source that the recorder sees, with their places and operands."""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Kind(Enum):
    """What a site does."""

    BINARY = "binary"
    UNARY = "unary"
    COMPARE = "compare"
    CALL = "call"
    ATTRIBUTE = "attribute"
    GETITEM = "getitem"
    SETITEM = "setitem"
    RESHAPED = "reshaped"
    AUGMENTED = "augmented"
    BIND = "bind"
    RETURN = "return"


class Source(Enum):
    """Where the recorder finds an operand's value."""

    CONSTANT = "constant"  # known from the source
    RELOADED = "reloaded"  # a plain name, read again after the operation
    LIBRARY = "library"  # a path into an imported library (`numpy.random`), looked up after the run
    HELD = "held"  # pushed while the expression was evaluated
    PASSED = "passed"  # handed to the recorder as it is (the value of an assignment)


@dataclass(frozen=True, slots=True)
class Slot:
    """One operand of a site.

    `role` is `left`, `right`, `operand`, `receiver`, `function`, `index`, `target`, `value`, `owner`, an argument's
    position (`0`, `1`, ...), a keyword's name (`axis=`), or `*` and `**`.
    """

    role: str
    source: Source
    node: ast.expr
    constant: Any = None
    name: str | None = None


@dataclass(slots=True)
class Site:
    """One expression or statement of the user's source.

    Attributes:
        number: Index in its `SiteTable`.
        line, column, end_line, end_column: 1-based, end exclusive, columns in characters (not in bytes).
        node: The node of the unchanged syntax tree.
        slots: Its operands; the recorder's reloaded values come first in an event, then the held ones.
        operator: The operator's symbol, the attribute's or the method's name, where it has one.
        function: Qualified name of the enclosing function, `<module>` at top level.
        bound_to: Source text of the target where the site is the whole value of an assignment.
    """

    number: int
    path: str
    kind: Kind
    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    node: ast.AST
    slots: tuple[Slot, ...] = ()
    operator: str = ""
    function: str = "<module>"
    bound_to: str | None = None
    held: int = field(default=0)

    def within(self, whole: Site) -> bool:
        """Whether this is a part of another expression."""
        inside = (whole.line, whole.column) <= (self.line, self.column)
        inside = inside and (self.end_line, self.end_column) <= (whole.end_line, whole.end_column)
        return inside and self.path == whole.path

    @property
    def event_slots(self) -> list[Slot]:
        """The slots whose values an event carries, in the order in which it carries them."""
        reloaded = [slot for slot in self.slots if slot.source is Source.RELOADED]
        return reloaded + [slot for slot in self.slots if slot.source is Source.HELD]


class SiteTable:
    """All sites of one run; a site's number is its index."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self._by_place: dict[tuple[str, int, int, int, int], list[int]] = {}

    def __getitem__(self, number: int) -> Site:
        return self.sites[number]

    def __len__(self) -> int:
        return len(self.sites)

    def add(self, site: Site) -> Site:
        """Enter a site under the next number."""
        site.number = len(self.sites)
        self.sites.append(site)
        place = (site.path, site.line, site.column, site.end_line, site.end_column)
        self._by_place.setdefault(place, []).append(site.number)
        return site

    def at(self, path: str, line: int, column: int, end_line: int, end_column: int) -> list[Site]:
        """The sites that occupy exactly this piece of source."""
        return [self.sites[n] for n in self._by_place.get((path, line, column, end_line, end_column), [])]


def split_lines(text: str) -> list[str]:
    """The lines as Python counts them, with their ends: a form feed or U+2028 ends none, as `splitlines` has it."""
    return list(_lines_of(text))


@functools.lru_cache(maxsize=32)
def _lines_of(text: str) -> tuple[str, ...]:
    return tuple(line for line in re.split(r"(?<=\n)", text) if line)


class SourceText:
    """One source file's text, with the byte columns of `ast` turned into character columns."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.lines = split_lines(text) or [""]
        self._ascii = text.isascii()

    @functools.cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree, which nobody may change; None for what is no Python (yet), such as a cell with magics."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user's own, such as an escape that is none
            try:
                return ast.parse(self.text)
            except (SyntaxError, ValueError):
                return None

    def nodes(self) -> Iterator[ast.AST]:
        """All nodes of the tree, the outer ones before the inner ones; none where there is no tree."""
        return iter(self._nodes)

    @functools.cached_property
    def _nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree)) if self.tree is not None else ()

    def characters(self, line: int, byte_column: int) -> int:
        """0-based character column of a 0-based UTF-8 byte column."""
        if self._ascii:
            return byte_column
        encoded = self.lines[line - 1].encode("utf-8")
        return len(encoded[:byte_column].decode("utf-8", errors="replace"))

    def place(self, node: ast.AST) -> tuple[int, int, int, int]:
        """(line, column, end line, end column) of a node: 1-based, end exclusive, in characters."""
        line, end_line = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        column = self.characters(line, node.col_offset)  # type: ignore[attr-defined]
        end_column = self.characters(end_line, node.end_col_offset)  # type: ignore[attr-defined]
        return line, column + 1, end_line, end_column + 1

    def slice(self, line: int, column: int, end_line: int, end_column: int) -> str:
        """The text between two places."""
        if line == end_line:
            return "".join(self.lines[line - 1 : line])[column - 1 : end_column - 1]  # nothing behind the last line
        first = self.lines[line - 1][column - 1 :]
        middle = self.lines[line : end_line - 1]
        return "".join([first, *middle, self.lines[end_line - 1][: end_column - 1]])

    def of(self, node: ast.AST) -> str:
        """The text of a node, exactly as the user wrote it."""
        return self.slice(*self.place(node))
