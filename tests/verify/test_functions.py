# ruff: noqa: PT018, RET504, PYI024  programs as people write them
"""Backward passes that are functions: every way to take parameters and to hand gradients over.

Each organisation is built twice: with the right slope of tanh, which must pass, and with a wrong one.
"""

from __future__ import annotations

import collections
import dataclasses

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


def fresh_parameters():
    r = np.random.default_rng(1)
    return {
        "W1": r.normal(size=(3, 4)),
        "b1": r.normal(size=(1, 4)),
        "W2": r.normal(size=(4, 2)),
        "b2": np.zeros((1, 2)),
    }


def cost_of(params, X, Y):
    a = np.tanh(X @ params["W1"] + params["b1"])
    return 0.5 * np.sum((a @ params["W2"] + params["b2"] - Y) ** 2) / len(X)


def gradients(params, X, Y, slope):
    a = np.tanh(X @ params["W1"] + params["b1"])
    d2 = (a @ params["W2"] + params["b2"] - Y) / len(X)
    d1 = d2 @ params["W2"].T * slope(a)
    return X.T @ d1, d1.sum(axis=0, keepdims=True), a.T @ d2, d2.sum(axis=0, keepdims=True)


Grads = collections.namedtuple("Grads", "dW1 db1 dW2 db2")


@dataclasses.dataclass
class GradientRecord:
    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray


def dict_of_marked_names(slope):
    @verify(loss=cost_of)
    def backward(params, X, Y):
        dW1, db1, dW2, db2 = gradients(params, X, Y, slope)
        return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}

    backward(fresh_parameters(), X, Y)
    return backward


def dict_of_the_parameters_names(slope):
    @verify(loss=cost_of)
    def backward(params, X, Y):
        return dict(zip(("W1", "b1", "W2", "b2"), gradients(params, X, Y, slope), strict=True))

    backward(fresh_parameters(), X, Y)
    return backward


def dict_of_built_keys(slope):
    @verify(loss=cost_of)
    def backward(params, X, Y):
        grads = {}
        dW1, db1, dW2, db2 = gradients(params, X, Y, slope)
        for layer, (dW, db) in enumerate([(dW1, db1), (dW2, db2)], start=1):
            grads["grad_W" + str(layer)] = dW
            grads["b" + str(layer) + "_grad"] = db
        return grads

    backward(fresh_parameters(), X, Y)
    return backward


def dict_with_intermediate_values(slope):
    def forward(X, params):
        A1 = np.tanh(X @ params["W1"] + params["b1"])
        A2 = A1 @ params["W2"] + params["b2"]
        return A2, {"A1": A1, "A2": A2}

    def cost(A2, Y):
        return 0.5 * np.sum((A2 - Y) ** 2) / len(Y)

    @verify(loss=cost, forward=forward)
    def backward(params, cache, X, Y):
        A1, A2 = cache["A1"], cache["A2"]
        dA2 = (A2 - Y) / len(X)
        dA1 = dA2 @ params["W2"].T
        dZ1 = dA1 * slope(A1)
        return {
            "dA2": dA2, "dA1": dA1, "dZ1": dZ1,
            "dW2": A1.T @ dA2, "db2": dA2.sum(0, keepdims=True),
            "dW1": X.T @ dZ1, "db1": dZ1.sum(0, keepdims=True),
        }  # fmt: skip

    params = fresh_parameters()
    _, cache = forward(X, params)
    backward(params, cache, X, Y)
    assert set(backward.verification.pairs.values()) == {f'params["{name}"]' for name in params}
    return backward


def tuple_in_reverse_order(slope):
    @verify(loss=cost_of)
    def backward(params, X, Y):
        dW1, db1, dW2, db2 = gradients(params, X, Y, slope)
        return dW2, db2, dW1, db1

    backward(fresh_parameters(), X, Y)
    return backward


