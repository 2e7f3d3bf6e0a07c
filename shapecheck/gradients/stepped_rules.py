"""What NumPy's functions do to a stepped array: the derivative that the real program means, along its own branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shapecheck.gradients.stepped_array import (
    FUNCTION_RULES,
    REFUSED,
    RULES,
    RefusedError,
    Rule,
    SteppedArray,
    parts,
    passage,
    plain,
    stepped,
)


def _of(real: Any, imag: Any) -> Any:
    result = np.empty(np.broadcast(real, imag).shape, dtype=np.complex128)
    result.real = real
    result.imag = imag
    return result


def _chain(function: Callable[[Any], Any], slope: Callable[[Any, Any], Any]) -> Rule:
    """A rule for an elementwise function from its derivative `slope(x, f(x))`."""

    def rule(z: Any) -> Any:
        x, dx = parts(z)
        y = function(x)
        with np.errstate(all="ignore"):
            dy = np.where(dx == 0, 0.0, dx * slope(x, y))
        return _of(y, dy)

    return rule


def _exp(z: Any) -> Any:
    x, dx = parts(z)
    y = np.exp(x)
    return _of(y, np.where(np.isinf(y), 0.0, dx) * np.where(np.isinf(y), 0.0, y))


def _log(z: Any) -> Any:
    bare = getattr(z, "bare", None)
    if bare is not None:
        now = passage.get()
        x, _ = parts(bare)
        guard = float(np.max(parts(z)[0] - x, initial=0.0))
        now.guarded += int(np.sum(np.abs(x) < 1e6 * guard))
        if now.unguarded:
            z = bare
    x, dx = parts(z)
    passage.get().cancelled += int(np.sum(x < 1e-4))
    dither = passage.get().dither
    if dither is not None:
        x = np.maximum(x + 1.2e-16 * dither.uniform(-1, 1, np.shape(x)), 2e-17)
    with np.errstate(all="ignore"):
        slope = np.where(dx == 0, 0.0, dx / x)
        if passage.get().coarse is not None:
            slope = np.where(x > 1, _loosened(slope, lambda p: 1 - p, 1 / x), slope)
        return _of(np.log(x), slope)


def _loosened(slope: Any, kept: Callable[[Any], Any], y: Any) -> Any:
    """In coarse arithmetic: a slope that people compute from what `y` leaves of 1, as in a * (1 - a) or a - target."""
    coarse = passage.get().coarse
    if coarse is None:
        return slope
    with np.errstate(all="ignore"):
        factor = kept(coarse(y)) / kept(y)
    return slope * np.where(np.isfinite(factor), factor, 1.0)


def _divide(a: Any, b: Any) -> Any:
    result = np.true_divide(plain(a), plain(b))
    if passage.get().coarse is None or not np.iscomplexobj(result):
        return result
    y, dy = parts(result)
    return _of(y, np.where((y > 0) & (y < 1), _loosened(dy, lambda p: 1 - p, y), dy))


def _tanh(z: Any) -> Any:
    x, dx = parts(z)
    y = np.tanh(x)
    return _of(y, _loosened(dx * (1 - y * y), lambda a: 1 - a * a, y))


def _add(a: Any, b: Any) -> Any:
    result = stepped(np.add(plain(a), plain(b)))
    for array, constant in ((a, b), (b, a)):
        if _is_small_constant(constant) and isinstance(array, SteppedArray) and isinstance(result, SteppedArray):
            result.bare = array
    return result


def _is_small_constant(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(0 < value <= 1e-3)


def _matmul(a: Any, b: Any) -> Any:
    # The product of two infinitesimals is nothing, and a real factor needs no complex copy.
    (x, dx), (y, dy) = parts(a), parts(b)
    real = x @ y
    if np.ndim(dx) == 0:
        return _of(real, x @ dy)
    return _of(real, dx @ y if np.ndim(dy) == 0 else x @ dy + dx @ y)


def _choose(first_wins: Callable[[Any, Any], Any]) -> Rule:
    def rule(a: Any, b: Any) -> Any:
        (x, dx), (y, dy) = parts(a), parts(b)
        now = passage.get()
        first = first_wins(x, y)
        for constant, other, wins in ((a, b, first), (b, a, first_wins(y, x))):
            if _is_guard(constant):
                now.guarded += int(np.sum(wins))
                if now.unguarded:
                    return other
        moving = np.abs(dx) > np.abs(dy)
        equal = (x == y) & (dx != dy)
        now.ties += int(np.sum(equal))
        first = np.where(equal, moving if now.tie else ~moving, first)
        return np.where(first, plain(a), plain(b))

    return rule


def _compare(function: Callable[[Any, Any], Any]) -> Rule:
    def rule(a: Any, b: Any) -> Any:
        (x, dx), (y, dy) = parts(a), parts(b)
        now = passage.get()
        equal = (x == y) & (dx != dy)
        if not np.any(equal):
            return function(x, y)
        now.ties += int(np.sum(equal))
        result = function(x, y)
        return result if now.branch is None else np.where(equal, now.branch, result)

    return rule


def _is_guard(value: Any) -> bool:
    """Whether this operand of a maximum or minimum only keeps a probability off 0 and 1."""
    if isinstance(value, SteppedArray) or np.size(value) != 1:
        return False
    bound = float(np.reshape(value, ()))
    return bool(0 < bound <= 1e-2 or 0.99 <= bound < 1)


def _guards(low: float | None, high: float | None) -> bool:
    """Whether these bounds only keep a probability off 0 and 1, or an exponent from overflow."""
    lower, upper = -np.inf if low is None else low, np.inf if high is None else high
    probability = 0 <= lower <= 1e-2 and (0.99 <= upper <= 1 or upper == np.inf) and (lower, upper) != (0, 1)
    return bool((probability and (lower, upper) != (0, np.inf)) or (lower <= -20 and upper >= 20))


def _clip(z: Any, low: Any = None, high: Any = None, **_: Any) -> Any:
    x, _dx = parts(z)
    now = passage.get()
    below = np.zeros(x.shape, bool) if low is None else x < low
    above = np.zeros(x.shape, bool) if high is None else x > high
    scalars = (low is None or np.ndim(low) == 0) and (high is None or np.ndim(high) == 0)
    if scalars and _guards(None if low is None else float(low), None if high is None else float(high)):
        now.guarded += int(np.sum(below | above))
        if now.unguarded:
            return z
    result = np.array(plain(z), dtype=np.complex128)
    result = np.where(below, low if low is not None else 0.0, result)
    return np.where(above, high if high is not None else 0.0, result)


def _abs(z: Any) -> Any:
    x, dx = parts(z)
    now = passage.get()
    kinks = (x == 0) & (dx != 0)
    now.ties += int(np.sum(kinks))
    return _of(np.abs(x), np.where(kinks, dx if now.tie else 0.0, np.sign(x) * dx))


def _real_only(function: Any) -> Rule:
    return lambda *arrays: function(*(parts(a)[0] for a in arrays))


def _logaddexp(a: Any, b: Any) -> Any:
    (x, dx), (y, dy) = parts(a), parts(b)
    result = np.logaddexp(x, y)
    return _of(result, dx * np.exp(x - result) + dy * np.exp(y - result))


def _arctan2(a: Any, b: Any) -> Any:
    (x, dx), (y, dy) = parts(a), parts(b)
    return _of(np.arctan2(x, y), (y * dx - x * dy) / (x * x + y * y))


def _hypot(a: Any, b: Any) -> Any:
    return np.sqrt(a * a + b * b)


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _var(z: Any, axis: Any = None, *, out: Any = None, ddof: int = 0, keepdims: bool = False, **_: Any) -> Any:
    if out is not None:
        raise RefusedError("np.var with out=")
    away = z - np.mean(z, axis=axis, keepdims=True)
    total = np.sum(away * away, axis=axis, keepdims=keepdims)
    return total / (np.size(z) / max(np.size(total), 1) - ddof)


def _std(z: Any, axis: Any = None, **options: Any) -> Any:
    return np.sqrt(_var(z, axis, **options))


def _norm(z: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    frobenius = ord is None or ord == "fro" or (ord == 2 and (np.ndim(z) == 1 or isinstance(axis, int)))
    if frobenius:
        return np.sqrt(np.sum(z * z, axis=axis, keepdims=keepdims))
    if ord == 1 and (np.ndim(z) == 1 or isinstance(axis, int)):
        return np.sum(np.abs(z), axis=axis, keepdims=keepdims)
    raise RefusedError(f"np.linalg.norm with ord={ord!r}")


def _vdot(a: Any, b: Any) -> Any:
    return np.dot(np.ravel(a), np.ravel(b))


_RULES: dict[str, Rule] = {
    "exp": _exp,
    "log": _log,
    "add": _add,
    "matmul": _matmul,
    "tanh": _tanh,
    "divide": _divide,
    "log1p": _chain(np.log1p, lambda x, _: 1 / (1 + x)),
    "expm1": _chain(np.expm1, lambda _, y: y + 1),
    "expit": _chain(_sigmoid, lambda x, _: _sigmoid(x) * _sigmoid(-x)),
    "log_expit": _chain(lambda x: -np.logaddexp(0, -x), lambda x, _: _sigmoid(-x)),
    "softplus": _chain(lambda x: np.logaddexp(0, x), lambda x, _: _sigmoid(x)),
    "arctan": _chain(np.arctan, lambda x, _: 1 / (1 + x * x)),
    "cbrt": _chain(np.cbrt, lambda _, y: 1 / (3 * y * y)),
    "maximum": _choose(lambda x, y: x > y),
    "fmax": _choose(lambda x, y: x > y),
    "minimum": _choose(lambda x, y: x < y),
    "fmin": _choose(lambda x, y: x < y),
    "clip": _clip,
    "absolute": _abs,
    "fabs": _abs,
    "sign": _real_only(np.sign),
    "logaddexp": _logaddexp,
    "arctan2": _arctan2,
    "hypot": _hypot,
    "conjugate": lambda z: z,
    "positive": lambda z: z,
    "vecdot": lambda a, b: np.sum(a * b, axis=-1),
}
_RULES |= {f.__name__: _compare(f) for f in (np.greater, np.greater_equal, np.less, np.less_equal)}
_REAL = (
    np.equal,
    np.not_equal,
    np.isnan,
    np.isinf,
    np.isfinite,
    np.signbit,
    np.logical_and,
    np.logical_or,
    np.logical_not,
    np.floor,
    np.ceil,
    np.rint,
    np.trunc,
)
_RULES |= {f.__name__: _real_only(f) for f in _REAL}

_FUNCTION_RULES: dict[str, Rule] = {
    "var": _var,
    "std": _std,
    "norm": _norm,
    "clip": _clip,
    "vdot": _vdot,
    "real": lambda z: z,
    "imag": lambda z: np.zeros(np.shape(z)),
    "iscomplexobj": lambda _: False,
    "isrealobj": lambda _: True,
    "round": lambda z, decimals=0: np.round(parts(z)[0], decimals),
    "around": lambda z, decimals=0: np.round(parts(z)[0], decimals),
    "isclose": lambda a, b, **k: np.isclose(parts(a)[0], parts(b)[0], **k),
    "allclose": lambda a, b, **k: np.allclose(parts(a)[0], parts(b)[0], **k),
    "array_equal": lambda a, b, **_: np.array_equal(parts(a)[0], parts(b)[0]),
    "argmax": lambda z, *a, **k: np.argmax(parts(z)[0], *a, **k),
    "argmin": lambda z, *a, **k: np.argmin(parts(z)[0], *a, **k),
    "argsort": lambda z, *a, **k: np.argsort(parts(z)[0], *a, **k),
}

_REFUSED = {
    "angle", "cov", "corrcoef", "svd", "eig", "eigh", "eigvals", "eigvalsh", "cholesky", "qr", "pinv", "cond",
    "matrix_norm", "vector_norm", "matrix_rank", "nextafter", "spacing", "copysign", "heaviside", "fmod",
    "remainder", "floor_divide", "logaddexp2", "frexp", "modf", "correlate", "nanvar", "nanstd",
}  # fmt: skip


def register() -> None:
    """Give stepped arrays their rules; they are apart from the class to keep both readable."""
    RULES.update(_RULES)
    FUNCTION_RULES.update(_FUNCTION_RULES)
    REFUSED.update(_REFUSED)
