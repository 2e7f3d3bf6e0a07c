"""What is said below a traceback: the finding for an exception, read from its frames, and how it is shown."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from shapecheck.diagnose.crash import RAISED_BY_SHAPES, classify, crash_finding
from shapecheck.diagnose.finding import File, Finding, Operand, Span
from shapecheck.network.layers import Layers
from shapecheck.postmortem.reading import read_trace, scenes_of
from shapecheck.postmortem.trail import trail_of
from shapecheck.report.source_text import SourceFiles
from shapecheck.report.terminal import render_finding
from shapecheck.trace.code_names import cell_number

# The path of cells that are in no file.
SESSION = "<session>"


@dataclass(frozen=True)
class Explanation:
    """An uncaught shape error, explained.

    Attributes:
        finding: As `diagnose` words it; its cause is where it surfaced, and it has no fixes.
        texts: The text of what is in no file: cells, lines typed at a prompt.
        advice: What to do to learn more.
    """

    finding: Finding
    texts: Mapping[File, str] = field(default_factory=dict)
    advice: str = ""


def explain(error: BaseException, *, advice: str = "") -> Explanation | None:
    """Explain a shape error from its traceback alone.

    Args:
        error: The exception; its frames hold what is said.
        advice: What to do to learn more of an error in a cell.

    Returns:
        None where it is no shape error, or where too little is left of it.
    """
    if type(error).__name__ not in RAISED_BY_SHAPES or "numpy" not in sys.modules:
        return None
    scenes = scenes_of(error)
    if not scenes:
        return None
    trace = read_trace(error, scenes)
    crash = classify(trace)
    if crash is None:
        return None
    layers = Layers(trace.head, trace.sources.values(), complete=False)
    finding = crash_finding(crash, layers)
    finding = replace(finding, trail=trail_of(scenes, finding.operands))
    names = {path: _file(path) for path in trace.sources}
    texts = {names[path]: source.text for path, source in trace.sources.items() if not Path(path).exists()}
    in_cell = advice and names[finding.location.path][1] is not None
    return Explanation(_renamed(finding, names), texts, advice if in_cell else _advice(finding))


def _file(path: str) -> File:
    number = cell_number(path)
    return (path, None) if number is None else (SESSION, number)


def _renamed(finding: Finding, names: Mapping[str, File]) -> Finding:
    """The finding with its places under the names that people know."""

    def span(one: Span) -> Span:
        path, cell = names.get(one.path, one.file)
        return replace(one, path=path, cell=cell)

    def operand(one: Operand) -> Operand:
        return one if one.span is None else replace(one, span=span(one.span))

    return replace(
        finding,
        location=span(finding.location),
        cause=span(finding.cause),
        operands=tuple(map(operand, finding.operands)),
        trail=tuple(replace(step, span=span(step.span)) for step in finding.trail),
    )


def _advice(finding: Finding) -> str:
    """How to have the running program diagnosed; where there is none, where to read more."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    script = getattr(main, "__file__", None)
    if not Path(finding.location.path).is_file():
        return f"more about it: python -m shapecheck explain {finding.code}"
    arguments = "".join(" " + shlex.quote(argument) for argument in sys.argv[1:])
    if spec is not None and getattr(spec, "name", None):
        name = spec.name.removesuffix(".__main__")
        return f"where it began, and what to change: python -m shapecheck diagnose -m {name}{arguments}"
    if isinstance(script, str) and sys.argv[:1] and Path(script).is_file() and Path(sys.argv[0]).is_file():
        if Path(sys.argv[0]).samefile(script):
            given = shlex.quote(sys.argv[0])
            return f"where it began, and what to change: python -m shapecheck diagnose {given}{arguments}"
    return f"more about it: python -m shapecheck explain {finding.code}"


def as_text(explanation: Explanation, *, width: int = 80, color: bool = False) -> str:
    """An explanation for a terminal, as `diagnose` shows a finding.

    Args:
        explanation: What to show.
        width: Columns of the terminal.
        color: Whether to write colours (ANSI codes).
    """
    files = SourceFiles(explanation.texts)
    return render_finding(explanation.finding, files, width=width, color=color, closing=explanation.advice)
