"""The text of a failed verification: which gradient of which function, where, and what is known about it."""

from __future__ import annotations

from collections.abc import Sequence

from shapecheck.gradients.result import GradientReport
from shapecheck.trace.code_names import cell_number, short_place
from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called
from shapecheck.verification.capture import spoken
from shapecheck.verification.readings import Readings

_MOST_NAMED = 6


def diagnosis(bench: Bench, readings: Readings, report: GradientReport, notes: Sequence[str]) -> str:
    """What is wrong, in the user's names: the report, with where it is and what each gradient is called there.

    Args:
        bench: The call.
        readings: Which gradient belongs to which parameter.
        report: The failed comparison; its first line is the headline.
        notes: What else is known.
    """
    headline, _, rest = str(report).partition("\n")
    lines = [headline, f"  at      {place_of(bench)}"]
    named = [_as_given(readings, row.name) for row in report.wrong()]
    if named:
        more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        lines.append(f"  given   {', '.join(named[:_MOST_NAMED])}{more}")
    lines += [f"  note    {note}" for note in notes]
    return "\n".join([*lines, rest.rstrip()])


def _as_given(readings: Readings, parameter: str) -> str:
    pair = readings.pairs[parameter]
    if readings.is_applied(pair):
        return f"`{parameter}` by its change"
    return f"`{parameter}` as {spoken(pair.gradient.label)}"


def place_of(bench: Bench) -> str:
    """File, line and name of the backward pass."""
    name = getattr(bench.plain, "__qualname__", called(bench.function)).rpartition("<locals>.")[2]
    code = None if bench.plain is None else bench.plain.__code__
    if code is None or (code.co_filename.startswith("<") and cell_number(code.co_filename) is None):
        return f"`{name}`"
    return f"{short_place(code.co_filename, code.co_firstlineno)}, in `{name}`"
