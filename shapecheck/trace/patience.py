"""A bound on the time that a diagnosis spends looking, in this process's own time and by the clock."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


def patient(seconds: float) -> float:
    """So many seconds, or as many times as long as the environment's `SHAPECHECK_PATIENCE` says: for slow machines."""
    try:
        return seconds * max(float(os.environ.get("SHAPECHECK_PATIENCE", "1")), 0.0)
    except ValueError:
        return seconds


class _TooLongError(BaseException):
    """Time is up; what tries one thing after another must not take it for one of them failing."""


class Patience:
    """How long a diagnosis may look at gradients, all in all.

    It is counted in this process's own time, for on a busy machine the clock runs faster than the work; by the clock
    three times as much may go by.

    Attributes:
        left: Seconds that are left.
        ended: Whether something was broken off for it.
    """

    def __init__(self, seconds: float) -> None:
        self.left = patient(seconds)
        self.ended = False

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Raise TimeoutError when what is inside takes longer; only the main thread can be interrupted so.

        Args:
            seconds: The most for this part; less where not so much is left.
        """
        if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
            yield
            return
        seconds = min(patient(seconds), self.left)
        if seconds <= 0:
            self.ended = True
            raise TimeoutError

        def ring(*_: object) -> None:
            raise _TooLongError

        timers = ((signal.SIGVTALRM, signal.ITIMER_VIRTUAL, 1.0), (signal.SIGALRM, signal.ITIMER_REAL, 3.0))
        before = {number: signal.signal(number, ring) for number, _, _ in timers}
        started = time.process_time()
        for _, timer, share in timers:
            signal.setitimer(timer, share * seconds, 1.0)
        try:
            yield
        except _TooLongError as error:
            self.ended = True
            raise TimeoutError from error
        finally:
            for number, timer, _ in timers:
                signal.setitimer(timer, 0)
                signal.signal(number, before[number])
            self.left -= time.process_time() - started
