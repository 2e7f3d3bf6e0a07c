"""The shape of every quantity of a dense network, forward and backward, and the operation that makes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from reference_nets.roles import LAYOUTS, Shape, shape_of_role

__all__ = ["ACTIVATIONS", "LAYOUTS", "LOSSES", "Quantity", "ShapeTable", "shape_table"]

# How dZ follows from dA; {a} is A, {z} is Z, {d} is dA, {axis} the axis of the classes.
_SLOPES = {
    "linear": "{d}",
    "sigmoid": "{d} * {a} * (1 - {a})",
    "tanh": "{d} * (1 - {a}**2)",
    "relu": "{d} * ({z} > 0)",
    "leaky_relu": "{d} * np.where({z} > 0, 1, 0.01)",
    "softmax": "{a} * ({d} - ({d} * {a}).sum(axis={axis}, keepdims=True))",
}
ACTIVATIONS = tuple(_SLOPES)

# The loss, and its derivative by the last A; m is the number of samples.
_LOSSES = {
    "binary-cross-entropy": (
        "-(Y * np.log({a}) + (1 - Y) * np.log(1 - {a})).sum() / m",
        "(-Y / {a} + (1 - Y) / (1 - {a})) / m",
    ),
    "cross-entropy": ("-(Y * np.log({a})).sum() / m", "-Y / {a} / m"),
    "squared-error": ("(({a} - Y)**2).sum() / m", "2 * ({a} - Y) / m"),
}
LOSSES = tuple(_LOSSES)
_LOSS_OF = {"sigmoid": "binary-cross-entropy", "softmax": "cross-entropy"}


@dataclass(frozen=True)
class Quantity:
    """One array of the network.

    Attributes:
        layer: Counted from the input, 1-based; 0 for the data, one more than the last layer's for the loss.
        stage: `data`, `forward`, `loss`, `backward` or `update`.
        name: As textbooks write it: `W1`, `dZ2`.
        shape: Its shape.
        signature: The same in jaxtyping's words.
        operation: The NumPy expression that makes it, `m` standing for the number of samples; data and parameters come
            from outside, and it says so in words.
        shapes: The operation in shapes, empty where it acts on every entry by itself.
    """

    layer: int
    stage: str
    name: str
    shape: Shape
    signature: str
    operation: str
    shapes: str


@dataclass(frozen=True)
class ShapeTable:
    """All quantities of one network, in the order in which they are computed."""

    sizes: tuple[int, ...]
    batch: int
    layout: str
    activations: tuple[str, ...]
    loss: str
    quantities: tuple[Quantity, ...]
    notes: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """How many numbers the weights and biases hold."""
        return sum((inputs + 1) * outputs for inputs, outputs in pairwise(self.sizes))

    def as_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`; `schema_version` changes when a key does."""
        return {
            "schema_version": 1,
            "sizes": list(self.sizes),
            "batch": self.batch,
            "layout": self.layout,
            "activations": list(self.activations),
            "loss": self.loss,
            "parameters": self.parameters,
            "quantities": [{**vars(q), "shape": list(q.shape)} for q in self.quantities],
            "notes": list(self.notes),
        }


def shape_table(
    sizes: Sequence[int],
    *,
    batch: int = 1,
    layout: str = "batch-first",
    activations: Sequence[str] = ("sigmoid",),
    loss: str | None = None,
) -> ShapeTable:
    """List every quantity of a dense network with its shape.

    Args:
        sizes: Units from the input to the output, at least two, each at least 1.
        batch: Samples in a batch; 1 for single samples.
        layout: `batch-first`, `features-first` or `single-sample`.
        activations: One per layer, or one that all hidden layers share (the output is then a sigmoid for one unit and
            a softmax for several).
        loss: One of `LOSSES`; None takes the one that goes with the output's activation.

    Raises:
        ValueError: One of them does not make a network; the message says which.
    """
    _check(sizes, batch, layout, activations, loss)
    layers = len(sizes) - 1
    if len(activations) == 1 and layers > 1:
        activations = [*([activations[0]] * (layers - 1)), "sigmoid" if sizes[-1] == 1 else "softmax"]
    loss = loss or _LOSS_OF.get(activations[-1], "squared-error")
    maker = _Maker(tuple(sizes), batch, layout, tuple(activations), loss)
    quantities: list[Quantity] = []
    known: dict[str, Shape] = {}
    for layer, stage, name, (signature, shape), operation in maker.rows():
        if name not in known:
            known[name] = shape
        quantities.append(
            Quantity(layer, stage, name, shape, signature, operation, _arithmetic(name, stage, operation, known))
        )
    notes = tuple(_notes(tuple(sizes), batch, layout))
    return ShapeTable(maker.sizes, batch, layout, maker.activations, loss, tuple(quantities), notes)


def _check(sizes: Sequence[int], batch: int, layout: str, activations: Sequence[str], loss: str | None) -> None:
    layers = len(sizes) - 1
    if layers < 1:
        raise ValueError("a network has at least two sizes, its inputs and its outputs: 784 10")
    if min(*sizes, batch) < 1:
        raise ValueError("every size, and the batch, is at least 1")
    if layout not in LAYOUTS:
        raise ValueError(f"there is no layout `{layout}`; there are {', '.join(LAYOUTS)}")
    if layout == "single-sample" and batch != 1:
        raise ValueError(
            f"single samples have no batch, and the batch is {batch}; choose another layout or leave it out"
        )
    if len(activations) not in {1, layers}:
        raise ValueError(f"{layers} layers need {layers} activations, or one for all; these are {len(activations)}")
    unknown = [a for a in activations if a not in _SLOPES]
    if unknown:
        raise ValueError(f"there is no activation `{unknown[0]}` here; there are {', '.join(ACTIVATIONS)}")
    if loss is not None and loss not in _LOSSES:
        raise ValueError(f"there is no loss `{loss}` here; there are {', '.join(LOSSES)}")


