"""From an exception's traceback to what a recorded run would have left: the failing expression and its operands."""

from __future__ import annotations

import ast
import types
from dataclasses import dataclass

from shapecheck.postmortem.library import Inferred, NotKnownError
from shapecheck.postmortem.sources import is_users, source_of
from shapecheck.postmortem.values import NO_DOUBT, Doubt, Values, runs_unknown_code
from shapecheck.trace.child import Trace
from shapecheck.trace.facts import ModuleFacts
from shapecheck.trace.failure import UNSEEN, Failure, FrameShot, Seen, failing_site, place_of, see
from shapecheck.trace.rewrite import rewrite
from shapecheck.trace.sites import Kind, Site, SiteTable, Slot, Source, SourceText
from shapecheck.trace.tape import Tape


@dataclass(frozen=True)
class Scene:
    """One of the user's frames as the exception left it.

    Attributes:
        entry: Of the traceback.
        shot: Where it was.
        source: Its file's text.
        tree: The same, parsed.
        doubt: What its exception handlers may have changed since.
    """

    entry: types.TracebackType
    shot: FrameShot
    source: SourceText
    tree: ast.Module
    doubt: Doubt

    @property
    def frame(self) -> types.FrameType:
        """The frame itself."""
        return self.entry.tb_frame

    def values(self, doubt: Doubt = NO_DOUBT) -> Values:
        """What its expressions gave."""
        return Values(self.frame, self.doubt | doubt)

    def statement(self) -> ast.stmt | None:
        """The innermost statement that it was at."""
        return innermost(self.tree, self.shot.place[0])


def innermost(tree: ast.AST, line: int) -> ast.stmt | None:
    """The innermost statement that a line belongs to."""
    best: ast.stmt | None = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            if best is None or node.lineno >= best.lineno:
                best = node
    return best


def scenes_of(error: BaseException) -> list[Scene]:
    """The user's frames of a traceback whose text is at hand, the outermost first.

    Without the text of the innermost one there are none: what happened there cannot be said.
    """
    entries = []
    entry = error.__traceback__
    while entry is not None:
        if is_users(entry.tb_frame.f_code):
            entries.append(entry)
        entry = entry.tb_next
    scenes: list[Scene] = []
    known: dict[str, tuple[SourceText, ast.Module]] = {}
    for entry in reversed(entries):
        scene = _scene(entry, known)
        if scene is not None:
            scenes.insert(0, scene)
        elif not scenes:
            return []
    return scenes


def _scene(entry: types.TracebackType, known: dict[str, tuple[SourceText, ast.Module]]) -> Scene | None:
    code = entry.tb_frame.f_code
    shared = code.co_filename.startswith("<")
    if code.co_filename not in known or shared:
        source = source_of(entry.tb_frame)
        if source is None:
            return None
        known[code.co_filename] = source, ast.parse(source.text)
    source, tree = known[code.co_filename]
    place = place_of(entry, source)
    if place is None:
        return None
    shot = FrameShot(code.co_filename, code.co_qualname.replace(".<locals>", ""), place, {})
    return Scene(entry, shot, source, tree, _doubt_after(entry, tree))


def _doubt_after(entry: types.TracebackType, tree: ast.Module) -> Doubt:
    """What the handlers that ran in a frame after its exception may have changed."""
    if entry.tb_frame.f_lasti == entry.tb_lasti:
        return NO_DOUBT
    restored = _restored_names(entry, tree)
    ran: list[ast.stmt] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Try | ast.TryStar) and node.lineno <= entry.tb_lineno <= (node.end_lineno or 0):
            ran += [*(s for handler in node.handlers for s in handler.body), *node.finalbody]
    inside = [inner for statement in ran for inner in ast.walk(statement)]
    names = {n.id for n in inside if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    names |= restored | {h.name for n in ast.walk(tree) if isinstance(n, ast.Try) for h in n.handlers if h.name}
    attributes = {n.attr for n in inside if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load)}
    stored = any(isinstance(n, ast.Subscript) and not isinstance(n.ctx, ast.Load) for n in inside)
    plain = Doubt(frozenset(names), frozenset(attributes), stored)
    values = Values(entry.tb_frame)
    if any(runs_unknown_code(statement, values) for statement in ran):
        return plain | doubt_of_calls(tree)
    return plain


def _restored_names(entry: types.TracebackType, tree: ast.Module) -> set[str]:
    """The names of a comprehension that runs in the frame around it, which are taken back when it is left."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
            if node.lineno <= entry.tb_lineno <= (node.end_lineno or 0):
                targets = [inner for generator in node.generators for inner in ast.walk(generator.target)]
                found |= {n.id for n in targets if isinstance(n, ast.Name)}
    return found


def doubt_of_calls(tree: ast.Module) -> Doubt:
    """What a call of the user's functions may change: names declared global, attributes bound outside `__init__`."""
    attributes: set[str] = set()
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            continue
        # `self.W -= dW` keeps the shape of an array.
        children = [c for c in ast.iter_child_nodes(node) if not (isinstance(node, ast.AugAssign) and c is node.target)]
        todo.extend(children)
        attributes |= {c.attr for c in children if isinstance(c, ast.Attribute) and not isinstance(c.ctx, ast.Load)}
    return Doubt(frozenset(ModuleFacts(tree).rebound), frozenset(attributes), items=True)


