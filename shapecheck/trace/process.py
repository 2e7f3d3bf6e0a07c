"""Runs a program in a process of its own and brings back its trace, however it ends."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from shapecheck.trace.child import EXPIRY, Order, Trace
from shapecheck.trace.run import Program

# How long the child may take to write its trace after the program's time is up.
GRACE_SECONDS = 20.0

# The folder that it is started in may hold files of the user's with the names of Python's own modules.
BOOT = (
    "import sys; sys.path[:] = [{{root!r}}, *(p for p in sys.path if p)]; from {module} import main; "
    "sys.path.remove({{root!r}}); main()"
)
_BOOT = BOOT.format(module="shapecheck.trace.child")


@dataclass(frozen=True)
class Run:
    """How the child process ended.

    Attributes:
        trace: None where the program could not be started, or was killed before it could be told anything.
        refused: Why the program could not be started at all (a syntax error, say); empty otherwise.
        killed: `timeout` when it had to be killed, `signal` when something else killed it.
        stdin: What the program was given on standard input, where that was not a terminal.
    """

    trace: Trace | None
    exit_code: int
    seconds: float
    refused: str = ""
    killed: Literal["", "timeout", "signal"] = ""
    stdin: bytes = b""


class _Tee(threading.Thread):
    """Passes standard input on to the child and keeps it, so that a trial can be given the same."""

    def __init__(self, target: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.target = target
        self.kept = bytearray()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(0, 65536):
                self.kept += chunk
                self.target.write(chunk)
                self.target.flush()
        with contextlib.suppress(OSError):
            self.target.close()


def _wants_tee() -> bool:
    try:
        return sys.stdin is not None and not os.isatty(0)
    except OSError:
        return False


def run_program(
    program: Program,
    *,
    timeout: float = 60.0,
    memory_mib: int | None = None,
    trace_memory_mib: int = 256,
    stdout_to_stderr: bool = False,
) -> Run:
    """Run a program under the recorder in a process of its own.

    Its standard streams are this process's; an interrupt from the keyboard reaches it and not us.

    Args:
        program: What to run.
        timeout: Seconds after which the program is ended; its trace until then is kept.
        memory_mib: The most memory it may allocate, in MiB; None for no limit.
        trace_memory_mib: The most memory the recorder may keep, in MiB.
        stdout_to_stderr: Send the program's standard output to standard error.
    """
    root = str(Path(__file__).resolve().parents[2])
    with tempfile.TemporaryDirectory(prefix="shapecheck-") as folder:
        result = os.path.join(folder, "trace.pickle")
        memory = memory_mib << 20 if memory_mib is not None else None
        order = Order(program, result, timeout, trace_memory_mib, memory, stdout_to_stderr)
        order_path = os.path.join(folder, "order.pickle")
        Path(order_path).write_bytes(pickle.dumps(order))
        command = [sys.executable, *_interpreter_flags(), "-c", _BOOT.format(root=root), order_path]
        started = time.perf_counter()
        tee = _wants_tee()
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN) if _in_main_thread() else None
        try:
            child = subprocess.Popen(command, stdin=subprocess.PIPE if tee else None)
            kept = _Tee(child.stdin) if tee and child.stdin is not None else None
            if kept is not None:
                kept.start()
            killed: Literal["", "timeout", "signal"] = ""
            code = _wait(child, timeout)
            if code is None:
                child.kill()
                code = child.wait()
                killed = "timeout"
        finally:
            if interrupt is not None:
                signal.signal(signal.SIGINT, interrupt)
        seconds = time.perf_counter() - started
        stdin = bytes(kept.kept) if kept is not None else b""
        return _read_result(result, code, seconds, killed, stdin)


def _wait(child: subprocess.Popen[bytes], timeout: float) -> int | None:
    """Wait for a program, and ask it to end when its time is up; None where it does not."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(timeout)
    child.send_signal(EXPIRY)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(GRACE_SECONDS)
    return None


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _interpreter_flags() -> list[str]:
    """The options of this interpreter that change how programs run."""
    flags = []
    if sys.flags.dont_write_bytecode:
        flags.append("-B")
    if sys.flags.dev_mode:
        flags += ["-X", "dev"]
    flags += [f"-W{option}" for option in sys.warnoptions]
    if sys.flags.optimize:
        flags.append("-" + "O" * sys.flags.optimize)
    return flags


def _read_result(path: str, code: int, seconds: float, killed: Literal["", "timeout", "signal"], stdin: bytes) -> Run:
    try:
        with open(path, "rb") as file:
            result = pickle.load(file)
    except FileNotFoundError:
        return Run(None, code, seconds, killed=killed or "signal", stdin=stdin)
    if isinstance(result, str):
        return Run(None, code, seconds, refused=result, stdin=stdin)
    assert isinstance(result, Trace)
    return Run(result, code, seconds, killed=killed, stdin=stdin)
