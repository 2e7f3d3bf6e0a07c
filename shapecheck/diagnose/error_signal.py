"""Backward passes that begin with no difference of output and target: what they follow instead, and what they miss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.error_signals import ErrorSignal, error_signals
from shapecheck.gradients.inferred import Pair, supposed_losses
from shapecheck.gradients.matching import EXACT, Matching
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Loss, Step
from shapecheck.trace.operations import DIFFERENCES, PRODUCTS
from shapecheck.trace.tape import Operation

_COMPARISONS = frozenset("< <= > >= == != numpy.less numpy.less_equal numpy.greater numpy.greater_equal".split())
_MOST_SUPPOSED = 18


def missed_losses(replay: Replay, step: Step) -> Iterator[tuple[Loss, str]]:
    """The losses that a step would descend if what its backward pass begins with were a difference.

    Args:
        replay: The tape, in double precision.
        step: A step that follows none of the losses that the program shows.

    Yields:
        Each loss, and what the step follows instead.
    """
    for number, (loss, pair) in enumerate(supposed_losses(replay, step)):
        if number >= _MOST_SUPPOSED:
            return
        for signal in error_signals(replay, step, loss, [pair]):
            if _is_followed(step, signal, pair) and is_a_slip(replay, step, signal, pair):
                yield loss, signal.kind
                break


def has_a_rate_twice(replay: Replay, step: Step) -> bool:
    """Whether the number that multiplies every gradient in its step has multiplied the error at the output before."""
    learned = replay.dependents(step.olds, step.last + 1)
    of_all: set[int] | None = None
    statements = []
    for parameter, _, change, _ in step.parameters:
        update = replay.tape.operations[parameter.updates[step.number].operation]
        place = replay.tape.sites[update.site] if update.site is not None else None
        if place is None:
            return False
        statements.append(place)
        made = _scalings(replay, step, change, learned)
        own = {n for o, n in made if o.site is not None and replay.tape.sites[o.site].within(place)}
        of_all = own if of_all is None else of_all & own
    changes = {change for _, _, change, _ in step.parameters}
    for operation, number in _scalings(replay, step, max(changes), learned) if of_all else ():
        site = replay.tape.sites[operation.site] if operation.site is not None else None
        apart = site is not None and not any(site.within(place) for place in statements)
        if number in (of_all or ()) and apart and changes <= replay.dependents([operation.result], step.last + 1):
            return True
    return False


def _scalings(replay: Replay, step: Step, change: int, learned: set[int]) -> list[tuple[Operation, int]]:
    """(operation, number) of all that a change is multiplied by on its way, where that is a single given number."""
    needed, tape = replay.ancestors([change]), replay.tape
    made = (o for o in _operations(replay, step) if o.function in PRODUCTS and o.result in needed)
    return [(o, i) for o in made for i in o.inputs if i not in learned and tape.values[i].shape == ()]


def _is_followed(step: Step, signal: ErrorSignal, pair: Pair) -> bool:
    """Whether all changes of a step are gradients of what an error signal is the derivative of."""
    recorded = signal.matching.replay.recorded
    if not any(np.any(array) for array in signal.values.values()):
        # What is zero because the output is, as it is under weights of zero, tells of no target.
        nothing = not any(np.any(recorded[change]) for _, _, change, _ in step.parameters)
        return nothing and bool(np.any(recorded[pair.output]))
    sizes = np.abs(np.asarray(recorded[pair.output], dtype=float))
    if signal.kind in {"output left out", "target left out"} and sizes.size > 1 and not np.ptp(sizes):
        return False  # outputs that weights of zero have made all alike differ from their targets by a factor
    return followed_at(step, signal.matching) is not None


def followed_at(step: Step, matching: Matching) -> float | None:
    """The one factor by which a step moves its parameters along their adjoints; None where there is no such factor.

    Of what an optimizer has made of the gradients only the direction is known: then it is 1 or -1.
    """
    signs = {old: sign for _, old, _, sign in step.parameters}
    verdicts = [v for v in Verdicts(matching, step).all() if not v.proves_nothing]
    if not verdicts or not all(v.is_right for v in verdicts) or all(v.weak for v in verdicts):
        return None
    moved = [signs[v.parameter] * v.factor.number for v in verdicts if v.factor is not None and v.at_change]
    moved = moved or [float(np.sign(signs[v.parameter] * v.factor.number)) for v in verdicts if v.factor is not None]
    return moved[0] if max(moved) - min(moved) <= 10 * EXACT * abs(moved[0]) else None


def tells_nothing(step: Step, matching: Matching) -> bool:
    """Whether so few entries of a step are moved that they follow anything: of all inputs one is not zero."""
    verdicts = [v for v in Verdicts(matching, step).all() if not v.proves_nothing]
    return all(v.is_right and v.weak for v in verdicts)


def is_a_slip(replay: Replay, step: Step, signal: ErrorSignal, pair: Pair) -> bool:
    """Whether nobody would mean an error signal.

    A network without a hidden layer may learn from its outputs alone, or from its targets alone (Hebb's rule), and
    what counts only on one side of a margin is not always a difference either.
    """
    if signal.kind not in {"target left out", "output left out"}:
        return True
    if signal.kind == "target left out" and _is_residual(replay, step, pair):
        return False
    if not _is_compared(replay, step, pair) and _has_hidden_layers(replay, step):
        return True
    moved = followed_at(step, signal.matching)
    return signal.kind == "target left out" and (moved is None or moved < 0)


def _is_residual(replay: Replay, step: Step, pair: Pair) -> bool:
    """Whether what is taken for the output is a difference from something given: a prototype is pulled towards it."""
    number = replay.tape.values[pair.output].producer
    operation = replay.tape.operations[number] if number is not None else None
    if operation is None or operation.function not in DIFFERENCES:
        return False
    learned = replay.dependents(step.olds, step.last + 1) | step.olds
    return any(i not in learned and replay.tape.values[i].size > 1 for i in operation.inputs)


def _is_compared(replay: Replay, step: Step, pair: Pair) -> bool:
    """Whether a step compares what it makes of the target: then it is a margin."""
    made = replay.dependents([pair.given] if pair.given is not None else [], step.last + 1)
    return any(o.function in _COMPARISONS and made & set(o.inputs) for o in _operations(replay, step))


def _operations(replay: Replay, step: Step) -> list[Operation]:
    return replay.tape.operations[step.first : step.last + 1]


def _has_hidden_layers(replay: Replay, step: Step) -> bool:
    """Whether the change of one parameter goes through another."""
    return any(len(step.olds & (replay.ancestors([change]) - {old})) > 0 for _, old, change, _ in step.parameters)


__all__ = ["followed_at", "has_a_rate_twice", "is_a_slip", "missed_losses", "tells_nothing"]
