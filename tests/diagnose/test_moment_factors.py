"""Adam's two factors: each moment is kept, added to and corrected by its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3))
T = (X @ np.array([[1.0], [-2.0], [0.5]]) > 0).astype(float)
net = {{"W": rng.normal(0, 0.3, (3, 1)), "b": np.zeros((1, 1))}}
m = {{k: np.zeros_like(p) for k, p in net.items()}}
v = {{k: np.zeros_like(p) for k, p in net.items()}}
slow, fast = 0.999, 0.9
for t in range(1, 9):
    p = 1 / (1 + np.exp(-(X @ net["W"] + net["b"])))
    d = (p - T) / len(X)
    slopes = {{"W": X.T @ d, "b": d.sum(axis=0, keepdims=True)}}
    for k in net:
        m[k] = fast * m[k] + (1 - {first}) * slopes[k]
        v[k] = slow * v[k] + (1 - {second}) * slopes[k] ** 2
        net[k] -= 0.01 * m[k] / (1 - {third}**t) / (np.sqrt(v[k] / (1 - {fourth}**t)) + 1e-8)
print(net)
"""
FACTORS = ("fast", "slow", "fast", "slow")


@pytest.mark.parametrize("place", range(4), ids=["mean", "squares", "mean corrected", "squares corrected"])
def test_the_other_moments_factor_is_named(tmp_path: Path, place: int) -> None:
    factors = [f if n != place else "slow" if f == "fast" else "fast" for n, f in enumerate(FACTORS)]
    (found,) = findings(tmp_path, _program(factors))
    assert (found.code, found.title) == ("SC410", "this is the factor of the other moment")
    assert found.cause.line == (15, 16, 17, 17)[place]


def test_each_moment_by_its_own_factor_is_right(tmp_path: Path) -> None:
    assert findings(tmp_path, _program(FACTORS)) == []


@pytest.mark.parametrize(
    ("squared", "gradient"), [("m[k] ** 2", "slopes[k] ** 2"), ("m[k] * m[k]", "slopes[k] * slopes[k]")]
)
def test_the_squares_are_those_of_the_gradient(tmp_path: Path, squared: str, gradient: str) -> None:
    text = _program(FACTORS).replace("slopes[k] ** 2", squared)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.cause.line) == ("SC410", 16)
    assert repaired(text, found.fixes[0]) == _program(FACTORS).replace("slopes[k] ** 2", gradient)


@pytest.mark.parametrize("zeros", ["np.zeros_like(p)", "0.0"], ids=["arrays", "numbers"])
def test_no_root_is_taken_of_a_mean_of_gradients(tmp_path: Path, zeros: str) -> None:
    right = _program(FACTORS).replace("np.zeros_like(p)", zeros)
    text = right.replace("slopes[k] ** 2", "slopes[k]")
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.cause.line) == ("SC410", 16)
    assert repaired(text, found.fixes[0]) == right.replace("slopes[k] ** 2", "slopes[k]**2")


# What a step takes in by 0.5 is not kept by it: the rate of a velocity.
VELOCITY = """\
import numpy as np

rng = np.random.default_rng(7)
X, y = rng.normal(size=(8, 2)), rng.random(8)
W, b, last, end = rng.normal(size=(2, 3)), np.zeros(3), np.zeros((2, 3)), np.zeros(3)
v, before = rng.normal(size=3), np.zeros(3)
for x, t in zip(np.tile(X, (3, 1)), np.tile(y, 3)):
    h = 1 / (1 + np.exp(-(x @ W + b)))
    miss = t - h @ v
    near = miss * v * h * (1 - h)
    dv, dW, db = (0.5 * miss * h + 0.8 * before, 0.5 * np.outer(x, near) + 0.8 * last, 0.5 * near + 0.8 * end)
    v, W, b = v + dv, W + dW, b + db
    before, last, end = dv, dW, db
print(v)
"""


def test_the_rate_of_a_velocity_is_no_factor_of_a_moment(tmp_path: Path) -> None:
    assert findings(tmp_path, VELOCITY) == []


def _program(factors: list[str] | tuple[str, ...]) -> str:
    return PROGRAM.format(**dict(zip(("first", "second", "third", "fourth"), factors, strict=True)))
