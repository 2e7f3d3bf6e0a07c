"""Slopes that are wrong in every layer at once, all from one formula: no gradient agrees with any loss then.

What speaks for a loss in that case is that the whole backward pass follows it once every slope of the one formula is
exchanged for the true one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.verdicts import Verdict, Verdicts
from shapecheck.gradients.matching import EXACT, Match, Standing
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.steps import Loss, Step
from shapecheck.trace.operations import PRODUCTS
from shapecheck.trace.tape import Operation

_MOST_LOSSES = 3
# What works across entries, and so begins or ends a layer.
_ACROSS = frozenset("@ .dot numpy.dot numpy.matmul numpy.einsum getitem .T .sum numpy.sum .mean numpy.mean".split())


@dataclass(frozen=True, slots=True, eq=False)
class _Slope:
    """A slope in the backward pass: where it was used, on which layer, and what it should have been."""

    value: int
    product: Operation
    weighted: int
    wanted: Any


def shared_slopes(
    losses: Sequence[Loss], step: Step, one_formula: bool = False
) -> tuple[Loss, Verdicts, list[Verdict], list[Suspect]] | None:
    """The formula, or the function, whose results are wrong slopes in all layers.

    Args:
        losses: Those that the step may be descending; those that are not credible no gradient agrees with.
        step: The step.
        one_formula: Whether the true slopes have to be such as one formula may give, too.

    Returns:
        The loss that is descended with the true slopes, the judge and its verdicts, and who is to blame: the formula
        where it makes nothing else, each product with its result where it is the activation itself.
    """
    found: list[tuple[bool, tuple[Loss, Verdicts, list[Verdict], list[Suspect]]]] = []
    for loss in [c for c in losses if c.matching is not None][:_MOST_LOSSES]:
        assert loss.matching is not None
        known = Verdicts(loss.matching, step)
        verdicts = known.all()
        weights = [v for v in verdicts if np.ndim(known.matching.adjoints[v.parameter]) > 1]
        # Where a loss is agreed with, the last layer's gradient is right: no slope goes into it.
        apart = any(v.is_right and not v.weak for v in verdicts) and not loss.credible
        if len(weights) < 2 or apart or any(v.proves_nothing for v in verdicts):
            continue
        for site, slopes in _by_formula(known, [v.parameter for v in verdicts]).items():
            if _are_of_layers(known, slopes) and _sets_right(known, slopes, verdicts):
                suspects = _suspects(known, site, slopes, verdicts)
                if _is_one_formula(slopes) or not one_formula:
                    found.append((_is_one_formula(slopes), (loss, known, verdicts, suspects)))
                    break
    return max(found, key=lambda one: one[0])[1] if found else None


def _are_of_layers(known: Verdicts, slopes: Sequence[_Slope]) -> bool:
    """Whether slopes are of more than one layer: those of a single layer, sample by sample, may be another loss's."""
    return len({tuple(known.reached(slope.product.result)) for slope in slopes}) > 1


def _is_one_formula(slopes: Sequence[_Slope]) -> bool:
    """Whether no slope should be one everywhere, as a loss that cancels it has it; the others one formula may give."""
    return not any(np.allclose(np.abs(slope.wanted), 1.0) for slope in slopes)


def _by_formula(known: Verdicts, parameters: Sequence[int]) -> dict[int, list[_Slope]]:
    """The factors of the backward pass that come from the forward pass alone, by the expression that made them."""
    chain = known.chain(parameters)
    standings = known.matching.standings(chain)
    found: dict[int, list[_Slope]] = {}
    for value in chain:
        product = known.producer(value)
        if product is None or product.function not in PRODUCTS or len(product.inputs) != 2:
            continue
        shape = np.shape(known.replay.recorded[value])
        # Where one is known to be a derivative, the other is the slope, whatever it looks like.
        ranks = {i: standings.get(i) for i in product.inputs}
        verified = [i for i in product.inputs if ranks[i] is Standing.VERIFIED]
        carried = verified if len(verified) == 1 else [i for i in ranks if ranks[i] is Standing.UNVERIFIED]
        others = [i for i in ranks if i not in carried and i not in known.matching.adjoints]
        slopes = [i for i in others if verified == carried or ranks[i] is Standing.FORWARD]
        if len(slopes) != 1 or len(carried) != 1 or np.shape(known.replay.recorded[slopes[0]]) != shape or not shape:
            continue
        made = known.producer(slopes[0])
        layer = _layer(known, slopes[0], shape, known.matching.match(carried[0]))
        if made is None or made.site is None or layer is None:
            continue
        activation, weighted = layer
        adjoints = known.matching.adjoints
        with np.errstate(all="ignore"):
            wanted = np.asarray(adjoints[weighted], dtype=float) / np.asarray(adjoints[activation], dtype=float)
        if np.all(np.isfinite(wanted)) and not np.allclose(wanted, known.replay.recorded[slopes[0]], rtol=EXACT):
            found.setdefault(made.site, []).append(_Slope(slopes[0], product, weighted, wanted))
    return found


