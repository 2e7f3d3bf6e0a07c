"""Whether the updates on a tape follow the numeric gradient of some loss: the evidence that a program is right."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from shapecheck.gradients.followed import (
    ParameterAgreement,
    Verdict,
    common_factor,
    directions_for,
    fit,
    fit_off_kinks,
    fit_single,
    gradient_like,
    slope_along,
)
from shapecheck.gradients.frozen import free_entries
from shapecheck.gradients.hypotheses import Hypothesis, Meetings, catalogue_losses, scalar_losses
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.stacked_numbers import is_stacked, stacked
from shapecheck.gradients.sums_of_losses import joined_hypotheses, other_parts
from shapecheck.gradients.tied import tied_entries
from shapecheck.network.dependence import Dependence, ancestors
from shapecheck.network.parameters import Parameter, Update, find_parameters, side_by_side
from shapecheck.network.strays import find_strays
from shapecheck.network.uses import value_names
from shapecheck.trace.tape import Tape

# How many steps are looked at when the first ones say nothing of a parameter.
_MOST_STEPS = 8
# Fewer steps than this show nothing that is further on.
_FEW_STEPS = 3
# What is this far from a gradient is no rounding, and no kink that was stepped over.
_PLAINLY = 1e-2
# One unit of many that a difference steps over spoils the slopes of all layers before it by less than this.
_KINKED = 0.1
# Two networks have so many parameters at least; so many numbers of the program may be the loss of one.
_MOST_OF_ONE, _MOST_OPPOSED = 4, 4


@dataclass
class Agreement:
    """What a tape shows of its updates.

    Attributes:
        verdict: `right` when every parameter follows one loss downhill; `wrong` when none of the losses that could
            be meant is followed by all; `unknown` when there was nothing to hold them against.
        matched: How many parameters follow the best loss.
        same_factor: Whether all parameters that agree do so with one factor (one learning rate).
        ascent: Whether all of them follow the loss uphill.
        unproven: Parameters of which no step said anything: neither their gradients nor their changes ever moved.
        binding: Whether it is this loss that is meant, of the program's own, though all updates follow another as well
            but for what is added to them: some are its gradients to the last term.
        falls: Whether the loss is lower after the first step than before it; known of right steps only.
        followed: The formulas of the losses that the steps follow; of weights that are zero, several are one.
        paces: Number of a step -> the loss that it follows, and the factor that all its changes have of its gradients.
    """

    verdict: Verdict
    parameters: list[ParameterAgreement] = field(default_factory=list)
    formula: str = ""
    inferred: bool = False
    matched: int = 0
    error: float = 0.0
    ascent: bool = False
    same_factor: bool = True
    unproven: list[str] = field(default_factory=list)
    binding: bool = False
    falls: bool = False
    followed: tuple[str, ...] = ()
    paces: dict[int, tuple[str, float]] = field(default_factory=dict)

    @property
    def grew(self) -> bool:
        """Whether a parameter changed its shape."""
        return any(p.grew_to is not None for p in self.parameters)


class _Step:
    """All parameters' updates of one training step."""

    def __init__(self, tape: Tape, parameters: list[Parameter], strays: list[Parameter], step: int) -> None:
        self.tape = tape
        self.step = step
        self.strays = [(p, p.updates[step]) for p in strays if len(p.updates) > step]
        self.parameters = [p for p in parameters if len(p.updates) > step]
        self.updates = [p.updates[step] for p in self.parameters]
        self.first = min((u.operation for u in self.updates), default=0)
        self.last = max((u.operation for u in self.updates), default=0)
        self.dependence = Dependence(tape)
        self.masks: list[int] = []
        starts = {u.old for u in self.updates}
        for value in starts:
            if tape.values[value].producer is None:
                self.dependence.cut(value)
        stops = {u.new for u in self.updates}
        for operation in tape.operations:
            self.dependence.advance(operation)
            if operation.result in starts or operation.result in stops:
                self.dependence.cut(operation.result)
        self.masks = [self.dependence.masks[u.old] for u in self.updates]

    @property
    def moves(self) -> bool:
        """Whether any of the parameters is changed at all: a rate may be zero in the beginning."""
        return any(np.any(self.tape.values[u.change].array) for u in self.updates)

    def horizon(self) -> int:
        """Number of the operation after which the parameters are no longer those of this step."""
        following = [p.updates[self.step + 1].operation for p in self.parameters if len(p.updates) > self.step + 1]
        return min(min(following, default=len(self.tape.operations)), self.last + 5000)


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
        step = _Step(tape, parameters, strays, number)
        result = _judge_step(tape, replay, step, names, meant)
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
    step, replay = _Step(tape, parameters, [], number), Replay(tape)
    among = ancestors(tape, [u.change for u in step.updates], until=frozenset(u.old for u in step.updates))
    same = [h for h in _hypotheses(tape, step, among, value_names(tape)) if h.formula in found.followed]
    samples = _samples(tape, step, among)
    same = [h for h in same if h.inferred or not samples.isdisjoint(_samples(tape, step, _made_from(tape, step, h)))]
    if not {h.formula for h in same}.issuperset(found.followed):
        return True  # the loss may be one that is computed now and then, or of other samples
    judged = [one for h in same if (one := _judge(tape, replay, step, h, among)) is not None]
    return not judged or any(one.verdict != "wrong" or one.error < _PLAINLY for one in judged)


