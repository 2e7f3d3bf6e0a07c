"""Runs an edited program as it is, unrecorded, in a process of its own."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from dataclasses import dataclass, field

from shapecheck.trace.run import Program, read_source, recorded_imports, take_over


@dataclass
class PlainSession:
    """Compiles the user's files without recording; `files` are those that ran."""

    replaced: dict[str, str]
    files: set[str] = field(default_factory=set)

    def text_of(self, path: str) -> str:
        """A file's text, edited where it is."""
        replaced = self.replaced.get(os.path.realpath(path))
        return replaced if replaced is not None else read_source(path)

    def compile(self, path: str, text: str) -> types.CodeType:
        """A file's code."""
        self.files.add(path)
        return compile(text, path, "exec", dont_inherit=True)


def plain_run(program: Program) -> tuple[PlainSession, Callable[[], None]]:
    """Make a program ready to run in this process, which becomes the program's: its files, and what to call.

    Raises:
        SyntaxError: It does not compile.
        OSError: It cannot be read.
    """
    session = PlainSession({os.path.realpath(path): text for path, text in program.replaced.items()})
    start, roots, _ = take_over(program, session)

    def run() -> None:
        with recorded_imports(session, roots):
            start()

    return session, run
