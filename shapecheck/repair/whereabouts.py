"""Where arrays can be reached by name: a run that looks round at some places, and ends when it has seen them.

What is sought is known by its numbers alone: the program runs again, and draws the same ones.
"""

from __future__ import annotations

import ast
import builtins
import os
import signal
import sys
import time
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapecheck.repair.plain import compiled, plain_run
from shapecheck.trace.compiling import Piece, PlainCompiler
from shapecheck.trace.patience import patient
from shapecheck.trace.run import Program
from shapecheck.trace.sites import SourceText

_WATCH = "__shapecheck_watch__"
_BEGIN = -1
# How deep containers and objects are looked into, and how much in all.
_DEEPEST = 3
_MOST_HELD = 4_000
# What holds more than this holds samples.
_MOST_ITEMS = 100
_LARGEST_RATE = 10
# By so many names a thing is known: `layer` is `layers[0]` in one turn of a loop.
_MOST_WAYS = 3
_MOST_TEXTS = 12
# After the first sighting the other places get so long.
_SECONDS_MORE = 0.5
_PASSING = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)


# A statement: file, line and column as the syntax tree has them.
Spot = tuple[str, int, int]


@dataclass(frozen=True, eq=False)
class Lookout:
    """What to look for, and where.

    Attributes:
        sought: The arrays.
        telling: Positions of those of which the function itself has to hold one before a place counts as seen.
        spots: The statements after which to look.
        begin: A statement before which nothing is looked at; None to look from the start.
        turn: Not before this time of coming to that one, counted from 1.
        seconds: How long all this may take.
    """

    sought: tuple[Any, ...]
    telling: tuple[int, ...]
    spots: tuple[Spot, ...]
    begin: Spot | None = None
    turn: int = 0
    seconds: float = 8.0


