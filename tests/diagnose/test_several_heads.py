"""A mistake beside others that meet in one layer, under an optimizer whose averages are moved towards the gradients."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import findings

HEADS = """\
import numpy as np

rng = np.random.RandomState(5)
x = rng.randn(14, 3)
size, sign = np.abs(x[:, :1]) + 0.5, (x[:, 1:2] > 0) * 1.0
P = {"A": rng.randn(3, 6), "B": 0.5 * rng.randn(6, 1), "C": 0.5 * rng.randn(6, 1)}
P |= {"D": 0.5 * rng.randn(6, 1), "b": 0.1 * rng.randn(1), "c": 0.1 * rng.randn(1)}
mean, square = ({k: np.zeros_like(v) for k, v in P.items()} for _ in range(2))
for t in range(1, 8):
    h = np.tanh(x @ P["A"])
    rate = np.exp(h @ P["B"] + P["b"])
    p = 1 / (1 + np.exp(-h @ P["C"] - P["c"]))
    loss = np.mean(rate - size * np.log(rate)) + 0.1 * np.mean(rate ** 2)
    loss -= np.mean(sign * np.log(p) + (1 - sign) * np.log(1 - p))
    q = h @ P["D"]
    loss += 0.5 * np.mean((q - x[:, 2:]) ** 2)
    d_rate = (rate - size) / 14 + 0.2 * rate ** 2 / 14
    d_sign = (p - sign) / 14
    d_plain = (q - x[:, 2:]) / 14
    G = {"D": h.T @ d_plain, "B": h.T @ d_rate, "C": h.T @ d_sign}
    G |= {"b": d_rate.sum(axis=0), "c": d_sign.sum(axis=0)}
    dh = d_rate @ P["B"].T + d_sign @ P["C"].T + d_plain @ P["D"].T
    G["A"] = x.T @ (dh * (1 - h ** 2))
    for k in P:
        mean[k] += 0.1 * (G[k] - mean[k])
        square[k] += 0.01 * (G[k] ** 2 - square[k])
        P[k] -= 0.02 * (mean[k] / (1 - 0.9 ** t)) / (np.sqrt(square[k] / (1 - 0.99 ** t)) + 1e-8)
print(loss)
"""
SLIP = ("(rate - size) / 14 + 0.2", "(rate - size) / 14 - 0.2")


def _line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_right_program_is_left_alone(tmp_path: Path) -> None:
    assert [f for f in findings(tmp_path, HEADS) if f.severity != "note"] == []


def test_the_slip_is_mended(tmp_path: Path) -> None:
    was, wrong = SLIP
    changed = HEADS.replace(was, wrong)
    found = findings(tmp_path, changed, trials=True)
    assert found[0].cause.line == _line(HEADS, was)
    assert found[0].fixes[0].confidence == "verified"
