"""No false alarm on right networks: `python tests/benchmarks/gradcheck_false_alarms.py [count] [seed] [first]`.

Prints a Markdown table of verdicts by kind of network, and the seed of every network on which the checker raised an
alarm.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from gradcheck_networks import random_network

from shapecheck import gradcheck
from shapecheck.gradients.errors import LossError


def main(count: int = 10_000, seed: int = 0, first: int = 0) -> None:
    """Check `count` random right networks, from the one with number `first` on."""
    verdicts: Counter[tuple[str, str]] = Counter()
    alarms, reasons = [], Counter()
    evaluations = 0
    start = time.perf_counter()
    for i in range(first, first + count):
        rng = np.random.default_rng([seed, i])
        network = random_network(rng)
        kind = ", ".join(sorted(network.tags)) or "ordinary"
        for form in ("function", "array"):
            if form == "array" and network.keep < 1:
                continue
            np.random.seed(i)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    network.loss()
                    grads = network.grads if form == "function" else network.grads()
                    report = gradcheck(network.loss, network.params, grads, seed=i)
                except LossError as error:
                    verdicts[kind, "loss not finite"] += 1
                    reasons[str(error)[:60]] += 1
                    continue
            evaluations += report.evaluations
            worst = "right" if report.decided else "cannot tell" if report.ok else "ALARM"
            verdicts[kind, worst] += 1
            for row in report:
                if row.verdict.value == "cannot tell":
                    reasons[row.reason[:24]] += 1
                    if "saturated" not in kind and "clipped" not in kind and "-v" in sys.argv:
                        print(i, form, kind, row.name, row.shape, row.reason, network.activations, len(network.X))
            if not report.ok:
                alarms.append((i, form, kind, str(report)))
                print(f"alarm: network {i}, gradients as {form}, {kind}", flush=True)
    columns = ["right", "cannot tell", "loss not finite", "ALARM"]
    print("| networks | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(columns))
    for kind in sorted({k for k, _ in verdicts}):
        print(f"| {kind} | " + " | ".join(str(verdicts[kind, c]) for c in columns) + " |")
    print("| all | " + " | ".join(str(sum(v for (_, w), v in verdicts.items() if w == c)) for c in columns) + " |")
    total = sum(verdicts.values())
    soft = [k for k, _ in verdicts if "saturated" not in k and "clipped" not in k]
    outside = sum(v for (k, _), v in verdicts.items() if k in soft)
    unsure = sum(v for (k, w), v in verdicts.items() if k in soft and w == "cannot tell")
    print(f"\n{total} checks in {time.perf_counter() - start:.0f} s, {evaluations / total:.0f} evaluations each;")
    print(f"cannot tell outside the saturated and clipped ones: {unsure} of {outside} ({100 * unsure / outside:.1f} %)")
    print(reasons.most_common(12))
    for alarm in alarms[:12]:
        print(*alarm[:3], "\n", alarm[3])


if __name__ == "__main__":
    main(*map(int, [a for a in sys.argv[1:] if a != "-v"]))
