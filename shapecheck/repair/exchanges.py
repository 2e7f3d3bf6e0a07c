"""Several results in another order: `dW1, db1, dW2, db2 = ...` for `dW2, db2, dW1, db1 = ...`, or `return b, a`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations

from shapecheck.repair.candidate import Candidate, Place

_MOST_EXCHANGES = 6


def exchange_candidates(place: Place) -> Iterator[Candidate]:
    """What a statement takes up, or hands back, with two of its elements exchanged, or two and two.

    Args:
        place: The statement.
    """
    listed = _listed(place.statement)
    if listed is None:
        return
    elements = _elements(listed)
    pairs = [(a, b) for a, b in combinations(range(len(elements)), 2) if _are_alike(place, elements[a], elements[b])]
    for pair in pairs[:_MOST_EXCHANGES]:
        yield _exchanged(place, elements, [pair], 1.0)
    for first, second in combinations(pairs[: 2 * _MOST_EXCHANGES], 2):
        if set(first).isdisjoint(second):
            yield _exchanged(place, elements, [first, second], 1.1)


def _listed(statement: ast.stmt) -> ast.expr | None:
    """The tuple that is taken apart, or the tuple or dictionary that is handed back, or kept."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Tuple | ast.List):
            return target
    value = statement.value if isinstance(statement, ast.Assign | ast.Return) else None
    return value if isinstance(value, ast.Tuple | ast.List | ast.Dict) else None


def _elements(listed: ast.expr) -> Sequence[ast.expr]:
    return listed.values if isinstance(listed, ast.Dict) else getattr(listed, "elts", ())


def _are_alike(place: Place, first: ast.expr, second: ast.expr) -> bool:
    """Whether two elements hold arrays of one shape, as far as that is known."""
    shapes = {s for node in (first, second) if (s := place.shape(node)) is not None}
    plain = all(isinstance(node, ast.Name | ast.Attribute | ast.Subscript) for node in (first, second))
    return plain and len(shapes) < 2 and ast.dump(first) != ast.dump(second)


def _exchanged(place: Place, elements: Sequence[ast.expr], pairs: Sequence[tuple[int, int]], cost: float) -> Candidate:
    texts = [place.text(element) for element in elements]
    found: Candidate | None = None
    for a, b in pairs:
        title = f"exchange `{texts[a]}` and `{texts[b]}`"
        one = place.candidate(title, "name", elements[a], texts[b], cost)
        both = one.joined(place.candidate(title, "name", elements[b], texts[a], 0.0), 0.0)
        found = both if found is None else found.joined(both, 0.0)
    assert found is not None
    return found


__all__ = ["exchange_candidates"]