def tuple_of_expressions(slope):
    """No names at all: the four shapes differ."""

    @verify(loss=cost_of)
    def backward(params, X, Y):
        return gradients(params, X, Y, slope)

    backward(fresh_parameters(), X, Y)
    return backward


def list_named_before(slope):
    @verify(loss=cost_of)
    def backward(params, X, Y):
        dW1, db1, dW2, db2 = gradients(params, X, Y, slope)
        grads = [dW2, dW1, db2, db1]
        return grads

    backward(fresh_parameters(), X, Y)
    return backward


def named_tuple(slope):
    @verify(loss=cost_of)
    def backward(params, X, Y):
        return Grads(*gradients(params, X, Y, slope))

    backward(fresh_parameters(), X, Y)
    return backward


def record(slope):
    @verify(loss=cost_of)
    def backward(params, X, Y):
        return GradientRecord(*gradients(params, X, Y, slope))

    backward(fresh_parameters(), X, Y)
    return backward


def loss_and_gradients(slope):
    @verify
    def loss_and_grads(params, X, Y):
        dW1, db1, dW2, db2 = gradients(params, X, Y, slope)
        return cost_of(params, X, Y), {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}

    loss_and_grads(fresh_parameters(), X, Y)
    return loss_and_grads


def loss_and_gradients_flat(slope):
    @verify
    def step(W1, b1, W2, b2, X, Y):
        params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
        J = cost_of(params, X, Y)
        dJdW1, dJdb1, dJdW2, dJdb2 = gradients(params, X, Y, slope)
        return dJdW1, dJdW2, dJdb1, dJdb2, J

    step(**fresh_parameters(), X=X, Y=Y)
    return step


def one_unrolled_theta(slope):
    def unroll(params):
        return np.concatenate([p.ravel() for p in params])

    def roll(theta):
        return {
            "W1": theta[:12].reshape(3, 4), "b1": theta[12:16].reshape(1, 4),
            "W2": theta[16:24].reshape(4, 2), "b2": theta[24:].reshape(1, 2),
        }  # fmt: skip

    def cost(theta, X, Y):
        return cost_of(roll(theta), X, Y)

    @verify(loss=cost)
    def gradient(theta, X, Y):
        return unroll(gradients(roll(theta), X, Y, slope))

    gradient(unroll(fresh_parameters().values()), X, Y)
    return gradient


def unrolled_cost_and_gradient(slope):
    @verify
    def cost_function(nn_params, X, Y):
        W1, W2 = nn_params[:12].reshape(3, 4), nn_params[12:].reshape(4, 2)
        a = np.tanh(X @ W1)
        error = a @ W2 - Y
        J = np.sum(error**2) / 2
        grad = np.concatenate([(X.T @ (error @ W2.T * slope(a))).ravel(), (a.T @ error).ravel()])
        return J, grad

    cost_function(np.random.default_rng(3).normal(size=20), X, Y)
    return cost_function


def parameters_as_arguments(slope):
    def cost(W1, W2, X, Y):
        return np.mean((np.tanh(X @ W1) @ W2 - Y) ** 2)

    @verify(loss=cost)
    def backward(X, Y, W1, W2):
        a = np.tanh(X @ W1)
        d = 2 * (a @ W2 - Y) / Y.size
        nabla_W2 = a.T @ d
        nabla_W1 = X.T @ (d @ W2.T * slope(a))
        return nabla_W1, nabla_W2

    p = fresh_parameters()
    backward(X, Y, p["W1"], p["W2"])
    return backward


def nested_lists(slope):
    def cost(model, X, Y):
        (W1, b1), (W2, b2) = model
        return cost_of({"W1": W1, "b1": b1, "W2": W2, "b2": b2}, X, Y)

    @verify(loss=cost)
    def backward(model, X, Y):
        (W1, b1), (W2, b2) = model
        dW1, db1, dW2, db2 = gradients({"W1": W1, "b1": b1, "W2": W2, "b2": b2}, X, Y, slope)
        return [[dW1, db1], [dW2, db2]]

    p = fresh_parameters()
    backward([[p["W1"], p["b1"]], [p["W2"], p["b2"]]], X, Y)
    return backward


