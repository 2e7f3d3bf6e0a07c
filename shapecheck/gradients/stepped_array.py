"""An array that carries its derivative in the imaginary part through the branches that the real program takes.

A plain complex array is silently wrong for abs, norm, var and sign, compares by its imaginary part where real parts
are equal, and overflows where the real program does not. This class gives those functions the rule that a real
program means, and refuses what has none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

STEP = 1e-20

Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}  # by the name of the ufunc; filled by `stepped_rules`
FUNCTION_RULES: dict[str, Rule] = {}  # by the name of the NumPy function
REFUSED: set[str] = set()


class RefusedError(Exception):
    """A call that a complex step cannot pass through; the text names it."""


@dataclass
class Passage:
    """One evaluation with stepped arrays.

    Attributes:
        tie: Whether a maximum of two equal numbers passes on the derivative of the one that moves.
        branch: Whether a comparison of two equal numbers, one of which moves, comes out true.
        unguarded: Whether to leave out what only guards a logarithm (clip to [1e-7, 1 - 1e-7], + 1e-8).
        dither: Where given, logarithms are taken of numbers that differ in their last absolute digit: 1 - a has few
            digits left where a is nearly 1.
        coarse: Where given, what rounds every number on the way, values and derivatives alike.
        ties: How many entries were exactly at a kink.
        guarded: How many entries a guard changed noticeably.
        cancelled: Of how many numbers so small that few digits may be left of them a logarithm was taken.
        float_of: The stepped value last turned into a Python float, `float_at` where in the user's code.
        floats: How many different ones were.
    """

    tie: bool = False
    branch: bool | None = None
    unguarded: bool = False
    dither: np.random.Generator | None = None
    coarse: Callable[[Any], Any] | None = None
    ties: int = 0
    guarded: int = 0
    cancelled: int = 0
    floats: int = 0
    float_of: complex | None = None
    float_at: tuple[str, int] | None = None


passage: ContextVar[Passage] = ContextVar("passage")


class SteppedArray(np.ndarray[Any, Any]):
    """A complex array whose imaginary part is infinitesimal."""

    bare: Any = None  # the operand before a guard was added to it

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        rule = RULES.get(ufunc.__name__) if method == "__call__" else None
        if rule is not None and kwargs.get("where", True) is True:
            result = rule(*inputs)
        else:
            if method == "__call__" and ufunc.__name__ in REFUSED:
                raise RefusedError(f"np.{ufunc.__name__}")
            if out is not None:
                kwargs["out"] = tuple(plain(o) for o in out)
            result = getattr(ufunc, method)(*(plain(i) for i in inputs), **kwargs)
            if out is not None:
                return out[0] if len(out) == 1 else out
        if out is not None:
            if not np.iscomplexobj(plain(out[0])) and np.iscomplexobj(plain(result)):
                raise RefusedError(f"np.{ufunc.__name__} into an array of floats")
            plain(out[0])[...] = rounded(plain(result))
            return out[0]
        return stepped(rounded(result))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = func.__name__
        rule = FUNCTION_RULES.get(name)
        if rule is not None:
            return stepped(rule(*args, **kwargs))
        if name in REFUSED:
            raise RefusedError(f"np.{name}")
        return stepped(super().__array_function__(func, types, args, kwargs))

    def __float__(self) -> float:
        value = complex(plain(self).reshape(())[()])
        now = passage.get()
        if now.float_of is None or now.float_of.real != value.real:
            now.floats += 1
            now.float_of, now.float_at = value, _line_of_caller()
        return value.real

    def __bool__(self) -> bool:
        return bool(plain(self).real)

    def __int__(self) -> int:
        return int(plain(self).real)

    @property  # type: ignore[misc]
    def real(self) -> Any:
        """Itself: the program means a real array."""
        return self

    @property  # type: ignore[misc]
    def imag(self) -> Any:
        """Zeros, as of any real array."""
        return np.zeros(self.shape)

    def conj(self) -> Any:
        """Itself, as of any real array."""
        return self

    def conjugate(self) -> Any:
        """Itself, as of any real array."""
        return self

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """A copy that keeps the derivative, or the real part as integers."""
        kind = np.dtype(dtype).kind
        if kind == "f":
            return self.copy()
        if kind == "c":
            return super().astype(dtype, *args, **kwargs)
        return plain(self).real.astype(dtype)

    def var(self, *args: Any, **kwargs: Any) -> Any:
        """As `np.var` of the real program."""
        return stepped(FUNCTION_RULES["var"](self, *args, **kwargs))

    def std(self, *args: Any, **kwargs: Any) -> Any:
        """As `np.std` of the real program."""
        return stepped(FUNCTION_RULES["std"](self, *args, **kwargs))

    def round(self, decimals: int = 0, *_: Any) -> Any:  # type: ignore[override]
        """The rounded real part; it has no derivative."""
        return np.round(plain(self).real, decimals)

    def item(self, *args: Any) -> Any:
        """A stepped number."""
        return stepped(plain(self).item(*args))


def _line_of_caller() -> tuple[str, int] | None:
    frame = sys._getframe(2)
    return (frame.f_code.co_filename, frame.f_lineno)


def plain(value: Any) -> Any:
    """The complex array behind a stepped one; anything else as it is."""
    return value.view(np.ndarray) if isinstance(value, SteppedArray) else value


def stepped(value: Any) -> Any:
    """Complex results as stepped arrays; real ones as they are."""
    if isinstance(value, SteppedArray):
        return value
    if isinstance(value, np.ndarray | np.generic | complex):
        return np.asarray(value).view(SteppedArray) if np.iscomplexobj(value) else value
    if type(value) in {tuple, list}:
        return type(value)(stepped(v) for v in value)
    return value


def rounded(value: Any) -> Any:
    """A complex result in the passage's coarse arithmetic; the same where it has none."""
    coarse = passage.get().coarse
    if coarse is None or not np.iscomplexobj(plain(value)):
        return value
    array = np.asarray(plain(value))
    result = np.empty(array.shape, np.complex128)
    result.real = coarse(array.real)
    result.imag = STEP * coarse(array.imag / STEP)
    return result


def parts(value: Any) -> tuple[Any, Any]:
    """The value and its derivative times the step; 0.0 where it does not move."""
    array = np.asarray(plain(value))
    return (array.real, array.imag) if array.dtype.kind == "c" else (array, 0.0)
