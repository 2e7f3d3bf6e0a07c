"""Expressions suspected of making gradients wrong, and which of them to speak of first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shapecheck.diagnose.targets import Target

# Who sets so many gradients right at once is no bystander.
_SEVERAL = 4


@dataclass(frozen=True, slots=True)
class Suspect:
    """An expression that makes gradients wrong.

    Attributes:
        site: Its number.
        values: Its results, at each time that it ran in the step.
        wanted: For each of them the forward value whose adjoint it should have been, and that array.
        explains: The parameters (their values at the start of the step) whose gradients become right with it.
        operands_right: Whether all that went into it was verified or is part of the forward pass.
        scale: For a factor that is wrong: what the value has to be multiplied by.
        origin: The site of an operand (a slope computed elsewhere) that is to blame, if it is not this expression.
        slope: Whether that is the formula of a slope.
        beside_right: Whether it is to blame as an addend, and the other one is a right share of the derivative.
        together: The most parameters that one of its results explains; 0 where only all results do.
        sound: Those of `values` whose operands were right: they tell what the expression makes of right operands.
        alternatives: Other arrays for the same values that would do as well.
        targets: What an edit has to reach: results of expressions, and what they should have been.
        reason: `value` (matches nothing), `scale`, `other` (it is the adjoint of something else), `axis` (a reduction
            of the forward pass that should run along `axis`), `unrelated` (a step that nothing would make right),
            `still` (one that moves nothing), `empty` (a sum that nothing is added to), `exchanged` (several results
            are taken up, or handed back, in another order than they are meant), `last` (the last of several shares of
            a derivative, those before it lost).
    """

    site: int
    values: tuple[int, ...]
    wanted: dict[int, tuple[int, Any]]
    explains: tuple[int, ...]
    operands_right: bool
    reason: str = "value"
    scale: float | None = None
    origin: int | None = None
    axis: int | None = None
    sound: tuple[int, ...] = ()
    alternatives: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    slope: bool = False
    beside_right: bool = False
    together: int = 0


def merged(known: Suspect | None, new: Suspect) -> Suspect:
    """One suspect for all the times that a site ran."""
    if known is None:
        return new
    return replace(
        known,
        values=(*known.values, *new.values),
        wanted={**known.wanted, **new.wanted},
        alternatives={**known.alternatives, **new.alternatives},
        sound=(*known.sound, *new.sound),
        explains=tuple(dict.fromkeys((*known.explains, *new.explains))),
        operands_right=known.operands_right or new.operands_right,
        # What all results explain together, some of them may explain in part.
        together=max(known.together, new.together) if known.together and new.together else 0,
    )


def independent(suspects: Sequence[Suspect], *, whole: int = 0) -> tuple[list[Suspect], list[Suspect]]:
    """One suspect for each independent mistake, greedily; and the rest.

    Args:
        suspects: All of them.
        whole: How many parameters there are, where the loss is known; else 0.
    """
    left = list(suspects)
    chosen: list[Suspect] = []
    open_parameters = {p for s in suspects for p in s.explains}
    while left and open_parameters:
        left.sort(key=lambda s: _rank(s, open_parameters, whole))
        if not open_parameters.intersection(left[0].explains):
            break
        chosen.append(left.pop(0))
        open_parameters.difference_update(chosen[-1].explains)
    return chosen, left


def _rank(suspect: Suspect, open_parameters: set[int], whole: int) -> tuple[Any, ...]:
    covered = len(open_parameters.intersection(suspect.explains))
    # One expression may hold all gradients, each of which sets only itself right.
    own = suspect.together == 1 < len(suspect.explains)
    if own and not suspect.operands_right:
        covered = min(covered, 1)  # what each of them was made from is wrong already
    # With a loss that is known, what is the adjoint of something else is no accident; nor is what explains several.
    odd = suspect.reason == "other" and not whole and suspect.together < _SEVERAL
    # A factor that only some gradients lack is left out where their ways part, and not before.
    late = suspect.reason == "scale" and not suspect.operands_right and (not whole or len(suspect.explains) < whole)
    return (-covered, not suspect.operands_right, own, odd, -max(suspect.values) if late else min(suspect.values))


__all__ = ["Suspect", "independent", "merged"]
