"""Parameters are perturbed where they are and come back bit for bit; what cannot be perturbed is refused."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shapecheck import gradcheck, numeric_gradient
from shapecheck.gradients.errors import MutationError, ParameterError


def half_square(*arrays):
    return lambda: 0.5 * sum(float(np.sum(np.asarray(a, dtype=np.float64) ** 2)) for a in arrays)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32]),
        hnp.array_shapes(min_dims=0, max_dims=3, max_side=4),
        elements=st.floats(-100, 100, width=32),
    ),
    st.sampled_from(["projection", "full", "joint"]),
)
def test_every_bit_comes_back(x, mode):
    before = x.tobytes()
    report = gradcheck(half_square(x), {"x": x}, {"x": x.copy()}, mode=mode)
    assert report.ok
    assert x.tobytes() == before


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("at", range(1, 8))
def test_every_bit_comes_back_when_the_loss_is_interrupted(stop, at):
    x = np.array([0.1, -0.0, 3.0])
    p = {"x": x, "f": 0.25}
    before, calls = x.tobytes(), []

    def loss():
        calls.append(1)
        if len(calls) == at:
            raise stop
        return float(np.sum(p["x"] ** 2)) + np.abs(p["f"])

    with suppress(stop):
        gradcheck(loss, p, {"x": 2 * x, "f": 2.0})  # f is wrong: the ladder and the bisection are interrupted too
    assert x.tobytes() == before
    assert p["x"] is x
    assert p["f"] == 0.25


def test_random_generators_come_back_when_the_loss_is_interrupted():
    x = np.ones(2)
    generator = np.random.default_rng(0)
    before = generator.bit_generator.state

    def loss():
        generator.random()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gradcheck(loss, x, x)
    assert generator.bit_generator.state == before


base = np.arange(12.0).reshape(3, 4) + 0.5

#    id                     an array that is a parameter
LAYOUTS = [
    ("Fortran order", np.asfortranarray(base)),
    ("a view of every other column", base.copy()[:, ::2]),
    ("reversed", base.copy()[::-1]),
    ("transposed", base.copy().T),
    ("0-d", np.array(1.5)),
    ("one entry", np.array([[2.0]])),
    ("float32 view", base.astype(np.float32)[1:, 1:]),
    ("float16", base.astype(np.float16)),
    ("extended precision", base.astype(np.longdouble)),
    ("np.matrix", base.copy().view(np.matrix)),
]


@pytest.mark.parametrize("x", [e[1] for e in LAYOUTS], ids=[e[0] for e in LAYOUTS])
def test_layouts(x):
    before, strides = x.copy(), x.strides
    array = np.asarray(x)
    loss = lambda: float(np.sum(np.sin(np.asarray(x, dtype=np.float64))))
    right = np.cos(array.astype(np.float64)).astype(x.dtype)
    assert gradcheck(loss, {"x": x}, {"x": right}).ok
    wrong = np.array(right)
    wrong.flat[-1] += 5.0
    assert not gradcheck(loss, {"x": x}, {"x": wrong}).ok
    assert np.array_equal(x, before)
    assert x.strides == strides


def test_views_that_do_not_overlap_are_two_parameters():
    theta = np.arange(1.0, 11.0)
    even, odd = theta[::2], theta[1::2]
    loss = lambda: float(np.sum(theta**3))
    assert gradcheck(loss, {"even": even, "odd": odd}, {"even": 3 * even**2, "odd": 3 * odd**2}).decided
    assert not gradcheck(loss, {"even": even, "odd": odd}, {"even": 3 * even**2, "odd": 3 * odd}).ok


def test_a_read_only_array_in_a_dict_is_replaced_there():
    x = np.arange(3.0)
    x.flags.writeable = False
    p = {"x": x}
    assert gradcheck(lambda: float(np.sum(p["x"] ** 2 + p["x"])), p, lambda: {"x": 2 * p["x"] + 1}).decided
    assert p["x"] is x


broadcast = np.broadcast_to(np.ones(1), (3,))
fixed = np.ones(3)
fixed.flags.writeable = False
shared = np.ones(4)
stretched = np.lib.stride_tricks.as_strided(np.ones(1), (3,), (0,))

#    id                      params                                     what the message says
REFUSED = [
    ("integers", {"W": np.arange(3)}, "would be rounded away"),
    ("a Python integer", {"w": 3}, "write 3.0"),
    ("booleans", {"mask": np.ones(3, bool)}, "has no derivative"),
    ("complex", {"c": np.ones(2, complex)}, "real and its imaginary part"),
    ("strings", {"name": "W1"}, "not an array of floating-point numbers"),
    ("objects", {"W": np.array([None, 1.0])}, "not an array of floating-point numbers"),
    ("a read-only array in a tuple", (fixed,), "read-only"),
    ("a broadcast view in a tuple", (broadcast,), "read-only"),
    ("one number seen three times", {"x": stretched}, "one and the same number"),
    ("a float in a tuple", (1.0,), "cannot be changed"),
    ("one array twice", {"a": shared, "b": shared}, "share memory"),
    ("overlapping views", {"a": shared[:3], "b": shared[1:]}, "share memory"),
    ("nothing", {}, "no parameters"),
]


@pytest.mark.parametrize(("params", "said"), [e[1:] for e in REFUSED], ids=[e[0] for e in REFUSED])
def test_what_cannot_be_perturbed_is_refused_with_advice(params, said):
    with pytest.raises(ParameterError, match=said):
        gradcheck(lambda: 0.0, params, params)


def test_the_twins_of_the_refused_pass():
    W = np.arange(3).astype(float)
    assert gradcheck(lambda: float(np.sum(W**2)), {"W": W}, {"W": 2 * W}).ok
    assert gradcheck(lambda p: float(np.sum(p[0] ** 2)), (fixed,), (2 * fixed,)).decided
    assert gradcheck(lambda p: p[0] ** 2, (1.5,), (3.0,)).decided


def test_a_loss_that_changes_its_parameter_is_named():
    x = np.ones(3)

    def loss():
        x[0] += 1
        return float(np.sum(x))

    with pytest.raises(MutationError, match="the loss changed the parameter `x`"):
        gradcheck(loss, {"x": x}, {"x": np.ones(3)})


def test_a_backward_that_changes_a_parameter_is_named_and_undone():
    x = np.ones(3)

    def backward():
        g = 2 * x
        x[...] = x - 0.1 * g
        return {"x": g}

    with pytest.raises(MutationError, match="the gradient function changed the parameter `x`"):
        gradcheck(lambda: float(np.sum(x**2)), {"x": x}, backward)
    assert np.array_equal(x, np.ones(3))


def test_a_backward_that_changes_the_data_is_named():
    x, data = np.ones(3), np.arange(1.0, 4.0)

    def backward():
        g = data.copy()
        data[...] *= 1.5
        return {"x": g}

    with pytest.raises(MutationError, match="`data`"):
        gradcheck(lambda: float(np.sum(x * data)), {"x": x}, backward)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-3, 3)),
    st.integers(0, 2**32 - 1),
)
def test_numeric_gradient_of_a_random_polynomial(x, seed):
    a, b, c = np.random.default_rng(seed).normal(size=(3, *x.shape))
    loss = lambda w: np.sum(a * w**3 + b * w**2 + c * w)
    expected = 3 * a * x**2 + 2 * b * x + c
    before = x.copy()
    assert numeric_gradient(loss, x) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert numeric_gradient(loss, x, step=1e-5) == pytest.approx(expected, rel=1e-7, abs=1e-7)
    assert np.array_equal(x, before)


def test_numeric_gradient_of_structures_and_numbers():
    p = {"W": np.ones((2, 3)), "b": 0.5}
    g = numeric_gradient(lambda: float(np.sum(p["W"] * 2)) + p["b"] ** 2, p)
    assert g["W"] == pytest.approx(np.full((2, 3), 2.0))
    assert g["b"] == pytest.approx(1.0)
    assert numeric_gradient(lambda x: x**2, 3.0) == pytest.approx(6.0)
    assert numeric_gradient(np.sum, np.ones(3)) == pytest.approx(np.ones(3))
