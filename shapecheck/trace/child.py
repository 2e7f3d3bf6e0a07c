"""The process in which the user's program runs: records it, lets it end as Python would, and leaves its trace."""

from __future__ import annotations

import _thread
import contextlib
import os
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shapecheck.trace.build import build_tape
from shapecheck.trace.cell_run import shown
from shapecheck.trace.failure import Failure, Seen
from shapecheck.trace.generators import GeneratorStates, generator_states
from shapecheck.trace.recorder import Limits
from shapecheck.trace.run import Ended, Program, Recording, execute
from shapecheck.trace.sites import SourceText
from shapecheck.trace.starting import UnrunnableError
from shapecheck.trace.tape import Tape

# The parent's word that the time is up: a signal that programs do not use.
EXPIRY = signal.SIGRTMAX - 3 if hasattr(signal, "SIGRTMAX") else signal.SIGUSR2

# The window is made so many times longer where a program has learned nothing in it, as where one pass is long.
_EXTENSIONS = 3


@dataclass(frozen=True)
class Order:
    """What the parent asks of the child."""

    program: Program
    result: str
    timeout: float
    trace_memory_mib: int
    memory_bytes: int | None
    stdout_to_stderr: bool


@dataclass
class Trace:
    """What is known of a finished run.

    Attributes:
        head: The operations of the window, with whole values.
        tail: The last operations after it, with shapes only; None where the window held everything.
        scopes: (file, function) -> name -> what it last held.
        events: How many events were kept, and at least that many happened.
        modules: Names of the installed modules that the program imported, for the trials to import once.
        left: Whether the program ended itself by `os._exit`, which skips all that is done at the end.
        warned: (file, line, text) of the warnings that its files drew, in the order in which they came.
        generators: What the global random generators started from.
        testimony: What the program, or who ran it, has to say besides: plain data by name.
    """

    ended: Ended
    seconds: float
    exit_code: int
    failure: Failure | None
    head: Tape
    tail: Tape | None
    sources: dict[str, SourceText]
    scopes: dict[tuple[str, str], dict[str, Seen]]
    events: int = 0
    modules: list[str] = field(default_factory=list)
    left: bool = False
    warned: list[tuple[str, int, str]] = field(default_factory=list)
    generators: GeneratorStates | None = None
    testimony: dict[str, Any] = field(default_factory=dict)


def trace_of(recording: Recording, head: Tape | None = None) -> Trace:
    """The trace of a recording, built in the process that ran it; `head` if the window's tape is built already."""
    recorder = recording.recorder
    if head is None:
        head = build_tape(recorder.window, recorder.sites, recording.files, values=True)
    tail = None
    if recorder.ring:
        tail = build_tape(recorder.ring, recorder.sites, recording.files, values=False)
    return Trace(
        ended=recording.ended,
        seconds=recording.seconds,
        exit_code=recording.exit_code,
        failure=recording.failure,
        head=head,
        tail=tail,
        sources=recording.sources,
        scopes=recording.scopes,
        events=len(recorder.window) + len(recorder.ring),
        warned=_warned(recording),
        testimony=recorder.testimony,
    )


def _warned(recording: Recording) -> list[tuple[str, int, str]]:
    """What Python remembers of the warnings of the program's own files, so as to show each but once."""
    scopes = {str(recording.namespace.get("__file__")): recording.namespace}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path in recording.sources:
            scopes.setdefault(path, module.__dict__)
    found = []
    for path, scope in scopes.items():
        registry = scope.get("__warningregistry__")
        for key in registry if isinstance(registry, dict) else ():
            if isinstance(key, tuple) and len(key) == 3 and path in recording.sources:
                text, _, line = key
                found.append((path, int(line), str(text)))
    return found


