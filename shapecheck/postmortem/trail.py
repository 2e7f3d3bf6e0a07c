"""How the failing expression's operands came there, as far as frames and text leave no doubt of it."""

from __future__ import annotations

import ast
import types
from collections.abc import Sequence

from shapecheck.diagnose.finding import Operand, TrailStep
from shapecheck.diagnose.trail import broadcast_note, node_span, shape_note
from shapecheck.postmortem.definitions import Definition, Definitions
from shapecheck.postmortem.library import NotKnownError, shape_of
from shapecheck.postmortem.reading import Scene, doubt_of_calls
from shapecheck.postmortem.values import Doubt

_MOST_STEPS = 4


class _Frame:
    """A scene with the definitions of its function."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.statement = scene.statement()
        self.definitions = _definitions(scene)

    def reaching(self, name: str, at: ast.stmt | None = None) -> Definition | None:
        """What gave a name the value that it had at a statement, by default at the failing one."""
        at = at or self.statement
        if at is None or self.definitions is None or name in self.scene.doubt.names:
            return None
        return self.definitions.reaching(name, at)


def _definitions(scene: Scene) -> Definitions | None:
    shared = doubt_of_calls(scene.tree).names
    if scene.frame.f_code.co_name == "<module>":
        return Definitions(scene.tree, shared)
    first = scene.frame.f_code.co_firstlineno
    for node in ast.walk(scene.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == scene.frame.f_code.co_name:
            if min([node.lineno, *(d.lineno for d in node.decorator_list)]) == first:
                return Definitions(node, shared)
    return None


def trail_of(scenes: Sequence[Scene], operands: Sequence[Operand]) -> tuple[TrailStep, ...]:
    """One step for each place that made an operand or handed it on, the earliest first.

    Args:
        scenes: The user's frames, the outermost first.
        operands: Of the expression that the last one failed in.
    """
    frames = [_Frame(scene) for scene in scenes]
    last = frames[-1]
    steps: list[TrailStep] = []
    for operand in operands:
        if operand.span is None:
            continue
        name = _name_in(operand.source)
        if name is not None:
            steps += [s for s in _followed(frames, len(frames) - 1, name) if s not in steps]
    place = (last.scene.source.path, last.scene.shot.place[0])
    kept: dict[tuple[str, int], TrailStep] = {}
    for step in steps:
        if (step.span.path, step.span.line) != place:
            kept.setdefault((step.span.path, step.span.line), step)
    return tuple(list(kept.values())[:_MOST_STEPS])


def _name_in(text: str) -> str | None:
    """The name whose array an operand is, or is a part or the transpose of."""
    try:
        node: ast.expr = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
    while isinstance(node, ast.Attribute) and node.attr == "T":
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _followed(frames: list[_Frame], level: int, name: str) -> list[TrailStep]:
    """The places that a name's value came through, the earliest first."""
    steps: list[TrailStep] = []
    at: ast.stmt | None = None
    while level >= 0 and len(steps) < _MOST_STEPS:
        frame = frames[level]
        definition = frame.reaching(name, at)
        if definition is None or frame.reaching(name) is not definition:
            break  # what it was then is not what it is now
        if isinstance(definition, ast.arg):
            argument = _argument(frames, level, name)
            if argument is None:
                break
            steps.insert(0, _handed_on(frames[level - 1].scene, argument, name, frame.scene))
            level, at = level - 1, None
            if not isinstance(argument, ast.Name):
                break
            name = argument.id
            continue
        if isinstance(definition, ast.Assign | ast.AnnAssign):
            step, source = _assigned(frame, definition, name)
            if step is not None:
                steps.insert(0, step)
            if source is not None:
                name, at = source, definition
                continue
        elif isinstance(definition, ast.For):
            shape = _shape(frame.scene, name)
            if shape is not None:
                steps.insert(0, TrailStep(node_span(frame.scene.source, definition.iter), shape_note(name, shape)))
        break
    return steps


def _shape(scene: Scene, name: str) -> tuple[int, ...] | None:
    try:
        return shape_of(scene.values().of(ast.Name(id=name, ctx=ast.Load())))
    except NotKnownError:
        return None


