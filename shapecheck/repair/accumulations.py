"""Candidates for statements that put a gradient together: added to or set, once or twice, at indices that repeat."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.candidate import Candidate, Place
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref, Tape

# So many of a statement's evaluations are looked at.
_MOST_LOOKED_AT = 5


def accumulation_candidates(place: Place) -> Iterator[Candidate]:
    """`+=` and `*=` for `=`, and `=` for `+=`, where a gradient is put together."""
    statement = place.statement
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        target, value = place.text(statement.target), place.text(statement.value)
        # A sum is seldom read where it is added to; what each turn hands to the next is.
        cost = 0.9 if _is_read_in_its_loop(place, statement.target) else 1.8
        title = f"set `{target}` instead of adding to it"
        yield place.candidate(title, "accumulate", statement, f"{target} = {value}", cost)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript | ast.Attribute | ast.Name):
        target, value = place.text(statement.targets[0]), place.text(statement.value)
        # What a loop stores at places that it works out may well come to one place twice.
        placed = isinstance(statement.targets[0], ast.Subscript) and _is_repeated(place, statement.targets[0].slice)
        title = f"add to `{target}` instead of setting it"
        begun = _begins_before_its_loop(place, statement.targets[0]) or _is_written_over(place, statement)
        begun = begun or _is_added_to_beside(place, statement)
        cost = 0.4 if begun else 0.6 if placed else 1.8
        yield place.candidate(title, "accumulate", statement, f"{target} += {value}", cost)
        if isinstance(statement.targets[0], ast.Subscript) and not _is_zero_or_one(statement.value):
            # A number that some entries are set to may be the slope there: `d[z < 0] = 0.01`.
            cost = 0.45 if _is_number(place, statement.value) else 1.9
            title = f"multiply `{target}` instead of setting it"
            yield place.candidate(title, "accumulate", statement, f"{target} *= {value}", cost)
    yield from _repeated_indices(place)
    yield from _said_twice(place)
    yield from _from_the_end(place)


def _from_the_end(place: Place) -> Iterator[Candidate]:
    """`states[t - 1]` is the last one in the first turn, where the state before it is meant: that of zeros."""
    statement = place.statement
    if not isinstance(statement, ast.AugAssign | ast.Assign) or _loop_around(place) is None:
        return
    for node in (n for n in ast.walk(statement.value) if isinstance(n, ast.Subscript)):
        index = node.slice
        if (
            not isinstance(index, ast.BinOp)
            or not isinstance(index.op, ast.Sub)
            or not isinstance(index.left, ast.Name)
        ):
            continue
        if not isinstance(index.right, ast.Constant) or not isinstance(index.right.value, int):
            continue
        whole: ast.expr = node  # of what was kept together in a turn, the one thing that is read
        while isinstance(around := place.parent(whole), ast.Subscript) and around.value is whole:
            whole = around
        turn, text, last = place.text(index.left), place.text(whole), index.right.value - 1
        title = f"leave out the first turn, in which `{text}` is the last of all"
        if isinstance(statement, ast.AugAssign):
            margin = place.source.lines[statement.lineno - 1][: statement.col_offset]
            if not margin.strip():
                inner = margin + ("\t" if "\t" in margin else "    ")
                guarded = f"if {turn} > {last}:\n{inner}{place.text(statement)}"
                yield place.candidate(title, "guard", statement, guarded, 0.45)
        else:
            chosen = f"({text} if {turn} > {last} else 0 * {text})"
            title = f"begin with zeros: `{text}` is the last of all at first"
            yield place.candidate(title, "guard", whole, chosen, 0.5)


def _loop_around(place: Place) -> ast.For | ast.While | None:
    loop = place.parent(place.statement)
    while loop is not None and not isinstance(loop, ast.For | ast.While | ast.FunctionDef | ast.Module):
        loop = place.parent(loop)
    return loop if isinstance(loop, ast.For | ast.While) else None


def _is_zero_or_one(node: ast.expr) -> bool:
    """Whether a number is nothing to multiply by."""
    return isinstance(node, ast.Constant) and node.value in (0, 1)


def _is_number(place: Place, node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name | ast.Attribute) and place.shape(node) == ())


def _is_read_in_its_loop(place: Place, target: ast.expr) -> bool:
    """Whether what is changed in a loop is read there, too, by another statement."""
    loop, text = _loop_around(place), place.text(target)
    parts = (n for n in ast.walk(loop or ast.Pass()) if isinstance(n, type(target)) and place.text(n) == text)
    return any(isinstance(getattr(n, "ctx", None), ast.Load) for n in parts)


def _begins_before_its_loop(place: Place, target: ast.expr) -> bool:
    """Whether what a loop sets in every turn was given a value before the loop, which nothing in the loop reads."""
    loop = _loop_around(place)
    if loop is None:
        return False
    text = place.text(target)
    parts = (n for n in ast.walk(loop) if isinstance(n, type(target)) and place.text(n) == text)
    if any(isinstance(getattr(n, "ctx", None), ast.Load) for n in parts):
        return False
    function = place.module.enclosing_function(place.statement) or place.module.tree
    earlier = (n for n in ast.walk(function) if isinstance(n, ast.Assign) and n.lineno < loop.lineno)
    stored = (e for n in earlier for t in n.targets for e in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t]))
    return any(place.text(e) == text for e in stored)


def _is_written_over(place: Place, statement: ast.Assign) -> bool:
    """Whether every turn of a loop stores something else in one and the same place of an array from before it."""
    target = statement.targets[0]
    if not isinstance(target, ast.Subscript):
        return False
    array = place.text(target.value)
    index, used = ({n.id for n in ast.walk(e) if isinstance(n, ast.Name)} for e in (target.slice, statement.value))
    loop = place.parent(statement)
    while loop is not None and not isinstance(loop, ast.FunctionDef | ast.Module):
        if isinstance(loop, ast.For):
            counters = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
            inside = [n for n in ast.walk(loop) if isinstance(n, type(target.value)) and place.text(n) == array]
            if counters & used and not counters & index:
                return len(inside) == 1  # nothing else is done with it before the loop ends
        loop = place.parent(loop)
    return False


def _is_added_to_beside(place: Place, statement: ast.Assign) -> bool:
    """Whether the block adds to another item of the same container, or to the same part of another array."""
    target = statement.targets[0]
    body = getattr(place.parent(statement), "body", [])
    if not isinstance(target, ast.Subscript):
        return False
    whole, part = place.text(target.value), place.text(target.slice)
    for other in body:
        if (
            isinstance(other, ast.AugAssign)
            and isinstance(other.op, ast.Add)
            and isinstance(other.target, ast.Subscript)
        ):
            same = (place.text(other.target.value) == whole, place.text(other.target.slice) == part)
            if same in {(True, False), (False, True)}:
                return True
    return False


def _is_repeated(place: Place, index: ast.expr) -> bool:
    """Whether an index is worked out in a loop, from more than its counter."""
    parent = place.parent(place.statement)
    used = [n for n in ast.walk(index) if isinstance(n, ast.BinOp | ast.Slice)]
    return isinstance(parent, ast.For | ast.While) and bool(used)


def _said_twice(place: Place) -> Iterator[Candidate]:
    """`g += d` that stands twice among the statements of a block, once left out."""
    statement, parent = place.statement, place.parent(place.statement)
    if not isinstance(statement, ast.AugAssign):
        return
    blocks = (getattr(parent, name, None) for name in ("body", "orelse", "finalbody"))
    block = next((b for b in blocks if isinstance(b, list) and statement in b), [])
    same = [s for s in block if s is not statement and ast.dump(s) == ast.dump(statement)]
    for other in same[:1]:
        second = max(statement, other, key=block.index)
        before = block[block.index(second) - 1]
        _, _, line, column = place.source.place(before)
        first, _, last, end = place.source.place(second)
        if first > line:
            line, column, last, end = first, 1, last + 1, 1
        edit = Edit(place.path, line, column, last, end, "")
        title = f"leave out `{place.text(second)}`, which stands there twice"
        yield Candidate(title, "accumulate", (edit,), 0.8 + 0.25 * min(place.distance, 8), place.path, line)


def _repeated_indices(place: Place) -> Iterator[Candidate]:
    """`np.add.at` where an index may come more than once: `g[ids] += d` counts it only once."""
    statement = place.statement
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    else:
        return
    if place.numpy() is None or not isinstance(target, ast.Subscript) or isinstance(target.slice, ast.Slice):
        return
    array, index, value = place.text(target.value), place.text(target.slice), place.text(statement.value)
    title = f"add to `{array}` once for every index, repeated ones too"
    cost = 0.4 if _came_twice(place) else 1.5
    yield place.candidate(title, "accumulate", statement, f"{place.numpy()}.add.at({array}, {index}, {value})", cost)


def _came_twice(place: Place) -> bool:
    """Whether some entries were among those that the statement added to, or set, more than once at a time."""
    tape, statement = place.surroundings.trace.head, place.statement
    made = (o for o in tape.operations if o.function in {"+=", "setitem"} and len(o.arguments) == 3)
    here = (o for o in made if o.site is not None and _is_of(statement, place.path, tape.sites[o.site]))
    return any(_repeats(tape, o) for o in islice(here, _MOST_LOOKED_AT))


def _is_of(statement: ast.stmt, path: str, site: Site) -> bool:
    return site.path == path and statement.lineno <= site.line <= (statement.end_lineno or statement.lineno)


def _repeats(tape: Tape, operation: Operation) -> bool:
    index = operation.arguments[2 if operation.function == "+=" else 1]
    parts = [tape.values[i.value].array if isinstance(i, Ref) else i for i in _parts(index)]
    arrays = [np.asarray(part) for part in parts if isinstance(part, np.ndarray | list | int)]
    if len(arrays) != len(parts) or any(array.dtype.kind not in "iu" for array in arrays):
        return False
    rows = np.stack([array.ravel() for array in np.broadcast_arrays(*arrays)], axis=1)
    return len(np.unique(rows, axis=0)) < len(rows)


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)
