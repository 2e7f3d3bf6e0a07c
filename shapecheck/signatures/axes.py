"""The axes of a jaxtyping annotation: reading them, binding them to sizes, saying which one does not fit."""

from __future__ import annotations

import keyword
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union, get_args, get_origin

from jaxtyping import AbstractArray

Shape = tuple[int, ...]


@dataclass(frozen=True)
class AxisBinding:
    """One axis name and its size, with the array that it was first read from."""

    axis: str
    size: int
    source: str
    position: int
    shape: Shape

    def __str__(self) -> str:
        return f"{self.axis} = {self.size}, axis {self.position} of `{self.source}`, which is {self.shape}"


@dataclass
class Bindings:
    """The axis names bound so far, in the order in which the arrays were read."""

    by_name: dict[str, AxisBinding] = field(default_factory=dict)
    runs: dict[str, tuple[Shape, str]] = field(default_factory=dict)

    def sizes(self) -> dict[str, int]:
        """Axis name to size, as plain numbers."""
        return {name: binding.size for name, binding in self.by_name.items()}

    def bind(self, annotation: type[AbstractArray], shape: Shape, source: str) -> None:
        """Remember every name of `annotation` that `shape` is the first to give a size."""
        for position, axis, size in paired(annotation, shape):
            broadcast_away = axis.broadcastable and size == 1
            if axis.name is not None and not broadcast_away and axis.name not in self.by_name:
                self.by_name[axis.name] = AxisBinding(axis.name, size, source, position, shape)
        name, run = run_of(annotation, shape)
        if name is not None:
            self.runs.setdefault(name, (run, source))


@dataclass(frozen=True)
class Axis:
    """One word of an annotation: a name to bind, a fixed size, an expression of other names, or a run of axes."""

    text: str
    name: str | None = None
    size: int | None = None
    expression: str | None = None
    broadcastable: bool = False
    variadic: bool = False

    @classmethod
    def read(cls, text: str) -> Axis:
        """Read one word in jaxtyping's notation: `batch`, `3`, `rows=3`, `in+1`, `#batch`, `*batch`, `_`, `...`."""
        rest = text.lstrip("#*_?")
        marks = text[: len(text) - len(rest)]
        if rest.count("=") == 1:
            rest = rest.partition("=")[2]
        shared: dict[str, Any] = {"broadcastable": "#" in marks, "variadic": "*" in marks or text == "..."}
        if text == "..." or "_" in marks or "?" in marks or not rest:
            return cls(text, **shared)
        if rest.isidentifier():
            return cls(text, name=rest, **shared)
        if rest.isdecimal():
            return cls(text, size=int(rest), **shared)
        return cls(text, expression=rest, **shared)


def axes_of(annotation: type[AbstractArray]) -> tuple[Axis, ...]:
    """The axes of an annotation, from the left."""
    return tuple(Axis.read(word) for word in annotation.dim_str.split())


def check_words(annotation: Any, where: str) -> None:
    """Refuse an annotation whose axes cannot be read, before jaxtyping fails over them in the middle of a call.

    Raises:
        TypeError: An axis such as `in+1` is no expression: a word that Python reserves cannot stand in a sum.
    """
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        for axis in axes_of(annotation):
            if axis.expression is None or "{" in axis.expression:
                continue
            try:
                compile(axis.expression, "<axis>", "eval")
            except SyntaxError as error:
                words = [word for word in re.findall(r"[A-Za-z_]+", axis.expression) if keyword.iskeyword(word)]
                why = f"Python reserves the word `{words[0]}`; name that axis otherwise" if words else str(error.msg)
                raise TypeError(f"the axis `{axis.text}` of {where} is no expression: {why}") from None
    for part in get_args(annotation):
        check_words(part, where)


def paired(annotation: type[AbstractArray], shape: Shape) -> Iterator[tuple[int, Axis, int]]:
    """Pair the single axes of an annotation with positions and sizes of `shape`; a run of axes is left out."""
    axes = axes_of(annotation)
    runs = [index for index, axis in enumerate(axes) if axis.variadic]
    if not runs:
        yield from ((i, axis, size) for i, (axis, size) in enumerate(zip(axes, shape, strict=False)))
        return
    head, tail = axes[: runs[0]], axes[runs[0] + 1 :]
    yield from ((i, axis, shape[i]) for i, axis in enumerate(head) if i < len(shape))
    start = len(shape) - len(tail)
    yield from ((start + i, axis, shape[start + i]) for i, axis in enumerate(tail) if start + i >= len(head))