def lists_of_equal_shapes(slope):
    """Three square layers: neither names nor shapes can tell them apart, their places can."""

    def cost(weights, x, y):
        for w in weights:
            x = np.tanh(x @ w)
        return np.sum((x - y) ** 2)

    @verify(loss=cost)
    def backward(weights, x, y):
        acts = [x]
        for w in weights:
            acts.append(np.tanh(acts[-1] @ w))
        delta = 2 * (acts[-1] - y)
        grads = [None] * len(weights)
        for i in reversed(range(len(weights))):
            delta = delta * slope(acts[i + 1])
            grads[i] = acts[i].T @ delta
            delta = delta @ weights[i].T
        return grads

    r = np.random.default_rng(8)
    backward([r.normal(size=(3, 3)) for _ in range(3)], X, r.normal(size=(6, 3)))
    return backward


def gradients_collected_from_the_last_layer(slope):
    def cost(weights, x, y):
        for w in weights:
            x = np.tanh(x @ w)
        return np.sum((x - y) ** 2)

    @verify(loss=cost)
    def backward(weights, x, y):
        acts = [x]
        for w in weights:
            acts.append(np.tanh(acts[-1] @ w))
        delta = 2 * (acts[-1] - y)
        found = []
        for i in reversed(range(len(weights))):
            delta = delta * slope(acts[i + 1])
            found.append(acts[i].T @ delta)
            delta = delta @ weights[i].T
        return found

    r = np.random.default_rng(8)
    backward([r.normal(size=(3, 3)) for _ in range(3)], X, r.normal(size=(6, 3)))
    return backward


def python_floats(slope):
    def cost(w, b, x, y):
        return (np.tanh(w * x + b) - y) ** 2

    @verify(loss=cost)
    def gradient(w, b, x, y):
        a = np.tanh(w * x + b)
        dw = 2 * (a - y) * slope(a) * x
        db = 2 * (a - y) * slope(a)
        return dw, db

    gradient(0.7, 0, 1.5, 0.2)  # the bias starts as a Python int
    return gradient


def lists_of_numbers(slope):
    def cost(weights, x, y):
        total = np.tanh(sum(w * v for w, v in zip(weights, x, strict=True)))
        return (total - y) ** 2

    @verify(loss=cost)
    def gradient(weights, x, y):
        a = np.tanh(sum(w * v for w, v in zip(weights, x, strict=True)))
        return [2 * (a - y) * slope(a) * v for v in x]

    gradient([0.1, -0.3, 0.5], [1.0, 2.0, -1.5], 0.3)
    return gradient


def layer_objects(slope):
    class Dense:
        def __init__(self, n_in, n_out, r):
            self.W = r.normal(size=(n_in, n_out))
            self.b = np.zeros(n_out)

    def run(layers, x):
        outs = [x]
        for layer in layers:
            outs.append(np.tanh(outs[-1] @ layer.W + layer.b))
        return outs

    def cost(layers, x, y):
        return np.sum((run(layers, x)[-1] - y) ** 2)

    @verify(loss=cost)
    def backward(layers, x, y):
        outs = run(layers, x)
        delta = 2 * (outs[-1] - y)
        for layer, before, after in zip(layers[::-1], outs[-2::-1], outs[:0:-1], strict=True):
            delta = delta * slope(after)
            layer.dW = before.T @ delta
            layer.db = delta.sum(axis=0)
            delta = delta @ layer.W.T

    r = np.random.default_rng(8)
    layers = [Dense(3, 3, r), Dense(3, 3, r), Dense(3, 2, r)]
    backward(layers, X, Y)
    assert backward.verification.pairs["layers[1].dW"] == "layers[1].W"
    return backward


