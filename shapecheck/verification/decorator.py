"""`@verify`: hold a user's own backward pass against numeric gradients while the program runs."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from shapecheck.gradients.check import Mode
from shapecheck.verification.cotangents import takes_cotangents
from shapecheck.verification.partners import forward_names, is_called_backward
from shapecheck.verification.reach import plain_function
from shapecheck.verification.recording import ClassReader, record_method
from shapecheck.verification.specification import Specification, as_names
from shapecheck.verification.verifier import Verifier, switched_off

F = TypeVar("F", bound=Callable[..., Any])

_READER = "__shapecheck_reader_{}__"


@overload
def verify(target: F, /, **options: Any) -> F: ...
@overload
def verify(target: None = None, /, **options: Any) -> Callable[[F], F]: ...
def verify(  # type: ignore[misc]  # the overloads do not repeat the options
    target: Any = None,
    /,
    *,
    loss: str | Callable[..., Any] | None = None,
    forward: str | Callable[..., Any] | None = None,
    parameters: str | Sequence[str] | None = None,
    pairs: Mapping[str, str] | None = None,
    sign: int | None = None,
    every: int = 100,
    checks: int = 3,
    rtol: float | None = None,
    atol: float | None = None,
    mode: Mode = "projection",
    seed: int | None = None,
    perturb: bool = True,
) -> Any:
    """Check a backward pass, d loss / d p for every parameter p, against numeric gradients as it runs.

    The function is called as ever, once; then its gradients are compared with differences of the loss, at the
    parameters as they are and at perturbed ones. Everything that the check touches is put back: what the call
    returned, arguments, attributes, globals and random generators are as an undecorated call leaves them.

    Gradients are found in what is returned (a dict, tuple, list, dataclass, array, or `(loss, grads)`), left on
    objects (`self.dW[0]`), or, where they are applied at once (`self.W -= lr * ...`), read from the change. They are
    brought together with parameters (arguments, attributes, globals, dicts, lists, layer objects) by name, `dW1` with
    `W1`, else by position, shape and number.

    Args:
        target: A function, a method, or a class, all of whose forward/backward pairs are then checked. May be left
            out: `@verify(loss=...)`.
        loss: The loss, a callable or the name of a method or function; called with those of backward's arguments
            that it names, and with what `forward` returns. Not needed where the function returns the loss itself.
        forward: The forward pass, likewise. Without a loss, backward is checked as a vector-Jacobian product: it is
            handed a random derivative of the loss by the forward pass's output. Found by itself for pairs such as
            `forward` and `backward`, `affine_forward` and `affine_backward`.
        parameters: The parameters' names, `"W1 b1"`, where others would be taken for parameters.
        pairs: Gradient's name to parameter's name, where names cannot tell.
        sign: -1 where the function gives minus the gradient, as for `W += lr * dW`; 1 where it must not. By default
            the program's own update decides.
        every: After the first call, check every `every`-th; 0 for the first only.
        checks: How many checks at most. Afterwards a call costs a counter.
        rtol: Relative tolerance; by default it follows from the measured noise of the loss.
        atol: Absolute tolerance, likewise.
        mode: As for `gradcheck`.
        seed: Of the random directions and cotangents.
        perturb: Whether to check at perturbed parameters too.

    Returns:
        The function, with the same signature; `.verification` holds its `calls`, `checked`, `report`, `pairs` and
        `notes`. With `SHAPECHECK=off` in the environment, the function itself.

    Raises:
        TypeError: `target` is a generator or a coroutine, which cannot be called twice.
        GradientMismatchError: When the function is called: a gradient is wrong. The message is the diagnosis.
        PairingError: When it is called: it is not clear which gradient belongs to which parameter.
        VerificationError: When it is called: the loss or the forward pass cannot be called with what is at hand.
    """
    specification = Specification(
        loss, forward, as_names(parameters), dict(pairs or {}), sign, rtol, atol, mode, seed, perturb
    )
    if sign not in {None, 1, -1}:
        raise ValueError(f"sign={sign!r}: it is 1, or -1 for a function that gives minus the gradient")
    if target is None:
        return lambda function: _decorate(function, specification, every, checks)
    return _decorate(target, specification, every, checks)


def _decorate(target: Any, specification: Specification, every: int, checks: int) -> Any:
    if isinstance(target, type):
        return target if switched_off() else _decorate_class(target, specification, every, checks)
    if isinstance(target, staticmethod | classmethod):
        return type(target)(_decorate(target.__func__, specification, every, checks))
    if not callable(target):
        raise TypeError(f"verify takes a function, a method or a class, not {type(target).__name__} {target!r}")
    name = getattr(target, "__name__", type(target).__name__)
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        raise TypeError(f"`{name}` is a generator: it cannot be called a second time to compare. Verify what it calls")
    if inspect.iscoroutinefunction(target):
        raise TypeError(f"`{name}` is a coroutine: verify the plain function that it awaits")
    if plain_function(target) is None:
        raise TypeError(f"`{name}` is not written in Python, or is an object: verify the method that it calls")
    if switched_off():
        return target
    verifier = Verifier(target, specification, every=every, checks=checks)
    wrapper = _wrap(target, verifier)
    if specification.loss is None:
        _read_class_of(target, verifier)
    return wrapper


def _wrap(function: Callable[..., Any], verifier: Verifier) -> Callable[..., Any]:
    @functools.wraps(function)
    def verified(*args: Any, **kwargs: Any) -> Any:
        if verifier.calls > verifier.quiet_from:  # nothing is due any more
            verifier.calls += 1
            return function(*args, **kwargs)
        return verifier.call(args, kwargs)

    verified.verification = verifier  # type: ignore[attr-defined]
    return verified


def _read_class_of(function: Any, verifier: Verifier) -> None:
    """Where a method is decorated, have its class's forward pass remember its arguments from the first call on."""
    qualname = getattr(function, "__qualname__", "")
    for body in _enclosing_frames():
        if body.get("__qualname__") and qualname == f"{body['__qualname__']}.{getattr(function, '__name__', '')}":
            act = functools.partial(_remember_forward, verifier)
            body[_READER.format(len(body))] = ClassReader(act)
            return


