"""Whether anything has been learned in a recording so far: where one pass over all samples is long, nothing may."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from shapecheck.trace.sites import Kind, Site

# These hand on what is there; they compute nothing with it.
_HANDED_ON = frozenset({Kind.GETITEM, Kind.SETITEM, Kind.BIND, Kind.RETURN, Kind.ATTRIBUTE})


def has_learned(sites: Sequence[Site], flat: Sequence[Any]) -> bool:
    """Whether an expression has read something again that was added to, or taken from, since it read it before.

    So a forward pass does with the weights after a step. The sums that a backward pass gathers are read when they are
    whole, and not before.

    Args:
        sites: By number.
        flat: Events end to end, as the recorder keeps them; all that they mention is alive.
    """
    steps: dict[int, bool] = {}
    # What began as one array or number, by the `id` of each of its later states; and how often it was changed.
    origins: dict[int, int] = {}
    changes: dict[int, int] = {}
    made: set[int] = set()
    read: dict[tuple[int, int], int] = {}
    pending: dict[int, int] = {}
    position = 0
    while position < len(flat):
        number, result, count = flat[position : position + 3]
        operands = flat[position + 3 : position + 3 + count]
        position += 3 + count
        if number < 0:
            continue
        site = sites[number]
        if number not in steps:
            steps[number] = _is_step(site)
        if site.kind is Kind.AUGMENTED:
            # Before the change the event has (the other operand; owner, target, key); after it what is new.
            if count > 1:
                pending[number] = origins.get(id(_owner(operands[1])), id(_owner(operands[1])))
                target = pending[number] if isinstance(operands[1], np.ndarray) or id(operands[1]) in made else None
            else:
                target = None
                origins[id(_owner(result))] = pending.get(number, id(_owner(result)))
            if target is not None and steps[number]:
                changes[target] = changes.get(target, 0) + 1
        elif steps[number]:
            before = id(_owner(operands[0])) if operands else 0
            if operands and (isinstance(operands[0], np.ndarray) or before in made):
                origin = origins.get(before, before)
                origins[id(_owner(result))] = origin
                changes[origin] = changes.get(origin, 0) + 1
        elif site.kind not in _HANDED_ON:
            for operand in operands:
                own = id(_owner(operand))
                if isinstance(operand, np.ndarray) or own in made:
                    origin = origins.get(own, own)
                    now = changes.get(origin, 0)
                    if read.setdefault((number, origin), now) < now:
                        return True
        if isinstance(result, (float, np.generic)):
            made.add(id(result))
    return False


def _is_step(site: Site) -> bool:
    """Whether something is added to what has a name, or taken from it: `W -= g`, `W = W - g`."""
    if site.kind is Kind.AUGMENTED:
        return site.operator in {"+=", "-=", "+", "-"}
    node = site.node
    if site.kind is not Kind.BINARY or site.bound_to is None or not isinstance(node, ast.BinOp):
        return False
    return isinstance(node.op, ast.Add | ast.Sub) and _written_alike(ast.unparse(node.left), site.bound_to)


def _written_alike(text: str, other: str) -> bool:
    """Whether two texts say the same target; the user may write its quotes in either way."""
    return text.replace('"', "'").replace(" ", "") == other.replace('"', "'").replace(" ", "")


def _owner(value: Any) -> Any:
    """What owns the memory of an array; anything else is its own."""
    while isinstance(value, np.ndarray) and isinstance(value.base, np.ndarray):
        value = value.base
    return value


__all__ = ["has_learned"]