def dict_filled_by_reference(slope):
    @verify(loss=cost_of)
    def backward(params, grads, X, Y):
        grads["W1"], grads["b1"], grads["W2"], grads["b2"] = gradients(params, X, Y, slope)

    grads = {}
    backward(fresh_parameters(), grads, X, Y)
    assert set(grads) == {"W1", "b1", "W2", "b2"}
    return backward


def numbered_from_one_beside_numbered_from_zero(slope):
    def cost(weights, x, y):
        for w in weights:
            x = np.tanh(x @ w)
        return np.sum((x - y) ** 2)

    @verify(loss=cost)
    def backward(weights, x, y):
        acts = [x]
        for w in weights:
            acts.append(np.tanh(acts[-1] @ w))
        delta = 2 * (acts[-1] - y)
        grads = {}
        for i in reversed(range(len(weights))):
            delta = delta * slope(acts[i + 1])
            grads[f"dW{i + 1}"] = acts[i].T @ delta
            delta = delta @ weights[i].T
        return grads

    r = np.random.default_rng(8)
    backward([r.normal(size=(3, 3)), r.normal(size=(3, 3))], X, r.normal(size=(6, 3)))
    assert backward.verification.pairs['grads["dW1"]'] == "weights[0]"
    return backward


def list_of_pairs(slope):
    def cost(network, x, y):
        for w, b in network:
            x = np.tanh(x @ w + b)
        return np.sum((x - y) ** 2)

    @verify(loss=cost)
    def backward(network, x, y):
        acts = [x]
        for w, b in network:
            acts.append(np.tanh(acts[-1] @ w + b))
        delta = 2 * (acts[-1] - y)
        grads = []
        for i in range(len(network) - 1, -1, -1):
            w, b = network[i]
            delta = delta * slope(acts[i + 1])
            dw, db = acts[i].T @ delta, delta.sum(axis=0)
            grads.insert(0, (dw, db))
            delta = delta @ w.T
        return grads

    r = np.random.default_rng(8)
    backward(
        [(r.normal(size=(3, 3)), r.normal(size=3)), (r.normal(size=(3, 3)), r.normal(size=3))],
        X,
        rng.normal(size=(6, 3)),
    )
    return backward


W_in, W_out = fresh_parameters()["W1"], fresh_parameters()["W2"]


def parameters_as_globals(slope):
    def cost(X, Y):
        return np.mean((np.tanh(X @ W_in) @ W_out - Y) ** 2)

    @verify(loss=cost)
    def backward(X, Y):
        a = np.tanh(X @ W_in)
        d = 2 * (a @ W_out - Y) / Y.size
        return X.T @ (d @ W_out.T * slope(a)), a.T @ d

    backward(X, Y)
    return backward


def globals_by_name(slope):
    def cost(X, Y):
        return np.mean((np.tanh(X @ W_in) @ W_out - Y) ** 2)

    @verify(loss=cost)
    def backward(X, Y):
        a = np.tanh(X @ W_in)
        d = 2 * (a @ W_out - Y) / Y.size
        d_L_d_W_in, d_L_d_W_out = X.T @ (d @ W_out.T * slope(a)), a.T @ d
        return d_L_d_W_out, d_L_d_W_in

    backward(X, Y)
    return backward


def initials(slope):
    def cost(weights_input_hidden, weights_hidden_output, x, target):
        return 0.5 * np.sum((np.tanh(x @ weights_input_hidden) @ weights_hidden_output - target) ** 2)

    @verify(loss=cost)
    def backward(x, target, weights_input_hidden, weights_hidden_output):
        h = np.tanh(x @ weights_input_hidden)
        error = h @ weights_hidden_output - target
        delta_w_h_o = h.T @ error
        delta_w_i_h = x.T @ (error @ weights_hidden_output.T * slope(h))
        return delta_w_i_h, delta_w_h_o

    backward(X, Y, W_in, W_out)
    return backward