_Row = tuple[int, str, str, tuple[str, Shape], str]


@dataclass(frozen=True)
class _Maker:
    """Writes the rows; the three layouts differ in the products, in the sums, and in nothing else."""

    sizes: tuple[int, ...]
    batch: int
    layout: str
    activations: tuple[str, ...]
    loss: str

    def rows(self) -> Iterator[_Row]:
        last = len(self.activations)
        given = {"batch-first": "one row per sample", "features-first": "one column per sample"}
        yield 0, "data", "X", self._of("X", 1), given.get(self.layout, "one sample")
        yield 0, "data", "Y", self._of("Y", last), given.get(self.layout, "one sample")
        for layer in range(1, last + 1):
            yield from self._forward(layer)
        value, slope = (text.format(a=f"A{last}") for text in _LOSSES[self.loss])
        if self.layout == "single-sample":
            value, slope = value.removesuffix(" / m"), slope.removesuffix(" / m")
        yield last + 1, "loss", "J", ("float", ()), value
        for layer in range(last, 0, -1):
            yield from self._backward(layer, slope if layer == last else None)
        for layer in range(1, last + 1):
            for name in (f"W{layer}", f"b{layer}"):
                yield layer, "update", name, self._of(name[0], layer), f"{name} - rate * d{name}"

    def _of(self, role: str, layer: int) -> tuple[str, Shape]:
        found = shape_of_role(
            role, self.layout, inputs=self.sizes[layer - 1], outputs=self.sizes[layer], batch=self.batch
        )
        return found.signature, found.shape

    def _below(self, layer: int) -> str:
        return f"A{layer - 1}" if layer > 1 else "X"

    def _forward(self, layer: int) -> Iterator[_Row]:
        W, b, Z, below = f"W{layer}", f"b{layer}", f"Z{layer}", self._below(layer)
        yield layer, "forward", W, self._of("W", layer), "parameter"
        yield layer, "forward", b, self._of("b", layer), "parameter"
        product = f"{W} @ {below}" if self.layout == "features-first" else f"{below} @ {W}"
        yield layer, "forward", Z, self._of("Z", layer), f"{product} + {b}"
        activation = self.activations[layer - 1]
        axis = ", axis=0" if activation == "softmax" and self.layout == "features-first" else ""
        made = Z if activation == "linear" else f"{activation}({Z}{axis})"
        yield layer, "forward", f"A{layer}", self._of("A", layer), made

    def _backward(self, layer: int, slope_of_loss: str | None) -> Iterator[_Row]:
        W, dZ, below = f"W{layer}", f"dZ{layer}", self._below(layer)
        if slope_of_loss is not None:
            yield layer, "backward", f"dA{layer}", self._of("dA", layer), slope_of_loss
        axis = 0 if self.layout == "features-first" else -1
        slope = _SLOPES[self.activations[layer - 1]].format(a=f"A{layer}", z=f"Z{layer}", d=f"dA{layer}", axis=axis)
        yield layer, "backward", dZ, self._of("dZ", layer), slope
        products = {
            "batch-first": (f"{below}.T @ {dZ}", f"{dZ}.sum(axis=0)", f"{dZ} @ {W}.T"),
            "features-first": (f"{dZ} @ {below}.T", f"{dZ}.sum(axis=1, keepdims=True)", f"{W}.T @ {dZ}"),
            "single-sample": (f"np.outer({below}, {dZ})", dZ, f"{W} @ {dZ}"),
        }
        dW, db, d_below = products[self.layout]
        yield layer, "backward", f"dW{layer}", self._of("dW", layer), dW
        yield layer, "backward", f"db{layer}", self._of("db", layer), db
        if layer > 1:
            yield layer, "backward", f"d{below}", self._of("dX", layer), d_below


def _arithmetic(name: str, stage: str, operation: str, known: dict[str, Shape]) -> str:
    """The operation in shapes, where it does more than act on every entry by itself.

    A name becomes its shape, a transposed name its shape turned round.
    """
    if stage == "update":
        return f"{known[name]} - {known[name]}"
    if name.startswith("dZ") and "*" in operation:
        return f"{known[name]} * {known[name]}"
    if not re.search(r"@|outer", operation) and not name.startswith("db"):
        return ""

    def shape(match: re.Match[str]) -> str:
        found = known.get(match[1])
        if found is None:
            return match[0]
        return str(found[::-1] if match[2] else found)

    return re.sub(r"\b([A-Za-z]+\d*)\b(\.T\b)?", shape, operation)


def _notes(sizes: tuple[int, ...], batch: int, layout: str) -> Iterator[str]:
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        if inputs == outputs and inputs > 1:
            yield f"W{layer} is square: a transpose too many or too few would raise no error there"
    if layout != "single-sample" and batch in sizes and batch > 1:
        where = ", ".join("the input" if i == 0 else f"layer {i}" for i, size in enumerate(sizes) if size == batch)
        yield f"the batch is as large as {where}: try another one, or batch and units may be mixed up unnoticed"
    if layout == "batch-first" and sizes[-1] == 1 and batch > 1:
        yield f"Y is ({batch}, 1): with targets of shape ({batch},), A - Y would silently become ({batch}, {batch})"
    if layout != "single-sample" and batch == 1:
        yield "with one sample, a sum over the batch that is missing would not be noticed"
