# ruff: noqa: E402 - the threads of linear algebra are set before NumPy is imported
"""What recording costs: time against the plain run, memory against the length of the run, and the building of a tape.

Run as `python tests/benchmarks/tracing.py`; prints Markdown. Plain and recorded runs alternate in one process and the
shortest of each count, in processor time with one thread for the linear algebra, so that whatever else the machine
does is left out. Memory is that of processes of their own.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path
from types import CodeType

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before NumPy is imported

from shapecheck.trace.build import build_tape
from shapecheck.trace.recorder import Recorder
from shapecheck.trace.rewrite import compile_recorded, rewrite
from shapecheck.trace.sites import SiteTable

LARGE = """
import numpy as np
rng = np.random.default_rng(1)
X = rng.random((2048, 784))
Y = (X[:, :1] > 0.5).astype(float)
W1, b1 = rng.normal(0, 0.05, (784, 196)), np.zeros((1, 196))
W2, b2 = rng.normal(0, 0.05, (196, 1)), np.zeros((1, 1))

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def train(steps):
    global W1, b1, W2, b2
    for t in range(steps):
        s = (t % 8) * 256
        x, y = X[s:s + 256], Y[s:s + 256]
        a1 = sigmoid(x @ W1 + b1)
        a2 = sigmoid(a1 @ W2 + b2)
        loss = np.mean((a2 - y) ** 2)
        d2 = (a2 - y) * a2 * (1 - a2)
        dW2 = a1.T @ d2 / 256
        d1 = d2 @ W2.T * a1 * (1 - a1)
        dW1 = x.T @ d1 / 256
        W2 {update2}
        b2 -= 0.1 * d2.sum(axis=0, keepdims=True)
        W1 {update1}
        b1 -= 0.1 * d1.sum(axis=0, keepdims=True)
    return loss
train({steps})
"""

TINY = """
import numpy as np
np.random.seed(1)
W1, b1 = np.random.randn(5, 2) * 0.5, np.zeros(5)
W2, b2 = np.random.randn(1, 5) * 0.5, np.zeros(1)
X = np.random.randn(200, 2)
Y = (X[:, 0] * X[:, 1] > 0).astype(float)

def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))

def train(steps):
    global W1, b1, W2, b2
    lr, loss = 0.1, 0.0
    for t in range(steps):
        i = t % 200
        x, y = X[i], Y[i]
        z1 = np.dot(W1, x) + b1
        a1 = np.tanh(z1)
        z2 = np.dot(W2, a1) + b2
        a2 = sigmoid(z2)
        loss += -(y * np.log(a2) + (1 - y) * np.log(1 - a2))
        d2 = a2 - y
        dW2 = np.outer(d2, a1)
        d1 = np.dot(W2.T, d2) * (1 - a1 ** 2)
        dW1 = np.outer(d1, x)
        W2 -= lr * dW2
        b2 -= lr * d2
        W1 -= lr * dW1
        b1 -= lr * d1
    return loss
train({steps})
"""

TINY_CLASS = """
import numpy as np

class Network:
    def __init__(self, sizes):
        rng = np.random.RandomState(1)
        self.weights = [rng.randn(y, x) * 0.5 for x, y in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.zeros((y, 1)) for y in sizes[1:]]

    def sigmoid(self, z):
        return 1.0 / (1.0 + np.exp(-z))

    def step(self, x, y, lr):
        activations = [x]
        for w, b in zip(self.weights, self.biases):
            activations.append(self.sigmoid(np.dot(w, activations[-1]) + b))
        delta = (activations[-1] - y) * activations[-1] * (1 - activations[-1])
        for l in range(1, len(self.weights) + 1):
            gradient = np.dot(delta, activations[-l - 1].T)
            step = delta
            if l < len(self.weights):
                a = activations[-l - 1]
                delta = np.dot(self.weights[-l].T, delta) * a * (1 - a)
            self.weights[-l] -= lr * gradient
            self.biases[-l] -= lr * step
        return float(np.sum((activations[-1] - y) ** 2))

net = Network([2, 5, 1])
X = np.random.RandomState(0).randn(200, 2, 1)
for t in range({steps}):
    i = t % 200
    net.step(X[i], 1.0 * (X[i][0] * X[i][1] > 0), 0.1)
