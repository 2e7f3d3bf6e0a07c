"""Records calls of functions that live in this process already: while it lasts, they run their recorded code.

Nothing else of the program is touched, and its modules are not run again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType

from shapecheck.trace.build import build_tape
from shapecheck.trace.code_objects import Where, places_of, replacements, text_of
from shapecheck.trace.failure import Seen
from shapecheck.trace.recorder import Limits, Recorder
from shapecheck.trace.rewrite import compile_recorded, rewrite
from shapecheck.trace.run import scopes_of
from shapecheck.trace.sites import SiteTable, SourceText
from shapecheck.trace.tape import Tape

# Files with more lines together than this are not rewritten while somebody waits.
_MOST_LINES = 20_000

_exchanging = threading.Lock()


class CannotRecordError(Exception):
    """There is no source to record, or too much happened for the record to be whole."""


@contextmanager
def exchanged(codes: Mapping[FunctionType, CodeType]) -> Iterator[None]:
    """Let functions run other code until the block is left, whichever way it is left.

    Raises:
        CannotRecordError: Another thread is at it.
    """
    if not _exchanging.acquire(blocking=False):
        raise CannotRecordError("another thread has exchanged code")
    originals = {function: function.__code__ for function in codes}
    try:
        for function, code in codes.items():
            function.__code__ = code
        yield
    finally:
        _put_back(originals)
        _exchanging.release()


def _put_back(originals: Mapping[FunctionType, CodeType]) -> None:
    """Give every function its own code again; Ctrl-C waits until that is done."""
    interrupted: KeyboardInterrupt | None = None
    while True:
        try:
            for function, code in originals.items():
                function.__code__ = code
            break
        except KeyboardInterrupt as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted


class LiveRecording:
    """The recorded form of some functions, and what they did.

    Args:
        functions: To be recorded; those whose source cannot be had run as they are.
        limits: How much to record.

    Attributes:
        sources: The files that could be rewritten, by the name that their code objects give.
        places: Where each function's code stands in its file.

    Raises:
        CannotRecordError: None of them has a source.
    """

    def __init__(self, functions: Iterable[FunctionType], limits: Limits | None = None) -> None:
        self.sites = SiteTable()
        self.recorder = Recorder(self.sites, limits)
        self.sources: dict[str, SourceText] = {}
        self.places: dict[FunctionType, Where] = {}
        self._codes: dict[FunctionType, CodeType] = {}
        by_file: dict[str, list[FunctionType]] = {}
        for function in functions:
            by_file.setdefault(function.__code__.co_filename, []).append(function)
        lines = 0
        for path, own in by_file.items():
            text = text_of(own[0])
            lines += text.count("\n") if text is not None else 0
            if text is not None and lines <= _MOST_LINES:
                self._rewrite(path, text, own)
        if not self._codes:
            raise CannotRecordError("no function's source could be had")

    def _rewrite(self, path: str, text: str, functions: list[FunctionType]) -> None:
        try:
            places = places_of(functions, compile(text, path, "exec", dont_inherit=True))
            if not places:
                return
            module = compile_recorded(rewrite(text, path, self.sites), path, self.recorder.hooks)
        except (SyntaxError, ValueError, RecursionError):
            return
        codes = replacements(places, module)
        if codes:
            self.sources[path] = SourceText(path, text)
            self.places.update({function: places[function] for function in codes})
            self._codes.update(codes)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record, in this thread, what is called until the block is left."""
        self.recorder.threaded()  # other threads may call the same functions meanwhile: they are not recorded
        with exchanged(self._codes):
            yield

    def position(self) -> int:
        """How many operands and results have been recorded so far: grows with everything that happens."""
        return len(self.recorder.flat)

    def finish(self) -> tuple[Tape, dict[tuple[str, str], dict[str, Seen]]]:
        """The tape, and for (file, function) what its names last held.

        Raises:
            CannotRecordError: More happened than may be recorded.
        """
        whole = self.recorder.in_window
        self.recorder.finish()
        if not whole:
            raise CannotRecordError("too much happened to be recorded whole")
        tape = build_tape(self.recorder.window, self.sites, self.sources, values=True)
        return tape, scopes_of(self.recorder)
