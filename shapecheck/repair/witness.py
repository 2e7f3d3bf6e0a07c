"""What a run shows of the network besides its gradients: what one edit may have cut off and another keeps."""

from __future__ import annotations

from dataclasses import dataclass

from shapecheck.network.dependence import Dependence
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.tape import Operation, Ref, Tape


@dataclass(frozen=True)
class Witness:
    """Counts to compare edited programs by.

    Attributes:
        parameters: How many arrays are updated.
        entries: How many numbers they hold together.
        connected: Pairs of parameters such that the first takes part in the update of the second.
        leaves: How many of the program's other arrays (data, targets) the updates depend on.
        unlearned: How many arrays are changed by nothing but themselves (`w = w - rate * w`): they forget, and
            learn nothing.
    """

    parameters: int = 0
    entries: int = 0
    connected: int = 0
    leaves: int = 0
    unlearned: int = 0


def witness(tape: Tape) -> Witness:
    """Count what a tape shows of its first training step."""
    parameters = find_parameters(tape, most_updates=1)
    if not parameters:
        return Witness()
    dependence = Dependence(tape)
    sites: set[int] = set()
    for operation in tape.operations:
        dependence.advance(operation)
        if operation.site is not None and _forgets(tape, operation, dependence):
            sites.add(operation.site)
    everything = 0
    connected = 0
    for parameter in parameters:
        mask = dependence.masks[parameter.updates[0].change]
        everything |= mask
        connected += sum(bool(mask & dependence.masks[other.updates[0].old]) for other in parameters)
    entries = sum(tape.values[p.updates[0].old].size for p in parameters)
    return Witness(len(parameters), entries, connected, everything.bit_count(), len(sites))


def _forgets(tape: Tape, operation: Operation, dependence: Dependence) -> bool:
    """Whether an array is changed by a multiple of itself."""
    if operation.function not in {"-", "-=", "+", "+="} or len(operation.arguments) != 2 + (
        operation.function[-1] == "="
    ):
        return False
    old, change = operation.arguments[:2]
    if not isinstance(old, Ref) or not isinstance(change, Ref):
        return False
    value = tape.values[old.value]
    producer = tape.values[change.value].producer
    if producer is None or value.size < 2 or value.dtype[:5] != "float" or change.value == old.value:
        return False
    scaled = tape.operations[producer]
    masks = dependence.masks
    same = masks[change.value] & ~masks[old.value]
    return (
        scaled.function in {"*", "/"}
        and old.value in scaled.inputs
        and not same & _arrays(tape, masks, scaled, old.value)
    )


def _arrays(tape: Tape, masks: list[int], scaled: Operation, old: int) -> int:
    """What the other factor depends on, if it is an array."""
    return next((masks[n] for n in scaled.inputs if n != old and tape.values[n].size > 1), 0)
