"""The text of a failed verification: which gradient of which function, where, and what is known about it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

from shapecheck.gradients.result import GradientReport
from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called
from shapecheck.verification.readings import Readings


def place_of(bench: Bench) -> str:
    """File and line of the backward pass; empty where it has none."""
    if bench.plain is None:
        return ""
    code = bench.plain.__code__
    if code.co_filename.startswith("<"):
        return ""
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}"


def diagnosis(bench: Bench, readings: Readings, report: GradientReport, notes: Sequence[str]) -> str:
    """What is wrong, in the user's names; the report's own table below.

    Args:
        bench: The call.
        readings: Which gradient belongs to which parameter.
        report: The failed comparison.
        notes: What else is known.
    """
    wrong = [row.name for row in report.wrong()]
    lines = [_headline(bench, readings, wrong)]
    place = place_of(bench)
    if place:
        lines.append(f"  at      {place}, in `{inspect_name(bench)}`")
    lines += [f"  note    {note}" for note in notes]
    return "\n".join([*lines, "", str(report)])


def _headline(bench: Bench, readings: Readings, wrong: Sequence[str]) -> str:
    name = called(bench.function)
    if not wrong:
        return f"the gradients of `{name}` could not be checked: two identical evaluations differ"
    described = []
    for parameter in wrong[:4]:
        pair = readings.pairs[parameter]
        how = f"`{pair.gradient.label}`" if not readings.is_applied(pair) else "read from its change"
        described.append(f"`{parameter}` ({how})")
    more = f" and {len(wrong) - 4} more" if len(wrong) > 4 else ""
    verb = "is" if len(wrong) == 1 else "are"
    noun = "gradient" if len(wrong) == 1 else "gradients"
    return f"the {noun} of {', '.join(described)}{more} {verb} wrong"


def inspect_name(bench: Bench) -> str:
    """The function's name with its class."""
    name = getattr(bench.plain, "__qualname__", called(bench.function))
    return name.rpartition("<locals>.")[2]


def own_source(bench: Bench) -> str:
    """The backward pass's text; empty where it cannot be had."""
    try:
        return inspect.getsource(bench.plain) if bench.plain is not None else ""
    except (OSError, TypeError):
        return ""
