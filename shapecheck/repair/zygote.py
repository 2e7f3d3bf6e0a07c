"""The process that trials are forked from: it has imported what the program imports, and runs nothing of it itself."""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import struct
import sys
import time
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import IO, Any

from shapecheck.repair.attempt import Attempt, AttemptOutcome, attempt


@dataclass
class _Running:
    number: int
    order: Attempt
    process: int
    deadline: float
    received: bytearray = field(default_factory=bytearray)


def send(stream: IO[bytes], message: Any) -> None:
    """Write one message: its length, then its pickle."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(struct.pack("<Q", len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message.

    Raises:
        EOFError: The other side has gone.
    """
    head = _exactly(stream, 8)
    return pickle.loads(_exactly(stream, struct.unpack("<Q", head)[0]))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        chunk = stream.read(count - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def _fork(number: int, order: Attempt, selector: selectors.BaseSelector) -> None:
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        status = 1
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            os.setsid()
            os.close(reader)
            outcome = attempt(order)
            data = pickle.dumps(outcome, protocol=pickle.HIGHEST_PROTOCOL)
            view = memoryview(data)
            while view:
                view = view[os.write(writer, view) :]
            status = 0
        except BaseException:
            if os.environ.get("SHAPECHECK_DEBUG"):
                import traceback

                with open("/dev/tty" if os.isatty(2) else os.devnull, "w") as out:
                    traceback.print_exc(file=out)
                os.write(writer, pickle.dumps(traceback.format_exc()))
        finally:
            os._exit(status)
    os.close(writer)
    running = _Running(number, order, process, time.monotonic() + order.seconds + 1.0)
    selector.register(reader, selectors.EVENT_READ, running)


def _finish(reader: int, running: _Running, selector: selectors.BaseSelector, *, kill: bool) -> Any:
    selector.unregister(reader)
    os.close(reader)
    if kill:
        try:
            os.killpg(running.process, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            os.kill(running.process, signal.SIGKILL)
    os.waitpid(running.process, 0)
    try:
        return pickle.loads(bytes(running.received)) if running.received and not kill else None
    except Exception:
        return None


def serve(requests: IO[bytes], replies: IO[bytes], workers: int) -> None:
    """Answer requests until the other side closes: `("import", names)` and `("try", [(number, Attempt), ...])`.

    A batch is answered by one `(number, outcome)` for each attempt, in the order in which they end, and then by None.
    """
    while True:
        try:
            kind, payload = receive(requests)
        except EOFError:
            return
        if kind == "import":
            for name in payload:
                try:
                    import_module(name)
                except BaseException:
                    continue
            continue
        _batch(payload, replies, workers)
        send(replies, None)


def _batch(orders: list[tuple[int, Attempt]], replies: IO[bytes], workers: int) -> None:
    selector = selectors.DefaultSelector()
    try:
        _run_all(list(reversed(orders)), selector, replies, workers)
    finally:
        for key in list(selector.get_map().values()):
            _finish(key.fd, key.data, selector, kill=True)


def _run_all(
    waiting: list[tuple[int, Attempt]], selector: selectors.BaseSelector, replies: IO[bytes], workers: int
) -> None:
    parent = os.getppid()
    while waiting or selector.get_map():
        if os.getppid() != parent:
            raise SystemExit  # nobody waits for the answers any more
        while waiting and len(selector.get_map()) < workers:
            number, order = waiting.pop()
            _fork(number, order, selector)
        for key, _ in selector.select(timeout=0.05):
            running: _Running = key.data
            chunk = os.read(key.fd, 1 << 20)
            if chunk:
                running.received += chunk
            else:
                outcome = _finish(key.fd, running, selector, kill=False)
                if isinstance(outcome, AttemptOutcome) and outcome.ended == "past":
                    waiting.append((running.number, replace(running.order, probe=None)))
                else:
                    send(replies, (running.number, outcome))
        now = time.monotonic()
        for key in list(selector.get_map().values()):
            if key.data.deadline < now:
                send(replies, (key.data.number, _finish(key.fd, key.data, selector, kill=True)))


def _leave(*_: object) -> None:
    raise SystemExit


def main() -> None:
    """Entry of the process: requests on standard input, replies on standard output."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    serve(requests, replies, workers=max(2, os.cpu_count() or 2))
    sys.stdout = None
