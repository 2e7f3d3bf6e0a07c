"""What is compared exactly before any number: keys, shapes, dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.errors import MissingGradientError, ParameterError, ShapeMismatchError
from shapecheck.gradients.parameters import Parameter, ParameterSet, flatten

Array = NDArray[Any]


def matched_gradients(grads: Any, params: ParameterSet) -> dict[str, Array]:
    """The user's gradients by parameter name.

    Raises:
        MissingGradientError: A parameter has none, or one belongs to no parameter.
        ShapeMismatchError: One has another shape than its parameter.
        ParameterError: One is not an array of numbers.
    """
    if grads is None:
        raise MissingGradientError("the gradients are None: does the backward function `return` them?", parameter=None)
    single = len(params) == 1 and params.parameters[0].container is None
    name = params.names[0] if single else "x"
    if len(params) == 1 and not isinstance(grads, Mapping | list | tuple):
        name = params.names[0]  # one gradient for one parameter, whatever holds that
    given = {path: value for path, value, _, _ in flatten(grads, name, frozenset(params.names))}
    missing = [n for n in params.names if n not in given]
    extra = [n for n in given if n not in params.by_name]
    if missing or extra:
        raise MissingGradientError(_unmatched(missing, extra), parameter=(missing or extra)[0], extra=tuple(extra))
    return {n: _checked(given[n], params[n]) for n in params.names}


def _unmatched(missing: list[str], extra: list[str]) -> str:
    quoted = ", ".join(f"`{n}`" for n in missing)
    if not missing:
        return (
            f"there is a gradient for {', '.join(f'`{n}`' for n in extra)}, but no such parameter: add it to the "
            f"parameters, or leave its gradient out"
        )
    also = f"; what there is: {', '.join(f'`{n}`' for n in extra)}" if extra else ""
    return f"there is no gradient for {quoted}{also}. Gradients have the same keys and order as the parameters"


def _checked(value: Any, parameter: Parameter) -> Array:
    name = parameter.name
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        what = f"dtype {array.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise ParameterError(
            f"the gradient of `{name}` is {what}, not an array of real numbers"
            + (": a list of arrays with different shapes?" if array.dtype.kind == "O" else ""),
            parameter=name,
            dtype=str(array.dtype),
        )
    if array.shape != parameter.shape:
        hint = likely_cause(array.shape, parameter.shape)
        raise ShapeMismatchError(
            f"the gradient of `{name}` has shape {array.shape}, the parameter has shape {parameter.shape}"
            + (f": {hint}" if hint else ""),
            name=name,
            actual=array.shape,
            expected=parameter.shape,
            hint=hint,
        )
    return array


def likely_cause(actual: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """What is likely missing where a gradient has shape `actual` instead of `expected`; empty where nothing fits."""
    if len(actual) == len(expected):
        summed = [i for i, (a, e) in enumerate(zip(actual, expected, strict=True)) if a != e and e == 1]
        if summed and all(a == e for i, (a, e) in enumerate(zip(actual, expected, strict=True)) if i not in summed):
            axis = summed[0] if len(summed) == 1 else tuple(summed)
            return (
                f"it was not summed over the axis along which the parameter was broadcast; "
                f"np.sum(..., axis={axis}, keepdims=True)"
            )
    if actual == expected[::-1] and len(expected) > 1:
        return "it is transposed; `.T`, or the factors of the product swapped"
    if len(actual) > len(expected) and actual[len(actual) - len(expected) :] == expected:
        lead = len(actual) - len(expected)
        axis = 0 if lead == 1 else tuple(range(lead))
        return f"it was not summed over the samples; np.sum(..., axis={axis})"
    if len(actual) == len(expected) + 1:
        for axis in range(len(actual)):
            if actual[:axis] + actual[axis + 1 :] == expected:
                kept = "it has an axis too many; " if actual[axis] == 1 else "it was not summed over one axis; "
                return f"{kept}np.sum(..., axis={axis})" + (" or .reshape" if actual[axis] == 1 else "")
    if actual == () and expected:
        return (
            f"a sum without axis= collapsed all {int(np.prod(expected))} entries into one; "
            f"np.sum(..., axis=..., keepdims=True)"
        )
    if len(actual) == len(expected) - 1:
        for axis in range(len(expected)):
            if expected[:axis] + expected[axis + 1 :] == actual and expected[axis] > 1:
                return f"it was summed over axis {axis}, along which the parameter has {expected[axis]} entries"
    size = int(np.prod(actual))
    if size == int(np.prod(expected)):
        dropped = tuple(n for n in expected if n != 1) == tuple(n for n in actual if n != 1)
        return f"{'a sum without keepdims=True dropped an axis; ' if dropped else ''}.reshape{expected} would fit"
    if len(actual) == len(expected) and len(expected) > 0:
        summed = [i for i, (a, e) in enumerate(zip(actual, expected, strict=True)) if a != e and a == 1]
        if summed:
            return f"it was summed over axis {summed[0]}, along which the parameter has {expected[summed[0]]} entries"
    return ""
