"""What a second run has to say besides its tape: which gradients its checks held against numeric ones, and how it went.

A check perturbs parameters where no recorder sees it, so the recording pauses meanwhile. Before that the loss, and the
gradient function if there is one, run once as they are: a check that fails has its loss, its parameters and its
gradients on the tape.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from shapecheck.diagnose.asserted import Compared, Thing
from shapecheck.gradients import check
from shapecheck.gradients.errors import GradientCheckError, ShapeMismatchError
from shapecheck.gradients.objective import call_with, calling_convention
from shapecheck.gradients.parameters import ParameterSet, flatten
from shapecheck.gradients.result import GradientReport
from shapecheck.trace.recorder import Recorder

# Where the name `gradcheck` may have been taken to already.
_HOLDERS = ("shapecheck.gradients.check", "shapecheck.verification.gradcheck", "shapecheck.assertions", "shapecheck")


def listen(recorder: Recorder) -> None:
    """Hear of every gradient check of this process from now on."""
    for name in _HOLDERS:
        import_module(name)
    witness = Witness(recorder, check.gradcheck)
    for name in _HOLDERS:
        vars(sys.modules[name])["gradcheck"] = witness


class Witness:
    """Stands in the place of `gradcheck`."""

    def __init__(self, recorder: Recorder, check: Callable[..., GradientReport]) -> None:
        self.recorder = recorder
        self.check = check

    def __call__(self, loss: Callable[..., Any], params: Any, grads: Any, **options: Any) -> GradientReport:
        """Run the check, and keep what came of it."""
        compared = self._first_pass(loss, params, grads, options)
        testimony = self.recorder.testimony
        try:
            with self.recorder.paused():
                report = self.check(loss, params, grads, **options)
        except ShapeMismatchError as error:
            testimony["compared"] = compared and replace(compared, misshapen=error.name)
            raise
        right = [row.name for row in report if row.verdict == "right"]
        if report.wrong():
            wrong = frozenset(row.name for row in report.wrong())
            testimony["compared"] = compared and replace(compared, wrong=wrong, right=frozenset(right))
        else:
            testimony["checked"] = list(dict.fromkeys([*testimony.get("checked", []), *right]))
        return report

    def _first_pass(
        self, loss: Callable[..., Any], params: Any, grads: Any, options: dict[str, Any]
    ) -> Compared | None:
        """Run the user's functions as they are; what they raise is theirs.

        Returns:
            What is compared; None where the check itself will say that it cannot be.
        """
        try:
            convention = calling_convention(loss, params)
            parameters = ParameterSet(params, passed=convention != "none")
            own = calling_convention(grads, params, "the gradient function") if callable(grads) else None
        except GradientCheckError:
            return None
        structure = parameters.current_structure()
        output = call_with(loss, structure, convention)
        given = call_with(grads, structure, own) if own is not None else grads
        cotangent = options.get("cotangent")
        outputs = [(output, 1.0)] if cotangent is None else [(output, cotangent)]
        if isinstance(cotangent, tuple | list):
            outputs = list(zip(output, cotangent, strict=False))
        single = parameters.parameters[0].container is None
        gradients = {name: value for name, value, *_ in flatten(given, parameters.names[0] if single else "x")}
        return Compared(
            [(Thing.of(output), np.array(weights)) for output, weights in outputs],
            {p.name: Thing.of(p.value) for p in parameters},
            {p.name: Thing.of(gradients[p.name]) for p in parameters if p.name in gradients},
            float(options.get("sign", 1)),
        )
