"""Steps made entry by entry, or row by row, gathered into one step of the whole array.

`W[i][j] += rate * delta[j] * a[i]` in two loops moves an array fifteen times, and no single one of these steps is the
gradient of anything. All that a training step moves is put together in an array of noughts, which is what `W` is
changed by; a part of `W` that is read in between, and is not yet moved, is read from `W` as it was before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.gradients.entry_terms import EntryTerms
from shapecheck.gradients.functions import CannotReplayError, resolve
from shapecheck.gradients.replay import fill
from shapecheck.network.entry_steps import EntryStep, Places, SteppedByEntry, is_on, step_lines, stepped_by_entry
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.tape import PART, WHOLE, Operation, Ref, Tape, Value, refs

# The arrays that changes are put together in may hold so many entries, all of them together.
MOST_ENTRIES = 3_000_000
# So many training steps are gathered; nobody looks at later ones.
MOST_ROUNDS = 60
_IN_PLACE = frozenset(["setitem", "write_back", "+=", "-=", "*=", "/=", "numpy.add.at", "numpy.subtract.at"])


def gathered(tape: Tape) -> Tape:
    """The tape with every training step's steps of single entries as one; the same tape where there are none."""
    if "gathered" not in tape.memory:
        try:
            found = _gathered(tape)
        except (CannotReplayError, TypeError, ValueError, IndexError):
            found = tape  # an array was too large to be kept, or is changed in a way that cannot be repeated
        found.memory["gathered"] = tape.memory["gathered"] = found
    result: Tape = tape.memory["gathered"]
    return result


def _gathered(tape: Tape) -> Tape:
    places = Places(tape)
    arrays = stepped_by_entry(tape, places)
    rounds = _apart(tape, places, _rounds(tape, arrays)) if arrays else []
    if sum(tape.values[r.before].size * (len(r.steps) + 1) for r in rounds) > MOST_ENTRIES:
        return tape
    return Gathering(tape, places, rounds).run() if rounds else tape


@dataclass
class Round:
    """What one training step does to one array.

    Attributes:
        since: The operation that the training step begins with.
        whole: Whether every step moves the whole array.
        ended: Whether the last of the steps is there; else nothing is known of what they come to, and they go.
    """

    steps: list[EntryStep]
    since: int
    whole: bool = False
    ended: bool = True

    @property
    def before(self) -> int:
        """The array as the training step finds it."""
        return self.steps[0].old

    @property
    def after(self) -> int:
        """The array as the training step leaves it."""
        return self.steps[-1].new


def _rounds(tape: Tape, arrays: list[SteppedByEntry]) -> list[list[Round]]:
    """The steps of each array, by training step.

    A training step is over when all arrays were stepped, and one of them is read where it was read before: the forward
    pass has come round again. What the next entries are moved by may be made from the forward pass that there was, and
    from the entries themselves; that step is not over.
    """
    lines = step_lines(tape, arrays)
    owner = {version: number for number, array in enumerate(arrays) for version in array.versions}
    made = {s.last: (number, s) for number, array in enumerate(arrays) for s in array.steps}
    in_order, targets = sorted(made), {s.target for array in arrays for s in array.steps}
    last = [array.steps[-1].last for array in arrays]
    rounds: list[list[Round]] = []
    now: dict[int, list[EntryStep]] = defaultdict(list)
    read: set[tuple[int, int | None]] = set()
    since = -1
    for operation in tape.operations:
        if operation.number in made:
            number, step = made[operation.number]
            if now[number] and now[number][-1].new != step.old:
                return []  # something else has moved it in between
            now[number].append(step)
            continue
        if operation.function == "view" and operation.site is None and operation.inputs[0] in owner:
            # What was viewed before is looked at as it is now: `Q.T`, before it is read again.
            owner[operation.result] = owner[operation.inputs[0]]
            continue
        used = {owner[n] for n in operation.inputs if n in owner}
        written = operation.site is None and operation.result in targets  # else: `for row in W`
        if not used or is_on(tape, operation, lines) or written:
            continue
        places_read = {(number, operation.site) for number in used}
        waiting = any(number not in now for number in range(len(arrays)) if last[number] > operation.number)
        if not places_read.isdisjoint(read) and now and not waiting:
            following = bisect_right(in_order, operation.number)
            forward = range(since + 1, min(steps[0].operation.number for steps in now.values()))
            if following < len(in_order):
                _, step = made[in_order[following]]
                if _is_made_from(tape, step, forward, operation.number, owner.keys(), lines):
                    continue
            if len(rounds) == MOST_ROUNDS:
                return rounds
            rounds.append([Round(steps, since) for steps in now.values()])
            now, read, since = defaultdict(list), set(), operation.number
        read |= places_read
    return [*rounds, [Round(steps, since) for steps in now.values()]] if rounds else []


