"""Losses that a program may be descending: the scalars it computes, and those of the catalogue that it never computes.

A loss of the catalogue is stated by its derivative at the network's output: its value is never needed, and the
weighted sum `sum(derivative * output)`, derivative held fixed, has the same gradient at that point.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.gradients.replay import fill
from shapecheck.network.dependence import Dependence
from shapecheck.trace.operations import DIFFERENCES
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref, Tape

Array = np.ndarray[Any, Any]

_MEETINGS = frozenset("- + / * numpy.subtract numpy.divide numpy.multiply numpy.add -= /= *=".split())
# The label of operations that the program has not done in a step, and that a loss needs.
RECOMPUTED = "recomputed"
# What picks one of several numbers; nobody descends that.
SELECTIONS = frozenset(
    "getitem view .max .min numpy.max numpy.min numpy.amax numpy.amin builtins.max builtins.min".split()
)
_RETOUCHING = frozenset({"setitem", "write_back"})
_COPIES = frozenset({".copy", "numpy.copy", "numpy.array"})
_SCALINGS = frozenset({"*", "/", "numpy.multiply", "numpy.divide", "numpy.true_divide"})
_NEGATIVES = frozenset({"unary-", "numpy.negative"})
_SUMS = frozenset({"+", "-", "numpy.add", "numpy.subtract"})


@dataclass(frozen=True)
class Hypothesis:
    """One loss: a scalar of the tape, or weights for outputs.

    Attributes:
        formula: As a reader knows it: `the program's own "loss"`, `1/2 sum (out - target)^2`.
        scalar: The value that is the loss; None for a loss of the catalogue.
        weights: (output, derivative of the loss by it) pairs for a loss of the catalogue.
        inferred: Whether it comes from the catalogue.
    """

    formula: str
    scalar: int | None = None
    weights: tuple[tuple[int, Array], ...] = ()
    site: int | None = None

    @property
    def inferred(self) -> bool:
        """Whether the program does not compute it."""
        return self.scalar is None

    @property
    def wanted(self) -> list[int]:
        """The values that its evaluation needs."""
        return [self.scalar] if self.scalar is not None else [number for number, _ in self.weights]

    def evaluate(self, arrays: dict[int, Any]) -> float:
        """The loss, or the weighted sum that stands for it."""
        if self.scalar is not None:
            return float(np.asarray(arrays[self.scalar], dtype=float).reshape(-1)[0])
        return float(sum(np.sum(weight * np.asarray(arrays[number], dtype=float)) for number, weight in self.weights))


def _squares(out: Array, target: Array) -> Array:
    return out - target


def _binary(out: Array, target: Array) -> Array | None:
    if not (out.min() > 0 and out.max() < 1 and target.min() >= 0 and target.max() <= 1):
        return None
    derivative: Array = (out - target) / (out * (1 - out))
    return derivative


def _categorical(out: Array, target: Array) -> Array | None:
    if not (out.min() > 0 and out.max() <= 1 + 1e-9 and target.min() >= 0 and out.size > 1):
        return None
    if (out.ndim < 2 or min(out.shape) < 2) and not any(np.allclose(out.sum(axis=k), 1.0) for k in range(out.ndim)):
        return None  # one output by itself: nobody descends the one half of a cross-entropy
    return -target / out


def _absolute(out: Array, target: Array) -> Array:
    derivative: Array = np.sign(out - target)
    return derivative


CATALOGUE: dict[str, Callable[[Array, Array], Array | None]] = {
    "1/2 sum ({out} - {target})^2": _squares,
    "binary cross-entropy of {out} and {target}": _binary,
    "categorical cross-entropy of {out} and {target}": _categorical,
    "sum |{out} - {target}|": _absolute,
}


class Meetings:
    """Where the network's output meets a target: operations with one operand of each."""

    def __init__(self, tape: Tape, dependence: Dependence, parameters: int) -> None:
        self.tape = tape
        self.dependence = dependence
        self.parameters = parameters

    def of(self, operation: Operation) -> tuple[int, Array] | None:
        """(output, target) where the operation is such a meeting; an integer label gives a one-hot target."""
        arguments = operation.arguments
        if operation.function == "-=" and len(arguments) == 3 and isinstance(arguments[0], Ref):
            return self.labelled(arguments[0].value, arguments[2], arguments[1])
        if operation.function not in _MEETINGS or len(arguments) != 2:
            return None
        if not all(isinstance(a, Ref) for a in arguments):
            return self.numbered(operation)
        left, right = (a.value for a in arguments)
        for out, target in ((left, right), (right, left)):
            pair = self.pair(out, target)
            if pair is not None:
                return pair
        return None

    def pair(self, out: int, target: int) -> tuple[int, Array] | None:
        """(output, target) where the one depends on the parameters, the other does not, and their shapes are equal."""
        masks = self.dependence.masks
        if not masks[out] & self.parameters:
            return None
        learned = bool(masks[target] & self.parameters)
        if learned and not is_made_a_target(self.tape, out, target, lambda n: bool(masks[n] & self.parameters)):
            return None
        first, second = self.tape.values[out], self.tape.values[target]
        if first.array is None or second.array is None or first.dtype[:5] != "float":
            return None
        if second.dtype[:3] not in {"flo", "int", "boo", "uin"}:
            return None
        given = np.asarray(second.array, dtype=float)
        if 2 <= given.ndim < len(first.shape) and given.shape == first.shape[-given.ndim :]:
            return out, np.broadcast_to(given, first.shape)  # several networks in one array have the same targets
        if first.shape != second.shape and not (first.size == second.size == 1):
            return None
        return out, given.reshape(first.shape)

    def numbered(self, operation: Operation) -> tuple[int, Array] | None:
        """`out - 1`: a single output less a whole number, which nobody follows through a program."""
        output, target = sorted(operation.arguments, key=lambda a: not isinstance(a, Ref))
        if operation.function not in DIFFERENCES or not isinstance(output, Ref):
            return None
        value = self.tape.values[output.value]
        if not isinstance(target, int | float) or value.size != 1 or value.array is None:
            return None
        if not self.dependence.masks[output.value] & self.parameters:
            return None
        return output.value, np.full(value.shape, float(target))

    def labelled(self, out: int, index: Any, value: Any) -> tuple[int, Array] | None:
        """`p[np.arange(m), y] -= 1`: the labels say where the one-hot target is 1."""
        if not isinstance(value, int | float) or value != 1:
            return None
        array = self.tape.values[out].array
        if array is None or not self.dependence.masks[out] & self.parameters:
            return None
        target = np.zeros(np.shape(array))
        try:
            target[fill(index, [v.array for v in self.tape.values])] = 1.0
        except (IndexError, TypeError, ValueError):
            return None
        return out, target


