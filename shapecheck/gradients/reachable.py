"""What a user's function can reach: the places that hold its arrays, and the random generators it may draw from.

It looks through closures, globals that the code names, arguments bound by `partial`, methods' objects, dicts, lists,
tuples and attributes; it never imports, calls or evaluates anything of the user's, properties included.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from shapecheck.trace.libraries import is_of_a_library

_LIMIT = 20_000  # objects; a data set kept as a list of lists must not make a check slow
_INTERESTING = (np.ndarray, np.random.Generator, np.random.RandomState, random.Random)
_LEAVES = (str, bytes, int, float, complex, type(None), np.generic, np.dtype)


@dataclass(frozen=True)
class Place:
    """Somewhere an object is held: `holder[key]`, an attribute, or the cell of a closure."""

    name: str
    value: Any
    holder: Any
    key: Any

    @property
    def current(self) -> Any:
        """What is held there now."""
        if isinstance(self.holder, dict | list | tuple):
            return self.holder[self.key]
        if isinstance(self.holder, CellType):
            return self.holder.cell_contents
        return getattr(self.holder, self.key)

    def put(self, value: Any) -> bool:
        """Hold another object instead; False where that is impossible (inside a tuple)."""
        if isinstance(self.holder, CellType):
            self.holder.cell_contents = value
        elif isinstance(self.holder, dict | list):
            self.holder[self.key] = value
        elif isinstance(self.holder, tuple):
            return False
        else:
            object.__setattr__(self.holder, self.key, value)
        return True


def places(*roots: Any) -> Iterator[Place]:
    """Every place that the roots can reach which holds an array or a random generator."""
    seen: set[int] = set()
    keep: list[Any] = []  # an object freed during the walk could lend its id to another
    pending = [Place("", root, None, None) for root in reversed(roots)]
    while pending and len(seen) < _LIMIT:
        place = pending.pop()
        value = place.value
        if place.holder is not None and isinstance(value, _INTERESTING):
            yield place
        if isinstance(value, _LEAVES) or id(value) in seen:
            continue
        seen.add(id(value))
        keep.append(value)
        pending.extend(reversed(_held_by(place.name, value)))


def _held_by(name: str, value: Any) -> list[Place]:
    if isinstance(value, np.ndarray):
        return []
    if isinstance(value, dict):
        return [Place(k if isinstance(k, str) else f"{name}[{k!r}]", v, value, k) for k, v in list(value.items())]
    if isinstance(value, list | tuple):
        return [Place(f"{name}[{i}]", v, value, i) for i, v in enumerate(value[:_LIMIT])]
    if isinstance(value, FunctionType):
        return _held_by_function(value)
    if isinstance(value, MethodType):
        return [Place("self", value.__self__, None, None), Place("", value.__func__, None, None)]
    if isinstance(value, partial):
        keywords = [Place(k, v, value.keywords, k) for k, v in value.keywords.items()]
        return [Place("", value.func, None, None), Place("args", value.args, None, None), *keywords]
    if isinstance(value, ModuleType):
        return []
    if isinstance(value, type):
        return _held_by_class(value)
    return _held_by_object(name, value)


def _held_by_object(name: str, value: Any) -> list[Place]:
    found = [Place("", type(value), None, None)]
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict):
        found += [Place(f"{name}.{k}" if name else k, v, attributes, k) for k, v in attributes.items()]
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            descriptor = cls.__dict__.get(slot)
            if hasattr(descriptor, "__get__") and hasattr(value, slot):
                found.append(Place(slot, getattr(value, slot), value, slot))
    return found


def _held_by_class(cls: type) -> list[Place]:
    if _is_library(getattr(cls, "__module__", "")):
        return []
    found = [Place("", base, None, None) for base in cls.__bases__ if base is not object]
    for value in list(vars(cls).values()):
        function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if isinstance(function, FunctionType):
            found.append(Place("", function, None, None))
        elif isinstance(value, property) and isinstance(value.fget, FunctionType):
            found.append(Place("", value.fget, None, None))
        elif isinstance(value, (*_INTERESTING, dict, list)):
            found.append(Place("", value, None, None))
    return found


def _held_by_function(function: FunctionType) -> list[Place]:
    code = function.__code__
    if is_of_a_library(code.co_filename):
        return []
    found = []
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            found.append(Place(name, cell.cell_contents, cell, None))
        except ValueError:  # an empty cell
            continue
    for name in _names_in(code):
        if name in function.__globals__:
            value = function.__globals__[name]
            if isinstance(value, ModuleType):
                found += _held_by_module(value, code)
            else:
                found.append(Place(name, value, function.__globals__, name))
    found.append(Place("", function.__defaults__ or (), None, None))
    found.append(Place("", function.__kwdefaults__ or {}, None, None))
    if "__wrapped__" in function.__dict__:
        found.append(Place("", function.__dict__["__wrapped__"], None, None))
    return found


def _held_by_module(module: ModuleType, code: CodeType) -> list[Place]:
    if _is_library(module.__name__) or not getattr(module, "__file__", None):
        return []
    names = _names_in(code)
    return [Place(f"{module.__name__}.{k}", v, vars(module), k) for k, v in list(vars(module).items()) if k in names]


def _names_in(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_in(constant)
    return names


def _is_library(module: str) -> bool:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return True
    path = getattr(sys.modules.get(top), "__file__", None) or ""
    return is_of_a_library(path)


def reads_nothing(function: Callable[..., Any]) -> bool:
    """Whether no array can be reached from `function`, so that it can only read its arguments."""
    return not any(isinstance(place.value, np.ndarray) for place in places(function))
