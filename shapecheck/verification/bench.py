"""One call of a backward pass held fast: its state can be put back, its parameters moved, its loss evaluated again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.objective import contract
from shapecheck.verification.boxes import ArrayBox
from shapecheck.verification.calling import fill, first_number, parameters_of, silence
from shapecheck.verification.capture import Candidate, left_candidates, returned_candidates
from shapecheck.verification.reach import plain_function
from shapecheck.verification.source import return_labels
from shapecheck.verification.state import Leaf, Snapshot, State

Values = Mapping[str, Any]


class Bench:
    """A backward pass with its arguments, and how the loss is computed beside it.

    Args:
        function: The user's backward pass.
        bound: The arguments of the call, defaults applied.
        owner: The object or class whose method it is; None for a function.
        loss: Computes the loss; None in the vector-Jacobian form.
        forward: The forward pass; None where the loss needs none.
        inputs: Arguments of the forward pass, where they are not backward's own.
        cotangents: In the vector-Jacobian form, for each argument of backward that is a cotangent: its value.
        own_loss: The way to the loss in what `function` itself returns.

    Attributes:
        before: The state that the call starts from.
        start: Its contents.
        moved: The random generators that the last evaluation of the loss used.
        last_output, last_loss: What the forward pass and the loss returned that `differentiate` ran last.
        leaves: By name, the parameters that are compared.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        bound: inspect.BoundArguments,
        owner: Any,
        *,
        loss: Callable[..., Any] | None = None,
        forward: Callable[..., Any] | None = None,
        inputs: tuple[tuple[Any, ...], dict[str, Any]] | None = None,
        own_loss: tuple[Any, ...] | None = None,
    ) -> None:
        self.function = function
        self.plain = plain_function(function)
        self.bound = bound
        self.arguments: dict[str, Any] = dict(bound.arguments)
        self.owner = owner
        self.loss = loss
        self.forward = forward
        self.own_loss = own_loss
        self.inputs = _named_inputs(forward, inputs)
        own_names = {p.name for p in parameters_of(forward)} & self.arguments.keys() if forward is not None else set()
        self.input_names = set(self.inputs) or own_names
        self.cotangents: dict[str, Any] = {}
        self.outputs_of: dict[str, tuple[Any, ...]] = {}  # cotangent argument -> way to its output
        self._fresh_from: dict[str, tuple[Any, ...]] = {}  # other argument -> way to it in forward's result
        self._functions = [f for f in (function, loss, forward) if f is not None]
        self.before = State(self.arguments, self._functions, self.inputs)
        self.start = Snapshot(self.before.boxes, self.before.generators)
        self.leaves: dict[str, Leaf] = {}
        self._drift: list[tuple[Any, Any]] | None = None
        self._viewed: set[int] = set()
        self.fresh: dict[str, Any] = {}
        self.moved: list[str] = []
        self.last_output: Any = None
        self.last_loss: Any = None

    @property
    def is_layer(self) -> bool:
        """Whether the forward pass's own output is differentiated (vector-Jacobian form), not a loss of it."""
        return self.forward is not None and self.loss is None

    # --- running the user's code ------------------------------------------------------------------------------

    def call_backward(self, arguments: Mapping[str, Any] | None = None) -> Any:
        """Call the backward pass with the arguments as they are now, or with others."""
        bound = inspect.BoundArguments(self.bound.signature, dict(arguments or self.arguments))
        return self.function(*bound.args, **bound.kwargs)

    def call_forward(self) -> Any:
        """Run the forward pass and remember what it returns for the loss and for the backward pass."""
        assert self.forward is not None
        known = {**self.arguments, **self.inputs}
        args, kwargs = fill(self.forward, known, owner=self.owner, role="forward pass")
        return self.forward(*args, **kwargs)

    def evaluate(self) -> Any:
        """The loss at the state as it is; refreshes what backward is given from the forward pass."""
        self.fresh = dict(self.arguments)
        if self.own_loss is not None:
            return follow(self.call_backward(), self.own_loss)
        outputs: tuple[Any, ...] = ()
        known: dict[str, Any] = self.arguments
        if self.forward is not None:
            result = self.call_forward()
            self.last_output = result
            outputs = result if isinstance(result, tuple) else (result,)
            labels = self._labels(result)
            for name, way in self._fresh_from.items():
                self.fresh[name] = follow(result, way)
            known = {**self.arguments, **self.inputs, **{k: follow(result, way) for k, way in labels.items()}}
            known.update({name: self.fresh[name] for name in self._fresh_from})
            if self.cotangents:
                return sum(
                    contract(follow(result, self.outputs_of[name]), value) for name, value in self.cotangents.items()
                )
            if self.loss is None:
                return first_number(result)
        assert self.loss is not None
        args, kwargs = fill(self.loss, known, owner=self.owner, outputs=outputs)
        return first_number(self.loss(*args, **kwargs))

    def _labels(self, result: Any) -> dict[str, tuple[Any, ...]]:
        plain = plain_function(self.forward)
        labels = return_labels(plain, result) if plain is not None else None
        if isinstance(labels, str):
            return {labels: ()}
        if isinstance(labels, list) and isinstance(result, tuple | list) and len(labels) == len(result):
            return {label: (index,) for index, label in enumerate(labels) if isinstance(label, str)}
        return {}

    def learn_what_forward_gives(self) -> None:
        """Find which of backward's arguments come from the forward pass: by name, and by being equal to its result.

        Run at the start state, where a second forward pass gives what the first one gave.
        """
        if self.forward is None:
            return
        with silence():
            result = self.call_forward()
        labels = self._labels(result)
        for name, value in self.arguments.items():
            if name == "self" or value is self.owner or name in self.cotangents:
                continue
            if name in labels and _alike(follow(result, labels[name]), value):
                self._fresh_from[name] = labels[name]
                continue
            way = _find_equal(result, value)
            if way is not None and not any(value is item for item in self.inputs.values()):
                self._fresh_from[name] = way
        self.restore()

    # --- moving parameters --------------------------------------------------------------------------------------

    def restore(self) -> None:
        """The state that the call started from, random generators included."""
        self.start.restore()
        self.before.forget_replacements()

    def choose(self, leaves: Mapping[str, Leaf]) -> None:
        """Say which leaves are the parameters."""
        self.leaves = dict(leaves)
        self._drift = None
        self._viewed = {id(leaf) for leaf in self.leaves.values() if self._has_views(leaf)}

    def _has_views(self, leaf: Leaf) -> bool:
        """Whether another array of the program shares its memory: a tied weight, a transpose that is kept."""
        own = leaf.value
        others = (other.value for other in self.before.leaves if isinstance(other.value, np.ndarray))
        return isinstance(own, np.ndarray) and any(o is not own and np.may_share_memory(o, own) for o in others)

    def values(self, at: Values | None = None) -> dict[str, Any]:
        """The parameters by name, as `gradcheck` takes them: the program's own arrays, numbers as floats.

        Args:
            at: Other values for them. They are put into the program's own arrays.
        """
        if at is None:
            return {name: as_float(leaf) for name, leaf in self.leaves.items()}
        self.install(at)
        return {
            name: leaf.value if isinstance(leaf.value, np.ndarray) and leaf.value.dtype == at[name].dtype else at[name]
            for name, leaf in self.leaves.items()
        }

    def values_with(self, moved: Values) -> dict[str, Any]:
        """All parameters, some of them at other values; copies."""
        return {name: moved.get(name, np.array(value)) for name, value in self.values().items()}

    def install(self, values: Values) -> None:
        """Put `values` where the program keeps the parameters of these names."""
        for name, value in values.items():
            self.put(self.leaves[name], value)

    def put(self, leaf: Leaf, value: Any) -> None:
        """Put `value` where the program keeps `leaf`: into its own array if it fits, so that views of it see it."""
        own = leaf.value
        if not isinstance(own, np.ndarray):
            self.before.replace(leaf, value.item() if getattr(value, "shape", None) == () else value)
            return
        if isinstance(value, np.ndarray) and value.dtype == own.dtype and own.flags.writeable:
            if value is not own:
                np.copyto(own, value)
            value = own
        elif id(leaf) in self._viewed:  # in another array its views would not see it; a complex one does not fit
            np.copyto(own, value, casting="same_kind")
            value = own
        self.before.replace(leaf, value)

    def loss_at(self, values: Values) -> Any:
        """The loss at `values`, from the state that the call started from, with the same random numbers."""
        self._reset()
        held = [(value, value.copy()) for value in values.values() if isinstance(value, np.ndarray)]
        # Other values may be copied into the program's own arrays, which are not to change for the caller.
        own = [(leaf.value, values.get(name)) for name, leaf in self.leaves.items()]
        held += [(array, array.copy()) for array, value in own if isinstance(array, np.ndarray) and value is not array]
        self.install(values)
        with silence():
            result = self.evaluate()
        if self._drift is None:
            arrays = [(box, saved) for box, saved in self.start.changed() if isinstance(box, ArrayBox)]
            # A parameter has been moved, and so have the arrays that are views of it.
            self._drift = [(box, saved) for box, saved in arrays if not self._is_parameter_memory(box.holder)]
        self.moved = self.start.moved_generators()
        self.start.rewind()  # to `gradcheck` the loss uses no generator: its draws are the same each time
        for value, copy in held:  # a training step that returns the loss has moved them
            if not np.array_equal(value, copy, equal_nan=True):
                np.copyto(value, copy)
        return result

    def _is_parameter_memory(self, array: NDArray[Any]) -> bool:
        parameters = (leaf.value for leaf in self.leaves.values() if isinstance(leaf.value, np.ndarray))
        return any(np.may_share_memory(array, parameter) for parameter in parameters)

    def _reset(self) -> None:
        for box, saved in self.start.saved:
            if not isinstance(box, ArrayBox) and not box.same(saved):
                box.restore(saved)
        for box, saved in self._drift or ():
            box.restore(saved)
        self.before.forget_replacements()
        self.start.rewind()

    # --- reading gradients --------------------------------------------------------------------------------------

    def state_after(self, result: Any) -> State:
        """The state that a run of the backward pass left, what it returned included."""
        return State(self.arguments, self._functions, {**self.inputs, "returned": result})

    def read(self, result: Any, after: State | None = None) -> list[Candidate]:
        """What a run of the backward pass returned and left behind, against the start of the call."""
        after = self.state_after(result) if after is None else after
        assert self.plain is not None
        loss = None if self.own_loss is None else follow(result, self.own_loss)
        found = returned_candidates(result, self.plain, self.before, loss)
        left = [c for c in left_candidates(self.before, self.start, after) if c.keys[0] != "returned"]
        # `return self.dW`: the way to it says whose it is, of several `W`.
        kept = {(id(c.value), c.name) for c in left if len(c.keys) > 1 and c.origin == "left"}
        found = [c for c in found if len(c.keys) > 1 or (id(c.value), c.name) not in kept]
        in_result = {id(c.value) for c in found}
        return found + [c for c in left if id(c.value) not in in_result]

    def differentiate(
        self, values: Values, slots: Iterable[Leaf] = (), *, refresh: bool, rate: tuple[Leaf, float] | None = None
    ) -> Any:
        """Run the backward pass at `values`, from the state that the call started from.

        Args:
            values: Parameters by name; copies, not the program's own arrays.
            slots: Where it leaves gradients; zeroed first, so that one that adds to what is there can be read.
            refresh: Whether to run the loss (and with it the forward pass) first.
            rate: A learning rate to use instead of the program's.

        Returns:
            What it returned. The state is left as the backward pass left it.
        """
        self.restore()
        self.install({name: np.array(value) for name, value in values.items()})  # it may update them in place
        self.fresh = {}
        with silence():
            if refresh and self.own_loss is None:
                self.last_loss = self.evaluate()
                self.start.rewind()  # a backward pass that runs the forward pass itself draws the same numbers
            self.arguments.update(self.fresh)
            for name, cotangent in self.cotangents.items():
                self.arguments[name] = cotangent.copy() if isinstance(cotangent, np.ndarray) else cotangent
            for slot in slots:
                zero(self.before, slot)
            if rate is not None:
                self.before.replace(*rate)
            return self.call_backward()