class _Pickler(pickle.Pickler):
    """Leaves out what cannot travel: syntax-tree links that the rewriting added, objects of the user's own types."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, type) and thing.__module__ == "__main__":
            return (str, (thing.__qualname__,))
        return NotImplemented


def _dump(trace: Trace, path: str) -> None:
    temporary = path + ".part"
    with open(temporary, "wb") as file:
        _Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(trace)
    os.replace(temporary, path)


def _limit_memory(limit: int | None) -> None:
    if limit is None:
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    within = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (within, hard))  # the hard limit stays: the trace has to be built yet


def _raise_memory_limit() -> None:
    """Room for building the trace after the program has used up its own."""
    try:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    except (ImportError, ValueError, OSError):
        return


class _Delivery:
    """Hands the trace over once, whichever way the program ends."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.process = os.getpid()
        self.done = False
        self.lock = _thread.allocate_lock()
        self.close: Callable[[Ended], Recording] | None = None
        self.left = False
        self.generators: GeneratorStates | None = None

    def deliver(self, recording: Recording | None, ended: Ended) -> None:
        """Write the trace unless it has been written, or this is a forked copy of the program."""
        if os.getpid() != self.process:
            return
        with self.lock:
            if self.done:
                return
            self.done = True
            if self.order.memory_bytes is not None:
                _raise_memory_limit()
            if recording is None and self.close is not None:
                recording = self.close(ended)
            if recording is not None:
                trace = trace_of(recording)
                trace.modules = _installed_modules()
                trace.left = self.left
                trace.generators = self.generators
                _dump(trace, self.order.result)

    def expire(self, *_: object) -> None:
        """End a program whose time is up; the parent's signal calls it between two instructions of the program."""
        if os.getpid() != self.process or self.done or self.lock.locked():
            return
        self.deliver(None, "timeout")
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        _exit(124)


_exit = os._exit


def _installed_modules() -> list[str]:
    """The imported modules that are installed packages or the standard library, outermost names first."""
    names = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if ("site-packages" in path or "dist-packages" in path) and not name.startswith(("shapecheck", "_")):
            names.append(name)
    return [n for n in names if n.count(".") <= 1]


def _report(error: BaseException, *, cells: bool = False) -> None:
    """Show an uncaught exception as the interpreter would, the user's own `sys.excepthook` included."""
    if isinstance(error, SystemExit):
        return
    sys.stdout.flush()
    if cells and sys.excepthook is sys.__excepthook__:
        sys.stderr.write(shown(error))
    else:
        sys.excepthook(type(error), error, error.__traceback__)


def run(order: Order) -> None:
    """Run the ordered program; does not return before it has ended."""
    if order.stdout_to_stderr:
        sys.stdout.flush()
        os.dup2(2, 1)
    delivery = _Delivery(order)
    # The program may leave through the back door; what was seen until then is still wanted.
    os._exit = _leaving(delivery)  # type: ignore[assignment]

    def started(close: Callable[[Ended], Recording]) -> None:
        delivery.close = close
        delivery.generators = generator_states()
        # A watching thread would be seen: Python warns of a fork when there is one.
        signal.signal(EXPIRY, delivery.expire)
        _limit_memory(order.memory_bytes)  # the program's, not what it takes to begin

    try:
        limits = Limits(order.trace_memory_mib)
        limits.extensions = _EXTENSIONS
        recording = execute(order.program, limits=limits, on_start=started)
    except (SyntaxError, OSError, UnrunnableError) as error:
        python = error.__cause__ if isinstance(error, UnrunnableError) else error
        if python is not None:
            _report(python.with_traceback(None))
        said = str(error)
        if not isinstance(error, UnrunnableError):
            said = f"{order.program.script} cannot be run: {type(error).__name__}: {error}"
        with open(order.result, "wb") as file:
            pickle.dump(said, file)
        _exit(2)
    ending = recording.error
    if isinstance(ending, MemoryError):
        recording.ended = "memory"
    if isinstance(ending, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C must not cost the trace
    if ending is not None:
        _report(ending, cells=order.program.cells is not None)
    recording.error = None
    delivery.deliver(recording, recording.ended)
    if isinstance(ending, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if isinstance(ending, SystemExit):
        raise ending
    if ending is not None:
        # Threads and exit functions still get their turn; the traceback has been shown.
        sys.excepthook = lambda *_: None
        raise ending


def _leaving(delivery: _Delivery) -> Callable[[int], None]:
    def leave(status: int) -> None:
        delivery.left = True
        delivery.deliver(None, "exit")
        _exit(status)

    return leave


def main() -> None:
    """Entry of the child process: `argv[1]` names the pickled order."""
    # The parent ignores Ctrl-C while it waits, and a process inherits that; the program must not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(sys.argv[1], "rb") as file:
        order: Order = pickle.load(file)
    run(order)
