"""A loss that is computed beside a backward pass that follows another: one of the two is not what was meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.other_targets import other_targets
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.targets import Target, targets_of
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.diagnose.wrong_values import value_suspects
from shapecheck.gradients.hypotheses import own_formula
from shapecheck.gradients.inferred import SQUARES
from shapecheck.gradients.losses import find_losses, sounds_like_a_loss
from shapecheck.gradients.matching import EXACT
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.steps import Loss, Step
from shapecheck.trace.sites import Site

# The sine of the angle between gradients of one and the same loss, up to what keeps a logarithm from zero.
_ONE_WAY = 0.02
# How far apart outputs are that all lie in one place.
_LEVEL = 0.05
# So many expressions are tried to be mended.
_MOST_BLAMED = 3
# A likelihood that is this steep where the outputs are the targets, beside how steep it is, is least elsewhere.
_STEEP = 0.05
_PROBES, _STEP = 4, 1e-5
# Of fewer outputs another array may have the same numbers by chance.
_TELLING = 3
_EXPONENTIALS = frozenset({"numpy.exp", "numpy.expm1", "math.exp"})
_LOGARITHMS = frozenset({"numpy.log", "numpy.log2", "numpy.log10", "numpy.log1p"})


def differing_loss(course: Course) -> list[Finding]:
    """A loss that the program computes from the same outputs, while its updates follow something else.

    Four things count: a cross-entropy, since squares and absolute errors are often printed for their own sake beside
    another loss, and a cross-entropy is not; a likelihood of the outputs' exponentials, which is least elsewhere than
    where the outputs are the targets; a penalty that only the loss has; and targets that other outputs meet in it.
    """
    verdict = course.verdict
    if verdict.verdict != "right" or not verdict.same_factor or not course.steps:
        return []
    step = course.steps[0]
    losses = find_losses(course.replay, step)
    followed = _followed(course.replay, losses, step)
    for loss in losses if followed is not None else []:
        site = course.tape.site_of(loss.value) if loss.value is not None else None
        if site is None or followed is None:
            continue
        if not sounds_like_a_loss(course.replay, loss) and not _is_a_likelihood(course.replay, loss, losses, step):
            continue
        if _is_least_elsewhere(course.replay, loss, followed) and (
            found := _apart(course.replay, step, loss, followed)
        ):
            return [_of_another(course, step, loss, followed.formula, found)]
        if not _of_the_same_outputs(loss, followed):
            continue
        alike = len(_right(course.replay, loss)) == len(_right(course.replay, followed))
        if not alike and verdict.inferred and (penalised := _penalised(course.replay, step, loss, followed)):
            said = f"`{shown(site.text)}` has a penalty on {quoted(list(penalised.values()))}, and no update has its "
            said += f"derivative: the updates follow {followed.formula}"
            return [_finding(course, step, loss, (name,), said, {old}) for old, name in penalised.items()]
        entropy = _has_a_logarithm(course, loss)
        elsewhere = other_targets(course, step, loss, followed, has_a_logarithm=entropy)
        if elsewhere is None and not entropy:
            continue
        if alike and not _is_level(course.replay, followed):
            continue
        if parted := _parted(course, step, loss, followed):
            if elsewhere is not None:
                met = shown(elsewhere[0].text)
                said = f"`{met}` goes into the error of another output than in `{shown(site.text)}`"
                return [_finding(course, step, loss, tuple(parted[1]), said, elsewhere=elsewhere)]
            return [_of_another(course, step, loss, *parted)]
    return []


def _of_another(course: Course, step: Step, loss: Loss, formula: str, apart: list[str]) -> Finding:
    site = course.tape.site_of(loss.value or 0)
    said = f"the updates of {quoted(apart)} follow {formula}; the gradient of `{shown(site.text if site else '')}` "
    said += "points elsewhere: either this loss is not the one that is meant, or the error at the output is "
    return _finding(course, step, loss, tuple(apart), said + "not its derivative")


def _is_level(replay: Replay, loss: Loss) -> bool:
    """Whether all outputs are nearly the same, so that one loss's gradient is like another's."""
    arrays = [np.asarray(replay.recorded[output], dtype=float) for output in loss.seeds]
    return all(np.ptp(array) <= _LEVEL for array in arrays)


def _followed(replay: Replay, losses: list[Loss], step: Step) -> Loss | None:
    for loss in losses:
        if loss.inferred and loss.adjoints is not None and loss.matching is not None:
            # A weight that was drawn and scaled has its adjoint in common with what was drawn, up to a factor.
            changes = {old: replay.recorded[change] for _, old, change, _ in step.parameters if old not in loss.right}
            if all(loss.matching.against(change, old) is not None for old, change in changes.items()):
                return loss
    return None


def _finding(
    course: Course,
    step: Step,
    loss: Loss,
    names: tuple[str, ...],
    said: str,
    concerned: Collection[int] = (),
    elsewhere: tuple[Site, Target] | None = None,
) -> Finding:
    site = course.tape.site_of(loss.value or 0)
    assert site is not None
    blamed = _to_blame(course, step, loss, concerned) if elsewhere is None else []
    assert loss.matching is not None
    known = Verdicts(loss.matching, step)
    known.all()
    wanted = {
        s.site: {v: (np.asarray(known.matching.adjoints[forward]),) for v, (forward, _) in s.wanted.items()}
        for s in blamed
    }
    later = {suspect.site: _wanted_later(course, step, loss, suspect) for suspect in blamed}
    targets: list[Target] = [elsewhere[1]] if elsewhere is not None else []
    for site_number in [n for n in wanted if later[n]] or wanted:
        found = targets_of(site_number, wanted[site_number] | later[site_number], [], known)
        targets += [t for t in found if len(t.results) > 1 or not later[site_number]]
    if targets:
        course.aimed[names], course.meant[names] = tuple(targets), own_formula(site)
    cause = elsewhere[0] if elsewhere is not None else course.tape.sites[blamed[0].site] if blamed else site
    return Finding(
        code="SC308",
        severity="warning",
        title="the loss that is computed is not the one that is descended",
        message=said,
        location=span_of(site),
        cause=span_of(cause),
        parameters=names,
    )


def _wanted_later(course: Course, step: Step, loss: Loss, suspect: Suspect) -> dict[int, tuple[Any, ...]]:
    """What an expression should have given in the next step, by the loss as that step's parameters would have it.

    Of weights that begin with zeros the first step says little: `exp(z)` and `1 + z` are one there. Only the same
    samples tell.
    """
    later = {p.birth: old for s in course.steps if s.number == step.number + 1 for p, old, *_ in s.parameters}
    made = course.tape.values[loss.value or 0].producer or 0
    recorded = course.replay.recorded
    if not {p.birth for p, *_ in step.parameters} <= later.keys():
        return {}
    try:
        moved = course.replay.moved(
            {old: recorded[later[p.birth]] for p, old, *_ in step.parameters}, max(step.last, made) + 1
        )
    except ReplayError:
        return {}
    same = next((c for c in find_losses(moved, step) if c.value == loss.value), None)
    found: dict[int, tuple[Any, ...]] = {}
    for value, (forward, _) in suspect.wanted.items() if same is not None and same.adjoints is not None else ():
        shape = np.shape(moved.recorded[value])
        made_again = (o.result for o in course.tape.made_at(suspect.site) if o.number > step.last)
        again = next((v for v in made_again if np.shape(recorded[v]) == shape), None)
        if again is not None and same is not None and same.adjoints is not None and forward in same.adjoints:
            if np.allclose(moved.recorded[value], recorded[again], rtol=EXACT):
                found[again] = (np.asarray(same.adjoints[forward]),)
    return found


def _to_blame(course: Course, step: Step, loss: Loss, concerned: Collection[int]) -> list[Suspect]:
    """The values of which each alone would make updates follow the loss, were it another: all of them, or some.

    They are looked for where the two losses differ, and that need not be where the program begins.
    """
    for replay in (course.replay, _elsewhere(course.replay, step, loss)):
        same = next((c for c in find_losses(replay, step) if c.value == loss.value), None) if replay else None
        if same is None or same.matching is None:
            continue
        known = Verdicts(same.matching, step)
        verdicts = known.all()
        wrong = {v.parameter for v in verdicts if not v.is_right and not v.proves_nothing}
        suspects = value_suspects(known, wrong, {v.parameter for v in verdicts if v.is_right})
        goal = wrong.intersection(concerned) or wrong
        found = [s for s in suspects if s.reason in {"value", "other"} and goal <= set(s.explains)]
        if wrong and any(s.operands_right for s in found):
            return sorted(found, key=lambda s: (s.reason != "value", not s.operands_right, min(s.values)))[
                :_MOST_BLAMED
            ]
    return []


# -- how two losses differ --------------------------------------------------------------------------------------------


def _penalised(replay: Replay, step: Step, loss: Loss, followed: Loss) -> dict[int, str]:
    """The parameters of which only one of two losses has a square; none where that does not explain all."""
    found: dict[int, str] = {}
    assert loss.adjoints is not None
    assert followed.adjoints is not None
    for parameter, old, change, _ in step.parameters:
        if old in loss.right:
            continue
        if followed.matching is None or followed.matching.against(replay.recorded[change], old) is None:
            return {}  # the step has a penalty, of another weight
        # What is changed between its steps, or in the same expression, decays there.
        moved, applied = step.movement(replay, old), np.asarray(replay.recorded[change], dtype=float)
        if moved is None or np.linalg.norm(np.abs(moved) - np.abs(applied)) > EXACT * np.linalg.norm(applied):
            return {}
        between = zip(parameter.updates, parameter.updates[1:], strict=False)
        goal = np.asarray(loss.adjoints[old], dtype=float).reshape(-1)
        parts = (followed.adjoints[old], replay.recorded[old])
        columns = np.stack([np.asarray(part, dtype=float).reshape(-1) for part in parts], axis=1)
        if any(this.new != after.old for this, after in between) or goal.size <= len(parts):
            return {}
        if not np.all(np.isfinite(columns)) or not np.all(np.isfinite(goal)):
            return {}
        weights, *_ = np.linalg.lstsq(columns, goal, rcond=None)
        if np.linalg.norm(columns @ weights - goal) > EXACT * np.linalg.norm(goal):
            return {}
        if weights[1] * np.linalg.norm(columns[:, 1]) <= EXACT * np.linalg.norm(goal):
            return {}  # none but by rounding
        found[old] = parameter.name
    return found


def _parted(course: Course, step: Step, loss: Loss, followed: Loss) -> tuple[str, list[str]] | None:
    """(loss that is followed, parameters whose gradients of it and of another loss point apart).

    Where all outputs are near one half, as they are at the start, no two losses do: then the parameters are moved.
    """
    found = _apart(course.replay, step, loss, followed) if not _both(course.replay, step, loss, followed) else []
    if found:
        return followed.formula, found
    moved = _elsewhere(course.replay, step, loss)
    losses = find_losses(moved, step) if moved is not None else []
    same = next((c for c in losses if c.value == loss.value), None)
    there = _followed(moved, losses, step) if moved is not None else None
    if moved is None or same is None or there is None or not _of_the_same_outputs(same, there):
        return None
    if _both(moved, step, same, there):
        return None
    found = _apart(moved, step, same, there)
    return (there.formula, found) if found else None


def _right(replay: Replay, loss: Loss) -> set[int]:
    """The parameters that follow a loss; a single number follows any."""
    return {old for old in loss.right if np.size(replay.recorded[old]) > 1}


def _both(replay: Replay, step: Step, loss: Loss, followed: Loss) -> set[int]:
    """The parameters that follow two losses at once.

    Where `output - target` is on the way, which is a cross-entropy's derivative by the scores, and goes through another
    softmax's slope before it comes to a parameter, none does: the step itself is to tell.
    """
    changes = {old: replay.recorded[change] for _, old, change, _ in step.parameters}

    def follows(one: Loss, old: int) -> bool:
        return one.matching is not None and one.matching.against(changes[old], old) is not None

    return {old for old in _right(replay, loss) if follows(loss, old) or not follows(followed, old)}


def _elsewhere(replay: Replay, step: Step, loss: Loss) -> Replay | None:
    """The same step and loss at parameters that are drawn at random, large enough for the outputs to differ."""
    made = replay.tape.values[loss.value or 0].producer or 0
    rng = np.random.default_rng(20240229)
    changes = {}
    for old in sorted(step.olds):
        shape = np.shape(replay.recorded[old])
        changes[old] = 2.0 / np.sqrt(max(shape, default=1)) * rng.standard_normal(shape)
    try:
        return replay.moved(changes, max(step.last, made) + 1)
    except ReplayError:
        return None


def _apart(replay: Replay, step: Step, loss: Loss, followed: Loss) -> list[str]:
    telling = [(p.name, old) for p, old, _, _ in step.parameters if np.size(replay.recorded[old]) > 1]
    return [name for name, old in telling if not _one_way(loss.adjoints, followed.adjoints, old)]


def _of_the_same_outputs(loss: Loss, followed: Loss) -> bool:
    return loss.adjoints is not None and all(output in loss.adjoints.closure for output in followed.seeds)


def _is_least_elsewhere(replay: Replay, loss: Loss, followed: Loss) -> bool:
    """Whether a loss is made from exponentials of the outputs, and goes on falling where these are the targets.

    A squared error may be shown in other units than it is descended in (of `exp(output)`, where prices were learned as
    their logarithms); it is least where the other one is.
    """
    if len(followed.seeds) != 1 or followed.formula != SQUARES or loss.value is None or loss.adjoints is None:
        return False
    ((output, difference),) = followed.seeds.items()
    outputs = np.asarray(replay.recorded[output], dtype=float)
    for twin in sorted(loss.adjoints.closure):
        array = replay.recorded[twin]
        if np.shape(array) != outputs.shape or outputs.size < _TELLING or not np.array_equal(array, outputs):
            continue
        made = (replay.tape.values[v].producer for v in replay.dependents([twin]) & loss.adjoints.closure)
        if not any(replay.tape.operations[number].function in _EXPONENTIALS for number in made if number is not None):
            return False
        try:
            here, there = (_steepness(replay, loss.value, twin, at) for at in (outputs, outputs - difference))
        except ReplayError:
            return False
        return bool(np.isfinite(there)) and there > _STEEP * here
    return False


def _steepness(replay: Replay, loss: int, output: int, at: Any) -> float:
    """How steep a loss is in its outputs, where these are some array."""
    rng = np.random.default_rng(20240229)
    slopes = []
    for _ in range(_PROBES):
        way = rng.standard_normal(np.shape(at))
        ends = [replay.evaluate({output: at + step * way}, [loss])[loss] for step in (_STEP, -_STEP)]
        slopes.append(float(np.ravel(ends[0])[0] - np.ravel(ends[1])[0]) / (2 * _STEP))
    return float(np.linalg.norm(slopes))


def _is_a_likelihood(replay: Replay, loss: Loss, losses: Sequence[Loss], step: Step) -> bool:
    """Whether a number, whatever it is called, has the gradients of a likelihood of these outputs and targets.

    Whoever computes what is followed, too, looks at the likelihood for its own sake.
    """
    known = [c for c in losses if c.inferred and "log" in c.formula and c.adjoints is not None]
    own = [c for c in losses if not c.inferred and c is not loss and _right(replay, c)]
    return not own and loss.adjoints is not None and any(not _apart(replay, step, loss, one) for one in known)


def _has_a_logarithm(course: Course, loss: Loss) -> bool:
    assert loss.adjoints is not None
    producers = (course.tape.values[v].producer for v in loss.adjoints.closure)
    return any(course.tape.operations[p].function in _LOGARITHMS for p in producers if p is not None)


def _one_way(first: Any, second: Any, value: int) -> bool:
    left, right = np.asarray(first[value], dtype=float), np.asarray(second[value], dtype=float)
    if not np.all(np.isfinite(left)) or not np.all(np.isfinite(right)):
        return True
    size = float(np.linalg.norm(left))
    along = float(np.sum(left * right)) / (float(np.sum(right * right)) or 1.0)
    return float(np.linalg.norm(left - along * right)) <= _ONE_WAY * size


__all__ = ["differing_loss"]
