"""What optimizers keep from step to step: moments that are never kept, kept after their correction, or kept as one.

Momentum, RMSprop and Adam (Kingma & Ba 2015, algorithm 1) keep `m = b * m + (1 - b) * g`; what a step applies may be
corrected by `1 - b**t`, but what is kept is not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.steps import Step
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.tape import Operation, Ref

NEVER_KEPT = "this is computed from zeros in every step, and never kept"
KEPT_CORRECTED = "the moment is kept after its correction"
OTHER_FACTOR = "this is the factor of the other moment"
RENEWED = "this begins anew with zeros in every step"
LEFT_UNCORRECTED = "the moment is applied without its correction"
ONE_ARRAY = "the mean of the gradients and that of their squares are kept in one array"

POWERS = frozenset({"**", "numpy.power"})


def moments(course: Course) -> list[Finding]:
    """Optimizer state that is lost, corrupted by its own correction, or shared by two moments."""
    for finder in (_never_kept, _renewed, _kept_corrected, _left_uncorrected, _one_array, _other_factor):
        found = finder(course)
        if found:
            return found
    return []


def zone_of(course: Course, step: Step) -> Iterator[tuple[str, int, set[int]]]:
    """(name, value, what its change is made from entry by entry) of each parameter of a step."""
    values, parameters = course.tape.values, step.olds | course.versions
    for parameter, old, change, _ in step.parameters:
        shape = values[old].shape
        found: set[int] = set()
        open_values = [change]
        while open_values and len(found) < 60:
            number = open_values.pop()
            if number in found or number in parameters or values[number].shape != shape:
                continue
            found.add(number)
            made = course.producer(number)
            if made is not None and made.number >= step.first:
                open_values.extend(made.inputs)
        yield parameter.name, old, found


def _factor(course: Course, operation: Operation, value: int) -> float | None:
    """The number that an operation multiplies a value by."""
    if operation.function not in PRODUCTS or value not in operation.inputs:
        return None
    for argument in operation.arguments[:2]:
        number = number_of(course, argument)
        if number is not None and argument != Ref(value):
            return number
    return None


def number_of(course: Course, argument: object) -> float | None:
    """An operand that is a single number."""
    if isinstance(argument, Ref):
        array = course.tape.values[argument.value].array
        return float(array) if np.shape(array) == () and array is not None else None
    return float(argument) if isinstance(argument, int | float) else None


# -- never kept -----------------------------------------------------------------------------------------------------


def _never_kept(course: Course) -> list[Finding]:
    """A mean that goes on from zeros in each of several steps, since what it came to is stored nowhere."""
    lost: dict[tuple[int, int | None], dict[int, tuple[str, Operation]]] = {}
    for step in course.steps:
        for name, _, zone in zone_of(course, step):
            for number in zone:
                made = course.producer(number)
                if made is None or made.function not in SUMS or len(made.inputs) != 2:
                    continue
                for state in _zeros_scaled(course, made):
                    if number not in course.stored:
                        lost.setdefault((state, made.site), {})[made.number] = (name, made)
    # Two evaluations of one expression from the same zeros: one goes on from nothing in the first step, as it has to.
    again = {state: sums for state, sums in lost.items() if len(sums) > 1}
    if not again:
        return []
    first = [sums[min(sums)] for sums in again.values()]
    names = [name for name, _ in first]
    numbers = dict.fromkeys(made.site for _, made in sorted(first, key=lambda pair: pair[1].number))
    sites = [site for number in numbers if (site := course.site(number)) is not None]
    if not sites:
        return []
    site = sites[0]
    return [
        Finding(
            code="SC406",
            severity="error",
            title=NEVER_KEPT,
            message=f"`{shown(site.text)}` goes on from the same zeros each time: what it came to for "
            f"{quoted(names)} in one step has to be stored where the next step reads it",
            location=span_of(site),
            cause=span_of(site),
            parameters=tuple(dict.fromkeys(names)),
            trail=tuple(TrailStep(span_of(other), "and so does this") for other in sites[1:8]),
        )
    ]


def _zeros_scaled(course: Course, total: Operation) -> Iterator[int]:
    """The zeros that were made once, of which a sum takes a part."""
    for number in total.inputs:
        made = course.producer(number)
        for state in made.inputs if made is not None and made.function in PRODUCTS else ():
            factor = _factor(course, made, state) if made is not None else None
            array = course.tape.values[state].array
            if factor is None or not 0 < abs(factor) < 1 or course.tape.values[state].size < 1 or array is None:
                continue
            born = course.producer(state)
            given = born is None or born.function.startswith("numpy.zeros")
            if given and np.shape(array) and not np.any(array) and np.any(course.replay.recorded[total.result]):
                yield state


# -- begun anew -----------------------------------------------------------------------------------------------------


def _renewed(course: Course) -> list[Finding]:
    """Zeros that are made again for every step, of which it takes a part as if something were kept in them."""
    begun: dict[tuple[int, str], dict[int, set[int]]] = {}
    for step in course.steps:
        for name, _, zone in zone_of(course, step):
            for made in [m for m in map(course.producer, zone) if m is not None and m.function in SUMS]:
                for state in _zeros_scaled(course, made):
                    born = course.tape.site_of(state)
                    # Several turns of one step may go on from one another: a trace along an episode begins with zeros.
                    if born is not None and not _is_gone_on_from(course, made, step):
                        begun.setdefault((born.number, name), {}).setdefault(step.number, set()).add(state)
    every = {step.number for step in course.steps}
    again = []
    for key, by_step in begun.items():
        # What one step has begun may be seen from the next, too, which goes on from it.
        apart = set.union(*by_step.values())
        if len(every) > 1 and set(by_step) == every and len(apart) == sum(map(len, by_step.values())):
            again.append(key)
    if not again:
        return []
    sites = [course.tape.sites[number] for number in dict.fromkeys(number for number, _ in again)]
    names = dict.fromkeys(name for _, name in again)
    return [
        Finding(
            code="SC406",
            severity="error",
            title=RENEWED,
            message=f"`{shown(sites[0].text)}` is made again for each step of {quoted(list(names))}, which then takes "
            "its part of zeros: nothing of the steps before is kept; make it once, before the loop",
            location=span_of(sites[0]),
            cause=span_of(sites[0]),
            parameters=tuple(names),
            trail=tuple(TrailStep(span_of(site), "and so is this") for site in sites[1:8]),
        )
    ]


def _is_gone_on_from(course: Course, total: Operation, step: Step) -> bool:
    """Whether the step takes a part of what a sum came to, in its turn."""
    later = (u for u in course.users.get(total.result, []) if u.number <= step.last)
    factors = (f for u in later if (f := _factor(course, u, total.result)) is not None)
    sums = (u for u in course.users.get(total.result, []) if u.number <= step.last and u.function in SUMS)
    return any(0 < f < 1 for f in factors) and any(True for _ in sums)


# -- kept corrected -------------------------------------------------------------------------------------------------


def _kept_corrected(course: Course) -> list[Finding]:
    """A moment that is divided by `1 - b**t`, stored, and multiplied by `b` in the next step."""
    found: dict[int, list[tuple[str, Operation]]] = {}
    for step in course.steps:
        for name, _, zone in zone_of(course, step):
            for number in zone:
                made = course.producer(number)
                if made is not None and made.site is not None and _is_kept_correction(course, made, step):
                    found.setdefault(made.site, []).append((name, made))
    if not found:
        return []
    sites = [site for number in found if (site := course.site(number)) is not None]
    names = list(dict.fromkeys(name for rows in found.values() for name, _ in rows))
    if not sites:
        return []
    return [
        Finding(
            code="SC410",
            severity="error",
            title=KEPT_CORRECTED,
            message=f"`{shown(sites[0].text)}` is stored where the next step reads the moment: it is corrected again "
            "and again; keep the moment as it is, and give what is corrected a name of its own",
            location=span_of(sites[0]),
            cause=span_of(sites[0]),
            parameters=tuple(names),
            trail=tuple(TrailStep(span_of(site), "and so it is here") for site in sites[1:4]),
        )
    ]


def _is_kept_correction(course: Course, made: Operation, step: Step) -> bool:
    """Whether a quotient by `1 - b**t` is what a later step multiplies by `b`."""
    if made.function not in QUOTIENTS or not made.arguments or not isinstance(made.arguments[0], Ref):
        return False
    divisor = number_of(course, made.arguments[1])
    if divisor is None or not 0 < divisor < 1:
        return False
    for user in course.users.get(made.result, []):
        kept = _factor(course, user, made.result)
        if kept is None or user.number <= step.last or not 0 < kept < 1:
            continue
        times = np.log(1 - divisor) / np.log(kept)
        if abs(times - round(times)) < 1e-6 and round(times) >= 1:
            return True
    return False


# -- left uncorrected -----------------------------------------------------------------------------------------------


def _left_uncorrected(course: Course) -> list[Finding]:
    """A moment whose correction is computed and read by nobody, while the moment itself is applied."""
    found: dict[int, tuple[str, Operation]] = {}
    for step in course.steps:
        zones = list(zone_of(course, step))
        for correction in course.tape.operations[step.first : step.last + 1]:
            if correction.function not in QUOTIENTS or course.users.get(correction.result):
                continue
            moment, divisor = correction.arguments[0], number_of(course, correction.arguments[1])
            if not isinstance(moment, Ref) or divisor is None or not 0 < divisor < 1:
                continue
            for name, _, zone in zones:
                mean = mean_of(course, moment.value, step) if moment.value in zone else None
                used = [u for u in course.users.get(moment.value, []) if u.result in zone and u.site is not None]
                if mean is not None and used and used[0].site is not None and _is_power(1 - divisor, mean[1]):
                    found.setdefault(used[0].site, (name, correction))
    sites = [(site, *told) for number, told in found.items() if (site := course.site(number)) is not None]
    corrected = course.site(sites[0][2].site) if sites else None
    if corrected is None:
        return []
    site = sites[0][0]
    return [
        Finding(
            code="SC410",
            severity="error",
            title=LEFT_UNCORRECTED,
            message=f"`{shown(site.text)}` takes the moment as it is kept; `{shown(corrected.text)}` corrects it for "
            "having begun with zeros, and nobody reads that: the first steps come out far too long or too short",
            location=span_of(site),
            cause=span_of(site),
            parameters=tuple(dict.fromkeys(name for _, name, _ in sites)),
            trail=(TrailStep(span_of(corrected), "what is corrected"),),
        )
    ]


# -- one array for two moments --------------------------------------------------------------------------------------


def _one_array(course: Course) -> list[Finding]:
    """A sum that is kept and that has gradients in it as well as their squares."""
    for step in course.steps:
        for name, _, zone in zone_of(course, step):
            for square, base in squares(course, zone):
                mixed = scaled_sums(course, square, zone) & scaled_sums(course, base, zone)
                kept = [v for v in sorted(mixed) if v in course.stored and _is_scaled_later(course, v, step)]
                made = course.producer(kept[0]) if kept else None
                site = course.site(made.site) if made is not None else None
                if site is not None:
                    return [_one_array_finding(course, step, site.number, name)]
    return []


def _one_array_finding(course: Course, step: Step, number: int, name: str) -> Finding:
    site = course.tape.sites[number]
    names = [p.name for p, *_ in step.parameters] or [name]
    return Finding(
        code="SC410",
        severity="error",
        title=ONE_ARRAY,
        message=f"`{shown(site.text)}` goes on from an array into which the gradient of `{name}` went both as it is "
        "and as its square: each moment needs arrays of its own",
        location=span_of(site),
        cause=span_of(site),
        parameters=tuple(dict.fromkeys(names)),
    )


def squares(course: Course, zone: set[int]) -> Iterator[tuple[int, int]]:
    """(square, what it is the square of, up to a number) among some values."""
    for number in sorted(zone):
        made = course.producer(number)
        if made is None:
            continue
        places = [a.value for a in made.arguments[:2] if isinstance(a, Ref) and a.value in zone]
        squared = made.function in POWERS and len(places) == 1 and number_of(course, made.arguments[1]) == 2
        if squared or (made.function == "numpy.square" and places):
            yield number, places[0]
        elif made.function in PRODUCTS and len(places) == 2:
            for base, other in (places, places[::-1]):
                if base == other or other in scaled_sums(course, base, zone):
                    yield number, base
                    break


def scaled_sums(course: Course, value: int, zone: set[int]) -> set[int]:
    """What becomes of a value by multiplying it by numbers and adding to it, within some values; itself included."""
    found = {value}
    open_values = [value]
    while open_values:
        number = open_values.pop()
        for user in course.users.get(number, []):
            if user.result in found or user.result not in zone:
                continue
            if user.function in SUMS or _factor(course, user, number) is not None:
                found.add(user.result)
                open_values.append(user.result)
    return found


def _is_scaled_later(course: Course, value: int, step: Step) -> bool:
    users = course.users.get(value, [])
    return any(u.number > step.last and _factor(course, u, value) is not None for u in users)


# -- one moment's factor for the other ------------------------------------------------------------------------------


def _other_factor(course: Course) -> list[Finding]:
    """A moment that is kept by one factor, and corrected, or added to, by the factor that keeps the other moment."""
    found: dict[int, tuple[str, str]] = {}
    kept: dict[int, Operation] = {}
    names: list[str] = []
    for step in course.steps:
        for name, _, zone in zone_of(course, step):
            means = {number: pair for number in zone if (pair := mean_of(course, number, step)) is not None}
            for number, (product, own) in means.items():
                others = {f: p for p, f in means.values() if not np.isclose(f, own)}
                for operation, factor, said in _misused(course, number, own, list(others), zone):
                    if operation.site is not None:
                        found.setdefault(operation.site, (said, name))
                        kept |= {operation.site: product, -1 - operation.site: others[factor]}
                        names.append(name)
    sites = [site for number in found if (site := course.site(number)) is not None]
    if not sites:
        return []
    products = [course.site(kept[n].site) for n in (sites[0].number, -1 - sites[0].number)]
    notes = ("what is kept of this moment", "what is kept of the other")
    trail = (TrailStep(span_of(p), note) for p, note in zip(products, notes, strict=True) if p is not None)
    return [
        Finding(
            code="SC410",
            severity="error",
            title=OTHER_FACTOR,
            message=f"`{shown(sites[0].text)}` {found[sites[0].number][0]}: `m = b * m + (1 - b) * g` and its "
            "correction `m / (1 - b**t)` have one and the same `b`",
            location=span_of(sites[0]),
            cause=span_of(sites[0]),
            parameters=tuple(dict.fromkeys(names)),
            trail=tuple(trail),
        )
    ]


def mean_of(course: Course, number: int, step: Step) -> tuple[Operation, float] | None:
    """(`b * m`, b) where a value is `b * m + ...`, made in this step from an `m` of before, and kept.

    A weight is of before, too: `decay * W + dW` is the gradient with its penalty.
    """
    return share_of_before(course, number, step) if number in course.stored else None


def share_of_before(course: Course, number: int, step: Step) -> tuple[Operation, float] | None:
    """The same, whether it is kept or not."""
    made = course.producer(number)
    if made is None or made.function not in SUMS or made.number < step.first:
        return None
    for product in (course.producer(i) for i in made.inputs):
        for state in product.inputs if product is not None and product.function in PRODUCTS else ():
            before = course.producer(state)
            factor = _factor(course, product, state) if product is not None else None
            early = state not in course.versions and (before is None or before.number < step.first)
            if product is not None and factor is not None and 0 < factor < 1 and early:
                return product, factor
    return None


def _misused(
    course: Course, number: int, own: float, others: list[float], zone: set[int]
) -> Iterator[tuple[Operation, float, str]]:
    """(operation, the factor, what it does) where a moment meets the factor of another instead of its own."""
    rated = [u.result for u in course.users.get(number, []) if u.result in zone and _factor(course, u, number)]
    for user in (u for moment in (number, *rated) for u in course.users.get(moment, [])):
        divisor = number_of(course, user.arguments[1]) if user.function in QUOTIENTS else None
        if divisor is None or not isinstance(user.arguments[0], Ref):
            continue
        if not 0 < divisor < 1 or _is_power(1 - divisor, own):
            continue
        for other in others:
            if _is_power(1 - divisor, other):
                yield user, other, f"corrects by {other:g}, and {own:g} is what is kept of it"
    total = course.producer(number)
    added = {n: o for i in (total.inputs if total is not None else ()) for n, o in _numbers_in(course, i, zone)}
    if not any(np.isclose(n, 1 - own) for n in added):
        for other in others:
            for n, operation in added.items():
                if np.isclose(n, 1 - other):
                    yield operation, other, f"takes in {n:g} of what is new, and {own:g} is what is kept"


def _is_power(number: float, base: float) -> bool:
    """Whether a number is a base to the power of 1, 2, 3 ..."""
    times = np.log(number) / np.log(base)
    return bool(abs(times - round(times)) < 1e-6 and round(times) >= 1)


def _numbers_in(course: Course, value: int, zone: set[int]) -> Iterator[tuple[float, Operation]]:
    """The numbers that a product is made of, with what multiplies by them."""
    open_values = [value]
    for number in open_values:
        made = course.producer(number)
        if made is None or made.function not in PRODUCTS or number not in zone:
            continue
        for argument in made.arguments[:2]:
            if (factor := number_of(course, argument)) is not None:
                yield factor, made
            elif isinstance(argument, Ref):
                open_values.append(argument.value)


__all__ = [
    "KEPT_CORRECTED",
    "LEFT_UNCORRECTED",
    "NEVER_KEPT",
    "ONE_ARRAY",
    "OTHER_FACTOR",
    "POWERS",
    "RENEWED",
    "mean_of",
    "moments",
    "number_of",
    "scaled_sums",
    "share_of_before",
    "squares",
    "zone_of",
]
