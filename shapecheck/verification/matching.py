"""From what a call returned and changed to pairs of gradients and parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called
from shapecheck.verification.capture import Candidate
from shapecheck.verification.errors import PairingError
from shapecheck.verification.names import looks_like_loss, looks_like_rate, marks_gradients, words
from shapecheck.verification.pairing import (
    Pair,
    Pairing,
    are_brothers,
    is_called_data,
    is_called_parameter,
    leaf_name,
    likeness,
    may_be_parameter,
)
from shapecheck.verification.specification import Specification
from shapecheck.verification.state import Leaf

Influences = Callable[[Leaf], bool]
Agrees = Callable[[Candidate, Leaf], bool]


class Matching:
    """Finds the pairs of one call.

    Args:
        bench: The call.
        specification: What the user said.
        candidates: What the call returned and changed.
        influences: Whether the loss depends on a leaf.
        agrees: Whether a gradient is the derivative by a leaf, numerically; the last resort.
        loss: Its value, by which it is known among what is returned.
        has_rate: Whether the program has a learning rate, so that a returned `W1` may be an updated one.

    Attributes:
        pairs: The result.
        dropped: Named pairs that are no parameters: intermediate values.
    """

    def __init__(
        self,
        bench: Bench,
        specification: Specification,
        candidates: Sequence[Candidate],
        influences: Influences,
        agrees: Agrees,
        *,
        has_rate: bool,
        loss: Any,
    ) -> None:
        self.bench = bench
        self.specification = specification
        self.influences = influences
        self.agrees = agrees
        self.has_rate = has_rate
        self.loss = loss
        self.pairs: list[Pair] = []
        self.dropped: list[Pair] = []
        self.returned = [c for c in candidates if c.origin == "returned" and not self._is_loss(c)]
        self.left = sorted((c for c in candidates if c.origin == "left"), key=lambda c: not c.changed)
        self.applied = [c for c in candidates if c.origin == "applied"]
        stems = {s for c in candidates if c.looks_like_gradient for s in c.stems if s != c.name and s[0] == "g"}
        self.leaves = [
            leaf
            for leaf in bench.before.leaves
            # A gain that is called `g`, or a gate's `gW`, is no gradient where there is a `dg`.
            if (may_be_parameter(leaf) or leaf_name(leaf.keys) in stems) and not _is_rate(leaf)
        ]
        if specification.parameters:
            self.leaves = [leaf for leaf in self.leaves if self._is_listed(leaf)]

    def find(self) -> list[Pair]:
        """All pairs: told, by name, by number, by position, by shape, by value, by what was updated.

        Raises:
            PairingError: There are none, or a gradient fits several parameters.
        """
        self._updated_values()
        pairing = Pairing([*self.returned, *self.left], self.leaves)
        self._told(pairing)
        pairing.by_counting()
        pairing.by_names()
        self._keep(pairing)
        self._unnamed(pairing)
        self._changed_parameters()
        nothing = not (self.pairs or self.returned or self.left or self.dropped)
        if (nothing and self.has_rate) or (self.pairs and all(p.how == "from its change" for p in self.pairs)):
            self._unmoved_parameters()
        if not self.pairs:
            raise PairingError(self._nothing_found(), considered=pairing.considered())
        return self.pairs

    def _is_loss(self, candidate: Candidate) -> bool:
        if candidate.value.size != 1 or np.size(self.loss) != 1:
            return False
        if looks_like_loss(candidate.name) and not candidate.looks_like_gradient:
            return True
        return not candidate.name and bool(np.isclose(candidate.value.item(), np.asarray(self.loss).item(), rtol=1e-9))

    def _is_listed(self, leaf: Leaf) -> bool:
        wanted = self.specification.parameters
        ways = [(leaf.path, leaf.keys), *leaf.aliases]
        return any(
            path in wanted
            or path.removeprefix("self.") in wanted
            or leaf_name(keys) in wanted
            or any(isinstance(key, str) and key in wanted for key in keys)
            for path, keys in ways
        )

    def _told(self, pairing: Pairing) -> None:
        for gradient_name, parameter_name in self.specification.pairs.items():
            gradient = next(
                (c for c in pairing.unpaired if gradient_name in {c.label, c.name, c.label.removeprefix("self.")}), None
            )
            leaf = self.bench.before.find(parameter_name)
            if gradient is None or leaf is None:
                missing = f"gradient `{gradient_name}`" if gradient is None else f"parameter `{parameter_name}`"
                names = [c.label for c in pairing.unpaired] if gradient is None else [p.path for p in self.leaves]
                listed = ", ".join(f"`{name}`" for name in names[:12]) or "none"
                raise PairingError(f"pairs= names the {missing}, which is not there; there are {listed}", considered=())
            if leaf not in pairing.free:
                pairing.free.append(leaf)
            pairing.take(gradient, leaf, "as told")

    def _keep(self, pairing: Pairing) -> None:
        """Keep what was paired by name, except intermediate values (`dZ1` with `cache["Z1"]`)."""
        for pair in pairing.pairs:
            leaf = pair.parameter
            if pair.gradient.origin == "left" and not pair.gradient.changed and not np.any(pair.gradient.value):
                continue
            trusted = pair.how == "as told" or self.specification.parameters or is_called_parameter(leaf)
            if trusted or leaf_is_input(self.bench, leaf) or self.influences(leaf):
                self.pairs.append(pair)
            else:
                self.dropped.append(pair)

    def _unnamed(self, pairing: Pairing) -> None:
        returned_named = any(pair.gradient.origin == "returned" for pair in self.pairs)
        dropped = {id(pair.gradient) for pair in self.dropped}
        waiting = [
            c
            for c in pairing.unpaired
            if c.origin == "returned"
            and id(c) not in dropped
            and (not c.name or marks_gradients(c.name) or not returned_named or id(c) in pairing.ambiguous)
        ]
        if not returned_named and any(pair.gradient.origin == "left" for pair in self.pairs) and self.bench.loss:
            waiting = [c for c in waiting if c.looks_like_gradient]
        if self.applied:  # a training step that also returns a number: the loss after it, an accuracy
            waiting = [c for c in waiting if c.value.ndim or c.name]
        if self.bench.is_layer:
            waiting = self._by_inputs(waiting)
        if not waiting:
            return
        taken = {id(pair.parameter) for pair in self.pairs}
        free = [leaf for leaf in pairing.free if id(leaf) not in taken]
        called_so = [
            leaf for leaf in free if is_called_parameter(leaf) and (leaf.array.ndim or not leaf.is_whole_number)
        ]
        free = [leaf for leaf in free if leaf.array.dtype.kind == "f"]
        local = [leaf for leaf in called_so if leaf.local]
        for among in (local, called_so, [leaf for leaf in free if not is_called_data(leaf)]):
            attempt = Pairing(waiting, among)
            if self._settle(attempt):
                self.pairs += [p for p in attempt.pairs if self._matters(p) and self._is_meant(p, returned_named)]
                return
        attempt = Pairing(waiting, free)
        attempt.by_shapes()
        if not attempt.unpaired and all(self.agrees(p.gradient, p.parameter) for p in attempt.pairs):
            self.pairs += attempt.pairs  # a parameter that is called like data
            return
        attempt.pairs = list(self.pairs)
        attempt.unpaired = waiting
        attempt.ambiguous |= pairing.ambiguous
        unnamed = [c for c in waiting if c.name == "" and not returned_named]
        if unnamed or any(c.looks_like_gradient or id(c) in pairing.ambiguous for c in waiting):
            raise PairingError(self._cannot_decide(attempt), considered=attempt.considered())

    def _is_meant(self, pair: Pair, returned_named: bool) -> bool:
        """Whether a result without a name, beside gradients that have one, is a gradient too and no last state."""
        return (
            not returned_named
            or bool(pair.gradient.name)
            or is_called_parameter(pair.parameter)
            or self.agrees(pair.gradient, pair.parameter)
        )

    def _matters(self, pair: Pair) -> bool:
        return pair.parameter.array.ndim == 0 or is_called_parameter(pair.parameter) or self.influences(pair.parameter)

    def _settle(self, attempt: Pairing) -> bool:
        """Position, shape, and last the numbers themselves."""
        if attempt.by_position():
            if all(self.agrees(p.gradient, p.parameter) for p in attempt.pairs) or not self._reversed(attempt):
                return True
        else:
            attempt.by_shapes()
            self._by_numbers(attempt)
            if len(attempt.unpaired) == 1 and not attempt.ambiguous.get(id(attempt.unpaired[0])):
                alike = [leaf for leaf in attempt.free if self._is_sibling(leaf, attempt)]
                if len(alike) == 1:
                    attempt.take(attempt.unpaired[0], alike[0], "as the only one left")
        return not attempt.unpaired

    def _is_sibling(self, leaf: Leaf, attempt: Pairing) -> bool:
        others = [pair.parameter for pair in (*attempt.pairs, *self.pairs)]
        return is_called_parameter(leaf) and (
            not others or any(leaf.keys[:-1] == other.keys[:-1] or leaf.keys[:1] == other.keys[:1] for other in others)
        )

    def _reversed(self, attempt: Pairing) -> bool:
        """Gradients collected from the last layer to the first: taken so only if the numbers agree."""
        gradients = [pair.gradient for pair in attempt.pairs]
        leaves = [pair.parameter for pair in attempt.pairs][::-1]
        if any(g.value.shape != leaf.shape for g, leaf in zip(gradients, leaves, strict=True)):
            return False
        if not all(self.agrees(g, leaf) for g, leaf in zip(gradients, leaves, strict=True)):
            return False
        attempt.pairs = [Pair(g, leaf, "last layer first") for g, leaf in zip(gradients, leaves, strict=True)]
        return True

    def _by_numbers(self, attempt: Pairing) -> None:
        """Pair gradients and parameters of one shape by which derivative each gradient is."""
        for gradient in list(attempt.unpaired):
            leaves = [leaf for leaf in attempt.free if leaf.shape == gradient.value.shape]
            agreeing = [leaf for leaf in leaves if self.agrees(gradient, leaf)]
            if len(agreeing) == 1:
                attempt.take(gradient, agreeing[0], "by number")
        for gradient in list(attempt.unpaired):  # one wrong gradient left over belongs to the one parameter left over
            leaves = [leaf for leaf in attempt.free if leaf.shape == gradient.value.shape and is_called_parameter(leaf)]
            rivals = [g for g in attempt.unpaired if g.value.shape == gradient.value.shape]
            if len(leaves) == 1 and len(rivals) == 1:
                attempt.take(gradient, leaves[0], "as the only one left")

    def _by_inputs(self, waiting: list[Candidate]) -> list[Candidate]:
        """In the vector-Jacobian form, an unnamed result is the derivative by the forward pass's inputs, in order."""
        taken = {id(pair.parameter) for pair in self.pairs}
        inputs = [
            leaf
            for leaf in self.bench.before.leaves
            if id(leaf) not in taken and leaf.array.dtype.kind == "f" and leaf_is_input(self.bench, leaf)
        ]
        rest: list[Candidate] = []
        for gradient in waiting:
            best = max(inputs, key=lambda leaf: likeness(gradient, leaf), default=None)
            if best is None or likeness(gradient, best) == 0:
                best = next((leaf for leaf in inputs if leaf.shape == gradient.value.shape), None)
            if best is None and len(waiting) == 1 and len(inputs) == 1:
                best = inputs[0]
            if best is None:
                rest.append(gradient)
            else:
                inputs.remove(best)
                self.pairs.append(Pair(gradient, best, "what is returned, with what forward is given"))
        return [c for c in rest if c.looks_like_gradient]

    def _updated_values(self) -> None:
        """Where there is a learning rate, a returned `W1` without any mark is the updated parameter."""
        if not self.has_rate:
            return
        for candidate in list(self.returned):
            if not candidate.name or candidate.looks_like_gradient:
                continue
            same = [leaf for leaf in self.leaves if words(leaf_name(leaf.keys)) == words(candidate.name)]
            same = [leaf for leaf in same if leaf.shape == candidate.value.shape]
            if len(same) == 1 and leaf_name(same[0].keys) == candidate.name:
                self.returned.remove(candidate)
                self.pairs.append(Pair(candidate, same[0], "from its change"))
                candidate.origin = "applied"

    def _changed_parameters(self) -> None:
        taken = {id(pair.parameter) for pair in self.pairs}
        stored = [p for p in self.pairs if p.how != "from its change" and not is_called_data(p.parameter)]
        if stored and not self.bench.is_layer:
            return  # stored gradients, and updates made of them
        inputs = {id(leaf) for leaf in self.leaves if leaf_is_input(self.bench, leaf)}
        for candidate in self.applied:
            leaf = candidate.place
            if leaf is None or id(leaf) in taken or id(leaf) in inputs or leaf not in self.leaves:
                continue
            if self.influences(leaf):
                taken.add(id(leaf))
                self.pairs.append(Pair(candidate, leaf, "from its change"))

    def _unmoved_parameters(self) -> None:
        """A training step may leave a parameter where it is: its gradient is zero here, but need not be elsewhere."""
        moved = [pair.parameter for pair in self.pairs]
        for leaf in self.leaves:
            if not leaf.array.ndim or leaf.array.dtype.kind != "f" or not is_called_parameter(leaf):
                continue
            brothers = any(are_brothers(leaf, other) for other in moved)
            if leaf not in moved and (not moved or (brothers and self.influences(leaf))):
                still = Candidate(leaf.path, leaf.keys, np.array(leaf.value), "applied", changed=False, place=leaf)
                self.pairs.append(Pair(still, leaf, "from its change"))

    # --- what to say ---------------------------------------------------------------------------------------------

    def _nothing_found(self) -> str:
        name = called(self.bench.function)
        seen = ", ".join(f"`{c.label}`" for c in (*self.returned, *self.left))
        seen = seen or "nothing that could be one: is its `return` missing?"
        dropped = "".join(
            f"\n  `{p.gradient.label}` fits `{p.parameter.path}`, but the loss does not depend on it"
            for p in self.dropped
        )
        arrays = ", ".join(f"`{leaf.path}` {leaf.shape}" for leaf in self.leaves if leaf.array.ndim)[:400] or "none"
        return (
            f"no gradient of `{name}` could be paired with a parameter{dropped}\n"
            f"  it returned or left  {seen}\n"
            f"  parameters may be    {arrays}\n"
            f'  help    name them alike (`dW1`, `W1`), or say which: `@verify(..., pairs={{"gradient": "parameter"}})`'
        )

    def _cannot_decide(self, attempt: Pairing) -> str:
        lines = "\n".join(f"  {line}" for line in attempt.considered())
        return (
            f"it is not clear which parameters the gradients of `{called(self.bench.function)}` belong to\n"
            f"  considered:\n{lines}\n"
            f"  help    return them under names (`return dW1, db1` or a dict), or say which: "
            f'`@verify(..., pairs={{"gradient": "parameter"}})`'
        )


def _is_rate(leaf: Leaf) -> bool:
    return not leaf.array.ndim and looks_like_rate(leaf_name(leaf.keys))


def leaf_is_input(bench: Bench, leaf: Leaf) -> bool:
    """Whether a leaf is an argument of the forward pass in the vector-Jacobian form."""
    if not bench.is_layer:
        return False
    keys = [leaf.keys, *(keys for _, keys in leaf.aliases)]
    return any(k[0] in bench.input_names for k in keys) or any(leaf.value is value for value in bench.inputs.values())