def _is_made_from(
    tape: Tape, step: EntryStep, forward: range, now: int, versions: Container[int], lines: set[tuple[str, int]]
) -> bool:
    """Whether a change was made from what was computed from the arrays in the operations of `forward`.

    What was computed between them and `now`, or is kept from one training step to the next, says nothing of that.
    """
    stepped = {u.new for p in find_parameters(tape, most_updates=MOST_ROUNDS) for u in p.updates}
    open_values = [step.change.value] if isinstance(step.change, Ref) else []
    seen: set[int] = set()
    while open_values:
        number = open_values.pop()
        producer = tape.values[number].producer
        if number in seen or producer is None or number in versions or number in stepped:
            continue
        seen.add(number)
        operation = tape.operations[producer]
        if producer in forward and any(n in versions for n in operation.inputs) and not is_on(tape, operation, lines):
            return True
        if (producer in forward or producer >= now) and _is_new_since(tape, operation, forward.start):
            open_values.extend(operation.inputs)
    return False


def _is_new_since(tape: Tape, operation: Operation, start: int) -> bool:
    """Whether an array that an operation changes in place was made after `start`; any other operation's result is."""
    while operation.function in _IN_PLACE and isinstance(operation.arguments[0], Ref):
        producer = tape.values[operation.arguments[0].value].producer
        if producer is None or producer < start:
            return False
        operation = tape.operations[producer]
    return True


def _apart(tape: Tape, places: Places, steps: list[list[Round]]) -> list[Round]:
    """The rounds of those training steps in which nothing is read that was moved while the array was still stepped.

    Where entries are read again between the steps, as in sweeps of one entry after the other, they are meant to be.
    """
    between = {s.new: (r, n + 1) for rounds in steps for r in rounds for n, s in enumerate(r.steps[:-1])}
    own = {o for rounds in steps for r in rounds for s in r.steps for o in (s.operation.number, s.last)}
    spoilt: set[int] = set()
    readers: dict[int, list[Operation]] = defaultdict(list)
    for operation in tape.operations:
        for number in operation.inputs:
            readers[number].append(operation)
    for operation in tape.operations:
        if operation.number in own:
            continue
        for number in operation.inputs:
            if number in between and not _reads_unmoved(places, readers, operation, *between[number]):
                spoilt.add(id(between[number][0]))
    return [r for rounds in steps if not any(id(r) in spoilt for r in rounds) for r in rounds]


def _reads_unmoved(
    places: Places, readers: dict[int, list[Operation]], operation: Operation, found: Round, count: int
) -> bool:
    """Whether what an operation takes from an array was not moved by the first steps of a round, or is stepped next.

    A row of which only such entries are taken, as in `W[i][j] = W[i][j] + ...`, counts by them.
    """
    version = found.steps[count - 1].new
    if places.base(operation.result) != version:
        return False
    if operation.result == found.steps[count].target:
        return True  # a view that the next step writes to
    moved = [places.within(s.target, s.index) for s in found.steps[:count]]
    if any(m is None for m in moved):
        return False
    open_views = [operation]
    while open_views:
        view = open_views.pop()
        held = places.entries(view.result)
        if held is not None and not any(np.isin(held, m).any() for m in moved if m is not None):
            continue
        parts = readers[view.result]
        if not parts or any(places.base(part.result) != version for part in parts):
            return False
        open_views += parts
    return True


