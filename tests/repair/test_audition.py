"""Rewritings are heard one after the other, and none hears what another has left behind."""

from __future__ import annotations

import numpy as np
import pytest

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.audition import Audition, Instance, Listener, Over

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
    rewritten = [lambda: 2 * listener(lambda: z, rewritten), lambda: -z]
    with pytest.raises(Over):
        listener(lambda: z, rewritten)
    assert listener.result().factors == {0: 2.0, 1: -1.0}


def test_what_a_rewriting_puts_into_its_object_is_taken_out_again() -> None:
    class Net:
        def __init__(self) -> None:
            self.out = np.array([3.0, -4.0])
            self.seen: list[float] = []

        def forward(self, x: np.ndarray) -> np.ndarray:
            self.out = 0 * x
            self.seen.append(1.0)
            return self.out

    net = Net()
    listener = Listener(Audition(PLACE, ("net.forward(net.out)", "-net.out"), (Instance(net.out, (net.out,)),)))
    with pytest.raises(Over):
        listener(lambda: net.out, [lambda: net.forward(net.out), lambda: -net.out])
    assert listener.result().factors == {1: -1.0}
    assert net.seen == []
