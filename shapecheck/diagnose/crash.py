"""Shape errors that stopped the program: what failed, with which shapes, in which layer, and how they came there."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from shapecheck.diagnose.assertion_calls import arrays_of, refused, refuses_shapes
from shapecheck.diagnose.finding import Finding, Operand, Shape, Span, TrailStep
from shapecheck.diagnose.trail import path_between, steps
from shapecheck.network.layers import Layers
from shapecheck.trace.child import Trace
from shapecheck.trace.failure import UNSEEN, Failure, Seen
from shapecheck.trace.sites import Kind, Site, SourceText
from shapecheck.trace.tape import Tape

_PRODUCTS = frozenset("dot matmul inner tensordot einsum vdot outer multi_dot linalg.multi_dot".split())
_STACKS = frozenset("concatenate vstack hstack stack column_stack dstack append block row_stack c_ r_".split())
_SCALAR_ERRORS = (
    "only length-1",
    "only 0-dimensional",
    "only size-1",
    "ambiguous",
    "must be real number",
    "0-dimensional arrays",
)
# What NumPy says when it is given shapes that do not fit.
_NUMPYS_WORDS = re.compile(
    r"could not be broadcast|non-broadcastable|not aligned|core dimension|enough dimensions|inhomogeneous|"
    r"cannot reshape|input array dimensions|out of bounds for axis|too many indices|shape mismatch|"
    r"same number of dimensions"
)
# Without one of these words a refusal is of something else: a singular matrix, probabilities that add up to 0.9.
_ABOUT_SHAPES = re.compile(
    r"shape|dim|\baxis|axes|align|broadcast|size|length|out of|too many|elements|square|column|row|number",
    re.IGNORECASE,
)
# No array, whatever its shape, could have taken their place.
_NEVER_ARRAYS = frozenset({"NoneType", "str", "function", "builtin_function_or_method", "method", "type"})
RAISED_BY_SHAPES = frozenset(
    {
        "ValueError",
        "TypeError",
        "IndexError",
        "AssertionError",
        "ShapeMismatchError",
        "AxisError",
        "LinAlgError",
        "UFuncTypeError",
        "_UFuncOutputCastingError",
    }
)


@dataclass(frozen=True)
class Crash:
    """A failure that has to do with shapes.

    Attributes:
        tape: The segment of the run that holds the failing expression's operands.
        values: The operands' values on it, as far as they are there.
    """

    failure: Failure
    code: str
    site: Site | None
    span: Span
    operands: tuple[Operand, ...]
    tape: Tape
    values: tuple[int, ...]


def classify(trace: Trace) -> Crash | None:
    """The shape error that ended a run; None where it ended otherwise."""
    failure = trace.failure
    if failure is None or not failure.frames or failure.exception not in RAISED_BY_SHAPES:
        return None
    site = trace.head.sites[failure.site] if failure.site is not None else None
    shot = failure.frames[-1]
    span = _span(trace.sources[shot.path], *shot.place)
    code = _code(trace, failure, site)
    if code is None:
        return None
    operands, span = _operands(trace, failure, site, span, code)
    identities = [seen.identity for _, seen in failure.operands if seen.identity and seen.shape is not None]
    if code == "SC110" and site is not None and refuses_shapes(failure, site):
        checked = [*arrays_of(failure, site), *_checked(failure, site)]
        identities = [seen.identity for seen in checked if seen.shape is not None]
    elif code == "SC110" and site is not None:
        identities = [seen.identity for seen in _checked(failure, site) if seen.shape is not None]
    identities += [
        e.identity for _, seen in failure.operands for _, e in seen.elements if e.identity and e.shape is not None
    ]
    if not identities:
        identities = [s.identity for _, r, o in failure.recent for s in (r, *o) if s.shape is not None and s.identity]
    tape, values = _on_tape(trace, identities)
    return Crash(failure, code, site, span, operands, tape, values)


def _on_tape(trace: Trace, identities: list[int]) -> tuple[Tape, tuple[int, ...]]:
    for tape in (trace.tail, trace.head):
        if tape is None:
            continue
        found = [value.number for value in map(tape.latest, identities) if value is not None]
        if found:
            return tape, tuple(found)
    return trace.tail or trace.head, ()


def _has_arrays(failure: Failure) -> bool:
    seen = [s for _, s in failure.operands]
    seen += [element for s in seen for _, element in s.elements]
    if any(s.shape for s in seen):
        return True
    return any(s is UNSEEN for s in seen) and bool(_NUMPYS_WORDS.search(failure.message))


def _code(trace: Trace, failure: Failure, site: Site | None) -> str | None:
    message = failure.message
    if refuses_shapes(failure, site):
        return "SC110"
    if failure.exception in {"AssertionError", "ShapeMismatchError"}:
        return "SC110" if _asserted_shapes(trace, failure) else None
    if any(text in message for text in _SCALAR_ERRORS):
        near_arrays = _has_arrays(failure) or any(r.shape or any(s.shape for s in o) for _, r, o in failure.recent)
        return ("SC106" if site is not None and site.kind is Kind.SETITEM else "SC108") if near_arrays else None
    if "inhomogeneous" in message:
        return "SC105"
    if site is None or site.kind is Kind.BIND:
        return "SC112" if _unpacks_shape(trace, failure) else None
    if _is_tuple_arithmetic(failure, site):
        return "SC111"
    if not _has_arrays(failure):
        return None
    return _code_of_site(failure, site)


def _code_of_site(failure: Failure, site: Site) -> str | None:
    if site.kind is Kind.BINARY:
        matrix = site.operator == "@" or any(s.type == "matrix" for _, s in failure.operands)
        if any(s is UNSEEN for _, s in failure.operands):
            matrix = matrix or "not aligned" in failure.message
        if failure.exception == "TypeError" and any(s.type in _NEVER_ARRAYS for _, s in failure.operands):
            return None
        return ("SC101" if matrix else "SC102") if failure.exception in {"ValueError", "TypeError"} else None
    if site.kind is Kind.COMPARE:
        return "SC102"
    if site.kind is Kind.AUGMENTED:
        return "SC101" if site.operator == "@" else "SC103"
    about_shapes = bool(_ABOUT_SHAPES.search(failure.message))
    if site.kind is Kind.SETITEM:
        return ("SC112" if about_shapes else None) if failure.exception == "IndexError" else "SC106"
    if site.kind is Kind.GETITEM:
        return "SC112" if failure.exception == "IndexError" and about_shapes else None
    if site.kind is not Kind.CALL:
        return None
    name = site.operator
    positional = [role for role, _ in failure.operands if role.isdigit()]
    if len(positional) >= 3 and name in {"dot", "matmul", "add", "subtract", "multiply", "divide", "outer"}:
        return "SC109"
    if name in _PRODUCTS:
        return (
            "SC112"
            if name == "einsum" and "subscript" in failure.message and "dimension" not in failure.message
            else "SC101"
        )
    if name in {"add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "where", "true_divide"}:
        return "SC102"
    if name in {"reshape", "resize"}:
        return "SC104"
    if name in _STACKS:
        return "SC107"
    refused = failure.exception in {"ValueError", "IndexError", "AxisError", "LinAlgError"}
    return "SC112" if refused and about_shapes else None


def _is_tuple_arithmetic(failure: Failure, site: Site) -> bool:
    tuples = [s for _, s in failure.operands if s.type == "tuple"]
    arithmetic = site.kind in {Kind.BINARY, Kind.AUGMENTED, Kind.UNARY, Kind.COMPARE}
    integers = all(isinstance(e, int) for s in tuples if isinstance(s.literal, tuple) for e in s.literal)
    called = site.kind is Kind.CALL and failure.exception == "TypeError"
    return bool(tuples) and integers and failure.exception == "TypeError" and (arithmetic or called)


def _statement(trace: Trace, failure: Failure) -> ast.stmt | None:
    shot = failure.frames[-1]
    best: ast.stmt | None = None
    for node in trace.sources[shot.path].nodes():
        if isinstance(node, ast.stmt) and node.lineno <= shot.place[0] <= (node.end_lineno or node.lineno):
            if best is None or node.lineno >= best.lineno:
                best = node
    return best


def _asserted_shapes(trace: Trace, failure: Failure) -> bool:
    """Whether the failed assertion compares shapes, or numbers of dimensions or entries."""
    statement = _statement(trace, failure)
    if not isinstance(statement, ast.Assert):
        return False
    attributes = {n.attr for n in ast.walk(statement.test) if isinstance(n, ast.Attribute)}
    calls = {n.func.id for n in ast.walk(statement.test) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return bool(attributes & {"shape", "ndim", "size"}) or "len" in calls


def _unpacks_shape(trace: Trace, failure: Failure) -> bool:
    statement = _statement(trace, failure)
    unpacks = isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple)
    return unpacks and "unpack" in failure.message and ".shape" in ast.unparse(statement) if statement else False


def _span(source: SourceText, line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span(source.path, line, column, end_line, end_column, source.slice(line, column, end_line, end_column))


def _operands(
    trace: Trace, failure: Failure, site: Site | None, span: Span, code: str
) -> tuple[tuple[Operand, ...], Span]:
    """The failing expression's arrays, and where the expression is."""
    found: list[Operand] = []
    if site is not None and code == "SC110" and refuses_shapes(failure, site):
        return tuple(refused(failure, site, trace.sources[site.path])), span
    if site is None or code == "SC110":
        return tuple(_compared(trace, failure)), span
    source = trace.sources[site.path]
    nodes = {slot.role: slot.node for slot in site.slots}
    if isinstance(site.node, ast.AugAssign):
        nodes["target"] = site.node.target
    for role, seen in failure.operands:
        node = nodes.get(role)
        if node is None or not hasattr(node, "lineno"):
            continue
        place = _span(source, *source.place(node))
        if seen.shape is not None and (seen.shape or seen.type != "int"):
            if role not in {"index"} or seen.shape:
                found.append(Operand(place.source, seen.shape, None, place))
        for element in _elements(seen) if code in {"SC105", "SC107"} else []:
            found.append(Operand(f"{place.source}[{len(found)}]", element, None, place))
    return tuple(found[:6]), span


