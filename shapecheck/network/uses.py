"""What the program calls the values on a tape, and where it uses them."""

from __future__ import annotations

from shapecheck.trace.sites import SiteTable
from shapecheck.trace.tape import Ref, Tape


def uses_of(tape: Tape) -> list[set[tuple[int, int]]]:
    """For each value, the (site, argument position) pairs at which it was used."""
    uses: list[set[tuple[int, int]]] = [set() for _ in tape.values]
    for operation in tape.operations:
        if operation.site is None:
            continue
        for position, argument in enumerate(operation.arguments):
            if isinstance(argument, Ref):
                uses[argument.value].add((operation.site, position))
    for access in tape.accesses:
        uses[access.value].add((access.site, -1))
    return uses


def times_used(tape: Tape) -> list[int]:
    """For each value, how many operations have it as an operand."""
    used = [0] * len(tape.values)
    for operation in tape.operations:
        for number in set(operation.inputs):
            used[number] += 1
    return used


# What is called so is not meant to be spoken of: `out, _ = forward(x)`.
NOBODYS = "_"


def value_names(tape: Tape) -> dict[int, str]:
    """The user's name for each value that has one; the most telling one where there are several."""
    names: dict[int, str] = {}
    for binding in tape.bindings:
        old = names.get(binding.value)
        if binding.name == NOBODYS:
            continue
        if old is None or _rank(binding.name) > _rank(old):
            names[binding.value] = binding.name
    for operation in tape.operations:
        site: SiteTable | object = tape.sites[operation.site] if operation.site is not None else None
        bound = getattr(site, "bound_to", None)
        if bound is not None and operation.result not in names:
            names[operation.result] = bound
    return names


def _rank(name: str) -> int:
    """`self.weights[0]` and `params['W1']` say more than `w`."""
    return ("[" in name) * 2 + ("." in name)
