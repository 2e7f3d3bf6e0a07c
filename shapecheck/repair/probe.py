"""The first, cheap look at an edited program: runs it unrecorded to see whether it gets past where it died."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from shapecheck.repair.plain import plain_run
from shapecheck.trace.compiling import PlainCompiler
from shapecheck.trace.run import Program

_LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class Probe:
    """Where the program died before, as far as an unrecorded run can tell.

    Attributes:
        path, line: Of the innermost of the user's frames, in the edited text.
        exception, message: What was raised there.
        edited: (file, line) of the edits: what dies there, away from the place of the failure, was broken by the edit.
        seconds: A program that runs so long has got past.
        columns: Of the failing expression, in bytes; None where the edit may have moved it.
        counters: Numbers and strings among the frame's names: they tell one turn of a loop from another.
        turns: Whether the place is in a loop whose turns no counter tells apart.
    """

    path: str
    line: int
    exception: str
    message: str
    edited: frozenset[tuple[str, int]] = frozenset()
    seconds: float = 0.2
    columns: tuple[int, int] | None = None
    counters: tuple[tuple[str, object], ...] = ()
    turns: bool = False


class _Alive(BaseException):
    """Raised by the alarm: the program is still running."""


def gets_past(program: Program, probe: Probe) -> bool:
    """Whether the edited program ends otherwise than before, or lives on; to be called in a process of its own.

    Raises:
        SyntaxError: It does not compile.
        OSError: It cannot be read.
    """
    compiler, run = plain_run(program)
    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, probe.seconds)
    try:
        run()
    except _Alive:
        return True
    except SystemExit:
        return True
    except Exception as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        return _otherwise(error, probe, compiler)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return True


def _ring(*_: object) -> None:
    raise _Alive


def _otherwise(error: BaseException, probe: Probe, compiler: PlainCompiler) -> bool:
    """Whether an exception is another than the one that the program died of before."""
    traceback = error.__traceback__
    place = None
    columns = None
    names: dict[str, Any] = {}
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file in compiler.files:
            place = compiler.place(file, traceback.tb_lineno)
            names = traceback.tb_frame.f_locals
            _, _, *columns = list(traceback.tb_frame.f_code.co_positions())[traceback.tb_lasti // 2]
        traceback = traceback.tb_next
    if isinstance(error, NameError | AttributeError | SyntaxError | UnboundLocalError):
        return False
    if place == (probe.path, probe.line):
        if (type(error).__name__, str(error)[:_LONGEST_MESSAGE]) != (probe.exception, probe.message) or probe.turns:
            return True
        if probe.columns is not None and columns is not None and tuple(columns) != probe.columns:
            return True
        return any(name in names and names[name] != value for name, value in probe.counters)
    return place not in probe.edited
