"""Runs a script in this process under the recorder, as Python itself would run it."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from shapecheck.trace import cell_run, starting
from shapecheck.trace.cells import Cell, Cells
from shapecheck.trace.compiling import Piece, PlainCompiler
from shapecheck.trace.failure import Failure, Seen, read_failure, see
from shapecheck.trace.libraries import is_of_a_library
from shapecheck.trace.own_modules import own_modules_first
from shapecheck.trace.recorder import Limits, Recorder, WindowFull
from shapecheck.trace.rewrite import compile_recorded, rewrite
from shapecheck.trace.sites import SiteTable, Source, SourceText
from shapecheck.trace.starting import UnrunnableError, take_over

Ended = Literal["finished", "exception", "exit", "interrupted", "stopped", "timeout", "memory"]


@dataclass(frozen=True)
class Program:
    """What to run.

    Attributes:
        script: Path of the script as the user gave it, or the module's dotted name.
        arguments: `sys.argv[1:]`.
        module: Run `script` as `python -m` does.
        replaced: File name (absolute) -> text to run in the place of what the file holds.
        entry: What to call in the place of running a script as `__main__`: of a module that is not recorded, and can
            be pickled. What it raises is how the program ended. `script` is then only what the program is called.
        roots: With `entry`, the folders whose modules are the user's.
        kept: Files that no repair may change, by the names that their code has.
        text: The program itself, where it is in no file: what came from standard input, or the cells joined.
        cells: The cells that `text` is made of, for a notebook or an interactive session.
    """

    script: str
    arguments: tuple[str, ...] = ()
    module: bool = False
    replaced: Mapping[str, str] = field(default_factory=dict)
    entry: Callable[[], object] | None = None
    roots: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    text: str | None = None
    cells: Cells | None = None

    @classmethod
    def of_cells(cls, cells: Iterable[Cell], name: str = "<notebook>", arguments: tuple[str, ...] = ()) -> Program:
        """A program of cells that share one namespace and run one after the other, as in a notebook.

        To diagnose one: `pipeline.diagnose_script(Request(name, program=Program.of_cells(cells, name)))`. The spans
        and edits of the findings then have `cell` (a cell's number), and lines and columns within that cell's source.

        Args:
            cells: `Cell(number, source)`, in the order in which they run; each number once. What they hold may be
                anything that IPython takes: commands (`%time`, `!ls`, `x?`) become Python line by line.
            name: The notebook's file, whose folder then becomes the working directory, or a name in angle brackets for
                what is in no file.
            arguments: `sys.argv[1:]`.
        """
        joined = Cells.join(cells)
        return cls(name, arguments, text=joined.text, cells=joined)

    @property
    def own_path(self) -> str:
        """The path that the program's own sites have; what is in no file has a name in angle brackets."""
        # Python joins and does not normalise.
        return self.script if self.script.startswith("<") else os.path.join(os.getcwd(), self.script)


@dataclass
class Recording:
    """What one run left: the recorder's events, and how it ended.

    Attributes:
        sources: The recorded texts, by path.
        files: The names that code objects have -> what the lines of these are.
    """

    recorder: Recorder
    sources: dict[str, SourceText]
    ended: Ended
    failure: Failure | None = None
    exit_code: int = 0
    seconds: float = 0.0
    error: BaseException | None = None
    scopes: dict[tuple[str, str], dict[str, Seen]] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Piece] = field(default_factory=dict)


class _RecordingCompiler(PlainCompiler):
    """Compiles the user's files so that their expressions are recorded."""

    def __init__(self, program: Program, limits: Limits | None, stop_at_window_end: bool) -> None:
        super().__init__(program.replaced)
        self.sites = SiteTable()
        self.recorder = Recorder(self.sites, limits, stop_at_window_end=stop_at_window_end)
        self.sources: dict[str, SourceText] = {}

    def compile(self, path: str, text: str) -> types.CodeType:
        plain = compile(text, path, "exec", dont_inherit=True)  # raises and warns as Python would
        try:
            tree = rewrite(text, path, self.sites)
            code = compile_recorded(tree, path, self.recorder.hooks)
        except RecursionError:
            return plain  # nested too deeply for the rewriting; it runs, unrecorded
        self.sources[path] = SourceText(path, text)
        self.files[path] = Piece(self.sources[path])
        return code

    def forget(self) -> None:
        del self.recorder.stack[:]

    def _tree(self, source: SourceText) -> ast.Module:
        try:
            tree = rewrite(source.text, source.path, self.sites)
        except RecursionError:
            return super()._tree(source)
        self.sources[source.path] = source
        return tree

    def _code(self, unit: ast.Module | ast.Interactive, name: str, flags: int) -> types.CodeType:
        return compile_recorded(unit, name, self.recorder.hooks, flags=flags)


def is_users(path: str, roots: tuple[str, ...]) -> bool:
    """Whether a module file belongs to the user: beneath one of the program's folders and not installed."""
    real = os.path.realpath(path)
    if not real.startswith(tuple(os.path.join(root, "") for root in roots)):
        return False
    if is_of_a_library(path):
        return False
    ours = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    return not real.startswith(os.path.join(ours, ""))


