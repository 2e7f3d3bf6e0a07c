"""Replaying parts of a tape with changed values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shapecheck.gradients.functions import CannotReplayError, resolve
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.slopes import directional_derivative

X = np.array([[1.0, 2.0], [3.0, 4.0]])

#    name, arguments, expected
FUNCTIONS = [
    ("+", (1.0, 2.0), 3.0),
    ("unary-", (2.0,), -2.0),
    ("@", (X, X), X @ X),
    (".T", (X,), X.T),
    (".sum", (X, 0), X.sum(0)),
    (".item", (1.5,), 1.5),
    ("numpy.linalg.norm", (X,), np.linalg.norm(X)),
    ("scipy.special.expit", (0.0,), 0.5),
    ("math.exp", (1.0,), math.e),
    ("builtins.sum", ([1.0, 2.0],), 3.0),
    ("getitem", (X, (0, 1)), 2.0),
    ("setitem", (X, 0, 9.0), np.array([[9.0, 9.0], [3.0, 4.0]])),
    ("+=", (X, 1.0), X + 1),
    ("-=", (X, 1.0, (slice(None), 0)), X - [[1.0, 0.0], [1.0, 0.0]]),
    ("numpy.add.at", (np.zeros(2), [0, 0], 1.0), np.array([2.0, 0.0])),
    ("numpy.add", (X, X, np.zeros((2, 2))), 2 * X),
    ("view", (X, 8, (2,), (16,)), np.array([2.0, 4.0])),
    ("write_back", (X, np.array([7.0, 8.0]), 0, (2,), (16,)), np.array([[7.0, 2.0], [8.0, 4.0]])),
    ("numpy.lib.stride_tricks.sliding_window_view", (np.arange(3.0), 2), np.array([[0.0, 1.0], [1.0, 2.0]])),
    ("numpy.lib.stride_tricks.as_strided", (np.arange(3.0), (2, 2), (8, 8)), np.array([[0.0, 1.0], [1.0, 2.0]])),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_a_function_by_its_name_leaves_its_operands_alone(name, arguments, expected):
    before = X.copy()
    np.testing.assert_array_equal(resolve(name)(*arguments), expected)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    "name", ["leaf", "opaque", "numpy.random.rand", "subprocess.run", "numpy.nonsense", "numpy.load"]
)
def test_what_is_not_a_pure_function_is_refused(name):
    with pytest.raises(CannotReplayError):
        resolve(name)


PROGRAM = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(5, 3))
W = rng.normal(size=(3, 4))
b = np.zeros(4)
def net(X, W, b):
    Z = X @ W
    Z += b
    Z[:, 0] *= 2
    part = Z[1:3]
    part -= 1
    A = np.maximum(Z, 0.1)
    acc = 0.0
    for row in A:
        acc += float(row.sum())
    return acc
loss = net(X, W, b)
"""


def test_changed_values_give_what_the_program_would_have_given(run):
    program = run(PROGRAM)
    replay, namespace = program.replay, program.namespace
    recorded = [None if a is None else np.array(a) for a in replay.recorded]
    W, loss = program.named("W"), program.named("loss")
    new = replay.recorded[W] * 1.5 - 0.2
    found = replay.evaluate({W: new}, [loss])[loss]
    assert found == pytest.approx(namespace["net"](namespace["X"], new, namespace["b"]), rel=1e-12)
    for before, after in zip(recorded, replay.recorded, strict=True):
        np.testing.assert_array_equal(before, after)
    assert replay.evaluate({}, [loss])[loss] == namespace["loss"]


FILLED = """
import numpy as np
rng = np.random.default_rng(0)
W = rng.normal(size=(3, 4))
def fill(W):
    out, twice = np.zeros((4, 4)), np.zeros((3, 4))
    for i in range(3):
        out[i] = np.tanh(W[i])
        out[i, 1:] += W[i, :3]
        twice[i] = W[i]
    first = out[0]
    out[3] += first
    first = first * twice[2]
    out[0] = out[1] - out[3]
    twice *= 2
    return (out**2).sum() + (first * twice).sum()
loss = fill(W)
"""


