"""Where a wrong result can be mended: the expressions that gave it, or handed over what it was made from."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.targets import Result, Target
from shapecheck.gradients.replay import fill
from shapecheck.repair.audition import Instance
from shapecheck.repair.scattered import scattered
from shapecheck.repair.stores import left_open, stored
from shapecheck.repair.surroundings import Module, Surroundings
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import PART, WHOLE, Operation, Ref, Shape, Tape

_MOST_INSTANCES = 12
_MOST_AIMS = 8
_MOST_SUMS = 5
# An array with some of its entries set.
_SETTING = "(lambda array, index, value: (array.__setitem__(index, value), array)[1])"
_IN_PLACE: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


@dataclass(frozen=True)
class Aim:
    """An expression, and what its results should have been.

    Attributes:
        around: What is put before and after it for the results to compare, where it is only a part of what gives them.
        index: Whether it says where something is stored.
        shape: What it should have, where it is only a part of what gives the results.
    """

    path: str
    node: ast.expr
    instances: tuple[Instance, ...]
    around: tuple[str, str] = ("", "")
    index: bool = False
    shape: Shape | None = None

    def heard_as(self, text: str) -> str:
        """The text to evaluate for a text in the expression's place."""
        return self.around[0] + text + self.around[1]


def aims(tape: Tape, surroundings: Surroundings, targets: Sequence[Target]) -> list[Aim]:
    """The expressions to rewrite for some targets, the first target's first; each once, and once as an addend."""
    found: dict[tuple[ast.expr, bool], Aim] = {}
    home = next((tape.sites[t.site] for t in targets if t.site is not None), None)
    for target in targets:
        results = [r for r in target.results[:_MOST_INSTANCES] if tape.values[r.value].array is not None]
        for path, node, ordinals in _places(tape, surroundings, target, home):
            instances = tuple(Instance(tape.values[r.value].array, r.wanted, ordinals.get(r), r.exact) for r in results)
            if instances:
                aim: Aim | None = Aim(path, node, instances)
                if isinstance(getattr(node, "ctx", None), ast.Store):
                    parts = stored(tape, surroundings.modules[path], node, target)
                    aim = Aim(path, *parts) if parts is not None else None
                    aim = aim or _mask(surroundings.modules[path], path, node, instances)
                    opened = tuple(
                        replace(i, wanted=left_open(tape, r).wanted) for i, r in zip(instances, results, strict=True)
                    )
                    entries = _entries(tape, surroundings.modules[path], path, node, opened) if not parts else None
                    if entries is not None:
                        found.setdefault((entries.node, False), entries)
                if aim is not None:
                    found.setdefault((aim.node, False), aim)
        if (where := _scattered(tape, surroundings, target)) is not None:
            found.setdefault((where.node, False), where)
        for whole in _addends(tape, surroundings, target):
            found.setdefault((whole.node, False), whole)
        if target.site is not None and (addend := _addend(tape, surroundings, target.site, results)) is not None:
            found.setdefault((addend.node, True), addend)
    return list(found.values())[:_MOST_AIMS]


def _scattered(tape: Tape, surroundings: Surroundings, target: Target) -> Aim | None:
    """The index with which a loop stores into an array, as all its turns together show it."""
    path = tape.sites[target.site].path if target.site is not None else ""
    parts = scattered(tape, surroundings.modules[path], target) if path in surroundings.modules else None
    return Aim(path, *parts, index=True) if parts is not None else None


def _mask(module: Module, path: str, node: ast.expr, instances: tuple[Instance, ...]) -> Aim | None:
    """The index with which entries of an array are set (`dx[x < 0] = 0`): the results are the array after that."""
    statement = module.parents.get(node)
    ordinary = isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice | ast.Tuple | ast.Constant)
    if not ordinary or not isinstance(statement, ast.Assign) or any(i.ordinal is None for i in instances):
        return None
    assert isinstance(node, ast.Subscript)
    array, value = module.source.of(node.value), module.source.of(statement.value)
    before = f"{_SETTING}(({array}).copy(), ("
    unknown = tuple(replace(i, recorded=None) for i in instances)
    return Aim(path, node.slice, unknown, (before, f"), ({value}))"))


