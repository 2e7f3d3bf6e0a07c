"""Another part of the same array: `dz[n:]` for `dz[:h]`, the inner of a padded array for its first rows and columns.

What was joined, or padded, in the forward pass is taken apart again on the way back, and a part of the right length may
begin at the wrong place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.sizes import whole_numbers
from shapecheck.trace.tape import Shape

# Of more numbers in scope the first are looked at.
_MOST_NUMBERS = 16


@dataclass(frozen=True, slots=True)
class _Part:
    """A slice in an index, with the length of its axis and the length it is to have; None where these are unknown."""

    node: ast.Slice
    length: int | None
    wanted: int | None


def slice_candidates(place: Place, node: ast.expr, whole: ast.expr, wanted: Shape | None) -> Iterator[Candidate]:
    """Parts of the same lengths that begin elsewhere, in all the axes that an index takes a part of.

    Args:
        place: The statement.
        node: Any expression in it.
        whole: The expression that is rewritten.
        wanted: The shape that this should have, where that is known.
    """
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    yield from _all_but_one(place, node)
    parts = _parts(place, node, wanted if node is whole else None)
    texts = [_elsewhere(place, part) for part in parts]
    for way, (_, cost) in texts[0].items() if texts else ():
        if all(way in other for other in texts):
            new = [other[way][0] for other in texts]
            edits = tuple(place.edit(p.node, text) for p, text in zip(parts, new, strict=True))
            title = f"take `{', '.join(new)}` instead of `{', '.join(place.text(p.node) for p in parts)}`"
            yield Candidate(title, "index", edits, cost, place.path, edits[0].line)


def _all_but_one(place: Place, node: ast.Subscript) -> Iterator[Candidate]:
    """`W[:, :-1]` for `W[:, -1]`, or `W[:, :n]` for `W[:, n - 1]`: all the units' weights."""
    index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for one in index:
        written = isinstance(one, ast.Constant) and type(one.value) is int
        if not written and not isinstance(one, ast.UnaryOp | ast.BinOp | ast.Name):
            continue
        if not written and (place.shape(one) or ()) != ():
            continue
        texts = [f":{place.text(one)}"] if place.text(one) != "0" else ["1:"]
        if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub):
            texts.append(f":{place.text(one.left)}")
        for text in texts:
            title = f"take `{text}` instead of `{place.text(one)}`"
            yield Candidate(title, "index", (place.edit(one, text),), 1.3, place.path, one.lineno)


def _parts(place: Place, node: ast.Subscript, wanted: Shape | None) -> list[_Part]:
    """The slices of an index that leave something out; none where an axis cannot be told."""
    index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    given, own = place.shape(node.value), wanted or place.shape(node)
    found = []
    kept = 0
    for axis, one in enumerate(index):
        if isinstance(one, ast.Slice):
            if one.step is not None:
                return []
            length = given[axis] if given is not None and axis < len(given) else None
            if one.lower is not None or one.upper is not None:
                found.append(_Part(one, length, own[kept] if own is not None and kept < len(own) else None))
            kept += 1
        elif isinstance(one, ast.Starred) or (isinstance(one, ast.Constant) and not isinstance(one.value, int)):
            return []  # `...` and `None`
        elif place.shape(one) != () and not isinstance(one, ast.Constant):
            kept += 1  # an array of indices: an axis of its own
    return found


Way = tuple[str, str]


def _elsewhere(place: Place, part: _Part) -> dict[Way, tuple[str, float]]:
    """Other slices, by the way in which they are made, and what they cost."""
    found: dict[Way, tuple[str, float]] = {}
    lower, upper = part.node.lower, part.node.upper
    if (lower is None) != (upper is None):
        bound = lower if lower is not None else upper
        assert bound is not None
        text = place.text(bound)
        found["rest", ""] = (f":{text}" if lower is not None else f"{text}:", 1.2)
        if not isinstance(bound, ast.UnaryOp):
            far = f"-{text}" if isinstance(bound, ast.Constant) else f"-{place.atom(bound)}"
            found["from the end", ""] = (f":{far}" if lower is not None else f"{far}:", 1.4)
    if part.length is None or part.wanted is None:
        return found
    numbers = list(dict.fromkeys(pair for pair in whole_numbers(place) if pair[1] > 0))[:_MOST_NUMBERS]
    sizes = [text for text, size in numbers if size == part.wanted]
    for text, number in numbers:
        dear = 0.3 if ".shape[" in text else 0.0
        if part.length - number == part.wanted:
            found["after", text] = (f"{text}:", 1.5 + dear)
            found["before", text] = (f":-{text}", 1.6 + dear)
        if number == part.wanted:
            found["first", text] = (f":{text}", 1.6 + dear)
            found["last", text] = (f"-{text}:", 1.6 + dear)
        if part.length - 2 * number == part.wanted:
            found["inner", text] = (f"{text}:-{text}", 1.5 + dear)
        if number + part.wanted <= part.length and sizes:
            found["next", text] = (f"{text}:{text} + {_own(place, part, sizes)}", 1.7 + dear)
    written = "".join(place.text(part.node).split())
    return {way: one for way, one in found.items() if "".join(one[0].split()) != written}


def _own(place: Place, part: _Part, sizes: list[str]) -> str:
    """The name of the part's length: that which is written, if one is."""
    upper = place.text(part.node.upper) if part.node.upper is not None else ""
    return next((text for text in sizes if text == upper), sizes[0])


__all__ = ["slice_candidates"]
