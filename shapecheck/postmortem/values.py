"""What the expressions of a failed statement gave, read from its frame; runs none of the user's code.

Names, plain attributes and items are read; of what is gone (`a.T`, `0.1 * dW`) only the shape is told, and only where
the library leaves no doubt of it. Everything else is not known.
"""

from __future__ import annotations

import ast
import builtins
import operator
import types
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.postmortem.library import (
    GENERATORS,
    Inferred,
    NotKnownError,
    called,
    elementwise,
    is_matrix,
    matmul,
    method,
    product,
    shape_of,
)

_MISSING = object()
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_PLAIN = (bool, int, float, str, tuple, type(None))
_HARMLESS_BUILTINS = frozenset("len str int float range zip enumerate print abs min max".split())
_ENTRY_INDEX = (int, slice, type(None), type(Ellipsis), np.integer)


@dataclass(frozen=True)
class Doubt:
    """What may have changed between the reading of an operand and now.

    Attributes:
        names: Names that something may have bound anew.
        attributes: Likewise, attributes.
        items: Whether items of lists and dictionaries may be others.
    """

    names: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    items: bool = False

    def __or__(self, other: Doubt) -> Doubt:
        return Doubt(self.names | other.names, self.attributes | other.attributes, self.items or other.items)


NO_DOUBT = Doubt()


class Values:
    """Evaluates expressions of one frame as they were when it failed."""

    def __init__(self, frame: types.FrameType, doubt: Doubt = NO_DOUBT) -> None:
        self._frame = frame
        self._locals = frame.f_locals
        self._doubt = doubt

    def of(self, node: ast.expr) -> Any:
        """What an expression gave: the object itself, or `Inferred` for an array that is gone.

        Raises:
            NotKnownError: It cannot be told for certain.
        """
        reader = getattr(self, f"_{type(node).__name__.lower()}", None)
        if reader is None:
            raise NotKnownError
        return reader(node)

    # -- what is still there ------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self._doubt.names:
            raise NotKnownError
        for scope in (self._locals, self._frame.f_globals, vars(builtins)):
            if node.id in scope:
                return scope[node.id]
        raise NotKnownError

    def _attribute(self, node: ast.Attribute) -> Any:
        owner = self.of(node.value)
        if isinstance(owner, types.ModuleType):
            return vars(owner)[node.attr] if node.attr in vars(owner) else _not_known()
        if type(owner) in {np.ndarray, np.matrix, Inferred} or isinstance(owner, np.generic):
            return _of_array(owner, node.attr)
        if node.attr in self._doubt.attributes:
            raise NotKnownError
        return plain_attribute(owner, self._mangled(node.attr))

    def _mangled(self, name: str) -> str:
        if not name.startswith("__") or name.endswith("__"):
            return name
        parts = self._frame.f_code.co_qualname.split(".")
        owner = parts[-2].lstrip("_") if len(parts) > 1 and parts[-2] != "<locals>" else ""
        return f"_{owner}{name}" if owner else name

    def _subscript(self, node: ast.Subscript) -> Any:
        owner, key = self.of(node.value), self.of(node.slice)
        if type(owner) in {np.ndarray, np.matrix, Inferred}:
            return _item_of_array(owner, key)
        if self._doubt.items and type(owner) is not tuple:
            raise NotKnownError
        return plain_item(owner, key)

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple(self.of(element) for element in node.elts)

    def _list(self, node: ast.List) -> Any:
        return [self.of(element) for element in node.elts]

    def _slice(self, node: ast.Slice) -> Any:
        return slice(*(None if part is None else self.of(part) for part in (node.lower, node.upper, node.step)))

    def _joinedstr(self, node: ast.JoinedStr) -> Any:
        text = ""
        for part in node.values:
            value = self.of(part.value if isinstance(part, ast.FormattedValue) else part)
            plain = isinstance(part, ast.Constant) or (
                isinstance(part, ast.FormattedValue) and part.format_spec is None and part.conversion == -1
            )
            if not plain or type(value) not in {str, int}:
                raise NotKnownError
            text += str(value)
        return text

    # -- what is gone -------------------------------------------------------------------------------------------

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        value = self.of(node.operand)
        if isinstance(node.op, ast.Not):
            return not value if type(value) in {bool, int} else _not_known()
        if type(value) in {int, float} and isinstance(node.op, ast.USub):
            return -value
        return elementwise(value)

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self.of(node.left), self.of(node.right)
        plain = _ARITHMETIC.get(type(node.op))
        if type(left) in {int, float, str} and type(right) in {int, float, str}:
            if plain is None or (str in {type(left), type(right)} and type(left) is not type(right)):
                raise NotKnownError
            try:
                return plain(left, right)
            except Exception as error:
                raise NotKnownError from error
        if isinstance(node.op, ast.MatMult):
            return matmul(left, right)
        if isinstance(node.op, ast.Mult) and (is_matrix(left) or is_matrix(right)):
            return product(left, right)
        if isinstance(node.op, ast.Pow) and is_matrix(left):
            raise NotKnownError
        return elementwise(left, right)

    def _compare(self, node: ast.Compare) -> Any:
        left, right = self.of(node.left), self.of(node.comparators[0])
        function = _COMPARISONS.get(type(node.ops[0]))
        if len(node.ops) != 1 or function is None:
            raise NotKnownError
        if _is_plain(left) and _is_plain(right):
            try:
                return bool(function(left, right))
            except TypeError as error:
                raise NotKnownError from error
        return elementwise(left, right)

    def _call(self, node: ast.Call) -> Any:
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            raise NotKnownError
        arguments = [self.of(a) for a in node.args]
        keywords = {str(k.arg): self.of(k.value) for k in node.keywords if k.arg != "dtype"}
        if isinstance(node.func, ast.Attribute):
            try:
                owner = self.of(node.func.value)
            except NotKnownError:
                owner = None
            if type(owner) in {np.ndarray, np.matrix, Inferred, *GENERATORS}:
                return method(owner, node.func.attr, arguments, keywords)
        function = self.of(node.func)
        if function is len and len(arguments) == 1 and not keywords:
            return _length(arguments[0])
        if function is str and len(arguments) == 1 and type(arguments[0]) in {int, str}:
            return str(arguments[0])
        return called(function, arguments, keywords)


