"""Lists that an update goes through with the arrays added that they leave out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.diagnose.short_lists import last_name, parts, short_list, spellings
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An array that no step moves, beside one that a step moves.

    Attributes:
        names, mates: What the program calls the two.
        gradients: What it calls the gradient of the one that is left out.
    """

    names: tuple[str, ...]
    mates: tuple[str, ...]
    gradients: tuple[str, ...] = ()


def left_out(course: Course, finding: Finding) -> list[LeftOut]:
    """What a finding of halves of layers that nothing moves leaves out."""
    gradients = {one.array: one.gradient for one in course.unapplied.get(finding.parameters, ())}
    found = []
    for value, mate in course.unmoved.get(finding.parameters, ()):
        called = [spellings(course.tape, v) if v is not None else () for v in (value, mate, gradients.get(value))]
        found.append(LeftOut(*called))
    return found


def fuller_lists(trace: Trace, finding: Finding, left_out: Sequence[LeftOut]) -> Iterator[Candidate]:
    """The list that the loop around a step goes through, with an item for each array that is left out."""
    source = trace.sources.get(finding.location.path)
    if source is None or not source.text.endswith("\n"):
        return
    desk = Desk(Module.parse(source), source.path)
    edits: list[Edit] = []
    added: list[str] = []
    for one in left_out:
        found = short_list(source, finding.location.line, one.mates)
        own = _item(desk, found.node.elts[found.position], one) if found is not None else ""
        gradient = min(one.gradients, key=len, default="")
        if found is None or not own or (found.beside and not gradient):
            return
        edits.append(_after(desk, found.node.elts[found.position], own))
        edits += [_after(desk, other.elts[found.position], gradient) for other in found.beside]
        added.append(own)
    if added and len({(e.line, e.column) for e in edits}) == len(edits):
        named = " and ".join(f"`{text}`" for text in added)
        yield desk.candidate(f"let the loop run over {named}, too", "turns", 0.2, *edits)


def _after(desk: Desk, item: ast.expr, text: str) -> Edit:
    return desk.edit(item, f"{desk.text(item)}, {text}")


def _item(desk: Desk, item: ast.expr, one: LeftOut) -> str:
    """What stands for the array that is left out, written as its mate's item; empty where its gradient has no name."""
    keys = {last_name(mate): last_name(one.names[0]) for mate in one.mates} if one.names else {}
    written, unchanged = [], 0
    for part in parts(item):
        text = desk.text(part)
        if {text, ast.unparse(part)} & set(one.mates):
            alike = [name for name in one.names if name.isidentifier() == text.isidentifier()]
            text = (alike or one.names or ("",))[0]
        for node in [n for n in ast.walk(part) if isinstance(n, ast.Constant)] if text == desk.text(part) else ():
            if isinstance(node.value, str) and node.value in keys:
                text = text.replace(desk.text(node), desk.text(node).replace(node.value, keys[node.value]))
        if text == desk.text(part):
            unchanged += 1
            text = min(one.gradients, key=len, default="")
        written.append(text)
    if unchanged > 1 or not all(written):
        return ""
    if not isinstance(item, ast.List | ast.Tuple):
        return written[0]
    inside = ", ".join(written)
    return f"[{inside}]" if isinstance(item, ast.List) else f"({inside})"


__all__ = ["LeftOut", "fuller_lists"]
