"""dLoss/dv for every value v of a tape, by reverse mode along the recorded operations, checked by replay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from shapecheck.gradients.functions import COUNTING_BYTES
from shapecheck.gradients.kinks import Convention
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.rules import LocalDerivative, NoRuleError, is_differentiable
from shapecheck.gradients.slopes import Slope, directional_derivative, seeds_of, size_of
from shapecheck.trace.tape import Operation

# A parameter whose adjoint the rules get wrong is differentiated entry by entry up to this many entries.
LARGEST_REPLACED = 256


class Belief(Enum):
    """What the numeric check of an adjoint came to."""

    CONFIRMED = "confirmed"
    CONFIRMED_NEARBY = "confirmed nearby"  # at a kink here; the rules are right a small step away
    REPLACED = "replaced"  # the rules were wrong; the adjoint is numeric
    UNCHECKED = "unchecked"  # not a number beside this point (a square root at zero): no difference can tell
    DOUBTFUL = "doubtful"


@dataclass(slots=True)
class Adjoints:
    """The adjoints of one loss.

    Attributes:
        replay: The tape, at the point where they were taken.
        seeds: Value number -> its cotangent: 1 for the loss.
        of: Value number -> dLoss/dv, of v's shape.
        closure: The values that the loss was computed from; one that is not in `of` has the adjoint zero.
        doubtful: Values whose adjoint misses a contribution that no rule or replay can give.
        beliefs: What the numeric check said, for the values that were checked.
        alternatives: At ties: the adjoints under the other conventions. Each is as right as `of`.
        numeric: Operations without a rule, differentiated numerically.
        moving: What depends on the values that the adjoints were wanted for; None where they were wanted for all.
    """

    replay: Replay
    seeds: dict[int, Any]
    of: dict[int, Any] = field(default_factory=dict)
    closure: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)
    beliefs: dict[int, Belief] = field(default_factory=dict)
    alternatives: list[dict[int, Any]] = field(default_factory=list)
    tied: set[int] = field(default_factory=set)
    numeric: set[int] = field(default_factory=set)
    moving: set[int] | None = None

    def __getitem__(self, value: int) -> Any:
        """The adjoint of a value; zeros if the loss does not depend on it."""
        if value in self.of:
            return self.of[value]
        return np.zeros(np.shape(self.replay.recorded[value]))

    def __contains__(self, value: int) -> bool:
        return value in self.of

    def variants(self, value: int) -> list[Any]:
        """Every adjoint of a value that is right: several at a tie."""
        return [self[value], *(a[value] for a in self.alternatives if value in a)]


def adjoints(
    replay: Replay,
    loss: int | Mapping[int, Any],
    wanted: Iterable[int] | None = None,
    *,
    check: Iterable[int] | None = None,
    seed: int = 0,
    held: Collection[int] = (),
    ties: bool = True,
) -> Adjoints:
    """The adjoint of every value that the loss was computed from.

    Args:
        replay: The tape. Its recorded values are the point at which the derivatives are taken.
        loss: Number of the loss; or value number -> cotangent, where there is no loss on the tape.
        wanted: Leave out what does not lie between these values and the loss, or meets what does.
        check: Values whose adjoint is held against a numeric slope before it is believed; by default the float arrays
            that no operation made.
        seed: Of the random directions of that check.
        held: Values that are taken as they are, whatever they were computed from.
        ties: Whether the other adjoints that are right at a tie are wanted, too: each takes another sweep.

    Returns:
        The adjoints, and what is to be thought of them.

    Raises:
        ValueError: `loss` is one value and not a scalar.

    Source:
        Griewank & Walther, Evaluating Derivatives, 2nd ed., section 3.2 (the reverse sweep).
    """
    result = Adjoints(replay, seeds_of(loss, replay))
    result.closure = replay.ancestors(result.seeds)
    active = {v for v in result.closure if is_differentiable(replay.recorded[v])}
    if wanted is not None:
        last = max((p for v in result.seeds if (p := replay.tape.values[v].producer) is not None), default=-1)
        result.moving = between = replay.dependents(wanted, last + 1) & result.closure
        made = [p for v in between if (p := replay.tape.values[v].producer) is not None]
        active &= between.union(*(replay.tape.operations[number].inputs for number in made))
    active.difference_update(held)
    operations = _operations(replay, active)
    local = LocalDerivative("split")
    result.of = sweep(replay, result.seeds, operations, active, local, result.doubtful)
    _lost_links(replay, result)
    result.tied, result.numeric = local.tied, local.numeric
    conventions: tuple[Convention, ...] = ("first", "last") if local.tied and ties else ()
    for convention in conventions:
        other = LocalDerivative(convention)
        result.alternatives.append(sweep(replay, result.seeds, operations, active, other, set()))
    _confirm(result, _to_check(replay, result) if check is None else check, operations, active, seed)
    return result


def _operations(replay: Replay, active: set[int]) -> list[Operation]:
    numbers = sorted({p for v in active if (p := replay.tape.values[v].producer) is not None}, reverse=True)
    return [replay.tape.operations[number] for number in numbers]


def sweep(
    replay: Replay,
    seeds: Mapping[int, Any],
    operations: Iterable[Operation],
    active: set[int],
    local: LocalDerivative,
    doubtful: set[int],
) -> dict[int, Any]:
    """One reverse sweep over `operations`, which come last first; adds to `doubtful` what misses a contribution."""
    values = replay.tape.values
    of: dict[int, Any] = {number: np.array(seed) for number, seed in seeds.items() if number in active}
    for operation in operations:
        adjoint = of.get(operation.result)
        if adjoint is None or operation.function == "leaf":
            continue
        dtype = np.dtype(values[operation.inputs[0]].dtype) if operation.function in COUNTING_BYTES else None
        try:
            if replay.step(operation) is None:
                raise NoRuleError(operation.function)
            parts = local.contributions(operation, replay.originals, adjoint, active, dtype)
        except NoRuleError:
            doubtful.update(replay.ancestors(operation.inputs))
            continue
        for number, part in parts:
            present = of.get(number)
            of[number] = part if present is None else present + part
    return of


def _lost_links(replay: Replay, result: Adjoints) -> None:
    """What a change that the tape cannot follow depended on has an unknown share in the loss."""
    tape = replay.tape
    for number in replay.lost(result.closure):
        value = tape.values[number]
        if value.producer is not None:
            result.doubtful.update(replay.ancestors(tape.operations[value.producer].inputs))
            continue
        earlier = [v.number for v in tape.values[:number] if v.identity == value.identity]
        result.doubtful.update(replay.ancestors(earlier[-1:]))


# -- the numeric check ----------------------------------------------------------------------------------------------


def _is_leaf(replay: Replay, number: int) -> bool:
    producer = replay.tape.values[number].producer
    return producer is None or replay.tape.operations[producer].function == "leaf"


def _is_unwritten(replay: Replay, number: int) -> bool:
    """Whether a value is memory that nobody has written to yet (`np.empty`): its contents are chance."""
    producer = replay.tape.values[number].producer
    return producer is not None and replay.tape.operations[producer].label in {"empty", "empty_like"}


def _to_check(replay: Replay, result: Adjoints, most: int = 24) -> list[int]:
    """The float arrays that no operation made, the largest first; then scalars; then some in between."""
    leaves = [n for n in result.of if _is_leaf(replay, n) and not _is_unwritten(replay, n)]
    leaves.sort(key=lambda n: -np.size(replay.recorded[n]))
    between = [n for n in result.of if n not in set(leaves)]
    return leaves[:most] + between[:: max(1, len(between) // 8)]


def _direction(adjoint: Any, rng: np.random.Generator) -> Any:
    """Half along the adjoint, so that nothing cancels, half random, so that nothing is overlooked."""
    random = rng.normal(size=np.shape(adjoint))
    along = np.where(np.isfinite(adjoint), adjoint, 0.0)
    norm = float(np.linalg.norm(along))
    return random / (np.linalg.norm(random) or 1.0) + (along / norm if norm else 0.0)


def _predicted(adjoint: Any, direction: Any) -> float:
    return float(np.sum(np.asarray(adjoint) * direction))


def _confirm(result: Adjoints, check: Iterable[int], operations: list[Operation], active: set[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    nearby: tuple[Replay, dict[int, Any]] | None = None
    for number in dict.fromkeys(check):
        if number not in active:
            continue
        direction = _direction(result[number], rng)
        slope = _slope(result.replay, result.seeds, number, direction)
        if slope is not None and slope.allows(_predicted(result[number], direction)):
            result.beliefs[number] = Belief.CONFIRMED
            continue
        if nearby is None:
            nearby = _nearby(result, operations, active, rng)
        slope = _slope(nearby[0], result.seeds, number, direction)
        elsewhere = nearby[1].get(number, np.zeros(np.shape(direction)))
        if slope is not None and slope.allows(_predicted(elsewhere, direction)):
            result.beliefs[number] = Belief.CONFIRMED_NEARBY
        elif slope is None or not np.isfinite([slope.central, slope.error]).all():
            result.beliefs[number] = Belief.UNCHECKED
        elif np.size(direction) <= LARGEST_REPLACED and number not in result.doubtful:
            result.of[number] = numeric_adjoint(result.replay, result.seeds, number)
            result.beliefs[number] = Belief.REPLACED
        else:
            result.beliefs[number] = Belief.DOUBTFUL
            result.doubtful.add(number)


def _slope(replay: Replay, seeds: Mapping[int, Any], number: int, direction: Any) -> Slope | None:
    try:
        return directional_derivative(replay, seeds, {number: direction})
    except (ReplayError, ValueError, TypeError):
        return None


def _nearby(
    result: Adjoints, operations: list[Operation], active: set[int], rng: np.random.Generator
) -> tuple[Replay, dict[int, Any]]:
    """The run and its adjoints a small random step away, where no two entries are equal by chance."""
    replay = result.replay
    changes = {}
    for number in active:
        if _is_leaf(replay, number) and isinstance(replay.recorded[number], np.ndarray):
            array = replay.recorded[number]
            changes[number] = array + 0.01 * size_of(array) * rng.normal(size=array.shape)
    last = max((o.number for o in operations), default=0) + 1
    try:
        moved = replay.moved(changes, last)
    except ReplayError:
        return replay, result.of
    return moved, sweep(moved, result.seeds, operations, active, LocalDerivative("split"), set())


def numeric_adjoint(replay: Replay, loss: int | Mapping[int, Any], value: int) -> Any:
    """The adjoint of one value by differences alone, an entry at a time.

    Args:
        replay: The tape.
        loss: As for `adjoints`.
        value: Number of the value; the forward part after it is evaluated about five times per entry.
    """
    shape = np.shape(replay.recorded[value])
    gradient = np.zeros(shape)
    for index in np.ndindex(shape):
        one = np.zeros(shape)
        one[index] = 1.0
        gradient[index] = directional_derivative(replay, loss, {value: one}).central
    return gradient


__all__ = ["Adjoints", "Belief", "adjoints", "numeric_adjoint", "sweep"]
