"""The course of a training run: its parameters, first steps and losses, worked out once for all finders."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.diagnose.wrong_gradient import judged
from shapecheck.gradients.followed import Agreement
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Step, steps
from shapecheck.network.layers import Layers
from shapecheck.network.parameters import Parameter, find_parameters
from shapecheck.network.strays import find_strays
from shapecheck.network.uses import value_names
from shapecheck.trace.child import Trace
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref, Tape, refs

if TYPE_CHECKING:
    from shapecheck.diagnose.targets import Target
    from shapecheck.diagnose.unapplied import Unapplied
    from shapecheck.diagnose.unfed import Unfed

# So many updates of each parameter are looked at.
_MOST_UPDATES = 4
# So many losses are tried where none is credible.
_MOST_POSSIBLE = 3
# What multiplies a gradient by a number, or hands it on.
_CARRYING = frozenset(
    "unary- unary+ .copy .astype .reshape .ravel .T numpy.array numpy.asarray numpy.copy numpy.negative getitem "
    "numpy.clip .clip numpy.where numpy.float64".split()
)
_MEETINGS = frozenset(["-", "-=", "numpy.subtract", "*", "numpy.multiply", "/", "numpy.divide"])


class Course:
    """What several finders need of one run; each part is worked out when it is first asked for.

    Attributes:
        trace: The run.
        tape: Its window.
        unmoved: Of a finding of arrays that are never moved, by the names that it gives: each array, and the other half
            of its layer where that is moved.
        unapplied: Of a finding of gradients that nobody applies, by the names that it gives: what they are.
        stepped: The same, of a finding of steps that are made of a number alone.
        unfed: The same, of a finding of steps that are made of zeros.
        aimed: Of a finding that says what expressions should have given, by the names: those expressions.
        meant: The loss that they should have followed, where it is no other; by the same names.
        settled: The names of findings that stand beside gradients which are all right: what is found has to end.
        unproven: Title and names of findings that the source alone speaks for: they are told with a verified repair.
    """

    def __init__(self, trace: Trace, layers: Layers | None = None, *, verdict: Agreement | None = None) -> None:
        self.trace = trace
        self.tape: Tape = trace.head
        self._layers = layers
        self._known_verdict = verdict
        self._verdicts: dict[int, Verdicts | None] = {}
        self.unmoved: dict[tuple[str, ...], list[tuple[int, int | None]]] = {}
        self.unapplied: dict[tuple[str, ...], list[Unapplied]] = {}
        self.stepped: dict[tuple[str, ...], list[Unapplied]] = {}
        self.aimed: dict[tuple[str, ...], tuple[Target, ...]] = {}
        self.meant: dict[tuple[str, ...], str] = {}
        self.settled: set[tuple[str, ...]] = set()
        self.unproven: set[tuple[str, tuple[str, ...]]] = set()
        self.unfed: dict[tuple[str, ...], list[Unfed]] = {}

    @cached_property
    def layers(self) -> Layers:
        """The network's layers."""
        if self._layers is not None and self._layers.tape is self.tape:
            return self._layers
        return Layers(self.tape, self.trace.sources.values())

    @cached_property
    def verdict(self) -> Agreement:
        """Whether the updates follow the gradient of a loss."""
        return self._known_verdict if self._known_verdict is not None else judged(self.trace)

    @cached_property
    def parameters(self) -> list[Parameter]:
        """What the program updates."""
        return find_parameters(self.tape, most_updates=_MOST_UPDATES)

    @cached_property
    def strays(self) -> list[Parameter]:
        """What is stepped beside them, by something else than its gradient."""
        return find_strays(self.tape, most_updates=_MOST_UPDATES)

    @cached_property
    def replay(self) -> Replay:
        """The tape in double precision."""
        return Replay(self.tape).in_double()

    @cached_property
    def steps(self) -> list[Step]:
        """The first training steps: two, and one more where the first begins with nothing but zeros."""
        found = steps(self.replay, self.parameters, 2)
        begins = [self.tape.values[old].array for old in found[0].olds] if found else []
        blank = bool(begins) and not any(array is None or np.any(array) for array in begins)
        return steps(self.replay, self.parameters, 3) if blank else found

    @cached_property
    def versions(self) -> set[int]:
        """Every value that a parameter has had."""
        return {number for p in self.parameters for u in p.updates for number in (u.old, u.new)}

    @cached_property
    def learned(self) -> frozenset[int]:
        """Every value that depends on any of them, these included."""
        return frozenset(self.replay.dependents(self.versions))

    @cached_property
    def names(self) -> dict[int, str]:
        """The user's names for values."""
        return value_names(self.tape)

    @cached_property
    def all_versions(self) -> frozenset[int]:
        """The same for all the updates on the tape, also those that nobody looks at."""
        every = find_parameters(self.tape, most_updates=len(self.tape.operations))
        return frozenset(number for p in every for u in p.updates for number in (u.old, u.new))

    @cached_property
    def users(self) -> dict[int, list[Operation]]:
        """For each value, the operations that read it."""
        found: dict[int, list[Operation]] = {}
        for operation in self.tape.operations:
            for number in operation.inputs:
                found.setdefault(number, []).append(operation)
        return found

    @cached_property
    def stored(self) -> set[int]:
        """The values that were put into an attribute, an item or a container, or that a function handed to a name."""
        kept = {b.value for b in self.tape.bindings if b.owner is not None}
        kept |= {a.value for a in self.tape.accesses}
        made = {o.result: o.site for o in self.tape.operations}
        # `q = w - g` names its own result; what another statement names was handed on by a call.
        kept |= {b.value for b in self.tape.bindings if not self._names_itself(b.site, made.get(b.value))}
        return kept

    @cached_property
    def appliers(self) -> set[int]:
        """The objects of which an attribute is a gradient that is applied to a parameter."""
        used = {v for p in self.parameters for u in p.updates for v in self.applied(u.change)}
        return {b.owner for b in self.tape.bindings if b.value in used and b.owner is not None and "." in b.name}

    def _names_itself(self, binding: int, made: int | None) -> bool:
        if made is None:
            return False
        outer, inner = self.tape.sites[binding], self.tape.sites[made]
        return outer.path == inner.path and outer.line <= inner.line <= outer.end_line

    def verdicts(self, step: Step) -> Verdicts | None:
        """The gradients of a step held against the loss that they agree with best; None where there is none."""
        key = self.steps.index(step)
        if key not in self._verdicts:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                losses = find_losses(self.replay, step)
            known = losses[0] if losses and losses[0].credible else None
            self._verdicts[key] = Verdicts(known.matching, step) if known is not None and known.matching else None
        return self._verdicts[key]

    def possible(self, step: Step) -> list[Verdicts]:
        """The gradients of a step held against losses that nothing speaks for yet."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            losses = find_losses(self.replay, step)[:_MOST_POSSIBLE]
        return [Verdicts(loss.matching, step) for loss in losses if loss.matching is not None]

    # -- dataflow -----------------------------------------------------------------------------------------------

    def producer(self, value: int) -> Operation | None:
        """The operation that made a value; None for a leaf."""
        number = self.tape.values[value].producer
        if number is None or self.tape.operations[number].function == "leaf":
            return None
        return self.tape.operations[number]

    def applied(self, change: int) -> list[int]:
        """The gradients, sums and velocities that a change is made from by scaling and adding, itself included."""
        found: list[int] = []
        open_values = [change]
        while open_values and len(found) < 400:
            value = open_values.pop()
            if value in found or value in self.versions:
                continue
            found.append(value)
            operation = self.producer(value)
            if operation is not None:
                open_values.extend(self.scaled(operation))
        return found

    def scaled(self, operation: Operation) -> Iterator[int]:
        """The operands that enter a result up to a factor."""
        places = [a.value for a in operation.arguments[:2] if isinstance(a, Ref)]
        if operation.function in _CARRYING:
            yield from places[:1] if operation.function != "numpy.where" else ()
        elif operation.function in SUMS:
            yield from places
        elif operation.function in PRODUCTS:
            arrays = [p for p in places if self.tape.values[p].size > 1]
            yield from arrays if len(arrays) == 1 else places if not arrays else ()
        elif operation.function in QUOTIENTS and operation.arguments and isinstance(operation.arguments[0], Ref):
            yield operation.arguments[0].value

    # -- places -------------------------------------------------------------------------------------------------

    def site(self, number: int | None) -> Site | None:
        """A site in one of the user's files."""
        if number is None:
            return None
        site = self.tape.sites[number]
        return site if site.path in self.trace.sources else None

    def site_of(self, value: int) -> Site | None:
        """The site that made a value; for one that no expression made, where it was first given a name."""
        producer = self.tape.values[value].producer
        made = self.site(self.tape.operations[producer].site) if producer is not None else None
        if made is not None:
            return made
        return next((self.site(b.site) for b in self.tape.bindings if b.value == value), None)

    def layer(self, value: int) -> int | None:
        """The layer that a parameter's value belongs to."""
        return self.layers.layer_of.get(self.layers.root[value])


