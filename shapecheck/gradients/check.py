"""`gradcheck` and `numeric_gradient`: the doors to this package."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Literal, get_args

import numpy as np

from shapecheck.gradients.examination import Examination
from shapecheck.gradients.objective import Objective, calling_convention
from shapecheck.gradients.parameters import ParameterSet
from shapecheck.gradients.result import GradientReport
from shapecheck.gradients.subject import Options

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
    """Hold hand-written gradients against numeric derivatives of the loss: grads[p] = dL/dp.

    Args:
        loss: Returns the loss, a scalar. Takes nothing and reads the arrays of `params` where they are, or takes
            `params` itself, or one argument per parameter (for a dict: by their names). With `cotangent`, the
            forward pass instead, which returns an array.
        params: Dict, list or tuple (nested, if you like) of floating arrays or floats, or one array. Perturbed in
            place and restored bit for bit, also on exceptions and Ctrl-C.
        grads: The gradients to be checked, in the same structure; or a function that computes them at the parameters
            as they are, which lets the check look at a second point as well (`perturb`) and hold random generators
            still for both. It is always called right after the loss, so that it may use what that has cached.
        mode: `projection`: one random direction per parameter, and on failure a bisection down to the entry.
            `joint`: one direction for all; cheapest. `sampled`: `samples` entries of each. `full`: every entry.
        rtol: Allow this relative error instead of what the measured noise of the loss explains.
        atol: Allow this absolute error, as `rtol`. Given one of them only, the other is 0.
        seed: For the directions. The report names the one that was used.
        executor: Where `full` and `sampled` evaluate; any `concurrent.futures.Executor`.
        sign: -1 where the code computes minus the gradient (`target - output`, added by the update).
        samples: Entries per parameter in `sampled` mode.
        cotangent: Of the shape of the forward pass's output: checks <cotangent, forward> (vector-Jacobian form).
        perturb: Whether to check at perturbed parameters too; needs `grads` to be a function.
        values: Forward and backward values by name (a cache), for the search for a missing factor.
        previous: Gradients of the previous step, to recognise them.
        progress: Show a progress bar; by default where `full` takes long and standard error is a terminal.
        reproduce: The line that a failing report shows for repeating the check.

    Returns:
        The report. It has a verdict for each parameter; `report.raise_if_wrong()` raises what it found.

    Raises:
        LossError: The loss is not a finite scalar, or does not depend on a parameter.
        ParameterError: A parameter cannot be perturbed.
        MissingGradientError: A parameter has no gradient.
        ShapeMismatchError: A gradient has not its parameter's shape.
        MutationError: The loss or the backward function changed what it should only read.
        ValueError: An option is none of those above.

    Source:
        Noise: Moré & Wild, SIAM J. Sci. Comput. 33 (2011). Complex step: Squire & Trapp, SIAM Review 40 (1998).
    """
    options = Options(
        mode=mode,
        rtol=rtol,
        atol=atol,
        seed=fresh_seed() if seed is None else seed,
        executor=executor,
        sign=sign,
        samples=samples,
        perturb=perturb,
        values=values,
        previous=previous,
        progress=progress,
        reproduce=reproduce,
    )
    _refuse_options(options)
    arguments = calling_convention(loss, params)
    parameters = ParameterSet(params, passed=arguments != "none")
    objective = Objective(loss, parameters, arguments, cotangent)
    return Examination(objective, grads, options).report()


def _refuse_options(options: Options) -> None:
    if options.mode not in get_args(Mode):
        modes = ", ".join(map(repr, get_args(Mode)))
        raise ValueError(f"mode={options.mode!r}: there are {modes}")
    if options.sign not in {1, -1}:
        raise ValueError(f"sign={options.sign!r}: it is 1, or -1 for code that computes minus the gradient")
    if options.samples < 1:
        raise ValueError(f"samples={options.samples!r}: at least one entry of each parameter is needed")
    for name, value in (("rtol", options.rtol), ("atol", options.atol)):
        if value is not None and not value >= 0:
            raise ValueError(f"{name}={value!r}: a tolerance is not negative")


def fresh_seed() -> int:
    """A seed that no seeding of the user's data can coincide with."""
    return int(np.random.SeedSequence().generate_state(1)[0])


def numeric_gradient(
    loss: Callable[..., Any],
    x: Any,
    *,
    step: float | None = None,
    executor: Executor | None = None,
    progress: bool | None = None,
) -> Any:
    """Differentiate `loss` with respect to every entry of `x`: by complex steps, else (L(x+h) - L(x-h)) / 2h.

    Args:
        loss: Returns a scalar; takes nothing and reads `x` where it is, or takes `x`.
        x: A floating array, a float, or a dict, list or tuple of them. Perturbed in place and restored bit for bit.
        step: Use central differences with this step; by default it follows from the precision of the loss.
        executor: Where to evaluate; any `concurrent.futures.Executor`.
        progress: Show a progress bar; by default where it takes long and standard error is a terminal.

    Returns:
        An array of the shape of `x` in float64 (for a structure: the same structure of such arrays).

    Raises:
        LossError: The loss is not a finite scalar.
        ParameterError: `x` cannot be perturbed.

    Source:
        Squire & Trapp, SIAM Review 40 (1998), for the complex step; it is used only where a real difference along a
        random direction agrees with it.
    """
    arguments = calling_convention(loss, x)
    parameters = ParameterSet(x, passed=arguments != "none")
    examination = Examination(
        Objective(loss, parameters, arguments), None, Options(seed=fresh_seed(), executor=executor, progress=progress)
    )
    gradients = examination.numeric_gradients(step)
    return parameters.rebuild(gradients)
