"""Rewrites a module: its statements here, their expressions in `expressions`; then compiles it.

The recorder's functions enter the code as constants, so no name is added to any namespace.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from shapecheck.trace.expressions import MARK, OPERATORS, ExpressionRewriter
from shapecheck.trace.facts import ModuleFacts, is_literal, is_text, is_whole
from shapecheck.trace.sites import Kind, Site, SiteTable, Slot, Source, SourceText

# Builtins whose results hold no arrays.
_PLAIN_RESULTS = frozenset({"len", "range", "str", "int", "open", "input", "isinstance", "type", "repr", "print"})

# How a hook finds the operands of an item's assignment: a sum of these.
OWNER_HELD, VALUE_HELD, VALUE_RELOADED, INDEX_HELD, INDEX_CONSTANT = 1, 2, 4, 8, 16


class Rewriter(ExpressionRewriter):
    """Turns one module's tree into the recorded one and enters its sites."""

    # -- scopes -------------------------------------------------------------------------------------------------

    def module(self, tree: ast.Module) -> None:
        """Rewrite a whole module in place."""
        self._whole = self._facts.whole_names(tree)
        tree.body = self._statements(tree.body)

    def _statements(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        body: list[ast.stmt] = []
        for statement in statements:
            visited = self._visit(statement)
            body.extend(visited if isinstance(visited, list) else [visited])
        return body

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        if node.name in self._facts.compiled:
            return node
        outer = self._whole
        local = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        local |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
        self._whole = (outer - local) | self._facts.whole_names(node)
        methods = self._methods
        plain = [*node.args.posonlyargs, *node.args.args]
        if self._in_class and plain and not node.decorator_list:
            self._methods = (plain[0].arg, methods[1])
        elif plain and methods[0] in local:
            self._methods = ("", set())
        self._in_class = False
        self._scope.append(node.name)
        node.body = self._statements(node.body)
        self._scope.pop()
        self._whole, self._methods = outer, methods
        return node

    _in_class = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        """A function; its decorators, defaults and annotations are left alone."""
        in_class = self._in_class
        new = self._function(node)
        self._in_class = in_class
        return new

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        """A coroutine."""
        in_class = self._in_class
        new = self._function(node)
        self._in_class = in_class
        return new

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        """A class; its bases and decorators are left alone."""
        outer, methods, in_class, name = self._whole, self._methods, self._in_class, self._class
        stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        self._whole = outer - stored
        self._methods = ("", self._facts.methods.get(self._twin(node), set()))
        self._in_class, self._class = True, node.name
        self._scope.append(node.name)
        node.body = self._statements(node.body)
        self._scope.pop()
        self._whole, self._methods, self._in_class, self._class = outer, methods, in_class, name
        return node

    _class = ""

    def _mangled(self, attribute: str) -> str:
        """An attribute's name as the compiler changes it inside a class."""
        stripped = self._class.lstrip("_")
        private = attribute.startswith("__") and not attribute.endswith("__") and bool(stripped)
        return f"_{stripped}{attribute}" if private else attribute

    # -- assignments --------------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt] | ast.stmt:
        """`x = a`, `x.y = a`, `x[i] = a`."""
        only = node.targets[0] if len(node.targets) == 1 else None
        if isinstance(only, ast.Subscript) and not self._suspends(node):
            return self._stored_item(node, only)
        value = node.value
        node.value = self._assigned(node.targets, value)
        if isinstance(only, ast.Tuple | ast.List) and not isinstance(value, ast.Tuple | ast.List | ast.Constant):
            node.value = self._unpacked(only, self._twin(value), node.value)
        items: list[Site] = []
        node.targets = [self._target(t, items) for t in node.targets]
        if not items:
            return node
        # What such a statement stores is not known before it is stored; the arrays are looked at again after it.
        last = ast.Expr(value=self._hook("settled", [], node))
        return [node, ast.copy_location(last, node)]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """`x: T = a`; the annotation is left alone."""
        if node.value is not None:
            node.value = self._assigned([node.target], node.value)
        return node

    def _assigned(self, targets: list[ast.expr], value: ast.expr) -> ast.expr:
        """The value of an assignment, recorded under its target's name."""
        if self._suspends(value):
            visited: ast.expr = self._visit(value)
            return visited
        target = targets[0]
        name = self._source.of(target)
        new: ast.expr = self._visit(value)
        own = self._site_of.get(id(value))
        if own is not None:
            own.bound_to = name
        named = own is not None and isinstance(target, ast.Name)
        if named or isinstance(target, ast.Subscript) or self._is_plain(value):
            return new
        slots = []
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            slot, _ = self._operand("owner", target.value, self._is_fragile([value]))
            slots = [slot] if slot.source is Source.RELOADED else []
        site = self._site(target, Kind.BIND, slots, name)
        site.bound_to = name
        # `b1 = 0.0; b2 = 0.0` name one object of the code's constants; each needs an identity of its own.
        hook = "bind_constant" if isinstance(value, ast.Constant) else "bind"
        return self._hook(hook, [self._number(site.number, target), new, *self._reloads(slots)], value)

    def _unpacked(self, target: ast.Tuple | ast.List, original: ast.expr, value: ast.expr) -> ast.expr:
        """`k, c = theta`: each name is a number of an array, if it is an array that is taken apart."""
        names = target.elts
        if self._suspends(value) or not names or not all(isinstance(element, ast.Name) for element in names):
            return value
        first = -1
        for position, element in enumerate(names):
            index = Slot("index", Source.CONSTANT, self._twin(element), constant=position)
            site = self._site(element, Kind.GETITEM, [Slot("target", Source.HELD, original), index])
            site.bound_to = self._source.of(element)
            first = site.number if not position else first
        numbers = [self._number(first, target), self._number(len(names), target)]
        return self._hook("unpacked", [*numbers, value], value)

    def _is_plain(self, value: ast.expr) -> bool:
        """Whether a value is no array and holds none."""
        if isinstance(value, ast.Constant):
            return not isinstance(value.value, float)
        if isinstance(value, ast.Call):
            return isinstance(value.func, ast.Name) and value.func.id in _PLAIN_RESULTS - self._facts.bound
        return is_literal(value) or is_text(value) or is_whole(value, self._whole) or isinstance(value, ast.Lambda)

    def _stored_item(self, node: ast.Assign, target: ast.Subscript) -> ast.stmt:
        """`x[i] = a`, recorded just before it happens, when x, i and a are known."""
        fragile = self._is_fragile([node.value, target.value, target.slice])
        text = self._source.of(target)
        value, new = self._operand("value", node.value, fragile)
        if id(node.value) in self._site_of:
            self._site_of[id(node.value)].bound_to = text
        owner, new_owner = self._operand("target", target.value, fragile)
        layout = VALUE_HELD * (value.source is Source.HELD) + VALUE_RELOADED * (value.source is Source.RELOADED)
        layout += OWNER_HELD * (owner.source is Source.HELD)
        index = Slot("index", Source.PASSED, self._twin(target.slice))
        site = self._site(target, Kind.SETITEM, [value, owner, index])
        site.bound_to = text
        numbers: list[ast.expr] = [self._number(layout, target), self._number(site.number, target)]
        arguments = [*numbers, self._plain_index(target.slice), *self._reloads([value, owner])]
        new_index = self._hook("setitem", arguments, target.slice)
        node.value = new
        node.targets = [ast.copy_location(ast.Subscript(value=new_owner, slice=new_index, ctx=target.ctx), target)]
        return node

    def _target(self, target: ast.expr, items: list[Site]) -> ast.expr:
        """One of several targets, or a name."""
        if isinstance(target, ast.Tuple | ast.List):
            target.elts = [self._target(element, items) for element in target.elts]
            return target
        if isinstance(target, ast.Starred):
            target.value = self._target(target.value, items)
            return target
        if isinstance(target, ast.Attribute):
            target.value = self._visit(target.value)
            if target.attr == "shape":
                site = self._site(target, Kind.RESHAPED, [Slot("operand", Source.PASSED, self._twin(target.value))])
                site.bound_to = self._source.of(target.value)
                target.value = self._hook("reshaping", [self._number(site.number, target), target.value], target.value)
            elif target.attr in {"dtype", "strides"}:
                target.value = self._hook("resizing", [target.value], target.value)
            elif target.attr in {"real", "imag", "flat"}:
                site = self._site(target, Kind.SETITEM, [])
                items.append(site)
                target.value = self._hook("replacing", [self._number(site.number, target), target.value], target.value)
            return target
        if not isinstance(target, ast.Subscript) or self._suspends(target):
            return target
        owner, new_value = self._operand("target", target.value, self._is_fragile([target]))
        site = self._site(target, Kind.SETITEM, [owner, Slot("index", Source.PASSED, self._twin(target.slice))])
        items.append(site)
        numbers: list[ast.expr] = [self._number(site.held, target), self._number(site.number, target)]
        arguments = [*numbers, self._plain_index(target.slice), *self._reloads([owner])]
        new_index = self._hook("setitem_unknown", arguments, target.slice)
        return ast.copy_location(ast.Subscript(value=new_value, slice=new_index, ctx=target.ctx), target)

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt] | ast.stmt:
        """`x += a`, `x.y += a`, `x[i] += a`: recorded just before it happens, and what came of it after."""
        target = node.target
        whole = isinstance(target, ast.Name) and target.id in self._whole and is_whole(node.value, self._whole)
        if self._suspends(node) or whole:
            return node
        if is_text(node.value):
            node.value = self._visit(node.value)
            return node
        passed = Slot("value", Source.PASSED, self._twin(node.value))
        operator = OPERATORS[type(node.op)]
        if isinstance(target, ast.Name):
            slots = [Slot("target", Source.RELOADED, self._twin(target), name=target.id), passed]
            value = self._visit(node.value)
            site = self._site(node, Kind.AUGMENTED, slots, operator)
            number = self._number(site.number, target)
            again = [self._again(target), self._again(target)]
            node.value = self._hook("augment_name", [number, value, again[0]], node.value)
            after = self._hook("augmented_name", [number, again[1]], target)
            return [node, ast.copy_location(ast.Expr(value=after), node)]
        return self._augmented_place(node, target, passed, operator)

    def _augmented_place(
        self, node: ast.AugAssign, target: ast.Attribute | ast.Subscript, passed: Slot, operator: str
    ) -> list[ast.stmt]:
        fragile = self._is_fragile([target, node.value])
        owner, new_owner = self._operand("owner", target.value, fragile)
        slots = [owner, passed]
        layout = OWNER_HELD * (owner.source is Source.HELD)
        if isinstance(target, ast.Attribute):
            name = self._mangled(target.attr)
            new: ast.expr = ast.Attribute(value=new_owner, attr=target.attr, ctx=target.ctx)
        else:
            index, new_index = self._index(target.slice, fragile)
            slots.insert(1, index)
            layout += INDEX_HELD * (index.source is Source.HELD) + INDEX_CONSTANT * (index.source is Source.CONSTANT)
            name = ""
            new = ast.Subscript(value=new_owner, slice=new_index, ctx=target.ctx)
        node.target = ast.copy_location(new, target)  # type: ignore[assignment]
        value = self._visit(node.value)
        site = self._site(node, Kind.AUGMENTED, slots, operator)
        constant = ast.copy_location(ast.Constant(value=name), target)
        numbers: list[ast.expr] = [self._number(layout, target), self._number(site.number, target)]
        node.value = self._hook("augment", [*numbers, value, constant, *self._reloads(slots)], node.value)
        after = self._hook("augmented", [self._number(site.number, target), constant], target)
        return [node, ast.copy_location(ast.Expr(value=after), node)]

    # -- other statements ---------------------------------------------------------------------------------------

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        """`return a`."""
        if node.value is None or isinstance(node.value, ast.Constant) or self._suspends(node):
            self.generic_visit(node)
            return node
        original = node.value
        value = self._visit(original)
        if self._is_plain(original):
            node.value = value
            return node
        site = self._site(original, Kind.RETURN, [])
        node.value = self._hook("returned", [self._number(site.number, original), value], original)
        return node

    def visit_If(self, node: ast.If) -> ast.stmt:
        """`if test:`."""
        node.test = self._condition(node.test)
        node.body, node.orelse = self._statements(node.body), self._statements(node.orelse)
        return node

    def visit_While(self, node: ast.While) -> ast.stmt:
        """`while test:`."""
        node.test = self._condition(node.test)
        node.body, node.orelse = self._statements(node.body), self._statements(node.orelse)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        """`assert test`: what a comparison saw is recorded."""
        node.test = self._condition(node.test, asserted=True)
        if node.msg is not None:
            node.msg = self._visit(node.msg)
        return node

    def visit_Try(self, node: ast.Try) -> ast.stmt:
        """`try:`; operands that an exception left behind are dropped where it is caught."""
        suspends = any(map(self._suspends, node.body))
        self._tries += 1
        number = self._tries
        node.body, node.orelse = self._statements(node.body), self._statements(node.orelse)
        node.finalbody = self._statements(node.finalbody)
        for handler in node.handlers:
            if handler.type is not None:
                handler.type = self._visit(handler.type)
            handler.body = self._statements(handler.body)
            if not suspends:
                handler.body.insert(0, self._statement("caught", number, handler.body[0]))
        if node.handlers and not suspends:
            node.body.insert(0, self._statement("trying", number, node.body[0]))
        return node

    visit_TryStar = visit_Try  # type: ignore[assignment]
    _tries = 0

    def _statement(self, hook: str, number: int, at: ast.stmt) -> ast.stmt:
        return ast.copy_location(ast.Expr(value=self._hook(hook, [self._number(number, at)], at)), at)

    def visit_Match(self, node: ast.Match) -> ast.stmt:
        """`match a:`; the patterns are left alone."""
        node.subject = self._visit(node.subject)
        for case in node.cases:
            if case.guard is not None:
                case.guard = self._condition(case.guard)
            case.body = self._statements(case.body)
        return node

    def visit_Delete(self, node: ast.Delete) -> ast.stmt:
        """`del x` is left alone."""
        return node

    def visit_TypeAlias(self, node: ast.AST) -> ast.AST:
        """`type X = Y` is left alone."""
        return node


