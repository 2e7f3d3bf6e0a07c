"""A candidate: one small typed edit at a suspicious place, and what it costs to believe it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.surroundings import Module, Surroundings
from shapecheck.trace.failure import Seen
from shapecheck.trace.sites import SourceText, split_lines
from shapecheck.trace.tape import Shape

if TYPE_CHECKING:
    from shapecheck.repair.dry import DryRun

_ATOMS = (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.ListComp)


@dataclass(frozen=True)
class Candidate:
    """Edits that are tried together.

    Attributes:
        title: What it does, as an instruction: "transpose `W2`".
        kind: The family of edit; twin mistakes are mended by edits of one kind.
        cost: Lower is tried first and believed first.
        path, line: Where it edits first.
        fit: The factor between what it gives and what is wanted, where it was heard.
    """

    title: str
    kind: str
    edits: tuple[Edit, ...]
    cost: float
    path: str
    line: int
    fit: float | None = field(default=None, compare=False)

    def joined(self, other: Candidate, discount: float) -> Candidate:
        """Both candidates together; a second edit of the same kind is cheap."""
        extra = other.cost * (discount if other.kind == self.kind else 1.0)
        title = self.title if other.title == self.title else f"{self.title}, and {other.title}"
        return Candidate(title, self.kind, (*self.edits, *other.edits), self.cost + extra + 0.5, self.path, self.line)


@dataclass
class Place:
    """A suspicious statement, with what its expressions are and were.

    Attributes:
        local, names: What the function's own names hold there, and all names in scope, where that was looked up.
        looked: What other expressions were there, by their texts, where that was looked up.
        memory: What is in scope there, since every rewriting asks for it.
    """

    surroundings: Surroundings
    path: str
    statement: ast.stmt
    distance: int
    wanted: Mapping[Shape, Shape] = field(default_factory=dict)
    failing: tuple[Shape, ...] = ()
    local: Mapping[str, Seen] | None = None
    names: Mapping[str, Seen] | None = None
    looked: Mapping[str, Seen] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _dry: DryRun | None = None

    @property
    def module(self) -> Module:
        """The file's tree."""
        return self.surroundings.modules[self.path]

    @property
    def source(self) -> SourceText:
        """The file's text."""
        return self.module.source

    def text(self, node: ast.AST) -> str:
        """A node as the user wrote it."""
        return self.source.of(node)

    def atom(self, node: ast.expr) -> str:
        """The node's text, in parentheses where it would otherwise fall apart."""
        plain = isinstance(node, _ATOMS) or (isinstance(node, ast.Constant) and not isinstance(node.value, int | float))
        return self.text(node) if plain else f"({self.text(node)})"

    def recorded_shape(self, node: ast.expr) -> Shape | None:
        """The shape that an expression last had, as far as it was recorded."""
        return self.surroundings.shape_of(self.path, node)

    def all_shapes(self, node: ast.expr) -> set[Shape]:
        """Every shape that an expression's results had."""
        return self.surroundings.every_shape.get((self.path, *self.source.place(node)), set())

    def shape(self, node: ast.expr) -> Shape | None:
        """The shape that an expression had here, or last had, or would have had."""
        looked = self.looked.get(self.text(node)) if self.looked else None
        if looked is not None and looked.shape is not None:
            return looked.shape
        recorded = self.recorded_shape(node)
        return recorded if recorded is not None else self.dry().shape(node)

    def kind(self, node: ast.expr) -> str:
        """The type's name of what an expression last was; empty where that is not known."""
        names = [n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)]
        seen = [self.surroundings.seen(self.path, n) for n in names]
        return next((s.type for s in seen if s is not None and s.shape), "")

    def look(self, text: str) -> Seen | None:
        """What a name, or an attribute of one, holds here."""
        name, *attributes = text.split(".")
        seen = self.scope().get(name)
        for attribute in attributes:
            seen = dict(seen.attributes).get(attribute) if seen is not None else None
        return seen

    def dry(self) -> DryRun:
        """Evaluates this statement's expressions on stand-ins."""
        if self._dry is None:
            from shapecheck.repair.dry import DryRun  # noqa: PLC0415 - it needs places itself

            failure = self.surroundings.trace.failure
            frame = failure.frames[-1] if failure is not None and failure.frames else None
            end = self.statement.end_lineno or self.statement.lineno
            here = frame is not None and frame.path == self.path and self.statement.lineno <= frame.place[0] <= end
            self._dry = DryRun(self, at_failure=here)
        return self._dry

    def scope(self) -> dict[str, Seen]:
        """Names in scope."""
        if self.names is not None:
            return dict(self.names)
        return self.surroundings.scope(self.path, self.statement)

    def locals(self) -> dict[str, Seen]:
        """The enclosing function's own names."""
        if self.local is not None:
            return dict(self.local)
        return self.surroundings.local_names(self.path, self.statement)

    def clashes(self) -> set[tuple[object, object]]:
        """Pairs of lengths that the failing expression needs to be equal, and are not."""
        if len(self.failing) != 2:
            return set()
        left, right = self.failing
        pairs = list(zip(reversed(left), reversed(right), strict=False))
        pairs.append((left[-1], right[-2] if len(right) > 1 else right[0]))
        pairs = [(a, b) for a, b in pairs if a != b]
        return {*pairs, *((b, a) for a, b in pairs)}

    def updates(self) -> bool:
        """Whether the statement steps a value (`w -= rate * dw`): its mistakes are born elsewhere."""
        statement = self.statement
        if isinstance(statement, ast.AugAssign):
            return isinstance(statement.op, ast.Sub | ast.Add)
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.BinOp):
            return False
        target = self.text(statement.targets[0])
        return isinstance(statement.value.op, ast.Sub | ast.Add) and self.text(statement.value.left) == target

    def unused(self) -> list[str]:
        """Names that the enclosing function stores and never reads."""
        function = self.module.enclosing_function(self.statement)
        names = [n for n in ast.walk(function or self.module.tree) if isinstance(n, ast.Name)]
        read = {n.id for n in names if not isinstance(n.ctx, ast.Store)}
        return list(dict.fromkeys(n.id for n in names if isinstance(n.ctx, ast.Store) and n.id not in read))

    def loop(self) -> ast.For | ast.While | None:
        """The innermost loop of its function that the statement is in, if any."""
        node: ast.AST | None = self.statement
        while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node = self.parent(node)
            if isinstance(node, ast.For | ast.While):
                return node
        return None

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node around a node."""
        return self.module.parents.get(node)

    def edit(self, node: ast.AST, replacement: str) -> Edit:
        """Replace a node's text; the replacement is put in parentheses where its place needs them."""
        line, column, end_line, end_column = self.source.place(node)
        before = self.source.lines[line - 1][column - 2 : column - 1] if column > 1 else ""
        stands_alone = before == "(" and self.source.lines[end_line - 1][end_column - 1 : end_column] == ")"
        if stands_alone and _is_enclosed(replacement):
            replacement = replacement[1:-1]
        elif isinstance(node, ast.expr) and not stands_alone and self.needs_parentheses(node, replacement):
            replacement = f"({replacement})"
        return Edit(self.path, line, column, end_line, end_column, replacement)

    def needs_parentheses(self, node: ast.expr, replacement: str) -> bool:
        """Whether an expression in the place of a node would fall apart without."""
        new = _parsed(replacement.strip())
        if new is None:
            return False
        if isinstance(new, (*_ATOMS, ast.Constant, ast.Tuple)) or _is_enclosed(replacement.strip()):
            return False
        parent = self.parent(node)
        if isinstance(parent, ast.BinOp | ast.UnaryOp) and self._is_in_parentheses(node):
            return False
        if isinstance(parent, ast.BinOp) and isinstance(new, ast.BinOp):
            return _binding(new.op) <= _binding(parent.op)
        return isinstance(parent, ast.BinOp | ast.UnaryOp | ast.Attribute | ast.Compare | ast.Starred) or (
            isinstance(parent, ast.Subscript | ast.Call)
            and getattr(parent, "value", getattr(parent, "func", None)) is node
        )

    def _is_in_parentheses(self, node: ast.expr) -> bool:
        """Whether an operand stands in parentheses of its own."""
        line, column, end_line, end_column = self.source.place(node)
        before = self.source.lines[line - 1][: column - 1]
        return before.endswith("(") and self.source.lines[end_line - 1][end_column - 1 :].startswith(")")

    def candidate(self, title: str, kind: str, node: ast.AST, replacement: str, cost: float) -> Candidate:
        """A candidate that replaces one node; distance from the failure makes it dearer."""
        edit = self.edit(node, replacement)
        return Candidate(title, kind, (edit,), cost + 0.25 * min(self.distance, 8), self.path, edit.line)

    def around(self, node: ast.expr, before: str, after: str, title: str, kind: str, cost: float) -> Candidate:
        """Something put before and after a node, as insertions: what is inside can be edited as well."""
        tight = not (before.endswith("(") and after.startswith((")", ","))) and not (
            after.startswith(" +") or before.endswith("+ ")
        )
        tight = tight and not (isinstance(node, ast.Constant) and after.startswith((" ", ")")))
        if tight and self.atom(node) != self.text(node):
            before, after = before + "(", ")" + after
        if self.needs_parentheses(node, f"{before}{self.text(node)}{after}"):
            before, after = "(" + before, after + ")"
        line, column, end_line, end_column = self.source.place(node)
        edits = []
        if before:
            edits.append(Edit(self.path, line, column, line, column, before))
        if after:
            edits.append(Edit(self.path, end_line, end_column, end_line, end_column, after))
        return Candidate(title, kind, tuple(edits), cost, self.path, line)

    def judge(self, before: Shape | None, after: Shape | None, cost: float) -> float:
        """Cheaper when the change of shape is the one that the failure asks for."""
        if before is None or after is None or before not in self.wanted:
            return cost
        return cost * 0.5 if self.wanted[before] == after else cost + 0.8

    def numpy(self) -> str | None:
        """The name under which the module knows NumPy."""
        for node in self.module.tree.body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == "numpy":
                        return alias.asname or "numpy"
        return None

    def numpy_function(self, name: str) -> str | None:
        """How the module can call a function of NumPy."""
        prefix = self.numpy()
        if prefix is not None:
            return f"{prefix}.{name}"
        for node in self.module.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "numpy":
                for alias in node.names:
                    if alias.name in {name, "*"}:
                        return alias.asname or name
        return None


