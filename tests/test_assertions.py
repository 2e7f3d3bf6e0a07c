# ruff: noqa: PT018  programs as people write them
"""`assert_gradients` and `assert_shapes`, as a test would use them."""

from __future__ import annotations

import numpy as np
import pytest

from shapecheck import GradientMismatchError, GradientReport, ShapeMismatchError, assert_gradients, assert_shapes

x, t = np.ones((4, 3)), np.zeros((4, 1))
W = np.random.default_rng(0).normal(size=(3, 1))


def loss():
    return np.sum((np.tanh(x @ W) - t) ** 2)


def gradient(slope):
    a = np.tanh(x @ W)
    return x.T @ (2 * (a - t) * slope(a))


def test_a_right_gradient_passes():
    report = assert_gradients(loss, {"W": W}, {"W": gradient(lambda a: 1 - a**2)}, decided=True)
    assert isinstance(report, GradientReport) and report.decided


def test_a_wrong_gradient_fails_as_an_assertion():
    with pytest.raises(AssertionError) as caught:
        assert_gradients(loss, {"W": W}, {"W": gradient(lambda a: 1 - a)})
    assert isinstance(caught.value, GradientMismatchError)
    assert caught.value.report["W"].verdict == "wrong"


def test_what_proves_nothing_fails_only_on_demand():
    dead = np.full((3, 1), -5.0)

    def relu_loss():
        return np.sum(np.maximum(x @ dead, 0))

    assert_gradients(relu_loss, {"dead": dead}, {"dead": np.zeros((3, 1))})
    with pytest.raises(GradientMismatchError, match="nothing can be said of the gradient of `dead`"):
        assert_gradients(relu_loss, {"dead": dead}, {"dead": np.zeros((3, 1))}, decided=True)


def test_vector_jacobian_form():
    cotangent = np.random.default_rng(1).normal(size=(4, 1))
    assert_gradients(lambda: x @ W, {"W": W}, {"W": x.T @ cotangent}, cotangent=cotangent)


#        id                           arguments                                       sizes
FITTING = [
    ("names are shared", lambda: assert_shapes(x, "batch features", t, "batch 1"), {"batch": 4, "features": 3}),
    ("a number has no axes", lambda: assert_shapes(3.0, ""), {}),
    ("anything", lambda: assert_shapes(x, "... features", W, "features _"), {"features": 3}),
    ("a run of axes", lambda: assert_shapes(np.ones((2, 4, 3)), "*rest 3"), {}),
    ("a sum", lambda: assert_shapes(t, "n 1", np.ones(5), "n+1"), {"n": 4}),
    ("lists", lambda: assert_shapes([[1.0, 2.0]], "1 two"), {"two": 2}),
]


@pytest.mark.parametrize(("call", "sizes"), [c[1:] for c in FITTING], ids=[c[0] for c in FITTING])
def test_fitting_shapes_give_the_sizes(call, sizes):
    assert call() == sizes


#       id                     call                                                what the message must say
MISFITS = [
    ("another size", lambda: assert_shapes(x, "batch n", t, "n 1"), "`t` has shape (4, 1)", "n = 3, axis 1 of `x`"),
    ("a number", lambda: assert_shapes(x, "batch 2"), "`x` has shape (4, 3)", "its signature says 2"),
    ("transposed", lambda: assert_shapes(x, "batch n", W.T, "n 1"), "`W.T` has shape (1, 3)", "`W.T.T` would fit"),
    ("a row", lambda: assert_shapes(x, "m n", np.ones(4), "m 1"), "`np.ones(4)` has shape (4,)", "reshape(-1, 1)"),
    (
        "not summed",
        lambda: assert_shapes(W, "k 1", x, "k"),
        "`x` has shape (4, 3)",
        "is a sum over the first axis missing",
    ),
]


@pytest.mark.parametrize(("call", "first", "second"), [c[1:] for c in MISFITS], ids=[c[0] for c in MISFITS])
def test_misfits_name_the_array_and_where_sizes_came_from(call, first, second):
    with pytest.raises(ShapeMismatchError) as caught:
        call()
    assert first in str(caught.value) and second in str(caught.value)


def test_the_evidence_is_on_the_error():
    with pytest.raises(AssertionError) as caught:
        assert_shapes(
            x, "batch n",
            t, "batch 2",
        )  # fmt: skip
    error = caught.value
    assert (error.name, error.actual, error.expected) == ("t", (4, 1), (4, 2))


@pytest.mark.parametrize("arguments", [(), (x,), (x, "a b", t), (x, 3), ("a b", x), ([[1], [2, 3]], "a b")], ids=repr)
def test_wrong_use_is_an_error_of_its_own(arguments):
    with pytest.raises(TypeError):
        assert_shapes(*arguments)
