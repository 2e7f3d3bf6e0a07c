"""Edits for mistakes of the training loop, by what was found: order, direction, types, data and numbers are here."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from shapecheck.diagnose.finding import Edit, Finding, Span
from shapecheck.diagnose.growing_weights import GROWING, ONE_WAY
from shapecheck.diagnose.left_early import LEFT_EARLY
from shapecheck.diagnose.short_strides import SHORT_STRIDE
from shapecheck.diagnose.trail import ALSO
from shapecheck.diagnose.used_up import USED_UP
from shapecheck.diagnose.wrapped import WRAPPED
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.class_codes import codes_of_classes
from shapecheck.repair.copies import copies, separate
from shapecheck.repair.desk import Desk, places_of
from shapecheck.repair.handed_back import filled_results
from shapecheck.repair.kept_results import kept_results
from shapecheck.repair.loop_turns import after_the_loop, anew_in_each_turn
from shapecheck.repair.lost_steps import applied_once, both_shares
from shapecheck.repair.orders import one_order
from shapecheck.repair.resets import resets
from shapecheck.repair.squares import squared_apart
from shapecheck.repair.strides import whole_strides
from shapecheck.repair.surroundings import Module
from shapecheck.repair.update_order import update_later
from shapecheck.trace.child import Trace

# So many edits of one finding are tried.
_MOST = 40
_ATOMS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_CREATING = frozenset("zeros zeros_like ones ones_like full full_like empty empty_like array arange asarray".split())


Generator = Callable[[Desk, Finding], Iterator[Candidate]]


def loop_edits(trace: Trace, finding: Finding) -> list[Candidate]:
    """Edits that may mend a mistake of the training loop, the likeliest first."""
    path = finding.cause.path
    generate = _GENERATORS.get(finding.code)
    if generate is None or path not in trace.sources or not trace.sources[path].text.endswith("\n"):
        return []
    desk = Desk(Module.parse(trace.sources[path]), path)
    return sorted(generate(desk, finding), key=lambda c: c.cost)[:_MOST]


# -- repetition, direction ------------------------------------------------------------------------------------


def _into_the_loop(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    cause = desk.at(finding.cause)
    if cause is None:
        return
    block = desk.block(cause)
    position = block.index(cause) if cause in block else -1
    loops = [s for s in block[position + 1 :] if isinstance(s, ast.For | ast.While)]
    if position < 0 or not loops:
        return
    above = block[: position + 1]
    related = [s for s in desk.statements(places_of(finding)) if s in above]
    for number, moved in enumerate((sorted(related, key=lambda s: s.lineno), [cause])):
        texts = [line for s in moved for line in desk.lines(s).split("\n")]
        edits = [desk.whole(s) for s in moved]
        cost = 0.5 + 0.4 * number
        yield desk.candidate("compute it in every step", "loop", cost, *edits, desk.before(loops[0].body[0], *texts))


def _downhill(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    for span in places_of(finding):
        node = desk.expression(span)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and span is not finding.location:
            left, right = desk.text(node.left), desk.text(node.right)
            cost = 0.4 if span is finding.cause else 0.6
            edit = desk.edit(node, f"{right} - {left}")
            yield desk.candidate("take the difference the other way round", "sign", cost, edit)
    steps = [finding.location, *(s.span for s in finding.trail if s.note == ALSO)]
    edits = [e for s in steps if (e := _other_direction(desk, s)) is not None]
    if edits and len(edits) == len(steps):
        yield desk.candidate("go down the slope", "sign", 0.5, *edits)


def _shrinking(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """The penalty's derivative added to the gradient, and not taken off it."""
    if finding.title == GROWING:
        edits = [e for span in places_of(finding) if (e := _other_direction(desk, span)) is not None]
        if edits:
            yield desk.candidate("turn the sign of the penalty round", "sign", 0.4, *edits)

    if finding.title == ONE_WAY:
        edits = [e for span in places_of(finding) if (e := _derivative(desk, span)) is not None]
        if edits:
            yield desk.candidate("use the derivative of the penalty", "term", 0.4, *edits)


def _derivative(desk: Desk, span: Span) -> Edit | None:
    """`|w|` within an expression as `sign(w)`, `w ** 2` as `2 * w`."""
    for node in ast.walk(desk.expression(span) or ast.Pass()):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and desk.text(node.right) in {"2", "2.0"}:
            return desk.edit(node, f"2 * {desk.text(node.left)}")
        name = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        if isinstance(node, ast.Call) and (name or getattr(node.func, "id", "")) in {"abs", "absolute", "fabs"}:
            numpy = desk.numpy()
            if numpy is not None:
                return desk.edit(node.func, f"{numpy}.sign")
        if isinstance(node, ast.Call) and name == "square":
            return desk.edit(node, f"2 * {', '.join(map(desk.text, node.args))}")
    return None


