"""A verified function's own record: when a check is due, and what the checks found."""

from __future__ import annotations

import functools
import inspect
import math
import os
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

from shapecheck.gradients.errors import GradientCheckError
from shapecheck.gradients.result import GradientReport
from shapecheck.verification.bench import Bench
from shapecheck.verification.calling import called, resolve
from shapecheck.verification.capture import loss_in
from shapecheck.verification.check import Check, Outcome
from shapecheck.verification.errors import VerificationError
from shapecheck.verification.forward_inputs import inputs_from_cache, values_at_hand
from shapecheck.verification.partners import forward_of
from shapecheck.verification.reach import adopt, plain_function
from shapecheck.verification.recording import record_global, record_method, recording_of
from shapecheck.verification.source import returns_more
from shapecheck.verification.specification import Specification
from shapecheck.verification.state import Snapshot

_active = threading.local()

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


class VerificationWarning(UserWarning):
    """A check could not be made; the program goes on unchecked."""


def switched_off() -> bool:
    """Whether `SHAPECHECK=off` is set in the environment."""
    return os.environ.get("SHAPECHECK", "").strip().lower() in {"off", "0", "no", "false"}


class Verifier:
    """Counts the calls of a function and checks some of them.

    Args:
        function: The user's backward pass.
        specification: What the user said.
        every: After the first call, check every `every`-th.
        checks: How many checks at most; then a call costs a counter.

    Attributes:
        calls: Calls so far.
        checked: Checks made.
        report: The comparison of the last check, None before the first.
        notes: What the last check had to say besides.
        pairs: For the last check, each gradient's name and its parameter's.
    """

    def __init__(
        self, function: Callable[..., Any], specification: Specification, *, every: int = 100, checks: int = 3
    ) -> None:
        self.function = function
        self.plain = plain_function(function)
        adopt(getattr(self.plain, "__module__", None) or "builtins")
        self.specification = specification
        self.every = every
        self.checks = checks
        self.calls = 0
        self.checked = 0
        self.report: GradientReport | None = None
        self.elsewhere: GradientReport | None = None
        self.notes: list[str] = []
        self.pairs: dict[str, str] = {}
        self._next = 1 if checks > 0 else -1
        self.quiet_from = math.inf if checks > 0 else 0
        self._waiting = False
        self._signature = inspect.signature(function)

    def due(self) -> bool:
        """Whether the next call will be checked."""
        return self.calls + 1 == self._next and not getattr(_active, "checking", False)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function, and check the call if one is due."""
        if getattr(_active, "checking", False):
            return self.function(*args, **kwargs)
        self.calls += 1
        if self.calls != self._next:
            return self.function(*args, **kwargs)
        if switched_off():
            self._next = self.calls + self.every
            return self.function(*args, **kwargs)
        return self._checked_call(args, kwargs)

    def _checked_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return self.function(*args, **kwargs)  # the user's own mistake: let it speak
        bound.apply_defaults()
        owner = self._owner(bound)
        bench = self._bench(bound, owner)
        if bench is None or not bench.before.complete:
            if bench is not None:
                self._warn("the arguments hold too many objects to be put back after a check")
            self._next = self.calls + 1
            return self.function(*args, **kwargs)
        result = bench.call_backward()
        self._schedule()
        after = bench.state_after(result)
        known = {id(box.holder) for box in after.boxes}
        boxes = [*after.boxes, *(box for box in bench.before.boxes if id(box.holder) not in known)]
        end = Snapshot(boxes, after.generators, bench.start)
        _active.checking = True
        try:
            self._check(bench, result, after)
        finally:
            _active.checking = False
            end.restore()
        return result

    def _schedule(self) -> None:
        self.checked += 1
        more = self.checked < self.checks and self.every > 0
        self._next = self.calls + self.every if more else -1
        self.quiet_from = math.inf if more else self.calls - 1

    def _check(self, bench: Bench, result: Any, after: Any) -> None:
        if bench.loss is None and bench.forward is None:
            bench.own_loss = loss_in(result, bench.plain) if bench.plain is not None else None
            if bench.own_loss is None and bench.plain is not None and returns_more(bench.plain, result):
                # `if y is None: return scores`: this call was no backward pass.
                self.checked, self._next, self.quiet_from = self.checked - 1, self.calls + 1, math.inf
                return
            if bench.own_loss is None:
                raise VerificationError(self._no_loss(), role="loss")
        try:
            outcome = Check(self.specification, bench).run(result, after)
        except GradientCheckError:
            raise
        except Exception as error:  # ours: it must not stop a program that was running
            self._warn(f"the check itself failed with {type(error).__name__}: {error}")
            return
        self._keep(outcome)

    def _keep(self, outcome: Outcome) -> None:
        self.report = outcome.report
        self.elsewhere = outcome.elsewhere
        self.notes = outcome.notes
        self.pairs = {pair.gradient.label: pair.parameter.path for pair in outcome.pairs}

    def _warn(self, why: str) -> None:
        warnings.warn(f"`{called(self.function)}` was not checked: {why}", VerificationWarning, stacklevel=5)

    def _owner(self, bound: inspect.BoundArguments) -> Any:
        """The object whose method this is: what a method's first argument holds."""
        first = next(iter(bound.arguments), None)
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        if isinstance(function, types.MethodType):
            return function.__self__
        if first in {"self", "cls"}:
            return bound.arguments[first]
        qualname = getattr(self.plain, "__qualname__", "").rpartition("<locals>.")[2]
        if first is not None and "." in qualname:
            value = bound.arguments[first]
            owner_class = qualname.rpartition(".")[0].rpartition(".")[2]
            kinds = value.__mro__ if isinstance(value, type) else type(value).__mro__
            return value if any(base.__name__ == owner_class for base in kinds) else None
        return None

    def _bench(self, bound: inspect.BoundArguments, owner: Any) -> Bench | None:
        said = self.specification
        namespace = self.plain.__globals__ if self.plain is not None else {}
        loss = None if said.loss is None else resolve(said.loss, owner, namespace, "loss")
        forward: Callable[..., Any] | None = None
        if said.forward is not None:
            forward = resolve(said.forward, owner, namespace, "forward")
        elif loss is None:
            forward = self._sibling(owner, namespace)
        inputs: Inputs | None = None
        if forward is not None and not self._callable_with(forward, bound):
            inputs = self._inputs(forward, bound, owner)
            if inputs is None:
                return None
        elif forward is not None:
            inputs = self._recorded(forward, owner)
        return Bench(self.function, bound, owner, loss=loss, forward=forward, inputs=inputs)

    def _sibling(self, owner: Any, namespace: dict[str, Any]) -> Any:
        """The forward pass that goes with a backward pass of this name, if one gives derivatives to the other."""
        name = called(self.function)
        found = forward_of(name, lambda other: getattr(owner, other, None) or namespace.get(other))
        return found if found is not None and found is not self.function else None

    def _callable_with(self, forward: Callable[..., Any], bound: inspect.BoundArguments) -> bool:
        parameters = inspect.signature(forward).parameters.values()
        names = [p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD,)]
        return all(name in bound.arguments for name in names)

    def _recorded(self, forward: Callable[..., Any], owner: Any) -> Inputs | None:
        recording = recording_of(getattr(forward, "__func__", forward))
        return None if recording is None else recording.last(owner if hasattr(forward, "__self__") else None)

    def _inputs(self, forward: Callable[..., Any], bound: inspect.BoundArguments, owner: Any) -> Inputs | None:
        """What the forward pass was called with: remembered, or found in the cache; None if from the next call on."""
        recorded = self._recorded(forward, owner)
        if recorded is not None:
            return recorded
        arguments = {name: value for name, value in bound.arguments.items() if value is not owner}
        found = inputs_from_cache(forward, arguments)
        if found is not None:
            return found
        missing = [
            p.name
            for p in inspect.signature(forward).parameters.values()
            if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in bound.arguments
        ]
        if owner is not None and all(hasattr(owner, name) for name in missing):
            return (), {name: getattr(owner, name) for name in missing}
        if not self._waiting and self._start_recording(forward, owner):
            self._waiting = True
            return None
        at_hand = values_at_hand(forward, arguments)
        missing = [name for name in missing if name not in at_hand]
        raise VerificationError(
            f"`{called(forward)}` cannot be run again for the check: it needs "
            f"{' and '.join(f'`{name}`' for name in missing)}, which `{called(self.function)}` is not given\n"
            f"  help    keep it in the cache under that name, or pass `forward=` a function of what is at hand",
            role="forward pass",
        )

    def _start_recording(self, forward: Callable[..., Any], owner: Any) -> bool:
        if owner is not None and hasattr(forward, "__self__"):
            return record_method(type(owner), called(forward), self.due) is not None
        plain = plain_function(forward)
        return plain is not None and record_global(plain, plain.__globals__, self.due)

    def _no_loss(self) -> str:
        name = called(self.function)
        return (
            f"`{name}` returns no loss, and no forward pass is known for it\n"
            f"  help    say what its gradients are gradients of: `@verify(loss=...)`, a function or the name of a "
            f"method; or `@verify(forward=...)` for a layer that is given the derivative by its output"
        )
