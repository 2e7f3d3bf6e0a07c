"""Rewrites a syntax tree so that every expression that can yield an array passes through the recorder.

The operation itself stays in the user's own frame, at its own place: the recorder is called with the result, never in
place of the operation, so exceptions, tracebacks, `super()`, `locals()` and evaluation order are Python's own. Its
functions enter the code as constants, so no name is added to any namespace.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any

from shapecheck.trace.sites import Kind, Site, SiteTable, Slot, Source, SourceText

# Attributes that make an array out of an array; every other attribute only names one.
ARRAY_ATTRIBUTES = frozenset({"T", "mT", "H", "I", "A", "A1", "real", "imag", "flat", "values"})
# Built-in functions that take no part in the arithmetic.
SILENT_BUILTINS = frozenset(
    "len range print zip enumerate isinstance issubclass str int list dict tuple set frozenset type repr open input "
    "super locals globals vars dir eval exec hasattr iter reversed sorted id callable format ord chr any all bool "
    "setattr delattr compile slice staticmethod classmethod property object bytes bytearray exit quit help".split()
)
# Calls that change one of their arrays.
MUTATORS = frozenset(
    "sort fill put partition resize itemset at copyto putmask place fill_diagonal shuffle put_along_axis "
    "byteswap setflags nan_to_num".split()
)
# Calls that take a list of arrays, which may be emptied or refilled afterwards.
LIST_CONSUMERS = frozenset(
    "array asarray asanyarray concatenate vstack hstack dstack stack column_stack row_stack block sum mean average "
    "prod max min std var median matrix asmatrix mat".split()
)
# Builtins that use up a generator completely, so that a copy of its items can be kept.
EXHAUSTING_BUILTINS = frozenset({"sum", "max", "min"})
COMPILED_DECORATORS = frozenset({"jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil", "compile", "pjit"})

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.USub: "-",
    ast.UAdd: "+",
    ast.Invert: "~",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}

_MARK = "\0shapecheck:"
_SUSPENSIONS = (ast.Yield, ast.YieldFrom, ast.Await)
_OWN_SCOPE = (ast.Lambda, ast.GeneratorExp)


def _suspends(node: ast.AST) -> bool:
    """Whether evaluating the node can hand control away in the middle (`yield`, `await`)."""
    if isinstance(node, _SUSPENSIONS):
        return True
    if isinstance(node, _OWN_SCOPE):
        return False
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp) and any(g.is_async for g in node.generators):
        return True
    return any(_suspends(child) for child in ast.iter_child_nodes(node))


def _imported_names(tree: ast.Module) -> set[str]:
    """Names that the module binds by `import` and by nothing else."""
    imported: set[str] = set()
    stored: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update((a.asname or a.name.partition(".")[0]) for a in node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            stored.add(node.id)
        elif isinstance(node, ast.arg):
            stored.add(node.arg)
    return imported - stored


def _assigned_names(tree: ast.Module) -> set[str]:
    """Names that the module binds anywhere, in any scope."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


def _deleted_names(tree: ast.Module) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Del)}


