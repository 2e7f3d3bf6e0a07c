"""What must hold besides the numbers: the loss reads the parameters, all of them have gradients, updates come last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.errors import GradientMismatchError, MissingGradientError
from shapecheck.gradients.result import GradientReport
from shapecheck.verification import applied, cotangents, staleness
from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called
from shapecheck.verification.errors import VerificationError
from shapecheck.verification.matching import leaf_is_input
from shapecheck.verification.pairing import are_brothers, leaf_name
from shapecheck.verification.readings import Readings

Arrays = dict[str, NDArray[Any]]


def nudged(value: Any, rng: np.random.Generator) -> NDArray[Any]:
    """A random point near by, as far as a few training steps go; zero biases become non-zero."""
    array = np.asarray(value)
    if not array.size:
        return array
    size = float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
    scale = 0.1 * (size if 0 < size < 10 else 1.0)
    kind = array.dtype if array.dtype.kind == "f" else np.dtype(float)
    return np.asarray(array + scale * rng.standard_normal(array.shape), dtype=kind)


class Contracts:
    """Refuses what makes a comparison meaningless.

    Args:
        bench: The call.
        readings: Gradients and parameters.
        base: The loss at the start.
        rng: For the moves that the loss must notice.
    """

    def __init__(self, bench: Bench, readings: Readings, base: Any, rng: np.random.Generator) -> None:
        self.bench = bench
        self.readings = readings
        self.base = base
        self.rng = rng

    def refuse_no_cotangent(self, values: Mapping[str, Any]) -> None:
        """Refuse an argument that was taken for a cotangent, but does not act like one."""
        held = dict(self.bench.cotangents)
        self.bench.cotangents = {name: value * 0 for name, value in held.items()}
        try:
            cotangents.refuse_unless_homogeneous(self.bench, self.readings.at(values, refresh=True))
        finally:
            self.bench.cotangents = held

    def refuse_independent(self, values: Mapping[str, Any]) -> None:
        """Refuse a loss that reads none of the parameters."""
        moved = {name: nudged(value, self.rng) for name, value in values.items()}
        if not self._same_loss(moved):
            return
        what = called(self.bench.loss or self.bench.forward or self.bench.function)
        listed = ", ".join(f"`{parameter}`" for parameter in list(moved)[:6])
        raise VerificationError(
            f"the loss `{what}` does not depend on {listed}: it stays the same when they change\n"
            f"  cause   it reads a result that was computed before, instead of computing it\n"
            f"  help    say how: `@verify(loss={what}, forward=...)`, or pass a loss that runs the forward pass",
            role="loss",
        )

    def refuse_unread(self, values: Mapping[str, Any], report: GradientReport, gradients: Arrays) -> None:
        """Refuse a parameter that the loss does not read although its gradient is not zero."""
        what = called(self.bench.loss or self.bench.forward or self.bench.function)
        for row in report.wrong():
            parameter = row.name
            if not np.any(gradients[parameter]) or not self._same_loss(
                {parameter: nudged(values[parameter], self.rng)}
            ):
                continue
            label = self.readings.pairs[parameter].gradient.label
            raise VerificationError(
                f"the loss `{what}` does not depend on `{parameter}`, but `{called(self.bench.function)}` gives "
                f"`{label}`, which is not zero\n"
                f"  help    use `{parameter}` in the forward pass, or say which parameter the gradient belongs to: "
                f'`@verify(..., pairs={{"{label}": "..."}})`',
                role="loss",
            )

    def _same_loss(self, moved: Mapping[str, Any]) -> bool:
        held = self.bench.leaves
        try:
            with np.errstate(all="ignore"):
                return staleness.same_number(self.bench.loss_at(self.bench.values_with(moved)), self.base)
        except Exception:  # a domain error at the moved parameters: it certainly reads them
            return False
        finally:
            self.bench.restore()
            self.bench.leaves = held

    def refuse_missing(self) -> None:
        """Refuse a parameter without a gradient among brothers that have one: `W1`, `W2`, `b2`, and no `b1`."""
        paired = {id(pair.parameter) for pair in self.readings.pairs.values()}
        brothers = [pair.parameter for pair in self.readings.pairs.values() if pair.parameter.array.ndim]
        if self.bench.is_layer:
            return
        for leaf in self.bench.before.leaves:
            if id(leaf) in paired or not leaf.array.ndim or leaf.array.dtype.kind != "f" or leaf_name(leaf.keys) == "":
                continue
            if any(np.may_share_memory(leaf.array, brother.array) for brother in brothers):
                continue
            siblings = [brother for brother in brothers if len(leaf.keys) > 1 and are_brothers(leaf, brother)]
            if not siblings or leaf_is_input(self.bench, leaf):
                continue
            if staleness.influences(self.bench, leaf, self.base, self.rng):
                raise MissingGradientError(
                    f"`{called(self.bench.function)}` gives no gradient for `{leaf.path}`, which the loss depends on, "
                    f"but one for `{siblings[0].path}`\n  help    return it too, or say which are meant: "
                    f'`@verify(..., parameters="{leaf_name(siblings[0].keys)} ...")`',
                    parameter=leaf.path,
                )

    def refuse_early_updates(self) -> None:
        """Refuse a step that was computed from what the same call had changed already."""
        steps = self.readings.steps
        early = applied.updated_before_use(steps) if steps is not None else ()
        if steps is None or not early:
            return
        name = early[0]
        changed = ", ".join(f"`{other}`" for other in sorted(steps.linear)[:3])
        raise GradientMismatchError(
            f"the step of `{name}` is not its gradient times the learning rate: off by {steps.drifts[name]:.2g} of its "
            f"largest entry at a rate of {steps.rate:.4g}, and right for a tiny one\n"
            f"  at      {called(self.bench.function)}\n"
            f"  cause   {changed} is updated before its old value is used for the gradient of `{name}`\n"
            f"  help    compute all gradients first, then apply them"
        )
