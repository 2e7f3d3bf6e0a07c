"""What a module's source says of its names before it runs: which are libraries, which can change in mid-expression."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# Libraries whose functions never touch the user's names; a path into them can be looked up after the run.
LIBRARIES = frozenset({"numpy", "math", "scipy", "random", "cmath"})
_SUSPENSIONS = (ast.Yield, ast.YieldFrom, ast.Await)
_OWN_SCOPE = (ast.Lambda, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_WHOLE_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
COMPILED_DECORATORS = frozenset({"jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil", "compile", "pjit"})


def decorator_name(node: ast.expr) -> str:
    """The last part of a decorator's name."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


class ModuleFacts:
    """Facts about one module.

    Attributes:
        libraries: Name -> dotted path of what it was imported from, for names that nothing else binds.
        deleted: Names that may cease to exist, or change, while an expression that uses them is evaluated.
        rebound: Names that a called function may bind anew (`global`, `nonlocal`).
        bound: Names that the module binds anywhere.
        functions: Undecorated module-level functions that nothing else binds.
        methods: Class -> its undecorated methods that no attribute replaces.
        compiled: Functions that another compiler takes over; they may change their arguments unseen.
        suspending: Nodes (by `id`) whose evaluation can hand control away in the middle.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.libraries: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.rebound: set[str] = set()
        self.bound: set[str] = set()
        self.functions: set[str] = set()
        self.methods: dict[ast.ClassDef, set[str]] = {}
        self.compiled: set[str] = set()
        self.suspending: set[int] = set()
        self._imports: dict[str, set[str]] = {}
        self._stored: set[str] = set()
        self._stored_attributes: set[str] = set()
        definitions: list[str] = []
        for node in ast.walk(tree):
            self._enter(node, definitions)
        self.bound = self._stored | set(self._imports) | set(definitions)
        self.libraries = {
            name: next(iter(paths))
            for name, paths in self._imports.items()
            if len(paths) == 1 and name not in self._stored and name not in definitions and next(iter(paths))
        }
        for methods in self.methods.values():
            methods.difference_update(self._stored_attributes)
        top = [n.name for n in tree.body if isinstance(n, _FUNCTIONS) and not n.decorator_list]
        self.functions = {n for n in top if definitions.count(n) == 1 and n not in self._stored}
        self._mark_suspending(tree)

    def _enter(self, node: ast.AST, definitions: list[str]) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, path in _imported(node):
                self._imports.setdefault(name, set()).add(path)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            self._stored.add(node.id)
            if isinstance(node.ctx, ast.Del):
                self.deleted.add(node.id)
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            self._stored_attributes.add(node.attr)
        elif isinstance(node, ast.arg):
            self._stored.add(node.arg)
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            self._stored.add(node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            self._stored.add(node.name)
            self.deleted.add(node.name)
        elif isinstance(node, ast.NamedExpr):
            self.deleted.add(node.target.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            self.rebound.update(node.names)
        elif isinstance(node, ast.ClassDef):
            definitions.append(node.name)
            plain = [m.name for m in node.body if isinstance(m, _FUNCTIONS) and not m.decorator_list]
            self.methods[node] = {name for name in plain if plain.count(name) == 1}
        elif isinstance(node, _FUNCTIONS):
            definitions.append(node.name)
            if any(decorator_name(d) in COMPILED_DECORATORS for d in node.decorator_list):
                self.compiled.add(node.name)

    def _mark_suspending(self, tree: ast.Module) -> None:
        """Enter every expression that contains a `yield`, an `await` or an asynchronous comprehension."""
        if not any(isinstance(n, (*_SUSPENSIONS, ast.comprehension)) for n in ast.walk(tree)):
            return
        parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            asynchronous = isinstance(node, ast.comprehension) and node.is_async
            if not isinstance(node, _SUSPENSIONS) and not asynchronous:
                continue
            current: ast.AST | None = node
            while current is not None and not isinstance(current, _OWN_SCOPE) and id(current) not in self.suspending:
                self.suspending.add(id(current))
                current = parents.get(id(current))
                if isinstance(current, (*_FUNCTIONS, ast.ClassDef)):
                    break

    def library_path(self, node: ast.expr) -> str | None:
        """`numpy.random` for `np.random`; None for what is not a path into a library."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.libraries:
            return None
        return ".".join([self.libraries[node.id], *reversed(attributes)])

    def whole_names(self, scope: ast.AST) -> set[str]:
        """Names of one scope (a function or the module) that only ever hold integers: counters, sizes, indices."""
        found: dict[str, list[ast.expr | None]] = {}
        parameters = set()
        declared: set[str] = set()
        for node in _own_nodes(scope):
            if isinstance(node, ast.Global | ast.Nonlocal):
                declared.update(node.names)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, []).append(None)
            elif isinstance(node, ast.MatchAs | ast.MatchStar | ast.ExceptHandler) and node.name:
                parameters.add(node.name)
        if isinstance(scope, (*_FUNCTIONS, ast.Lambda)):
            arguments = scope.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            parameters |= {a.arg for a in every if a is not None}
        for node in _own_nodes(scope):
            for name, value in _whole_bindings(node):
                if name in found and None in found[name]:
                    found[name].remove(None)
                    found[name].append(value)
        excluded = parameters | declared | self.rebound
        candidates = {n for n, values in found.items() if None not in values and n not in excluded}
        while True:
            kept = {
                n
                for n in candidates
                if all(v is _COUNTER or is_whole(v, candidates) for v in found[n] if v is not None)
            }
            if kept == candidates:
                return kept
            candidates = kept


