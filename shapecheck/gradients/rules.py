"""The derivative of a single operation: adjoints of its operands from the adjoint of its result.

The commonest are written down, and most of the others are autograd's. Own ones are for what autograd does not follow:
changes in place, views, ties, builtins. Where there is no rule the operation alone is differentiated numerically.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from shapecheck.gradients.arithmetic import by_arithmetic
from shapecheck.gradients.functions import BINARY, CannotReplayError, resolve
from shapecheck.gradients.keyed import by_key
from shapecheck.gradients.kinks import KINKS, Convention
from shapecheck.gradients.occurrences import Occurrences, as_double, is_differentiable, summed_to
from shapecheck.gradients.rearrangements import moved, moves_entries
from shapecheck.trace.tape import Operation, Ref

Contributions = list[tuple[int, Any]]

# Piecewise constant: their slope is zero wherever it exists.
_FLAT_NAMES = (
    "sign floor ceil rint round around trunc fix floor_divide isnan isfinite isinf greater less equal not_equal "
    "greater_equal less_equal logical_and logical_or logical_not logical_xor argmax argmin argsort heaviside "
    "zeros_like ones_like isclose signbit count_nonzero array_equal allclose any all"
)
_FLAT = frozenset(f"numpy.{name}" for name in _FLAT_NAMES.split()) | {
    *("builtins.round", "builtins.int", "math.floor", "math.ceil", ".round", ".any", ".all", "//"),
    *("==", "!=", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>"),
}
_AUTOGRAD_OPERATORS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "true_divide",
    "**": "power",
    "@": "matmul",
    "%": "mod",
    "unary-": "negative",
    "unary+": "real",
    "builtins.pow": "power",
    "numpy.divide": "true_divide",
    "numpy.pow": "power",
    "math.pow": "power",
    "math.atan": "arctan",
    "math.asin": "arcsin",
    "math.acos": "arccos",
    "math.atan2": "arctan2",
}
# An operation without a rule is differentiated entry by entry up to this many entries.
LARGEST_NUMERIC = 4096


class NoRuleError(LookupError):
    """An operation that cannot be differentiated, not even numerically."""


class LocalDerivative:
    """Differentiates operations one at a time.

    Attributes:
        convention: Which of several equal entries gets the slope of a `max`.
        tied: Numbers of the operations in which that convention made a difference.
        numeric: Numbers of the operations that had no rule and were differentiated numerically.
    """

    def __init__(self, convention: Convention = "split") -> None:
        self.convention = convention
        self.tied: set[int] = set()
        self.numeric: set[int] = set()

    def contributions(
        self, operation: Operation, lookup: Any, adjoint: Any, active: Collection[int], dtype: Any
    ) -> Contributions:
        """What each operand's adjoint receives through this operation.

        Args:
            operation: The operation.
            lookup: The array of every value, by number.
            adjoint: dLoss/d(result), of the result's shape.
            active: The values that are wanted; operands outside it are constants.
            dtype: Of the memory that the byte offsets of a `view` were counted in.

        Raises:
            NoRuleError: There is no rule, and the operation is too large for a numeric one.
        """
        name = operation.function
        if name in _FLAT:
            return []
        if (by_items := by_key(operation, lookup, adjoint, active)) is not None:
            return by_items
        if name.endswith("=") and name[:-1] in BINARY:
            return self._in_place(operation, lookup, adjoint, active, dtype)
        occurrences = Occurrences(operation, lookup, active)
        if not occurrences.values:
            return []
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parts = self._by_rule(occurrences, lookup[operation.result], adjoint, dtype)
            if parts is None:
                parts = numeric(occurrences, adjoint)
                self.numeric.add(operation.number)
        return [(v, np.asarray(p)) for v, p in zip(occurrences.values, parts, strict=True) if p is not None]

    def _by_rule(self, occurrences: Occurrences, result: Any, adjoint: Any, dtype: Any) -> list[Any] | None:
        name = occurrences.operation.function
        if "where" in occurrences.operation.keywords:
            if "out" in occurrences.operation.keywords:
                raise NoRuleError("where= with out=")
            return None
        if moves_entries(name):
            try:
                parts = moved(occurrences, dtype, adjoint)
            except (ValueError, TypeError, IndexError, CannotReplayError):
                parts = None
            if parts is not None:
                return parts
        if name in KINKS and not occurrences.operation.keywords.get("initial"):
            return self._kink(occurrences, result, adjoint)
        if name in {"builtins.sum", "math.fsum"}:
            return _builtin_sum(occurrences, adjoint)
        if name.endswith(".at"):
            return _scattered(occurrences, adjoint)
        if (parts := by_arithmetic(occurrences, result, adjoint)) is not None:
            return parts
        if name == "*" and occurrences.has_matrix:
            name = "numpy.dot"
        return by_autograd(name, occurrences, adjoint)

    def _kink(self, occurrences: Occurrences, result: Any, adjoint: Any) -> list[Any] | None:
        operation = occurrences.operation
        if operation.function in {"builtins.max", "builtins.min"} and len(operation.arguments) == 1:
            elements = operation.arguments[0]
            if isinstance(elements, list | tuple):
                if not all(isinstance(e, Ref | int | float) for e in elements):
                    return None
                inner = Operation(
                    operation.number, None, operation.function, tuple(elements), {}, operation.inputs, operation.result
                )
                return self._kink(occurrences.of(inner), result, adjoint)
        if any(d is None for d in occurrences.direct):
            return None
        arguments, keywords = occurrences.arguments()
        by_position, tie = KINKS[operation.function](arguments, keywords, result, adjoint, self.convention)
        if tie:
            self.tied.add(operation.number)
        if any(d not in by_position for d in occurrences.direct) and operation.function in {"numpy.clip", ".clip"}:
            return None
        return [
            by_position.get(d, np.zeros(a.shape))  # type: ignore[arg-type]
            for d, a in zip(occurrences.direct, occurrences.arrays, strict=True)
        ]

    def _in_place(
        self, operation: Operation, lookup: Any, adjoint: Any, active: Collection[int], dtype: Any
    ) -> Contributions:
        """`x op= v` as `x op v`; `x[i] op= v` as reading, operating and writing back."""
        symbol = operation.function[:-1]
        if len(operation.arguments) < 3:
            plain = _like(operation, symbol, operation.arguments)
            return self.contributions(plain, lookup, adjoint, active, dtype)
        target, value, key = operation.arguments
        read, made = -1, -2  # value numbers of the two steps in between
        steps = _Extended(lookup)
        index = _filled(key, lookup)
        steps[read] = np.asarray(lookup[target.value])[index]
        steps[made] = BINARY[symbol](steps[read], _filled(value, lookup))
        wanted = {*active, read, made}
        total: Contributions = []
        middle: Any = 0.0
        write = _like(operation, "setitem", (target, key, Ref(made)))
        for number, part in self.contributions(write, steps, adjoint, wanted, dtype):
            if number == made:
                middle = part
            else:
                total.append((number, part))
        part_read: Any = 0.0
        operate = _like(operation, symbol, (Ref(read), value))
        for number, part in self.contributions(operate, steps, middle, wanted, dtype):
            if number == read:
                part_read = part
            else:
                total.append((number, part))
        fetch = _like(operation, "getitem", (target, key))
        return total + self.contributions(fetch, steps, part_read, active, dtype)


class _Extended:
    """The arrays of all values, and of two steps that the tape does not have."""

    def __init__(self, lookup: Any) -> None:
        self._lookup = lookup
        self._own: dict[int, Any] = {}

    def __setitem__(self, number: int, array: Any) -> None:
        self._own[number] = array

    def __getitem__(self, number: int) -> Any:
        return self._own[number] if number in self._own else self._lookup[number]


def _like(operation: Operation, function: str, arguments: tuple[Any, ...]) -> Operation:
    return Operation(operation.number, operation.site, function, arguments, {}, operation.inputs, operation.result)


def _filled(structure: Any, lookup: Any) -> Any:
    if isinstance(structure, Ref):
        return lookup[structure.value]
    if isinstance(structure, list | tuple):
        return type(structure)([_filled(e, lookup) for e in structure])
    return structure


def _builtin_sum(occurrences: Occurrences, adjoint: Any) -> list[Any] | None:
    """`sum(list)` gives the adjoint to every element; `sum(array)` runs over the first axis."""
    if any(isinstance(a, list | tuple) for a in occurrences.operation.arguments):
        return [summed_to(adjoint, a.shape) for a in occurrences.arrays]
    return [
        np.broadcast_to(adjoint, a.shape) if d == 0 else summed_to(adjoint, a.shape)
        for d, a in zip(occurrences.direct, occurrences.arrays, strict=True)
    ]


def _scattered(occurrences: Occurrences, adjoint: Any) -> list[Any] | None:
    """`np.add.at(x, i, v)`: x keeps its adjoint, v reads it at i, as often as i says."""
    sign = {"numpy.add.at": 1.0, "numpy.subtract.at": -1.0}.get(occurrences.operation.function)
    if sign is None:
        return None
    arguments, _ = occurrences.arguments()
    return [
        adjoint if d == 0 else summed_to(sign * np.asarray(adjoint)[arguments[1]], a.shape)
        for d, a in zip(occurrences.direct, occurrences.arrays, strict=True)
    ]


# -- autograd -------------------------------------------------------------------------------------------------------


def _autograd_function(name: str) -> Callable[..., Any] | None:
    """Autograd's counterpart of a function of the tape; a function that calls the method for `.name`."""
    import autograd.numpy as anp  # noqa: PLC0415

    if name in _AUTOGRAD_OPERATORS:
        return getattr(anp, _AUTOGRAD_OPERATORS[name])  # type: ignore[no-any-return]
    if name.startswith("."):
        method = {"flatten": "ravel"}.get(name[1:], name[1:])
        free = getattr(anp, method, None)
        if free is not None:
            return free  # type: ignore[no-any-return]
        return None
    library, _, rest = name.partition(".")
    thing: Any = anp if library in {"numpy", "math"} else None
    if library == "scipy":
        import autograd.scipy.special  # noqa: PLC0415
        import autograd.scipy.stats  # noqa: PLC0415

        thing = autograd.scipy
    if library == "math" and rest == "erf":
        from autograd.scipy import special  # noqa: PLC0415

        return special.erf  # type: ignore[no-any-return]
    for part in rest.split("."):
        thing = getattr(thing, part, None)
    return thing if callable(thing) else None


