# ruff: noqa: PT018, A002, N805  programs as people write them
"""Networks and layers that are classes: gradients left on objects, vector-Jacobian form, updates applied at once."""

from __future__ import annotations

import numpy as np
import pytest

from shapecheck import GradientMismatchError, verify

rng = np.random.default_rng(5)
X = rng.normal(size=(6, 3))
Y = rng.normal(size=(6, 2))


def right(a):
    return 1 - a**2


def wrong(a):
    return 1 - a


class TwoLayers:
    """What all the networks below have in common: `tanh(x W1 + b1) W2 + b2`."""

    def __init__(self, seed=1):
        r = np.random.default_rng(seed)
        self.W1, self.b1 = r.normal(size=(3, 4)), np.zeros(4)
        self.W2, self.b2 = r.normal(size=(4, 2)), np.zeros(2)

    def forward(self, x):
        self.x = x
        self.a1 = np.tanh(x @ self.W1 + self.b1)
        self.out = self.a1 @ self.W2 + self.b2
        return self.out

    def cost(self, x, t):
        return 0.5 * np.mean(np.sum((self.forward(x) - t) ** 2, axis=1))


def attributes(slope):
    class Net(TwoLayers):
        @verify(loss="cost")
        def backprop(self, x, t):
            d2 = (self.forward(x) - t) / len(x)
            self.dW2, self.db2 = self.a1.T @ d2, d2.sum(axis=0)
            d1 = d2 @ self.W2.T * slope(self.a1)
            self.dW1, self.db1 = x.T @ d1, d1.sum(axis=0)

    Net().backprop(X, Y)
    return Net.backprop


def attributes_from_the_forward_pass_before(slope):
    """`backward` reads what `forward` has cached; `cost` runs `forward` again, which refreshes it."""

    class Net(TwoLayers):
        @verify(loss="cost")
        def backward(self, t):
            d2 = (self.out - t) / len(t)
            d1 = d2 @ self.W2.T * slope(self.a1)
            self.W1_grad, self.b1_grad = self.x.T @ d1, d1.sum(axis=0)
            self.W2_grad, self.b2_grad = self.a1.T @ d2, d2.sum(axis=0)

    net = Net()
    net.forward(X)
    net.backward(Y)
    return Net.backward


def dict_on_self(slope):
    class Net(TwoLayers):
        def __init__(self):
            super().__init__()
            self.grads = {}

        @verify(loss="cost")
        def backprop(self, x, t):
            d2 = (self.forward(x) - t) / len(x)
            d1 = d2 @ self.W2.T * slope(self.a1)
            for layer, (d, a) in {1: (d1, x), 2: (d2, self.a1)}.items():
                self.grads["W" + str(layer)] = a.T @ d
                self.grads["b" + str(layer)] = d.sum(axis=0)
            return self.grads

    Net().backprop(X, Y)
    return Net.backprop


class TwoLayersWithoutBiases(TwoLayers):
    def __init__(self):
        super().__init__()
        self.b1 = self.b2 = 0


class Deep:
    """Lists with None first, so that index 1 is layer 1."""

    def __init__(self):
        r = np.random.default_rng(2)
        self.weights = [None, r.normal(size=(3, 3)), r.normal(size=(3, 3)), r.normal(size=(3, 2))]
        self.biases = [None, np.zeros(3), np.zeros(3), np.zeros(2)]

    def forward(self, x):
        self.a = [x]
        for w, b in zip(self.weights[1:], self.biases[1:], strict=True):
            self.a.append(np.tanh(self.a[-1] @ w + b))
        return self.a[-1]

    def loss(self, x, y):
        return np.sum((self.forward(x) - y) ** 2) / len(x)


def lists_with_none_first(slope):
    class Net(Deep):
        @verify(loss="loss")
        def backward(self, x, y):
            self.dW, self.db = [None] * 4, [None] * 4
            delta = 2 * (self.forward(x) - y) / len(x)
            for i in range(3, 0, -1):
                delta = delta * slope(self.a[i])
                self.dW[i] = self.a[i - 1].T @ delta
                self.db[i] = delta.sum(axis=0)
                delta = delta @ self.weights[i].T

    Net().backward(X, Y)
    assert Net.backward.verification.pairs["self.dW[2]"] == "self.weights[2]"
    return Net.backward


