# ruff: noqa: PT018, E741, PLW0603  programs as people write them
"""The networks that people ask about, written as they write them, with `@verify` where one would put it.

A story in five parts: a sum of two numbers, three layers of five, digits with two wrong transposes, 784-196-1 in
small, and admissions with `target - output`.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from shapecheck import GradientMismatchError, ShapeMismatchError, verify


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# --- a perceptron that learns to add: gradients are handed from the output back, layer by layer -------------------


class Perceptron:
    """2-5-1, row vectors; `back_propagate` is given the derivative of the error by the output."""

    def __init__(self, sizes):
        r = np.random.RandomState(3)
        self.weights = [r.randn(n, m) for n, m in itertools.pairwise(sizes)]
        self.bias = [np.zeros((1, m)) for m in sizes[1:]]
        self.dW = [np.zeros_like(w) for w in self.weights]
        self.db = [np.zeros_like(b) for b in self.bias]

    def forward_propagate(self, inputs):
        self.activations = [inputs]
        for w, b in zip(self.weights, self.bias, strict=True):
            self.activations.append(sigmoid(self.activations[-1] @ w + b))
        return self.activations[-1]

    @verify
    def back_propagate(self, error):
        for i in reversed(range(len(self.weights))):
            a = self.activations[i + 1]
            delta = error * a * (1 - a)
            self.dW[i] = self.activations[i].T @ delta
            self.db[i] = delta.sum(axis=0, keepdims=True)
            error = delta @ self.weights[i].T
        return error


class PerceptronWithTheSlopeOfTheInput(Perceptron):
    """`s'(a)` where `s'(h)` was meant: sigmoid applied twice."""

    @verify
    def back_propagate(self, error):
        for i in reversed(range(len(self.weights))):
            s = sigmoid(self.activations[i + 1])
            delta = error * s * (1 - s)
            self.dW[i] = self.activations[i].T @ delta
            self.db[i] = delta.sum(axis=0, keepdims=True)
            error = delta @ self.weights[i].T
        return error


def learn_to_add(network):
    r = np.random.RandomState(0)
    for _ in range(4):
        inputs = r.rand(1, 2) / 2
        output = network.forward_propagate(inputs)
        network.back_propagate(2 * (output - inputs.sum(axis=1, keepdims=True)))
    return type(network).back_propagate.verification


def test_a_perceptron_that_adds():
    verification = learn_to_add(Perceptron([2, 5, 1]))
    assert verification.report.decided and verification.elsewhere.decided
    assert verification.pairs["self.dW[0]"] == "self.weights[0]"


def test_a_slope_taken_at_the_wrong_place():
    with pytest.raises(GradientMismatchError) as caught:
        learn_to_add(PerceptronWithTheSlopeOfTheInput([2, 5, 1]))
    assert "self.weights[0]" in str(caught.value)


# --- three layers of objects, columns, cross-entropy; biases that must be summed over the batch --------------------


class Layer:
    def __init__(self, units, inputs, r):
        self.weights = r.randn(units, inputs)
        self.bias = np.zeros((units, 1))


class BinaryNetwork:
    def __init__(self):
        r = np.random.RandomState(1)
        self.layer1, self.layer2, self.layer3 = Layer(5, 2, r), Layer(5, 5, r), Layer(1, 5, r)

    def run(self, inputs):
        self.a1 = sigmoid(self.layer1.weights @ inputs + self.layer1.bias)
        self.a2 = sigmoid(self.layer2.weights @ self.a1 + self.layer2.bias)
        self.a3 = sigmoid(self.layer3.weights @ self.a2 + self.layer3.bias)
        return self.a3

    def cost(self, inputs, labels):
        y_hat = self.run(inputs)
        return -np.sum(labels * np.log(y_hat) + (1 - labels) * np.log(1 - y_hat))

    def deltas(self, inputs, labels):
        y_hat = self.run(inputs)
        d3 = y_hat - labels
        d2 = self.layer3.weights.T @ d3 * self.a2 * (1 - self.a2)
        d1 = self.layer2.weights.T @ d2 * self.a1 * (1 - self.a1)
        return d1, d2, d3

    @verify(loss="cost")
    def gradients(self, inputs, labels):
        d1, d2, d3 = self.deltas(inputs, labels)
        Dw_layer1, Db_layer1 = d1 @ inputs.T, d1.sum(axis=1, keepdims=True)
        Dw_layer2, Db_layer2 = d2 @ self.a1.T, d2.sum(axis=1, keepdims=True)
        Dw_layer3, Db_layer3 = d3 @ self.a2.T, d3.sum(axis=1, keepdims=True)
        return Dw_layer1, Db_layer1, Dw_layer2, Db_layer2, Dw_layer3, Db_layer3

    @verify(loss="cost")
    def gradients_with_biases_as_they_come(self, inputs, labels):
        d1, d2, d3 = self.deltas(inputs, labels)
        Dw_layer1, Dw_layer2, Dw_layer3 = d1 @ inputs.T, d2 @ self.a1.T, d3 @ self.a2.T
        Db_layer1, Db_layer2, Db_layer3 = d1, d2, d3
        return Dw_layer1, Db_layer1, Dw_layer2, Db_layer2, Dw_layer3, Db_layer3


points = np.random.RandomState(2).randn(2, 7)
labels = (points[:1] * points[1:] > 0).astype(float)


def test_three_layers_as_objects():
    BinaryNetwork().gradients(points, labels)
    verification = BinaryNetwork.gradients.verification
    assert verification.report.decided
    assert verification.pairs["Dw_layer2"] == "self.layer2.weights"


def test_a_bias_gradient_that_is_still_a_batch():
    with pytest.raises(ShapeMismatchError) as caught:
        BinaryNetwork().gradients_with_biases_as_they_come(points, labels)
    assert caught.value.actual == (5, 7) and caught.value.expected == (5, 1)


# --- digits: one sample as a row, long names, a tuple in an order of its own --------------------------------------


class Digits:
    def __init__(self):
        r = np.random.RandomState(5)
        self.weights_input_layer_to_hidden_layer = r.randn(11, 6)
        self.bias_on_hidden_layer = np.zeros((6, 1))
        self.weights_hidden_layer_to_output_layer = r.randn(6, 4)
        self.bias_on_output_layer = np.zeros((4, 1))

    def forward_propagation(self, x):
        self.hidden_layer = sigmoid(self.weights_input_layer_to_hidden_layer.T.dot(x.T) + self.bias_on_hidden_layer)
        return sigmoid(self.weights_hidden_layer_to_output_layer.T.dot(self.hidden_layer) + self.bias_on_output_layer)

    def loss(self, x, y):
        return np.sum((self.forward_propagation(x) - y) ** 2) / 2

    @verify(loss="loss")
    def backpropagation(self, x, y):
        out = self.forward_propagation(x)
        delta2 = (out - y) * out * (1 - out)
        derivative_W2 = self.hidden_layer.dot(delta2.T)
        derivative_b2 = delta2
        delta1 = self.weights_hidden_layer_to_output_layer.dot(delta2) * self.hidden_layer * (1 - self.hidden_layer)
        derivative_W1 = x.T.dot(delta1.T)
        derivative_b1 = delta1
        return derivative_W2, derivative_b2, derivative_W1, derivative_b1


def test_names_that_do_not_match_are_paired_by_shape():
    Digits().backpropagation(np.random.RandomState(1).rand(1, 11), np.eye(4)[:, [2]])
    verification = Digits.backpropagation.verification
    assert verification.report.decided
    assert verification.pairs["derivative_W2"] == "self.weights_hidden_layer_to_output_layer"
    assert verification.pairs["derivative_b1"] == "self.bias_on_hidden_layer"


# --- an answer that makes it worse: 1 - A1**2 for a sigmoid, in plain functions -----------------------------------


def forward_pass(params, X):
    A1 = sigmoid(np.dot(params["W1"], X) + params["b1"])
    A2 = sigmoid(np.dot(params["W2"], A1) + params["b2"])
    return A2, {"A1": A1, "A2": A2}


def cross_entropy(A2, Y):
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


@verify(loss=cross_entropy, forward=forward_pass)
def answer(params, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dW2 = 1 / m * np.dot(dZ2, cache["A1"].T)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = np.dot(params["W2"].T, dZ2) * (1 - np.power(cache["A1"], 2))
    dW1 = 1 / m * np.dot(dZ1, X.T)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return dW1, db1, dW2, db2


def test_the_first_layer_is_wrong_and_the_second_is_not():
    r = np.random.RandomState(0)
    params = {"W1": r.randn(4, 2), "b1": np.zeros((4, 1)), "W2": r.randn(1, 4), "b2": np.zeros((1, 1))}
    _, cache = forward_pass(params, points)
    with pytest.raises(GradientMismatchError) as caught:
        answer(params, cache, points, labels)
    wrong = {row.name for row in caught.value.report.wrong()}
    assert wrong == {'params["W1"]', 'params["b1"]'}


# --- 784-196-1, in small: parameters and derivatives in dicts under built keys ------------------------------------


class ANN:
    def __init__(self, sizes, m):
        r = np.random.RandomState(1)
        self.L = len(sizes) - 1
        self.m = m
        self.parameters = {}
        for l in range(1, self.L + 1):
            self.parameters["W" + str(l)] = r.randn(sizes[l], sizes[l - 1]) / np.sqrt(sizes[l - 1])
            self.parameters["b" + str(l)] = np.zeros((sizes[l], 1))

    def forward(self, X):
        self.store = {"A0": X.T}
        A = X.T
        for l in range(1, self.L + 1):
            A = sigmoid(self.parameters["W" + str(l)].dot(A) + self.parameters["b" + str(l)])
            self.store["A" + str(l)] = A
        return A

    def cost(self, X, Y):
        A = self.forward(X)
        return float(np.squeeze(-(Y.dot(np.log(A.T)) + (1 - Y).dot(np.log(1 - A.T))) / self.m))

    @verify(loss="cost")
    def backward(self, X, Y):
        derivatives = {}
        self.forward(X)
        A = self.store["A" + str(self.L)]
        dA = -Y / A + (1 - Y) / (1 - A)
        for l in range(self.L, 0, -1):
            A = self.store["A" + str(l)]
            dZ = dA * A * (1 - A)
            derivatives["dW" + str(l)] = dZ.dot(self.store["A" + str(l - 1)].T) / self.m
            derivatives["db" + str(l)] = dZ.sum(axis=1, keepdims=True) / self.m
            dA = self.parameters["W" + str(l)].T.dot(dZ)
        return derivatives


class ANNWithoutTheMean(ANN):
    @verify(loss="cost")
    def backward(self, X, Y):
        derivatives = {}
        self.forward(X)
        dZ = self.store["A" + str(self.L)] - Y
        for l in range(self.L, 0, -1):
            derivatives["dW" + str(l)] = dZ.dot(self.store["A" + str(l - 1)].T)
            derivatives["db" + str(l)] = dZ.sum(axis=1, keepdims=True)
            A = self.store["A" + str(l - 1)]
            dZ = self.parameters["W" + str(l)].T.dot(dZ) * A * (1 - A)
        return derivatives


def test_parameters_and_derivatives_in_dicts():
    r = np.random.RandomState(4)
    X, Y = r.rand(30, 49), (r.rand(1, 30) > 0.5).astype(float)
    ANN([49, 12, 1], 30).backward(X, Y)
    verification = ANN.backward.verification
    assert verification.report.decided
    assert verification.pairs['derivatives["dW1"]'] == 'self.parameters["W1"]'
    with pytest.raises(GradientMismatchError):
        ANNWithoutTheMean([49, 12, 1], 30).backward(X, Y)


# --- admissions: globals, accumulators, `target - output` and `+=` ------------------------------------------------


features = np.random.RandomState(8).randn(9, 6)
targets = (np.random.RandomState(9).rand(9) > 0.6).astype(float)
weights_input_hidden = np.random.RandomState(10).normal(scale=0.4, size=(6, 2))
weights_hidden_output = np.random.RandomState(11).normal(scale=0.4, size=2)


def half_square(features, targets):
    output = sigmoid(sigmoid(features @ weights_input_hidden) @ weights_hidden_output)
    return 0.5 * np.sum((targets - output) ** 2)


def accumulate(features, targets, slope):
    del_w_input_hidden = np.zeros(weights_input_hidden.shape)
    del_w_hidden_output = np.zeros(weights_hidden_output.shape)
    for x, y in zip(features, targets, strict=True):
        hidden_output = sigmoid(np.dot(x, weights_input_hidden))
        output = sigmoid(np.dot(hidden_output, weights_hidden_output))
        output_error_term = (y - output) * output * (1 - output)
        hidden_error = np.dot(output_error_term, weights_hidden_output)
        hidden_error_term = hidden_error * slope(hidden_output)
        del_w_hidden_output += output_error_term * hidden_output
        del_w_input_hidden += hidden_error_term * x[:, None]
    return del_w_input_hidden, del_w_hidden_output


@verify(loss=half_square)
def epoch(features, targets):
    del_w_input_hidden, del_w_hidden_output = accumulate(features, targets, lambda a: a * (1 - a))
    return del_w_input_hidden, del_w_hidden_output


@verify(loss=half_square)
def epoch_with_half_a_slope(features, targets):
    del_w_input_hidden, del_w_hidden_output = accumulate(features, targets, lambda a: 1 - a)
    return del_w_input_hidden, del_w_hidden_output


def train(learnrate=0.5):
    global weights_input_hidden, weights_hidden_output
    for _ in range(3):
        del_w_input_hidden, del_w_hidden_output = epoch(features, targets)
        weights_input_hidden += learnrate * del_w_input_hidden / len(features)
        weights_hidden_output += learnrate * del_w_hidden_output / len(features)


def test_minus_the_gradient_added_by_the_update_is_right():
    train()
    verification = epoch.verification
    assert verification.report.decided
    assert any("minus the gradient, as your update adds it" in note for note in verification.notes)
    with pytest.raises(GradientMismatchError) as caught:
        epoch_with_half_a_slope(features, targets)
    assert "weights_input_hidden" in str(caught.value)
