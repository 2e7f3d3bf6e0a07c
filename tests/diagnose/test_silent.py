"""Programs that run and are wrong: the line to blame and the edit; their right twin is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NETWORK = """\
import numpy as np

rng = np.random.RandomState(4)
X = rng.randn(30, 3)
y = (np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:] > 0.3).astype(float)
W1, b1 = rng.randn(3, 5) * 0.7, np.zeros((1, 5))
W2, b2 = rng.randn(5, 1) * 0.7, np.zeros((1, 1))
m = len(X)
for step in range(60):
    a1 = np.tanh(X @ W1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    loss = -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))
    d2 = (a2 - y) / m
    dW2 = a1.T @ d2
    db2 = d2.sum(axis=0, keepdims=True)
    d1 = d2 @ W2.T * (1 - a1 ** 2)
    dW1 = X.T @ d1
    db1 = d1.sum(axis=0, keepdims=True)
    W1 -= 0.5 * dW1
    b1 -= 0.5 * db1
    W2 -= 0.5 * dW2
    b2 -= 0.5 * db2
print("loss", loss)
"""

#        id                            right line's text                     wrong text                         codes
MISTAKES = [
    ("slope of a sigmoid for tanh", "(1 - a1 ** 2)", "a1 * (1 - a1)", {"SC301"}),
    ("1/m twice", "d1 = d2 @ W2.T", "d1 = d2 / m @ W2.T", {"SC302"}),
    (
        "bias gradient over the wrong axis",
        "db1 = d1.sum(axis=0, keepdims=True)",
        "db1 = d1.sum(axis=0, keepdims=True) * 0 + d1[:1]",
        None,
    ),
    (
        "target of another rank",
        "y = (np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:] > 0.3)",
        "y = (np.sin(X[:, 0]) + X[:, 1] * X[:, 2] > 0.3)",
        {"SC101", "SC201"},
    ),
]


def diagnose(folder: Path, text: str) -> dict[str, Any]:
    script = folder / "train.py"
    script.write_text(text)
    command = [sys.executable, "-m", "shapecheck", "diagnose", "--format", "json", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in {0, 1}, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def applied(text: str, fix: dict[str, Any]) -> str:
    lines = text.splitlines(keepends=True)
    for edit in sorted(fix["edits"], key=lambda e: (e["line"], e["column"]), reverse=True):
        assert edit["line"] == edit["end_line"]
        line = lines[edit["line"] - 1]
        lines[edit["line"] - 1] = line[: edit["column"] - 1] + edit["replacement"] + line[edit["end_column"] - 1 :]
    return "".join(lines)


@pytest.mark.parametrize(("right", "wrong", "codes"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_the_line_to_blame_is_named(tmp_path: Path, right: str, wrong: str, codes: set[str] | None) -> None:
    assert NETWORK.count(right) == 1
    text = NETWORK.replace(right, wrong)
    line = next(i for i, t in enumerate(text.splitlines(), 1) if wrong in t)
    findings = diagnose(tmp_path, text)["findings"]
    assert findings
    near = {findings[0]["cause"]["line"], findings[0]["location"]["line"]}
    near |= {e["line"] for f in findings[0]["fixes"] for e in f["edits"]}
    assert line in near
    if codes is not None:
        assert findings[0]["code"] in codes
    for fix in findings[0]["fixes"]:
        if fix["confidence"] == "verified":
            assert diagnose(tmp_path, applied(text, fix))["findings"] == []


def test_the_right_program_is_left_alone(tmp_path: Path) -> None:
    report = diagnose(tmp_path, NETWORK)
    assert report["status"] == "clean"
    assert report["findings"] == []
    assert [layer["activation"] for layer in report["network"]["layers"]] == ["tanh", "sigmoid"]
