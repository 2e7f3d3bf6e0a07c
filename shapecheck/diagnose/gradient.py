"""Which expression of a backward pass is wrong: the one that, were it the adjoint it stands for, would set most right.

A value is suspected when it matches no adjoint. For each such value the question is put to a replay: if this value had
been the adjoint of that forward value, would the gradients that are wrong become right, and those that are right stay
so? What answers yes for the most parameters, and comes first, is where the mistake is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.blame import Origin, blamed, misplaced, read_at, wrong_addend
from shapecheck.diagnose.forward import WrongAxis, axis_to_blame
from shapecheck.diagnose.loops import joint_targets
from shapecheck.diagnose.prospects import Prospects
from shapecheck.diagnose.targets import Target, targets_of
from shapecheck.diagnose.verdicts import Verdict, Verdicts
from shapecheck.gradients.adjoints import Adjoints
from shapecheck.gradients.losses import Loss, Step, find_losses, steps, supposed_losses
from shapecheck.gradients.matching import EXACT, Standing
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.network.parameters import Parameter
from shapecheck.trace.tape import Operation

# More suspects than these in one step are not tried.
_MOST_SUSPECTS = 400
_MOST_ORIGINS = 6


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
        sound: Those of `values` whose operands were right: they tell what the expression makes of right operands.
        alternatives: Other arrays for the same values that would do as well.
        targets: What an edit has to reach: results of expressions, and what they should have been.
        reason: `value` (matches nothing), `scale`, `other` (it is the adjoint of something else), `axis` (a reduction
            of the forward pass that should run along `axis`), `unrelated` (a step that nothing would make right),
            `still` (one that moves nothing).
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


@dataclass(slots=True)
class Diagnosis:
    """The verdicts on all gradients of a step, and the suspects: one for each independent mistake, then the others."""

    step: Step
    loss: Loss
    verdicts: list[Verdict]
    suspects: list[Suspect]
    independent: int
    rate: float | None

    @property
    def wrong(self) -> list[Verdict]:
        """The gradients that are no multiple of the adjoint."""
        return [v for v in self.verdicts if not v.is_right and not v.proves_nothing]


def diagnose_step(step: Step, loss: Loss, known: Verdicts | None = None) -> Diagnosis:
    """Find the expressions to blame for the gradients of one step that are wrong.

    Args:
        step: The step.
        loss: What it descends, with its adjoints.
        known: How its gradients are judged, where more is known of them than a training step shows.

    Returns:
        A verdict on each gradient, and the suspects, the most telling first.
    """
    assert loss.matching is not None
    known = known or Verdicts(loss.matching, step)
    verdicts = known.all()
    wrong = {v.parameter for v in verdicts if not v.is_right and not v.proves_nothing}
    suspects: list[Suspect] = []
    if wrong and not known.settled and (axis := axis_to_blame(known.replay, step)) is not None:
        suspects.append(_of_axis(axis, wrong))
    elif wrong:
        suspects += _suspects(known, wrong, {v.parameter for v in verdicts if v.is_right})
    if not known.settled:
        suspects += _scale_suspects(known, verdicts)
        suspects += _unrelated(known, wrong - {p for s in suspects for p in s.explains})
    chosen, others = _independent(suspects, whole=len(known.changes) if known.settled else 0)
    chosen = [_with_origin(s, known) for s in chosen]
    return Diagnosis(step, loss, verdicts, chosen + others, len(chosen), known.rate)


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
    for step in steps(replay, parameters, most):
        if _is_settled(step, found):
            continue
        losses = find_losses(replay, step)
        credible = [c for c in losses if c.credible]
        if credible:
            found.append(diagnose_step(step, credible[0]))
        elif (whole := _spoilt_at_the_start(replay, step, losses)) is not None:
            found.append(whole)
        elif (axis := axis_to_blame(replay, step)) is not None:
            # Under a wrong forward pass no loss is agreed with; one that another axis makes agree is the loss.
            found.append(Diagnosis(step, axis.loss, [], [_of_axis(axis, step.olds)], 1, None))
    return found


def _is_settled(step: Step, found: Sequence[Diagnosis]) -> bool:
    """Whether two earlier steps of the same parameters were both right, or both wrong: a third says nothing new."""
    births = {p.birth for p, *_ in step.parameters}
    same = [bool(d.independent) for d in found if births <= {p.birth for p, *_ in d.step.parameters}]
    return len(same) > 1 and len(set(same)) == 1


def _spoilt_at_the_start(known: Replay, step: Step, losses: Sequence[Loss]) -> Diagnosis | None:
    """A step that follows none of the losses, but would follow one that the program computes, were one value another.

    A backward pass through several layers is not in order for a loss by accident, so this speaks for the loss, also for
    one of which the program shows nothing but an output and a target.
    """
    tried = [c for c in losses if not c.inferred][:2]
    accepted: list[Diagnosis] = []
    for loss in tried or supposed_losses(known, step):
        if accepted and set(accepted[0].loss.seeds) != set(loss.seeds):
            break
        found = diagnose_step(step, loss)
        if _is_one_mistake(found):
            accepted.append(found)
    if not accepted:
        return None
    first, *others = [found.suspects[0] for found in accepted]
    for other in others:
        first = replace(first, targets=tuple(_either(first.targets, other.targets)))
    return replace(accepted[0], suspects=[first, *accepted[0].suspects[1:]])


def _is_one_mistake(found: Diagnosis) -> bool:
    """Whether one value sets a whole backward pass right."""
    first = next(iter(found.suspects[: found.independent]), None)
    adjoints = found.loss.adjoints
    if first is None or adjoints is None or first.reason != "value" or not first.operands_right:
        return False
    weights = {v.parameter for v in found.wrong if np.ndim(adjoints[v.parameter]) > 1}
    if len(weights) < 2 or len(found.wrong) < 3 or not len(first.explains) == len(found.wrong) == len(found.verdicts):
        return False
    # What comes before the output is no part of the backward pass.
    return found.loss.value is not None or min(first.values) > max(found.loss.seeds)


def _either(targets: Sequence[Target], others: Sequence[Target]) -> Iterator[Target]:
    """Targets that are reached with what either of two losses asks for."""
    for target in targets:
        same = [o for o in others if o.site == target.site and len(o.results) == len(target.results)]
        same = [o for o in same if [r.value for r in o.results] == [r.value for r in target.results]]
        if same:
            pairs = zip(target.results, same[0].results, strict=True)
            yield replace(target, results=tuple(replace(a, wanted=a.wanted + b.wanted) for a, b in pairs))
        else:
            yield target


def _of_axis(axis: WrongAxis, wrong: Iterable[int]) -> Suspect:
    return Suspect(axis.site, axis.values, {}, tuple(wrong), operands_right=True, reason="axis", axis=axis.axis)


def _with_origin(suspect: Suspect, known: Verdicts) -> Suspect:
    chosen = suspect.sound or suspect.values
    wanted = {v: (suspect.wanted[v][1], *suspect.alternatives.get(v, ())) for v in chosen if v in suspect.wanted}
    if not wanted:
        return suspect
    origins = _origins(suspect, known, list(wanted)) if suspect.reason == "value" else []
    site = origins[0].site if origins else None
    if suspect.reason == "other":
        site = _renamed_at(suspect, known)
    targets = targets_of(suspect.site, wanted, origins, known, exact=suspect.reason == "scale")
    return replace(suspect, origin=site, targets=targets, slope=any(o.slope for o in origins))


def _origins(suspect: Suspect, known: Verdicts, values: Sequence[int]) -> list[Origin]:
    """The operands to blame, of one expression, for some of a suspect's values."""
    for find in (blamed, read_at, wrong_addend, misplaced):
        found: list[Origin] = []
        for value in values[:_MOST_ORIGINS]:
            wanted = np.asarray(suspect.wanted[value][1], dtype=float)
            origin = find(known.matching, value, wanted)
            if origin is None and not found:
                break
            if origin is not None and (not found or origin.site == found[0].site):
                found.append(origin)
        if found:
            return found
    return []


