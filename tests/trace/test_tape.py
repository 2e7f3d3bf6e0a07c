"""Each operation of a tape, computed again from its operands as the tape has them, gives the result that it has."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from shapecheck.trace.build import build_tape
from shapecheck.trace.recorder import ArrayStub
from shapecheck.trace.sites import SiteTable
from shapecheck.trace.tape import Tape
from shapecheck.trace.values import Values

from .random_programs import programs
from .recomputation import disagreements, same

PROGRAMS = Path(__file__).parents[1] / "programs" / "trace"
CASES = sorted((Path(__file__).parents[2] / "cases").glob("*/fixed.py"))


def tape_of(runs: Any) -> Tape:
    return build_tape(runs.recorder.window, runs.recorder.sites, [runs.path])


def assert_right(runs: Any) -> Tape:
    tape = tape_of(runs)
    assert disagreements(tape) == []
    for name, thing in runs.recorded.names.items() if not runs.recorder.ring else ():
        if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
            latest = tape.latest(id(thing))
            if latest is not None and isinstance(thing.base, type(None)):
                assert same(latest.array, thing), f"{name} ended as {thing!r}, the tape says {latest.array!r}"
    return tape


@pytest.mark.parametrize("name", ["arrays", "augmented", "control", "order"])
def test_the_programs_of_the_faithfulness_suite(name: str, both: Callable[..., Any]) -> None:
    tape = assert_right(both((PROGRAMS / f"{name}.py").read_text(encoding="utf-8")))
    assert len(tape.operations) > 20


@pytest.mark.parametrize("path", CASES[::8], ids=[p.parent.name for p in CASES[::8]])
def test_right_programs(path: Path, both: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert_right(both(path.read_text(encoding="utf-8")))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=programs())
def test_any_program(text: str, both: Callable[..., Any]) -> None:
    runs = both(text)
    assert runs.plain.trouble == ""
    assert runs.recorded.visible == runs.plain.visible
    assert_right(runs)


#         id                     program                                                           functions
CHANGES = [
    ("name", "x = np.ones(3)\nx += 1", ["leaf", "+="]),
    ("alias", "x = np.ones(3)\ny = x\ny -= 2\nz = x * 2", ["leaf", "-=", "*"]),
    ("attribute", "n.w = np.ones(3) * 2\nn.w *= 3", ["leaf", "*", "*="]),
    ("item of an array", "x = np.zeros(3)\nx[1] += 2", ["leaf", "+="]),
    ("item of a list", "L = [np.zeros(3)]\nL[0] += 2", ["leaf", "+="]),
    ("view", "x = np.zeros((2, 2))\nr = x[0]\nr += 1\ny = x * 2", ["leaf", "getitem", "+=", "write_back", "*"]),
    (
        "rows",
        "x = np.zeros((2, 2))\nfor r in x: r += 1",
        ["leaf", "view", "+=", "write_back", "view", "+=", "write_back"],
    ),
    (
        "stored through a view",
        "x = np.zeros((2, 2))\nx.T[0] = [1, 2]\ny = x + 1",
        ["leaf", ".T", "setitem", "write_back", "+"],
    ),
    ("copyto", "x = np.zeros(2)\nnp.copyto(x, [1, 2])", ["leaf", "setitem"]),
    ("fill", "x = np.zeros(2)\nx.fill(3)", ["leaf", "setitem"]),
    ("scatter", "x = np.zeros(2)\nnp.add.at(x, [0, 0], 1)", ["leaf", "numpy.add.at"]),
    ("out", "x = np.zeros(2)\nnp.exp(x, out=x)\ny = x * 2", ["leaf", "numpy.exp", "*"]),
    ("sort", "x = np.array([2, 1])\nx.sort()", ["numpy.array", "leaf"]),
    ("swap", "x = np.arange(3.0)\nx[0], x[1] = x[1], x[0]", ["leaf", "getitem", "getitem", "leaf", "leaf"]),
    (
        "failed update",
        "x = np.zeros(2)\ntry: x += np.ones(3)\nexcept ValueError: pass\ny = x + 1",
        ["leaf", "leaf", "+"],
    ),
    ("failed store", "x = np.zeros(2)\ntry: x[5] = 1\nexcept IndexError: pass\ny = x + 1", ["leaf", "+"]),
    ("gradient buffer", "w, v = np.ones(2), np.ones(2)\nw -= v\nv *= 0.5\nw -= v", ["leaf", "leaf", "-=", "*=", "-="]),
    ("counter", "s, t = 0, np.ones(2)\nfor v in t: s += v\ny = s * t", ["leaf", "+", "+", "*"]),
    ("sum from a number", "s, v = 0.0, np.ones(2)\nfor _ in '12': s += v\ny = s * v", ["leaf", "+", "+=", "*"]),
    (
        "kept sum from a number",
        "s, v = {'a': 0}, np.ones(2)\nfor _ in '12': s['a'] += v\ny = s['a'] * v",
        ["leaf", "+", "+=", "*"],
    ),
    ("number", "t = 0.5\nt += 1.5\ny = t * np.ones(2)", ["+", "leaf", "*"]),
    ("fortran", "x = np.zeros((2, 3)).T * 1\nx[0][:] = 1\ny = x + 1", None),
    ("resized", "x = np.ones(4)\ny = x * 2\nx.resize((2, 2))\nz = x + 1", ["leaf", "*", "+"]),
    ("shape set", "x = np.ones(4)\ny = x * 2\nx.shape = (2, 2)\nz = x + 1", ["leaf", "*", ".reshape", "+"]),
    (
        "list refilled",
        "L = [np.ones(2), np.zeros(2)]\nx = np.array(L)\nL[0] = 5\ny = x * 2",
        ["leaf", "leaf", "numpy.array", "*"],
    ),
    (
        "joined in brackets",
        "x = np.ones(2)\ny = np.c_[x, x]\nz = np.r_[y, y]",
        ["leaf", "numpy.column_stack", "numpy.concatenate"],
    ),
    ("sum from 0", "x = np.ones(2)\nt = 0\nt += x\nt += x", ["leaf", "+", "+="]),
    ("number from 0", "x = np.ones(2)\nt = 0\nt += x[0]\nt -= 1\nt += 2 * x[1]", None),
    ("sum from 0 in an object", "x = np.ones(2)\nn.t = 0\nn.t += x\nn.t += x", ["leaf", "+", "+="]),
    ("sum from 0 in a dictionary", "x = np.ones(2)\nd = {'t': 0}\nd['t'] += x\nd['t'] += 1", ["leaf", "+", "+="]),
    ("taken apart", "x = np.ones(2)\na, b = x\ny = a * b", ["leaf", "getitem", "getitem", "*"]),
    ("generator", "x = np.ones(2)\ny = sum(v * 2 for v in [x, x])", ["leaf", "*", "*", "builtins.sum"]),
]


@pytest.mark.parametrize(("text", "functions"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_changes_make_new_versions(text: str, functions: list[str] | None, both: Callable[..., Any]) -> None:
    runs = both("import numpy as np\nclass N: pass\nn = N()\n" + text + "\n")
    assert runs.recorded.trouble == ""
    tape = assert_right(runs)
    if functions is not None:
        assert [operation.function for operation in tape.operations] == functions


def test_a_site_keeps_the_tree_as_it_was_written(both: Callable[..., Any]) -> None:
    text = (PROGRAMS / "augmented.py").read_text(encoding="utf-8")
    runs = both(text)
    unchanged = {ast.dump(node) for node in ast.walk(ast.parse(text))}
    for number in range(len(runs.recorder.sites)):
        site = runs.recorder.sites[number]
        assert ast.dump(site.node) in unchanged
        assert all(ast.dump(slot.node) in unchanged for slot in site.slots)


@pytest.mark.parametrize("gone_first", [True, False])
def test_an_array_under_the_identity_of_one_that_is_gone_is_another(gone_first: bool) -> None:
    large, small = np.zeros((8, 120)), np.zeros((8, 1))
    stub = ArrayStub(large)
    del large
    stub.identity = id(small)  # as when the interpreter hands out the memory again
    values = Values((), SiteTable(), whole=False)
    order = [stub, small] if gone_first else [small, stub]
    shapes = {id(thing): values.tape.values[values.read(thing)].shape for thing in order}
    assert shapes == {id(stub): (8, 120), id(small): (8, 1)}
