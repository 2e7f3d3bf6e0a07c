"""Several mistakes at once: no edit for one of them makes all gradients right, so edits for each are tried together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapecheck.repair.candidate import Candidate

# So many of the edits for each mistake are combined, and so many combinations tried.
_MOST_OF_EACH = 3
# So many of each are looked at for some that are off by one factor.
_MOST_HEARD = 10
_MOST = 6
# A repair that is one edit is likelier, and one of two edits that do the same likelier than one of two others.
_DEARER = 0.6
# How far two factors may be apart that are taken to be one.
_EXACT = 1e-4


@dataclass(frozen=True)
class Joint:
    """Edits for several mistakes as one candidate.

    Attributes:
        parts: The edit for each mistake; None for one that none is known for.
    """

    candidate: Candidate
    parts: tuple[Candidate | None, ...]


def joined(reaching: Sequence[Sequence[Candidate]]) -> list[Joint]:
    """Combinations of edits, one for each mistake that any is known for, the likeliest first.

    Args:
        reaching: For each mistake the edits that give what is wanted there, the likeliest first.
    """
    known = [edits[:_MOST_HEARD] for edits in reaching if edits]
    found = []
    alike = [parts for parts in itertools.product(*known) if _fit_alike(parts)]
    others = itertools.product(*(edits[:_MOST_OF_EACH] for edits in known))
    for parts in (alike or others) if len(known) > 1 else ():
        edits = tuple(edit for part in parts for edit in part.edits)
        places = [(e.line, e.column, e.end_line, e.end_column) for e in edits]
        if len({part.path for part in parts}) > 1 or len(set(places)) < len(places):
            continue
        titles = dict.fromkeys(part.title for part in parts)
        cost = max(part.cost for part in parts) + _DEARER * len(titles)  # mistakes that are alike are mended alike
        title = ", and ".join(titles)
        rest = iter(parts)
        each = tuple(next(rest) if edits_of else None for edits_of in reaching)
        found.append(Joint(replace(parts[0], title=title, edits=edits, cost=cost), each))
    return sorted(found, key=lambda joint: joint.candidate.cost)[:_MOST]


def _fit_alike(parts: Sequence[Candidate]) -> bool:
    """Whether edits are off by the same factor from what is wanted: only then do they go together."""
    fits = [part.fit for part in parts]
    known = [fit for fit in fits if fit]
    return len(known) == len(fits) and all(abs(fit / known[0] - 1) <= _EXACT for fit in known)


__all__ = ["Joint", "joined"]
