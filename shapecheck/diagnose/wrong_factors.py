"""Gradients that are right up to a factor that the others do not have: which expression gives it to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from shapecheck.diagnose.suspects import Suspect, independent, merged
from shapecheck.diagnose.verdicts import Verdict, Verdicts
from shapecheck.gradients.matching import EXACT
from shapecheck.trace.tape import Operation

# More values than these in one step are not tried.
_MOST_SUSPECTS = 400


def factor_suspects(known: Verdicts, verdicts: Iterable[Verdict]) -> list[Suspect]:
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
        chosen, _ = independent(suspects)
        missed = len(set(off) - {p for s in chosen for p in s.explains})
        depth = min(len(known.chain([p])) for p in kept)
        quality = (missed, len(chosen), _strangeness(known, rate), -len(kept) if len(chosen) > 1 else 0, depth)
        if best is None or quality < best[0]:
            best = (quality, suspects, rate)
    if best is None:
        return []
    known.rate = best[2]
    return best[1]


def _strangeness(known: Verdicts, rate: float) -> float:
    """0 for a factor that is a number of the program, as a learning rate is; else 1.

    Only where the loss is one that the program computes: what is inferred may lack the mean.
    """
    tape = known.replay.tape
    seeds = known.matching.adjoints.seeds
    if len(seeds) != 1 or any(tape.values[v].size > 1 or not np.all(s == 1) for v, s in seeds.items()):
        return 0.0
    numbers = {float(v.array) for v in tape.values if v.shape == () and isinstance(v.array, int | float | np.generic)}
    for operation in tape.operations[known.step.first : known.step.last + 1]:
        numbers.update(float(a) for a in operation.arguments if isinstance(a, int | float))
    return float(not any(abs(abs(rate) - abs(n)) <= 10 * EXACT * abs(rate) for n in numbers))


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
    told: dict[int, set[int]] = {}
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
        multiplies = scales(operation, known) or rescales(operation, known, ratios[0])
        multiplies = multiplies and value not in known.changes.values()
        if multiplies and scales(operation, known) and rescales(operation, known, ratios[0]):
            told.setdefault(operation.site, set()).update(touched)
        suspect = Suspect(operation.site, (value,), wanted, tuple(touched), multiplies, "scale", ratios[0])
        by_site[operation.site] = merged(by_site.get(operation.site), suspect)
    # Where numbers that the program itself multiplies by account for all of it, nothing else is to blame.
    if told and set().union(*told.values()) >= set(off):
        return [by_site[site] for site in told]
    return list(by_site.values())


def scales(operation: Any, known: Verdicts) -> bool:
    """Whether an operation multiplies or divides by a single number."""
    if operation.function not in {"*", "/", "*=", "/=", "numpy.multiply", "numpy.divide", "unary-"}:
        return False
    sizes = [np.size(known.replay.recorded[n]) for n in operation.inputs]
    return operation.function == "unary-" or len(sizes) < 2 or min(sizes) == 1


def rescales(operation: Operation, known: Verdicts, scale: float) -> bool:
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


__all__ = ["factor_suspects", "rescales", "scales"]
