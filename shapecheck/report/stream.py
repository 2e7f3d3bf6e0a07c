"""Where the report goes: an output that the user's program cannot close or redirect, with its width and colours."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Literal, TextIO

ColorChoice = Literal["auto", "always", "never"]


class Output:
    """Writes text; a reader that went away (`| head`) ends the writing, not the program."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> None:
        """Write at once; characters that the output's encoding lacks are escaped."""
        if self._gone:
            return
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self._gone = True

    def width(self) -> int:
        """Columns of the terminal; 80 in a pipe or a file, `COLUMNS` where it is set."""
        with contextlib.suppress(OSError, ValueError):
            if not os.environ.get("COLUMNS", "").isdigit() and self._stream.isatty():
                return os.get_terminal_size(self._stream.fileno()).columns or 80
        return shutil.get_terminal_size((80, 24)).columns if os.environ.get("COLUMNS", "").isdigit() else 80

    def wants_color(self, choice: ColorChoice) -> bool:
        """Colours at a terminal only, and not where `NO_COLOR` is set; a choice on the command line goes first."""
        if choice != "auto":
            return choice == "always"
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        with contextlib.suppress(ValueError):
            return self._stream.isatty()
        return False


@contextlib.contextmanager
def own_output() -> Iterator[Output]:
    """Standard output as it is now, kept open on a descriptor of its own until the report is written.

    The user's program runs in between and may close, replace or redirect `sys.stdout`.
    """
    stream = sys.stdout
    try:
        stream.flush()
        copy = os.dup(stream.fileno())
    except (AttributeError, OSError, ValueError, io.UnsupportedOperation):
        # No real file underneath (a test's or a notebook's capture), or closed from the start.
        yield Output(stream if stream is not None else io.StringIO())
        return
    own = os.fdopen(copy, "w", encoding=stream.encoding, errors="backslashreplace")
    try:
        yield Output(own)
    finally:
        with contextlib.suppress(OSError, ValueError):
            own.close()