def _checked(failure: Failure, site: Site) -> list[Seen]:
    """The arrays whose shapes an assertion compares, read from the frame."""
    names = failure.frames[-1].names
    found = []
    for slot in site.slots:
        node = slot.node
        if isinstance(node, ast.Attribute) and node.attr in {"shape", "size", "ndim"}:
            seen = _in_frame(names, node.value)
            if seen is not None:
                found.append(seen)
    return found


def _in_frame(names: dict[str, Seen], node: ast.expr) -> Seen | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _in_frame(names, node.value)
        return dict(owner.attributes).get(node.attr) if owner is not None else None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner = _in_frame(names, node.value)
        return dict(owner.elements).get(node.slice.value) if owner is not None else None
    return None


def _elements(seen: Seen) -> list[Shape]:
    return [element.shape for _, element in seen.elements if element.shape is not None]


def _compared(trace: Trace, failure: Failure) -> list[Operand]:
    """What the failed assertion, or the truth value, last looked at."""
    found: list[Operand] = []
    statement = _statement(trace, failure)
    for number, _, operands in failure.recent:
        site = trace.head.sites[number]
        source = trace.sources[site.path]
        if statement is not None and not statement.lineno <= site.line <= (statement.end_lineno or statement.lineno):
            continue  # a neighbouring statement's, which had no objection
        slots = site.event_slots
        for slot, seen in zip(slots, operands, strict=False):
            literal = seen.literal if isinstance(seen.literal, tuple) else None
            shape = literal if literal is not None else seen.shape
            if shape is None or not hasattr(slot.node, "lineno") or site.kind is not Kind.COMPARE:
                continue
            place = _span(source, *source.place(slot.node))
            text = place.source.removesuffix(".shape")
            if text not in {o.source for o in found} and all(isinstance(s, int) for s in shape):
                found.append(Operand(text, tuple(shape), None, place))
    return found[:4]