def _renamed_at(suspect: Suspect, known: Verdicts) -> int | None:
    """Where an adjoint of something else was given the name under which it is used: `dZ1 = dA1`."""
    tape = known.replay.tape
    value = suspect.values[0]
    made = tape.values[value].producer or 0
    uses = [o.number for o in tape.operations[made + 1 : known.step.last + 1] if value in o.inputs]
    names = [b for b in tape.bindings if b.value == value and uses and made < b.time <= uses[-1] and b.owner is None]
    # What a function has returned has to be named somewhere; a second name for what has one is another matter.
    handed_back = {time for time, _, values in tape.returns if value in values}
    named = tape.sites[suspect.site].bound_to is not None
    again = [b for b in names if b.key is None and b.time not in handed_back]
    later = again if named else again[1:]
    return later[-1].site if later else None


# -- gradients that are no multiple of the adjoint ------------------------------------------------------------------


def _suspects(known: Verdicts, wrong: set[int], right: set[int]) -> list[Suspect]:
    chain = known.chain(wrong)
    standings = known.matching.standings(chain)
    carried = any(s is Standing.VERIFIED for s in standings.values())
    targets = _targets(known, wrong)
    prospects = Prospects(known, wrong, chain)
    by_site: dict[int, Suspect] = {}
    tried = 0
    # With nothing to be inferred all is tried, and first what matches nothing: there may be no time for the rest.
    ordered = sorted(chain, key=lambda v: standings[v] is not Standing.UNVERIFIED) if known.settled else chain
    for value in ordered:
        operation = known.producer(value)
        standing = standings[value]
        misplaced = standing is Standing.VERIFIED
        if operation is None or operation.site is None or standing is Standing.ZERO or tried > _MOST_SUSPECTS:
            continue
        only_forward = carried and not known.settled
        if standing is Standing.FORWARD and (only_forward or np.size(known.replay.recorded[value]) == 1):
            continue
        tried += 1
        best = _best_target(known, value, targets, prospects, wrong, right)
        if best is None:
            continue
        forward, adjoint, explains, others = best
        inputs_right = all(standings.get(i) is not Standing.UNVERIFIED for i in operation.inputs)
        reason = "other" if misplaced else "value"
        suspect = Suspect(operation.site, (value,), {value: (forward, adjoint)}, explains, inputs_right, reason)
        sound = inputs_right or _is_sound(known, operation, standings)
        suspect = replace(suspect, alternatives={value: others}, sound=(value,) if sound else ())
        if misplaced and (scale := _multiple(known.replay.recorded[value], adjoint)) is not None:
            inputs_right = _scales(operation, known) or _rescales(operation, known, scale)
            suspect = replace(suspect, operands_right=inputs_right, reason="scale", scale=scale)
        by_site[operation.site] = _merged(by_site.get(operation.site), suspect)
    found = list(by_site.values())
    explained = {p for s in found for p in s.explains}
    # Every parameter's own gradient explains it, and one line may hold all of them: that says nothing yet.
    if not any(len(s.explains) == len(wrong) and s.operands_right for s in found):
        found += _in_loops(known, chain, standings, wrong, right)
        explained = {p for s in found for p in s.explains}
    return found + _misused(known, wrong - explained)


