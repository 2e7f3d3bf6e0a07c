"""What speaks for a repair: it has to be seen to mend what it is for."""

from __future__ import annotations

from shapecheck.gradients.followed import Agreement, ParameterAgreement
from shapecheck.repair.attempt import AttemptOutcome
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.evidence import Evidence

EDIT = Candidate("another slope", "slope", (), 1.0, "net.py", 4)
SEEN = Agreement("right", [ParameterAgreement("W2", (3, 1), "right", 0.1, 0.0)])


def test_a_trial_that_ends_before_the_wrong_gradient_is_applied_proves_nothing() -> None:
    for ended, named, tier in (("stopped", "W1", 2), ("stopped", "W2", 0)):
        solution = Evidence(named=[named]).judge(EDIT, {}, AttemptOutcome(ended, agreement=SEEN))
        assert solution is not None
        assert solution.tier == tier