# -- the finding ------------------------------------------------------------------------------------------------------


def crash_finding(crash: Crash, layers: Layers) -> Finding:
    """The finding for a crash, as far as the trace alone tells; its cause is where it surfaced."""
    layer = layer_of(crash, layers)
    names = _layer_name(layers, layer)
    operands = tuple(_expect(crash, operand, i) for i, operand in enumerate(crash.operands))
    title = _TITLES[crash.code]
    where = f"{names}: " if names else ""
    return Finding(
        code=crash.code,
        severity="error",
        title=f"{where}{title}",
        message=_message(crash, operands),
        location=crash.span,
        cause=crash.span,
        layer=layer,
        parameters=tuple(layers.layers[layer].names) if layer in layers.layers else (),
        operands=operands,
    )


def layer_of(crash: Crash, layers: Layers) -> int | None:
    """The layer of the failing expression, by its operands."""
    if layers.tape is not crash.tape or not crash.values:
        return None
    if crash.code == "SC110":
        known = [layers.layer_of[layers.root[n]] for n in crash.values if layers.root[n] in layers.layer_of]
        return known[0] if known else None
    product = crash.code in {"SC101", "SC109"}
    site = crash.site
    if site is not None and site.kind is Kind.AUGMENTED:
        return layers.meeting(list(crash.values[:1]), product=False) or None
    return layers.meeting(list(crash.values), product=product)


