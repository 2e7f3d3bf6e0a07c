"""Minus the gradient: whether that is a mistake, or what the program's `W += ...` adds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shapecheck.gradients.result import GradientReport, Verdict
from shapecheck.verification.bench import Bench
from shapecheck.verification.pairing import Pair, leaf_name, ways
from shapecheck.verification.source import update_signs

# What is added to a weight is called so; a derivative is not.
_STEP_NAME = re.compile(
    r"^(?:delta|del|change|adjust|adjustment|update|step|upd)_?|_(?:delta|adjustment|update|step)s?$"
)


def sign_of_updates(bench: Bench, pairs: Sequence[Pair]) -> int:
    """How the program applies these gradients: +1 for `W += lr * dW`, -1 for `W -= lr * dW`, 0 where it cannot be seen.

    Args:
        bench: The call; the module of its function is read.
        pairs: Gradients and parameters.
    """
    if bench.plain is None:
        return 0
    gradients = {key for pair in pairs for key in pair.gradient.keys if isinstance(key, str) and key}
    parameters = {leaf_name(keys) for pair in pairs for keys in ways(pair.parameter)}
    parameters |= {key for pair in pairs for key in pair.parameter.keys if isinstance(key, str)} - {"self"}
    signs = update_signs(bench.plain, gradients, parameters)
    if len(signs) == 1:
        return next(iter(signs))
    if not signs and all(_STEP_NAME.search(pair.gradient.name) for pair in pairs):
        return 1
    return 0


def all_wrong(report: GradientReport) -> bool:
    """Whether every gradient that something can be said of is wrong: then one sign may explain them all."""
    wrong = report.wrong()
    return bool(wrong) and all(row.verdict is not Verdict.RIGHT or not row.norm for row in report)
