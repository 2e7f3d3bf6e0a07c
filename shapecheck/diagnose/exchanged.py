"""Right gradients that each belong to another parameter: several results taken up in another order than given.

`dW2, db2, dW1, db1 = backward(...)` of a function that returns `dW1, db1, dW2, db2`: where the shapes are alike nothing
stops that. It may also be two results of the forward pass whose names are exchanged, and with them their gradients.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import Match
from shapecheck.gradients.replay import ReplayError

# So many suspects are looked at, two by two.
_MOST_SUSPECTS = 12


def exchanged(known: Verdicts, suspects: Sequence[Suspect], wrong: set[int], right: set[int]) -> Suspect | None:
    """The statement that takes up, or hands back, several values in another order than they are meant.

    Args:
        known: The verdicts of the step.
        suspects: What is suspected so far.
        wrong: The parameters whose gradients are wrong.
        right: Those whose gradients are right.

    Returns:
        That statement; None where the gradients are not those of one another, or no statement handles them together.
    """
    for groups in (_of_one_another(known, wrong), *_crosswise(known, suspects, wrong, right)):
        site = _handled_together(known, groups) if len(groups) > 1 else None
        if site is not None:
            values = (max(max(group) for group in groups),)
            return Suspect(site, values, {}, tuple(sorted(wrong)), operands_right=True, reason="exchanged")
    return None


def _of_one_another(known: Verdicts, wrong: set[int]) -> list[set[int]]:
    """For each wrong step the values that are another wrong parameter's gradient; none unless it is so for all."""
    owners: dict[int, int] = {}
    groups: list[set[int]] = []
    strong = 0
    for _, old, change, _ in known.step.parameters:
        if old not in wrong:
            continue
        for probe in (change, *known.probes[old]):
            match = known.matching.match(probe)
            others = _forwards(match) & wrong if match is not None else set()
            if others and old not in others and match is not None:
                break
        else:
            return []
        owners[old] = min(others)
        strong += not match.weak
        same = (v for v in known.replay.ancestors([probe]) if v not in known.matching.adjoints.closure)
        groups.append({v for v in same if (m := known.matching.match(v)) is not None and _forwards(m) & others})
    return groups if strong > 1 and set(owners.values()) == wrong else []


def _crosswise(
    known: Verdicts, suspects: Sequence[Suspect], wrong: set[int], right: set[int]
) -> Iterator[list[set[int]]]:
    """Two forward values of which each has the other's gradient."""
    alone = [s for s in suspects if s.reason == "other" and len(s.values) == 1 and s.wanted][:_MOST_SUSPECTS]
    for first, second in combinations(alone, 2):
        (one, other), wanted, groups = (first.values[0], second.values[0]), [], []
        for value, suspect, opposite in ((one, first, second), (other, second, first)):
            match = known.matching.match(value)
            forward = opposite.wanted[opposite.values[0]][0]
            if match is None or match.weak or forward not in _forwards(match):
                break
            wanted.append(suspect.wanted[value][0])
            groups.append(_forwards(match))
        if len(wanted) < 2:
            continue
        adjoints = known.matching.adjoints
        try:
            outcomes = known.outcomes({one: np.asarray(adjoints[wanted[0]]), other: np.asarray(adjoints[wanted[1]])})
        except ReplayError:
            continue
        mended = {p for p, outcome in outcomes.items() if outcome is not None}
        if wrong <= mended and not any(p in right and p not in mended for p in outcomes):
            yield groups


def _forwards(match: Match) -> set[int]:
    return set() if match.transposed or match.reshaped else {match.forward, *match.alike}


def _handled_together(known: Verdicts, groups: Sequence[set[int]]) -> int | None:
    """Where one of the values of each group gets its name in one statement, or is handed back by one; the last such.

    Else the first that puts them into one container.
    """
    tape = known.replay.tape
    taken_up: dict[int, set[int]] = {}
    put_together: dict[int, set[int]] = {}
    for binding in tape.bindings:
        if known.step.first <= binding.time <= known.step.last:
            places = taken_up if _is_listed(tape.sites[binding.site].node) else put_together
            if places is taken_up or binding.key is not None:
                places.setdefault(binding.site, set()).update(n for n, g in enumerate(groups) if binding.value in g)
    handed_back: dict[int, set[int]] = {}
    for time, site, values in tape.returns:
        if known.step.first <= time <= known.step.last and _is_listed(tape.sites[site].node):
            handed_back.setdefault(site, set()).update(n for n, g in enumerate(groups) if not g.isdisjoint(values))
    for places in (taken_up, handed_back):
        whole = [site for site, found in places.items() if len(found) == len(groups)]
        if whole:
            return whole[-1]
    return next((site for site, found in put_together.items() if len(found) == len(groups)), None)


def _is_listed(node: ast.AST | None) -> bool:
    """Whether a statement names, or hands back, several things."""
    return isinstance(node, ast.Tuple | ast.List | ast.Dict)


__all__ = ["exchanged"]
