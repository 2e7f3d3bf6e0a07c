"""What the nearest reference network says of a quantity: its signature, the shape that follows, and the user's own."""

from __future__ import annotations

from shapecheck.diagnose.crash import Crash, show
from shapecheck.network.layers import Layers, is_turned
from shapecheck.trace.sites import Kind
from shapecheck.trace.tape import Shape


def reference_note(crash: Crash, layers: Layers) -> str:
    """One sentence for a shape error of a dense layer; empty where the quantity's role is not certain."""
    if layers.tape is not crash.tape or crash.site is None:
        return ""
    try:
        if crash.code == "SC103":
            return _of_update(crash, layers)
        if crash.code == "SC101":
            return _of_product(crash, layers)
    except ValueError:
        return ""  # the layer is none that the reference networks have
    return ""


def _sizes(layers: Layers, index: int, weight: Shape) -> tuple[int, int] | None:
    """(inputs, outputs) of a layer, by the neighbours' sizes where both orders could be meant."""
    forward = layers.forward_turned.get(index)
    if len(weight) != 2 or forward is None:
        return None
    rows, columns = weight[::-1] if forward else weight
    return (columns, rows) if layers.layout == "features-first" else (rows, columns)


def _sentence(layers: Layers, role: str, index: int, own: Shape | None, yours: Shape, batch: int) -> str:
    from reference_nets.nearest import nearest_network
    from reference_nets.roles import shape_of_role

    weight = layers.layers[index].shapes[0]
    sizes = _sizes(layers, index, weight)
    if sizes is None:
        return ""
    wanted = shape_of_role(role, layers.layout, inputs=sizes[0], outputs=sizes[1], batch=batch, own=own)
    if wanted.shape == yours:
        return ""
    activations = [layer.activation for _, layer in sorted(layers.layers.items())]
    network = nearest_network(layout=layers.layout, activations=activations)
    return (
        f"layer {index} corresponds to one of reference_nets.{network.name}, whose `{role}` is {wanted.signature}, "
        f"here {show(wanted.shape)}; yours is {show(yours)}"
    )


def _of_update(crash: Crash, layers: Layers) -> str:
    root = layers.root[crash.values[0]]
    index = layers.layer_of.get(root)
    if index is None or len(crash.operands) < 2 or index not in layers.layers:
        return ""
    own = layers.tape.values[root].shape
    is_weight = own == layers.layers[index].shapes[0]
    return _sentence(layers, "dW" if is_weight else "db", index, own, crash.operands[1].shape, 1)


def _of_product(crash: Crash, layers: Layers) -> str:
    site = crash.site
    if site is None or site.kind not in {Kind.BINARY, Kind.CALL} or len(crash.values) != 2 or len(crash.operands) != 2:
        return ""
    weights = [i for i, v in enumerate(crash.values) if layers.root[v] in layers.layer_of]
    if len(weights) != 1:
        return ""
    place = weights[0]
    index = layers.layer_of[layers.root[crash.values[place]]]
    if index not in layers.layers or layers.root[crash.values[place]] not in layers.weights:
        return ""
    backward = is_turned(layers.tape, crash.values[place]) != layers.forward_turned.get(index)
    other = crash.operands[1 - place].shape
    if not backward or not other:
        return ""
    batch = other[0] if layers.layout == "batch-first" else other[-1]
    return _sentence(layers, "dZ", index, None, other, batch)
