"""Values of a backward pass held against adjoints."""

from __future__ import annotations

import numpy as np
import pytest

from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.factors import Factors
from shapecheck.gradients.matching import Matching, Standing

NET = """
import numpy as np
rng = np.random.default_rng(1)
m = 32
X, Y = rng.normal(size=(3, m)), (rng.random((1, m)) < 0.5).astype(float)
W1, b1 = rng.normal(size=(5, 3)), np.zeros((5, 1))
W2, b2 = rng.normal(size=(1, 5)), np.zeros((1, 1))
Z1 = np.dot(W1, X) + b1
A1 = 1 / (1 + np.exp(-Z1))
Z2 = np.dot(W2, A1) + b2
A2 = 1 / (1 + np.exp(-Z2))
loss = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
dZ2 = A2 - Y
dW2 = 1/m * np.dot(dZ2, A1.T)
db2 = 1/m * np.sum(dZ2, axis=1, keepdims=True)
dA1 = np.dot(W2.T, dZ2)
dZ1 = dA1 * (SLOPE)
dW1 = 1/m * np.dot(dZ1, X.T)
turned = dW2.T
gone = 0.0 * dZ2
step = 0.07 * dW1
"""


@pytest.fixture
def net(run):
    def with_slope(slope):
        program = run(NET.replace("SLOPE", slope))
        return program, Matching(adjoints(program.replay, program.named("loss")), Factors([32], [0.07]))

    return with_slope


#    value, the forward value whose adjoint it is, factor
MATCHES = [
    ("dZ2", "Z2", "32"),
    ("dW2", "W2", "1"),
    ("dA1", "A1", "32"),
    ("dZ1", "Z1", "32"),
    ("dW1", "W1", "1"),
    ("step", "W1", "0.07"),
]


@pytest.mark.parametrize(("value", "forward", "factor"), MATCHES, ids=[m[0] for m in MATCHES])
def test_right_values_match_with_their_factor(net, value, forward, factor):
    program, matching = net("A1 * (1 - A1)")
    match = matching.match(program.named(value))
    assert match is not None
    assert program.named(forward) in {match.forward, *match.alike}
    assert match.factor.text == factor
    assert not match.transposed


def test_the_first_unverified_value_with_verified_operands_is_the_mistake(net):
    program, matching = net("(1 - np.power(A1, 2))")
    made = [o.result for o in program.tape.operations]
    assert matching.first_unverified(made) == [program.named("dZ1")]
    program, matching = net("A1 * (1 - A1)")
    made = [o.result for o in program.tape.operations]
    standings = matching.standings(made)
    assert standings[program.named("dW1")] is Standing.VERIFIED
    assert [v for v in matching.first_unverified(made) if v <= program.named("dW1")] == []


def test_a_transpose_is_said_to_be_one(net):
    program, matching = net("A1 * (1 - A1)")
    square = np.random.default_rng(0).normal(size=(5, 3))
    match = matching.matches_of(matching.adjoints[program.named("W1")].T)[0]
    assert match.transposed
    assert matching.matches_of(square) == []


def test_a_small_error_is_no_match(net):
    program, matching = net("A1 * (1 - A1)")
    adjoint = matching.adjoints[program.named("W1")].copy()
    adjoint[0, 0] += 7e-4 * np.linalg.norm(adjoint)
    assert matching.matches_of(adjoint) == []


def test_zero_proves_nothing(net):
    program, matching = net("A1 * (1 - A1)")
    gone = program.named("gone")
    assert matching.match(gone) is None
    assert matching.standings([gone])[gone] is Standing.ZERO


def test_a_single_number_matches_by_a_plain_factor_only(net):
    program, matching = net("A1 * (1 - A1)")
    b2 = matching.adjoints[program.named("b2")]
    assert matching.against(32 * b2, program.named("b2")).weak
    assert matching.against(1.2345 * b2, program.named("b2")) is None


FACTORS = [(1.0, "1"), (-1 / 64, "-1/64"), (2.0, "2"), (0.1, "0.1"), (0.1 * 2 / 64, "0.1 * 2/64"), (0.3333, "")]


@pytest.mark.parametrize(("number", "text"), FACTORS, ids=[f[1] or "none" for f in FACTORS])
def test_factors_are_spelled_out(number, text):
    assert Factors([64], [0.1]).recognise(number).text == text


def test_any_side_of_a_tie_matches(run):
    program = run(
        "import numpy as np\nrng = np.random.default_rng(0)\nx = rng.normal(size=(6, 4))\nx[0] = 0.0\n"
        "W = rng.normal(size=(4, 3))\nZ = x @ W\nA = np.maximum(Z, 0)\nloss = np.sum(A ** 2 * 0.5 + A)\n"
        "closed = (A + 1) * (Z > 0)\nopen_ = (A + 1) * (Z >= 0)\nwrong = (A + 1) * (Z < 0.5)\n"
    )
    matching = Matching(adjoints(program.replay, program.named("loss")))
    Z = program.named("Z")
    assert matching.against(program.replay.recorded[program.named("closed")], Z) is not None
    assert matching.against(program.replay.recorded[program.named("open_")], Z) is not None
    assert matching.against(program.replay.recorded[program.named("wrong")], Z) is None
