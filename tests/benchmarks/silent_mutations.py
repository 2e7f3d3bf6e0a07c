"""Small mistakes in the backward pass and the update of a right program, of the kinds that run and learn badly.

Where the backward pass is, is read off names, as a person skims a program: functions called `backward`, targets called
`dW` or `delta`. What lies elsewhere is left alone: a mistake in the forward pass could as well be
mended in the backward pass.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from mutation import Code, Edits, Kinds, called, neighbours
from shape_mutations import add_transpose, drop_transpose, swap_operands

BACKWARD = re.compile(
    r"back|bwd|grad|nabla|deriv|prime|slope|delta|bptt|update|descen|optim|apply|improve|adjust|learn|aggiorna|^step$",
    re.IGNORECASE,
)
FORWARD = re.compile(r"forward|predict|^out$|loss|cost|objective|propagate$|init|load|initial", re.IGNORECASE)
GRADIENT = re.compile(
    r"^d[A-Z_]|^d(z|w|b|a|h|x|u|v|c|s|y|p|q|k|o|e)?\d*(_\w+)?$|^g[A-Z]|^g_|^g\d*$|grad|delta|nabla|term$|^carry"
    r"|^error|_err|^err|slope|^e$|^step$|^change|dout|diff$"
)
SLOPE_NAME = re.compile(r"deriv|prime|slope|grad|^d_|^d[a-z]*(sig|tanh|relu)|back", re.IGNORECASE)
SIZE = re.compile(r"^(m|n|N|M|batch|size|B|T|count|len\(.*\)|\w*n_\w+|batch_size|.*\.shape\[\S+\]|.*\.size)$")
Function = ast.FunctionDef | ast.Module
Simple = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr


def name_of(target: ast.expr) -> str:
    """The word that a target goes by: `W` of `self.W[k]`, and `dW1` of `grads["dW1"]`."""
    if isinstance(target, ast.Subscript):
        if isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str):
            return target.slice.value
        return name_of(target.value)
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Tuple | ast.List):
        return next((name for name in map(name_of, target.elts) if GRADIENT.search(name)), "")
    return target.id if isinstance(target, ast.Name) else ""


def targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AugAssign | ast.AnnAssign) else []


class Backward:
    """The statements of a program that seem to be its backward pass and its update."""

    def __init__(self, code: Code) -> None:
        self.code = code
        inside = set(map(id, code.nodes))
        self.bodies: list[list[ast.stmt]] = []
        self.statements: list[Simple] = []
        self.owner: dict[int, Function] = {}
        self._look(code.tree, code.tree, inside)

    def _look(self, node: ast.AST, function: Function, inside: set[int]) -> None:
        for _, value in ast.iter_fields(node):
            body = [item for item in value if isinstance(item, ast.stmt)] if isinstance(value, list) else []
            if body:
                self.bodies.append(body)
            for item in body:
                if isinstance(item, ast.FunctionDef):
                    self._look(item, item, inside)
                elif isinstance(item, Simple):
                    if id(item) in inside and self._belongs(item, function):
                        self.statements.append(item)
                        self.owner[id(item)] = function
                else:
                    self._look(item, function, inside)

    def _belongs(self, statement: Simple, function: Function) -> bool:
        name = getattr(function, "name", "")
        if FORWARD.search(name) and not BACKWARD.search(name):
            return False
        if any(GRADIENT.search(name_of(target)) for target in targets(statement)):
            return True
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Sub | ast.Add):
            return any(GRADIENT.search(word) for word in words(statement.value))
        if isinstance(statement, ast.Assign) and is_update(statement):
            return any(GRADIENT.search(word) for word in words(statement.value))
        return bool(BACKWARD.search(name)) and isinstance(statement, ast.Return)

    def nodes(self, *types: type[ast.AST]) -> Iterator[ast.AST]:
        """The nodes of those types on the right-hand sides."""
        for statement in self.statements:
            value = getattr(statement, "value", None)
            if value is not None:
                yield from (node for node in ast.walk(value) if isinstance(node, types))

    def updates(self) -> Iterator[Simple]:
        return (statement for statement in self.statements if is_update(statement))

    def locals_of(self, statement: Simple) -> list[str]:
        """The names assigned in the function of a statement, and its arguments."""
        function = self.owner[id(statement)]
        found = [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        arguments = [a.arg for a in function.args.args] if isinstance(function, ast.FunctionDef) else []
        return list(dict.fromkeys([*arguments, *found]))


def words(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute | ast.Subscript):
            yield name_of(inner)


def is_update(statement: ast.stmt) -> bool:
    """`W -= step`, `W = W - step`, where W is no gradient itself."""
    found = targets(statement)
    if len(found) != 1 or GRADIENT.search(name_of(found[0])):
        return False
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Sub | ast.Add)
    value = getattr(statement, "value", None)
    name = ast.unparse(found[0])
    return (
        isinstance(value, ast.BinOp)
        and isinstance(value.op, ast.Sub | ast.Add)
        and any(ast.unparse(n) == name for n in ast.walk(value.left) if isinstance(n, type(found[0])))
    )


def slope_of(node: ast.expr) -> tuple[str, str] | None:
    """Which activation's slope an expression is, and of what: ("sigmoid", "a1") for `a1 * (1 - a1)`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if one_minus(other) is not None and ast.unparse(one_minus(other)) == ast.unparse(one):
                return "sigmoid", ast.unparse(one)
    inner = one_minus(node)
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow) and ast.unparse(inner.right) == "2":
        return "tanh", ast.unparse(inner.left)
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult):
        if ast.unparse(inner.left) == ast.unparse(inner.right):
            return "tanh", ast.unparse(inner.left)
    if isinstance(inner, ast.Call) and called(inner) in {"square", "power"} and inner.args:
        return "tanh", ast.unparse(inner.args[0])
    if isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]) in {"0", "0.0"}:
        return "relu", ast.unparse(node.left)
    return None


