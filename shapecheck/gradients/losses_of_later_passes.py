"""Losses of a forward pass that is run again after another network's step, for the gradients that this one leads to.

A generator is scored by a critic that has been stepped meanwhile, and factors take turns. The program may have computed
its loss before that step, of the first forward pass; what is followed is the same loss of the second one.
"""

from __future__ import annotations

from collections.abc import Iterator

from shapecheck.gradients.hypotheses import SELECTIONS
from shapecheck.gradients.inserted import LONGEST, MOST_LOSSES, Counterpart
from shapecheck.gradients.losses import sounds_like
from shapecheck.network.dependence import ancestors
from shapecheck.network.parameters import Update, find_parameters
from shapecheck.trace.tape import Operation, Tape

# So many updates of each parameter are looked at, and so many results of each expression.
_MOST_UPDATES = 3


def losses_of_later_passes(tape: Tape) -> Iterator[tuple[int, Counterpart]]:
    """(update, loss) where a change was made with later versions of other parameters than a loss was.

    Args:
        tape: With whole values.

    Yields:
        The operation of the first update that such a change belongs to, and the loss as it is to be computed before it.
    """
    parameters = find_parameters(tape)
    versions = {v: p.birth for p in parameters for u in p.updates for v in (u.old, u.new)}
    updates = [u for p in parameters for u in p.updates[:_MOST_UPDATES]]
    stepped = {u.new for u in updates}
    pending: dict[frozenset[int], tuple[Update, set[int]]] = {}
    for update in sorted(updates, key=lambda u: u.operation):
        used = ancestors(tape, [update.change], until=frozenset(versions))
        found = frozenset(used & versions.keys())
        # What was itself stepped from there before is another one's: its steps took no turns.
        if update.old in found and len({versions[v] for v in found}) == len(found) and found & stepped:
            _, together = pending.setdefault(found, (update, set()))
            together |= used
    if not pending:
        return
    losses = _losses(tape, versions, max(u.operation for u in updates))
    for found, (update, used) in pending.items():
        now = {versions[v]: v for v in found}
        for value, made_from in losses:
            before = {versions[v]: v for v in made_from & versions.keys()}
            later = [b for b in before if now.get(b) != before[b]]
            ahead = all(now.get(b, -1) > before[b] for b in later)
            if before.get(versions[update.old]) == update.old and later and ahead:
                loss = _on_the_later(tape, versions, value, made_from, used, update.operation)
                if loss is not None:
                    yield update.operation, loss


def _losses(tape: Tape, versions: dict[int, int], until: int) -> list[tuple[int, set[int]]]:
    """Numbers that may be losses, those that are called so first, and what each is made from."""
    numbers: dict[int, list[int]] = {}
    for operation in tape.operations[:until]:
        value = tape.values[operation.result]
        if operation.site is None or operation.function in SELECTIONS or operation.function == "leaf":
            continue
        if value.size == 1 and value.dtype.startswith("float"):
            numbers.setdefault(operation.site, []).append(value.number)
    likeliest = sorted(numbers, key=lambda site: -sounds_like(tape.sites[site]))[:MOST_LOSSES]
    first = [v for site in likeliest for v in numbers[site][:_MOST_UPDATES]]
    found = [(v, ancestors(tape, [v], until=frozenset(versions))) for v in first]
    return [(v, made_from) for v, made_from in found if not versions.keys().isdisjoint(made_from)]


def _on_the_later(
    tape: Tape, versions: dict[int, int], value: int, made_from: set[int], used: set[int], before: int
) -> Counterpart | None:
    """A loss with the last of its values that the changes have another of, made by the same expression, put in."""
    sites: dict[int, list[Operation]] = {}
    for operation in tape.operations[:before]:
        if operation.site is not None and operation.result in used - made_from:
            sites.setdefault(operation.site, []).append(operation)
    until = frozenset(versions)
    for own in sorted(made_from - used, reverse=True):
        made = tape.values[own].producer
        site = tape.operations[made].site if made is not None else None
        for other in sites.get(site, ()) if site is not None else ():
            if other.number > (made or 0) and tape.values[other.result].shape == tape.values[own].shape:
                births = [{versions[n] for n in ancestors(tape, [v], until=until) & until} for v in (own, other.result)]
                if births[0] == births[1] and births[0]:
                    return _moved(tape, value, made_from, own, other)
    return None


def _moved(tape: Tape, value: int, made_from: set[int], own: int, other: Operation) -> Counterpart | None:
    """What was computed from a value on the way to a loss, computed from another one."""
    reached, added = {own}, []
    for operation in tape.operations[tape.values[own].producer or 0 : (tape.values[value].producer or 0) + 1]:
        if operation.result in made_from and not reached.isdisjoint(operation.inputs):
            reached.add(operation.result)
            added.append(operation)
    if not added or len(added) > LONGEST or added[-1].result != value:
        return None
    image = {n: n for operation in added for n in operation.inputs if n not in reached}
    image[own] = other.result
    makers = (tape.values[v].producer for v in image.values())
    return Counterpart(image, added, max((n for n in makers if n is not None), default=-1))


__all__ = ["losses_of_later_passes"]