def _hypotheses(tape: Tape, step: _Step, among: set[int], names: dict[int, str]) -> Iterator[Hypothesis]:
    """The losses that a step may follow, the likeliest first."""
    everything = 0
    for mask in step.masks:
        everything |= mask
    meetings = Meetings(tape, step.dependence, everything)
    yield from catalogue_losses(tape, meetings, among, names, differences=True)
    yield from _own_losses(tape, step, among)
    yield from catalogue_losses(tape, meetings, among, names, differences=False)


def _own_losses(tape: Tape, step: _Step, among: set[int]) -> Iterator[Hypothesis]:
    """The numbers that depend on every parameter as a step finds it, and not on the same one as it leaves it, too.

    A sum that goes on over the samples has the loss of the next one, which depends on this step's gradients.
    """
    masks = step.dependence.masks
    for hypothesis in scalar_losses(tape, step.dependence, step.masks, step.horizon(), among):
        made = masks[hypothesis.scalar] if hypothesis.scalar is not None else 0
        if not any(made & masks[u.old] and made & masks[u.new] & ~masks[u.old] for u in step.updates):
            yield hypothesis


def _is_alive(tape: Tape, parameter: Parameter) -> bool:
    """Whether a parameter has entries at its birth, and all of them are numbers."""
    array = tape.values[parameter.birth].array
    return array is None or bool(np.size(array) and np.all(np.isfinite(array)))


def _judge_step(tape: Tape, replay: Replay, step: _Step, names: dict[int, str], meant: str) -> Agreement:
    changes = [u.change for u in step.updates]
    among = ancestors(tape, changes, until=frozenset(u.old for u in step.updates))
    samples = _samples(tape, step, among)
    best: Agreement | None = None
    whole: Agreement | None = None
    likeliest: Hypothesis | None = None
    parts: set[int] = set()
    for hypothesis in _hypotheses(tape, step, among, names):
        if samples and not hypothesis.inferred and not _samples(tape, step, _made_from(tape, step, hypothesis)):
            continue  # a penalty by itself is followed by what is added for it, whatever that is added to
        judged = _judge(tape, replay, step, hypothesis, among)
        if judged is None:
            continue
        if hypothesis.scalar in parts and judged.verdict == "right" and any(row.share for row in judged.parameters):
            continue  # one sample's loss, followed by one sample's share of what is wrong for all of them
        if not judged.inferred and judged.verdict == "wrong" and whole is None:
            whole = judged
            sums = [hypothesis.scalar] if hypothesis.scalar is not None else []
            parts = ancestors(tape, sums, until=frozenset(u.old for u in step.updates))
        if best is None or _weight(judged) > _weight(best):
            best, likeliest = judged, hypothesis
        if best.verdict == "right" and not best.ascent:
            break
    if best is None:
        rows = [ParameterAgreement(p.name, p.shape(tape), "unknown") for p in step.parameters]
        return Agreement("unknown", rows)
    few = 2 * best.matched < len(best.parameters) and any(row.verdict == "wrong" for row in best.parameters)
    if whole is not None and best.verdict == "unknown" and few:
        return whole  # what a few follow by accident, some do not, and others do not depend on, is no loss
    if best.verdict == "wrong" and likeliest is not None and not meant:
        best = _with_another_part(tape, replay, step, likeliest, best, among) or best
    if best.verdict == "wrong" and not best.inferred and not meant:
        best = _against_each_other(tape, replay, step, among) or best
    followed: set[str] = set()
    if best.verdict == "right" and best.inferred and (meant or not all(row.entire for row in best.parameters)):
        for hypothesis in _own_losses(tape, step, among):
            own = _samples(tape, step, _made_from(tape, step, hypothesis))
            if meant not in {"", hypothesis.formula} or samples.isdisjoint(own):
                continue  # that of other samples, as of those that are kept for the end, is another loss
            if hypothesis.formula in followed:
                continue  # of a sum that is added up in a loop the last value was followed: the others are its parts
            judged = _judge(tape, replay, step, hypothesis, among)
            if judged is not None and judged.verdict == "right":
                followed.add(hypothesis.formula)
            if judged is not None and judged.verdict == "wrong" and (meant or _is_better_followed(judged, best)):
                judged.binding = True
                return judged
    return best


