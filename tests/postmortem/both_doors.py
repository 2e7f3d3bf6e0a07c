"""Prints what a recorded run says of the crash of `script.py` in the current folder, and what its frames alone say."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import types
from pathlib import Path
from typing import Any

from shapecheck.diagnose.crash import classify, crash_finding
from shapecheck.diagnose.finding import Finding
from shapecheck.network.layers import Layers
from shapecheck.postmortem.explanation import explain
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program


def essence(finding: Finding) -> list[Any]:
    place = finding.location
    operands = [(o.source, o.shape, o.expected) for o in finding.operands]
    return [
        finding.code,
        place.path.rpartition("/")[2],
        place.line,
        place.column,
        place.end_line,
        place.end_column,
        operands,
    ]


def recorded() -> list[Any] | None:
    trace = run_program(Program("script.py"), timeout=20, stdout_to_stderr=True).trace
    crash = None if trace is None else classify(trace)
    if trace is None or crash is None:
        return None
    return essence(crash_finding(crash, Layers(trace.head, trace.sources.values(), complete=False)))


def read_from_frames() -> list[Any] | None:
    main = types.ModuleType("__main__")
    main.__file__ = "script.py"
    sys.modules["__main__"] = main
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(Path("script.py").read_text(encoding="utf-8"), "script.py", "exec"), main.__dict__)
    except Exception as error:
        explanation = explain(error)
        return explanation and essence(explanation.finding)
    return None


if __name__ == "__main__":
    sys.path[0] = ""  # as for the script itself
    print(json.dumps([recorded(), read_from_frames()]))