def nielsens_lists(slope):
    class Net(Deep):
        @verify(loss="loss")
        def backprop(self, x, y):
            nabla_w, nabla_b = [np.zeros_like(w) for w in self.weights[1:]], [np.zeros_like(b) for b in self.biases[1:]]
            delta = 2 * (self.forward(x) - y) / len(x) * slope(self.a[-1])
            for i in range(1, 4):
                nabla_w[-i], nabla_b[-i] = self.a[-i - 1].T @ delta, delta.sum(axis=0)
                if i < 3:
                    delta = delta @ self.weights[-i].T * slope(self.a[-i - 1])
            return nabla_b, nabla_w

    Net().backprop(X, Y)
    return Net.backprop


def accumulators(slope):
    """Filled sample by sample, and added to what was there."""

    class Net(TwoLayers):
        def __init__(self):
            super().__init__()
            self.zero_grad()

        def zero_grad(self):
            self.acc_dW1, self.acc_db1 = np.zeros_like(self.W1), np.zeros_like(self.b1)
            self.acc_dW2, self.acc_db2 = np.zeros_like(self.W2), np.zeros_like(self.b2)

        @verify(loss="cost", every=1)
        def accumulate(self, x, t):
            for row, target in zip(x, t, strict=True):
                d2 = (self.forward(row[None]) - target) / len(x)
                d1 = d2 @ self.W2.T * slope(self.a1)
                self.acc_dW2 += self.a1.T @ d2
                self.acc_db2 += d2[0]
                self.acc_dW1 += row[:, None] @ d1
                self.acc_db1 += d1[0]

    net = Net()
    net.accumulate(X, Y)
    once = net.acc_dW1.copy()
    net.accumulate(X, Y)
    assert np.allclose(net.acc_dW1, 2 * once)
    assert Net.accumulate.verification.checked == 2
    return Net.accumulate


def layer_objects_of_a_net(slope):
    class Dense:
        def __init__(self, n, m, r):
            self.weights, self.bias = r.normal(size=(n, m)), np.zeros((1, m))

    class Net:
        def __init__(self):
            r = np.random.default_rng(4)
            self.layers = [Dense(3, 3, r), Dense(3, 2, r)]

        def predict(self, x):
            for layer in self.layers:
                layer.x = x
                x = layer.y = np.tanh(x @ layer.weights + layer.bias)
            return x

        def mse(self, x, y):
            return np.mean((self.predict(x) - y) ** 2)

        @verify(loss="mse")
        def backward(self, x, y):
            grad = 2 * (self.predict(x) - y) / y.size
            for layer in reversed(self.layers):
                grad = grad * slope(layer.y)
                layer.grad_weights = layer.x.T @ grad
                layer.grad_bias = grad.sum(axis=0, keepdims=True)
                grad = grad @ layer.weights.T

    Net().backward(X, Y)
    return Net.backward


def applied_with_a_rate(slope):
    class Net(TwoLayers):
        @verify(loss="cost")
        def learn(self, x, t, lr):
            d2 = (self.forward(x) - t) / len(x)
            d1 = d2 @ self.W2.T * slope(self.a1)
            self.W2 -= lr * self.a1.T @ d2
            self.b2 -= lr * d2.sum(axis=0)
            self.W1 -= lr * x.T @ d1
            self.b1 -= lr * d1.sum(axis=0)

    net, twin = Net(), TwoLayers()
    net.learn(X, Y, 0.1)
    assert not np.array_equal(net.W1, twin.W1)
    return Net.learn


def applied_with_a_literal_rate(slope):
    class Net(TwoLayers):
        @verify(loss="cost")
        def learn(self, x, t):
            d2 = t - self.forward(x)
            d1 = d2 @ self.W2.T * slope(self.a1)
            self.W2 = self.W2 + 0.05 * self.a1.T @ d2 / len(x)
            self.b2 = self.b2 + 0.05 * d2.mean(axis=0)
            self.W1 = self.W1 + 0.05 * x.T @ d1 / len(x)
            self.b1 = self.b1 + 0.05 * d1.mean(axis=0)

    Net().learn(X, Y)
    return Net.learn