def is_made_a_target(tape: Tape, out: int, target: int, learned: Callable[[int], bool]) -> bool:
    """Whether a value that depends on the parameters is held fixed, and learned.

    Args:
        tape: The tape.
        out: An output.
        target: What it is held against.
        learned: Whether a value depends on the parameters.
    """
    return is_retouched(tape, out, target) or is_bootstrapped(tape, out, target, learned)


def is_retouched(tape: Tape, out: int, target: int) -> bool:
    """Whether a target is a copy of the output in which some entries are set: of all others there is nothing to learn.

    So learns who knows the value of one action only: `target = q.copy(); target[a] = reward + 0.9 * best`. The output
    may be computed anew for the step.
    """
    value, seen = tape.values[target], False
    while value.producer is not None:
        operation = tape.operations[value.producer]
        if operation.function not in _RETOUCHING and operation.function not in _COPIES:
            break
        if not operation.arguments or not isinstance(operation.arguments[0], Ref):
            break
        seen = seen or operation.function in _RETOUCHING
        value = tape.values[operation.arguments[0].value]
    other = tape.values[out]
    return seen and (value is other or (value.shape == other.shape and _are_equal(value.array, other.array)))


def is_bootstrapped(tape: Tape, out: int, target: int, learned: Callable[[int], bool]) -> bool:
    """Whether a target is a reward and a part of what the same network says of what comes next, which is held fixed.

    So learns who takes `reward + 0.9 * max(q(after))` for the value of what was done (Sutton and Barto 2018, section
    11.3: the semi-gradient).
    """
    base, functions = _base(tape, target, _SUMS | _SCALINGS | SELECTIONS, learned)
    if not functions & _SUMS or not functions & _SCALINGS:
        return False
    own, _ = _base(tape, out, SELECTIONS, learned)
    made, same = (tape.values[number].producer for number in (base, own))
    if made is None or same is None or tape.operations[made].site is None:
        return False
    return tape.operations[made].site == tape.operations[same].site and out != base


