"""What is told without a replay never contradicts what a replay says: who is refused has no chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shapecheck.diagnose.prospects import Prospects
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.steps import steps
from shapecheck.network.parameters import find_parameters

# The slope of the hidden layer is missing: half of the gradients are wrong.
PROGRAM = """
import numpy as np
rng = np.random.default_rng(2)
X, T = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
U, u = rng.normal(size=(3, 4)), np.zeros(4)
V, v = rng.normal(size=(4, 2)), np.zeros(2)
for turn in range(2):
    h = np.tanh(X @ U + u)
    out = h @ V + v
    loss = 0.5 * np.sum((out - T) ** 2)
    top = out - T
    low = top @ V.T
    gV, gv = h.T @ top, top.sum(axis=0)
    gU, gu = X.T @ low, low.sum(axis=0)
    V = V - 0.1 * gV
    v = v - 0.1 * gv
    U = U - 0.1 * gU
    u = u - 0.1 * gu
"""


@pytest.fixture(scope="module")
def judged() -> dict[str, Any]:
    return {}


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_refused_would_mend_nothing(run: Any, judged: dict[str, Any], data: st.DataObject) -> None:
    if not judged:
        recorded = run(PROGRAM)
        replay = recorded.replay.in_double()
        step = next(iter(steps(replay, find_parameters(recorded.tape), 1)))
        matching = find_losses(replay, step)[0].matching
        assert matching is not None
        known = Verdicts(matching, step)
        wrong = {verdict.parameter for verdict in known.all() if not verdict.is_right}
        assert len(wrong) == 2
        chain = known.chain(wrong)
        judged.update(known=known, wrong=wrong, chain=chain, prospects=Prospects(known, wrong, chain), told=set())
    known, recorded_values = judged["known"], judged["known"].replay.recorded
    value = data.draw(st.sampled_from(judged["chain"]), "value")
    shape = np.shape(recorded_values[value])
    adjoints = [a for a in known.matching.adjoints.of.values() if np.shape(a) == shape]
    noise = np.random.default_rng(data.draw(st.integers(0, 99), "seed")).normal(size=shape)
    base = data.draw(st.sampled_from([noise, np.asarray(recorded_values[value]), *adjoints]), "instead")
    other = data.draw(st.sampled_from([-3.0, 0.25, 1.0]), "factor") * base
    (hope,) = judged["prospects"].helpful(value, other.reshape(1, -1))
    outcomes = known.outcomes({value: other})
    mended = [p for p in judged["wrong"] if outcomes.get(p) is not None]
    judged["told"].add((bool(hope), bool(mended)))
    assert hope or not mended


def test_both_answers_were_given(judged: dict[str, Any]) -> None:
    if not judged:
        pytest.skip("runs after the test above")
    assert {(True, True), (False, False)} <= judged["told"]
