"""Whether a backward pass reads forward values that the loss does not compute afresh."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import silence
from shapecheck.verification.state import Leaf

_MOST_PROBES = 60


def disturb(bench: Bench, leaf: Leaf, rng: np.random.Generator) -> None:
    """Change the numbers of a leaf a little, where the program keeps them."""
    array = leaf.array
    if array.dtype.kind == "b":
        changed: Any = ~array
    elif array.dtype.kind in "iu" and array.ndim:
        changed = np.roll(array.ravel(), 1).reshape(array.shape)
    else:
        noise = rng.uniform(0.5, 1.0, array.shape)
        changed = (array * (1 + 1e-2 * noise) + 1e-2 * noise).astype(array.dtype if array.dtype.kind == "f" else float)
    if isinstance(leaf.value, np.ndarray):
        bench.put(leaf, changed)
    else:
        bench.before.replace(leaf, changed if isinstance(leaf.value, list) else float(changed))


def influences(bench: Bench, leaf: Leaf, base: Any, rng: np.random.Generator) -> bool:
    """Whether the loss depends on a leaf: whether it changes when the leaf does."""
    bench.restore()
    try:
        disturb(bench, leaf, rng)
        with silence(), np.errstate(all="ignore"):
            value = bench.evaluate()
    except Exception:  # an index out of range, a shape: it certainly reads it
        return True
    finally:
        bench.restore()
    return not same_number(value, base)


def same_number(a: Any, b: Any) -> bool:
    """Whether two values of the loss are the same number."""
    return bool(np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True))


def stale_inputs(
    bench: Bench,
    values: Mapping[str, Any],
    ignored: Iterable[Leaf],
    read: Callable[[Any], Mapping[str, Any]],
    rng: np.random.Generator,
) -> list[str]:
    """What the backward pass reads, the loss does not, and the loss does not compute afresh: a forward pass's cache.

    Each array is disturbed in turn: where the gradients then change and the loss does not, the array was computed
    from the parameters by an earlier forward pass. Inputs and targets change both, and what the loss recomputes
    changes neither.

    Args:
        bench: The call.
        values: Parameters at which to try it; copies.
        ignored: Parameters and places of gradients.
        read: The gradients, given what the backward pass returned.
        rng: For the disturbance.

    Returns:
        The arrays' names; the first found suffices, so at most one.
    """
    skipped = {id(leaf) for leaf in ignored}
    leaves = [leaf for leaf in bench.before.leaves if id(leaf) not in skipped and leaf.array.size and leaf.array.ndim]
    try:
        base_loss, base = _run(bench, values, None, read, rng)
    except Exception:
        return []
    for leaf in leaves[:_MOST_PROBES]:
        try:
            loss, gradients = _run(bench, values, leaf, read, rng)
        except Exception:
            continue
        if same_number(loss, base_loss) and any(not same_number(gradients[n], base[n]) for n in base if n in gradients):
            return [leaf.path]
    return []


def _run(
    bench: Bench,
    values: Mapping[str, Any],
    leaf: Leaf | None,
    read: Callable[[Any], Mapping[str, Any]],
    rng: np.random.Generator,
) -> tuple[Any, dict[str, Any]]:
    bench.restore()
    bench.install(values)
    if leaf is not None:
        disturb(bench, leaf, rng)
    bench.fresh = {}
    with silence(), np.errstate(all="ignore"):
        loss = bench.evaluate()
        bench.start.rewind()
        bench.arguments.update(bench.fresh)
        for name, cotangent in bench.cotangents.items():
            bench.arguments[name] = cotangent.copy() if isinstance(cotangent, np.ndarray) else cotangent
        result = bench.call_backward()
    return loss, {name: np.array(value) for name, value in read(result).items()}
