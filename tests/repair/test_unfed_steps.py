"""Steps that no gradient enters: what comes into a velocity, into a number, beside the step of a bias."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapecheck.pipeline import Request, diagnose_script
from shapecheck.repair.candidate import apply_edits

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(6)


class Net:
    def __init__(self, beta, eta):
        self.beta, self.eta = beta, eta
        self.w = [rng.normal(size=(3, 5)), rng.normal(size=(5, 2))]
        self.b = [np.zeros(5), np.zeros(2)]
        self.v = [np.zeros(w.shape) for w in self.w]

    def fit(self, x, y):
        h = np.tanh(x @ self.w[0] + self.b[0])
        d = h @ self.w[1] + self.b[1] - y
        low = d @ self.w[1].T * (1 - h**2)
        acts, deltas = [x, h], [low, d]
        for k, a in enumerate(acts):
STEP


x = rng.normal(size=(20, 3))
y = np.sin(x[:, :2])
net = Net(0.8, 0.05)
for turn in range(30):
    net.fit(x, y)
"""
VELOCITY = [
    "slope = a.T @ deltas[k] / len(a)",
    "self.w[k] = self.w[k] - self.v[k]",
    "self.b[k] -= self.eta * deltas[k].mean(axis=0)",
]

#     id, the loop's statements, the first fix's lines
MENDED: list[tuple[str, list[str], str]] = [
    (
        "a velocity that nobody makes",
        VELOCITY,
        "self.v[k] = self.beta * self.v[k] + self.eta * slope",
    ),
    (
        "a velocity that fades only",
        [VELOCITY[0], "self.v[k] *= self.beta", *VELOCITY[1:]],
        "self.v[k] += self.eta * slope",
    ),
    (
        "a number for the gradient",
        [VELOCITY[2], "self.w[k] -= self.eta / len(a)"],
        "self.w[k] -= self.eta * (a.T @ deltas[k]) / len(a)",
    ),
    ("weights beside the means of biases", VELOCITY[2:], "self.w[k] -= self.eta * (a.T @ deltas[k]) / len(deltas[k])"),
]


@pytest.mark.parametrize(("statements", "wanted"), [m[1:] for m in MENDED], ids=[m[0] for m in MENDED])
def test_the_gradient_comes_in(tmp_path: Path, statements: list[str], wanted: str) -> None:
    text = PROGRAM.replace("STEP\n", "".join(f"            {line}\n" for line in statements))
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")
    finding = diagnose_script(Request(str(script), script_stdout_to_stderr=True)).findings[0]
    fix = finding.fixes[0]
    assert fix.confidence == "verified"
    repaired = apply_edits(text, fix.edits)
    assert [line.strip() for line in repaired.splitlines() if line not in text.splitlines()] == [wanted]


UNASKED = """\
import numpy as np

rng = np.random.default_rng(3)
data, wanted = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))


def loss(slopes):
    return np.mean((data @ slopes - wanted) ** 2)


def downhill(slopes, points):
    return 2 * points.T @ (points @ slopes - wanted) / len(points)


slopes, points, course = np.zeros((3, 1)), data, []
for turn in range(30):
    slopes -= 0.1 * downhill(slopes, points)
    course.append(loss(slopes))
print(course[-1])
"""


def test_the_function_that_nobody_calls_is_called(tmp_path: Path) -> None:
    text = UNASKED.replace("0.1 * downhill(slopes, points)", "0.1")
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")
    finding = diagnose_script(Request(str(script), script_stdout_to_stderr=True)).findings[0]
    assert (finding.fixes[0].confidence, apply_edits(text, finding.fixes[0].edits)) == ("verified", UNASKED)
