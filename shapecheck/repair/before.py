"""What one rewriting of an expression must not leave behind for the next one that is heard in its place."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from shapecheck.diagnose.pure_calls import PureCalls
from shapecheck.gradients.reachable import places

# So many entries are compared after every rewriting that may have changed some.
_MOST_ENTRIES = 20_000
_CALL = re.compile(r"[\w)\]]\s*\(")


class Before:
    """What a frame can reach, to be put back where a rewriting calls what changes it.

    These are arrays, changed in place, and attributes of objects and what dictionaries hold (a forward pass that is
    called once more keeps what it was given, and so do the layers that it calls).
    """

    def __init__(self, frame: types.FrameType) -> None:
        found: dict[int, Any] = {}
        holders: dict[int, dict[Any, Any]] = {}
        entries = 0
        names = dict(frame.f_locals)
        for place in places(names):
            array = place.value
            # A layer's layers keep what they were given too; what modules hold is left as it is.
            if isinstance(place.holder, dict) and place.holder is not names and "__builtins__" not in place.holder:
                holders[id(place.holder)] = place.holder
            if isinstance(array, np.ndarray) and array.flags.writeable and array.dtype.kind in "fiub":
                entries += array.size if id(array) not in found else 0
                found[id(array)] = array
        # Larger ones are taken on trust: comparing them each time would take longer than hearing.
        self.kept = [(a, a.copy()) for a in found.values()] if entries <= _MOST_ENTRIES else []
        objects = {id(vars(o)): vars(o) for o in frame.f_locals.values() if _has_attributes(o)}
        self.attributes = [(a, dict(a)) for a in {**holders, **objects}.values()]
        modules = (*frame.f_globals.items(), *frame.f_locals.items())
        self.modules = {name: m.__name__ for name, m in modules if isinstance(m, types.ModuleType)}

    def restore(self) -> None:
        """Put back what has changed."""
        for attributes, earlier in self.attributes:
            if attributes.keys() != earlier.keys() or any(attributes[n] is not v for n, v in earlier.items()):
                attributes.clear()
                attributes.update(earlier)
        for array, copy in self.kept:
            if array.shape == copy.shape and not np.array_equal(array, copy, equal_nan=array.dtype.kind == "f"):
                array[...] = copy


def changing(texts: Sequence[str], modules: Mapping[str, str]) -> Iterator[int]:
    """Which of some texts call what may do more than give a result, by what modules are called there."""
    imports = "".join(f"import {name} as {alias}\n" for alias, name in modules.items() if alias.isidentifier())
    calls = PureCalls({"": ast.parse(imports)})
    for position, text in enumerate(texts):
        if _CALL.search(text) and not calls.only_compute(ast.parse(f"({text}\n)", mode="eval").body):
            yield position


def _has_attributes(thing: Any) -> bool:
    """Whether something is an object of a class of the program's, or of one written as it would be."""
    kinds = (type, types.ModuleType, types.FunctionType, types.MethodType)
    return isinstance(getattr(thing, "__dict__", None), dict) and not isinstance(thing, kinds)


__all__ = ["Before", "changing"]
