"""Backward passes that begin with something else than output - target: said where nobody means it, and only there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

# No loss is computed: a batch, and two outputs.
BATCH = """\
import numpy as np

draw = np.random.default_rng(3)
X = draw.normal(size=(40, 4))
Y = {targets}
A, a, B, b = draw.normal(size=(4, 5)) / 2, np.zeros(5), draw.normal(size=(5, 2)) / 2, np.zeros(2)
for turn in range(12):
    rows = draw.integers(0, 40, 20)
    x, y = X[rows], Y[rows]
    h = np.tanh(x @ A + a)
    out = {output}
    d = {error}
    e = d @ B.T * (1 - h**2)
    B -= 0.1 * h.T @ d / 20
    b -= 0.1 * d.mean(axis=0)
    A -= 0.1 * x.T @ e / 20
    a -= 0.1 * e.mean(axis=0)
print(out[:2].round(2))
"""

# One sample at a time, one output; what is printed is no part of the backward pass.
ALONE = """\
import numpy as np

draw = np.random.default_rng(4)
X = draw.normal(size=(12, 4))
Y = {targets}
A, a, B, b = draw.normal(size=(4, 5)) / 2, np.zeros(5), draw.normal(size=5) / 2, 0.0
for turn in range(2):
    total = 0.0
    for x, y in zip(X, Y):
        h = np.tanh(x @ A + a)
        out = {output}
        total += (out - y) ** 2
        d = {error}
        e = d * B * (1 - h**2)
        B -= 0.05 * d * h
        b -= 0.05 * d
        A -= 0.05 * np.outer(x, e)
        a -= 0.05 * e
    print(total)
"""

# Outputs and targets are read entry by entry, and a gradient is cut off before it is applied.
SERIES = """\
import numpy as np

draw = np.random.default_rng(5)
U, V, w = draw.normal(size=4) / 2, draw.normal(size=(4, 4)) / 3, draw.normal(size=4)
for turn in range(6):
    wave = np.sin(draw.uniform(0, 6) + np.arange(7))
    now, later = wave[:-1], wave[1:]
    h, y = np.zeros((7, 4)), np.zeros(6)
    for t in range(6):
        h[t + 1] = np.tanh(U * now[t] + V @ h[t])
        y[t] = w @ h[t + 1]
    gU, gV, gw, back = np.zeros(4), np.zeros((4, 4)), np.zeros(4), np.zeros(4)
    for t in range(5, -1, -1):
        d = y[t] - later[t]
        gw += d * h[t + 1]
        e = (d * w + back) * (1 - h[t + 1] ** 2)
        gU += e * now[t]
        gV += np.outer(e, h[t])
        back = V.T @ e
    for p, g in ((U, gU), (V, gV), (w, gw)):
        np.clip(g, -1, 1, out=g)
        p -= 0.05 * g
    loss = 0.5 * np.sum((y - later) ** 2)
    print(loss)
"""

# A softmax whose targets are labels, and a loss of all samples that is printed now and then.
LABELS = """\
import numpy as np

draw = np.random.default_rng(6)
X = draw.normal(size=(60, 3))
kinds = np.argmax(X, axis=1)
A, B, b = draw.normal(size=(3, 5)), draw.normal(size=(5, 3)), np.zeros(3)


def classify(x):
    h = np.tanh(x @ A)
    scores = h @ B + b
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return h, p / p.sum(axis=1, keepdims=True)


def learn(x, labels):
    h, p = classify(x)
    d = p.copy()
    d[np.arange(len(x)), labels] -= 1
    d = d / len(labels)
    e = d @ B.T * (1 - h**2)
    B[:] -= 0.2 * h.T @ d
    b[:] -= 0.2 * d.sum(axis=0)
    A[:] -= 0.2 * x.T @ e


for turn in range(4):
    for k in range(0, 60, 12):
        learn(X[k : k + 12], kinds[k : k + 12])
    print(-np.mean(np.log(classify(X)[1][np.arange(60), kinds])))
