"""Error signals that no loss asks for: an output or a target by itself, their sum, a difference without its sign.

A backward pass begins with `output - target`: the derivative of half a square by the output, and of a cross-entropy by
the scores under its sigmoid or softmax (Bishop 2006, section 5.2). Where the two arrays are put together otherwise,
every gradient of the network follows what was put together, and that is no accident.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.inferred import Pair
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Loss, Step

# What stands for the difference, from the output and the target; `of` says which of the two it needs.
_SIGNALS: dict[str, Callable[[Any, Any], Any]] = {
    "target left out": lambda output, _: output,
    "output left out": lambda _, target: -target,
    "sum": lambda output, target: output + target,
    "square": lambda output, target: (output - target) ** 2,
    "size": lambda output, target: np.abs(output - target),
}


def _sigmoid_slope(array: Any) -> Any:
    return array * (1 - array)


def _tanh_slope(array: Any) -> Any:
    return 1 - array**2


def _sloped(wrong: Callable[[Any], Any], right: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """The difference as it goes through a wrong slope of the output's activation; zeros where that cannot be it."""

    def signal(output: Any, target: Any) -> Any:
        slope = right(output)
        return (output - target) * wrong(output) / slope if np.all(slope > 0) else np.zeros_like(output)

    return signal


# The same, where the output's activation has another slope. More than one number shows by its direction that it is no
# derivative: then what is wrong is found without a guess.
SLOPES: dict[str, Callable[[Any, Any], Any]] = {
    "sigmoid of a sigmoid": _sloped(lambda output: _sigmoid_slope(1 / (1 + np.exp(-output))), _sigmoid_slope),
    "tanh of a tanh": _sloped(lambda output: _tanh_slope(np.tanh(output)), _tanh_slope),
    "tanh for a sigmoid": _sloped(_tanh_slope, _sigmoid_slope),
    "sigmoid for a tanh": _sloped(_sigmoid_slope, _tanh_slope),
}


@dataclass(frozen=True, slots=True)
class ErrorSignal:
    """What a backward pass may begin with in the place of a difference.

    Attributes:
        kind: What became of the difference.
        values: The forward values whose derivative it stands for, each with what stands for it.
        adjoints: What the gradients are then.
    """

    kind: str
    values: dict[int, Any]
    matching: Matching


def error_signals(
    replay: Replay, step: Step, loss: Loss, pairs: Sequence[Pair], kinds: Collection[str] | None = None
) -> Iterator[ErrorSignal]:
    """The error signals that a step may follow in the place of the derivative of a loss.

    Args:
        replay: The tape, in double precision.
        step: The step.
        loss: One of the catalogue, with its adjoints.
        pairs: The outputs and targets that it is a loss of.
        kinds: Those to be looked at; all if none are given.
    """
    places = [_place_of_the_difference(replay, loss, pair) for pair in pairs]
    needed = replay.ancestors([change for _, _, change, _ in step.parameters])
    read = all(pair.given is None or pair.given in needed for pair in pairs)
    signals = _SIGNALS | (
        SLOPES if all(place == pair.output for place, pair in zip(places, pairs, strict=True)) else {}
    )
    for kind, signal in signals.items() if None not in places else ():
        if read is (kind == "target left out") or kind not in (signals if kinds is None else kinds):
            continue
        if kind in SLOPES and any(np.size(replay.recorded[pair.output]) > 1 for pair in pairs):
            continue
        found = {}
        for place, pair in zip(places, pairs, strict=True):
            array = signal(np.asarray(replay.recorded[pair.output], dtype=float), pair.target)
            found[place or 0] = array.reshape(np.shape(replay.recorded[place or 0]))
        # Where all weights are zero at the start, so are the outputs.
        if kind == "target left out" or all(np.any(array) for array in found.values()):
            yield ErrorSignal(kind, found, Matching(adjoints(replay, found, step.olds, check=(), held=step.held)))


def _place_of_the_difference(replay: Replay, loss: Loss, pair: Pair) -> int | None:
    """The forward value by which the derivative of a loss is the difference: the output, or the scores under it."""
    assert loss.matching is not None
    difference = np.asarray(replay.recorded[pair.output], dtype=float) - pair.target
    if np.allclose(loss.seeds[pair.output], difference):
        return pair.output
    matches = loss.matching.matches_of(difference)
    same = [m for m in matches if abs(m.factor.number - 1) < 1e-6 and not m.transposed]
    # What a bias is added to has the same derivative.
    alike = {v for m in same for v in (m.forward, *m.alike)}
    return max((v for v in alike if not _is_shifted(replay, v, alike)), default=None)


def _is_shifted(replay: Replay, value: int, scores: Collection[int]) -> bool:
    """Whether scores were made from others by taking off what was made from these: `z - z.max()`.

    A softmax does not see that, but what goes backwards in the place of a difference does.
    """
    producer = replay.tape.values[value].producer
    inputs = replay.tape.operations[producer].inputs if producer is not None else ()
    before = [i for i in inputs if i in scores]
    return any(b in replay.ancestors([i]) for b in before for i in inputs if i != b)


__all__ = ["SLOPES", "ErrorSignal", "error_signals"]
