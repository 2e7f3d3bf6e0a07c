"""Lists written out in the program that its update goes through, and that leave some arrays out: `for k in ["W"]`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from shapecheck.network.uses import value_names
from shapecheck.trace.sites import SourceText
from shapecheck.trace.tape import Tape

Listed = ast.List | ast.Tuple | ast.Set


@dataclass(frozen=True, slots=True)
class ShortList:
    """A list of which one item stands for an array that is moved.

    Attributes:
        node: The list.
        position: Of the item.
        beside: The lists that are gone through together with this one, as in `zip([W, V], [dW, dV])`.
    """

    node: Listed
    position: int
    beside: tuple[Listed, ...] = ()


def spellings(tape: Tape, value: int) -> tuple[str, ...]:
    """Whatever a program calls an array, the most telling name first."""
    known = value_names(tape).get(value)
    return tuple(dict.fromkeys([*([known] if known else []), *(b.name for b in tape.bindings if b.value == value)]))


def short_list(source: SourceText, line: int, names: Collection[str]) -> ShortList | None:
    """The list that a loop around a statement goes through and that names an array, by itself or by its key.

    Args:
        source: The file.
        line: Of the statement.
        names: The array's, as the program writes it.
    """
    loops = [n for n in source.nodes() if isinstance(n, ast.For) and n.lineno <= line <= (n.end_lineno or n.lineno)]
    for loop in reversed(loops):
        lists = list(_lists(source, loop.iter))
        for node in lists:
            for position, item in enumerate(node.elts):
                if any(_stands_for(source, part, names) for part in parts(item)):
                    together = tuple(other for other in lists if other is not node and len(other.elts) > position)
                    return ShortList(node, position, together)
    return None


def _lists(source: SourceText, iterable: ast.expr) -> Iterator[Listed]:
    if isinstance(iterable, Listed):
        yield iterable
    elif isinstance(iterable, ast.Call):
        for argument in iterable.args:
            yield from _lists(source, argument)
    elif isinstance(iterable, ast.Name):
        made = [n for n in source.nodes() if isinstance(n, ast.Assign) and _is_named(n, iterable.id)]
        if len(made) == 1 and isinstance(made[0].value, Listed):
            yield made[0].value


def _is_named(statement: ast.Assign, name: str) -> bool:
    return any(isinstance(t, ast.Name) and t.id == name for t in statement.targets)


def parts(item: ast.expr) -> list[ast.expr]:
    """The items of an item, where that is a list itself: `(W, dW)`."""
    return item.elts if isinstance(item, ast.List | ast.Tuple) else [item]


def _stands_for(source: SourceText, part: ast.expr, names: Collection[str]) -> bool:
    if isinstance(part, ast.Constant):
        return isinstance(part.value, str) and part.value in map(last_name, names)
    return source.of(part) in names or ast.unparse(part) in names


def last_name(name: str) -> str:
    """What an array is called in the container or the object that holds it: `W` of `net["W"]` and of `self.W`."""
    try:
        node = ast.parse(name, mode="eval").body
    except SyntaxError:
        return name
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return node.attr if isinstance(node, ast.Attribute) else name


__all__ = ["Listed", "ShortList", "last_name", "parts", "short_list", "spellings"]
