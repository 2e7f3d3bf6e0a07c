"""`@signature`: jaxtyping's dimension signatures checked by beartype at every call, in one line."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from jaxtyping import AbstractArray

from shapecheck.signatures.axes import leaf_arrays
from shapecheck.signatures.signed import Signed

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Call:
    """One accepted call, as `observed_calls` sees it: the annotations, and the arguments and result ("return")."""

    function: str
    module: str
    hints: dict[str, Any]
    values: dict[str, Any]
    signed: Signed = field(repr=False)


_observers: list[list[Call]] = []


@overload
def signature(fn: T, /, *, locals: bool = False) -> T: ...
@overload
def signature(fn: None = None, /, *, locals: bool = False) -> Callable[[T], T]: ...
def signature(fn: Any = None, /, *, locals: bool = False) -> Any:  # noqa: A002 - it is what is checked
    """Check the dimension signatures of a function, method or dataclass at every call.

    The annotations are jaxtyping's (`Float[Array, "batch in"]`); an axis name stands for one size within a call, in
    the arguments and the result alike. Checks are per call, not per element: about 25 microseconds for shapes that
    are new to the function, about 4 for those that it has accepted before.

    Args:
        fn: A function, method, `staticmethod`, `classmethod`, `property`, or a dataclass (its fields are checked).
        locals: Check annotated local variables too, `dZ: Float[Array, "out batch"] = ...`. The function is compiled
            a second time for it, from its source; not for generators, coroutines and what `diagnose` records.

    Returns:
        The same thing, checked; with the environment variable `SHAPECHECK=off` at decoration time, `fn` itself.

    Raises:
        SignatureError: (from the decorated function) a shape does not fit; jaxtyping's error is its `__cause__`.
        TypeError: `fn` cannot be checked, or one of its annotations cannot be read.
    """
    if fn is None:
        return functools.partial(signature, locals=locals)
    if os.environ.get("SHAPECHECK", "").lower() == "off":
        return fn
    caller = _namespace_of(sys._getframe(1))
    return _wrap(fn, check_locals=locals, caller=caller)


@contextlib.contextmanager
def observed_calls() -> Iterator[list[Call]]:
    """Collect the first accepted call of each signed function while the block runs; arrays are held, not copied."""
    calls: list[Call] = []
    _observers.append(calls)
    try:
        yield calls
    finally:
        _observers.remove(calls)


def _namespace_of(frame: types.FrameType) -> dict[str, Any]:
    """The names an annotation written inside a function may use; a module's own are reached through the function."""
    return {} if frame.f_code.co_name == "<module>" else dict(frame.f_locals)


def _wrap(fn: Any, *, check_locals: bool, caller: dict[str, Any]) -> Any:
    again = functools.partial(_wrap, check_locals=check_locals, caller=caller)
    if isinstance(fn, classmethod | staticmethod):
        return type(fn)(again(fn.__func__))
    if isinstance(fn, property):
        getter, setter, deleter = (part and again(part) for part in (fn.fget, fn.fset, fn.fdel))
        return property(getter, setter, deleter, fn.__doc__)
    if inspect.isclass(fn):
        if not dataclasses.is_dataclass(fn):
            raise TypeError(f"`{fn.__name__}` is not a dataclass; put @signature on its methods instead")
        # setattr: mypy forbids assigning to a method, and here it is the point
        setattr(fn, "__init__", _wrap(fn.__init__, check_locals=False, caller=caller))  # noqa: B010
        return fn
    # Under jaxtyping's import hook the function arrives wrapped already; one check of it is enough.
    while getattr(fn, "__globals__", {}).get("__name__", "").startswith("jaxtyping.") and hasattr(fn, "__wrapped__"):
        fn = fn.__wrapped__
    if not isinstance(fn, types.FunctionType):
        raise TypeError(f"@signature checks functions, methods and dataclasses, and {fn!r} is none of them")
    return _checked(Signed(fn, check_locals, caller))


def _checked(signed: Signed) -> Callable[..., Any]:
    @functools.wraps(signed.fn)
    def checked(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        result = signed.call(args, kwargs)
        if _observers:
            _report(signed, args, kwargs, result)
        return result

    # jaxtyping's import hook wraps a dataclass's __init__ after us; this tells it that the checking is done.
    if signed.fn.__name__ == "__init__":
        checked.__no_type_check__ = True  # type: ignore[attr-defined]
    return checked


def _report(signed: Signed, args: Any, kwargs: Any, result: Any) -> None:
    """Tell the newest observer of an accepted call, once for each function."""
    calls = _observers[-1]
    if any(call.signed is signed for call in calls):
        return
    bound = signed.plain.bind(*args, **kwargs)
    bound.apply_defaults()
    fn = signed.fn
    calls.append(Call(fn.__qualname__, fn.__module__, signed.hints, {**bound.arguments, "return": result}, signed))


def array_arguments(call: Call) -> Iterator[tuple[str, type[AbstractArray], Any]]:
    """Every annotated array of a call: the text that reaches it (`params['W1']`, `return[0]`), annotation, value."""
    for name, hint in call.hints.items():
        if name in call.values:
            yield from leaf_arrays(hint, call.values[name], name)
