"""Projects of a user's with tests that fail, run by a pytest of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NET = """\
import numpy as np


def forward(params, X):
    A1 = np.tanh(np.dot(X, params["W1"]) + params["b1"])
    return np.dot(A1, params["W2"]) + params["b2"], A1


def loss(params, X, Y):
    return np.mean((forward(params, X)[0] - Y) ** 2)


def backward(params, X, Y):
    out, A1 = forward(params, X)
    dout = 2 * (out - Y) / Y.size
    dZ1 = np.dot(dout, params["W2"].T) * (1 - A1**2)
    return {"W1": X.T @ dZ1, "b1": dZ1.sum(axis=0), "W2": A1.T @ dout, "b2": dout.sum(axis=0)}


def parameters():
    rng = np.random.default_rng(1)
    sizes = {"W1": (3, 4), "b1": (4,), "W2": (4, 2), "b2": (2,)}
    return {name: rng.normal(size=size) for name, size in sizes.items()}
"""
# Each is wrong in one place.
CRASHING = NET.replace('params["W2"].T) *', 'params["W2"]) *')
WRONG = NET.replace("(1 - A1**2)", "(1 - A1)")
RULE = re.compile(r"^-+ shapecheck -+$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What one pytest printed."""

    text: str
    status: int
    folder: Path

    @property
    def sections(self) -> list[str]:
        """Our sections, each up to the next rule or header of pytest's."""
        return [
            re.split(r"^[_=]{4,}|^-{4,} ", part, flags=re.MULTILINE)[0].strip() for part in RULE.split(self.text)[1:]
        ]

    def data(self) -> dict[str, Any]:
        """Test -> its diagnosis as plain data, as `KEEPING` has kept it."""
        return json.loads((self.folder / "kept.json").read_text())


# A conftest.py that writes down what reports hold.
KEEPING = """\
import json

kept = {}

def pytest_runtest_logreport(report):
    if hasattr(report, "shapecheck"):
        kept[report.nodeid] = report.shapecheck

def pytest_unconfigure(config):
    with open("kept.json", "w") as file:
        json.dump(kept, file)
"""


def run_pytest(folder: Path, *arguments: str, **environment: str) -> Outcome:
    ours = {"COLUMNS", "SHAPECHECK_DEBUG", "SHAPECHECK", "PYTEST_ADDOPTS"}
    kept = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith(("PYTEST_", "COV_", "COVERAGE"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=folder,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    return Outcome(done.stdout, done.returncode, folder)


Project = Callable[..., Callable[..., Outcome]]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write files (their names with `__` for a dot) into an empty folder; gives back what runs pytest there."""

    def write(**files: str) -> Callable[..., Outcome]:
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(textwrap.dedent(text), encoding="utf-8")
        if not any(name in files for name in ("pytest__ini", "pyproject__toml")):
            (tmp_path / "pytest.ini").write_text("[pytest]\n")
        return lambda *arguments, **environment: run_pytest(tmp_path, *arguments, **environment)

    return write