def test_an_array_that_is_filled_item_by_item(run):
    program = run(FILLED)
    replay, namespace = program.replay, program.namespace
    recorded = [None if a is None else np.array(a) for a in replay.recorded]
    W, loss = program.named("W"), program.named("loss")
    for times in (1.5, -0.5):
        new = replay.recorded[W] * times
        found = replay.evaluate({W: new}, [loss])[loss]
        assert found == pytest.approx(namespace["fill"](new), rel=1e-12)
    for before, after in zip(recorded, replay.recorded, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_moved_replay_starts_from_there(run):
    program = run(PROGRAM)
    W, b, loss = program.named("W"), program.named("b"), program.named("loss")
    replay = program.replay
    moved = replay.moved({W: np.ones((3, 4))})
    both = replay.evaluate({W: np.ones((3, 4)), b: np.ones(4)}, [loss])[loss]
    assert moved.evaluate({b: np.ones(4)}, [loss])[loss] == both


def test_random_numbers_and_files_are_not_drawn_again(run):
    program = run("import numpy as np\nx = np.random.rand(3)\ny = x * np.random.rand(3)\nz = np.sum(y)\n")
    replay = program.replay
    state = np.random.get_state()[1].copy()
    replay.evaluate({program.named("x"): np.zeros(3)}, [program.named("z")])
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_rules_replace_an_operation(run):
    program = run("import numpy as np\nx = np.arange(3.0) + 1\ny = x * 2\nz = y.sum()\n")
    replay, y, z = program.replay, program.named("y"), program.named("z")
    number = program.tape.values[y].producer
    x = program.named("x")
    assert replay.evaluate({}, [z], {number: lambda get: get(x) ** 2})[z] == 14.0


def test_an_edited_operation_is_followed_by_what_depends_on_it(run):
    program = run("import numpy as np\nx = np.arange(6.0).reshape(2, 3) + 1\ny = x / np.sum(x)\nz = y.max()\n")
    replay, total = program.replay, program.at("np.sum(x)")
    operation = program.tape.operations[program.tape.values[total].producer]
    edited = replay.edited({operation.number: replace(operation, keywords={"axis": 1, "keepdims": True})})
    assert edited.recorded[program.named("z")] == 0.5
    assert replay.recorded[program.named("z")] == 6 / 21


def test_an_operation_that_fails_is_named(run):
    program = run("import numpy as np\nx = np.arange(3.0) + 1\ny = x @ np.ones(3)\nz = y * 2\n")
    with pytest.raises(ReplayError) as caught:
        program.replay.evaluate({program.named("x"): np.zeros(4)}, [program.named("z")])
    assert program.tape.operations[caught.value.operation].function == "@"


def test_what_does_not_give_again_what_it_gave_is_cut(run):
    text = "import numpy as np\ncalls = []\ndef f(v):\n    calls.append(v)\n    return v * len(calls)\n"
    program = run(text + "x = np.arange(3.0) + 1\ny = np.vectorize(f)(x)\nz = y.sum()\n")
    replay, z = program.replay, program.named("z")
    assert replay.evaluate({program.named("x"): np.zeros(3)}, [z])[z] == replay.recorded[z]
    assert program.named("y") in replay.cut


def test_slopes_tell_a_kink_from_a_smooth_point(run):
    program = run(
        "import numpy as np\nx = np.array([0.0, 2.0]) + 0.0\nloss = np.maximum(x, 0).sum() + (x ** 2).sum()\n"
    )
    replay, x, loss = program.replay, program.named("x"), program.named("loss")
    slope = directional_derivative(replay, loss, {x: np.array([1.0, 0.0])})
    assert slope.forward == pytest.approx(1, abs=1e-4)
    assert slope.backward == pytest.approx(0, abs=1e-4)
    assert all(slope.allows(value) for value in (0.0, 0.5, 1.0))
    assert not slope.allows(1.1)
    assert not slope.allows(-0.1)
    smooth = directional_derivative(replay, loss, {x: np.array([0.0, 1.0])})
    assert smooth.central == pytest.approx(5, rel=1e-8)
    assert not smooth.allows(5.001)


def test_single_precision_is_replayed_in_double(run):
    text = "import numpy as np\nx = np.linspace(0, 1, 50, dtype=np.float32)\nW = np.ones(50, dtype=np.float32)\n"
    program = run(text + "h = np.zeros(50, dtype=np.float32)\nh[:] = x * W\nloss = np.sum(h ** 2)\n")
    replay = program.replay.in_double()
    slope = directional_derivative(replay, program.named("loss"), {program.named("W"): np.ones(50)})
    exact = 2 * np.sum(np.float64(replay.recorded[program.named("x")]) ** 2)
    assert slope.central == pytest.approx(exact, rel=1e-7)
