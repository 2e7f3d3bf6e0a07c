"""Arrays as boxes drawn to scale (inline SVG), the axes that clash marked; decides nothing of what is wrong."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from shapecheck.diagnose.finding import Finding, Operand, Shape

# A box is at most this long and at least this thin, in pixels: (2,) beside (784, 196) must still be seen.
_LONGEST, _THINNEST = 128.0, 7.0
# Beyond this ratio of sizes a box is drawn with the square root of each, so that thin ones differ.
_WIDEST_RATIO = 40.0
_LETTER, _LINE, _GAP = 6.6, 15, 30
_PRODUCTS = frozenset({"SC101", "SC109"})
# Which of their axes meet is not to be seen from the shapes alone.
_OTHER_PRODUCTS = frozenset({"einsum", "tensordot", "inner", "outer", "vdot", "multi_dot"})
# What is put somewhere must fit there: the operand that is put, and the one that takes it.
_PUT = {"SC103": (1, 0), "SC106": (0, 1)}
_ELEMENTWISE = frozenset({"SC102", "SC201", "SC202", "SC203"})


@dataclass(frozen=True)
class Box:
    """One array to draw.

    Attributes:
        name: Its source text.
        shape: As it is.
        clashing: Its axes that do not fit those of its neighbour.
        expected: The shape that it should have, drawn as an outline.
    """

    name: str
    shape: Shape
    clashing: frozenset[int] = frozenset()
    expected: Shape | None = None


def boxes_of(finding: Finding, most: int = 3) -> tuple[tuple[Box, ...], str]:
    """The boxes for a finding's operands, and the sign to put between them."""
    operands = finding.operands[:most]
    clashing: list[frozenset[int]] = [frozenset() for _ in operands]
    sign = ""
    if len(operands) >= 2:
        left, right = operands[0].shape, operands[1].shape
        if finding.code in _PRODUCTS:
            if finding.location.source.partition("(")[0].rpartition(".")[2] in _OTHER_PRODUCTS:
                return tuple(_box(o, frozenset()) for o in operands), ""
            sign = "@"
            clashing[:2] = _clash_of_product(left, right)
        elif finding.code in _ELEMENTWISE:
            clashing[:2] = _clash_of_elements(left, right)
        elif finding.code in _PUT:
            put, taker = _PUT[finding.code]
            sign = "←" if put else "→"
            clashing[put], clashing[taker] = _clash_when_put(operands[put].shape, operands[taker].shape)
        elif finding.code == "SC110":
            sign = "≠"
            clashing[:2] = _differing(left, right)
    return tuple(_box(o, c) for o, c in zip(operands, clashing, strict=True)), sign


def _box(operand: Operand, clashing: frozenset[int]) -> Box:
    expected = operand.expected if operand.expected != operand.shape else None
    return Box(" ".join(operand.source.split()), operand.shape, clashing, expected)


def _clash_of_product(left: Shape, right: Shape) -> list[frozenset[int]]:
    if not left or not right:
        return [frozenset(), frozenset()]
    meets = len(right) - 2 if len(right) > 1 else 0
    if left[-1] == right[meets]:
        return [frozenset(), frozenset()]
    return [frozenset({len(left) - 1}), frozenset({meets})]


def _clash_of_elements(left: Shape, right: Shape) -> list[frozenset[int]]:
    """The axes that differ, counted from the last as broadcasting does; an axis of length 1 fits any other."""
    first, second = set(), set()
    for back in range(1, min(len(left), len(right)) + 1):
        if left[-back] != right[-back] and 1 not in {left[-back], right[-back]}:
            first.add(len(left) - back)
            second.add(len(right) - back)
    return [frozenset(first), frozenset(second)]


def _clash_when_put(value: Shape, place: Shape) -> list[frozenset[int]]:
    """The axes of a value that its place cannot take: it may be spread over the place, and the place not over it."""
    first, second = set(range(len(value) - len(place))), set()
    for back in range(1, min(len(value), len(place)) + 1):
        if value[-back] not in {1, place[-back]}:
            first.add(len(value) - back)
            second.add(len(place) - back)
    return [frozenset(first), frozenset(second)]


def _differing(left: Shape, right: Shape) -> list[frozenset[int]]:
    if len(left) != len(right):
        return [frozenset(range(len(left))), frozenset(range(len(right)))]
    axes = frozenset(i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a != b)
    return [axes, axes]


