"""The verdict on a parameter from derivatives entry by entry (modes `full` and `sampled`)."""

from __future__ import annotations

import numpy as np

from shapecheck.gradients.comparison import Comparison, Look
from shapecheck.gradients.entrywise import Entries
from shapecheck.gradients.localise import Place, confirmed_entry
from shapecheck.gradients.projection import NEGLIGIBLE, USEFUL, ZERO, Judge, Judgement
from shapecheck.gradients.result import Entry, Verdict

_SUSPECTS = 12


def judge_entries(judge: Judge, name: str, entries: Entries) -> Judgement:
    """Compare entry by entry; what disagrees is looked at again by the means of `projection` mode.

    Args:
        judge: Holds the gradients and the loss.
        name: Of the parameter.
        entries: Its numeric derivatives.
    """
    comparison = judge.comparison
    given = comparison.gradients[name].reshape(-1)[entries.indices]
    if not np.all(np.isfinite(given)):
        return judge.judge(name)
    error = given - entries.values
    bound = _bounds(comparison, name, entries, given)
    order = np.argsort(-np.abs(error) / np.maximum(bound, np.finfo(float).tiny))
    worst = int(order[0])
    look = _look(comparison, entries, given, bound, worst)
    if np.all(np.abs(error) <= bound):
        if not np.any(given) and np.all(np.abs(entries.values) <= entries.noise):
            return Judgement(Verdict.CANNOT_TELL, look, ZERO, entries.method)
        if look.noise > USEFUL * look.scale:
            reason = f"the noise of the loss hides it ({look.noise:.0e} in a slope of {look.scale:.0e})"
            return Judgement(Verdict.CANNOT_TELL, look, reason, entries.method)
        return Judgement(Verdict.RIGHT, look, method=entries.method)
    wrong = [int(i) for i in order if abs(error[i]) > bound[i]]
    overall = judge.judge(name)
    if overall.verdict is not Verdict.WRONG:
        if look.allowed is None and not _any_confirmed(judge, name, entries.indices[wrong[:_SUSPECTS]]):
            return overall
        overall = Judgement(Verdict.WRONG, look)
    return Judgement(Verdict.WRONG, look, overall.reason, entries.method, _place(comparison, name, entries, wrong))


def _bounds(comparison: Comparison, name: str, entries: Entries, given: np.ndarray) -> np.ndarray:
    if comparison.rtol is not None or comparison.atol is not None:
        size = np.maximum(np.abs(given), np.abs(entries.values))
        return np.asarray((comparison.atol or 0.0) + (comparison.rtol or 0.0) * size)
    typical = np.sqrt(np.mean(np.square(given))) if given.size else 0.0
    rounding = comparison.amplification[name] * comparison.precision[name] * np.maximum(np.abs(given), typical)
    return np.asarray(entries.noise + rounding + 1e-10 * np.maximum(np.abs(given), np.abs(entries.values)))


def _look(comparison: Comparison, entries: Entries, given: np.ndarray, bound: np.ndarray, at: int) -> Look:
    scale = max(float(np.max(np.abs(given))), float(np.max(np.abs(entries.values))))
    overridden = comparison.rtol is not None or comparison.atol is not None
    value, noise = float(entries.values[at]), float(entries.noise[at])
    rounding = float(bound[at]) - noise
    allowed = float(bound[at]) if overridden else None
    return Look(0.0, float(given[at]), value, noise, rounding, scale, value, value, allowed)


def _any_confirmed(judge: Judge, name: str, flat: np.ndarray) -> bool:
    for index in flat:
        found = confirmed_entry(judge.comparison, name, int(index))
        if found is not None and found.relative > NEGLIGIBLE:
            return True
    return False


def _place(comparison: Comparison, name: str, entries: Entries, wrong: list[int]) -> Place:
    shape = comparison.surface.params[name].shape
    given = comparison.gradients[name].reshape(-1)
    apart = np.abs(given[entries.indices] - entries.values)
    worst = int(np.argmax(apart))
    index = tuple(int(i) for i in np.unravel_index(int(entries.indices[worst]), shape))
    entry = Entry(index, float(given[entries.indices[worst]]), float(entries.values[worst]))
    rows = None
    extent = "entry" if len(wrong) == 1 else "all"
    if len(shape) > 1:
        rows = tuple(sorted({int(np.unravel_index(int(entries.indices[i]), shape)[0]) for i in wrong}))
        if len(wrong) > 1 and len(rows) < shape[0]:
            extent = "row" if len(rows) == 1 else "rows"
    size = max(abs(entry.analytic), abs(entry.numeric)) or 1.0
    return Place(entry, confirmed=True, extent=extent, rows=rows, relative=float(apart[worst]) / size)
