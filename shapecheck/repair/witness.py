"""What a run shows of the network besides its gradients: what one edit may have cut off and another keeps."""

from __future__ import annotations

from dataclasses import dataclass

from shapecheck.network.dependence import Dependence
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.tape import Tape


@dataclass(frozen=True)
class Witness:
    """Counts to compare edited programs by.

    Attributes:
        parameters: How many arrays are updated.
        entries: How many numbers they hold together.
        connected: Pairs of parameters such that the first takes part in the update of the second.
        leaves: How many of the program's other arrays (data, targets) the updates depend on.
    """

    parameters: int = 0
    entries: int = 0
    connected: int = 0
    leaves: int = 0


def witness(tape: Tape) -> Witness:
    """Count what a tape shows of its first training step."""
    parameters = find_parameters(tape, most_updates=1)
    if not parameters:
        return Witness()
    dependence = Dependence(tape)
    for operation in tape.operations:
        dependence.advance(operation)
    everything = 0
    connected = 0
    for parameter in parameters:
        mask = dependence.masks[parameter.updates[0].change]
        everything |= mask
        connected += sum(bool(mask & dependence.masks[other.updates[0].old]) for other in parameters)
    entries = sum(tape.values[p.updates[0].old].size for p in parameters)
    return Witness(len(parameters), entries, connected, everything.bit_count())
