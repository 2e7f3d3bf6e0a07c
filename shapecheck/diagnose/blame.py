"""Whether a wrong expression is itself to blame, or an operand: a slope's formula, or an adjoint of another layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.gradients.matching import EXACT, Matching, Standing, same_direction
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS
from shapecheck.trace.tape import Operation

_SCALINGS = PRODUCTS | QUOTIENTS
_GATHERING = frozenset({".sum", "numpy.sum", ".mean", "numpy.mean"})


@dataclass(frozen=True, slots=True)
class Origin:
    """An operand that is to blame for a wrong expression.

    Attributes:
        site: Where it was made or read.
        value: Its number.
        wanted: What it should have been; NaN where that makes no difference.
        misled: The number of the operation that it went into.
        slope: Whether it is a slope, by a formula that is wrong.
        beside_right: Whether it is added to a right share of what the sum should have been.
    """

    site: int
    value: int
    wanted: Any
    misled: int
    slope: bool = False
    beside_right: bool = False


def blamed(matching: Matching, value: int, wanted: Any) -> Origin | None:
    """The slope's formula that is wrong, where a product is wrong because of it.

    In `upstream * slope` the slope that is wanted is known. Where the slope's own formula gives it at another value of
    the forward pass, its argument was the wrong one, and the blame stays with the product, as it does where the same
    formula serves another layer well; else the formula is wrong.

    Args:
        matching: The adjoints.
        value: The product's result.
        wanted: What it should have been.

    Returns:
        The slope; None where the product itself is to blame, or cannot be told.
    """
    replay = matching.replay
    operation = _producer(replay, value)
    if operation is None or operation.function not in PRODUCTS:
        return None
    standings = matching.standings(sorted(replay.ancestors([value])))
    upstream = [i for i in operation.inputs if standings.get(i) in {Standing.VERIFIED, Standing.UNVERIFIED}]
    # An error that is part of the loss is its own derivative, and stands for that by the output.
    errors = [i for i in operation.inputs if (m := matching.match(i)) is not None and not m.weak]
    upstream = upstream or [i for i in errors if i in matching.adjoints]
    slopes = [i for i in operation.inputs if i not in upstream and _is_slope(matching, standings, i)]
    if len(upstream) != 1 or len(slopes) != 1 or standings[upstream[0]] is Standing.UNVERIFIED:
        return None
    made = _producer(replay, slopes[0])
    assert made is not None
    carrier = np.asarray(replay.recorded[upstream[0]], dtype=float)
    if made.site is None or _serves_elsewhere(matching, made):
        return None
    if _another_argument(matching, slopes[0], carrier, wanted, standings):
        return None
    with np.errstate(all="ignore"):
        slope = np.where(np.abs(carrier) > 1e-12 * np.abs(carrier).max(initial=0.0), wanted / carrier, np.nan)
    return Origin(made.site, slopes[0], slope, operation.number, slope=True)


def read_at(matching: Matching, value: int, wanted: Any) -> Origin | None:
    """The operand that is an adjoint of the wrong layer, where an operation is wrong because it was given that.

    Args:
        matching: The adjoints.
        value: The operation's result.
        wanted: What it should have been.

    Returns:
        The operand, at the site that took it out of a list or dictionary; None where no other adjoint in its place
        would give what is wanted, or it was not read from a container.
    """
    replay = matching.replay
    operation = _producer(replay, value)
    if operation is None:
        return None
    for operand in operation.inputs:
        match = matching.match(operand)
        if match is None or match.weak or match.transposed:
            continue
        for other in _of_shape(replay, matching.adjoints.of, np.shape(replay.recorded[operand])):
            if other in {match.forward, *match.alike} or not np.any(matching.adjoints[other]):
                continue
            result = replay.exchanged(operation, operand, matching.adjoints[other])
            if result is not None and same_direction(result, wanted):
                site = _access_of(replay, operand, operation.number)
                adjoint = np.asarray(matching.adjoints[other])
                return Origin(site, operand, adjoint, operation.number) if site is not None else None
    return None


def wrong_addend(matching: Matching, value: int, wanted: Any) -> Origin | None:
    """The one addend that is to blame for a wrong sum.

    An addend is only a part of an adjoint, so even a right one matches nothing. It is to blame if all that it was made
    from is verified and the other addend has been part of a sum that was right, for another layer or at another time.

    Args:
        matching: The adjoints.
        value: The sum.
        wanted: What it should have been.

    Returns:
        The addend; None where it cannot be told.
    """
    replay = matching.replay
    operation = _producer(replay, value)
    if operation is None or operation.function not in {"+", "+=", "numpy.add"} or operation.site is None:
        return None
    right = [o for o in replay.tape.made_at(operation.site) if matching.match(o.result) is not None]
    trusted = {made.site for o in right for i in o.inputs if (made := _producer(replay, i)) is not None}
    standings = matching.standings(sorted(replay.ancestors([value])))
    suspicious = []
    for addend in operation.inputs:
        made = _producer(replay, addend)
        if made is None or made.site is None or made.site in trusted or made.function == "leaf":
            continue
        if is_sound(replay, made, standings):
            suspicious.append((made.site, addend))
    if len(suspicious) != 1 or not right:
        return None
    site, addend = suspicious[0]
    rest = sum(np.asarray(replay.recorded[i], dtype=float) for i in operation.inputs if i != addend)
    # The whole backward pass may be a multiple of the adjoints: the sum is to be what the right ones are.
    nearest = min(right, key=lambda o: abs(o.number - operation.number))
    match = matching.match(nearest.result)
    factor = match.factor.number if match is not None and not match.weak else 1.0
    return Origin(site, addend, factor * np.asarray(wanted, dtype=float) - rest, operation.number)


def wrong_share(matching: Matching, value: int, wanted: Any) -> Origin | None:
    """The factor of a product that is no adjoint by itself, and was made by another expression from what is right.

    `dx = d - d.mean(0) - ...` and then `dx *= rstd`: where the other factor is the same for whole rows, no other one
    would do, so it is the first expression that is to blame.

    Args:
        matching: The adjoints.
        value: The product, or quotient.
        wanted: What it should have been.

    Returns:
        The factor; None where it cannot be told from the other one.
    """
    replay = matching.replay
    operation = _producer(replay, value)
    if operation is None or operation.function not in _SCALINGS or len(operation.inputs) != 2:
        return None
    first, second = operation.inputs
    if operation.function in PRODUCTS and np.shape(replay.recorded[first]) != np.shape(wanted):
        first, second = second, first
    factor, share = np.asarray(replay.recorded[second]), np.asarray(replay.recorded[first], dtype=float)
    standings = matching.standings(sorted(replay.ancestors([value])))
    made = _producer(replay, first)
    if share.shape != np.shape(wanted) or factor.size == share.size or made is None or made.site is None:
        return None
    if standings.get(first) is not Standing.UNVERIFIED or standings.get(second) is not Standing.FORWARD:
        return None
    sites = replay.tape.sites
    if sites[made.site].within(sites[operation.site or 0]) or not is_sound(replay, made, standings):
        return None
    aligned = factor.reshape((1,) * (share.ndim - factor.ndim) + factor.shape)
    rows = tuple(axis for axis in range(share.ndim) if aligned.shape[axis] == 1)
    with np.errstate(all="ignore"):
        better = np.sum(share * wanted, axis=rows, keepdims=True) / np.sum(share * share, axis=rows, keepdims=True)
        needed = wanted / aligned if operation.function in PRODUCTS else wanted * aligned
    if np.allclose(np.nan_to_num(better) * share, wanted, rtol=EXACT, atol=EXACT * float(np.abs(wanted).max())):
        return None
    return Origin(made.site, first, np.where(np.isfinite(needed), needed, np.nan), operation.number)


def is_sound(replay: Replay, operation: Operation, standings: dict[int, Standing]) -> bool:
    """Whether all that went into an expression, from outside of it, was right."""
    sites = replay.tape.sites
    whole = sites[operation.site or 0]
    open_values = list(operation.inputs)
    while open_values:
        value = open_values.pop()
        if standings.get(value) is not Standing.UNVERIFIED:
            continue
        made = _producer(replay, value)
        if made is None or made.site is None or not sites[made.site].within(whole):
            return False
        open_values.extend(made.inputs)
    return True


def misplaced(matching: Matching, value: int, wanted: Any) -> Origin | None:
    """An operand that is the adjoint of an activation where that of its argument is needed: a slope was left out.

    Args:
        matching: The adjoints.
        value: The result of the operation that it misled.
        wanted: What that should have been.

    Returns:
        The operand; None where another use of it is right, for then it is this one that is wrong.
    """
    replay = matching.replay
    operation = _producer(replay, value)
    if operation is None:
        return None
    for operand in operation.inputs:
        match, made = matching.match(operand), _producer(replay, operand)
        if match is None or match.weak or match.transposed or made is None or made.site is None:
            continue
        if _is_used_rightly(matching, operand):
            continue
        # The nearest first: behind a relu any of them gives the same, for what it lets through.
        for other in sorted(replay.ancestors([match.forward]) & set(matching.adjoints.of), reverse=True):
            adjoint = matching.adjoints[other]
            if other in {match.forward, *match.alike} or np.shape(adjoint) != np.shape(replay.recorded[operand]):
                continue
            result = replay.exchanged(operation, operand, adjoint)
            if result is not None and same_direction(result, wanted):
                if operation.function in PRODUCTS and _is_normalised(replay, other, match.forward):
                    return None
                return Origin(made.site, operand, np.asarray(adjoint), operation.number)
    return None


def _is_normalised(replay: Replay, before: int, after: int) -> bool:
    """Whether sums over its own entries lie between one forward value and a later one, as within a softmax.

    There is no slope there that could have been left out before a product: the product lacks the sums' terms.
    """
    between = replay.dependents([before]) & replay.ancestors([after])
    made = (_producer(replay, value) for value in between if value != before)
    return any(o is not None and o.function in _GATHERING for o in made)


def misplaced_before_a_slope(matching: Matching, value: int, wanted: Any) -> Origin | None:
    """The misplaced operand of `upstream * slope`, where the slope is right as it is: a mask before it was left out.

    Args:
        matching: The adjoints.
        value: The product.
        wanted: What it should have been.

    Returns:
        The operand; None for a slope that is the same everywhere, since then it may be the slope that is wrong.
    """
    operation = _producer(matching.replay, value)
    origin = misplaced(matching, value, wanted) if operation is not None and operation.function in PRODUCTS else None
    if operation is None or origin is None:
        return None
    recorded = matching.replay.recorded
    slopes = [np.asarray(recorded[i], dtype=float) for i in operation.inputs if i != origin.value]
    varies = [np.shape(s) == np.shape(wanted) and np.ptp(s) > 0 for s in slopes]
    return origin if varies == [True] else None


def _is_used_rightly(matching: Matching, value: int) -> bool:
    """Whether anything that was computed from a value is an adjoint too."""
    tape = matching.replay.tape
    made = tape.values[value].producer or 0
    for operation in tape.operations[made + 1 :]:
        if value in operation.inputs:
            match = matching.match(operation.result)
            if match is not None and not match.weak:
                return True
    return False


def _access_of(replay: Replay, value: int, before: int) -> int | None:
    """Where a value, or what it is a plain copy of, was last read from a container."""
    tape = replay.tape
    for _ in range(4):
        sites = [a.site for a in tape.accesses if a.value == value and a.time <= before]
        if sites:
            return sites[-1]
        operation = _producer(replay, value)
        if operation is None or operation.function not in {"numpy.array", ".copy", "numpy.copy", "numpy.asarray"}:
            return None
        value = operation.inputs[0]
    return None


def _serves_elsewhere(matching: Matching, made: Operation) -> bool:
    """Whether the same formula makes a right slope for another layer."""
    replay = matching.replay
    others = {o.result for o in replay.tape.made_at(made.site or 0) if o.number != made.number}
    for operation in replay.tape.operations:
        if operation.function in PRODUCTS and not others.isdisjoint(operation.inputs):
            match = matching.match(operation.result)
            if match is not None and not match.weak:
                return True
    return False


def _producer(replay: Replay, value: int) -> Operation | None:
    number = replay.tape.values[value].producer
    return replay.tape.operations[number] if number is not None else None


def _is_slope(matching: Matching, standings: dict[int, Standing], value: int) -> bool:
    """Whether a value was computed from the forward pass alone, for the backward pass."""
    operation = _producer(matching.replay, value)
    if operation is None or operation.function == "leaf" or value in matching.adjoints.closure:
        return False
    return standings.get(value) is Standing.FORWARD and np.size(matching.replay.recorded[value]) > 1


def _arguments(replay: Replay, slope: int, stop: set[int]) -> list[int]:
    """What a slope's formula was given: the values that came from outside its function, or its statement."""
    tape = replay.tape
    made = _producer(replay, slope)
    assert made is not None
    assert made.site is not None
    home = tape.sites[made.site]
    found: list[int] = []
    open_values = [slope]
    while open_values:
        value = open_values.pop()
        operation = _producer(replay, value)
        site = tape.sites[operation.site] if operation is not None and operation.site is not None else None
        inside = site is not None and site.function == home.function
        inside = inside and site is not None and (home.function != "<module>" or site.line == home.line)
        if value != slope and (value in stop or not inside or operation is None or operation.function == "leaf"):
            if np.size(replay.recorded[value]) > 1 and value not in found:
                found.append(value)
            continue
        if operation is not None:
            open_values.extend(operation.inputs)
    return found