def meetings(course: Course, most: int = 40) -> list[tuple[Operation, int, list[int]]]:
    """(operation, output, targets) wherever something learned meets something given on the way to an update."""
    found: list[tuple[Operation, int, list[int]]] = []
    values = course.tape.values
    # A velocity, or a running mean, was learned in an earlier step: it is no target.
    ever = course.learned
    for step in course.steps:
        needed = course.replay.ancestors([change for _, _, change, _ in step.parameters])
        learned = course.replay.dependents(step.olds, step.last + 1)
        for operation in course.tape.operations[step.first : step.last + 1]:
            if operation.function not in _MEETINGS or operation.result not in needed or len(found) >= most:
                continue
            places = [a.value for a in operation.arguments[:2] if isinstance(a, Ref)]
            chosen = [n for n in refs(operation.arguments[2:]) if n not in ever]  # `p[rows, labels] -= 1`
            if chosen and places and places[0] in learned:
                found.append((operation, places[0], chosen))
            elif len(places) == 2 and (places[0] in learned) != (places[1] in learned):
                output, target = places if places[0] in learned else places[::-1]
                if target not in ever and (values[target].size > 1 or values[output].size == 1):
                    found.append((operation, output, [target]))
    return found


def quoted(names: list[str], most: int = 4) -> str:
    """Names in backticks: "`W1`, `b1` and 3 others"."""
    names = list(dict.fromkeys(names))
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown} and {len(names) - most} others" if len(names) > most else shown


def shown(text: str, most: int = 60) -> str:
    """Source text on one line, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."
