"""Edits for mistakes of the training loop: statements moved or left out, arrays copied, reset, made of floats."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from shapecheck.diagnose.compounding_rates import COMPOUNDING
from shapecheck.diagnose.finding import Edit, Finding, Span
from shapecheck.diagnose.growing_weights import GROWING, ONE_WAY
from shapecheck.diagnose.kept_best import KEPT_BEST
from shapecheck.diagnose.later import OVERWRITTEN
from shapecheck.diagnose.later_passes import LATER_PASS
from shapecheck.diagnose.left_early import LEFT_EARLY
from shapecheck.diagnose.left_views import LEFT_VIEW
from shapecheck.diagnose.moments import KEPT_CORRECTED, ONE_ARRAY
from shapecheck.diagnose.moved_copies import MOVED_COPY
from shapecheck.diagnose.moved_views import MOVED_VIEW
from shapecheck.diagnose.one_object import ONE_OBJECT
from shapecheck.diagnose.overwritten_shares import OVERWRITTEN_SHARE
from shapecheck.diagnose.replaced import BECOMES_ITS_STEP
from shapecheck.diagnose.short_strides import SHORT_STRIDE
from shapecheck.diagnose.trail import ALSO
from shapecheck.diagnose.used_up import USED_UP
from shapecheck.diagnose.wrapped import WRAPPED
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.class_codes import codes_of_classes
from shapecheck.repair.desk import Desk, places_of
from shapecheck.repair.first_rates import first_rates
from shapecheck.repair.handed_back import filled_results
from shapecheck.repair.in_place import arrays_themselves, in_place
from shapecheck.repair.kept_best import copies_of_the_best
from shapecheck.repair.kept_results import kept_results
from shapecheck.repair.loop_turns import after_the_loop, anew_in_each_turn
from shapecheck.repair.moments import own_arrays
from shapecheck.repair.orders import one_order
from shapecheck.repair.resets import resets
from shapecheck.repair.strides import whole_strides
from shapecheck.repair.surroundings import Module
from shapecheck.repair.update_order import SYMBOLS, update_later
from shapecheck.trace.child import Trace

# So many edits of one finding are tried.
_MOST = 40
_PLACES = (ast.Name, ast.Attribute, ast.Subscript)
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


# -- order and copies -----------------------------------------------------------------------------------------------


def _copies(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Ways not to write into an array that somebody else keeps."""
    if finding.title == LATER_PASS:
        return
    if finding.title == ONE_OBJECT:
        made = desk.expression(finding.cause)
        here = [] if made is None else [desk.source.place(made)[:2]]
        listed = (c for c in _own_arrays(desk) if [(c.edits[0].line, c.edits[0].column)] == here)
        yield from (replace(c, title="make an object of its own for each") for c in listed)
        return
    if finding.title == MOVED_VIEW and (rows := desk.expression(finding.cause)) is not None:
        yield desk.candidate(
            f"keep a copy of `{desk.text(rows)}`", "copy", 0.4, desk.edit(rows, f"{desk.text(rows)}.copy()")
        )
    if finding.title == KEPT_BEST:
        yield from copies_of_the_best(desk, finding)
        return
    change = desk.at(finding.cause)
    if finding.title == OVERWRITTEN and isinstance(change, ast.AugAssign):
        yield from _made_once_more(desk, finding, change)
    if isinstance(change, ast.Assign) and isinstance(change.targets[0], ast.Subscript):
        target = change.targets[0]
        if isinstance(target.slice, ast.Slice | ast.Constant) and desk.text(target.slice) in {":", "..."}:
            name = desk.text(target.value)
            yield desk.candidate(f"make a new array for `{name}`", "copy", 0.5, desk.edit(target, name))
    if isinstance(change, ast.AugAssign):
        name, value = desk.text(change.target), desk.text(change.value)
        symbol = SYMBOLS.get(type(change.op))
        if symbol is not None:
            text = f"{name} = {name} {symbol} ({value})" if symbol not in "+-" else f"{name} = {name} {symbol} {value}"
            yield desk.candidate(f"make a new array for `{name}`", "copy", 0.5, desk.edit(change, text))
    yield from _kept_copies(desk, finding)
    yield from _own_arrays(desk)


def _made_once_more(desk: Desk, finding: Finding, change: ast.AugAssign) -> Iterator[Candidate]:
    """What an array held before it was changed, computed anew where that is read: dropout is on top of a sigmoid."""
    reader, name = desk.at(finding.location), desk.text(change.target)
    function = desk.module.enclosing_function(change)
    first = function.lineno if function is not None else 1
    births = (s for s in ast.walk(desk.module.tree) if isinstance(s, ast.Assign) and first <= s.lineno < change.lineno)
    made = [s.value for s in births if any(desk.text(t) == name for t in s.targets)]
    read = [n for n in ast.walk(reader or ast.Pass()) if isinstance(n, ast.expr) and desk.text(n) == name]
    read = [n for n in read if isinstance(getattr(n, "ctx", None), ast.Load)]
    if made and read and reader is not change:
        value = desk.text(made[-1])
        text = value if isinstance(made[-1], _ATOMS) else f"({value})"
        yield desk.candidate(f"compute `{value}` anew here", "copy", 0.45, *(desk.edit(n, text) for n in read))