def _binding(operator: ast.operator) -> int:
    """How tightly an operator binds; 0 for those that are rare here."""
    if isinstance(operator, ast.Pow):
        return 3
    if isinstance(operator, ast.Mult | ast.Div | ast.MatMult | ast.Mod | ast.FloorDiv):
        return 2
    return int(isinstance(operator, ast.Add | ast.Sub))


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr | None:
    """An expression's tree, which nobody may change; one text is put in many places."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _is_enclosed(text: str) -> bool:
    """Whether an expression's text stands in parentheses of its own."""
    if not (text.startswith("(") and text.endswith(")")):
        return False
    try:
        ast.parse(text[1:-1].strip() or "()", mode="eval")
    except SyntaxError:
        return False
    depth = 0
    for character in text[:-1]:
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return False
    return True


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with non-overlapping edits made.

    Raises:
        ValueError: Two edits overlap.
    """
    lines = split_lines(text) or [""]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    spans = sorted(
        (starts[e.line - 1] + e.column - 1, starts[e.end_line - 1] + e.end_column - 1, e.replacement) for e in edits
    )
    result: list[str] = []
    position = 0
    for start, end, replacement in spans:
        if start < position:
            raise ValueError("edits overlap")
        result += [text[position:start], replacement]
        position = end
    return "".join([*result, text[position:]])


def distinct(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Each set of edits once, at its lowest cost."""
    best: dict[tuple[Edit, ...], Candidate] = {}
    for candidate in candidates:
        old = best.get(candidate.edits)
        if old is None or candidate.cost < old.cost:
            best[candidate.edits] = candidate
    yield from sorted(best.values(), key=lambda c: c.cost)
