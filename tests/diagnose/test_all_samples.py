"""What all samples share or are summed for: biases that were numbers, sums over many samples, errors of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import Edits, blamed_line, edited_text, findings, repaired

COLUMNS = """\
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 40))
Y = (np.array([[1.0, -2.0, 0.5]]) @ X > 0) * 1.0


class Unit:
    def __init__(self):
        self.w, self.b = rng.normal(size=(1, 3)), 0

    def learn(self, rate):
        a = 1 / (1 + np.exp(-(self.w @ X + self.b)))
        miss = a - Y
        self.w = self.w - rate * miss @ X.T / 40
        self.b = self.b - rate * np.sum(miss, axis=1, keepdims=True) / 40
        return -np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a))


unit = Unit()
for turn in range(6):
    print(unit.learn(0.5))
"""

ROWS = """\
import numpy as np

rng = np.random.RandomState(1)
x = rng.randn(30, 2)
y = np.sin(x[:, :1])
net = {"A": rng.randn(2, 5), "a": 0, "B": rng.randn(5, 1), "b": 0}
speed = dict.fromkeys(net, 0)
for turn in range(6):
    h = np.tanh(x @ net["A"] + net["a"])
    out = h @ net["B"] + net["b"]
    d = (out - y) / len(y)
    e = d @ net["B"].T * (1 - h**2)
    g = {"A": x.T @ e, "a": e.sum(axis=0), "B": h.T @ d, "b": d.sum(axis=0)}
    for key in net:
        speed[key] = 0.5 * speed[key] - 0.1 * g[key]
        net[key] = net[key] + speed[key]
print(np.mean((out - y) ** 2))
"""

ONE_BY_ONE = """\
import numpy as np

rng = np.random.RandomState(2)
records = rng.randn(70, 3)
wanted = np.tanh(records[:, 0] - records[:, 1])
first, second = rng.randn(3, 4) * 0.5, rng.randn(4) * 0.5
for epoch in range(2):
    d_first, d_second = np.zeros_like(first), np.zeros_like(second)
    for x, y in zip(records, wanted):
        hidden = 1 / (1 + np.exp(-(x @ first)))
        error = hidden @ second - y
        d_second += error * hidden
        d_first += x[:, None] * (error * second * hidden * (1 - hidden))
    first -= 0.5 * d_first / len(records)
    second -= 0.5 * d_second / len(records)
print(first)
"""

#     id, program, edits, a part of the blamed line, the repaired line or None where no repair is tried
MISTAKES: list[tuple[str, str, Edits, str, str | None]] = [
    (
        "over the other axis, columns",
        COLUMNS,
        [("axis=1, keepdims=True", "axis=0")],
        "np.sum(miss",
        "np.sum(miss, axis=1",
    ),
    ("not summed at all, columns", COLUMNS, [("np.sum(miss, axis=1, keepdims=True)", "miss")], "self.b = self.b", None),
    (
        "over the other axis, with momentum",
        ROWS,
        [("e.sum(axis=0)", "e.sum(axis=1, keepdims=True)")],
        '"a": e.sum',
        None,
    ),
    ("an error of itself", ROWS, [("(out - y) / len", "(out - out) / len")], "(out - out)", "(out - y) / len"),
    ("a slope of another layer, in sums", ONE_BY_ONE, [("(1 - hidden)", "(1 - hidden**2)")], "d_first +=", None),
]


@pytest.mark.parametrize("text", [COLUMNS, ROWS, ONE_BY_ONE], ids=["columns", "rows", "one by one"])
def test_the_right_programs_get_no_finding(text: str, tmp_path: Path) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(("text", "edits", "line", "mended"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_the_expression_is_blamed(text: str, edits: Edits, line: str, mended: str | None, tmp_path: Path) -> None:
    wrong = edited_text(text, edits)
    (finding,) = findings(tmp_path, wrong, trials=mended is not None)
    assert line in blamed_line(wrong, finding)
    if mended is not None:
        assert finding.fixes[0].confidence == "verified"
        assert mended in repaired(wrong, finding.fixes[0])
