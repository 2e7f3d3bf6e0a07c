"""Wrong gradients that are seen: `python tests/benchmarks/gradcheck_detection.py [count] [seed]`.

Random networks, each with one random mistake in one gradient; printed is how many of each kind were called wrong, and
how many evaluations of the loss a failing check took.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from gradcheck_networks import Network, random_network

from shapecheck.gradients.check import gradcheck

Mistake = Callable[[np.random.Generator, dict[str, np.ndarray], str, Network], None]


def _entry(rng, g, name):
    return tuple(int(rng.integers(n)) for n in g[name].shape)


def one_entry(rng, g, name, net):
    """One entry off by 1 %."""
    g[name][_entry(rng, g, name)] *= 1.01


def zeroed(rng, g, name, net):
    """One entry zeroed."""
    g[name][_entry(rng, g, name)] = 0


def row_scaled(rng, g, name, net):
    """A row scaled by 0.9."""
    g[name][rng.integers(len(g[name]))] *= 0.9


def rows_swapped(rng, g, name, net):
    """Two rows swapped."""
    i, j = rng.choice(len(g[name]), 2, replace=False)
    g[name][[i, j]] = g[name][[j, i]]


def transposed_block(rng, g, name, net):
    """A square block transposed."""
    n = min(g[name].shape)
    g[name][:n, :n] = g[name][:n, :n].T.copy()


def sign(rng, g, name, net):
    """The sign of one tensor."""
    g[name] *= -1


def batch_factor(rng, g, name, net):
    """1/m missing."""
    g[name] *= len(net.X)


def half(rng, g, name, net):
    """A factor of two."""
    g[name] *= 2


def all_slightly(rng, g, name, net):
    """Everything off by 0.1 %."""
    g[name] *= 1.001


def one_sample(rng, g, name, net):
    """A column zeroed."""
    g[name][..., rng.integers(g[name].shape[-1])] = 0


def without_decay(rng, g, name, net):
    """The L2 term missing (or there though it should not be)."""
    g[name] = g[name] + np.asarray((-net.decay if net.decay else 0.05) * net.params[name], g[name].dtype)


MISTAKES: list[tuple[Mistake, int]] = [
    (one_entry, 0),
    (zeroed, 0),
    (row_scaled, 2),
    (rows_swapped, 2),
    (transposed_block, 2),
    (sign, 0),
    (batch_factor, 0),
    (half, 0),
    (all_slightly, 0),
    (one_sample, 1),
    (without_decay, 2),
]


def main(count: int = 1000, seed: int = 1) -> None:
    """Make and check `count` mistakes in float64 and as many in float32."""
    print("| dtype | gradients as | seen | of | cannot tell | median evaluations | at most |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    missed_by: Counter[str] = Counter()
    start = time.perf_counter()
    for dtype in (np.float64, np.float32):
        for form in ("array", "function"):
            seen = unsure = done = attempt = 0
            evaluations = []
            while done < count:
                attempt += 1
                rng = np.random.default_rng([seed, attempt, dtype is np.float32])
                net = random_network(rng, plain=True)
                if net.params["W1"].dtype != dtype:
                    net = _cast(net, dtype)
                mistake, dims = MISTAKES[done % len(MISTAKES)]
                with np.errstate(all="ignore"):
                    net.loss()
                    right = net.grads()
                if not (np.isfinite(net.loss()) and _alive(right)):
                    continue
                names = [n for n in right if right[n].ndim >= dims and min(right[n].shape, default=1) > 1] or []
                if not names:
                    continue
                name = str(rng.choice(names))
                state = rng.bit_generator.state
                wrong = {k: v.copy() for k, v in right.items()}
                mistake(rng, wrong, name, net)
                change = np.abs(wrong[name].astype(float) - right[name]).max()
                if change <= 50 * np.finfo(dtype).eps * np.abs(right[name]).max():
                    continue  # a change that rounding alone may make is no mistake
                done += 1

                def corrupted(net=net, name=name, mistake=mistake, state=state):
                    again = np.random.default_rng()
                    again.bit_generator.state = state
                    g = {k: v.copy() for k, v in net.grads().items()}
                    mistake(again, g, name, net)
                    return g

                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    report = gradcheck(net.loss, net.params, wrong if form == "array" else corrupted, seed=attempt)
                evaluations.append(report.evaluations)
                if report[name].verdict.value == "wrong":
                    seen += 1
                else:
                    unsure += report[name].verdict.value == "cannot tell"
                    missed_by[f"{np.dtype(dtype)} {form} {mistake.__name__}"] += 1
                    if "-v" in sys.argv:
                        rel = change / np.sqrt(np.mean(right[name].astype(float) ** 2))
                        print(
                            attempt,
                            mistake.__name__,
                            name,
                            right[name].shape,
                            f"change {rel:.1e} of typical",
                            report[name],
                        )
            print(
                f"| {np.dtype(dtype)} | {form} | {seen} | {count} | {unsure} "
                f"| {np.median(evaluations):.0f} | {max(evaluations)} |"
            )
    print(f"\n{time.perf_counter() - start:.0f} s; missed: {dict(missed_by)}")


def _cast(net: Network, dtype: type) -> Network:
    net.params = {k: v.astype(dtype) for k, v in net.params.items()}
    net.X, net.Y = net.X.astype(dtype), net.Y.astype(dtype)
    return net


def _alive(grads: dict[str, np.ndarray]) -> bool:
    return all(np.all(np.isfinite(g)) and np.any(g) for g in grads.values())


if __name__ == "__main__":
    main(*map(int, [a for a in sys.argv[1:] if a != "-v"]))
