"""A network that cannot learn from where it starts: saturated units, equal weights, targets that are out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, meetings, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import in_one_function, outside_of, span_of
from shapecheck.network.layers import Layer, activation_values
from shapecheck.network.parameters import Parameter
from shapecheck.trace.operations import MATRIX_PRODUCTS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Ref

# A slope below this lets nothing through.
_NO_SLOPE = 1e-6
# A layer in which this share of all slopes is zero is stuck, if its weights do not move either.
_NEARLY_ALL = 0.95
_STANDING_STILL = 1e-5
# This share of the targets has to lie outside of what the output can be.
UNREACHED = 0.1
REACH = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0), "relu": (0.0, np.inf)}


def saturated(course: Course) -> list[Finding]:
    """Layers whose activations are flat for nearly every sample of the first forward pass."""
    found = []
    for layer in course.layers.layers.values():
        site = course.site_of(layer.weighted) if layer.weighted is not None else None
        if site is None or layer.activation is None or not _is_flat(course, layer):
            continue
        dead = layer.activation == "relu"
        names = list(dict.fromkeys(layer.names))
        what = "is below zero for every sample" if dead else "is so large that the slope is zero"
        found.append(
            Finding(
                code="SC503",
                severity="warning",
                title=f"layer {layer.index} is {'dead' if dead else 'saturated'} from the start",
                message=f"`{shown(site.text)}` {what} at nearly all units: no gradient reaches {quoted(names)}; begin "
                "with smaller weights, or scale the inputs",
                location=span_of(site),
                cause=_cause(course, layer) or span_of(site),
                layer=layer.index,
                parameters=tuple(names),
            )
        )
    return found


def _cause(course: Course, layer: Layer) -> Any:
    """Where the layer's weight was made."""
    for parameter in course.parameters:
        if course.layer(parameter.birth) == layer.index and parameter.weight:
            site = course.site_of(parameter.birth)
            if site is not None:
                return span_of(site)
    return None


def _is_flat(course: Course, layer: Layer) -> bool:
    weighted = course.tape.values[layer.weighted or 0]
    arrays = [a for a in _runs(course, layer) if a.shape[-1:] == weighted.shape[-1:] or a.shape == weighted.shape]
    if not arrays or sum(a.size for a in arrays) < 20:
        return False
    slopes = np.concatenate([_slopes(layer.activation or "", a).ravel() for a in arrays])
    if not slopes.size or np.mean(slopes < _NO_SLOPE) < _NEARLY_ALL:
        return False
    moved = [_movement(course, p) for p in course.parameters if course.layer(p.birth) == layer.index]
    return bool(moved) and max(moved) < _STANDING_STILL


def _runs(course: Course, layer: Layer) -> Iterator[Any]:
    """The layer's weighted inputs before the first update, of several samples if they come one by one."""
    producer = course.producer(layer.weighted or 0)
    first = min((u.operation for p in course.parameters for u in p.updates[:1]), default=0)
    if producer is None:
        return
    count = 0
    for operation in course.tape.made_at(producer.site if producer.site is not None else -1):
        same = course.layers.depth[operation.result] == layer.index
        if same and (operation.number < first or course.layers.layout == "single-sample") and count < 40:
            array = course.tape.values[operation.result].array
            if array is not None:
                count += 1
                yield np.asarray(array, dtype=float)


def _slopes(activation: str, z: Any) -> Any:
    with np.errstate(all="ignore"):
        if activation == "sigmoid":
            s = 1 / (1 + np.exp(-z))
            return s * (1 - s)
        if activation == "tanh":
            return 1 - np.tanh(z) ** 2
        if activation == "relu":
            return (z > 0).astype(float)
    return np.ones(0)


def _movement(course: Course, parameter: Parameter) -> float:
    """How much the first update changes a parameter, relative to its size."""
    update = parameter.updates[0]
    change = np.asarray(course.replay.recorded[update.change], dtype=float)
    old = np.asarray(course.replay.recorded[update.old], dtype=float)
    size = float(np.abs(old).max(initial=0.0)) or 1.0
    return float(np.abs(change).max(initial=0.0)) / size


# -- equal weights --------------------------------------------------------------------------------------------------


def equal_units(course: Course) -> list[Finding]:
    """Hidden layers all of whose units start the same, and stay so."""
    last = max(course.layers.layers, default=0)
    stuck: list[Parameter] = []
    for parameter in course.parameters:
        layer = course.layer(parameter.birth)
        if layer is None or layer >= last or not parameter.weight or len(parameter.updates) < 2:
            continue
        axis = _unit_axis(course, parameter, layer)
        arrays = [course.tape.values[v].array for u in parameter.updates for v in (u.old, u.new)]
        if axis is not None and all(_all_equal(a, axis) for a in arrays):
            stuck.append(parameter)
    if not stuck:
        return []
    site = course.site_of(stuck[0].birth)
    if site is None:
        return []
    first = np.asarray(course.tape.values[stuck[0].birth].array, dtype=float)
    names = [p.name for p in stuck]
    start = "zero" if not np.any(first) else "the same"
    return [
        Finding(
            code="SC504",
            severity="warning",
            title=f"all units of layer {course.layer(stuck[0].birth)} start with {start} weights, and stay equal",
            message=f"every unit behind {quoted(names)} computes the same and gets the same gradient, in every step: "
            "the layer is worth one unit; draw the weights at random",
            location=span_of(site),
            cause=span_of(site),
            layer=course.layer(stuck[0].birth),
            parameters=tuple(dict.fromkeys(names)),
        )
    ]


