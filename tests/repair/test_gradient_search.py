"""Programs that run with a wrong gradient: the search finds the line that was there, and proves it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapecheck.diagnose.finding import Finding
from shapecheck.pipeline import Request, diagnose_script
from shapecheck.repair.candidate import Place, apply_edits
from shapecheck.repair.rewritings import rewritings
from shapecheck.repair.surroundings import Surroundings
from shapecheck.trace.failure import see
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program

NETWORK = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(30, 4))
T = np.sin(X[:, :2])
W = [rng.normal(size=(5, 6)) * 0.4, rng.normal(size=(7, 3)) * 0.4, rng.normal(size=(4, 2)) * 0.4]


def with_ones(a):
    return np.concatenate((np.ones((len(a), 1)), a), axis=1)


for step in range(6):
    ins = [with_ones(X)]
    for w in W[:-1]:
        ins.append(with_ones(np.tanh(ins[-1] @ w)))
    out = ins[-1] @ W[-1]
    d = (out - T) / len(X)
    for i in (2, 1, 0):
        g = ins[i].T @ d
        d = (d @ W[i][1:].T) * (1 - ins[i][:, 1:] ** 2)
        W[i] -= 0.1 * g
    print(0.5 * np.sum((out - T) ** 2) / len(X))
"""
DELTA = "        d = (d @ W[i][1:].T) * (1 - ins[i][:, 1:] ** 2)\n"
# What was written in the place of the line above.
MISTAKES = {
    "a slope left out, of an activation with ones": "        d = d @ W[i][1:].T\n",
    "the last column for the first": "        d = (d @ W[i][1:].T) * (1 - ins[i][:, :-1] ** 2)\n",
    "a square left out": "        d = (d @ W[i][1:].T) * (1 - ins[i][:, 1:])\n",
}


def diagnosed(folder: Path, text: str) -> Finding:
    script = folder / "script.py"
    script.write_text(text)
    found = diagnose_script(Request(str(script), script_stdout_to_stderr=True)).findings
    return found[0]


@pytest.mark.parametrize("wrong", MISTAKES.values(), ids=MISTAKES.keys())
def test_the_line_that_was_there_is_proven(tmp_path: Path, wrong: str) -> None:
    text = NETWORK.replace(DELTA, wrong)
    finding = diagnosed(tmp_path, text)
    assert text.splitlines()[finding.cause.line - 1] == wrong.strip("\n")
    assert finding.fixes[0].confidence == "verified"
    assert apply_edits(text, finding.fixes[0].edits) == NETWORK


# Expressions of a function that runs, each with one that may have been meant.
EXPRESSIONS = {
    "the sum over another axis": ("pair.sum(axis=1)", "pair.sum(axis=1) - pair.sum(axis=0)"),
    "a product of two arrays in scope": ("h - h ** 2", "(d @ V.T) * (h - h ** 2)"),
    "a term that is a product": ("h.T @ back", "h.T @ back + h.T @ d"),
    "a function of an array in scope": ("d @ V.T", "(d @ V.T) * bend(h)"),
    "an item with another number": ('store["b" + str(k)]', 'store["b" + str(k - 1)]'),
    "the other part": ("wide[:, 1:]", "wide[:, :-1]"),
    "the mirror image": ('np.correlate(d[:, 0], d[0], "full")', 'np.convolve(d[:, 0], d[0], "full")'),
}
SHAPES = {"x": (9, 5), "h": (9, 4), "d": (9, 2), "V": (4, 2), "back": (9, 2), "pair": (9, 9), "wide": (9, 5)}
FUNCTION = f"""\
import numpy as np


def bend(a):
    return 1 - a ** 2


def step({", ".join(SHAPES)}, store):
    k = 1
    result = EXPRESSION
    return result, k


step(*[np.ones(s) for s in {list(SHAPES.values())}], {{"b0": np.ones(3), "b1": np.ones(3)}})
"""


@pytest.mark.parametrize(("written", "meant"), EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_what_may_be_meant_is_thought_of(tmp_path: Path, written: str, meant: str) -> None:
    script = tmp_path / "script.py"
    text = FUNCTION.replace("EXPRESSION", written)
    script.write_text(text)
    trace = run_program(Program(str(script))).trace
    assert trace is not None
    surroundings = Surroundings(trace)
    module = surroundings.modules[str(script)]
    whole = next(n for n in module.expressions() if module.source.of(n) == written)
    local = {name: see(np.ones(shape)) for name, shape in SHAPES.items()}
    place = Place(surroundings, str(script), module.statement(whole), 0, local=local, names=local)
    meant_text = FUNCTION.replace("EXPRESSION", meant)
    assert meant_text in {apply_edits(text, candidate.edits) for candidate in rewritings(place, whole)}
