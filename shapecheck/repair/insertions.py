"""Statements that are not there: written as their neighbours are, to do for one array what these do for others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.finding import Edit
from shapecheck.diagnose.missing import Missing, Neighbour, names_of
from shapecheck.repair.aims import Aim
from shapecheck.repair.audition import Instance
from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.desk import does_nothing
from shapecheck.repair.step_texts import in_turns
from shapecheck.repair.surroundings import Module, Surroundings
from shapecheck.repair.terms import (
    Term,
    arrays_in_scope,
    is_number,
    likeness,
    outer_products,
    products,
    reductions,
    scaled,
)
from shapecheck.repair.uncalled import uncalled
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Tape

_SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-"}
_MOST_INSTANCES = 12
_MOST_TARGETS = 3
_MOST_ROWS = 5
# So many products of arrays in scope are heard.
_MOST = 600


@dataclass(frozen=True)
class Insertion:
    """A statement to be written beside a neighbour.

    Attributes:
        beside: The neighbour.
        first: Whether it comes before the neighbour: weights are stepped before their biases.
        target: What the statement changes, as it is called there.
        sign: `+` or `-`.
        in_place: Whether it is to be `target -= value`; else `target = target - value`.
        idle: A statement that does nothing, in whose place it comes: `b = b`, or `pass`.
    """

    path: str
    beside: ast.stmt
    first: bool
    idle: ast.stmt | None
    indent: str
    target: str
    sign: str
    in_place: bool
    moves: bool

    def candidate(self, text: str, cost: float) -> Candidate:
        """The statement with a value, as an edit."""
        told = f"{self.target} {self.sign}= {text}" if self.in_place else f"{self.target} = {self._difference(text)}"
        if self.idle is None:
            line = self.beside.lineno if self.first else (self.beside.end_lineno or self.beside.lineno) + 1
            edit = Edit(self.path, line, 1, line, 1, f"{self.indent}{told}\n")
        else:
            line, start = self.idle.lineno, len(self.indent) + 1
            edit = Edit(
                self.path, line, start, line, start + (self.idle.end_col_offset or 0) - self.idle.col_offset, told
            )
        title = f"update `{self.target}`, too" if self.moves else f"add to `{self.target}`, too"
        return Candidate(title, "missing statement", (edit,), cost, self.path, line)

    def _difference(self, text: str) -> str:
        loose = isinstance(ast.parse(text.strip(), mode="eval").body, ast.BinOp | ast.IfExp | ast.Compare)
        plain = not loose or isinstance(getattr(ast.parse(text.strip(), mode="eval").body, "op", None), _TIGHT)
        return f"{self.target} {self.sign} {text}" if plain else f"{self.target} {self.sign} ({text})"


_TIGHT = (ast.Mult, ast.MatMult, ast.Div, ast.Pow)


def insertions(tape: Tape, surroundings: Surroundings, missing: Missing) -> Iterator[tuple[Aim, list[Insertion]]]:
    """The neighbours' values, to be rewritten as what is wanted, and the statements that these are for."""
    for neighbour in missing.neighbours:
        site = tape.sites[neighbour.site]
        module = surroundings.modules.get(site.path)
        statement = _statement(module, (site.line, site.column, site.end_line, site.end_column)) if module else None
        if module is None or statement is None:
            continue
        target, value, sign = _read(module, statement)
        lines = module.source.lines
        head = lines[statement.lineno - 1][: module.source.place(statement)[1] - 1]
        alone = not head.strip() and lines[(statement.end_lineno or 1) - 1].endswith("\n")
        if target is None or value is None or not alone:
            continue
        aim = Aim(site.path, value, tuple(_instances(tape, neighbour)))
        turning = _in_turns(tape, module, statement, missing)
        others = _targets(tape, module.source.of(target), missing, neighbour)
        held = _held_as(Place(surroundings, site.path, statement, 0), tape, missing)
        texts = list(dict.fromkeys((*turning, *held, *others)))[:_MOST_TARGETS]
        in_place = isinstance(statement, ast.AugAssign)
        first = missing.moves and tape.values[missing.array].size > tape.values[neighbour.array].size
        yield (
            aim,
            [
                Insertion(
                    site.path,
                    statement,
                    first,
                    idle_beside(module, statement, t),
                    head,
                    t,
                    sign,
                    in_place,
                    missing.moves,
                )
                for t in texts
            ],
        )


