"""Calls that only compute, as the source shows it: they change nothing that anybody else holds, and draw no numbers.

Where it cannot tell, a call is taken for one that does something.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping

_FUNCTIONS = frozenset(
    "abs all any bool complex dict enumerate float frozenset int isinstance len list max min pow range reversed round "
    "set slice sorted str sum tuple zip".split()
)
_METHODS = frozenset(
    "all any argmax argmin argsort astype clip conj copy count cumprod cumsum diagonal dot flatten get index item "
    "items keys max mean min nonzero prod ptp ravel repeat reshape round squeeze std sum swapaxes take tolist trace "
    "transpose values var".split()
)
# NumPy's functions that write, draw, read or set something.
_NUMPY_DOES = frozenset(
    "at copyto fill_diagonal fromfile genfromtxt load loadtxt place put put_along_axis putmask random save savetxt "
    "savez savez_compressed seterr seterrcall set_printoptions setbufsize shuffle testing".split()
)
_MODULES = frozenset(["numpy", "math"])
# What is made anew, so that changing it is nobody else's affair.
_FRESH_CALLS = frozenset(
    "array copy astype zeros zeros_like ones ones_like empty empty_like full full_like float int list dict set".split()
)
_FRESH = (
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.Constant, ast.List, ast.ListComp, ast.Dict, ast.DictComp, ast.Set,
    ast.SetComp, ast.JoinedStr,
)  # fmt: skip
_PLAIN_STATEMENTS = (
    ast.Return, ast.If, ast.For, ast.While, ast.Assert, ast.Raise, ast.Pass, ast.Break, ast.Continue,
)  # fmt: skip
_UNSEEN = (ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Starred, ast.Lambda)


class PureCalls:
    """The functions of a program's files, and which of them only compute."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self._functions: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self._paths: dict[ast.AST, str] = {}
        self._modules: dict[str, str] = {}
        self._known: dict[ast.AST, bool] = {}
        for path, tree in trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self._functions.setdefault(node.name, []).append(node)
                    self._paths[node] = path
                elif isinstance(node, ast.Import):
                    self._modules |= {a.asname or a.name.split(".")[0]: a.name.split(".")[0] for a in node.names}

    def only_computes(self, call: ast.Call) -> bool:
        """Whether a call, the calls among its arguments included, does nothing but give a result."""
        if _writes(call):
            return False
        inner = (n for a in [*call.args, *call.keywords] for n in ast.walk(a))
        return self._is_pure(call) and all(self._is_harmless(node) for node in inner)

    def only_compute(self, expression: ast.expr) -> bool:
        """Whether nothing in an expression does anything but give a result."""
        return all(self._is_harmless(node) and not _writes(node) for node in ast.walk(expression))

    def functions(self, call: ast.Call) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """The user's functions that a call may mean."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        return [] if self.module(call) else self._functions.get(name, [])

    def bodies(self, call: ast.Call) -> Iterator[tuple[str, int, int]]:
        """The file, first and last line of each of the user's functions that a call may run through."""
        open_calls, seen = [call], set[ast.AST]()
        while open_calls:
            for function in self.functions(open_calls.pop()):
                if function not in seen:
                    seen.add(function)
                    open_calls.extend(n for n in ast.walk(function) if isinstance(n, ast.Call))
                    yield self._paths[function], function.lineno, function.end_lineno or function.lineno

    def module(self, call: ast.Call) -> str:
        """The module that a called function is of, such as "numpy"; "" for any other call."""
        root = call.func
        while isinstance(root, ast.Attribute):
            root = root.value
        is_part = isinstance(call.func, ast.Attribute) and isinstance(root, ast.Name)
        return self._modules.get(root.id, "") if is_part and isinstance(root, ast.Name) else ""

    def _is_harmless(self, node: ast.AST) -> bool:
        return not isinstance(node, _UNSEEN) and (not isinstance(node, ast.Call) or self._is_pure(node))

    def _is_pure(self, call: ast.Call) -> bool:
        function = call.func
        if any(keyword.arg in {"out", None} for keyword in call.keywords):
            return False
        own = self.functions(call)
        if own:
            return all(self._does_nothing_else(f) for f in own)
        if isinstance(function, ast.Name):
            return function.id in _FUNCTIONS and hasattr(builtins, function.id)
        if not isinstance(function, ast.Attribute):
            return False
        module = self.module(call)
        if module:
            path = ast.unparse(function).split(".")
            return module in _MODULES and not _NUMPY_DOES & set(path[1:])
        return function.attr in _METHODS

    def _does_nothing_else(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        if function not in self._known:
            self._known[function] = True  # a call of itself is no reason against it
            self._known[function] = self._reads_only(function)
        return self._known[function]

    def _reads_only(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        decorators = {d.id if isinstance(d, ast.Name) else "" for d in function.decorator_list}
        if isinstance(function, ast.AsyncFunctionDef) or decorators - {"staticmethod", "classmethod"}:
            return False
        fresh = _fresh_names(function)
        return all(self._is_plain(node, fresh) for statement in function.body for node in ast.walk(statement))

    def _is_plain(self, node: ast.AST, fresh: set[str]) -> bool:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return all(_is_own(t, fresh) for t in targets)
        if isinstance(node, ast.AugAssign):
            return _root(node.target) in fresh
        if isinstance(node, ast.Expr):
            return isinstance(node.value, ast.Call | ast.Constant)
        method = node.func if isinstance(node, ast.Call) else None
        if isinstance(method, ast.Attribute) and method.attr in {"append", "extend"}:
            return isinstance(method.value, ast.Name) and method.value.id in fresh
        if isinstance(node, ast.stmt):
            return isinstance(node, _PLAIN_STATEMENTS)
        return self._is_harmless(node)


def _writes(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and any(k.arg in {None, "out", "where"} for k in node.keywords)


def _fresh_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The local names that never stand for anything but what the function has made itself."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    foreign = {a.arg for a in given if a is not None}
    made: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {t.id for t in targets if isinstance(t, ast.Name)}
            (made if _is_fresh(node.value) else foreign).update(names)
            foreign |= {e.id for t in targets if isinstance(t, ast.Tuple | ast.List) for e in _names(t)}
        elif isinstance(node, ast.For | ast.comprehension):
            foreign |= {e.id for e in _names(node.target)}
    return made - foreign


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Name))


def _is_fresh(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return name in _FRESH_CALLS and not any(k.arg == "copy" for k in value.keywords)
    return isinstance(value, _FRESH)


def _is_own(target: ast.expr, fresh: set[str]) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(_is_own(e, fresh) for e in target.elts)
    return isinstance(target, ast.Name) or (isinstance(target, ast.Subscript) and _root(target) in fresh)


def _root(target: ast.expr) -> str:
    """The name whose array or list an assignment changes; "" for an attribute's."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


__all__ = ["PureCalls"]
