"""Runs a program plain and recorded in this process, and shows everything that can be seen of it from outside."""

from __future__ import annotations

import contextlib
import io
import linecache
import random
import sys
import traceback
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapecheck.trace.recorder import Limits, Recorder
from shapecheck.trace.rewrite import compile_recorded, rewrite
from shapecheck.trace.sites import SiteTable


@dataclass
class Outcome:
    """What a run shows: its output, its exception as Python prints it, its warnings, chance, and its namespace."""

    output: str
    trouble: str
    warned: list[tuple[str, str, int]]
    chance: tuple[Any, ...]
    names: dict[str, Any] = field(repr=False)

    @property
    def visible(self) -> tuple[Any, ...]:
        return self.output, self.trouble, self.warned, self.chance


def _run(code: Callable[[], types.CodeType], path: Path) -> Outcome:
    module = types.ModuleType("program")
    module.__file__ = str(path)
    output, trouble = io.StringIO(), ""
    random.seed(0)
    np.random.seed(0)
    linecache.checkcache()
    sys.modules["program"] = module
    try:
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(output):
            warnings.simplefilter("always")
            try:
                exec(code(), module.__dict__)
            except BaseException as error:
                ours = isinstance(error, SyntaxError) or error.__traceback__ is None
                error.__traceback__ = None if ours else error.__traceback__.tb_next
                trouble = "".join(traceback.format_exception(error))
    finally:
        del sys.modules["program"]
    warned = [(str(w.message), w.category.__name__, w.lineno) for w in caught]
    chance = (random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2])
    return Outcome(output.getvalue(), trouble, warned, chance, module.__dict__)


@dataclass
class Both:
    """A program's two runs."""

    plain: Outcome
    recorded: Outcome
    recorder: Recorder
    path: str


@pytest.fixture
def both(tmp_path: Path) -> Callable[..., Both]:
    """Run a program's text plain, then recorded."""
    count = 0

    def run(text: str, limits: Limits | None = None) -> Both:
        nonlocal count
        count += 1
        path = tmp_path / f"program{count}.py"
        path.write_text(text, encoding="utf-8")
        sites = SiteTable()
        recorder = Recorder(sites, limits)

        def plain_code() -> types.CodeType:
            return compile(text, str(path), "exec", dont_inherit=True)

        def recorded_code() -> types.CodeType:
            compile(text, str(path), "exec", dont_inherit=True)  # its warnings are the program's
            return compile_recorded(rewrite(text, str(path), sites), str(path), recorder.hooks)

        plain = _run(plain_code, path)
        recorded = _run(recorded_code, path)
        recorder.finish()
        return Both(plain, recorded, recorder, str(path))

    return run
