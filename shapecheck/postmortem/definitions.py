"""Where a name got the value that it has at a statement: told from the text alone, and only where one place remains."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Definition = ast.stmt | ast.arg
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign)


class Definitions:
    """The assignments of one function's body, or of a module's."""

    def __init__(self, scope: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef, shared: frozenset[str]) -> None:
        self.scope = scope
        self._shared = shared
        self._place: dict[ast.stmt, tuple[list[ast.stmt], int, ast.AST]] = {}
        self._enter(scope)

    def _enter(self, owner: ast.AST) -> None:
        for block in _blocks(owner):
            for index, statement in enumerate(block):
                self._place[statement] = (block, index, owner)
                if not isinstance(statement, _SCOPES):
                    self._enter(statement)
        for inner in _parts(owner):
            self._enter(inner)

    def reaching(self, name: str, statement: ast.stmt) -> Definition | None:
        """The one assignment, loop or parameter that gave a name its value at a statement.

        Returns:
            None where several may have, or something that is not part of this body.
        """
        if name in self._shared:
            return None
        current: ast.AST = statement
        while current in self._place:
            block, index, owner = self._place[current]
            for before in reversed(block[:index]):
                if binds(before, name):
                    return before if _is_plain(before, name) else None
            if isinstance(owner, ast.For | ast.AsyncFor | ast.While):
                if block is owner.body and not any(binds(s, name) for s in owner.body):
                    if isinstance(owner, ast.For) and _stores(owner.target, name):
                        return owner
                elif any(binds(s, name) for s in owner.body):
                    return None  # an earlier turn of the loop may have
            if _binds_around(owner, block, name):
                return None
            current = _statement_of(owner, self._place)
        return next((a for a in _arguments(self.scope) if a.arg == name), None)


def _statement_of(owner: ast.AST, place: dict[ast.stmt, tuple[list[ast.stmt], int, ast.AST]]) -> ast.AST:
    """The statement that a block belongs to; a handler's or a case's is the `try` or `match` around it."""
    if owner in place or not isinstance(owner, ast.ExceptHandler | ast.match_case):
        return owner
    return next((s for s in place if owner in _parts(s)), owner)


def _binds_around(owner: ast.AST, block: list[ast.stmt], name: str) -> bool:
    """Whether something besides the statements of a block binds a name before the block runs."""
    if isinstance(owner, ast.Try | ast.TryStar):
        return block is not owner.body and any(binds(s, name) for s in owner.body)
    if isinstance(owner, ast.ExceptHandler):
        return True  # how far the `try` got is not known
    if isinstance(owner, ast.With | ast.AsyncWith):
        return any(item.optional_vars is not None and _stores(item.optional_vars, name) for item in owner.items)
    if isinstance(owner, ast.match_case):
        return any(name in {getattr(n, "name", None), getattr(n, "rest", None)} for n in ast.walk(owner.pattern))
    if isinstance(owner, ast.If | ast.While):
        return any(isinstance(n, ast.NamedExpr) and n.target.id == name for n in ast.walk(owner.test))
    return False


def _blocks(owner: ast.AST) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        block = getattr(owner, field, None)
        if isinstance(block, list):
            yield block


def _parts(owner: ast.AST) -> list[ast.AST]:
    return [*getattr(owner, "handlers", []), *getattr(owner, "cases", [])]


def _arguments(scope: ast.AST) -> list[ast.arg]:
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    return [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is in it, without what has names of its own."""
    yield node
    if isinstance(node, (*_SCOPES, *_COMPREHENSIONS)):
        # `:=` in a comprehension binds outside of it.
        yield from (n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        return
    for child in ast.iter_child_nodes(node):
        yield from _own(child)


def _stores(node: ast.AST, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load) for n in _own(node))


def binds(statement: ast.stmt, name: str) -> bool:
    """Whether a statement, or one in it, may give a name another value, or its array another shape."""
    for node in _own(statement):
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, (*_SCOPES, ast.ExceptHandler)) and getattr(node, "name", None) == name:
            return True
        if isinstance(node, ast.Import | ast.ImportFrom):
            if any((a.asname or a.name.partition(".")[0]) in {name, "*"} for a in node.names):
                return True
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return True
        if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name == name:
            return True
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            reshapes = node.attr == "shape" and not isinstance(node.ctx, ast.Load)
            if reshapes or node.attr == "resize":
                return True
    return False


def _is_plain(statement: ast.stmt, name: str) -> bool:
    """Whether a statement binds a name once, whenever it runs."""
    if not isinstance(statement, _SIMPLE):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    named = [n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and n.id == name]
    inside = [n for n in ast.walk(statement) if isinstance(n, ast.NamedExpr) and n.target.id == name]
    return len([n for n in named if not isinstance(n.ctx, ast.Load)]) == 1 and not inside
