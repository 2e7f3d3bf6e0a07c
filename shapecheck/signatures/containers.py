"""Lists and tuples of arrays, checked whole and without chance.

beartype looks at one item of a list, and draws from `random` to choose it. Both would be wrong here: a wrong array in a
list must always be seen, and the user's own random numbers must not change because a signature is checked.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from beartype import BeartypeConf
from beartype.door import is_bearable
from jaxtyping import AbstractArray

# `lr: float` accepts 1, as type checkers do.
NUMBERS = BeartypeConf(is_pep484_tower=True)


def holds_arrays(annotation: Any) -> bool:
    """Whether an array annotation stands anywhere inside."""
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return True
    return any(holds_arrays(part) for part in get_args(annotation))


def without_items(annotation: Any) -> Any:
    """The annotation as beartype is to check it: sequences of any length without what they hold."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if not parts:
        return annotation
    if origin in (Union, types.UnionType):
        return Union[tuple(without_items(part) for part in parts)]  # noqa: UP007 - built from a tuple
    if _is_sequence(annotation):
        return origin
    if origin is tuple:
        return tuple[tuple(without_items(part) for part in parts)]  # type: ignore[misc]
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(parts) == 2:
        return origin[without_items(parts[0]), without_items(parts[1])]  # type: ignore[index]
    return annotation


def needs_items_fit(annotation: Any) -> bool:
    """Whether beartype leaves something to `items_fit`: items of sequences, and values of mappings but the first."""
    origin = get_origin(annotation)
    if _is_sequence(annotation) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return True
    return any(needs_items_fit(part) for part in get_args(annotation))


def items_fit(annotation: Any, value: Any) -> bool:
    """Whether `value` fits all of `annotation`: every array in a container, the first item of any other sequence."""
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return isinstance(value, annotation)
    if not is_bearable(value, without_items(annotation), conf=NUMBERS):
        return False
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(items_fit(part, value) for part in parts)
    if _is_sequence(annotation):
        items = value if holds_arrays(parts[0]) else value[:1]
        return all(items_fit(parts[0], item) for item in items)
    if origin is tuple:
        return all(items_fit(part, item) for part, item in zip(parts, value, strict=False))
    if isinstance(origin, type) and issubclass(origin, Mapping) and holds_arrays(annotation):
        return all(items_fit(parts[1], item) for item in value.values())
    return True


def item_at_fault(annotation: Any, value: Any, source: str) -> tuple[str, Any, Any]:
    """Follow a value that does not fit down to the item at fault: the text that reaches it, its annotation, it."""
    if _is_sequence(annotation) and isinstance(value, Sequence):
        part = get_args(annotation)[0]
        for index, item in enumerate(value):
            if not items_fit(part, item):
                return item_at_fault(part, item, f"{source}[{index}]")
    parts = get_args(annotation)
    if get_origin(annotation) is tuple and isinstance(value, tuple) and len(value) == len(parts):
        for index, (part, item) in enumerate(zip(parts, value, strict=True)):
            if not items_fit(part, item):
                return item_at_fault(part, item, f"{source}[{index}]")
    return source, annotation, value


def _is_sequence(annotation: Any) -> bool:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return len(parts) == 2 and parts[1] is ...
    return isinstance(origin, type) and issubclass(origin, Sequence) and len(parts) == 1
