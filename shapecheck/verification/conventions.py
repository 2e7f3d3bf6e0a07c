"""Gradients up to a factor: whether that is a mistake, or made good by the update that applies them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from shapecheck.gradients.result import GradientReport, Verdict
from shapecheck.verification.bench import Bench
from shapecheck.verification.pairing import Pair, leaf_name, ways
from shapecheck.verification.source import update_signs, updates_divide
from shapecheck.verification.state import Leaf

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
    signs = update_signs(bench.plain, *_names(bench, pairs))
    if len(signs) == 1:
        return next(iter(signs))
    if not signs and all(_STEP_NAME.search(pair.gradient.name) for pair in pairs):
        return 1
    return 0


def _names(bench: Bench, pairs: Sequence[Pair]) -> tuple[set[str], set[str]]:
    # What a method calls its object, mostly `self`, says nothing of a statement.
    owner = {"self", *(name for name, value in bench.arguments.items() if value is bench.owner)}
    gradients = {key for pair in pairs for key in pair.gradient.keys if isinstance(key, str) and key}
    parameters = {leaf_name(keys) for pair in pairs for keys in ways(pair.parameter)}
    parameters |= {key for pair in pairs for key in pair.parameter.keys if isinstance(key, str)}
    return gradients - owner, parameters - owner


def common_factor(report: GradientReport) -> float | None:
    """How many times the right gradient every wrong one is, if they all are; minus the gradient is -1 times."""
    factors = [symptom for symptom in report.symptoms if symptom.kind == "factor"]
    if len(factors) != 1 or len(factors) != len(report.symptoms):
        return None
    if len(factors[0].parameters) < min(len(report.wrong()), 4):
        return None
    return float(factors[0].evidence["factor"])


def explained_factor(bench: Bench, pairs: Sequence[Pair], factor: float, rate: Leaf | None) -> str:
    """Why gradients may be `factor` times the right ones, in a program that is right; empty if nothing says so.

    Args:
        bench: The call.
        pairs: Gradients and parameters.
        factor: What the gradients are multiplied with; its sign is judged elsewhere.
        rate: The learning rate, if the program has one by name.
    """
    size = abs(factor)
    if rate is not None and np.isclose(size, float(rate.array), rtol=1e-6):
        return f"these are steps: the gradient times `{rate.path}` ({float(rate.array):.6g})"
    lengths = {
        length
        for leaf in bench.before.leaves
        if leaf.array.ndim and leaf.local and not any(leaf is pair.parameter for pair in pairs)
        for length in leaf.shape
    }
    counted = any(length > 1 and np.isclose(size, length, rtol=1e-6) for length in lengths)
    if counted and bench.plain is not None and updates_divide(bench.plain, *_names(bench, pairs)):
        return f"these are {round(size)} times the gradient of the loss, and your update divides"
    return ""


def all_wrong(report: GradientReport) -> bool:
    """Whether every gradient that something can be said of is wrong: then one sign may explain them all."""
    wrong = report.wrong()
    return bool(wrong) and all(row.verdict is not Verdict.RIGHT or not row.norm for row in report)
