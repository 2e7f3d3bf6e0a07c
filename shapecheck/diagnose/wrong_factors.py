"""Gradients that are right up to a factor that the others do not have: which expression gives it to them."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.diagnose.counts_for_rates import counts_for_rates
from shapecheck.diagnose.suspects import Suspect, independent, merged
from shapecheck.diagnose.verdicts import Verdict, Verdicts
from shapecheck.gradients.matching import EXACT
from shapecheck.gradients.stacked_numbers import is_stacked
from shapecheck.trace.operations import SUMS
from shapecheck.trace.tape import PART, Operation, Ref

# More values than these in one step are not tried.
_MOST_SUSPECTS = 400
_PRODUCTS = frozenset({"*", "numpy.multiply"})
_QUOTIENTS = frozenset({"/", "numpy.divide", "numpy.true_divide"})
_STEPPING = _PRODUCTS | _QUOTIENTS | SUMS
# What multiplies its result by a number where an operand is multiplied by it.
_MEANS = frozenset({".mean", "numpy.mean", "numpy.average"})
_MULTILINEAR = (
    _PRODUCTS | _QUOTIENTS | frozenset("@ .dot numpy.dot numpy.matmul numpy.outer .T .sum numpy.sum unary-".split())
)


def factor_suspects(known: Verdicts, verdicts: Sequence[Verdict]) -> list[Suspect]:
    """What gives some gradients another factor than the others; fewest mistakes decide."""
    if counted := counts_for_rates(known, _factors(verdicts)):
        return counted
    whole = _factors(verdicts)
    applied = any(v.at_change for v in verdicts if v.factor is not None)
    factors = _without_own_rates(known, whole, applied=applied)
    aside = {v.parameter for v in verdicts if v.factor is not None} - factors.keys()
    distinct: list[float] = []
    for factor in factors.values():
        if not any(abs(factor / d - 1) <= 10 * EXACT for d in distinct):
            distinct.append(factor)
    signs = {old: sign for _, old, _, sign in known.step.parameters}
    best: tuple[tuple[float, ...], list[Suspect], float, bool] | None = None
    for rate in distinct if 1 < len(distinct) <= 6 else []:
        off = {p: rate / f for p, f in factors.items() if abs(f / rate - 1) > 10 * EXACT}
        kept = [p for p in factors if p not in off]
        # As it stands in the place of the rate, it may have had to be the rate that the others have.
        rated = {known.changes[p]: whole[kept[0]] / whole[p] for p in off}
        suspects = _of_their_own(known, _rescaling(known, off, aside, rated), kept)
        chosen, _ = independent(suspects)
        missed = len(set(off) - {p for s in chosen for p in s.explains})
        depth = min(len(known.chain([p])) for p in kept)
        climbs = any(signs[p] * factors[p] > 0 for p in kept)
        odd = _strangeness(known, rate)
        made = [known.producer(known.changes[p]) for p in kept]
        learned = any(o is not None and _by_what_is_learned(o, known) for o in made)
        quality = (missed, len(chosen), odd, -len(kept) if len(chosen) > 1 else 0, learned, climbs, depth)
        if best is None or quality < best[0]:
            # What gives right gradients their size as well gives the wrong ones no other by itself.
            best = (quality, suspects, rate, {s.site for s in chosen} <= _sites(known, kept))
    if best is None:
        return []
    if best[0][0] or best[0][1] > 1 or best[3]:
        compounded = _compounded(known, factors)
        if compounded is not None:
            known.rate = compounded[1]
            return [compounded[0]]
        several = _one_in_each_layer(known, factors)
        if several is not None and len(several[0]) < best[0][1]:
            known.rate = several[1]
            return several[0]
    known.rate = best[2]
    return best[1]


def _compounded(known: Verdicts, factors: dict[int, float]) -> tuple[Suspect, float] | None:
    """An expression that gives a factor to each layer once more: (it, the factor that all have without it).

    It may be another one in each layer, as that of a dropout whose rate each layer has for itself.
    """
    introduced: dict[int, list[tuple[int, float]]] = {}
    for value in known.chain(factors)[:_MOST_SUSPECTS]:
        operation, match = known.producer(value), known.matching.match(value)
        before = _derivative_before(known, operation) if operation is not None and match is not None else None
        if operation is not None and operation.site is not None and match is not None and before:
            introduced.setdefault(operation.site, []).append((value, match.factor.number / before))
    for site, rows in introduced.items():
        if len(rows) < 2 or all(abs(abs(ratio) - 1) <= 10 * EXACT for _, ratio in rows):
            continue
        passed = {p: [ratio for value, ratio in rows if p in known.reached(value)] for p in factors}
        turns = {p: len(ratios) for p, ratios in passed.items()}
        without = {p: f / float(np.prod(passed[p])) for p, f in factors.items()}
        rate = next(iter(without.values()))
        if any(abs(f / rate - 1) > 10 * EXACT for f in without.values()) or len(set(turns.values())) < 2:
            continue
        wanted = {}
        for value, ratio in rows:
            match = known.matching.match(value)
            if match is not None:
                wanted[value] = (match.forward, np.asarray(known.replay.recorded[value]) / ratio)
        explains = tuple(p for p in factors if turns[p])
        return Suspect(site, tuple(wanted), wanted, explains, True, "scale", 1 / rows[0][1]), rate
    return None


def _one_in_each_layer(known: Verdicts, factors: dict[int, float]) -> tuple[list[Suspect], float] | None:
    """Expressions of several layers, each of which gives a factor to all that lies below: (them, the factor without).

    A dropout's mask without its `1 / keep` in the first layer's gradient is off by one factor for each layer above.
    """
    introduced: dict[int, list[tuple[int, float, int]]] = {}
    for value in known.chain(factors)[:_MOST_SUSPECTS]:
        operation, match = known.producer(value), known.matching.match(value)
        if operation is None or operation.site is None or match is None or match.weak or scales(operation, known):
            continue
        before = _derivative_before(known, operation)
        ratio = match.factor.number / before if before else 1.0
        if abs(ratio - 1) > 10 * EXACT:
            introduced.setdefault(operation.site, []).append((value, ratio, match.forward))
    rows = [row for found in introduced.values() for row in found]
    if not 1 < len(introduced) <= len(factors) or len(rows) != len(introduced):
        return None
    reached = {value: {p for p in known.reached(value) if p in factors} for value, _, _ in rows}
    above = {p: [row for row in rows if p in reached[row[0]]] for p in factors}
    without = {p: f / float(np.prod([ratio for _, ratio, _ in above[p]])) for p, f in factors.items()}
    rate = next(iter(without.values()))
    if any(abs(f / rate - 1) > 10 * EXACT for f in without.values()):
        return None
    suspects = []
    for site, ((value, ratio, forward),) in introduced.items():
        # What lies below a further one is that one's to explain.
        own = tuple(p for p in reached[value] if above[p][-1][0] == value)
        wanted = {value: (forward, np.asarray(known.replay.recorded[value]) / ratio)}
        suspects.append(Suspect(site, (value,), wanted, own, True, "scale", 1 / ratio))
    return (suspects, rate) if all(suspect.explains for suspect in suspects) else None


def _factors(verdicts: Iterable[Verdict]) -> dict[int, float]:
    """The factor of each change; where an optimizer stands between all of them and their gradients, that of these.

    An optimizer may scale each parameter's gradient as it likes, so there only a sign that differs counts.
    """
    known = [v for v in verdicts if v.factor is not None]
    factors = {v.parameter: v.factor.number for v in known if v.factor is not None and v.at_change}
    if factors:
        return factors
    given = {v.parameter: v.factor.number for v in known if v.factor is not None and not v.weak}
    size = max(map(abs, given.values()), default=0.0)
    # Of a few entries any number is the factor, but not the one that all others have.
    few = {v.parameter: v.factor.number for v in known if v.factor is not None and v.weak and size}
    given |= {p: number for p, number in few.items() if abs(abs(number) / size - 1) <= 10 * EXACT}
    alike = all(abs(abs(number) / size - 1) <= 10 * EXACT for number in given.values())
    return given if alike else {}


def _without_own_rates(known: Verdicts, factors: Mapping[int, float], *, applied: bool) -> dict[int, float]:
    """The factors as they would be had every parameter the learning rate of the first.

    A parameter may have a rate of its own: the numbers that its step multiplies the gradient by, in the step itself.
    What counts something (a batch) is no rate. The size of a gradient, by which it is clipped, is one where the factors
    are those of what is `applied`; what an optimizer makes of a gradient afterwards has no part in the gradient's.
    """
    learned = known.replay.dependents(known.step.olds, known.step.last + 1)
    rates = {p: _own_rate(known, p, learned, applied=applied) for p in factors}
    first = next(iter(rates.values()), 1.0)
    return {p: factor * first / rates[p] for p, factor in factors.items()}


def _is_its_size(known: Verdicts, number: int, array: int, parameter: int) -> bool:
    """Whether a number that scales an array is made from the norm of the gradient, or of the parameter."""
    replay, recorded = known.replay, known.replay.recorded
    if np.size(recorded[number]) != 1 or np.size(recorded[array]) < 2 or not np.any(recorded[number]):
        return False
    if len(known.reached(number)) == len(known.changes):
        return False  # the size of all gradients together is no rate of one
    shape = np.shape(recorded[parameter])
    made = replay.ancestors([number], until=known.step.olds) - known.step.olds
    if any(np.shape(recorded[v]) == shape and known.matching.against(recorded[v], parameter) is not None for v in made):
        return parameter in known.ancestors(array) and len(shape) > 1
    arrays = [v for v in made if np.size(recorded[v]) > 1]
    return parameter in known.ancestors(number) and all(parameter in known.ancestors(v) for v in arrays)


def _own_rate(known: Verdicts, parameter: int, learned: Container[int], *, applied: bool) -> float:
    """The product of the numbers in a parameter's step, whatever their order in it; and of those just before it.

    Before the step, where a velocity is made, only a number with a name is a rate: `2 * g` may be a wrong derivative.
    """
    tape, recorded = known.replay.tape, known.replay.recorded
    news = {old: p.updates[known.step.number].operation for p, old, _, _ in known.step.parameters}
    number = tape.operations[news[parameter]].site
    step = tape.sites[number] if number is not None else None
    counts = {float(n) for shape in map(np.shape, known.matching.adjoints.of.values()) for n in shape if n > 1}
    rate, open_values = 1.0, [(known.changes[parameter], 1)]
    while step is not None and open_values:
        value, power = open_values.pop()
        operation = known.producer(value)
        site = tape.sites[operation.site] if operation is not None and operation.site is not None else None
        if operation is None or site is None or operation.number < known.step.first:
            continue
        inside = site.within(step)
        if operation.label == PART:
            open_values.append((operation.inputs[-1], power))  # all parts are made in one way
            continue
        if operation.function not in (_MULTILINEAR if inside else _STEPPING):
            continue
        if (
            operation.function in SUMS
            and sum(_is_stepped_by(known, a, parameter, learned) for a in operation.arguments) > 1
        ):
            continue  # shares of one gradient, beside a velocity that is made of it: they come to more than each
        for position, argument in enumerate(operation.arguments[:2]):
            turned = -power if position and operation.function in _QUOTIENTS else power
            if isinstance(argument, Ref) and argument.value in learned:
                other = operation.arguments[1 - position] if len(operation.arguments) > 1 else None
                if applied and isinstance(other, Ref) and _is_its_size(known, argument.value, other.value, parameter):
                    rate *= abs(float(np.ravel(recorded[argument.value])[0])) ** turned
                elif inside or _is_stepped_by(known, argument, parameter, learned):
                    open_values.append((argument.value, turned))
                continue
            times = single_number(known, argument) if operation.function in _PRODUCTS | _QUOTIENTS else None
            if times is not None and isinstance(argument, Ref):
                times /= _share(known, argument.value, counts)
            written = isinstance(site.node, ast.BinOp) and isinstance(
                (site.node.left, site.node.right)[position], ast.Constant
            )
            if times is not None and times > 0 and times not in counts and (inside or not written):
                rate *= times**turned
            elif times is None and isinstance(argument, Ref) and inside:
                open_values.append((argument.value, turned))
    return rate


def _is_stepped_by(known: Verdicts, argument: Any, parameter: int, learned: Container[int]) -> bool:
    """Whether an operand is a multiple of a parameter's gradient; one number is one of any other."""
    if not isinstance(argument, Ref) or argument.value not in learned:
        return False
    array = known.replay.recorded[argument.value]
    if np.size(array) == 1 == np.size(known.replay.recorded[parameter]):
        return bool(np.any(array)) and not known.is_state(argument.value, parameter)
    return known.matching.against(array, parameter) is not None


