# ruff: noqa: D102, ARG002  every kind of box has the methods that `Box` describes
"""Things of a program that can change, each able to save what it holds and to put it back."""

from __future__ import annotations

import random
import types
from collections import deque
from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MISSING = object()


class Box:
    """One changeable thing: what it holds, and how to put something else there.

    Attributes:
        holder: The user's object.
        walked: Whether what it holds is to be looked into as well.
    """

    walked = True

    def __init__(self, holder: Any) -> None:
        self.holder = holder

    def items(self) -> Iterator[tuple[Any, Any]]:
        """Keys and values as they are now."""
        return iter(())

    def put(self, key: Any, value: Any) -> None:
        """Hold `value` under `key`."""
        raise NotImplementedError

    def spell(self, path: str, key: Any) -> str:
        """How the user writes the item `key` of what he writes as `path`."""
        return f'{path}["{key}"]' if isinstance(key, str) else f"{path}[{key!r}]"

    def save(self) -> Any:
        """Something from which `restore` can put everything back."""
        return list(self.items())

    def restore(self, saved: Any) -> None:
        """Hold again what was held when `saved` was made: the same objects, in the same order."""
        raise NotImplementedError

    def same(self, saved: Any) -> bool:
        """Whether nothing has changed since `saved` was made."""
        now = list(self.items())
        return (
            len(now) == len(saved)
            and all(key is k or key == k for (key, _), (k, _) in zip(now, saved, strict=True))
            and all(value is v for (_, value), (_, v) in zip(now, saved, strict=True))
        )


class DictBox(Box):
    """A dict or another mutable mapping."""

    def items(self) -> Iterator[tuple[Any, Any]]:
        return iter(list(dict.items(self.holder)))

    def put(self, key: Any, value: Any) -> None:
        dict.__setitem__(self.holder, key, value)

    def restore(self, saved: Any) -> None:
        dict.clear(self.holder)
        dict.update(self.holder, saved)


class ListBox(Box):
    """A list or a deque."""

    def items(self) -> Iterator[tuple[Any, Any]]:
        return enumerate(list(self.holder))

    def put(self, key: Any, value: Any) -> None:
        self.holder[key] = value

    def restore(self, saved: Any) -> None:
        values = [value for _, value in saved]
        if isinstance(self.holder, deque):
            self.holder.clear()
            self.holder.extend(values)
        else:
            list.__setitem__(self.holder, slice(None), values)


class SetBox(Box):
    """A set; arrays cannot be in it, so nothing is looked for inside."""

    walked = False

    def save(self) -> Any:
        return set(self.holder)

    def same(self, saved: Any) -> bool:
        return bool(self.holder == saved)

    def restore(self, saved: Any) -> None:
        self.holder.clear()
        self.holder.update(saved)


class TupleBox(Box):
    """A tuple: never changes itself, but holds things that do."""

    def items(self) -> Iterator[tuple[Any, Any]]:
        names = getattr(self.holder, "_fields", None)
        return iter(zip(names, self.holder, strict=True)) if names else enumerate(self.holder)

    def spell(self, path: str, key: Any) -> str:
        return f"{path}.{key}" if isinstance(key, str) else f"{path}[{key}]"

    @staticmethod
    def replaced(current: Any, key: Any, new: Any) -> Any:
        """A tuple like `current` with `new` under `key`."""
        names = getattr(current, "_fields", None)
        at = names.index(key) if names else key
        parts = [*current[:at], new, *current[at + 1 :]]
        return type(current)(*parts) if names else type(current)(parts)

    def save(self) -> Any:
        return None

    def same(self, saved: Any) -> bool:
        return True

    def restore(self, saved: Any) -> None:
        pass


class AttributesBox(Box):
    """The attributes of an object, in its `__dict__`."""

    def items(self) -> Iterator[tuple[Any, Any]]:
        return iter(list(vars(self.holder).items()))

    def put(self, key: Any, value: Any) -> None:
        vars(self.holder)[key] = value

    def spell(self, path: str, key: Any) -> str:
        return f"{path}.{key}"

    def restore(self, saved: Any) -> None:
        attributes = vars(self.holder)
        attributes.clear()
        attributes.update(saved)


class SlotsBox(Box):
    """The attributes of an object whose class has `__slots__`."""

    def __init__(self, holder: Any, names: tuple[str, ...]) -> None:
        super().__init__(holder)
        self.names = names

    def items(self) -> Iterator[tuple[Any, Any]]:
        pairs = ((name, getattr(self.holder, name, _MISSING)) for name in self.names)
        return iter([(name, value) for name, value in pairs if value is not _MISSING])

    def put(self, key: Any, value: Any) -> None:
        object.__setattr__(self.holder, key, value)

    def spell(self, path: str, key: Any) -> str:
        return f"{path}.{key}"

    def restore(self, saved: Any) -> None:
        held = dict(saved)
        for name in self.names:
            if name in held:
                object.__setattr__(self.holder, name, held[name])
            elif hasattr(self.holder, name):
                object.__delattr__(self.holder, name)


