"""Gradients that a backward pass applies itself and never stores: read from how far the parameters moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.verification.bench import Bench
from shapecheck.verification.names import looks_like_rate
from shapecheck.verification.pairing import Pair, leaf_name, ways
from shapecheck.verification.state import Leaf

Arrays = dict[str, NDArray[np.float64]]

# Small enough that three rates extrapolate to zero with an error of rate**3, large enough that the rounding of
# W - rate * dW, magnified by 1 / rate, stays below 1e-10.
_SMALL_RATE = 1e-4
_LINEAR = 1e-9


@dataclass(frozen=True)
class Steps:
    """What the parameters' changes say.

    Attributes:
        gradients: Step / rate, in the limit of a small rate.
        rate: The learning rate that the program used; None if it is not known.
        linear: The parameters whose step is proportional to the rate, as it is when every gradient is computed
            before anything is changed.
        drifts: For the others, how far step / rate at the program's own rate is from the limit, relative.
        uncertainty: Relative error of the reading.
    """

    gradients: Arrays
    rate: float | None
    linear: frozenset[str]
    drifts: dict[str, float]
    uncertainty: float


def find_rate(bench: Bench) -> Leaf | None:
    """The learning rate: an argument, else an attribute, else a global, by its name."""
    found = [
        leaf
        for leaf in bench.before.leaves
        if leaf.array.ndim == 0 and any(looks_like_rate(leaf_name(keys)) for keys in ways(leaf)) and leaf.array > 0
    ]
    return min(found, key=lambda leaf: len(leaf.keys), default=None)


def read_steps(
    bench: Bench,
    values: Mapping[str, Any],
    after: Callable[[Any], Mapping[str, NDArray[Any]]],
    rate: Leaf,
    *,
    refresh: bool,
) -> Steps:
    """Run the backward pass at several rates and divide the parameters' changes by them.

    Args:
        bench: The call.
        values: The parameters to start from; copies.
        after: Given what the backward pass returned, the parameters as they are then.
        rate: Where the program keeps its learning rate.
        refresh: Whether to run the forward pass first.
    """
    own = float(rate.array)
    # In float32, W - rate * dW keeps too few digits of dW; in float64 the same code keeps enough.
    promoted = {name: np.asarray(value, np.float64) for name, value in values.items()}

    def slope(used: float) -> Arrays:
        result = bench.differentiate(promoted, refresh=refresh, rate=(rate, used))
        now = after(result)
        return {name: (promoted[name] - now[name]) / used for name in now}

    with np.errstate(all="ignore"):
        whole, half = slope(1.0), slope(0.5)
        linear = frozenset(name for name in whole if _close(whole[name], half[name], values[name]))
        if len(linear) == len(whole):
            return Steps(_magnified(whole, promoted, slope), own, linear, {}, 1e-12)
        first, second, third = (slope(_SMALL_RATE / 2**k) for k in range(3))
        used = slope(own)
    gradients = {name: (8 * third[name] - 6 * second[name] + first[name]) / 3 for name in first}
    drifts = {
        name: float(np.max(np.abs(used[name] - gradients[name])) / max(float(np.max(np.abs(gradients[name]))), 1e-300))
        for name in gradients
        if name not in linear and gradients[name].size
    }
    return Steps(gradients, own, linear, drifts, 1e-7)


def _magnified(whole: Arrays, values: Arrays, slope: Callable[[float], Arrays]) -> Arrays:
    """Read small gradients of large parameters once more, at rates that make their steps as large as the parameter."""
    needed: dict[float, list[str]] = {}
    for name, gradient in whole.items():
        step, size = (float(np.max(np.abs(a), initial=0.0)) for a in (gradient, values[name]))
        if 0 < step < size / 64:
            needed.setdefault(2.0 ** np.ceil(np.log2(size / step)), []).append(name)
    better = dict(whole)
    for rate, names in sorted(needed.items())[:4]:
        again = slope(rate)
        better.update({name: again[name] for name in names if _close(whole[name], again[name], values[name])})
    return better


def _close(a: NDArray[np.float64], b: NDArray[np.float64], value: Any) -> bool:
    dtype = np.asarray(value).dtype
    eps = float(np.finfo(dtype).eps) if dtype.kind == "f" else 2.0**-52
    scale = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(value), initial=0.0)))
    return bool(np.all(np.isfinite(a)) and np.all(np.abs(a - b) <= max(64 * eps, _LINEAR * (eps < 1e-10)) * scale))


def updated_before_use(steps: Steps) -> tuple[str, ...]:
    """The parameters whose step was computed from values that the same call had changed already.

    Where samples are learnt one after the other in one call, no parameter's step is proportional to the rate. Where
    some steps are and others are not, one parameter was changed before its old value was used for another.
    """
    if not steps.linear or not any(np.any(steps.gradients[name]) for name in steps.linear):
        return ()
    return tuple(name for name, drift in steps.drifts.items() if drift > 1e-6)


def optimizer_state(pairs: list[Pair], changed: list[Leaf]) -> list[str]:
    """Arrays that move with the parameters and have their shapes: moments, velocities."""
    shapes = {pair.parameter.shape for pair in pairs if pair.parameter.array.ndim}
    own = {id(pair.parameter) for pair in pairs}
    return [leaf.path for leaf in changed if id(leaf) not in own and leaf.shape in shapes]
