"""Right backward passes in every organisation of code; a test makes one mistake in one of them.

`run()` runs the check; the names of the programs are the organisations.
"""

from __future__ import annotations

_DATA = """
import numpy as np
from shapecheck import verify

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 7))
Y = (rng.random((1, 7)) > 0.5).astype(float)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    s = sigmoid(z)
    return s * (1 - s)
"""

FUNCTIONS = (
    _DATA
    + """

def parameters():
    rng = np.random.default_rng(1)
    return {
        "W1": rng.normal(size=(4, 3)), "b1": rng.normal(size=(4, 1)),
        "W2": rng.normal(size=(4, 4)), "b2": rng.normal(size=(4, 1)),
        "W3": rng.normal(size=(1, 4)), "b3": rng.normal(size=(1, 1)),
    }


def forward(X, params):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = np.tanh(Z1)
    Z2 = params["W2"] @ A1 + params["b2"]
    A2 = sigmoid(Z2)
    Z3 = params["W3"] @ A2 + params["b3"]
    A3 = sigmoid(Z3)
    cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2, "A3": A3}
    return A3, cache


def cost(A3, Y, params, lam=0.3):
    m = Y.shape[1]
    cross = -np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3)) / m
    return cross + lam / (2 * m) * np.sum(params["W3"] ** 2)


@verify(loss=cost, forward=forward, seed=0)
def backward(params, cache, X, Y, lam=0.3):
    m = X.shape[1]
    A1, A2, A3 = cache["A1"], cache["A2"], cache["A3"]
    dZ3 = A3 - Y
    dW3 = np.dot(dZ3, A2.T) / m + lam / m * params["W3"]
    db3 = np.sum(dZ3, axis=1, keepdims=True) / m
    dA2 = params["W3"].T @ dZ3
    dZ2 = dA2 * A2 * (1 - A2)
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(params["W2"].T, dZ2) * (1 - np.power(A1, 2))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3, "b3": db3}


def run():
    params = parameters()
    A3, cache = forward(X, params)
    return backward(params, cache, X, Y)
"""
)

NETWORK = (
    _DATA
    + """

class Network:
    def __init__(self, sizes):
        rng = np.random.default_rng(2)
        self.weights = [rng.normal(size=(n, m)) for m, n in zip(sizes[:-1], sizes[1:])]
        self.biases = [rng.normal(size=(n, 1)) for n in sizes[1:]]
        self.dW = [None] * len(self.weights)
        self.db = [None] * len(self.biases)

    def feedforward(self, x):
        self.zs, self.activations = [], [x]
        for w, b in zip(self.weights, self.biases):
            self.zs.append(w @ self.activations[-1] + b)
            self.activations.append(sigmoid(self.zs[-1]))
        return self.activations[-1]

    def cost(self, x, y):
        return 0.5 * np.sum((self.feedforward(x) - y) ** 2)

    @verify(loss="cost", seed=0)
    def backprop(self, x, y):
        self.feedforward(x)
        delta = (self.activations[-1] - y) * sigmoid_prime(self.zs[-1])
        self.dW[-1] = np.dot(delta, self.activations[-2].T)
        self.db[-1] = delta.sum(axis=1, keepdims=True)
        for l in range(2, len(self.weights) + 1):
            sp = sigmoid_prime(self.zs[-l])
            delta = np.dot(self.weights[-l + 1].T, delta) * sp
            self.dW[-l] = np.dot(delta, self.activations[-l - 1].T)
            self.db[-l] = delta.sum(axis=1, keepdims=True)


def run():
    net = Network([3, 5, 5, 1])
    net.backprop(X, Y)
    return net
"""
)

LAYERS = (
    _DATA
    + """

class Affine:
    def __init__(self, inputs, outputs):
        rng = np.random.default_rng(3)
        self.W = rng.normal(size=(inputs, outputs))
        self.b = rng.normal(size=outputs)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    @verify(forward="forward", seed=0)
    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    @verify(forward="forward", seed=0)
    def backward(self, dout):
        slope = 1 - self.out**2
        return dout * slope


def run():
    layers = [Affine(3, 3), Tanh(), Affine(3, 2)]
    out = X.T
    for layer in layers:
        out = layer.forward(out)
    dout = out.copy()
    for layer in reversed(layers):
        dout = layer.backward(dout)
    return layers
"""
)

PAIR = (
    _DATA
    + """

def norm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=0)
    xc = x - mu
    var = np.mean(xc**2, axis=0)
    inv = 1 / np.sqrt(var + eps)
    xhat = xc * inv
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv, xc)


@verify(seed=0)
def norm_backward(dout, cache):
    xhat, gamma, inv, xc = cache
    n = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xc, axis=0) * -0.5 * inv**3
    dxc = dxhat * inv + 2 / n * dvar * xc
    dx = dxc - dxc.mean(axis=0)
    return dx, dgamma, dbeta


def run():
    gamma, beta = np.array([1.5, 0.5, 2.0]), np.array([0.1, 0.2, 0.3])
    for _ in range(2):  # what the forward pass is called with is known from its second call on
        out, cache = norm_forward(X.T, gamma, beta)
        norm_backward(out - 1, cache)
"""
)