class NamespaceBox(Box):
    """Some names of a module, or the arguments of a call (`prefix` is what the user writes before them)."""

    def __init__(self, holder: MutableMapping[str, Any], names: set[str] | None = None, prefix: str = "") -> None:
        super().__init__(holder)
        self.names = names
        self.prefix = prefix

    def items(self) -> Iterator[tuple[Any, Any]]:
        names = list(self.holder) if self.names is None else sorted(self.names)
        return iter([(name, self.holder[name]) for name in names if name in self.holder])

    def put(self, key: Any, value: Any) -> None:
        self.holder[key] = value

    def spell(self, path: str, key: Any) -> str:
        return f"{self.prefix}{key}"

    def restore(self, saved: Any) -> None:
        held = dict(saved)
        for name in list(self.holder) if self.names is None else self.names:
            if name in held:
                if self.holder.get(name, _MISSING) is not held[name]:
                    self.holder[name] = held[name]
            else:
                self.holder.pop(name, None)


class ClassBox(Box):
    """Data kept on a class."""

    def items(self) -> Iterator[tuple[Any, Any]]:
        return iter([(k, v) for k, v in vars(self.holder).items() if not k.startswith("__") and _is_data(v)])

    def put(self, key: Any, value: Any) -> None:
        setattr(self.holder, key, value)

    def spell(self, path: str, key: Any) -> str:
        return f"{self.holder.__name__}.{key}"

    def restore(self, saved: Any) -> None:
        held = dict(saved)
        for name, value in list(self.items()):
            if name not in held:
                delattr(self.holder, name)
            elif value is not held[name]:
                setattr(self.holder, name, held[name])
        for name, value in held.items():
            if name not in vars(self.holder):
                setattr(self.holder, name, value)


class CellBox(Box):
    """A variable of an enclosing function."""

    def __init__(self, holder: types.CellType, name: str) -> None:
        super().__init__(holder)
        self.name = name

    def items(self) -> Iterator[tuple[Any, Any]]:
        try:
            return iter([(self.name, self.holder.cell_contents)])
        except ValueError:  # empty
            return iter(())

    def put(self, key: Any, value: Any) -> None:
        self.holder.cell_contents = value

    def spell(self, path: str, key: Any) -> str:
        return str(key)

    def restore(self, saved: Any) -> None:
        if saved:
            self.holder.cell_contents = saved[0][1]
        else:
            del self.holder.cell_contents


class ArrayBox(Box):
    """The entries of an array."""

    walked = False

    def save(self) -> Any:
        return self.holder.copy() if self.holder.flags.writeable else None

    def same(self, saved: Any) -> bool:
        if saved is None:
            return True
        return self.holder.shape == saved.shape and same_bits(np.asarray(self.holder), np.asarray(saved))

    def restore(self, saved: Any) -> None:
        if saved is not None and self.holder.shape == saved.shape and self.holder.flags.writeable:
            np.copyto(self.holder, saved)


class GeneratorBox(Box):
    """A random generator, NumPy's or Python's, old style or new."""

    walked = False

    def __init__(self, holder: Any, name: str) -> None:
        super().__init__(holder)
        self.name = name

    def save(self) -> Any:
        if isinstance(self.holder, np.random.Generator):
            return self.holder.bit_generator.state
        if isinstance(self.holder, np.random.RandomState):
            return self.holder.get_state(legacy=False)
        return self.holder.getstate()

    def same(self, saved: Any) -> bool:
        return _equal_states(self.save(), saved)

    def restore(self, saved: Any) -> None:
        if isinstance(self.holder, np.random.Generator):
            self.holder.bit_generator.state = saved
        elif isinstance(self.holder, np.random.RandomState):
            self.holder.set_state(saved)
        else:
            self.holder.setstate(saved)


class _PythonsGenerator:
    """The hidden generator behind `random.random()`."""

    getstate = staticmethod(random.getstate)
    setstate = staticmethod(random.setstate)


def global_generators() -> list[GeneratorBox]:
    """The generators that every program has: `np.random` and `random`."""
    return [GeneratorBox(np.random.mtrand._rand, "np.random"), GeneratorBox(_PythonsGenerator, "random")]


def same_bits(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two arrays of one shape are equal to the bit, NaN and -0.0 included."""
    if a.dtype != b.dtype:
        return False
    if a.dtype.hasobject:
        return all(x is y for x, y in zip(a.ravel(), b.ravel(), strict=True))
    if a.dtype.kind in "fc":
        # Comparing integers of the same width sees NaN payloads and signed zeros, without a copy.
        width = {2: "u2", 4: "u4", 8: "u8"}.get(a.dtype.itemsize)
        if width and a.flags.c_contiguous and b.flags.c_contiguous:
            return bool(np.array_equal(a.view(width), b.view(width)))
        return a.tobytes() == b.tobytes()
    return bool(np.array_equal(a, b))


def _equal_states(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal_states(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    return bool(a == b)


def _is_data(value: Any) -> bool:
    return isinstance(value, np.ndarray | dict | list | tuple | set | float | np.floating | deque)
