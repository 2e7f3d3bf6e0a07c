"""A loss whose parts are computed and never added up: `rec` and `kl` are printed apart, and their sum is descended.

Each part is a number that the program computes. Where the gradients that do not follow one of them follow it together
with some multiple of another, the same for all of them, nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapecheck.diagnose.gradient import Diagnosis
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.steps import reach

_EXACT = 1e-6
# So many numbers of a program are tried as the other part.
_MOST = 8
# A gradient of fewer entries is a sum of multiples of any two derivatives.
_TELLING = 3


def follows_parts(found: Diagnosis) -> bool:
    """Whether all gradients that do not follow a loss follow it and a multiple of another number of the program's."""
    wrong = {v.parameter for v in found.wrong}
    factors = [v.factor.number for v in found.verdicts if v.factor is not None and not v.weak]
    if (
        not wrong
        or not factors
        or max(factors) - min(factors) > _EXACT * abs(factors[0])
        or found.loss.matching is None
    ):
        return False
    known = Verdicts(found.loss.matching, found.step)
    return any(_is_followed_with(known, part, wrong, factors[0]) for part in _parts(known, wrong))


def _parts(known: Verdicts, wrong: set[int]) -> Iterator[int]:
    """Numbers that depend on the parameters whose gradients are wrong, and that the loss is not made from."""
    tape, step = known.replay.tape, known.step
    end = step.last + 400
    reached = reach(known.replay, step.olds, end)
    # A sum over batches goes on with what the next step's parameters give.
    later = reach(known.replay, {p.updates[step.number].new for p, *_ in step.parameters}, end)
    used = known.replay.ancestors([change for _, _, change, _ in step.parameters])
    numbers = (o.result for o in tape.operations[step.first : end] if o.site is not None)
    numbers = (v for v in numbers if tape.values[v].size == 1 and tape.values[v].dtype.startswith("float"))
    apart = [v for v in numbers if wrong <= reached.get(v, frozenset()) and v not in used and v not in later]
    inner = {i for v in apart for i in tape.operations[tape.values[v].producer or 0].inputs}
    yield from [v for v in apart if v not in inner and v not in known.matching.adjoints.closure][:_MOST]


def _is_followed_with(known: Verdicts, part: int, wrong: set[int], factor: float) -> bool:
    """Whether each of some gradients is `factor` times the derivative of the loss and of one multiple of a part."""
    seed = {part: np.ones(np.shape(known.replay.recorded[part]))}
    try:
        other = adjoints(known.replay, seed, known.step.olds, check=(), held=known.step.held)
    except ReplayError:
        return False
    pairs = {
        p: [np.ravel(np.asarray(a[p], dtype=float)) for a in (known.matching.adjoints, other)] for p in sorted(wrong)
    }
    telling = [p for p in pairs if pairs[p][0].size >= _TELLING and np.any(pairs[p][1])]
    shares = [next(_shares(known, p, factor * pairs[p][0], pairs[p][1]), None) for p in telling]
    known_shares = [share for share in shares if share is not None]
    if not known_shares or len(known_shares) < len(shares):
        return False
    share = known_shares[0]
    if max(abs(other - share) for other in known_shares) > 10 * _EXACT * abs(share):
        return False
    return all(
        _is_met(known, p, factor * first + share * second) for p, (first, second) in pairs.items() if p not in telling
    )


def _shares(known: Verdicts, parameter: int, first: np.ndarray, second: np.ndarray) -> Iterator[float]:
    """The multiples of one derivative that are all that a step's gradient has besides another."""
    for gradient in _gradients(known, parameter, first.size):
        rest = gradient - first
        share = float(rest @ second) / float(second @ second)
        if share and np.linalg.norm(rest - share * second) <= _EXACT * np.linalg.norm(gradient):
            yield share


def _is_met(known: Verdicts, parameter: int, wanted: np.ndarray) -> bool:
    """Whether a step's gradient is what is wanted."""
    sizes = (np.linalg.norm(g - wanted) for g in _gradients(known, parameter, wanted.size))
    return any(size <= 10 * _EXACT * np.linalg.norm(wanted) for size in sizes)


def _gradients(known: Verdicts, parameter: int, size: int) -> Iterator[np.ndarray]:
    """What a step may have been made from, from the change backwards."""
    for value in known.probes[parameter]:
        gradient = np.ravel(np.asarray(known.replay.recorded[value], dtype=float))
        if gradient.size == size and np.all(np.isfinite(gradient)):
            yield gradient


__all__ = ["follows_parts"]
