"""The recorder: keeps whole values for a window, then the last operations only.

An event is `(site number, result, operands)`. In the window events lie end to end in one flat list, afterwards each is
a tuple in a ring that drops one for each that comes; so neither is work for Python's garbage collector. Nothing is
interpreted here: `build` does that afterwards. What the rewritten program calls is in `hooks`.
"""

from __future__ import annotations

import _thread
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from shapecheck.trace.sites import SiteTable

Event = tuple[int, Any, tuple[Any, ...]]

# Site numbers of events that no expression made: the array as it was, or as it became.
BEFORE = -1
AFTER = -2

TRACKED = frozenset(
    {np.ndarray, np.matrix, float, complex, np.ma.MaskedArray}
    | {t for t in vars(np).values() if isinstance(t, type) and issubclass(t, np.generic)}
)

# Entries of the flat list that an event takes on average.
_ENTRIES = 4


class ArrayStub:
    """Stands for a large array once the window is over: its identity, shape and type, and not its memory.

    The identity is the array's `id`; two stubs are of one array if they share the weak reference too, since a later
    array may get the `id` of one that is gone.
    """

    __slots__ = ("dtype", "identity", "reference", "shape")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.reference: Any = weakref.ref(array)
        self.identity = id(array)
        self.shape = array.shape
        self.dtype = array.dtype


class Limits:
    """How much the recorder keeps.

    Attributes:
        window_events: The window ends after this many events.
        extensions: It is given as many more, so many times at most, while nothing has been learned.
        window_bytes: It ends after results of this many bytes, once something has been updated twice.
        hard_bytes: It ends after results of this many bytes in any case.
        ring_events: Afterwards the last one or two times this many events are kept.
        large: Afterwards arrays of more bytes than this are kept as `ArrayStub`.
    """

    __slots__ = ("extensions", "hard_bytes", "large", "ring_events", "window_bytes", "window_events")

    def __init__(self, trace_memory_mib: int = 256) -> None:
        self.window_events = 30_000
        self.extensions = 0
        self.hard_bytes = trace_memory_mib << 20
        self.window_bytes = self.hard_bytes // 4
        self.ring_events = 4096
        self.large = 1 << 12


class WindowFull(BaseException):
    """Ends a trial whose window is full; no program catches it by accident."""


def root_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that owns the memory."""
    base = array.base
    while isinstance(base, np.ndarray):
        array = base
        base = array.base
    return array


def events_of(flat: list[Any]) -> list[Event]:
    """The events of a flat list: site, result, number of operands, operands, and so on."""
    events: list[Event] = []
    position, end = 0, len(flat)
    while position < end:
        first = position + 3
        last = first + flat[position + 2]
        events.append((flat[position], flat[position + 1], tuple(flat[first:last])))
        position = last
    return events


class Recorder:
    """Collects the events of one run.

    Attributes:
        flat: The events of the window, end to end.
        rolling: The last events after the window: the site, the result and the operands of each.
        stack: Operands of the expressions that are being evaluated; what a failing expression leaves is on top.
        stop_at_window_end: Raise `WindowFull` when the window ends.
        hooks: What the rewritten code calls, by name.
        window: Events of the window, with whole values, once the recording is finished.
        ring: The last events after the window, once it is finished; empty where the window held everything.
        testimony: What the program, or who runs it, has to say of the run besides: plain data by name.
    """

    # The one that was made last in this process.
    latest: ClassVar[Recorder | None] = None

    def __init__(self, sites: SiteTable, limits: Limits | None = None, *, stop_at_window_end: bool = False) -> None:
        from shapecheck.trace.hooks import Hooks

        self.sites = sites
        self.limits = limits or Limits()
        self.stop_at_window_end = stop_at_window_end
        self.flat: list[Any] = []
        self.rolling: deque[tuple[Any, ...]] = deque(maxlen=2 * self.limits.ring_events)
        self.window: list[Event] = []
        self.ring: list[Event] = []
        self.stack: list[Any] = []
        self.testimony: dict[str, Any] = {}
        self.state = State(self)
        self.hooks = Hooks(self)
        Recorder.latest = self

    @property
    def in_window(self) -> bool:
        """Whether whole values are still kept."""
        return self.state.window

    @property
    def events(self) -> list[Event]:
        """The latest events, the last one at the end."""
        rolling = [(event[0], event[1], event[2:]) for event in self.rolling]
        return rolling if len(rolling) > 100 else events_of(self.flat) + rolling

    def threaded(self) -> None:
        """Record the present thread only from now on; a second one is about to start."""
        self.state.guarded = True
        self.state.quick = self.state.rolling = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Record nothing while it lasts, of whatever thread."""
        state = self.state
        before = state.guarded, state.owner, state.quick, state.rolling
        state.guarded, state.owner, state.quick, state.rolling = True, None, False, False
        try:
            yield
        finally:
            state.guarded, state.owner, state.quick, state.rolling = before

    def finish(self) -> None:
        """Close the recording: `window` and `ring` are complete."""
        state = self.state
        state.guarded, state.owner, state.quick, state.rolling = True, None, False, False
        self.window = events_of(self.flat)
        self.ring = [(event[0], event[1], event[2:]) for event in self.rolling]
        self.flat.clear()
        self.rolling.clear()


