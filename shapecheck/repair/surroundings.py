"""What a candidate edit needs to know of its place: the syntax around it, and the shapes of what is in scope."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from shapecheck.network.parameters import Update, find_parameters
from shapecheck.trace.child import Trace
from shapecheck.trace.failure import Failure, Seen
from shapecheck.trace.sites import SourceText
from shapecheck.trace.tape import Shape, Tape

Add = Callable[[str, int, int], None]


@dataclass
class Module:
    """One source file as a tree with parents."""

    source: SourceText
    tree: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    functions: dict[ast.AST, str] = field(default_factory=dict)
    _lines: dict[int, ast.stmt] = field(default_factory=dict)

    @classmethod
    def parse(cls, source: SourceText) -> Module:
        """Parse a file's text."""
        module = cls(source, ast.parse(source.text))
        module._enter(module.tree, "<module>")
        return module

    def _enter(self, node: ast.AST, function: str) -> None:
        for child in ast.iter_child_nodes(node):
            self.parents[child] = node
            self.functions[child] = function
            inner = function
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = child.name if function == "<module>" else f"{function}.{child.name}"
            elif isinstance(child, ast.Lambda):
                inner = "<lambda>" if function == "<module>" else f"{function}.<lambda>"
            self._enter(child, inner)

    def expressions(self) -> Iterator[ast.expr]:
        """Every expression of the file."""
        return (node for node in self.parents if isinstance(node, ast.expr) and hasattr(node, "lineno"))

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that holds a node."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def enclosing_function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function whose body holds a node."""
        current = self.parents.get(node)
        while current is not None and not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
            current = self.parents.get(current)
        return current

    def at_line(self, line: int) -> ast.stmt | None:
        """The innermost statement that a line belongs to."""
        if not self._lines:
            for node in ast.walk(self.tree):
                if isinstance(node, ast.stmt):
                    for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                        if number not in self._lines or node.lineno >= self._lines[number].lineno:
                            self._lines[number] = node
        return self._lines.get(line)


def own_expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement itself, without the statements inside it."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr | ast.withitem | ast.keyword):
            yield from (node for node in ast.walk(child) if isinstance(node, ast.expr))


@dataclass(frozen=True)
class Suspect:
    """A statement that may hold the mistake; `distance` counts the steps of dataflow from the failing expression."""

    path: str
    statement: ast.stmt
    distance: int


