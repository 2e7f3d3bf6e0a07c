"""Runs a program's cells one after the other, as a notebook does when it is run from top to bottom."""

from __future__ import annotations

import inspect
import linecache
import re
import sys
import traceback
import types
from collections.abc import Coroutine
from typing import Any

from shapecheck.trace.compiling import CellCode, PlainCompiler

_PLACE = re.compile(r'^  File "(Cell In\[\d+\])", line', re.MULTILINE)


class CellRun:
    """The cells, ready to run: call it.

    Args:
        codes: In their order.
        namespace: Theirs; they share it.
        compiler: That made the codes.
    """

    def __init__(self, codes: list[CellCode], namespace: dict[str, Any], compiler: PlainCompiler) -> None:
        self.codes = codes
        self.namespace = namespace
        self.compiler = compiler
        self._loop: Any = None

    def __call__(self) -> None:
        """Run them; the first exception that no cell announces comes out of this."""
        for compiled in self.codes:
            name, source = compiled.cell.name, compiled.cell.source
            linecache.cache[name] = (len(source), None, [line + "\n" for line in source.split("\n")], name)
        try:
            for compiled in self.codes:
                try:
                    for code in compiled.codes:
                        self._run(code)
                except Exception as error:
                    if not compiled.cell.may_fail:
                        raise
                    self.compiler.forget()
                    error.__traceback__ = _from_cells(error.__traceback__)
                    sys.stdout.flush()
                    sys.stderr.write(shown(error))
        finally:
            if self._loop is not None:
                self._loop.close()

    def _run(self, code: types.CodeType) -> None:
        if not code.co_flags & inspect.CO_COROUTINE:
            exec(code, self.namespace)
            return
        coroutine: Coroutine[Any, Any, Any] = eval(code, self.namespace)
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(coroutine)
        except BaseException as error:
            error.__traceback__ = _from_cells(error.__traceback__)
            raise


def _from_cells(trail: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback from the first frame of a cell on."""
    while trail is not None and not trail.tb_frame.f_code.co_filename.startswith("Cell In["):
        trail = trail.tb_next
    return trail


def shown(error: BaseException) -> str:
    """An exception as people who use notebooks know it: `Cell In[3], line 2`."""
    return as_in_notebooks("".join(traceback.format_exception(error)))


def as_in_notebooks(text: str) -> str:
    """A traceback's places in cells as notebooks write them."""
    return _PLACE.sub(r"  \1, line", text)
