"""The recorder: what the rewritten program calls; keeps whole values for a window, then the last operations only.

An event is `(site number, result, operands)`. Nothing is interpreted here: `tape.py` does that afterwards, so that
the running program waits as little as possible.
"""

from __future__ import annotations

import _thread
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from shapecheck.trace.sites import SiteTable

Event = tuple[int, Any, tuple[Any, ...]]

# Site numbers of events that no expression made: the array as it was, or as it became.
BEFORE = -1
AFTER = -2

_TRACKED = frozenset(
    {np.ndarray, np.matrix, float, complex, np.ma.MaskedArray}
    | {t for t in vars(np).values() if isinstance(t, type) and issubclass(t, np.generic)}
)
_CONTAINERS = frozenset({tuple, list, dict})


class ArrayStub:
    """Stands for a large array once the window is over: its identity, shape and type, and not its memory."""

    __slots__ = ("dtype", "identity", "shape")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.identity = id(array)
        self.shape = array.shape
        self.dtype = array.dtype


class Limits:
    """How much the recorder keeps.

    Attributes:
        window_events: The window ends after this many events.
        window_bytes: It ends after results of this many bytes, once something has been updated twice.
        hard_bytes: It ends after results of this many bytes in any case.
        ring_events: Afterwards the last one or two times this many events are kept.
        large: Afterwards arrays of more bytes than this are kept as `ArrayStub`.
    """

    __slots__ = ("hard_bytes", "large", "ring_events", "window_bytes", "window_events")

    def __init__(self, trace_memory_mib: int = 256) -> None:
        self.window_events = 30_000
        self.hard_bytes = trace_memory_mib << 20
        self.window_bytes = self.hard_bytes // 4
        self.ring_events = 4096
        self.large = 1 << 18


class WindowFull(BaseException):
    """Ends a trial whose window is full; no program catches it by accident."""


class Recorder:
    """Collects the events of one run.

    Attributes:
        window: Events of the window, with whole values.
        ring: The last events after the window; empty while it lasts.
        dropped: Whether events between the two were dropped.
        stack: Operands of the expressions that are being evaluated; what a failing expression leaves is on top.
        stop_at_window_end: Raise `WindowFull` when the window ends.
    """

    def __init__(self, sites: SiteTable, limits: Limits | None = None, *, stop_at_window_end: bool = False) -> None:
        self.sites = sites
        self.limits = limits or Limits()
        self.stop_at_window_end = stop_at_window_end
        self.events: list[Event] = []
        self.window: list[Event] = []
        self.ring: list[Event] = []
        self.dropped = False
        self.in_window = True
        self.stack: list[Any] = []
        self.updates: dict[Any, int] = {}
        self.hooks = _make_hooks(self)

    def threaded(self) -> None:
        """Record the calling thread only from now on; a second one is about to start."""
        self.hooks["guard"]()

    def finish(self) -> None:
        """Close the recording: `window` and `ring` are complete."""
        self.hooks["guard"](None)
        if self.in_window:
            self.window = self.events
        else:
            self.ring = self.ring + self.events
        self.events = []


