"""Rewritings are heard one after the other, and none hears what another has left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.audition import Audition, Instance, Listener, Over, is_expression
from shapecheck.repair.before import changing

PLACE = Edit("net.py", 1, 1, 1, 2, "z")


def heard(*, in_place: bool) -> tuple[dict[int, float], np.ndarray]:
    """What of three rewritings of `z` gives the slope of a rectifier, the first of which may write into `z`."""
    z = np.array([[-1.0, 0.5], [2.0, -3.0]])
    wanted = (z > 0) * 1.0

    def rectify(x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 7.0, out=x if in_place else None)

    audition = Audition(PLACE, ("rectify(z)", "z > 0", "2 * (z > 0)"), (Instance(z.copy(), (wanted,)),))
    listener = Listener(audition)
    with pytest.raises(Over):
        listener(lambda: z, [lambda: rectify(z), lambda: z > 0, lambda: 2 * (z > 0)])
    return listener.result().factors, z


@pytest.mark.parametrize("in_place", [False, True], ids=["a-new-array", "in-place"])
def test_a_rewriting_that_works_in_place_spoils_nothing(in_place: bool) -> None:
    factors, z = heard(in_place=in_place)
    assert factors == {1: 1.0, 2: 2.0}
    assert z.tolist() == [[-1.0, 0.5], [2.0, -3.0]]


def test_what_a_rewriting_changed_before_it_failed_is_put_back() -> None:
    z = np.array([3.0, -4.0])

    def fails() -> np.ndarray:
        z[:] = 0.0
        raise ValueError("no")

    listener = Listener(Audition(PLACE, ("fails()", "-z"), (Instance(z.copy(), (z.copy(),)),)))
    with pytest.raises(Over):
        listener(lambda: z, [fails, lambda: -z])
    assert listener.result().factors == {1: -1.0}


def test_a_rewriting_with_several_results_ends_nothing() -> None:
    z = np.array([3.0, -4.0])
    listener = Listener(Audition(PLACE, ("both(z)", "-z"), (Instance(z.copy(), (z.copy(),)),)))
    with pytest.raises(Over):
        listener(lambda: z, [lambda: [z, np.ones((2, 2))], lambda: -z])
    assert listener.result().factors == {1: -1.0}


def test_a_rewriting_may_call_the_function_that_it_stands_in() -> None:
    z = np.array([3.0, -4.0])
    listener = Listener(Audition(PLACE, ("f(z)", "-z"), (Instance(z.copy(), (z.copy(),)),)))
    rewritten: list[Callable[[], Any]] = [lambda: 2 * listener(lambda: z, rewritten), lambda: -z]
    with pytest.raises(Over):
        listener(lambda: z, rewritten)
    assert listener.result().factors == {0: 2.0, 1: -1.0}


def test_what_is_only_nearly_as_wanted_is_not_meant_where_something_is_as_wanted() -> None:
    z = np.array([3e-4, -4e-4])
    listener = Listener(Audition(PLACE, ("z", "tanh(z)", "-tanh(z)"), (Instance(z.copy(), (np.tanh(z),)),)))
    with pytest.raises(Over):
        listener(lambda: z, [lambda: z, lambda: np.tanh(z), lambda: -np.tanh(z)])
    assert listener.result().factors == {1: 1.0, 2: -1.0}


def test_once_something_fits_and_the_time_is_up_only_that_is_heard_further() -> None:
    first, second = np.array([1.0, 2.0]), np.array([5.0, -1.0])
    instances = (Instance(first.copy(), (-first,)), Instance(second.copy(), (-second,)))
    # As in a program, where the listener is none of its names.
    listen = Listener(Audition(PLACE, ("z", "2 * z", "z + 1"), instances, content=0.0)).__call__
    calls = []

    def one(factor: float, z: np.ndarray) -> np.ndarray:
        calls.append(factor)
        return factor * z

    given = listen(lambda: first, [lambda: first + 1, lambda: one(2.0, first), lambda: one(3.0, first)])
    assert given is first
    with pytest.raises(Over):
        listen(lambda: second, [lambda: second + 1, lambda: one(2.0, second), lambda: one(3.0, second)])
    assert listen.__self__.result().factors == {1: -2.0}
    assert calls == [2.0, 2.0]


def test_of_what_is_added_up_in_turns_the_likeliest_is_heard_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAPECHECK_PATIENCE", "1")
    turns = [np.array([1.0, 2.0]), np.array([5.0, -1.0])]
    audition = Audition(
        PLACE, ("-z", "slow(z)", "slow(z)"), (Instance(None, (sum(turns),), summed=(0, 1)),), seconds=0.2
    )
    listen = Listener(audition).__call__

    def slow(z: np.ndarray) -> np.ndarray:
        time.sleep(0.15)  # two of them take all the time that there is
        return z

    listen(lambda: turns[0], [lambda: -turns[0], lambda: slow(turns[0]), lambda: slow(turns[0])])
    with pytest.raises(Over):
        listen(lambda: turns[1], [lambda: -turns[1], lambda: slow(turns[1]), lambda: slow(turns[1])])
    factors = listen.__self__.result().factors
    assert factors[0] == -1.0
    assert 2 not in factors


def test_what_a_rewriting_keeps_in_an_object_is_put_back() -> None:
    class Layer:
        x = 1.0

        def forward(self, x: np.ndarray) -> np.ndarray:
            self.x = x.sum()
            return x

    layer, z = Layer(), np.array([3.0, -4.0])
    layer.x = 2.0

    listener = Listener(Audition(PLACE, ("layer.forward(z)", "layer.x * z"), (Instance(z.copy(), (z.copy(),)),)))
    with pytest.raises(Over):
        listener(lambda: z, [lambda: layer.forward(z + 1), lambda: layer.x * z])
    assert listener.result().factors == {1: 2.0}


def test_only_calls_that_may_change_something_are_undone() -> None:
    texts = ("a @ b.T", "np.sum(a, axis=0)", "a.sum()", "f(a)", "np.exp(a, out=a)", "layer.forward(a)", "a[(0)]")
    assert [texts[i] for i in changing(texts, {"np": "numpy"})] == ["f(a)", "np.exp(a, out=a)", "layer.forward(a)"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a + b", True), ("a +", False), ("(a := b)", False), ("f(a, k=1, k=2)", False), ("f(a, k=g(k=2))", True)],
)
def test_what_can_be_heard_is_an_expression(text: str, expected: bool) -> None:
    assert is_expression(text) is expected
