"""Assertions for tests: gradients against numeric derivatives, shapes against named axes."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from shapecheck import check_defaults
from shapecheck.gradients.errors import GradientMismatchError, ShapeMismatchError
from shapecheck.gradients.result import GradientReport, Verdict
from shapecheck.verification.gradcheck import gradcheck


def assert_gradients(
    loss: Callable[..., Any], params: Any, grads: Any, *, decided: bool = False, **options: Any
) -> GradientReport:
    """Assert that hand-written gradients are the derivatives of the loss: grads[p] = dL/dp.

    Args:
        loss: As for `gradcheck`: takes nothing, the parameters, or each of them by name. With `cotangent=`, the
            forward pass, which returns an array.
        params: Dict, list or tuple of floating arrays or floats, or one array. Perturbed in place and restored.
        grads: The gradients in the same structure, or a function that computes them.
        decided: Whether "cannot tell" (a kink, a saturated unit, both sides zero) fails as well.
        **options: As for `gradcheck`: `rtol`, `atol`, `mode`, `seed`, `sign`, `cotangent`... Under pytest `seed` and
            `rtol` default to `--shapecheck-seed` and `--shapecheck-rtol`.

    Returns:
        The report, for further assertions.

    Raises:
        GradientMismatchError: A gradient is wrong, or, with `decided`, nothing can be said of one. The message is
            the diagnosis.
        NondeterministicLossError: Two identical evaluations differ.
        ShapeMismatchError: A gradient has not its parameter's shape.
    """
    defaults = dict(check_defaults.given)
    if "atol" in options:
        defaults.pop("rtol", None)
    report = gradcheck(loss, params, grads, **{**defaults, **options}).raise_if_wrong()
    open_ones = [row for row in report if row.verdict is not Verdict.RIGHT]
    if decided and open_ones:
        names = ", ".join(f"`{row.name}`" for row in open_ones)
        raise GradientMismatchError(
            f"nothing can be said of the gradient of {names}: {open_ones[0].reason or open_ones[0].verdict.value}\n\n"
            f"{report}",
            report=report,
        )
    return report


def assert_shapes(*arrays_and_axes: Any) -> dict[str, int]:
    """Assert that arrays have the shapes that their axis names promise; a name means the same size everywhere.

    `assert_shapes(x, "batch features", W, "features 5", t, "batch 1")`. The axes are written as in jaxtyping: names,
    sizes, `_` and `...` for anything, `*rest` for several axes, `#n` for n or 1, `n+1` for a sum.

    Args:
        *arrays_and_axes: Pairs: an array (or a number, whose axes are ""), and its axes.

    Returns:
        The size of each name.

    Raises:
        TypeError: The arguments are not such pairs.
        ShapeMismatchError: A shape does not fit. The message says where each size came from.
    """
    # jaxtyping is heavy, and `assert_gradients` does without.
    from jaxtyping import Shaped  # noqa: PLC0415

    from shapecheck.signatures.axes import Bindings, axes_of, misfit, paired  # noqa: PLC0415

    if len(arrays_and_axes) % 2 or not arrays_and_axes:
        raise TypeError(
            f'assert_shapes takes pairs of an array and its axes, `assert_shapes(x, "batch 3")`; got '
            f"{len(arrays_and_axes)} arguments"
        )
    names = _argument_texts(sys._getframe(1), len(arrays_and_axes))
    bindings = Bindings()
    for index in range(0, len(arrays_and_axes), 2):
        array, axes = arrays_and_axes[index : index + 2]
        name = names[index] or f"argument {index + 1}"
        if not isinstance(axes, str):
            raise TypeError(f'the axes of `{name}` are a {type(axes).__name__}, not a text such as "batch 3"')
        if isinstance(array, str) or not _has_shape(array):
            raise TypeError(f"`{name}` is a {type(array).__name__}, which has no shape")
        shape = tuple(np.shape(array))
        annotation: Any = Shaped[np.ndarray, axes]
        why = misfit(annotation, shape, bindings)
        if why is None:
            bindings.bind(annotation, shape, name)
            continue
        sizes = bindings.sizes()
        words = [axis.name for axis in axes_of(annotation)]
        wanted = [sizes.get(axis.name or "", axis.size or size) for _, axis, size in paired(annotation, shape)]
        plain = all(axis.name or axis.size is not None for axis in axes_of(annotation)) and len(words) == len(wanted)
        expected = tuple(wanted) if plain and len(words) == len(shape) else ()
        fits = functools.partial(_fits, misfit, annotation, bindings)
        hint = _hint(shape, fits, name)
        raise ShapeMismatchError(
            _message(name, shape, axes, why, bound=list(map(str, bindings.by_name.values())), hint=hint),
            name=name,
            actual=shape,
            expected=expected,
            hint=hint,
        )
    return dict(bindings.sizes())


def _fits(misfit: Callable[..., str | None], annotation: Any, bindings: Any, shape: tuple[int, ...]) -> bool:
    return misfit(annotation, shape, bindings) is None


def _has_shape(array: Any) -> bool:
    try:
        np.shape(array)
    except ValueError:  # rows of different lengths
        return False
    return True


def _message(name: str, shape: tuple[int, ...], axes: str, why: str, *, bound: list[str], hint: str) -> str:
    lines = [f'`{name}` has shape {shape}, which does not fit "{axes}": {why}']
    lines += [f"  {'bound' if number == 0 else '':<5}   {line}" for number, line in enumerate(bound)]
    if hint:
        lines.append(f"  help    {hint}")
    return "\n".join(lines)


def _hint(shape: tuple[int, ...], fits: Callable[[tuple[int, ...]], bool], name: str) -> str:
    """The simplest change of shape that would fit; empty if there is none."""
    if len(shape) == 2 and shape[0] != shape[1] and fits(shape[::-1]):
        return f"`{name}.T` would fit"
    if len(shape) == 1 and fits((*shape, 1)):
        return f"`{name}.reshape(-1, 1)` would fit, or keepdims=True where it was summed"
    if len(shape) == 1 and fits((1, *shape)):
        return f"`{name}.reshape(1, -1)` would fit, or keepdims=True where it was summed"
    if 1 in shape:
        squeezed = tuple(size for size in shape if size != 1)
        if fits(squeezed):
            return f"`np.squeeze({name})` would fit"
    if len(shape) == 2 and fits(shape[1:]):
        return f"`{name}.sum(axis=0)` would fit: is a sum over the first axis missing?"
    if len(shape) == 2 and fits((1, *shape[1:])):
        return f"`{name}.sum(axis=0, keepdims=True)` would fit: is a sum over the first axis missing?"
    if len(shape) == 2 and fits((shape[0], 1)):
        return f"`{name}.sum(axis=1, keepdims=True)` would fit: is a sum over the second axis missing?"
    return ""


def _argument_texts(frame: types.FrameType, count: int) -> list[str]:
    """The arguments of the call that `frame` is in, as they are written there; empty texts where that is unknown."""
    nothing = [""] * count
    positions = inspect.getframeinfo(frame).positions
    if positions is None or positions.lineno is None or positions.end_lineno is None:
        return nothing
    try:
        lines, _ = inspect.findsource(frame.f_code)
    except (OSError, TypeError):
        return nothing
    source = lines[positions.lineno - 1 : positions.end_lineno]
    if not source or positions.col_offset is None or positions.end_col_offset is None:
        return nothing
    source[-1] = source[-1].encode()[: positions.end_col_offset].decode()
    source[0] = source[0].encode()[positions.col_offset :].decode()
    text = "".join(source)
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return nothing
    if not isinstance(node, ast.Call) or len(node.args) != count or any(isinstance(a, ast.Starred) for a in node.args):
        return nothing
    return [ast.get_source_segment(text.strip(), argument) or "" for argument in node.args]
