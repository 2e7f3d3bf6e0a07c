"""A small part of the benchmarks at every run: no false alarm on random right networks, mistakes seen."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from shapecheck import gradcheck
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
