"""Candidates heard in place: one unrecorded run evaluates many rewritings of an expression where it stands.

A gradient's search knows what an expression should have been, for the adjoints say it. So the candidates need no run
each: when the expression is evaluated, so are they, in the same frame, and those that give what was wanted are tried
first. Only a whole trial proves a repair; an audition just says where to begin.
"""

from __future__ import annotations

import ast
import builtins
import signal
import sys
import time
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any

import numpy as np

from shapecheck.diagnose.finding import Edit
from shapecheck.gradients.matching import EXACT
from shapecheck.repair.before import Before, changing
from shapecheck.repair.candidate import apply_edits
from shapecheck.repair.plain import plain_run
from shapecheck.trace.failure import Seen, see
from shapecheck.trace.generators import generator_states, restore_generators
from shapecheck.trace.patience import patient
from shapecheck.trace.run import Program
from shapecheck.trace.sites import split_lines

# Relative to what is wanted: as far as what goes backwards may be from an adjoint. The adjoints are good to about nine
# digits, and the backward pass of `log(y + 1e-7)` seldom knows of what is added there.
_CLOSE = EXACT
_EXACT = 1e-4
# What is so many times as far from what is wanted as something else is only near it: of small entries `x` and `tanh(x)`
# are hard to tell apart. What is off by rounding is as close as can be.
_FARTHER = 1e3
_ROUNDING = 1e-12
# So many evaluations that gave what was recorded are listened to, where nothing else tells them apart.
_MOST_LOOKS = 5
LISTENER = "__shapecheck_audition__"


@dataclass(frozen=True, eq=False)
class Instance:
    """One evaluation of the expression.

    Attributes:
        recorded: What it gave; None where that is not known, and `ordinal` tells.
        wanted: What it should have given, up to a factor: any of these; NaN where anything would do.
        ordinal: Which evaluation it is, counted from 0; None where only its result tells.
        exact: Only the factor 1 will do.
        summed: Which evaluations, in place of one, have to give what is wanted all together.
    """

    recorded: Any
    wanted: tuple[Any, ...]
    ordinal: int | None = None
    exact: bool = False
    summed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Audition:
    """What to hear.

    Attributes:
        place: The expression, as an edit that replaces it by itself.
        texts: The rewritings, the likeliest first; with `look`, expressions of which only is to be seen what they are.
        instances: The evaluations to listen at.
        seconds: How long all this may take.
        content: After so many seconds no more is heard where something fits: what comes later is less likely.
        look: Only look round at the first of the evaluations: what is in scope there?
    """

    place: Edit
    texts: tuple[str, ...]
    instances: tuple[Instance, ...]
    _: KW_ONLY
    seconds: float = 4.0
    content: float = 1.0
    look: bool = False


@dataclass
class Heard:
    """What came of an audition.

    Attributes:
        factors: Position of a rewriting -> the factor between what it gave and what was wanted, for those that fit.
        at_first: The same for those that fit at the first of the evaluations, whatever they gave later on.
        tried: How many rewritings were evaluated at least once.
        instances: How many of the evaluations were met with again.
        local, module: What the names of the function, and of its module, held at the first of them.
        looked: What the texts were that were to be looked at; those that are nothing there are left out.
    """

    factors: dict[int, float] = field(default_factory=dict)
    at_first: dict[int, float] = field(default_factory=dict)
    tried: int = 0
    instances: int = 0
    local: dict[str, Seen] = field(default_factory=dict)
    module: dict[str, Seen] = field(default_factory=dict)
    looked: dict[str, Seen] = field(default_factory=dict)


class Over(BaseException):
    """Raised in the program when everything was heard, or the time is up."""


