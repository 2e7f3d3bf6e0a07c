"""Gradients that are computed again and again, from the same numbers, and applied to nothing.

It says so only of what nobody reads and nobody prints: a gradient that is looked at has its use.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from shapecheck.diagnose.belonging import is_weight
from shapecheck.diagnose.course import Course, quoted
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.handed_over import is_handed_over
from shapecheck.diagnose.idle import idle_results
from shapecheck.diagnose.standing import is_given, is_read_again, uncarried
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.steps import Loss, Step
from shapecheck.network.dependence import CARRIERS
from shapecheck.network.parameters import Parameter, Update
from shapecheck.network.uses import value_names
from shapecheck.trace.operations import MATRIX_PRODUCTS
from shapecheck.trace.sites import Site, SourceText
from shapecheck.trace.tape import Operation, Ref, Shape, Tape

NOTHING_MOVES = "nothing is ever updated"
_IN_PLACE = frozenset(["setitem", "numpy.add.at", "numpy.subtract.at", "-=", "+="])
_SUMS = frozenset(["+", "numpy.add"])
# Few numbers may follow a gradient by accident.
_TELLING = 5
# So often at least has a gradient to be computed before that is training: not a test, or a few sizes compared.
_TURNS = 8
_CLOCKS = frozenset(
    "perf_counter perf_counter_ns process_time process_time_ns monotonic monotonic_ns time time_ns timeit".split()
)
# More unread results than these are not held against the gradients of arrays that nothing moves.
_MOST_UNREAD = 400
_MOST_WEIGHTS = 200
_MOST_LOSSES = 4


@dataclass(frozen=True, slots=True)
class Unapplied:
    """An array whose gradient is applied to nothing.

    Attributes:
        array: The array, or the part of it that the gradient is of.
        gradient: The gradient in one turn of the loop.
        factor: What the gradient is a multiple of the loss's by; below 0 for what is to be added.
        name: The user's name for the array.
    """

    array: int
    gradient: int
    factor: float
    name: str

    def is_part(self, tape: Tape) -> bool:
        """Whether the gradient is that of a part of the array, as of the row of a table."""
        producer = tape.values[self.array].producer
        return producer is not None and tape.operations[producer].function == "getitem"


def nothing_moves(course: Course) -> list[Finding]:
    """Gradients that are computed again and again, from the same numbers, and applied to nothing."""
    if course.parameters:
        return []
    turns = Turns(course, _standing(course))
    for turned_round in (False, True):
        step = turns.imagined(turned_round)
        if step is None or turns.last <= 0:
            return []
        for loss in find_losses(course.replay, step)[:_MOST_LOSSES]:
            pairs = turns.computed(loss)
            # By what the network is given, the gradient is made on the way, and may well be thrown away.
            pairs = [pair for pair in pairs if turns.is_learned(pair[0])] or pairs
            if any(_is_telling(course.tape.values[turns.whole[weight]].size, loss, by) for weight, _, by in pairs):
                used = any(is_shown(course, o.result) or _is_left_alone(course, o.result) for _, o, _ in pairs)
                used = used or (_reads_a_clock(course) and not _is_looked_at(course, loss))
                return [] if used or turns.are_trials(loss) else [_finding(course, pairs, turns)]
    return []


def _is_telling(size: int, loss: Loss, factor: float) -> bool:
    """Whether a gradient of so many numbers is none by accident; of few it is that of a loss of the program's own."""
    return size >= _TELLING or (size > 1 and not loss.inferred and bool(np.isclose(abs(factor), 1.0, rtol=1e-6)))


# An array, the operation that makes its gradient, and what that is a multiple of the loss's by.
Found = tuple[int, Operation, float]


def _standing(course: Course) -> dict[int, int]:
    values = course.tape.values
    found = [v for v in course.users if values[v].shape and is_read_again(course, v) and is_given(course, v)]
    return {w: uncarried(course, v) for v in found[:_MOST_WEIGHTS] for w in (v, uncarried(course, v))}


