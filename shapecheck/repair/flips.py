"""Arrays taken from the last entry to the first: a kernel on the way back through a convolution.

What a convolutional layer calls a convolution is a correlation; the derivative with respect to its input is a
correlation of the padded cotangent with the kernel turned by half a turn (Dumoulin and Visin 2016, section 4).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place

# Pictures, kernels and batches of them; of more axes there are too many choices.
_MOST_AXES = 4
_TURNING = frozenset({"flip", "rot90", "flipud", "fliplr"})


def flip_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """An array with some of its axes reversed, or one that is reversed as it stands.

    Args:
        place: The statement.
        node: An expression in it.
    """
    straight = _as_it_was(place, node)
    if straight is not None:
        yield place.candidate(f"do not flip `{straight}`", "flip", node, straight, 1.6)
        return
    shape = place.shape(node)
    if shape is None or not isinstance(node, ast.Name | ast.Attribute | ast.Subscript) or len(shape) > _MOST_AXES:
        return
    long = [axis for axis, size in enumerate(shape) if size > 1]
    last = len(shape) - 1
    for axes in dict.fromkeys([(last - 1, last), (0, 1), (1, 2), (last,), (0,), tuple(range(len(shape)))]):
        if not set(axes) <= set(long):
            continue
        along = "end to end" if len(shape) == 1 else f"along {_named(axes, len(shape))}"
        # Of one axis the other function (`convolve` for `correlate`) says the same more plainly.
        cost = 1.7 if len(shape) == 1 else 1.6 if axes == (last - 1, last) else 1.9
        yield place.candidate(
            f"flip `{place.text(node)}` {along}", "flip", node, _flipped(place, node, axes, last), cost
        )


def _named(axes: tuple[int, ...], rank: int) -> str:
    """`its last two axes`, or their numbers."""
    if len(axes) == rank:
        return "all its axes" if rank > 2 else "both axes"
    if axes == (rank - 2, rank - 1):
        return "its last two axes"
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {' and '.join(map(str, axes))}"


def _flipped(place: Place, node: ast.expr, axes: tuple[int, ...], last: int) -> str:
    """The reversed array; its own index takes the slices up where it names single entries before the last axes."""
    turned = ["::-1" if axis in axes else ":" for axis in range(last + 1)]
    if isinstance(node, ast.Subscript):
        taken = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        whole = place.shape(node.value)
        free = [position for position, index in enumerate(taken) if isinstance(index, ast.Slice)]
        plain = all(_is_all(taken[p]) for p in free)
        if whole is not None and plain and len(whole) - (len(taken) - len(free)) == last + 1:
            texts = [place.text(index) for index in taken] + [":"] * (len(whole) - len(taken))
            open_places = [p for p, text in enumerate(texts) if p in free or p >= len(taken)]
            for position, text in zip(open_places, turned, strict=True):
                texts[position] = text
            return f"{place.atom(node.value)}[{', '.join(_shortened(texts))}]"
    return f"{place.atom(node)}[{', '.join(_shortened(turned))}]"


def _shortened(texts: list[str]) -> list[str]:
    """Without the `:` at the end; those before three axes or more as an ellipsis."""
    while len(texts) > 1 and texts[-1] == ":":
        texts = texts[:-1]
    lead = next((p for p, text in enumerate(texts) if text != ":"), 0)
    return ["...", *texts[lead:]] if lead > 1 else texts


def _as_it_was(place: Place, node: ast.expr) -> str | None:
    """What a reversed array was before: `k` of `k[::-1, ::-1]`, `np.flip(k)` or `np.rot90(k, 2)`."""
    if isinstance(node, ast.Subscript):
        taken = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        texts = [":" if _is_reversal(index) else place.text(index) for index in taken]
        if not any(_is_reversal(index) for index in taken):
            return None
        own = place.atom(node.value)
        return own if set(texts) <= {":", "..."} else f"{own}[{', '.join(texts)}]"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TURNING:
        return place.text(node.args[0]) if node.args else None
    return None


def _is_all(index: ast.expr) -> bool:
    return isinstance(index, ast.Slice) and index.lower is index.upper is index.step is None


def _is_reversal(index: ast.expr) -> bool:
    if not isinstance(index, ast.Slice) or index.lower is not None or index.upper is not None:
        return False
    step = index.step
    return isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub) and ast.unparse(step.operand) == "1"


__all__ = ["flip_candidates"]
