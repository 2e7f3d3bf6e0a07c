"""Carries an edited statement's new shape along the recorded operations to the failing one: would it fit there?"""

from __future__ import annotations

import ast
from typing import Any, Literal

import numpy as np

from shapecheck.diagnose.finding import Edit
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.repair.candidate import Place
from shapecheck.repair.dummies import UnknownValueError
from shapecheck.trace.child import Trace
from shapecheck.trace.sites import Kind, Site
from shapecheck.trace.tape import Tape

Rehearsed = Literal["fits", "misfit", "unknown"]

_MOST_OPERATIONS = 4000
_MOST_BYTES = 4_000_000


class Rehearsal:
    """Rehearses edits of one failed run; knows only what its tape holds, so its word is a hint."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.tape: Tape = trace.head
        usable = trace.tail is None and len(trace.head.operations) <= _MOST_OPERATIONS
        usable = usable and all(v.array is not None and v.size * 8 <= _MOST_BYTES for v in trace.head.values)
        self.replay = Replay(trace.head) if usable else None
        self.site: Site | None = None
        self.operands: list[tuple[str, int]] = []
        failure = trace.failure
        if failure is not None and failure.site is not None and usable:
            self.site = trace.head.sites[failure.site]
            for role, seen in failure.operands:
                value = trace.head.latest(seen.identity) if seen.shape is not None and seen.dtype is not None else None
                if value is not None and value.shape == seen.shape:
                    self.operands.append((role, value.number))

    def verdict(self, place: Place, edits: tuple[Edit, ...]) -> Rehearsed:
        """Whether the failing operation would take what comes of an edited statement."""
        if self.replay is None or self.site is None or not self.operands or place.dry().at_failure:
            return "unknown"
        new = place.dry().result(edits)
        if new is None:
            return "unknown"
        value = getattr(place.statement, "value", None)
        changed = self._made_by(place, value) if isinstance(value, ast.expr) else []
        if not changed or len({self.tape.values[n].shape for n in changed}) != 1:
            return "unknown"
        array = np.ascontiguousarray(new)
        wanted = [number for _, number in self.operands]
        try:
            arrays = self.replay.evaluate(dict.fromkeys(changed, array), wanted)
        except ReplayError:
            return "misfit"
        if all(np.shape(arrays[n]) == self.tape.values[n].shape for n in wanted):
            return "misfit"
        try:
            fits = self._fits(self.site, {role: arrays[number] for role, number in self.operands})
        except UnknownValueError:
            return "unknown"
        return "fits" if fits else "misfit"

    def _made_by(self, place: Place, node: ast.expr) -> list[int]:
        where = (place.path, *place.source.place(node))
        sites = {site.number for site in self.tape.sites.at(*where)}
        return [operation.result for operation in self.tape.operations if operation.site in sites]

    @staticmethod
    def _fits(site: Site, operands: dict[str, Any]) -> bool:
        """Whether the failing expression takes these operands."""
        left, right = operands.get("left"), operands.get("right")
        product = site.operator == "@"
        if site.kind is Kind.CALL and site.operator in {"dot", "matmul"}:
            product = True
            left = operands.get("receiver", operands.get("0"))
            right = operands.get("0") if "receiver" in operands else operands.get("1")
        elif site.kind is Kind.AUGMENTED:
            left, right = operands.get("target"), operands.get("value")
        elif site.kind is Kind.CALL:
            left, right = operands.get("0"), operands.get("1")
        if left is None or right is None:
            raise UnknownValueError
        try:
            if product:
                np.dot(np.empty(np.shape(left)), np.empty(np.shape(right)))
            elif site.kind is Kind.AUGMENTED:
                return bool(np.broadcast_shapes(np.shape(left), np.shape(right)) == np.shape(left))
            elif site.kind is Kind.BINARY or site.operator in {"multiply", "add", "subtract", "divide"}:
                np.broadcast_shapes(np.shape(left), np.shape(right))
            else:
                raise UnknownValueError
        except ValueError:
            return False
        return True