class Listener:
    """Stands in the expression's place."""

    def __init__(self, audition: Audition) -> None:
        self.audition = audition
        self.open = list(audition.instances)
        self.factors: list[list[float | None]] = [[] for _ in audition.texts]
        self.errors: list[float] = [0.0] * len(audition.texts)
        self.sums: dict[int, Any] = {}
        self.met = 0
        self.evaluations = 0
        self.hearing = False
        self.looks = 0
        self.local: dict[str, Seen] = {}
        self.module: dict[str, Seen] = {}
        self.looked: dict[str, Seen] = {}
        self.started: float | None = None
        # Positions of the rewritings that may change something beside giving a result; None where nobody asked yet.
        self.changing: set[int] | None = None

    def __call__(self, original: Callable[[], Any], rewritten: Sequence[Callable[[], Any]]) -> Any:
        """Give what the expression gives; where it is one to listen at, hear the rewritings of it too."""
        given = original()
        if self.hearing:
            return given  # a rewriting calls the function that the expression stands in
        number, self.evaluations = self.evaluations, self.evaluations + 1
        for instance in self.open:
            if instance.ordinal not in {None, number} or not _is_recorded(given, instance):
                continue
            if instance.summed and number not in instance.summed:
                continue
            kept = given.copy() if isinstance(given, np.ndarray) else given
            if self.audition.look:
                self._look_round(sys._getframe(1), rewritten)
                raise Over
            self.hearing = True
            before = Before(sys._getframe(1))
            if self.changing is None:  # before the time is taken: to look through thousands of texts takes some
                self.changing = set(changing(self.audition.texts, before.modules))
            if instance.summed:
                self._add_up(instance, rewritten, before, instance.summed.index(number))
            if number == (instance.summed or (number,))[-1]:
                sums = [partial(self.sums.__getitem__, position) for position in range(len(rewritten))]
                self._hear(instance, sums if instance.summed else rewritten, before)
            self.hearing = False
            if not self.open:
                raise Over
            return given if _is_recorded(given, instance) else kept
        if self._is_over(fits=False):
            raise Over
        return given

    def _is_over(self, fits: bool, share: float = 1.0) -> bool:
        if self.started is None:
            return False  # the program is not there yet
        seconds = self.audition.content if fits and not self.met else self.audition.seconds
        if self.met:
            seconds += self.audition.content  # at a further evaluation only what fitted before is heard
        return time.monotonic() - self.started > patient(share * seconds)

    def _put_back(self, position: int, before: Before) -> None:
        """Undo what a rewriting may have changed."""
        if position in (self.changing or ()):
            before.restore()

    def _look_round(self, frame: types.FrameType, expressions: Sequence[Callable[[], Any]]) -> None:
        self.met += 1
        self.local = _names(frame.f_locals)
        self.module = _names({**frame.f_globals, **_around(frame)})
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for text, call in zip(self.audition.texts, expressions, strict=True):
                try:
                    self.looked[text] = see(call(), 1)
                except Over:
                    raise
                except BaseException:
                    continue  # it is nothing here

    def _add_up(self, instance: Instance, rewritten: Sequence[Callable[[], Any]], before: Before, turn: int) -> None:
        """Add what the rewritings give to what they gave before; those that failed once, or do not fit, drop out."""
        states = generator_states()
        self.started = self.started or time.monotonic()
        shape = np.shape(instance.wanted[0])
        sums: dict[int, Any] = {}
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for position in range(len(rewritten)) if turn == 0 else list(self.sums):
                # Every turn has its share of the time: what there is none for drops out, the least likely first.
                if self._is_over(fits=False, share=(turn + 1) / len(instance.summed)):
                    break
                try:
                    given = np.asarray(rewritten[position](), dtype=float)
                except Over:
                    raise
                except BaseException:
                    self._put_back(position, before)
                    continue  # see below
                if given.shape == shape:
                    sums[position] = given.copy() if turn == 0 else self.sums[position] + given
                self._put_back(position, before)
        self.sums = sums
        restore_generators(states)

    def _hear(self, instance: Instance, rewritten: Sequence[Callable[[], Any]], before: Before) -> None:
        states = generator_states()
        heard: list[float | None] = [None] * len(rewritten)
        self.started = self.started or time.monotonic()
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for position, call in enumerate(rewritten):
                if self.factors[position] and self.factors[position][-1] is None:
                    continue  # it has failed at another evaluation
                if not instance.summed and self._is_over(any(f is not None for f in heard)):
                    break
                try:
                    given = call()
                except Over:
                    raise
                except BaseException:
                    self._put_back(position, before)
                    continue  # whatever it is that one rewriting did (leave the program, open a file), it is not meant
                fitting = (factor_to(given, wanted) for wanted in instance.wanted)
                found = (f for f in fitting if f is not None and (not instance.exact or abs(f[0] - 1) <= _EXACT))
                if (best := next(found, None)) is not None:
                    heard[position] = best[0]
                    self.errors[position] = max(self.errors[position], best[1])
                self._put_back(position, before)
        restore_generators(states)
        self.looks += 1
        if instance.ordinal is None and not any(f is not None for f in heard) and self.looks < _MOST_LOOKS:
            return  # another evaluation gave the same, perhaps, and is the one that is meant
        self.met += 1
        self.open.remove(instance)
        for factors, factor in zip(self.factors, heard, strict=True):
            factors.append(factor)

    def result(self) -> Heard:
        """What was heard."""
        tried = len(self.factors) if self.met and not self.audition.look else 0
        found = Heard(tried=tried, instances=self.met, local=self.local, module=self.module, looked=self.looked)
        for position, factors in enumerate(self.factors):
            numbers = [f for f in factors if f is not None]
            if factors and factors[0] is not None:
                found.at_first[position] = factors[0]
            if not numbers or len(numbers) < self.met:
                continue
            if max(numbers) - min(numbers) <= 10 * _CLOSE * max(map(abs, numbers)):
                found.factors[position] = numbers[0]
        found.factors, found.at_first = self._closest(found.factors), self._closest(found.at_first)
        return found

    def _closest(self, fitting: dict[int, float]) -> dict[int, float]:
        """Those that are as close to what is wanted as any, but for rounding."""
        least = min((self.errors[position] for position in fitting), default=0.0)
        most = _FARTHER * max(least, _ROUNDING)
        return {position: factor for position, factor in fitting.items() if self.errors[position] <= most}


