"""Evaluates an edited statement on stand-ins of the known shapes; runs nothing of the user's."""

from __future__ import annotations

import ast
import operator
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.candidate import Place, apply_edits
from shapecheck.repair.dummies import MOST_ENTRIES, Missing, Thing, UnknownValueError, dummy_array, stand_in
from shapecheck.trace.tape import Shape

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS = frozenset(
    (
        "dot matmul inner outer multiply add subtract divide power maximum minimum sum mean max min amax amin exp "
        "log log10 log2 log1p expm1 sqrt tanh sinh cosh sin cos abs absolute square sign transpose reshape ravel "
        "squeeze expand_dims concatenate vstack hstack column_stack stack append zeros ones empty full zeros_like "
        "ones_like empty_like full_like eye identity arange linspace tile repeat atleast_2d atleast_1d clip array "
        "asarray diag diagflat einsum tensordot argmax argmin std var prod cumsum swapaxes moveaxis newaxis float64 "
        "float32 int64 broadcast_to negative kron size shape ndim roll flip pad isnan heaviside logaddexp trace"
    ).split()
)
_METHODS = frozenset(
    "dot sum mean max min transpose reshape ravel flatten squeeze copy astype std var prod argmax argmin swapaxes clip "
    "repeat cumsum round conj item".split()
)
_ATTRIBUTES = frozenset({"T", "shape", "size", "ndim", "mT"})
_RANDOM = {"rand": 0, "randn": 0, "standard_normal": 1, "random": 1, "random_sample": 1}