def _entries(tape: Tape, module: Module, path: str, node: ast.expr, instances: tuple[Instance, ...]) -> Aim | None:
    """What some entries of an array are set to (`d[rows, y] = -1`), where it is one for all of them."""
    statement = module.parents.get(node)
    if not isinstance(node, ast.Subscript) or not isinstance(statement, ast.Assign) or statement.targets != [node]:
        return None
    if any(i.ordinal is None for i in instances):
        return None
    line, column, end_line, end_column = module.source.place(node)
    sites = tape.sites.at(path, line, column, end_line, end_column)
    stores = [o for site in sites for o in tape.made_at(site.number) if o.function == "setitem"]
    if not stores:
        return None
    arrays = [value.array for value in tape.values]
    try:
        shape = np.shape(np.asarray(instances[0].wanted[0])[fill(stores[0].arguments[1], arrays)])
    except (IndexError, TypeError, ValueError):
        return None
    before = f"{_SETTING}(({module.source.of(node.value)}).copy(), {_key(module, node.slice)}, ("
    unknown = tuple(replace(i, recorded=None) for i in instances)
    return Aim(path, statement.value, unknown, (before, "))"), shape=shape) if shape else None


def _addend(tape: Tape, surroundings: Surroundings, number: int, results: Sequence[Result]) -> Aim | None:
    """What is added in place to an array, or to a part of it (`dw[:, 1:] += penalty`): the results are that array."""
    site = tape.sites[number]
    module = surroundings.modules.get(site.path)
    statement = module.at_line(site.line) if module is not None else None
    symbol = _IN_PLACE.get(type(statement.op)) if isinstance(statement, ast.AugAssign) else None
    ordinals = {o.result: i for i, o in enumerate(_evaluations(tape, number)) if o.label != PART}
    instances = tuple(Instance(None, r.wanted, ordinals[r.value], r.exact) for r in results if r.value in ordinals)
    if module is None or not isinstance(statement, ast.AugAssign) or symbol is None or not instances:
        return None
    changed, text = statement.target, module.source.of
    before = f"({text(changed)}) {symbol} ("
    if isinstance(changed, ast.Subscript):
        # A container hands out an array that is changed; an array is changed itself.
        array, item = f"({text(changed.value)}).copy()", f"array[key] {symbol} value"
        put = f"(array.__setitem__(key, {item}), array)[1] if hasattr(array, 'ndim') else {item}"
        before = f"(lambda array, key, value: {put})({array}, {_key(module, changed.slice)}, ("
    return Aim(site.path, statement.value, instances, (before, "))" if isinstance(changed, ast.Subscript) else ")"))


def _evaluations(tape: Tape, site: int) -> list[Operation]:
    """What a site made each time that it ran; a step that was put together from several is none of these."""
    return [o for o in tape.made_at(site) if o.label != WHOLE]


