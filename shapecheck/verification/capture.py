"""Where the gradients of a call are: in what it returned, left on objects, or applied to the parameters already."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shapecheck.verification.boxes import AttributesBox, ClassBox, same_bits
from shapecheck.verification.names import (
    looks_like_cotangent,
    looks_like_gradient,
    looks_like_loss,
    marks_gradients,
    stems,
)
from shapecheck.verification.reach import is_users
from shapecheck.verification.source import item_labels, return_labels
from shapecheck.verification.state import Leaf, Snapshot, State

_UNNAMED = "what is returned"

Origin = Literal["returned", "left", "applied"]


@dataclass(eq=False)
class Candidate:
    """An array that may be a gradient.

    Attributes:
        label: How the user writes it: `dW1`, `grads["W1"]`, `self.dW[0]`.
        keys: Names and indices on the way to it, the outermost first; "" where the source gives no name.
        value: The array; not a copy.
        origin: Where it was found.
        changed: Whether the call wrote it (always, for what was returned).
        before: What was there before the call, where that has the same shape.
        place: Where that was.
    """

    label: str
    keys: tuple[Any, ...]
    value: NDArray[Any]
    origin: Origin
    changed: bool = True
    before: NDArray[Any] | None = None
    place: Leaf | None = None

    @property
    def name(self) -> str:
        """The innermost name: `dW` of `self.dW[0]`; "" if there is none."""
        return next((key for key in reversed(self.keys) if isinstance(key, str) and key), "")

    @property
    def stems(self) -> tuple[str, ...]:
        """What it may be the gradient of, by its name and by its containers' names."""
        name = self.name
        own = stems(name)
        containers = [key for key in self.keys if isinstance(key, str) and key != name]
        if any(marks_gradients(key) for key in containers):
            return (name, *own)
        return (*own, name) if self.origin == "returned" and containers else own

    @property
    def looks_like_gradient(self) -> bool:
        """Whether its name, or that of what holds it, says so."""
        return any(isinstance(k, str) and (looks_like_gradient(k) or marks_gradients(k)) for k in self.keys)


def returned_candidates(result: Any, function: types.FunctionType, known: State, loss: Any = None) -> list[Candidate]:
    """The arrays in what a call returned, named by the source of its `return`.

    Args:
        result: What it returned.
        function: The user's function.
        known: The state before the call; what was there already is not new, and found by `left_candidates`.
        loss: The loss among what was returned, if it is there; no gradient.
    """
    labels = return_labels(function, result)
    old = {
        id(leaf.value)
        for leaf in known.leaves
        if isinstance(leaf.value, np.ndarray) and not (len(leaf.keys) == 1 and looks_like_cotangent(leaf.path))
    }
    objects = {id(box.holder) for box in known.boxes}
    found: list[Candidate] = []
    taken: set[tuple[Any, ...]] = set()
    arguments = set(function.__code__.co_varnames[: function.__code__.co_argcount])
    for place, (keys, value) in enumerate(_unpack(result, labels, function, (), objects)):
        if keys in taken or (keys[0] in arguments and looks_like_cotangent(keys[0])):
            # `return X.T @ d, a.T @ d`, `dout *= mask; return dout`: such a name says nothing
            keys = ("", place) if isinstance(result, tuple | list) else ("",)  # noqa: PLW2901
        taken.add(keys)
        if id(value) in old or (loss is not None and value is loss):
            continue
        array = np.asarray(value)
        if array.dtype.kind in "fiu" and not (array.dtype.kind in "iu" and not isinstance(value, np.ndarray)):
            found.append(Candidate(_spell(keys), keys, array, "returned"))
    return found


def _unpack(
    value: Any, labels: Any, function: types.FunctionType, keys: tuple[Any, ...], old: set[int]
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    name = (labels,) if isinstance(labels, str) else ()
    if isinstance(value, np.ndarray | float | np.floating):
        yield (keys + name) or ("",), value
    elif value is None or isinstance(value, str | bytes | int | complex | type) or callable(value):
        return
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _unpack(item, None, function, (*keys, *(name or ("",) * (not keys)), key), old)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for key, item in zip(value._fields, value, strict=True):
            yield from _unpack(item, None, function, (*keys, *name, key), old)
    elif isinstance(value, list | tuple):
        if _is_numbers(value):
            yield (keys + name) or ("",), np.array(value, dtype=float)
        else:
            yield from _unpack_sequence(value, labels, function, (*keys, *name), old)
    elif id(value) not in old and (dataclasses.is_dataclass(value) or is_users(type(value).__module__)):
        for key, item in vars(value).items() if hasattr(value, "__dict__") else ():
            yield from _unpack(item, None, function, (*keys, *name, key), old)


def _unpack_sequence(
    value: list[Any] | tuple[Any, ...], labels: Any, function: types.FunctionType, keys: tuple[Any, ...], old: set[int]
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    parts: list[Any] = labels if isinstance(labels, list) and len(labels) == len(value) else []
    inner = item_labels(function, labels) if isinstance(labels, str) else None
    for index, item in enumerate(value):
        if parts and parts[index] is not None:
            yield from _unpack(item, parts[index], function, keys, old)
        elif inner and isinstance(item, list | tuple) and len(item) == len(inner):
            for place, (label, part) in enumerate(zip(inner, item, strict=True)):
                way = (*keys, index) if label else (*keys, index, place)
                yield from _unpack(part, label, function, way, old)
        else:
            yield from _unpack(item, None, function, (*(keys or ("",)), index), old)


def _is_numbers(value: list[Any] | tuple[Any, ...]) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, float | np.floating) for v in value)


