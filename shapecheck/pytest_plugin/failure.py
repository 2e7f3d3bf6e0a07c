"""What a test died of, as far as its exception tells, and whether that is worth a second run."""

from __future__ import annotations

import linecache
import os
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from shapecheck.pytest_plugin.rerun import original
from shapecheck.trace.libraries import is_of_a_library

# What Python and NumPy say when shapes are to blame; a second run then tells whether they are.
_SHAPE_WORDS = re.compile(
    r"not aligned|broadcast|inhomogeneous|core dimension|dimension|cannot reshape|shape|must match|mismatch"
    r"|only (?:length-1|size-1|0-dimensional)|ambiguous|too many indices|out of bounds|\baxis\b|\baxes\b|\bconcatenat"
    r"|values to unpack|must be real number|'tuple' and|and 'tuple'|'tuple' object cannot be interpreted|einstein"
    r"|setting an array element|size \d+ is different|object too (?:deep|small)|operands? could not"
)
# Texts of the user's may hold any word.
_NOT_SHAPES = re.compile(r"^(?:invalid literal|could not convert|time data|unknown format)")
_SHAPE_TYPES = frozenset(
    "ValueError TypeError IndexError AxisError LinAlgError UFuncTypeError _UFuncOutputCastingError".split()
)
_OWN_TYPES = frozenset({"ShapeMismatchError", "SignatureError"})
_GRADIENT_TYPES = frozenset({"GradientMismatchError"})
_ASSERTED = re.compile(r"\.(?:shape|ndim|size|ok)\b|\blen\(|gradcheck")


@dataclass(frozen=True)
class Place:
    """A line of the user's code that a traceback goes through."""

    path: str
    line: int
    function: str


@dataclass(frozen=True)
class Failure:
    """An exception that a test died of.

    Attributes:
        exception: Name of its class.
        message: Its text.
        places: The user's frames, the outermost first.
        last_statement: The source of the innermost of them.
    """

    exception: str
    message: str
    places: tuple[Place, ...]
    last_statement: str

    @property
    def is_about_gradients(self) -> bool:
        """Whether a gradient check failed."""
        return self.exception in _GRADIENT_TYPES

    @property
    def is_asserted(self) -> bool:
        """Whether a test found something to be otherwise than it wants."""
        return self.exception in {"AssertionError", *_OWN_TYPES}

    @property
    def is_suspicious(self) -> bool:
        """Whether shapes or gradients may be to blame."""
        if not self.places:
            return False
        if self.exception in _OWN_TYPES | _GRADIENT_TYPES:
            return True
        if self.exception == "AssertionError":
            return bool(_ASSERTED.search(self.last_statement) or _SHAPE_WORDS.search(self.message[:2000]))
        if self.exception not in _SHAPE_TYPES or _NOT_SHAPES.search(self.message[:200]):
            return False
        return bool(_SHAPE_WORDS.search(self.message[:2000]))


def failure_of(error: BaseException) -> Failure:
    """Describe an exception; runs nothing of the user's but its `__str__`."""
    error = original(error)
    frames = list(_users_frames(error.__traceback__))
    places = tuple(Place(t.tb_frame.f_code.co_filename, t.tb_lineno, t.tb_frame.f_code.co_qualname) for t in frames)
    return Failure(type(error).__name__, _text(error), places, _statement(frames[-1]) if frames else "")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an exception of the user's that has no text
        return ""


def _users_frames(traceback: types.TracebackType | None) -> Iterator[types.TracebackType]:
    while traceback is not None:
        if is_users_file(traceback.tb_frame.f_code.co_filename):
            yield traceback
        traceback = traceback.tb_next


def _statement(traceback: types.TracebackType) -> str:
    code = traceback.tb_frame.f_code
    first, last, *_ = list(code.co_positions())[traceback.tb_lasti // 2]
    first = first or traceback.tb_lineno
    return "".join(linecache.getline(code.co_filename, line) for line in range(first, (last or first) + 1))


@cache
def is_users_file(path: str) -> bool:
    """Whether a source file is the user's: neither installed, nor Python's, nor ours."""
    if path.startswith("<") or not path.endswith(".py"):
        return False
    ours = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    return not (is_of_a_library(path) or os.path.realpath(path).startswith(os.path.join(ours, "")))