@dataclass
class Sighting:
    """What was seen at a place.

    Attributes:
        texts: Position of an array -> expressions that give it there, those of local names first.
        constant: Those of them that are held by a tuple, which takes nothing else instead.
        outer: Names of the module that the function does not hold itself.
        keys: What names of the function hold that are whole numbers or strings.
        numbers: Names and attributes there that hold a number which could be a rate: above 0, and at most 10; with it.
        times: How often the program came there.
        begun: How often it came to where the lookout began, meanwhile.
    """

    texts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    constant: frozenset[str] = frozenset()
    outer: frozenset[str] = frozenset()
    keys: dict[str, int | str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    times: int = 1
    begun: int = 1


class _Over(BaseException):
    """Raised in the program when everything was seen, or the time is up."""


class _Watch:
    def __init__(self, lookout: Lookout) -> None:
        self.lookout = lookout
        self.seen: dict[int, Sighting] = {}
        self.ends = float("inf")
        self.begun = 0
        self.by_shape: dict[tuple[int, ...], list[int]] = {}
        for position, array in enumerate(lookout.sought):
            self.by_shape.setdefault(array.shape, []).append(position)

    def __call__(self, number: int) -> None:
        """Look round where the program is, unless that place has been seen."""
        self.begun += number == _BEGIN
        if self.begun < self.lookout.turn or number == _BEGIN:
            return
        if number in self.seen:
            self.seen[number].times += 1
        else:
            sighting = self._look(sys._getframe(1))
            if sighting.texts:
                sighting.begun = 1 - self.begun
                self.seen[number] = sighting
                self.ends = min(self.ends, time.monotonic() + patient(_SECONDS_MORE))
        if time.monotonic() > self.ends:
            raise _Over

    def _look(self, frame: types.FrameType) -> Sighting:
        found: dict[int, dict[str, bool]] = {}
        numbers: dict[str, float] = {}
        local = frame.f_locals
        outer = {k: v for k, v in frame.f_globals.items() if k not in local} if local is not frame.f_globals else {}
        for scope in (local, outer):
            if scope is outer and found.keys().isdisjoint(self.lookout.telling):
                return Sighting()
            for text, thing, constant in _reached(scope):
                if not isinstance(thing, np.ndarray):
                    numbers[text] = float(thing)
                    continue
                for position in self.by_shape.get(thing.shape, ()):
                    texts = found.setdefault(position, {}) if _same(thing, self.lookout.sought[position]) else None
                    if texts is not None and len(texts) < _MOST_TEXTS:
                        texts[text] = constant
        keys = {k: v for k, v in local.items() if type(v) in {int, str} and k.isidentifier()}
        held = frozenset(text for texts in found.values() for text, constant in texts.items() if constant)
        texts_of = {position: tuple(texts) for position, texts in found.items()}
        return Sighting(texts_of, held, frozenset(outer), keys, numbers)


def _reached(scope: Mapping[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """(expression, array or number, whether a tuple holds it) of what can be reached from the names of a scope."""
    names = [(k, v) for k, v in scope.items() if k.isidentifier() and not k.startswith("__")]
    level = [(name, thing, False) for name, thing in names if not isinstance(thing, _PASSING)]
    ways: Counter[int] = Counter()
    for _ in range(_DEEPEST + 1):
        deeper: list[tuple[str, Any, bool]] = []
        for text, thing, constant in level:
            if isinstance(thing, np.ndarray) or (type(thing) in {int, float} and 0 < thing <= _LARGEST_RATE):
                yield text, thing, constant
            elif ways[id(thing)] < _MOST_WAYS and len(ways) < _MOST_HELD:
                ways[id(thing)] += 1
                deeper += _held(text, thing)
        level = deeper


def _held(text: str, thing: Any) -> Iterator[tuple[str, Any, bool]]:
    if isinstance(thing, list | tuple | dict) and len(thing) > _MOST_ITEMS:
        return
    if isinstance(thing, list | tuple):
        yield from ((f"{text}[{i}]", v, isinstance(thing, tuple)) for i, v in enumerate(thing))
    elif isinstance(thing, dict):
        yield from ((f"{text}[{_quoted(k)}]", v, False) for k, v in thing.items() if isinstance(k, str | int | tuple))
    elif isinstance(getattr(thing, "__dict__", None), dict) and not isinstance(thing, _PASSING):
        yield from ((f"{text}.{k}", v, False) for k, v in vars(thing).items() if k.isidentifier())


def _quoted(key: Any) -> str:
    told = repr(key)
    return f'"{key}"' if isinstance(key, str) and '"' not in told and "\\" not in told else told


def _same(array: Any, wanted: Any) -> bool:
    return array.shape == wanted.shape and array.dtype.kind == "f" and bool(np.array_equal(array, wanted))


class _WatchingCompiler(PlainCompiler):
    """Puts the calls in without moving a line: a program may look at its own text."""

    def __init__(self, program: Program, lookout: Lookout) -> None:
        super().__init__(program.replaced)
        self.after = {_located(*spot): number for number, spot in enumerate(lookout.spots)}
        self.before = {_located(*lookout.begin): _BEGIN} if lookout.begin is not None else {}

    def compile(self, path: str, text: str) -> types.CodeType:
        """A file's code."""
        source = SourceText(path, text)
        self.files[path] = Piece(source)
        return compiled(self._tree(source), path)

    def _tree(self, source: SourceText) -> ast.Module:
        tree = super()._tree(source)
        for node in list(ast.walk(tree)):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if isinstance(block, list):
                    block[:] = [one for statement in block for one in self._watched(source.path, statement)]
        return ast.fix_missing_locations(tree)

    def _watched(self, path: str, statement: ast.stmt) -> Iterator[ast.stmt]:
        where = _located(path, statement.lineno, statement.col_offset)
        if where in self.before:
            yield _call(self.before[where], statement)
        yield statement
        if where in self.after:
            yield _call(self.after[where], statement)


def _located(path: str, line: int, column: int) -> Spot:
    return os.path.realpath(path), line, column


def _call(number: int, near: ast.stmt) -> ast.stmt:
    call = ast.Call(ast.Name(_WATCH, ast.Load()), [ast.Constant(number)], [])
    return ast.copy_location(ast.Expr(call), near)


def look_out(program: Program, lookout: Lookout) -> dict[int, Sighting]:
    """Run the program until all places are seen: place -> what was seen; to be called in a process of its own.

    Raises:
        SyntaxError: The program does not compile.
        OSError: It cannot be read.
    """
    watch = _Watch(lookout)
    setattr(builtins, _WATCH, watch)
    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, lookout.seconds)
    try:
        _, run = plain_run(program, _WatchingCompiler(program, lookout))
        run()
    except BaseException as error:
        if isinstance(error, SyntaxError | OSError) and not watch.seen:
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    for sighting in watch.seen.values():
        sighting.begun += watch.begun
    return watch.seen


def _ring(*_: object) -> None:
    raise _Over


__all__ = ["Lookout", "Sighting", "Spot", "look_out"]
