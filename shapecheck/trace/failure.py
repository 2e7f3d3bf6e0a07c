"""What can be read off an exception: the failing expression, its operands, and the shapes in scope."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapecheck.trace.compiling import Piece
from shapecheck.trace.recorder import ArrayStub, Recorder
from shapecheck.trace.sites import Kind, Site, SiteTable, Source, SourceText

Place = tuple[int, int, int, int]

_PREFERRED = [Kind.BINARY, Kind.CALL, Kind.COMPARE, Kind.GETITEM, Kind.ATTRIBUTE, Kind.UNARY]
_PREFERRED += [Kind.SETITEM, Kind.AUGMENTED, Kind.BIND, Kind.RETURN]


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as the report needs it: its type and shape, never an array's contents.

    Attributes:
        literal: The object itself for integers, floats, strings, booleans and tuples of them.
        elements: Of lists, tuples and dictionaries (the first hundred): key or index -> what is there.
        attributes: Of the user's own objects: attribute -> what is there.
    """

    type: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    identity: int = 0
    literal: Any = None
    elements: tuple[tuple[Any, Seen], ...] = ()
    attributes: tuple[tuple[str, Seen], ...] = ()


# Stands for an operand of which nothing is known.
UNSEEN = Seen("")


@dataclass(frozen=True, slots=True)
class FrameShot:
    """One of the user's frames at the moment of the exception, the outermost first in a list."""

    path: str
    function: str
    place: Place
    names: dict[str, Seen]


@dataclass(slots=True)
class Failure:
    """An uncaught exception of the user's program.

    Attributes:
        frames: The user's frames, the outermost first; the last one is where the exception came from.
        site: The failing expression; None where it is not one that is recorded.
        operands: Of that expression: (role, what it was).
        recent: What the comparisons and expressions of the failing statement last saw: (site, result, operands).
    """

    exception: str
    message: str
    frames: list[FrameShot] = field(default_factory=list)
    site: int | None = None
    operands: list[tuple[str, Seen]] = field(default_factory=list)
    recent: list[tuple[int, Seen, list[Seen]]] = field(default_factory=list)


def see(thing: Any, depth: int = 3) -> Seen:
    """Describe an object without running any of its code."""
    name = type(thing).__name__
    if isinstance(thing, np.ndarray | ArrayStub):
        identity = thing.identity if isinstance(thing, ArrayStub) else id(thing)
        return Seen("ndarray" if isinstance(thing, ArrayStub) else name, tuple(thing.shape), str(thing.dtype), identity)
    if isinstance(thing, np.generic):
        return Seen(name, (), str(thing.dtype), id(thing), literal=thing.item() if thing.dtype.kind in "iufb" else None)
    if isinstance(thing, bool | int | float | str):
        return Seen(name, () if not isinstance(thing, str) else None, None, id(thing), literal=thing)
    if type(thing) is tuple and all(isinstance(e, int | str) for e in thing):
        elements = tuple((i, see(e, 0)) for i, e in enumerate(thing[:100]))
        return Seen(name, None, None, id(thing), literal=thing, elements=elements)
    if depth and type(thing) in {list, tuple}:
        return Seen(
            name, None, None, id(thing), elements=tuple((i, see(e, depth - 1)) for i, e in enumerate(thing[:100]))
        )
    if depth and type(thing) is dict:
        pairs = [(k, v) for k, v in list(thing.items())[:100] if isinstance(k, int | str | tuple)]
        return Seen(name, None, None, id(thing), elements=tuple((k, see(v, depth - 1)) for k, v in pairs))
    instance = _instance_attributes(thing) if depth else {}
    attributes = tuple((k, see(v, depth - 1)) for k, v in list(instance.items())[:100])
    return Seen(name, None, None, id(thing), attributes=attributes)


def _instance_attributes(thing: Any) -> dict[str, Any]:
    if isinstance(thing, type | types.ModuleType | types.FunctionType) or type(thing).__module__ in {
        "builtins",
        "numpy",
    }:
        return {}
    try:
        attributes = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return attributes if isinstance(attributes, dict) else {}


def _names(frame: types.FrameType) -> dict[str, Seen]:
    """The plain data in a frame's scope: its own names, then the module's."""
    names: dict[str, Seen] = {}
    for scope in (frame.f_globals, frame.f_locals):
        for name, thing in list(scope.items()):
            skipped = isinstance(thing, type | types.ModuleType | types.FunctionType | types.BuiltinFunctionType)
            if not skipped and not name.startswith("__"):
                names[name] = see(thing)
    return names


