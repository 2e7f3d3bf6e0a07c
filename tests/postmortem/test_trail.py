"""How an operand came there: said where one way remains, and not said where there are several."""

from __future__ import annotations

from pathlib import Path

import pytest

from .dying import said_of

START = "import numpy as np\nA, B = np.ones((4, 3)), np.ones((5, 2))\n"


def steps(program: str, folder: Path) -> list[tuple[int, str, str]]:
    """The places and notes below the first lines, from which other lines count."""
    explanation = said_of(START + program, folder)
    assert explanation is not None
    return [(s.span.line - 2, s.span.source, s.note) for s in explanation.finding.trail if s.span.line > 2]


#        id                      the program                                     line, source, note
TOLD = [
    ("assigned once", "a = A.T\na @ B\n", [(1, "A.T", "`a` is (3, 4)")]),
    ("the last of several", "a = B\na = A.T\na @ B\n", [(2, "A.T", "`a` is (3, 4)")]),
    (
        "through several names",
        "x = A + 1\na = x * 2\na @ B\n",
        [(1, "A + 1", "`x` is (4, 3)"), (2, "x * 2", "`a` is (4, 3)")],
    ),
    (
        "spread by broadcasting",
        "t, o = np.ones(1), np.ones(2)\ne = t - o\nd = 2 * e\nd @ A\n",
        [(2, "t - o", "`t` (1,) against `o` (2,) is broadcast to (2,)"), (3, "2 * e", "`d` is (2,)")],
    ),
    (
        "handed to a function",
        "def f(w):\n    return w @ B\nx = A + 0\nf(x)\n",
        [(3, "A + 0", "`x` is (4, 3)"), (4, "x", "handed to `f`, where `w` is (4, 3)")],
    ),
    (
        "handed to a method by name",
        "class N:\n    def f(self, w, v):\n        return w @ v\nx = A + 0\nN().f(v=B, w=x)\n",
        [(4, "A + 0", "`x` is (4, 3)"), (5, "x", "handed to `f`, where `w` is (4, 3)")],
    ),
    ("taken in a loop", "for a in [A]:\n    a @ B\n", [(1, "[A]", "`a` is (4, 3)")]),
    ("made in the same turn", "for i in range(2):\n    a = A.T\n    a @ B\n", [(2, "A.T", "`a` is (3, 4)")]),
    ("before an if", "a = A.T\nif i := 1:\n    a @ B\n", [(1, "A.T", "`a` is (3, 4)")]),
    ("the other branch", "a = A.T\nif 0:\n    a = B\nelse:\n    a @ B\n", [(1, "A.T", "`a` is (3, 4)")]),
    ("inside with", "with np.errstate():\n    a = A.T\n    a @ B\n", [(2, "A.T", "`a` is (3, 4)")]),
]


@pytest.mark.parametrize(("program", "told"), [c[1:] for c in TOLD], ids=[c[0] for c in TOLD])
def test_the_way_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, told: list[tuple[int, str, str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert steps(program, tmp_path) == told


SEVERAL = [
    ("in a branch", "a = A\nif len(A) > 1:\n    a = A.T\na @ B\n"),
    ("in an earlier turn", "a = A\nfor i in range(2):\n    if i: a @ B\n    a = A.T\n"),
    ("in a loop before", "a = A\nfor i in range(2):\n    a = a.T\na @ B\n"),
    ("in a try", "a = A\ntry:\n    a = A.T\n    1 / 0\nexcept ZeroDivisionError:\n    a @ B\n"),
    ("by a called function", "a = A\ndef f():\n    global a\n    a = A.T\nf()\na @ B\n"),
    ("by hand to its shape", "a = A.copy()\na.shape = (3, 4)\na @ B\n"),
    ("handed on by something else", "def f(w):\n    return w @ B\nlist(map(f, [A]))\n"),
    ("two equal arguments", "def f(w, v):\n    return w @ B\nf(A, A)\n"),
    ("a name of the module seen from a function", "a = A.T\ndef f():\n    return a @ B\nf()\n"),
]


@pytest.mark.parametrize("program", [c[1] for c in SEVERAL], ids=[c[0] for c in SEVERAL])
def test_of_several_ways_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert steps(program, tmp_path) == []


def test_a_name_that_was_bound_anew_since_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = "x = A + 1\na = x * 2\nx = B\na @ B\n"
    assert steps(program, tmp_path) == [(2, "x * 2", "`a` is (4, 3)")]