def _another_argument(
    matching: Matching, slope: int, carrier: Any, wanted: Any, standings: dict[int, Standing]
) -> bool:
    """Whether the slope's own formula, at another value of the forward pass, gives what is wanted."""
    replay = matching.replay
    arguments = _arguments(replay, slope, matching.adjoints.closure)
    if len(arguments) != 1:
        return False
    argument = arguments[0]
    shape = np.shape(replay.recorded[argument])
    forward = [*matching.adjoints.closure, *(v for v, s in standings.items() if s is Standing.FORWARD)]
    tried: list[Any] = [replay.recorded[argument]]
    for other in _of_shape(replay, forward, shape):
        array = replay.recorded[other]
        if any(np.array_equal(array, t) for t in tried):
            continue
        tried.append(array)
        try:
            product = np.asarray(carrier * replay.evaluate({argument: array}, [slope])[slope], dtype=float)
        except (ReplayError, ValueError):
            continue
        if same_direction(product, wanted):
            return True
    return False


def _of_shape(replay: Replay, values: Iterable[int], shape: tuple[int, ...]) -> list[int]:
    return [v for v in dict.fromkeys(values) if np.shape(replay.recorded[v]) == shape][:60]


__all__ = [
    "Origin",
    "blamed",
    "is_sound",
    "misplaced",
    "misplaced_before_a_slope",
    "read_at",
    "wrong_addend",
    "wrong_share",
]