def run_of(annotation: type[AbstractArray], shape: Shape) -> tuple[str | None, Shape]:
    """The name of the run of axes in the annotation (`*shape`), None where there is none, and what it covers."""
    axes = axes_of(annotation)
    for index, axis in enumerate(axes):
        if axis.variadic:
            return axis.name, shape[index : len(shape) - (len(axes) - index - 1)]
    return None, ()


def leaf_arrays(annotation: Any, value: Any, source: str) -> Iterator[tuple[str, type[AbstractArray], Any]]:
    """Walk an annotation beside its value: every array annotation inside, with the text that reaches its value.

    Tuples, lists, sequences, mappings and unions are walked; of a union only a part that fits counts.
    """
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        yield source, annotation, value
        return
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        yield from _of_union(parts, value, source)
    elif origin is tuple and isinstance(value, tuple):
        hints = [parts[0]] * len(value) if len(parts) == 2 and parts[1] is ... else list(parts)
        for index, (hint, item) in enumerate(zip(hints, value, strict=False)):
            yield from leaf_arrays(hint, item, f"{source}[{index}]")
    elif isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping) and len(parts) == 2:
        for key, item in value.items():
            yield from leaf_arrays(parts[1], item, f"{source}[{key!r}]")
    elif isinstance(origin, type) and issubclass(origin, Sequence) and isinstance(value, Sequence) and parts:
        for index, item in enumerate(value):
            yield from leaf_arrays(parts[0], item, f"{source}[{index}]")


def _of_union(parts: tuple[Any, ...], value: Any, source: str) -> Iterator[tuple[str, type[AbstractArray], Any]]:
    plain = [part for part in parts if isinstance(part, type) and not issubclass(part, AbstractArray)]
    if any(isinstance(value, part) for part in plain):
        return
    arrays = [part for part in parts if part not in plain]
    # jaxtyping decides; of several arrays that are allowed, one with as many axes is the best to explain it by.
    for part in arrays:
        if isinstance(part, type) and isinstance(value, part):
            yield from leaf_arrays(part, value, source)
            return
    if arrays:
        rank = len(getattr(value, "shape", ()))
        alike = [p for p in arrays if len(getattr(p, "dim_str", "").split()) == rank]
        yield from leaf_arrays([*arrays, *alike][-1], value, source)


def misfit(annotation: type[AbstractArray], shape: Shape, bindings: Bindings) -> str | None:
    """Say in words which axis of `shape` does not fit, or None when all of them do."""
    axes = axes_of(annotation)
    singles = [axis for axis in axes if not axis.variadic]
    if len(singles) == len(axes) and len(shape) != len(axes):
        return f"{_dimensions(len(shape))}, and its signature has {len(axes)}"
    if len(shape) < len(singles):
        return f"{_dimensions(len(shape))}, and its signature has at least {len(singles)}"
    sizes = bindings.sizes()
    for position, axis, size in paired(annotation, shape):
        if axis.broadcastable and size == 1:
            continue
        wanted = _wanted(axis, sizes)
        if wanted is None and axis.name is not None:
            sizes[axis.name] = size
        elif wanted is not None and wanted != size:
            return f"its axis {position} is {size}, and {_said(axis, wanted, bindings, annotation)}"
    name, run = run_of(annotation, shape)
    if name is not None and name in bindings.runs and bindings.runs[name][0] != run:
        earlier, source = bindings.runs[name]
        return f"its axes `*{name}` are {run}, and those of `{source}` are {earlier}"
    return None


def _dimensions(count: int) -> str:
    return f"it has {count} dimension{'' if count == 1 else 's'}"


def _wanted(axis: Axis, sizes: Mapping[str, int]) -> int | None:
    if axis.size is not None:
        return axis.size
    if axis.name is not None:
        return sizes.get(axis.name)
    if axis.expression is None or "{" in axis.expression:
        return None
    try:
        return int(eval(axis.expression, {}, dict(sizes)))
    except (NameError, TypeError, SyntaxError):
        return None


def _said(axis: Axis, wanted: int, bindings: Bindings, annotation: type[AbstractArray]) -> str:
    if axis.size is not None:
        return f"its signature says {wanted}"
    if axis.expression is not None:
        return f"`{axis.expression}` is {wanted}"
    binding = bindings.by_name.get(axis.name or "")
    if binding is None:  # bound by an earlier axis of the same array
        return f'`{axis.name}` is {wanted} on an earlier axis of "{annotation.dim_str}"'
    return f"`{axis.name}` is {wanted} (axis {binding.position} of `{binding.source}`)"
