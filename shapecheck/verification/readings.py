"""The gradients of a run, by the names of their parameters, wherever the backward pass puts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.check import numeric_gradient
from shapecheck.gradients.errors import GradientCheckError, GradientMismatchError
from shapecheck.verification import applied
from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called
from shapecheck.verification.errors import VerificationError
from shapecheck.verification.pairing import Pair
from shapecheck.verification.state import Leaf

Arrays = dict[str, NDArray[Any]]


class Readings:
    """Reads the gradients of the paired parameters.

    Args:
        bench: The call.
        pairs: Gradients and parameters; two gradients of one parameter count once.

    Attributes:
        pairs: By the parameter's name.
        rate: The learning rate, where gradients are applied.
        steps: What the last reading of applied gradients found.
        fitted: The rate that fits, where none was found by name.
    """

    def __init__(self, bench: Bench, pairs: Sequence[Pair]) -> None:
        self.bench = bench
        self.pairs: dict[str, Pair] = {}
        for pair in pairs:
            if any(pair.parameter is known.parameter for known in self.pairs.values()):
                continue
            name = pair.parameter.path
            while name in self.pairs:
                name += "'"
            self.pairs[name] = pair
        self.rate = applied.find_rate(bench)
        self.steps: applied.Steps | None = None
        self.fitted: float | None = None
        self.slots = [leaf for leaf in map(self._slot, self.pairs.values()) if leaf is not None]

    def given(self) -> Arrays:
        """The gradients of the real call."""
        return {name: pair.gradient.value for name, pair in self.pairs.items()}

    def is_applied(self, pair: Pair) -> bool:
        """Whether this gradient is only known from the parameter's change."""
        return pair.how == "from its change"

    def some_applied(self) -> bool:
        """Whether any is."""
        return any(self.is_applied(pair) for pair in self.pairs.values())

    def some_added(self) -> bool:
        """Whether a gradient was left where something was already, so that it may have been added to that."""
        return any(
            pair.gradient.origin == "left" and pair.gradient.before is not None and bool(np.any(pair.gradient.before))
            for pair in self.pairs.values()
        )

    def drop_unwritten(self, gradients: Arrays) -> None:
        """Forget what another function left: gradients that stay zero when this one is called again.

        Args:
            gradients: Read after their places had been zeroed; the forgotten ones are removed.
        """
        for name, pair in list(self.pairs.items()):
            untouched = pair.gradient.origin == "left" and not pair.gradient.changed
            if untouched and not np.any(gradients.get(name, 0)) and len(self.pairs) > 1:
                del self.pairs[name]
                gradients.pop(name, None)

    def _slot(self, pair: Pair) -> Leaf | None:
        return self.bench.before.find(pair.gradient.label) if pair.gradient.origin == "left" else None

    def read(self, result: Any) -> Arrays:
        """The gradients that a run returned or left; those that it applied are left out."""
        candidates = {(c.origin == "returned", c.keys): c for c in self.bench.read(result)}
        found: Arrays = {}
        for name, pair in self.pairs.items():
            if self.is_applied(pair):
                continue
            candidate = candidates.get((pair.gradient.origin == "returned", pair.gradient.keys))
            slot = self._slot(pair)
            if candidate is not None:
                found[name] = np.array(candidate.value)
            elif slot is not None:  # left untouched: still the zeros that it was given
                found[name] = np.zeros(slot.shape)
        return found

    def parameters_after(self, result: Any) -> Arrays:
        """The parameters that the backward pass updates, as they are after a run."""
        after = self.bench.state_after(result)
        returned = {c.keys: c for c in self.bench.read(result, after) if c.origin == "returned"}
        found: Arrays = {}
        for name, pair in self.pairs.items():
            if not self.is_applied(pair):
                continue
            leaf = after.find(pair.gradient.label)
            if pair.gradient.keys in returned:
                found[name] = np.array(returned[pair.gradient.keys].value)
            elif leaf is not None:
                found[name] = np.array(leaf.array)
        return found

    def read_or_steps(self, result: Any) -> Arrays:
        """The gradients that a run returned or left, and for those that it applied the parameters after it."""
        return {**self.read(result), **self.parameters_after(result)} if self.some_applied() else self.read(result)

    def at(self, values: Mapping[str, Any], *, refresh: bool) -> Arrays:
        """Run the backward pass at `values` and read all gradients; the state is put back.

        Args:
            values: Parameters by name; copies.
            refresh: Whether to run the loss, and with it the forward pass, first.

        Raises:
            VerificationError: The backward pass raises when it is called again.
        """
        try:
            found = self.read(self.bench.differentiate(values, self.slots, refresh=refresh))
            if self.some_applied():
                found.update(self._applied(values, refresh=refresh))
        except GradientCheckError:
            raise
        except Exception as error:
            raise VerificationError(
                f"`{called(self.bench.function)}` raised {type(error).__name__} when it was called again for the "
                f"check: {error}",
                role="backward pass",
            ) from error
        finally:
            self.bench.restore()
        return found

    def _applied(self, values: Mapping[str, Any], *, refresh: bool) -> Arrays:
        if self.rate is not None:
            self.steps = applied.read_steps(self.bench, values, self.parameters_after, self.rate, refresh=refresh)
            return {name: g.astype(_float_type(values[name])) for name, g in self.steps.gradients.items()}
        now = self.parameters_after(self.bench.differentiate(values, refresh=refresh))
        steps = {name: np.asarray(values[name], np.float64) - now[name] for name in now}
        if self.fitted is None:
            self.fitted = self._fit_rate(values, steps)
        return {name: (step / self.fitted).astype(_float_type(values[name])) for name, step in steps.items()}

    def _fit_rate(self, values: Mapping[str, Any], steps: Arrays) -> float:
        """Where the rate is a literal, one common factor is left open: that of the smallest parameter's step."""
        for name in sorted(steps, key=lambda key: steps[key].size):
            if not np.any(steps[name]):
                continue
            self.bench.restore()
            own = self.bench.values(values)
            slope = numeric_gradient(
                lambda moved, own=own, name=name: self.bench.loss_at({**own, name: moved}), own[name]
            )
            norm = float(np.sum(slope * slope))
            factor = float(np.sum(steps[name] * slope)) / norm if norm > 0 else 0.0
            if factor < 0:
                raise GradientMismatchError(
                    f"`{called(self.bench.function)}` moves `{name}` uphill: it adds {-factor:.4g} times the gradient, "
                    f"where it should subtract the gradient times a learning rate\n"
                    f"  help    subtract (`-=`), or take the error as target - output"
                )
            if factor > 0:
                return factor
        return 1.0


def _float_type(value: Any) -> np.dtype[Any]:
    dtype = np.asarray(value).dtype
    return dtype if dtype.kind == "f" else np.dtype(float)