class Turns:
    """What a loop does again and again without any effect.

    Args:
        course: Of the run.
        whole: Arrays that no gradient moves -> what they are views of, or earlier versions.

    Attributes:
        whole: These, and parts and views of them.
        unread: Results that come to nothing, of expressions that are evaluated again and again.
        first: The last operation before most of what could be a gradient has been made.
        last: The last before it has been made anew.
    """

    def __init__(self, course: Course, whole: dict[int, int]) -> None:
        self.course = course
        self.values = course.tape.values
        self.whole = dict(whole)
        for operation in course.tape.operations:
            if operation.function in CARRIERS and operation.inputs and operation.inputs[0] in self.whole:
                self.whole.setdefault(operation.result, self.whole[operation.inputs[0]])
        self.unread = self._unread()
        self.first, self.last = self._evaluations()

    def _unread(self) -> list[int]:
        """Of the shape of something that stands still, and computed with it."""
        course = self.course
        often: dict[int | None, int] = {}
        for operation in course.tape.operations:
            often[operation.site] = often.get(operation.site, 0) + 1
        shapes = {self.values[w].shape for w in self.whole}
        reached = course.replay.dependents(set(self.whole))
        results = (o for o in course.tape.operations if o.function != "leaf" and often[o.site] >= _TURNS)
        idle = idle_results(course)
        unread = (o.result for o in results if o.result in idle and o.result in reached)
        numbers = (v for v in unread if self.values[v].size > 1 and self.values[v].dtype.startswith("float"))
        return [v for v in numbers if self.values[v].shape in shapes and v not in self.whole][:_MOST_UNREAD]

    def _evaluations(self) -> tuple[int, int]:
        # One expression may make the gradients of several layers, in one turn.
        names = self.course.names
        times: dict[tuple[int | None, Shape, str | None], list[int]] = {}
        for value in self.unread:
            operation = self.course.producer(value)
            if operation is not None:
                key = (operation.site, self.values[value].shape, names.get(value))
                times.setdefault(key, []).append(operation.number)
        # What is left over now and then, as where something was clipped, says nothing of the turns.
        again = sorted((found[1], found[0]) for found in times.values() if len(found) > 1)
        second, first = again[len(again) // 2] if again else (0, 0)
        return first - 1, second - 1

    def imagined(self, turned_round: bool) -> Step | None:
        """The first turn as the step that it would be if what nobody reads were applied.

        Args:
            turned_round: Of several arrays of one shape, begin with the last.
        """
        parameters = []
        free = [v for v in self.unread if (self.values[v].producer or 0) <= self.last]
        read_later = {i for o in self.course.tape.operations[self.last + 1 :] for i in o.inputs}
        needed = {whole for value, whole in self.whole.items() if value in read_later}
        weights = [value for value, whole in self.whole.items() if whole in needed]
        for weight in reversed(weights) if turned_round else weights:
            change = next((v for v in free if self.values[v].shape == self.values[weight].shape), None)
            if change is not None:
                free.remove(change)
                whole = self.whole[weight]
                parameters.append(
                    (Parameter("", whole, [Update(self.last, whole, change, change, -1)]), whole, change, -1)
                )
        # The gradient of a row is no gradient of the table; where others are there, they show which loss is followed.
        even = [p for p in parameters if self.values[p[1]].shape == self.values[p[2]].shape]
        parameters = even or parameters
        last = max((self.values[change].producer or 0 for _, _, change, _ in parameters), default=0)
        return Step(0, tuple(parameters), 0, last) if parameters else None

    def computed(self, loss: Loss) -> list[Found]:
        """The arrays whose gradients are among the results that nobody reads, with the operation that makes them."""
        found = []
        left = set(self.whole)
        for value in self.unread:
            match = loss.matching.match(value) if loss.matching is not None else None
            operation = self.course.producer(value)
            if match is None or match.weak or match.transposed or match.reshaped or operation is None:
                continue
            for forward in left & {match.forward, *match.alike}:
                if self.course.site(operation.site) is not None:
                    found.append((forward, operation, match.factor.number))
                    left.discard(forward)
                    break
        found = [pair for pair in found if not self._is_fed_to([weight for weight, _, _ in found], pair[0])]
        return [*found, *self._read_besides(loss, found)] if found else []

    def _is_fed_to(self, weights: list[int], value: int) -> bool:
        """Whether something is what a network is given, of which another is a weight: samples stay as they are."""
        if self.is_learned(value):
            return False
        met = [o for o in self.course.users.get(value, ()) if o.function in MATRIX_PRODUCTS]
        return any(w in o.inputs and w != value and self.is_learned(w) for o in met for w in weights)

    def _read_besides(self, loss: Loss, found: list[Found]) -> Iterator[Found]:
        """What else is there to learn; a delta that is the gradient of a bias is read for other gradients, too."""
        known, replay = {self.whole[weight] for weight, _, _ in found}, self.course.replay
        needed = replay.ancestors([operation.result for _, operation, _ in found])
        rest = [v for v, whole in self.whole.items() if v == whole and v in needed - known and self.is_learned(v)]
        matching = Matching(adjoints(replay, loss.seeds, rest, check=())) if rest else None
        end = max(operation.number for _, operation, _ in found)
        turn = self.course.tape.operations[max(0, end - 2 * (self.last - self.first)) : end + 1]
        made = [o for o in reversed(turn) if o.function != "leaf" and o.site is not None]
        for weight in rest:
            for operation in made:
                shape = self.values[operation.result].shape
                if matching is None or shape != self.values[weight].shape or operation.result in self.whole:
                    continue
                factor = matching.against(replay.recorded[operation.result], weight)
                # Any number is a multiple of any other; it has to be the same as for the others.
                same = factor is not None and any(np.isclose(factor.factor.number, f) for _, _, f in found)
                if factor is not None and (same or not factor.weak):
                    yield weight, operation, factor.factor.number
                    break

    def are_trials(self, loss: Loss) -> bool:
        """Whether what the loss depends on is changed from turn to turn by something given, as where slopes are tried.

        A step is computed from the network.
        """
        tape, closure = self.course.tape, loss.adjoints.closure if loss.adjoints is not None else set()
        reached = self.course.replay.dependents(set(self.whole))
        for operation in self.later_changes():
            change = operation.arguments[1 if operation.function in {"-=", "+="} else -1]
            given = not isinstance(change, Ref) or change.value not in reached
            if given and closure.intersection(operation.inputs[:1]) and tape.values[operation.result].size > 1:
                return True
        return False

    def later_changes(self) -> Iterator[Operation]:
        """What is changed in place in later turns, and was there before."""
        tape = self.course.tape
        for operation in tape.operations[self.last + 1 :]:
            changed = operation
            while changed.function in _IN_PLACE and changed.inputs:
                producer = tape.values[changed.inputs[0]].producer
                if producer is None or producer <= self.first:
                    yield operation
                    break
                changed = tape.operations[producer]

    def is_learned(self, value: int) -> bool:
        """Whether something belongs to the network, and not to the samples."""
        if self.course.layers.layout == "single-sample":
            return True
        parts = [part for part, whole in self.whole.items() if whole == self.whole[value]]
        return any(is_weight(self.course, part) or self._is_added_to_a_product(part) for part in parts)

    def _is_added_to_a_product(self, value: int) -> bool:
        for operation in self.course.users.get(value, ()):
            made = [self.course.producer(other) for other in operation.inputs if other != value]
            if operation.function in _SUMS and any(m is not None and m.function in MATRIX_PRODUCTS for m in made):
                return True
        return False


def _finding(course: Course, pairs: list[Found], turns: Turns) -> Finding:
    tape, pairs = course.tape, _in_use(course, sorted(pairs, key=lambda pair: pair[0]), turns)
    names = {a.value: tape.sites[a.site].text for a in tape.accesses} | value_names(tape)
    wholes = [uncarried(course, weight) if names.get(weight) is None else weight for weight, _, _ in pairs]
    known = tuple(dict.fromkeys(names.get(weight, "an array") for weight in wholes))
    sites = [site for _, operation, _ in pairs if (site := last_reading(course, operation)) is not None]
    site = sites[0]
    made = course.site(pairs[0][1].site)
    course.unapplied[known] = [
        Unapplied(weight, operation.result, factor, names.get(whole, ""))
        for (weight, operation, factor), whole in zip(pairs, wholes, strict=True)
    ]
    others = any(turns.later_changes())
    stays = "stay as they were made" if others else "the network stays as it was made"
    return Finding(
        code="SC406",
        severity="error",
        title=f"{quoted(list(known))} {'is' if len(known) == 1 else 'are'} never updated" if others else NOTHING_MOVES,
        message=f"the gradients of {quoted(list(known))} are computed again and again, and no step applies them: "
        + stays,
        location=span_of(site),
        cause=span_of(site),
        parameters=known,
        trail=(TrailStep(span_of(made), "one of them is computed here"),)
        if made is not None and made is not site
        else (),
    )


def _in_use(course: Course, pairs: list[Found], turns: Turns) -> list[Found]:
    """The arrays without those of which others are in use: `np.matrix(zeros)`, and not the zeros."""
    values = course.tape.values
    whole = {turns.whole[w]: w for w, _, _ in pairs if values[w].size == values[turns.whole[w]].size}
    return [pair for pair in pairs if whole.get(turns.whole[pair[0]], pair[0]) == pair[0]]


def last_reading(course: Course, operation: Operation) -> Site | None:
    """Where a gradient was given its last name before it was made anew; else where it is made."""
    bound = [b for b in course.tape.bindings if b.value == operation.result]
    bound = [b for b in bound if b.owner is None or b.name.isidentifier()]
    return (course.site(bound[-1].site) if bound else None) or course.site(operation.site)


# -- what is looked at ----------------------------------------------------------------------------------------------


def is_shown(course: Course, value: int) -> bool:
    """Whether something that holds a gradient by name is printed."""
    return any(name in _printed(course.trace.sources[site.path], site.line) for site, name in _named(course, value))


def is_dropped(course: Course, value: int) -> bool:
    """Whether a function hands back a gradient among others and its caller does not take it: `loss, _ = f(w)`."""
    returned = [(time, course.site(site)) for time, site, held in course.tape.returns if value in held]
    if not returned:
        return False
    time, site = returned[-1]
    names = {b.name for b in course.tape.bindings if b.value == value and b.time >= time}
    among_others = site is not None and isinstance(site.node, ast.Tuple)
    return names == {"_"} or (not names and among_others)


def _reads_a_clock(course: Course) -> bool:
    """Whether the program measures how long something takes, as it does with gradients that are for nobody."""
    nodes = (node for source in course.trace.sources.values() for node in source.nodes())
    called = (node.func for node in nodes if isinstance(node, ast.Call))
    return any((getattr(f, "attr", None) or getattr(f, "id", None)) in _CLOCKS for f in called)


def _is_looked_at(course: Course, loss: Loss) -> bool:
    """Whether a loss that the program computes is printed, as who trains does."""
    return not loss.inferred and loss.value is not None and is_shown(course, loss.value)


def _is_left_alone(course: Course, value: int) -> bool:
    return is_dropped(course, value) and not is_handed_over(course, value)


def _named(course: Course, value: int) -> Iterator[tuple[Site, str]]:
    """The plain names of a value, or of the container that it is put into or returned in, each with a place."""
    made = [course.site(s) for _, s, held in course.tape.returns if value in held]
    named = [(site, site.bound_to or "") for site in (*made, course.site_of(value)) if site is not None]
    bound = [(course.site(b.site), b.name) for b in course.tape.bindings if b.value == value]
    named += [(site, name) for site, name in bound if site is not None]
    for site, name in named:
        for part in name.split(","):
            root = part.strip(" ()*").partition("[")[0].partition(".")[0]
            if root.isidentifier() and root != "self":
                yield site, root


@lru_cache(maxsize=256)
def _printed(source: SourceText, line: int) -> frozenset[str]:
    """The names in calls of `print` in the function that a line stands in."""
    functions = [n for n in source.nodes() if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    around = [f for f in functions if f.lineno <= line <= (f.end_lineno or f.lineno)]
    calls = (n for n in (ast.walk(around[-1]) if around else source.nodes()) if isinstance(n, ast.Call))
    prints = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
    return frozenset(n.id for call in prints for n in ast.walk(call) if isinstance(n, ast.Name))


__all__ = ["NOTHING_MOVES", "Found", "Turns", "Unapplied", "is_dropped", "is_shown", "last_reading", "nothing_moves"]
