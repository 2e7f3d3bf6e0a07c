"""The hidden tests: every students/*/backprop.py, each layer for points of its own.

The exercise: `forward(params, X)` gives the probabilities and the hidden layer, `backward(params, X, T)` the gradients
of the mean cross-entropy, in a dict with the keys of `params`. X is (batch, inputs), T one-hot.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from shapecheck import assert_gradients, assert_shapes

FILES = sorted(Path(__file__).parent.glob("students/*/backprop.py"))
LAYERS = {"layer 1": ("W1", "b1"), "layer 2": ("W2", "b2")}


@pytest.fixture(scope="module", params=FILES, ids=[file.parent.name for file in FILES])
def student(request):
    spec = importlib.util.spec_from_file_location(f"backprop_of_{request.param.parent.name}", request.param)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    sizes = {"W1": (3, 5), "b1": (5,), "W2": (5, 4), "b2": (4,)}  # no two sizes are equal: nothing fits by luck
    params = {name: rng.normal(size=size) for name, size in sizes.items()}
    return params, rng.normal(size=(7, 3)), np.eye(4)[rng.integers(4, size=7)]


@pytest.mark.points(1)
def test_forward(student, problem):
    params, X, T = problem
    P, A1 = student.forward(params, X)
    assert_shapes(X, "batch inputs", T, "batch classes", P, "batch classes", A1, "batch hidden")
    assert np.allclose(P.sum(axis=1), 1)


@pytest.mark.points(3)
@pytest.mark.parametrize("layer", LAYERS)
def test_gradients(student, problem, layer):
    params, X, T = problem

    def loss():
        return -np.sum(T * np.log(student.forward(params, X)[0])) / len(X)

    grads = student.backward(params, X, T)
    names = LAYERS[layer]
    assert_gradients(loss, {name: params[name] for name in names}, {name: grads[name] for name in names})
