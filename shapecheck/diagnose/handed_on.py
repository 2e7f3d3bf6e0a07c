"""Where an adjoint is passed on as it is, though it should have been changed on the way: `dZ = dA`."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts

_COPIES = frozenset([".copy", "numpy.copy", "numpy.array"])


def renamed_at(suspect: Suspect, known: Verdicts) -> int | None:
    """Where an adjoint of something else was given the name under which it is used: `dZ1 = dA1`."""
    tape = known.replay.tape
    value = suspect.values[0]
    made = tape.values[value].producer or 0
    uses = [o.number for o in tape.operations[made + 1 : known.step.last + 1] if value in o.inputs]
    names = [b for b in tape.bindings if b.value == value and uses and made < b.time <= uses[-1] and b.owner is None]
    # What a function has returned has to be named somewhere; a second name for what has one is another matter.
    handed_back = {time for time, _, values in tape.returns if value in values}
    named = tape.sites[suspect.site].bound_to is not None
    again = [b for b in names if b.key is None and b.time not in handed_back]
    later = again if named else again[1:]
    return later[-1].site if later else None


def copied_at(known: Verdicts, values: Iterable[int]) -> tuple[int, dict[int, int]] | None:
    """(where, value -> its copy) for adjoints of something else that are read only to be copied: `dZ = dA.copy()`."""
    found: dict[int, int] = {}
    sites: set[int | None] = set()
    needed = known.replay.ancestors(known.changes.values())
    for value in values:
        operations = known.replay.tape.operations[: known.step.last + 1]
        users = [o for o in operations if value in o.inputs and o.result in needed]
        if len(users) != 1 or users[0].function not in _COPIES:
            return None
        found[value] = users[0].result
        sites.add(users[0].site)
    site = sites.pop() if len(sites) == 1 else None
    return (site, found) if site is not None else None


def handed_on(known: Verdicts, passed: Iterable[int]) -> tuple[int, list[int]] | None:
    """(where, which) for what a function was given and returned as it is: a slope was to come in there."""
    tape = known.replay.tape
    found: dict[int, list[int]] = {}
    for _, number, values in tape.returns:
        site = tape.sites[number]
        for value in (v for v in passed if v in values and isinstance(site.node, ast.Name)):
            made = known.producer(value)
            home = tape.sites[made.site] if made is not None and made.site is not None else None
            if home is not None and (home.path, home.function) != (site.path, site.function):
                found.setdefault(number, []).append(value)
    return next(iter(found.items()), None)


__all__ = ["copied_at", "handed_on", "renamed_at"]