def applied_sample_by_sample(slope):
    class Net(TwoLayers):
        def __init__(self):
            super().__init__()
            self.learning_rate = 0.3

        def sum_of_losses(self, x, t):
            return 0.5 * np.sum((self.forward(x) - t) ** 2)

        @verify(loss="sum_of_losses")
        def epoch(self, x, t):
            for row, target in zip(x, t, strict=True):
                d2 = self.forward(row[None]) - target
                d1 = d2 @ self.W2.T * slope(self.a1)
                self.W2 -= self.learning_rate * self.a1.T @ d2
                self.b2 -= self.learning_rate * d2[0]
                self.W1 -= self.learning_rate * row[:, None] @ d1
                self.b1 -= self.learning_rate * d1[0]

    Net().epoch(X, Y)
    return Net.epoch


def applied_with_momentum_of_zero_at_first(slope):
    class Net(TwoLayersWithoutBiases):
        def __init__(self):
            super().__init__()
            self.vW1, self.vW2 = np.zeros_like(self.W1), np.zeros_like(self.W2)

        @verify(loss="cost")
        def learn(self, x, t, lr=0.1):
            d2 = (self.forward(x) - t) / len(x)
            d1 = d2 @ self.W2.T * slope(self.a1)
            self.dW1, self.dW2 = x.T @ d1, self.a1.T @ d2
            self.vW1 = 0.9 * self.vW1 - lr * self.dW1
            self.vW2 = 0.9 * self.vW2 - lr * self.dW2
            self.W1 += self.vW1
            self.W2 += self.vW2

    Net().learn(X, Y)
    return Net.learn


def target_minus_output(slope):
    """Minus the gradient, and an update that adds it."""

    class Net(TwoLayersWithoutBiases):
        def train(self, x, t, lr):
            self.backward(x, t)
            self.W1 += lr * self.delta_W1
            self.W2 += lr * self.delta_W2

        @verify(loss="cost")
        def backward(self, x, t):
            error = (t - self.forward(x)) / len(x)
            self.delta_W2 = self.a1.T @ error
            self.delta_W1 = x.T @ (error @ self.W2.T * slope(self.a1))

    Net().train(X, Y, 0.1)
    return Net.backward


def dense_layer(slope):
    class Dense:
        def __init__(self, n, m):
            self.W, self.b = rng.normal(size=(n, m)), np.zeros(m)

        def forward(self, x):
            self.x = x
            self.y = np.tanh(x @ self.W + self.b)
            return self.y

        @verify(forward="forward")
        def backward(self, dout):
            dz = dout * slope(self.y)
            self.dW, self.db = self.x.T @ dz, dz.sum(axis=0)
            return dz @ self.W.T

    layer = Dense(3, 2)
    layer.forward(X)
    layer.backward(np.ones((6, 2)))
    assert set(Dense.backward.verification.pairs.values()) == {"self.W", "self.b", "x"}
    return Dense.backward


def dense_layer_defined_backward_first(slope):
    class Dense:
        W = None

        @verify(forward="forward")
        def backward(self, grad_output):
            dz = grad_output * slope(self.y)
            self.grad_weights = self.x.T @ dz
            return np.dot(dz, self.weights.T)

        def forward(self, inputs):
            self.x = inputs
            self.y = np.tanh(inputs @ self.weights)
            return self.y

    layer = Dense()
    layer.weights = rng.normal(size=(3, 2))
    layer.forward(X)
    layer.backward(np.ones((6, 2)))
    return Dense.backward


def layer_without_weights(slope):
    """It keeps its output only: the input is known from the forward call alone."""

    class Tanh:
        def forward(self, x):
            self.out = np.tanh(x)
            return self.out

        @verify
        def backward(self, dout):
            return dout * slope(self.out)

    layer = Tanh()
    layer.forward(X)
    layer.backward(np.ones_like(X))
    return Tanh.backward


