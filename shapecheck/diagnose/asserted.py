"""A gradient check of the program's own that failed: what it compared, as values of the tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.broadcast import SilentMistake, pseudo_failure
from shapecheck.diagnose.crash import show
from shapecheck.diagnose.finding import Finding, Operand, Span
from shapecheck.diagnose.known_loss import Accused, Known, Pair
from shapecheck.network.layers import Layers
from shapecheck.trace.child import Trace
from shapecheck.trace.joined import joined
from shapecheck.trace.tape import Tape


@dataclass(frozen=True)
class Thing:
    """An object that the check was given.

    Attributes:
        identity: Its `id()` while the program ran.
        contents: A copy of what it held.
    """

    identity: int
    contents: Any

    @classmethod
    def of(cls, thing: Any) -> Thing:
        """What an object is at present."""
        return cls(id(thing), np.array(thing))


@dataclass(frozen=True)
class Compared:
    """What a check compared.

    Attributes:
        outputs: The loss and 1; or each output of the forward pass and its cotangent.
        parameters: By name, as the loss read them.
        gradients: By name, as the check was given them.
        factor: What a right gradient is times the derivative of the loss: 1 or -1.
        wrong, right: What the check said of them, by name.
        misshapen: The parameter whose gradient has another shape; empty where all shapes fit.
    """

    outputs: Sequence[tuple[Thing, Any]]
    parameters: Mapping[str, Thing] = field(default_factory=dict)
    gradients: Mapping[str, Thing] = field(default_factory=dict)
    factor: float = 1.0
    wrong: frozenset[str] = frozenset()
    right: frozenset[str] = frozenset()
    misshapen: str = ""


def known_on(tape: Tape, compared: Compared) -> Known | None:
    """Find what was compared among the values of a tape; None where the loss or all gradients are not on it."""
    seeds: dict[int, Any] = {}
    for output, cotangent in compared.outputs:
        number = _made(tape, output)
        if number is None:
            return None
        seed = np.asarray(cotangent, dtype=float).reshape(tape.values[number].shape)
        seeds[number] = seeds.get(number, 0.0) + seed
    pairs = []
    for name, given in compared.gradients.items():
        parameter, gradient = _read(tape, compared.parameters[name]), _made(tape, given)
        if parameter is None or gradient is None:
            continue
        if tape.values[gradient].shape == tape.values[parameter].shape:
            pairs.append(Pair(name, parameter, gradient))
    return Known(seeds, pairs, compared.factor) if pairs else None


def misshapen_gradient(trace: Trace, layers: Layers, compared: Compared) -> SilentMistake | None:
    """Where a gradient was made that has another shape than its parameter; None where it is not on the tape."""
    name, tape = compared.misshapen, trace.head
    if name not in compared.gradients:
        return None
    number = _made(tape, compared.gradients[name])
    site = tape.site_of(number) if number is not None else None
    if number is None or site is None or site.path not in trace.sources:
        return None
    shape, expected = tape.values[number].shape, tuple(np.shape(compared.parameters[name].contents))
    span = Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)
    parameter = _read(tape, compared.parameters[name])
    root = layers.root[parameter] if parameter is not None and layers.tape is tape else None
    producer = tape.values[number].producer
    inputs = tape.operations[producer].inputs if producer is not None else ()
    finding = Finding(
        code="SC309",
        severity="error",
        title=f"the gradient of `{name}` has another shape than `{name}`",
        message=f"`{' '.join(site.text.split())[:60]}` is {show(shape)}, and `{name}` is {show(expected)}",
        location=span,
        cause=span,
        layer=layers.layer_of.get(root) if root is not None else None,
        parameters=(name,),
        operands=(Operand(site.text, shape, expected, span),),
    )
    return SilentMistake(finding, pseudo_failure(trace, tape, site, tuple(inputs)))


def joined_at(tape: Tape, known: Known) -> tuple[Tape, Known]:
    """The tape on which the loss, and whoever made the gradients, share the forward pass that each of them ran."""
    forward = max((p for n in known.seeds if (p := tape.values[n].producer) is not None), default=0) + 1
    tape, instead = joined(
        tape, forward, [number for pair in known.pairs for number in (pair.parameter, pair.gradient)]
    )
    return tape, replace(known, seeds={instead.get(number, number): seed for number, seed in known.seeds.items()})


def agrees(compared: Compared, accused: Accused) -> bool:
    """Whether the adjoints call those gradients wrong that the check calls wrong; else neither is to be believed."""
    return bool(accused.wrong) and accused.wrong <= compared.wrong and not accused.wrong & compared.right


def _made(tape: Tape, thing: Thing) -> int | None:
    """The last value that an object held; a number's object may have been unpacked from an array's."""
    value = tape.latest(thing.identity)
    if value is not None and _holds(value.array, thing.contents):
        return value.number
    if np.shape(thing.contents) != ():
        return None
    numbers = (v.number for v in reversed(tape.values) if v.shape == () and _holds(v.array, thing.contents))
    return next(numbers, None)


def _read(tape: Tape, thing: Thing) -> int | None:
    """The first value of an object that held these contents, or the one leaf that did."""
    for value in tape.values:
        if value.identity == thing.identity and _holds(value.array, thing.contents):
            return value.number
    leaves = [
        v.number for v in tape.values if v.producer is None and v.version == 0 and _holds(v.array, thing.contents)
    ]
    return leaves[0] if len(leaves) == 1 else None


def _holds(array: Any, contents: Any) -> bool:
    if array is None or np.shape(array) != np.shape(contents):
        return False
    return bool(np.array_equal(np.asarray(array), contents))