def _against_each_other(tape: Tape, replay: Replay, step: _Step, among: set[int]) -> Agreement | None:
    """How two networks each descend a loss of their own, if they do, where both losses are computed before any step.

    A loss that is a part of the other, or of what the program computes of both, is none of another network.
    """
    if len(step.updates) < _MOST_OF_ONE:
        return None
    until = frozenset(u.old for u in step.updates)
    own = list(itertools.islice(_own_losses(tape, step, among), _MOST_OPPOSED))
    made = {h.formula: ancestors(tape, [h.scalar], until=until) for h in own if h.scalar is not None}
    for first, second in itertools.combinations([h for h in own if h.formula in made], 2):
        if any(both.issuperset({first.scalar, second.scalar}) for both in made.values()):
            continue
        each = [_judge(tape, replay, step, h, among, whole=True) for h in (first, second)]
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


def _with_another_part(
    tape: Tape, replay: Replay, step: _Step, hypothesis: Hypothesis, found: Agreement, among: set[int]
) -> Agreement | None:
    """How all updates follow a loss and a number that the program never adds to it, if they do."""
    masks = step.dependence.masks
    wrong = later = 0
    for row, update in zip(found.parameters, step.updates, strict=False):
        wrong |= masks[update.old] if row.verdict == "wrong" else 0
        later |= masks[update.new]
    known = _made_from(tape, step, hypothesis) | among

    def may_be(value: int) -> bool:
        return bool(masks[value] & wrong) and not masks[value] & later and value not in known

    parts = other_parts(tape, 0, step.horizon(), may_be)
    each = _judge(tape, replay, step, hypothesis, among, whole=True) if parts else None
    updates = list(zip(each.parameters, step.updates, strict=False)) if each is not None else []
    for both in joined_hypotheses(replay, hypothesis, updates, parts):
        judged = _judge(tape, replay, step, both, among)
        if judged is not None and judged.verdict == "right":
            return judged
    return None


def _made_from(tape: Tape, step: _Step, hypothesis: Hypothesis) -> set[int]:
    """The values that a loss is made from, as far back as a step's parameters."""
    return ancestors(tape, hypothesis.wanted, until=frozenset(u.old for u in step.updates))


def _samples(tape: Tape, step: _Step, among: set[int]) -> set[int]:
    """The arrays that meet, within some values, what depends on a step's parameters."""
    everything = 0
    for mask in step.masks:
        everything |= mask
    masks = step.dependence.masks
    given = {u.old for u in step.updates}
    made = (tape.values[value].producer for value in among - given if masks[value] & everything)
    operations = (tape.operations[number] for number in made if number is not None)
    return {i for o in operations for i in o.inputs if not masks[i] & everything and tape.values[i].size > 1}


def _is_better_followed(judged: Agreement, known: Agreement) -> bool:
    """Whether some updates are the gradients of a loss to the last term, as no other loss's, and some are not."""
    rows = {row.name: row for row in known.parameters}
    entire = [r for r in judged.parameters if r.entire and r.name in rows and not rows[r.name].entire]
    return bool(entire)


def _weight(judged: Agreement) -> tuple[int, int, bool, float]:
    """How much speaks for a loss: what follows it, what depends on it at all, whether all in one way, how closely."""
    depending = sum(bool(np.isfinite(row.error)) for row in judged.parameters)
    return judged.matched, depending, judged.verdict == "right" or judged.ascent, -judged.error


