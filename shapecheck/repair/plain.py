"""Runs an edited program as it is, unrecorded, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

from shapecheck.trace.compiling import PlainCompiler
from shapecheck.trace.run import Program, recorded_imports
from shapecheck.trace.starting import take_over


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
        with recorded_imports(compiler, roots):
            start()

    return compiler, run