class Gathering:
    """The tape in the making."""

    def __init__(self, tape: Tape, places: Places, rounds: list[Round]) -> None:
        self.tape = tape
        self.places = places
        self.values = [replace(v) for v in tape.values]
        self.operations: list[Operation] = []
        self.before: list[int] = []  # how many operations there are before each of the old tape's
        self.round_of = {s.operation.number: r for r in rounds for s in r.steps}
        self.step_at = {s.operation.number: s for r in rounds for s in r.steps}
        # What lies between the steps of a round is not there any more: it is read as it was before.
        self.instead = {s.new: r.before for r in rounds for s in r.steps[:-1]}
        self.dropped = self._dropped(rounds)

    def run(self) -> Tape:
        """The whole of it."""
        for operation in self.tape.operations:
            self.before.append(len(self.operations))
            if operation.number in self.step_at:
                self.take(operation)
            elif operation.number not in self.dropped:
                self.add(self.reading(operation))
        self.before.append(len(self.operations))
        gone = {self.tape.operations[n].result for n in self.dropped} - {o.result for o in self.operations}
        for number in gone:
            self.values[number].producer = None
        bindings = [replace(b, time=self.before[b.time]) for b in self.tape.bindings if b.value not in gone]
        accesses = [replace(a, time=self.before[a.time]) for a in self.tape.accesses if a.value not in gone]
        returns = [(self.before[time], site, values) for time, site, values in self.tape.returns]
        made = replace(self.tape, values=self.values, operations=self.operations, memory={})
        return replace(made, bindings=bindings, accesses=accesses, returns=returns)

    # -- what is left out ---------------------------------------------------------------------------------------

    def _dropped(self, rounds: list[Round]) -> set[int]:
        """The operations that nobody needs any more: those that step entries, and what is made for them alone."""
        steps = [s for r in rounds for s in r.steps]
        own = {s.operation.number for s in steps} | {s.back.number for s in steps if s.back is not None}
        used: dict[int, set[int]] = defaultdict(set)
        for operation in self.tape.operations:
            for number in operation.inputs:
                used[number].add(operation.number)
        totals = {s.total.result: s.total.number for s in steps if s.total is not None}
        own |= {number for result, number in totals.items() if used[result] <= own}
        needed = set(refs([(s.change, s.index) for s in steps]))
        needed |= {b.value for b in self.tape.bindings} - totals.keys()
        for operation in reversed(self.tape.operations):
            alone = bool(used[operation.result]) and used[operation.result] <= own
            if alone and operation.function in {"getitem", "view"} and operation.result not in needed:
                own.add(operation.number)
        return own

    # -- what takes its place -----------------------------------------------------------------------------------

    def reading(self, operation: Operation) -> Operation:
        """An operation that reads what was not yet moved reads it as it was before the round."""
        first = operation.arguments[0] if operation.arguments else None
        if not isinstance(first, Ref) or first.value not in self.instead:
            return operation
        arguments = (Ref(self.instead[first.value]), *operation.arguments[1:])
        return replace(operation, arguments=arguments, inputs=tuple(dict.fromkeys(refs(arguments))))

    def take(self, operation: Operation) -> None:
        """With the last step of a round, move the array by all that was to be added to it."""
        step, found = self.step_at[operation.number], self.round_of[operation.number]
        if step is not found.steps[-1] or not found.ended:
            return
        one_way = len({s.sign for s in found.steps}) == 1
        signs = [1 if one_way else s.sign for s in found.steps]
        changes = [s.change for s in found.steps]
        whole = self.terms(found).lifted(changes) if one_way and not found.whole else None
        change = whole.value if isinstance(whole, Ref) else self.assembled(found, changes, signs)
        down = one_way and step.sign < 0
        at = step.total.site if step.total is not None else operation.site
        arguments, inputs = (Ref(found.before), Ref(change)), (found.before, change)
        label = WHOLE if found.whole else ""
        self.add(Operation(0, at, "-=" if down else "+=", arguments, {}, inputs, found.after, label))

    def terms(self, found: Round) -> EntryTerms:
        """What the changes of a round are made of."""
        return EntryTerms(
            self.tape,
            self.places,
            found.steps,
            found.since,
            lambda function, arguments: self.computed(function, arguments, None),
            lambda changes: self.assembled(found, changes, [1] * len(changes)),
        )

    def assembled(self, found: Round, changes: list[Any], signs: list[int]) -> int:
        """An array of noughts with the steps' changes added where they belong."""
        so_far = self.made("leaf", (), np.zeros(self.tape.values[found.before].shape), None, "zeros")
        for step, change, sign in zip(found.steps, changes, signs, strict=True):
            shown = found.whole or step is not found.steps[-1]
            so_far = self.added(step, change, sign, so_far, step.operation.site if shown else None)
        return so_far

    def added(self, step: EntryStep, change: Any, sign: int, so_far: int, site: int | None) -> int:
        """An array with a step's change added, or taken away, where the step has it."""
        if step.back is not None:
            _, _, offset, shape, strides = step.back.arguments
            target = self.computed("view", (Ref(so_far), offset, shape, strides), None)
            made = self.changed(step, change, sign, target, site)
            return self.computed("write_back", (Ref(so_far), Ref(made), offset, shape, strides), None)
        return self.changed(step, change, sign, so_far, site)

    def changed(self, step: EntryStep, change: Any, sign: int, target: int, site: int | None) -> int:
        """The array that a step writes to, or its view, after it."""
        if step.operation.function.endswith(".at"):
            name = "numpy.add.at" if sign > 0 else "numpy.subtract.at"
            return self.computed(name, (Ref(target), step.index, change), site)
        arguments = (Ref(target), change) if step.index is None else (Ref(target), change, step.index)
        of_whole = step.index is None and step.back is None
        return self.computed("+=" if sign > 0 else "-=", arguments, site, PART if of_whole else "")

    def computed(self, function: str, arguments: tuple[Any, ...], site: int | None, label: str = "") -> int:
        """The result of an operation that is not on the old tape."""
        filled = fill(arguments, self)
        if function in {"view", "write_back"}:
            filled = (*filled, np.dtype("float64"))
        return self.made(function, arguments, np.array(resolve(function)(*filled)), site, label)

    def __getitem__(self, value: int) -> Any:
        """The array of a value, old or new."""
        return self.values[value].array

    def made(self, function: str, arguments: tuple[Any, ...], array: Any, site: int | None, label: str = "") -> int:
        """A new value, and the operation that makes it."""
        found = len(self.values)
        self.values.append(Value(found, array, array.shape, str(array.dtype), None, -1 - found))
        inputs = tuple(dict.fromkeys(refs(arguments)))
        self.add(Operation(0, site, function, arguments, {}, inputs, found, label))
        return found

    def add(self, operation: Operation) -> None:
        """The next operation."""
        number = len(self.operations)
        self.operations.append(replace(operation, number=number))
        self.values[operation.result].producer = number


__all__ = ["MOST_ENTRIES", "MOST_ROUNDS", "Gathering", "Round", "gathered"]