def by_autograd(name: str, occurrences: Occurrences, adjoint: Any) -> list[Any] | None:
    """The operands' adjoints by autograd's rule; None where it has none, or its rule does not fit."""
    import autograd  # noqa: PLC0415

    target = _autograd_function(name)
    if target is None:
        return None
    of_occurrences = occurrences.function(target)
    try:
        pull_back, again = autograd.make_vjp(of_occurrences, tuple(range(len(occurrences.arrays))))(*occurrences.arrays)
        if np.shape(again) != np.shape(adjoint):
            return None
        parts = pull_back(np.asarray(adjoint)[()] if np.ndim(adjoint) == 0 else np.asarray(adjoint))
    except Exception:  # an unknown keyword, an unsupported type: autograd raises all sorts of things
        return None
    parts = [np.asarray(p) for p in parts]
    fits = all(p.shape == a.shape and p.dtype.kind in "fc" for p, a in zip(parts, occurrences.arrays, strict=True))
    return parts if fits else None


# -- numerically ----------------------------------------------------------------------------------------------------


def numeric(occurrences: Occurrences, adjoint: Any) -> list[Any]:
    """The operands' adjoints by central differences of this operation alone.

    Raises:
        NoRuleError: It is too large, or it fails on other operands than its own.
    """
    try:
        target = occurrences.function(resolve(occurrences.operation.function))
    except CannotReplayError as error:
        raise NoRuleError(str(error)) from error
    parts = []
    for i, array in enumerate(occurrences.arrays):

        def moved_by(step: Any, i: int = i, array: Any = array) -> Any:
            changed = list(occurrences.arrays)
            changed[i] = array + step
            return np.asarray(target(*changed), dtype=np.float64)

        try:
            parts.append(_numeric_part(moved_by, array, np.asarray(adjoint)))
        except NoRuleError:
            raise
        except Exception as error:
            raise NoRuleError(f"{occurrences.operation.function}: {error}") from error
    return parts


