"""Rewrites expressions: each that can yield an array hands its value to the recorder on the way.

The operation itself stays in the user's own frame, at its own place: the recorder is called with the result, never in
place of the operation, so exceptions, tracebacks, `super()`, `locals()` and evaluation order are Python's own.
"""

from __future__ import annotations

import ast
import sys
from typing import Any

import numpy as np

from shapecheck.trace.facts import ModuleFacts, is_literal, is_text, is_whole
from shapecheck.trace.sites import Kind, Site, SiteTable, Slot, Source, SourceText

# Attributes that make an array out of an array; every other attribute only names one.
ARRAY_ATTRIBUTES = frozenset({"T", "mT", "H", "I", "A", "A1", "real", "imag", "flat", "values"})
# Built-in functions that take no part in the arithmetic.
SILENT_BUILTINS = frozenset(
    "len range print zip enumerate isinstance issubclass str int list dict tuple set frozenset type repr open input "
    "super locals globals vars dir eval exec hasattr iter reversed sorted id callable format ord chr any all bool "
    "delattr compile slice staticmethod classmethod property object bytes bytearray exit quit help".split()
)
# Calls that change one of their arrays.
MUTATORS = frozenset(
    "sort fill put partition resize itemset at copyto putmask place fill_diagonal shuffle put_along_axis "
    "byteswap setflags nan_to_num".split()
)
# Calls that take a list of arrays or numbers, which may be emptied, refilled or stepped afterwards.
LIST_CONSUMERS = frozenset(
    "array asarray asanyarray concatenate vstack hstack dstack stack column_stack row_stack block sum mean average "
    "prod max min std var median matrix asmatrix mat dot vdot inner outer matmul multiply add subtract".split()
)
# Builtins that use up a generator completely, so that a copy of its items can be kept.
EXHAUSTING_BUILTINS = frozenset({"sum", "max", "min"})
# Functions other than ufuncs that take `out` by position: how many operands come before it.
_OPERANDS_BEFORE_OUT = {"dot": 2, "matmul": 2, "clip": 3, "outer": 2}
# The recorder has a function for every number of operands up to these.
MOST_RELOADED, MOST_HELD = 4, 3

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

MARK = "\0shapecheck:"
_FSTRINGS_HAVE_PLACES = sys.version_info >= (3, 12)


