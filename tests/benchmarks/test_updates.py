"""The judge of the silent mutants is trusted only for what it has been seen to tell apart."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from mutants import Program
from mutation import mutations
from silent_mutations import KINDS
from updates import Updates, compared, parameter_sites, updates

ARRAYS = """
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 2))
net = {"W": rng.normal(size=(3, 4)), "b": np.zeros(4), "V": rng.normal(size=(4, 2))}
for step in range(6):
    h = np.tanh(x @ net["W"] + net["b"])
    e = (h @ net["V"] - y) / len(x)
    dh = e @ net["V"].T * (1 - h ** 2)
    g = {"V": h.T @ e, "W": x.T @ dh, "b": dh.sum(axis=0)}
    for k in net:
        net[k] = net[k] - 0.1 * g[k]
    print(np.sum(e ** 2))
"""
NUMBERS = """
w, b = 0.5, 0.0
for step in range(6):
    for x, y in ((1.0, 2.0), (-0.5, 0.3)):
        e = w * x + b - y
        w -= 0.1 * e * x
        b -= 0.1 * e
    print(w)
"""
EDITS = [
    ("nothing", ARRAYS, "(1 - h ** 2)", "(1 - h * h)", "same"),
    ("what is printed", ARRAYS, "print(np.sum(e ** 2))", "print(np.abs(e).sum())", "same"),
    ("the learning rate", ARRAYS, "0.1 * g[k]", "0.25 * g[k]", "rescaled"),
    ("the scale of all gradients", ARRAYS, " / len(x)", "", "rescaled"),
    ("the scale of one gradient", ARRAYS, '"V": h.T @ e', '"V": 2 * h.T @ e', "changed"),
    ("a slope", ARRAYS, "(1 - h ** 2)", "(1 - h)", "changed"),
    ("the sign", ARRAYS, "net[k] - 0.1", "net[k] + 0.1", "changed"),
    ("a lost update", ARRAYS, "net[k] = net[k] - 0.1 * g[k]", "pass", "changed"),
    ("a trace of a penalty", ARRAYS, '"V": h.T @ e', '"V": h.T @ e + 1e-9 * net["V"]', "negligible"),
    ("rounding", ARRAYS, "h.T @ e,", "(e.T @ h).T,", "same"),
    ("the learning rate of numbers", NUMBERS, "e = w * x + b - y", "e = 3 * (w * x + b - y)", "rescaled"),
    ("one number's step", NUMBERS, "0.1 * e * x", "0.1 * e", "changed"),
]


@pytest.mark.parametrize(("text", "old", "new", "verdict"), [e[1:] for e in EDITS], ids=[e[0] for e in EDITS])
def test_what_an_edit_does_to_the_updates(text: str, old: str, new: str, verdict: str) -> None:
    program = Program("small", {"script.py": text})
    right = updates(program, {})
    assert isinstance(right, Updates)
    assert text.count(old) == 1
    other = updates(program, {"script.py": text.replace(old, new)})
    assert isinstance(other, Updates)
    assert compared(program, right, other, parameter_sites(right)) == verdict


def test_updates_are_told_from_sums_that_start_anew() -> None:
    text = ARRAYS.replace(
        '    g = {"V": h.T @ e, "W": x.T @ dh, "b": dh.sum(axis=0)}\n',
        "    g = {k: np.zeros_like(v) for k, v in net.items()}\n"
        '    for i in range(12):\n        g["b"] += dh[i]\n        g["W"] += np.outer(x[i], dh[i])\n',
    )
    found = updates(Program("small", {"script.py": text}), {})
    assert isinstance(found, Updates)
    assert parameter_sites(found) == ["script.py||net[k]"]


def test_every_mutation_leaves_a_program_and_another_one() -> None:
    found = list(mutations(KINDS, "script.py", ARRAYS, frozenset()))
    assert {m.kind for m in found} >= {"sign", "factor", "axis", "slope missing", "update lost or twice", "transpose"}
    for mutation in found:
        compile(mutation.apply(ARRAYS), "script.py", "exec")
        assert mutation.lines(ARRAYS)