def _layer_name(layers: Layers, layer: int | None) -> str:
    if layer is None:
        return ""
    if layer not in layers.layers:
        return f"layer {layer}"
    known = layers.layers[layer]
    sizes = " x ".join(map(str, known.shapes[0]))
    name = known.names[0]
    return f"layer {layer} (`{name}`, {sizes})" if not name.startswith("weight of") else f"layer {layer} ({sizes})"


def _expect(crash: Crash, operand: Operand, position: int) -> Operand:
    """The operand with the shape it should have, where the expression itself tells."""
    shapes = [o.shape for o in crash.operands]
    if crash.code in {"SC103", "SC110"} and position == (1 if crash.code == "SC103" else 0) and len(shapes) >= 2:
        other = shapes[0] if crash.code == "SC103" else shapes[1]
        return Operand(operand.source, operand.shape, other, operand.span)
    return operand


def show(shape: Shape) -> str:
    """A shape as Python writes it."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


_TITLES = {
    "SC101": "this matrix product does not fit",
    "SC102": "these shapes do not fit together element by element",
    "SC103": "this update has another shape than what it updates",
    "SC104": "this reshape changes the number of entries",
    "SC105": "these rows have different shapes and make no array",
    "SC106": "this value does not fit where it is put",
    "SC107": "these arrays cannot be joined",
    "SC108": "this needs a single number and is given an array",
    "SC109": "the third argument is taken as the output array, not as an operand",
    "SC110": "your own check of the shape failed",
    "SC111": "this is a tuple where a number belongs",
    "SC112": "this does not fit the shape of the array",
}


def _message(crash: Crash, operands: tuple[Operand, ...]) -> str:
    shapes = [f"`{_short(o.source)}` is {show(o.shape)}" for o in operands if o.shape or crash.code != "SC101"]
    said = ", ".join(shapes[:3])
    if crash.code == "SC101" and len(operands) >= 2:
        meeting = _meeting_axes(crash.site, operands[0].shape, operands[1].shape)
        if meeting is not None and meeting[0] != meeting[1]:
            return f"{said}: the last axis of the first has {meeting[0]} entries, the axis it meets has {meeting[1]}"
    if crash.code == "SC103" and len(operands) >= 2:
        return f"{said}: the update must have the shape {show(operands[0].shape)} of what it changes"
    if crash.code == "SC110" and len(operands) >= 2:
        return f"{said}"
    if crash.code == "SC111":
        tuples = [s.literal for _, s in crash.failure.operands if isinstance(s.literal, tuple)]
        return (
            f"`.shape` is a tuple, here {tuples[0]}; one of its numbers is meant" if tuples else "a tuple is no number"
        )
    if crash.code == "SC108":
        return f"{said}: it has {_count(operands)} entries, not one" if said else "it has several entries, not one"
    if said:
        return said
    return crash.failure.message.strip().rstrip(".")


def _meeting_axes(site: Site | None, left: Shape, right: Shape) -> tuple[int, int] | None:
    """The lengths of the axes that a product sums over; None where the shapes alone do not tell which these are."""
    if site is None or not left or not right or site.operator not in {"@", "*", "dot", "matmul", "inner"}:
        return None
    return left[-1], right[-1] if site.operator == "inner" or len(right) == 1 else right[-2]


def _count(operands: tuple[Operand, ...]) -> str:
    for operand in operands:
        if operand.shape:
            size = 1
            for length in operand.shape:
                size *= length
            return str(size)
    return "several"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 48 else text[:45] + "..."


def trail_to(trace: Trace, crash: Crash, path: str, line: int) -> tuple[TrailStep, ...]:
    """How what was made at a line reached the failing expression."""
    chain = path_between(crash.tape, crash.values, path, line)
    return steps(crash.tape, trace.sources, chain, skip=(crash.span.path, crash.span.line))
