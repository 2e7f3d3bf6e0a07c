"""Which loss a backward pass differentiates: one that the program computes, or one of the catalogue, inferred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapecheck.gradients.adjoints import Adjoints, adjoints
from shapecheck.gradients.frozen import free_entries
from shapecheck.gradients.matching import Matching, Standing
from shapecheck.gradients.replay import Replay
from shapecheck.network.parameters import Parameter
from shapecheck.trace.tape import Operation, Ref

# So many scalars of a program, and so many differences of output and target, are tried as its loss.
_MOST_RECORDED = 10
_MOST_INFERRED = 6
_MOST_SUPPOSED, _MOST_OUTPUTS, _MOST_GIVEN = 18, 6, 2
_TELLING = ("loss", "cost", "err", "mse", "objective", "entropy", "nll", "energy")


@dataclass(frozen=True, slots=True)
class Step:
    """One training step: what each parameter was, and what was applied to it.

    Attributes:
        parameters: (parameter, its value at the start, the change, the sign of the change) of those it updates.
        first: The first operation that can belong to it, and `last` the last.
    """

    number: int
    parameters: tuple[tuple[Parameter, int, int, int], ...]
    first: int
    last: int

    @property
    def olds(self) -> set[int]:
        """The parameters' values that the step starts from."""
        return {old for _, old, _, _ in self.parameters}

    def movement(self, replay: Replay, old: int) -> Any:
        """The parameter after the step minus the parameter before it; None where the shapes differ."""
        after = {o: p.updates[self.number].new for p, o, _, _ in self.parameters}
        before, now = np.asarray(replay.recorded[old]), np.asarray(replay.recorded[after[old]])
        return now - before if before.shape == now.shape else None


@dataclass(slots=True)
class Loss:
    """A scalar that the backward pass may be the derivative of.

    Attributes:
        seeds: Value number -> cotangent; for a loss on the tape its own number and 1.
        formula: For one that is inferred, what it is.
        value: Its number, for one on the tape.
        score: How much of the backward pass agrees with its adjoints.
        right: The parameters' values whose gradients do.
        credible: Whether anything speaks for it: a gradient agrees, or it is called a loss and shares the forward pass
            that the gradients come from.
    """

    seeds: dict[int, Any]
    formula: str
    value: int | None
    score: float = 0.0
    right: set[int] = field(default_factory=set)
    credible: bool = False
    adjoints: Adjoints | None = None
    matching: Matching | None = None

    @property
    def inferred(self) -> bool:
        """Whether the program never computes it."""
        return self.value is None


def steps(replay: Replay, parameters: Sequence[Parameter], most: int = 3) -> list[Step]:
    """The training steps on a tape, from the parameters' updates; networks that share nothing have steps of their own.

    Args:
        replay: The tape.
        parameters: What the program updates.
        most: So many updates of each parameter are looked at.
    """
    found = []
    for group in _networks(replay, parameters):
        first = 0
        for number in range(most):
            updated = [(p, p.updates[number]) for p in group if len(p.updates) > number]
            if not updated:
                break
            last = max(u.operation for _, u in updated)
            found.append(Step(number, tuple((p, u.old, u.change, u.sign) for p, u in updated), first, last))
            first = min(u.operation for _, u in updated)
    return sorted(found, key=lambda s: s.last)


def _networks(replay: Replay, parameters: Sequence[Parameter]) -> list[list[Parameter]]:
    """The parameters, together where the change of one depends on another.

    Networks that take turns are apart: the second one's forward pass sees the first as it is after its update, and
    nothing of it as it was before.
    """
    olds = {p.updates[0].old: i for i, p in enumerate(parameters)}
    news = {p.updates[0].new: i for i, p in enumerate(parameters)}
    label = list(range(len(parameters)))
    seen = [_ancestors_up_to(replay, p.updates[0].change, set(news)) for p in parameters]
    before = [{olds[v] for v in values & set(olds)} for values in seen]
    after = [{news[v] for v in values & set(news)} for values in seen]
    for i in range(len(parameters)):
        for j in before[i]:
            if j in after[i] - before[i] or i in after[j] - before[j]:
                continue
            left, right = label[i], label[j]
            label = [left if one == right else one for one in label]
    return [[p for p, one in zip(parameters, label, strict=True) if one == group] for group in dict.fromkeys(label)]