def one_minus(node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and ast.unparse(node.left) in {"1", "1.0"}:
        return node.right
    return None


def simple(text: str) -> bool:
    return bool(re.fullmatch(r"[\w.\[\]\"'+ -]+", text))


def derivative_of_another(code: Code) -> Edits:
    for node in Backward(code).nodes(ast.BinOp, ast.Compare):
        match slope_of(node):
            case ("sigmoid", of):
                yield node, f"(1 - {of} ** 2)"
                yield node, f"({of} > 0)"
                yield node, f"(1 - {of})"
            case ("tanh", of):
                yield node, f"({of} * (1 - {of}))"
                yield node, f"(1 - {of})"
                yield node, f"({of} > 0)"
            case ("relu", of):
                yield node, f"({of} * (1 - {of}))"
                yield node, f"(1 - {of} ** 2)"


def derivative_elsewhere(code: Code) -> Edits:
    """The right slope at another argument: z for a, a for z, or the function of it once more."""
    known = code.names
    for node in Backward(code).nodes(ast.Call, ast.BinOp, ast.Compare):
        argument: ast.expr | None = None
        if isinstance(node, ast.Call) and SLOPE_NAME.search(called(node)) and len(node.args) == 1:
            argument = node.args[0]
        elif slope_of(node) is not None:
            of = slope_of(node)[1]
            for other in counterparts(of, known, code):
                yield node, re.sub(rf"(?<![\w.]){re.escape(of)}(?!\w)", other, code.source(node))
            continue
        if argument is not None:
            text = code.source(argument)
            for other in counterparts(text, known, code):
                yield argument, other
            if code.module() and not re.search(r"back|grad", called(node)):
                yield argument, f"{code.module()}.tanh({text})"


def counterparts(text: str, known: set[str], code: Code) -> Iterator[str]:
    """The weighted input for the activation, and the other way round, where there is one of that name."""
    pairs = [("z", "a"), ("Z", "A"), ("z", "h"), ("zs", "activations"), ("zs", "acts"), ("z", "activations")]
    for first, second in [*pairs, *((b, a) for a, b in pairs)]:
        changed = re.sub(rf"(?<![A-Za-z]){first}(?![A-Za-z])", second, text)
        if changed != text and changed in {code.source(n) for n in code.of(ast.Name, ast.Attribute, ast.Subscript)}:
            yield changed


def slope_missing(code: Code) -> Edits:
    for node in Backward(code).nodes(ast.BinOp):
        if isinstance(node.op, ast.Mult):
            for slope, rest in ((node.right, node.left), (node.left, node.right)):
                if slope_of(slope) or (isinstance(slope, ast.Call) and SLOPE_NAME.search(called(slope))):
                    yield node, code.grouped(rest)
    for statement in Backward(code).statements:
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Mult):
            yield statement, "pass"


