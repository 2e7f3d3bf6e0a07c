"""Where a derivative is put back: the index of `dx[2 * i + u, 2 * j + v] += d[i, j]`, as behind a max pooling.

What goes into every place is right, and the places are not: the origin of the window was left out, a row is taken for a
column, a stride is missing.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from shapecheck.diagnose.targets import Result, Target
from shapecheck.repair.audition import Instance, edited_slice
from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.definitions import definitions
from shapecheck.repair.surroundings import Module
from shapecheck.trace.tape import Operation, Ref, Tape

# A loop of more turns is not heard.
_MOST_TURNS = 4_000
_MOST_WINDOWS = 6
_MOST_NAMES = 8
_STORES = frozenset({"setitem", "+="})


def scattered(
    tape: Tape, module: Module, target: Target
) -> tuple[ast.expr, tuple[Instance, ...], tuple[str, str]] | None:
    """The index with which a loop stores into an array: (the index, what is wanted of it, what is put around it).

    Heard is an array of noughts with what one turn stores; those of all turns together are to be the array.
    """
    site = tape.sites[target.site] if target.site is not None else None
    statement = module.at_line(site.line) if site is not None else None
    stored = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    augmented = isinstance(statement, ast.AugAssign)
    if site is None or not isinstance(statement, ast.Assign | ast.AugAssign) or not isinstance(stored, ast.Subscript):
        return None
    if isinstance(statement, ast.AugAssign) and not isinstance(statement.op, ast.Add):
        return None
    if any(isinstance(n, ast.Slice | ast.Starred) for n in ast.walk(stored.slice)):
        return None
    found = _turns(tape, list(tape.made_at(site.number)), target.results)
    if found is None:
        return None
    result, turns = found
    text = module.source.of
    put = "array[key] + value" if augmented else "value"
    before = f"(lambda array, key, value: (array.__setitem__(key, {put}), array)[1])(0.0 * ({text(stored.value)}), ("
    instance = Instance(None, result.wanted, exact=result.exact, summed=turns)
    return stored.slice, (instance,), (before, f"), ({text(statement.value)}))")


def _turns(tape: Tape, made: list[Operation], results: Sequence[Result]) -> tuple[Result, tuple[int, ...]] | None:
    """The last of the results that are versions of one array, and which evaluations have made it from noughts."""
    ordinals = {o.result: i for i, o in enumerate(made)}
    following = {o.arguments[0].value: o.result for o in made if isinstance(o.arguments[0], Ref)}
    known = [r for r in results if r.value in ordinals and r.misled is None]
    if not known or any(o.function not in _STORES for o in made):
        return None
    result = max(known, key=lambda r: r.value)
    value = result.value
    while value in following:
        value = following[value]
    turns: list[int] = []
    while value in ordinals and len(turns) <= _MOST_TURNS:
        turns.append(ordinals[value])
        first = made[ordinals[value]].arguments[0]
        value = first.value if isinstance(first, Ref) else -1
    begun = tape.values[value].array if value >= 0 else None
    if begun is None or np.any(begun) or not 1 < len(turns) <= _MOST_TURNS:
        return None
    return result, tuple(turns[::-1])


def index_rewritings(place: Place, index: ast.expr) -> list[Candidate]:
    """Other places that may be meant by an index, the likeliest first."""
    elements = index.elts if isinstance(index, ast.Tuple) else [index]
    found = [*_exchanged(place, elements), *_with_origins(place, elements), *_renamed(place, elements)]
    found += _decoded(place, elements)
    return sorted(found, key=lambda candidate: candidate.cost)


def _candidate(place: Place, changes: Sequence[tuple[ast.AST, str]], title: str, cost: float) -> Candidate:
    edits = tuple(place.edit(node, text) for node, text in changes)
    return Candidate(title, "index", edits, cost, place.path, edits[0].line)


def _exchanged(place: Place, elements: Sequence[ast.expr]) -> Iterator[Candidate]:
    """Two places, or two of the names in them, exchanged: a row for a column."""
    for one, other in itertools.combinations(elements, 2):
        first, second = place.text(one), place.text(other)
        if first != second:
            title = f"exchange `{first}` and `{second}`"
            yield _candidate(place, [(one, second), (other, first)], title, 1.2)
    names = [n for e in elements for n in ast.walk(e) if isinstance(n, ast.Name)]
    for first, second in itertools.combinations(dict.fromkeys(n.id for n in names), 2):
        swap = {first: second, second: first}
        title = f"exchange `{first}` and `{second}`"
        yield _candidate(place, [(n, swap[n.id]) for n in names if n.id in swap], title, 1.3)


def _decoded(place: Place, elements: Sequence[ast.expr]) -> Iterator[Candidate]:
    """What a place is worked out from, as `k // 2` and `k % 2` from the number of an entry, for one and for another."""
    known = {use: d.value for e in elements for d in definitions(place.module, e) for use in d.uses}
    values = [known.get(e, e) if isinstance(e, ast.Name) else e for e in elements]
    parts = [[n for n in ast.walk(v) if isinstance(n, ast.BinOp)] for v in values]
    for one, other in itertools.combinations(range(len(elements)), 2):
        for first, second in itertools.product(parts[one], parts[other]):
            texts = place.text(first), place.text(second)
            if texts[0] != texts[1] and not (first is values[one] and second is values[other]):
                both = {one: (first, texts[1]), other: (second, texts[0])}
                changes: list[tuple[ast.AST, str]] = [
                    (elements[n], _changed(place, values[n], *change)) for n, change in both.items()
                ]
                yield _candidate(place, changes, f"exchange `{texts[0]}` and `{texts[1]}`", 1.25)
    for number, nodes in enumerate(parts):
        for node in nodes:
            symbol = {ast.Mod: "//", ast.FloorDiv: "%"}.get(type(node.op))
            if symbol is not None:
                text = f"{place.atom(node.left)} {symbol} {place.atom(node.right)}"
                changes = [(elements[number], _changed(place, values[number], node, text))]
                yield _candidate(place, changes, f"use `{text}` instead of `{place.text(node)}`", 1.4)


def _changed(place: Place, value: ast.expr, node: ast.expr, text: str) -> str:
    """An expression with another text in the place of a part of it."""
    whole = edited_slice(place.source.text, place.edit(value, place.text(value)), [place.edit(node, text)])
    return whole if whole is not None else place.text(value)


def where_defined(place: Place, index: ast.expr, candidate: Candidate) -> Iterator[Candidate]:
    """Another index by other values of the names in it (`row, col = k % 2, k // 2`), not by what stands there."""
    known = {(n.lineno, place.edit(n, "").column): d for d in definitions(place.module, index) for n in d.uses}
    values = {n.id: place.text(d.value) for d in known.values() for n in d.uses}
    spots = [(edit.line, edit.column) for edit in candidate.edits]
    if all(spot in known for spot in spots):
        texts = [values.get(edit.replacement, edit.replacement) for edit in candidate.edits]
        changed = [(known[spot].value, text) for spot, text in zip(spots, texts, strict=True)]
        yield _candidate(place, changed, candidate.title, candidate.cost - 0.2)
    names = {edit.replacement for edit in candidate.edits}
    block = place.parent(place.statement)
    before = (s for s in getattr(block, "body", ()) if s.lineno < place.statement.lineno)
    for statement in before if len(names) == 2 else ():
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Tuple):
            continue
        given = statement.targets[0]
        if isinstance(given, ast.Tuple) and len(given.elts) == len(statement.value.elts):
            pairs = zip(given.elts, statement.value.elts, strict=True)
            pairs_of_names = [value for name, value in pairs if place.text(name) in names]
            if len(pairs_of_names) == 2:
                first, second = pairs_of_names
                changes = [(first, place.text(second)), (second, place.text(first))]
                yield _candidate(place, changes, candidate.title, candidate.cost - 0.2)


def _with_origins(place: Place, elements: Sequence[ast.expr]) -> Iterator[Candidate]:
    """The beginnings of a window, as the function cuts it out, added to the places; or these without it."""
    for lowers in _windows(place):
        shift = len(elements) - len(lowers)
        for offset in dict.fromkeys((0, shift)) if shift >= 0 else ():
            pairs = [(elements[axis + offset], lower) for axis, lower in enumerate(lowers) if lower]
            lacking = [(e, lower) for e, lower in pairs if lower not in place.text(e)]
            if lacking:
                changes = [(e, f"{lower} + {place.text(e)}") for e, lower in lacking]
                yield _candidate(place, changes, "add where the window begins", 1.0)
            strides = [(e, lower, n) for e, lower in lacking for n in ast.walk(e) if _is_in(n, lower)]
            if strides:
                counted: list[tuple[ast.AST, str]] = [(n, lower if n is e else f"({lower})") for e, lower, n in strides]
                yield _candidate(place, counted, "count as the window does", 1.1)
    sums = [e for e in elements if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Add)]
    for side in ("left", "right") if sums else ():
        changes = [(e, place.text(getattr(e, side))) for e in sums]
        yield _candidate(place, changes, "leave out what is added to the index", 1.6)


def _is_in(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.Name) and any(
        isinstance(n, ast.Name) and n.id == node.id for n in ast.walk(ast.parse(text, mode="eval"))
    )


def _windows(place: Place) -> list[list[str]]:
    """Where the slices begin that the function takes of arrays, by axis; nothing for an axis taken whole."""
    function = place.module.enclosing_function(place.statement)
    found: dict[tuple[str, ...], None] = {}
    for node in place.module.expressions():
        if not isinstance(node, ast.Subscript) or not any(isinstance(n, ast.Slice) for n in ast.walk(node.slice)):
            continue
        if place.module.enclosing_function(place.module.statement(node)) is not function:
            continue
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        lowers = [part.lower if isinstance(part, ast.Slice) else None for part in parts]
        texts = tuple(place.text(lower) if lower is not None else "" for lower in lowers)
        if any(texts):
            found[texts] = None
    return [list(texts) for texts in found][:_MOST_WINDOWS]


def _renamed(place: Place, elements: Sequence[ast.expr]) -> Iterator[Candidate]:
    """Another of the function's own whole numbers, or arrays of them, in the place of one."""
    local = place.locals()
    numbers = [n for n, s in local.items() if isinstance(s.literal, int) and not isinstance(s.literal, bool)]
    indices = [n for n, s in local.items() if s.shape is not None and (s.dtype or "").startswith("int")]
    for node in (n for e in elements for n in ast.walk(e) if isinstance(n, ast.Name)):
        for name in [n for n in (*numbers, *indices) if n != node.id][:_MOST_NAMES]:
            yield _candidate(place, [(node, name)], f"use `{name}` instead of `{node.id}`", 1.5)


__all__ = ["index_rewritings", "scattered", "where_defined"]
