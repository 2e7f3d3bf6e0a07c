"""What speaks for a loss where a single gradient does not agree with it: how far the backward pass does.

An error times the slope of an activation that the layer does not have is no derivative of any loss. And who computes
the derivative by what goes into an activation follows the loss up to there.
"""

from __future__ import annotations

from shapecheck.diagnose.activation_slopes import recognise
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.trace.operations import PRODUCTS


def has_the_slope_of_another(known: Verdicts, suspect: Suspect, *, supposed: bool) -> bool:
    """Whether what is to blame multiplies the derivative by an output by the slope of another activation.

    A factor of any other kind (a weight of the sample, a step that is shortened) may belong to a loss that is not
    known; `1 - a**2` beside what a sigmoid gave belongs to none.

    Args:
        known: The verdicts of a step.
        suspect: A value that, were it the adjoint that it should be, would set all gradients right.
        supposed: Whether the loss is none that the program computes.
    """
    recorded = known.replay.recorded
    for value in suspect.values:
        product = known.producer(value)
        if product is None or product.function not in PRODUCTS or len(product.inputs) != 2:
            return False
        # The error itself may be part of the loss: its derivative by itself is the error again.
        matches = {
            i: match for i in product.inputs if (match := known.matching.match(i)) is not None and not match.weak
        }
        if len(matches) != 1:
            return False
        ((error, match),) = matches.items()
        slope = next(i for i in product.inputs if i != error)
        made_from = set().union(*(known.ancestors(v) for v in (match.forward, *match.alike)))
        layer = sorted(made_from & known.forward - {error}, reverse=True)
        found = recognise(recorded[slope], [(v, recorded[v]) for v in layer])
        named = {slope.activation for slope in found}
        # Of a loss that is only supposed it may be what is too large, or too small, that counts.
        if named <= ({"relu"} if supposed else set()):
            return False
    return bool(suspect.values)


def follows_up_to_it(known: Verdicts, suspect: Suspect) -> bool:
    """Whether what is to blame is made from the derivative by something between the parameters and the loss.

    What is made from a parameter's own gradient, as the step of Newton's method, is another thing.

    Args:
        known: The verdicts of a step.
        suspect: As above.
    """
    closure = known.matching.adjoints.closure
    for value in suspect.sound or suspect.values:  # later turns are made from wrong ones
        made = known.producer(value)
        operands = [i for i in made.inputs if i not in closure] if made is not None else []
        matches = [m for i in operands if (m := known.matching.match(i)) is not None and not m.weak]
        nodes = [{m.forward, *m.alike} for m in matches]
        if not any(known.forward & n for n in nodes) or any(known.step.olds & n for n in nodes):
            return False
    return bool(suspect.values)


__all__ = ["follows_up_to_it", "has_the_slope_of_another"]