class ExpressionRewriter(ast.NodeTransformer):
    """Turns expressions into recorded ones and enters their sites.

    `twins` holds each node of the tree that is changed, by `id`, with the same node of a tree that is not.
    """

    def __init__(
        self, source: SourceText, facts: ModuleFacts, twins: dict[int, tuple[Any, Any]], table: SiteTable
    ) -> None:
        self._source = source
        self._facts = facts
        self._twins = twins
        self._table = table
        self._scope: list[str] = []
        self._whole: set[str] = set()
        self._methods: tuple[str, set[str]] = ("", set())
        self._site_of: dict[int, Site] = {}

    # -- small pieces -------------------------------------------------------------------------------------------

    def _visit(self, node: Any) -> Any:
        return self.visit(node)

    def _twin(self, node: Any) -> Any:
        pair = self._twins.get(id(node))
        return node if pair is None else pair[1]

    def _suspends(self, node: ast.AST) -> bool:
        return bool(self._facts.suspending) and id(self._twin(node)) in self._facts.suspending

    def _hook(self, name: str, arguments: list[ast.expr], at: ast.AST) -> ast.Call:
        call = ast.Call(func=ast.Constant(value=MARK + name), args=arguments, keywords=[])
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
            node=self._twin(node),
            slots=tuple(slots),
            operator=operator,
            function=".".join(self._scope) or "<module>",
            held=sum(slot.source is Source.HELD for slot in slots),
        )
        return self._table.add(site)

    # -- operands -----------------------------------------------------------------------------------------------

    def _is_fragile(self, nodes: list[ast.expr]) -> bool:
        """Whether evaluating these may run the user's functions, which may bind global names anew."""
        return bool(self._facts.rebound) and any(isinstance(n, ast.Call) for node in nodes for n in ast.walk(node))

    def _operand(self, role: str, node: ast.expr, fragile: bool = False) -> tuple[Slot, ast.expr]:
        """The slot of an operand and the expression that takes its place."""
        twin = self._twin(node)
        if isinstance(node, ast.Constant):
            return Slot(role, Source.CONSTANT, twin, constant=node.value), node
        path = self._facts.library_path(node)
        if path is not None:
            return Slot(role, Source.LIBRARY, twin, constant=path, name=ast.unparse(node)), node
        lost = fragile and isinstance(node, ast.Name) and node.id in self._facts.rebound
        if isinstance(node, ast.Name) and node.id not in self._facts.deleted and not lost:
            return Slot(role, Source.RELOADED, twin, name=node.id), node
        return Slot(role, Source.HELD, twin), self._held(self._visit(node), node)

    def _held(self, visited: ast.expr, at: ast.expr) -> ast.expr:
        """Keep a value until the expression around it has been evaluated; a recorded one is kept as it is recorded."""
        function = visited.func if isinstance(visited, ast.Call) else None
        name = function.value if isinstance(function, ast.Constant) else None
        if isinstance(name, str) and name.startswith(MARK + "record_") and name[-1].isdigit():
            assert isinstance(function, ast.Constant)  # the recorder's function of fixed arity
            function.value = name + "_push"
            return visited
        return self._hook("hold", [visited], at)

    def _reloads(self, slots: list[Slot]) -> list[ast.expr]:
        return [self._again(slot.node) for slot in slots if slot.source is Source.RELOADED]

    def _again(self, node: ast.expr) -> ast.expr:
        """The expression a second time: a name, or an index made of counters."""
        if isinstance(node, ast.Name):
            return ast.copy_location(ast.Name(id=node.id, ctx=ast.Load()), node)
        if isinstance(node, ast.Slice):
            none = ast.copy_location(ast.Constant(value=None), node)
            parts = [self._again(part) if part is not None else none for part in (node.lower, node.upper, node.step)]
            return self._hook("slice", parts, node)
        if isinstance(node, ast.Tuple):
            elements = [self._again(element) for element in node.elts]
            return ast.copy_location(ast.Tuple(elts=elements, ctx=ast.Load()), node)
        return node

    def _record(self, node: ast.expr, site: Site, result: ast.expr, hook: str = "record") -> ast.expr:
        slots = list(site.slots)
        reloads = self._reloads(slots)
        self._site_of[id(node)] = site
        if hook in {"record", "record_list"} and len(reloads) <= MOST_RELOADED and site.held <= MOST_HELD:
            name = f"{hook}_{len(reloads)}_{site.held}"
            return self._hook(name, [self._number(site.number, node), result, *reloads], node)
        numbers: list[ast.expr] = [self._number(site.held, node), self._number(site.number, node)]
        return self._hook(hook + "_many", [*numbers, result, *reloads], node)

    # -- operators ----------------------------------------------------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """`a + b`."""
        if self._suspends(node) or is_literal(node) or is_text(node) or is_whole(node, self._whole):
            self.generic_visit(node)
            return node
        fragile = self._is_fragile([node.left, node.right])
        left, new_left = self._operand("left", node.left, fragile)
        right, new_right = self._operand("right", node.right, fragile)
        site = self._site(node, Kind.BINARY, [left, right], OPERATORS[type(node.op)])
        return self._record(node, site, ast.copy_location(ast.BinOp(left=new_left, op=node.op, right=new_right), node))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """`-a`."""
        quiet = isinstance(node.op, ast.Not | ast.UAdd) or is_literal(node) or is_whole(node, self._whole)
        if quiet or self._suspends(node):
            self.generic_visit(node)
            return node
        slot, operand = self._operand("operand", node.operand)
        site = self._site(node, Kind.UNARY, [slot], OPERATORS[type(node.op)])
        return self._record(node, site, ast.copy_location(ast.UnaryOp(op=node.op, operand=operand), node))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """`a > b` as a value."""
        if not self._is_comparison(node):
            self.generic_visit(node)
            return node
        fragile = self._is_fragile([node.left, *node.comparators])
        left, new_left = self._operand("left", node.left, fragile)
        right, new_right = self._operand("right", node.comparators[0], fragile)
        site = self._site(node, Kind.COMPARE, [left, right], OPERATORS[type(node.ops[0])])
        result = ast.copy_location(ast.Compare(left=new_left, ops=node.ops, comparators=[new_right]), node)
        return self._record(node, site, result)

    def _is_comparison(self, node: ast.Compare) -> bool:
        operands = [node.left, *node.comparators]
        if len(node.ops) != 1 or type(node.ops[0]) not in OPERATORS or self._suspends(node):
            return False
        return not any(map(is_text, operands)) and not all(is_whole(o, self._whole) for o in operands)

    def _condition(self, node: ast.expr, asserted: bool = False) -> ast.expr:
        """An expression whose truth is asked for.

        A comparison there stays a comparison, because the place that Python reports for an array whose truth is
        ambiguous depends on it; its operands are recorded when its right side has been evaluated.
        """
        if isinstance(node, ast.BoolOp):
            node.values = [self._condition(value) for value in node.values]
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self._condition(node.operand, asserted)
            return node
        if isinstance(node, ast.IfExp):
            node.test, node.body = self._condition(node.test), self._condition(node.body)
            node.orelse = self._condition(node.orelse)
            return node
        if not isinstance(node, ast.Compare) or not self._is_comparison(node):
            if isinstance(node, ast.Compare):
                self.generic_visit(node)
                return node
            visited: ast.expr = self._visit(node)
            return visited
        about_shapes = any(isinstance(o, ast.Attribute) and o.attr == "shape" for o in [node.left, *node.comparators])
        if not asserted and not about_shapes:
            self._unrecorded(node, Kind.COMPARE, {"left": node.left, "right": node.comparators[0]})
            self.generic_visit(node)
            return node
        fragile = self._is_fragile([node.left, *node.comparators])
        left, node.left = self._operand("left", node.left, fragile)
        right, new_right = self._operand("right", node.comparators[0], fragile)
        site = self._site(node, Kind.COMPARE, [left, right], OPERATORS[type(node.ops[0])])
        numbers: list[ast.expr] = [self._number(site.held, node), self._number(site.number, node)]
        node.comparators = [self._hook("compared", [*numbers, new_right, *self._reloads([left, right])], node)]
        return node

    def _unrecorded(self, node: Any, kind: Kind, operands: dict[str, ast.expr], operator: str = "") -> Site:
        """Enter a site that no event ever names, so that a failure there finds its plain operands."""
        slots = []
        for role, operand in operands.items():
            twin = self._twin(operand)
            if isinstance(operand, ast.Constant):
                slots.append(Slot(role, Source.CONSTANT, twin, constant=operand.value))
            elif isinstance(operand, ast.Name):
                slots.append(Slot(role, Source.RELOADED, twin, name=operand.id))
            else:
                slots.append(Slot(role, Source.PASSED, twin))
        return self._site(node, kind, slots, operator or OPERATORS.get(type(getattr(node, "ops", [None])[0]), ""))

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """`a if test else b`."""
        node.test, node.body, node.orelse = self._condition(node.test), self._visit(node.body), self._visit(node.orelse)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        """`for x in xs if test`."""
        node.iter = self._visit(node.iter)
        node.ifs = [self._condition(test) for test in node.ifs]
        return node

    # -- attributes and items -----------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """`a.T`."""
        is_array = isinstance(node.ctx, ast.Load) and node.attr in ARRAY_ATTRIBUTES
        if not is_array or self._suspends(node) or self._facts.library_path(node) is not None:
            self.generic_visit(node)
            return node
        slot, operand = self._operand("operand", node.value)
        site = self._site(node, Kind.ATTRIBUTE, [slot], node.attr)
        result = ast.copy_location(ast.Attribute(value=operand, attr=node.attr, ctx=node.ctx), node)
        return self._record(node, site, result)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """`a[i]`."""
        if not isinstance(node.ctx, ast.Load) or self._suspends(node) or is_whole(node, self._whole):
            self.generic_visit(node)
            return node
        fragile = self._is_fragile([node.value, node.slice])
        target, new_value = self._operand("target", node.value, fragile)
        index, new_index = self._index(node.slice, fragile)
        site = self._site(node, Kind.GETITEM, [target, index])
        result = ast.copy_location(ast.Subscript(value=new_value, slice=new_index, ctx=node.ctx), node)
        return self._record(node, site, result)

    def _index(self, node: ast.expr, fragile: bool = False) -> tuple[Slot, ast.expr]:
        """An index as an operand; `a:b` counts as the `slice` that Python makes of it."""
        if isinstance(node, ast.Constant | ast.Name):
            return self._operand("index", node, fragile)
        twin = self._twin(node)
        try:
            return Slot("index", Source.CONSTANT, twin, constant=self._constant_index(node)), node
        except ValueError:
            pass
        if self._is_counted(node):
            return Slot("index", Source.RELOADED, twin), node
        return Slot("index", Source.HELD, twin), self._held(self._plain_index(node), node)

    def _constant_index(self, node: ast.expr | None) -> Any:
        """The value of an index that the source spells out.

        Raises:
            ValueError: It does not.
        """
        if isinstance(node, ast.Tuple):
            return tuple(self._constant_index(element) for element in node.elts)
        if isinstance(node, ast.Slice):
            return slice(*(None if p is None else self._constant_index(p) for p in (node.lower, node.upper, node.step)))
        if isinstance(node, ast.Attribute) and self._facts.library_path(node) == "numpy.newaxis":
            return None
        if isinstance(node, ast.UnaryOp | ast.Constant):
            return ast.literal_eval(node)
        raise ValueError

    def _is_counted(self, node: ast.expr | None) -> bool:
        """Whether an index is made of integer names and constants only, so that reading it twice costs nothing."""
        if isinstance(node, ast.Tuple):
            return all(map(self._is_counted, node.elts))
        if isinstance(node, ast.Slice):
            return all(map(self._is_counted, (node.lower, node.upper, node.step)))
        simple = node is None or isinstance(node, ast.Constant) or is_whole(node, self._whole)
        return simple and not any(isinstance(n, ast.Call | ast.Attribute) for n in ast.walk(node or ast.Constant(0)))

    def _plain_index(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Slice):
            parts = [node.lower, node.upper, node.step]
            none = [ast.copy_location(ast.Constant(value=None), node) for _ in parts]
            bounds = [self._plain_index(p) if p else n for p, n in zip(parts, none, strict=True)]
            return self._hook("slice", bounds, node)
        if isinstance(node, ast.Tuple):
            elements = [self._plain_index(element) for element in node.elts]
            return ast.copy_location(ast.Tuple(elts=elements, ctx=ast.Load()), node)
        visited: ast.expr = self._visit(node)
        return visited

    # -- calls --------------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """`f(a)`."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        silent = isinstance(node.func, ast.Name) and name in SILENT_BUILTINS - self._facts.bound
        if silent or self._suspends(node):
            self.generic_visit(node)
            return node
        if self._is_own(node.func):
            operands = {str(i): a for i, a in enumerate(node.args) if not isinstance(a, ast.Starred)}
            operands.update({f"{k.arg}=": k.value for k in node.keywords if k.arg})
            self._unrecorded(node, Kind.CALL, operands, name)
            self.generic_visit(node)
            return node
        if name == "resize" and isinstance(node.func, ast.Attribute) and self._facts.library_path(node.func) is None:
            self.generic_visit(node)
            node.func.value = self._hook("resizing", [node.func.value], node.func.value)
            return node
        return self._recorded_call(node, name)

    def _is_own(self, func: ast.expr) -> bool:
        """Whether a call certainly runs a function of this module, whose own operations are recorded."""
        if isinstance(func, ast.Name):
            return func.id in self._facts.functions
        me, methods = self._methods
        if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
            return False
        return func.value.id == me and func.attr in methods

    def _recorded_call(self, node: ast.Call, name: str) -> ast.expr:
        slots: list[Slot] = []
        of_library = self._facts.library_path(node.func) is not None
        operands = [*node.args, *(keyword.value for keyword in node.keywords)]
        fragile = bool(self._facts.rebound) and (not of_library or self._is_fragile(operands))
        function = self._callee(node.func, slots, fragile)
        items = isinstance(node.func, ast.Name) and name in EXHAUSTING_BUILTINS - self._facts.bound
        arguments = [self._argument(str(i), a, slots, fragile, items) for i, a in enumerate(node.args)]
        keywords = []
        for keyword in node.keywords:
            role = f"{keyword.arg}=" if keyword.arg else "**"
            value = self._argument(role, keyword.value, slots, fragile, False)
            keywords.append(ast.copy_location(ast.keyword(arg=keyword.arg, value=value), keyword))
        site = self._site(node, Kind.CALL, slots, name)
        call = ast.copy_location(ast.Call(func=function, args=arguments, keywords=keywords), node)
        if self._changes(node, name):
            self._save_before(call, site)
            return self._record(node, site, call, hook="record_change")
        if name == "setattr" and isinstance(node.func, ast.Name):
            return self._record(node, site, call, hook="record_naming")
        return self._record(node, site, call, hook="record_list" if name in LIST_CONSUMERS else "record")

    def _changes(self, node: ast.Call, name: str) -> bool:
        """Whether a call may change one of its arrays."""
        if name in MUTATORS or name in self._facts.compiled or any(k.arg in {"out", "inplace"} for k in node.keywords):
            return True
        ufunc = getattr(np, name, None) if name else None
        most = ufunc.nin if isinstance(ufunc, np.ufunc) else _OPERANDS_BEFORE_OUT.get(name, 99)
        return len(node.args) > most

    def _save_before(self, call: ast.Call, site: Site) -> None:
        """Wrap the operand that is evaluated last, so that what the call changes is copied right before it happens."""
        slots = list(site.slots)

        def saved(value: ast.expr) -> ast.expr:
            return self._hook("saved", [self._number(site.held, call), value, *self._reloads(slots)], value)

        if call.keywords:
            call.keywords[-1].value = saved(call.keywords[-1].value)
        elif call.args and isinstance(call.args[-1], ast.Starred):
            call.args[-1].value = saved(call.args[-1].value)
        elif call.args:
            call.args[-1] = saved(call.args[-1])
        elif isinstance(call.func, ast.Attribute):
            call.func.value = saved(call.func.value)

    def _callee(self, func: ast.expr, slots: list[Slot], fragile: bool) -> ast.expr:
        if isinstance(func, ast.Attribute):
            value = func.value
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "super":
                return func
            slot, receiver = self._operand("receiver", value, fragile)
            slots.append(slot)
            return ast.copy_location(ast.Attribute(value=receiver, attr=func.attr, ctx=func.ctx), func)
        slot, function = self._operand("function", func, fragile)
        slots.append(slot)
        return function

    def _argument(self, role: str, node: ast.expr, slots: list[Slot], fragile: bool, items: bool) -> ast.expr:
        if isinstance(node, ast.GeneratorExp) and items:
            slots.append(Slot(role, Source.HELD, self._twin(node)))
            return self._hook("hold_items", [self._visit(node)], node)
        if isinstance(node, ast.GeneratorExp | ast.Lambda):
            visited: ast.expr = self._visit(node)
            return visited
        if isinstance(node, ast.Starred):
            slot, value = self._operand("*", node.value, fragile)
            slots.append(slot)
            return ast.copy_location(ast.Starred(value=value, ctx=node.ctx), node)
        slot, value = self._operand(role, node, fragile)
        slots.append(slot)
        return value

    # -- expressions with a scope or a name of their own --------------------------------------------------------

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        """An f-string; before Python 3.12 the places inside it may be wrong, and then it is left alone."""
        if _FSTRINGS_HAVE_PLACES or self._has_places(node):
            self.generic_visit(node)
        return node

    def _has_places(self, node: ast.JoinedStr) -> bool:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                try:
                    found = ast.parse(self._source.of(part.value).strip(), mode="eval").body
                except (SyntaxError, IndexError, ValueError):
                    return False
                if ast.dump(found) != ast.dump(part.value):
                    return False
        return True

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        """`(y := a)`."""
        value = node.value
        node.value = self._visit(value)
        if id(value) in self._site_of:
            self._site_of[id(value)].bound_to = node.target.id
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        """`lambda x: a`; its defaults are left alone."""
        outer = self._whole
        self._scope.append("<lambda>")
        self._whole = outer - {n.arg for n in ast.walk(node.args) if isinstance(n, ast.arg)}
        node.body = self._visit(node.body)
        self._whole = outer
        self._scope.pop()
        return node
