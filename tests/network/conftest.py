"""Records a program's text in this process, for tests of what is read from a tape."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shapecheck.trace.build import build_tape
from shapecheck.trace.recorder import Recorder
from shapecheck.trace.rewrite import compile_recorded, rewrite
from shapecheck.trace.sites import SiteTable, SourceText
from shapecheck.trace.tape import Tape


@dataclass(frozen=True)
class Recorded:
    """A program that ran: its tape, and its source."""

    tape: Tape
    source: SourceText


@pytest.fixture
def record() -> Callable[[str], Recorded]:
    """Run a program's text under the recorder and give its tape."""

    def run(text: str) -> Recorded:
        text = textwrap.dedent(text)
        sites = SiteTable()
        recorder = Recorder(sites)
        code = compile_recorded(rewrite(text, "program.py", sites), "program.py", recorder.hooks)
        exec(code, {"__name__": "__main__"})
        recorder.finish()
        return Recorded(build_tape(recorder.window, sites, ["program.py"]), SourceText("program.py", text))

    return run
