"""`gradcheck` and `numeric_gradient`: the doors to this package."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.errors import MissingGradientError, ShapeMismatchError
from shapecheck.gradients.objective import Objective, call_with, calling_convention
from shapecheck.gradients.parameters import ParameterSet, flatten
from shapecheck.gradients.result import GradientReport, ParameterResult, Verdict

Mode = Literal["projection", "joint", "sampled", "full"]


def gradcheck(
    loss: Callable[..., Any],
    params: Any,
    grads: Any,
    *,
    mode: Mode = "projection",
    rtol: float | None = None,
    atol: float | None = None,
    seed: int | None = None,
    executor: Executor | None = None,
    sign: int = 1,
    samples: int = 100,
    cotangent: Any | None = None,
    perturb: bool = True,
    values: Any | None = None,
    previous: Any | None = None,
    progress: bool | None = None,
    reproduce: str | None = None,
) -> GradientReport:
    """Hold hand-written gradients against numeric ones."""
    seed = int(np.random.SeedSequence().entropy % 2**32) if seed is None else seed  # type: ignore[operator]
    arguments = calling_convention(loss, params)
    parameters = ParameterSet(params, passed=arguments != "none")
    objective = Objective(loss, parameters, arguments, cotangent)
    with parameters.restored():
        base = objective()
        if callable(grads):
            grads = call_with(grads, parameters.current_structure(), calling_convention(grads, params))
        given = {name: np.asarray(value) for name, value, _, _ in flatten(grads)}
        rows = []
        rng = np.random.default_rng(seed)
        for parameter in parameters:
            if parameter.name not in given:
                raise MissingGradientError(f"there is no gradient for `{parameter.name}`", parameter=parameter.name)
            gradient = given[parameter.name]
            if gradient.shape != parameter.shape:
                raise ShapeMismatchError(
                    f"the gradient of `{parameter.name}` has shape {gradient.shape}, the parameter {parameter.shape}",
                    name=parameter.name, actual=gradient.shape, expected=parameter.shape, hint="",
                )
            direction = {parameter.name: rng.choice([-1.0, 1.0], parameter.shape)}
            step = 1e-5 * max(1.0, parameter.size) ** -0.25
            right = parameters.shift(direction, step)[parameter.name]
            after = objective()
            left = parameters.shift(direction, -step)[parameter.name]
            before = objective()
            parameters.restore()
            predicted = float(np.sum(sign * gradient * (right - left)))
            allowed = 1e-13 * max(abs(base), 1e-300) + 1e-6 * abs(predicted)
            error = abs(after - before - predicted)
            scale = max(abs(predicted), 1e-300)
            rows.append(ParameterResult(
                parameter.name, parameter.shape, str(parameter.dtype), float(np.linalg.norm(gradient)),
                error / scale, allowed / scale, Verdict.RIGHT if error <= allowed else Verdict.WRONG,
            ))
    return GradientReport(tuple(rows), seed=seed, mode=mode, loss=base, evaluations=objective.evaluations)


def numeric_gradient(loss: Callable[..., Any], x: Any, *, step: float | None = None) -> NDArray[np.float64]:
    """Differentiate `loss` with respect to every entry of `x`."""
    arguments = calling_convention(loss, x)
    parameters = ParameterSet(x, passed=arguments != "none")
    objective = Objective(loss, parameters, arguments)
    parameter = parameters.parameters[0]
    result = np.zeros(parameter.shape)
    with parameters.restored():
        for index in np.ndindex(parameter.shape):
            h = step or 1e-5 * max(1.0, abs(float(parameter.original[index])))
            along = np.zeros(parameter.shape)
            along[index] = 1.0
            right = parameters.shift({parameter.name: along}, h)[parameter.name]
            after = objective()
            left = parameters.shift({parameter.name: along}, -h)[parameter.name]
            result[index] = (after - objective()) / (right - left)[index]
    return result