_COUNTER = ast.Constant(value=0)  # stands for what `range` yields


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(name, dotted path) of an import; an empty path for what is not one of the libraries."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            name = alias.asname or alias.name.partition(".")[0]
            path = alias.name if alias.asname else name
        else:
            name = alias.asname or alias.name
            path = f"{node.module}.{alias.name}" if node.module and not node.level else ""
        yield name, path if path.partition(".")[0] in LIBRARIES else ""


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of the functions and classes within it."""
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def _whole_bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of the bindings in a node that may give a name an integer."""
    if isinstance(node, ast.For | ast.comprehension):
        call = node.iter
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return
        if call.func.id == "range" and isinstance(node.target, ast.Name):
            yield node.target.id, _COUNTER
        if call.func.id == "reversed" and isinstance(node.target, ast.Name) and len(call.args) == 1:
            inner = call.args[0]
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "range":
                yield node.target.id, _COUNTER
        if call.func.id == "enumerate" and isinstance(node.target, ast.Tuple) and len(call.args) == 1:
            first = node.target.elts[0]
            if isinstance(first, ast.Name):
                yield first.id, _COUNTER
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
                for element in target.elts:
                    if isinstance(element, ast.Name):
                        yield element.id, _COUNTER
    elif (
        isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and isinstance(node.op, _WHOLE_OPERATORS)
    ):
        yield node.target.id, node.value


def is_whole(node: ast.AST, names: set[str]) -> bool:
    """Whether an expression can only be an integer, given the names that are."""
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub | ast.UAdd) and is_whole(node.operand, names)
    if isinstance(node, ast.BinOp):
        whole = isinstance(node.op, _WHOLE_OPERATORS)
        return whole and is_whole(node.left, names) and is_whole(node.right, names)
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Attribute) and node.value.attr == "shape" and is_whole(node.slice, names)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in {"len", "int"}
    return isinstance(node, ast.Attribute) and node.attr in {"size", "ndim"} and isinstance(node.value, ast.Name)


def is_text(node: ast.AST) -> bool:
    """Whether an expression can only be a string."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mod | ast.Mult):
            return is_text(node.left)
        return isinstance(node.op, ast.Add) and (is_text(node.left) or is_text(node.right))
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in {"str", "repr", "format", "input", "chr"}
    return isinstance(node, ast.JoinedStr)


def is_literal(node: ast.AST | None) -> bool:
    """Whether an expression consists of constants only, which the compiler folds or builds by itself."""
    if isinstance(node, ast.UnaryOp):
        return is_literal(node.operand)
    if isinstance(node, ast.BinOp):
        return is_literal(node.left) and is_literal(node.right)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(map(is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return all(k is not None and is_literal(k) for k in node.keys) and all(map(is_literal, node.values))
    return isinstance(node, ast.Constant)