def _is_sound(known: Verdicts, operation: Operation, standings: dict[int, Standing]) -> bool:
    """Whether all that went into an expression, from outside of it, was right."""
    sites = known.replay.tape.sites
    whole = sites[operation.site or 0]
    open_values = list(operation.inputs)
    while open_values:
        value = open_values.pop()
        if standings.get(value) is not Standing.UNVERIFIED:
            continue
        made = known.producer(value)
        if made is None or made.site is None or not sites[made.site].within(whole):
            return False
        open_values.extend(made.inputs)
    return True


def _in_loops(
    known: Verdicts, chain: Sequence[int], standings: dict[int, Standing], wrong: set[int], right: set[int]
) -> list[Suspect]:
    """Expressions that ran several times and have to be right each time before any gradient is."""
    adjoints = known.matching.adjoints
    by_site: dict[int, list[int]] = {}
    for value in chain:
        operation = known.producer(value)
        if operation is not None and operation.site is not None:
            by_site.setdefault(operation.site, []).append(value)
    found = []
    for site, values in by_site.items():
        unverified = [v for v in values if standings[v] is Standing.UNVERIFIED]
        if not unverified:
            continue
        for targets in joint_targets(known, values, wrong):
            try:
                outcomes = known.outcomes({v: adjoints[u] for v, u in targets.items()})
            except ReplayError:
                continue
            explains = tuple(p for p, f in outcomes.items() if f is not None and p in wrong)
            if not explains or any(f is None and p in right for p, f in outcomes.items()):
                continue
            wanted = {v: (targets[v], np.asarray(adjoints[targets[v]])) for v in unverified if v in targets}
            producer = known.producer(unverified[0])
            inputs = producer.inputs if producer is not None else ()
            operands_right = all(standings.get(i) is not Standing.UNVERIFIED for i in inputs)
            found.append(Suspect(site, tuple(wanted), wanted, explains, operands_right))
            break
    return [s for s in found if s.values]


