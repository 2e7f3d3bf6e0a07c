"""What a user said about a backward pass: where its loss is, how it is to be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Specification:
    """The options of `verify`; see there."""

    loss: str | Callable[..., Any] | None = None
    forward: str | Callable[..., Any] | None = None
    parameters: tuple[str, ...] = ()
    pairs: Mapping[str, str] = field(default_factory=dict)
    sign: int | None = None
    rtol: float | None = None
    atol: float | None = None
    mode: str = "projection"
    seed: int | None = None
    perturb: bool = True


def as_names(parameters: str | Sequence[str] | None) -> tuple[str, ...]:
    """`"W1 b1"` or ["W1", "b1"] as a tuple of names."""
    if parameters is None:
        return ()
    return tuple(parameters.split()) if isinstance(parameters, str) else tuple(parameters)