def _share(known: Verdicts, number: int, counts: Container[float]) -> float:
    """What a number has from dividing by counts, as 1 / m in `(1 / m) * ...` or `lr / m`: that belongs to no rate.

    A count that is written down as a number may be anything: `lr / 10` is a rate, however many units there are.
    """
    share = 1.0
    operation = known.producer(number)
    while operation is not None and operation.function in _QUOTIENTS and operation.site is not None:
        node = known.replay.tape.sites[operation.site].node
        times = single_number(known, operation.arguments[1])
        if (isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant)) or times not in counts or not times:
            break
        share /= times
        above = operation.arguments[0]
        operation = known.producer(above.value) if isinstance(above, Ref) else None
    return share


def single_number(known: Verdicts, argument: Any) -> float | None:
    """The number that an operand is, where it is one, and the same at all the steps that are looked at together."""
    array = known.replay.recorded[argument.value] if isinstance(argument, Ref) else argument
    if not isinstance(array, int | float | np.ndarray | np.generic):
        return None
    numbers = np.asarray(array, dtype=float).reshape(-1)
    together = is_stacked(known.replay.tape) and numbers.size and np.all(numbers == numbers[0])
    return float(numbers[0]) if numbers.size == 1 or together else None


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
    shared = _sites(known, right)
    own = [s for s in suspects if s.site not in shared]
    explained = {p for s in own for p in s.explains}
    return own + [s for s in suspects if s.site in shared and not explained.issuperset(s.explains)]


