"""Every error says what to do; each broken use has a repaired twin that passes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from shapecheck import (
    GradientCheckError,
    GradientMismatchError,
    NondeterministicLossError,
    ShapeMismatchError,
    gradcheck,
)
from shapecheck.gradients.contracts import likely_cause
from shapecheck.gradients.errors import LossError, MissingGradientError, MutationError, ParameterError

W = np.arange(1.0, 7.0).reshape(2, 3)
X = np.arange(3.0).reshape(3, 1)


def loss():
    return float(np.sum((W @ X) ** 2))


def grads():
    return {"W": 2 * (W @ X) @ X.T}


def with_shape(*shape):
    return {"W": np.ones(shape)}


#    id                 loss, grads             class       what the message says
BROKEN = [
    ("loss is an array", lambda: W @ X, grads, LossError, r"shape \(2, 1\), not one number.*np.sum"),
    ("loss is None", lambda: None, grads, LossError, "`return` missing"),
    ("loss is a tuple", lambda: (loss(), grads()), grads, LossError, r"loss\(...\)\[0\]"),
    ("loss is a dict", lambda: {"cost": 1.0}, grads, LossError, "a dict of 1, not a number"),
    ("loss is text", lambda: "1.0", grads, LossError, "str, not a number"),
    ("loss is complex", lambda: 1j * loss(), grads, LossError, "a complex number; take the real part"),
    ("loss is nan", lambda: float("nan"), grads, LossError, "the loss is nan at the parameters as given"),
    ("loss is inf", lambda: float("inf"), grads, LossError, "clip probabilities"),
    ("loss takes more", lambda x, y, z: 0.0, grads, LossError, r"\(x, y, z\).*lambda"),
    ("loss of something else", lambda: float(np.sum(X)) + 0 * np.pi, grads, LossError, "does not depend on `W`"),
    ("gradients are None", loss, None, MissingGradientError, "`return`"),
    ("gradient function returns None", loss, lambda: None, MissingGradientError, "`return`"),
    ("a gradient is missing", loss, {}, MissingGradientError, "no gradient for `W`"),
    ("another key", loss, lambda: {"dW": grads()["W"]}, MissingGradientError, "what there is: `dW`"),
    ("a gradient too many", loss, lambda: {**grads(), "b": 1.0}, MissingGradientError, "no such parameter"),
    ("objects", loss, {"W": np.array([None])}, ParameterError, "dtype object"),
    ("complex", loss, lambda: {"W": grads()["W"] + 0j}, ParameterError, "dtype complex128"),
    ("text", loss, {"W": "dW"}, ParameterError, "a str"),
    ("transposed", loss, with_shape(3, 2), ShapeMismatchError, "transposed"),
    ("flat", loss, with_shape(6), ShapeMismatchError, r"\.reshape\(2, 3\)"),
    ("summed once too often", loss, with_shape(3), ShapeMismatchError, "summed over axis 0, along which .* 2 entries"),
    ("ragged lists", loss, {"W": [[1.0], [1.0, 2.0]]}, ParameterError, "lists? of arrays with different shapes"),
    ("collapsed", loss, with_shape(), ShapeMismatchError, "collapsed all 6 entries"),
    (
        "one per sample",
        loss,
        with_shape(9, 2, 3),
        ShapeMismatchError,
        r"summed over the samples; np.sum\(..., axis=0\)",
    ),
]


@pytest.mark.parametrize(("loss", "grads", "error", "said"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_broken_uses_are_refused_with_advice(loss, grads, error, said):
    before = W.copy()
    with pytest.raises(error, match=r"(?s)" + said) as caught:
        gradcheck(loss, {"W": W}, grads)
    assert isinstance(caught.value, GradientCheckError)
    assert np.array_equal(W, before)


def test_the_repaired_twin_passes():
    assert gradcheck(loss, {"W": W}, grads).decided
    assert gradcheck(lambda: np.array([[loss()]]), {"W": W}, grads).decided
    assert gradcheck(lambda: np.float32(1) * loss(), {"W": W}, grads).decided


def test_a_bias_gradient_that_was_not_summed_names_the_sum():
    b, Z = np.zeros((5, 1)), np.random.default_rng(0).normal(size=(5, 7))
    dZ = 2 * (Z + b)
    with pytest.raises(ShapeMismatchError, match=r"axis=1, keepdims=True") as caught:
        gradcheck(lambda: np.sum((Z + b) ** 2), {"b": b}, {"b": dZ})
    assert caught.value.name == "b"
    assert caught.value.actual == (5, 7)
    assert caught.value.expected == (5, 1)
    assert gradcheck(lambda: np.sum((Z + b) ** 2), {"b": b}, {"b": dZ.sum(axis=1, keepdims=True)}).decided


#    actual        expected     hint
HINTS = [
    ((7, 5), (1, 5), "axis=0, keepdims=True"),
    ((7, 5), (5,), "summed over the samples"),
    ((3, 2), (2, 3), "transposed"),
    ((5,), (1, 5), "keepdims=True dropped an axis"),
    ((5, 1), (5,), "axis too many"),
    ((1, 5), (4, 5), "summed over axis 0, along which the parameter has 4"),
    ((2, 2), (3, 3), ""),
]


@pytest.mark.parametrize(("actual", "expected", "hint"), HINTS, ids=[f"{a} for {e}" for a, e, _ in HINTS])
def test_hints_for_shapes(actual, expected, hint):
    found = likely_cause(actual, expected)
    assert hint in found
    assert bool(found) == bool(hint)


def test_cotangents_have_the_outputs_shape():
    with pytest.raises(ShapeMismatchError, match=r"shape \(2, 1\), the cotangent has shape \(2,\)"):
        gradcheck(lambda: W @ X, {"W": W}, {"W": W}, cotangent=np.ones(2))
    with pytest.raises(LossError, match="must return 2 arrays"):
        gradcheck(lambda: W @ X, {"W": W}, {"W": W}, cotangent=(np.ones((2, 1)), np.ones((2, 1))))


def test_errors_survive_pickling_with_their_evidence():
    wrong = {"W": grads()["W"] * 1.1}
    report = gradcheck(loss, {"W": W}, wrong)
    errors = [
        GradientMismatchError(str(report), report=report),
        NondeterministicLossError("two evaluations differ", generators=("np.random",)),
        ShapeMismatchError("shapes", name="W", actual=(1,), expected=(2,), hint=""),
        LossError("no", loss=1.0),
        MissingGradientError("there is none", parameter="W"),
        MutationError("changed", parameter="W", who="the loss"),
        ParameterError("no", parameter="W"),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.evidence.keys() == error.evidence.keys()
        again.add_note("and more")
    assert pickle.loads(pickle.dumps(errors[0])).report["W"].verdict.value == "wrong"
    assert isinstance(errors[0], AssertionError)


def test_a_nan_says_where_it_is():
    g = grads()
    g["W"][1, 2] = np.nan
    report = gradcheck(loss, {"W": W}, g)
    assert "nan at [1, 2]" in report["W"].reason
    assert not report.ok


def test_a_loss_that_is_nan_beside_the_parameters_says_at_which_and_how_far():
    x = np.array([0.0, 1.0])
    report = gradcheck(lambda: float(np.sqrt(x[0]) + x[1]), {"x": x}, {"x": np.array([0.5, 1.0])})
    assert report["x"].verdict.value == "cannot tell"
    assert "`x` displaced by" in report["x"].reason


#    id                  option                       what the message says
OPTIONS = [
    ("mode", {"mode": "fulll"}, "'projection', 'joint', 'sampled', 'full'"),
    ("sign", {"sign": 2}, "1, or -1"),
    ("samples", {"mode": "sampled", "samples": 0}, "at least one"),
    ("tolerance", {"rtol": -1e-3}, "not negative"),
]


@pytest.mark.parametrize(("option", "said"), [c[1:] for c in OPTIONS], ids=[c[0] for c in OPTIONS])
def test_an_option_that_there_is_not_is_refused(option, said):
    with pytest.raises(ValueError, match=said):
        gradcheck(loss, {"W": W}, grads, **option)


def test_a_gradient_function_that_damages_the_data_is_refused():
    data = X.copy()
    of = lambda: float(np.sum((W @ data) ** 2))

    def damaging():
        data[...] *= 2
        return {"W": 2 * (W @ data) @ data.T}

    with pytest.raises(MutationError, match="`data` in place"):
        gradcheck(of, {"W": W}, damaging)
    data[...] = X
    assert gradcheck(of, {"W": W}, lambda: {"W": 2 * (W @ data) @ data.T}).decided


def test_a_gradient_of_whole_numbers_is_said_to_be_one():
    right = 2 * (W / 3 @ X) @ X.T
    report = gradcheck(lambda V: float(np.sum((V @ X) ** 2)), {"V": W / 3}, {"V": right.astype(int)})
    assert not report.ok
    assert "the gradient of `V` is of dtype int64" in str(report)
    assert "int64" not in str(gradcheck(loss, {"W": W}, {"W": grads()["W"].astype(int)}))  # these are whole numbers
