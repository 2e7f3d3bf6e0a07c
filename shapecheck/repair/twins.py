"""One mistake made several times: the same edit at all the places where it is the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

from shapecheck.repair.candidate import Candidate
from shapecheck.repair.surroundings import Surroundings

_TOGETHER = frozenset(
    "axis keepdims sum index-order outer part scalar output key count "
    "matrix-to-elementwise elementwise-to-matrix".split()
)
_MOST_PLACES = 6


def twins(candidates: Iterable[Candidate], surroundings: Surroundings) -> Iterator[Candidate]:
    """Edits of one kind at several statements of a function, made together."""
    groups: dict[tuple[object, ...], list[Candidate]] = {}
    copies: dict[tuple[object, ...], list[Candidate]] = {}
    sizes: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in candidates:
        if candidate.kind in _TOGETHER:
            module = surroundings.modules[candidate.path]
            statement = module.at_line(candidate.line)
            function = module.enclosing_function(statement) if statement is not None else None
            signature = (candidate.path, id(function), candidate.kind, re.sub(r"`[^`]*`", "`", candidate.title))
            groups.setdefault(signature, []).append(candidate)
            if statement is not None:
                # `db3 = d3` and `db2 = d2` are one line that was copied.
                form = re.sub(r"\d+", "#", module.source.of(statement))
                copies.setdefault((*signature, form), []).append(candidate)
        elif candidate.kind == "size":
            sizes.setdefault((candidate.path, candidate.title), []).append(candidate)
    for group in groups.values():
        single = _one_a_line(group)
        if 2 <= len(single) <= _MOST_PLACES:
            yield _together(single, max(c.cost for c in single) + 0.4)
    for group in copies.values():
        single = _one_a_line(group)
        if 2 <= len(single) <= _MOST_PLACES:
            yield _together(single, min(c.cost for c in single) + 0.3)
    for group in sizes.values():
        places = {candidate.edits: candidate for candidate in sorted(group, key=lambda c: -c.cost)}
        for pair in combinations(list(places.values())[:_MOST_PLACES], 2):
            yield _together(list(pair), max(c.cost for c in pair) + 0.4)


def _one_a_line(group: list[Candidate]) -> list[Candidate]:
    """The candidates of those lines that have only one."""
    lines: dict[int, list[Candidate]] = {}
    for candidate in group:
        lines.setdefault(candidate.line, []).append(candidate)
    return [min(same, key=lambda c: c.cost) for same in lines.values() if len({c.edits for c in same}) == 1]


def _together(candidates: list[Candidate], cost: float) -> Candidate:
    first = min(candidates, key=lambda c: (c.cost, c.line))
    edits = tuple(edit for candidate in candidates for edit in candidate.edits)
    title = f"{first.title}, and the same in {len(candidates) - 1} more"
    return Candidate(title, first.kind, edits, cost, first.path, first.line)
