"""Differences that say nothing about the gradient: an optimizer between it and the step, entries cut off at a bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.check import numeric_gradient
from shapecheck.gradients.errors import GradientCheckError
from shapecheck.gradients.result import GradientReport, Verdict
from shapecheck.verification import applied
from shapecheck.verification.bench import Bench
from shapecheck.verification.capture import Candidate
from shapecheck.verification.loss import LossOfParameters
from shapecheck.verification.pairing import Pair

_MOST_ENTRIES = 3000


def undecided(report: GradientReport, reason: str) -> GradientReport:
    """The report with `cannot tell` wherever it says `wrong`."""
    rows = tuple(
        replace(row, verdict=Verdict.CANNOT_TELL, reason=reason) if row.verdict is Verdict.WRONG else row
        for row in report
    )
    return replace(report, parameters=rows, symptoms=())


def by_moments(bench: Bench, pairs: Sequence[Pair], candidates: Sequence[Candidate]) -> str:
    """Why steps that go through an optimizer's moments are no gradients; empty if there are no moments."""
    changed = {c.label for c in candidates if c.origin == "applied"}
    leaves = [leaf for leaf in bench.before.leaves if leaf.path in changed]
    moments = applied.optimizer_state(list(pairs), leaves)
    if not moments:
        return ""
    return (
        f"the steps go through `{moments[0]}`, so they are not the gradient times a rate; keep the gradients on the "
        f"object, or return them"
    )


def by_clipping(bench: Bench, report: GradientReport, gradients: Mapping[str, NDArray[np.floating]]) -> str:
    """Why entries that were cut off at a bound differ; empty if they are not all that differs.

    Args:
        bench: The call, at its start.
        report: The failed comparison.
        gradients: What was compared.
    """
    wrong = [row.name for row in report.wrong()]
    bound = max((float(np.max(np.abs(g), initial=0.0)) for g in gradients.values()), default=0.0)
    cut = sum(int(np.sum(np.abs(gradients[name]) == bound)) for name in wrong)
    if not bound or cut < 2 or sum(gradients[name].size for name in wrong) > _MOST_ENTRIES:
        return ""
    for name in wrong:
        bench.restore()
        values = bench.values()
        loss = LossOfParameters(bench)
        try:
            numeric = numeric_gradient(lambda moved, v=values, n=name, f=loss: f({**v, n: moved}), values[name])
        except GradientCheckError:
            return ""
        signed = numeric if np.vdot(numeric, gradients[name]) >= 0 else -numeric
        if not np.allclose(np.clip(signed, -bound, bound), gradients[name], rtol=1e-4, atol=1e-5 * bound):
            return ""
    return f"{cut} entries were cut off at {bound:.6g}, and the others agree; compare before clipping"