def place_of(traceback: types.TracebackType, source: SourceText, *, before: int = 0) -> Place | None:
    """The piece of source that one entry of a traceback was at; None where the code does not tell.

    The code's first line is the source's line after the one `before`.
    """
    code = traceback.tb_frame.f_code
    positions = list(code.co_positions())
    line, end_line, column, end_column = positions[traceback.tb_lasti // 2]
    if line is None or end_line is None or column is None or end_column is None:
        return None
    line, end_line = line + before, end_line + before
    return (line, source.characters(line, column) + 1, end_line, source.characters(end_line, end_column) + 1)


def read_failure(error: BaseException, recorder: Recorder, files: Mapping[str, Piece]) -> Failure:
    """Describe an exception whose traceback is still attached.

    Args:
        error: The exception.
        recorder: Of the same run, not yet finished.
        files: The recorded files: their names as code objects have them -> what their lines are.
    """
    failure = Failure(type(error).__name__, str(error))
    traceback = error.__traceback__
    deepest = None
    while traceback is not None:
        piece = files.get(traceback.tb_frame.f_code.co_filename)
        if piece is not None:
            path = piece.source.path
            place = place_of(traceback, piece.source, before=piece.before)
            line = traceback.tb_lineno + piece.before
            shot_place = place or (line, 1, line, len(piece.source.lines[line - 1].rstrip("\n")) + 1)
            function = traceback.tb_frame.f_code.co_qualname.replace(".<locals>", "")
            failure.frames.append(FrameShot(path, function, shot_place, _names(traceback.tb_frame)))
            deepest = traceback
        traceback = traceback.tb_next
    if deepest is not None:
        _read_operands(failure, deepest.tb_frame, recorder)
    return failure


def failing_site(sites: SiteTable, shot: FrameShot) -> Site | None:
    """The site that a frame was at when the exception came; None where no expression is recorded there."""
    candidates = sites.at(shot.path, *shot.place)
    return min(candidates, key=lambda site: _PREFERRED.index(site.kind), default=None)


def _read_operands(failure: Failure, frame: types.FrameType, recorder: Recorder) -> None:
    shot = failure.frames[-1]
    site = failing_site(recorder.sites, shot)
    _read_recent(failure, shot, recorder)
    if site is None:
        return
    failure.site = site.number
    if site.kind in {Kind.SETITEM, Kind.AUGMENTED} or (site.kind is Kind.COMPARE and _is_last(site, recorder)):
        _read_last_event(failure, site, recorder)
        return
    held = iter(recorder.stack[-site.held :] if site.held else [])
    for slot in site.slots:
        if slot.source is Source.CONSTANT:
            failure.operands.append((slot.role, see(slot.constant)))
        elif slot.source is Source.RELOADED and slot.name is not None:
            thing = _look_up(frame, slot.name)
            if not isinstance(thing, types.ModuleType):
                failure.operands.append((slot.role, see(thing)))
        elif slot.source is Source.HELD:
            failure.operands.append((slot.role, see(next(held, None))))


def _look_up(frame: types.FrameType, name: str) -> Any:
    first = name.partition(".")[0]
    return frame.f_locals.get(first, frame.f_globals.get(first))


def _is_last(site: Site, recorder: Recorder) -> bool:
    """Whether the last event is of this site: a comparison's comes before it is evaluated, and takes what was held."""
    return recorder.events[-1:] != [] and recorder.events[-1][0] == site.number


def _read_last_event(failure: Failure, site: Site, recorder: Recorder) -> None:
    for number, result, values in reversed(recorder.events[-50:]):
        if number != site.number:
            continue
        if site.kind is Kind.AUGMENTED and len(values) == 3:
            failure.operands = [("target", see(values[1])), ("value", see(result))]
            if values[2] is not None:
                failure.operands.append(("index", see(values[2])))
        elif site.kind is Kind.COMPARE:
            failure.operands = [(slot.role, see(value)) for slot, value in zip(site.event_slots, values, strict=False)]
        elif site.kind is Kind.SETITEM:
            pairs = zip(site.event_slots, values, strict=False)
            failure.operands = [(slot.role, see(value)) for slot, value in pairs]
            failure.operands.append(("index", see(result)))
        return


def _read_recent(failure: Failure, shot: FrameShot, recorder: Recorder) -> None:
    first, last = shot.place[0], shot.place[2]
    for number, result, values in reversed(recorder.events[-60:]):
        if number < 0:
            continue
        site = recorder.sites[number]
        if site.path == shot.path and first - 3 <= site.line and site.end_line <= last + 3:
            failure.recent.append((number, see(result, 1), [see(v, 1) for v in values]))
