"""Which expression of a backward pass is wrong: the one that, were it the adjoint it stands for, would set most right.

A value is suspected when it matches no adjoint. For each such value the question is put to a replay: if this value had
been the adjoint of that forward value, would the gradients that are wrong become right, and those that are right stay
so? What answers yes for the most parameters, and comes first, is where the mistake is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.as_given import as_given
from shapecheck.diagnose.beside_penalties import beside_a_penalty
from shapecheck.diagnose.blame import (
    Origin,
    blamed,
    misplaced,
    misplaced_before_a_slope,
    read_at,
    wrong_addend,
    wrong_share,
)
from shapecheck.diagnose.branches import given_wrongly
from shapecheck.diagnose.credible_losses import (
    begun_with,
    is_chain_of_mistakes,
    is_one_mistake,
    is_output,
    is_renamed,
    meets_data,
)
from shapecheck.diagnose.error_signal import has_a_rate_twice, missed_losses
from shapecheck.diagnose.exchanged import exchanged
from shapecheck.diagnose.forward import WrongAxis, another_axis_gives, axis_to_blame
from shapecheck.diagnose.handed_on import copied_at, handed_on, renamed_at
from shapecheck.diagnose.last_shares import last_shares
from shapecheck.diagnose.lone_slopes import at_their_use
from shapecheck.diagnose.missing import empty_sums
from shapecheck.diagnose.shared_slopes import shared_slopes
from shapecheck.diagnose.shares import beside_a_share, other_share, taken_up, whole_sums
from shapecheck.diagnose.softmax_jacobian import behind_a_diagonal
from shapecheck.diagnose.stacked_parts import wrong_part
from shapecheck.diagnose.suspects import Suspect, independent
from shapecheck.diagnose.targets import Result, Target, targets_of
from shapecheck.diagnose.unseen_shares import unseen_share
from shapecheck.diagnose.unsummed_shares import unsummed_share
from shapecheck.diagnose.verdicts import Verdict, Verdicts
from shapecheck.diagnose.wrong_factors import factor_suspects
from shapecheck.diagnose.wrong_values import unrelated_steps, value_suspects
from shapecheck.gradients.losses import find_losses, sounds_like_a_loss
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.shortened import shortened
from shapecheck.gradients.stacked_numbers import is_stacked
from shapecheck.gradients.steps import Loss, Step, joint_step, steps
from shapecheck.network.parameters import Parameter

_MOST_ORIGINS = 6


@dataclass(slots=True)
class Diagnosis:
    """The verdicts on all gradients of a step, and the suspects: one for each independent mistake, then the others.

    Attributes:
        signal: What the step follows in the place of a difference of output and target, where it shows that itself;
            else empty.
    """

    step: Step
    loss: Loss
    verdicts: list[Verdict]
    suspects: list[Suspect]
    independent: int
    rate: float | None
    signal: str = ""

    @property
    def wrong(self) -> list[Verdict]:
        """The gradients that are no multiple of the adjoint."""
        return [v for v in self.verdicts if not v.is_right and not v.proves_nothing]


def diagnose_step(step: Step, loss: Loss, known: Verdicts | None = None, *, axes: bool = True) -> Diagnosis:
    """Find the expressions to blame for the gradients of one step that are wrong.

    Args:
        step: The step.
        loss: What it descends, with its adjoints.
        known: How its gradients are judged, where more is known of them than a training step shows.
        axes: Whether other axes of the forward pass's reductions are tried, which takes long.

    Returns:
        A verdict on each gradient, and the suspects, the most telling first.
    """
    assert loss.matching is not None
    known = known or Verdicts(loss.matching, step)
    verdicts = known.all()
    wrong = {v.parameter for v in verdicts if not v.is_right and not v.proves_nothing}
    # Shares that add up to a gradient prove their mistake; what they explain needs no other culprit.
    suspects = list(last_shares(known, wrong))
    unexplained = wrong - {p for s in suspects for p in s.explains}
    through = _right_through(known, verdicts) if unexplained and axes and not known.settled else set[int]()
    right = {v.parameter for v in verdicts if v.is_right}
    axis = None
    if unexplained and axes and not known.settled:
        axis = axis_to_blame(known.replay, step, through, loss.matching.adjoints.closure if through else None)
    backward = _over_another_axis(known, axis, unexplained, right) if through else []
    if backward:
        suspects += backward
    elif axis is not None:
        suspects += _of_axis(axis, wrong)
        loss = axis.loss
    elif unexplained:
        others = given_wrongly(known, at_their_use(known, value_suspects(known, unexplained, right)))
        if not known.settled and (order := exchanged(known, others, unexplained, right)) is not None:
            others = [order]
        suspects += others
    if not known.settled:
        suspects += factor_suspects(known, verdicts)
        suspects += empty_sums(known, wrong - {p for s in suspects for p in s.explains})
        suspects += unrelated_steps(known, wrong - {p for s in suspects for p in s.explains})
    if is_stacked(known.replay.tape):
        suspects = list(_before_the_rate(suspects, known))
    suspects = list(_after_their_operands(known, whole_sums(known, suspects)))
    chosen, others = independent(suspects, whole=len(known.changes) if known.settled else 0)
    chosen = as_given(known, _without_consequences(known, chosen))
    chosen += [s for s in others if s.reason == "axis"]
    others = [s for s in others if s.reason != "axis"]
    chosen = [_with_origin(s, known) for s in chosen]
    return Diagnosis(step, loss, verdicts, chosen + others, len(chosen), known.rate)


def _over_another_axis(known: Verdicts, axis: WrongAxis | None, wrong: set[int], right: set[int]) -> list[Suspect]:
    """The expression of the backward pass that one other axis sets right, where it takes several forward to do that."""
    if axis is None or len(axis.reductions) < 2:
        return []
    whole = [s for s in value_suspects(known, wrong, right) if set(s.explains) >= wrong]
    found = [s for s in whole if s.reason == "value" and len(s.values) == 1]
    return [s for s in found if all(another_axis_gives(known.replay, v, a) for v, (_, a) in s.wanted.items())]


def _after_their_operands(known: Verdicts, suspects: Sequence[Suspect]) -> Iterator[Suspect]:
    """Suspects; where one holds all gradients, and each is made from what is suspected, its operands are wrong."""
    accused = {value: suspect for suspect in suspects for value in suspect.values}
    for suspect in suspects:
        if suspect.together == 1 < len(suspect.explains) and suspect.operands_right and suspect.reason == "value":
            made_from = known.replay.ancestors(suspect.values) - set(suspect.values)
            earlier = {p for v in made_from & accused.keys() for p in accused[v].explains if accused[v] is not suspect}
            if earlier >= set(suspect.explains):
                yield replace(suspect, operands_right=False)
                continue
        yield suspect


def _right_through(known: Verdicts, verdicts: Sequence[Verdict]) -> set[int]:
    """The values of the forward pass that lie between parameters whose gradients are right and the loss."""
    right = [v.parameter for v in verdicts if v.is_right and not v.weak]
    return known.matching.adjoints.closure & known.replay.dependents(right, known.step.last + 1) if right else set()


def _without_consequences(known: Verdicts, chosen: Sequence[Suspect]) -> list[Suspect]:
    """The suspects but for what goes wrong where the mistakes of several others meet, and is right without these."""
    firm = [s for s in chosen if s.operands_right and s.reason == "value"]
    if len(firm) < 2 or len(firm) == len(chosen):
        return list(chosen)
    outcomes = known.outcomes({value: array for s in firm for value, (_, array) in s.wanted.items()})
    mended = {parameter for parameter, outcome in outcomes.items() if outcome is not None}
    return [s for s in chosen if s in firm or not mended >= set(s.explains)]


def _before_the_rate(suspects: Sequence[Suspect], known: Verdicts) -> Iterator[Suspect]:
    """Suspects but for those that only multiply another one, which explains as much, by a rate or a count."""
    known_values = {v: s for s in suspects for v in s.values}
    for suspect in suspects:
        operation = known.producer(suspect.values[-1])
        if operation is not None and operation.function in {"*", "/"}:
            inner = [known_values[n] for n in operation.inputs if n in known_values]
            outer = [n for n in operation.inputs if n not in known_values]
            same = any(set(s.explains) >= set(suspect.explains) for s in inner)
            if same and not any(n in known.forward for n in outer):
                continue
        yield suspect


def diagnose_steps(replay: Replay, parameters: Sequence[Parameter], most: int = 3) -> list[Diagnosis]:
    """Hold every gradient of the first steps against the loss that they descend.

    Args:
        replay: The tape.
        parameters: What the program updates.
        most: So many updates of each parameter are looked at.

    Returns:
        A diagnosis of each step for which a loss was found; those without a suspect and without a wrong verdict say
        that the step is right.
    """
    replay = replay.in_double()
    found: list[Diagnosis] = []
    taken = [shortened(replay, step) for step in steps(replay, parameters, most)]
    axes = True  # an axis that is not to blame for one wrong step is not to blame for the next
    for step in taken:
        if _is_settled(step, found):
            continue
        losses = find_losses(replay, step)
        credible = [c for c in losses if c.credible]
        if credible:
            agreed = diagnose_step(step, credible[0], axes=axes)
            axes = axes and (not agreed.wrong or any(s.reason == "axis" for s in agreed.suspects))
            # A slope of one everywhere makes squares look like a cross-entropy at the output, and nowhere else.
            others = [c for c in losses if not c.credible] if agreed.wrong and credible[0].inferred else []
            unsure = agreed.independent > 1 or not all(s.operands_right for s in agreed.suspects[: agreed.independent])
            others = [*(credible[:1] if unsure else ()), *others]
            shared = _of_shared_slopes(others, step, plain=bool(agreed.wrong) and not unsure)
            found.append(shared or _or_of_other_losses(replay, agreed, losses))
        elif (whole := _spoilt_at_the_start(replay, step, losses)) is not None:
            found.append(whole)
        elif (shared := _of_shared_slopes(losses, step)) is not None:
            found.append(shared)
        elif (axis := axis_to_blame(replay, step)) is not None:
            # Under a wrong forward pass no loss is agreed with; one that another axis makes agree is the loss.
            turned = _of_axis(axis, step.olds)
            found.append(Diagnosis(step, axis.loss, [], turned, len(turned), None))
    # Where no output goes backwards, nothing ties the last bias to the other parameters.
    joint = joint_step(taken) if not found else None
    if joint is not None and (whole := _spoilt_at_the_start(replay, joint, [])) is not None:
        found.append(whole)
    return found


def _of_shared_slopes(losses: Sequence[Loss], step: Step, plain: bool = False) -> Diagnosis | None:
    """A step that would follow one of the losses if one formula had given every layer its slope.

    Args:
        losses: Those it may follow.
        step: The step.
        plain: Whether one value explains what is wrong already: then the formula has to be one slope in all layers, and
            not one at the output that another loss does without.
    """
    shared = shared_slopes(losses, step, one_formula=plain)
    if shared is None:
        return None
    loss, known, verdicts, suspects = shared
    return Diagnosis(step, loss, verdicts, suspects, len(suspects), known.rate)


def _is_settled(step: Step, found: Sequence[Diagnosis]) -> bool:
    """Whether two earlier steps of the same parameters were both right, or both wrong: a third says nothing new."""
    births = {p.birth for p, *_ in step.parameters}
    same = [bool(d.independent) for d in found if births <= {p.birth for p, *_ in d.step.parameters}]
    return len(same) > 1 and len(set(same)) == 1


def _spoilt_at_the_start(known: Replay, step: Step, losses: Sequence[Loss]) -> Diagnosis | None:
    """A step that follows none of the losses, but would follow one that the program computes, were one value another.

    A backward pass through several layers is not in order for a loss by accident, so this speaks for the loss. Of a
    loss of which the program shows nothing but an output and a target, only the step can speak: it follows something
    that is made of the two, and that is no difference.
    """
    own = (c for c in losses if not c.inferred)
    tried = [c for c in own if sounds_like_a_loss(known, c) or meets_data(known, step, c)][:2]
    accepted: list[Diagnosis] = []
    passed_on: list[Diagnosis] = []
    chains: list[Diagnosis] = []
    supposed = [(loss, "") for loss in tried] or missed_losses(known, step)
    # Whoever multiplies the error by the rate of the steps has mistaken it for something else.
    twice = [(c, "") for c in losses if c.inferred] if not tried and has_a_rate_twice(known, step) else []
    # Who takes the diagonal of a softmax's Jacobian begins with the derivative of the loss that is meant.
    diagonal = [(c, "") for c in behind_a_diagonal(losses, step)] if not tried else []
    for loss, signal in (*diagonal, *supposed, *twice):
        if accepted and set(accepted[0].loss.seeds) != set(loss.seeds):
            break
        found = replace(diagnose_step(step, loss), signal=signal)
        if is_one_mistake(found):
            # What looks like an output that goes backwards as it is may be made from the output.
            (passed_on if is_output(found) and not is_renamed(known, found) else accepted).append(found)
        elif is_chain_of_mistakes(found):
            chains.append(found)
    passed_on.sort(key=lambda found: min(found.suspects[0].values))
    accepted = accepted or [found for found in passed_on if set(found.loss.seeds) == set(passed_on[0].loss.seeds)]
    if not accepted:
        return chains[0] if chains else None
    first, *others = [found.suspects[0] for found in accepted]
    for other in others:
        first = replace(first, targets=tuple(_either(first.targets, other.targets)))
    return _or_of_other_losses(known, replace(accepted[0], suspects=[first, *accepted[0].suspects[1:]]), losses)


def _or_of_other_losses(replay: Replay, found: Diagnosis, losses: Sequence[Loss]) -> Diagnosis:
    """A diagnosis, its edits free to follow another loss whose derivative by the output goes backwards.

    What is printed may be another measure than what is descended: the absolute error beside squares.
    """
    if found.loss.inferred or not found.suspects or any(v.is_right for v in found.verdicts):
        return found
    first, *others = found.suspects
    for loss in begun_with(replay, found.step, losses):
        for other in diagnose_step(found.step, loss, axes=False).suspects[:1]:
            first = replace(first, targets=tuple(_either(first.targets, other.targets)))
    return replace(found, suspects=[first, *others])


def _either(targets: Sequence[Target], others: Sequence[Target]) -> Iterator[Target]:
    """Targets that are reached with what either of two losses asks for."""
    for target in targets:
        same = [o for o in others if o.site == target.site]
        same = [o for o in same if [r.value for r in o.results] == [r.value for r in target.results]]
        if same:
            pairs = zip(target.results, same[0].results, strict=True)
            yield replace(target, results=tuple(replace(a, wanted=a.wanted + b.wanted) for a, b in pairs))
        else:
            yield target


def _of_axis(axis: WrongAxis, wrong: Iterable[int]) -> list[Suspect]:
    """The reductions to blame; all of them, where it takes them all."""
    explained, found = tuple(wrong), []
    for one in axis.reductions:
        target = Target(one.site, tuple(Result(v, (array,), exact=True) for v, array in one.wanted.items()))
        values, reason = tuple(one.wanted), "axis"
        found.append(Suspect(one.site, values, {}, explained, True, reason, axis=one.axis, targets=(target,)))
    return found


def _open_where_they_differ(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arrays of which any would do, and with them one that has NaN where they differ, which a mask hides."""
    first = arrays[0]
    scale = float(np.nanmax(np.abs(first), initial=0.0))
    same = np.all([np.isclose(a, first, rtol=1e-9, atol=1e-9 * scale) for a in arrays[1:]], axis=0)
    telling = len(arrays) > 1 and np.any(first[same]) and not np.all(same)
    return (*arrays, np.where(same, first, np.nan)) if telling else arrays


