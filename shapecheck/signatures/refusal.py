"""What a refused call has to say: the argument, its shape, the signature, and where each axis got its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import AbstractArray

from shapecheck.signatures.axes import AxisBinding, Bindings, Shape, leaf_arrays, misfit
from shapecheck.signatures.containers import holds_arrays, item_at_fault, items_fit

__all__ = ["AxisBinding", "Refusal", "SignatureError", "annotation_text", "refuse"]


@dataclass(frozen=True)
class Refusal:
    """The evidence of one refused value; the message is built from it and from nothing else.

    Attributes:
        function: Qualified name of the function whose signature was not kept.
        subject: What was refused, as a reader says it: "argument `W2`", "the result", "`dZ2`".
        found: What the value is: "has shape (7, 3)", "is a list".
        reason: Which axis, or what about the value, does not fit.
        declared: The signature of that value: `W2: Float[Array, "out in"]`.
        call: The whole signature of the function.
        bindings: The axes bound before this value was looked at, in order.
        shape: Shape of the refused array, None when it is no array.
        location: `file:line` of the call, or of the local variable.
        help: What to change, if something simple was found to fit.
    """

    function: str
    subject: str
    found: str
    reason: str
    declared: str
    call: str
    bindings: tuple[AxisBinding, ...]
    shape: Shape | None
    location: str
    help: str | None

    def __str__(self) -> str:
        lines = [f"{self.subject} of `{self.function}` {self.found}: {self.reason}"]
        lines.append(f"  at         {self.location}")
        lines.append(f"  signature  {self.declared}")
        for number, binding in enumerate(self.bindings):
            lines.append(f"  {'bound' if number == 0 else '':<9}  {binding}")
        lines.append(f"  in         {self.call}")
        if self.help:
            lines.append(f"  help       {self.help}")
        return "\n".join(lines)


class SignatureError(TypeError):
    """A value does not have the shape that the signature promises; change the value, or the signature.

    `refusal` holds the evidence; jaxtyping's own error is the `__cause__`.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal

    def __str__(self) -> str:
        return str(self.refusal)


@dataclass(frozen=True)
class Declared:
    """One annotated value of a call: what to call it, its annotation, the value."""

    name: str
    subject: str
    annotation: Any
    value: Any


def annotation_text(annotation: Any) -> str:
    """Write an annotation as people write it: `Float[Array, "batch in"]`."""
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return f'{annotation.dtype.__name__}[Array, "{annotation.dim_str}"]'
    if isinstance(annotation, type) and not getattr(annotation, "__args__", None):
        return "None" if annotation is type(None) else annotation.__name__
    arguments = getattr(annotation, "__args__", None)
    if not arguments or not holds_arrays(annotation):
        return str(annotation).replace("typing.", "").replace("collections.abc.", "")
    inside = [annotation_text(part) if part is not ... else "..." for part in arguments]
    origin = getattr(annotation, "__origin__", None)
    if origin is None or getattr(origin, "__name__", "") in ("Union", "UnionType"):
        return " | ".join(inside)
    name = getattr(origin, "__name__", str(origin))
    return f"{name}[{', '.join(inside)}]"


def refuse(
    function: str, call: str, location: str, values: list[Declared], blamed: str | None = None
) -> Refusal | None:
    """Walk the values in order, bind their axes, and describe the first that does not fit.

    To be called in a jaxtyping context that nothing is bound in yet.

    Args:
        function: Name for the message.
        call: The whole signature, for the message.
        location: `file:line`, for the message.
        values: The arguments in the order of the signature, then the result or the local variables.
        blamed: Name of the one value that is known not to fit; the others bind their axes where they can.

    Returns:
        The evidence, or None when every value fits after all (the caller then keeps the original error).
    """
    bindings = Bindings()
    for declared in values:
        for source, annotation, value in leaf_arrays(declared.annotation, declared.value, declared.name):
            if not _fits(value, annotation):
                if blamed not in (None, declared.name):
                    continue  # a variable that was given another value since it was checked
                subject = _subject(declared, source)
                found, reason = _fault(value, annotation, bindings)
                return Refusal(
                    function=function,
                    subject=subject,
                    found=found,
                    reason=reason,
                    declared=f"{source}: {annotation_text(annotation)}",
                    call=call,
                    bindings=tuple(bindings.by_name.values()),
                    shape=tuple(value.shape) if isinstance(value, np.ndarray) else None,
                    location=location,
                    help=_help(source, value, annotation),
                )
            bindings.bind(annotation, tuple(value.shape), source)
    suspects = [declared for declared in values if blamed in (None, declared.name)]
    for declared in suspects:
        if declared.name == blamed or not items_fit(declared.annotation, declared.value):
            source, annotation, value = item_at_fault(declared.annotation, declared.value, declared.name)
            wanted = annotation_text(annotation)
            return Refusal(
                function=function,
                subject=_subject(declared, source),
                found=f"is {_kind(value)}",
                reason=f"its signature says {wanted}",
                declared=f"{source}: {wanted}",
                call=call,
                bindings=(),
                shape=None,
                location=location,
                help=None,
            )
    return None


def _subject(declared: Declared, source: str) -> str:
    """What was refused, down to the item: "argument `weights[2]`", "the result[1]"."""
    if declared.name == "return":
        return declared.subject + source.removeprefix("return")
    return declared.subject.replace(f"`{declared.name}`", f"`{source}`")


def _kind(value: Any) -> str:
    """The value itself where it is short, else what kind of thing it is."""
    if isinstance(value, str | bool | int | float | None) and len(repr(value)) < 40:
        return repr(value)
    if isinstance(value, np.ndarray):
        return "an array"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _fits(value: Any, annotation: type[AbstractArray]) -> bool:
    try:
        return isinstance(value, annotation)
    except Exception:
        # An axis such as `{n}` needs the argument itself, which only the real call has.
        return True


def _fault(value: Any, annotation: type[AbstractArray], bindings: Bindings) -> tuple[str, str]:
    if not isinstance(value, np.ndarray):
        return f"is {_kind(value)}", "its signature wants an array"
    shape = tuple(value.shape)
    words = misfit(annotation, shape, bindings)
    if words is None:
        return f"holds {value.dtype}", f"its signature wants {annotation.dtype.__name__}, and {shape} fits otherwise"
    return f"has shape {shape}", words


def _help(source: str, value: Any, annotation: type[AbstractArray]) -> str | None:
    """Name the first small change of the value that would have been accepted; each is tried before it is named."""
    changes: list[tuple[str, Any]] = []
    if isinstance(value, np.ndarray):
        if value.ndim == 2:
            changes.append((f"`{source}.T`", value.T))
        if value.ndim == 1:
            changes += [(f"`{source}[:, None]`", value[:, None]), (f"`{source}[None, :]`", value[None, :])]
        if value.ndim == 2 and 1 in value.shape:
            changes.append((f"`{source}.ravel()`", value.ravel()))
        if value.dtype.kind in "iub":
            changes.append((f"`{source}.astype(float)`", value.astype(float)))
    elif isinstance(value, list | tuple | float | int):
        try:
            as_array = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            return None
        changes.append((f"`np.asarray({source}, dtype=float)`", as_array))
    for text, changed in changes:
        if _fits(changed, annotation):
            return f"{text} is {changed.shape} and fits; use it if that is what was meant"
    return None
