"""Runs an edited program as it is, unrecorded, in a process of its own."""

from __future__ import annotations

import ast
import types
import warnings
from collections.abc import Callable

from shapecheck.trace.compiling import PlainCompiler
from shapecheck.trace.own_modules import own_modules_first
from shapecheck.trace.run import Program, recorded_imports
from shapecheck.trace.starting import take_over


def compiled(text: str | ast.Module, path: str) -> types.CodeType:
    """The code of an edited program; what Python would warn of in it is nobody's concern.

    Raises:
        SyntaxError: It does not compile.
        ValueError: The same, of null bytes or a tree that is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        code: types.CodeType = compile(text, path, "exec", dont_inherit=True)
        return code


def plain_run(program: Program, compiler: PlainCompiler | None = None) -> tuple[PlainCompiler, Callable[[], None]]:
    """Make a program ready to run in this process, which becomes the program's: its files, and what to call.

    Args:
        program: What to run.
        compiler: Of the program's files; one that leaves them as they are if none is given.

    Raises:
        SyntaxError: It does not compile.
        OSError: It cannot be read.
    """
    compiler = compiler or PlainCompiler(program.replaced)
    start, roots, _ = take_over(program, compiler)

    def run() -> None:
        with recorded_imports(compiler, roots), own_modules_first(roots):
            start()

    return compiler, run
