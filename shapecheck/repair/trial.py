"""Runs trials: the parent's side of the process that they are forked from."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from shapecheck.repair.attempt import Attempt, AttemptOutcome
from shapecheck.repair.zygote import receive, send
from shapecheck.trace.process import BOOT

_BOOT = BOOT.format(module="shapecheck.repair.zygote")


class Trials:
    """A running process that forks trials; a context manager.

    Start it early: it takes as long to start as Python and NumPy do.
    """

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        command = [sys.executable, "-c", _BOOT.format(root=root)]
        # In a session of its own: Ctrl-C is meant for the user's program.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and all its trials."""
        process = self._process
        if process.stdin is not None:
            # What could not be sent to a process that has died is still in the buffer.
            with contextlib.suppress(OSError):
                process.stdin.close()
        if process.stdout is not None:
            process.stdout.close()
        process.terminate()  # it ends its trials first
        try:
            process.wait(2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def alive(self) -> bool:
        """Whether anything can be tried still; a process may be killed for the memory of a trial."""
        return self._process.poll() is None

    def prepare(self, modules: Iterable[str]) -> None:
        """Import installed modules once, so that no trial has to."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has died; trying will tell
            send(self._process.stdin, ("import", list(modules)))

    def run(self, attempts: list[Attempt]) -> list[tuple[int, AttemptOutcome | None]]:
        """Run attempts side by side: (position in the list, outcome) as they end, None for one that was killed."""
        answers: list[tuple[int, AttemptOutcome | None]] = []
        if not attempts:
            return answers
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            send(self._process.stdin, ("try", list(enumerate(attempts))))
        except OSError:
            return answers  # it has died (killed for its memory, say): nothing can be tried
        while True:
            try:
                answer = receive(self._process.stdout)
            except EOFError:
                return answers
            if answer is None:
                return answers
            number, outcome = answer
            answers.append((number, outcome if isinstance(outcome, AttemptOutcome) else None))
