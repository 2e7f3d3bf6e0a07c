"""One more call of a forward and a backward pass, recorded where it stands, with what is known of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, Protocol

import numpy as np

from shapecheck.diagnose.known_loss import Known, Pair
from shapecheck.gradients.result import GradientReport
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.failure import Seen
from shapecheck.trace.joined import joined
from shapecheck.trace.live import CannotRecordError, LiveRecording
from shapecheck.trace.recorder import Limits
from shapecheck.trace.sites import SourceText
from shapecheck.trace.tape import Tape

_EVENTS = 60_000
_MEBIBYTES = 1024
# How long may be looked for what is wrong: as long as so many calls take, within bounds.
_RUNS = 60
_LEAST_SECONDS, _MOST_SECONDS = 4.0, 20.0

Arrays = Mapping[str, Any]
# Holds gradients against numeric ones: (gradients, parameters) -> report.
Compare = Callable[[Arrays, Arrays], GradientReport]


class Subject(Protocol):
    """What can be recorded, differentiated and tried again: a verified call, or the functions given to `gradcheck`."""

    @property
    def functions(self) -> Iterable[FunctionType]:
        """The user's functions that may run."""

    def run(self) -> Ran:
        """Run the forward pass and the loss, then the backward pass; what was changed stays changed."""

    def restore(self) -> None:
        """Put everything back."""

    def loss_with(self, name: str, value: Any) -> float:
        """The loss with one parameter at another value; everything is put back."""

    def loss_value(self) -> float:
        """The loss; everything is put back."""

    def gradients(self) -> Arrays:
        """The gradients of another run, each divided by what it may be multiplied with; everything is put back."""

    def check(self) -> bool:
        """Whether all gradients are right, here and at other parameters; everything is put back."""


@dataclass
class Ran:
    """What one run gave.

    Attributes:
        outputs: The loss and 1; or each output and the cotangent that it was given.
        parameters: By name, the object that the forward pass read and its contents.
        gradients: By name, the object that the backward pass gave.
        factor: What the gradients are multiplied with: -1, or what they are scaled by.
        rate: The learning rate, for parameters without a gradient: these were changed at once.
    """

    outputs: list[tuple[Any, Any]]
    parameters: dict[str, tuple[Any, Any]]
    gradients: dict[str, Any]
    factor: float = 1.0
    rate: float | None = None


@dataclass
class TracedCall:
    """A recorded call.

    Attributes:
        scopes: (file, function) -> name -> what it last held.
        known: The loss, the parameters and the gradients, as values of the tape.
        recording: Which functions were recorded.
        forward: How many operations the forward pass and the loss took.
        seconds: How long the call took.
    """

    tape: Tape
    sources: dict[str, SourceText]
    scopes: dict[tuple[str, str], dict[str, Seen]]
    known: Known
    recording: LiveRecording
    forward: int
    seconds: float


def record(subject: Subject) -> TracedCall:
    """Run a subject once more under the recorder; everything it changes is put back.

    Raises:
        CannotRecordError: Its source cannot be had, or its loss or gradients cannot be found among what was recorded.
    """
    limits = Limits(_MEBIBYTES)
    limits.window_events = _EVENTS
    recording = LiveRecording(subject.functions, limits)
    started = time.monotonic()
    try:
        with recording.running():
            ran = subject.run()
        seconds = time.monotonic() - started
        # What it gave is looked at before it is put back: gradients may have been left in arrays of the program's.
        tape, scopes = recording.finish()
        known = _known(tape, ran)
        forward = max((p for n in known.seeds if (p := tape.values[n].producer) is not None), default=0) + 1
        tape, instead = joined(tape, forward, [n for pair in known.pairs for n in (pair.parameter, pair.gradient)])
        patience = min(max(_LEAST_SECONDS, _RUNS * seconds), _MOST_SECONDS)
        known = replace(
            known, seconds=patience, seeds={instead.get(number, number): seed for number, seed in known.seeds.items()}
        )
    finally:
        subject.restore()
    return TracedCall(tape, recording.sources, scopes, known, recording, forward, seconds)


def _known(tape: Tape, ran: Ran) -> Known:
    seeds: dict[int, Any] = {}
    for output, cotangent in ran.outputs:
        number = _made(tape, output)
        if number is None:
            raise CannotRecordError("the loss was computed where nothing is recorded")
        seeds[number] = seeds.get(number, 0.0) + np.asarray(cotangent, dtype=float).reshape(tape.values[number].shape)
    pairs = []
    for name, given in ran.gradients.items():
        parameter, gradient = _read(tape, *ran.parameters[name]), _made(tape, given)
        if parameter is not None and gradient is not None:
            pairs.append(Pair(name, parameter, gradient))
    if not pairs and ran.rate is not None:
        pairs, ran.factor = _applied(tape, ran, ran.rate)
    pairs = [p for p in pairs if tape.values[p.gradient].shape == tape.values[p.parameter].shape]
    if not pairs:
        raise CannotRecordError("the gradients were computed where nothing is recorded")
    return Known(seeds, pairs, ran.factor)


def _applied(tape: Tape, ran: Ran, rate: float) -> tuple[list[Pair], float]:
    """The changes of the parameters, and what they are times the gradients; those that one sign is common to."""
    updates = {p.updates[0].old: p.updates for p in find_parameters(tape)}
    found: dict[int, list[Pair]] = {}
    for name, (thing, contents) in ran.parameters.items():
        parameter = _read(tape, thing, contents)
        steps = updates.get(parameter, []) if parameter is not None else []
        if parameter is not None and len(steps) == 1:
            found.setdefault(-steps[0].sign, []).append(Pair(name, parameter, steps[0].change))
    sign = max(found, key=lambda s: len(found[s]), default=1)
    return found.get(sign, []), sign * rate


def _made(tape: Tape, thing: Any) -> int | None:
    """The value that an object holds at the end; a number's object may have been unpacked from an array's."""
    value = tape.latest(id(thing))
    if value is not None:
        return value.number if _holds(value.array, thing) else None
    if np.shape(thing) != ():
        return None
    return _only(v.number for v in reversed(tape.values) if v.shape == () and _holds(v.array, thing))


def _read(tape: Tape, thing: Any, contents: Any) -> int | None:
    """The first value of a parameter's object, or the one leaf that holds the same."""
    for value in tape.values:
        if value.identity == id(thing) and _holds(value.array, contents):
            return value.number
    leaves = (v.number for v in tape.values if v.producer is None and v.version == 0 and _holds(v.array, contents))
    return _only(leaves)


def _only(numbers: Iterable[int]) -> int | None:
    found = list(numbers)
    return found[0] if len(found) == 1 else None


def _holds(array: Any, contents: Any) -> bool:
    if array is None or np.shape(array) != np.shape(contents):
        return False
    return bool(np.array_equal(np.asarray(array), np.asarray(contents)))