def _argument(frames: list[_Frame], level: int, name: str) -> ast.expr | None:
    """The expression in the caller that a parameter was given."""
    if level == 0:
        return None
    caller, called = frames[level - 1].scene, frames[level].scene
    if called.entry is not caller.entry.tb_next:
        return None
    call = _call_at(caller)
    if call is None or called.frame.f_code.co_name not in {_last_name(call.func), "__init__", "__call__"}:
        return None
    thing = called.frame.f_locals.get(name)
    # The very object, read from the caller's frame: no other argument is it by accident.
    values = caller.values(doubt_of_calls(caller.tree))
    candidates = [*call.args, *(k.value for k in call.keywords if k.arg == name)]
    matching = []
    for candidate in candidates:
        try:
            if values.of(candidate) is thing:
                matching.append(candidate)
        except NotKnownError:
            continue
    return matching[0] if len(matching) == 1 else None


def _last_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _call_at(scene: Scene) -> ast.Call | None:
    statement = scene.statement()
    if statement is None:
        return None
    found = [n for n in ast.walk(statement) if isinstance(n, ast.Call) and scene.source.place(n) == scene.shot.place]
    return found[0] if len(found) == 1 else None


def _handed_on(caller: Scene, argument: ast.expr, name: str, called: Scene) -> TrailStep:
    shape = _shape(called, name)
    note = shape_note(name, shape) if shape is not None else ""
    function = called.shot.function.rpartition(".")[2]
    return TrailStep(
        node_span(caller.source, argument), f"handed to `{function}`" + (f", where {note}" if note else "")
    )


def _assigned(frame: _Frame, definition: ast.Assign | ast.AnnAssign, name: str) -> tuple[TrailStep | None, str | None]:
    """The step for an assignment, and the name that the shape came from, where it is one."""
    shape = _shape(frame.scene, name)
    if definition.value is None or shape is None:
        return None, None
    step = TrailStep(node_span(frame.scene.source, definition.value), shape_note(name, shape))
    if isinstance(definition, ast.Assign) and not isinstance(definition.targets[0], ast.Name):
        return step, None
    broadcast = _broadcast(frame, definition)
    if broadcast is not None:
        return broadcast, None
    values = frame.scene.values(_changed_since(frame, definition, definition.value))
    try:
        values.of(definition.value)
        names = {n.id: n for n in ast.walk(definition.value) if isinstance(n, ast.Name)}
        arrays = [n for n, node in names.items() if type(values.of(node)).__name__ == "ndarray"]
    except NotKnownError:
        return step, None
    return step, arrays[0] if len(arrays) == 1 else None


def _broadcast(frame: _Frame, definition: ast.Assign | ast.AnnAssign) -> TrailStep | None:
    """The sum, difference or product in an assignment that spread one operand over the other."""
    source = frame.scene.source
    for node in ast.walk(definition.value or definition):
        if not isinstance(node, ast.BinOp) or isinstance(node.op, ast.MatMult):
            continue
        values = frame.scene.values(_changed_since(frame, definition, node))
        try:
            left, right, result = (shape_of(values.of(n)) for n in (node.left, node.right, node))
        except NotKnownError:
            continue
        texts = [source.of(node.left), source.of(node.right)]
        note = broadcast_note(texts, left, right, result)
        if note:
            return TrailStep(node_span(source, node), note)
    return None


def _changed_since(frame: _Frame, definition: ast.stmt, node: ast.AST) -> Doubt:
    """What may have changed between an assignment and the failure: all but names whose definition is still the same."""
    inside = list(ast.walk(node))
    names = {n.id for n in inside if isinstance(n, ast.Name)}
    definitions = frame.definitions
    changed = set()
    for name in names:
        then = definitions.reaching(name, definition) if definitions is not None else None
        is_library = isinstance(frame.scene.frame.f_globals.get(name), types.ModuleType)
        if not is_library and (then is None or then is not frame.reaching(name)):
            changed.add(name)
    return Doubt(frozenset(changed), frozenset(n.attr for n in inside if isinstance(n, ast.Attribute)), items=True)
