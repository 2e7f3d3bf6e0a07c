"""Right shares of a derivative: what one of several uses of a value sends back, where that of another one is wrong.

`h` is used for an output and for the next time step, so its derivative is a sum. A value that is just what the output
sends back matches no adjoint, and is right all the same: to blame is what should have come from the other use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.diagnose.blame import Origin
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.functions import COUNTING_BYTES
from shapecheck.gradients.matching import EXACT, same_direction
from shapecheck.gradients.rules import LocalDerivative, NoRuleError
from shapecheck.trace.operations import ADDITIONS
from shapecheck.trace.tape import Operation, Ref

# So many results of one expression are looked at.
_MOST = 6


def whole_sums(known: Verdicts, suspects: Sequence[Suspect]) -> list[Suspect]:
    """The suspects but for right shares of what they should be, where others explain as much by themselves."""
    shares = {s.site for s in suspects if s.reason == "value" and _are_shares(known, s)}
    # One expression may hold all gradients, of which each sets only itself right.
    plain = [s for s in suspects if s.site not in shares and s.operands_right and not s.together == 1 < len(s.explains)]
    covered = [set(s.explains) for s in plain]
    return [s for s in suspects if s.site not in shares or not any(c >= set(s.explains) for c in covered)]


def other_share(known: Verdicts, suspect: Suspect) -> tuple[Suspect, list[Origin]] | None:
    """The sums that a right share goes into, and the other share, which is to blame for them.

    Args:
        known: The verdicts of the step.
        suspect: Values that, were they whole derivatives, would set gradients right.

    Returns:
        The sums as a suspect, and the shares that are wrong in them, those that are used first coming first; None where
        the values are no right shares, or nothing is added to them that the program computes.
    """
    if suspect.reason != "value" or not _are_shares(known, suspect):
        return None
    found: list[tuple[Operation, Origin, int, Any]] = []
    for value in suspect.sound or suspect.values:
        use = _sum_of(known, value)
        if value not in suspect.wanted or use is None:
            continue
        operation, other = use
        made = known.producer(other)
        forward, adjoint = suspect.wanted[value]
        whole = _sized(known, value, forward, np.asarray(adjoint, dtype=float))
        if whole is None or made is None or made.site is None or made.number < known.step.first:
            continue
        rest = whole - np.asarray(known.replay.recorded[value], dtype=float)
        found.append((operation, Origin(made.site, other, rest, operation.number), forward, whole))
    found.sort(key=lambda one: one[0].number)
    found = [one for one in found if (one[0].site, one[1].site) == (found[0][0].site, found[0][1].site)][:_MOST]
    if not found:
        return None
    wanted = {operation.result: (forward, whole) for operation, _, forward, whole in found}
    site = found[0][0].site
    assert site is not None
    summed = replace(suspect, site=site, values=tuple(wanted), wanted=wanted, sound=(), alternatives={})
    return replace(summed, operands_right=False), [origin for _, origin, _, _ in found]


def beside_a_share(known: Verdicts, value: int, forward: int, wanted: Any) -> Origin | None:
    """The addend that is to blame for a wrong sum, where the other one is what one use of a value sends back.

    A state that is used for an output and in the next step, an input that goes round a block as well as through it: of
    the two addends of their derivative neither is one by itself.

    Args:
        known: The verdicts of the step.
        value: The sum.
        forward: What it should have been the derivative by.
        wanted: That derivative.
    """
    operation = known.producer(value)
    if operation is None or operation.function not in ADDITIONS or len(operation.arguments) != 2:
        return None
    addends = [a.value for a in operation.arguments if isinstance(a, Ref)]
    forward = next(
        (f for f in _alike(known, forward) if any(_share(known, a, f) is not None for a in addends)), forward
    )
    right = [a for a in addends if _share(known, a, forward) is not None]
    if len(addends) != 2 or len(right) != 1 or addends[0] == addends[1]:
        return None
    other = next(a for a in addends if a != right[0])
    made = known.producer(other)
    whole = _sized(known, right[0], forward, wanted)
    if whole is None or made is None or made.site is None or made.number < known.step.first:
        return None
    rest = whole - np.asarray(known.replay.recorded[right[0]], dtype=float)
    if np.shape(rest) != np.shape(wanted):
        return None
    return Origin(made.site, other, rest, operation.number, beside_right=True)


def taken_up(known: Verdicts, suspect: Suspect) -> int | None:
    """Where right shares are read from a list, elsewhere than they were made, to be used as whole derivatives."""
    tape = known.replay.tape
    if suspect.reason != "value" or not _are_shares(known, suspect):
        return None
    if any(forward in known.step.olds for forward, _ in suspect.wanted.values()):
        return None  # a parameter's gradient is put together where it is made: its step only reads it
    home = tape.sites[suspect.site]
    sites = [
        access.site
        for access in tape.accesses
        if access.value in suspect.values and tape.sites[access.site].line != home.line
    ]
    return sites[0] if len(set(sites)) == 1 else None


def _are_shares(known: Verdicts, suspect: Suspect) -> bool:
    """Whether all values that something is wrong with are what one use of a value sends back."""
    chosen = [v for v in suspect.sound or suspect.values if v in suspect.wanted]
    return bool(chosen) and all(_share(known, v, suspect.wanted[v][0]) is not None for v in chosen[:_MOST])


def _sized(known: Verdicts, value: int, forward: int, adjoint: Any) -> Any:
    """The adjoint with the factor that a right share has."""
    share = _share(known, value, forward)
    if share is None:
        return None
    own = np.asarray(known.replay.recorded[value], dtype=float)
    factor = float(np.sum(own * share)) / float(np.sum(share * share))
    size = float(np.linalg.norm(adjoint))
    plain = np.asarray(known.matching.adjoints[forward], dtype=float)
    return factor * plain if size else None


def _alike(known: Verdicts, forward: int) -> list[int]:
    """The forward values with one and the same derivative: `z` in `z + b`, and what is used further."""
    adjoints = known.matching.adjoints
    whole = np.asarray(adjoints[forward])
    same = (v for v, adjoint in adjoints.of.items() if np.shape(adjoint) == whole.shape)
    return [forward, *(v for v in same if v != forward and np.allclose(adjoints[v], whole, rtol=EXACT, atol=0.0))]


def _share(known: Verdicts, value: int, forward: int) -> Any:
    """The share in the adjoint of a forward value that a value is a multiple of; None where it is no share."""
    recorded = known.replay.recorded[value]
    if np.size(recorded) < 2 or not np.any(recorded):
        return None
    whole = known.matching.adjoints[forward]
    shares = [s for s in _shares(known, forward) if np.any(s)]
    if len(shares) < 2 or np.shape(recorded) != np.shape(whole) or same_direction(recorded, whole):
        return None
    return next((s for s in shares if same_direction(recorded, s)), None)


def _shares(known: Verdicts, forward: int) -> list[Any]:
    """What each use of a forward value sends back to it."""
    memory = known.replay.memory.setdefault(("shares", id(known.matching)), {})
    if forward not in memory:
        memory[forward] = [share for _, share in shares_of_uses(known, forward)]
    found: list[Any] = memory[forward]
    return found


def shares_of_uses(known: Verdicts, forward: int) -> list[tuple[Operation, Any]]:
    """(operation, what it sends back) for each use of a forward value; none where one of them has no rule."""
    replay, adjoints = known.replay, known.matching.adjoints
    tape, local = replay.tape, LocalDerivative()
    found = []
    for operation in tape.operations[(tape.values[forward].producer or 0) + 1 :]:
        if forward not in operation.inputs or operation.result not in adjoints:
            continue
        dtype = np.dtype(tape.values[forward].dtype) if operation.function in COUNTING_BYTES else None
        try:
            parts = local.contributions(operation, replay.originals, adjoints[operation.result], {forward}, dtype)
        except NoRuleError:
            return []
        found.append((operation, sum((np.asarray(part, dtype=float) for _, part in parts), np.zeros(()))))
    return found


def _sum_of(known: Verdicts, value: int) -> tuple[Operation, int] | None:
    """(sum, other addend) where a value is first added to something."""
    tape = known.replay.tape
    made = tape.values[value].producer or 0
    for operation in tape.operations[made + 1 : known.step.last + 1]:
        if value in operation.inputs and operation.result not in known.matching.adjoints.closure:
            others = [i for i in operation.inputs if i != value]
            plain = operation.function in ADDITIONS and len(others) == 1 and len(operation.arguments) == 2
            return (operation, others[0]) if plain else None
    return None


__all__ = ["beside_a_share", "other_share", "shares_of_uses", "taken_up", "whole_sums"]
