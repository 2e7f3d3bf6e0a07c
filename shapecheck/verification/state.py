"""All the state that a call can see: where every array and number is kept, and how to put everything back."""

from __future__ import annotations

import argparse
import random
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.verification.boxes import (
    ArrayBox,
    AttributesBox,
    Box,
    ClassBox,
    DictBox,
    GeneratorBox,
    ListBox,
    NamespaceBox,
    SetBox,
    SlotsBox,
    TupleBox,
    global_generators,
)
from shapecheck.verification.names import looks_like_data
from shapecheck.verification.reach import Reach, is_users

_MOST_OBJECTS = 200_000


@dataclass(eq=False)
class Leaf:
    """One array, number, or list of numbers, and all the places that hold it.

    Attributes:
        path: How the user writes it, shortest way first found: `self.weights[0]`.
        keys: The way there: attribute and argument names, dict keys and indices, the outermost first.
        value: An array, a Python or NumPy float, or a list of floats.
        aliases: Other ways to the same array.
        local: Whether it can be reached from the arguments of the call, `self` among them.
    """

    path: str
    keys: tuple[Any, ...]
    value: Any
    places: list[tuple[Box, Any]] = field(default_factory=list)
    aliases: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    local: bool = True

    @property
    def array(self) -> NDArray[Any]:
        """Its numbers as an array; the user's own array where it is one."""
        return np.asarray(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of its numbers."""
        return self.array.shape

    @property
    def is_whole_number(self) -> bool:
        """Whether it is a Python int, such as a bias that starts as `b = 0`."""
        return type(self.value) is int


class State:
    """Everything reachable from a call: its arguments, `self`, globals, enclosing variables, random generators.

    Args:
        arguments: By name; `self` among them. The dict itself is changed when a value in it is replaced.
        functions: Followed for the globals and enclosing variables that they use.
        extra: Further things to look into, such as what the call returned.
    """

    def __init__(
        self, arguments: dict[str, Any], functions: Iterable[Callable[..., Any]], extra: dict[str, Any] | None = None
    ) -> None:
        self.reach = Reach()
        self.leaves: list[Leaf] = []
        self.boxes: list[Box] = []
        self._seen: dict[int, Any] = {}  # keeps what was seen alive, so that no id is used twice
        self._leaf_of: dict[int, Leaf] = {}
        self._tuples: dict[int, list[tuple[Box, Any]]] = {}
        self._tuple_now: dict[int, Any] = {}
        self._places: set[tuple[int, Any]] = set()
        self._local = True
        self.complete = True
        self.generators: list[GeneratorBox] = global_generators()
        self._queue: deque[tuple[Box, str, tuple[Any, ...]]] = deque()
        self._queue.append((NamespaceBox(arguments), "", ()))
        for function in functions:
            self.reach.add(function)
            owner = getattr(function, "__self__", None)
            if owner is not None and "self" not in arguments:
                self._queue.append((NamespaceBox({"self": owner}), "", ()))
        if extra:
            self._queue.append((NamespaceBox(extra), "", ()))
        self._walk()
        self._prefer_names()

    def _prefer_names(self) -> None:
        """Call what is in a cache as well as among the parameters by its name there."""
        for leaf in self.leaves:
            ways = [(leaf.path, leaf.keys), *leaf.aliases]
            best = min(ways, key=lambda way: any(isinstance(key, str) and looks_like_data(key) for key in way[1]))
            if best is not ways[0]:
                leaf.path, leaf.keys = best
                leaf.aliases = [way for way in ways if way is not best]

    def _walk(self) -> None:
        followed: set[tuple[int, int]] = set()
        while True:
            while self._queue:
                if len(self._seen) > _MOST_OBJECTS:
                    self.complete = False
                    return
                box, path, keys = self._queue.popleft()
                self.boxes.append(box)
                if box.walked:
                    for key, value in box.items():
                        self._meet(value, box.spell(path, key), (*keys, key), box, key)
            known = (*self.reach.boxes(), *map(ClassBox, self.reach.classes.values()))
            fresh = [box for box in known if _mark(box) not in followed]
            self._local = False  # from here on globals and enclosing variables
            if not fresh:
                return
            for box in fresh:
                followed.add(_mark(box))
                self._queue.append((box, "", ()))

    def _meet(self, value: Any, path: str, keys: tuple[Any, ...], box: Box, key: Any) -> None:
        if isinstance(value, np.ndarray):
            self._meet_array(value, path, keys, box, key)
            return
        if isinstance(value, float | np.floating):
            if self._is_new_place(box, key):
                self.leaves.append(Leaf(path, keys, value, [(box, key)], local=self._local))
            return
        if type(value) is int and self._is_new_place(box, key):  # `b = 0` is a parameter too
            self.leaves.append(Leaf(path, keys, value, [(box, key)], local=self._local))
        if value is None or isinstance(value, str | bytes | int | complex | np.generic | types.FunctionType):
            return
        if isinstance(value, tuple) and self._is_new_place(box, key):
            self._tuples.setdefault(id(value), []).append((box, key))
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        numbers = isinstance(value, list) and value and all(isinstance(v, float | np.floating) for v in value)
        if numbers:
            self.leaves.append(Leaf(path, keys, value, [(box, key)], local=self._local))
        for inner in self._boxes_of(value, path):
            inner.walked = inner.walked and not numbers
            self._queue.append((inner, path, keys))

    def _meet_array(self, value: NDArray[Any], path: str, keys: tuple[Any, ...], box: Box, key: Any) -> None:
        known = self._leaf_of.get(id(value))
        if not self._is_new_place(box, key):
            return
        if known is not None:
            known.places.append((box, key))
            known.aliases.append((path, keys))
            return
        self._seen[id(value)] = value
        self.boxes.append(ArrayBox(value))
        leaf = Leaf(path, keys, value, [(box, key)], local=self._local)
        self._leaf_of[id(value)] = leaf
        if value.dtype.kind in "fiub":
            self.leaves.append(leaf)
        elif value.dtype == object:
            for index, item in enumerate(value.ravel().tolist()):
                self._meet(item, f"{path}[{index}]", (*keys, index), ListBox(value.reshape(-1)), index)

    def _is_new_place(self, box: Box, key: Any) -> bool:
        place = (id(box.holder), key)
        if place in self._places:
            return False
        self._places.add(place)
        return True

    def _boxes_of(self, value: Any, path: str) -> Iterator[Box]:
        if isinstance(value, np.random.Generator | np.random.RandomState | random.Random):
            if all(value is not known.holder for known in self.generators):
                self.generators.append(GeneratorBox(value, path))
            return
        if isinstance(value, types.MethodType):
            value = value.__self__
            if id(value) in self._seen:
                return
            self._seen[id(value)] = value
        if isinstance(value, dict):
            yield DictBox(value)
        elif isinstance(value, list | deque):
            yield ListBox(value)
        elif isinstance(value, set):
            yield SetBox(value)
        elif isinstance(value, tuple):
            yield TupleBox(value)
        if isinstance(value, type):
            self.reach.add_class(value)
            return
        cls = type(value)
        if not (is_users(cls.__module__) or isinstance(value, types.SimpleNamespace | argparse.Namespace)):
            return
        self.reach.add_class(cls)
        if hasattr(value, "__dict__"):
            yield AttributesBox(value)
        slots = tuple(
            name for base in cls.__mro__ for name in _slot_names(base) if name not in {"__dict__", "__weakref__"}
        )
        if slots:
            yield SlotsBox(value, slots)

    def replace(self, leaf: Leaf, value: Any) -> None:
        """Put `value` wherever the program keeps `leaf`.

        An array of the leaf's dtype need not be put anywhere if its entries can be copied; this is for other types:
        promoted or complex arrays, Python floats.
        """
        if isinstance(leaf.value, list):
            flat = np.asarray(value)
            leaf.value[:] = [item.item() if hasattr(item, "item") else item for item in flat]
            return
        for box, key in leaf.places:
            if isinstance(box, TupleBox):
                self._replace_in_tuple(box, key, value)
            else:
                box.put(key, value)

    def forget_replacements(self) -> None:
        """To be called when the containers were put back: tuples are the original ones again."""
        self._tuple_now.clear()

    def _replace_in_tuple(self, box: TupleBox, key: Any, new: Any) -> None:
        fresh = box.replaced(self._tuple_now.get(id(box.holder), box.holder), key, new)
        self._tuple_now[id(box.holder)] = fresh
        for outer, outer_key in self._tuples.get(id(box.holder), []):
            if isinstance(outer, TupleBox):
                self._replace_in_tuple(outer, outer_key, fresh)
            else:
                outer.put(outer_key, fresh)

    def find(self, path: str) -> Leaf | None:
        """The leaf that the user writes as `path`, with or without `self.`."""
        for leaf in self.leaves:
            ways = [leaf.path, *(alias for alias, _ in leaf.aliases)]
            if path in ways or f"self.{path}" in ways:
                return leaf
        return None


class Snapshot:
    """What some boxes held at one moment.

    Args:
        boxes: What is to be put back later.
        generators: Random generators, likewise.
        earlier: A snapshot whose copies are used again where nothing has changed since.
    """

    def __init__(
        self, boxes: Iterable[Box], generators: Iterable[GeneratorBox], earlier: Snapshot | None = None
    ) -> None:
        old = {} if earlier is None else {id(box.holder): saved for box, saved in earlier.saved if _shares(box)}
        self.saved: list[tuple[Box, Any]] = []
        for box in boxes:
            before = old.get(id(box.holder)) if _shares(box) else None
            unchanged = before is not None and box.same(before)
            self.saved.append((box, before if unchanged else box.save()))
        self.generators = [(box, box.save()) for box in generators]

    def restore(self) -> None:
        """Put everything back, random generators included."""
        for box, saved in self.saved:
            if not box.same(saved):
                box.restore(saved)
        self.rewind()

    def rewind(self) -> None:
        """Put the random generators back."""
        for box, saved in self.generators:
            box.restore(saved)

    def moved_generators(self) -> list[str]:
        """The generators that were used since, as one would write them."""
        return [box.name for box, saved in self.generators if not box.same(saved)]

    def changed(self) -> list[tuple[Box, Any]]:
        """The boxes that hold something else now, with what they held."""
        return [(box, saved) for box, saved in self.saved if not box.same(saved)]

    def contents(self) -> dict[int, NDArray[Any]]:
        """Copies of the arrays as they were, by the id of the array."""
        return {id(box.holder): saved for box, saved in self.saved if _shares(box) and saved is not None}


def _shares(box: Box) -> bool:
    return isinstance(box, ArrayBox)


def _mark(box: Box) -> tuple[int, int]:
    # The names that matter of a module become more as more functions are followed.
    return id(box.holder), len(box.names or ()) if isinstance(box, NamespaceBox) else 0


def _slot_names(cls: type) -> tuple[str, ...]:
    slots = vars(cls).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(f"_{cls.__name__.lstrip('_')}{n}" if n.startswith("__") and not n.endswith("__") else n for n in names)
