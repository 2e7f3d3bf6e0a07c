"""What a program does to its parameters, seen from outside: an independent judge of whether a mistake matters.

The program's source gets a note before and after every statement that adds to its target (`W -= step`,
`W = W - step`, `W, b = update(W, b, ...)`), is run in a process of its own, and those statements whose targets
remember - a target has before it what some statement left behind - are the updates of parameters. Two programs with
the same random numbers are then compared update by update. Knows nothing of shapecheck.
"""

from __future__ import annotations

import ast
import json
import pickle
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mutants import PLAIN_SECONDS, Program, run

RECORDER = Path(__file__).with_name("update_recorder.py")
# Relative differences: what rounding makes; what is too small to be called a mistake; of what one factor explains.
ROUNDING, NEGLIGIBLE, PROPORTIONAL = 1e-9, 1e-5, 1e-6
# State that is no parameter: optimizers' moments, running statistics, sums and counters.
STATE = re.compile(
    r"^(m|v|s)_?(d?[Wwb]\w?\d*|hat|t)?$|vel|speed|^mom|moment|cache|square|memory|runn|mean|var|loss|cost|total|err"
    r"|count|steps?$|epoch|hits?$|right|correct|seen|baseline|best|pointer|^t$|^n$|^i$|^k$|^pos|rate$|^lr|temperature"
    r"|^mem|^suma|^cell$|^h0$|^state|labels|^[dg][A-Z]|^grad|^nabla|^ops$"
)

Record = tuple[str, list[np.ndarray], list[np.ndarray]]


class _Noted(ast.NodeTransformer):
    """Puts notes around the statements that may be updates."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.scope: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.scope.append(node.name)
        self.generic_visit(node)
        self.scope.pop()
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        if isinstance(node.op, ast.Add | ast.Sub | ast.Mult) and not isinstance(node.value, ast.Constant):
            return self._around(node, [node.target])
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        targets: list[ast.expr] = []
        for target in node.targets:
            targets += target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        grown = [target for target in targets if self._adds_to(target, node.value)]
        return self._around(node, grown) if grown else node

    @staticmethod
    def _adds_to(target: ast.expr, value: ast.expr) -> bool:
        if not isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
            return False
        name = ast.unparse(target)
        if isinstance(value, ast.BinOp) and not isinstance(value.op, ast.Add | ast.Sub | ast.Mult):
            return False
        if not isinstance(value, ast.BinOp | ast.Call | ast.DictComp | ast.ListComp | ast.Tuple):
            return False
        return any(
            ast.unparse(node) == name
            for node in ast.walk(value)
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
        )

    def _around(self, node: ast.stmt, targets: list[ast.expr]) -> list[ast.stmt]:
        out: list[ast.stmt] = [node]
        for number, target in enumerate(targets):
            name = ast.unparse(target)
            site = "|".join([self.path, ".".join(self.scope), name])
            token = f"noted_{number}"
            out.insert(0, ast.parse(f"{token} = update_recorder.before({site!r}, {name})").body[0])
            out.append(ast.parse(f"{name} = update_recorder.after({token}, {name})").body[0])
        return out


def noted(text: str, path: str) -> str:
    """The program's text with notes."""
    tree = _Noted(path).visit(ast.parse(text))
    past = 0
    for statement in tree.body:  # a docstring and imports from the future stay first
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not future and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            break
        past += 1
    tree.body.insert(past, ast.parse("import update_recorder").body[0])
    return ast.unparse(ast.fix_missing_locations(tree))


@dataclass(frozen=True)
class Updates:
    """What one run did: the statements noted in order, and what it printed."""

    records: list[Record]
    printed: str

    def of(self, site: str) -> list[Record]:
        return [record for record in self.records if record[0] == site]


def updates(
    program: Program, changed: dict[str, str], scaled: list[str] | None = None, factor: float = 1.0
) -> Updates | str:
    """Run the program, with some files in another version; or what it dies of. Some steps can be made longer."""
    wanted = {"UPDATES_SCALED": json.dumps(scaled or []), "UPDATES_FACTOR": repr(factor)}
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        program.write(folder, changed)
        shutil.copy(RECORDER, folder)
        for name in program.files:
            file = folder / name
            file.write_text(noted(file.read_text(encoding="utf-8"), name), encoding="utf-8")
        try:
            done = run(["script.py"], folder, PLAIN_SECONDS, wanted)
        except subprocess.TimeoutExpired:
            return "no end in time"
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["?"])[-1]
        with (folder / "updates.pickle").open("rb") as pickled:
            return Updates(pickle.load(pickled), done.stdout)


