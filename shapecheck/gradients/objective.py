"""The user's loss as a number: called as it wants to be called, with its random generators held still."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from shapecheck.gradients.errors import LossError, ShapeMismatchError
from shapecheck.gradients.parameters import ParameterSet

Arguments = Literal["none", "whole", "positional", "named"]


def calling_convention(function: Callable[..., Any], params: Any, what: str = "the loss") -> Arguments:
    """How `function` wants the parameters: not at all, as one argument, one each, or by their names.

    Args:
        function: The user's loss or gradient function.
        params: The user's structure of parameters.
        what: What to call the function in an error.

    Returns:
        `none` if it needs no argument; `named` if it takes more than one and `params` is a dict with all its
        argument names; `whole` if it takes one; `positional` if it takes as many as there are parameters.

    Raises:
        LossError: None of these fits.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return "whole"  # a builtin without a signature certainly does not read the user's closure
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in signature.parameters.values() if p.default is p.empty and p.kind in kinds]
    if not required:
        return "none"
    if isinstance(params, Mapping) and all(p.name in params for p in required):
        return "named"
    if len(required) == 1:
        return "whole"
    if isinstance(params, Mapping | list | tuple) and len(required) == len(params):
        return "positional"
    names = ", ".join(p.name for p in required)
    raise LossError(
        f"{what} takes the arguments ({names}), but only the parameters can be filled in. Bind the others, for "
        f"instance `lambda: {getattr(function, '__name__', 'loss')}({names})`",
        arguments=tuple(p.name for p in required),
    )


def call_with(function: Callable[..., Any], structure: Any, arguments: Arguments) -> Any:
    """Call `function` with the parameters the way it wants them."""
    if arguments == "none":
        return function()
    if arguments == "whole":
        return function(structure)
    if arguments == "named":
        wanted = inspect.signature(function).parameters
        return function(**{k: v for k, v in structure.items() if k in wanted})
    values = structure.values() if isinstance(structure, Mapping) else structure
    return function(*values)


class Objective:
    """The scalar that is differentiated: the loss, or <cotangent, forward> in the vector-Jacobian form.

    Attributes:
        evaluations: How often the user's function was called.
        succeeded: Whether one evaluation has come to its end.
        substituted: Whether it was ever evaluated with other arrays than the user's.
        hold: Called before every evaluation; puts random generators back (see `determinism`).
        result_epsilon: Rounding unit of the type that the loss last returned; a loss cast to float32 is a staircase.
        watch: Called once, after the first evaluation; where it returns True that evaluation is repeated, held.
    """

    def __init__(
        self, loss: Callable[..., Any], params: ParameterSet, arguments: Arguments, cotangent: Any | None = None
    ) -> None:
        self.loss = loss
        self.params = params
        self.arguments = arguments
        self.cotangent = cotangent
        self.evaluations = 0
        self.succeeded = False
        self.substituted = False
        self.result_epsilon = float(np.finfo(np.float64).eps)
        self.hold: Callable[[], None] = lambda: None
        self.watch: Callable[[], bool] | None = None

    def __call__(self) -> float:
        """The loss at the parameters as they are now, in float64."""
        number = self.raw(self.params.current_structure())
        if isinstance(number, complex | np.complexfloating):
            raise LossError("the loss is a complex number; take the real part of what it returns", shape=())
        return float(number)

    def raw(self, structure: Any) -> Any:
        """The loss at `structure` as the NumPy scalar that it is: float32, complex..."""
        self.evaluations += 1
        self.hold()
        result = call_with(self.loss, structure, self.arguments)
        self.succeeded = True
        watch, self.watch = self.watch, None
        if watch is not None and watch():
            return self.raw(structure)
        number = scalar(result) if self.cotangent is None else contract(result, self.cotangent)
        if isinstance(number, np.floating):
            self.result_epsilon = float(np.finfo(number.dtype).eps)
        return number


def scalar(result: Any) -> Any:
    """The one number in what a loss returned.

    Raises:
        LossError: It returned something else.
    """
    if type(result) is float:
        return result
    if result is None:
        raise LossError("the loss returned None: is its `return` missing?", shape=None)
    if isinstance(result, tuple | list | dict):
        what = type(result).__name__
        raise LossError(
            f"the loss returned a {what} of {len(result)}, not a number. If the loss is its first item, pass "
            f"`lambda: loss(...)[0]`; if it is the output of a layer, pass `cotangent=` as well",
            shape=None,
        )
    array = np.asarray(result)
    if array.dtype.kind not in "fiubc":
        raise LossError(f"the loss returned a {type(result).__name__}, not a number", shape=None)
    if array.size != 1:
        raise LossError(
            f"the loss returned an array of shape {array.shape}, not one number. Reduce it (np.sum, np.mean), or, if "
            f"it is the output of a layer, pass `cotangent=` of that shape",
            shape=array.shape,
        )
    return array.reshape(())[()]


def contract(output: Any, cotangent: Any) -> Any:
    """<cotangent, output>: the scalar whose gradient a backward pass returns when it is handed `cotangent`.

    Raises:
        ShapeMismatchError: Output and cotangent differ in shape.
    """
    if isinstance(cotangent, tuple | list):
        if not isinstance(output, tuple | list) or len(output) != len(cotangent):
            raise LossError(f"the forward pass must return {len(cotangent)} arrays, one for each cotangent")
        return sum(contract(o, c) for o, c in zip(output, cotangent, strict=True))
    array, weights = np.asarray(output), np.asarray(cotangent)
    if array.shape != weights.shape:
        raise ShapeMismatchError(
            f"the forward pass returned shape {array.shape}, the cotangent has shape {weights.shape}; a cotangent "
            f"has the shape of the output that it belongs to",
            name="cotangent",
            actual=weights.shape,
            expected=array.shape,
            hint="",
        )
    if array.dtype.kind != "c":
        array = array.astype(np.float64, copy=False)
    return np.sum(array * weights.astype(np.float64, copy=False))
