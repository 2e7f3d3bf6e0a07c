"""One training step held against one loss: does every parameter follow its numeric gradient, all at one rate?"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from shapecheck.gradients.followed import (
    Agreement,
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
from shapecheck.gradients.held_steps import HeldStep
from shapecheck.gradients.hypotheses import Hypothesis
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.stacked_numbers import is_stacked
from shapecheck.gradients.tied import tied_entries
from shapecheck.network.parameters import Update

# One unit of many that a difference steps over spoils the slopes of all layers before it by less than this.
_KINKED = 0.1


def held_against(step: HeldStep, hypothesis: Hypothesis, *, whole: bool = False) -> Agreement | None:
    """Every parameter of a step against one loss; None where the loss cannot be evaluated.

    It ends where the first few do not follow the loss, unless it is to be `whole`.
    """
    tape, replay = step.tape, step.replay
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
        made_from = gradient_like(tape, update.change, shape, step.among, update.old)
        candidates = [c for c in made_from if c[0] != update.old]
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
        networks[0] += (astray := _astray(step, hypothesis, rng))
        rows += astray
    return _summary(step, hypothesis, rows, networks)


def _networks(step: HeldStep, hypothesis: Hypothesis) -> list[list[int]]:
    """The positions of the parameters of a step that feed the same outputs, and so have one learning rate.

    Several networks may be trained one after the other, to see which rate, or which size, is best.
    """
    masks, groups = step.dependence.masks, [[i] for i in range(len(step.updates))]
    for output in hypothesis.wanted:
        fed = [g for g in groups if any(masks[output] & step.masks[i] for i in g)]
        groups = [g for g in groups if g not in fed] + ([list(itertools.chain(*fed))] if fed else [])
    large = [any(step.tape.values[step.updates[i].old].size > 1 for i in g) for g in groups]
    return groups if all(large) else [list(itertools.chain(*groups))]


def _falls(step: HeldStep, hypothesis: Hypothesis) -> bool:
    """Whether a whole step brings the loss down; an inferred one is taken to be as curved as half a square."""
    replay = step.replay
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


def _astray(step: HeldStep, hypothesis: Hypothesis, rng: np.random.Generator) -> list[ParameterAgreement]:
    """Arrays that the loss depends on and that are stepped by something else than its gradient."""
    tape, replay = step.tape, step.replay
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
    step: HeldStep, hypothesis: Hypothesis, rows: list[ParameterAgreement], networks: list[list[ParameterAgreement]]
) -> Agreement | None:
    numbers = is_stacked(step.tape)
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
    falls = verdict == "right" and _falls(step, hypothesis)
    return Agreement(
        verdict, rows, hypothesis.formula, hypothesis.inferred, len(right), error, ascent, same, falls=falls
    )