def _judge(
    tape: Tape, replay: Replay, step: _Step, hypothesis: Hypothesis, among: set[int], *, whole: bool = False
) -> Agreement | None:
    """Every parameter of a step against one loss; None where the loss cannot be evaluated.

    It ends where the first few do not follow the loss, unless it is to be `whole`.
    """
    rng = np.random.default_rng(20240229)
    rows: list[ParameterAgreement] = []
    again: list[tuple[ParameterAgreement, Update, list[tuple[int, int]], list[np.ndarray[Any, Any]]]] = []
    single: list[tuple[ParameterAgreement, Update, list[tuple[int, int]], list[np.ndarray[Any, Any]], Any]] = []
    # From the output backwards: a loss that does not even fit the last two parameters is not the one meant.
    for parameter, update in reversed(list(zip(step.parameters, step.updates, strict=True))):
        if not whole and len(rows) >= 3 and all(r.verdict == "wrong" for r in rows):
            rows.append(ParameterAgreement(parameter.name, tape.values[update.old].shape, "wrong"))
            continue
        shape = tape.values[update.old].shape
        row = ParameterAgreement(parameter.name, shape, "unknown")
        rows.append(row)
        directions = directions_for(rng, shape)
        free = free_entries(tape, update.old, update.change)
        if free is not None:
            directions = [d * free for d in directions]  # what is held where it is says nothing
        try:
            slopes = np.array([slope_along(replay, hypothesis, update.old, d) for d in directions])
        except (ReplayError, FloatingPointError, ValueError, TypeError):
            return None
        if not np.all(np.isfinite(slopes)):
            return None
        if tape.values[update.new].size != math.prod(shape):
            row.verdict = "wrong"
            continue
        if step.moves and not np.any(tape.values[update.change].array) and float(np.abs(slopes).max()) > 1e-9:
            row.verdict = "wrong"  # whatever its gradient was, it was lost on the way
            continue
        # Of the array itself a gradient may have only the shape (`np.zeros_like(W)`): it is none.
        candidates = [c for c in gradient_like(tape, update.change, shape, among) if c[0] != update.old]
        fit(row, tape, update.old, update.sign, candidates, directions, slopes)
        tied = tied_entries(replay.recorded[update.old], replay.recorded[update.change])
        if row.verdict == "wrong" and tied is not None:
            # Along both entries of each pair at once, which are one number, counted twice in the change.
            directions = [(d + d.T) * tied for d in directions]
            slopes = 2 * np.array([slope_along(replay, hypothesis, update.old, d) for d in directions])
            fit(row, tape, update.old, update.sign, candidates, directions, slopes)
        if row.verdict == "wrong":
            again.append((row, update, candidates, directions))
        elif row.verdict == "right" and math.prod(shape) == 1:
            single.append((row, update, candidates, directions, slopes))
    if 2 * sum(r.verdict == "right" or r.error < _KINKED for r in rows) >= len(rows):
        for row, update, candidates, directions in again:
            fit_off_kinks(row, tape, replay, hypothesis, update, candidates, directions)
    rows.reverse()
    networks = [[rows[i] for i in group] for group in _networks(step, hypothesis)]
    for row, update, candidates, directions, slopes in single:
        own = next(network for network in networks if any(r is row for r in network))
        common = common_factor(r for r in own if math.prod(r.shape) > 1)
        if common is not None:
            fit_single(row, tape, update.sign, candidates, directions, slopes, common)
    if all(r.verdict == "right" for r in rows):
        networks[0] += (astray := _astray(tape, replay, step, hypothesis, rng))
        rows += astray
    found = _summary(hypothesis, rows, networks, numbers=is_stacked(tape))
    if found is not None and found.verdict == "right":
        found.falls = _falls(replay, step, hypothesis)
    return found


def _networks(step: _Step, hypothesis: Hypothesis) -> list[list[int]]:
    """The positions of the parameters of a step that feed the same outputs, and so have one learning rate.

    Several networks may be trained one after the other, to see which rate, or which size, is best.
    """
    masks, groups = step.dependence.masks, [[i] for i in range(len(step.updates))]
    for output in hypothesis.wanted:
        fed = [g for g in groups if any(masks[output] & step.masks[i] for i in g)]
        groups = [g for g in groups if g not in fed] + ([list(itertools.chain(*fed))] if fed else [])
    large = [any(step.tape.values[step.updates[i].old].size > 1 for i in g) for g in groups]
    return groups if all(large) else [list(itertools.chain(*groups))]


