"""What a check costs on 784-196-1 with 11,272 samples: `python tests/benchmarks/gradcheck_cost.py [samples]`.

The unit is one backward plus two forward passes of the same network, measured anew beside each repetition of a check; a
ratio is the median over the repetitions. Other checkers: `gradcheck_peers.py`.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from shapecheck import gradcheck

SIZES = (784, 196, 1)


def network(m: int, dtype: Any = np.float64) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Parameters, images (four fifths of the pixels dark, as of digits) and labels."""
    rng = np.random.default_rng(3)
    X = (rng.random((m, SIZES[0])) * (rng.random((m, SIZES[0])) < 0.2)).astype(dtype)
    Y = (rng.random((m, 1)) < 0.5).astype(dtype)
    params = {}
    for i, (a, b) in enumerate(pairwise(SIZES), 1):
        params[f"W{i}"] = (rng.normal(size=(a, b)) / np.sqrt(a)).astype(dtype)
        params[f"b{i}"] = np.zeros((1, b), dtype)
    return params, X, Y


def sigmoid(z: Any) -> Any:
    """1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


class Net:
    """The network as people write it; counts its forward passes."""

    def __init__(self, m: int, dtype: Any = np.float64) -> None:
        self.params, self.X, self.Y = network(m, dtype)
        self.forwards = 0

    def loss(self) -> float:
        """Mean cross-entropy."""
        self.forwards += 1
        p = self.params
        self.A1 = sigmoid(self.X @ p["W1"] + p["b1"])
        self.A2 = A = sigmoid(self.A1 @ p["W2"] + p["b2"])
        return -np.mean(self.Y * np.log(A) + (1 - self.Y) * np.log(1 - A))

    def grads(self) -> dict[str, np.ndarray]:
        """From what the last forward pass left."""
        d = (self.A2 - self.Y) / len(self.X)
        g = {"W2": self.A1.T @ d, "b2": d.sum(axis=0, keepdims=True)}
        d = (d @ self.params["W2"].T) * self.A1 * (1 - self.A1)
        return {"W1": self.X.T @ d, "b1": d.sum(axis=0, keepdims=True), **g}


def timed(run: Callable[[], Any], repeat: int = 5) -> float:
    """Median seconds."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def peak(run: Callable[[], Any]) -> int:
    """Peak of newly allocated bytes."""
    tracemalloc.start()
    run()
    top = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return top


def ours(m: int) -> None:
    """Passing, failing, memory."""
    net = Net(m)
    net.loss()
    forward, backward = timed(net.loss), timed(net.grads)
    print(f"forward {forward * 1e3:.0f} ms, backward {backward * 1e3:.0f} ms\n")
    print("| shapecheck | seconds | ratio | forward passes | verdicts |\n| --- | ---: | ---: | ---: | --- |")

    def row(name: str, run: Callable[[], Any], repeat: int = 15) -> None:
        net.forwards = 0
        report = run()
        count = net.forwards
        seconds, ratios = [], []
        for _ in range(repeat):
            unit = timed(net.grads, 1) + timed(net.loss, 1) + timed(net.loss, 1)
            seconds.append(timed(run, 1))
            ratios.append(seconds[-1] / unit)
        verdicts = ", ".join(f"{p.name} {p.verdict.value}" for p in report)
        print(f"| {name} | {np.median(seconds):.2f} | {np.median(ratios):.2f} | {count} | {verdicts} |", flush=True)
        if report.wrong():
            print(f"| | | | | {report.wrong()[0].name}: {report.wrong()[0].worst}, {report.wrong()[0].reason} |")

    def with_backward(mode: str) -> Any:
        net.loss()
        return gradcheck(net.loss, net.params, net.grads(), mode=mode)

    row("four tensors, gradients as arrays (1 forward, 1 backward included)", lambda: with_backward("projection"))
    row("one direction for all, as arrays (1 forward, 1 backward included)", lambda: with_backward("joint"))
    row(
        "four tensors, gradients as a function, second point included",
        lambda: gradcheck(net.loss, net.params, net.grads),
    )
    row(
        "four tensors, gradients as a function, one point",
        lambda: gradcheck(net.loss, net.params, net.grads, perturb=False),
    )
    net.loss()
    wrong = net.grads()
    wrong["W1"][300, 77] *= 1.01
    row("one entry of W1 off by 1 %", lambda: gradcheck(net.loss, net.params, wrong), 1)
    net.loss()
    right = net.grads()
    passing = peak(lambda: gradcheck(net.loss, net.params, right))
    twice = peak(lambda: (net.loss(), net.loss()))  # the network keeps its last activations, as networks do
    print(f"\npeak memory: two forward passes {twice / 1e6:.0f} MB, check {passing / 1e6:.0f} MB")
    print(f"entries: {sum(p.size for p in net.params.values())}")


if __name__ == "__main__":
    ours(int(sys.argv[1]) if len(sys.argv) > 1 else 11272)