def _other_direction(desk: Desk, step: Span) -> Edit | None:
    statement = desk.at(step)
    node = desk.expression(step)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        symbol = "-" if isinstance(node.op, ast.Add) else "+"
        return desk.edit(node, f"{desk.text(node.left)} {symbol} {desk.text(node.right)}")
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add | ast.Sub):
        symbol = "-=" if isinstance(statement.op, ast.Add) else "+="
        return desk.edit(statement, f"{desk.text(statement.target)} {symbol} {desk.text(statement.value)}")
    return None


# -- types, data, numbers -------------------------------------------------------------------------------------------


def _floats(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    node = desk.expression(finding.cause)
    if node is None:
        return
    if finding.title == WRAPPED and isinstance(node, ast.BinOp):
        for operand in (node.left, node.right):
            if not isinstance(operand, ast.Constant):
                atom = desk.text(operand) if isinstance(operand, _ATOMS) else f"({desk.text(operand)})"
                yield desk.candidate(
                    "turn it into floats before", "dtype", 0.4, desk.edit(operand, f"{atom}.astype(float)")
                )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CREATING:
        keyword = next((k for k in node.keywords if k.arg == "dtype"), None)
        if keyword is not None:
            yield desk.candidate("make it of type float", "dtype", 0.4, desk.edit(keyword.value, "float"))
        else:
            text = desk.text(node)
            yield desk.candidate("make it of type float", "dtype", 0.4, desk.edit(node, f"{text[:-1]}, dtype=float)"))
    atom = desk.text(node) if isinstance(node, ast.Call | ast.Name) else f"({desk.text(node)})"
    yield desk.candidate("make it of type float", "dtype", 0.8, desk.edit(node, f"{atom}.astype(float)"))


def _keep_rows(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    if finding.title == SHORT_STRIDE:
        yield from whole_strides(desk, finding)
        return
    if finding.title == USED_UP:
        yield from anew_in_each_turn(desk, finding)
        return
    if finding.title == LEFT_EARLY:
        loop = desk.loop(desk.at(finding.cause) or ast.Pass())
        yield from after_the_loop(desk, loop) if isinstance(loop, ast.For) else ()
        return
    node = desk.expression(finding.cause)
    numpy = desk.numpy()
    if isinstance(node, ast.Call) and numpy is not None:
        edit = desk.edit(node.func, f"{numpy}.random.shuffle")
        yield desk.candidate("shuffle with NumPy, which moves whole rows", "shuffle", 0.4, edit)


def _positive(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    node = desk.expression(finding.cause)
    if isinstance(node, ast.Call) and node.args:
        text = desk.text(node.args[0])
        atom = text if isinstance(node.args[0], ast.Name | ast.Subscript | ast.Call | ast.BinOp) else f"({text})"
        edit = desk.edit(node.args[0], f"{atom} + 1e-12")
        yield desk.candidate("keep the logarithm's argument away from zero", "epsilon", 0.5, edit)


def _below_overflow(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    node = desk.expression(finding.cause)
    if not isinstance(node, ast.Call) or not node.args or not desk.text(node.func).endswith("exp"):
        return
    prefix = desk.text(node.func)[: -len("exp")]
    text = desk.text(node.args[0])
    for number, axis in enumerate((1, 0)):
        shifted = f"{text} - {prefix}max({text}, axis={axis}, keepdims=True)"
        title = "subtract the largest number first"
        yield desk.candidate(title, "shift", 0.5 + 0.1 * number, desk.edit(node.args[0], shifted))


def _random_weights(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    numpy = desk.numpy()
    edits: list[Edit] = []
    for span in places_of(finding):
        node = desk.expression(span)
        calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)] if node is not None else []
        calls = [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr in {"zeros", "ones", "full"}]
        if not calls or numpy is None or not calls[0].args:
            return
        shape = calls[0].args[0]
        sizes = ", ".join(map(desk.text, shape.elts)) if isinstance(shape, ast.Tuple) else f"*{desk.text(shape)}"
        scale = "" if node is not calls[0] else " * 0.1"
        edits.append(desk.edit(calls[0], f"{numpy}.random.randn({sizes}){scale}"))
    if edits:
        yield desk.candidate("draw the weights at random", "random", 0.5, *edits)


_GENERATORS: dict[str, Generator] = {
    "SC303": _shrinking,
    "SC306": both_shares,
    "SC308": squared_apart,
    "SC309": filled_results,
    "SC401": update_later,
    "SC402": _downhill,
    "SC403": resets,
    "SC404": copies,
    "SC405": _floats,
    "SC406": applied_once,
    "SC407": one_order,
    "SC408": _into_the_loop,
    "SC409": _keep_rows,
    "SC410": separate,
    "SC411": kept_results,
    "SC501": _below_overflow,
    "SC502": _positive,
    "SC504": _random_weights,
    "SC505": codes_of_classes,
}

__all__ = ["loop_edits"]
