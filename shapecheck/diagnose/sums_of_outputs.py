"""Biases that are one number, and whose gradient sums up the outputs where it should sum up the errors.

What is made of outputs alone is no derivative, and one number is like any other; but beside it the other gradients are
made from the errors, and their sum is what the bias's gradient should be, at the rate that all others have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from shapecheck.diagnose.gradient import Diagnosis
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT, Standing

_MOST_ERRORS = 6
# In so many steps the errors have to be missed at one place.
_FEWEST = 2


def sums_of_outputs(diagnoses: Sequence[Diagnosis]) -> Diagnosis | None:
    """The sum that is right with the errors in the outputs' place, in every step that is wrong.

    Args:
        diagnoses: Those of the first steps.
    """
    wrong = [d for d in diagnoses if d.wrong]
    found = [(d, next(_suspects(d), None)) for d in wrong]
    sites = {suspect.site if suspect is not None else None for _, suspect in found}
    if len(found) < _FEWEST or len(sites) != 1:
        return None
    diagnosis, suspect = found[0]
    if suspect is None:
        return None
    return Diagnosis(diagnosis.step, diagnosis.loss, diagnosis.verdicts, [suspect], 1, diagnosis.rate)


def _suspects(diagnosis: Diagnosis) -> Iterator[Suspect]:
    assert diagnosis.loss.matching is not None
    known = Verdicts(diagnosis.loss.matching, diagnosis.step)
    verdicts, recorded = known.all(), known.replay.recorded
    right = {v.parameter for v in verdicts if v.is_right and not v.weak}
    wrong = {v.parameter for v in verdicts if not v.is_right and not v.proves_nothing}
    errors = _errors(known, right) if known.rate is not None else []
    for old in (o for o in wrong if np.size(known.matching.adjoints[o]) == 1 and len(wrong) == 1 and errors):
        chain = known.chain([old])
        standings = known.matching.standings(chain)
        for value in chain if all(s is Standing.FORWARD for s in standings.values()) else []:
            operation = known.producer(value)
            outputs = operation.inputs[0] if operation is not None and len(operation.inputs) == 1 else None
            if operation is None or operation.site is None or outputs not in known.matching.adjoints.closure:
                continue
            if np.size(recorded[outputs]) < 2 or np.size(recorded[value]) != 1:
                continue
            for error in (e for e in errors if np.shape(recorded[e]) == np.shape(recorded[outputs])):
                wanted = known.replay.exchanged(operation, outputs, recorded[error])
                if wanted is None or np.shape(wanted) != np.shape(recorded[value]):
                    continue
                outcome = known.outcomes({value: wanted}).get(old)
                if outcome is not None and abs(outcome.factor.number / (known.rate or 1.0) - 1) <= 10 * EXACT:
                    targets = (
                        Target(operation.site, (Result(value, (wanted,), exact=True),)),
                        Target(None, (Result(outputs, (recorded[error],), operation.number, exact=True),)),
                    )
                    arrays = {value: (old, wanted)}
                    yield Suspect(operation.site, (value,), arrays, (old,), True, sound=(value,), targets=targets)
                    return


def _errors(known: Verdicts, right: set[int]) -> list[int]:
    """The derivatives from which the gradients that are right are made."""
    chain = known.chain(right)
    standings = known.matching.standings(chain)
    several = (v for v in chain if standings[v] is Standing.VERIFIED and np.size(known.replay.recorded[v]) > 1)
    return list(several)[:_MOST_ERRORS]


__all__ = ["sums_of_outputs"]