def _spell(keys: tuple[Any, ...]) -> str:
    named = [key for key in keys if key != ""]
    if not named:
        return _UNNAMED
    text = str(named[0]) if isinstance(named[0], str) else f"returned[{named[0]}]"
    for key in named[1:]:
        text += f"[{key!r}]" if isinstance(key, int) or not str(key).isidentifier() else f'["{key}"]'
    return text


def spoken(label: str) -> str:
    """A gradient's label in a sentence: `dW`, or what is returned."""
    return label if label == _UNNAMED else f"`{label}`"


def left_candidates(before: State, snapshot: Snapshot, after: State) -> list[Candidate]:
    """The arrays and numbers that a call left in the program's state: new ones, and those that it changed.

    Args:
        before: The state that the call started from.
        snapshot: Its contents.
        after: The state that it left.
    """
    contents = snapshot.contents()
    earlier = {path: leaf for leaf in before.leaves for path in (leaf.path, *(alias for alias, _ in leaf.aliases))}
    found: list[Candidate] = []
    for leaf in after.leaves:
        array = leaf.array
        if array.dtype.kind != "f":
            continue
        ways = [(leaf.path, leaf.keys), *leaf.aliases]
        marked = [way for way in ways if _has_mark(way[1])]
        # `self.db = dout`: the place where it was left, not the argument that it is as well.
        path, keys = next((way for way in marked if len(way[1]) > 1), (*marked, *ways)[0])
        old = earlier.get(path) or _on_the_class(leaf, before)
        was = None if old is None else _contents_of(old, contents, snapshot)
        same_shape = was is not None and was.shape == array.shape
        changed = not (same_shape and was is not None and same_bits(np.asarray(array, was.dtype), was))
        if changed or (_has_mark(keys) and len(keys) > 1):  # not an argument such as `dout`
            origin: Origin = "left" if old is None or _has_mark(keys) or not same_shape else "applied"
            found.append(Candidate(path, keys, array, origin, changed, was if same_shape else None, old))
    return found


def _on_the_class(leaf: Leaf, before: State) -> Leaf | None:
    """A value that an object's class held, before the object got its own of that name."""
    if len(leaf.keys) != 2 or not isinstance(leaf.places[0][0], AttributesBox):
        return None
    kinds = type(leaf.places[0][0].holder).__mro__
    for other in before.leaves:
        box, key = other.places[0]
        if isinstance(box, ClassBox) and key == leaf.keys[1] and box.holder in kinds:
            return other
    return None


def _contents_of(leaf: Leaf, contents: dict[int, NDArray[Any]], snapshot: Snapshot) -> NDArray[Any]:
    if isinstance(leaf.value, np.ndarray):
        return contents.get(id(leaf.value), leaf.value)
    if isinstance(leaf.value, list):
        saved = next((s for box, s in snapshot.saved if box.holder is leaf.value), None)
        return np.array([v for _, v in saved] if saved is not None else leaf.value, dtype=float)
    return np.asarray(leaf.value)


def _has_mark(keys: tuple[Any, ...]) -> bool:
    names = [key for key in keys if isinstance(key, str)]
    return bool(names) and (looks_like_gradient(names[-1]) or any(marks_gradients(n) for n in names))


def loss_in(result: Any, function: types.FunctionType) -> tuple[Any, ...] | None:
    """The way to the loss in what `(loss, grads)` functions return: an index, or a dict key; None if there is none."""
    if _is_scalar(result):
        label = return_labels(function, result)
        return () if isinstance(label, str) and looks_like_loss(label) else None
    if isinstance(result, Mapping):
        names = [key for key, value in result.items() if isinstance(key, str) and _is_scalar(value)]
        keys = [key for key in names if looks_like_loss(key)]
        return (keys[0],) if len(keys) == 1 else None
    if not isinstance(result, tuple | list) or len(result) < 2:
        return None
    scalars = [index for index, value in enumerate(result) if _is_scalar(value)]
    labels = return_labels(function, result)
    if isinstance(labels, list):
        named = [i for i in scalars if isinstance(labels[i], str) and looks_like_loss(labels[i])]
        marked = [i for i in scalars if isinstance(labels[i], str) and looks_like_gradient(labels[i])]
        scalars = named if len(named) == 1 else [i for i in scalars if i not in marked]
    return (scalars[0],) if len(scalars) == 1 else None


def _is_scalar(value: Any) -> bool:
    if isinstance(value, bool | int):
        return False
    return isinstance(value, float | np.floating) or (isinstance(value, np.ndarray) and value.size == 1)
