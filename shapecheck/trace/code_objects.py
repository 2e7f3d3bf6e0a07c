"""The code objects of a source text, brought together with the functions that a process has made of them."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType

# Where a code object stands: qualified name, first line, and the how-many-eth of those that share both.
Where = tuple[str, int, int]


def text_of(function: FunctionType) -> str | None:
    """The source of the whole file, or notebook cell, that a function was written in; None where it cannot be had."""
    lines = linecache.getlines(function.__code__.co_filename, function.__globals__)
    return "".join(lines) if lines else None


def code_objects(module: CodeType) -> dict[Where, CodeType]:
    """The code objects inside a module's, by where they stand."""
    found: dict[Where, CodeType] = {}
    for code in _inside(module):
        number = 0
        while (code.co_qualname, code.co_firstlineno, number) in found:
            number += 1
        found[code.co_qualname, code.co_firstlineno, number] = code
    return found


def _inside(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inside(constant)


def places_of(functions: Iterable[FunctionType], module: CodeType) -> dict[FunctionType, Where]:
    """Where each function's code stands in a module that was compiled from the same text.

    Args:
        functions: Of one file.
        module: The text of that file, compiled.

    Returns:
        Only functions whose code is really that of the text, up to what a test framework adds for its assertions: a
        file that was edited since it was imported has other code.
    """
    found: dict[FunctionType, Where] = {}
    known = code_objects(module)
    for function in functions:
        own = function.__code__
        alike = [w for w, c in known.items() if w[:2] == (own.co_qualname, own.co_firstlineno) and _is_same(c, own)]
        exact = [w for w in alike if _columns(known[w]) == _columns(own)]
        if len(alike) == 1 or len(exact) == 1:
            found[function] = alike[0] if len(alike) == 1 else exact[0]
    return found


def _is_same(plain: CodeType, own: CodeType) -> bool:
    if not can_replace(plain, own):
        return False
    extended = set(plain.co_names) <= set(own.co_names) and set(plain.co_varnames) <= set(own.co_varnames)
    return plain.co_code == own.co_code or (extended and plain.co_names != own.co_names)


def _columns(code: CodeType) -> list[object]:
    return list(code.co_positions())


def can_replace(new: CodeType, old: CodeType) -> bool:
    """Whether a function can run other code: it takes the same arguments and reads the same enclosing variables."""
    count = old.co_argcount + old.co_kwonlyargcount + bool(old.co_flags & 0x04) + bool(old.co_flags & 0x08)
    return (
        new.co_freevars == old.co_freevars
        and (new.co_argcount, new.co_posonlyargcount, new.co_kwonlyargcount)
        == (old.co_argcount, old.co_posonlyargcount, old.co_kwonlyargcount)
        and new.co_varnames[:count] == old.co_varnames[:count]
        and new.co_flags & _KIND == old.co_flags & _KIND
    )


# CO_VARARGS, CO_VARKEYWORDS, CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_KIND = 0x04 | 0x08 | 0x20 | 0x80 | 0x200


def replacements(places: Mapping[FunctionType, Where], module: CodeType) -> dict[FunctionType, CodeType]:
    """For each function the code that stands in its place in another compilation of its file."""
    codes = code_objects(module)
    return {
        function: codes[where]
        for function, where in places.items()
        if where in codes and can_replace(codes[where], function.__code__)
    }