def _unrelated(known: Verdicts, wrong: set[int]) -> list[Suspect]:
    """The steps of arrays that have nothing to do with their gradients, and that no value would set right.

    The expression of the step itself is to blame, or the one that applies it where that is no expression.
    """
    found: dict[int, Suspect] = {}
    tape = known.replay.tape
    for parameter, old, change, _ in known.step.parameters:
        operation = known.producer(change)
        if operation is None or operation.site is None or operation.number < known.step.first:
            operation = tape.operations[parameter.updates[known.step.number].operation]
        still = not np.any(known.replay.recorded[change])
        if old not in wrong or operation.site is None or known.rate is None or not (parameter.stray or still):
            continue
        adjoint = np.asarray(known.matching.adjoints[old])
        if np.shape(known.replay.recorded[change]) not in {adjoint.shape, ()}:
            continue
        reason = "still" if still else "unrelated"
        new = Suspect(operation.site, (change,), {change: (old, known.rate * adjoint)}, (old,), False, reason)
        found[operation.site] = _merged(found.get(operation.site), new)
    return list(found.values())


def _misused(known: Verdicts, wrong: set[int]) -> list[Suspect]:
    """Changes of another shape than their parameter's: adjoints that belong to something else, or were not summed."""
    found: dict[int, Suspect] = {}
    for _, old, change, _ in known.step.parameters:
        operation = known.producer(change)
        shape = np.shape(known.replay.recorded[old])
        if old not in wrong or np.shape(known.replay.recorded[change]) == shape:
            continue
        if operation is None:
            continue
        operation = _where_it_got_its_shape(known, operation)
        if operation.site is None:
            continue
        wanted = {operation.result: (old, np.asarray(known.matching.adjoints[old]))}
        suspect = Suspect(operation.site, (operation.result,), wanted, (old,), operands_right=True, reason="other")
        found[operation.site] = _merged(found.get(operation.site), suspect)
    return list(found.values())


def _where_it_got_its_shape(known: Verdicts, operation: Operation) -> Operation:
    """The earliest operation that made a change what it is by shape, and that serves no other parameter."""
    shape = np.shape(known.replay.recorded[operation.result])
    served = known.reached(operation.result)
    while True:
        before = [known.producer(i) for i in operation.inputs if np.shape(known.replay.recorded[i]) == shape]
        made = [o for o in before if o is not None and o.number >= known.step.first and o.inputs]
        made = [o for o in made if o.result not in known.matching.adjoints.closure]
        if len(made) != 1 or known.reached(made[0].result) != served or not _carries(known, made[0].result):
            return operation
        operation = made[0]


