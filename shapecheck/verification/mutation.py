"""A backward pass that changes what it should only read, or that gives another gradient each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shapecheck.gradients.errors import GradientCheckError, NondeterministicLossError
from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called, silence
from shapecheck.verification.errors import BackwardMutationError
from shapecheck.verification.pairing import may_be_parameter
from shapecheck.verification.readings import Readings
from shapecheck.verification.staleness import influences
from shapecheck.verification.state import Leaf


def refuse_changed_inputs(
    bench: Bench, readings: Readings, changed: Sequence[Any], base: Any, rng: np.random.Generator
) -> list[str]:
    """Refuse a backward pass that damages its inputs.

    An input or a weight that the loss reads must stay as it is. Anything else (a cotangent, a cached activation) may
    be written over if a second identical call gives the same gradients.

    Args:
        bench: The call, at its start.
        readings: Gradients and where they are.
        changed: The arrays that the call wrote into.
        base: The loss at the start.
        rng: For the question whether the loss reads an array.

    Returns:
        Notes on what was written over without harm.

    Raises:
        BackwardMutationError: Something was damaged.
    """
    own = {id(pair.parameter) for pair in readings.pairs.values()}
    places = {id(leaf) for leaf in readings.slots}
    ids = {id(array) for array in changed}
    leaves = [
        leaf
        for leaf in bench.before.leaves
        if id(leaf.value) in ids and id(leaf) not in places and leaf.array.ndim and may_be_parameter(leaf)
    ]
    updated = {id(p.parameter) for p in readings.pairs.values() if readings.is_applied(p)}
    suspects: list[Leaf] = []
    for leaf in leaves:
        if id(leaf) in updated:
            continue
        if id(leaf) in own and not readings.some_applied():
            if _is_stepped(readings):
                continue
            raise BackwardMutationError(
                _text(bench, leaf, "a parameter that no gradient was applied to"), path=leaf.path
            )
        if id(leaf) not in own and not bench.cotangents and influences(bench, leaf, base, rng):
            if readings.some_applied():
                continue  # another parameter that it updates
            raise BackwardMutationError(_text(bench, leaf, "which the loss reads too"), path=leaf.path)
        suspects.append(leaf)
    cotangents = [leaf for leaf in bench.before.leaves if id(leaf.value) in ids and leaf.keys[0] in bench.cotangents]
    suspects += [leaf for leaf in cotangents if leaf not in suspects]
    if not suspects or not _second_differs(bench, readings):
        return [f"`{called(bench.function)}` writes into `{leaf.path}`" for leaf in suspects]
    raise BackwardMutationError(
        _text(bench, suspects[0], "and a second identical call gives other gradients"), path=suspects[0].path
    )


def refuse_another_each_time(bench: Bench, readings: Readings, values: Mapping[str, Any]) -> None:
    """Refuse a backward pass that gives another gradient each time it is called from the same state.

    Args:
        bench: The call.
        readings: Gradients and where they are.
        values: The parameters, by name; copies.

    Raises:
        NondeterministicLossError: It does.
    """
    try:
        first, second = ({n: np.array(g) for n, g in readings.at(values, refresh=True).items()} for _ in range(2))
    except GradientCheckError:
        return
    finally:
        bench.restore()
    apart = [
        n for n in first if n in second and not np.allclose(first[n], second[n], rtol=1e-6, atol=0, equal_nan=True)
    ]
    if apart:
        raise NondeterministicLossError(
            f"`{called(bench.function)}` is not deterministic: called twice from the same state, it gives two "
            f"different gradients of `{apart[0]}`\n"
            f"  cause   a random generator made anew inside, or something outside the program, such as a counter\n"
            f"  help    make the generator once, outside; it is then given the same numbers each time"
        )


def _is_stepped(readings: Readings) -> bool:
    """Whether a parameter that changed was updated with the gradient that is stored as well: a training step."""
    return readings.bench.own_loss is not None or readings.rate is not None or _may_update(readings)


def _may_update(readings: Readings) -> bool:
    name = called(readings.bench.function).lower()
    return any(word in name for word in ("step", "train", "update", "fit", "learn", "epoch"))


def _second_differs(bench: Bench, readings: Readings) -> bool:
    """Whether the gradients change when the backward pass is called twice without a forward pass between."""
    values = {name: np.array(value) for name, value in bench.values().items()}
    try:
        first = readings.read(bench.differentiate(values, readings.slots, refresh=bool(bench.cotangents)))
        with silence():
            bench.start.rewind()
            for slot in readings.slots:
                held = bench.state_after(None).find(slot.path)
                if held is not None and isinstance(held.value, np.ndarray) and held.value.flags.writeable:
                    held.value[...] = 0
            second = readings.read(bench.call_backward())
    except Exception:  # a stack of caches is empty now: it is called once for each forward pass
        return False
    finally:
        bench.restore()
    return any(not np.allclose(first[n], second[n], rtol=1e-9, atol=0, equal_nan=True) for n in first if n in second)


def _text(bench: Bench, leaf: Leaf, why: str) -> str:
    return (
        f"`{called(bench.function)}` changes `{leaf.path}` {leaf.shape} in place, {why}\n"
        f"  help    work on a copy: `{leaf.path}.copy()`, or write `a = a * b` where it says `a *= b`"
    )