def whole_values(place: Place, node: ast.expr, shape: tuple[int, ...]) -> Iterator[Candidate]:
    """What is at hand of a shape, in the place of a neighbour's value."""
    own = place.text(node)
    before, after = _scale(place, node)
    for text in _named(place, shape):
        yield place.candidate(f"use `{text}`", "name", node, text, 1.5 - 0.5 * likeness(own, text))
        if before or after:  # what has a name already comes before what is made anew
            told = f"{before}{text}{after}"
            yield place.candidate(f"use `{told}`", "name", node, told, 1.4 - 0.5 * likeness(own, told))
    for term in _made(place, shape):
        yield place.candidate(f"use `{term.text}`", "product", node, term.text, 1.6 + term.cost)
        if before or after:
            told = f"{before}({term.text}){after}"
            yield place.candidate(f"use `{told}`", "product", node, told, 1.5 + term.cost)
    yield place.candidate(f"use `{own}`", "name", node, own, 1.5)


def times_values(place: Place, node: ast.expr, shape: tuple[int, ...]) -> Iterator[Candidate]:
    """A number times what is at hand of a shape: `rate` becomes `rate * (X.T @ d)`, and `rate / n` `rate * dW / n`."""
    terms = [(text, 0.0) for text in _named(place, shape)]
    terms += [(f"({term.text})", 0.2 + term.cost) for term in _made(place, shape)]
    terms += [(call, 0.0) for call in uncalled(place)]
    number, rest = node, ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Mult):
        number, rest = node.left, place.text(node)[len(place.text(node.left)) :]
    plain = isinstance(number, ast.Name | ast.Attribute | ast.Constant | ast.Subscript | ast.Call)
    own = place.text(number) if plain else f"({place.text(number)})"
    before = "-" if own.strip("()") in {"-1", "-1.0"} else f"{own} * "
    for text, more in terms:
        bare = before == "-" and text[0] == "(" and not isinstance(ast.parse(text, mode="eval").body, ast.BinOp)
        told = f"{before}{text[1:-1] if bare else text}{rest}"
        yield place.candidate(f"use `{told}`", "missing factor", node, told, 1.2 + more - 0.5 * likeness(own, text))


def _named(place: Place, shape: tuple[int, ...]) -> list[str]:
    return [text for text, seen in arrays_in_scope(place).items() if seen.shape == shape]


def _made(place: Place, shape: tuple[int, ...]) -> tuple[Term, ...]:
    return (
        *reductions(place, shape),
        *products(place, shape, _MOST),
        *outer_products(place, shape, _MOST),
        *scaled(place, shape, _MOST),
    )


def _scale(place: Place, node: ast.expr) -> tuple[str, str]:
    """What a neighbour's value is multiplied and divided by: `rate * ` and ` / n` of `rate * a.T @ d / n`."""
    before, after = "", ""
    while isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mult) and _is_number(place, node.left):
            before, node = f"{before}{place.text(node.left)} * ", node.right
        elif isinstance(node.op, ast.Div | ast.Mult) and _is_number(place, node.right):
            sign = "/" if isinstance(node.op, ast.Div) else "*"
            after, node = f" {sign} {place.text(node.right)}{after}", node.left
        elif isinstance(node.op, ast.MatMult):
            node = node.left
        else:
            break
    return before, f"{_averaged(place, node)}{after}"