def _addends(tape: Tape, surroundings: Surroundings, target: Target) -> Iterator[Aim]:
    """What a loop adds to an array in every turn: all of it together is to be what the array should have been.

    Of what is added to parts of it, as in `dx[c] += ...`, one part is looked at: those of several take turns.
    """
    site = tape.sites[target.site] if target.site is not None else None
    module = surroundings.modules.get(site.path) if site is not None else None
    statement = module.at_line(site.line) if module is not None and site is not None else None
    added = _added(statement)
    if site is None or added is None:
        return
    turns = {o.result: i for i, o in enumerate(_evaluations(tape, site.number))}
    arrays = [value.array for value in tape.values]
    instances = []
    # Of a single number one sum tells nothing: it is a multiple of any other.
    single = all(np.ndim(wanted) == 0 for result in target.results for wanted in result.wanted)
    for result in target.results[: _MOST_SUMS if single else 1]:
        turned: list[int] = []
        keys: list[Any] = []
        begun: Any = result.value
        while begun in turns:
            operation = tape.operations[tape.values[begun].producer or 0]
            if operation.function not in {"+=", "+"}:  # of plain numbers a sum is a new number
                break
            key = fill(operation.arguments[2:], arrays)
            if key and not _is_row(key[0]):
                return  # parts that may overlap, or change with what the program computes
            keys.append(key)
            if repr(key) == repr(keys[0]):
                turned.append(turns[begun])
            first = operation.arguments[0]
            begun = first.value if isinstance(first, Ref) else None
        nothing = tape.values[begun].array if begun is not None else first
        if len(turned) > 1 and nothing is not None and not np.any(nothing) and not result.exact:
            wanted = tuple(array[keys[0][0]] for array in result.wanted) if keys[0] else result.wanted
            instances.append(Instance(None, wanted, summed=tuple(turned[::-1])))
    if instances:
        yield Aim(site.path, added, tuple(instances))


def _added(statement: ast.stmt | None) -> ast.expr | None:
    """What a statement adds to what it changes, or takes away: `dW += ...`, `W = W - ...`."""
    if isinstance(statement, ast.AugAssign):
        return statement.value if isinstance(statement.op, ast.Add | ast.Sub) else None
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign) or not isinstance(value, ast.BinOp):
        return None
    known = isinstance(value.op, ast.Add | ast.Sub) and ast.unparse(value.left) == ast.unparse(statement.targets[0])
    return value.right if known else None


def _is_row(index: Any) -> bool:
    """Whether an index takes a part that no other index like it has a share in: a row, a column, an entry."""
    parts = index if isinstance(index, tuple) else (index,)
    single = (isinstance(part, int | np.integer | np.ndarray) and np.ndim(part) == 0 for part in parts)
    every = (isinstance(part, slice) and part == slice(None) for part in parts)
    return all(one or other for one, other in zip(single, every, strict=True))


def _key(module: Module, index: ast.expr) -> str:
    """An index as an expression that can stand outside of brackets."""
    if isinstance(index, ast.Tuple):
        return f"({', '.join(_key(module, one) for one in index.elts)},)"
    if isinstance(index, ast.Slice):
        bounds = (index.lower, index.upper, index.step)
        return f"slice({', '.join('None' if b is None else module.source.of(b) for b in bounds)})"
    return module.source.of(index)


Spot = tuple[str, ast.expr, dict[Result, int]]


def _places(tape: Tape, surroundings: Surroundings, target: Target, home: Site | None) -> Iterator[Spot]:
    """(file, expression, result -> which evaluation gave it) of where results were made or handed over."""
    if target.site is not None:
        made = {o.result: i for i, o in enumerate(_evaluations(tape, target.site))}
        if all(tape.operations[tape.values[r.value].producer or 0].label == PART for r in target.results):
            return  # only all the times together say anything
        ordinals = {r: made.get(r.value, _reading(tape, target.site, r)) for r in target.results}
        for path, node in _at(surroundings, tape.sites[target.site]):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield from ((path, value, {}) for path, value in _bound(surroundings, tape.sites[target.site], None))
                continue
            yield path, node, {r: i for r, i in ordinals.items() if i is not None}
        return
    for result in target.results:
        for site in dict.fromkeys(a.site for a in tape.accesses if a.value == result.value):
            ordinal = _reading(tape, site, result)
            for path, node in _at(surroundings, tape.sites[site]):
                yield path, node, {} if ordinal is None else {result: ordinal}
        for _, number, values in tape.returns:
            # What one layer hands back may be all that the next one does: there something may be added to it.
            if result.value in values:
                yield from ((*one, {}) for one in _handed_on(surroundings, tape.sites[number], ast.Call))
        for binding in tape.bindings:
            if binding.value == result.value:
                for path, node in _bound(surroundings, tape.sites[binding.site], binding.key):
                    yield path, node, {}
        for _, number, values in tape.returns:
            if result.value in values:
                yield from ((*one, {}) for one in _handed_on(surroundings, tape.sites[number], ast.Name))
                elements = list(_handed_back(surroundings, tape.sites[number]))
                own = [e for e, v in zip(elements, values, strict=False) if v == result.value]
                for path, node in own if len(elements) == len(values) else elements:
                    if isinstance(node, ast.Name):
                        yield path, node, {}
        if home is not None:
            for path, node in _handed_over(surroundings, home):
                yield path, node, {}