class Surroundings:
    """The trace of a failed run, arranged for looking things up by place."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.modules: dict[str, Module] = {}
        for path, source in trace.sources.items():
            try:
                self.modules[path] = Module.parse(source)
            except SyntaxError:
                continue
        self.shapes: dict[tuple[str, int, int, int, int], Shape] = {}
        self.every_shape: dict[tuple[str, int, int, int, int], set[Shape]] = {}
        self._growth: list[Update] | None = None
        self._calls: dict[str, list[tuple[str, int]]] = {}
        self._locals: dict[ast.AST, dict[str, Seen]] = {}
        self._bound: dict[int, dict[int, list[int]]] = {}
        self._scopes: dict[tuple[str, str], dict[str, Seen]] = {}
        for tape in (trace.head, trace.tail):
            if tape is not None:
                self._collect(tape)
        self._collect_failure(trace.failure)

    def _collect(self, tape: Tape) -> None:
        for operation in tape.operations:
            if operation.site is not None:
                site = tape.sites[operation.site]
                place = (site.path, site.line, site.column, site.end_line, site.end_column)
                self.shapes[place] = tape.values[operation.result].shape
                self.every_shape.setdefault(place, set()).add(tape.values[operation.result].shape)
        for access in tape.accesses:
            site = tape.sites[access.site]
            place = (site.path, site.line, site.column, site.end_line, site.end_column)
            self.shapes[place] = tape.values[access.value].shape

    def _collect_failure(self, failure: Failure | None) -> None:
        if failure is None or failure.site is None:
            return
        site = self.trace.head.sites[failure.site]
        seen = dict(failure.operands)
        module = self.modules.get(site.path)
        if module is None:
            return
        for slot in site.slots:
            operand = seen.get(slot.role)
            if operand is not None and operand.shape is not None and hasattr(slot.node, "lineno"):
                try:
                    self.shapes[(site.path, *module.source.place(slot.node))] = operand.shape
                except (AttributeError, TypeError):
                    continue

    def shape_of(self, path: str, node: ast.expr) -> Shape | None:
        """The shape that an expression last had."""
        module = self.modules[path]
        shape = self.shapes.get((path, *module.source.place(node)))
        if shape is not None:
            return shape
        seen = self.seen(path, node)
        return seen.shape if seen is not None else None

    def scope(self, path: str, node: ast.AST) -> dict[str, Seen]:
        """What the names in scope at a node last held."""
        function = self.modules[path].functions.get(node, "<module>")
        if (path, function) not in self._scopes:
            self._scopes[path, function] = self._scope(path, function)
        return self._scopes[path, function]

    def _scope(self, path: str, function: str) -> dict[str, Seen]:
        failure = self.trace.failure
        names: dict[str, Seen] = {}
        if failure is not None and failure.frames:
            outer = [f for f in failure.frames if f.path == path and f.function == "<module>"]
            names.update(outer[0].names if outer else {})
        names.update(self.trace.scopes.get((path, "<module>"), {}) if not names else {})
        names.update(self.trace.scopes.get((path, function), {}))
        if failure is not None:
            for frame in failure.frames:
                if frame.path == path and frame.function == function:
                    names.update(frame.names)
        instance = names.get("self") or self._instance(function, names)
        if instance is not None:
            names["self"] = instance
        return names

    def _instance(self, function: str, names: dict[str, Seen]) -> Seen | None:
        """`self` in a method that has returned: another method's in the traceback, or an instance among the names."""
        owner, _, method = function.rpartition(".")
        if not owner or not method:
            return None
        failure = self.trace.failure
        for frame in reversed(failure.frames) if failure is not None else ():
            seen = frame.names.get("self")
            if seen is not None and (frame.function.rpartition(".")[0] == owner or seen.type == owner):
                return seen
        return next((seen for seen in names.values() if seen.type == owner), None)

    def local_names(self, path: str, node: ast.AST) -> dict[str, Seen]:
        """The names of the function around a node, parameters included, as far as their values are known."""
        module = self.modules[path]
        function = module.enclosing_function(node)
        if function is None:
            return self.scope(path, node)
        if function not in self._locals:
            self._locals[function] = self._local_names(function, self.scope(path, node))
        return self._locals[function]

    @staticmethod
    def _local_names(function: ast.FunctionDef | ast.AsyncFunctionDef, scope: dict[str, Seen]) -> dict[str, Seen]:
        own = {a.arg for a in [*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs]}
        own |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        return {name: seen for name, seen in scope.items() if name in own}

    def seen(self, path: str, node: ast.expr) -> Seen | None:
        """What a name, an attribute or an item last held, read from the scope; None where that is not known."""
        if isinstance(node, ast.Name):
            return self.scope(path, node).get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.seen(path, node.value)
            return None if owner is None else dict(owner.attributes).get(node.attr)
        if isinstance(node, ast.Subscript):
            owner = self.seen(path, node.value)
            if owner is None:
                return None
            key = self.constant(path, node.slice)
            elements = dict(owner.elements)
            if isinstance(key, int) and key < 0 and owner.type in {"list", "tuple"}:
                key += len(elements)
            return elements.get(key) if key is not None else None
        return None

    def constant(self, path: str, node: ast.expr) -> int | str | None:
        """The value of an index or key that is made of literals and known names."""
        if isinstance(node, ast.Constant) and isinstance(node.value, int | str):
            return node.value
        if isinstance(node, ast.Name):
            seen = self.scope(path, node).get(node.id)
            return seen.literal if seen is not None and isinstance(seen.literal, int | str) else None
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self.constant(path, node.operand)
            return -value if isinstance(value, int) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str" and node.args:
            value = self.constant(path, node.args[0])
            return None if value is None else str(value)
        if isinstance(node, ast.BinOp):
            left, right = self.constant(path, node.left), self.constant(path, node.right)
            if (isinstance(left, int) and isinstance(right, int)) or (isinstance(left, str) and isinstance(right, str)):
                if isinstance(node.op, ast.Add):
                    return left + right  # type: ignore[operator]
                if isinstance(node.op, ast.Sub) and isinstance(left, int) and isinstance(right, int):
                    return left - right
        return None

    # -- where the mistake may be -------------------------------------------------------------------------------

    def suspects(self, most: int = 40) -> list[Suspect]:
        """The statements that the failing expression's operands came from, the nearest first."""
        failure = self.trace.failure
        if failure is None:
            return []
        found: dict[ast.stmt, Suspect] = {}

        def add(path: str, line: int, distance: int) -> None:
            module = self.modules.get(path)
            statement = module.at_line(line) if module is not None else None
            if statement is not None and (statement not in found or found[statement].distance > distance):
                found[statement] = Suspect(path, statement, distance)

        for depth, frame in enumerate(reversed(failure.frames)):
            add(frame.path, frame.place[0], depth)
        for identity in self._failing_identities(failure):
            for tape in (self.trace.tail, self.trace.head):
                if tape is not None:
                    self._walk(tape, identity, add)
        if self.trace.tail is not None:
            for update in self.growth():
                self._walk_from(self.trace.head, update.new, 0, add)
        for suspect in list(found.values()):
            self._add_neighbours(suspect, add)
            self._add_callers(suspect, add)
        ordered = sorted(found.values(), key=lambda s: s.distance)
        return ordered[:most]

    def growth(self) -> list[Update]:
        """The updates that gave a parameter another shape, long before the program died of it."""
        if self._growth is None:
            grown = [p.grew(self.trace.head) for p in find_parameters(self.trace.head)]
            self._growth = [update for update in grown if update is not None]
        return self._growth

    def _add_callers(self, suspect: Suspect, add: Add) -> None:
        """Where the function was called that holds a suspect: sizes and data are handed over there."""
        module = self.modules[suspect.path]
        function = module.enclosing_function(suspect.statement)
        if function is None:
            return
        name = function.name
        owner = module.parents.get(function)
        if isinstance(owner, ast.ClassDef) and name == "__init__":
            name = owner.name
        for path, lines in self._call_lines(name)[:8]:
            add(path, lines, suspect.distance + 1)

    def _call_lines(self, name: str) -> list[tuple[str, int]]:
        if not self._calls:
            for path, module in self.modules.items():
                for node in ast.walk(module.tree):
                    if isinstance(node, ast.Call):
                        called = (
                            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                        )
                        self._calls.setdefault(called, []).append((path, node.lineno))
        return self._calls.get(name, [])

    def _failing_identities(self, failure: Failure) -> list[int]:
        identities = [seen.identity for _, seen in failure.operands if seen.identity]
        for _, seen in failure.operands:
            identities += [element.identity for _, element in seen.elements if element.identity]
        for _, result, operands in failure.recent:
            identities += [seen.identity for seen in (result, *operands) if seen.shape is not None]
        return identities

    def _walk(self, tape: Tape, identity: int, add: Add) -> None:
        start = tape.latest(identity)
        if start is not None:
            self._walk_from(tape, start.number, 1, add)

    def _walk_from(self, tape: Tape, start: int, near: int, add: Add) -> None:
        bound = self._bound_sites(tape)
        queue = deque([(start, near)])
        visited = {start}
        while queue and len(visited) < 400:
            number, distance = queue.popleft()
            for site_number in bound.get(number, [])[:8]:
                site = tape.sites[site_number]
                add(site.path, site.line, distance)
            producer = tape.values[number].producer
            if producer is None:
                continue
            operation = tape.operations[producer]
            if operation.site is not None:
                site = tape.sites[operation.site]
                add(site.path, site.line, distance)
            for source in operation.inputs:
                if source not in visited:
                    visited.add(source)
                    queue.append((source, distance + (operation.site is not None)))

    def _bound_sites(self, tape: Tape) -> dict[int, list[int]]:
        """Value -> the sites that returned it, named it, or read it from a container."""
        if id(tape) not in self._bound:
            bound: dict[int, list[int]] = {}
            for _, returned, values in tape.returns:
                for value in values:
                    bound.setdefault(value, []).append(returned)
            for binding in tape.bindings:
                bound.setdefault(binding.value, []).append(binding.site)
            for access in tape.accesses:
                bound.setdefault(access.value, []).append(access.site)
            self._bound[id(tape)] = {number: list(dict.fromkeys(sites)) for number, sites in bound.items()}
        return self._bound[id(tape)]

    def _add_neighbours(self, suspect: Suspect, add: Add) -> None:
        """Statements that no dataflow reaches: the loop header that unpacks, the function's other returns."""
        module = self.modules[suspect.path]
        node: ast.AST | None = module.parents.get(suspect.statement)
        while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(node, ast.For | ast.With):
                add(suspect.path, node.lineno, suspect.distance + 1)
            node = module.parents.get(node)
        names = {n.id for e in own_expressions(suspect.statement) for n in [e] if isinstance(n, ast.Name)}
        scope_node: ast.AST = module.enclosing_function(suspect.statement) or module.tree
        for other in ast.walk(scope_node):
            if isinstance(other, ast.Assign) and suspect.distance < 6:
                targets = {n.id for t in other.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
                if targets & names:
                    add(suspect.path, other.lineno, suspect.distance + 2)
