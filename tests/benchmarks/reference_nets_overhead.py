"""What checking signatures costs: training with and without it, step by step in turn, as ratios of one run.

Run it as `python tests/benchmarks/reference_nets_overhead.py [--quick]`. The module is loaded twice, once as it is and
once with SHAPECHECK=off, under which its functions are the plain functions. Steps alternate between the two, so that
whatever else the machine does falls on both, and the quickest of each are compared; products run in one thread, as
several would wait for each other on a busy machine. The bound for 784-196-1 is 1.15.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from types import ModuleType

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

BOUND = 1.15


def load(name: str, *, checked: bool) -> ModuleType:
    """Import a reference network, and all that it is made of, anew, with or without checks."""
    os.environ["SHAPECHECK"] = "" if checked else "off"
    kept = {key: sys.modules.pop(key) for key in list(sys.modules) if key.split(".")[0] == "reference_nets"}
    module = importlib.import_module(f"reference_nets.{name}")
    for key in [key for key in sys.modules if key.split(".")[0] == "reference_nets"]:
        del sys.modules[key]
    sys.modules.update(kept)
    return module


def deep_step(batch: int) -> Callable[[ModuleType], Callable[[], object]]:
    """One step of 784-196-1, the whole batch at once."""

    def prepare(module: ModuleType) -> Callable[[], object]:
        draw = np.random.default_rng(0)
        X, Y = draw.random((batch, 784)) - 0.5, draw.integers(0, 2, (batch, 1)).astype(float)
        params = module.initialise([784, 196, 1], np.random.default_rng(1))
        return lambda: module.train_step(params, X, Y, 0.1)

    return prepare


def single_sample_step(module: ModuleType) -> Callable[[], object]:
    """One sample through 2-5-1: the arrays are so small that the calls are all there is."""
    params = module.initialise([2, 5, 1], np.random.default_rng(1))
    x, target = np.array([0.2, 0.3]), np.array([0.5])
    return lambda: module.train_step(params, x, target, 0.1)


def features_first_step(module: ModuleType) -> Callable[[], object]:
    """200 samples through 2-5-5-1."""
    draw = np.random.default_rng(0)
    X, Y = draw.normal(size=(2, 200)), draw.integers(0, 2, (1, 200)).astype(float)
    params = module.initialise((2, 5, 5, 1), np.random.default_rng(1))
    return lambda: module.train_step(params, X, Y, 0.1)


def quickest(actions: list[Callable[[], object]], rounds: int) -> list[float]:
    """Least seconds of each action, called in turn."""
    times: list[list[float]] = [[] for _ in actions]
    for action in actions:
        action()  # the first call generates the checks
    for turn in range(rounds):
        order = range(len(actions)) if turn % 2 == 0 else reversed(range(len(actions)))
        for index in order:
            start = time.perf_counter()
            actions[index]()
            times[index].append(time.perf_counter() - start)
    return [min(part) for part in times]


def main() -> int:
    """Print the table; the status is 1 when 784-196-1 is above the bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    rows = [
        ("784-196-1, all 11272 samples", "deep_network", deep_step(11272), 4 if quick else 20),
        ("784-196-1, batches of 256", "deep_network", deep_step(256), 60 if quick else 400),
        ("2-5-5-1, 200 samples", "mlp_features_first", features_first_step, 300 if quick else 2000),
        ("2-5-1, one sample", "mlp_single_sample", single_sample_step, 300 if quick else 3000),
    ]
    print(f"{'one training step':<30} {'plain':>10} {'checked':>10} {'ratio':>7} {'added':>10}")
    worst = 0.0
    for title, name, prepare, rounds in rows:
        plain, checked = quickest([prepare(load(name, checked=False)), prepare(load(name, checked=True))], rounds)
        print(
            f"{title:<30} {plain * 1e3:>7.3f} ms {checked * 1e3:>7.3f} ms "
            f"{checked / plain:>7.3f} {(checked - plain) * 1e6:>7.0f} us"
        )
        if name == "deep_network":
            worst = max(worst, checked / plain)
    print(f"784-196-1 is to stay within {BOUND}: {'it does' if worst <= BOUND else 'IT DOES NOT'}")
    return int(worst > BOUND)


if __name__ == "__main__":
    sys.exit(main())
