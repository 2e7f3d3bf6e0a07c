"""Training steps that no one loss of the program explains, and two of them do: as a sum, or one for each network."""

from __future__ import annotations

import itertools
import math

from shapecheck.gradients.followed import Agreement, ParameterAgreement
from shapecheck.gradients.held_steps import HeldStep
from shapecheck.gradients.hypotheses import Hypothesis
from shapecheck.gradients.one_loss import held_against
from shapecheck.gradients.sums_of_losses import joined_hypotheses, other_parts

# Two networks have so many parameters at least; so many numbers of the program may be the loss of one.
_MOST_OF_ONE, _MOST_OPPOSED = 4, 4


def with_another_part(step: HeldStep, hypothesis: Hypothesis, found: Agreement) -> Agreement | None:
    """How all updates follow a loss and a number that the program never adds to it, if they do."""
    masks = step.dependence.masks
    wrong = later = 0
    for row, update in zip(found.parameters, step.updates, strict=False):
        wrong |= masks[update.old] if row.verdict == "wrong" else 0
        later |= masks[update.new]
    known = step.made_from(hypothesis) | step.among

    def may_be(value: int) -> bool:
        return bool(masks[value] & wrong) and not masks[value] & later and value not in known

    parts = other_parts(step.tape, 0, step.horizon(), may_be)
    each = held_against(step, hypothesis, whole=True) if parts else None
    updates = list(zip(each.parameters, step.updates, strict=False)) if each is not None else []
    for both in joined_hypotheses(step.replay, hypothesis, updates, parts):
        judged = held_against(step, both)
        if judged is not None and judged.verdict == "right":
            return judged
    return None


def against_each_other(step: HeldStep) -> Agreement | None:
    """How two networks each descend a loss of their own, if they do, where both losses are computed before any step.

    A loss that is a part of the other, or of what the program computes of both, is none of another network.
    """
    if len(step.updates) < _MOST_OF_ONE:
        return None
    own = list(itertools.islice(step.own_losses(), _MOST_OPPOSED))
    made = {h.formula: step.made_from(h) for h in own if h.scalar is not None}
    for first, second in itertools.combinations([h for h in own if h.formula in made], 2):
        if any(both.issuperset({first.scalar, second.scalar}) for both in made.values()):
            continue
        each = [held_against(step, h, whole=True) for h in (first, second)]
        rows = [judged.parameters if judged is not None else [] for judged in each]
        chosen = []
        for one, other in zip(*rows, strict=False):
            follows = [r for r in (one, other) if _descends(r)]
            # One number is a multiple of any other, and follows both.
            chosen += follows[:1] if len(follows) == 1 or math.prod(one.shape) == 1 else []
        parted = {sum(r is row for r in chosen for row in own_rows if math.prod(row.shape) > 1) for own_rows in rows}
        if len(chosen) == len(step.updates) and 0 not in parted:
            formula = f"{first.formula} and {second.formula}"
            error = max(row.error for row in chosen)
            return Agreement("right", chosen, formula, matched=len(chosen), error=error)
    return None


def _descends(row: ParameterAgreement) -> bool:
    return row.verdict == "right" and row.entire and (row.factor or 0.0) < 0