class DryRun:
    """Evaluates expressions at one statement.

    Attributes:
        known: Source text of the statement's own expressions -> the shape that they had.
    """

    def __init__(self, place: Place, *, at_failure: bool) -> None:
        self.place = place
        self.at_failure = at_failure
        self.numpy = place.numpy()
        self.scope = place.scope()
        self.known: dict[str, Shape] = {}
        for node in ast.walk(place.statement):
            if isinstance(node, ast.expr) and hasattr(node, "lineno"):
                shape = place.recorded_shape(node)
                if shape is not None:
                    self.known[ast.dump(node)] = shape

    # -- statements ---------------------------------------------------------------------------------------------

    def fits(self, edits: tuple[Edit, ...]) -> bool:
        """Whether the statement, edited, may be right; True also where that cannot be told."""
        try:
            statement = self._edited(edits)
            return self._possible(statement)
        except UnknownValueError:
            return True

    def result(self, edits: tuple[Edit, ...]) -> Any:
        """The array that the edited statement would give; None where that cannot be told."""
        try:
            value = self.value(self._edited(edits).value)  # type: ignore[attr-defined]
        except Exception:
            return None
        return value if isinstance(value, np.ndarray) else None

    def _edited(self, edits: tuple[Edit, ...]) -> ast.stmt:
        statement, source = self.place.statement, self.place.source
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        if not isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr | ast.AnnAssign):
            raise UnknownValueError
        if any(e.line < first or e.end_line > last or e.path != self.place.path for e in edits):
            raise UnknownValueError
        text = "".join(source.lines[first - 1 : last])
        moved = tuple(
            Edit(e.path, e.line - first + 1, e.column, e.end_line - first + 1, e.end_column, e.replacement)
            for e in edits
        )
        try:
            tree = ast.parse(_alone(apply_edits(text, moved)))
        except (SyntaxError, ValueError) as error:
            raise UnknownValueError from error
        body = tree.body[0].body if isinstance(tree.body[0], ast.If) else tree.body
        if len(body) != 1:
            raise UnknownValueError
        return body[0]

    def _possible(self, statement: ast.stmt) -> bool:
        value = getattr(statement, "value", None)
        if value is None:
            raise UnknownValueError
        try:
            result = self.value(value)
            if isinstance(statement, ast.AugAssign):
                target = self.value(_loaded(statement.target))
                whole = _BINARY.get(type(statement.op))
                if isinstance(target, np.ndarray) and whole is not None:
                    return bool(np.shape(whole(target, result)) == np.shape(target))
                return True
        except UnknownValueError:
            raise
        except Exception:
            return False
        return self.at_failure or not self._same_as_before(statement, result)

    def _same_as_before(self, statement: ast.stmt, result: Any) -> bool:
        """Whether an array came out in the shape that it had: that changes nothing further on."""
        value = getattr(self.place.statement, "value", None)
        if not isinstance(value, ast.expr) or not isinstance(result, np.ndarray) or type(statement) is ast.Expr:
            return False
        shapes = self.place.all_shapes(value)
        return shapes == {result.shape}

    # -- expressions --------------------------------------------------------------------------------------------

    def shape(self, node: ast.expr) -> Shape | None:
        """The shape that an expression would have; None where that cannot be told."""
        try:
            result = self.value(node)
        except Exception:
            return None
        return np.shape(result) if isinstance(result, np.ndarray | np.generic | int | float) else None

    def value(self, node: ast.expr) -> Any:
        """What an expression gives on stand-ins.

        Raises:
            UnknownValueError: It calls something unknown, or needs the entries of an array.
            Exception: Whatever NumPy raises where the shapes do not fit.
        """
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._value(node)

    def _value(self, node: ast.expr) -> Any:
        known = self.known.get(ast.dump(node)) if not isinstance(node, ast.Constant) else None
        if known and not (self.at_failure and isinstance(node, ast.Name)):
            dtype = "int64" if self._is_whole(node) else None
            return dummy_array(known, dtype)
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise UnknownValueError
        result = method(node)
        if isinstance(result, Missing):
            raise UnknownValueError
        return result

    def _is_whole(self, node: ast.expr) -> bool:
        seen = self.place.surroundings.seen(self.place.path, node)
        return seen is not None and seen.dtype is not None and seen.dtype[:3] in {"int", "uin"}

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        return stand_in(self.scope.get(node.id))

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple(self._value(e) for e in node.elts)

    def _list(self, node: ast.List) -> Any:
        return [self._value(e) for e in node.elts]

    def _slice(self, node: ast.Slice) -> Any:
        return slice(*(self._value(p) if p is not None else None for p in (node.lower, node.upper, node.step)))

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        value = self._value(node.operand)
        if isinstance(node.op, ast.USub):
            return -value
        if isinstance(node.op, ast.UAdd):
            return value
        raise UnknownValueError

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self._value(node.left), self._value(node.right)
        function = _BINARY.get(type(node.op))
        if function is None or isinstance(left, Thing) or isinstance(right, Thing):
            raise UnknownValueError
        if isinstance(left, float | int) and isinstance(right, float | int) and isinstance(node.op, ast.Pow):
            raise UnknownValueError
        _check_work(node.op, left, right)
        try:
            return function(left, right)
        except ArithmeticError as error:
            raise UnknownValueError from error

    def _compare(self, node: ast.Compare) -> Any:
        function = _COMPARE.get(type(node.ops[0]))
        if function is None or len(node.ops) != 1:
            raise UnknownValueError
        result = function(self._value(node.left), self._value(node.comparators[0]))
        if not isinstance(result, np.ndarray):
            raise UnknownValueError
        return result

    def _attribute(self, node: ast.Attribute) -> Any:
        if self._is_numpy(node.value) and node.attr == "newaxis":
            return None
        owner = self._value(node.value)
        if isinstance(owner, Thing):
            return owner.attributes.get(node.attr, Missing())
        if isinstance(owner, np.ndarray | np.generic) and node.attr in _ATTRIBUTES:
            return getattr(owner, node.attr)
        raise UnknownValueError

    def _subscript(self, node: ast.Subscript) -> Any:
        owner, index = self._value(node.value), self._value(node.slice)
        if isinstance(owner, Thing):
            raise UnknownValueError
        if isinstance(owner, dict):
            return owner.get(index, Missing()) if isinstance(index, int | str | tuple) else Missing()
        parts = index if isinstance(index, tuple) else (index,)
        if isinstance(owner, np.ndarray) and any(isinstance(p, np.ndarray | list) for p in parts):
            if any(isinstance(p, list) or p.dtype.kind != "i" for p in parts if isinstance(p, np.ndarray | list)):
                raise UnknownValueError
        return owner[index]

    def _is_numpy(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == self.numpy and self.numpy is not None

    def _call(self, node: ast.Call) -> Any:
        function = node.func
        if isinstance(function, ast.Attribute) and not any(isinstance(a, ast.Starred) for a in node.args):
            if self._is_numpy(function.value) and function.attr in _FUNCTIONS:
                return self._called(getattr(np, function.attr), node, None)
            inner = function.value
            random = isinstance(inner, ast.Attribute) and inner.attr == "random" and self._is_numpy(inner.value)
            if random and function.attr in _RANDOM and not node.keywords:
                sizes = [self._value(a) for a in node.args]
                return np.empty(sizes if _RANDOM[function.attr] == 0 else sizes[0])
            if function.attr in _METHODS and not random:
                owner = self._value(inner)
                if isinstance(owner, np.ndarray):
                    return self._called(getattr(owner, function.attr), node, owner)
        if isinstance(function, ast.Name) and function.id == "len" and len(node.args) == 1:
            value = self._value(node.args[0])
            if isinstance(value, np.ndarray | list | tuple):
                return len(value)
        raise UnknownValueError

    def _called(self, function: Callable[..., Any], node: ast.Call, owner: Any) -> Any:
        arguments = [self._value(a) for a in node.args]
        if any(k.arg is None or k.arg == "out" for k in node.keywords):
            raise UnknownValueError
        keywords = {str(k.arg): self._value(k.value) for k in node.keywords if k.arg != "dtype"}
        everything = [owner, *arguments, *keywords.values()]
        if any(_holds_unknown(v) for v in everything):
            raise UnknownValueError
        if getattr(function, "__name__", "") in {"dot", "matmul", "outer", "inner", "tensordot", "einsum"}:
            _check_work(ast.MatMult(), *[v for v in everything if isinstance(v, np.ndarray)][:2])
        return function(*arguments, **keywords)


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_unknown(v) for v in value)
    return isinstance(value, Thing | Missing | dict)


def _check_work(op: ast.operator, *operands: Any) -> None:
    sizes = [int(np.size(v)) for v in operands if isinstance(v, np.ndarray)]
    if isinstance(op, ast.MatMult) and len(sizes) == 2:
        columns = operands[1].shape[-1] if operands[1].ndim > 1 else 1
        if sizes[0] * columns > 20 * MOST_ENTRIES:
            raise UnknownValueError
    elif len(sizes) == 2 and sizes[0] * sizes[1] > MOST_ENTRIES and operands[0].shape != operands[1].shape:
        raise UnknownValueError


def _alone(text: str) -> str:
    """A statement's lines as a text that can be parsed by itself."""
    first = text[: len(text) - len(text.lstrip())]
    return f"if 1:\n{text}" if first.strip(" \t") == "" and first else textwrap.dedent(text)


def _loaded(target: ast.expr) -> ast.expr:
    """A target as an expression that reads it."""
    return ast.parse(ast.unparse(target), mode="eval").body
