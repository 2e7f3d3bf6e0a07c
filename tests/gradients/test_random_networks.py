"""A small part of the benchmarks at every run: no false alarm on random right networks, mistakes seen."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from shapecheck.gradients.check import gradcheck
from shapecheck.gradients.errors import LossError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


networks = load("gradcheck_networks")
mistakes = load("gradcheck_detection").MISTAKES


def check(network, grads, seed):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gradcheck(network.loss, network.params, grads, seed=seed)


@pytest.mark.parametrize("block", range(6))
def test_no_false_alarm(block):
    for i in range(20 * block, 20 * block + 20):
        rng = np.random.default_rng([99, i])
        network = networks.random_network(rng)
        if len(network.X) > 1000:
            continue
        np.random.seed(i)
        with np.errstate(all="ignore"):
            finite = np.isfinite(network.loss())
        np.random.seed(i)
        if not finite:
            with pytest.raises(LossError, match="the loss is"):
                check(network, network.grads, i)
            continue
        report = check(network, network.grads, i)
        assert report.ok, f"network {i}: {report}"


@pytest.mark.parametrize(("mistake", "dimensions"), mistakes, ids=[m.__doc__.split(".")[0] for m, _ in mistakes])
def test_mistakes_are_seen(mistake, dimensions):
    seen = done = 0
    for i in range(200):
        rng = np.random.default_rng([7, i])
        network = networks.random_network(rng, plain=True)
        with np.errstate(all="ignore"):
            finite = np.isfinite(network.loss())
            right = network.grads()
        names = [n for n in right if right[n].ndim >= dimensions and min(right[n].shape, default=1) > 1]
        if not finite or not names or not all(np.all(np.isfinite(g)) and np.any(g) for g in right.values()):
            continue
        name = str(rng.choice(names))
        wrong = {k: v.copy() for k, v in right.items()}
        mistake(rng, wrong, name, network)
        typical = float(np.sqrt(np.mean(np.square(right[name]))))
        if np.max(np.abs(wrong[name] - right[name])) <= 1e-3 * typical:
            continue
        done += 1
        seen += check(network, wrong, i)[name].verdict.value == "wrong"
        if done == 12:
            break
    assert done == 12
    assert seen == 12


#    number   what misled the check
MISLEADING = [
    (424, "kinks nearer to zero biases than any step, and a constant in the logarithm"),
    (1082, "the same, with differences that agree with nothing"),
    (4148, "kinks nearer than the smallest step"),
    (5508, "a kink beside the parameters, none at them"),
    (1814, "a saturated softmax: slopes of 1e-46"),
    (8123, "a saturated softmax: the loss is a staircase"),
    (4711, "a softplus that is flat in float64 where its formula is not"),
    (233, "float32: a batch norm of one feature, whose weight has no effect but rounding"),
    (3589, "float32: a batch norm that takes a sum for zero which rounding has left a little of"),
    (7359, "float32: a sum that cancels"),
    (9466, "float32: two samples, a softmax that is nearly certain"),
    (9643, "float32: less of the gradient is left than rounding makes"),
    (7586, "float32: saturated, the slopes have lost their digits"),
]


@pytest.mark.parametrize("number", [n for n, _ in MISLEADING], ids=[what for _, what in MISLEADING])
@pytest.mark.parametrize("form", ["function", "arrays"])
def test_right_networks_that_mislead_are_not_called_wrong(number, form):
    network = networks.random_network(np.random.default_rng([0, number]))
    np.random.seed(number)
    with np.errstate(all="ignore"):
        network.loss()
        grads = network.grads if form == "function" else network.grads()
    report = check(network, grads, number)
    assert report.ok, str(report)


@pytest.mark.parametrize("seed", range(3))
def test_trained_float32_networks_are_not_called_wrong_and_their_mistakes_are(seed):
    rng = np.random.default_rng([7, seed])
    W, b = rng.normal(size=(5, 3)).astype(np.float32), np.zeros(3, np.float32)
    X, labels = rng.normal(size=(40, 5)).astype(np.float32), rng.integers(0, 3, 40)
    Y = np.eye(3, dtype=np.float32)[labels]
    X[np.arange(40), labels] += np.float32(3)

    def forward():
        z = X @ W + b
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def grads():
        d = (forward() - Y) / np.float32(len(X))
        return {"W": X.T @ d, "b": d.sum(axis=0)}

    for _ in range(2000):
        g = grads()
        W -= np.float32(2) * g["W"]
        b -= np.float32(2) * g["b"]
    loss = lambda: -np.mean(np.sum(Y * np.log(forward()), axis=1))
    assert gradcheck(loss, {"W": W, "b": b}, grads(), seed=seed).ok
    wrong = grads()
    wrong["W"] *= np.float32(1.5)
    assert [p.name for p in gradcheck(loss, {"W": W, "b": b}, wrong, seed=seed).wrong()] == ["W"]


def test_a_small_entry_of_a_large_float32_gradient_is_seen_where_the_function_is_known():
    rng = np.random.default_rng(4)
    W, X = rng.normal(size=(120, 90)).astype(np.float32), rng.normal(size=(30, 120)).astype(np.float32)

    def loss():
        return np.mean(np.tanh(X @ W) ** 2)

    def grads(spoil=1.0):
        a = np.tanh(X @ W)
        g = X.T @ (2 * a * (1 - a**2) / np.float32(a.size))
        small = np.unravel_index(np.argsort(np.abs(g), axis=None)[g.size // 50], g.shape)
        g[small] *= g.dtype.type(spoil)
        return {"W": g}

    report = gradcheck(loss, {"W": W}, lambda: grads(1.01), seed=3)
    assert report["W"].verdict.value == "wrong"
    assert "only the entry" in report["W"].reason
    assert gradcheck(loss, {"W": W}, grads, seed=3).decided