def _unit_axis(course: Course, parameter: Parameter, layer: int) -> int | None:
    """The axis of a weight along which the units lie."""
    shape = parameter.shape(course.tape)
    weighted = course.layers.layers[layer].weighted
    if len(shape) != 2 or weighted is None or course.layers.root[parameter.birth] not in course.layers.weights:
        return None
    for operation in course.tape.operations:
        for place, number in enumerate(operation.inputs):
            if (
                course.layers.root[number] == course.layers.root[parameter.birth]
                and operation.function in MATRIX_PRODUCTS
            ):
                turned = course.tape.values[number].shape != shape or course.layers.forward_turned.get(layer, False)
                axis = 0 if place == 0 else 1
                axis = 1 - axis if turned else axis
                return axis if shape[axis] > 1 else None
    return None


def _all_equal(array: Any, axis: int) -> bool:
    moved = np.moveaxis(np.asarray(array, dtype=float), axis, 0)
    scale = float(np.abs(moved).max(initial=0.0))
    return bool(np.all(np.abs(moved - moved[:1]) <= 1e-12 * scale))


# -- outputs --------------------------------------------------------------------------------------------------------


def out_of_reach(course: Course) -> list[Finding]:
    """Targets that the last activation can never give; outputs that are the same whatever comes in."""
    for operation, output, targets in meetings(course):
        layer = _layer_giving(course, output)
        if operation.function not in {"-", "numpy.subtract"} or layer is None:
            continue
        low, high = REACH[(layer.activation or "").partition(" ")[0]]
        wanted = np.asarray(course.tape.values[targets[0]].array, dtype=float)
        outside = float(np.mean((wanted < low - 0.02) | (wanted > high + 0.02)))
        site, made = course.site(operation.site), _computed(course, layer, output)
        if outside < UNREACHED or site is None or made is None:
            continue
        reach = f"between {low:g} and {high:g}" if np.isfinite(high) else "never below zero"
        finding = Finding(
            code="SC505",
            severity="warning",
            title=f"{outside:.0%} of the targets are out of the output's reach",
            message=f"the output is a {layer.activation}, {reach}; the targets go from {wanted.min():.3g} to "
            f"{wanted.max():.3g}: scale them, or leave the last activation out",
            location=span_of(site),
            cause=span_of(made),
            layer=layer.index,
            trail=(TrailStep(span_of(site), "here output and targets meet"),),
        )
        return [finding]
    return []


def _computed(course: Course, layer: Layer, output: int) -> Site | None:
    """Where the network's output is computed; not in a function that is handed what it shall be the activation of.

    A function such as that is no one's mistake: it may well be right for other layers, or for other targets.
    """
    site, made = course.site_of(output), course.producer(output)
    if made is None or site is None or layer.weighted is None:
        return site
    weighted, summed = course.site_of(layer.weighted), course.producer(layer.weighted)
    if weighted is None or summed is None or in_one_function(site, weighted):
        return site
    outside = outside_of(course.tape, made, output)
    if outside is None or not (in_one_function(outside, weighted) or outside_of(course.tape, summed, layer.weighted)):
        return weighted
    return outside


def _layer_giving(course: Course, output: int) -> Layer | None:
    """The layer whose activation is an output of the network."""
    array = course.tape.values[output].array
    for layer in course.layers.layers.values():
        kind = (layer.activation or "").partition(" ")[0]
        if layer.weighted is None or kind not in REACH or course.layers.depth[output] != layer.index:
            continue
        z = course.tape.values[layer.weighted].array
        given = activation_values(np.asarray(z, dtype=float)).get(layer.activation or "")
        if given is not None and array is not None and np.shape(array) == given.shape and np.allclose(array, given):
            return layer
    return None


def constant_output(course: Course) -> list[Finding]:
    """Outputs divided by themselves: a normalisation over an axis of length one."""
    for _, output, _ in meetings(course):
        for value in sorted(course.replay.ancestors([output]), reverse=True):
            operation = course.producer(value)
            if operation is None or operation.function not in {"/", "numpy.divide"} or not _by_itself(course, value):
                continue
            site = course.site(operation.site)
            same = list(course.tape.made_at(operation.site or 0))
            if site is None or not all(_by_itself(course, o.result) for o in same):
                continue
            if course.tape.values[output].shape != course.tape.values[value].shape:
                continue
            return [
                Finding(
                    code="SC506",
                    severity="error",
                    title="the output is 1, whatever comes in",
                    message=f"`{shown(site.text)}` divides each number by itself, since the axis of the sum has length "
                    "one: a softmax of one unit says nothing; a single output wants a sigmoid",
                    location=span_of(site),
                    cause=span_of(site),
                    layer=course.layers.depth[value] or None,
                )
            ]
    return []


def _by_itself(course: Course, value: int) -> bool:
    """Whether a quotient is of an array that varies and its own sum over nothing."""
    operation = course.producer(value)
    if operation is None or len(operation.arguments) != 2:
        return False
    first, second = operation.arguments
    if not isinstance(first, Ref) or not isinstance(second, Ref):
        return False
    above, below = course.tape.values[first.value], course.tape.values[second.value]
    if above.shape != below.shape or above.size < 2 or above.array is None or below.array is None:
        return False
    varies = not np.all(above.array == np.ravel(above.array)[0])
    summed = first.value in course.replay.ancestors([second.value])
    return bool(varies and summed and np.array_equal(above.array, below.array))


__all__ = ["REACH", "UNREACHED", "constant_output", "equal_units", "out_of_reach", "saturated"]
