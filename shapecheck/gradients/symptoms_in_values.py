"""Symptoms that need the program's other arrays: a missing slope, a wrong axis, overwritten repeats, a diagonal.

A hypothesis has two sides: some arrays of the program make the very gradient that the user's code returned, and the
same arrays, put together rightly, make one that fits the slopes of the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.assemblies import Assembly, Family, assemblies, families, proportional
from shapecheck.gradients.result import Symptom
from shapecheck.gradients.symptoms import Slopes, factor_of

Floats = NDArray[np.float64]
Values = Mapping[str, NDArray[Any]]
_LARGEST = 4_000_000
_MOST = 80


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))


# How people write an activation's derivative -> its value; {v} is the array's name.
DERIVATIVES: dict[str, tuple[str, Callable[[Floats], Floats]]] = {
    "{v} * (1 - {v})": ("of a sigmoid, given its output", lambda v: v * (1 - v)),
    "1 - {v}**2": ("of tanh, given its output", lambda v: 1 - v * v),
    "({v} > 0)": ("of a ReLU", lambda v: (v > 0).astype(np.float64)),
    "sigmoid({v}) * (1 - sigmoid({v}))": ("of a sigmoid, given its input", lambda v: _sigmoid(v) * (1 - _sigmoid(v))),
    "1 - tanh({v})**2": ("of tanh, given its input", lambda v: 1 - np.tanh(v) ** 2),
    "where({v} > 0, 1, 0.01)": ("of a leaky ReLU", lambda v: np.where(v > 0, 1.0, 0.01)),
    "where({v} > 0, 1, 0.1)": ("of a leaky ReLU", lambda v: np.where(v > 0, 1.0, 0.1)),
}


def usable_values(named: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays among the values that are worth trying, small enough to be tried."""
    arrays = {n: np.asarray(v) for n, v in named.items() if isinstance(v, np.ndarray) and 0 < v.size <= _LARGEST}
    kept = {n: a for n, a in arrays.items() if a.dtype.kind in "fiub"}
    return dict(list(kept.items())[:_MOST])


def find_in_values(
    name: str,
    gradient: Floats,
    slopes: Slopes,
    values: Values,
    *,
    cotangent: Any = None,
    rows: tuple[int, ...] | None = None,
) -> Symptom | None:
    """The symptom of one parameter's gradient that the program's arrays explain; None if none does."""
    floats = {n: v.astype(np.float64) for n, v in values.items() if v.dtype.kind == "f" and np.all(np.isfinite(v))}
    integers = {n: v for n, v in values.items() if v.dtype.kind in "iu"}
    return (
        _diagonal(name, gradient, slopes, floats, cotangent)
        or _elementwise(name, gradient, slopes, floats)
        or _overwritten(name, gradient, slopes, floats, integers, rows=rows)
        or _assembled(name, gradient, slopes, floats)
        or _diagonal_within(name, gradient, slopes, floats)
        or _with_wrong_slope(name, gradient, slopes, floats)
    )


def _elementwise(name: str, gradient: Floats, slopes: Slopes, floats: Values) -> Symptom | None:
    """A slope missing from, or too much in, or another in the gradient itself."""
    same = {n: v for n, v in floats.items() if v.shape == gradient.shape and v.size > 3}
    for each, v in same.items():
        for form, (which, slope) in DERIVATIVES.items():
            d = slope(v)
            if slopes.fits(gradient * d):
                return _missing(name, form.format(v=each), which, slopes.residual(gradient * d), each)
            if np.all(np.abs(d) > 1e-8):
                if slopes.fits(gradient / d):
                    return _superfluous(name, form.format(v=each), which, slopes.residual(gradient / d), each)
                for other, (whose, right) in DERIVATIVES.items():
                    corrected = gradient / d * right(v)
                    if other != form and slopes.fits(corrected):
                        wrong, good = form.format(v=each), other.format(v=each)
                        return _replaced(name, wrong, good, whose, residual=slopes.residual(corrected), value=each)
    return None


def _assembled(name: str, gradient: Floats, slopes: Slopes, floats: Values) -> Symptom | None:
    """A slope missing from, or a wrong one in, an array that the gradient was put together from."""
    grouped = families(floats)
    for assembly in (found for turned in grouped for found in assemblies(gradient, turned, grouped)):
        wrong_axis = _wrong_axis(name, gradient, slopes, assembly)
        if wrong_axis is not None:
            return wrong_axis
        same = {n: v for n, v in floats.items() if v.shape == assembly.array.shape and n != assembly.name}
        for each, v in same.items():
            symptom = _with_slope_of(name, gradient, slopes, assembly, each, v)
            if symptom is not None:
                return symptom
    return None


