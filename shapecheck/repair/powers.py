"""Powers that are left out, or are others: a square, and the third power that one over a root leaves behind.

The derivative of `1 / sqrt(v)` is `-1 / 2 * (1 / sqrt(v)) ** 3`, in batch and layer normalisation among others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place

# What stands in the place of a power that is written down, likeliest first.
_EXPONENTS = (2, 3, 1.5, 0.5, -0.5, -1.5, -1, -2)


def power_candidates(place: Place, node: ast.expr, cost: float) -> Iterator[Candidate]:
    """A value as a square or a third power, or with another exponent than it has.

    Args:
        place: The statement.
        node: A value in it.
        cost: Of the square.
    """
    own = place.text(node)
    shown = own if len(own) <= 40 else "this"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        given = place.text(node.right)
        for exponent in _EXPONENTS:
            if str(exponent) != given:
                title = f"take `{place.text(node.left)}` to the power {exponent}"
                yield place.candidate(title, "power", node.right, str(exponent), 1.7)
        return
    yield place.around(node, "", " ** 2", f"square `{shown}`", "power", cost)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield place.around(node, "", " ** 3", f"take `{shown}` to the power 3", "power", max(cost - 0.3, 2.0))


__all__ = ["power_candidates"]