def _ancestors_up_to(replay: Replay, value: int, stop: set[int]) -> set[int]:
    """What a value was computed from; what is in `stop` is not followed further."""
    found: set[int] = set()
    open_values = [value]
    while open_values:
        number = open_values.pop()
        if number in found:
            continue
        found.add(number)
        producer = replay.tape.values[number].producer
        if producer is not None and number not in stop and replay.tape.operations[producer].function != "leaf":
            open_values.extend(replay.tape.operations[producer].inputs)
    return found


def find_losses(replay: Replay, step: Step) -> list[Loss]:
    """The losses that a step may be descending, the one that most of its backward pass agrees with first.

    Args:
        replay: The tape, in double precision.
        step: The step whose backward pass is looked at.

    Returns:
        Losses with their adjoints and matchings; empty where the program has nothing that could be one.
    """
    # Several finders ask of the same step.
    key = ("losses", step.number, step.first, step.last, tuple(sorted(step.olds)))
    if key not in replay.memory:
        replay.memory[key] = _find_losses(replay, step)
    return list(replay.memory[key])


def _find_losses(replay: Replay, step: Step) -> list[Loss]:
    candidates = _recorded(replay, step) + _inferred(replay, step)
    chain = _chain(replay, step)
    for loss in candidates:
        loss.adjoints = adjoints(replay, loss.seeds, step.olds, check=())
        loss.matching = Matching(loss.adjoints)
        loss.score, loss.right = _agreement(loss.matching, step, chain)
    candidates = [c for c in candidates if c.adjoints is not None and any(np.any(c.adjoints[o]) for o in step.olds)]
    for loss in candidates:
        loss.credible = _is_credible(replay, loss, step)

    def preference(loss: Loss) -> tuple[int, ...]:
        exceeds = _exceeds(replay, step, loss, candidates)
        return -exceeds, -round(loss.score), loss.inferred, -_telling(replay, loss), -_closure_size(loss)

    return sorted(candidates, key=preference)


def _exceeds(replay: Replay, step: Step, loss: Loss, others: Iterable[Loss]) -> int:
    """How many changes are this loss's gradients, of the program's own, to the last term, and no inferred loss's.

    Another loss can be followed by what these changes were made from, when a penalty is added that it does not have.
    """
    if loss.inferred:
        return 0
    own = _followed(replay, step, loss)
    return min((len(own - _followed(replay, step, other)) for other in others if other.inferred), default=0)


def _followed(replay: Replay, step: Step, loss: Loss) -> set[int]:
    """The parameters whose changes themselves are multiples of their adjoints."""
    assert loss.matching is not None
    found = {old: loss.matching.against(replay.recorded[change], old) for _, old, change, _ in step.parameters}
    return {old for old, match in found.items() if match is not None and not match.weak}


def _is_credible(replay: Replay, loss: Loss, step: Step) -> bool:
    """Whether the backward pass agrees with a loss somewhere, or shares the forward pass of what is called a loss."""
    if loss.right:
        return True
    if loss.inferred or loss.adjoints is None or not _telling(replay, loss):
        return False
    forward = loss.adjoints.closure & replay.dependents(step.olds, step.last + 1)
    forward -= step.olds | set(loss.seeds)
    return bool(forward & replay.ancestors([change for _, _, change, _ in step.parameters]))


def _closure_size(loss: Loss) -> int:
    return len(loss.adjoints.closure) if loss.adjoints is not None else 0


def sounds_like_a_loss(replay: Replay, loss: Loss) -> bool:
    """Whether what a value is called, or is computed in, says that it is a loss."""
    return _telling(replay, loss) > 0


def _telling(replay: Replay, loss: Loss) -> int:
    """How much a value's names sound like a loss."""
    site = replay.tape.site_of(loss.value) if loss.value is not None else None
    if site is None:
        return 0
    words = f"{site.function} {site.bound_to or ''}".lower()
    return sum(word in words for word in _TELLING)


# -- losses on the tape ---------------------------------------------------------------------------------------------


def _recorded(replay: Replay, step: Step) -> list[Loss]:
    """Scalars that were computed from the parameters as this step found them, and that no update depends on."""
    tape = replay.tape
    olds = step.olds
    news = {p.updates[step.number].new for p, _, _, _ in step.parameters}
    used = replay.ancestors([change for p, _, _, _ in step.parameters for change in [u.change for u in p.updates]])
    reach = _reach(replay, olds)
    stale = _reach(replay, news)
    found = []
    for operation in tape.operations[: step.last + 4 * (step.last - step.first) + 400]:
        value = operation.result
        kept = tape.values[value]
        if kept.size != 1 or not kept.dtype.startswith("float") or operation.site is None or value in used:
            continue
        if value in stale or len(reach.get(value, ())) < max(1, len(olds) - 1):
            continue
        found.append(value)
    # Of a chain `np.sum`, `-`, `/ m`, `float` only the last one is the loss.
    inner = {i for v in found for i in tape.operations[tape.values[v].producer or 0].inputs}
    outer = [v for v in found if v not in inner or _is_flat(replay, v, found)]
    # One for each expression: of a loop the last, which has the sum.
    last = {tape.operations[tape.values[v].producer or 0].site: v for v in outer}
    return [Loss({v: np.ones(np.shape(replay.recorded[v]))}, "", v) for v in list(last.values())[:_MOST_RECORDED]]


