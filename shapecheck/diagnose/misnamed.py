"""A cache that holds another value under a name than the forward pass means by it: one mistake behind several."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.known_loss import Accused
from shapecheck.diagnose.value_words import namings
from shapecheck.gradients.replay import CannotReplayError, ReplayError
from shapecheck.trace.sites import Site, SourceText
from shapecheck.trace.tape import Operation, Ref, Tape

_MOST_TRIED = 30


@dataclass(frozen=True)
class Misnamed:
    """A value under a wrong name.

    Attributes:
        name: What the backward pass calls it.
        site: Where it was given that name, or read under it.
        held, meant: The values' numbers.
    """

    name: str
    site: Site
    held: int
    meant: int

    def place(self, source: SourceText) -> tuple[int, int, int, int]:
        """Where the value is put under its name: in a dictionary that is written out, the value itself."""
        for node in source.nodes():
            if isinstance(node, ast.Assign) and node.lineno <= self.site.line <= (node.end_lineno or node.lineno):
                if isinstance(node.value, ast.Dict):
                    for key, value in zip(node.value.keys, node.value.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value == self.name:
                            return source.place(value)
        return self.site.line, self.site.column, self.site.end_line, self.site.end_column


def misnamed(accused: Accused, tape: Tape, forward: int) -> Misnamed | None:
    """The one value that, had it been what its name says, would make every gradient right.

    Args:
        accused: The gradients, with the adjoints.
        tape: Of the call.
        forward: How many of its operations the loss took.
    """
    for tried, found in enumerate(_candidates(tape, accused, forward)):
        if tried >= _MOST_TRIED:
            return None
        changed = {o.number: _with(o, found) for o in tape.operations[forward:] if _reads(tape, o, found)}
        try:
            arrays = accused.known.replay.edited(changed).recorded if changed else None
        except (ReplayError, CannotReplayError, ValueError, TypeError):
            continue
        if arrays is not None and _all_right(accused, arrays):
            return found
    return None


def _candidates(tape: Tape, accused: Accused, forward: int) -> Iterator[Misnamed]:
    """Values that are read from a container under a name that the forward pass has for another of their shape."""
    recorded = accused.known.replay.recorded
    named = [(name, value) for value, name, _, time in namings(tape) if time < forward and name.isidentifier()]
    meant = dict(named)
    seen = set()
    for access in tape.accesses:
        other = meant.get(access.key) if isinstance(access.key, str) else None
        if access.time < forward or other is None or other == access.value or (access.key, access.value) in seen:
            continue
        seen.add((access.key, access.value))
        same = np.shape(recorded[other]) == np.shape(recorded[access.value])
        if same and not np.array_equal(recorded[other], recorded[access.value]):
            kept = [b for b in tape.bindings if (b.value, b.key) == (access.value, access.key)]
            site = tape.sites[kept[-1].site if kept else access.site]
            yield Misnamed(access.key, site, access.value, other)


def _reads(tape: Tape, operation: Operation, found: Misnamed) -> bool:
    """Whether an operation reads the value, and under that name: the same value may have its right name as well."""
    site = tape.sites[operation.site] if operation.site is not None else None
    return found.held in operation.inputs and site is not None and found.name in re.findall(r"\w+", site.text)


def _with(operation: Operation, found: Misnamed) -> Operation:
    arguments = tuple(Ref(found.meant) if a == Ref(found.held) else a for a in operation.arguments)
    inputs = tuple(found.meant if i == found.held else i for i in operation.inputs)
    return replace(operation, arguments=arguments, inputs=inputs)


def _all_right(accused: Accused, arrays: Any) -> bool:
    known = accused.known
    return all(
        known.is_exact(known.factor(old, arrays[change])[0])
        for old, change in known.changes.items()
        if np.any(known.matching.adjoints[old])
    )


__all__ = ["Misnamed", "misnamed"]
