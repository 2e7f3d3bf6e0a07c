"""Branches of a backward pass that do not meet before the gradients: what is right in one speaks for the loss.

Three embeddings have three derivatives, and one wrong one leaves the others as they are. The expression that takes
each of them further back is the same, and not what is wrong where it is given what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT, Match

# So many different derivatives with one factor are no accident.
_SEVERAL = 2


def common_factor(known: Verdicts, values: Sequence[int]) -> float | None:
    """The factor that several derivatives of other branches have; None where they are few, or have several factors.

    Args:
        known: The verdicts of a step.
        values: Some values of one branch.
    """
    found = _right_beside(known, values)
    # `2 * (a - b)` is a derivative by halves before it is one.
    numbers = list({match.forward: match.factor.number for match in found}.values())
    if len(numbers) < _SEVERAL:
        return None
    return numbers[0] if max(numbers) - min(numbers) <= EXACT * abs(numbers[0]) else None


def _right_beside(known: Verdicts, values: Sequence[int]) -> list[Match]:
    """The derivatives, no gradients of parameters, that values neither depend on nor are made from, in their order."""
    downstream = known.replay.dependents(values, known.step.last + 1)
    upstream = known.replay.ancestors(values)
    chain = known.chain(known.changes)
    found = [known.matching.match(v) for v in chain if v not in downstream and v not in upstream]
    return [m for m in found if m is not None and not (m.weak or m.transposed) and m.forward not in known.step.olds]


def given_wrongly(known: Verdicts, suspects: list[Suspect]) -> list[Suspect]:
    """Suspects without the expressions that are right in another branch, where what they were given explains as much.

    What they were given may by accident be a derivative of something in another branch.
    """
    found = list(suspects)
    for later in [s for s in suspects if s.reason == "value"]:
        if not _is_right_elsewhere(known, later):
            continue
        made = known.replay.ancestors(later.values)
        givers = [
            s for s in found if s.reason == "other" and s.site != later.site and set(s.explains) == set(later.explains)
        ]
        givers = [s for s in givers if made.issuperset(s.values) and _is_of_another(known, s)]
        if givers:
            found = [replace(s, reason="value") if s in givers else s for s in found if s is not later]
    return found


def _is_right_elsewhere(known: Verdicts, suspect: Suspect) -> bool:
    """Whether an expression has given a derivative in this step where it is not to blame."""
    made = known.replay.tape.made_at(suspect.site)
    others = [o.result for o in made if known.step.first <= o.number <= known.step.last]
    return any((m := known.matching.match(v)) is not None and not m.weak for v in others if v not in suspect.values)


def _is_of_another(known: Verdicts, suspect: Suspect) -> bool:
    """Whether a value is by accident the derivative of something in another branch than that of what it should be."""
    value = suspect.values[0]
    match = known.matching.match(value)
    if match is None or common_factor(known, suspect.values) is None or _is_right_elsewhere(known, suspect):
        return False
    wanted = suspect.wanted[value][0]
    along = known.ancestors(wanted) | known.replay.dependents([wanted])
    return along.isdisjoint((match.forward, *match.alike))


__all__ = ["common_factor", "given_wrongly"]
