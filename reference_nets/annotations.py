"""The words of every signature here: `Array`, jaxtyping's dtypes, and the decorator that checks them."""

from __future__ import annotations

from typing import Any, TypeAlias

from jaxtyping import Bool, Float, Int, UInt8
from numpy.typing import NDArray

from shapecheck.signatures import signature

__all__ = ["Array", "Bool", "Float", "Int", "Parameters", "UInt8", "checked"]

Array: TypeAlias = NDArray[Any]

# Parameters by name: "W1", "b1", ... The same names carry the gradients.
Parameters: TypeAlias = dict[str, Float[Array, "..."]]

# Arguments, results and annotated local variables, at every call; SHAPECHECK=off removes it.
checked = signature(locals=True)
