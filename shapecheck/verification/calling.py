"""Calling the user's loss and forward pass with those of backward's arguments that they name."""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shapecheck.verification.errors import VerificationError
from shapecheck.verification.names import looks_like_target
from shapecheck.verification.reach import plain_function

_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_MISSING = object()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Swallow what the user's code prints: it has printed it once already."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def called(function: Any) -> str:
    """The name of a callable, as its user knows it."""
    return str(getattr(function, "__name__", None) or type(function).__name__)


def resolve(reference: Any, owner: Any, namespace: Mapping[str, Any], role: str) -> Callable[..., Any]:
    """The callable behind `loss="cost"`: a method of `owner`, a dotted attribute, or a function of the module.

    Raises:
        VerificationError: There is none of that name.
    """
    if callable(reference):
        return reference  # type: ignore[no-any-return]
    found: Any = _MISSING
    first, *rest = reference.split(".")
    if owner is not None and hasattr(owner, first):
        found = getattr(owner, first)
    elif first in namespace:
        found = namespace[first]
    for name in rest:
        found = getattr(found, name, _MISSING)
    if found is _MISSING or not callable(found):
        where = f"{_class_name(owner)} has no method `{reference}`" if owner is not None else f"no `{reference}` here"
        raise VerificationError(f"{role}={reference!r}: {where}, and the module has no such function", role=role)
    return found  # type: ignore[no-any-return]


def _class_name(owner: Any) -> str:
    return owner.__name__ if isinstance(owner, type) else type(owner).__name__


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a callable's signature; empty where it has none to show."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def fill(
    function: Callable[..., Any],
    known: Mapping[str, Any],
    *,
    owner: Any = None,
    outputs: tuple[Any, ...] = (),
    role: str = "loss",
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments for `function`, by name from `known`, then from the owner's attributes, then from its globals.

    Args:
        function: What is to be called.
        known: Backward's arguments, and what the forward pass returned.
        owner: The object whose method backward is.
        outputs: What the forward pass returned, the output first: given to the first argument that no name fills.
        role: What `function` is to us, for the error.

    Returns:
        Positional and keyword arguments.

    Raises:
        VerificationError: An argument without a default is nowhere to be had.
    """
    spare = list(outputs[:1])
    plain = plain_function(function)
    namespace: Mapping[str, Any] = plain.__globals__ if plain is not None else {}
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    missing: list[str] = []
    by_position = True
    parameters = parameters_of(function)
    if not parameters and outputs and plain is None:
        return (outputs[0],), {}
    for parameter in parameters:
        name = parameter.name
        if parameter.kind not in (*_POSITIONAL, *_KEYWORD):
            continue
        if name in known:
            value = known[name]
        elif spare and parameter.default is parameter.empty and not looks_like_target(name):
            value = spare.pop()
        elif parameter.default is not parameter.empty:
            by_position = False
            continue
        else:
            value = _elsewhere(name, known, owner, namespace)
        if value is _MISSING:
            missing.append(name)
        elif parameter.kind in _POSITIONAL and by_position:
            positional.append(value)
        else:
            keywords[name] = value
    if missing:
        raise VerificationError(_cannot_fill(function, missing, known, role), role=role, missing=tuple(missing))
    return tuple(positional), keywords


def _elsewhere(name: str, known: Mapping[str, Any], owner: Any, namespace: Mapping[str, Any]) -> Any:
    if owner is not None and not isinstance(owner, type) and hasattr(owner, name):
        return getattr(owner, name)
    alike = [value for key, value in known.items() if key.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    if name in namespace and not callable(namespace[name]):
        return namespace[name]
    if looks_like_target(name):  # cost(out, target) beside backward(x, y)
        targets = [value for key, value in known.items() if looks_like_target(key)]
        if len(targets) == 1:
            return targets[0]
    return _MISSING


def _cannot_fill(function: Callable[..., Any], missing: list[str], known: Mapping[str, Any], role: str) -> str:
    names = " and ".join(f"`{name}`" for name in missing)
    plural = "are" if len(missing) > 1 else "is"
    have = ", ".join(f"`{name}`" for name in known) or "none"
    text = (
        f"the {role} `{called(function)}` needs {names}, which {plural} not among the arguments of the backward pass "
        f"({have})"
    )
    if role == "loss":
        return (
            f"{text}. If {names} {plural} what the forward pass returns, say which: `@verify(loss={called(function)}, "
            f"forward=...)`; or pass a loss that takes the backward pass's arguments: "
            f"`@verify(loss=lambda {', '.join(known)}: ...)`"
        )
    return f"{text}. Name {plural and 'it'} there, keep it on the object, or pass a function that takes those arguments"


def first_number(value: Any) -> Any:
    """The loss in what a loss function returned: itself, or the first item of `(loss, grads)`."""
    if isinstance(value, tuple) and value and getattr(value[0], "size", 1) == 1 and not isinstance(value[0], dict):
        return value[0]
    return value