class Rewriter(ast.NodeTransformer):
    """Turns one module's tree into the recorded one and enters its sites."""

    def __init__(self, source: SourceText, tree: ast.Module, table: SiteTable) -> None:
        self._source = source
        self._table = table
        self._modules = _imported_names(tree)
        self._unstable = _deleted_names(tree)
        self._assigned_names = _assigned_names(tree)
        self._scope: list[str] = []

    # -- small pieces -------------------------------------------------------------------------------------------

    def _hook(self, name: str, arguments: list[ast.expr], at: ast.AST) -> ast.Call:
        call = ast.Call(func=ast.Constant(value=_MARK + name), args=arguments, keywords=[])
        ast.copy_location(call, at)
        ast.copy_location(call.func, at)
        return call

    def _number(self, value: int, at: ast.AST) -> ast.Constant:
        return ast.copy_location(ast.Constant(value=value), at)

    def _site(self, node: ast.AST, kind: Kind, slots: list[Slot], operator: str = "") -> Site:
        line, column, end_line, end_column = self._source.place(node)
        site = Site(
            number=-1,
            path=self._source.path,
            kind=kind,
            line=line,
            column=column,
            end_line=end_line,
            end_column=end_column,
            text=self._source.slice(line, column, end_line, end_column),
            node=node,
            slots=tuple(slots),
            operator=operator,
            function=".".join(self._scope) or "<module>",
            held=sum(slot.source is Source.HELD for slot in slots),
        )
        return self._table.add(site)

    def _is_module_path(self, node: ast.expr) -> bool:
        """`np`, `np.random`: reading it again has no effect."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._modules

    def _operand(self, role: str, node: ast.expr) -> tuple[Slot, ast.expr]:
        """The slot of an operand and the expression that takes its place."""
        if isinstance(node, ast.Constant):
            return Slot(role, Source.CONSTANT, node, constant=node.value), node
        stable_name = isinstance(node, ast.Name) and node.id not in self._unstable
        if stable_name or self._is_module_path(node):
            return Slot(role, Source.RELOADED, node, name=ast.unparse(node)), node
        return Slot(role, Source.HELD, node), self._hook("hold", [self._visit(node)], node)

    def _visit(self, node: Any) -> Any:
        return self.visit(node)

    def _reloads(self, slots: list[Slot]) -> list[ast.expr]:
        return [_fresh_load(slot.node) for slot in slots if slot.source is Source.RELOADED]

    def _record(self, site: Site, result: ast.expr, slots: list[Slot], hook: str = "record") -> ast.expr:
        node = site.node
        arguments: list[ast.expr] = [self._number(site.number, node), result, *self._reloads(slots)]
        if site.held:
            arguments.insert(0, self._number(site.held, node))
            hook += "_held"
        return self._hook(hook, arguments, node)

    # -- expressions --------------------------------------------------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        literal_text = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str | bytes)
        if literal_text or isinstance(node.left, ast.JoinedStr) or _is_constant(node) or _suspends(node):
            self.generic_visit(node)
            return node
        original = _shallow(node)
        left, new_left = self._operand("left", node.left)
        right, new_right = self._operand("right", node.right)
        site = self._site(original, Kind.BINARY, [left, right], OPERATORS[type(node.op)])
        result = ast.copy_location(ast.BinOp(left=new_left, op=node.op, right=new_right), node)
        return self._record(site, result, [left, right])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        if isinstance(node.op, ast.Not | ast.UAdd) or _is_constant(node) or _suspends(node):
            self.generic_visit(node)
            return node
        original = _shallow(node)
        slot, operand = self._operand("operand", node.operand)
        site = self._site(original, Kind.UNARY, [slot], OPERATORS[type(node.op)])
        return self._record(site, ast.copy_location(ast.UnaryOp(op=node.op, operand=operand), node), [slot])

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        simple = len(node.ops) == 1 and type(node.ops[0]) in OPERATORS
        if not simple or _suspends(node):
            self.generic_visit(node)
            return node
        original = _shallow(node)
        left, new_left = self._operand("left", node.left)
        right, new_right = self._operand("right", node.comparators[0])
        site = self._site(original, Kind.COMPARE, [left, right], OPERATORS[type(node.ops[0])])
        result = ast.copy_location(ast.Compare(left=new_left, ops=node.ops, comparators=[new_right]), node)
        return self._record(site, result, [left, right], hook="compare")

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if not isinstance(node.ctx, ast.Load) or node.attr not in ARRAY_ATTRIBUTES or _suspends(node):
            self.generic_visit(node)
            return node
        original = _shallow(node)
        slot, operand = self._operand("operand", node.value)
        site = self._site(original, Kind.ATTRIBUTE, [slot], node.attr)
        result = ast.copy_location(ast.Attribute(value=operand, attr=node.attr, ctx=node.ctx), node)
        return self._record(site, result, [slot])

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if not isinstance(node.ctx, ast.Load) or _suspends(node):
            self.generic_visit(node)
            return node
        original = _shallow(node)
        target, new_value = self._operand("target", node.value)
        index, new_index = self._index(node.slice)
        site = self._site(original, Kind.GETITEM, [target, index])
        result = ast.copy_location(ast.Subscript(value=new_value, slice=new_index, ctx=node.ctx), node)
        return self._record(site, result, [target, index])

    def _index(self, node: ast.expr) -> tuple[Slot, ast.expr]:
        """An index as an ordinary operand; `a:b` becomes the `slice` object that Python would build."""
        if isinstance(node, ast.Constant | ast.Name):
            return self._operand("index", node)
        return Slot("index", Source.HELD, node), self._hook("hold", [self._plain_index(node)], node)

    def _plain_index(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Slice):
            parts = [node.lower, node.upper, node.step]
            none = [ast.copy_location(ast.Constant(value=None), node) for _ in parts]
            return self._hook("slice", [self._plain_index(p) if p else n for p, n in zip(parts, none)], node)
        if isinstance(node, ast.Tuple):
            elements = [self._plain_index(e) for e in node.elts]
            return ast.copy_location(ast.Tuple(elts=elements, ctx=ast.Load()), node)
        if isinstance(node, ast.BinOp) and not _has_call(node):
            return node  # counters: `l - 1`; arrays are seldom made here
        visited: ast.expr = self._visit(node)
        return visited

    def visit_Call(self, node: ast.Call) -> ast.expr:
        silent = isinstance(node.func, ast.Name) and node.func.id in SILENT_BUILTINS
        if silent or _suspends(node):
            self.generic_visit(node)
            return node
        original = _shallow(node)
        slots: list[Slot] = []
        function = self._callee(node.func, slots)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        changes = name in MUTATORS or any(k.arg in {"out", "inplace", "copy"} for k in node.keywords)
        changes = changes or (len(node.args) >= 3 and name in {"dot", "matmul", "add", "subtract", "multiply"})
        items = isinstance(node.func, ast.Name) and name in EXHAUSTING_BUILTINS - self._assigned_names
        arguments = [self._argument(str(i), a, slots, items=items) for i, a in enumerate(node.args)]
        keywords = []
        for keyword in node.keywords:
            role = f"{keyword.arg}=" if keyword.arg else "**"
            value = self._argument(role, keyword.value, slots)
            keywords.append(ast.copy_location(ast.keyword(arg=keyword.arg, value=value), keyword))
        site = self._site(original, Kind.CALL, slots, name)
        result: ast.expr = ast.copy_location(ast.Call(func=function, args=arguments, keywords=keywords), node)
        if changes:
            return self._changing_call(site, result, slots)
        return self._record(site, result, slots, hook="record_list" if name in LIST_CONSUMERS else "record")

    def _callee(self, func: ast.expr, slots: list[Slot]) -> ast.expr:
        if isinstance(func, ast.Attribute) and not self._is_super(func.value):
            slot, receiver = self._operand("receiver", func.value)
            slots.append(slot)
            return ast.copy_location(ast.Attribute(value=receiver, attr=func.attr, ctx=func.ctx), func)
        if isinstance(func, ast.Attribute):
            return func
        slot, function = self._operand("function", func)
        slots.append(slot)
        return function

    def _is_super(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"

    def _argument(self, role: str, node: ast.expr, slots: list[Slot], *, items: bool = False) -> ast.expr:
        if isinstance(node, ast.GeneratorExp) and items:
            slots.append(Slot(role, Source.HELD, node))
            return self._hook("hold_items", [self._visit(node)], node)
        if isinstance(node, ast.GeneratorExp | ast.Lambda):
            visited: ast.expr = self._visit(node)
            return visited
        if isinstance(node, ast.Starred):
            slot, value = self._operand("*", node.value)
            slots.append(slot)
            return ast.copy_location(ast.Starred(value=value, ctx=node.ctx), node)
        slot, value = self._operand(role, node)
        slots.append(slot)
        return value

    def _changing_call(self, site: Site, call: ast.expr, slots: list[Slot]) -> ast.expr:
        """`hook(site, before(names...), call, names...)`: what it changes is copied before it is changed.

        Held operands are copied as they are held, which happens before the call too.
        """
        assert isinstance(call, ast.Call)
        node = site.node
        before = self._hook("before_change", self._reloads(slots), node)
        for child in [*call.args, *(k.value for k in call.keywords), getattr(call.func, "value", call.func)]:
            _rename_hook(child, "hold", "hold_changing")
        arguments = [self._number(site.held, node), self._number(site.number, node), before, call]
        return self._hook("record_change", [*arguments, *self._reloads(slots)], node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        return node  # before Python 3.12 the places inside an f-string are wrong

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self._scope.append("<lambda>")
        node.body = self._visit(node.body)
        self._scope.pop()
        return node

    # -- statements ---------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        if not any(_decorator_name(d) in COMPILED_DECORATORS for d in node.decorator_list):
            self._block(node, node.name)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        self._block(node, node.name)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        self._block(node, node.name)
        return node

    def _block(self, node: Any, name: str) -> None:
        self._scope.append(name)
        body: list[ast.stmt] = []
        for statement in node.body:
            visited = self._visit(statement)
            body.extend(visited if isinstance(visited, list) else [visited])
        node.body = body
        self._scope.pop()

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        only = node.targets[0] if len(node.targets) == 1 else None
        stores_item = isinstance(only, ast.Subscript) and not _suspends(node.value) and not _suspends(only)
        node.value = self._assigned(node.targets, node.value)
        if stores_item:
            node.value = self._hook("hold", [node.value], node.value)
        node.targets = [self._target(t, stores_item) for t in node.targets]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is not None:
            node.value = self._assigned([node.target], node.value)
        return node

    def _assigned(self, targets: list[ast.expr], value: ast.expr) -> ast.expr:
        """The value of an assignment, recorded under its target's name."""
        if isinstance(value, ast.Constant) and not isinstance(value.value, float):
            return value
        if _suspends(value):
            visited: ast.expr = self._visit(value)
            return visited
        target = targets[0]
        first = len(self._table)
        new = self._visit(value)
        own = [s for s in self._table.sites[first:] if s.node.__dict__.get("_origin") is value]
        if own:
            own[-1].bound_to = self._source.of(target)
        if own and isinstance(target, ast.Name):
            return new  # type: ignore[no-any-return]
        slots = []
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            slots.append(Slot("owner", Source.RELOADED, target.value, name=target.value.id))
        if isinstance(target, ast.Subscript):
            return new  # type: ignore[no-any-return]
        site = self._site(target, Kind.BIND, slots, self._source.of(target))
        site.bound_to = self._source.of(target)
        return self._hook("bind", [self._number(site.number, target), new, *self._reloads(slots)], value)

    def _target(self, target: ast.expr, value_is_held: bool) -> ast.expr:
        """An assignment's target; `x[i] = v` is recorded just before it happens, when x, i and v are known."""
        if isinstance(target, ast.Tuple | ast.List):
            target.elts = [self._target(e, False) for e in target.elts]
            return target
        if isinstance(target, ast.Attribute):
            target.value = self._visit(target.value)
            return target
        if not isinstance(target, ast.Subscript) or _suspends(target):
            return target
        original = _shallow(target)
        owner, new_value = self._operand("target", target.value)
        index = Slot("index", Source.PASSED, target.slice)
        slots = [owner, index]
        if value_is_held:
            slots.insert(0, Slot("value", Source.HELD, target))
        site = self._site(original, Kind.SETITEM, slots)
        reloads = self._reloads([owner])
        arguments = [self._number(site.held, target), self._number(site.number, target)]
        new_index = self._hook("setitem", [*arguments, self._plain_index(target.slice), *reloads], target.slice)
        return ast.copy_location(ast.Subscript(value=new_value, slice=new_index, ctx=target.ctx), target)

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt] | ast.stmt:
        if _suspends(node):
            return node
        original = _shallow(node)
        slots: list[Slot] = []
        target = node.target
        if isinstance(target, ast.Name):
            slots.append(Slot("target", Source.RELOADED, _fresh_load(target), name=target.id))
        elif isinstance(target, ast.Attribute):
            owner, new_owner = self._operand("owner", target.value)
            slots.append(owner)
            node.target = ast.copy_location(ast.Attribute(value=new_owner, attr=target.attr, ctx=target.ctx), target)
        else:
            owner, new_owner = self._operand("owner", target.value)
            index, new_index = self._index(target.slice)
            slots += [owner, index]
            node.target = ast.copy_location(ast.Subscript(value=new_owner, slice=new_index, ctx=target.ctx), target)
        slots.append(Slot("value", Source.PASSED, node.value))
        operator = OPERATORS[type(node.op)]
        value_first = self._visit(node.value)
        site = self._site(original, Kind.AUGMENTED, slots, operator)
        numbers = [self._number(site.held, target), self._number(site.number, target)]
        reloads = self._reloads(slots)
        node.value = self._hook("augment", [*numbers, value_first, *reloads], node.value)
        after_arguments: list[ast.expr] = [self._number(site.number, target)]
        if isinstance(target, ast.Name):
            after_arguments.append(_fresh_load(target))
        after = ast.copy_location(ast.Expr(value=self._hook("augmented", after_arguments, target)), node)
        return [node, after]

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        if node.value is None or isinstance(node.value, ast.Constant) or _suspends(node):
            self.generic_visit(node)
            return node
        original = node.value
        value = self._visit(original)
        site = self._site(_shallow(original), Kind.RETURN, [])
        node.value = self._hook("returned", [self._number(site.number, original), value], original)
        return node

    def visit_Match(self, node: ast.Match) -> ast.stmt:
        node.subject = self._visit(node.subject)
        for case in node.cases:
            if case.guard is not None:
                case.guard = self._visit(case.guard)
            body: list[ast.stmt] = []
            for statement in case.body:
                visited = self._visit(statement)
                body.extend(visited if isinstance(visited, list) else [visited])
            case.body = body
        return node

    def visit_Delete(self, node: ast.Delete) -> ast.stmt:
        return node