def _averaged(place: Place, node: ast.expr) -> str:
    """What a mean over an axis divides by: ` / len(d)` for `d.mean(axis=0)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "mean":
        return ""
    method = place.shape(node.func.value) is not None
    of = node.func.value if method else next(iter(node.args), None)
    given = [k.value for k in node.keywords if k.arg == "axis"] or node.args[0 if method else 1 :]
    axis = given[0].value if given and isinstance(given[0], ast.Constant) else None
    if of is None or not isinstance(axis, int):
        return ""
    return f" / len({place.text(of)})" if axis == 0 else f" / {place.text(of)}.shape[{axis}]"


def _is_number(place: Place, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return is_number(node.value)
    if not isinstance(node, ast.Name | ast.Attribute):
        return place.shape(node) == ()
    seen = place.look(place.text(node))
    return place.shape(node) == () or (seen is not None and is_number(seen.literal))


def _instances(tape: Tape, neighbour: Neighbour) -> Iterator[Instance]:
    for turn in neighbour.turns[:_MOST_INSTANCES]:
        recorded: Any = tape.values[turn.brought].array
        if recorded is not None:
            yield Instance(recorded, (np.asarray(turn.wanted),), turn.ordinal, exact=neighbour.exact)


# -- loops that do nothing ------------------------------------------------------------------------------------------


def additions_in_idle_loops(tape: Tape, surroundings: Surroundings, missing: Missing) -> Iterator[Candidate]:
    """A row added in every turn of a loop that does nothing: `for i in ids: table[i] += d`."""
    made = tape.site_of(missing.array)
    module = surroundings.modules.get(made.path) if made is not None else None
    if made is None or module is None:
        return
    name = next((n for n, functions in names_of(tape, missing.array).items() if made.function in functions), None)
    row = tape.values[missing.array].shape[1:]
    bound = {s.bound_to: tape.values[o.result].shape for o, s in _made_in(tape, made.path, made.function)}
    arrays = [text for text, shape in bound.items() if text is not None and shape == row and text.isidentifier()]
    for loop in [n for n in module.parents if isinstance(n, ast.For) and module.functions[n] == made.function]:
        if name is None or not does_nothing(loop) or not isinstance(loop.target, ast.Name):
            continue
        idle = loop.body[-1]
        for number, array in enumerate(arrays[-_MOST_ROWS:][::-1]):
            for cost, rest in ((0.0, ""), (0.05, f" / len({module.source.of(loop.iter)})")):
                edit = Edit(made.path, *module.source.place(idle), f"{name}[{loop.target.id}] += {array}{rest}")
                title = f"add `{array}{rest}` to `{name}` in every turn"
                yield Candidate(title, "missing statement", (edit,), 0.1 + cost + 0.1 * number, made.path, idle.lineno)


def _made_in(tape: Tape, path: str, function: str) -> Iterator[tuple[Operation, Site]]:
    for operation in tape.operations:
        site = tape.sites[operation.site] if operation.site is not None else None
        if site is not None and (site.path, site.function) == (path, function):
            yield operation, site


# -- reading the neighbour ------------------------------------------------------------------------------------------


def _statement(module: Module, place: tuple[int, int, int, int]) -> ast.stmt | None:
    """The assignment that is at a place, or whose value is."""
    for node in module.parents:
        if isinstance(node, ast.AugAssign) and module.source.place(node) == place:
            return node
        if isinstance(node, ast.Assign) and module.source.place(node.value) == place:
            return node
    return None


def _read(module: Module, statement: ast.stmt) -> tuple[ast.expr | None, ast.expr | None, str]:
    """(what it changes, what it adds or subtracts, the sign) of `w -= step` and `w = w - step`."""
    if isinstance(statement, ast.AugAssign):
        sign = _SIGNS.get(type(statement.op), "")
        return (statement.target, statement.value, sign) if sign else (None, None, "")
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
        sign = _SIGNS.get(type(value.op), "")
        if sign and module.source.of(target) == module.source.of(value.left):
            return target, value.right, sign
    return None, None, ""


def idle_beside(module: Module, neighbour: ast.stmt, target: str = "") -> ast.stmt | None:
    """A statement of another one's block that does nothing: a `pass` beside others, or `b = b` for a target `b`."""
    parent = module.parents.get(neighbour)
    blocks = (getattr(parent, name, None) for name in ("body", "orelse", "finalbody"))
    block: list[ast.stmt] = next((b for b in blocks if isinstance(b, list) and neighbour in b), [])
    for statement in block:
        kept = isinstance(statement, ast.Assign) and [module.source.of(t) for t in statement.targets] == [target]
        kept = kept and isinstance(statement, ast.Assign) and module.source.of(statement.value) == target
        kept = kept or isinstance(statement, ast.Pass)
        header = getattr(parent, "lineno", 0)
        alone = [s for s in block if s.lineno == statement.lineno] == [statement] and statement.lineno > header
        if kept and alone and statement.col_offset == neighbour.col_offset:
            return statement
    return None