def read_trace(error: BaseException, scenes: list[Scene]) -> Trace:
    """What a recorded run of the same program would have left of its failure; there are no operations."""
    last = scenes[-1]
    table = SiteTable()
    rewrite(last.source.text, last.source.path, table)
    failure = Failure(type(error).__name__, str(error), [scene.shot for scene in scenes])
    site = failing_site(table, last.shot)
    if site is not None:
        failure.site = site.number
        failure.operands = _operands(last, site)
    failure.recent = _compared(last, table)
    failure.frames[-1].names.update(_names(last))
    sources = {scene.source.path: scene.source for scene in scenes}
    tape = Tape(table, complete=False)
    return Trace("exception", 0.0, 1, failure, tape, None, sources, {})


def _operands(scene: Scene, site: Site) -> list[tuple[str, Seen]]:
    """The operands of the failing expression, in the order in which a recording has them."""
    if isinstance(site.node, ast.AugAssign):
        node = site.node
        pairs: list[tuple[str, ast.expr]] = [("target", node.target), ("value", node.value)]
        if isinstance(node.target, ast.Subscript):
            pairs.append(("index", node.target.slice))
        return _seen(scene, pairs)
    if site.kind is Kind.SETITEM:
        slots = [*site.event_slots, *(s for s in site.slots if s.role == "index")]
        # The value of an assignment is evaluated before its target.
        return _seen(scene, [(slot.role, slot.node) for slot in slots])
    return _seen(scene, [(slot.role, slot.node) for slot in site.slots if _is_operand(scene, slot)])


def _is_operand(scene: Scene, slot: Slot) -> bool:
    if slot.source is Source.RELOADED:
        return slot.name is not None and not isinstance(_looked_up(scene.frame, slot.name), types.ModuleType)
    return slot.source in {Source.CONSTANT, Source.HELD, Source.PASSED}


def _looked_up(frame: types.FrameType, name: str) -> object:
    first = name.partition(".")[0]
    return frame.f_locals.get(first, frame.f_globals.get(first))


def _seen(scene: Scene, pairs: list[tuple[str, ast.expr]]) -> list[tuple[str, Seen]]:
    """Read operands, which are evaluated from left to right: a later one may call what changes an earlier one."""
    plain = scene.values()
    found = []
    for role, node in pairs:
        later = [other for _, other in pairs if _begins(other) > _begins(node)]
        called = any(runs_unknown_code(other, plain) for other in later)
        values = scene.values(doubt_of_calls(scene.tree)) if called else plain
        found.append((role, seen(values, node)))
    return found


def _begins(node: ast.expr) -> tuple[int, int]:
    return (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))


def seen(values: Values, node: ast.expr) -> Seen:
    """What an expression gave, as a recording describes it; `UNSEEN` where it cannot be told."""
    try:
        value = values.of(node)
    except NotKnownError:
        return UNSEEN
    return described(value)


def described(value: object) -> Seen:
    """An object as a recording describes it."""
    if type(value) is Inferred:
        return Seen("matrix" if value.matrix else "ndarray", value.shape)
    if type(value) in {list, tuple} and any(type(element) is Inferred for element in value):  # type: ignore[attr-defined]
        elements = tuple((i, described(element)) for i, element in enumerate(value[:100]))  # type: ignore[index]
        return Seen(type(value).__name__, None, None, 0, elements=elements)
    return see(value)


def _compared(scene: Scene, table: SiteTable) -> list[tuple[int, Seen, list[Seen]]]:
    """What the comparisons of the failing statement saw, the last one first."""
    statement = scene.statement()
    test = getattr(statement, "test", None)
    if test is None:
        return []
    values = scene.values()
    if runs_unknown_code(test, values):
        values = scene.values(doubt_of_calls(scene.tree))
    found = []
    for node in _evaluated(test, values):
        for site in table.at(scene.source.path, *scene.source.place(node)):
            operands = [seen(values, slot.node) for slot in site.event_slots]
            if site.kind is Kind.COMPARE and UNSEEN not in operands:
                found.append((site.number, Seen("bool"), operands))
    return found[::-1]


def _evaluated(test: ast.expr, values: Values) -> list[ast.Compare]:
    """The comparisons of a condition that were made before it turned out false."""
    if isinstance(test, ast.Compare):
        return [test]
    if isinstance(test, ast.UnaryOp):
        return _evaluated(test.operand, values)
    if not isinstance(test, ast.BoolOp):
        return []
    found: list[ast.Compare] = []
    for part in test.values:
        found += _evaluated(part, values)
        try:
            truth = values.of(part)
        except NotKnownError:
            return []  # which of them it was cannot be told
        if type(truth) is not bool or truth is isinstance(test.op, ast.Or):
            break
    return found


def _names(scene: Scene) -> dict[str, Seen]:
    """The names that a failed assertion looks at."""
    statement = scene.statement()
    if not isinstance(statement, ast.Assert):
        return {}
    values = scene.values()
    wanted = {n.id: n for n in ast.walk(statement.test) if isinstance(n, ast.Name)}
    every = {name: seen(values, node) for name, node in wanted.items()}
    return {name: one for name, one in every.items() if one is not UNSEEN}
