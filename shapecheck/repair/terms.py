"""What an expression may lack, or be meant to be: values that are at hand where it stands, and what is made of them.

Arrays in scope as they are, items of containers as the program writes them, parts, sums and products of arrays, the
module's own functions of them. All go by shape; whether one is meant is for others to tell.
"""

from __future__ import annotations

import ast
import difflib
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from shapecheck.network.uses import NOBODYS
from shapecheck.repair.candidate import Place
from shapecheck.repair.items import items_as_stored, items_as_written, items_by_counter
from shapecheck.repair.own_functions import functions, methods_of_others, unread
from shapecheck.trace.failure import Seen
from shapecheck.trace.tape import Shape

T = TypeVar("T")
_MOST_LOOKED_AT = 120
_MOST_PARTS = 24
_MOST_PRODUCTS = 60
_MOST_CALLS = 24
_MOST_SHARED = 8
_MOST_ARGUMENTS = 5
_MOST_CALLS_OF_TWO = 160
_SCALAR_FUNCTIONS = frozenset({"sqrt", "len", "float"})
_MOST_SCALINGS, _LONGEST_SCALING = 6, 30
_MOST_SINGLE_NUMBERS = 16
_MOST_SHARES = 6
_MOST_COLUMNS = 4
# What a transpose costs: where one number is all there is, none is needed.
_TURN = 0.01
# More lines than a file has.
_MANY_LINES = 1e6
_ATTRIBUTES = frozenset({"T", "dot", "sum", "mean"})


@dataclass(frozen=True, slots=True)
class Term:
    """A value at hand.

    Attributes:
        text: An expression that can be written wherever this statement stands.
        cost: What it costs more than an array that has the shape as it is.
        made: Whether it is made of arrays in scope, and not one of them.
    """

    text: str
    cost: float = 0.0
    made: bool = False


# -- arrays in scope -------------------------------------------------------------------------------------------------


def worth_a_look(place: Place, nodes: Iterable[ast.expr]) -> tuple[str, ...]:
    """Texts of expressions of which it is good to know what they are: parts of some, and items of containers."""
    found: dict[str, None] = {}
    for whole in nodes:
        for node in ast.walk(whole):
            if isinstance(node, ast.expr) and not isinstance(node, ast.Constant | ast.Slice | ast.Lambda | ast.Starred):
                found[place.text(node)] = None
    for text in (
        *items_as_stored(place),
        *items_as_written(place),
        *_parts_as_written(place),
        *items_by_counter(place),
    ):
        found[text] = None
    return tuple(found)[:_MOST_LOOKED_AT]


def _parts_as_written(place: Place) -> Iterator[str]:
    """Parts of arrays (`d[:n]`, `d[:, 1:]`) that are written in the same function."""
    function = place.module.enclosing_function(place.statement)
    for node in place.module.expressions():
        if isinstance(node, ast.Subscript) and any(isinstance(n, ast.Slice) for n in ast.walk(node.slice)):
            if place.module.enclosing_function(place.module.statement(node)) is function:
                yield place.text(node)


def _once(function: Callable[[Place], T]) -> Callable[[Place], T]:
    """Asked once of a place; nobody may change what it gives."""

    @functools.wraps(function)
    def remembered(place: Place) -> T:
        if function.__name__ not in place.memory:
            place.memory[function.__name__] = function(place)
        found: T = place.memory[function.__name__]
        return found

    return remembered


@_once
def arrays_in_scope(place: Place) -> dict[str, Seen]:
    """Expressions in scope that hold arrays: names, attributes, items of dictionaries and short lists."""
    found: dict[str, Seen] = {}
    for name, seen in in_reach(place).items():
        _collect(name, seen, found, deep=True)
    found |= _last_in_loop(place)
    # What the loop itself gives a name in each turn is called so.
    turning = {found[name].identity for name in _set_in_loops(place) if name in found} - {0}
    written = tuple(items_as_written(place)) if place.looked else ()
    for text in (*written, *items_by_counter(place)) if place.looked else ():
        seen_here = place.looked.get(text)
        if seen_here is not None and seen_here.shape and (text in written or seen_here.identity not in turning):
            found.setdefault(text, seen_here)
    plain = sorted(found, key=_is_one_of_many)
    otherwise = {found[text].identity for text in plain if not _is_one_of_many(text)} - {0}
    plain = [text for text in plain if not (_is_one_of_many(text) and found[text].identity in otherwise)]
    return {text: found[text] for text in plain if text != "self"}