def _base(tape: Tape, value: int, through: frozenset[str], learned: Callable[[int], bool]) -> tuple[int, set[str]]:
    """What a value was made of by some operations that take one learned value each, and these operations."""
    functions: set[str] = set()
    while (producer := tape.values[value].producer) is not None:
        operation = tape.operations[producer]
        made = [n for n in operation.inputs if learned(n)]
        if operation.function not in through or len(made) != 1:
            break
        functions.add(operation.function)
        value = made[0]
    return value, functions


def _are_equal(one: Any, other: Any) -> bool:
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)


def scalar_losses(
    tape: Tape, dependence: Dependence, parameters: Sequence[int], until: int, among: set[int]
) -> Iterator[Hypothesis]:
    """Scalars that depend on every parameter, the last ones first.

    What the updates are computed from (`among`) is no loss: backpropagation never uses the loss's own value.
    """
    found = 0
    parts = _parts_of_sums(tape, dependence, parameters, until) | _turned_round(tape, until)
    for operation in reversed(tape.operations[:until]):
        value = tape.values[operation.result]
        if value.size != 1 or value.dtype[:5] != "float" or operation.function in SELECTIONS:
            continue
        if operation.label == RECOMPUTED:
            continue  # of the expressions that make a loss anew in a step only the last is the loss
        if value.number in among or value.number in parts or _only_shifted(tape, dependence, operation, parameters):
            continue
        if all(dependence.masks[value.number] & mask for mask in parameters):
            site = tape.sites[operation.site] if operation.site is not None else None
            yield Hypothesis(own_formula(site), scalar=value.number, site=operation.site)
            found += 1
        if found >= 12:
            return


def own_formula(site: Site | None) -> str:
    """What a loss of the program's own is called, by where it is computed."""
    return f"the program's own {called(site)}"


def called(site: Site | None) -> str:
    """What a number is called, by where it is computed or added up."""
    if site is None:
        return "a value"
    return f"`{ast.unparse(site.node.target) if isinstance(site.node, ast.AugAssign) else site.bound_to or site.text}`"


def _parts_of_sums(tape: Tape, dependence: Dependence, parameters: Sequence[int], until: int) -> set[int]:
    """The numbers that are one half of a loss: of a sum of two that were made from the same output.

    `dot(y, log(p)) + dot(1 - y, log(1 - p))` has a meaning, and its halves by themselves have none. A penalty is made
    from the parameters only, and the losses of two samples from two outputs.
    """
    parts: set[int] = set()
    numbered: dict[int, int] = {}  # a value that depends on all parameters -> its bit
    made: dict[int, int] = {}  # such a value -> the bits of those that it was computed from, and its own
    single: list[int] = []
    for operation in tape.operations[:until]:
        value = operation.result
        if not all(dependence.masks[value] & mask for mask in parameters):
            continue
        bits = made.get(value, 0) | 1 << numbered.setdefault(value, len(numbered))
        for number in operation.inputs:
            bits |= made.get(number, 0)
        made[value] = bits
        if tape.values[value].size == 1:
            single.append(value)
        places = [a.value for a in operation.arguments[:2] if isinstance(a, Ref)]
        if operation.function not in _SUMS or len(places) != 2 or tape.values[value].size != 1:
            continue
        if all(number in made for number in places) and made[places[0]] & made[places[1]]:
            apart = made[places[0]] ^ made[places[1]]
            parts.update(places)
            parts.update(n for n in single if apart >> numbered[n] & 1)
    return parts


