"""The gallery in the docs: what each program prints, what a plain gradient check says, what shapecheck says.

It takes minutes, so it is run by hand: `pytest tests/test_gallery.py -m corpus`, with `--update-golden` to renew it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import steps
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
# (case, what was done, in a sentence)
MISTAKES = [
    ("silent-sigmoid-with-tanh-slope", "The hidden layer is a sigmoid; the backward pass has the slope of tanh."),
    ("silent-hidden-slope-forgotten", "The slope of the hidden layer is left out."),
    ("silent-second-slope-from-the-first-layer", "The slope of one layer is taken at the values of another."),
    ("silent-delta-through-the-wrong-weights", "The error goes back through the weights of another layer."),
    ("silent-own-activation-in-dw", "A weight's gradient is made from the layer's own output, not its input."),
    ("silent-mask-only-on-the-way-out", "Dropout's mask is applied going forward, and not going back."),
    ("silent-bias-summed-over-units", "The bias gradient is summed over the units, not over the samples."),
    ("silent-weights-lack-the-mean", "The weights' gradients are not divided by the number of samples."),
    ("silent-output-weights-moved-first", "The output weights are updated before the hidden layer's error is taken."),
    ("silent-images-and-labels-shuffled-apart", "Inputs and targets are shuffled, each in an order of its own."),
]
HEAD = """# Ten mistakes that nothing tells you about

Each of these programs runs to its end. Three views of each: what it prints, what a plain gradient check says of its
first step (the relative error of what is applied to each parameter, the learning rate taken out), and what
`python -m shapecheck diagnose` says. All of it is real output; `pytest tests/test_gallery.py -m corpus` compares.
"""
# Times and the last digits of rounding differ from one machine to another.
MEASURED = re.compile(r"\d+(\.\d+)?e[-+]\d+|\d+\.\d+ s\b")


def printed(case: Path) -> str:
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, cwd=case, check=False)
    lines = done.stdout.strip().splitlines()
    return "\n".join(lines if len(lines) <= 4 else [*lines[:2], "...", *lines[-2:]])


def checked(case: Path) -> str:
    """The relative error of the first step of each parameter, against the loss that fits best."""
    before = Path.cwd()
    os.chdir(case)
    try:
        run = run_program(
            Program("script.py"), timeout=60, memory_mib=None, trace_memory_mib=256, stdout_to_stderr=True
        )
    finally:
        os.chdir(before)
    assert run.trace is not None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        replay = Replay(run.trace.head).in_double()
        found = steps(replay, find_parameters(run.trace.head), 1)
        losses = find_losses(replay, found[0]) if found else []
    if not losses or losses[0].adjoints is None:
        return "no loss is computed that could be checked"
    lines = []
    rates = []
    for _, old, change, _ in found[0].parameters:
        applied, right = np.asarray(replay.recorded[change], dtype=float), losses[0].adjoints[old]
        if applied.shape == right.shape and np.any(right):
            rates.append(float(np.sum(applied * right) / np.sum(right * right)))
    rate = max(rates, key=lambda r: sum(abs(r - other) < 1e-6 * abs(r) for other in rates), default=1.0)
    for parameter, old, change, _ in found[0].parameters:
        applied, right = np.asarray(replay.recorded[change], dtype=float), rate * losses[0].adjoints[old]
        if applied.shape != right.shape:
            lines.append(f"{parameter.name}: shapes {applied.shape} and {right.shape}")
            continue
        error = np.linalg.norm(applied - right) / (np.linalg.norm(applied) + np.linalg.norm(right))
        lines.append(f"{parameter.name}: relative error {error:.0e}" if error > 1e-9 else f"{parameter.name}: right")
    return "\n".join(lines)


def explained(name: str) -> str:
    plain = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "FORCE_COLOR"}}
    command = [sys.executable, "-m", "shapecheck", "diagnose", f"cases/{name}/script.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=plain, check=False)
    report = done.stdout[done.stdout.index("shapecheck: ") :]
    return report.strip()


def section(number: int, name: str, mistake: str) -> str:
    case = ROOT / "cases" / name
    parts = [
        f"## {number}. {mistake}\n\n`cases/{name}`. It prints:\n\n```text\n{printed(case)}\n```\n",
        f"A plain gradient check:\n\n```text\n{checked(case)}\n```\n",
        f"shapecheck:\n\n```text\n{explained(name)}\n```\n",
    ]
    return "\n".join(parts)


@pytest.mark.corpus
def test_the_gallery_shows_real_output(request):
    sections = [section(number, name, mistake) for number, (name, mistake) in enumerate(MISTAKES, 1)]
    text = "\n".join([HEAD, *sections])
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert MEASURED.sub("#", text) == MEASURED.sub("#", PAGE.read_text(encoding="utf-8"))


def test_every_program_of_the_gallery_is_there():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name, _ in MISTAKES if f"`cases/{name}`" not in text] == []
    assert [name for name, _ in MISTAKES if not (ROOT / "cases" / name / "script.py").exists()] == []