class State:
    """What the hooks share: how far the recording is, and what it may still keep.

    Attributes:
        quick: In the window, and results that are small can be kept without a look at anything else.
        rolling: After it, and results that are small can be kept as they are, whatever their operands.
        seen_large: Something was too large for that.
        limit: The number of entries of the flat list at which the window ends.
        guarded, owner: With more than one thread, only the owner's events are kept.
        saved: Memory whose first state has been copied: `id` -> its owner, held so that the `id` stays its own.
        pending: In-place operations on attributes and items that have begun: (site, owner, key or name).
        tries: `try` statement -> the height of the stack when it was entered last.
        unknown: Arrays into which a statement with several targets is about to store: (site, array).
    """

    __slots__ = (
        "guarded",
        "kept_bytes",
        "large",
        "limit",
        "limits",
        "owner",
        "pending",
        "quick",
        "recorder",
        "rolling",
        "saved",
        "seen_large",
        "tries",
        "unknown",
        "updated_twice",
        "updates",
        "window",
    )

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.limits = recorder.limits
        self.window = True
        self.quick = True
        self.rolling = False
        self.tries: dict[int, int] = {}
        self.seen_large = False
        self.limit = self.limits.window_events * _ENTRIES
        self.large = self.limits.large
        self.guarded = False
        self.owner: int | None = _thread.get_ident()
        self.kept_bytes = 0
        self.updated_twice = False
        self.updates: dict[Any, int] = {}
        self.saved: dict[int, Any] = {}
        self.pending: list[tuple[int, Any, Any]] = []
        self.unknown: list[Any] = []

    def reached(self) -> None:
        """The events that the window has room for have come: it ends, unless nothing has been learned so far."""
        from shapecheck.trace.learning import has_learned

        size = self.limits.window_events * _ENTRIES
        if self.limit > size * self.limits.extensions or has_learned(self.recorder.sites.sites, self.recorder.flat):
            self.full()
        else:
            self.limit += size

    def full(self) -> None:
        """The window ends; the ring begins."""
        if not self.window:
            return
        self.window = self.quick = False
        self.rolling = not self.seen_large and not self.guarded
        self.saved.clear()
        self.updates.clear()
        if self.recorder.stop_at_window_end:
            raise WindowFull

    def count_update(self, place: Any) -> None:
        """Note that something is updated; `updated_twice` is set when it has been before, twice."""
        count = self.updates[place] = self.updates.get(place, 0) + 1
        self.updated_twice = count > 2

    def weigh(self, size: int) -> None:
        """Count memory that only the recording keeps alive; too much of it ends the window."""
        if not self.window:
            return
        self.kept_bytes += size
        limits = self.limits
        if self.kept_bytes > limits.hard_bytes or (self.updated_twice and self.kept_bytes > limits.window_bytes):
            self.full()

    def light(self, value: Any) -> Any:
        """A value as the ring keeps it."""
        kind = type(value)
        if kind is np.ndarray or issubclass(kind, np.ndarray):
            return ArrayStub(value) if value.nbytes > self.large else value
        if kind is list or kind is tuple:
            if len(value) > 1000:
                return None
            return kind(self.light(element) for element in value)
        return value

    def keep(self, site: int, result: Any, operands: tuple[Any, ...]) -> None:
        """Add an event, whatever the state of the recording."""
        if self.guarded and _thread.get_ident() != self.owner:
            return
        if issubclass(type(result), np.ndarray) and result.nbytes > self.large:
            self.seen_large = True
            self.rolling = False
        if self.window:
            flat = self.recorder.flat
            flat.extend((site, result, len(operands), *operands))
            if issubclass(type(result), np.ndarray) and result.base is None:
                self.weigh(result.nbytes)
            if len(flat) >= self.limit:
                self.reached()
            return
        large = self.large
        for operand in operands:
            kind = type(operand)
            if (kind is np.ndarray and operand.nbytes > large) or kind is list or kind is tuple:
                operands = tuple(map(self.light, operands))
                break
        self.recorder.rolling.append((site, self.light(result), *operands))

    def save(self, value: Any) -> None:
        """Copy an array's memory before its first change."""
        if not self.window or not issubclass(type(value), np.ndarray):
            return
        root = root_of(value)
        if id(root) in self.saved or root.nbytes > self.limits.hard_bytes:
            return
        self.saved[id(root)] = root
        self.recorder.flat.extend((BEFORE, _snapshot(root), 1, root))
        self.weigh(root.nbytes)

    def look_again(self, values: tuple[Any, ...], site: int) -> None:
        """Copy the memory of arrays that something may have changed."""
        if not self.window:
            return
        roots = {id(r): r for r in (root_of(v) for v in values if issubclass(type(v), np.ndarray))}
        for key, root in roots.items():
            if key in self.saved and self.window:
                self.recorder.flat.extend((AFTER, _snapshot(root), 2, root, site))
                self.weigh(root.nbytes)


def _snapshot(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A plain copy with the same memory layout."""
    return np.array(array, order="K", copy=True, subok=False)