# -- what the array is called there ---------------------------------------------------------------------------------


def _in_turns(tape: Tape, module: Module, statement: ast.stmt, missing: Missing) -> tuple[str, ...]:
    """What the loops around a neighbour call the array: `w` where they go over `zip(self.weights, self.biases)`."""
    found: tuple[str, ...] = ()
    around = module.parents.get(statement)
    while around is not None and not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(around, ast.For):
            stored = {n.id for n in ast.walk(around.target) if isinstance(n, ast.Name)}
            names = in_turns(names_of(tape, missing.array), around, {})
            found = (*found, *(name for name in names if name in stored))
        around = module.parents.get(around)
    return found


def _targets(tape: Tape, spoken: str, missing: Missing, neighbour: Neighbour) -> Iterator[str]:
    """How the array may be called where its neighbour is called as it is: as that is, with what tells them apart."""
    own, others = names_of(tape, missing.array), names_of(tape, neighbour.array)
    here = tape.sites[neighbour.site].function
    alike = False
    for name in own:
        for other in others:
            changes = _differences(other, name)
            text = _changed(spoken, changes) if changes else spoken
            if text != spoken:
                alike = True
                yield text
    if not alike:
        yield from sorted(own, key=lambda name: here not in own[name])


def _held_as(place: Place, tape: Tape, missing: Missing) -> Iterator[str]:
    """What the attribute of an object, of which its methods speak as their own, is called elsewhere: `first.w`."""
    if any(name.startswith("self.") for name in names_of(tape, missing.array)):
        identity = tape.values[missing.array].identity
        yield from (text for text, seen in arrays_in_scope(place).items() if seen.identity == identity)


def _differences(first: str, second: str) -> dict[Any, Any]:
    """What is to be exchanged in one name to make another of it; empty where they are built otherwise."""
    try:
        one, other = ast.parse(first, mode="eval").body, ast.parse(second, mode="eval").body
    except SyntaxError:
        return {}
    found: dict[Any, Any] = {}
    pairs = list(zip(ast.walk(one), ast.walk(other), strict=False))
    if len(list(ast.walk(one))) != len(list(ast.walk(other))):
        return {}
    for left, right in pairs:
        if type(left) is not type(right):
            return {}
        for field in ("id", "attr", "value"):
            old, new = getattr(left, field, None), getattr(right, field, None)
            if isinstance(old, str | int) and old != new:
                found.update(_shortest(old, new))
    return found


def _shortest(old: Any, new: Any) -> dict[Any, Any]:
    """`W1` -> `b1`, and `W` -> `b`: a key may be put together of a name and a number."""
    found = {old: new}
    if isinstance(old, str) and isinstance(new, str):
        while old and new and old[-1] == new[-1] and (old[-1].isdigit() or old[-1] == "_"):
            old, new = old[:-1], new[:-1]
            found[old] = new
    return found


class _Exchange(ast.NodeTransformer):
    def __init__(self, changes: dict[Any, Any]) -> None:
        self.changes = changes

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.changes.get(node.id, node.id), node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        value = self.visit(node.value)
        return ast.Attribute(value, self.changes.get(node.attr, node.attr), node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant(self.changes.get(node.value, node.value))


def _changed(text: str, changes: dict[Any, Any]) -> str:
    """An expression's text with names and keys exchanged, quoted as it was."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return text
    changed = ast.unparse(_Exchange(changes).visit(tree))
    return changed.replace("'", '"') if '"' in text and "'" not in text else changed


__all__ = ["Insertion", "additions_in_idle_loops", "idle_beside", "insertions", "whole_values"]