def _layer(known: Verdicts, slope: int, shape: tuple[int, ...], carried: Match | None) -> tuple[int, int] | None:
    """(the activation's result, the weighted input that it was made from) for what a slope was computed from.

    The result is what the derivative that is `carried` belongs to, where that is known: what a loss does to the output
    entry by entry is no activation.
    """
    closure = known.matching.adjoints.closure
    given = sorted(v for v in known.ancestors(slope) if v in closure and np.shape(known.replay.recorded[v]) == shape)
    if not given:
        return None
    # The slope's argument is the last of them; what it was made from entry by entry, and what is, is the layer.
    together = {given[-1]}
    operations = known.replay.tape.operations
    open_values = [given[-1]]
    while open_values:
        operation = known.producer(open_values.pop())
        if operation is None or operation.function in _ACROSS:
            continue
        # A bias may be as large as what one sample makes of it, and belongs to all samples.
        before = [i for i in operation.inputs if i in closure - known.step.olds]
        before = [i for i in before if np.shape(known.replay.recorded[i]) == shape]
        open_values += [i for i in before if i not in together and i in known.matching.adjoints]
        together.update(i for i in before if i in known.matching.adjoints)
    for operation in operations[known.step.first : known.step.last + 1]:
        after = operation.result in known.matching.adjoints and operation.function not in _ACROSS
        if (
            after
            and not together.isdisjoint(operation.inputs)
            and np.shape(known.replay.recorded[operation.result]) == shape
        ):
            together.add(operation.result)
    own = [v for v in (carried.forward, *carried.alike) if v in together] if carried is not None else []
    return max(own or together), min(together)


def _sets_right(known: Verdicts, slopes: Sequence[_Slope], verdicts: Sequence[Verdict]) -> bool:
    """Whether every gradient follows the loss, all by one factor, once the slopes are what they should be."""
    try:
        outcomes = known.outcomes({s.value: s.wanted for s in slopes})
    except ReplayError:
        return False
    # Of one number alone it cannot be told before the factor of the others is known.
    large = [v for v in verdicts if np.size(known.matching.adjoints[v.parameter]) > 1]
    found = [(v, outcomes.get(v.parameter)) for v in large]
    numbers = [o.factor.number for _, o in found if o is not None and o.times == 1.0]
    # What no slope goes into stays as it is.
    numbers += [v.factor.number for v, _ in found if v.parameter not in outcomes and v.factor is not None]
    return len(numbers) == len(large) and max(numbers) - min(numbers) <= 10 * EXACT * abs(numbers[0])


def _suspects(known: Verdicts, site: int, slopes: Sequence[_Slope], verdicts: Sequence[Verdict]) -> list[Suspect]:
    adjoints = known.matching.adjoints
    tape = known.replay.tape
    everything = tuple(v.parameter for v in verdicts)
    results = tuple(Result(s.value, (s.wanted,), s.product.number) for s in slopes)
    wanted = {s.product.result: (s.weighted, np.asarray(adjoints[s.weighted])) for s in slopes}
    if not any(o.result in adjoints.closure for o in tape.made_at(site)):
        place = slopes[0].product.site or site
        whole = (Target(site, results),)
        blamed = Suspect(place, tuple(wanted), wanted, everything, True, origin=site, slope=True, targets=whole)
        return [blamed]
    found = []
    for slope, result in zip(slopes, results, strict=True):
        value = slope.product.result
        reached = tuple(p for p in known.reached(value) if p in everything)
        targets = (Target(None, (result,)), Target(slope.product.site, (Result(value, (wanted[value][1],)),)))
        found.append(
            Suspect(
                slope.product.site or site, (value,), {value: wanted[value]}, reached, True, slope=True, targets=targets
            )
        )
    return found


__all__ = ["shared_slopes"]
