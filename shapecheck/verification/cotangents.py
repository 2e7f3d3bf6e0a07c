"""The vector-Jacobian form: which arguments of a backward pass are cotangents, and of which outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called, silence
from shapecheck.verification.errors import VerificationError
from shapecheck.verification.names import looks_like_cotangent, looks_like_rate, looks_like_target, stems
from shapecheck.verification.reach import plain_function
from shapecheck.verification.source import return_labels


def arrays_in(result: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], np.ndarray[Any, Any]]]:
    """The float arrays of what a forward pass returned, with the way to each; dicts are caches and not looked into."""
    if isinstance(result, np.ndarray | float | np.floating):
        if np.asarray(result).dtype.kind == "f":
            yield way, np.asarray(result)
    elif isinstance(result, tuple | list):
        for index, item in enumerate(result):
            yield from arrays_in(item, (*way, index))


def find_cotangents(bench: Bench, rng: np.random.Generator) -> bool:
    """Find backward's cotangents, and give each a random value of its output's shape.

    Args:
        bench: The call; its `cotangents` and `outputs_of` are set.
        rng: For the random values; numbers with two decimals, so that a failure can be read.

    Returns:
        Whether there are any: a backward pass without one differentiates the forward pass's scalar.

    Raises:
        VerificationError: The arguments of backward are not cotangents of what forward returns.
    """
    with silence():
        result = bench.call_forward()
    bench.restore()
    plain = plain_function(bench.forward)
    labels = return_labels(plain, result) if plain is not None else None
    outputs = list(arrays_in(result))
    given = {
        name: value
        for name, value in bench.arguments.items()
        if value is not bench.owner and not looks_like_rate(name) and _may_be_cotangent(name, value)
    }
    named = {name: value for name, value in given.items() if looks_like_cotangent(name)}
    chosen = named or {name: value for name, value in given.items() if not looks_like_target(name)}
    if not chosen:
        if given:
            raise VerificationError(_no_cotangent(bench, next(iter(given))), role="backward pass")
        return False
    for name, value in chosen.items():
        way = _output_for(name, np.shape(value), outputs, labels, set(bench.outputs_of.values()))
        if way is None:
            if name in named and outputs and not bench.outputs_of:
                raise VerificationError(_wrong_shape(bench, name, value, outputs), role="backward pass")
            continue
        bench.outputs_of[name] = way
        shape = np.shape(value)
        drawn = np.round(rng.uniform(0.1, 1.0, shape) * rng.choice([-1.0, 1.0], shape), 2)
        dtype = value.dtype if isinstance(value, np.ndarray) else np.dtype(float)
        bench.cotangents[name] = drawn.astype(dtype) if isinstance(value, np.ndarray) else float(drawn)
    if not bench.cotangents:
        raise VerificationError(_no_cotangent(bench, next(iter(chosen))), role="backward pass")
    return True


def _may_be_cotangent(name: str, value: Any) -> bool:
    if type(value) is int:  # backward(dout=1)
        return looks_like_cotangent(name)
    return isinstance(value, float | np.floating) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")


def _output_for(
    name: str, shape: tuple[int, ...], outputs: list[tuple[tuple[Any, ...], Any]], labels: Any, taken: set[Any]
) -> tuple[Any, ...] | None:
    fitting = [way for way, array in outputs if array.shape == shape and way not in taken]
    if isinstance(labels, list):
        for way in fitting:
            label = labels[way[0]] if way and way[0] < len(labels) else None
            if isinstance(label, str) and label in stems(name):
                return way
    return fitting[0] if fitting else None


def refuse_unless_homogeneous(bench: Bench, gradients: dict[str, Any]) -> None:
    """Refuse an argument that is not called a cotangent and does not act like one.

    Args:
        bench: The call.
        gradients: What the backward pass gives for cotangents of zero.

    Raises:
        VerificationError: A gradient is not zero although its cotangent is.
    """
    name = next(iter(bench.cotangents))
    if not looks_like_cotangent(name) and any(np.any(value) for value in gradients.values()):
        raise VerificationError(_no_cotangent(bench, name), role="backward pass")


def _no_cotangent(bench: Bench, name: str) -> str:
    function, forward = called(bench.function), called(bench.forward)
    return (
        f"`{function}` is checked against `{forward}` by handing it a random derivative of the loss by the output of "
        f"`{forward}`, but its argument `{name}` is none. Say what the loss is: `@verify(loss=...)`"
    )


def _wrong_shape(bench: Bench, name: str, value: Any, outputs: list[tuple[Any, Any]]) -> str:
    shapes = " or ".join(str(array.shape) for _, array in outputs)
    return (
        f"`{called(bench.function)}` was given `{name}` of shape {np.shape(value)}, but `{called(bench.forward)}` "
        f"returns {shapes} for the arguments of its last call. A derivative of the loss has the shape of what it is "
        f"taken by: hand over the gradient of that output"
    )


def takes_cotangents(function: Callable[..., Any]) -> bool:
    """Whether a method may be a layer's backward pass: it is given derivatives, a rate, or nothing."""
    required = [
        p.name
        for p in list(inspect.signature(function).parameters.values())[1:]
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    given = [name for name in required if not looks_like_rate(name)]
    return not any(looks_like_target(name) for name in given) and (
        len(given) <= 1 or all(looks_like_cotangent(name) for name in given)
    )
