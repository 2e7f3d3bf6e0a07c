"""A verified call as something that can be recorded and tried again: its bench, with what was paired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from shapecheck.gradients.errors import GradientCheckError
from shapecheck.gradients.result import GradientReport, Verdict
from shapecheck.verification.bench import Bench, follow
from shapecheck.verification.boxes import TupleBox
from shapecheck.verification.contracts import nudged
from shapecheck.verification.readings import Readings
from shapecheck.verification.traced_call import Compare, Ran


class VerifiedCall:
    """A call that a check has judged.

    Args:
        bench: The call.
        readings: Where its gradients are.
        at: The parameters, by name; copies.
        factor: What its gradients are multiplied with.
        compare: Holds gradients against numeric ones.
    """

    def __init__(
        self, bench: Bench, readings: Readings, at: Mapping[str, Any], factor: float, compare: Compare
    ) -> None:
        self.bench = bench
        self.readings = readings
        self.at = dict(at)
        self.factor = factor
        self.compare = compare

    @property
    def functions(self) -> Iterable[FunctionType]:
        """The user's functions that may run."""
        return list(self.bench.before.reach.functions.values())

    def run(self) -> Ran:
        """Run the forward pass and the loss, then the backward pass; what was changed stays changed."""
        bench, readings = self.bench, self.readings
        slots = [] if readings.some_applied() else readings.slots
        result = bench.differentiate(self.at, slots, refresh=True)
        outputs = [(bench.last_loss, 1.0)]
        if bench.own_loss is not None:
            outputs = [(follow(result, bench.own_loss), 1.0)]
        elif bench.cotangents:
            outputs = [(follow(bench.last_output, bench.outputs_of[n]), c) for n, c in bench.cotangents.items()]
        candidates = {(c.origin == "returned", c.keys): c.value for c in bench.read(result)}
        gradients = {}
        for name, pair in readings.pairs.items():
            found = candidates.get((pair.gradient.origin == "returned", pair.gradient.keys))
            if found is not None and not readings.is_applied(pair):
                gradients[name] = found
        rate = float(readings.rate.array) if readings.rate is not None else readings.fitted
        parameters = {name: (self._held(name), self.at[name]) for name in readings.pairs}
        return Ran(outputs, parameters, gradients, self.factor, rate if readings.some_applied() else None)

    def _held(self, name: str) -> Any:
        """The object that the program reads a parameter from."""
        leaf = self.bench.leaves[name]
        box, key = leaf.places[0]
        return leaf.value if isinstance(box, TupleBox) else dict(box.items()).get(key, leaf.value)

    def restore(self) -> None:
        """Put everything back."""
        self.bench.restore()

    def loss_with(self, name: str, value: Any) -> float:
        """The loss with one parameter at another value; everything is put back."""
        try:
            return float(np.real(self.bench.loss_at({**self.at, name: value})))
        finally:
            self.bench.restore()

    def loss_value(self) -> float:
        """The loss; everything is put back."""
        try:
            return float(np.real(self.bench.loss_at(self.at)))
        finally:
            self.bench.restore()

    def gradients(self) -> Mapping[str, Any]:
        """The gradients of another run, each divided by what it may be multiplied with; everything is put back."""
        found = self.readings.at(self.at, refresh=True)
        return {name: gradient / self.factor for name, gradient in found.items()}

    def check(self) -> bool:
        """Whether all gradients are right, here and at other parameters; everything is put back."""
        rng = np.random.default_rng(11)
        points = [{name: np.array(value) for name, value in self.at.items()}]
        points.append({name: nudged(value, rng) for name, value in points[0].items()})
        try:
            reports = [self.compare(self.readings.at(point, refresh=True), point) for point in points]
        except GradientCheckError:
            return False
        return all(map(_all_right, reports))


def _all_right(report: GradientReport) -> bool:
    return report.ok and any(row.verdict is Verdict.RIGHT for row in report)