def _with_slope_of(
    name: str, gradient: Floats, slopes: Slopes, assembly: Assembly, each: str, v: Floats
) -> Symptom | None:
    """Whether the slope at `v` is missing from the assembled array, or stands there in a wrong form."""
    for form, (which, slope) in DERIVATIVES.items():
        d = slope(v)
        corrected = assembly.build(assembly.array * d)
        factor = _factor(slopes, corrected) if corrected.shape == gradient.shape else None
        if factor is not None:
            residual = slopes.residual(factor * corrected)
            return _missing(name, form.format(v=each), which, residual, each, where=assembly.text)
        if not np.all(np.abs(d) > 1e-8):
            continue
        for other, (whose, right) in DERIVATIVES.items():
            corrected = assembly.build(assembly.array / d * right(v))
            factor = _factor(slopes, corrected) if other != form else None
            if factor is not None:
                wrong, good = form.format(v=each), other.format(v=each)
                left = slopes.residual(factor * corrected)
                if np.all(right(v) == 1):
                    return _superfluous(name, wrong, which, left, each)
                return _replaced(name, wrong, good, whose, residual=left, value=each)
    return None


def _factor(slopes: Slopes, gradient: Floats) -> float | None:
    """As `factor_of`; but one number must be right as it is, since it is some multiple of any other."""
    if gradient.size > 1:
        return factor_of(slopes, gradient)
    return 1.0 if slopes.fits(gradient) else None


def _with_wrong_slope(name: str, gradient: Floats, slopes: Slopes, floats: Values) -> Symptom | None:
    """An array times the wrong activation's slope, which the program never kept under a name."""
    grouped = families(floats)
    if sum(g.arrays.size for g in grouped) > _LARGEST // 4:
        return None
    for family in grouped:
        named = list(zip(family.names, family.arrays, strict=True))
        kinds = [(v_name, v, form) for v_name, v in named for form in DERIVATIVES]
        slopes_there = np.stack([DERIVATIVES[form][1](v) for _, v, form in kinds])
        labels = tuple(str(i) for i in range(len(kinds)))
        for d_name, d in named:
            for assembly in assemblies(gradient, Family(labels, d * slopes_there), grouped):
                v_name, v, form = kinds[int(assembly.name)]
                for other, (whose, right) in DERIVATIVES.items():
                    corrected = assembly.build(d * right(v))
                    factor = _factor(slopes, corrected) if other != form and v_name != d_name else None
                    if factor is not None:
                        wrong, good = form.format(v=v_name), other.format(v=v_name)
                        left = slopes.residual(factor * corrected)
                        if np.all(right(v) == 1):
                            return _superfluous(name, wrong, DERIVATIVES[form][0], left, v_name)
                        return _replaced(name, wrong, good, whose, residual=left, value=v_name)
    return None


def _wrong_axis(name: str, gradient: Floats, slopes: Slopes, assembly: Assembly) -> Symptom | None:
    if not assembly.text.startswith("np.sum") or assembly.array.shape[0] != assembly.array.shape[1]:
        return None
    axis = 0 if assembly.text.endswith("axis=0)") else 1
    other = assembly.array.sum(axis=1 - axis).reshape(gradient.shape)
    factor = _factor(slopes, other)
    if factor is None:
        return None
    message = f"the gradient of `{name}` is {assembly.text}; summed over axis {1 - axis} instead it is right"
    return Symptom("wrong axis", (name,), message, {"axis": axis}, slopes.residual(factor * other))


def _diagonal(name: str, gradient: Floats, slopes: Slopes, floats: Values, cotangent: Any) -> Symptom | None:
    """Only the diagonal of a softmax's Jacobian."""
    same = {n: v for n, v in floats.items() if v.shape == gradient.shape and v.ndim >= 1 and v.size > 1}
    arrays = dict(same)
    if isinstance(cotangent, np.ndarray) and cotangent.shape == gradient.shape:
        arrays["the cotangent"] = cotangent.astype(np.float64)
    for each, v in same.items():
        for axis in range(gradient.ndim):
            for s in _as_softmax(v, axis):
                for other, g in arrays.items():
                    if not proportional(g * s * (1 - s), gradient):
                        continue
                    right = s * (g - np.sum(g * s, axis=axis, keepdims=True))
                    factor = _factor(slopes, right)
                    if factor is not None:
                        message = (
                            f"the gradient of `{name}` is {other} times the diagonal of the softmax's Jacobian, "
                            f"s * (1 - s); every output depends on every input: s * (g - sum(g * s, axis={axis}))"
                        )
                        evidence = {"softmax of": each, "axis": axis}
                        return Symptom("diagonal", (name,), message, evidence, slopes.residual(factor * right))
    return None