def _with_origin(suspect: Suspect, known: Verdicts) -> Suspect:
    if suspect.reason in {"empty", "exchanged", "last"}:
        return suspect
    if (shared := other_share(known, suspect)) is not None:
        summed, origins = shared
        arrays = {v: (known.matching.settled(*one),) for v, one in summed.wanted.items()}
        targets = targets_of(summed.site, arrays, origins, known)
        return replace(summed, origin=origins[0].site, targets=targets)
    if (place := taken_up(known, suspect)) is not None:
        suspect = replace(suspect, site=place)
    chosen = suspect.sound or suspect.values
    wanted = {
        v: tuple(known.matching.settled(suspect.wanted[v][0], w) for w in (suspect.wanted[v][1], *others))
        for v, others in ((v, suspect.alternatives.get(v, ())) for v in chosen if v in suspect.wanted)
    }
    if not wanted:
        return suspect
    origins = _origins(known, suspect, wanted) if suspect.reason == "value" else []
    site = origins[0].site if origins else None
    if origins and (passed := handed_on(known, [o.value for o in origins])) is not None:
        # What was handed on as it is was to be changed on the way.
        site, values = passed
        origins = [replace(o, site=site) for o in origins if o.value in values]
    if suspect.reason == "other":
        site = renamed_at(suspect, known)
    whole = suspect.reason in {"unrelated", "still"} and not set(wanted) <= set(known.changes.values())
    # A single number is a multiple of what it should be, by a factor that means nothing where no rate is known.
    numbers = all(np.size(arrays[0]) == 1 for arrays in wanted.values())
    if suspect.reason == "scale" and numbers and known.rate is None:
        suspect = replace(suspect, reason="value")
    wanted = {v: _open_where_they_differ(arrays) for v, arrays in wanted.items()}
    targets = targets_of(suspect.site, wanted, origins, known, exact=suspect.reason == "scale" or whole)
    if suspect.reason == "other" and site is None and (passed := handed_on(known, suspect.values)) is not None:
        site, values = passed
        results = tuple(Result(v, wanted[v]) for v in values if v in wanted)
        targets = (Target(site, results), *targets) if results else targets
    elif suspect.reason == "other" and site is None and (copied := copied_at(known, suspect.values)) is not None:
        site, copies = copied
        targets = (Target(site, tuple(Result(copies[v], wanted[v]) for v in copies if v in wanted)), *targets)
    if isinstance(known.replay.tape.sites[suspect.site].node, ast.Name):
        targets = targets[:1]  # a second name: under the first one the output is right
    beside_right = any(o.beside_right for o in origins)
    return replace(
        suspect, origin=site, targets=targets, slope=any(o.slope for o in origins), beside_right=beside_right
    )


def _origins(known: Verdicts, suspect: Suspect, wanted: Mapping[int, tuple[Any, ...]]) -> list[Origin]:
    """The operands to blame, of one expression, for some values that should have been others."""

    def penalised(_: Matching, value: int, array: Any) -> Origin | None:
        return beside_a_penalty(known, value, array)

    def shared(_: Matching, value: int, array: Any) -> Origin | None:
        return beside_a_share(known, value, suspect.wanted[value][0], array)

    slopes = (penalised, misplaced_before_a_slope, blamed)
    shares = (unsummed_share, wrong_addend, wrong_share, unseen_share)
    for find in (*slopes, read_at, shared, wrong_part, *shares, misplaced):
        found: list[Origin] = []
        for value, arrays in list(wanted.items())[:_MOST_ORIGINS]:
            origin = find(known.matching, value, np.asarray(arrays[0], dtype=float))
            if origin is None and not found:
                break
            if origin is not None and (not found or origin.site == found[0].site):
                found.append(origin)
        if found:
            return found
    return []


__all__ = ["Diagnosis", "diagnose_step", "diagnose_steps"]
