"""Derivatives of what has corners: maximum, minimum, max, min, abs, clip; at a tie a convention decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from shapecheck.gradients.occurrences import summed_to

# Which of several equal entries gets the slope: the first, the last, or all of them in equal shares. Each is right.
Convention = Literal["first", "last", "split"]

# (arguments, keywords, result, adjoint, convention) -> (adjoint per argument position, whether there was a tie)
KinkRule = Callable[[list[Any], dict[str, Any], Any, Any, Convention], "tuple[dict[int, Any], bool]"]


def _extremum_of_two(
    arguments: list[Any], _keywords: dict[str, Any], result: Any, adjoint: Any, convention: Convention
) -> tuple[dict[int, Any], bool]:
    left, right = (np.asarray(a) for a in arguments[:2])
    tie = np.broadcast_to(left == right, np.shape(result))
    share = {"first": 1.0, "last": 0.0, "split": 0.5}[convention]
    left_share = np.where(tie, share, np.broadcast_to(left == result, tie.shape))
    return {
        0: summed_to(adjoint * left_share, left.shape),
        1: summed_to(adjoint * (1.0 - left_share), right.shape),
    }, bool(tie.any())


def _extremum_along(
    arguments: list[Any], keywords: dict[str, Any], result: Any, adjoint: Any, convention: Convention
) -> tuple[dict[int, Any], bool]:
    array = np.asarray(arguments[0])
    axis = keywords.get("axis", arguments[1] if len(arguments) > 1 else None)
    axes = tuple(range(array.ndim)) if axis is None else tuple(np.atleast_1d(axis) % max(array.ndim, 1))
    kept = tuple(1 if i in axes else n for i, n in enumerate(array.shape))
    hit = array == np.reshape(result, kept)
    count = hit.sum(axis=axes, keepdims=True)
    if convention == "split":
        share = hit / np.maximum(count, 1)
    else:
        # The reduced axes as one, so that "first" and "last" mean what argmax means.
        order = [i for i in range(array.ndim) if i not in axes] + list(axes)
        flat = hit.transpose(order).reshape(*(array.shape[i] for i in order[: array.ndim - len(axes)]), -1)
        position = flat.argmax(-1) if convention == "first" else flat.shape[-1] - 1 - flat[..., ::-1].argmax(-1)
        one = np.zeros(flat.shape)
        np.put_along_axis(one, position[..., None], 1.0, -1)
        share = one.reshape([array.shape[i] for i in order]).transpose(np.argsort(order))
    return {0: share * np.reshape(adjoint, kept)}, bool((count > 1).any())


def _absolute(
    arguments: list[Any], _keywords: dict[str, Any], _result: Any, adjoint: Any, convention: Convention
) -> tuple[dict[int, Any], bool]:
    array = np.asarray(arguments[0])
    at_zero = {"first": 1.0, "last": -1.0, "split": 0.0}[convention]
    return {0: adjoint * np.where(array == 0, at_zero, np.sign(array))}, bool((array == 0).any())


def _clipped(
    arguments: list[Any], keywords: dict[str, Any], result: Any, adjoint: Any, convention: Convention
) -> tuple[dict[int, Any], bool]:
    array = np.asarray(arguments[0])
    names = (("a_min", "min"), ("a_max", "max"))
    bounds = [arguments[i] if len(arguments) > i else None for i in (1, 2)]
    bounds = [
        b if b is not None else next((keywords[n] for n in pair if keywords.get(n) is not None), None)
        for b, pair in zip(bounds, names, strict=True)
    ]
    at_bound = np.zeros(np.shape(result), dtype=bool)
    for bound in bounds:
        if bound is not None:
            at_bound |= array == bound
    inside = np.where(at_bound, {"first": 1.0, "last": 0.0, "split": 0.5}[convention], array == result)
    return {0: summed_to(adjoint * inside, array.shape)}, bool(at_bound.any())


def _extremum_of_scalars(
    arguments: list[Any], _keywords: dict[str, Any], result: Any, adjoint: Any, convention: Convention
) -> tuple[dict[int, Any], bool]:
    hits = [i for i, a in enumerate(arguments) if np.all(np.asarray(a) == result)]
    chosen = hits if convention == "split" else [hits[0 if convention == "first" else -1]]
    return {i: adjoint / len(chosen) for i in chosen}, len(hits) > 1


KINKS: dict[str, KinkRule] = {
    **dict.fromkeys(("numpy.maximum", "numpy.minimum", "numpy.fmax", "numpy.fmin"), _extremum_of_two),
    **dict.fromkeys(("numpy.max", "numpy.min", "numpy.amax", "numpy.amin", ".max", ".min"), _extremum_along),
    **dict.fromkeys(("numpy.abs", "numpy.absolute", "numpy.fabs", "builtins.abs", "math.fabs"), _absolute),
    **dict.fromkeys(("numpy.clip", ".clip"), _clipped),
    **dict.fromkeys(("builtins.max", "builtins.min"), _extremum_of_scalars),
}
