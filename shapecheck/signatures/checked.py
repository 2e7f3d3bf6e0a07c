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
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from beartype import beartype
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import AbstractArray, TypeCheckError, jaxtyped

from shapecheck.signatures.assignments import CHECK, LocalRefused, read_hint, with_checked_assignments
from shapecheck.signatures.axes import check_words, leaf_arrays
from shapecheck.signatures.containers import NUMBERS, items_fit, needs_items_fit, without_items
from shapecheck.signatures.memory import Memory, Walk
from shapecheck.signatures.refusal import Declared, Refusal, SignatureError, annotation_text, refuse

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Call:
    """One accepted call, as `observed_calls` sees it: the annotations, and the arguments and result ("return")."""

    function: str
    module: str
    hints: dict[str, Any]
    values: dict[str, Any]


# Their bodies run when the call, and with it the binding of axes, is over: local variables are not checked there.
_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

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
            a second time for it, so a debugger or tracer that rewrites source sees the original.

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
    return _checked(_Signed(fn, check_locals, caller))


def _checked(signed: _Signed) -> Callable[..., Any]:
    fn = signed.fn

    @functools.wraps(fn)
    def checked(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            result = signed.call(args, kwargs)
        except TypeCheckError as error:
            refusal = signed.refusal_of_call(error, sys._getframe(1), args, kwargs)
            if refusal is None:
                raise
            # jaxtyping's text says it all; what led to it is generated code, three tracebacks long.
            error.__cause__, error.__context__ = None, None
            raise SignatureError(refusal) from error
        except LocalRefused as refused:
            if refused.code is not signed.body.__code__:
                raise
            raise signed.refused_local(refused, args, kwargs) from TypeCheckError(
                f"`{refused.name}` is not {annotation_text(refused.annotation)}"
            )
        except _ResultRefusedError as refused:
            if refused.signed is not signed:
                raise
            where = sys._getframe(1)
            raise signed.refused_result(refused.result, where, args, kwargs) from TypeCheckError(
                f"the result of {fn.__qualname__} is not {annotation_text(signed.hints['return'])}"
            )
        except TypeError:
            if signed.accepts(args, kwargs):
                raise
            return fn(*args, **kwargs)  # a missing or surplus argument: Python's own words for it
        if _observers:
            signed.report(args, kwargs, result)
        return result

    # jaxtyping's import hook wraps a dataclass's __init__ after us; this tells it that the checking is done.
    if fn.__name__ == "__init__":
        checked.__no_type_check__ = True  # type: ignore[attr-defined]
    return checked


def hints_of(fn: Any, spaces: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The annotations of a function by parameter (and "return"), those that were text evaluated.

    Raises:
        TypeError: A name in an annotation does not exist, which would leave an array unchecked in silence, or an axis
            cannot be read.
    """
    plain = inspect.unwrap(fn)
    hints: dict[str, Any] = {}
    for name, hint in plain.__annotations__.items():
        try:
            hints[name] = read_hint(hint, spaces or [plain.__globals__]) if isinstance(hint, str) else hint
        except NameError as error:
            raise TypeError(
                f"the annotation of `{name}` in `{plain.__qualname__}` cannot be read: {error}; "
                "import it where the function is defined, not only under TYPE_CHECKING"
            ) from error
    for name, hint in hints.items():
        check_words(hint, f"`{name}` in the signature of `{plain.__qualname__}`")
    return {name: type(None) if hint is None else hint for name, hint in hints.items()}


def array_arguments(call: Call) -> Iterator[tuple[str, type[AbstractArray], Any]]:
    """Every annotated array of a call: the text that reaches it (`params['W1']`, `return[0]`), annotation, value."""
    for name, hint in call.hints.items():
        if name in call.values:
            yield from leaf_arrays(hint, call.values[name], name)


class _Signed:
    """One function and its signature; the checks are generated at the first call, when all names exist."""

    def __init__(self, fn: types.FunctionType, check_locals: bool, caller: dict[str, Any]) -> None:
        self.fn = fn
        self.check_locals = check_locals
        self.spaces = [fn.__globals__, {**fn.__globals__, **caller}] if caller else [fn.__globals__]
        self.plain = inspect.signature(fn)
        self.body: types.FunctionType = fn
        self.local_hints: dict[str, Any] = {}
        self.reported_to: list[Call] | None = None

    def report(self, args: Any, kwargs: Any, result: Any) -> None:
        """Tell the newest observer of an accepted call, once."""
        if self.reported_to is not _observers[-1]:
            self.reported_to = _observers[-1]
            bound = self.plain.bind(*args, **kwargs)
            bound.apply_defaults()
            values = {**bound.arguments, "return": result}
            self.reported_to.append(Call(self.fn.__qualname__, self.fn.__module__, self.hints, values))

    @functools.cached_property
    def hints(self) -> dict[str, Any]:
        """Parameter name (and "return") to annotation, with annotations that were text evaluated."""
        return hints_of(self.fn, self.spaces)

    @functools.cached_property
    def memory(self) -> Memory:
        """The shapes that were accepted before."""
        return Memory(self.plain, self.hints, self.fn.__code__)

    def call(self, args: Any, kwargs: Any) -> Any:
        """Call the function, checking in full whatever has not been accepted before."""
        key = self.memory.key(args, kwargs)
        start = None if key is None else self.memory.known.get(key)
        if start is None:
            result = self.enforced(*args, **kwargs)
            if key is not None:
                self.memory.accepted(key)
            return result
        # A context of its own: an `isinstance` in here must not meet the axes of a function further out.
        with jaxtyped("context"):
            walk = Walk(self.memory, start, lambda: self._arrays(args, kwargs))
            checks = {CHECK: walk.check} if self.local_hints else {}
            result = self.body(*args, **kwargs, **checks)
            if "return" in self.hints and not walk.result_fits(self.hints["return"], result):
                raise _ResultRefusedError(self, result)
        return result

    def _arrays(self, args: Any, kwargs: Any) -> Iterator[tuple[Any, Any]]:
        for declared in self._arguments(args, kwargs):
            for _, annotation, value in leaf_arrays(declared.annotation, declared.value, declared.name):
                yield annotation, value

    @functools.cached_property
    def enforced(self) -> Callable[..., Any]:
        """The function under jaxtyping and beartype."""
        if self.check_locals and not self.fn.__code__.co_flags & _SUSPENDED:
            self.body, self.local_hints = with_checked_assignments(self.fn)
        body = types.FunctionType(
            self.body.__code__, self.fn.__globals__, self.fn.__name__, self.fn.__defaults__, self.fn.__closure__
        )
        body.__kwdefaults__ = self.body.__kwdefaults__
        body.__qualname__, body.__module__ = self.fn.__qualname__, self.fn.__module__
        hints = dict(self.hints)
        if inspect.iscoroutinefunction(self.fn):
            hints.pop("return", None)  # calling it returns the coroutine, not yet its result
        parameters = [
            p.replace(annotation=hints.get(p.name, inspect.Parameter.empty)) for p in self.plain.parameters.values()
        ]
        body.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            parameters, return_annotation=hints.get("return", inspect.Signature.empty)
        )
        check = _keeping_arguments(beartype(conf=NUMBERS))
        enforced: Callable[..., Any] = jaxtyped(typechecker=check)(body)
        return enforced

    def accepts(self, args: Any, kwargs: Any) -> bool:
        """Whether the call names every argument once, whatever their shapes."""
        try:
            self.plain.bind(*args, **kwargs)
        except TypeError:
            return False
        return True

    def text(self) -> str:
        """The whole signature as people write it, on one line."""
        parts = []
        for p in self.plain.parameters.values():
            star = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
            hint = f": {annotation_text(self.hints[p.name])}" if p.name in self.hints else ""
            parts.append(f"{star}{p.name}{hint}")
        result = f" -> {annotation_text(self.hints['return'])}" if "return" in self.hints else ""
        return f"{self.fn.__qualname__}({', '.join(parts)}){result}"

    def refusal_of_call(self, error: BaseException, frame: types.FrameType, args: Any, kwargs: Any) -> Refusal | None:
        """The evidence when `error` is about this very call; None when a function called inside raised it."""
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code is self.body.__code__:
                return None
            trace = trace.tb_next
        values = self._arguments(args, kwargs)
        violation = _violation(error)
        extra = [v for k, v in (violation.kwargs if violation else {}).items() if k not in self.plain.parameters]
        if extra and "return" in self.hints:
            values.append(Declared("return", "the result", self.hints["return"], extra[0]))
        return self._refuse(values, f"{frame.f_code.co_filename}:{frame.f_lineno}", args, kwargs)

    def _refuse(
        self, values: list[Declared], where: str, args: Any, kwargs: Any, blamed: str | None = None
    ) -> Refusal | None:
        """Walk the values where jaxtyping knows the arguments, so that an axis such as `{classes}` can be read."""

        def walk(*_args: Any, **_kwargs: Any) -> Refusal | None:
            return refuse(self.fn.__qualname__, self.text(), where, values, blamed)

        walk.__signature__ = self.plain  # type: ignore[attr-defined]
        found: Refusal | None = jaxtyped(walk, typechecker=None)(*args, **kwargs)
        return found

    def refused_local(self, refused: LocalRefused, args: Any, kwargs: Any) -> SignatureError:
        """The error for an annotated local variable, with the axes of the arguments and of the locals before it."""
        values = self._arguments(args, kwargs)
        for name, hint in self.local_hints.items():
            if name in refused.variables:
                values.append(Declared(name, f"local variable `{name}`", hint, refused.variables[name]))
        values.sort(key=lambda declared: declared.name == refused.name)
        where = f"{refused.code.co_filename}:{refused.line}"
        refusal = self._refuse(values, where, args, kwargs, refused.name)
        assert refusal is not None, "a blamed value is always refused"
        return SignatureError(refusal)

    def refused_result(self, result: Any, frame: types.FrameType, args: Any, kwargs: Any) -> SignatureError:
        """The error for a result that does not fit."""
        values = [*self._arguments(args, kwargs), Declared("return", "the result", self.hints["return"], result)]
        refusal = self._refuse(values, f"{frame.f_code.co_filename}:{frame.f_lineno}", args, kwargs)
        assert refusal is not None, "a result was refused that fits its annotation"
        return SignatureError(refusal)

    def _arguments(self, args: Any, kwargs: Any) -> list[Declared]:
        bound = self.plain.bind(*args, **kwargs)
        bound.apply_defaults()
        values = []
        for name, value in bound.arguments.items():
            if name not in self.hints:
                continue
            kind = self.plain.parameters[name].kind
            hint: Any = self.hints[name]
            if kind is inspect.Parameter.VAR_POSITIONAL:
                hint = tuple[hint, ...]
            elif kind is inspect.Parameter.VAR_KEYWORD:
                hint = dict[str, hint]
            values.append(Declared(name, f"argument `{name}`", hint, value))
        return values


class _ResultRefusedError(Exception):
    """A result does not fit, found without jaxtyping's wrapper; never seen by a user."""

    def __init__(self, signed: _Signed, result: Any) -> None:
        super().__init__()
        self.signed = signed
        self.result = result


class _ViolationError(TypeError):
    """beartype's refusal together with what was passed; jaxtyping passes the result on as one more keyword."""

    def __init__(self, kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.kwargs = kwargs


def _keeping_arguments(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make beartype say what was passed, and leave the items of containers to `items_fit`."""

    def typechecker(stub: Any) -> Any:
        parameters = inspect.signature(stub)
        containers = {name: hint for name, hint in stub.__annotations__.items() if needs_items_fit(hint)}
        stub.__annotations__ = {name: without_items(hint) for name, hint in stub.__annotations__.items()}
        strict = check(stub)

        @functools.wraps(stub)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = strict(*args, **kwargs)
            except BeartypeCallHintViolation as error:
                raise _ViolationError(kwargs) from error
            if containers:
                values = {**parameters.bind(*args, **kwargs).arguments, "return": result}
                for name, hint in containers.items():
                    if name in values and not items_fit(hint, values[name]):
                        raise _ViolationError(kwargs)
            return result

        return call

    return typechecker


def _violation(error: BaseException | None) -> _ViolationError | None:
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, _ViolationError):
            return error
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None
