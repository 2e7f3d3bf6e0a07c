"""The loss as `gradcheck` calls it, and the program's arrays as it may look through them for symptoms."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called
from shapecheck.verification.pairing import is_called_parameter, may_be_parameter
from shapecheck.verification.state import State

# The search for a missing slope tries products of all of them.
_MOST_VALUES = 12
_LARGEST = 1_000_000


class LossOfParameters:
    """Takes the parameters by name, puts them in their places, and evaluates the loss there.

    Args:
        bench: The call. Held weakly: `gradcheck` looks through a loss for arrays and generators, and must not find
            the copies that a bench keeps.
        values: Arrays of the program by name, for it to find instead.
    """

    def __init__(self, bench: Bench, values: Mapping[str, NDArray[Any]] | None = None) -> None:
        self._bench = weakref.ref(bench)
        self.values = dict(values or {})
        self.__name__ = called(bench.loss or bench.forward or bench.function)

    def __call__(self, parameters_by_path: Mapping[str, Any], /) -> Any:
        """The loss with the parameters at these values; whatever else it changes is put back first."""
        bench = self._bench()
        assert bench is not None
        return bench.loss_at(parameters_by_path)


def values_worth_showing(bench: Bench) -> dict[str, NDArray[Any]]:
    """Inputs, targets and forward values by the user's names, as an evaluation of the loss has left them; copies."""
    state = State({**bench.arguments, **bench.fresh}, [], bench.inputs)
    arrays = [
        leaf
        for leaf in state.leaves
        if leaf.array.ndim and 1 < leaf.array.size <= _LARGEST and may_be_parameter(leaf) and leaf.array.ndim <= 2
    ]
    arrays.sort(key=is_called_parameter)
    return {leaf.path: np.array(leaf.value) for leaf in arrays[:_MOST_VALUES]}