def _diagonal_within(name: str, gradient: Floats, slopes: Slopes, floats: Values) -> Symptom | None:
    """The same in what a weight's or a bias's gradient was put together from."""
    grouped = families(floats)
    for family in grouped:
        for each, s in zip(family.names, family.arrays, strict=True):
            for axis in (0, 1):
                if s.shape[axis] < 2 or np.any(s < 0) or not np.allclose(s.sum(axis=axis), 1.0):
                    continue
                diagonal = Family(family.names, family.arrays * (s * (1 - s)))
                for assembly in assemblies(gradient, diagonal, grouped):
                    g = family.arrays[family.names.index(assembly.name)]
                    right = assembly.build(s * (g - np.sum(g * s, axis=axis, keepdims=True)))
                    factor = _factor(slopes, right)
                    if factor is not None:
                        message = (
                            f"the gradient of `{name}` rests on {assembly.name} times the diagonal of the softmax's "
                            f"Jacobian, {each} * (1 - {each}); every output depends on every input: "
                            f"{each} * (g - sum(g * {each}, axis={axis})), g = {assembly.name}"
                        )
                        evidence = {"softmax of": each, "axis": axis}
                        return Symptom("diagonal", (name,), message, evidence, slopes.residual(factor * right))
    return None


def _as_softmax(v: Floats, axis: int) -> list[Floats]:
    e = np.exp(v - v.max(axis=axis, keepdims=True))
    made = [e / e.sum(axis=axis, keepdims=True)]
    if np.all(v >= 0) and np.allclose(v.sum(axis=axis), 1.0):
        made.append(v)
    return made


def _overwritten(
    name: str, gradient: Floats, slopes: Slopes, floats: Values, integers: Values, *, rows: tuple[int, ...] | None
) -> Symptom | None:
    """Rows that are used more than once hold the last contribution instead of the sum."""
    if gradient.ndim < 1:
        return None
    for index_name, index in integers.items():
        if not index.size or index.min() < 0 or index.max() >= gradient.shape[0]:
            continue
        used, counts = np.unique(index, return_counts=True)
        repeated = tuple(int(i) for i in used[counts > 1])
        if not repeated:
            continue
        text = f"`{index_name}` uses some rows of `{name}` more than once, and the gradient keeps the last use only"
        advice = f"{text}; np.add.at(d{name}, {index_name}, ...) adds them up"
        for d_name, d in floats.items():
            if d.shape != index.shape + gradient.shape[1:]:
                continue
            kept, added = np.zeros_like(gradient), np.zeros_like(gradient)
            kept[index] = d
            np.add.at(added, index, d)
            factor = _factor(slopes, added) if proportional(kept, gradient) else None
            if factor is not None:
                evidence = {"indices": index_name, "rows": list(repeated), "contributions": d_name}
                return Symptom("overwritten", (name,), advice, evidence, slopes.residual(factor * added))
        if rows == repeated and len(used) > len(repeated):
            evidence = {"indices": index_name, "rows": list(repeated)}
            return Symptom(
                "overwritten", (name,), f"{advice} (the wrong rows are exactly those)", evidence, float("nan")
            )
    return None


def _missing(name: str, form: str, which: str, residual: float, value: str, *, where: str = "") -> Symptom:
    at = f" in {where}" if where else ""
    message = f"the gradient of `{name}` lacks the factor {form}{at}, the derivative {which}"
    return Symptom("missing factor", (name,), message, {"factor": form, "value": value}, residual)


def _superfluous(name: str, form: str, which: str, residual: float, value: str) -> Symptom:
    message = f"the gradient of `{name}` has the factor {form} too much, the derivative {which}"
    return Symptom("missing factor", (name,), message, {"factor": f"1 / ({form})", "value": value}, residual)


def _replaced(name: str, wrong: str, right: str, whose: str, *, residual: float, value: str) -> Symptom:
    message = f"the gradient of `{name}` has the factor {wrong} where {right} belongs, the derivative {whose}"
    return Symptom("missing factor", (name,), message, {"factor": right, "instead of": wrong, "value": value}, residual)
