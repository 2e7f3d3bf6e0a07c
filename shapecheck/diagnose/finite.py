"""The first number that is none: overflow, division by zero, log of zero, if the loss or a weight feels it."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, Span
from shapecheck.diagnose.trail import span_of
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.tape import Operation, Ref, Tape

_LOGARITHMS = frozenset("numpy.log numpy.log2 numpy.log10 numpy.log1p math.log".split())
_QUOTIENTS = frozenset(["/", "/=", "numpy.divide", "numpy.true_divide", "numpy.reciprocal", "**", "numpy.power"])
_EXPONENTIALS = frozenset("numpy.exp numpy.exp2 numpy.expm1 numpy.cosh numpy.sinh math.exp".split())
_WARNING = re.compile(r"(overflow|divide by zero|invalid value) encountered in (\w+)")


def not_finite(course: Course) -> list[Finding]:
    """Where infinity or NaN first came about, if it spoils a parameter or the loss; harmless overflow is left alone."""
    bad = _bad_values(course.tape)
    every = find_parameters(course.tape, most_updates=len(course.tape.operations)) if bad else []
    spoiled = [(p.name, v) for p in every for u in p.updates for v in (u.old, u.new) if v in bad]
    learned = course.learned if bad else set()
    losses = [v for v in sorted(bad & learned) if _is_loss(course, v)]
    for names, target in (([n for n, _ in spoiled], [v for _, v in spoiled][:1]), ([], losses[:1])):
        if not target:
            continue
        birth = _birth(course, target[0], bad)
        if birth is not None:
            return [_finding(course, birth, names)]
    return _by_warning(course) if not spoiled and not losses else []


def _bad_values(tape: Tape) -> set[int]:
    """The values that are not finite everywhere."""
    return {v.number for v in tape.values if v.array is not None and not _finite(v.array)}


def _finite(array: Any) -> bool:
    kind = type(array)
    if kind is float:
        return bool(array - array == 0)
    if kind is np.ndarray or isinstance(array, np.generic | np.ndarray):
        return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
    return True


def _is_loss(course: Course, value: int) -> bool:
    """Whether a value is a number that was computed, as a loss is."""
    kept = course.tape.values[value]
    return kept.size == 1 and kept.dtype.startswith("float") and course.producer(value) is not None


def _birth(course: Course, value: int, bad: set[int]) -> Operation | None:
    """The first operation, among those a value was computed from, that made something infinite of finite operands."""
    for number in sorted(_ancestors(course, value, bad)):
        operation = course.producer(number)
        if operation is None or bad.intersection(operation.inputs):
            continue
        written = not operation.inputs or any(isinstance(a, float) and not _finite(a) for a in operation.arguments)
        if written or operation.site is None:
            continue  # an infinity that the program wrote itself: a mask, `float("inf")`
        return operation
    return None


def _ancestors(course: Course, value: int, bad: set[int]) -> set[int]:
    """The values that are not finite which a value was computed from by way of such values only."""
    found: set[int] = set()
    open_values = [value]
    while open_values:
        number = open_values.pop()
        if number not in found and number in bad:
            found.add(number)
            operation = course.producer(number)
            open_values.extend(operation.inputs if operation is not None else ())
    return found


def _finding(course: Course, birth: Operation, names: list[str]) -> Finding:
    site = course.site(birth.site)
    assert site is not None
    code, title, why = _words(course, birth)
    spoiled = f"{quoted(names)} " if names else "the loss "
    verb = "are" if len(set(names)) > 1 else "is"
    return Finding(
        code=code,
        severity="error" if names else "warning",
        title=title,
        message=f"{why}; from here on {spoiled}{verb} not a number any more",
        location=span_of(site),
        cause=span_of(site),
        layer=None,
        parameters=tuple(dict.fromkeys(names)),
    )


def _words(course: Course, birth: Operation) -> tuple[str, str, str]:
    site = course.site(birth.site)
    text = shown(site.text) if site is not None else birth.function
    recorded = course.replay.recorded
    operands = [np.asarray(recorded[a.value], dtype=float) for a in birth.arguments[:2] if isinstance(a, Ref)]
    if birth.function in _LOGARITHMS:
        zero = bool(operands) and bool(np.any(operands[0] == 0))
        what = "zero" if zero else "a negative number"
        return "SC502", f"this is the logarithm of {what}", f"`{text}` is not finite; keep its argument away from zero"
    divisor = birth.arguments[-1]
    array = recorded[divisor.value] if isinstance(divisor, Ref) else divisor
    if birth.function in _QUOTIENTS and np.ndim(array) >= 0 and np.any(np.asarray(array, dtype=float) == 0):
        return "SC501", "this divides by zero", f"the divisor in `{text}` is zero"
    if birth.function in _EXPONENTIALS:
        return (
            "SC501",
            "this exponential overflows",
            (f"`{text}` is of a number above 709: infinite; subtract the largest argument first, or scale the input"),
        )
    if birth.function == "numpy.sqrt" and operands and bool(np.any(operands[0] < 0)):
        return "SC501", "this is the square root of a negative number", f"`{text}` is NaN there"
    largest = max((float(np.abs(o).max(initial=0.0)) for o in operands), default=0.0)
    return (
        "SC501",
        "the numbers outgrow what a float can hold here",
        (f"an operand of `{text}` has grown to {largest:.0e}: the steps are too long, or go the wrong way"),
    )


# -- after the window -----------------------------------------------------------------------------------------------


def _by_warning(course: Course) -> list[Finding]:
    """NaN that came about later than values were kept: NumPy's own warnings know the line."""
    tail = course.trace.tail
    if tail is None or not any(_is_late_loss(tail, v) for v in _bad_values(tail)):
        return []
    warned = [(path, line, m) for path, line, text in course.trace.warned if (m := _WARNING.match(text))]
    warned = [w for w in warned if w[0] in course.trace.sources]
    harmless = partial(_is_harmless, warned)
    chosen = next((w for w in warned if not harmless(w)), None)
    if chosen is None:
        return []
    path, line, match = chosen
    source = course.trace.sources[path].lines[line - 1].rstrip()
    start = len(source) - len(source.lstrip()) + 1
    place = Span(path, line, start, line, len(source) + 1, source.strip())
    logarithm = match[2].startswith("log")
    title = "this is the logarithm of zero" if logarithm else f"NumPy met {match[1]} in `{match[2]}` here"
    message = "later in the run the loss is not a number any more, and this is where it can have begun; steps that are "
    message += "too long, a logarithm of zero and a division by zero are the usual reasons"
    return [Finding("SC502" if logarithm else "SC501", "warning", title, message, place, place)]


def _is_late_loss(tail: Tape, value: int) -> bool:
    kept = tail.values[value]
    return kept.size == 1 and kept.producer is not None and kept.dtype.startswith("float")


def _is_harmless(warned: list[tuple[str, int, re.Match[str]]], one: tuple[str, int, re.Match[str]]) -> bool:
    """An exponential that overflows beside others that are worse: 1 / (1 + inf) is 0."""
    exponential = one[2][1] == "overflow" and one[2][2] in {"exp", "cosh", "sinh"}
    return exponential and any(other[2][1] != "overflow" and other[1] != one[1] for other in warned)


__all__ = ["not_finite"]