def _carries(known: Verdicts, value: int) -> bool:
    """Whether a value was made from an adjoint, and is not one that other gradients are made from."""
    ancestors = known.replay.ancestors([value])
    return any((m := known.matching.match(a)) is not None and not m.weak for a in ancestors)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Forward values of one shape, no two with the same adjoint, and their adjoints, each flattened to a row."""

    forwards: list[int]
    rows: Any


def _targets(known: Verdicts, parameters: set[int]) -> dict[tuple[int, ...], _Candidates]:
    """The forward values that could have been meant, by shape: those that depend on a parameter that is wrong."""
    adjoints = known.matching.adjoints
    downstream = known.replay.dependents(parameters) & set(adjoints.of)
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for value in sorted(downstream):
        by_shape.setdefault(np.shape(adjoints[value]), []).append(value)
    return {shape: _distinct(values, adjoints) for shape, values in by_shape.items()}


def _distinct(values: Sequence[int], adjoints: Adjoints) -> _Candidates:
    rows = np.array([np.asarray(adjoints[v], dtype=float).reshape(-1) for v in values])
    lengths = np.linalg.norm(rows, axis=1)
    chosen: list[int] = []
    for number in np.flatnonzero((lengths > 0) & np.isfinite(lengths)):
        along = np.abs(rows[chosen] @ rows[number])
        if not np.any(along >= (1 - 1e-9) * lengths[chosen] * lengths[number]):
            chosen.append(int(number))
    return _Candidates([values[n] for n in chosen], rows[chosen])


def _multiple(value: Any, wanted: Any) -> float | None:
    """How many times a value is what is wanted; None where it is no multiple."""
    square = float(np.sum(value * value))
    scale = float(np.sum(value * wanted)) / square if square and np.shape(value) == np.shape(wanted) else 0.0
    return scale if scale and np.linalg.norm(scale * value - wanted) <= EXACT * np.linalg.norm(wanted) else None


def _rescales(operation: Operation, known: Verdicts, scale: float) -> bool:
    """Whether the nearest derivatives that a value was made from do not have the factor that it lacks."""
    own = known.matching.match(operation.result)
    open_values = list(operation.inputs)
    for _ in range(20):
        if own is None or not open_values:
            break
        value = open_values.pop()
        before = known.matching.match(value)
        if before is not None and not before.weak:
            return abs(own.factor.number / before.factor.number * scale - 1) <= 10 * EXACT
        made = known.producer(value)
        if made is not None and value not in known.matching.adjoints.closure:
            open_values.extend(made.inputs)
    return False


def _best_target(
    known: Verdicts,
    value: int,
    targets: Mapping[tuple[int, ...], _Candidates],
    prospects: Prospects,
    wrong: set[int],
    right: set[int],
) -> tuple[int, Any, tuple[int, ...], tuple[Any, ...]] | None:
    """The adjoint that, in the place of a value, makes the most wrong gradients right and none wrong.

    With it come the other adjoints that do as much: where a mask follows, what it hides may be anything.
    """
    adjoints = known.matching.adjoints
    now = known.matching.match(value)
    best: tuple[int, Any, tuple[int, ...]] | None = None
    others: list[Any] = []
    candidates = targets.get(np.shape(known.replay.recorded[value]))
    if candidates is None:
        return None
    hopeful = prospects.helpful(value, candidates.rows)
    for forward in (f for f, hope in zip(candidates.forwards, hopeful, strict=True) if hope):
        if now is not None and forward in {now.forward, *now.alike} and not now.transposed and not known.settled:
            continue
        try:
            outcomes = known.outcomes({value: adjoints[forward]})
        except ReplayError:
            continue
        repaired = tuple(p for p, factor in outcomes.items() if factor is not None and p in wrong)
        broken = [p for p, factor in outcomes.items() if factor is None and p in right]
        if not repaired or broken or (best is not None and len(repaired) < len(best[2])):
            continue
        got = outcomes[repaired[0]]
        scale = known.rate / got.number if known.rate is not None and got is not None else 1.0
        if best is None or len(repaired) > len(best[2]):
            best, others = (forward, scale * adjoints[forward], repaired), []
        else:
            others.append(scale * adjoints[forward])
    return None if best is None else (*best, tuple(others))


def _merged(known: Suspect | None, new: Suspect) -> Suspect:
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
    )


# -- gradients that are right up to a factor that the others do not have --------------------------------------------


def _scale_suspects(known: Verdicts, verdicts: Iterable[Verdict]) -> list[Suspect]:
    """What gives some gradients another factor than the others; fewest mistakes decide."""
    factors = {v.parameter: v.factor.number for v in verdicts if v.factor is not None and v.at_change}
    distinct: list[float] = []
    for factor in factors.values():
        if not any(abs(factor / d - 1) <= 10 * EXACT for d in distinct):
            distinct.append(factor)
    best: tuple[tuple[float, ...], list[Suspect], float] | None = None
    for rate in distinct if 1 < len(distinct) <= 6 else []:
        off = {p: rate / f for p, f in factors.items() if abs(f / rate - 1) > 10 * EXACT}
        kept = [p for p in factors if p not in off]
        suspects = _of_their_own(known, _rescaling(known, off), kept)
        chosen, _ = _independent(suspects)
        missed = len(set(off) - {p for s in chosen for p in s.explains})
        depth = min(len(known.chain([p])) for p in kept)
        quality = (missed, len(chosen), -len(kept) if len(chosen) > 1 else 0, depth)
        if best is None or quality < best[0]:
            best = (quality, suspects, rate)
    if best is None:
        return []
    known.rate = best[2]
    return best[1]


def _of_their_own(known: Verdicts, suspects: list[Suspect], right: list[int]) -> list[Suspect]:
    """Without the expressions that other gradients go through and are right, as far as the rest explains as much."""
    made = map(known.producer, known.chain(right))
    shared = {operation.site for operation in made if operation is not None}
    own = [s for s in suspects if s.site not in shared]
    explained = {p for s in own for p in s.explains}
    return own + [s for s in suspects if s.site in shared and not explained.issuperset(s.explains)]


def _rescaling(known: Verdicts, off: dict[int, float]) -> list[Suspect]:
    """The expressions after which every gradient needs the same factor; those that multiply by a number come first."""
    by_site: dict[int, Suspect] = {}
    for value in known.chain(off)[:_MOST_SUSPECTS]:
        operation = known.producer(value)
        match = known.matching.match(value)
        if operation is None or operation.site is None or match is None:
            continue
        touched = known.reached(value)
        ratios = [off[p] for p in touched if p in off]
        if len(ratios) < len(touched) or max(ratios) - min(ratios) > 10 * EXACT * max(map(abs, ratios)):
            continue
        wanted = {value: (match.forward, ratios[0] * np.asarray(known.replay.recorded[value]))}
        # The learning rate stands in the update: it is the same for all, and not what is wrong.
        scales = _scales(operation, known) and value not in known.changes.values()
        suspect = Suspect(operation.site, (value,), wanted, tuple(touched), scales, "scale", ratios[0])
        by_site[operation.site] = _merged(by_site.get(operation.site), suspect)
    return list(by_site.values())


def _scales(operation: Any, known: Verdicts) -> bool:
    """Whether an operation multiplies or divides by a single number."""
    if operation.function not in {"*", "/", "*=", "/=", "numpy.multiply", "numpy.divide", "unary-"}:
        return False
    sizes = [np.size(known.replay.recorded[n]) for n in operation.inputs]
    return operation.function == "unary-" or len(sizes) < 2 or min(sizes) == 1


# -- order ----------------------------------------------------------------------------------------------------------


def _independent(suspects: Sequence[Suspect], *, whole: int = 0) -> tuple[list[Suspect], list[Suspect]]:
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
    # With a loss that is known, what is the adjoint of something else is no accident.
    odd = suspect.reason == "other" and not whole
    # A factor that only some gradients lack is left out where these are made, and not on the way there.
    late = suspect.reason == "scale" and not suspect.operands_right and len(suspect.explains) < whole
    return (-covered, not suspect.operands_right, odd, -max(suspect.values) if late else min(suspect.values))


__all__ = ["Diagnosis", "Suspect", "diagnose_step", "diagnose_steps"]
