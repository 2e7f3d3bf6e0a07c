# ruff: noqa: PT018, RET504  programs as people write them
"""What verify says when it cannot compare, or when more than a number is wrong; each beside a twin that must pass."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from shapecheck import (
    GradientMismatchError,
    NondeterministicLossError,
    PairingError,
    ShapeMismatchError,
    VerificationError,
    verify,
)
from shapecheck.gradients.errors import LossError, MissingGradientError, ParameterError
from shapecheck.verification.errors import BackwardMutationError

rng = np.random.default_rng(4)
X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))


def weights():
    r = np.random.default_rng(2)
    return {"W1": r.normal(size=(3, 3)), "W2": r.normal(size=(3, 2))}


def cost_of(params, X, Y):
    return np.sum((np.tanh(X @ params["W1"]) @ params["W2"] - Y) ** 2)


def gradients(params, X, Y):
    a = np.tanh(X @ params["W1"])
    d = 2 * (a @ params["W2"] - Y)
    return {"W1": X.T @ (d @ params["W2"].T * (1 - a**2)), "W2": a.T @ d}


def predict(params, X):
    out = np.tanh(X @ params["W1"]) @ params["W2"]
    return out


def test_loss_that_needs_the_output():
    def cost(out, Y):
        return np.sum((out - Y) ** 2)

    with pytest.raises(VerificationError) as caught:
        verify(gradients, loss=cost)(weights(), X, Y)
    assert "the loss `cost` needs `out`" in str(caught.value)
    assert "forward=" in str(caught.value)
    verify(gradients, loss=cost, forward=predict)(weights(), X, Y)


def test_loss_that_reads_a_result_computed_before():
    """`backward(params, out, X, Y)` hands the old output on: perturbing the parameters changes nothing."""

    def cost(out, Y):
        return np.sum((out - Y) ** 2)

    def backward(params, out, X, Y):
        return gradients(params, X, Y)

    params = weights()
    out = predict(params, X)
    with pytest.raises(VerificationError) as caught:
        verify(backward, loss=cost)(params, out, X, Y)
    assert 'the loss `cost` does not depend on `params["W1"]`' in str(caught.value)
    verify(backward, loss=cost, forward=predict)(params, out, X, Y)


def test_loss_that_does_not_read_one_parameter():
    def cost(params, X, Y):
        return np.sum((np.tanh(X @ np.eye(3)) @ params["W2"] - Y) ** 2)

    def backward(params, X, Y):
        a = np.tanh(X)
        return {"W1": np.ones((3, 3)), "W2": a.T @ (2 * (a @ params["W2"] - Y))}

    with pytest.raises((VerificationError, LossError), match=r'does not depend on `params\["W1"\]`'):
        verify(backward, loss=cost)(weights(), X, Y)


def test_no_loss_at_all():
    with pytest.raises(VerificationError, match="returns no loss, and no forward pass is known") as caught:
        verify(gradients)(weights(), X, Y)
    assert "@verify(loss=...)" in str(caught.value)


def test_loss_of_a_name_that_nothing_has():
    class Net:
        @verify(loss="costs")
        def backward(self, x):
            return x

    with pytest.raises(VerificationError, match="Net has no method `costs`"):
        Net().backward(X)


def test_loss_that_is_no_scalar():
    def cost(params, X, Y):
        return np.sum((np.tanh(X @ params["W1"]) @ params["W2"] - Y) ** 2, axis=1)

    with pytest.raises(LossError, match="shape"):
        verify(gradients, loss=cost)(weights(), X, Y)


def test_loss_that_returns_nothing():
    with pytest.raises(LossError, match="`return` missing"):
        verify(gradients, loss=lambda params, X, Y: None)(weights(), X, Y)


def test_backward_that_returns_nothing():
    with pytest.raises(PairingError, match="is its `return` missing"):
        verify(lambda params, X, Y: None, loss=cost_of)(weights(), X, Y)


def test_backward_that_gives_another_gradient_each_time():
    fixed = np.random.default_rng(1)

    def cost(params, X, Y):
        return cost_of(params, X * (fixed.random(X.shape) < 0.5), Y)

    def anew(params, X, Y):
        return gradients(params, X * (np.random.default_rng().random(X.shape) < 0.5), Y)

    def same(params, X, Y):
        return gradients(params, X * (fixed.random(X.shape) < 0.5), Y)

    with pytest.raises(NondeterministicLossError, match="called twice from the same state"):
        verify(anew, loss=cost)(weights(), X, Y)
    verify(same, loss=cost)(weights(), X, Y)


def test_backward_of_a_network_taken_for_a_layer():
    class Net:
        W = np.ones((3, 2))

        def forward(self, x):
            return x @ self.W

        @verify
        def backward(self, x, y):
            self.dW = x.T @ (self.forward(x) - y)

    with pytest.raises(VerificationError, match="Say what the loss is"):
        Net().backward(X, Y)


def test_class_without_a_pair():
    with pytest.raises(TypeError, match="found no pair of forward and backward methods in `Empty`"):

        @verify
        class Empty:
            def run(self):
                pass


def test_gradients_that_could_belong_to_either_parameter():
    """Two square matrices, no names, both gradients wrong: nothing can tell them apart."""

    def cost(first, second, x):
        return np.sum(np.tanh(x @ first) @ second)

    def gradient(first, second, x):
        return np.tanh(x.T @ x), np.cos(x.T @ x)

    with pytest.raises(PairingError) as caught:
        verify(gradient, loss=cost)(np.ones((3, 3)), np.eye(3), X)
    message = str(caught.value)
    assert "`first` (3, 3) or `second` (3, 3)" in message
    assert "pairs=" in message
    assert len(caught.value.considered) == 2


def test_numbers_tell_equal_shapes_apart():
    def cost(first, second, x):
        return np.sum(np.tanh(x @ first) @ second)

    def gradient(first, second, x):
        a = np.tanh(x @ first)
        return a.T @ np.ones((6, 3)), x.T @ (np.ones((6, 3)) @ second.T * (1 - a**2))

    checked = verify(gradient, loss=cost)
    checked(rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), X)
    assert checked.verification.pairs == {"returned[0]": "second", "returned[1]": "first"}


def test_pairs_told_by_the_user():
    def cost(first, second, x):
        return np.sum(np.tanh(x @ first) @ second)

    def gradient(first, second, x):
        ga = np.tanh(x.T @ x)
        gb = np.cos(x.T @ x)
        return ga, gb

    checked = verify(gradient, loss=cost, pairs={"ga": "first", "gb": "second"})
    with pytest.raises(GradientMismatchError):
        checked(np.ones((3, 3)), np.eye(3), X)
    with pytest.raises(PairingError, match="the gradient `gc`, which is not there; there are `ga`, `gb`"):
        verify(gradient, loss=cost, pairs={"gc": "first"})(np.ones((3, 3)), np.eye(3), X)


def test_nothing_that_could_be_a_gradient():
    def backward(params, X, Y):
        return None

    with pytest.raises(PairingError, match="no gradient of `backward` could be paired"):
        verify(backward, loss=cost_of)(weights(), X, Y)


def test_one_gradient_missing():
    def backward(params, X, Y):
        return {"W2": gradients(params, X, Y)["W2"]}

    with pytest.raises(MissingGradientError, match=r'no gradient for `params\["W1"\]`'):
        verify(backward, loss=cost_of)(weights(), X, Y)
    verify(backward, loss=cost_of, parameters="W2")(weights(), X, Y)


def test_shape_of_a_bias_that_was_not_summed():
    def cost(W, b, X, Y):
        return np.sum((X @ W + b - Y) ** 2)

    def backward(W, b, X, Y):
        d = 2 * (X @ W + b - Y)
        return {"dW": X.T @ d, "db": d}

    with pytest.raises(ShapeMismatchError) as caught:
        verify(backward, loss=cost)(np.ones((3, 2)), np.zeros((1, 2)), X, Y)
    assert caught.value.name == "b" and caught.value.actual == (6, 2) and caught.value.expected == (1, 2)


def test_integer_parameter():
    def cost(W, X):
        return np.sum((X @ W) ** 2)

    def backward(W, X):
        return 2 * X.T @ (X @ W)

    with pytest.raises(ParameterError, match="integer"):
        verify(backward, loss=cost, parameters="W")(np.ones((3, 2), dtype=int), X)
    verify(backward, loss=cost, parameters="W")(np.ones((3, 2)), X)


def test_update_before_the_old_value_is_used():
    class Net:
        def __init__(self):
            r = np.random.default_rng(1)
            self.W1, self.W2 = r.normal(size=(3, 4)), r.normal(size=(4, 2))

        def cost(self, x, y):
            return np.mean((np.tanh(x @ self.W1) @ self.W2 - y) ** 2)

        @verify(loss="cost")
        def hasty(self, x, y, lr):
            a = np.tanh(x @ self.W1)
            d = 2 * (a @ self.W2 - y) / y.size
            self.W2 -= lr * a.T @ d
            self.W1 -= lr * x.T @ (d @ self.W2.T * (1 - a**2))

        @verify(loss="cost")
        def patient(self, x, y, lr):
            a = np.tanh(x @ self.W1)
            d = 2 * (a @ self.W2 - y) / y.size
            d1 = d @ self.W2.T * (1 - a**2)
            self.W2 -= lr * a.T @ d
            self.W1 -= lr * x.T @ d1

    Net().patient(X, Y, 0.1)
    with pytest.raises(GradientMismatchError) as caught:
        Net().hasty(X, Y, 0.1)
    assert "`self.W2` is updated before its old value is used for the gradient of `self.W1`" in str(caught.value)


def test_ascent():
    class Net:
        W = np.ones((3, 2))

        def cost(self, x, y):
            return np.sum((x @ self.W - y) ** 2)

        @verify(loss="cost")
        def learn(self, x, y):
            self.W = self.W + 0.1 * 2 * x.T @ (x @ self.W - y)

    with pytest.raises(GradientMismatchError, match="uphill"):
        Net().learn(X, Y)


class Residual:
    """`y - out`, and a gradient that is minus what it should be."""

    def __init__(self):
        self.W = np.random.default_rng(3).normal(size=(3, 2))

    def cost(self, x, y):
        return 0.5 * np.sum((x @ self.W - y) ** 2)


def test_minus_the_gradient_that_the_update_subtracts():
    class Net(Residual):
        @verify(loss="cost")
        def backward(self, x, y):
            self.slope_W = None
            self.dW_a = x.T @ (y - x @ self.W)

        def fit(self, x, y, lr):
            self.backward(x, y)
            self.W = self.W - lr * self.dW_a

    checked = verify(Net.backward.__wrapped__, loss="cost", pairs={"dW_a": "W"})
    with pytest.raises(GradientMismatchError, match="your update subtracts it"):
        checked(Net(), X, Y)


def test_minus_the_gradient_of_which_no_update_is_known():
    def negative(W, X, Y):
        return X.T @ (Y - X @ W)

    def cost(W, X, Y):
        return 0.5 * np.sum((X @ W - Y) ** 2)

    with pytest.raises(GradientMismatchError, match=r"sign=-1"):
        verify(negative, loss=cost)(np.ones((3, 2)), X, Y)
    verify(negative, loss=cost, sign=-1)(np.ones((3, 2)), X, Y)
    with pytest.raises(GradientMismatchError):
        verify(negative, loss=cost, sign=1)(np.ones((3, 2)), X, Y)


def test_input_changed_in_place():
    def cost(W, X, Y):
        return np.sum((X @ W - Y) ** 2)

    def backward(W, X, Y):
        grad = 2 * X.T @ (X @ W - Y)
        X *= 0.5
        return grad

    with pytest.raises(BackwardMutationError, match=r"changes `X` \(6, 3\) in place"):
        verify(backward, loss=cost)(np.ones((3, 2)), X.copy(), Y)


class Squash:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out


def test_cached_activation_changed_in_place():
    class Damaging(Squash):
        @verify
        def backward(self, dout):
            self.out **= 2
            return dout * (1 - self.out)

    layer = Damaging()
    layer.forward(X)
    with pytest.raises(BackwardMutationError, match=r"`self.out` \(6, 3\) in place, and a second identical call"):
        layer.backward(np.ones_like(X))


def test_a_masked_cotangent_is_no_damage():
    """`dout[mask] = 0; return dout`: as in many books, and harmless."""

    class ReLU:
        def forward(self, x):
            self.mask = x <= 0
            out = x.copy()
            out[self.mask] = 0
            return out

        @verify
        def backward(self, dout):
            dout[self.mask] = 0
            dx = dout
            return dx

    layer = ReLU()
    layer.forward(X)
    layer.backward(np.ones_like(X))
    assert ReLU.backward.verification.report.decided


def test_wrong_only_away_from_the_first_parameters():
    """Scale 1 and bias 0 hide that the slope is taken in the wrong place; a second point does not."""

    class Scale:
        def __init__(self):
            self.gamma = np.ones(3)

        def forward(self, x):
            self.x = x
            return np.tanh(self.gamma * x)

        @verify
        def backward(self, dout):
            self.dgamma = (dout * (1 - np.tanh(self.x) ** 2) * self.x).sum(axis=0)
            return dout * self.gamma * (1 - np.tanh(self.gamma * self.x) ** 2)

    layer = Scale()
    layer.forward(X)
    with pytest.raises(GradientMismatchError) as caught:
        layer.backward(np.ones_like(X))
    assert "right at the given parameters, wrong after a small random change" in str(caught.value)


def test_forward_values_of_another_batch():
    class Net(Residual):
        def forward(self, x):
            self.x = x
            return x @ self.W

        @verify(loss="cost")
        def backward(self, x, y):
            out = self.x @ self.W
            self.dW = self.x.T @ (out - y)

        def cost(self, x, y):
            return 0.5 * np.sum((self.forward(x) - y) ** 2)

    net = Net()
    net.forward(X[::-1].copy())
    with pytest.raises(GradientMismatchError) as caught:
        net.backward(X, Y)
    assert "what an earlier forward pass had left" in str(caught.value)
    net.forward(X)
    net.backward(X, Y)


def test_errors_survive_pickling():
    with pytest.raises(PairingError) as caught:
        verify(lambda params, X, Y: None, loss=cost_of)(weights(), X, Y)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value) and copy.considered == caught.value.considered


def test_a_cache_that_lacks_an_input_is_told_which():
    def affine_forward(x, w, b):
        return x @ w + b, (x, w)

    def affine_backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

    x, w, b = X, np.ones((3, 2)), np.ones(2)
    out, cache = affine_forward(x, w, b)
    with pytest.raises(VerificationError, match="it needs `b`, which `affine_backward` is not given"):
        verify(affine_backward, forward=affine_forward)(np.ones(out.shape), cache)
