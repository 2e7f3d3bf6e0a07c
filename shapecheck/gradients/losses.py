"""Which loss a backward pass differentiates: one that the program computes, or one of the catalogue, inferred."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

import numpy as np

from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.frozen import free_entries
from shapecheck.gradients.hypotheses import SELECTIONS, own_formula
from shapecheck.gradients.inferred import inferred_losses
from shapecheck.gradients.matching import Matching, Standing, same_direction
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Loss, Step, reach
from shapecheck.gradients.sums_of_losses import joined_loss
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.operations import SUMS
from shapecheck.trace.sites import Site

# So many scalars of a program are tried as its loss.
_MOST_RECORDED = 10
# In the languages that programs are written in: coste, custo, perte, perdida, erreur, Verlust, Fehler, Kosten...
_TELLING = (
    *("loss", "cost", "err", "mse", "objective", "entrop", "nll", "energy"),
    *("custo", "coût", "cout", "kost", "verlust", "fehler", "perdid", "pérdid", "perte", "perdit", "perda"),
)

# What a loss is called in formulas.
_SYMBOLS = frozenset({"J", "L", "E"})


def find_losses(replay: Replay, step: Step) -> list[Loss]:
    """The losses that a step may be descending, the one that most of its backward pass agrees with first.

    Args:
        replay: The tape, in double precision.
        step: The step whose backward pass is looked at.

    Returns:
        Losses with their adjoints and matchings; empty where the program has nothing that could be one.
    """
    # Several finders ask of the same step.
    key = ("losses", step.number, step.first, step.last, tuple(sorted(step.olds)))
    if key not in replay.memory:
        replay.memory[key] = _find_losses(replay, step)
    return list(replay.memory[key])


def _find_losses(replay: Replay, step: Step) -> list[Loss]:
    candidates = _recorded(replay, step) + inferred_losses(replay, step)
    chain = _chain(replay, step)
    for loss in candidates:
        loss.adjoints = adjoints(replay, loss.seeds, step.olds, check=(), held=step.held)
        loss.matching = Matching(loss.adjoints)
        loss.score, loss.right = _agreement(loss.matching, step, chain)
    candidates = [c for c in candidates if c.adjoints is not None and any(np.any(c.adjoints[o]) for o in step.olds)]
    candidates += _joined(replay, step, candidates, chain)
    for loss in candidates:
        loss.credible = _is_credible(replay, loss, step, chain)

    inferred = [loss for loss in candidates if loss.inferred]
    rival = max(inferred, key=lambda loss: loss.score, default=None)
    most = max((len(loss.right) for loss in inferred), default=0)

    def preference(loss: Loss) -> tuple[int, ...]:
        exceeds = _exceeds(replay, step, loss, candidates)
        within = any(_is_part(replay, step, loss, own) for own in candidates if own.credible and _telling(replay, own))
        # Where one half of the gradients follows the program's own loss, and the other half another, its own is meant.
        other = rival is not None and not loss.inferred and not _is_same(rival, loss)
        own = other and len(loss.right) >= most and bool(_followed(replay, step, loss))
        named = _telling(replay, loss)
        return -exceeds, within, not own, -round(loss.score), loss.inferred, -named, -_closure_size(loss)

    return sorted(candidates, key=preference)


def _joined(replay: Replay, step: Step, losses: Sequence[Loss], chain: Sequence[int]) -> list[Loss]:
    """The loss that is agreed with most, and what some gradients follow besides, if more of them follow the two."""
    first = max(losses, key=lambda loss: (loss.score, not loss.inferred), default=None)
    both = joined_loss(replay, step, first) if first is not None and first.right else None
    if first is None or both is None:
        return []
    both.adjoints = adjoints(replay, both.seeds, step.olds, check=(), held=step.held)
    both.matching = Matching(both.adjoints)
    both.score, both.right = _agreement(both.matching, step, chain)
    return [both] if both.right > first.right else []


def _exceeds(replay: Replay, step: Step, loss: Loss, others: Iterable[Loss]) -> int:
    """How many changes are this loss's gradients, of the program's own, to the last term, and no inferred loss's.

    Another loss can be followed by what these changes were made from, when a penalty is added that it does not have.
    """
    if loss.inferred:
        return 0
    own = _followed(replay, step, loss)
    return min((len(own - _followed(replay, step, other)) for other in others if other.inferred), default=0)


def whole_of_a_part(replay: Replay, step: Step) -> str:
    """The formula of the program's own loss where gradients follow one that is a part of it, and their rest neither."""
    losses = find_losses(replay, step)
    for own in losses[:1]:
        parts = own.value is not None and own.credible and any(_is_part(replay, step, other, own) for other in losses)
        site = replay.tape.site_of(own.value) if parts and own.value is not None else None
        if site is not None:
            return own_formula(site)
    return ""


