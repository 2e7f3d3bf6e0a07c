# ruff: noqa: PT018, RUF012, PLW0603  programs as people write them
"""A verified call leaves the program as an undecorated call does, and costs little."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import random
import sys

import jaxtyping
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import Float
from numpy.typing import NDArray

from shapecheck import GradientMismatchError, verify

X = np.random.default_rng(0).normal(size=(5, 3))
Y = np.random.default_rng(1).normal(size=(5, 2))

counter = 0
history = []
generator = np.random.default_rng(3)


class Net:
    """Dropout by three generators, caches, counters, prints: everything that a second call would move."""

    shared = {"calls": 0}

    def __init__(self):
        r = np.random.default_rng(1)
        self.W1, self.W2 = r.normal(size=(3, 4)), r.normal(size=(4, 2))
        self.rng = np.random.RandomState(7)
        self.seen = []
        self.running_mean = np.zeros(4)
        self.steps = 0

    def forward(self, x):
        global counter
        counter += 1
        history.append(len(x))
        Net.shared["calls"] += 1
        self.steps += 1
        self.seen.append(x.shape)
        mask = (np.random.rand(5, 4) < 0.9) * (self.rng.rand(5, 4) < 0.9) * (generator.random((5, 4)) < 0.9)
        self.mask = mask * (0.5 + random.random())
        self.h = np.tanh(x @ self.W1) * self.mask
        self.running_mean = 0.9 * self.running_mean + 0.1 * self.h.mean(axis=0)
        print("forward", self.steps)
        return self.h @ self.W2

    def cost(self, x, t):
        return np.sum((self.forward(x) - t) ** 2)

    def plain_backward(self, x, t):
        d = 2 * (self.forward(x) - t)
        self.dW2 = self.h.T @ d
        self.dW1 = x.T @ (d @ self.W2.T * self.mask * (1 - np.tanh(x @ self.W1) ** 2))
        return {"W2": self.dW2, "note": ["a list", 1]}

    verified_backward = verify(loss="cost", every=2)(plain_backward)


def run(method, capsys):
    global counter, generator
    counter = 0
    history.clear()
    Net.shared["calls"] = 0
    generator = np.random.default_rng(3)
    np.random.seed(11)
    random.seed(12)
    net = Net()
    results = [copy.deepcopy(getattr(net, method)(X, Y)) for _ in range(3)]
    state = {k: v for k, v in vars(net).items() if k != "rng"}
    draws = [np.random.rand(), random.random(), generator.random(), net.rng.rand()]
    return results, state, [counter, list(history), dict(Net.shared)], draws, capsys.readouterr().out


def test_everything_is_as_an_undecorated_call_leaves_it(capsys):
    plain, checked = run("plain_backward", capsys), run("verified_backward", capsys)
    assert Net.verified_backward.verification.checked == 2
    assert Net.verified_backward.verification.report.decided
    np.testing.assert_equal(checked, plain)
    assert list(plain[1]) == list(checked[1])


def test_objects_keep_their_identity():
    net = Net()
    before = {name: id(value) for name, value in vars(net).items()}
    result = net.verified_backward(X, Y)
    assert result["W2"] is net.dW2
    assert id(net.W1) == before["W1"] and id(net.seen) == before["seen"]


def test_state_is_put_back_when_the_gradient_is_wrong_too():
    params = {"W": np.ones((3, 2))}
    cache = {"calls": 0}

    def cost(params, cache, X, Y):
        cache["calls"] += 1
        return np.sum((X @ params["W"] - Y) ** 2)

    @verify(loss=cost)
    def backward(params, cache, X, Y):
        return {"dW": X.T @ (X @ params["W"] - Y)}

    state = np.random.get_state()[1].copy()
    with pytest.raises(GradientMismatchError):
        backward(params, cache, X, Y)
    assert np.array_equal(params["W"], np.ones((3, 2))) and list(params) == ["W"]
    assert cache == {"calls": 0}
    assert np.array_equal(np.random.get_state()[1], state)


def test_the_users_own_exception_passes_untouched():
    @verify(loss=lambda W: W.sum())
    def backward(W):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        backward(np.ones(3))
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'W'"):
        backward()


def square_loss(W):
    return np.sum(W**2)


def test_the_first_call_and_then_every_nth_until_enough():
    @verify(loss=square_loss, every=3, checks=2)
    def backward(W):
        return 2 * W

    seen = []
    for _ in range(10):
        backward(np.ones(3))
        seen.append(backward.verification.checked)
    assert seen == [1, 1, 1, 2, 2, 2, 2, 2, 2, 2]
    assert backward.verification.calls == 10


def test_every_zero_checks_the_first_call_only():
    @verify(loss=square_loss, every=0)
    def backward(W):
        return 2 * W

    for _ in range(200):
        backward(np.ones(3))
    assert backward.verification.checked == 1


def test_a_call_after_the_last_check_does_nothing_but_count(monkeypatch):
    @verify(loss=square_loss, checks=1)
    def backward(W):
        return 2 * W

    backward(np.ones(3))
    verifier = backward.verification
    monkeypatch.setattr(type(verifier), "call", None)  # would be called if there were anything left to decide
    backward(np.ones(3))
    assert verifier.calls == 2


def test_switched_off_by_the_environment(monkeypatch):
    def backward(W):
        return 3 * W

    early = verify(loss=square_loss)(backward)
    monkeypatch.setenv("SHAPECHECK", "off")
    assert verify(loss=square_loss)(backward) is backward
    early(np.ones(3))
    assert early.verification.checked == 0
    monkeypatch.delenv("SHAPECHECK")
    for _ in range(100):
        with_error = early.verification.checked
        try:
            early(np.ones(3))
        except GradientMismatchError:
            with_error += 1
            break
    assert with_error == 1


def test_used_as_a_plain_function():
    def gradient(W):
        return 2 * W

    checked = verify(gradient, loss=square_loss)
    assert np.array_equal(checked(np.ones(3)), 2 * np.ones(3))
    assert checked.verification.report.ok


def test_looks_like_the_function_that_it_wraps():
    @verify(loss=square_loss)
    def backward(W: NDArray[np.float64], scale: float = 2.0) -> NDArray[np.float64]:
        """Two W."""
        return scale * W

    assert backward.__name__ == "backward" and backward.__doc__ == "Two W."
    assert str(inspect.signature(backward)) == str(inspect.signature(backward.__wrapped__))
    assert inspect.isfunction(backward)


@verify(loss=square_loss)
def module_level(W):
    return 2 * W


def test_can_be_pickled_as_a_function_of_its_module():
    if module_level.__module__ in sys.modules:
        assert pickle.loads(pickle.dumps(module_level)) is module_level


@pytest.mark.parametrize("outer", ["verify", "jaxtyped"])
@pytest.mark.parametrize(("factor", "fails"), [(2.0, False), (2.1, True)])
def test_works_with_annotated_functions(outer, factor, fails):
    def backward(
        W: Float[np.ndarray, "n_in n_out"], x: Float[np.ndarray, "batch n_in"], t: Float[np.ndarray, "batch n_out"]
    ) -> Float[np.ndarray, "n_in n_out"]:
        return factor * x.T @ (x @ W - t)

    def cost(
        W: Float[np.ndarray, "n_in n_out"], x: Float[np.ndarray, "batch n_in"], t: Float[np.ndarray, "batch n_out"]
    ):
        return np.sum((x @ W - t) ** 2)

    typed = jaxtyping.jaxtyped(typechecker=beartype)
    checked = verify(loss=typed(cost))
    backward = checked(typed(backward)) if outer == "verify" else typed(checked(backward))
    if fails:
        with pytest.raises(GradientMismatchError):
            backward(np.ones((3, 2)), X, Y)
    else:
        backward(np.ones((3, 2)), X, Y)


def test_annotated_layer_class():
    @jaxtyping.jaxtyped(typechecker=beartype)
    class Dense:
        def __init__(self) -> None:
            self.W = np.ones((3, 2))

        def forward(self, x: Float[np.ndarray, "batch n"]) -> Float[np.ndarray, "batch m"]:
            self.x = x
            return x @ self.W

        @verify(forward="forward")
        def backward(self, dout: Float[np.ndarray, "batch m"]) -> Float[np.ndarray, "batch n"]:
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    layer = Dense()
    layer.forward(X)
    layer.backward(Y)
    assert Dense.backward.verification.report.decided


def test_generators_and_coroutines_are_refused():
    with pytest.raises(TypeError, match="`steps` is a generator"):

        @verify(loss=square_loss)
        def steps(W):
            yield 2 * W

    with pytest.raises(TypeError, match="`step` is a coroutine"):

        @verify(loss=square_loss)
        async def step(W):
            return 2 * W

    with pytest.raises(TypeError, match="not int 3"):
        verify(3)
    with pytest.raises(ValueError, match="sign=2"):
        verify(loss=square_loss, sign=2)


def test_a_check_inside_a_check_does_not_run():
    """A network's backward calls its layers' verified backward again and again while it is checked."""

    class Dense:
        def __init__(self):
            self.W = np.random.default_rng(2).normal(size=(3, 3))

        def forward(self, x):
            self.x = x
            return x @ self.W

        @verify(forward="forward", every=1, checks=100)
        def backward(self, dout):
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    class Stack:
        def __init__(self):
            self.layers = [Dense(), Dense()]

        def cost(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            return np.sum(x**2)

        @verify(loss="cost")
        def backward(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            d = 2 * x
            for layer in self.layers[::-1]:
                d = layer.backward(d)

    Stack().backward(X)
    assert Dense.backward.verification.calls == 2
    assert Stack.backward.verification.report.decided


def test_frozen_read_only_inputs():
    data = X.copy()
    data.flags.writeable = False

    @verify(loss=lambda W, data: np.sum((data @ W) ** 2))
    def backward(W, data):
        return 2 * data.T @ (data @ W)

    backward(np.ones((3, 2)), data)
    assert backward.verification.report.decided


def test_objects_with_slots():
    class Layer:
        __slots__ = ("W", "dW", "x")

        def __init__(self):
            self.W = np.ones((3, 2))

        def forward(self, x):
            self.x = x
            return x @ self.W

        @verify(forward="forward")
        def backward(self, dout):
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    layer = Layer()
    layer.forward(X)
    result = layer.backward(Y)
    assert np.array_equal(layer.dW, X.T @ Y) and np.array_equal(result, Y @ layer.W.T)
    assert Layer.backward.verification.report.decided


class Quadratic:
    def __init__(self):
        self.W = np.ones((3, 2))

    def cost(self, x):
        return np.sum((x @ self.W) ** 2)

    def backward(self, x, scale=2):
        self.dW = scale * x.T @ (x @ self.W)


def test_bound_methods_and_partial_functions():
    net = Quadratic()
    checked = verify(net.backward, loss=net.cost)
    checked(X)
    assert checked.verification.report.decided and checked.verification.pairs == {"self.dW": "self.W"}
    with pytest.raises(GradientMismatchError):
        verify(functools.partial(net.backward, scale=3), loss="cost")(X)
    with pytest.raises(TypeError, match="not written in Python"):
        verify(np.dot)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_kept_transpose_of_a_tied_weight(dtype):
    """The decoder is a view of the encoder: what moves one must move the other."""

    class Tied:
        def __init__(self):
            self.W = np.random.default_rng(2).normal(size=(3, 2)).astype(dtype)
            self.W_back = self.W.T

        def cost(self, x):
            return np.sum((np.tanh(x @ self.W) @ self.W_back - x) ** 2)

        @verify(loss="cost")
        def backward(self, x):
            h = np.tanh(x @ self.W)
            d = 2 * (h @ self.W_back - x)
            self.dW = x.T @ (d @ self.W * (1 - h**2)) + d.T @ h

    Tied().backward(X.astype(dtype))
    assert Tied.backward.verification.report.ok
    assert Tied.backward.verification.pairs == {"self.dW": "self.W"}