"""

LINEAR, LOGISTIC = "h @ B + b", "1 / (1 + np.exp(-(h @ B + b)))"
NUMBERS = "np.stack((X[:, 0] * X[:, 1], np.abs(X[:, 2])), axis=1)"
NUMBER, SIGNS, CLASSES = "X[:, 0] * X[:, 1]", "np.where(X[:, :2] > 0, 1.0, -1.0)", "(X[:, :2] > 0).astype(float)"
TANH = "np.tanh(h @ B + b)"
SIGN, CLASS = "np.where(X[:, 0] > 0, 1.0, -1.0)", "(X[:, 0] > 0).astype(float)"

#     id, program, targets, output, what goes backwards, what it should be
MISTAKES = [
    ("a batch, the target left out", BATCH, NUMBERS, LINEAR, "2 * out", "2 * (out - y)"),
    ("a batch, the output left out", BATCH, NUMBERS, LINEAR, "y", "out - y"),
    ("a batch, the sum under a sigmoid", BATCH, CLASSES, LOGISTIC, "out + y", "out - y"),
    ("the target left out", ALONE, NUMBER, LINEAR, "out", "out - y"),
    ("the target left out under a sigmoid", ALONE, CLASS, LOGISTIC, "out * out * (1 - out)", ""),
    ("the output left out", ALONE, NUMBER, LINEAR, "2 * -y", ""),
    ("the sum", ALONE, CLASS, LOGISTIC, "(out + y) * out * (1 - out)", "(out - y) * out * (1 - out)"),
]

#     id, program, targets, output, what goes backwards
MEANT = [
    ("Huber's loss", BATCH, NUMBERS, LINEAR, "np.clip(out - y, -0.5, 0.5)"),
    ("the logistic loss of two signs", BATCH, SIGNS, LINEAR, "-y / (1 + np.exp(y * out))"),
    ("a margin that no sample has reached", BATCH, SIGNS, LINEAR, "-y * (y * out < 9)"),
    ("counts", BATCH, f"np.round({NUMBERS})", LINEAR, "np.exp(out) - y"),
    ("one by one, a margin", ALONE, SIGN, LINEAR, "-y * (y * out < 9)"),
    ("one by one, cross-entropy beside squares", ALONE, CLASS, LOGISTIC, "out - y"),
    ("one by one, squares of a sigmoid", ALONE, CLASS, LOGISTIC, "(out - y) * out * (1 - out)"),
    ("one by one, squares of tanh", ALONE, SIGN, TANH, "(out - y) * (1 - out**2)"),
    ("one by one, absolute errors", ALONE, NUMBER, LINEAR, "np.sign(out - y)"),
]


def _ids(rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [row[0].replace(" ", "-") for row in rows]


@pytest.mark.parametrize(("program", "targets", "output", "error"), [m[1:5] for m in MISTAKES], ids=_ids(MISTAKES))
def test_what_is_no_difference_is_placed(tmp_path: Path, program: str, targets: str, output: str, error: str) -> None:
    text = program.format(targets=targets, output=output, error=error)
    (finding,) = findings(tmp_path, text)
    assert finding.title == "the error at the output is no difference"
    assert f"d = {error}" in blamed_line(text, finding)


@pytest.mark.parametrize(("program", "targets", "output", "error"), [m[1:] for m in MEANT], ids=_ids(MEANT))
def test_other_losses_are_left_alone(tmp_path: Path, program: str, targets: str, output: str, error: str) -> None:
    assert findings(tmp_path, program.format(targets=targets, output=output, error=error)) == []


@pytest.mark.parametrize(
    ("targets", "output", "error", "right"),
    [
        (CLASS, LOGISTIC, "(out - y) / (1 + np.exp(-out)) / (1 + np.exp(out))", ""),
        (CLASS, LOGISTIC, "(out - y) * (1 - out**2)", "(out - y) * out * (1 - out)"),
        (SIGN, TANH, "(out - y) * (1 - np.tanh(out) ** 2)", "(out - y) * (1 - out ** 2)"),
        pytest.param(SIGN, TANH, "(out - y) * out * (1 - out)", "(out - y) * (1 - out ** 2)", marks=pytest.mark.corpus),
    ],
)
def test_the_slope_of_one_output_is_told(tmp_path: Path, targets: str, output: str, error: str, right: str) -> None:
    text = ALONE.format(targets=targets, output=output, error=error)
    (finding,) = findings(tmp_path, text, trials=bool(right))
    assert finding.code == "SC301"
    assert f"d = {error}" in blamed_line(text, finding)
    if right:
        assert finding.fixes[0].confidence == "verified"
        assert findings(tmp_path, repaired(text, finding.fixes[0])) == []


@pytest.mark.parametrize("number", [1, 6])
def test_the_difference_is_put_in(tmp_path: Path, number: int) -> None:
    _, program, targets, output, error, right = MISTAKES[number]
    text = program.format(targets=targets, output=output, error=error)
    (finding,) = findings(tmp_path, text, trials=True)
    assert finding.fixes[0].confidence == "verified"
    assert repaired(text, finding.fixes[0]) == program.format(targets=targets, output=output, error=right)


def test_one_entry_of_the_targets_is_put_in(tmp_path: Path) -> None:
    text = SERIES.replace("d = y[t] - later[t]", "d = y[t]")
    (finding,) = findings(tmp_path, text, trials=True)
    assert finding.fixes[0].confidence == "verified"
    assert repaired(text, finding.fixes[0]) == SERIES


def test_labels_are_targets(tmp_path: Path) -> None:
    assert findings(tmp_path, LABELS) == []
    text = LABELS.replace("    d[np.arange(len(x)), labels] -= 1\n", "")
    (finding,) = findings(tmp_path, text, trials=True)
    assert (finding.code, finding.fixes[0].confidence) == ("SC306", "verified")
    assert "d = p.copy()" in blamed_line(text, finding)


@pytest.mark.parametrize("error", ["Y[rows] - y", "y - y", "out - out"])
def test_what_is_taken_from_itself_is_zero(tmp_path: Path, error: str) -> None:
    text = BATCH.format(targets=NUMBERS, output=LINEAR, error=error)
    (finding,) = findings(tmp_path, text, trials=error != "out - out")
    assert finding.title == "this error is zero, whatever comes in"
    assert f"d = {error}" in blamed_line(text, finding)
    if finding.fixes:
        assert repaired(text, finding.fixes[0]) == BATCH.format(targets=NUMBERS, output=LINEAR, error="out - y")


def _with_a_rate(error: str) -> str:
    text = BATCH.format(targets=CLASSES, output=LOGISTIC, error=error)
    return text.replace("0.1 *", "rate *").replace("draw = ", "rate = 0.4\ndraw = ")


def test_the_rate_is_no_part_of_a_slope(tmp_path: Path) -> None:
    text = _with_a_rate("(out - y) * rate * (1 - out)")
    (finding,) = findings(tmp_path, text, trials=True)
    assert "d = (out - y) * rate" in blamed_line(text, finding)
    assert repaired(text, finding.fixes[0]) == _with_a_rate("(out - y) * out * (1 - out)")


@pytest.mark.parametrize("error", ["(out - y) * out * (1 - out)", "(out - y) * (1 - out)", "2 * (out - y) ** 3"])
def test_a_rate_in_the_steps_alone_is_right(tmp_path: Path, error: str) -> None:
    assert findings(tmp_path, _with_a_rate(error)) == []