def _turned_round(tape: Tape, until: int) -> set[int]:
    """The numbers of which the program uses the negative: a sum of logarithms that is taken off the loss."""
    found: set[int] = set()
    for operation in tape.operations[:until]:
        if tape.values[operation.result].size != 1:
            continue
        taken = list(operation.arguments[1:2]) if operation.function in DIFFERENCES else []
        if operation.function in _NEGATIVES:
            taken = list(operation.arguments[:1])
        elif operation.function in _SCALINGS and len(operation.arguments) == 2:
            first, second = operation.arguments
            taken = [a for a, other in ((first, second), (second, first)) if _is_negative(tape, other)]
        found.update(a.value for a in taken if isinstance(a, Ref) and tape.values[a.value].size == 1)
    return found


def _is_negative(tape: Tape, operand: Any) -> bool:
    """Whether an operand is a number below zero that was not made from arrays: `-1 / m`."""
    if not isinstance(operand, Ref):
        return isinstance(operand, int | float) and operand < 0
    value = tape.values[operand.value]
    made = tape.operations[value.producer] if value.producer is not None else None
    plain = made is None or not any(tape.values[i].size > 1 for i in made.inputs)
    return plain and value.size == 1 and value.array is not None and bool(np.all(np.asarray(value.array) < 0))


def _only_shifted(tape: Tape, dependence: Dependence, operation: Operation, parameters: Sequence[int]) -> bool:
    """Whether a number is an output less a target, which changes from sample to sample: its gradient ignores that.

    Nobody descends the signed difference itself.
    """
    places = [a.value for a in operation.arguments if isinstance(a, Ref)]
    if operation.function not in DIFFERENCES or len(places) != 2 or operation.site is None:
        return False
    everything = 0
    for mask in parameters:
        everything |= mask
    given = [i for i, n in enumerate(places) if not dependence.masks[n] & everything]
    if len(given) != 1:
        return False
    seen = []
    for other in tape.made_at(operation.site):
        number = other.arguments[given[0]] if len(other.arguments) == 2 else None
        array = tape.values[number.value].array if isinstance(number, Ref) else number
        seen.append(None if array is None else float(np.asarray(array, dtype=float).reshape(-1)[0]))
    return len(set(seen)) > 1


def catalogue_losses(
    tape: Tape, meetings: Meetings, among: set[int], names: dict[int, str], *, differences: bool
) -> Iterator[Hypothesis]:
    """Losses of the catalogue for the outputs and targets that met on the way to the updates.

    `differences` chooses the meetings that are subtractions, or all the others.
    """
    groups: dict[int | None, list[tuple[int, Array]]] = {}
    for number in sorted(among):
        producer = tape.values[number].producer
        if producer is None or (tape.operations[producer].function in DIFFERENCES) is not differences:
            continue
        pair = meetings.of(tape.operations[producer])
        if pair is not None:
            groups.setdefault(tape.operations[producer].site, []).append(pair)
    for site, pairs in list(groups.items())[:6]:
        name = names.get(pairs[0][0], "output")
        for formula, derivative in CATALOGUE.items():
            with np.errstate(all="ignore"):
                weights = [(out, derivative(np.asarray(tape.values[out].array, dtype=float), t)) for out, t in pairs]
            if any(weight is None or not np.all(np.isfinite(weight)) for _, weight in weights):
                continue
            known = tuple((out, weight) for out, weight in weights if weight is not None)
            yield Hypothesis(formula.format(out=name, target="target"), weights=known, site=site)