def _reading(tape: Tape, site: int, result: Result) -> int | None:
    """Which of the readings at a site was the last before the operation that was misled by it."""
    times = [access.time for access in tape.accesses if access.site == site]
    before = [i for i, time in enumerate(times) if result.misled is not None and time <= result.misled]
    return before[-1] if before else None


def _at(surroundings: Surroundings, site: Site) -> Iterator[tuple[str, ast.expr]]:
    """The expression at a site."""
    module = surroundings.modules.get(site.path)
    if module is None:
        return
    for node in module.expressions():
        if module.source.place(node) == (site.line, site.column, site.end_line, site.end_column):
            yield site.path, node
            return


def _bound(surroundings: Surroundings, site: Site, key: object) -> Iterator[tuple[str, ast.expr]]:
    """The expression whose value an assignment gave a name, or an element of what it built."""
    module = surroundings.modules.get(site.path)
    statement = module.at_line(site.line) if module is not None else None
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or value is None:
        return
    if isinstance(value, ast.Tuple | ast.List) and isinstance(key, int) and -len(value.elts) <= key < len(value.elts):
        yield site.path, value.elts[key]
    elif isinstance(value, ast.Dict):
        for name, element in zip(value.keys, value.values, strict=True):
            if isinstance(name, ast.Constant) and name.value == key:
                yield site.path, element
    elif not isinstance(value, ast.Tuple | ast.List):
        yield site.path, value


def _handed_back(surroundings: Surroundings, site: Site) -> Iterator[tuple[str, ast.expr]]:
    """The elements of what a function returns, where it returns several things."""
    module = surroundings.modules.get(site.path)
    statement = module.at_line(site.line) if module is not None else None
    open_nodes = [statement.value] if isinstance(statement, ast.Return) else []
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.Tuple | ast.List):
            open_nodes.extend(node.elts[::-1])
        elif isinstance(node, ast.Dict):
            open_nodes.extend([v for v in node.values if v is not None][::-1])
        elif isinstance(node, ast.expr) and node is not getattr(statement, "value", None):
            yield site.path, node


def _handed_on(surroundings: Surroundings, site: Site, kind: type[ast.expr]) -> Iterator[tuple[str, ast.expr]]:
    """All that a function returns, if that is a name, or what another one that it calls returns."""
    module = surroundings.modules.get(site.path)
    statement = module.at_line(site.line) if module is not None else None
    if isinstance(statement, ast.Return) and isinstance(statement.value, kind):
        yield site.path, statement.value


def _handed_over(surroundings: Surroundings, home: Site) -> Iterator[tuple[str, ast.expr]]:
    """The arguments with which the function around an expression is called, for the parameters that it uses."""
    module = surroundings.modules.get(home.path)
    statement = module.at_line(home.line) if module is not None else None
    function = module.enclosing_function(statement) if module is not None and statement is not None else None
    if module is None or statement is None or function is None:
        return
    used = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    bound = bool(names) and isinstance(module.parents.get(function), ast.ClassDef)
    for path, other in surroundings.modules.items():
        for call in _calls(other, function.name):
            offset = int(bound and isinstance(call.func, ast.Attribute))
            for position, argument in enumerate(call.args):
                if position + offset < len(names) and names[position + offset] in used:
                    yield path, argument
            for keyword in call.keywords:
                if keyword.arg in used:
                    yield path, keyword.value


def _calls(module: Module, name: str) -> Iterator[ast.Call]:
    for node in module.expressions():
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == name:
                yield node


__all__ = ["Aim", "aims"]
