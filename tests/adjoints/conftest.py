"""Programs run under the recorder in this process, for tests of what is done with a tape."""

from __future__ import annotations

import contextlib
import io
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shapecheck.gradients.replay import Replay
from shapecheck.trace.build import build_tape
from shapecheck.trace.recorder import Limits, Recorder, WindowFull
from shapecheck.trace.rewrite import compile_recorded, rewrite
from shapecheck.trace.sites import SiteTable
from shapecheck.trace.tape import Tape


@dataclass
class Recorded:
    """A program that was run: its tape, and what has to stay alive for object identities to mean something."""

    tape: Tape
    namespace: dict[str, Any]
    recorder: Recorder

    def named(self, name: str, which: int = -1) -> int:
        """The value bound to `name` the `which`-th time."""
        found = [(b.time, b.value) for b in self.tape.bindings if b.name == name]
        for operation in self.tape.operations:
            if operation.site is not None and self.tape.sites[operation.site].bound_to == name:
                found += [(operation.number + 1, operation.result)]
        return sorted(found)[which][1]

    def at(self, text: str, which: int = -1) -> int:
        """The value that the expression `text` gave the `which`-th time."""
        made = [o.result for o in self.tape.operations if o.site is not None and self.tape.sites[o.site].text == text]
        return made[which]

    @property
    def replay(self) -> Replay:
        """A fresh replay of the tape."""
        return Replay(self.tape)


def record(text: str, path: str = "program.py", events: int = 30_000) -> Recorded:
    """Run a program under the recorder."""
    table = SiteTable()
    limits = Limits()
    limits.window_events = events
    recorder = Recorder(table, limits, stop_at_window_end=True)
    code = compile_recorded(rewrite(text, path, table), path, recorder.hooks)
    module = types.ModuleType("__main__")
    before, sys.modules["__main__"] = sys.modules["__main__"], module
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(WindowFull):
            exec(code, module.__dict__)
    finally:
        sys.modules["__main__"] = before
    recorder.finish()
    return Recorded(build_tape(recorder.window, table, [path]), module.__dict__, recorder)


@pytest.fixture
def run() -> Callable[..., Recorded]:
    """`run(text)` records a program."""
    return record


@pytest.fixture
def run_file() -> Iterator[Callable[..., Recorded]]:
    """`run_file(path)` records a script; modules beside it can be imported and are not recorded."""
    saved = sys.path[:]

    def run_path(path: Path, events: int = 30_000) -> Recorded:
        sys.path.insert(0, str(path.parent))
        return record(path.read_text(encoding="utf-8"), str(path), events)

    yield run_path
    sys.path[:] = saved
