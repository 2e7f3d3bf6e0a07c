"""Windows that the backward pass lays elsewhere than the forward pass: `i:i + f` where the other has `i * s:i * s + f`.

Which part of an array a loop takes is worked out of counters, which no tape records; another function of the program
that takes parts under the same names, or with as many indices, shows how it may have been meant.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from shapecheck.repair.candidate import Candidate, Place

_MOST = 4
_COST = 1.2
_ARITHMETIC = (ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.operator, ast.unaryop, ast.expr_context)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def window_candidates(place: Place) -> Iterator[Candidate]:
    """The windows of a statement laid as another function lays its own, all of them together.

    Args:
        place: The statement that reads or adds to a part of an array.
    """
    function = place.module.enclosing_function(place.statement)
    if function is None:
        return
    known = _names_in_scope(place.module.tree, function)
    seen: set[tuple[object, ...]] = set()
    for other in _functions(place.module.tree):
        if other is function:
            continue
        for pairs in (_by_name(place, function, other), _by_position(place, function, other)):
            meant = [(own, text) for own, theirs, text in _texts(place, pairs) if _reads(theirs) <= known]
            if not meant or len(meant) != len(pairs) or tuple(meant) in seen:
                continue
            seen.add(tuple(meant))
            yield _together(place, meant)
            if len(seen) >= _MOST:
                return


def _together(place: Place, meant: list[tuple[ast.expr, str]]) -> Candidate:
    first, text = meant[0]
    title = f"take `{text}` instead of `{place.text(first)}`, as the other function does"
    found = place.candidate(title, "index", first, text, _COST)
    for own, other in meant[1:]:
        found = found.joined(place.candidate(title, "index", own, other, 0.0), 0.0)
    return found


def _texts(place: Place, pairs: list[tuple[ast.expr, ast.expr]]) -> list[tuple[ast.expr, ast.expr, str]]:
    return [(own, theirs, place.text(theirs)) for own, theirs in pairs]


def _by_name(place: Place, function: Function, other: Function) -> list[tuple[ast.expr, ast.expr]]:
    """What the names in the statement's indices are given here, and in the other function, where that differs."""
    own, theirs = _bound_once(function), _bound_once(other)
    found: dict[str, tuple[ast.expr, ast.expr]] = {}
    open_names = [n for s in _indexed(place.statement) for n in sorted(_reads(s.slice))]
    for name in open_names:
        if name in found or name not in own:
            continue
        open_names += [n for n in sorted(_reads(own[name])) if n not in open_names]
        alike = name in theirs and all(map(_is_arithmetic, (own[name], theirs[name])))
        if alike and ast.dump(own[name]) != ast.dump(theirs[name]):
            found[name] = own[name], theirs[name]
    return list(found.values())


def _by_position(place: Place, function: Function, other: Function) -> list[tuple[ast.expr, ast.expr]]:
    """The slices of the statement as another function has them in an index of the same form; all that are alike."""
    forms = [_form(s) for s in _indexed(place.statement)]
    for theirs in _indexed(other):
        for own in (s for s, form in zip(_indexed(place.statement), forms, strict=True) if form == _form(theirs)):
            slices = zip(_elements(own), _elements(theirs), strict=True)
            instead = {ast.dump(a): b for a, b in slices if isinstance(a, ast.Slice) and ast.dump(a) != ast.dump(b)}
            if not instead or not all(map(_is_arithmetic, _bounds(instead.values()))):
                continue
            everywhere = [e for s in _indexed(function) for e in _elements(s) if ast.dump(e) in instead]
            return [(e, instead[ast.dump(e)]) for e in everywhere]
    return []


def _form(subscript: ast.Subscript) -> tuple[bool, ...]:
    """Which indices are slices between two ends."""
    return tuple(isinstance(e, ast.Slice) and None not in (e.lower, e.upper) for e in _elements(subscript))


def _bounds(slices: Iterable[ast.expr]) -> Iterator[ast.expr]:
    for one in (s for s in slices if isinstance(s, ast.Slice)):
        yield from (e for e in (one.lower, one.upper, one.step) if e is not None)


def _elements(subscript: ast.Subscript) -> list[ast.expr]:
    return subscript.slice.elts if isinstance(subscript.slice, ast.Tuple) else [subscript.slice]


def _indexed(node: ast.AST) -> list[ast.Subscript]:
    """The expressions that take a part of something by slices."""
    found = [n for n in ast.walk(node) if isinstance(n, ast.Subscript)]
    return [s for s in found if any(isinstance(e, ast.Slice) and e.lower is not None for e in _elements(s))]


def _bound_once(function: Function) -> dict[str, ast.expr]:
    """The names that a function gives a value in one place only."""
    stores = [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    plain = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and len(n.targets) == 1]
    bound = [(n.targets[0], n.value) for n in plain]
    return {t.id: value for t, value in bound if isinstance(t, ast.Name) and stores.count(t.id) == 1}


def _is_arithmetic(node: ast.expr) -> bool:
    return all(isinstance(n, _ARITHMETIC) for n in ast.walk(node))


def _reads(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _names_in_scope(tree: ast.Module, function: Function) -> set[str]:
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    given = {a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    shared = {n.id for s in tree.body if isinstance(s, ast.Assign) for n in ast.walk(s) if isinstance(n, ast.Name)}
    return stored | given | shared


def _functions(tree: ast.Module) -> list[Function]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


__all__ = ["window_candidates"]