def sign(code: Code) -> Edits:
    back = Backward(code)
    for node in back.nodes(ast.BinOp, ast.UnaryOp):
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
                yield node, code.grouped(node.operand)
        elif isinstance(node.op, ast.Sub) and one_minus(node) is None:
            yield node, f"({code.source(node.right)} - {code.grouped(node.left)})"
            yield node, f"({code.source(node.left)} + {code.grouped(node.right)})"
        elif isinstance(node.op, ast.Add):
            yield node, f"({code.source(node.left)} - {code.grouped(node.right)})"
    for statement in back.statements:
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add | ast.Sub):
            head, tail = code.source(statement.target), code.source(statement.value)
            yield statement, f"{head} {'-=' if isinstance(statement.op, ast.Add) else '+='} {tail}"


def factor(code: Code) -> Edits:
    """Of a gradient; another constant in an update is another learning rate."""
    back = Backward(code)
    rates = {id(node) for statement in back.updates() for node in ast.walk(statement)}
    for node in back.nodes(ast.BinOp, ast.Call):
        if isinstance(node, ast.Call):
            if called(node) in {"sum", "mean"} and isinstance(node.func, ast.Attribute):
                other = "mean" if called(node) == "sum" else "sum"
                yield node, re.sub(rf"\b{called(node)}\(", f"{other}(", code.source(node), count=1)
        elif isinstance(node.op, ast.Div) and SIZE.search(ast.unparse(node.right)):
            yield node, code.grouped(node.left)
            yield node, f"{code.source(node)} / {code.grouped(node.right)}"
        elif isinstance(node.op, ast.Mult) and id(node) not in rates:
            for one, rest in ((node.left, node.right), (node.right, node.left)):
                if isinstance(one, ast.Constant) or re.fullmatch(r"\(?1\.?0? / \w+\)?", ast.unparse(one)):
                    yield node, code.grouped(rest)
    for statement in back.statements:
        found = targets(statement)
        if found and GRADIENT.search(name_of(found[0])) and isinstance(getattr(statement, "value", None), ast.BinOp):
            yield statement.value, f"2 * ({code.source(statement.value)})"


def axis(code: Code) -> Edits:
    for node in Backward(code).nodes(ast.Call):
        for keyword in node.keywords:
            if keyword.arg == "axis":
                old = code.source(keyword.value)
                yield keyword.value, {"0": "1", "1": "0", "-1": "0", "2": "1"}.get(old, "0")
                if len(node.keywords) == 1:
                    arguments = ", ".join(code.source(part) for part in node.args)
                    yield node, f"{code.source(node.func)}({arguments})"


def transpose(code: Code) -> Edits:
    inside = set(map(id, Backward(code).nodes(ast.AST)))
    for generate in (drop_transpose, add_transpose, swap_operands):
        yield from ((node, text) for node, text in generate(code) if id(node) in inside)


