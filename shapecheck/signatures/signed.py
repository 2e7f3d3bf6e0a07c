"""One signed function: its annotations, the checks made from them, and the refusal of what does not fit."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from beartype import beartype
from jaxtyping import TypeCheckError, jaxtyped

from shapecheck.signatures.assignments import CHECK, LocalRefused, read_hint, with_checked_assignments
from shapecheck.signatures.axes import check_words, leaf_arrays
from shapecheck.signatures.containers import NUMBERS, items_fit, needs_items_fit, without_items
from shapecheck.signatures.memory import Memory, Place, Walk
from shapecheck.signatures.refusal import Declared, Refusal, SignatureError, annotation_text, refuse

# Their bodies run when the call, and with it the binding of axes, is over: local variables are not checked there.
_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


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


class Signed:
    """One function and its signature; the checks are generated at the first call, when all names exist."""

    def __init__(self, fn: types.FunctionType, check_locals: bool, caller: dict[str, Any]) -> None:
        self.fn = fn
        self.check_locals = check_locals
        self.spaces = [fn.__globals__, {**fn.__globals__, **caller}] if caller else [fn.__globals__]
        self.plain = inspect.signature(fn)
        self.local_hints: dict[str, Any] = {}

    @functools.cached_property
    def hints(self) -> dict[str, Any]:
        """Parameter name (and "return") to annotation, with annotations that were text evaluated."""
        return hints_of(self.fn, self.spaces)

    @functools.cached_property
    def result_hint(self) -> Any:
        """The annotation of the result; None where there is none, or where the call returns a coroutine for it."""
        return None if inspect.iscoroutinefunction(self.fn) else self.hints.get("return")

    @functools.cached_property
    def memory(self) -> Memory:
        """The shapes that were accepted before."""
        return Memory(self.plain, self.hints, self.fn.__code__)

    @functools.cached_property
    def body(self) -> types.FunctionType:
        """The function, with its annotated assignments checked if that was asked for."""
        if self.check_locals and not self.fn.__code__.co_flags & _SUSPENDED:
            body, self.local_hints = with_checked_assignments(self.fn)
            return body
        return self.fn

    @functools.cached_property
    def arguments_fit(self) -> Callable[..., None]:
        """Raises jaxtyping's error unless the arguments fit; calls nothing."""
        stub = types.FunctionType(_nothing.__code__, self.fn.__globals__, self.fn.__name__)
        stub.__qualname__, stub.__module__ = self.fn.__qualname__, self.fn.__module__
        empty = inspect.Parameter.empty
        parameters = [p.replace(annotation=self.hints.get(p.name, empty)) for p in self.plain.parameters.values()]
        stub.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        fits: Callable[..., None] = jaxtyped(typechecker=_keeping_items(beartype(conf=NUMBERS)))(stub)
        return fits

    def in_context(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Make `act` run where jaxtyping has bound no axis and knows the arguments, for axes such as `{classes}`."""

        def run(*args: Any, **kwargs: Any) -> Any:
            return act(args, kwargs)

        bare = [p.replace(annotation=inspect.Parameter.empty) for p in self.plain.parameters.values()]
        run.__signature__ = inspect.Signature(bare)  # type: ignore[attr-defined]
        # A typechecker that checks nothing: with None jaxtyping would add a note to exceptions that pass.
        within: Callable[..., Any] = jaxtyped(typechecker=_unchecked)(run)
        return within

    @functools.cached_property
    def run_unremembered(self) -> Callable[..., Any]:
        """Call the function with its axes bound, for what `memory` cannot hold."""
        return self.in_context(lambda args, kwargs: self._run(self._walk(None, args, kwargs), args, kwargs))

    def _walk(self, start: Place | None, args: Any, kwargs: Any) -> Walk:
        return Walk(self.memory, start, lambda: self._arrays(args, kwargs))

    def call(self, args: Any, kwargs: Any) -> Any:
        """Call the function, checking in full whatever has not been accepted before."""
        __tracebackhide__ = True
        key = self.memory.key(args, kwargs)
        start = None if key is None else self.memory.known.get(key)
        if start is None:
            try:
                self.arguments_fit(*args, **kwargs)
            except TypeCheckError as error:
                # jaxtyping's text says it all; what led to it is generated code, three tracebacks long.
                error.__cause__, error.__context__ = None, None
                refusal = self._refuse(self._arguments(args, kwargs), _place_of_call(), args, kwargs)
                if refusal is None:
                    raise
                raise SignatureError(refusal) from error
            except TypeError:
                if self._binds(args, kwargs):
                    raise
                return self.fn(*args, **kwargs)  # a missing or surplus argument: Python's own words for it
            if key is not None:
                start = self.memory.accepted(key)
        if start is None:
            return self.run_unremembered(*args, **kwargs)
        # A context of its own: an `isinstance` in here must not meet the axes of a function further out.
        with jaxtyped("context"):
            return self._run(self._walk(start, args, kwargs), args, kwargs)

    def _run(self, walk: Walk, args: Any, kwargs: Any) -> Any:
        __tracebackhide__ = True
        if walk.place is None:
            walk.bind()
        body = self.body
        try:
            result = body(*args, **kwargs, **({CHECK: walk.check} if self.local_hints else {}))
        except LocalRefused as refused:
            if refused.code is not body.__code__:
                raise
            raise self._refused_local(refused, args, kwargs) from _own_words(refused.name, refused.annotation)
        if self.result_hint is not None and not walk.result_fits(self.result_hint, result):
            raise self._refused_result(result, walk, args, kwargs) from _own_words("the result", self.result_hint)
        return result

    def _arrays(self, args: Any, kwargs: Any) -> Iterator[tuple[Any, Any]]:
        for declared in self._arguments(args, kwargs):
            for _, annotation, value in leaf_arrays(declared.annotation, declared.value, declared.name):
                yield annotation, value

    def _binds(self, args: Any, kwargs: Any) -> bool:
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

    def _refuse(
        self, values: list[Declared], where: str, args: Any, kwargs: Any, blamed: str | None = None
    ) -> Refusal | None:
        def walk(_args: Any, _kwargs: Any) -> Refusal | None:
            return refuse(self.fn.__qualname__, self.text(), where, values, blamed)

        found: Refusal | None = self.in_context(walk)(*args, **kwargs)
        return found

    def _refused_local(self, refused: LocalRefused, args: Any, kwargs: Any) -> SignatureError:
        """The error for an annotated local variable, with the axes of the arguments and of the other locals."""
        values = self._arguments(args, kwargs)
        for name, hint in self.local_hints.items():
            if name in refused.variables:
                values.append(Declared(name, f"local variable `{name}`", hint, refused.variables[name]))
        values.sort(key=lambda declared: declared.name == refused.name)
        where = f"{refused.code.co_filename}:{refused.line}"
        refusal = self._refuse(values, where, args, kwargs, refused.name)
        assert refusal is not None, "a blamed value is always refused"
        return SignatureError(refusal)

    def _refused_result(self, result: Any, walk: Walk, args: Any, kwargs: Any) -> SignatureError:
        """The error for a result, with the axes of the arguments and of what was assigned on the way."""
        values = self._arguments(args, kwargs)
        values += [Declared(n, f"local variable `{n}`", self.local_hints[n], sample) for n, sample in walk.assigned()]
        values.append(Declared("return", "the result", self.result_hint, result))
        refusal = self._refuse(values, _place_of_call(), args, kwargs, "return")
        assert refusal is not None, "a blamed value is always refused"
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


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    pass


def _unchecked(fn: Any) -> Any:
    return fn


def _own_words(subject: str, annotation: Any) -> TypeCheckError:
    """The cause of a refusal that was found beside jaxtyping's wrapper, with jaxtyping's own `isinstance`."""
    return TypeCheckError(f"{subject} is not {annotation_text(annotation)}")


def _place_of_call() -> str:
    """`file:line` of the innermost code that is neither this package nor jaxtyping."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(("shapecheck.signatures", "jaxtyping.")):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _keeping_items(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Leave the items of containers to `items_fit`: beartype would look at one, and draw it from `random`."""

    def typechecker(stub: Any) -> Any:
        parameters = inspect.signature(stub)
        containers = {name: hint for name, hint in stub.__annotations__.items() if needs_items_fit(hint)}
        stub.__annotations__ = {name: without_items(hint) for name, hint in stub.__annotations__.items()}
        strict = check(stub)
        if not containers:
            return strict

        @functools.wraps(stub)
        def call(*args: Any, **kwargs: Any) -> None:
            strict(*args, **kwargs)
            bound = parameters.bind(*args, **kwargs).arguments
            for name, hint in containers.items():
                if name in bound and not items_fit(hint, bound[name]):
                    raise TypeError(f"an item of `{name}`")

        return call

    return typechecker
