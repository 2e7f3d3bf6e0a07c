"""What the rewritten program calls. Each function gives back what it was handed, and runs none of the user's code."""

from __future__ import annotations

import _thread
import ast
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from shapecheck.trace.arity import record_function
from shapecheck.trace.recorder import TRACKED
from shapecheck.trace.resized import forget
from shapecheck.trace.rewrite import INDEX_CONSTANT, INDEX_HELD, OWNER_HELD, VALUE_HELD, VALUE_RELOADED

if TYPE_CHECKING:
    from shapecheck.trace.recorder import Recorder

Hook = Callable[..., Any]

_CONTAINERS = frozenset({tuple, list, dict})
_PLAIN_KEYS = frozenset({int, str, bool, float})
# Longer lists are not copied to be kept.
_LONGEST = 10_000
_tee: type = type(itertools.tee(())[0])
_LISTS = frozenset({list, _tee})


class Hooks(dict[str, Hook]):
    """The hooks by name; those of fixed arity are made when they are first asked for."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        super().__init__(slice=slice)
        self.update(_value_hooks(recorder))
        self.update(_call_hooks(recorder))
        self["unpacked"] = _unpack_hook(recorder)
        self.update(_store_hooks(recorder))
        self.update(_augment_hooks(recorder))

    def __missing__(self, name: str) -> Hook:
        recorder = self._recorder
        hook = record_function(
            name,
            state=recorder.state,
            extend=recorder.flat.extend,
            flat=recorder.flat,
            roll=recorder.rolling.append,
            push=recorder.stack.append,
            pop=recorder.stack.pop,
            identify=_thread.get_ident,
            ndarray=np.ndarray,
            tracked=TRACKED,
            keep=recorder.state.keep,
            lists=_LISTS,
            copied=_copied,
        )
        self[name] = hook
        return hook


def _value_hooks(recorder: Recorder) -> dict[str, Hook]:
    """Values on their way through expressions, assignments and returns."""
    roll = recorder.rolling.append
    state, stack, keep, push = recorder.state, recorder.stack, recorder.state.keep, recorder.stack.append
    tracked, containers, identify = TRACKED, _CONTAINERS, _thread.get_ident

    def hold(value: Any) -> Any:
        if not (state.guarded and identify() != state.owner):
            push(value)
        return value

    def record_many(count: int, site: int, result: Any, *operands: Any) -> Any:
        if state.guarded and identify() != state.owner:
            return result
        if count:
            operands = (*operands, *stack[-count:])
            del stack[-count:]
        if type(result) in tracked:
            keep(site, result, operands)
        return result

    def compared(count: int, site: int, right: Any, *operands: Any) -> Any:
        if state.guarded and identify() != state.owner:
            return right
        if count:
            operands = (*operands, *stack[-count:])
            del stack[-count:]
        keep(site, None, operands)
        return right

    def bind(site: int, value: Any, *operands: Any) -> Any:
        kind = type(value)
        if kind in tracked:
            if state.rolling:
                roll((site, value, *operands))
            else:
                keep(site, value, operands)
        elif kind in containers and state.window:
            if kind is tuple or len(value) > _LONGEST:
                keep(site, value, operands)
            else:
                keep(site, kind(value), operands)
        return value

    def bind_constant(site: int, value: Any, *operands: Any) -> Any:
        return bind(site, value + -0.0 if type(value) is float else value, *operands)  # a new object, the same number

    def returned(site: int, value: Any) -> Any:
        kind = type(value)
        if kind in tracked and state.rolling:
            roll((site, value))
        elif kind in tracked or (kind is tuple and state.window):
            keep(site, value, ())
        elif kind in containers and state.window and len(value) <= _LONGEST:
            keep(site, kind(value), ())
        return value

    def trying(number: int) -> None:
        if not (state.guarded and identify() != state.owner):
            state.tries[number] = len(stack)

    def caught(number: int) -> None:
        if not (state.guarded and identify() != state.owner):
            del stack[state.tries.get(number, len(stack)) :]

    hooks: list[Hook] = [hold, record_many, compared, bind, bind_constant, returned, trying, caught]
    return {hook.__name__: hook for hook in hooks}


def _unpack_hook(recorder: Recorder) -> Hook:
    """`k, c = theta`: the numbers of an array, each recorded as an entry of it."""
    state, keep, identify = recorder.state, recorder.state.keep, _thread.get_ident

    def unpacked(first: int, count: int, value: Any) -> Any:
        if type(value) is not np.ndarray or not state.window or value.shape != (count,) or value.dtype.kind != "f":
            return value
        if state.guarded and identify() != state.owner:
            return value
        numbers = tuple(value)
        for position, number in enumerate(numbers):
            keep(first + position, number, (value,))
        return numbers

    return unpacked


def _call_hooks(recorder: Recorder) -> dict[str, Hook]:
    """Calls that use up lists, or change their arguments."""
    state, stack, keep, push = recorder.state, recorder.stack, recorder.state.keep, recorder.stack.append
    tracked, identify, tee = TRACKED, _thread.get_ident, itertools.tee

    def hold_items(generator: Any) -> Any:
        # The program gets one of two iterators made by `itertools.tee`, so that no frame of ours stands in a
        # traceback; the other is read once the items are used up.
        if state.guarded and identify() != state.owner:
            return generator
        handed, kept = tee(generator)
        push(kept)
        return handed

    def record_list_many(count: int, site: int, result: Any, *operands: Any) -> Any:
        if state.guarded and identify() != state.owner:
            return result
        if count:
            operands = (*operands, *stack[-count:])
            del stack[-count:]
        if type(result) in tracked:
            keep(site, result, tuple(map(_copied, operands)))
        return result

    def saved(count: int, value: Any, *operands: Any) -> Any:
        if not state.window or (state.guarded and identify() != state.owner):
            return value
        for operand in (*operands, *stack[len(stack) - count :], value):
            state.save(operand)
        return value

    def record_change_many(count: int, site: int, result: Any, *operands: Any) -> Any:
        if state.guarded and identify() != state.owner:
            return result
        if count:
            operands = (*operands, *stack[-count:])
            del stack[-count:]
        keep(site, result, operands)
        state.look_again(operands, site)
        return result

    def record_naming_many(count: int, site: int, result: Any, *operands: Any) -> Any:
        if state.guarded and identify() != state.owner:
            return result
        if count:
            operands = (*operands, *stack[-count:])
            del stack[-count:]
        keep(site, None, operands)
        return result

    def resizing(array: Any) -> Any:
        if issubclass(type(array), np.ndarray):
            forget(recorder, array)
        return array

    def reshaping(site: int, array: Any) -> Any:
        if issubclass(type(array), np.ndarray):
            before = forget(recorder, array)
            if state.window and not (state.guarded and identify() != state.owner):
                keep(site, array, (before,))
        return array

    return {
        "hold_items": hold_items,
        "record_list_many": record_list_many,
        "saved": saved,
        "record_change_many": record_change_many,
        "record_naming_many": record_naming_many,
        "resizing": resizing,
        "reshaping": reshaping,
    }


def _copied(operand: Any) -> Any:
    kind = type(operand)
    if kind is _tee or (kind is list and len(operand) < _LONGEST):
        items = list(operand)
        # The rows of a matrix of numbers, each of which may be stepped in place.
        if items and type(items[0]) is list and len(items) * len(items[0]) < _LONGEST:
            return [list(row) if type(row) is list else row for row in items]
        return items
    return operand


def _store_hooks(recorder: Recorder) -> dict[str, Hook]:
    """`x[i] = a`, seen just before it happens."""
    roll, saved = recorder.rolling.append, recorder.state.saved
    state, pop, keep = recorder.state, recorder.stack.pop, recorder.state.keep
    tracked, identify, ndarray, unknown = TRACKED, _thread.get_ident, np.ndarray, recorder.state.unknown
    flatiter = np.flatiter

    def setitem(layout: int, site: int, index: Any, *operands: Any) -> Any:
        if state.guarded and identify() != state.owner:
            return index
        target = pop() if layout & OWNER_HELD else operands[-1]
        value = None
        if layout & VALUE_HELD:
            value = pop()
            operands = (*operands, value)
        elif layout & VALUE_RELOADED:
            value = operands[0]
        if layout & OWNER_HELD:
            operands = (*operands, target)
        kind = type(target)
        if kind is ndarray or issubclass(kind, ndarray):
            if state.window and not (id(target) in saved and target.nbytes <= 4096):
                state.save(target)
                state.weigh(target.nbytes)
            if state.rolling:
                roll((site, index, *operands))
            else:
                keep(site, index, operands)
        elif type(value) in tracked:
            if kind is flatiter:
                state.save(target.base)
            keep(site, index, operands)
        return index

    def look_at_unknown() -> None:
        for site, target in unknown:
            state.look_again((target,), site)
        del unknown[:]

    def setitem_unknown(count: int, site: int, index: Any, *operands: Any) -> Any:
        if state.guarded and identify() != state.owner:
            return index
        look_at_unknown()  # what the targets before this one have stored by now, should this one fail
        target = pop() if count else operands[-1]
        state.save(target)
        unknown.append((site, target))
        return index

    def replacing(site: int, target: Any) -> Any:
        # `x.real = a`: the array's contents, not an attribute of the user's.
        if not (state.guarded and identify() != state.owner):
            look_at_unknown()
            state.save(target)
            unknown.append((site, target))
        return target

    def settled() -> None:
        if not (state.guarded and identify() != state.owner):
            look_at_unknown()

    return {"setitem": setitem, "setitem_unknown": setitem_unknown, "replacing": replacing, "settled": settled}


def _change_notes(recorder: Recorder) -> tuple[Hook, Hook]:
    """(notes what `x += a` is about to change, notes what came of it)."""
    state, keep, saved, roll = recorder.state, recorder.state.keep, recorder.state.saved, recorder.rolling.append
    tracked, ndarray = TRACKED, np.ndarray

    def begin(site: int, value: Any, owner: Any, now: Any, key: Any) -> None:
        known = id(now) in saved and state.updated_twice
        if state.window and issubclass(type(now), ndarray) and not (known and now.nbytes <= 4096):
            state.save(now)
            # Pictures may be drawn into an array of integers, or with a number that is written down.
            if not state.updated_twice and now.dtype.kind in "fc" and not _adds_a_written_number(recorder, site):
                state.count_update((site, id(owner), _said(key)))
            state.weigh(now.nbytes)
        if state.rolling:
            roll((site, value, owner, now, key))
        else:
            keep(site, value, (owner, now, key))

    def end(site: int, now: Any) -> None:
        kind = type(now)
        if kind is ndarray:
            return  # the same array as before
        if kind in tracked:
            keep(site, now, ())
        elif issubclass(kind, ndarray):
            state.look_again((now,), site)

    return begin, end


def _adds_a_written_number(recorder: Recorder, site: int) -> bool:
    """Whether a site is `x += 1`, or the like: no step of a parameter is."""
    node = recorder.sites[site].node
    return isinstance(node, ast.AugAssign) and isinstance(node.value, ast.Constant)


def _said(key: Any) -> str:
    """An index as it tells one place of an array from another; nothing for one that is an array."""
    parts = key if type(key) is tuple else (key,)
    return repr(key) if all(type(part) in _PLAIN_KEYS or type(part) is slice for part in parts) else ""


def _augment_hooks(recorder: Recorder) -> dict[str, Hook]:
    """`x += a`, `x.y += a`, `x[i] += a`."""
    return {hook.__name__: hook for hook in (*_name_augment_hooks(recorder), *_place_augment_hooks(recorder))}


def _is_recorded(thing: Any) -> bool:
    return type(thing) in TRACKED or issubclass(type(thing), np.ndarray)


def _name_augment_hooks(recorder: Recorder) -> tuple[Hook, Hook]:
    """`x += a`."""
    state, keep = recorder.state, recorder.state.keep
    tracked, identify, ndarray = TRACKED, _thread.get_ident, np.ndarray
    begin, end = _change_notes(recorder)
    counted: set[int] = set()  # where something is added to the 0 that a sum starts from

    def augment_name(site: int, value: Any, now: Any) -> Any:
        kind = type(now)
        if state.guarded and identify() != state.owner:
            return value
        if kind in tracked or issubclass(kind, ndarray):
            begin(site, value, now, now, None)
            if issubclass(type(value), ndarray) and not issubclass(kind, ndarray):
                counted.add(site)  # 0.0 gives way to an array
        elif kind is int and _is_recorded(value):
            begin(site, value, now, now, None)
            counted.add(site)
        return value

    def augmented_name(site: int, now: Any) -> None:
        if state.guarded and identify() != state.owner:
            return
        if site in counted:
            counted.discard(site)
            keep(site, now, ())
        elif type(now) is not ndarray:
            end(site, now)

    return augment_name, augmented_name


def _place_augment_hooks(recorder: Recorder) -> tuple[Hook, Hook]:
    """`x.y += a`, `x[i] += a`."""
    state, pop, pending, keep = recorder.state, recorder.stack.pop, recorder.state.pending, recorder.state.keep
    identify, ndarray = _thread.get_ident, np.ndarray
    begin, end = _change_notes(recorder)
    constants: dict[int, Any] = {}
    counted: set[int] = set()  # where something is added to the 0 that a sum starts from

    def index_of(site: int) -> Any:
        slots = recorder.sites[site].slots
        found = constants[site] = next(slot.constant for slot in slots if slot.role == "index")
        return found

    def augment(layout: int, site: int, value: Any, attribute: str, *operands: Any) -> Any:
        if state.guarded and identify() != state.owner:
            return value
        key: Any = attribute
        if layout & INDEX_HELD:
            key = pop()
        elif layout & INDEX_CONSTANT:
            key = constants[site] if site in constants else index_of(site)
        elif not attribute:
            key = operands[-1]
        owner = pop() if layout & OWNER_HELD else operands[0]
        now = _attribute(owner, attribute) if attribute else _item(owner, key)
        if _is_recorded(now):
            begin(site, value, owner, now, None if attribute else key)
            if type(now) is ndarray:
                if pending and pending[-1][0] == site:  # left behind by this statement when it failed
                    pending.pop()
                return value  # it stays the same array: nothing to see afterwards
            if issubclass(type(value), ndarray) and not issubclass(type(now), ndarray):
                counted.add(site)
        elif type(now) is int and _is_recorded(value):
            begin(site, value, owner, now, None if attribute else key)
            counted.add(site)
        elif issubclass(type(owner), (ndarray, np.flatiter)):  # `x.real += a`, `x.flat[i] += a`
            state.save(_changing_part(owner))
        pending.append((site, owner, key))
        if len(pending) > 100:  # of statements that failed
            del pending[:-50]
        return value

    def augmented(site: int, attribute: str) -> None:
        if state.guarded and identify() != state.owner:
            return
        if pending and pending[-1][0] == site:
            _, owner, key = pending.pop()
            kind = type(owner)
            if issubclass(kind, (ndarray, np.flatiter)) and (attribute or kind is not ndarray):
                state.look_again((_changing_part(owner),), site)
                return
            now = _attribute(owner, key) if attribute else _item(owner, key)
            if site in counted:
                keep(site, now, ())
            else:
                end(site, now)
        counted.discard(site)

    return augment, augmented


def _changing_part(owner: Any) -> Any:
    return owner.base if type(owner) is np.flatiter else owner


def _attribute(owner: Any, name: str) -> Any:
    """An attribute from the object's own dictionary, read without running any of the user's code."""
    try:
        return object.__getattribute__(owner, "__dict__").get(name)
    except Exception:
        return None


def _item(owner: Any, key: Any) -> Any:
    """What `owner[key] += a` is about to change, read without running any of the user's code."""
    kind = type(owner)
    if kind is list or kind is dict:
        plain = type(key) in _PLAIN_KEYS or (type(key) is tuple and all(type(k) in _PLAIN_KEYS for k in key))
        try:
            return owner[key] if plain else None
        except Exception:
            return None
    return owner if issubclass(kind, np.ndarray) else None