def neighbouring_layer(code: Code) -> Edits:
    for node in Backward(code).nodes(ast.Subscript, ast.Name):
        if isinstance(node, ast.Name):
            yield from ((node, other) for other in neighbours(node.id, code.names))
            continue
        index = node.slice
        if isinstance(index, ast.BinOp) and isinstance(index.left, ast.Name) and isinstance(index.right, ast.Constant):
            yield index, index.left.id
        elif isinstance(index, ast.Name) and len(index.id) <= 5:
            yield index, f"{index.id} - 1"
            yield index, f"{index.id} + 1"
        elif isinstance(index, ast.UnaryOp) and isinstance(index.operand, ast.Constant):
            yield index, f"-{int(index.operand.value) + 1}"
        elif isinstance(index, ast.Constant) and isinstance(index.value, int):
            yield index, str(index.value + 1)
            if index.value > 0:
                yield index, str(index.value - 1)
        elif isinstance(index, ast.Constant) and isinstance(index.value, str):
            yield from ((index, repr(other)) for other in neighbours(index.value, code.keys))
        elif isinstance(index, ast.BinOp) and isinstance(index.right, ast.Call) and called(index.right) == "str":
            inner = index.right.args[0]
            if isinstance(inner, ast.BinOp):
                yield inner, code.source(inner.left)
            else:
                yield inner, f"{code.source(inner)} - 1"


def missing_term(code: Code) -> Edits:
    for node in Backward(code).nodes(ast.BinOp):
        if any(isinstance(n, ast.Constant) and isinstance(n.value, str) for n in (node.left, node.right)):
            continue
        if isinstance(node.op, ast.Add):
            yield node, code.grouped(node.left)
            yield node, code.grouped(node.right)
        elif isinstance(node.op, ast.Sub) and one_minus(node) is None:
            yield node, code.grouped(node.left)


def missing_factor(code: Code) -> Edits:
    """Of a product of values: the mask, the gate, the upstream gradient; not the learning rate of an update."""
    back = Backward(code)
    rates = {id(node) for statement in back.updates() for node in ast.walk(statement)}
    for node in back.nodes(ast.BinOp):
        if isinstance(node.op, ast.Mult) and not any(isinstance(s, ast.Constant) for s in (node.left, node.right)):
            for kept, lost in ((node.left, node.right), (node.right, node.left)):
                rate = id(node) in rates and not any(GRADIENT.search(word) for word in words(lost))
                if not slope_of(node) and not rate:
                    yield node, code.grouped(kept)


def dropped_path(code: Code) -> Edits:
    for statement in Backward(code).statements:
        found = targets(statement)
        if found and not is_update(statement) and isinstance(statement, ast.AugAssign):
            yield statement, "pass"
        elif isinstance(statement, ast.Assign) and re.search(r"next|carry|^dc|^dh", name_of(found[0])):
            yield statement, "pass"
            yield statement.value, f"0 * {code.grouped(statement.value)}"


def accumulate_or_assign(code: Code) -> Edits:
    for statement in Backward(code).statements:
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add) and not is_update(statement):
            yield statement, f"{code.source(statement.target)} = {code.source(statement.value)}"
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1 and not is_update(statement):
            if isinstance(statement.targets[0], ast.Name | ast.Attribute | ast.Subscript):
                yield statement, f"{code.source(statement.targets[0])} += {code.source(statement.value)}"
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            if ast.unparse(call.func).endswith("add.at") and len(call.args) == 3:
                into, at, what = map(code.source, call.args)
                yield statement, f"{into}[{at}] += {what}"


def update_lost_or_twice(code: Code) -> Edits:
    for statement in Backward(code).updates():
        yield statement, "pass"
        text = code.source(statement)
        if "\n" not in text:
            yield statement, f"{text}; {text}"