def _sites(known: Verdicts, parameters: list[int]) -> set[int | None]:
    """The expressions that the changes of some parameters were computed by."""
    made = map(known.producer, known.chain(parameters))
    return {operation.site for operation in made if operation is not None}


def _rescaling(known: Verdicts, off: dict[int, float], aside: set[int], rated: Mapping[int, float]) -> list[Suspect]:
    """The expressions after which every gradient needs the same factor; those that multiply by a number come first.

    Args:
        known: The verdicts of the step.
        off: What each change that has another factor than the others has to be multiplied by.
        aside: Parameters that say nothing of factors: an optimizer or clipping stands between gradient and change.
        rated: What each change has to be multiplied by to be as long as the others' changes, rates and all.
    """
    by_site: dict[int, Suspect] = {}
    told: dict[int, set[int]] = {}
    for value in known.chain(off)[:_MOST_SUSPECTS]:
        operation = known.producer(value)
        if operation is None or operation.site is None:
            continue
        touched = [p for p in known.reached(value) if p not in aside]
        ratios = [off[p] for p in touched if p in off]
        if not ratios or len(ratios) < len(touched) or np.ptp(ratios) > 10 * EXACT * max(map(abs, ratios)):
            continue
        match, averaged = known.matching.match(value), averages(operation, known, ratios[0])
        if match is None and not (averaged and len(touched) == 1):
            continue  # of one number that is averaged the count alone tells
        forward = match.forward if match is not None else touched[0]
        wanted = {value: (forward, ratios[0] * np.asarray(known.replay.recorded[value]))}
        # The learning rate stands in the update: it is the same for all, and not what is wrong.
        multiplies = scales(operation, known) or rescales(operation, known, ratios[0])
        multiplies = multiplies and (value not in known.changes.values() or _by_what_is_learned(operation, known))
        multiplies = multiplies or averaged
        if averaged or (multiplies and scales(operation, known) and rescales(operation, known, ratios[0])):
            told.setdefault(operation.site, set()).update(touched)
        suspect = Suspect(operation.site, (value,), wanted, tuple(touched), multiplies, "scale", ratios[0])
        if value in rated and abs(rated[value] / ratios[0] - 1) > 10 * EXACT:
            others = (rated[value] * np.asarray(known.replay.recorded[value]),)
            suspect = replace(suspect, alternatives={value: others})
        by_site[operation.site] = merged(by_site.get(operation.site), suspect)
    # Where numbers that the program itself multiplies by account for all of it, nothing else is to blame.
    if told and set().union(*told.values()) >= set(off):
        return [by_site[site] for site in told]
    return list(by_site.values())


