"""`gradcheck` as its users know it: the comparison, and on a failure the line of their gradient function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from shapecheck.gradients import check
from shapecheck.gradients.objective import Arguments, call_with, calling_convention, contract, scalar
from shapecheck.gradients.parameters import ParameterSet, flatten
from shapecheck.gradients.result import GradientReport
from shapecheck.verification.calling import silence
from shapecheck.verification.contracts import nudged
from shapecheck.verification.reach import adopt, plain_function
from shapecheck.verification.state import Snapshot, State
from shapecheck.verification.traced_call import Ran


@functools.wraps(check.gradcheck)
def gradcheck(loss: Callable[..., Any], params: Any, grads: Any, **options: Any) -> GradientReport:
    """As `shapecheck.gradients.check.gradcheck`; the report of a failure names the expression that is wrong."""
    report = check.gradcheck(loss, params, grads, **options)
    # Of gradients that are given as arrays nobody knows how they were made.
    if report.wrong() and callable(grads):
        from shapecheck.verification.lines import origins  # noqa: PLC0415 - it imports the tracing and autograd

        subject = GivenFunctions(loss, params, grads, options)
        report.origins = origins(subject, report)
        if not report.origins and options.get("perturb", True):
            report.origins = origins(subject.elsewhere(report.seed), report)
    return report


class GivenFunctions:
    """A loss and a gradient function as something that can be recorded and tried again.

    Args:
        loss, params, grads: As for `gradcheck`.
        options: As for `gradcheck`.
        at: Other values for the parameters, by name.
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        params: Any,
        grads: Callable[..., Any],
        options: Mapping[str, Any],
        at: Mapping[str, Any] | None = None,
    ) -> None:
        self.loss, self.grads, self.options = loss, grads, dict(options)
        self.structure = params
        self.wants: tuple[Arguments, Arguments] = (
            calling_convention(loss, params),
            calling_convention(grads, params, "the gradient function"),
        )
        self.parameters = ParameterSet(params, passed=self.wants[0] != "none")
        for function in (loss, grads):
            plain = plain_function(function)
            if plain is not None and plain.__module__:
                adopt(plain.__module__)
        self.state = State({"params": params}, [loss, grads])
        self.start = Snapshot(self.state.boxes, self.state.generators)
        self.at = {p.name: np.array(p.original) for p in self.parameters} if at is None else dict(at)

    def elsewhere(self, seed: int) -> GivenFunctions:
        """The same at other parameters near by, where more shows than at zero biases."""
        rng = np.random.default_rng([seed, 3])
        at = {name: nudged(value, rng) for name, value in self.at.items()}
        return GivenFunctions(self.loss, self.structure, self.grads, self.options, at)

    @property
    def functions(self) -> Iterable[FunctionType]:
        """The user's functions that may run."""
        return list(self.state.reach.functions.values())

    def _loss(self) -> Any:
        return call_with(self.loss, self.parameters.current_structure(), self.wants[0])

    def _gradients(self) -> Any:
        return call_with(self.grads, self.parameters.current_structure(), self.wants[1])

    def _install(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self.parameters[name].put(np.asarray(value).astype(self.parameters[name].dtype))

    def run(self) -> Ran:
        """Run the loss, then the gradient function; what was changed stays changed."""
        self._install(self.at)
        held = {p.name: _object(p) for p in self.parameters}
        with silence():
            output = self._loss()
            self.start.rewind()  # both are to draw the same random numbers
            given = self._gradients()
        cotangent = self.options.get("cotangent")
        outputs = [(output, 1.0)]
        if cotangent is not None:
            several = isinstance(cotangent, tuple | list)
            outputs = list(zip(output, cotangent, strict=True)) if several else [(output, cotangent)]
        single = len(self.parameters) == 1 and self.parameters.parameters[0].container is None
        name = self.parameters.names[0] if single else "x"
        gradients = {path: value for path, value, _, _ in flatten(given, name) if path in self.parameters.by_name}
        parameters = {n: (held[n], np.asarray(self.at[n], self.parameters[n].dtype)) for n in self.parameters.names}
        return Ran(outputs, parameters, gradients, float(self.options.get("sign", 1)))

    def restore(self) -> None:
        """Put everything back."""
        self.parameters.restore()
        self.start.restore()

    def loss_with(self, name: str, value: Any) -> float:
        """The loss with one parameter at another value; everything is put back."""
        return self._loss_at({**self.at, name: value})

    def loss_value(self) -> float:
        """The loss; everything is put back."""
        return self._loss_at(self.at)

    def _loss_at(self, values: Mapping[str, Any]) -> float:
        try:
            self._install(values)
            with silence():
                output = self._loss()
            cotangent = self.options.get("cotangent")
            return float(np.real(scalar(output) if cotangent is None else contract(output, cotangent)))
        finally:
            self.restore()

    def gradients(self) -> Mapping[str, Any]:
        """The gradients of another run; everything is put back."""
        try:
            ran = self.run()
            return {name: np.array(g, dtype=float) / ran.factor for name, g in ran.gradients.items()}
        finally:
            self.restore()

    def check(self) -> bool:
        """Whether all gradients are right, here and at other parameters; everything is put back."""
        try:
            report = check.gradcheck(self.loss, self.structure, self.grads, **{**self.options, "progress": False})
        finally:
            self.restore()
        return report.ok and not report.wrong()


def _object(parameter: Any) -> Any:
    """The object that the user's code reads a parameter from."""
    if parameter.in_place:
        return parameter.value
    return parameter.container[parameter.key] if parameter.replaceable else parameter.held


__all__ = ["GivenFunctions", "gradcheck"]
