"""Layers: the products around one weight, numbered from the input; how deep in the network each value lies."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from shapecheck.network.dependence import CARRIERS
from shapecheck.network.parameters import find_parameters
from shapecheck.network.uses import value_names
from shapecheck.trace.operations import ADDITIONS, TRANSPOSES
from shapecheck.trace.sites import SourceText
from shapecheck.trace.tape import Operation, Ref, Shape, Tape

_PRODUCTS = frozenset(
    "@ .dot numpy.dot numpy.matmul numpy.inner numpy.einsum numpy.tensordot numpy.multiply numpy.vdot * "
    ".__matmul__".split()
)
_MATRIX_PRODUCTS = _PRODUCTS - {"*", "numpy.multiply"}
# Names are hints only: they decide between two arrays that dataflow cannot tell apart.
_WEIGHT_NAME = re.compile(
    r"(?:^|[^a-z])(w|weights?|theta|syn|u|v|b|bias(?:es)?|kernel|embed\w*)[_a-z]*\d*$", re.IGNORECASE
)
_DATA_NAME = re.compile(
    r"^(x|xs|inputs?|data|train\w*|test\w*|features?|images?|batch\w*|samples?|y|targets?|labels?)", re.IGNORECASE
)


@dataclass
class Layer:
    """One layer: its weights, biases, and what it computes.

    Attributes:
        weighted: Number of the first value of its weighted input (with the bias, where one is added).
    """

    index: int
    names: list[str] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    weighted: int | None = None
    activation: str | None = None


class Layers:
    """The layers of the network on a tape.

    `complete` says that every parameter had its first update on this tape.

    Attributes:
        depth: For each value, the largest number among the layers it depends on; 0 for data.
        layer_of: Root value of a parameter -> its layer.
        weights: Roots of the parameters that take part in a layer's product.
        forward_turned: Layer -> whether its forward product takes its weight transposed.
        layout: `batch-first`, `features-first` or `single-sample`.
    """

    def __init__(self, tape: Tape, sources: Iterable[SourceText], *, complete: bool = True) -> None:
        self.tape = tape
        self.names = value_names(tape)
        self.depth = [0] * len(tape.values)
        self.root: list[int] = list(range(len(tape.values)))
        self.layer_of: dict[int, int] = {}
        self.layers: dict[int, Layer] = {}
        self.layout = "batch-first"
        self.weights: set[int] = set()
        self.forward_turned: dict[int, bool] = {}
        self._data: set[int] = set()
        self._weighted: dict[int, int] = {}
        self._newborn = [value.producer is None for value in tape.values]
        self._updated = updated_names(sources)
        parameters = find_parameters(tape)
        self._known = {p.birth for p in parameters}
        # A program that died before its first updates has parameters that were never seen to be updated.
        self._all_known = complete and bool(parameters)
        self.names.update({p.birth: p.name for p in parameters})
        ends = [p.updates[min(1, len(p.updates) - 1)].operation for p in parameters]
        for operation in tape.operations[: max(ends, default=6000)]:
            self._advance(operation)
        self._activations()

    def _advance(self, operation: Operation) -> None:
        result = operation.result
        self.depth[result] = max((self.depth[n] for n in operation.inputs), default=0)
        if operation.function == "leaf" or not operation.inputs:
            self._newborn[result] = operation.function == "leaf" or self._scaled(operation)
            return
        arrays = [n for n in operation.inputs if self.tape.values[n].shape != ()]
        if operation.function in CARRIERS and isinstance(operation.arguments[0], Ref):
            source = operation.arguments[0].value
            part = operation.function == "getitem" and len(self.tape.values[source].shape) == 1
            self.root[result] = result if part and self._newborn[source] else self.root[source]
            self._newborn[result] = self._newborn[source]
            if part and self.root[source] in self._known:
                self._known.add(result)
            if operation.function == "getitem" and self._is_lookup(operation, source):
                self._enter(self.root[source], 1, result)
                self.depth[result] = max(self.depth[result], self.layer_of[self.root[source]])
            return
        if self._scaled(operation):
            self._newborn[result] = all(self._newborn[n] for n in arrays)
            if self._newborn[result]:
                return
        if operation.function in {"numpy.concatenate", "numpy.append", "numpy.hstack", "numpy.vstack"}:
            self._newborn[result] = all(self._newborn[n] for n in arrays)
            return
        if operation.function in _PRODUCTS and len(operation.inputs) == 2:
            self._product(operation)
        elif operation.function in ADDITIONS and len(operation.inputs) == 2:
            self._sum(operation)
        elif operation.function in {"-", "-=", "+="} and operation.inputs:
            self._keep_root(operation)

    def _keep_root(self, operation: Operation) -> None:
        """An update's result is the same parameter."""
        first = operation.inputs[0]
        if self.root[first] in self.layer_of:
            if self.tape.values[operation.result].shape == self.tape.values[first].shape:
                self.root[operation.result] = self.root[first]

    def _scaled(self, operation: Operation) -> bool:
        if operation.function in {"*", "/", "-", "+", "unary-", "numpy.multiply", "numpy.array"}:
            return sum(self.tape.values[n].shape != () for n in operation.inputs) <= 1
        return not operation.inputs

    def _is_lookup(self, operation: Operation, source: int) -> bool:
        """Rows of a parameter chosen by integers: an embedding."""
        index = operation.arguments[1]
        integers = isinstance(index, Ref) and self.tape.values[index.value].dtype[:3] == "int"
        return integers and self._newborn[source] and self._is_weight(self.root[source])

    def _product(self, operation: Operation) -> None:
        first, second = operation.inputs
        weight, other = self._choose(operation, first, second)
        if weight is None or other is None:
            if operation.function in _MATRIX_PRODUCTS:
                self._data.update(self.root[n] for n in (first, second) if self._newborn[n])
            return
        root = self.root[weight]
        if root not in self.layer_of:
            if operation.function not in _MATRIX_PRODUCTS and not self._is_weight(root):
                return
            self._enter(root, self.depth[other] + 1, operation.result)
            self.weights.add(root)
            self.forward_turned.setdefault(self.layer_of[root], is_turned(self.tape, weight))
            self._data.add(self.root[other])
            if len(self.layer_of) == 1:
                self._read_layout(operation, other)
        self.depth[operation.result] = max(self.depth[operation.result], self.layer_of[root])
        if self.depth[other] < self.layer_of[root]:
            self._weighted[operation.result] = self.layer_of[root]

    def _choose(self, operation: Operation, first: int, second: int) -> tuple[int | None, int | None]:
        """(weight, other operand) of a product, where one of them is a weight."""
        known = [n for n in (first, second) if self.root[n] in self.layer_of]
        if known:
            weight = known[0]
            return weight, second if weight == first else first
        born = [n for n in (first, second) if self._newborn[n] and self.root[n] not in self._data]
        born = [n for n in born if self.tape.values[n].dtype[:5] == "float"]
        born = [n for n in born if self.root[n] in self._known] if self._all_known else born
        if not born:
            return None, None
        if len(born) == 1 and not self._is_weight(self.root[born[0]]):
            # One operand was made here, the other was computed: a weight meets an activation, or data meet a delta.
            name = self.names.get(self.root[born[0]], "")
            if _DATA_NAME.match(_last_name(name)):
                return None, None
        weight = max(born, key=lambda n: (self._score(self.root[n]), n == second))
        if self._score(self.root[weight]) <= 0 and operation.function not in _MATRIX_PRODUCTS:
            return None, None
        return weight, second if weight == first else first

    def _score(self, root: int) -> int:
        if self._all_known and root not in self._known:
            return -1
        name = self.names.get(root, "")
        last = _last_name(name)
        score = 0
        if root in self._known:
            score += 8
        if any(part in self._updated for part in _identifiers(name)):
            score += 4
        if _WEIGHT_NAME.search(last) or _WEIGHT_NAME.search(name.partition("[")[0]):
            score += 2
        if _DATA_NAME.match(last):
            score -= 3
        return score

    def _is_weight(self, root: int) -> bool:
        return self._score(root) > 0

    def _sum(self, operation: Operation) -> None:
        """A sum with a layer's product in it is that layer's weighted input; what is added to it is a bias."""
        first, second = operation.inputs
        for bias, other in ((first, second), (second, first)):
            index = self._weighted.get(other)
            if index is None:
                continue
            self._weighted[operation.result] = index
            root = self.root[bias]
            fresh = self._newborn[bias] and root not in self._data and root not in self.layer_of
            fresh = fresh and (self.tape.values[bias].shape != () or root in self._known)
            fresh = fresh and not (self._all_known and root not in self._known)
            if fresh and self.tape.values[bias].size <= self.tape.values[other].size:
                self._enter(root, index, operation.result)
                self.layers[index].weighted = operation.result
            return
        self._keep_root(operation)

    def _enter(self, root: int, index: int, result: int) -> None:
        if root in self.layer_of:
            return
        self.layer_of[root] = index
        layer = self.layers.setdefault(index, Layer(index))
        layer.names.append(self.names.get(root, f"weight of layer {index}"))
        layer.shapes.append(self.tape.values[root].shape)
        if layer.weighted is None:
            layer.weighted = result

    def _read_layout(self, operation: Operation, other: int) -> None:
        shape = self.tape.values[other].shape
        left = operation.inputs[0] == other
        if len(shape) < 2 or (len(shape) == 2 and shape[0 if left else 1] == 1):
            self.layout = "single-sample"
        else:
            self.layout = "batch-first" if left else "features-first"

    # -- activations --------------------------------------------------------------------------------------------

    def _activations(self) -> None:
        for layer in self.layers.values():
            if layer.weighted is not None:
                layer.activation = self._activation_of(layer.weighted)

    def _activation_of(self, weighted: int) -> str | None:
        """The named function that some later value is of a layer's weighted input, found by its numbers."""
        z = self.tape.values[weighted]
        if z.array is None or z.dtype[:5] != "float" or not np.all(np.isfinite(z.array)):
            return None
        start = z.producer or 0
        wanted = activation_values(np.asarray(z.array, dtype=float))
        for operation in self.tape.operations[start + 1 : start + 60]:
            value = self.tape.values[operation.result]
            if value.shape != z.shape or value.array is None or value.dtype[:5] != "float":
                continue
            for name, array in wanted.items():
                telling = not np.allclose(array, z.array, rtol=1e-6, atol=1e-12)  # tanh of almost nothing is nothing
                if telling and np.allclose(value.array, array, rtol=1e-6, atol=1e-12):
                    return name
        return None

    def meeting(self, operands: list[int], *, product: bool) -> int | None:
        """The layer of an expression, by its operands: the weight's own; else what the operands lie between.

        The product of a delta with the activation below it is the gradient of the layer above that activation; an
        elementwise product belongs to the layer of its shallower operand.
        """
        weights = [n for n in operands if self.root[n] in self.layer_of]
        if weights:
            return max(self.layer_of[self.root[n]] for n in weights)
        born = [n for n in operands if self._newborn[n] and self._is_weight(self.root[n])]
        if born:
            others = [n for n in operands if n not in born]
            return max((self.depth[n] for n in others), default=0) + 1
        depths = [self.depth[n] for n in operands]
        if not depths or max(depths) == 0:
            return 1 if depths and self.layers and product else None
        return min(depths) + 1 if product and min(depths) < max(depths) else max(min(depths), 1)

    def depth_of(self, value: int) -> int:
        """Layer of a parameter, else the deepest layer that a value depends on."""
        return self.layer_of.get(self.root[value], self.depth[value])


