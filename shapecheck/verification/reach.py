"""Which functions, globals and enclosing variables a user's function can read or change."""

from __future__ import annotations

import dis
import functools
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

from shapecheck.trace.libraries import is_of_a_library
from shapecheck.verification.boxes import Box, CellBox, DictBox, ListBox, NamespaceBox

_NEVER = frozenset({"shapecheck", "numpy", "builtins"})
_adopted: set[str] = set()


def adopt(module: str) -> None:
    """Count a module and its package as the user's own even if it is installed: a function of it is verified."""
    top = module.partition(".")[0]
    if top not in _adopted | _NEVER:
        _adopted.add(top)
        is_users.cache_clear()


@functools.lru_cache(maxsize=4096)
def is_users(module: str) -> bool:
    """Whether a module of this name is the user's own code: neither the standard library's nor installed."""
    top = module.partition(".")[0]
    if top in _adopted:
        return True
    if top in _NEVER or top in sys.stdlib_module_names:
        return False
    path = getattr(sys.modules.get(module), "__file__", None) or ""
    return not is_of_a_library(path)


@functools.lru_cache(maxsize=4096)
def names_in(code: types.CodeType) -> frozenset[str]:
    """Every global and attribute that `code`, or a function inside it, mentions."""
    inner = (names_in(const) for const in code.co_consts if isinstance(const, types.CodeType))
    return frozenset(code.co_names).union(*inner)


@functools.lru_cache(maxsize=4096)
def globals_in(code: types.CodeType) -> frozenset[str]:
    """The globals that `code`, or a function inside it, may read: not the attributes that bear the same name."""
    inner = (globals_in(const) for const in code.co_consts if isinstance(const, types.CodeType))
    own = (i.argval for i in dis.get_instructions(code) if i.opname.endswith(("_GLOBAL", "_NAME", "_GLOBALS")))
    return frozenset(name for name in own if isinstance(name, str)).union(*inner)


@functools.lru_cache(maxsize=4096)
def globals_set_in(code: types.CodeType) -> frozenset[str]:
    """The globals that `code`, or a function inside it, assigns or deletes."""
    inner = (globals_set_in(const) for const in code.co_consts if isinstance(const, types.CodeType))
    own = (i.argval for i in dis.get_instructions(code) if i.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"})
    return frozenset(own).union(*inner)


def plain_function(function: Any) -> types.FunctionType | None:
    """The Python function beneath a method, a `functools.partial` or a decorator."""
    while True:
        if isinstance(function, types.MethodType | staticmethod | classmethod):
            function = function.__func__
        elif isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, types.FunctionType) and hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function if isinstance(function, types.FunctionType) else None


def methods_of(cls: type) -> Iterator[types.FunctionType]:
    """The Python functions of a user's class and of the user's classes above it."""
    for base in cls.__mro__:
        if not is_users(base.__module__):
            continue
        for value in vars(base).values():
            candidates = (value.fget, value.fset) if isinstance(value, property) else (value,)
            for candidate in candidates:
                function = plain_function(candidate)
                if function is not None:
                    yield function


class Reach:
    """What a set of functions can touch; grows as functions are added.

    Attributes:
        functions: All functions of the user's that may run.
        classes: The user's classes that are mentioned.
    """

    def __init__(self) -> None:
        self.functions: dict[int, types.FunctionType] = {}
        self.classes: dict[int, type] = {}
        self._namespaces: dict[int, tuple[dict[str, Any], set[str], str]] = {}
        self._cells: dict[int, CellBox] = {}
        self._others: list[tuple[Box, str]] = []

    def add(self, candidate: Any) -> None:
        """Follow a function, and all that it mentions."""
        pending = [candidate]
        while pending:
            function = plain_function(pending.pop())
            if function is None or id(function) in self.functions:
                continue
            if not is_users(function.__module__ or ""):
                continue
            self.functions[id(function)] = function
            pending += self._follow(function)

    def add_class(self, cls: type) -> None:
        """Follow the methods of a user's class."""
        if id(cls) not in self.classes and is_users(cls.__module__):
            self.classes[id(cls)] = cls
            for method in methods_of(cls):
                self.add(method)

    def boxes(self) -> list[Box]:
        """The namespaces, enclosing variables, defaults and function attributes that were found."""
        spaces = [NamespaceBox(space, names, prefix) for space, names, prefix in self._namespaces.values()]
        return [*spaces, *self._cells.values(), *(box for box, _ in self._others)]

    def _follow(self, function: types.FunctionType) -> list[Any]:
        found: list[Any] = []
        mentioned = names_in(function.__code__)
        space = function.__globals__
        for name in globals_in(function.__code__) & space.keys():
            self._meet(space[name], name, space, "", mentioned, found)
        for name in globals_set_in(function.__code__):
            self._remember(space, name, "")
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            if plain_function(value) is not None:
                found.append(value)
            elif isinstance(value, type):
                self.add_class(value)
            self._cells.setdefault(id(cell), CellBox(cell, name))
        parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
        for parameter in parameters:
            if isinstance(parameter.default, dict):
                self._others.append((DictBox(parameter.default), parameter.name))
            elif isinstance(parameter.default, list):
                self._others.append((ListBox(parameter.default), parameter.name))
        if vars(function):
            own = {name for name in vars(function) if not name.startswith("__")}
            self._namespaces[id(vars(function))] = (vars(function), own | mentioned, f"{function.__name__}.")
        return found

    def _meet(
        self, value: Any, name: str, space: dict[str, Any], prefix: str, mentioned: frozenset[str], found: list[Any]
    ) -> None:
        if isinstance(value, types.ModuleType):
            if is_users(value.__name__):
                for inner in mentioned & vars(value).keys():
                    if not isinstance(vars(value)[inner], types.ModuleType):
                        self._meet(vars(value)[inner], inner, vars(value), f"{name}.", mentioned, found)
        elif isinstance(value, type):
            self.add_class(value)
        elif plain_function(value) is not None:
            found.append(value)
        else:
            self._remember(space, name, prefix)

    def _remember(self, space: dict[str, Any], name: str, prefix: str) -> None:
        self._namespaces.setdefault(id(space), (space, set(), prefix))[1].add(name)