def zero(state: State, leaf: Leaf) -> None:
    """Make a leaf zero where it is."""
    if isinstance(leaf.value, np.ndarray):
        if leaf.value.flags.writeable and leaf.value.dtype.kind == "f":
            leaf.value[...] = 0
    elif isinstance(leaf.value, list):
        leaf.value[:] = [0.0] * len(leaf.value)
    else:
        state.replace(leaf, 0.0)


def as_float(leaf: Leaf) -> Any:
    """A leaf as a parameter of a check: its own array, or its numbers as floats."""
    if isinstance(leaf.value, list):
        return np.array(leaf.value, dtype=float)
    return float(leaf.value) if leaf.is_whole_number else leaf.value


def follow(result: Any, way: tuple[Any, ...]) -> Any:
    """The part of a result at the end of a way of indices and keys."""
    for key in way:
        result = getattr(result, key) if isinstance(key, str) and hasattr(result, "_fields") else result[key]
    return result


def _named_inputs(forward: Any, inputs: tuple[tuple[Any, ...], dict[str, Any]] | None) -> dict[str, Any]:
    if forward is None or inputs is None:
        return {}
    args, kwargs = inputs
    try:
        bound = inspect.signature(forward).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return {}
    return dict(bound.arguments)


def _alike(fresh: Any, given: Any) -> bool:
    if isinstance(given, np.ndarray):
        return bool(getattr(fresh, "shape", None) == given.shape)
    if isinstance(given, tuple | list | dict):
        return isinstance(fresh, type(given)) and len(fresh) == len(given)
    return type(fresh) is type(given) or isinstance(given, float | np.floating)


def _find_equal(result: Any, value: Any, depth: int = 0) -> tuple[Any, ...] | None:
    """The way to something in `result` that equals `value`; scalars and empty things do not count."""
    if _equal(result, value):
        return ()
    if depth < 2 and isinstance(result, tuple | list | dict):
        items = result.items() if isinstance(result, dict) else enumerate(result)
        for key, item in items:
            rest = _find_equal(item, value, depth + 1)
            if rest is not None:
                return (key, *rest)
    return None


def _equal(a: Any, b: Any, depth: int = 0) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.size > 1 and a.shape == b.shape and bool(np.array_equal(a, b))
    if isinstance(a, tuple | list) and isinstance(b, type(a)) and len(a) == len(b) and depth < 4:
        return len(a) > 0 and all(_part_equal(x, y, depth) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys() and depth < 4:
        return len(a) > 0 and all(_part_equal(a[key], b[key], depth) for key in a)
    return False


def _part_equal(a: Any, b: Any, depth: int) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and bool(np.array_equal(a, b))
    if isinstance(a, tuple | list | dict):
        return len(a) == 0 == len(b) or _equal(a, b, depth + 1) if hasattr(b, "__len__") else False
    return a is b or bool(a == b)
