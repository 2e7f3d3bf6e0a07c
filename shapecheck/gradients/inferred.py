"""Losses of the catalogue that a program only differentiates, or may have meant to: from outputs and targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.hypotheses import is_made_a_target
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Loss, Step, reach
from shapecheck.trace.tape import Kind, Operation, Ref, Tape

# The loss of the catalogue that suits all outputs.
SQUARES = "1/2 sum (output - target)^2"
# So many differences of output and target are tried, and so many outputs and given arrays that never met.
_MOST_INFERRED = 6
_MOST_OUTPUTS, _MOST_GIVEN = 4, 2
_SUMS = frozenset({"-", "+", "numpy.subtract", "numpy.add"})
_PRODUCTS = frozenset({"*", "numpy.multiply"})
_LOGARITHMS = frozenset({"numpy.log", "math.log"})
# A batch of the targets may be taken when it is needed.
_PARTS = frozenset({"getitem", "view"})


@dataclass(frozen=True, slots=True)
class Pair:
    """An output, and what may be its target: an array, and its number where it is a value of the program."""

    output: int
    target: Any
    given: int | None = None


def inferred_losses(replay: Replay, step: Step) -> list[Loss]:
    """Losses of the catalogue for each difference of an output and a target within the step."""
    tape = replay.tape
    dependent = replay.dependents(step.olds, step.last + 1)
    pairs: dict[tuple[int | None, int], list[tuple[int, Any]]] = {}
    for operation in tape.operations[step.first : step.last + 1]:
        found = _output_and_target(replay, operation, dependent)
        if found is not None:
            output, target, place = found
            pairs.setdefault((operation.site, place), []).append((output, target))
    losses: list[Loss] = []
    for instances in list(pairs.values())[:_MOST_INFERRED]:
        losses += _catalogue(replay, instances)
    return losses


def _output_and_target(replay: Replay, operation: Operation, dependent: set[int]) -> tuple[int, Any, int] | None:
    """(output, target's array, position of the output) if an operation is the difference of the two."""
    recorded = replay.recorded
    if operation.function in {"-", "numpy.subtract", "-="} and len(operation.arguments) == 2:
        # `loss -= np.log(p)` adds up; only what is changed itself can be an output there.
        for place, other in ((0, 1), (1, 0))[: 1 if operation.function == "-=" else 2]:
            output, target = operation.arguments[place], operation.arguments[other]
            if not isinstance(output, Ref) or output.value not in dependent:
                continue
            if isinstance(target, Ref):
                learned = dependent.__contains__
                if learned(target.value) and not is_made_a_target(replay.tape, output.value, target.value, learned):
                    continue
                array = np.asarray(recorded[target.value])
            elif isinstance(target, int | float):
                array = np.asarray(target)
            else:
                continue
            shape = np.shape(recorded[output.value])
            if array.shape == shape or (array.size == 1 and np.prod(shape, dtype=int) == 1):
                return output.value, array.reshape(shape).astype(float), place
            if 2 <= array.ndim < len(shape) and array.shape == shape[-array.ndim :]:
                # Several networks in one array have the same targets.
                return output.value, np.broadcast_to(array, shape).astype(float), place
    if operation.function == "-=" and len(operation.arguments) == 3:
        target, one, index = operation.arguments
        if isinstance(target, Ref) and target.value in dependent and isinstance(one, int | float) and one == 1:
            hot = np.zeros(np.shape(recorded[target.value]))
            hot[_filled(index, recorded)] = 1.0
            return _before_copies(replay, target.value), hot, 2
    return None


def _filled(structure: Any, recorded: Any) -> Any:
    if isinstance(structure, Ref):
        return recorded[structure.value]
    if isinstance(structure, list | tuple):
        return type(structure)([_filled(e, recorded) for e in structure])
    return structure


def _before_copies(replay: Replay, value: int) -> int:
    """The value that a copy was made of."""
    producer = replay.tape.values[value].producer
    operation = replay.tape.operations[producer] if producer is not None else None
    if operation is not None and operation.function in {".copy", "numpy.copy", "numpy.array"} and operation.inputs:
        return operation.inputs[0]
    return value


def _catalogue(replay: Replay, instances: Sequence[tuple[int, Any]]) -> list[Loss]:
    """Squared error, and the cross-entropies where the outputs can be probabilities."""
    outputs = {o: np.asarray(replay.recorded[o], dtype=float) for o, _ in instances}
    targets = dict(instances)
    losses = [Loss({o: a - targets[o] for o, a in outputs.items()}, SQUARES, None)]
    inside = all(np.all((a > 0) & (a < 1)) for a in outputs.values())
    hot = all(np.all((t >= 0) & (t <= 1)) for t in targets.values())
    if inside and hot:
        binary = {o: (a - targets[o]) / (a * (1 - a)) for o, a in outputs.items()}
        two_sided = Loss(binary, "-sum target log(output) + (1 - target) log(1 - output)", None)
        one_sided = Loss({o: -targets[o] / a for o, a in outputs.items()}, "-sum target log(output)", None)
        # Two outputs of a softmax fit both: what sums to one is meant as one distribution.
        if all(_sums_to_one(a) for a in outputs.values()):
            losses += [one_sided, two_sided]
        else:
            # Nobody descends the one half of a cross-entropy for a single output.
            losses += [two_sided, one_sided] if all(_has_several(a) for a in outputs.values()) else [two_sided]
    return losses


def _has_several(array: Any) -> bool:
    """Whether there may be several outputs for each sample."""
    return bool(array.ndim > 1 and min(array.shape) > 1)


def _sums_to_one(array: Any) -> bool:
    return array.size > 1 and any(np.allclose(array.sum(axis=axis), 1.0) for axis in range(array.ndim))


def supposed_losses(replay: Replay, step: Step) -> Iterator[tuple[Loss, Pair]]:
    """Losses of the catalogue for outputs and given arrays, whether they ever met or not.

    Args:
        replay: The tape, in double precision.
        step: The step whose backward pass is looked at.

    Yields:
        Losses with their adjoints and matchings, of which nothing is known yet, and what they are losses of.
    """
    for pair in _pairs(replay, step):
        for loss in losses_of(replay, step, pair):
            yield loss, pair


def losses_of(replay: Replay, step: Step, pair: Pair) -> list[Loss]:
    """The losses of the catalogue for an output and its target, with their adjoints and matchings."""
    losses = _catalogue(replay, [(pair.output, pair.target)])
    for loss in losses:
        loss.adjoints = adjoints(replay, loss.seeds, step.olds, check=(), held=step.held)
        loss.matching = Matching(loss.adjoints)
    return losses


def met_numbers(replay: Replay, step: Step, until: int) -> dict[int, Pair]:
    """Single outputs and targets, by the place where they meet: be it that their difference is only printed.

    Args:
        replay: The tape.
        step: The step, in which the output was computed.
        until: The operation after its last to be looked at.
    """
    tape = replay.tape
    reached = reach(replay, step.olds, until)
    stale = reach(replay, {p.updates[step.number].new for p, *_ in step.parameters}, until)
    learned = replay.dependents({p.birth for p, *_ in step.parameters}, until)
    whole = {v for v, on in reached.items() if len(on) == len(step.olds) and v not in stale}
    found: dict[int, Pair] = {}
    for operation in tape.operations[step.first : until]:
        places = [a for a in operation.arguments if isinstance(a, Ref | int | float)]
        if len(places) != 2 or operation.site is None or tape.sites[operation.site].kind is Kind.AUGMENTED:
            continue  # `+=` is a sum of losses
        for first, target in (places, places[::-1]):
            output = _met_output(replay, operation, first)
            given = target.value if isinstance(target, Ref) else None
            if output not in whole or tape.values[output].size != 1 or given in learned:
                continue
            array = np.asarray(replay.recorded[given] if given is not None else target, dtype=float)
            if array.size == 1:
                found.setdefault(operation.site, Pair(output, array.reshape(tape.values[output].shape), given))
    return found


def _met_output(replay: Replay, operation: Operation, operand: Any) -> int:
    """The output that an operand of a meeting is, or is the logarithm of; -1 where it is none."""
    number = operand.value if isinstance(operand, Ref) else -1
    if operation.function in _SUMS or number < 0:
        return number if operation.function in _SUMS else -1
    made = replay.tape.values[number].producer
    inner = replay.tape.operations[made] if made is not None and operation.function in _PRODUCTS else None
    return inner.inputs[0] if inner is not None and inner.function in _LOGARITHMS and inner.inputs else -1


def _pairs(replay: Replay, step: Step) -> Iterator[Pair]:
    """An output and a given array of its shape, for the last results that depend on all parameters of a step."""
    tape = replay.tape
    reached = reach(replay, step.olds, step.last + 1)
    needed = replay.ancestors([change for _, _, change, _ in step.parameters])
    made = [o.result for o in tape.operations[step.first : step.last + 1]]
    whole = [v for v in made if len(reached.get(v, ())) == len(step.olds) and tape.values[v].size > 1]
    # It may be the output itself that was left out of the difference.
    for values in ([v for v in whole if v in needed], [v for v in whole if v not in needed]):
        for output in _outputs(replay, values):
            yield from _given(replay, step, output, replay.ancestors([output]) | set(reached))


def targets_at_hand(replay: Replay, step: Step, output: int) -> list[Pair]:
    """Arrays that may be the target of an output, whether the two ever met or not."""
    return _given(replay, step, output, replay.ancestors([output]) | set(reach(replay, step.olds, step.last + 1)))


def _outputs(replay: Replay, whole: Sequence[int]) -> list[int]:
    """Those among the values that depend on everything that may be the output, the likeliest first.

    The first of them, and what is made of it: among them the output; then comes the backward pass. What an output was
    made from could be one as well, and the output its wrong delta: so the last goes first. An output has a name.
    """
    tape = replay.tape
    entries = tape.values[whole[0]].size if whole else 0
    shape = _without_ones(tape.values[whole[0]].shape) if whole else ()
    alike = [v for v in whole if tape.values[v].size == entries and _without_ones(tape.values[v].shape) == shape]
    latest = {tape.values[v].identity: v for v in alike}
    named = {b.value for b in tape.bindings} | {v for _, _, values in tape.returns for v in values}
    found = sorted(latest.values(), key=lambda v: (v not in named, -v))
    return found[:_MOST_OUTPUTS]


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _codes(labels: Any, output: Any) -> Any:
    """Labels as one-hot codes, where an output may be the probabilities of so many classes for as many samples."""
    probabilities = np.asarray(output)
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or probabilities.ndim != 2 or len(labels) < 2:
        return None
    for samples, classes in ((0, 1), (1, 0)):
        count = probabilities.shape[classes]
        fits = len(labels) == probabilities.shape[samples] and count > 1 and labels.min() >= 0 and labels.max() < count
        if fits and np.ptp(labels) > 0 and np.allclose(probabilities.sum(axis=classes), 1.0):
            codes = np.eye(count)[labels]
            return codes if samples == 0 else codes.T
    return None


def _given(replay: Replay, step: Step, output: int, known: set[int]) -> list[Pair]:
    """Arrays of an output's shape that a step had before its forward pass, and that are not among `known` values.

    For the probabilities of classes labels will do.
    """
    tape = replay.tape
    shape = tape.values[output].shape
    begun = min(
        (tape.values[v].producer or 0 for v in replay.dependents(step.olds, step.last + 1) - step.olds), default=0
    )
    here = {_site_of(tape, number) for number in replay.dependents(step.olds, step.last + 1)}
    learned = replay.dependents({p.birth for p, *_ in step.parameters}, step.last + 1)
    seen: list[Pair] = []
    flat: list[Pair] = []
    for value in tape.values[: tape.operations[step.last].result]:
        array = replay.recorded[value.number]
        if value.number in known or array is None or value.dtype[:3] not in {"flo", "int", "boo", "uin"}:
            continue
        codes = None if value.shape == shape else _codes(np.asarray(array), replay.recorded[output])
        if value.shape != shape and codes is None and _without_ones(shape) != value.shape:
            continue
        made = tape.operations[value.producer] if value.producer is not None else None
        if made is not None and made.number > begun and made.function not in _PARTS:
            continue
        if made is not None and made.site in here and value.number in learned:
            continue  # what the same expression of the network gave in an earlier pass
        given = np.asarray(array if codes is None else codes, dtype=float)
        if np.all(given == given.flat[0]):
            continue
        # Of the ways to a target only where they end.
        found = seen if value.shape == shape or codes is not None else flat
        found[:] = [s for s in found if s.given not in replay.ancestors([value.number])]
        if not any(np.array_equal(given.reshape(s.target.shape), s.target) for s in found):
            found.append(Pair(output, given if found is seen else given.reshape(shape), value.number))
    # Targets that are a row of numbers meet a column of outputs only once somebody has turned them.
    return (seen or flat)[-_MOST_GIVEN:]


def _site_of(tape: Tape, value: int) -> int | None:
    producer = tape.values[value].producer
    return tape.operations[producer].site if producer is not None else None


__all__ = ["SQUARES", "Pair", "inferred_losses", "losses_of", "met_numbers", "supposed_losses", "targets_at_hand"]