def _is_flat(replay: Replay, value: int, others: Iterable[int]) -> bool:
    """Whether all that is computed from a scalar among `others` is its rounding, which has no slope."""
    users = [replay.tape.operations[replay.tape.values[v].producer or 0] for v in others]
    users = [u for u in users if value in u.inputs]
    return bool(users) and all(u.function in {"builtins.round", "numpy.round", ".round"} for u in users)


def _reach(replay: Replay, origins: set[int]) -> dict[int, frozenset[int]]:
    """For each value that depends on any of `origins`, on which."""
    found: dict[int, frozenset[int]] = {o: frozenset([o]) for o in origins}
    for operation in replay.tape.operations:
        if operation.function == "leaf":
            continue
        sets = [found[i] for i in operation.inputs if i in found]
        if sets:
            found[operation.result] = sets[0].union(*sets[1:]) | found.get(operation.result, frozenset())
    return found


# -- losses that are only differentiated ----------------------------------------------------------------------------


def _inferred(replay: Replay, step: Step) -> list[Loss]:
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
    reach = _reach(replay, step.olds)
    needed = replay.ancestors([change for _, _, change, _ in step.parameters])
    made = [o.result for o in tape.operations[step.first : step.last + 1]]
    whole = [v for v in made if len(reach.get(v, ())) == len(step.olds) and tape.values[v].size > 1]
    # It may be the output itself that was left out of the difference.
    whole = [v for v in whole if v in needed] or whole
    if not whole:
        return
    # The first that depends on all, and what is made of it: among them the output; then comes the backward pass.
    # What an output was made from could be one as well, and the output its wrong delta: so the last goes first.
    shape = np.shape(replay.recorded[whole[0]])
    latest = {tape.values[v].identity: v for v in whole if np.shape(replay.recorded[v]) == shape}
    for output in reversed(sorted(latest.values())[:_MOST_OUTPUTS]):
        for given in _given(replay, step, shape, replay.ancestors([output]) | set(reach)):
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


# -- agreement ------------------------------------------------------------------------------------------------------


def _chain(replay: Replay, step: Step) -> list[int]:
    """The values of the step that its changes were computed from."""
    needed = replay.ancestors([change for _, _, change, _ in step.parameters])
    operations = replay.tape.operations[step.first : step.last + 1]
    made = [o.result for o in operations if o.result in needed and o.function != "leaf"]
    return made[-3000:]


def _agreement(matching: Matching, step: Step, chain: Sequence[int]) -> tuple[float, set[int]]:
    """How many different adjoints the backward pass holds; a parameter's own counts most."""
    standings = matching.standings(chain)
    adjoint_of: set[int] = set()
    weak: set[int] = set()
    for value in chain:
        if standings[value] is Standing.VERIFIED and (match := matching.match(value)) is not None:
            (weak if match.weak else adjoint_of).update((match.forward, *match.alike))
    for _, old, _, _ in step.parameters:
        if old not in adjoint_of and _moves_along(matching, step, old):
            adjoint_of.add(old)
    right = step.olds & adjoint_of
    barely = step.olds & weak
    return 3.0 * len(right) + 1.5 * len(barely - right) + 0.2 * min(len(adjoint_of), 15), right | barely


def _moves_along(matching: Matching, step: Step, old: int) -> bool:
    """Whether all that a step does to a parameter, decay included, is a multiple of its adjoint."""
    moved = step.movement(matching.replay, old)
    if moved is None:
        return False
    found = matching.matches_of(moved)
    if found:
        return not found[0].weak and old in {found[0].forward, *found[0].alike}
    change = next(change for _, value, change, _ in step.parameters if value == old)
    free = free_entries(matching.replay.tape, old, change)
    held = matching.against(moved, old, free) if free is not None else None
    return held is not None and not held.weak


__all__ = ["Loss", "Step", "find_losses", "sounds_like_a_loss", "steps", "supposed_losses"]
