"""A gradient report as text."""

from __future__ import annotations

from shapecheck.gradients.result import GradientReport


def as_text(report: GradientReport) -> str:
    """The report as a table that says what it found first."""
    lines = [
        f"{p.name}  {p.shape}  error {p.relative_error:.1e} of {p.tolerance:.1e} allowed  {p.verdict.value}  {p.reason}"
        for p in report.parameters
    ]
    return "\n".join([*lines, *(s.message for s in report.symptoms), *report.notes, report.reproduce])