def _is_part(replay: Replay, step: Step, loss: Loss, own: Loss) -> bool:
    """Whether a loss is a part of one that the program computes, and so are the gradients: the rest is meant, too.

    Of an error with a penalty of the weights the sum is descended; where the penalty's share of a gradient is wrong,
    the error's is right.
    """
    if not loss.inferred or own.inferred or loss.adjoints is None or not _is_same(loss, own):
        return False
    if _followed(replay, step, loss):
        return False
    weights = replay.dependents(step.olds, step.last + 1)
    beside = weights - step.olds - replay.dependents(loss.seeds, step.last + 1) - loss.adjoints.closure
    used = replay.ancestors([change for _, _, change, _ in step.parameters])
    made = (o for o in replay.tape.operations[step.first : step.last + 1] if o.result in used and o.function in SUMS)
    return any(not beside.isdisjoint(o.inputs) for o in made)


def _is_same(inferred: Loss, own: Loss) -> bool:
    """Whether an inferred loss is, but for a factor, the program's own in what it says of the outputs."""
    whole = own.adjoints
    return whole is not None and all(
        v in whole and same_direction(whole[v], np.asarray(c, dtype=float)) for v, c in inferred.seeds.items()
    )


def _followed(replay: Replay, step: Step, loss: Loss) -> set[int]:
    """The parameters whose changes themselves are multiples of their adjoints."""
    assert loss.matching is not None
    found = {old: loss.matching.against(replay.recorded[change], old) for _, old, change, _ in step.parameters}
    return {old for old, match in found.items() if match is not None and not match.weak}


def _is_credible(replay: Replay, loss: Loss, step: Step, chain: Sequence[int]) -> bool:
    """Whether the backward pass agrees with a loss somewhere, or shares the forward pass of what is called a loss."""
    if loss.right or (loss.matching is not None and _holds_a_part(loss.matching, step, chain)):
        return True
    if loss.inferred or loss.adjoints is None or not _telling(replay, loss):
        return False
    forward = loss.adjoints.closure & replay.dependents(step.olds, step.last + 1)
    forward -= step.olds | set(loss.seeds)
    used = replay.ancestors([change for _, _, change, _ in step.parameters])
    return bool(forward & used) or _is_made_again(replay, forward, used)


def _is_made_again(replay: Replay, forward: set[int], used: set[int]) -> bool:
    """Whether a loss that runs the forward pass for itself comes to the outputs that the backward pass has read."""
    known: dict[tuple[int, ...], list[int]] = {}
    for value in used:
        if replay.tape.values[value].size > 1:
            known.setdefault(np.shape(replay.recorded[value]), []).append(value)
    for value in forward:
        array = np.asarray(replay.recorded[value])
        if array.dtype.kind == "f" and np.ptp(array) > 0:
            same = known.get(array.shape, ())
            if any(np.array_equal(array, np.asarray(replay.recorded[other])) for other in same):
                return True
    return False


def _closure_size(loss: Loss) -> int:
    return len(loss.adjoints.closure) if loss.adjoints is not None else 0


def sounds_like_a_loss(replay: Replay, loss: Loss) -> bool:
    """Whether what a value is called, or is added up as, or is computed in, says that it is a loss."""
    site = replay.tape.site_of(loss.value) if loss.value is not None else None
    node = site.node if site is not None else None
    total = ast.unparse(node.target).lower() if isinstance(node, ast.AugAssign) else ""
    return _telling(replay, loss) > 0 or any(word in total for word in _TELLING)


def _telling(replay: Replay, loss: Loss) -> int:
    """How much a value's names sound like a loss."""
    site = replay.tape.site_of(loss.value) if loss.value is not None else None
    return sounds_like(site) if site is not None else 0


def sounds_like(site: Site) -> int:
    """How much the name that an expression's value is given, or the function that it stands in, sounds like a loss."""
    words = f"{site.function} {site.bound_to or ''}".lower()
    return sum(word in words for word in _TELLING) + (site.bound_to in _SYMBOLS)


# -- losses on the tape ---------------------------------------------------------------------------------------------


