"""Slopes that go backwards alone: right as slopes, and never multiplied by the derivative that comes from behind.

What is wrong then is no formula of a slope, but the expression that uses what the formula gave.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shapecheck.diagnose.suspects import Suspect, merged
from shapecheck.diagnose.trail import in_one_function, outside_of
from shapecheck.diagnose.value_words import namings
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT, Standing
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation


def at_their_use(known: Verdicts, suspects: Sequence[Suspect]) -> list[Suspect]:
    """The suspects, with slopes that go backwards alone blamed where a function's result is used as a derivative.

    Args:
        known: The verdicts of the step.
        suspects: Values that, were they other adjoints, would set gradients right.
    """
    found: dict[int, Suspect] = {}
    for suspect in suspects:
        for one in _used(known, suspect) or [suspect]:
            found[one.site] = merged(found.get(one.site), one)
    return list(found.values())


def _used(known: Verdicts, suspect: Suspect) -> list[Suspect]:
    """One suspect for each use of a slope; none where the values are no slopes, or are used where they are made."""
    found = []
    for value in suspect.values if suspect.reason == "value" else ():
        wanted = suspect.wanted.get(value)
        place = _use(known, value) if wanted and following(known, value, wanted[0]) is not None else None
        if wanted is None or place is None:
            return []
        site, used = place
        others = {used: suspect.alternatives.get(value, ())}
        one = replace(suspect, site=site, values=(used,), wanted={used: wanted}, alternatives=others, sound=(used,))
        found.append(replace(one, operands_right=True))
    return found


def following(known: Verdicts, value: int, forward: int) -> int | None:
    """The forward value whose derivative is missing beside a slope; None where a value is no slope.

    A slope times the derivative by an activation is the derivative by what the activation was made from.

    Args:
        known: The verdicts of the step.
        value: What may be a slope.
        forward: What its product with a derivative should have been the derivative by.
    """
    replay, adjoints = known.replay, known.matching.adjoints
    slope = np.asarray(replay.recorded[value], dtype=float)
    goal = np.asarray(adjoints[forward], dtype=float)
    if slope.shape != goal.shape or slope.size < 2 or not np.any(goal):
        return None
    after = sorted(v for v in replay.dependents([forward]) & set(adjoints.of) & adjoints.closure if v != forward)
    size = float(np.linalg.norm(goal))
    for other in after:
        upstream = np.asarray(adjoints[other], dtype=float)
        if upstream.shape == goal.shape and float(np.linalg.norm(slope * upstream - goal)) <= EXACT * size:
            return other
    return None


def _use(known: Verdicts, value: int) -> tuple[int, int] | None:
    """(site, value) where what a function made is first named or used outside of it, as it is."""
    tape, recorded = known.replay.tape, known.replay.recorded
    while (made := known.producer(value)) is not None and made.site is not None:
        home = tape.sites[made.site]
        if home.function == "<module>":
            return None
        if (site := outside_of(tape, made, value)) is not None:
            return None if _is_given_a_derivative(known, site, made.number) else (site.number, value)
        users = [o for o in tape.operations[made.number + 1 : known.step.last + 1] if value in o.inputs]
        inner = [o for o in users if o.site is not None and in_one_function(tape.sites[o.site], home)]
        if not inner:
            return _operand(known, users, value, made)
        result = inner[0].result
        if len(inner) > 1 or not _is_same(recorded[result], recorded[value]):
            return None
        value = result
    return None


def _operand(known: Verdicts, users: Sequence[Operation], value: int, made: Operation) -> tuple[int, int] | None:
    """The call whose result goes straight into another expression."""
    tape = known.replay.tape
    for user in users:
        node = tape.sites[user.site].node if user.site is not None else None
        for child in ast.iter_child_nodes(node) if node is not None else ():
            for site in tape.sites.sites if isinstance(child, ast.Call) else ():
                if site.node is child and not any(True for _ in tape.made_at(site.number)):
                    return None if _is_given_a_derivative(known, site, made.number) else (site.number, value)
    return None


def _is_given_a_derivative(known: Verdicts, site: Site, before: int) -> bool:
    """Whether the function that is called is given a derivative: then it is there that the slope stays alone."""
    node = site.node
    if not isinstance(node, ast.Call):
        return True  # who names what it did not call for has taken it for something else
    given = [a for a in (*node.args, *(k.value for k in node.keywords)) if not isinstance(a, ast.Constant)]
    if len(given) > 1:
        return True
    names = {ast.unparse(a) for a in given}
    carried = {
        v: s
        for v, s in known.matching.standings(known.chain(known.changes)).items()
        if s in {Standing.VERIFIED, Standing.UNVERIFIED}
    }
    here = (site.path, site.function)
    before_it = [n for n in namings(known.replay.tape) if n[3] < before and (n[2].path, n[2].function) == here]
    latest = {name: value for value, name, _, _ in before_it if name in names}
    return any(value in carried for value in latest.values())


def _is_same(one: object, other: object) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    return one.shape == other.shape and bool(np.array_equal(one.astype(float), other.astype(float)))


__all__ = ["at_their_use", "following"]