def _last_in_loop(place: Place) -> dict[str, Seen]:
    """What lists that the loop around a statement appends to ended with: `acts[-1]` is what the turn before gave."""
    found: dict[str, Seen] = {}
    for node in ast.walk(place.loop() or ast.Pass()):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            kept = place.text(node.func.value)
            seen = place.look(kept)
            last = seen.elements[-1][1] if seen is not None and seen.elements and seen.type == "list" else None
            if last is not None and last.shape:
                found[f"{kept}[-1]"] = last
    return found


def _set_in_loops(place: Place) -> set[str]:
    """The names that the loops around a statement set."""
    found: set[str] = set()
    around = place.module.parents.get(place.statement)
    while around is not None and not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(around, ast.For | ast.While):
            found |= {n.id for n in ast.walk(around) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        around = place.module.parents.get(around)
    return found


@_once
def nearest(place: Place) -> dict[str, Seen]:
    """Arrays in scope, and parts of arrays as the file writes them (`d[:n]`): what is used nearest comes first."""
    found = dict(arrays_in_scope(place))
    for text, seen in place.looked.items():
        if seen.shape and "[" in text:
            found.setdefault(text, seen)
    away = _lines_away(place)
    return dict(sorted(found.items(), key=lambda pair: away.get(pair[0], 1000)))


def _is_one_of_many(text: str) -> bool:
    """Whether an expression is an element with a number: the one that is meant is seldom written so."""
    return text.endswith("]") and text[:-1].rpartition("[")[2].lstrip("-").isdecimal()


@_once
def in_reach(place: Place) -> dict[str, Seen]:
    """The function's own names, `self`, and of the module's those that it uses anyway, and arrays that others use."""
    function = place.module.enclosing_function(place.statement)
    meant = {name: seen for name, seen in place.scope().items() if name != NOBODYS}
    if function is None:
        return meant
    used = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
    elsewhere = _used_in_functions(place.module.tree)
    found = {name: seen for name, seen in meant.items() if name in used}
    shared = {name: seen for name, seen in meant.items() if name in elsewhere - used and seen.shape}
    local = {name: seen for name, seen in place.locals().items() if name != NOBODYS}
    return {**(shared if len(shared) <= _MOST_SHARED else {}), **local, **found}


@functools.lru_cache(maxsize=8)
def _used_in_functions(tree: ast.AST) -> frozenset[str]:
    """The names that any function of a file uses."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda)]
    return frozenset(n.id for f in functions for n in ast.walk(f) if isinstance(n, ast.Name))


def _collect(text: str, seen: Seen, found: dict[str, Seen], *, deep: bool) -> None:
    if seen.shape:
        found[text] = seen
        return
    for key, element in seen.elements[:12]:
        if seen.type in {"dict", "list", "tuple"} and element.shape and isinstance(key, str | int):
            found[f"{text}[{key!r}]"] = element
    if deep:
        for name, attribute in seen.attributes:
            _collect(f"{text}.{name}", attribute, found, deep=False)


# -- what is made of them --------------------------------------------------------------------------------------------


def parts(place: Place, shape: Shape) -> list[Term]:
    """Arrays in scope without their first or last row or column: activations without their ones."""
    found = []
    for text, seen in arrays_in_scope(place).items():
        own = seen.shape or ()
        if len(own) != len(shape):
            continue
        longer = [axis for axis, (a, b) in enumerate(zip(own, shape, strict=True)) if a != b]
        if len(longer) == 1 and own[longer[0]] == shape[longer[0]] + 1:
            before = ":, " * longer[0]
            found += [Term(f"{text}[{before}{bounds}]", 0.1, made=True) for bounds in ("1:", ":-1")]
    return found[:_MOST_PARTS]


def as_columns(place: Place, shape: Shape) -> list[str]:
    """Arrays in scope that are rows of numbers, as `(n, 1)` or `(1, n)`: `t[:, None]` of the targets, or `t`."""
    if len(shape) != 2 or 1 not in shape:
        return []
    turned = "[:, None]" if shape[1] == 1 else ""
    rows = [text for text, seen in nearest(place).items() if seen.shape == (max(shape),)]
    return [f"{text}{turned}" for text in rows][:_MOST_COLUMNS]


def reductions(place: Place, shape: Shape) -> list[Term]:
    """Arrays in scope, summed over an axis."""
    found = []
    for text, seen in arrays_in_scope(place).items():
        own = seen.shape or ()
        for axis in range(len(own)):
            if own[:axis] + own[axis + 1 :] == shape:
                found.append(Term(f"{text}.sum(axis={axis})", 0.2, made=True))
            elif own[axis] > 1 and (*own[:axis], 1, *own[axis + 1 :]) == shape:
                found.append(Term(f"{text}.sum(axis={axis}, keepdims=True)", 0.2, made=True))
    return found[:_MOST_PARTS]


def products(place: Place, shape: Shape, most: int = _MOST_PRODUCTS, *, of_parts: bool = False) -> list[Term]:
    """Matrix products of two arrays in scope, those first that are named nearby; of parts of arrays, too, if asked."""
    at_hand = nearest(place) if of_parts else arrays_in_scope(place)
    arrays = [(t, s.shape) for t, s in at_hand.items() if s.shape and len(s.shape) <= 2]
    nearby = {place.text(n) for n in ast.walk(place.statement) if isinstance(n, ast.expr)}
    away = _lines_away(place)
    arrays.sort(key=lambda a: (a[0] not in nearby, away.get(a[0], 1000)))
    found: list[Term] = []
    for total in range(2 * len(arrays) - 1):
        for i in range(max(0, total - len(arrays) + 1), min(total, len(arrays) - 1) + 1):
            (left, first), (right, second) = arrays[i], arrays[total - i]
            if i != total - i:
                fitting = _fitting(left, first, right, second, shape)
                found += [Term(text, 0.3 + _TURN * text.count(".T"), made=True) for text in fitting]
        if len(found) >= most:
            break
    return found[:most]


def outer_products(place: Place, shape: Shape, most: int = _MOST_PRODUCTS) -> list[Term]:
    """Outer products of two rows of numbers in scope."""
    outer = place.numpy_function("outer")
    if outer is None or len(shape) != 2:
        return []
    rows, columns = ([t for t, s in arrays_in_scope(place).items() if s.shape == (n,)] for n in shape)
    return [Term(f"{outer}({left}, {right})", 0.3, made=True) for left in rows for right in columns][:most]


def multiplied(place: Place, node: ast.expr, own: Shape, shape: Shape) -> Iterator[tuple[str, str, str]]:
    """(what comes before a node, what comes after it, the other factor) of its products with arrays, of a shape."""
    outer = place.numpy_function("outer")
    text = place.text(node)
    for other, seen in nearest(place).items() if len(own) <= 2 else ():
        its = seen.shape or ()
        if other == text or not its or len(its) > 2:
            continue
        if outer is not None and len(shape) == 2 and own + its == shape:
            yield f"{outer}(", f", {other})", other
        if outer is not None and len(shape) == 2 and its + own == shape:
            yield f"{outer}({other}, ", ")", other
        for one, size in _turns(other, its):
            for turned, mine in _turns("", own):
                if mine[-1] == (size[-2] if len(size) > 1 else size[0]) and mine[:-1] + size[1:] == shape:
                    yield "", f"{turned} @ {one}", one
                if size[-1] == (mine[-2] if len(mine) > 1 else mine[0]) and size[:-1] + mine[1:] == shape:
                    yield f"{one} @ ", turned, one


@_once
def _lines_away(place: Place) -> dict[str, float]:
    """How many lines from the statement each expression is used again, or was; of two alike, what was made last."""
    found: dict[str, float] = {}
    made: dict[str, int] = {}
    for node in place.module.expressions():
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            text, line = place.text(node), node.lineno
            found[text] = min(abs(line - place.statement.lineno), found.get(text, 1000))
            if isinstance(node.ctx, ast.Store) and line < place.statement.lineno:
                made[text] = max(line, made.get(text, 0))
    return {text: away - made.get(text, 0) / _MANY_LINES for text, away in found.items()}


def _fitting(left: str, first: Shape, right: str, second: Shape, shape: Shape) -> Iterator[str]:
    """The products of two arrays, each as it is or transposed, that have a shape."""
    for one, own in _turns(left, first):
        for other, its in _turns(right, second):
            if own[-1] == (its[-2] if len(its) > 1 else its[0]) and own[:-1] + its[1:] == shape:
                yield f"{one} @ {other}"


def _turns(text: str, shape: Shape) -> Iterator[tuple[str, Shape]]:
    yield text, shape
    if len(shape) == 2:
        yield f"{text}.T", shape[::-1]


def scaled(place: Place, shape: Shape, most: int = _MOST_PRODUCTS) -> list[Term]:
    """Arrays in scope, entry by entry times what is computed nearby and spreads over them: a number, a column."""
    near = [(text, seen.shape) for text, seen in nearest(place).items()]
    away = _lines_away(place)
    singles = {**place.locals(), **{t: s for t, s in place.looked.items() if "[" in t}}
    near += [(t, ()) for t, s in singles.items() if s.shape == () and (s.dtype or s.type).startswith("float")]
    near.sort(key=lambda pair: away.get(pair[0], 1000))
    found: list[Term] = []
    for total in range(2 * len(near) - 1):
        for i in range(max(0, total - len(near) + 1), min(total, len(near) - 1) + 1):
            (left, first), (right, second) = near[i], near[total - i]
            if first == shape and i != total - i and second != shape and spreads(second or (), shape):
                found.append(Term(f"{right} * {left}", 0.2, made=True))
            elif len(shape) == 2 and first == shape[::-1] != shape and spreads(second or (), shape):
                found.append(Term(f"{left}.T * {right}", 0.3, made=True))
        if len(found) >= most:
            break
    return found[:most]


def spreads(shape: Shape, over: Shape) -> bool:
    """Whether an array of one shape takes another's shape where they meet entry by entry."""
    if len(shape) > len(over):
        return False
    return all(n in {1, m} for n, m in zip(shape[::-1], over[::-1], strict=False))


def calls(place: Place, shape: Shape) -> list[Term]:
    """The module's own functions of one argument, of arrays in scope."""
    alike = [text for text, seen in arrays_in_scope(place).items() if seen.shape == shape]
    found = [Term(f"{function}({text})", 0.3, made=True) for function in functions(place, 1) for text in alike]
    return found[:_MOST_CALLS]


def calls_of_two(place: Place, shape: Shape) -> list[Term]:
    """The program's own functions of two arguments, as the slope of a loss is one, of arrays in scope."""
    near = [(text, seen.shape) for text, seen in nearest(place).items() if seen.shape in {shape, shape[:1]}]
    elsewhere = {text for text, _ in near if is_of_elsewhere(place, text)}
    near.sort(key=lambda pair: pair[0] in elsewhere)
    first = [text for text, own in near if own == shape][:_MOST_ARGUMENTS]
    second = [text for text, _ in near][:_MOST_ARGUMENTS]
    pairs = [(one, other) for one in first for other in second if one != other]
    callees = dict.fromkeys([*methods_of_others(place, 2), *unread(place), *functions(place, 2)])
    found = []
    for number, callee in enumerate(callees):
        for pair in pairs:
            cost = 0.3 + 0.02 * min(number, 5) + (0.0 if elsewhere.isdisjoint(pair) else 0.2)
            found.append(Term(f"{callee}({', '.join(pair)})", cost, made=True))
    return found[:_MOST_CALLS_OF_TWO]


def written_calls(place: Place, shape: Shape) -> list[Term]:
    """Calls of the library's functions, written somewhere in the file, of an array in scope: `np.exp(log_s)`.

    What one function works out for itself, another one that needs it has to work out again.
    """
    numpy = place.numpy()
    found: dict[str, None] = {}
    alike = {text for text, seen in arrays_in_scope(place).items() if seen.shape == shape}
    for node in place.module.expressions() if numpy is not None else ():
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            of_numpy = isinstance(node.func, ast.Attribute) and place.text(node.func.value) == numpy
            if of_numpy and place.text(node.args[0]) in alike and place.shape(node) in {shape, None}:
                found[place.text(node)] = None
    return [Term(text, 0.2, made=True) for text in found][:_MOST_CALLS]


def numbers(place: Place) -> list[str]:
    """Numbers in scope: a batch size, a rate, a strength."""
    scope = in_reach(place)
    numeric = [n for n, s in scope.items() if is_number(s.literal)]
    owner = scope.get("self")
    if owner is not None:
        numeric += [f"self.{n}" for n, s in owner.attributes if is_number(s.literal)]
    away = _lines_away(place)
    near = sorted(place.locals().items(), key=lambda pair: away.get(pair[0], 1000))
    counts = [f"{n}.shape[{axis}]" for n, s in near if s.shape for axis in range(min(len(s.shape), 2))]
    lists = [f"len({n})" for n, s in near if s.type in {"list", "tuple"} and len(s.elements) > 1]
    return numeric[:12] + counts[:12] + lists[:2]


def single_numbers(place: Place, most: int = _MOST_SINGLE_NUMBERS) -> list[str]:
    """Numbers of a network that works on one number at a time, the nearest first: inputs, activations, weights."""
    reach = in_reach(place)
    found = dict.fromkeys(n for n, s in reach.items() if is_number(s.literal))
    owner = reach.get("self")
    if owner is not None:
        found |= dict.fromkeys(f"self.{n}" for n, s in owner.attributes if is_number(s.literal))
    items = (text for text, seen in place.looked.items() if "[" in text and "(" not in text)
    found |= dict.fromkeys(t for t in items if place.looked[t].shape == () or is_number(place.looked[t].literal))
    away = _lines_away(place)
    return sorted(found, key=lambda text: away.get(text, 1000))[:most]


def scalings(place: Place) -> list[str]:
    """What the module multiplies or divides by and that is a single number: `np.sqrt(d)`, `len(X)`, `1 - rate`."""
    found: dict[str, None] = {}
    known = set(numbers(place))
    for node in place.module.expressions():
        around = place.parent(node)
        if not isinstance(around, ast.BinOp | ast.AugAssign) or not isinstance(around.op, ast.Mult | ast.Div):
            continue
        if isinstance(around.op, ast.Div) and node is (around.left if isinstance(around, ast.BinOp) else around.target):
            continue
        counts = isinstance(node, ast.Call) and place.text(node.func).rpartition(".")[2] in _SCALAR_FUNCTIONS
        counts = counts or (isinstance(node, ast.Attribute) and node.attr in {"size", "ndim"})
        counts = counts or (isinstance(node, ast.Subscript) and place.text(node.value).endswith(".shape"))
        counts = counts or _is_off_a_number(place, node, known)
        if counts and len(place.text(node)) <= _LONGEST_SCALING:
            found[place.atom(node)] = None
    return list(found)[:_MOST_SCALINGS]


def shares(place: Place, most: int = _MOST_SHARES) -> list[str]:
    """What may be kept of something, as of units by dropout: numbers between 0 and 1 at hand, and what is left of 1."""
    found = {text: seen.literal for text, seen in in_reach(place).items()}
    owner = place.scope().get("self")
    found |= {f"self.{name}": seen.literal for name, seen in (owner.attributes if owner is not None else ())}
    used = _used_in_functions(place.module.tree)
    found |= {name: seen.literal for name, seen in place.scope().items() if name in used}
    rates = [text for text, literal in found.items() if isinstance(literal, float) and 0 < literal < 1]
    away = _lines_away(place)
    near = sorted(rates, key=lambda text: away.get(text, 1000))[:most]
    return [told for text in near for told in (text, f"(1 - {text})")]


def _is_off_a_number(place: Place, node: ast.expr, known: set[str]) -> bool:
    """Whether an expression is a number taken off another: `1 - self.rate`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
        return False
    sides = (node.left, node.right)
    return all(isinstance(n, ast.Constant) or place.text(n) in known for n in sides) and place.text(node.right) in known


def is_of_elsewhere(place: Place, text: str) -> bool:
    """Whether an expression counts something that the function around the place does not know by a name of its own."""
    if place.module.enclosing_function(place.statement) is None:
        return False
    own = place.locals()
    names = [n.id for n in ast.walk(ast.parse(text, mode="eval")) if isinstance(n, ast.Name)]
    return any(n not in own and (seen := place.scope().get(n)) is not None and seen.type != "module" for n in names)


def is_number(literal: object) -> bool:
    """Whether what was seen is a number, and no truth value."""
    return isinstance(literal, int | float) and not isinstance(literal, bool)


def likeness(own: str, other: str) -> float:
    """How much two texts look alike, between 0 and 1."""
    return difflib.SequenceMatcher(None, own, other).ratio()