def layer_that_applies_its_step(slope):
    class Dense:
        def __init__(self):
            self.filters = rng.normal(size=(3, 2))

        def forward(self, input):
            self.last_input = input
            self.last_out = np.tanh(input @ self.filters)
            return self.last_out

        @verify(forward="forward")
        def backprop(self, d_L_d_out, learn_rate):
            d = d_L_d_out * slope(self.last_out)
            d_L_d_filters = self.last_input.T @ d
            d_L_d_input = d @ self.filters.T
            self.filters -= learn_rate * d_L_d_filters
            return d_L_d_input

    layer = Dense()
    layer.forward(X)
    layer.backprop(np.ones((6, 2)), 0.01)
    assert set(Dense.backprop.verification.pairs.values()) == {"self.filters", "input"}
    return Dense.backprop


def accumulating_layer(slope):
    class Dense:
        def __init__(self):
            self.W = rng.normal(size=(3, 2))
            self.dW = np.zeros_like(self.W)

        def forward(self, x):
            self.x = x
            self.out = np.tanh(x @ self.W)
            return self.out

        @verify(forward="forward", every=1)
        def backward(self, dout):
            dz = dout * slope(self.out)
            self.dW += self.x.T @ dz
            return dz @ self.W.T

    layer = Dense()
    for _ in range(2):
        layer.forward(X)
        layer.backward(np.ones((6, 2)))
    return Dense.backward


def class_decorator(slope):
    @verify
    class Dense:
        def __init__(self):
            self.W = rng.normal(size=(3, 2))

        def forward(self, x):
            self.cache = (x, np.tanh(x @ self.W))
            return self.cache[1]

        def backward(self, dout):
            x, out = self.cache
            dz = dout * slope(out)
            self.dW = x.T @ dz
            return dz @ self.W.T

        def act_forward(self, z):
            self.act = np.tanh(z)
            return self.act

        def act_backward(self, dact):
            return dact * right(self.act)

    layer = Dense()
    layer.forward(X)
    layer.backward(np.ones((6, 2)))
    layer.act_forward(X)
    layer.act_backward(X)
    assert Dense.act_backward.verification.report.decided
    return Dense.backward


def class_decorator_on_a_network(slope):
    @verify(loss="cost")
    class Net(TwoLayersWithoutBiases):
        def backprop(self, x, t):
            d2 = (self.forward(x) - t) / len(x)
            d1 = d2 @ self.W2.T * slope(self.a1)
            self.dW1, self.dW2 = x.T @ d1, self.a1.T @ d2

    Net().backprop(X, Y)
    return Net.backprop


def loss_layer(slope):
    """`backward()` takes no cotangent: the forward pass returns the loss itself."""

    class HalfSquare:
        def forward(self, z, t):
            self.out, self.t = np.tanh(z), t
            return 0.5 * np.sum((self.out - t) ** 2) / len(t)

        @verify
        def backward(self, dout=1):
            dx = (self.out - self.t) * slope(self.out) / len(self.t)
            return dx * dout

    layer = HalfSquare()
    layer.forward(X, np.zeros_like(X))
    layer.backward()
    return HalfSquare.backward


def static_method(slope):
    class Net:
        @staticmethod
        def cost(W, x, y):
            return np.sum((np.tanh(x @ W) - y) ** 2)

        @staticmethod
        @verify(loss=lambda W, x, y: np.sum((np.tanh(x @ W) - y) ** 2))
        def gradient(W, x, y):
            a = np.tanh(x @ W)
            return x.T @ (2 * (a - y) * slope(a))

    Net.gradient(rng.normal(size=(3, 2)), X, Y)
    return Net.gradient


def class_method(slope):
    class Net:
        W = rng.normal(size=(3, 2))

        @classmethod
        def cost(cls, x, y):
            return np.sum((np.tanh(x @ cls.W) - y) ** 2)

        @verify(loss="cost")
        @classmethod
        def backward(cls, x, y):
            a = np.tanh(x @ cls.W)
            cls.dW = x.T @ (2 * (a - y) * slope(a))

    Net.backward(X, Y)
    return Net.backward


