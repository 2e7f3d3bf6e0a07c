"""Rewritings of one expression in their thousands: cheap to hear in place, too many to run one by one."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.axis_orders import axis_orders
from shapecheck.repair.calculus import calculus_candidates, slopes_at
from shapecheck.repair.calls import call_candidates
from shapecheck.repair.candidate import Candidate, Place, distinct
from shapecheck.repair.flips import flip_candidates
from shapecheck.repair.item_orders import item_orders
from shapecheck.repair.left_out import (
    centring_candidates,
    chain_candidates,
    difference_candidates,
    exponential_candidates,
    jacobian_candidates,
    label_candidates,
    offset_candidates,
    path_candidates,
    quotient_candidates,
    sibling_candidates,
    softmax_candidates,
)
from shapecheck.repair.missing_factors import (
    at_upstream,
    grown,
    is_reduced,
    is_taken,
    spread,
    with_error,
    with_mask,
    with_sign,
    with_two,
    with_upstream,
)
from shapecheck.repair.naming import index_candidates, order_candidates
from shapecheck.repair.own_functions import functions
from shapecheck.repair.powers import power_candidates
from shapecheck.repair.products import product_candidates, regroup_candidates, transposed, unmultiplied
from shapecheck.repair.renamings import renaming_candidates
from shapecheck.repair.shaping import shaping_candidates
from shapecheck.repair.slices import slice_candidates
from shapecheck.repair.terms import (
    arrays_in_scope,
    as_columns,
    calls,
    is_number,
    is_of_elsewhere,
    likeness,
    nearest,
    numbers,
    parts,
    products,
    reductions,
    scalings,
    single_numbers,
    written_calls,
)
from shapecheck.trace.tape import Shape

_KNOWN = (
    calculus_candidates,
    product_candidates,
    unmultiplied,
    regroup_candidates,
    index_candidates,
    order_candidates,
    call_candidates,
    shaping_candidates,
)
_WHOLE = (path_candidates, chain_candidates, sibling_candidates, offset_candidates, softmax_candidates)
_MOST_SINGLE = 2500
_MOST_PAIRED = 220
_MOST_PAIRS = 12_000
_MOST_OF_A_KIND = 5
# Kinds that do not go with a second edit.
_LONE = frozenset(
    {"reshape", "slice", "flatten", "row", "column", "count", "copy", "ragged", "scalar", "keepdims", "flip"}
)
_SCALING = frozenset({"factor", "number", "sign"})
_MOST_ARRAYS = 30
_MOST_NUMBERS = 8
_MOST_PARTS = 8
_MOST_LIKE_A_NUMBER = 8
# What says of an array that it is one, and of its owner that another array may stand there.
_OF_ARRAYS = frozenset(["T", "dot", "sum", "mean", "ravel", "flatten", "reshape"])
# Functions of NumPy that write into their first argument.
_WRITERS = frozenset({"at", "copyto", "put", "place", "putmask", "fill_diagonal", "put_along_axis"})
# Functions that are mistaken for one another.
_KIN = (
    ("sum", "mean"),
    ("max", "min"),
    ("abs", "sign"),
    ("absolute", "sign"),
    ("argmax", "argmin"),
    ("maximum", "minimum"),
    ("tanh", "sinh", "cosh", "exp"),
    ("sin", "cos"),
    ("log", "exp", "log1p"),
    ("sqrt", "square"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like", "full_like"),
    ("vstack", "hstack"),
    ("cumsum", "cumprod"),
    ("outer", "dot", "inner"),
    ("convolve", "correlate"),
)
_OPERATORS: dict[type[ast.operator], tuple[str, ...]] = {
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("/", "@"),
    ast.Div: ("*",),
    ast.MatMult: ("*",),
}
_SYMBOLS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@"}


def _is_shape(node: ast.AST | None) -> bool:
    """Whether a node is the shape of an array."""
    return isinstance(node, ast.Attribute) and node.attr == "shape"


def rewritings(
    place: Place, whole: ast.expr, wanted: Shape | None = None, *, told_apart: bool = False
) -> list[Candidate]:
    """Other expressions that may be meant, the likeliest first; every edit lies within `whole`.

    Args:
        place: Its statement.
        whole: The expression.
        wanted: The shape that its result should have, where that is known.
        told_apart: Whether so many results are known that single numbers do not fit by accident.
    """
    written = {id(n) for output in _outputs(whole) for n in ast.walk(output)}
    nodes = [n for n in ast.walk(whole) if isinstance(n, ast.expr) and id(n) not in written]
    found: list[Candidate] = list(renaming_candidates(place, whole))
    of_whole = [c for generate in _WHOLE for c in generate(place, whole)]
    for node in nodes:
        for generate in _KNOWN:
            found += generate(place, node)
        if _is_shape(node):
            continue  # nobody calculates with it, but with its entries
        if _is_operand(place, node):
            found += _exchanged(place, node, whole, wanted)
            if _is_shape(place.parent(node)):
                continue
            found += _extended(place, node)
            found += _with_numbers(place, node) if told_apart else ()
            found += _counted_together(place, node) if node is whole else ()
            found += centring_candidates(place, node)
            found += jacobian_candidates(place, node)
            found += exponential_candidates(place, node)
            found += label_candidates(place, node)
            found += quotient_candidates(place, node)
            found += difference_candidates(place, node)
            found += flip_candidates(place, node)
            found += of_whole if node is whole else ()
            found += spread(place, node)
            found += with_two(place, node)
        found += with_sign(place, node, wanted) if isinstance(node, ast.Constant) or _is_operand(place, node) else ()
        found += axis_orders(place, node)
        found += item_orders(place, node)
        found += slice_candidates(place, node, whole, wanted)
        found += _restated(place, node)
        around = place.parent(node)
        if node is not whole and isinstance(around, ast.expr) and _is_part(place, node, around):
            found += grown(place, node, place.shape(around))
    found += grown(place, whole, wanted)
    found += with_upstream(place, whole, wanted)
    found += with_mask(place, whole, wanted)
    found += with_error(place, whole, wanted)
    found += at_upstream(place, whole, wanted)
    inside = [c for c in found if all(_within(place, whole, c, e) for e in c.edits)]
    if isinstance(place.parent(whole), ast.Expr):
        # A statement that keeps nothing does something by itself; anything else in its place would do nothing.
        place_of_whole = place.source.place(whole)
        inside = [c for c in inside if all((*_start(e), *_end(e)) != place_of_whole for e in c.edits)]
    heard = list(distinct(inside))
    # Of a long expression not all can be heard; what the whole of it lacks is one of a few things.
    lacking = {c.edits for c in of_whole}
    return heard[:_MOST_SINGLE] + [c for c in heard[_MOST_SINGLE:] if c.edits in lacking]


def _is_part(place: Place, node: ast.expr, around: ast.expr) -> bool:
    """Whether a node has to have the shape of the expression around it: an addend, what `where` takes."""
    added = isinstance(around, ast.BinOp) and isinstance(around.op, ast.Add | ast.Sub)
    return added or (isinstance(around, ast.Call) and is_taken(place, node, around))


def _outputs(whole: ast.expr) -> Iterator[ast.expr]:
    """What calls write into: with anything else there a call does nothing, which mends and explains nothing."""
    for call in (n for n in ast.walk(whole) if isinstance(n, ast.Call)):
        yield from (k.value for k in call.keywords if k.arg == "out")
        if isinstance(call.func, ast.Attribute) and call.func.attr in _WRITERS:
            yield from call.args[:1]


def pairs_of(single: list[Candidate]) -> list[Candidate]:
    """Two rewritings of one expression at once, the likeliest first; of each kind at each place some."""
    chosen: list[Candidate] = []
    taken: Counter[tuple[str, int, int]] = Counter()
    for candidate in single:
        key = (candidate.kind, candidate.edits[0].line, candidate.edits[0].column)
        taken[key] += 1
        if taken[key] <= _MOST_OF_A_KIND and candidate.kind not in _LONE:
            chosen.append(candidate)
    return sorted(_pairs(chosen[:_MOST_PAIRED]), key=lambda c: c.cost)[:_MOST_PAIRS]


def _start(edit: Edit) -> tuple[int, int]:
    return edit.line, edit.column


def _end(edit: Edit) -> tuple[int, int]:
    return edit.end_line, edit.end_column


def _within(place: Place, whole: ast.expr, candidate: Candidate, edit: Edit) -> bool:
    line, column, end_line, end_column = place.source.place(whole)
    return candidate.path == place.path and (line, column) <= _start(edit) and _end(edit) <= (end_line, end_column)


def _pairs(single: list[Candidate]) -> Iterator[Candidate]:
    for position, first in enumerate(single):
        for second in single[position + 1 :]:
            # What is heard may be off by a factor: two factors are not more than one.
            if {first.kind, second.kind} <= _SCALING:
                continue
            if not any(_overlap(a, b) for a in first.edits for b in second.edits):
                yield first.joined(second, 0.5)


def _overlap(first: Edit, second: Edit) -> bool:
    return not (_end(first) <= _start(second) or _end(second) <= _start(first))


def _is_operand(place: Place, node: ast.expr) -> bool:
    """Whether a node is a value of its own: no callee, no target, no keyword's constant."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    if isinstance(node, ast.Constant | ast.Slice | ast.Starred | ast.JoinedStr | ast.Tuple | ast.List | ast.Lambda):
        return False
    parent = place.parent(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        return False
    if isinstance(parent, ast.Attribute) and parent.attr not in _OF_ARRAYS:
        return False
    return not (isinstance(node, ast.Name) and node.id == place.numpy())


# -- another operand -------------------------------------------------------------------------------------------------


def _exchanged(place: Place, node: ast.expr, whole: ast.expr, wanted: Shape | None) -> Iterator[Candidate]:
    """Another array in the place of one, as it is or transposed; the same array transposed."""
    own = place.text(node)
    if len(own) > 60 or isinstance(node, ast.Compare):
        return
    simple = isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
    if simple and place.shape(node) == ():
        for text in numbers(place):
            if text != own:
                cost = 1.9 - 0.8 * likeness(own, text)
                yield place.candidate(f"use `{text}` instead of `{own}`", "name", node, text, cost)
        alike = [text for text, seen in arrays_in_scope(place).items() if wanted and seen.shape == wanted]
        for text in sorted(alike, key=lambda text: -likeness(own, text))[:_MOST_LIKE_A_NUMBER]:
            cost = 1.7 - 0.8 * likeness(own, text)
            yield place.candidate(f"use `{text}` instead of `{own}`", "name", node, text, cost)
        return
    around = place.parent(node)
    if simple and isinstance(around, ast.BinOp) and isinstance(around.op, ast.Mult | ast.Div):
        for text in numbers(place):
            cost = 2.4 - 0.8 * likeness(own, text)
            yield place.candidate(f"use `{text}` instead of `{own}`", "name", node, text, cost)
    others = sorted(arrays_in_scope(place).items(), key=lambda pair: -likeness(own, pair[0]))
    others = [(text, seen) for text, seen in others if text != own][:_MOST_ARRAYS]
    shape = place.shape(node)
    for text in _parts_alike(place, shape) if simple else ():
        if text != own and all(text != other for other, _ in others):
            cost = 1.9 - 0.8 * likeness(own, text)
            yield place.candidate(f"use `{text}` instead of `{own}`", "name", node, text, cost)
    for text, seen in others:
        cost = (1.9 if simple else 2.4) - 0.8 * likeness(own, text) + (0.4 if node is whole else 0.0)
        cost += 0.0 if seen.shape == shape else 0.3
        yield place.candidate(f"use `{text}` instead of `{own}`", "name", node, text, cost)
        if seen.shape is not None and len(seen.shape) == 2:
            yield place.candidate(f"use `{text}.T` instead of `{own}`", "name", node, f"{text}.T", cost + 0.7)
    if shape is None or len(shape) >= 2:
        turned = transposed(place, node)
        yield place.candidate(f"transpose `{own}`", "transpose", node, turned, 0.9)


# -- a term or factor more -------------------------------------------------------------------------------------------


def _is_taken_off_one(place: Place, node: ast.expr) -> bool:
    parent = place.parent(node)
    if not isinstance(parent, ast.BinOp) or not isinstance(parent.op, ast.Sub) or parent.right is not node:
        return False
    return isinstance(parent.left, ast.Constant) and parent.left.value == 1


def _extended(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """The node with a slope, a term, a sum or a function added that was left out."""
    shape = place.shape(node)
    if shape == () or isinstance(node, ast.Compare):
        return
    own = place.text(node)
    shown = own if len(own) <= 40 else "this"
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        for title, slope in slopes_at(own).items():
            yield place.candidate(f"use {title}", "slope", node, slope, 1.6)
    scope = arrays_in_scope(place)
    alike = [t for t, seen in nearest(place).items() if t in scope and (shape is None or seen.shape == shape)]
    alike = sorted(alike, key=lambda text: not text.isidentifier())[:16]  # names before items of containers
    for text in dict.fromkeys((*alike, *_parts_alike(place, shape))):
        if text != own:
            yield from _with_array(place, node, text)
    for text in as_columns(place, shape or ()):
        yield place.around(node, "", f" - {text}", f"subtract `{text}`, which is left out", "term", 2.2)
    if shape:
        yield from _with_terms(place, node, shape)
    cost = 2.25 if _is_taken_off_one(place, node) else 2.9  # `1 - a` is little without the square of the slope of tanh
    yield from power_candidates(place, node, cost)
    # What the program scales by itself is likelier than a number that happens to be the same.
    for number in scalings(place):
        dear = 0.4 if is_of_elsewhere(place, number) else 0.0
        yield place.around(node, "", f" / {number}", f"divide by `{number}`", "factor", 1.4 + dear)
        yield place.around(node, f"{number} * ", "", f"multiply by `{number}`", "factor", 1.6 + dear)
    for number in numbers(place):
        # Of what is off by two a number is more often to blame than a length that happens to be two.
        dear = 0.4 if _is_a_length_of_two(place, number) else 0.0
        yield place.around(node, "", f" / {number}", f"divide by `{number}`", "factor", 1.7 + dear)
        yield place.around(node, f"{number} * ", "", f"multiply by `{number}`", "factor", 1.9 + dear)
    parent = place.parent(node)
    sums = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub)
    if not sums or (isinstance(parent, ast.BinOp) and node is parent.left):  # else the operator turns it
        yield place.around(node, "-", "", f"turn the sign of `{shown}` round", "sign", 1.5)
    if isinstance(parent, ast.BinOp):
        yield place.around(node, "1 + ", "", f"add 1 to `{shown}`", "term", 2.0)
        yield place.around(node, "1 - ", "", f"take `{shown}` off 1", "term", 2.0)
    yield place.around(node, "2 * ", "", f"multiply `{shown}` by 2", "factor", 1.9)
    yield place.around(node, "", " / 2", f"divide `{shown}` by 2", "factor", 2.0)
    total = place.numpy_function("sum")
    summed = 0.4 if is_reduced(place, node) else 0.0
    for axis in range(min(len(shape or (0, 0)), 4)):
        for keep in (", keepdims=True", ""):
            before, after = (f"{total}(", f", axis={axis}{keep})") if total else ("", f".sum(axis={axis}{keep})")
            yield place.around(node, before, after, f"sum `{shown}` over axis {axis}", "sum", 1.6 + summed)
    for function in functions(place, 1):
        yield place.around(node, f"{function}(", ")", f"apply `{function}`", "function", 2.0)


def _is_a_length_of_two(place: Place, text: str) -> bool:
    """Whether an expression is `name.shape[axis]`, and comes to two."""
    name, _, axis = text.removesuffix("]").partition(".shape[")
    seen = place.locals().get(name)
    return seen is not None and bool(seen.shape) and axis.isdecimal() and (seen.shape or ())[int(axis)] == 2


def _parts_alike(place: Place, shape: Shape | None) -> list[str]:
    """Parts of arrays that the function takes itself (`gates[:, t]`), the nearest first."""
    if not shape:
        return []
    return [text for text, seen in nearest(place).items() if seen.shape == shape and text.endswith("]")][:_MOST_PARTS]


def _counted_together(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A count times another one: `n = rows * length` for `n = rows`."""
    if place.shape(node) != () or isinstance(node, ast.Constant):
        return
    own = place.text(node)
    for number in numbers(place):
        if number != own:
            yield place.around(node, "", f" * {number}", f"multiply by `{number}`", "number", 1.9)


def _with_numbers(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A number with a slope, a factor or a term more, all single numbers too."""
    if place.shape(node) != ():
        return
    own = place.text(node)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        for title, slope in slopes_at(own).items():
            yield place.candidate(f"use {title}", "slope", node, slope, 1.6)
    for text in single_numbers(place):
        if text != own:
            yield from _with_array(place, node, text)
            yield place.around(node, "", f" - {text}", f"subtract `{text}`, which is left out", "term", 2.2)


def _with_array(place: Place, node: ast.expr, text: str) -> Iterator[Candidate]:
    seen = place.look(text)
    is_mask = seen is not None and seen.dtype == "bool"
    for title, slope in slopes_at(text).items() if not is_mask else ():
        yield place.around(node, "", f" * {slope}", f"multiply by {title}", "missing slope", 1.8)
        yield place.candidate(f"use {title}", "slope", node, slope, 2.2)
    if (tanh := place.numpy_function("tanh")) is not None and "tanh" in place.source.text:
        slope = f"(1 - {tanh}({text}) ** 2)"
        yield place.around(node, "", f" * {slope}", f"multiply by the slope of tanh at `{text}`", "missing slope", 1.9)
    yield place.around(node, "", f" + {text}", f"add `{text}`, which is left out", "term", 2.1)
    yield place.around(node, "", f" * {text}", f"multiply by `{text}`", "missing factor", 2.0)
    yield place.around(node, "", f" / {text}", f"divide by `{text}`", "missing factor", 2.1)
    statement = place.statement
    # `d += g - d` sets what is to be set; there is another edit that says so.
    if not isinstance(statement, ast.AugAssign) or node is not statement.value or text != place.text(statement.target):
        yield place.around(node, "", f" - {text}", f"subtract `{text}`", "term", 2.4)
    for number in numbers(place):
        title = f"add `{number} * {text}`, which is left out"
        yield place.around(node, "", f" + {number} * {text}", title, "term", 2.4)


def _with_terms(place: Place, node: ast.expr, shape: Shape) -> Iterator[Candidate]:
    """The node with something that is made of arrays in scope, or that in its place."""
    own = place.text(node)
    for term in parts(place, shape):
        for title, slope in slopes_at(term.text).items():
            yield place.around(node, "", f" * {slope}", f"multiply by {title}", "missing slope", 1.8 + term.cost)
            yield place.candidate(f"use {title}", "slope", node, slope, 2.2 + term.cost)
    for term in (*reductions(place, shape), *products(place, shape)):
        shown = f"`{term.text}`"
        if term.text != own:
            yield place.around(node, "", f" + {term.text}", f"add {shown}, which is left out", "term", 2.1 + term.cost)
            yield place.around(node, "", f" - {term.text}", f"subtract {shown}", "term", 2.2 + term.cost)
            yield place.around(node, f"({term.text}) * ", "", f"multiply by {shown}", "missing factor", 2 + term.cost)
            yield place.candidate(f"use {shown} instead of `{own}`", "product", node, term.text, 2.2 + term.cost)
    for term in written_calls(place, shape):
        for sign, verb in (("*", "multiply"), ("/", "divide")):
            title = f"{verb} by `{term.text}`, which is left out"
            yield place.around(node, "", f" {sign} {term.text}", title, "missing factor", 1.8 + term.cost)
    for term in calls(place, shape):
        title = f"multiply by `{term.text}`"
        yield place.around(node, "", f" * {term.text}", title, "missing slope", 1.8 + term.cost)
        yield place.candidate(f"use `{term.text}` instead of `{own}`", "slope", node, term.text, 2.0 + term.cost)


# -- another operator, function or number ----------------------------------------------------------------------------


def _restated(place: Place, node: ast.expr) -> Iterator[Candidate]:
    if isinstance(node, ast.BinOp):
        yield from _operators(place, node)
    elif isinstance(node, ast.Subscript):
        yield from _bounds(place, node)
    elif isinstance(node, ast.Call):
        yield from _kin(place, node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield from _constants(place, node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = place.atom(node.left), place.atom(node.comparators[0])
        for symbol in ("<", ">", "<=", ">=", "==", "!="):
            yield place.candidate(f"compare with `{symbol}`", "operator", node, f"{left} {symbol} {right}", 1.6)


def _operators(place: Place, node: ast.BinOp) -> Iterator[Candidate]:
    left, right = place.atom(node.left), place.atom(node.right)
    symbol = _SYMBOLS.get(type(node.op))
    for other in _OPERATORS.get(type(node.op), ()):
        yield place.candidate(f"use `{other}` instead of `{symbol}`", "operator", node, f"{left} {other} {right}", 1.6)
    if symbol in {"-", "/", "@"}:
        yield place.candidate("exchange the operands", "product", node, f"{right} {symbol} {left}", 1.5)
    for kept, dropped in ((node.left, node.right), (node.right, node.left)):
        shown = place.text(dropped)
        if len(shown) <= 40:
            yield place.candidate(f"leave out `{shown}`", "factor", node, place.text(kept), 1.8)


def _bounds(place: Place, node: ast.Subscript) -> Iterator[Candidate]:
    """As many rows or columns as a slice takes, from one earlier or later on: `w[1:]` for `w[:-1]`."""
    for part in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
        if not isinstance(part, ast.Slice) or part.step is not None or not (part.lower or part.upper):
            continue
        for shift in (1, -1):
            text = _moved(part, shift)
            if text is not None:
                yield place.candidate(f"take `{text}` instead of `{place.text(part)}`", "index", part, text, 1.3)


def _moved(part: ast.Slice, shift: int) -> str | None:
    """A slice with whole numbers as bounds, one further; None where it would leave the array."""
    lower = 0 if part.lower is None else _integer(part.lower)
    upper = 0 if part.upper is None else _integer(part.upper)  # counted from the end, where that is not positive
    if lower is None or upper is None:
        return None
    first, last = lower + shift, upper + shift
    if (lower < 0) != (first < 0) or (upper > 0) != (last > 0):
        return None
    return f"{first or ''}:{last or ''}"


def _integer(node: ast.expr) -> int | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int) else None


def _kin(place: Place, node: ast.Call) -> Iterator[Candidate]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    text = place.text(node.func)
    head = text[: len(text) - len(name)]
    for family in _KIN:
        for other in family if name in family else ():
            if other != name:
                title = f"use `{other}` instead of `{name}`"
                yield place.candidate(title, "function", node.func, head + other, 1.6)
    for function in functions(place, len(node.args)):
        if function not in {text, name}:
            cost = 2.2 - 0.8 * likeness(text, function)
            yield place.candidate(f"call `{function}` instead of `{text}`", "function", node.func, function, cost)
    if len(node.args) == 1 and not node.keywords:
        argument = place.text(node.args[0])
        yield place.candidate(f"leave out `{text}`", "function", node, argument, 1.9)
    elif node.args and place.shape(node) and place.shape(node.args[0]) == place.shape(node):  # a clip
        yield place.candidate(f"leave out `{text}`", "function", node, place.text(node.args[0]), 2.1)


def _constants(place: Place, node: ast.Constant) -> Iterator[Candidate]:
    number = node.value
    assert isinstance(number, int | float)
    for other in dict.fromkeys((number + 1, number - 1, 2 * number, number / 2, 1 - number)):
        if other != number and other >= 0:
            text = f"{other:g}"
            yield place.candidate(f"use {text} instead of {place.text(node)}", "number", node, text, 2.0)
    for text in _numbers_written(place):
        if text != place.text(node):
            yield place.candidate(f"use {text} instead of {place.text(node)}", "number", node, text, 1.8)
    if not float(number).is_integer():
        return  # no size and no count stands for it
    for name in dict.fromkeys((*numbers(place), *_constants_of(place))):
        yield place.candidate(f"use `{name}` instead of {place.text(node)}", "number", node, name, 1.9)


def _numbers_written(place: Place) -> list[str]:
    """The fractions that the module states: what the forward pass is made with, the backward pass may need."""
    found: dict[str, None] = {}
    for node in place.module.expressions():
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < abs(node.value) < 1:
            found[place.text(node)] = None
    return list(found)[:_MOST_NUMBERS]


def _constants_of(place: Place) -> list[str]:
    """The module's constants, going by the way they are written."""
    return [n for n, s in place.scope().items() if n.isupper() and is_number(s.literal)]


__all__ = ["pairs_of", "rewritings"]