def _around(frame: types.FrameType) -> dict[str, Any]:
    """What a function that was written within another may read of the other's names, where that is running still."""
    found: dict[str, Any] = {}
    code, caller = frame.f_code, frame.f_back
    outer, _, own = code.co_qualname.rpartition(".<locals>.")
    while caller is not None and own:
        if caller.f_code.co_qualname == outer and caller.f_code.co_filename == code.co_filename:
            found = {**caller.f_locals, **found}
            outer, _, own = outer.rpartition(".<locals>.")
        caller = caller.f_back
    return found


def _names(scope: Mapping[str, Any]) -> dict[str, Seen]:
    passing = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    return {
        name: see(thing, 2)
        for name, thing in list(scope.items())
        if name.isidentifier() and not name.startswith("__") and not isinstance(thing, passing)
    }


def factor_to(given: Any, wanted: Any) -> tuple[float, float] | None:
    """The number that what is wanted has to be multiplied by to give an array, and by how much they then differ.

    None where there is no such number. The difference is relative to the array.
    """
    if isinstance(given, list | tuple | dict):
        return None  # several results, which may not even go into one array
    array = np.asarray(given)
    wanted = np.asarray(wanted, dtype=float)
    if array.shape != wanted.shape or array.dtype.kind not in "fiub":
        return None
    known = np.isfinite(wanted)
    array, wanted = array[known].astype(float), wanted[known]
    square = float(np.sum(wanted * wanted))
    size = float(np.linalg.norm(array))
    if not square or not np.isfinite(size) or not size:
        return None
    factor = float(np.sum(array * wanted)) / square
    error = float(np.linalg.norm(array - factor * wanted)) / size
    # A factor that is almost one is a difference too.
    apart = abs(abs(factor) - 1)
    return (factor, max(error, apart if apart <= _EXACT else 0.0)) if error <= _CLOSE and factor else None


def _is_recorded(given: Any, instance: Instance) -> bool:
    return instance.recorded is None or _same(given, instance.recorded)


def _same(left: Any, right: Any) -> bool:
    left, right = np.asarray(left), np.asarray(right)
    return left.shape == right.shape and left.dtype.kind in "fiub" and bool(np.array_equal(left, right, equal_nan=True))


def hear(program: Program, audition: Audition) -> Heard:
    """Run the program as far as the evaluations last; to be called in a process of its own, which it spoils.

    Raises:
        SyntaxError: The expression cannot be stood in for.
        OSError: The program cannot be read.
    """
    listener = Listener(audition)
    setattr(builtins, LISTENER, listener)
    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, 2 * audition.seconds + 1)
    try:
        _, run = plain_run(program)
        run()
    except BaseException as error:
        if isinstance(error, SyntaxError | OSError) and not listener.met:
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return listener.result()


def _ring(*_: object) -> None:
    raise Over


def rewritten_program(text: str, audition: Audition) -> str:
    """The program's text with the listener in the place of the expression.

    Raises:
        SyntaxError: The expression stands where no function can be called (in a pattern, as a target).
    """
    original = _slice(text, audition.place)
    calls = "".join(f"lambda: ({one}\n)," for one in audition.texts)
    edit = audition.place
    called = f"{LISTENER}(lambda: ({original}\n), ({calls}))"
    return apply_edits(text, [Edit(edit.path, edit.line, edit.column, edit.end_line, edit.end_column, called)])


def _slice(text: str, place: Edit) -> str:
    lines = split_lines(text)
    chosen = lines[place.line - 1 : place.end_line]
    if not chosen:
        return ""
    chosen[-1] = chosen[-1][: place.end_column - 1]
    chosen[0] = chosen[0][place.column - 1 :]
    return "".join(chosen)


def edited_slice(text: str, place: Edit, edits: Sequence[Edit]) -> str | None:
    """An expression's text with edits made that lie within it; None where they cannot be made together."""
    moved = []
    for edit in edits:
        start = edit.column - (place.column - 1 if edit.line == place.line else 0)
        end = edit.end_column - (place.column - 1 if edit.end_line == place.line else 0)
        first, last = edit.line - place.line + 1, edit.end_line - place.line + 1
        moved.append(Edit(edit.path, first, start, last, end, edit.replacement))
    try:
        return apply_edits(_slice(text, place), moved)
    except ValueError:
        return None


def is_expression(text: str) -> bool:
    """Whether a text can stand in a function of its own: one expression that binds and awaits nothing."""
    try:
        tree = ast.parse(f"({text}\n)", mode="eval")
    except (SyntaxError, ValueError):
        return False
    # Thousands of texts are looked at: a tree is only walked where its text can hold what is looked for.
    forbidden = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    suspicious = ":=" in text or "await" in text or "yield" in text
    if suspicious and any(isinstance(node, forbidden) for node in ast.walk(tree)):
        return False
    if text.count("=") < 2:
        return True
    # A keyword that is given twice is no mistake to the parser, and one such text would silence all others.
    called = (node.keywords for node in ast.walk(tree) if isinstance(node, ast.Call) and node.keywords)
    return all(
        len({k.arg for k in keywords if k.arg}) == sum(k.arg is not None for k in keywords) for keywords in called
    )
