"""What a forward pass was given, found in what its backward pass is given: by name, in a dict, in a tuple."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from shapecheck.verification.calling import parameters_of
from shapecheck.verification.reach import plain_function
from shapecheck.verification.source import assigned_labels, plain_assignment, returned_sequences


def inputs_from_cache(
    forward: Callable[..., Any], arguments: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The forward pass's arguments, found in what backward is given: by name, in a dict, or in `cache = (x, w, b)`.

    Returns:
        Arguments that reproduce what backward was given; None if they are not all there.
    """
    known = values_at_hand(forward, arguments)
    wanted = [p for p in parameters_of(forward) if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if any(p.name not in known and p.default is p.empty for p in wanted):
        return None
    return (), {p.name: known[p.name] for p in wanted if p.name in known}


def values_at_hand(forward: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What backward is given, by the names that the forward pass has for it."""
    known: dict[str, Any] = {}
    plain = plain_function(forward)
    for name, value in arguments.items():
        if isinstance(value, dict):
            known.update({key: item for key, item in value.items() if isinstance(key, str)})
        elif hasattr(value, "_fields"):
            known.update(value._asdict())
        elif isinstance(value, tuple | list) and plain is not None:
            labels = assigned_labels(plain, name) or _returned_part(plain, value)
            if isinstance(labels, list) and len(labels) == len(value):
                known.update({k: v for k, v in zip(labels, value, strict=True) if isinstance(k, str)})
        elif isinstance(value, np.ndarray) and plain is not None:
            source = plain_assignment(plain, name)
            if source is not None:
                known[source] = value
    known.update(arguments)
    return known


def _returned_part(plain: types.FunctionType, value: Any) -> Any:
    """Labels of a tuple that `return out, (x, w, b)` makes on the spot."""
    found = [labels for labels in returned_sequences(plain) if len(labels) == len(value)]
    return found[0] if len(found) == 1 else None