SVM = (
    _DATA
    + """
labels = rng.integers(0, 3, size=7)


@verify(seed=0)
def softmax_loss(W, X, y, reg):
    n = X.shape[0]
    scores = X @ W
    scores = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p = p / p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(n), y]).mean() + reg * np.sum(W * W)
    dscores = p.copy()
    dscores[np.arange(n), y] -= 1
    dscores = dscores / n
    dW = X.T @ dscores + 2 * reg * W
    return loss, dW


def run():
    return softmax_loss(np.random.default_rng(4).normal(size=(3, 3)), X.T, labels, 0.5)
"""
)

UNROLLED = (
    _DATA
    + """

def unroll(theta):
    return theta[:12].reshape(4, 3), theta[12:].reshape(1, 4)


def J(theta, X, Y):
    T1, T2 = unroll(theta)
    h = sigmoid(T2 @ np.tanh(T1 @ X))
    return -np.mean(Y * np.log(h) + (1 - Y) * np.log(1 - h))


@verify(loss=J, seed=0)
def grad(theta, X, Y):
    T1, T2 = unroll(theta)
    m = X.shape[1]
    a = np.tanh(T1 @ X)
    h = sigmoid(T2 @ a)
    d2 = (h - Y) / m
    d1 = (T2.T @ d2) * (1 - a * a)
    return np.concatenate([(d1 @ X.T).ravel(), (d2 @ a.T).ravel()])


def run():
    return grad(np.random.default_rng(5).normal(size=16), X, Y)
"""
)

APPLIED = (
    _DATA
    + """

class Net:
    def __init__(self):
        rng = np.random.default_rng(6)
        self.W1 = rng.normal(size=(4, 3))
        self.W2 = rng.normal(size=(1, 4))

    def predict(self, x):
        return sigmoid(self.W2 @ sigmoid(self.W1 @ x))

    def cost(self, x, y):
        return 0.5 * np.sum((self.predict(x) - y) ** 2)

    @verify(loss="cost", seed=0)
    def train(self, x, y, lr=0.1):
        hidden = sigmoid(self.W1 @ x)
        out = sigmoid(self.W2 @ hidden)
        d_out = (out - y) * out * (1 - out)
        d_hidden = (self.W2.T @ d_out) * hidden * (1 - hidden)
        self.W2 -= lr * d_out @ hidden.T
        self.W1 -= lr * d_hidden @ x.T


def run():
    net = Net()
    net.train(X, Y)
    return net
"""
)

RECURRENT = (
    _DATA
    + """

def forward(params, xs):
    Wx, Wh = params
    h, hs = np.zeros(4), []
    for x in xs:
        h = np.tanh(Wx @ x + Wh @ h)
        hs.append(h)
    return h, hs


def loss(params, xs, target):
    h, _ = forward(params, xs)
    return np.sum((h - target) ** 2)


@verify(loss=loss, seed=0)
def backward(params, xs, target):
    Wx, Wh = params
    h, hs = forward(params, xs)
    dWx, dWh = np.zeros_like(Wx), np.zeros_like(Wh)
    dh = 2 * (h - target)
    for t in reversed(range(len(xs))):
        dz = dh * (1 - hs[t] ** 2)
        dWx += np.outer(dz, xs[t])
        before = hs[t - 1] if t > 0 else np.zeros(4)
        dWh += np.outer(dz, before)
        dh = Wh.T @ dz
    return dWx, dWh


def run():
    rng = np.random.default_rng(7)
    params = [rng.normal(size=(4, 3)), rng.normal(size=(4, 4))]
    return backward(params, list(rng.normal(size=(4, 3))), np.ones(4))
"""
)

GIVEN = (
    _DATA
    + """
from shapecheck import assert_gradients

W = {"W1": rng.normal(size=(4, 3)), "W2": rng.normal(size=(1, 4))}


def loss():
    hidden = np.maximum(W["W1"] @ X, 0)
    return 0.5 * np.mean((W["W2"] @ hidden - Y) ** 2)


def gradients():
    z = W["W1"] @ X
    hidden = np.maximum(z, 0)
    d = (W["W2"] @ hidden - Y) / Y.shape[1]
    dz = (W["W2"].T @ d) * (z > 0)
    return {"W1": dz @ X.T, "W2": d @ hidden.T}


def run():
    return assert_gradients(loss, W, gradients, seed=0)
"""
)

PROGRAMS = {
    "functions": FUNCTIONS,
    "network": NETWORK,
    "layers": LAYERS,
    "pair": PAIR,
    "loss and gradient": SVM,
    "unrolled": UNROLLED,
    "applied": APPLIED,
    "recurrent": RECURRENT,
    "given": GIVEN,
}
