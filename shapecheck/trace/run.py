"""Runs a script in this process under the recorder, as Python itself would run it."""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import io
import os
import sys
import time
import tokenize
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from shapecheck.trace.failure import Failure, Seen, read_failure, see
from shapecheck.trace.recorder import Limits, Recorder, WindowFull
from shapecheck.trace.rewrite import compile_recorded, rewrite
from shapecheck.trace.sites import SiteTable, Source, SourceText

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
    """

    script: str
    arguments: tuple[str, ...] = ()
    module: bool = False
    replaced: Mapping[str, str] = field(default_factory=dict)
    entry: Callable[[], object] | None = None
    roots: tuple[str, ...] = ()


@dataclass
class Recording:
    """What one run left: the recorder's events, and how it ended."""

    recorder: Recorder
    sources: dict[str, SourceText]
    ended: Ended
    failure: Failure | None = None
    exit_code: int = 0
    seconds: float = 0.0
    error: BaseException | None = None
    scopes: dict[tuple[str, str], dict[str, Seen]] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)


def read_source(path: str) -> str:
    """A source file's text, decoded as Python decodes it.

    Raises:
        OSError: It cannot be read.
        SyntaxError: Its encoding declaration is wrong, or it is not of that encoding.
    """
    data = Path(path).read_bytes()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SyntaxError(f"{path} is not {error.encoding} text (byte {error.start})") from error
    return io.IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)


class Compiles(Protocol):
    """How one run reads and compiles the user's files; `replaced` are the texts to take in the place of files."""

    replaced: dict[str, str]

    def text_of(self, path: str) -> str:
        """The text to run for a file."""

    def compile(self, path: str, text: str) -> types.CodeType:
        """Compile it."""


class _Session:
    """The recorded files of one run, and how they are compiled."""

    def __init__(self, program: Program, limits: Limits | None, stop_at_window_end: bool) -> None:
        self.sites = SiteTable()
        self.recorder = Recorder(self.sites, limits, stop_at_window_end=stop_at_window_end)
        self.sources: dict[str, SourceText] = {}
        self.replaced = {os.path.realpath(path): text for path, text in program.replaced.items()}

    def text_of(self, path: str) -> str:
        replaced = self.replaced.get(os.path.realpath(path))
        return replaced if replaced is not None else read_source(path)

    def compile(self, path: str, text: str) -> types.CodeType:
        plain = compile(text, path, "exec", dont_inherit=True)  # raises and warns as Python would
        try:
            tree = rewrite(text, path, self.sites)
            code = compile_recorded(tree, path, self.recorder.hooks)
        except RecursionError:
            return plain  # nested too deeply for the rewriting; it runs, unrecorded
        self.sources[path] = SourceText(path, text)
        return code


def _is_users(path: str, roots: tuple[str, ...]) -> bool:
    """Whether a module file belongs to the user: beneath one of the program's folders and not installed."""
    real = os.path.realpath(path)
    if not real.startswith(tuple(os.path.join(root, "") for root in roots)):
        return False
    parts = Path(real).parts
    if "site-packages" in parts or "dist-packages" in parts:
        return False
    ours = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    return not real.startswith(os.path.join(ours, ""))


@contextmanager
def recorded_imports(session: Compiles, roots: tuple[str, ...]) -> Iterator[None]:
    """While it lasts, modules beneath `roots` are recorded as they are imported; loaders and specs stay Python's."""
    loader = importlib.machinery.SourceFileLoader
    original = loader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> types.CodeType | None:
        path = self.get_filename(fullname)
        if not _is_users(path, roots):
            return original(self, fullname)
        if os.path.realpath(path) not in session.replaced:
            original(self, fullname)  # its errors, its warnings, its cache file
        return session.compile(path, session.text_of(path))

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


def _main_module(program: Program) -> tuple[types.ModuleType, str, str]:
    """A fresh `__main__`, the file to run, and the folder whose modules are the user's."""
    main = types.ModuleType("__main__")
    namespace = main.__dict__
    namespace["__builtins__"] = builtins
    if program.module:
        spec = importlib.util.find_spec(program.script)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(program.script + ".__main__")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no module named {program.script!r} can be run")
        namespace.update(__file__=spec.origin, __spec__=spec, __package__=spec.parent, __loader__=spec.loader)
        namespace["__cached__"] = spec.cached
        return main, spec.origin, os.path.realpath(os.getcwd())
    path = os.path.join(os.getcwd(), program.script)  # Python joins and does not normalise
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    namespace.update(__file__=path, __spec__=None, __package__=None, __loader__=loader, __cached__=None)
    namespace["__annotations__"] = {}
    return main, path, os.path.dirname(os.path.realpath(path))


def take_over(program: Program, session: Compiles) -> tuple[Callable[[], object], tuple[str, ...], dict[str, Any]]:
    """Make this process the program's and compile it, without running anything of it.

    `sys.argv`, `sys.path[0]` and `sys.modules["__main__"]` are replaced and stay so.

    Returns:
        What to call to run it, the folders whose modules are the user's, and its namespace.

    Raises:
        SyntaxError: The script itself does not compile (errors in what it imports are the program's own).
        OSError: The script cannot be read.
        ModuleNotFoundError: With `module`, there is no such module.
    """
    sys.argv[:] = [program.script, *program.arguments]
    if program.entry is not None:
        return program.entry, tuple(map(os.path.realpath, program.roots)), {}
    if program.module:
        sys.path.insert(0, os.getcwd())
    main, path, root = _main_module(program)
    if not program.module:
        sys.path.insert(0, root)
    else:
        sys.argv[0] = path
    code = session.compile(path, session.text_of(path))
    sys.modules["__main__"] = main
    namespace = main.__dict__
    return (lambda: exec(code, namespace)), (root,), namespace


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
        ModuleNotFoundError: With `module`, there is no such module.
    """
    session = _Session(program, limits, stop_at_window_end)
    start, roots, namespace = take_over(program, session)
    recorder = session.recorder
    started = time.perf_counter()

    def close(ended: Ended) -> Recording:
        seconds = time.perf_counter() - started
        recorder.finish()
        recording = Recording(recorder, session.sources, ended, seconds=seconds, namespace=namespace)
        recording.scopes = scopes_of(recorder)
        return recording

    if on_start is not None:
        on_start(close)
    ended: Ended = "finished"
    error: BaseException | None = None
    with recorded_imports(session, roots), _watched_threads(recorder):
        try:
            start()
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
        failure = read_failure(error, recorder, session.sources)
    recording = close(ended)
    recording.failure = failure if ended in {"exception", "interrupted"} else None
    recording.error = error
    recording.exit_code = _exit_code(error)
    return recording


def _users_part(traceback: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback without the frames that started the program, or that compiled what it imports.

    Python leaves the import system's own frames out of a syntax error's traceback; with ours between them it does not.
    """
    entries: list[types.TracebackType] = []
    compiled = False
    while traceback is not None:
        ours = traceback.tb_frame.f_code.co_filename == __file__
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
