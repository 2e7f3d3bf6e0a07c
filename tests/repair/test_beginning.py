"""What an edit leaves as it is before the first update: the parameters, by what they are and by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapecheck.repair.beginning import Beginning
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program
from shapecheck.trace.tape import Tape

TRAINING = """\
import numpy as np
X, T = np.eye(3), np.arange(6.0).reshape(3, 2)
W = np.zeros((3, 2))
for step in range(3):
    error = X @ W - T
    total = np.zeros((3, 2))
    for x, e in zip(X, error):
        total += np.outer(x, e)
    W -= 0.1 * total
"""
# What lies in memory before it is filled is another thing each time.
FILLED = TRAINING.replace("error = X @ W - T", "error = np.empty((3, 2))\n    error[:] = X @ W - T")
#    id, what is right, what is written instead, whether that begins otherwise
EDITS = [
    ("the same", "0.1", "0.1", False),
    ("another rate", "0.1", "0.2", False),
    ("a sum that is made from itself, for the parameter", "np.outer(x, e)", "np.outer(x, e) * total", True),
    ("parameters of another shape", "np.zeros((3, 2))\nfor", "np.zeros((3, 1))\nfor", True),
]


def taped(folder: Path, text: str) -> Tape:
    script = folder / "script.py"
    script.write_text(text)
    run = run_program(Program(str(script), (), False), timeout=30.0, memory_mib=None, trace_memory_mib=64)
    assert run.trace is not None
    return run.trace.head


@pytest.mark.parametrize(("right", "wrong", "differs"), [e[1:] for e in EDITS], ids=[e[0] for e in EDITS])
def test_what_is_learned_afterwards_is_what_was_learned_before(
    tmp_path: Path, right: str, wrong: str, differs: bool
) -> None:
    assert TRAINING.count(right) == 1
    beginning = Beginning.of(taped(tmp_path, TRAINING), ())
    assert beginning.differs(taped(tmp_path, TRAINING.replace(right, wrong)), whole=True) is differs


def test_an_array_that_was_filled_is_the_same_whatever_it_held_before(tmp_path: Path) -> None:
    before, after = taped(tmp_path, FILLED), taped(tmp_path, FILLED)
    results = [next(o.result for o in before.operations if o.function == "setitem")]
    made = next(o for o in after.operations if o.label == "empty")
    after.values[made.result].array = np.full((3, 2), 7.0)
    assert not Beginning.of(before, results).differs(after, whole=True)