def _numeric_part(moved_by: Callable[[Any], Any], array: Any, adjoint: Any) -> Any:
    base = moved_by(np.zeros(array.shape))
    if base.shape != adjoint.shape:
        raise NoRuleError(f"gives {base.shape} where {adjoint.shape} was recorded")
    unit = np.maximum(1.0, np.abs(array))
    if base.shape == array.shape and array.size > 1:
        half = np.zeros(array.shape)
        half.flat[::2] = 1e-6 * unit.flat[::2]
        if np.array_equal(moved_by(half).ravel()[1::2], base.ravel()[1::2], equal_nan=True):  # elementwise
            return adjoint * _settled([_difference(moved_by, step) for step in _steps(array, unit)])
    if array.size > LARGEST_NUMERIC:
        raise NoRuleError(f"{array.size} entries without a rule")
    gradient = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        one = np.zeros(array.shape)
        one[index] = 1e-6 * unit[index]
        gradient[index] = np.sum(adjoint * (moved_by(one) - moved_by(-one))) / (2 * one[index])
    return gradient


def _steps(array: Any, unit: Any) -> list[Any]:
    own = np.where(array == 0, unit, np.abs(array))  # of small entries, where a function may bend sharply
    return [*(size * unit for size in (1e-5, 1e-6, 1e-7)), *(size * own for size in (1e-3, 1e-4, 1e-5))]


def _difference(moved_by: Callable[[Any], Any], step: Any) -> Any:
    return (moved_by(step) - moved_by(-step)) / (2 * step)


def _settled(slopes: list[Any]) -> Any:
    """Entry by entry, of slopes at falling steps, the one that agrees best with the one before it."""
    gaps = np.array([np.abs(b - a) for a, b in itertools.pairwise(slopes)])
    gaps[~np.isfinite(gaps)] = np.inf
    return np.take_along_axis(np.array(slopes[1:]), gaps.argmin(axis=0)[None], axis=0)[0]


__all__ = ["Contributions", "LocalDerivative", "NoRuleError", "as_double", "is_differentiable"]
