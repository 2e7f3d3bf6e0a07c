"""What is examined: the user's loss, parameters and gradient function, with their random generators held still."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.contracts import matched_gradients
from shapecheck.gradients.determinism import HeldGenerators, generators
from shapecheck.gradients.errors import MutationError
from shapecheck.gradients.objective import Objective, call_with, calling_convention
from shapecheck.gradients.reachable import Place, places
from shapecheck.gradients.symptoms_in_values import usable_values

Floats = NDArray[np.float64]
DOUBLE = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Options:
    """What the caller of `gradcheck` asked for."""

    mode: str = "projection"
    rtol: float | None = None
    atol: float | None = None
    seed: int = 0
    executor: Executor | None = None
    sign: int = 1
    samples: int = 100
    perturb: bool = True
    values: Any | None = None
    previous: Any | None = None
    progress: bool | None = None
    reproduce: str | None = None


class Subject:
    """The user's side of a check.

    Attributes:
        objective: The loss.
        params: The parameters.
        recompute: Calls the user's gradient function; None where the gradients are given as arrays.
        found: The places that the user's functions can reach, as they were in the beginning.
        generators: The random generators among them.
        notes: What the reader should know besides the verdicts.
    """

    def __init__(self, objective: Objective, grads: Any, options: Options) -> None:
        self.objective = objective
        self.params = objective.params
        self.options = options
        self.notes: list[str] = []
        self.recompute: Callable[[], Any] | None = None
        self._grads = grads
        if callable(grads):
            self._arguments = calling_convention(grads, self.params.structure, "the gradient function")
            self.recompute = lambda: call_with(grads, self.params.current_structure(), self._arguments)
        self.found = list(places(objective.loss, self.params.structure, self._function))
        self.generators = HeldGenerators(generators(self.found))
        self._dtypes: dict[str, np.dtype[Any]] = {}

    @property
    def _function(self) -> Any:
        return self._grads if self.recompute is not None else None

    @property
    def is_single(self) -> bool:
        """Whether some parameter has fewer digits than float64."""
        return any(p.is_single_precision for p in self.params)

    def note(self, text: str) -> None:
        """Tell the reader, once."""
        if text not in self.notes:
            self.notes.append(text)

    def watch(self) -> bool:
        """After the first evaluation: did it move a random generator? If so it is held from now on."""
        if not self.generators.look():
            return False
        self.objective.hold = self.generators.rewind
        moved = " and ".join(f"`{n}`" for n in self.generators.moved)
        self.note(f"the loss draws from {moved}: held still for every evaluation")
        return True

    @contextmanager
    def left_as_found(self) -> Iterator[None]:
        """Put back on the way out what a forward pass keeps: it would be that of displaced or complex parameters."""
        try:
            yield
            if self.objective.substituted:  # a cache may be a new list or dict: only a forward pass fills it anew
                self.params.restore()
                with suppress(Exception):
                    self.objective()
        finally:
            for place in self.found:
                if isinstance(place.value, np.ndarray):
                    with suppress(LookupError, AttributeError, ValueError):  # it is not there any more
                        if place.current is not place.value:
                            place.put(place.value)

    def gradients(self) -> dict[str, Floats]:
        """The user's gradients at the parameters as they are, in float64 and with the sign the loss rises by."""
        given = self._grads
        if self.recompute is not None:
            self.objective.hold()
            given = self.recompute()
            self.params.refuse_changes("the gradient function")
        matched = matched_gradients(given, self.params)
        self._dtypes = {n: a.dtype for n, a in matched.items()}
        # A function's are copied: many a backward pass returns the same buffers each time.
        copied = self.recompute is not None
        return self._signed({n: a.astype(np.float64, copy=copied) for n, a in matched.items()})

    def gradients_of(self, copies: dict[str, Floats], structure: Any) -> dict[str, Floats] | None:
        """What the gradient function gives with float64 copies in place; None where it is not in float64."""
        self.objective.raw(structure)
        self.objective.hold()
        matched = matched_gradients(call_with(self._grads, structure, self._arguments), self.params)
        if any(a.dtype != np.float64 for a in matched.values()):
            return None
        del copies
        return self._signed({n: a.astype(np.float64) for n, a in matched.items()})

    def previous(self) -> dict[str, Floats]:
        """The gradients of the previous step, where they were given."""
        if self.options.previous is None:
            return {}
        matched = matched_gradients(self.options.previous, self.params)
        return self._signed({n: a.astype(np.float64) for n, a in matched.items()})

    def _signed(self, gradients: dict[str, Floats]) -> dict[str, Floats]:
        return gradients if self.options.sign == 1 else {n: self.options.sign * a for n, a in gradients.items()}

    def precision(self, name: str) -> float:
        """Rounding unit of the arithmetic that a gradient was computed in."""
        dtypes = [d for d in (self.params[name].dtype, self._dtypes.get(name)) if d is not None and d.kind == "f"]
        return max([*(float(np.finfo(d).eps) for d in dtypes), DOUBLE])

    def note_integers(self, names: Iterable[str]) -> None:
        """Say which of these wrong gradients are of whole numbers: what was written into them is cut off."""
        whole = [n for n in names if n in self._dtypes and self._dtypes[n].kind in "iu"]
        if whole:
            verb = "is" if len(whole) == 1 else "are"
            self.note(
                f"the gradient of {quoted(whole)} {verb} of dtype {self._dtypes[whole[0]]}, which cuts off what "
                f"follows the point: make the array that it is written into of floats"
            )

    def repeats(self, name: str) -> bool:
        """Whether the gradient function returns the same when it is called twice at the same parameters."""
        if self.recompute is None:
            return True
        self.objective()
        first = self.gradients()
        self.objective()
        second = self.gradients()
        return bool(np.allclose(first[name], second[name], rtol=1e-6, atol=0, equal_nan=True))

    def blame_backward(self) -> None:
        """Raise with the name of an array that the gradient function changes and the loss reads.

        Raises:
            MutationError: Always.
        """
        assert self.recompute is not None
        arrays = {id(p.value): (p.name, p.value) for p in self.found if isinstance(p.value, np.ndarray)}
        self.objective()
        before = {key: value.copy() for key, (_, value) in arrays.items()}
        self.recompute()
        changed = [
            n for key, (n, v) in arrays.items() if not np.array_equal(v, before[key], equal_nan=v.dtype.kind == "f")
        ]
        what = f"`{changed[0]}`" if changed else "something that the loss reads"
        raise MutationError(
            f"the gradient function changes {what} in place, so that the loss is another one afterwards. Work on a "
            f"copy, or write `a = a * b` where it says `a *= b`",
            parameter=changed[0] if changed else "",
            who="the gradient function",
        )

    def values(self) -> dict[str, NDArray[Any]]:
        """The program's arrays by name, as they are at the center."""
        named: dict[str, Any] = {}
        self.objective()
        if self.recompute is not None:
            self.recompute()
        for place in places(self.options.values, self.objective.loss, self._function):
            if isinstance(place.value, np.ndarray) and place.name:
                named.setdefault(place.name, place.value)
        for parameter in self.params:
            named.setdefault(parameter.name, parameter.center)
        return {n: np.array(v) for n, v in usable_values(named).items()}

    def lengths(self) -> dict[int, str]:
        """Lengths of axes in the program, for naming factors; the data's before others, the parameters' last."""
        own = {id(p.value) for p in self.params}
        # What a loss computes is another object after each evaluation; what stays is data.
        first = {(p.name, id(p.value)) for p in self.found}
        arrays = [p for p in places(self.objective.loss, self._function) if _is_named_array(p)]
        arrays.sort(key=lambda p: ((p.name, id(p.value)) not in first, id(p.value) in own))
        lengths: dict[int, str] = {}
        for place in arrays:
            for axis, length in enumerate(place.value.shape):
                lengths.setdefault(int(length), f"the length of axis {axis} of `{place.name}`")
        return lengths


def _is_named_array(place: Place) -> bool:
    return isinstance(place.value, np.ndarray) and bool(place.name)


def quoted(names: list[str]) -> str:
    """Names as a reader sees them."""
    return ", ".join(f"`{n}`" for n in names)