def _decorator_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_constant(node: ast.AST) -> bool:
    """Arithmetic on literals, which the compiler folds."""
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_constant(node.left) and _is_constant(node.right)
    return isinstance(node, ast.Constant)


def _has_call(node: ast.AST) -> bool:
    return any(isinstance(child, ast.Call) for child in ast.walk(node))


def _shallow(node: Any) -> Any:
    """A copy of the node that keeps the unchanged children and remembers the node it was made from.

    The transformer replaces children by new nodes and never changes an operand in place, so the copy stays the user's.
    """
    copy = type(node)(**{name: getattr(node, name) for name in node._fields if hasattr(node, name)})
    ast.copy_location(copy, node)
    copy._origin = node
    return copy


def _fresh_load(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Name):
        return ast.copy_location(ast.Name(id=node.id, ctx=ast.Load()), node)
    assert isinstance(node, ast.Attribute)
    return ast.copy_location(ast.Attribute(value=_fresh_load(node.value), attr=node.attr, ctx=ast.Load()), node)


def _rename_hook(node: ast.expr, old: str, new: str) -> None:
    if isinstance(node, ast.Starred):
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Constant) and node.func.value == _MARK + old:
        node.func.value = _MARK + new


def rewrite(text: str, path: str, table: SiteTable) -> ast.Module:
    """The recorded form of a module's source; enters its sites into `table`.

    Args:
        text: The module's source.
        path: The file's name as it is to stand in tracebacks and sites.
        table: Receives the sites.

    Raises:
        SyntaxError: As `ast.parse` does.
    """
    tree = ast.parse(text, filename=path)
    rewriter = Rewriter(SourceText(path, text), tree, table)
    body: list[ast.stmt] = []
    for statement in tree.body:
        visited = rewriter.visit(statement)
        body.extend(visited if isinstance(visited, list) else [visited])
    tree.body = body
    return ast.fix_missing_locations(tree)


def compile_recorded(tree: ast.Module, path: str, hooks: dict[str, Callable[..., Any]]) -> CodeType:
    """Compile a rewritten tree and put the recorder's functions in the place of their marks."""
    # Calling a literal draws a SyntaxWarning. `warnings.catch_warnings` would make Python forget which warnings
    # the user's program has shown already, so the filter is put in and taken out by hand.
    ignore: Any = ("ignore", None, SyntaxWarning, None, 0)
    warnings.filters.insert(0, ignore)  # type: ignore[attr-defined]
    try:
        code = compile(tree, path, "exec", dont_inherit=True)
    finally:
        warnings.filters.remove(ignore)  # type: ignore[attr-defined]
    return _with_hooks(code, {_MARK + name: hook for name, hook in hooks.items()})


def _with_hooks(code: CodeType, hooks: dict[str, Callable[..., Any]]) -> CodeType:
    constants = tuple(
        _with_hooks(constant, hooks)
        if isinstance(constant, CodeType)
        else hooks.get(constant, constant)
        if isinstance(constant, str)
        else constant
        for constant in code.co_consts
    )
    return code.replace(co_consts=constants)