def runs_unknown_code(node: ast.AST, values: Values) -> bool:
    """Whether evaluating an expression calls something that may change what other expressions read."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return True
        if isinstance(inner, ast.Call) and not _is_harmless(inner.func, values):
            return True
    return False


def _is_harmless(function: ast.expr, values: Values) -> bool:
    """Whether a call runs nothing of the user's: a function of NumPy's, an array's method, a builtin."""
    if isinstance(function, ast.Attribute):
        try:
            owner = values.of(function.value)
        except NotKnownError:
            return False
        if isinstance(owner, types.ModuleType):
            return owner.__name__.partition(".")[0] in {"numpy", "math", "scipy"}
        return type(owner) in {np.ndarray, np.matrix, Inferred, str, *GENERATORS}
    if isinstance(function, ast.Name) and function.id in _HARMLESS_BUILTINS:
        try:
            return values.of(function) is getattr(builtins, function.id)
        except NotKnownError:
            return False
    return False


def _not_known() -> Any:
    raise NotKnownError


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN and (type(value) is not tuple or all(map(_is_plain, value)))


def plain_attribute(owner: Any, name: str) -> Any:
    """An attribute that is plain data; one that a property or a `__getattr__` makes is not.

    Raises:
        NotKnownError: It is not there, or reading it may run code.
    """
    kind = type(owner)
    # Not one that is written in Python: those of the interpreter read what is there.
    if isinstance(owner, type) or type(kind.__getattribute__) is not types.WrapperDescriptorType:
        raise NotKnownError
    inherited: Any = _MISSING
    for base in kind.__mro__:
        if name in vars(base):
            inherited = vars(base)[name]
            break
    if isinstance(inherited, types.MemberDescriptorType) or type(inherited).__name__ == "_tuplegetter":
        return inherited.__get__(owner, kind)
    computed = inherited is not _MISSING and hasattr(type(inherited), "__set__")
    try:
        own = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        own = {}
    if not computed and type(own) is dict and name in own:
        return own[name]
    if inherited is _MISSING or hasattr(type(inherited), "__get__"):
        raise NotKnownError
    return inherited


def plain_item(owner: Any, key: Any) -> Any:
    """An item of a list, a tuple or a dictionary of Python's own.

    Raises:
        NotKnownError: It is not there, or the container is of another type.
    """
    if type(owner) in {list, tuple} and type(key) in {int, slice, np.int64}:
        try:
            return owner[key]
        except IndexError as error:
            raise NotKnownError from error
    if type(owner) in {dict, OrderedDict, defaultdict} and _is_plain(key):
        value = dict.get(owner, key, _MISSING)
        return value if value is not _MISSING else _not_known()
    raise NotKnownError


def _of_array(array: Any, name: str) -> Any:
    shape = shape_of(array)
    if name == "shape":
        return shape
    if name == "ndim":
        return len(shape)
    if name == "size":
        return int(np.prod(shape, dtype=np.int64))
    if name in {"T", "real", "imag"}:
        return Inferred(shape[::-1] if name == "T" else shape, is_matrix(array))
    raise NotKnownError


def _item_of_array(array: Any, index: Any) -> Any:
    parts = index if type(index) is tuple else (index,)
    if type(array) is np.ndarray and type(index) is int and array.dtype == object:
        return array[index] if -len(array) <= index < len(array) else _not_known()
    for part in parts:
        # Of an array of booleans the entries matter, and the array itself must be at hand.
        if not isinstance(part, _ENTRY_INDEX) and (type(part) is not np.ndarray or part.dtype.kind not in "iub"):
            raise NotKnownError
    stand_in = array.stand_in() if type(array) is Inferred else Inferred(array.shape, is_matrix(array)).stand_in()
    try:
        result = stand_in[index]
    except Exception as error:
        raise NotKnownError from error
    return Inferred(np.shape(result), type(result) is np.matrix)


def _length(value: Any) -> int:
    if type(value) in {list, tuple, dict, str}:
        return len(value)
    shape = shape_of(value)
    return shape[0] if shape else _not_known()
