"""What is made anew in the backward pass though the forward pass has kept it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(2)
X, Y = rng.normal(size=(20, 4)), rng.normal(size=(20, 2))
W, V, kept = rng.normal(size=(4, 6)), rng.normal(size=(6, 2)), {{}}
for step in range(5):
    kept["h"] = np.tanh(X @ W)
    kept["on"] = rng.binomial(1, 0.7, kept["h"].shape) / 0.7
    d = (kept["h"] * kept["on"] @ V - Y) / 20
    dV = (kept["h"] * kept["on"]).T @ d
    {again}
    dh = d @ V.T * kept["on"] * (1 - kept["h"] ** 2)
    W -= 0.1 * X.T @ dh
    V -= 0.1 * dV
print(np.sum(d**2))
"""
AGAIN = ['kept["on"] = rng.binomial(1, 0.7, dV.shape[0]) / 0.7', 'kept["on"] = (rng.random((20, 6)) > 0.3) / 0.7']


@pytest.mark.parametrize("again", AGAIN, ids=["for all samples", "for each"])
def test_a_mask_is_not_drawn_again(tmp_path: Path, again: str) -> None:
    text = PROGRAM.format(again=again)
    (found,) = findings(tmp_path, text, trials=True)
    assert blamed_line(text, found).strip() in {again, 'dh = d @ V.T * kept["on"] * (1 - kept["h"] ** 2)'}
    assert found.fixes[0].confidence == "verified"
    assert again not in repaired(text, found.fixes[0])
    assert findings(tmp_path, repaired(text, found.fixes[0])) == []


def test_a_name_is_not_drawn_again(tmp_path: Path) -> None:
    text = re.sub(r'kept\["(\w+)"\]', r"\1", PROGRAM).format(again="on = (rng.random((20, 6)) > 0.3) / 0.7")
    (found,) = findings(tmp_path, text, trials=True)
    assert "`on` is drawn anew for it" in found.message
    assert "on = (rng.random" not in repaired(text, found.fixes[0])
    assert found.fixes[0].confidence == "verified"


LAYERS = """\
import numpy as np

rng = np.random.default_rng(3)


class Noise:
    def __init__(self, share):
        self.share = share

    def there(self, a):
        on = rng.random(a.shape) < self.share
        return a * on / self.share

    def back(self, g):
        on = rng.random(g.shape) < self.share
        return g * on / self.share


X, Y = rng.normal(size=(20, 4)), rng.normal(size=(20, 2))
W, V, noise = rng.normal(size=(4, 6)), rng.normal(size=(6, 2)), Noise(0.7)
for step in range(5):
    h = np.tanh(X @ W)
    kept = noise.there(h)
    d = (kept @ V - Y) / 20
    dh = noise.back(d @ V.T) * (1 - h**2)
    V -= 0.1 * kept.T @ d
    W -= 0.1 * X.T @ dh
print(np.sum(d**2))
"""


def test_a_mask_that_nobody_keeps_is_kept(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, LAYERS, trials=True)
    assert "`on` is drawn anew for it" in found.message
    assert found.fixes[0].confidence == "verified"
    mended = repaired(LAYERS, found.fixes[0])
    assert "        self.on = on\n" in mended
    assert "        on = self.on\n" in mended
    assert findings(tmp_path, mended) == []
