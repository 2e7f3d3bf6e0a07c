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
LAYERS = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(40, 3))
T = X[:, :1] * X[:, 1:2]
A, a = rng.normal(size=(3, 8)) * 0.5, np.zeros(8)
B, b = rng.normal(size=(8, 5)) * 0.5, np.zeros(5)
C, c = rng.normal(size=(5, 1)) * 0.5, np.zeros(1)
n = len(X)
for step in range(6):
    z = X @ A + a
    h = np.maximum(0, z)
    k = np.tanh(h @ B + b)
    e = k @ C + c - T
    gC = k.T @ e / n
    gc = e.sum(axis=0) / n
    dk = e @ C.T * (1 - k ** 2)
    gB = h.T @ dk / n
    gb = dk.sum(axis=0) / n
    d = dk @ B.T
    d[z <= 0] = 0
    gA = X.T @ d / n
    ga = d.sum(axis=0) / n
    for p, g in ((A, gA), (a, ga), (B, gB), (b, gb), (C, gC), (c, gc)):
        p -= 0.005 * g
    print(0.5 * np.mean(e**2))
"""
#     id, program, what is right, what is written instead
MISTAKES = [
    ("a slope left out, of an activation with ones", NETWORK, DELTA, "        d = d @ W[i][1:].T\n"),
    ("the last column for the first", NETWORK, ":, 1:] ** 2", ":, :-1] ** 2"),
    ("a square left out", NETWORK, "ins[i][:, 1:] ** 2", "ins[i][:, 1:]"),
    ("a mask of the wrong array", LAYERS, "d[z <= 0] = 0", "d[d <= 0] = 0"),
    (
        "the mean left out twice",
        LAYERS,
        "gB = h.T @ dk / n\n    gb = dk.sum(axis=0) / n",
        "gB = h.T @ dk\n    gb = dk.sum(axis=0)",
    ),
]


def diagnosed(folder: Path, text: str, *, trials: bool = True) -> list[Finding]:
    script = folder / "script.py"
    script.write_text(text)
    return list(diagnose_script(Request(str(script), trials=trials, script_stdout_to_stderr=True)).findings)


@pytest.mark.parametrize(("program", "right", "wrong"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_what_was_there_is_proven(tmp_path: Path, program: str, right: str, wrong: str) -> None:
    assert program.count(right) == 1
    text = program.replace(right, wrong)
    finding = diagnosed(tmp_path, text)[0]
    assert finding.fixes[0].confidence == "verified"
    mended = apply_edits(text, finding.fixes[0].edits)
    assert not diagnosed(tmp_path, mended, trials=False)
    changed = [old for old, new in zip(text.splitlines(), mended.splitlines(), strict=True) if old != new]
    meant = [old for old, new in zip(text.splitlines(), program.splitlines(), strict=True) if old != new]
    assert changed == meant


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