def activation_values(z: np.ndarray) -> dict[str, np.ndarray]:
    """The usual activations of a weighted input."""
    with np.errstate(all="ignore"):
        values = {"sigmoid": 1 / (1 + np.exp(-z)), "tanh": np.tanh(z)}
        if np.any(z < 0):
            values["relu"] = np.maximum(z, 0)
            values["leaky relu"] = np.where(z > 0, z, 0.01 * z)
        if z.ndim >= 1 and z.size > 1:
            for axis in range(z.ndim):
                if z.shape[axis] > 1:
                    e = np.exp(z - z.max(axis=axis, keepdims=True))
                    values[f"softmax{'' if z.ndim == 1 else f' over axis {axis}'}"] = e / e.sum(
                        axis=axis, keepdims=True
                    )
    return values


def is_turned(tape: Tape, value: int) -> bool:
    """Whether a value is what it was carried from, turned round an odd number of times."""
    turns = 0
    while (producer := tape.values[value].producer) is not None:
        operation = tape.operations[producer]
        if operation.function not in CARRIERS or not isinstance(operation.arguments[0], Ref):
            break
        turns += operation.function in TRANSPOSES
        value = operation.arguments[0].value
    return turns % 2 == 1


def _identifiers(name: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", name)


def _last_name(name: str) -> str:
    """`weights` of `self.weights[0]`, `W1` of `params['W1']`."""
    keys = re.findall(r"\[['\"](\w+)['\"]\]$", name)
    if keys:
        return str(keys[-1])
    return re.sub(r"\[.*$", "", name).rpartition(".")[2]


def updated_names(sources: Iterable[SourceText]) -> set[str]:
    """Names, attributes and keys that the program changes by adding to or subtracting from them."""
    found: set[str] = set()
    for source in sources:
        for node in source.nodes():
            if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub):
                found.update(_identifiers(ast.unparse(node.target)))
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and len(node.targets) == 1:
                target = ast.unparse(node.targets[0])
                if target == ast.unparse(node.value.left) and isinstance(node.value.op, ast.Sub):
                    found.update(_identifiers(target))
    return found - {"self", "str", "l", "i", "layer", "key", "k", "j", "n", "name", "p", "param"}