def _by_what_is_learned(operation: Operation, known: Verdicts) -> bool:
    """Whether it multiplies by a single number that is made from the parameters, as a loss is, and no rate."""
    numbers = {n for n in operation.inputs if np.size(known.replay.recorded[n]) == 1}
    return scales(operation, known) and any(known.replay.ancestors([n]) & known.step.olds for n in numbers)


def scales(operation: Any, known: Verdicts) -> bool:
    """Whether an operation multiplies or divides by a single number."""
    if operation.function not in {"*", "/", "*=", "/=", "numpy.multiply", "numpy.divide", "unary-"}:
        return False
    sizes = [np.size(known.replay.recorded[n]) for n in operation.inputs]
    return operation.function == "unary-" or len(sizes) < 2 or min(sizes) == 1


def averages(operation: Operation, known: Verdicts, scale: float) -> bool:
    """Whether an operation is a mean over as many numbers as its result has to be multiplied by: a sum is meant."""
    if operation.function not in _MEANS or len(operation.inputs) != 1:
        return False
    before, after = (np.size(known.replay.recorded[n]) for n in (operation.inputs[0], operation.result))
    return before > after > 0 and abs(scale * after / before - 1) <= 10 * EXACT


def rescales(operation: Operation, known: Verdicts, scale: float) -> bool:
    """Whether the nearest derivatives that a value was made from do not have the factor that it lacks."""
    own, before = known.matching.match(operation.result), _derivative_before(known, operation)
    return own is not None and before is not None and abs(own.factor.number / before * scale - 1) <= 10 * EXACT


def _derivative_before(known: Verdicts, operation: Operation) -> float | None:
    """The factor of the nearest derivative that an operation's result was made from."""
    # A number that it multiplies by may be made from a derivative, too: of an error, how large that is.
    open_values = sorted(operation.inputs, key=lambda n: np.size(known.replay.recorded[n]) > 1)
    for _ in range(20):
        if not open_values:
            break
        value = open_values.pop()
        before = known.matching.match(value)
        if before is not None and not before.weak:
            return before.factor.number
        made = known.producer(value)
        if made is not None and value not in known.matching.adjoints.closure:
            open_values.extend(made.inputs)
    return None


__all__ = ["factor_suspects", "rescales", "scales"]