def _kept_copies(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    nodes = list(desk.module.expressions())
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        near = 0.01 * min(abs(node.lineno - finding.cause.line), abs(node.lineno - finding.location.line), 40)
        for keyword in node.keywords:
            if keyword.arg == "out" and isinstance(keyword.value, ast.Name | ast.Attribute):
                rest = [desk.text(a) for a in node.args]
                rest += [f"{k.arg}={desk.text(k.value)}" for k in node.keywords if k is not keyword and k.arg]
                text = f"{desk.text(node.func)}({', '.join(rest)})"
                statement = desk.module.parents.get(node)
                if isinstance(statement, ast.Expr):
                    text = f"{desk.text(keyword.value)} = {text}"
                yield desk.candidate(
                    "write the result into an array of its own", "copy", 0.6 + near, desk.edit(node, text)
                )
        appends = isinstance(node.func, ast.Attribute) and node.func.attr == "append"
        for argument in node.args:
            if not isinstance(argument, ast.Name | ast.Attribute | ast.Subscript) or (
                isinstance(node.func, ast.Name)
                and (node.func.id in {"range", "len", "zip", "print", "enumerate", "float", "int", "reversed"})
            ):
                continue
            name = desk.text(argument)
            cost = (0.7 if appends else 1.4) + near
            yield desk.candidate(f"keep a copy of `{name}`", "copy", cost, desk.edit(argument, f"{name}.copy()"))
    for statement in ast.walk(desk.module.tree):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name | ast.Attribute | ast.Subscript):
            near = 0.01 * min(abs(statement.lineno - finding.cause.line), 40)
            name = desk.text(statement.value)
            edit = desk.edit(statement.value, f"{name}.copy()")
            yield desk.candidate(f"keep a copy of `{name}`", "copy", 0.9 + near, edit)


def _own_arrays(desk: Desk) -> Iterator[Candidate]:
    """`[zeros] * n` is n times one array; where there are several such lists, all of them together come first."""
    arrays: list[Edit] = []
    for node in desk.module.expressions():
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
            continue
        for listed, count in ((node.left, node.right), (node.right, node.left)):
            if isinstance(listed, ast.List) and len(listed.elts) == 1 and not isinstance(listed.elts[0], ast.Constant):
                text = f"[{desk.text(listed.elts[0])} for _ in range({desk.text(count).strip('()') or 0})]"
                kind = "an array" if isinstance(listed.elts[0], ast.Call) else "a list"
                if isinstance(count, ast.BinOp):
                    text = f"[{desk.text(listed.elts[0])} for _ in range({desk.text(count)})]"
                edit = desk.edit(node, text)
                arrays += [edit] if isinstance(listed.elts[0], ast.Call) else []
                yield desk.candidate(f"make {kind} of its own for each", "copy", 0.4, edit)
    if len(arrays) > 1:
        yield desk.candidate("make an array of its own for each", "copy", 0.35, *arrays)


