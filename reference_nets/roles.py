"""What shape a quantity of a dense layer should have, by its role.

The shapes are not written down here a second time: they are read from the signatures of the reference layers.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any, get_args

from reference_nets import dense, mlp_single_sample
from shapecheck.signatures import hints_of

Shape = tuple[int, ...]

LAYOUTS = ("batch-first", "features-first", "single-sample")

# Names of one thing: the output of a layer has the shape of its weighted input, and a gradient that of its quantity.
_SAME = {"X": "A_prev", "A": "Z", "Y": "Z", "dA": "dZ", "dX": "dA_prev", "delta": "dZ"}

# Role -> (function, parameter, or place in the returned tuple).
_Source = tuple[Any, str | int | None]
_ROLES: dict[str, dict[str, _Source]] = {
    "batch-first": {
        "A_prev": (dense.forward, "X"),
        "W": (dense.forward, "W"),
        "b": (dense.forward, "b"),
        "Z": (dense.forward, None),
        "dZ": (dense.backward, "dZ"),
        "dA_prev": (dense.backward, 0),
        "dW": (dense.backward, 1),
        "db": (dense.backward, 2),
    },
    "features-first": {
        "A_prev": (dense.forward_columns, "X"),
        "W": (dense.forward_columns, "W"),
        "b": (dense.forward_columns, "b"),
        "Z": (dense.forward_columns, None),
        "dZ": (dense.backward_columns, "dZ"),
        "dA_prev": (dense.backward_columns, 0),
        "dW": (dense.backward_columns, 1),
        "db": (dense.backward_columns, 2),
    },
    "single-sample": {
        "A_prev": (mlp_single_sample.layer_forward, "a"),
        "W": (mlp_single_sample.layer_forward, "W"),
        "b": (mlp_single_sample.layer_forward, "b"),
        "Z": (mlp_single_sample.layer_forward, None),
        "dZ": (mlp_single_sample.layer_backward, "error"),
        "dA_prev": (mlp_single_sample.layer_backward, 0),
        "dW": (mlp_single_sample.layer_backward, 1),
        "db": (mlp_single_sample.layer_backward, 2),
    },
}

ROLES = tuple(dict.fromkeys([*_ROLES["batch-first"], *_SAME]))


@dataclass(frozen=True)
class RoleShape:
    """The shape of one quantity: its signature in jaxtyping's words, the names of its axes, and their sizes.

    `source` is the function whose signature it was read from; `str()` is the signature with the shape.
    """

    role: str
    signature: str
    axes: tuple[str, ...]
    shape: Shape
    source: str

    def __str__(self) -> str:
        return f"{self.signature} = {self.shape}"


def shape_of_role(
    role: str, layout: str, *, inputs: int, outputs: int, batch: int = 1, own: Shape | None = None
) -> RoleShape:
    """Say what shape a quantity of a dense layer should have.

    Args:
        role: One of `ROLES`: "Z", "dZ", "A", "W", "dW", "b", "db", "X", "dX", ...; a layer number behind it is dropped.
        layout: `batch-first`, `features-first` or `single-sample`.
        inputs: Units below the layer.
        outputs: Units of the layer.
        batch: Samples; not used by single samples.
        own: For W and b (and dW and db): the shape the user's parameter has, where it is stored another way than the
            layout's usual one, say W as (out, in) in a batch-first program, or b as (1, out).

    Raises:
        ValueError: The role or the layout is not known, or `own` does not hold the right number of entries.
    """
    name = re.sub(r"_?\d+$", "", role)
    if layout not in _ROLES:
        raise ValueError(f"there is no layout `{layout}`; there are {', '.join(LAYOUTS)}")
    if name not in ROLES:
        raise ValueError(f"there is no role `{role}`; there are {', '.join(ROLES)}")
    function, part = _ROLES[layout][_SAME.get(name, name)]
    axes = _axes(function, part)
    sizes = {"in": inputs, "out": outputs, "batch": batch}
    shape = tuple(int(axis) if axis.isdecimal() else sizes[axis] for axis in axes)
    if own is not None and own != shape and name in ("W", "dW", "b", "db"):
        axes, shape = _own_axes(axes, own, sizes, role), own
    plain = inspect.unwrap(function)
    signature = f'Float[Array, "{" ".join(axes)}"]'
    return RoleShape(role, signature, axes, shape, f"{plain.__module__}.{plain.__qualname__}")


def _axes(function: Any, part: str | int | None) -> tuple[str, ...]:
    """Read the axis names from the annotation of a parameter, of the result, or of one of several results."""
    hints = hints_of(function)
    annotation = hints[part] if isinstance(part, str) else hints["return"]
    if isinstance(part, int):
        annotation = get_args(annotation)[part]
    return tuple(annotation.dim_str.split())


def _own_axes(usual: tuple[str, ...], own: Shape, sizes: dict[str, int], role: str) -> tuple[str, ...]:
    names = [axis for axis in reversed(usual) if not axis.isdecimal()]
    axes = []
    for size in own:
        fitting = next((axis for axis in names if sizes[axis] == size), None)
        if fitting is None and size != 1:
            raise ValueError(f"`{role}` of shape {own} has no axis of {' or '.join(str(sizes[n]) for n in names)}")
        axes.append(fitting or "1")
        if fitting:
            names.remove(fitting)
    if any(sizes[axis] != 1 for axis in names):
        raise ValueError(f"`{role}` of shape {own} has no axis for {', '.join(names)}")
    return tuple(axes)