def _twins(tree: ast.AST, twin: ast.AST) -> dict[int, tuple[ast.AST, ast.AST]]:
    """The nodes of one tree, by `id`, each with the same node of another tree of the same source."""
    found: dict[int, tuple[ast.AST, ast.AST]] = {}
    todo = [(tree, twin)]
    while todo:
        one, other = todo.pop()
        found[id(one)] = one, other  # kept, so that no new node gets its `id`
        todo.extend(zip(ast.iter_child_nodes(one), ast.iter_child_nodes(other), strict=True))
    return found


def rewrite(text: str, path: str, table: SiteTable) -> ast.Module:
    """The recorded form of a module's source; enters its sites into `table`.

    Args:
        text: The module's source.
        path: The file's name as it is to stand in tracebacks and sites.
        table: Receives the sites.

    Raises:
        SyntaxError: As `ast.parse` does.
        RecursionError: An expression is nested too deeply.
    """
    with _no_syntax_warnings():
        tree, twin = ast.parse(text, filename=path), ast.parse(text, filename=path)
    twins = _twins(tree, twin)
    Rewriter(SourceText(path, text), ModuleFacts(twin), twins, table).module(tree)
    return ast.fix_missing_locations(tree)


class _no_syntax_warnings:  # noqa: N801 - a context manager, used like a function
    """While it lasts, compiling draws no warnings: the program has had its own, and calling a literal is ours.

    `warnings.catch_warnings` would make Python forget which warnings the user's program has shown already.
    """

    _IGNORED: Any = (("ignore", None, SyntaxWarning, None, 0), ("ignore", None, DeprecationWarning, None, 0))

    def __enter__(self) -> None:
        warnings.filters[:0] = self._IGNORED  # type: ignore[index]

    def __exit__(self, *_: object) -> None:
        for ignored in self._IGNORED:
            warnings.filters.remove(ignored)  # type: ignore[attr-defined]


def compile_recorded(
    tree: ast.Module | ast.Interactive, path: str, hooks: Mapping[str, Callable[..., Any]], *, flags: int = 0
) -> CodeType:
    """Compile a rewritten tree and put the recorder's functions in the place of their marks."""
    mode = "single" if isinstance(tree, ast.Interactive) else "exec"
    with _no_syntax_warnings():
        code = compile(tree, path, mode, flags, dont_inherit=True)
    return _with_hooks(code, hooks)


def _with_hooks(code: CodeType, hooks: Mapping[str, Callable[..., Any]]) -> CodeType:
    constants: list[Any] = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            constants.append(_with_hooks(constant, hooks))
        elif isinstance(constant, str) and constant.startswith(MARK):
            constants.append(hooks[constant[len(MARK) :]])
        else:
            constants.append(constant)
    return code.replace(co_consts=tuple(constants))
