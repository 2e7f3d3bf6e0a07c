"""Complex steps: what they get right that plain complex numbers do not, what they refuse, and whom they blame."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from shapecheck import gradcheck, numeric_gradient
from shapecheck.gradients.complex_step import ComplexStep
from shapecheck.gradients.objective import Objective
from shapecheck.gradients.parameters import ParameterSet
from shapecheck.gradients.reachable import places
from shapecheck.gradients.substitution import Substitution

x = np.random.default_rng(3).normal(size=(4, 3))
v = np.random.default_rng(4).normal(size=(4, 3))


def step(loss, array):
    params = ParameterSet({"x": array}, passed=True)
    objective = Objective(loss, params, "none")
    return ComplexStep(Substitution(objective, list(places(loss))))


#    id                    a scalar function of x                          its gradient
FUNCTIONS = [
    ("abs", lambda: np.sum(np.abs(x)), lambda: np.sign(x)),
    ("norm", lambda: np.linalg.norm(x), lambda: x / np.linalg.norm(x)),
    ("row norms", lambda: np.sum(np.linalg.norm(x, axis=1)), lambda: x / np.linalg.norm(x, axis=1, keepdims=True)),
    ("norm 1", lambda: np.linalg.norm(x.ravel(), 1), lambda: np.sign(x)),
    ("var", lambda: np.var(x), lambda: 2 * (x - x.mean()) / x.size),
    (".var", lambda: np.sum(x.var(axis=0)), lambda: 2 * (x - x.mean(axis=0)) / 4),
    ("std", lambda: np.std(x), lambda: (x - x.mean()) / x.size / np.std(x)),
    (".std, ddof", lambda: x.std(ddof=1), lambda: (x - x.mean()) / 11 / x.std(ddof=1)),
    ("sign", lambda: np.sum(np.sign(x) * x), lambda: np.sign(x)),
    ("conj", lambda: np.sum(x.conj() * x), lambda: 2 * x),
    ("vdot", lambda: np.vdot(x, x), lambda: 2 * x),
    ("real", lambda: np.sum(x.real**2), lambda: 2 * x),
    ("expit", lambda: np.sum(special.expit(x)), lambda: special.expit(x) * special.expit(-x)),
    ("logaddexp", lambda: np.sum(np.logaddexp(0, x)), lambda: special.expit(x)),
    ("relu", lambda: np.sum(np.maximum(0, x) ** 2), lambda: 2 * np.maximum(0, x)),
    ("minimum", lambda: np.sum(np.minimum(x, 0.1)), lambda: (x < 0.1) * 1.0),
    ("where", lambda: np.sum(np.where(x > 0, x, 0.1 * x)), lambda: np.where(x > 0, 1.0, 0.1)),
    ("mask", lambda: np.sum(x * (x > 0)), lambda: (x > 0) * 1.0),
    ("clip", lambda: np.sum(np.clip(x, -0.5, 0.5)), lambda: (np.abs(x) < 0.5) * 1.0),
    (".clip", lambda: np.sum(x.clip(-0.5, 0.5)), lambda: (np.abs(x) < 0.5) * 1.0),
    ("max", lambda: np.sum(x.max(axis=1)), lambda: (x == x.max(axis=1, keepdims=True)) * 1.0),
    ("arctan2", lambda: np.sum(np.arctan2(x, 2.0)), lambda: 2 / (4 + x**2)),
    ("hypot", lambda: np.sum(np.hypot(x, 1.0)), lambda: x / np.hypot(x, 1.0)),
    ("log1p expm1", lambda: np.sum(np.log1p(x**2) + np.expm1(x)), lambda: 2 * x / (1 + x**2) + np.exp(x)),
    ("matmul", lambda: np.sum((x @ v.T) ** 2), lambda: 2 * x @ v.T @ v),
    ("both factors", lambda: np.sum((x.T @ x) ** 2), lambda: 4 * x @ x.T @ x),
    ("dot", lambda: np.sum(np.dot(x, v.T)), lambda: np.ones((4, 4)) @ v),
    ("einsum", lambda: np.einsum("ij,ij->", x, x), lambda: 2 * x),
    ("float()", lambda: float(np.sum(x**2)), lambda: 2 * x),
    (".item()", lambda: np.sum(x**2).item(), lambda: 2 * x),
    ("loop", lambda: sum(x[i, j] ** 2 for i in range(4) for j in range(3)), lambda: 2 * x),
    ("in place", lambda: _in_place(x), lambda: 2 * x),
    ("astype", lambda: np.sum(x.astype(float) ** 2), lambda: 2 * x),
    ("zeros_like", lambda: _filled(np.zeros_like(x)), lambda: 2 * x),
    ("concatenate", lambda: np.sum(np.concatenate([x, 2 * x]) ** 2), lambda: 10 * x),
    ("softmax", lambda: np.log(np.sum(np.exp(x - x.max()))) + x.max(), lambda: np.exp(x) / np.exp(x).sum()),
    (
        "saturated sigmoid",
        lambda: np.sum(1 / (1 + np.exp(-1000 * x))),
        lambda: 1000 * special.expit(1000 * x) * special.expit(-1000 * x),
    ),
    ("power", lambda: np.sum((x * x) ** 1.5), lambda: 3 * x * np.abs(x)),
]


def _in_place(array):
    a = array.copy()
    a *= array
    return np.sum(a)


def _filled(a):
    a[...] = x
    return np.sum(a * a)


@pytest.mark.parametrize(("f", "df"), [c[1:] for c in FUNCTIONS], ids=[c[0] for c in FUNCTIONS])
def test_exact_to_rounding(f, df):
    found = step(f, x)
    slope = found.slope({"x": v})
    assert slope is not None, found.blame
    assert slope.value == pytest.approx(np.vdot(df(), v), rel=1e-12, abs=1e-12)
    with np.errstate(over="ignore"):
        assert slope.loss == pytest.approx(f(), rel=1e-13)


def _buffer():
    out = np.zeros(4)
    for i in range(4):
        out[i] = np.sum(x[i] ** 2)
    return np.sum(out)


#    id                     a function                                   whose line is to blame
BLAMED = [
    ("a buffer of floats", _buffer, "out[i] = np.sum(x[i] ** 2)"),
    ("math", lambda: sum(float(e) ** 2 for e in x.ravel()), "float()"),
    ("erfc", lambda: np.sum(np.linalg.svd(x)[1]), "svd"),
    ("copysign", lambda: np.sum(np.copysign(x, v)), "copysign"),
]


@pytest.mark.parametrize(("f", "said"), [c[1:] for c in BLAMED], ids=[c[0] for c in BLAMED])
def test_what_does_not_pass_is_blamed(f, said):
    found = step(f, x)
    assert found.slope({"x": v}) is None
    assert said in found.blame


@pytest.mark.parametrize("f", [c[1] for c in BLAMED], ids=[c[0] for c in BLAMED])
def test_the_check_goes_on_without(f):
    params = ParameterSet({"x": x})
    g = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + 1e-6
        after = f()
        x[index] = kept - 1e-6
        g[index] = (after - f()) / 2e-6
        x[index] = kept
    assert gradcheck(f, {"x": x}, {"x": g}, rtol=1e-5).ok
    assert not gradcheck(f, {"x": x}, {"x": g + 0.1}).ok
    params.restore()


def test_ties_follow_the_convention_asked_for():
    from shapecheck.gradients.stepped_array import Passage

    zero = np.zeros(3)
    found = step(lambda: np.sum(np.maximum(0, zero)), zero)
    ones = {"x": np.ones(3)}
    assert found.slope(ones).value == 0
    assert found.slope(ones, Passage(tie=True)).value == 3
    assert found.slope(ones).ties == 3


def test_a_loss_that_strips_the_class_is_not_believed():
    w = np.array([1.0, -2.0, 3.0])
    silent = lambda: float(np.sum(np.abs(np.asarray(w).view(np.ndarray).copy())))
    assert gradcheck(silent, {"w": w}, {"w": np.sign(w)}).decided
    assert not gradcheck(silent, {"w": w}, {"w": np.zeros(3)}).ok


#    id, a loss, the part of its gradient that is left without what its float() loses
LOST = [
    ("a term", lambda x: math.tanh(float(x.sum())) + np.sum(x**2), lambda x: 2 * x),
    ("all but the last term", lambda x: float(np.sum(x**3)) + float(np.sum(x**2)), lambda x: 2 * x),
    ("a factor", lambda x: math.sqrt(np.sum(x**2)) * np.sum(x), lambda x: np.full(x.shape, np.sqrt(np.sum(x**2)))),
    ("Python's numbers", lambda x: sum(map(abs, x.ravel().tolist())) + np.sum(x**2), lambda x: 2 * x),
]


@pytest.mark.parametrize(("f", "part"), [c[1:] for c in LOST], ids=[c[0] for c in LOST])
def test_a_derivative_that_float_loses_excuses_no_gradient(f, part):
    z = np.random.default_rng(1).normal(size=(4, 3)) / 5
    whole = numeric_gradient(lambda: f(z), z, step=1e-6)
    assert gradcheck(lambda: f(z), {"z": z}, {"z": whole}, rtol=1e-6).decided
    report = gradcheck(lambda: f(z), {"z": z}, {"z": part(z)})
    assert report["z"].verdict == "wrong", str(report)


def test_a_loss_that_is_also_written_down_as_a_float_passes():
    history = []

    def loss():
        value = np.sum(np.maximum(x, 0.1) ** 2)
        history.append(float(value))
        return value

    assert step(loss, x).slope({"x": v}) is not None
