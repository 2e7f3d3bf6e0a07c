"""Losses of the catalogue that a program only differentiates, or may have meant to: from outputs and targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Loss, Step, reach
from shapecheck.trace.tape import Operation, Ref

# So many differences of output and target are tried, and so many outputs and given arrays that never met.
_MOST_INFERRED = 6
_MOST_SUPPOSED, _MOST_OUTPUTS, _MOST_GIVEN = 18, 6, 2


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
                if target.value in dependent:
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
    losses = [Loss({o: a - targets[o] for o, a in outputs.items()}, "1/2 sum (output - target)^2", None)]
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


def supposed_losses(replay: Replay, step: Step) -> list[Loss]:
    """Losses of the catalogue for outputs and given arrays that never met: the difference may have been forgotten.

    Args:
        replay: The tape, in double precision.
        step: The step whose backward pass is looked at.

    Returns:
        Losses with their adjoints and matchings, of which nothing is known yet.
    """
    losses = [loss for output, target in _unmet(replay, step) for loss in _catalogue(replay, [(output, target)])]
    for loss in losses[:_MOST_SUPPOSED]:
        loss.adjoints = adjoints(replay, loss.seeds, step.olds, check=())
        loss.matching = Matching(loss.adjoints)
    return losses[:_MOST_SUPPOSED]


def _unmet(replay: Replay, step: Step) -> Iterator[tuple[int, Any]]:
    """(output, given array of its shape) for the last results that depend on all parameters of a step."""
    tape = replay.tape
    reached = reach(replay, step.olds)
    needed = replay.ancestors([change for _, _, change, _ in step.parameters])
    made = [o.result for o in tape.operations[step.first : step.last + 1]]
    whole = [v for v in made if len(reached.get(v, ())) == len(step.olds) and tape.values[v].size > 1]
    # It may be the output itself that was left out of the difference.
    whole = [v for v in whole if v in needed] or whole
    if not whole:
        return
    # The first that depends on all, and what is made of it: among them the output; then comes the backward pass.
    # What an output was made from could be one as well, and the output its wrong delta: so the last goes first.
    shape = np.shape(replay.recorded[whole[0]])
    latest = {tape.values[v].identity: v for v in whole if np.shape(replay.recorded[v]) == shape}
    for output in reversed(sorted(latest.values())[:_MOST_OUTPUTS]):
        for given in _given(replay, step, shape, replay.ancestors([output]) | set(reached)):
            yield output, given


def _given(replay: Replay, step: Step, shape: tuple[int, ...], known: set[int]) -> list[Any]:
    """Arrays of a shape that a step had before it, and that are not among `known` values."""
    seen: list[Any] = []
    for value in replay.tape.values[: replay.tape.operations[step.last].result]:
        array = replay.recorded[value.number]
        if value.shape != shape or value.size < 2 or value.number in known or array is None:
            continue
        if value.dtype[:3] not in {"flo", "int", "boo", "uin"}:
            continue
        given = np.asarray(array, dtype=float)
        if not np.all(given == given.flat[0]) and not any(np.array_equal(given, s) for s in seen):
            seen.append(given)
    return seen[-_MOST_GIVEN:]


__all__ = ["inferred_losses", "supposed_losses"]