def order(code: Code) -> Edits:
    """A statement exchanged with the next one, where one of them uses what the other makes."""
    back = Backward(code)
    mine = set(map(id, back.statements))
    for body in back.bodies:
        for first, second in pairwise(body):
            if not (isinstance(first, Simple) and isinstance(second, Simple)) or isinstance(second, ast.Return):
                continue
            if not ({id(first), id(second)} & mine) or not related(first, second):
                continue
            between = code.text[code.span(first)[1] : code.span(second)[0]]
            yield spanning(first, second), code.source(second) + between + code.source(first)


def stale_weight(code: Code) -> Edits:
    """An update moved up to before the statement that last reads what it changes."""
    back = Backward(code)
    for body in back.bodies:
        for position, statement in enumerate(body):
            if not is_update(statement) or id(statement) not in set(map(id, back.statements)):
                continue
            name = ast.unparse(targets(statement)[0])
            needed = set(words(statement.value)) - {name_of(targets(statement)[0])}
            for earlier in range(position - 1, -1, -1):
                other = body[earlier]
                if not isinstance(other, Simple) or any(name_of(t) in needed for t in targets(other)):
                    break
                value = getattr(other, "value", None)
                if value is not None and any(
                    ast.unparse(n) == name for n in ast.walk(value) if isinstance(n, type(targets(statement)[0]))
                ):
                    moved = [statement, *body[earlier:position]]
                    indent = " " * other.col_offset
                    yield spanning(other, statement), f"\n{indent}".join(map(code.source, moved))
                    break


def spanning(first: ast.stmt, last: ast.stmt) -> ast.stmt:
    """A node with the position of both and all between."""
    node = ast.Pass()
    node.lineno, node.col_offset = first.lineno, first.col_offset
    node.end_lineno, node.end_col_offset = last.end_lineno, last.end_col_offset
    return node


def related(first: ast.stmt, second: ast.stmt) -> bool:
    makes = [{name_of(target) for target in targets(statement)} for statement in (first, second)]
    uses = [set(words(getattr(s, "value", None) or ast.Pass())) for s in (first, second)]
    return bool(makes[0] & uses[1] or makes[1] & uses[0])


def wrong_index(code: Code) -> Edits:
    for node in Backward(code).nodes(ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            if isinstance(part, ast.Slice):
                text = code.source(part)
                other = {"1:": ":-1", ":-1": "1:"}.get(text)
                if other:
                    yield part, other
                elif part.lower is not None and part.upper is None:
                    yield part, f":{code.source(part.lower)}"
                elif part.upper is not None and part.lower is None:
                    yield part, f"{code.source(part.upper)}:"
        if len(parts) == 2 and not any(isinstance(part, ast.Constant) for part in parts):
            yield node, f"{code.source(node.value)}[{code.source(parts[1])}, {code.source(parts[0])}]"


def wrong_operand(code: Code) -> Edits:
    """Another value of the same function, a gradient for a gradient; those of another shape die, and are not kept."""
    back = Backward(code)
    for statement in back.statements:
        value = getattr(statement, "value", None)
        if value is None:
            continue
        near = back.locals_of(statement)
        for node in ast.walk(value):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in near:
                alike = bool(GRADIENT.search(node.id))
                for other in near:
                    if other not in {node.id, "self"} and bool(GRADIENT.search(other)) == alike and len(node.id) > 1:
                        yield node, other


KINDS: Kinds = {
    "derivative of another activation": derivative_of_another,
    "derivative at another argument": derivative_elsewhere,
    "slope missing": slope_missing,
    "sign": sign,
    "factor": factor,
    "axis": axis,
    "transpose": transpose,
    "neighbouring layer or key": neighbouring_layer,
    "missing term": missing_term,
    "missing factor": missing_factor,
    "dropped path": dropped_path,
    "accumulate or assign": accumulate_or_assign,
    "update lost or twice": update_lost_or_twice,
    "stale weight": stale_weight,
    "order of statements": order,
    "index or slice": wrong_index,
    "wrong operand": wrong_operand,
}
