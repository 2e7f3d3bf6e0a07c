# ruff: noqa: PT018  programs as people write them
"""Functions that compute gradients and apply them at once, and what stands between a gradient and its step."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shapecheck import GradientMismatchError, NondeterministicLossError, PairingError, verify
from shapecheck.gradients.errors import LossError

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))


def fresh():
    return {"W": np.random.default_rng(1).normal(size=(3, 2)), "b": np.zeros(2)}


def mean_square(params, X, Y):
    return np.mean((X @ params["W"] + params["b"] - Y) ** 2)


def slopes(params, X, Y, scale):
    d = scale * (X @ params["W"] + params["b"] - Y) / Y.size
    return X.T @ d, d.sum(axis=0)


def in_place_in_a_dict(scale):
    @verify(loss=mean_square)
    def train_step(params, X, Y, learning_rate):
        dW, db = slopes(params, X, Y, scale)
        params["W"] -= learning_rate * dW
        params["b"] -= learning_rate * db
        return params, mean_square(params, X, Y)

    train_step(fresh(), X, Y, 0.1)
    return train_step


def the_loss_is_returned_and_the_step_is_taken(scale):
    @verify
    def train_step(params, X, Y, lr):
        loss = mean_square(params, X, Y)
        dW, db = slopes(params, X, Y, scale)
        params["W"] -= lr * dW
        params["b"] -= lr * db
        return loss

    params = fresh()
    train_step(params, X, Y, 0.1)
    assert not np.array_equal(params["b"], np.zeros(2))
    return train_step


def updated_parameters_are_returned(scale):
    def cost(W, b, X, Y):
        return mean_square({"W": W, "b": b}, X, Y)

    @verify(loss=cost)
    def update(W, b, X, Y, lr=0.1):
        dW, db = slopes({"W": W, "b": b}, X, Y, scale)
        W = W - lr * dW
        b = b - lr * db
        return W, b

    update(**fresh(), X=X, Y=Y)
    return update


def float32_steps(scale):
    """In float32 a step of 1e-7 of the weight is lost in rounding; it is read in float64."""

    @verify(loss=mean_square)
    def train_step(params, X, Y, lr):
        dW, db = slopes(params, X, Y, np.float32(scale))
        params["W"] -= np.float32(lr) * dW
        params["b"] -= np.float32(lr) * db

    params = {name: (1000 * value).astype(np.float32) for name, value in fresh().items()}
    train_step(params, X.astype(np.float32) / 1000, Y.astype(np.float32), 1e-3)
    return train_step


STEPS = [
    in_place_in_a_dict,
    the_loss_is_returned_and_the_step_is_taken,
    updated_parameters_are_returned,
    float32_steps,
]


@pytest.mark.parametrize("organisation", STEPS, ids=lambda f: f.__name__)
def test_a_right_step_passes(organisation):
    verification = organisation(2).verification
    assert verification.report.decided, str(verification.report)
    assert {path.removeprefix("params")[-3:].strip('"[]') for path in verification.pairs.values()} == {"W", "b"}


@pytest.mark.parametrize("organisation", STEPS, ids=lambda f: f.__name__)
def test_its_wrong_twin_is_rejected(organisation):
    with pytest.raises(GradientMismatchError):
        organisation(2.1)


def test_a_bias_that_is_never_updated():
    @verify(loss=mean_square)
    def train_step(params, X, Y, lr):
        params["W"] -= lr * slopes(params, X, Y, 2)[0]

    with pytest.raises(GradientMismatchError) as caught:
        train_step(fresh(), X, Y, 0.1)
    assert [row.name for row in caught.value.report.wrong()] == ['params["b"]']


def test_steps_through_moments_cannot_be_judged():
    class Net:
        def __init__(self):
            self.W = np.random.default_rng(1).normal(size=(3, 2))
            self.m, self.v, self.t = np.zeros((3, 2)), np.zeros((3, 2)), 0

        def cost(self, x, y):
            return np.sum((x @ self.W - y) ** 2)

        @verify(loss="cost")
        def adam(self, x, y, lr=0.01):
            g = 2 * x.T @ (x @ self.W - y)
            self.t += 1
            self.m = 0.9 * self.m + 0.1 * g
            self.v = 0.999 * self.v + 0.001 * g * g
            self.W -= lr * (self.m / (1 - 0.9**self.t)) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)

    Net().adam(X, Y)
    verification = Net.adam.verification
    assert verification.report.ok and not verification.report.decided
    assert "the steps go through `self.m`" in verification.notes[0]


def test_clipped_gradients_cannot_be_judged_and_others_can():
    def cost(W, X, Y):
        return np.sum((X @ W - Y) ** 2)

    def clipping(factor):
        @verify(loss=cost)
        def backward(W, X, Y):
            return np.clip(factor * X.T @ (X @ W - Y), -5, 5)

        return backward

    checked = clipping(2)
    checked(np.ones((3, 2)), X, Y)
    assert checked.verification.report.ok and not checked.verification.report.decided
    assert "were cut off at 5" in checked.verification.notes[0]
    with pytest.raises(GradientMismatchError):
        clipping(2.2)(0.3 * np.ones((3, 2)), X, Y)


def test_a_generator_made_inside_the_loss():
    def cost(W):
        return np.sum((X @ W) ** 2 * np.random.default_rng().random((6, 2)))

    with pytest.raises(NondeterministicLossError):
        verify(lambda W: 2 * X.T @ (X @ W), loss=cost)(np.ones((3, 2)))


def test_a_loss_that_is_no_number():
    def cost(W):
        return np.sum(np.log(X @ W))

    with np.errstate(all="ignore"), pytest.raises(LossError, match="nan"):
        verify(lambda W: X.T @ (1 / (X @ W)), loss=cost)(np.ones((3, 2)))


def test_a_cache_that_the_loss_does_not_compute_afresh():
    """Right at the given parameters; at others nothing can be said, and nothing is."""

    def forward(P, X):
        h = np.tanh(X @ P["W1"])
        return h @ P["W2"], (X, h)

    def loss(P, cache, Y):
        return np.sum((forward(P, cache[0])[0] - Y) ** 2)

    @verify(loss=loss)
    def backward(P, cache, out, Y):
        X, h = cache
        d = 2 * (out - Y)
        return {"W2": h.T @ d, "W1": X.T @ (d @ P["W2"].T * (1 - h**2))}

    P = {"W1": rng.normal(size=(3, 4)), "W2": rng.normal(size=(4, 2))}
    out, cache = forward(P, X)
    backward(P, cache, out, Y)
    verification = backward.verification
    assert verification.report.decided and verification.elsewhere is None
    assert "`backward` reads `out`" in verification.notes[0] and "pass `forward=`" in verification.notes[0]


def neuron_network(slope):
    """Lists of dicts of Python floats, as in lessons without NumPy."""

    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    def forward(network, row):
        for layer in network:
            following = []
            for neuron in layer:
                *weights, bias = neuron["weights"]
                neuron["output"] = sigmoid(bias + sum(w * v for w, v in zip(weights, row, strict=True)))
                following.append(neuron["output"])
            row = following
        return row

    def cost(network, row, expected):
        return sum((o - e) ** 2 for o, e in zip(forward(network, row), expected, strict=True)) / 2

    @verify(loss=cost)
    def backward(network, row, expected):
        errors = [o - e for o, e in zip(forward(network, row), expected, strict=True)]
        for i in reversed(range(len(network))):
            inputs = row if i == 0 else [neuron["output"] for neuron in network[i - 1]]
            for neuron, error in zip(network[i], errors, strict=True):
                neuron["delta"] = error * slope(neuron["output"])
                neuron["gradient"] = [neuron["delta"] * v for v in [*inputs, 1.0]]
            errors = [sum(n["weights"][j] * n["delta"] for n in network[i]) for j in range(len(inputs))]

    network = [[{"weights": [0.1, 0.2, 0.3]}, {"weights": [0.3, -0.1, 0.2]}], [{"weights": [0.5, -0.6, 0.1]}]]
    backward(network, [1.0, 0.5], [0.2])
    return backward, network


def test_neurons_as_dicts_of_numbers():
    backward, network = neuron_network(lambda o: o * (1 - o))
    assert backward.verification.report.decided
    assert backward.verification.pairs['network[1][0]["gradient"]'] == 'network[1][0]["weights"]'
    assert network[0][0]["weights"] == [0.1, 0.2, 0.3]
    assert all(type(w) is float for w in network[0][0]["weights"])
    with pytest.raises(GradientMismatchError):
        neuron_network(lambda o: 1 - o)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_column_matrices():
    def cost(theta, X, y):
        return float(np.sum(np.power(X * theta.T - y, 2)) / 2)

    def make(factor):
        @verify(loss=cost)
        def gradient(theta, X, y):
            return factor * (X.T * (X * theta.T - y)).T

        return gradient

    arguments = np.matrix(rng.normal(size=(1, 3))), np.matrix(X), np.matrix(Y[:, :1])
    checked = make(1)
    checked(*arguments)
    assert checked.verification.report.decided
    with pytest.raises(GradientMismatchError):
        make(1.5)(*arguments)


def test_a_step_that_does_nothing_is_not_taken_for_a_gradient():
    @verify(loss=mean_square)
    def idle(params, X, Y):
        return "done"

    with pytest.raises(PairingError):
        idle(fresh(), X, Y)