def _separate(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """An array of its own for each parameter's velocity."""
    if finding.title == COMPOUNDING:
        yield from first_rates(desk, finding)
    elif finding.title not in {KEPT_CORRECTED, ONE_ARRAY}:
        yield from _own_arrays(desk)
        yield from own_arrays(desk)


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


# -- steps that are lost or doubled ---------------------------------------------------------------------------------


def _once(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    statement = desk.at(finding.cause)
    if statement is None:
        return
    if finding.title == MOVED_COPY:
        yield from arrays_themselves(desk, finding)
        return
    together = desk.statements([finding.cause, *(s.span for s in finding.trail if s.note == ALSO)])
    if finding.title.endswith(BECOMES_ITS_STEP):
        yield from _added_to_what_was(desk, together)
        return
    places = _PLACES if finding.title == LEFT_VIEW else (ast.Name,)
    edits = [e for s in together if (e := in_place(desk, s, places)) is not None]
    if edits and len(edits) == len(together):
        yield desk.candidate("change the array itself", "in place", 0.5, *edits)
    kept = [e for s in together if (e := _kept(desk, s)) is not None]
    if kept and len(kept) == len(together):
        yield desk.candidate("keep the result where it belongs", "in place", 0.6, *kept)
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        yield from _from_the_start(desk, statement)
    if "second time" in finding.title and len(desk.block(statement)) > 1:
        what = "addition" if "adds" in finding.title else "step"
        yield desk.candidate(f"leave out the second {what}", "delete", 0.9, desk.whole(statement))
    yield from _like_its_neighbours(desk, finding, statement)


def _added_to_what_was(desk: Desk, statements: Sequence[ast.stmt]) -> Iterator[Candidate]:
    """`b = rate * db` as a step of what `b` was, up or down."""
    for down in (True, False):
        edits = []
        for statement in statements:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                name, value = desk.text(statement.targets[0]), desk.text(statement.value)
                if isinstance(statement.value, ast.BinOp) and isinstance(statement.value.op, ast.Add | ast.Sub):
                    value = f"({value})"
                minus = value.startswith("-")
                symbol = "-=" if down != minus else "+="
                edits.append(desk.edit(statement, f"{name} {symbol} {value[minus:].lstrip()}"))
        if edits and len(edits) == len(statements):
            verb = "subtract the step from" if down else "add the step to"
            yield desk.candidate(f"{verb} what was there", "in place", 0.4, *edits)


def _both_shares(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`dh = ...`, which overwrites another share, as an addition to it."""
    statement = desk.at(finding.cause)
    if finding.title == OVERWRITTEN_SHARE and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        name = desk.text(statement.targets[0])
        text = f"{name} += {desk.text(statement.value)}"
        yield desk.candidate(f"add it to `{name}`", "in place", 0.4, desk.edit(statement, text))


def _kept(desk: Desk, statement: ast.stmt) -> Edit | None:
    """`total + g` by itself, or `db = b - rate * db`, with the result kept where its first operand is."""
    if not isinstance(statement, ast.Expr | ast.Assign) or not isinstance(statement.value, ast.BinOp):
        return None
    value = statement.value
    symbol = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}.get(type(value.op))
    if symbol is None or not isinstance(value.left, ast.Name | ast.Attribute | ast.Subscript):
        return None
    if isinstance(statement, ast.Expr):
        return desk.edit(statement, f"{desk.text(value.left)} {symbol} {desk.text(value.right)}")
    target = statement.targets[0]
    if len(statement.targets) > 1 or desk.text(target) == desk.text(value.left):
        return None
    return desk.edit(target, desk.text(value.left))


def _from_the_start(desk: Desk, statement: ast.Assign) -> Iterator[Candidate]:
    """`theta[0] = theta[0] - ...`, where `theta` has been moved already: start from what it was made of."""
    target = statement.targets[0]
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        return
    name = target.value.id
    function = desk.module.enclosing_function(statement)
    for other in ast.walk(function or desk.module.tree):
        if not isinstance(other, ast.Assign) or other.lineno >= statement.lineno:
            continue
        if desk.text(other.targets[0]) == name and isinstance(other.value, ast.Attribute | ast.Name | ast.Subscript):
            source = desk.text(other.value)
            reads = [n for n in ast.walk(statement.value) if isinstance(n, ast.Name) and n.id == name]
            edits = [desk.edit(n, source) for n in reads]
            if edits and source != name:
                yield desk.candidate(f"start from `{source}`, which has not been moved", "name", 0.5, *edits)


def _like_its_neighbours(desk: Desk, finding: Finding, statement: ast.stmt) -> Iterator[Candidate]:
    """A gradient that nobody applies, applied as the others are."""
    bound = desk.text(statement.targets[0]) if isinstance(statement, ast.Assign) else ""
    if "never updated" not in finding.title or not bound or not finding.parameters:
        return
    function = desk.module.enclosing_function(statement)
    updates = [n for n in ast.walk(function or desk.module.tree) if isinstance(n, ast.AugAssign)]
    updates = [n for n in updates if isinstance(n.op, ast.Sub | ast.Add) and n.lineno > statement.lineno]
    common = set.intersection(*(_names(n.value) for n in updates)) if len(updates) > 1 else set()
    for number, update in enumerate(reversed(updates)):
        own = [n for n in ast.walk(update.value) if isinstance(n, ast.Name) and n.id not in common]
        if len(own) != 1:
            continue
        symbol = "-=" if isinstance(update.op, ast.Sub) else "+="
        value = desk.text(update.value).replace(own[0].id, bound)
        text = f"{finding.parameters[0]} {symbol} {value}"
        edit = desk.after(update, text)
        yield desk.candidate(f"update `{finding.parameters[0]}` too", "insert", 0.5 + 0.1 * number, edit)
        return


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


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
    "SC306": _both_shares,
    "SC309": filled_results,
    "SC401": update_later,
    "SC402": _downhill,
    "SC403": resets,
    "SC404": _copies,
    "SC405": _floats,
    "SC406": _once,
    "SC407": one_order,
    "SC408": _into_the_loop,
    "SC409": _keep_rows,
    "SC410": _separate,
    "SC411": kept_results,
    "SC501": _below_overflow,
    "SC502": _positive,
    "SC504": _random_weights,
    "SC505": codes_of_classes,
}

__all__ = ["loop_edits"]
