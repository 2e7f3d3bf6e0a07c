"""The words of every signature here: `Array`, jaxtyping's dtypes, and the decorator that checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from shapecheck.signatures import signature

__all__ = ["Array", "Bool", "Float", "Int", "Parameters", "UInt8", "checked"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
else:
    # jaxtyping looks for a class, and since NumPy 2.5 `NDArray` is none.
    Array = np.ndarray

# Parameters by name: "W1", "b1", ... The same names carry the gradients.
Parameters: TypeAlias = dict[str, Float[Array, "..."]]

# Arguments, results and annotated local variables, at every call; SHAPECHECK=off removes it.
checked = signature(locals=True)