def _recorded(replay: Replay, step: Step) -> list[Loss]:
    """Scalars that were computed from the parameters as this step found them, and that no update depends on."""
    tape = replay.tape
    olds = step.olds
    news = {p.updates[step.number].new for p, _, _, _ in step.parameters}
    used = replay.ancestors([change for p, _, _, _ in step.parameters for change in [u.change for u in p.updates]])
    end = step.last + 4 * (step.last - step.first) + 400
    reached = reach(replay, olds, end)
    stale = reach(replay, news, end)
    # What a step of one entry is made of is no loss, where the steps of all entries were put together to one.
    updates = (tape.operations[u.operation].site for p, *_ in step.parameters for u in p.updates)
    stepping = [tape.sites[site] for site in dict.fromkeys(updates) if site is not None]
    found = []
    for operation in tape.operations[:end]:
        value = operation.result
        kept = tape.values[value]
        if kept.size != 1 or not kept.dtype.startswith("float") or operation.site is None or value in used:
            continue
        if operation.function in SELECTIONS or any(tape.sites[operation.site].within(s) for s in stepping):
            continue
        if value in stale or len(reached.get(value, ())) < max(1, len(olds) - 1):
            continue
        found.append(value)
    # Of a chain `np.sum`, `-`, `/ m`, `float` only the last one is the loss.
    inner = {i for v in found for i in tape.operations[tape.values[v].producer or 0].inputs}
    outer = [v for v in found if v not in inner or _is_flat(replay, v, found)]
    # One for each expression: of a loop the last, which has the sum, but of the forward pass that the step was made
    # from; where nothing moves, another turn's is as good a function of the parameters.
    shared = replay.dependents(used.intersection(reached) - olds, end)
    last: dict[int | None, int] = {}
    for value in outer:
        site = tape.operations[tape.values[value].producer or 0].site
        if site not in last or value in shared or last[site] not in shared:
            last[site] = value
    return [Loss({v: np.ones(np.shape(replay.recorded[v]))}, "", v) for v in list(last.values())[:_MOST_RECORDED]]


def _is_flat(replay: Replay, value: int, others: Iterable[int]) -> bool:
    """Whether all that is computed from a scalar among `others` is its rounding, which has no slope."""
    users = [replay.tape.operations[replay.tape.values[v].producer or 0] for v in others]
    users = [u for u in users if value in u.inputs]
    return bool(users) and all(u.function in {"builtins.round", "numpy.round", ".round"} for u in users)


# -- agreement ------------------------------------------------------------------------------------------------------


def _chain(replay: Replay, step: Step) -> list[int]:
    """The values of the step that its changes were computed from."""
    needed = replay.ancestors([change for _, _, change, _ in step.parameters])
    operations = replay.tape.operations[step.first : step.last + 1]
    made = [o.result for o in operations if o.result in needed and o.function != "leaf"]
    return made[-3000:]


def _agreement(matching: Matching, step: Step, chain: Sequence[int]) -> tuple[float, set[int]]:
    """How many different adjoints the backward pass holds; a parameter's own counts most."""
    standings = matching.standings(chain)
    adjoint_of: set[int] = set()
    weak: set[int] = set()
    for value in chain:
        if standings[value] is Standing.VERIFIED and (match := matching.match(value)) is not None:
            (weak if match.weak else adjoint_of).update((match.forward, *match.alike))
    for _, old, _, _ in step.parameters:
        if old not in adjoint_of and _moves_along(matching, step, old):
            adjoint_of.add(old)
    right = step.olds & adjoint_of
    barely = step.olds & weak
    return 3.0 * len(right) + 1.5 * len(barely - right) + 0.2 * min(len(adjoint_of), 15), right | barely


def _holds_a_part(matching: Matching, step: Step, chain: Sequence[int]) -> bool:
    """Whether the gradient of a part of a parameter is there: of one weight of a network that is one flat array."""
    parts = set(step.olds)
    for operation in matching.replay.tape.operations[: step.last + 1]:
        if operation.function in CARRIERS and parts.intersection(operation.inputs[:1]):
            parts.add(operation.result)
    parts -= step.olds
    if not parts:
        return False
    standings = matching.standings(chain)
    found = (matching.match(v) for v in chain if standings[v] is Standing.VERIFIED)
    return any(m is not None and not m.weak and not parts.isdisjoint((m.forward, *m.alike)) for m in found)


def _moves_along(matching: Matching, step: Step, old: int) -> bool:
    """Whether all that a step does to a parameter, decay included, is a multiple of its adjoint."""
    moved = step.movement(matching.replay, old)
    if moved is None:
        return False
    found = matching.matches_of(moved)
    if found:
        return not found[0].weak and old in {found[0].forward, *found[0].alike}
    change = next(change for _, value, change, _ in step.parameters if value == old)
    free = free_entries(matching.replay.tape, old, change)
    held = matching.against(moved, old, free) if free is not None else None
    return held is not None and not held.weak


__all__ = ["find_losses", "sounds_like_a_loss"]