@contextmanager
def recorded_imports(compiler: PlainCompiler, roots: tuple[str, ...]) -> Iterator[None]:
    """While it lasts, modules beneath `roots` are recorded as they are imported; loaders and specs stay Python's."""
    loader = importlib.machinery.SourceFileLoader
    original = loader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> types.CodeType | None:
        path = self.get_filename(fullname)
        if not is_users(path, roots):
            return original(self, fullname)
        if os.path.realpath(path) not in compiler.replaced:
            original(self, fullname)  # its errors, its warnings, its cache file
        return compiler.compile(path, compiler.text_of(path))

    loader.get_code = get_code  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        loader.get_code = original  # type: ignore[method-assign]


@contextmanager
def _watched_threads(recorder: Recorder) -> Iterator[None]:
    """Tell the recorder before a second thread starts."""
    import threading

    names = [name for name in ("_start_new_thread", "_start_joinable_thread") if hasattr(threading, name)]
    originals = {name: getattr(threading, name) for name in names}

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def start(*args: Any, **kwargs: Any) -> Any:
            recorder.threaded()
            return original(*args, **kwargs)

        return start

    for name, original in originals.items():
        setattr(threading, name, watched(original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(threading, name, original)


def execute(
    program: Program,
    *,
    limits: Limits | None = None,
    stop_at_window_end: bool = False,
    on_start: Callable[[Callable[[Ended], Recording]], None] | None = None,
) -> Recording:
    """Run a program to its end under the recorder; the process becomes the program's.

    Args:
        program: What to run.
        limits: How much to record.
        stop_at_window_end: End the run when the recorder's window is full.
        on_start: Given a function that closes the recording early, for a watchdog.

    Raises:
        SyntaxError: The script itself does not compile (errors in what it imports are the program's own).
        OSError: The script cannot be read.
        UnrunnableError: There is nothing to run: no such module, with `module`.
    """
    compiler = _RecordingCompiler(program, limits, stop_at_window_end)
    start, roots, namespace = take_over(program, compiler)
    recorder = compiler.recorder
    started = time.perf_counter()

    def close(ended: Ended) -> Recording:
        seconds = time.perf_counter() - started
        recorder.finish()
        recording = Recording(recorder, compiler.sources, ended, seconds=seconds, namespace=namespace)
        recording.files = compiler.files
        recording.scopes = scopes_of(recorder)
        return recording

    if on_start is not None:
        on_start(close)
    ended: Ended = "finished"
    error: BaseException | None = None
    with recorded_imports(compiler, roots), _watched_threads(recorder), own_modules_first(roots):
        try:
            start()
        except UnrunnableError:
            raise
        except WindowFull:
            ended = "stopped"
        except SystemExit as stop:
            ended, error = "exit", stop
        except KeyboardInterrupt as stop:
            ended, error = "interrupted", stop
        except BaseException as raised:
            ended, error = "exception", raised
    failure = None
    if error is not None:
        error.__traceback__ = _users_part(error.__traceback__)
        failure = read_failure(error, recorder, compiler.files)
    recording = close(ended)
    recording.failure = failure if ended in {"exception", "interrupted"} else None
    recording.error = error
    recording.exit_code = _exit_code(error)
    return recording


_OURS = frozenset({__file__, starting.__file__, cell_run.__file__, os.path.join(os.path.dirname(__file__), "call.py")})


def _users_part(traceback: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback without the frames that started the program, or that compiled what it imports.

    Python leaves the import system's own frames out of a syntax error's traceback; with ours between them it does not.
    """
    entries: list[types.TracebackType] = []
    compiled = False
    while traceback is not None:
        ours = traceback.tb_frame.f_code.co_filename in _OURS
        compiled = compiled or (ours and bool(entries))
        if not ours:
            entries.append(traceback)
        traceback = traceback.tb_next
    if compiled:
        entries = [e for e in entries if not e.tb_frame.f_code.co_filename.startswith("<frozen importlib")]
    chain = None
    for entry in reversed(entries):
        chain = types.TracebackType(chain, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return chain


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return 0
    if not isinstance(error, SystemExit):
        return 1
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def scopes_of(recorder: Recorder) -> dict[tuple[str, str], dict[str, Seen]]:
    """What each function's names last held, as far as recorded expressions read them."""
    scopes: dict[tuple[str, str], dict[str, Seen]] = {}
    seen: dict[tuple[int, str], None] = {}
    for events in (recorder.ring, recorder.window):
        for number, _, values in reversed(events):
            if number < 0:
                continue
            site = recorder.sites[number]
            for slot, value in zip(site.event_slots, values, strict=False):
                if slot.source is Source.RELOADED and slot.name is not None and (number, slot.name) not in seen:
                    seen[number, slot.name] = None
                    names = scopes.setdefault((site.path, site.function), {})
                    if slot.name not in names and not isinstance(value, types.ModuleType | types.FunctionType):
                        names[slot.name] = see(value, 2)
    return scopes