def list_of_pairs_without_names(slope):
    def loss(net, X, Y):
        return np.sum((np.tanh(np.tanh(X @ net[0][0] + net[0][1]) @ net[1][0] + net[1][1]) - Y) ** 2)

    @verify(loss=loss)
    def backward(net, X, Y):
        acts = [X]
        for w, b in net:
            acts.append(np.tanh(acts[-1] @ w + b))
        d, grads = 2 * (acts[-1] - Y), []
        for (w, _), below, above in zip(reversed(net), acts[-2::-1], acts[::-1], strict=False):
            d = d * slope(above)
            grads.insert(0, [below.T @ d, d.sum(axis=0)])
            d = d @ w.T
        return grads

    p = fresh_parameters()
    backward([[p["W1"], p["b1"][0]], [p["W2"], p["b2"][0]]], X, Y)
    places = [f"[{i}][{j}]" for i in (0, 1) for j in (0, 1)]
    assert backward.verification.pairs == {f"grads{place}": f"net{place}" for place in places}
    return backward


def last_state_beside_named_gradients(slope):
    """As in the shortest of recurrent networks: `return loss, dWx, dWh, hs[-1]`, the state for the next call."""

    @verify
    def step(Wx, Wh, xs, h0, y):
        hs = [h0]
        for x in xs:
            hs.append(np.tanh(x @ Wx + hs[-1] @ Wh))
        loss = np.sum((hs[-1] - y) ** 2)
        dWx, dWh, dh = np.zeros_like(Wx), np.zeros_like(Wh), 2 * (hs[-1] - y)
        for t in reversed(range(len(xs))):
            d = dh * slope(hs[t + 1])
            dWx += np.outer(xs[t], d)
            dWh += np.outer(hs[t], d)
            dh = d @ Wh.T
        return loss, dWx, dWh, hs[len(xs)]

    r = np.random.default_rng(1)
    step(r.normal(size=(3, 4)), r.normal(size=(4, 4)) / 2, X, np.zeros(4), np.ones(4))
    assert step.verification.pairs == {"dWx": "Wx", "dWh": "Wh"}
    return step


def dict_of_gradients_beside_an_output(slope):
    @verify
    def step(params, X, Y):
        dW1, db1, dW2, db2 = gradients(params, X, Y, slope)
        out = np.tanh(X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]
        return cost_of(params, X, Y), {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}, out[0]

    step(fresh_parameters(), X, Y)
    assert len(step.verification.pairs) == 4
    return step


ORGANISATIONS = [
    dict_of_marked_names, dict_of_the_parameters_names, dict_of_built_keys, dict_with_intermediate_values,
    tuple_in_reverse_order, tuple_of_expressions, list_named_before, named_tuple, record, loss_and_gradients,
    loss_and_gradients_flat, one_unrolled_theta, unrolled_cost_and_gradient, parameters_as_arguments, nested_lists,
    lists_of_equal_shapes, gradients_collected_from_the_last_layer, python_floats, lists_of_numbers, layer_objects,
    dict_filled_by_reference, numbered_from_one_beside_numbered_from_zero, list_of_pairs, list_of_pairs_without_names,
    last_state_beside_named_gradients, dict_of_gradients_beside_an_output,
    parameters_as_globals, globals_by_name, initials,
]  # fmt: skip


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda f: f.__name__)
def test_a_right_program_passes_and_is_decided(organisation):
    verified = organisation(right)
    assert verified.verification.checked == 1
    assert verified.verification.report.decided, str(verified.verification.report)
    assert verified.verification.elsewhere is not None and verified.verification.elsewhere.decided


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda f: f.__name__)
def test_its_wrong_twin_is_rejected(organisation):
    with pytest.raises(GradientMismatchError):
        organisation(wrong)


def test_a_parameter_that_is_called_like_data():
    def cost(T, X, y):
        return np.sum((X @ T - y) ** 2)

    @verify(loss=cost)
    def gradient(T, X, y):
        return 2 * X.T @ (X @ T - y)

    gradient(np.ones((3, 2)), X, Y)
    assert gradient.verification.pairs == {"what is returned": "T"}
    assert gradient.verification.report.decided