def _root(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _make_hooks(recorder: Recorder) -> dict[str, Callable[..., Any]]:
    """The functions that the rewritten code calls, as closures: attribute look-ups would double their cost."""
    limits = recorder.limits
    events = recorder.events
    append = events.append
    stack = recorder.stack
    push = stack.append
    pop = stack.pop
    tracked = _TRACKED
    containers = _CONTAINERS
    ndarray = np.ndarray
    large = limits.large
    identify = _thread.get_ident
    tee = itertools.tee
    tee_type = type(tee(())[0])
    updates = recorder.updates
    pending: list[tuple[int, Any, Any]] = []

    window = True
    limit = limits.window_events
    kept_bytes = 0
    next_check = 1 << 20
    updated_twice = False
    saved: dict[int, Any] = {}  # arrays whose first state has been copied; held, so that their ids stay theirs
    guarded = False
    owner: int | None = identify()

    def full() -> None:
        nonlocal window, limit
        if window:
            recorder.window = events[:]
            recorder.in_window = False
            window = False
            limit = limits.ring_events
            saved.clear()
            if recorder.stop_at_window_end:
                events.clear()
                raise WindowFull
        else:
            recorder.dropped = recorder.dropped or bool(recorder.ring)
            recorder.ring = events[:]
        events.clear()
        if len(stack) > 10_000:
            del stack[:-1000]
        if len(pending) > 1000:
            del pending[:-100]

    def weigh(size: int) -> None:
        nonlocal kept_bytes
        kept_bytes += size
        if window and (kept_bytes > limits.hard_bytes or (updated_twice and kept_bytes > limits.window_bytes)):
            full()

    def light(value: Any) -> Any:
        return ArrayStub(value) if isinstance(value, ndarray) and value.nbytes > large else value

    def keep(site: int, result: Any, operands: tuple[Any, ...]) -> None:
        if window:
            append((site, result, operands))
            if type(result) is ndarray and result.nbytes > 65_536:
                weigh(result.nbytes)
        else:
            for o in operands:
                if type(o) is ndarray and o.nbytes > large:
                    operands = tuple(map(light, operands))
                    break
            if type(result) is ndarray and result.nbytes > large:
                result = ArrayStub(result)
            append((site, result, operands))
        if len(events) >= limit:
            full()

    def record(site: int, result: Any, *operands: Any) -> Any:
        if type(result) in tracked and not (guarded and identify() != owner):
            keep(site, result, operands)
        return result

    def record_held(count: int, site: int, result: Any, *operands: Any) -> Any:
        if guarded and identify() != owner:
            return result
        held = stack[-count:]
        del stack[-count:]
        if type(result) in tracked:
            keep(site, result, (*operands, *held))
        return result

    def hold_items(generator: Any) -> Any:
        """Hand the generator on and keep a second iterator over the same items, which is read once they are used up.

        Both are made by `itertools.tee`, so that no frame of ours stands in a traceback.
        """
        if guarded and identify() != owner:
            return generator
        handed, kept = tee(generator)
        push(kept)
        return handed

    def copied(operand: Any) -> Any:
        if type(operand) is tee_type:
            return list(operand)
        return list(operand) if type(operand) is list and len(operand) < 10_000 else operand

    def record_list(site: int, result: Any, *operands: Any) -> Any:
        if type(result) in tracked and not (guarded and identify() != owner):
            keep(site, result, tuple(map(copied, operands)))
        return result

    def record_list_held(count: int, site: int, result: Any, *operands: Any) -> Any:
        if guarded and identify() != owner:
            return result
        held = stack[-count:]
        del stack[-count:]
        if type(result) in tracked:
            keep(site, result, (*map(copied, operands), *map(copied, held)))
        return result

    def is_shape(operands: tuple[Any, ...]) -> bool:
        return bool(operands) and type(operands[0]) is tuple

    def compare(site: int, result: Any, *operands: Any) -> Any:
        if (type(result) in tracked or is_shape(operands)) and not (guarded and identify() != owner):
            keep(site, result, operands)
        return result

    def compare_held(count: int, site: int, result: Any, *operands: Any) -> Any:
        if guarded and identify() != owner:
            return result
        values = (*operands, *stack[-count:])
        del stack[-count:]
        if type(result) in tracked or is_shape(values):
            keep(site, result, values)
        return result

    def hold(value: Any) -> Any:
        if not (guarded and identify() != owner):
            push(value)
        return value

    def save(value: Any) -> None:
        """Copy an array's memory before its first change."""
        if not window or not isinstance(value, ndarray):
            return
        root = _root(value)
        if id(root) in saved or root.nbytes > limits.hard_bytes:
            return
        saved[id(root)] = root
        append((BEFORE, root.copy(), (root,)))
        weigh(root.nbytes)

    def hold_changing(value: Any) -> Any:
        if not (guarded and identify() != owner):
            save(value)
            push(value)
        return value

    def before_change(*values: Any) -> None:
        if not (guarded and identify() != owner):
            for value in values:
                save(value)

    def record_change(count: int, site: int, before: None, result: Any, *operands: Any) -> Any:
        if guarded and identify() != owner:
            return result
        held = stack[len(stack) - count :]
        if count:
            del stack[-count:]
        values = (*operands, *held)
        keep(site, result, values)
        if window:
            for root in {id(r): r for r in (_root(v) for v in values if isinstance(v, ndarray))}.values():
                if id(root) in saved:
                    append((AFTER, root.copy(), (root,)))
                    weigh(root.nbytes)
        return result

    def setitem(count: int, site: int, index: Any, *operands: Any) -> Any:
        if guarded and identify() != owner:
            return index
        held = stack[len(stack) - count :]
        if count:
            del stack[-count:]
        values = (*operands, *held)
        for value in values:
            if isinstance(value, ndarray) or type(value) in containers:
                target = operands[0] if operands else held[-1]
                save(target)
                if isinstance(target, ndarray) or isinstance(held[0] if held else None, ndarray | np.generic | float):
                    keep(site, index, values)
                break
        return index

    def bind(site: int, value: Any, *operands: Any) -> Any:
        kind = type(value)
        if (kind in tracked or (window and kind in containers)) and not (guarded and identify() != owner):
            if kind is list and len(value) < 10_000:
                keep(site, list(value), operands)
            elif kind is dict and len(value) < 10_000:
                keep(site, dict(value), operands)
            else:
                keep(site, value, operands)
        return value

    def returned(site: int, value: Any) -> Any:
        kind = type(value)
        if (kind in tracked or (window and kind is tuple)) and not (guarded and identify() != owner):
            keep(site, value, ())
        return value

    def current(owner_object: Any, key: Any, named: bool) -> Any:
        """What an in-place operator is about to change, read without running any of the user's code."""
        if named:
            return owner_object
        if key is None:
            return None
        try:
            if isinstance(key, _AttributeKey):
                return object.__getattribute__(owner_object, "__dict__").get(key.name)
            if type(owner_object) in {list, dict}:
                return owner_object[key]
        except Exception:
            return None
        return owner_object if isinstance(owner_object, ndarray) else None

    names: dict[int, tuple[bool, Any]] = {}

    def shape_of_target(site: int) -> tuple[bool, Any]:
        """(is it a plain name, the attribute's name or None for an item)."""
        target = recorder.sites[site].node.target  # type: ignore[attr-defined]
        attribute = getattr(target, "attr", None)
        described = (hasattr(target, "id"), _AttributeKey(attribute) if attribute is not None else None)
        names[site] = described
        return described

    def augment(count: int, site: int, value: Any, *operands: Any) -> Any:
        nonlocal updated_twice
        if guarded and identify() != owner:
            return value
        held = stack[len(stack) - count :]
        if count:
            del stack[-count:]
        values = (*operands, *held)
        named, key = names.get(site) or shape_of_target(site)
        slot_owner = _first_slot(recorder.sites[site], values)
        if not named and key is None:
            key = values[-1] if len(values) == 2 and not _index_first(recorder.sites[site]) else values[0]
            if len(values) == 1:
                key = _constant_index(recorder.sites[site])
        now = current(slot_owner, key, named)
        if type(now) in tracked or isinstance(slot_owner, ndarray):
            save(now if isinstance(now, ndarray) else slot_owner)
            keep(site, value, (slot_owner, now, None if isinstance(key, _AttributeKey) else key))
            if window and not updated_twice and isinstance(now, ndarray):
                count_key = (site, id(slot_owner), str(key))
                updates[count_key] = updates.get(count_key, 0) + 1
                updated_twice = updates[count_key] > 2
        pending.append((site, slot_owner, key))
        return value

    def augmented(site: int, *operands: Any) -> None:
        if guarded and identify() != owner:
            return
        while pending:
            number, slot_owner, key = pop_pending()
            if number == site:
                break
        else:
            return
        now = operands[0] if operands else current(slot_owner, key, False)
        if type(now) in tracked:
            keep(site, now, ())

    pop_pending = pending.pop

    def guard(new_owner: Any = "same") -> None:
        nonlocal guarded, owner
        guarded = True
        if new_owner != "same":
            owner = new_owner

    return {
        "record": record,
        "record_held": record_held,
        "record_list": record_list,
        "record_list_held": record_list_held,
        "compare": compare,
        "compare_held": compare_held,
        "hold": hold,
        "hold_changing": hold_changing,
        "hold_items": hold_items,
        "before_change": before_change,
        "record_change": record_change,
        "setitem": setitem,
        "bind": bind,
        "returned": returned,
        "augment": augment,
        "augmented": augmented,
        "slice": slice,
        "guard": guard,
    }


class _AttributeKey:
    """The name of an attribute, told apart from a dictionary's key."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


def _first_slot(site: Any, values: tuple[Any, ...]) -> Any:
    """The owner (or the named target) among an event's values."""
    for slot, value in zip(site.event_slots, values, strict=False):
        if slot.role in {"owner", "target"}:
            return value
    return None


def _index_first(site: Any) -> bool:
    slots = site.event_slots
    return bool(slots) and slots[0].role == "index"


def _constant_index(site: Any) -> Any:
    return next((slot.constant for slot in site.slots if slot.role == "index"), None)