def parameter_sites(found: Updates) -> list[str]:
    """The statements that update parameters: what stands in their targets is what was left there.

    A parameter is new to such a statement once, in its first round. What is new later as well is a sum or a value that
    passes through layers; but the rows of a table may come one by one.
    """
    left: set[tuple[tuple[int, ...], bytes]] = set()
    new: dict[str, list[bool]] = {}
    reset: set[str] = set()
    for site, before, after in found.records:
        history = new.setdefault(site, [])
        for array in before:
            fresh = _key(array) not in left
            if fresh and not array.any() and False in history:
                reset.add(site)
            history.append(fresh)
        left.update(map(_key, after))
    return [site for site, history in new.items() if site not in reset and _remembers(site, history)]


def _remembers(site: str, history: list[bool]) -> bool:
    name = site.rsplit("|", 1)[1]
    if STATE.search(re.split(r"[\[(]", name)[0].rsplit(".", 1)[-1]) or False not in history:
        return False
    if not any(history[history.index(False) :]):
        return True
    return name.endswith("]") and history.count(False) > 2 * history.count(True)


def _key(array: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    return array.shape, array.tobytes()


def compared(program: Program, right: Updates, mutant: Updates, sites: list[str]) -> str:
    """`same`, `negligible`, `rescaled` (the program itself with another learning rate) or `changed`."""
    worst = _apart(right, mutant, sites)
    if not np.isfinite(worst):
        return "changed"
    if worst < NEGLIGIBLE:
        return "same" if worst < ROUNDING else "negligible"
    factor = _common_factor(right, mutant, sites)
    if factor is None:
        return "changed"
    again = updates(program, {}, sites, factor)
    return "rescaled" if isinstance(again, Updates) and _apart(again, mutant, sites) < NEGLIGIBLE else "changed"


def _pairs(right: Updates, mutant: Updates, sites: list[str]) -> Iterator[tuple[str, int, np.ndarray, np.ndarray]]:
    """(statement, position in its target, step, the mutant's step); raises `ValueError` if the shapes differ."""
    for site in sites:
        for ours, theirs in zip(right.of(site), mutant.of(site), strict=True):
            shapes = [[[a.shape for a in arrays] for arrays in record[1:]] for record in (ours, theirs)]
            if shapes[0] != shapes[1]:
                raise ValueError(f"other shapes at {site}")
            both = zip(ours[1], ours[2], theirs[1], theirs[2], strict=False)
            for position, (before, after, other_before, other_after) in enumerate(both):
                if before.shape != after.shape:
                    raise ValueError(f"a shape changes at {site}")
                yield site, position, after - before, other_after - other_before


def _apart(right: Updates, mutant: Updates, sites: list[str]) -> float:
    """The largest relative difference of a step."""
    try:
        return max((_difference(step, other) for *_, step, other in _pairs(right, mutant, sites)), default=0.0)
    except ValueError:
        return np.inf


def _common_factor(right: Updates, mutant: Updates, sites: list[str]) -> float | None:
    """The positive c by which all parameters' first steps differ; None if there is none."""
    factors: dict[tuple[str, int], float | None] = {}
    for site, position, step, other in _pairs(right, mutant, sites):
        if (site, position) not in factors and np.any(step):
            factors[site, position] = _factor(step, other)
    found = [factor for factor in factors.values() if factor is not None]
    if not found or len(found) < len(factors) or min(found) <= 0:
        return None
    return found[0] if max(found) / min(found) < 1 + 10 * PROPORTIONAL else None


def _difference(step: np.ndarray, other: np.ndarray) -> float:
    if not (np.all(np.isfinite(step)) and np.all(np.isfinite(other))):
        return 0.0 if np.array_equal(step, other, equal_nan=True) else np.inf
    size = float(np.abs(step).max(initial=0.0))
    off = float(np.abs(step - other).max(initial=0.0))
    return 0.0 if off == 0.0 else off / max(size, 1e-300)


def _factor(step: np.ndarray, other: np.ndarray) -> float | None:
    """The c of other = c * step; None if there is none."""
    if not (np.all(np.isfinite(step)) and np.all(np.isfinite(other))):
        return None
    c = float((step * other).sum() / (step * step).sum())
    return c if np.abs(other - c * step).max() <= PROPORTIONAL * abs(c) * np.abs(step).max() else None