def draw(boxes: Sequence[Box], sign: str = "") -> str:
    """Draw boxes side by side in one scale.

    Args:
        boxes: What to draw.
        sign: What stands between them.

    Returns:
        An `<svg>` element; empty where there is nothing to draw. Its colours are those of the text around it.
    """
    if not any(box.shape for box in boxes):
        return ""
    shapes = [s for box in boxes for s in (box.shape, box.expected) if s]
    scale = _Scale(shapes)
    pieces: list[str] = []
    heights = [_rectangle(box.shape, scale)[1] for box in boxes]
    heights += [_rectangle(box.expected, scale)[1] for box in boxes if box.expected]
    middle = max(heights) / 2 + _LINE + 12
    x = 8.0
    for index, box in enumerate(boxes):
        drawn, width = _drawn(box, scale, x, middle, index)
        pieces.append(drawn)
        x += width
        if index + 1 < len(boxes):
            if sign:
                pieces.append(_text(x + _GAP / 2, middle + 5, sign, "sign"))
            x += _GAP
    height = middle + max(heights) / 2 + 2 * _LINE + 12
    label = html.escape("; ".join(f"{box.name} is {written(box.shape)}" for box in boxes), quote=True)
    size = f'width="{x + 8:.0f}" height="{height:.0f}" viewBox="0 0 {x + 8:.0f} {height:.0f}"'
    return f'<svg class="boxes" role="img" aria-label="{label}" {size}>{"".join(pieces)}</svg>'


def written(shape: Shape) -> str:
    """A shape as Python writes it."""
    return str(tuple(int(size) for size in shape))


class _Scale:
    """Sizes to pixels: one scale for all boxes of a drawing."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        sizes = [size for shape in shapes for size in shape[-2:] if size > 0] or [1]
        self.root = max(sizes) / min(sizes) > _WIDEST_RATIO
        self.longest = self._size(max(sizes))

    def _size(self, size: int) -> float:
        return math.sqrt(size) if self.root else float(size)

    def pixels(self, size: int) -> float:
        """The length of an axis."""
        unit = min(_LONGEST / self.longest, 26.0)
        return max(self._size(size) * unit, _THINNEST)


def _rectangle(shape: Shape, scale: _Scale) -> tuple[float, float]:
    if not shape:
        return _THINNEST, _THINNEST
    if len(shape) == 1:
        return scale.pixels(shape[0]), _THINNEST
    return scale.pixels(shape[-1]), scale.pixels(shape[-2])


def _drawn(box: Box, scale: _Scale, x: float, middle: float, index: int) -> tuple[str, float]:
    """One array with its sizes at its edges and its name below; how wide all of it is."""
    width, height = _rectangle(box.shape, scale)
    name = box.name if len(box.name) <= 28 else box.name[:25] + "..."
    below = written(box.shape) + (f", should be {written(box.expected)}" if box.expected else "")
    rows = str(box.shape[-2]) if len(box.shape) > 1 else ""
    left = len(rows) * _LETTER + 6 if rows else 0.0
    outline = _rectangle(box.expected, scale) if box.expected else (0.0, 0.0)
    behind = min(len(box.shape) - 2, 3) * 4.0 if len(box.shape) > 2 else 0.0
    times = "×" + "×".join(map(str, box.shape[:-2])) if len(box.shape) > 2 else ""
    right = behind + (len(times) * _LETTER + 6 if times else 0.0)
    needed = max(left + max(width, outline[0]) + right, len(name) * _LETTER, len(below) * _LETTER)
    start = x + (needed - left - max(width, outline[0]) - right) / 2 + left
    top = middle - height / 2
    pieces = []
    layers = range(min(len(box.shape) - 2, 3), 0, -1)
    pieces += [_rect(start + 4 * i, top - 4 * i, width, height, f"box b{index} behind") for i in layers]
    pieces.append(_rect(start, top, width, height, f"box b{index}"))
    if box.expected:
        pieces.append(_rect(start, middle - outline[1] / 2, *outline, "wanted"))
    pieces += _edges(box, start, top, width, height)
    if box.shape:
        last = len(box.shape) - 1
        pieces.append(_text(start + width / 2, top - 5 - behind, str(box.shape[-1]), _size_class(box, last)))
    if times:
        kind = "size clash" if box.clashing & set(range(len(box.shape) - 2)) else "size"
        pieces.append(_text(start + width + behind + 4, top - behind + 8, times, kind + " start"))
    if rows:
        pieces.append(_text(start - 5, middle + 4, rows, _size_class(box, len(box.shape) - 2) + " end"))
    bottom = middle + max(height, outline[1]) / 2
    pieces.append(_text(x + needed / 2, bottom + _LINE, name, f"name n{index}"))
    pieces.append(_text(x + needed / 2, bottom + 2 * _LINE, below, "shape"))
    return "".join(pieces), needed


def _edges(box: Box, x: float, y: float, width: float, height: float) -> list[str]:
    """The edges of a box whose axes clash, drawn over it."""
    found = []
    last = len(box.shape) - 1
    if last in box.clashing:
        found += [_line(x, y, x + width, y)]
    if len(box.shape) > 1 and last - 1 in box.clashing:
        found += [_line(x, y, x, y + height)]
    return found


def _size_class(box: Box, axis: int) -> str:
    return "size clash" if axis in box.clashing else "size"


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5"/>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="clash" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'