def _falls(replay: Replay, step: _Step, hypothesis: Hypothesis) -> bool:
    """Whether a whole step brings the loss down; an inferred one is taken to be as curved as half a square."""
    after = {u.old: np.asarray(replay.recorded[u.new], dtype=float) for u in step.updates}
    try:
        moved = replay.evaluate(after, hypothesis.wanted)
    except (ReplayError, FloatingPointError, ValueError, TypeError):
        return False
    before = {number: replay.recorded[number] for number in hypothesis.wanted}
    change = hypothesis.evaluate(moved) - hypothesis.evaluate(before)
    if hypothesis.inferred:
        rows = (np.asarray(moved[n], dtype=float) - np.asarray(before[n], dtype=float) for n in hypothesis.wanted)
        change += sum(0.5 * float(np.sum(row**2)) for row in rows)
    return bool(change < 0)


def _astray(
    tape: Tape, replay: Replay, step: _Step, hypothesis: Hypothesis, rng: np.random.Generator
) -> list[ParameterAgreement]:
    """Arrays that the loss depends on and that are stepped by something else than its gradient."""
    rows = []
    for parameter, update in step.strays:
        shape = tape.values[update.old].shape
        change = tape.values[update.change].array
        directions = directions_for(rng, shape)
        try:
            slopes = np.array([slope_along(replay, hypothesis, update.old, d) for d in directions])
        except (ReplayError, FloatingPointError, ValueError, TypeError):
            continue
        if change is None or not np.all(np.isfinite(slopes)) or float(np.abs(slopes).max()) < 1e-9:
            continue
        row = ParameterAgreement(parameter.name, shape, "wrong")
        if np.any(change):
            fit(row, tape, update.old, update.sign, [(update.change, 1)], directions, slopes)
        rows.append(row)
    return rows


def _have_one_factor(rows: list[ParameterAgreement]) -> bool:
    """Whether all changes have the same factor; of one that was clipped only what was not clipped has a factor."""
    open_rows = [r for r in rows if r.clipped != 0] or rows
    return _are_one([abs(r.factor) * (r.clipped or 1.0) for r in open_rows if r.factor])


def _share_factors(rows: list[ParameterAgreement]) -> bool:
    """Whether every change of a single entry has the factor of one of more entries: layers may have their own rates."""
    factors = [abs(r.factor) for r in rows if r.factor and math.prod(r.shape) > 1]
    single = [abs(r.factor or 0.0) for r in rows if math.prod(r.shape) == 1]
    return all(any(_are_one([one, factor]) for factor in factors) for one in single)


def _are_one(factors: list[float]) -> bool:
    return bool(factors) and max(factors) < 1.01 * min(factors)


def _summary(
    hypothesis: Hypothesis, rows: list[ParameterAgreement], networks: list[list[ParameterAgreement]], *, numbers: bool
) -> Agreement | None:
    decided = [r for r in rows if r.verdict != "unknown"]
    if not decided:
        return None
    right = [r for r in decided if r.verdict == "right"]
    signs = {np.sign(r.factor) for r in right if r.factor is not None}
    followed = [[r for r in network if r.verdict == "right"] for network in networks]
    same = all(_have_one_factor(network) for network in followed if network or not right)
    verdict: Verdict = "right" if len(right) == len(decided) and len(signs) == 1 else "wrong"
    if verdict == "right" and not same and (numbers or not _share_factors(right)):
        verdict = "wrong"  # a single entry fits any direction: only a common factor tells
    single = all(r.shape == () for r in decided)
    ascent = len(right) == len(decided) and signs == {1.0} and (same or not (single or numbers))
    if ascent and hypothesis.inferred:
        verdict = "wrong"
    if verdict == "wrong" and len(right) == len(decided) and single:
        verdict = "unknown"  # numbers by themselves follow any loss, each by its own factor
    if any(not np.isfinite(r.error) for r in rows):
        verdict = "unknown"
    error = max((r.error for r in decided), default=0.0)
    return Agreement(verdict, rows, hypothesis.formula, hypothesis.inferred, len(right), error, ascent, same)
