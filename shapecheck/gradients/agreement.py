"""Whether the updates on a tape follow the numeric gradient of some loss: the evidence that a program is right."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from shapecheck.gradients.followed import Agreement, ParameterAgreement, common_factor
from shapecheck.gradients.held_steps import HeldStep
from shapecheck.gradients.hypotheses import Hypothesis
from shapecheck.gradients.one_loss import held_against
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.stacked_numbers import stacked
from shapecheck.gradients.two_losses import against_each_other, with_another_part
from shapecheck.network.parameters import Parameter, find_parameters, side_by_side
from shapecheck.network.strays import find_strays
from shapecheck.network.uses import value_names
from shapecheck.trace.tape import Tape

# How many steps are looked at when the first ones say nothing of a parameter.
_MOST_STEPS = 8
# Fewer steps than this show nothing that is further on.
_FEW_STEPS = 3
# What is this far from a gradient is no rounding, and no kink that was stepped over.
_PLAINLY = 1e-2


def agreement(tape: Tape, *, steps: int = 2, meant: str = "", later: bool = False) -> Agreement:
    """Hold the first updates on a tape against numeric gradients of the losses that the program may mean.

    Args:
        tape: With whole values.
        steps: Every one of so many first updates must agree.
        meant: The formula of a loss of the program's own that the updates must follow to the last term.
        later: Whether it has to hold some steps further on, too. Of a repair it is asked for: of many edits one is
            right by accident in the first steps.
    """
    if (stack := stacked(tape)) is not None:
        found = agreement(stack.tape, steps=steps, meant=meant)
        found.parameters = [replace(row, shape=()) for row in found.parameters]
        return found
    # What a network of NaN leaves to the next one cannot be judged.
    parameters = side_by_side([p for p in find_parameters(tape, most_updates=_MOST_STEPS) if _is_alive(tape, p)])
    if not parameters:
        return Agreement("unknown")
    strays = find_strays(tape, most_updates=_MOST_STEPS)
    replay = Replay(tape)
    names = value_names(tape)
    results: list[Agreement] = []
    still: list[Agreement] = []
    open_ones = {p.birth: p.name for p in parameters}
    paces: dict[int, tuple[str, float]] = {}
    for number in range(min(_MOST_STEPS, max(len(p.updates) for p in parameters))):
        # A weight whose input is zero in the first steps (a recurrent one, on one-word texts) is looked at again later.
        if number >= steps + len(still) and not (open_ones and all(r.verdict == "right" for r in results)):
            break
        step = HeldStep(replay, parameters, strays, number, names)
        result = _judged(step, meant)
        results.append(result)
        pace = common_factor(row for row in result.parameters if math.prod(row.shape) > 1)
        if pace is not None and result.verdict == "right":
            paces[number] = result.formula, pace
        if not step.moves:
            still.append(result)
        elif still:
            # Nothing moved for a step between two that move, as behind a hinge: that says nothing of gradients.
            if len(results) > len(still) + 1:
                results = [r for r in results if all(r is not one for one in still)]
            still = []
        if result.verdict == "wrong" and step.moves and not still:
            break  # no other step makes that right
        for row, parameter in zip(result.parameters, step.parameters, strict=False):
            if row.verdict != "unknown" or row.cancels:
                open_ones.pop(parameter.birth, None)
    worst = min(results, key=lambda r: {"wrong": 0, "unknown": 1, "right": 2}[r.verdict])
    for row, parameter in zip(worst.parameters, parameters, strict=False):
        grown = parameter.grew(tape)
        if grown is not None:
            row.grew_to = tape.values[grown.new].shape
    worst.unproven = list(open_ones.values())
    worst.followed = tuple(dict.fromkeys(r.formula for r in results))
    worst.paces = paces
    if later and not _holds_later(tape, worst):
        worst.verdict = "wrong"
    return worst


def _holds_later(tape: Tape, found: Agreement) -> bool:
    """Whether what was found right in the first steps is not plainly wrong a few steps further on.

    A network that begins with next to nothing may follow the gradient of a loss there by accident: all its units are
    alike, every margin is missed, and every exponential is one more than its argument.
    """
    if found.verdict != "right" or stacked(tape) is not None:
        return True
    parameters = side_by_side([p for p in find_parameters(tape, most_updates=_MOST_STEPS + 1) if _is_alive(tape, p)])
    known = min((len(p.updates) for p in parameters), default=0)
    # The update after it says where a step ends: later losses depend on its gradients by what an optimizer keeps.
    number = known - 2 if known > _FEW_STEPS else known - 1
    if number < _FEW_STEPS - 1:
        return True
    step = HeldStep(Replay(tape), parameters, [], number, value_names(tape))
    same = [h for h in step.hypotheses() if h.formula in found.followed]
    same = [h for h in same if h.inferred or not step.samples.isdisjoint(step.samples_of(h))]
    if not {h.formula for h in same}.issuperset(found.followed):
        return True  # the loss may be one that is computed now and then, or of other samples
    judged = [one for h in same if (one := held_against(step, h)) is not None]
    return not judged or any(one.verdict != "wrong" or one.error < _PLAINLY for one in judged)


def _is_alive(tape: Tape, parameter: Parameter) -> bool:
    """Whether a parameter has entries at its birth, and all of them are numbers."""
    array = tape.values[parameter.birth].array
    return array is None or bool(np.size(array) and np.all(np.isfinite(array)))


def _judged(step: HeldStep, meant: str) -> Agreement:
    """A step held against the loss that its updates follow best."""
    best: Agreement | None = None
    whole: Agreement | None = None
    likeliest: Hypothesis | None = None
    parts: set[int] = set()
    for hypothesis in step.hypotheses():
        if step.samples and not hypothesis.inferred and not step.samples_of(hypothesis):
            continue  # a penalty by itself is followed by what is added for it, whatever that is added to
        judged = held_against(step, hypothesis)
        if judged is None:
            continue
        if hypothesis.scalar in parts and judged.verdict == "right" and any(row.share for row in judged.parameters):
            continue  # one sample's loss, followed by one sample's share of what is wrong for all of them
        if not judged.inferred and judged.verdict == "wrong" and whole is None:
            whole = judged
            parts = step.made_from(hypothesis) if hypothesis.scalar is not None else set()
        if best is None or _weight(judged) > _weight(best):
            best, likeliest = judged, hypothesis
        if best.verdict == "right" and not best.ascent:
            break
    if best is None:
        rows = [ParameterAgreement(p.name, p.shape(step.tape), "unknown") for p in step.parameters]
        return Agreement("unknown", rows)
    few = 2 * best.matched < len(best.parameters) and any(row.verdict == "wrong" for row in best.parameters)
    if whole is not None and best.verdict == "unknown" and few:
        return whole  # what a few follow by accident, some do not, and others do not depend on, is no loss
    if best.verdict == "wrong" and likeliest is not None and not meant:
        best = with_another_part(step, likeliest, best) or best
    if best.verdict == "wrong" and not best.inferred and not meant:
        best = against_each_other(step) or best
    if best.verdict == "right" and best.inferred and (meant or not all(row.entire for row in best.parameters)):
        return _binding(step, best, meant) or best
    return best


def _binding(step: HeldStep, found: Agreement, meant: str) -> Agreement | None:
    """A loss of the program's own that is the one meant, and not followed, where an inferred one is."""
    followed: set[str] = set()
    for hypothesis in step.own_losses():
        own = step.samples_of(hypothesis)
        if meant not in {"", hypothesis.formula} or step.samples.isdisjoint(own):
            continue  # that of other samples, as of those that are kept for the end, is another loss
        if hypothesis.formula in followed:
            continue  # of a sum that is added up in a loop the last value was followed: the others are its parts
        judged = held_against(step, hypothesis)
        if judged is not None and judged.verdict == "right":
            followed.add(hypothesis.formula)
        if judged is not None and judged.verdict == "wrong" and (meant or _is_better_followed(judged, found)):
            judged.binding = True
            return judged
    return None


def _is_better_followed(judged: Agreement, known: Agreement) -> bool:
    """Whether some updates are the gradients of a loss to the last term, as no other loss's, and some are not."""
    rows = {row.name: row for row in known.parameters}
    entire = [r for r in judged.parameters if r.entire and r.name in rows and not rows[r.name].entire]
    return bool(entire)


def _weight(judged: Agreement) -> tuple[int, int, bool, float]:
    """How much speaks for a loss: what follows it, what depends on it at all, whether all in one way, how closely."""
    depending = sum(bool(np.isfinite(row.error)) for row in judged.parameters)
    return judged.matched, depending, judged.verdict == "right" or judged.ascent, -judged.error