"""

IN_PLACE = {"update1": "-= 0.1 * dW1", "update2": "-= 0.1 * dW2"}
REBOUND = {"update1": "= W1 - 0.1 * dW1", "update2": "= W2 - 0.1 * dW2"}

#             what is trained                            program                                       steps   limit
RUNS = [
    ("784-196-1, batch 256, 0.3 s", lambda n: LARGE.format(steps=n, **IN_PLACE), 150, 1.1),
    ("784-196-1, batch 256, a few seconds", lambda n: LARGE.format(steps=n, **IN_PLACE), 1000, 1.1),
    ("784-196-1, `W = W - ...`, 0.3 s", lambda n: LARGE.format(steps=n, **REBOUND), 150, 1.1),
    ("2-5-1, one sample, functions, 0.3 s", lambda n: TINY.format(steps=n), 20_000, 2.0),
    ("2-5-1, one sample, functions, seconds", lambda n: TINY.format(steps=n), 100_000, 2.0),
    ("2-5-1, one sample, a class, 0.3 s", lambda n: TINY_CLASS.format(steps=n), 10_000, 2.0),
    ("2-5-1, one sample, a class, seconds", lambda n: TINY_CLASS.format(steps=n), 60_000, 2.0),
]


def _recorded(text: str) -> tuple[CodeType, Recorder]:
    sites = SiteTable()
    recorder = Recorder(sites)
    return compile_recorded(rewrite(text, "program.py", sites), "program.py", recorder.hooks), recorder


def _seconds(code: CodeType) -> float:
    gc.collect()
    started = time.process_time()
    exec(code, {"__name__": "__main__"})
    return time.process_time() - started


def ratio(text: str, repetitions: int) -> tuple[float, float]:
    """(seconds of the plain run, recorded run as a multiple of it)."""
    plain, recorded = [], []
    for _ in range(repetitions):
        plain.append(_seconds(compile(text, "program.py", "exec")))
        code, recorder = _recorded(text)
        recorded.append(_seconds(code))
        recorder.finish()
    return min(plain), min(recorded) / min(plain)


def peak_mib(text: str, *, record: bool) -> float:
    """The most memory that a process running the program ever had."""
    command = [sys.executable, __file__, "--peak", "recorded" if record else "plain"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _print_peak(record: bool) -> None:
    text = sys.stdin.read()
    code = _recorded(text)[0] if record else compile(text, "program.py", "exec")
    exec(code, {"__name__": "__main__"})
    # `ru_maxrss` would count what the parent had when it started this process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024)


def build_seconds() -> tuple[int, float]:
    """(events, seconds of processor time to build their tape)."""
    text = TINY.format(steps=2000)
    code, recorder = _recorded(text)
    exec(code, {"__name__": "__main__"})
    recorder.finish()
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        build_tape(recorder.window, recorder.sites, ["program.py"])
        best = min(best, time.process_time() - started)
    return len(recorder.window), best


def main() -> None:
    """Print the tables."""
    print("| trained | plain run | recorded / plain | wanted |\n| --- | ---: | ---: | ---: |")
    for label, program, steps, limit in RUNS:
        seconds, times = ratio(program(steps), repetitions=2 if steps in {1000, 100_000, 60_000} else 5)
        print(f"| {label} | {seconds:.2f} s | {times:.2f} | <= {limit} |", flush=True)
    print("\n| memory, peak of the process | plain | recorded | recorded, 10 times as long |")
    print("| --- | ---: | ---: | ---: |")
    for label, program, steps in [
        ("784-196-1, batch 256", lambda n: LARGE.format(steps=n, **IN_PLACE), 200),
        ("784-196-1, `W = W - ...`", lambda n: LARGE.format(steps=n, **REBOUND), 200),
        ("2-5-1, one sample", lambda n: TINY.format(steps=n), 10_000),
    ]:
        peaks = [peak_mib(program(steps), record=False), peak_mib(program(steps), record=True)]
        peaks.append(peak_mib(program(10 * steps), record=True))
        print(f"| {label} | " + " | ".join(f"{peak:.0f} MiB" for peak in peaks) + " |", flush=True)
    events, seconds = build_seconds()
    print(f"\nBuilding a tape of {events:,} events: {seconds:.2f} s.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        _print_peak(sys.argv[2] == "recorded")
    else:
        main()
