# ruff: noqa: RUF059, RET504, PT018  programs as people write them
"""Pairs of functions in vector-Jacobian form: `f_forward(x, w) -> out, cache` and `f_backward(dout, cache)`."""

from __future__ import annotations

import numpy as np
import pytest

from shapecheck import GradientMismatchError, ShapeMismatchError, VerificationError, verify

rng = np.random.default_rng(6)
x, w, b = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)
dout = rng.normal(size=(5, 3))


def affine_forward(x, w, b):
    out = x @ w + b
    cache = (x, w, b)
    return out, cache


@verify
def affine_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def scaled_forward(x, w, b):
    return x @ w + b, (x, w, b)


@verify
def scaled_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, x.T @ dout / len(x), dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


@verify
def relu_backward(dout, cache):
    dx, x = None, cache
    dx = dout * (x > 0)
    return dx


def leaky_forward(x):
    return np.where(x > 0, x, 0.1 * x), x


@verify
def leaky_backward(dout, cache):
    return dout * (cache > 0)


def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    return out, out


@verify
def sigmoid_backward(dout, out):
    return dout * out * (1 - out)


def squash_forward(x):
    out = np.tanh(x)
    return out, out


@verify
def squash_backward(dout, out):
    return dout * out * (1 - out)


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    mu, var = x.mean(axis=0), x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + eps)
    out = gamma * xhat + beta
    cache = {"xhat": xhat, "gamma": gamma, "var": var, "eps": eps, "x": x, "beta": beta}
    return out, cache


@verify(forward=batchnorm_forward)
def batchnorm_backward(dout, cache):
    xhat, n = cache["xhat"], len(dout)
    dgamma, dbeta = np.sum(dout * xhat, axis=0), dout.sum(axis=0)
    dxhat = dout * cache["gamma"]
    dx = (
        (n * dxhat - dxhat.sum(axis=0) - xhat * np.sum(dxhat * xhat, axis=0)) / n / np.sqrt(cache["var"] + cache["eps"])
    )
    return dx, dgamma, dbeta


@verify(forward=batchnorm_forward)
def batchnorm_without_mean_terms(dout, cache):
    """Right as far as the scale goes; the paths through the mean and the variance are missing."""
    dgamma, dbeta = np.sum(dout * cache["xhat"], axis=0), dout.sum(axis=0)
    dx = dout * cache["gamma"] / np.sqrt(cache["var"] + cache["eps"])
    return dx, dgamma, dbeta


def step_forward(x, prev_h, Wx, Wh):
    next_h = np.tanh(x @ Wx + prev_h @ Wh)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@verify
def step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da


def lstm_forward(x, h, c, W):
    a = np.hstack([x, h]) @ W
    next_c = c * np.tanh(a[:, :3]) + np.tanh(a[:, 3:])
    next_h = np.tanh(next_c)
    return next_h, next_c, (x, h, c, W, a, next_h)


@verify(forward=lstm_forward)
def lstm_backward(dnext_h, dnext_c, cache):
    x, h, c, W, a, next_h = cache
    dc_total = dnext_c + dnext_h * (1 - next_h**2)
    f = np.tanh(a[:, :3])
    da = np.hstack([dc_total * c * (1 - f**2), dc_total * (1 - np.tanh(a[:, 3:]) ** 2)])
    dinput = da @ W.T
    dx, dh, dc, dW = dinput[:, : x.shape[1]], dinput[:, x.shape[1] :], dc_total * f, np.hstack([x, h]).T @ da
    return dx, dh, dc, dW


def dropout_forward(x, p=0.5):
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask, mask


@verify
def dropout_backward(dout, mask):
    return dout * mask


def dense_forward(inputs, weights):
    return inputs @ weights


@verify
def dense_backward(grad_output, inputs, weights):
    grad_inputs = grad_output @ weights.T
    grad_weights = inputs.T @ grad_output
    return grad_weights, grad_inputs


def call(forward, backward, upstream, *args):
    """Twice: where only the forward pass knows its input, the first call teaches where to listen."""
    for _ in range(2):
        out, *cache = globals()[forward](*args)
        backward(*upstream, cache[-1])
    return backward.verification