def _enclosing_frames() -> Iterator[dict[str, Any]]:
    frame: types.FrameType | None = sys._getframe(3)
    for _ in range(4):
        if frame is None:
            return
        if "__module__" in frame.f_locals and "__qualname__" in frame.f_locals:
            yield frame.f_locals
        frame = frame.f_back


def _remember_forward(verifier: Verifier, cls: type) -> None:
    said = verifier.specification.forward
    name = getattr(verifier.function, "__name__", "")
    for candidate in (said,) if isinstance(said, str) else forward_names(name) if said is None else ():
        if callable(getattr(cls, candidate, None)):
            record_method(cls, candidate, verifier.due)
            return


def _decorate_class(cls: type, specification: Specification, every: int, checks: int) -> type:
    found = False
    for name, value in list(vars(cls).items()):
        if not isinstance(value, types.FunctionType) or not is_called_backward(name) or hasattr(value, "verification"):
            continue
        if specification.loss is None and not _is_layer_pair(cls, name, value, specification):
            continue
        verifier = Verifier(value, specification, every=every, checks=checks)
        setattr(cls, name, _wrap(value, verifier))
        if specification.loss is None:
            _remember_forward(verifier, cls)
        found = True
    if not found:
        raise TypeError(
            f"found no pair of forward and backward methods in `{cls.__name__}`. Decorate the method that computes the "
            f"gradients instead: `@verify(loss=...)` or `@verify(forward=...)`"
        )
    return cls


def _is_layer_pair(cls: type, name: str, function: Callable[..., Any], specification: Specification) -> bool:
    if specification.forward is not None:
        return True
    if not any(callable(getattr(cls, other, None)) for other in forward_names(name)):
        return False
    return takes_cotangents(function)
