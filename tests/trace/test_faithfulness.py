"""A recorded program cannot tell that it is recorded: every construct that the rewriting touches, run both ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shapecheck.trace.recorder import Limits

PROGRAMS = sorted((Path(__file__).parents[1] / "programs" / "trace").glob("*.py"))


def short_window() -> Limits:
    """The window ends after a few events, so that most of the program runs on the ring."""
    limits = Limits()
    limits.window_events = 40
    limits.ring_events = 16
    limits.large = 64
    return limits


@pytest.mark.parametrize("window", [Limits, short_window], ids=["window", "ring"])
@pytest.mark.parametrize("program", PROGRAMS, ids=[p.stem for p in PROGRAMS])
def test_a_program_behaves_the_same(program: Path, window: Callable[[], Limits], both: Callable[..., Any]) -> None:
    runs = both(program.read_text(encoding="utf-8"), window())
    assert runs.plain.trouble == ""
    assert runs.plain.output
    assert runs.recorded.trouble == ""
    assert runs.recorded.output == runs.plain.output
    assert runs.recorded.visible == runs.plain.visible
    assert runs.recorder.window