h = rng.normal(size=(5, 3))
RIGHT = [
    ("affine, cache of names", "affine_forward", affine_backward, (dout,), (x, w, b)),
    ("relu, cache is the input", "relu_forward", relu_backward, (rng.normal(size=(5, 4)),), (x,)),
    ("sigmoid, cache is the output", "sigmoid_forward", sigmoid_backward, (rng.normal(size=(5, 4)),), (x,)),
    ("batch norm, cache is a dict", "batchnorm_forward", batchnorm_backward, (dout,), (h, np.ones(3), np.zeros(3))),
    ("recurrent step", "step_forward", step_backward, (dout,), (x, h, w, rng.normal(size=(3, 3)))),
    ("two cotangents", "lstm_forward", lstm_backward, (dout, h), (x, h, dout, rng.normal(size=(7, 6)))),
    ("dropout, cache is the mask", "dropout_forward", dropout_backward, (rng.normal(size=(5, 4)),), (x,)),
]


@pytest.mark.parametrize(("forward", "backward", "upstream", "args"), [c[1:] for c in RIGHT], ids=[c[0] for c in RIGHT])
def test_a_right_pair_passes(forward, backward, upstream, args):
    verification = call(forward, backward, upstream, *args)
    assert verification.checked == 1
    assert verification.report.decided, str(verification.report)
    assert verification.elsewhere.decided, verification.notes


WRONG = [
    ("divided by the batch", "scaled_forward", scaled_backward, (dout,), (x, w, b)),
    ("slope of another function", "leaky_forward", leaky_backward, (rng.normal(size=(5, 4)),), (x,)),
    ("sigmoid's slope of a tanh", "squash_forward", squash_backward, (rng.normal(size=(5, 4)),), (x,)),
    (
        "no path through the mean",
        "batchnorm_forward",
        batchnorm_without_mean_terms,
        (dout,),
        (h, np.ones(3), np.zeros(3)),
    ),
]


@pytest.mark.parametrize(("forward", "backward", "upstream", "args"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_its_wrong_twin_is_rejected(forward, backward, upstream, args):
    with pytest.raises(GradientMismatchError):
        call(forward, backward, upstream, *args)


def test_the_inputs_themselves_as_arguments():
    dense_backward(dout, x, w)
    assert dense_backward.verification.report.decided
    assert dense_backward.verification.pairs == {"grad_weights": "weights", "grad_inputs": "inputs"}


def test_every_gradient_of_a_pair_is_compared():
    call("affine_forward", affine_backward, (dout,), x, w, b)
    assert sorted(affine_backward.verification.pairs.values()) == ["b", "w", "x"]


def mean_forward(x, w, b):
    return x @ w + b, (x, w, b)


@verify
def mean_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout / len(x), dout.sum(axis=0) / len(x)


def test_a_layer_that_takes_the_mean_over_the_batch_itself():
    """All parameters over m and the input not, as in many courses: right beside a loss that leaves m out."""
    verification = call("mean_forward", mean_backward, (dout,), x, w, b)
    assert verification.report.decided
    assert "divided by 5" in verification.notes[0]


def act(z):
    return np.tanh(z)


@verify(forward=act)
def act_back(upstream, z):
    return upstream * (1 - np.tanh(z) ** 2)


@verify(forward=act)
def act_back_without_upstream(upstream, z):
    return 1 - np.tanh(upstream) ** 2


def test_the_input_itself_beside_the_cotangent():
    act_back(dout, h)
    assert act_back.verification.report.decided
    assert set(act_back.verification.pairs.values()) == {"z"}
    with pytest.raises((GradientMismatchError, VerificationError)):
        act_back_without_upstream(dout, h)


def test_the_cotangent_itself_left_as_a_gradient():
    """`self.db = dout`, where it must be summed over the batch."""

    class Affine:
        def __init__(self):
            self.weights, self.biases = np.ones((4, 3)), np.zeros(3)

        def forward(self, x):
            self.x = x
            return x @ self.weights + self.biases

        @verify
        def backward(self, grad):
            self.grad_weights = self.x.T @ grad
            self.grad_biases = grad
            return grad @ self.weights.T

    layer = Affine()
    layer.forward(x)
    with pytest.raises(ShapeMismatchError) as caught:
        layer.backward(dout)
    assert caught.value.actual == (5, 3) and caught.value.expected == (3,)