def object_of_another_name_in_a_module_that_subtracts_too(slope):
    """`s.w += rate * s.dw` in this class; in the one below the same names are subtracted."""

    class Adding:
        def __init__(s):
            s.w, s.c = rng.normal(size=(3, 2)), np.zeros(2)

        def loss(s, x, t):
            return 0.5 * np.sum((t - np.tanh(x @ s.w + s.c)) ** 2)

        @verify(loss="loss")
        def gradient(s, x, t):
            a = np.tanh(x @ s.w + s.c)
            d = (t - a) * slope(a)
            s.dw, s.dc = x.T @ d, d.sum(axis=0)

        def train(s, x, t):
            s.gradient(x, t)
            s.w += 0.1 * s.dw
            s.c += 0.1 * s.dc

    class Subtracting:
        def step(self):
            self.w -= 0.1 * self.dw
            self.c -= 0.1 * self.dc

    del Subtracting
    Adding().train(X, Y)
    assert "these are minus the gradient, as your update adds it" in Adding.gradient.verification.notes
    return Adding.gradient


W = rng.normal(size=(3, 2))


def attribute_of_the_name_of_a_global(slope):
    class Net:
        def __init__(self):
            self.W = W.copy()

        def loss(self, x, t):
            return np.sum((np.tanh(x @ self.W) - t) ** 2)

        @verify(loss="loss")
        def back(self, x, t):
            a = np.tanh(x @ self.W)
            self.dW = x.T @ (2 * (a - t) * slope(a))
            return self.dW

    Net().back(X, Y)
    assert Net.back.verification.pairs == {"self.dW": "self.W"}
    return Net.back


def gain_called_g(slope):
    @verify
    class Scale:
        def __init__(self):
            self.g = np.ones(3)

        def forward(self, x):
            self.a = np.tanh(x)
            return self.a * self.g

        def backward(self, dout):
            self.dg = (dout * slope(self.a) / (1 - self.a**2) * self.a).sum(axis=0)
            return dout * self.g * (1 - self.a**2)

    layer = Scale()
    layer.backward(layer.forward(X))
    assert Scale.backward.verification.pairs["self.dg"] == "self.g"
    return Scale.backward


def accumulator_called_gW(slope):
    @verify
    class Layer:
        def __init__(self):
            self.W, self.gW = rng.normal(size=(3, 2)), np.zeros((3, 2))

        def forward(self, x):
            self.x, self.a = x, np.tanh(x @ self.W)
            return self.a

        def backward(self, dout):
            d = dout * slope(self.a)
            self.gW += self.x.T @ d
            return dout * (1 - self.a**2) @ self.W.T

    layer = Layer()
    layer.backward(layer.forward(X))
    assert Layer.backward.verification.pairs["self.gW"] == "self.W"
    return Layer.backward


def loss_that_gives_scores_first(slope):
    """As in a course: without labels the function predicts, with them it returns the loss and the gradients."""

    class Net(TwoLayers):
        @verify
        def loss(self, x, y=None):
            out = self.forward(x)
            if y is None:
                return out
            d = (out - y) / len(x)
            d1 = d @ self.W2.T * slope(self.a1)
            grads = {"W1": x.T @ d1, "b1": d1.sum(axis=0), "W2": self.a1.T @ d, "b2": d.sum(axis=0)}
            return 0.5 * np.mean(np.sum((out - y) ** 2, axis=1)), grads

    net = Net()
    net.loss(X)
    assert Net.loss.verification.checked == 0
    net.loss(X, Y)
    return Net.loss


ORGANISATIONS = [
    attributes, attributes_from_the_forward_pass_before, dict_on_self, lists_with_none_first, nielsens_lists,
    accumulators, layer_objects_of_a_net, applied_with_a_rate, applied_with_a_literal_rate, applied_sample_by_sample,
    applied_with_momentum_of_zero_at_first, target_minus_output, dense_layer, dense_layer_defined_backward_first,
    layer_without_weights, layer_that_applies_its_step, accumulating_layer, class_decorator,
    class_decorator_on_a_network, loss_layer, static_method, class_method,
    object_of_another_name_in_a_module_that_subtracts_too, attribute_of_the_name_of_a_global, gain_called_g,
    accumulator_called_gW, loss_that_gives_scores_first,
]  # fmt: skip


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda f: f.__name__)
def test_a_right_program_passes_and_is_decided(organisation):
    verification = organisation(right).verification
    assert verification.checked >= 1
    assert verification.report.decided, str(verification.report)
    assert verification.elsewhere is not None and verification.elsewhere.decided, verification.notes


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda f: f.__name__)
def test_its_wrong_twin_is_rejected(organisation):
    with pytest.raises(GradientMismatchError):
        organisation(wrong)
