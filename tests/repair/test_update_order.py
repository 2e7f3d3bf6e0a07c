"""Steps that are made some calls further down, before the backward pass has read what they change."""

from __future__ import annotations

from pathlib import Path

from tests.diagnose.training_programs import edited_text, findings, repaired

LAYERS = """\
import numpy as np


class Plain:
    def __init__(self, rate):
        self.rate = rate

    def apply(self, array, slope):
        array -= self.rate * slope


class Half:
    def __init__(self, rng, rows, columns, rule):
        self.W, self.rule = rng.normal(size=(rows, columns)) * 0.5, rule

    def forward(self, x):
        self.x, self.y = x, np.tanh(x @ self.W)
        return self.y

    def back(self, d):
        self.d = d * (1 - self.y**2)
        self.dW = self.x.T @ self.d

    def learn(self):
        self.rule.apply(self.W, self.dW)


rng = np.random.default_rng(9)
data = rng.normal(size=(30, 4))
inner, outer = Half(rng, 4, 3, Plain(0.05)), Half(rng, 3, 4, Plain(0.05))


def turn():
    error = (outer.forward(inner.forward(data)) - np.tanh(data)) / len(data)
    outer.back(error)
    inner.back(outer.d @ outer.W.T)
    outer.learn()
    inner.learn()
    return np.sum(error**2)


for _ in range(6):
    print(turn())
"""
INNER = "    inner.back(outer.d @ outer.W.T)\n"
LEARN = "    outer.learn()\n"


def test_the_call_is_moved_behind_what_reads_the_weights(tmp_path: Path) -> None:
    text = edited_text(LAYERS, [(INNER + LEARN, LEARN + INNER)])
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.cause.source, found.fixes[0].confidence) == ("SC401", LEARN.strip(), "verified")
    assert repaired(text, found.fixes[0]) == LAYERS
