"""A loss that a program computes only now and then, or of other samples, computed for the other training steps as well.

Many programs print their loss every hundred steps, or that of a set kept for the end, and most losses are in no
catalogue (a triplet's, a mixture's, a clipped one). What the loss is made from in one step has its counterpart in
another: the same operations on the parameters as they are then, and the samples of that step, taken by the same
expressions. What is missing there is added to the tape, as if the program had computed the loss every time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shapecheck.gradients.hypotheses import SELECTIONS
from shapecheck.gradients.inserted import LONGEST, MOST_LOSSES, Counterpart, Inserted
from shapecheck.gradients.losses import sounds_like
from shapecheck.gradients.losses_of_later_passes import losses_of_later_passes
from shapecheck.network.dependence import ancestors
from shapecheck.network.parameters import Parameter, find_parameters
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref, Tape

# So many training steps are looked at.
_MOST_STEPS = 3
# So many numbers that may be losses are looked into.
_MOST_NUMBERS = 500
# How many training steps after those that are looked at a loss may still be computed.
_FARTHEST = 4
# A whole number in these is no size of a batch: `code**4` is not `code**3`.
_EXACT = frozenset({"**", "numpy.power"}) | PRODUCTS
_ARITHMETIC = SUMS | PRODUCTS | QUOTIENTS | {"unary-", "numpy.negative", "**"}
_IN_PLACE = frozenset(["setitem", "write_back", "+=", "-=", "*=", "/=", "leaf"])


@dataclass
class _Step:
    """A training step.

    Attributes:
        olds: The parameters as it finds them, by their births.
        first: The last operation before it, and `last` its first update.
        used: What its changes are made from; `data` the arrays among that which depend on no parameter.
        learned: What depends on the parameters; `after` also that of which the step itself is not made.
    """

    number: int
    olds: dict[int, int]  # birth of a parameter -> its version
    first: int
    last: int
    used: set[int]
    learned: set[int] = field(default_factory=set)
    after: set[int] = field(default_factory=set)
    data: set[int] = field(default_factory=set)


def with_losses(tape: Tape) -> Tape:
    """The tape with the loss of one training step computed in those that have none; the same tape otherwise."""
    if "with losses" not in tape.memory:
        found = Inserted(tape)
        for step, losses in _missing(tape):
            found.insert(step.last, losses)
        for update, loss in losses_of_later_passes(tape):
            found.insert(update, [loss])
        whole = found.tape_with_them() if found.added else tape
        whole.memory["with losses"] = tape.memory["with losses"] = whole
    result: Tape = tape.memory["with losses"]
    return result


def _missing(tape: Tape) -> Iterator[tuple[_Step, list[Counterpart]]]:
    """The steps of which the program computes no loss, each with the counterparts that losses of others have in it."""
    parameters = find_parameters(tape)
    if not parameters:
        return
    steps = _steps(tape, parameters)
    versions = {v: p.birth for p in parameters for u in p.updates for v in (u.old, u.new)}
    losses = _losses(tape, versions, steps)
    own = {
        value: [step.number for step in steps if _is_of(tape, made_from, step)] for value, made_from in losses.items()
    }
    told = {value for value in losses if sounds_like(_site(tape, value))}
    known = {number for value in told for number in own[value]}
    # The loss of another step is likelier to be meant than one of samples that nothing is learned from.
    first: dict[int, int] = {}
    for value in sorted(losses, key=lambda v: (v not in told, not own[v], v)):
        first.setdefault(_site(tape, value).number, value)
    has = {(_site(tape, value).number, number) for value in losses for number in own[value]}
    for step in steps:
        if step.number not in known:
            new = [v for site, v in first.items() if (site, step.number) not in has][:MOST_LOSSES]
            found = (_Alignment(tape, versions, step, value, losses[value]).found() for value in new)
            yield step, [loss for loss in found if loss is not None]


def _site(tape: Tape, value: int) -> Site:
    site = tape.site_of(value)
    assert site is not None  # of losses alone, which are made by expressions
    return site


def _steps(tape: Tape, parameters: list[Parameter]) -> list[_Step]:
    found: list[_Step] = []
    for number in range(_MOST_STEPS):
        updated = [(p, p.updates[number]) for p in parameters if len(p.updates) > number]
        if len(updated) < len(parameters):
            break
        olds = {p.birth: u.old for p, u in updated}
        used = ancestors(tape, [u.change for _, u in updated], until=frozenset(olds.values()))
        operations = [u.operation for _, u in updated]
        found.append(_Step(number, olds, found[-1].last if found else -1, min(operations), used))
    for step in found:
        olds_now = set(step.olds.values())
        step.learned = _dependents(tape, olds_now, step.last)
        step.after = _dependents(tape, olds_now, step.last + _FARTHEST * (step.last - step.first))
        step.data = _samples(tape, step.used, step.learned, olds_now)
    return found


def _dependents(tape: Tape, values: set[int], until: int) -> set[int]:
    reached = set(values)
    for operation in tape.operations[:until]:
        if operation.function != "leaf" and not reached.isdisjoint(operation.inputs):
            reached.add(operation.result)
    return reached


def _losses(tape: Tape, versions: dict[int, int], steps: list[_Step]) -> dict[int, set[int]]:
    """Numbers that depend on all parameters, and what each is made from; none of which another such number is made.

    Args:
        tape: The tape.
        versions: The versions of the parameters, each with the birth of its parameter.
        steps: The training steps; what comes long after them is not looked at.
    """
    births = sorted(set(versions.values()))
    masks = {v: 1 << births.index(birth) for v, birth in versions.items()}
    whole = (1 << len(births)) - 1
    until = frozenset(versions)
    end = steps[-1].last + _FARTHEST * (steps[-1].last - steps[-1].first) if steps else 0
    candidates: set[int] = set()
    for operation in tape.operations[:end]:
        value = tape.values[operation.result]
        if operation.function == "leaf" or value.number in until:
            continue
        mask = 0
        for number in operation.inputs:
            mask |= masks.get(number, 0)
        masks[value.number] = mask
        if mask != whole or value.size != 1 or not value.dtype.startswith("float"):
            continue
        if operation.site is not None and operation.function not in SELECTIONS | _IN_PLACE:
            candidates.add(value.number)
    # Of a sum that is added up sample by sample only the last value is a loss.
    inner: set[int] = set()
    for operation in reversed(tape.operations[:end]):
        if operation.result in candidates or (operation.result in inner and operation.result not in until):
            inner.update(operation.inputs)
    last = sorted(candidates - inner)[:_MOST_NUMBERS]
    return {value: ancestors(tape, [value], until=until) for value in last}


def _is_of(tape: Tape, made_from: set[int], step: _Step) -> bool:
    """Whether a loss is that of a step, of the same parameters and of samples that its changes are made from."""
    olds = set(step.olds.values())
    return olds <= made_from and not _samples(tape, made_from, step.after, olds).isdisjoint(step.data)


def _samples(tape: Tape, values: set[int], learned: set[int], olds: set[int]) -> set[int]:
    """The arrays that meet, within some values, what depends on the parameters."""
    made = (tape.values[v].producer for v in values & learned - olds)
    inputs = (n for number in made if number is not None for n in tape.operations[number].inputs)
    return {n for n in inputs if n not in learned and tape.values[n].size > 1}


class _Alignment:
    """Puts what a loss is made from beside what a step computes."""

    def __init__(self, tape: Tape, versions: dict[int, int], step: _Step, value: int, made_from: set[int]) -> None:
        self.tape = tape
        self.step = step
        self.value = value
        self.made_from = made_from
        self.image = {v: step.olds[versions[v]] for v in made_from if v in versions}
        self.learned = _dependents(tape, set(self.image), (tape.values[value].producer or 0) + 1) & self.made_from
        self.taken: set[int] = set()
        self.added: dict[int, Operation] = {}
        self.readers: dict[int, list[Operation]] = defaultdict(list)
        for operation in tape.operations[step.first + 1 : step.last]:
            for number in operation.inputs:
                self.readers[number].append(operation)

    def found(self) -> Counterpart | None:
        """The loss as it is to be computed in the step; None where its operands have no counterparts there."""
        made = (self.tape.values[v].producer for v in self.learned if v not in self.image)
        operations = [self.tape.operations[n] for n in sorted(n for n in made if n is not None)]
        if len(operations) > LONGEST or any(o.function in _IN_PLACE for o in operations):
            return None
        for operation in operations:
            there = self.counterpart(operation)
            if there is not None:
                self.image[operation.result] = there
            elif all(n in self.learned or self.is_known(n) for n in operation.inputs):
                self.added[operation.number] = operation
            else:
                return None
        data = {self.image[n] for n in self.image if n not in self.learned}
        if self.value in self.image or self.step.data.isdisjoint(data):
            return None
        self.image.update({n: n for n in self.image if self.is_spoilt(n)})
        made = (self.tape.values[v].producer for v in self.image.values())
        return Counterpart(self.image, list(self.added.values()), max((n for n in made if n is not None), default=-1))

    def is_spoilt(self, number: int) -> bool:
        """Whether a step reads samples as they are, and what it made from them where the loss reads them again.

        Into a denoising network goes a spoilt copy, and its outputs are held against what was spoilt; a loss that is
        printed without noise has the samples in both places. Where the step runs them through its network, they are
        replaced by the copy; where only the loss reads them they are themselves.
        """
        other = self.image[number]
        if other == number or number in self.learned or number not in self.step.data:
            return False
        alike = self.tape.values[number].shape == self.tape.values[other].shape
        return alike and number in ancestors(self.tape, [other])

    def counterpart(self, operation: Operation) -> int | None:
        """The value that the step makes in the same way."""
        if all(number not in self.image for number in operation.inputs):
            return None
        known = next(self.image[n] for n in operation.inputs if n in self.image)
        # What the changes are made from comes first: there may be the forward passes of other samples as well.
        for other in sorted(self.readers[known], key=lambda o: o.result not in self.step.used):
            if other.result in self.taken | self.made_from or other.result not in self.step.learned:
                continue
            pairs = self.paired(operation, other)
            if pairs is not None:
                self.image.update(pairs)
                self.taken.add(other.result)
                return other.result
        return None

    def paired(self, operation: Operation, other: Operation) -> dict[int, int] | None:
        """The operands of one operation beside those of another of its kind; None where they do not go together."""
        if (operation.function, len(operation.arguments)) != (other.function, len(other.arguments)):
            return None
        if repr(operation.keywords) != repr(other.keywords):
            return None
        found: dict[int, int] = {}
        for own, its in zip(operation.arguments, other.arguments, strict=True):
            if not isinstance(own, Ref) or not isinstance(its, Ref):
                if isinstance(own, Ref) or isinstance(its, Ref):
                    return None
                if not _are_alike(own, its, sizes=operation.function not in _EXACT):
                    return None
                continue
            if own.value in self.image:
                if self.image[own.value] != its.value:
                    return None
                continue
            ranks = {len(self.tape.values[v].shape) for v in (own.value, its.value)}
            if own.value in self.learned or its.value in self.step.learned or len(ranks) > 1:
                return None
            if self.are_apart(own.value, its.value):
                return None
            found[own.value] = its.value
        return found

    def are_apart(self, own: int, its: int) -> bool:
        """Whether two arrays are made from the same samples in two ways, and neither from the other.

        A loss weighs its terms by `-weights`, its derivative by `sign * weights`: they meet the same values, and one
        is not what the other is in another step.
        """
        values = self.tape.values
        first, second = values[own].producer, values[its].producer
        if own == its or first is None or second is None or values[own].shape != values[its].shape:
            return False
        made = [self.tape.operations[n] for n in (first, second)]
        ways = {(o.function, len(o.arguments)) for o in made}
        if len(ways) == 1 or not all(o.function in _ARITHMETIC for o in made):
            return False
        above = [ancestors(self.tape, [v]) for v in (own, its)]
        return own not in above[1] and its not in above[0] and any(values[v].size > 1 for v in above[0] & above[1])

    def is_known(self, number: int) -> bool:
        """Whether a value that no parameter enters has a counterpart, or can be computed from those of its operands.

        It is the same where the step uses it, or what the same expression gives in the step.
        """
        value = self.tape.values[number]
        made = self.tape.operations[value.producer] if value.producer is not None else None
        if number in self.image or (made is not None and made.number in self.added):
            return True
        if number in self.step.used or value.size == 1:
            self.image[number] = number
            return True
        if made is None or made.site is None:
            return False
        here = [o.result for o in self.tape.made_at(made.site) if self.step.first < o.number < self.step.last]
        here = [v for v in here if v not in self.made_from]
        if here:
            # Where a step takes several batches in one place, the first is the counterpart of the first.
            known = set(self.image.values())
            self.image[number] = min(here, key=lambda v: (v in known, v not in self.step.used))
            return True
        if made.function in _IN_PLACE or not made.inputs or not all(self.is_known(n) for n in made.inputs):
            return False
        self.added[made.number] = made
        return True


def _are_alike(own: Any, its: Any, *, sizes: bool) -> bool:
    """Whether two constants are the same; what may be the sizes of batches may differ."""
    if sizes and isinstance(own, int) and isinstance(its, int):
        return own == its or min(own, its) > 1
    return own is its or repr(own) == repr(its)


__all__ = ["with_losses"]
